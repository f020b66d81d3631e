"""Solidity of the tests, built by Forge apart from what is built for the Solidity tests."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

import toolchain  # noqa: E402 - it is on the path by now


def build(name: str, sources: Iterable[str | Path]) -> Path:
    """Build into a folder of that name, and return it.

    One process at a time, or another would read what is half written.
    """
    out, cache = ROOT / "out" / name, ROOT / "cache" / name
    cache.mkdir(parents=True, exist_ok=True)
    options = ["--out", str(out), "--cache-path", str(cache), "--quiet"]
    with (cache / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(
            [toolchain.foundry("forge"), "build", *options, *sources],
            cwd=ROOT,
            env=toolchain.environment({"FOUNDRY_PROFILE": "default", **os.environ}),
            check=True,
        )
    return out
