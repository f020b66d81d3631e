"""A disk that becomes full: a program run with a real file system of a few MiB."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

HANDLED = "full disk handled"
"""What a program prints at its end."""


def run_on_a_small_disk(
    folder: Path, mebibytes: int, program: str, *arguments: object, env: Mapping[str, str] = {}
) -> str:
    """Run a program with arguments, the first of them the small disk's folder; what it prints.

    Skips the test where nobody but the administrator can mount.
    """
    disk = folder / "disk"
    disk.mkdir()
    script = f'mount -t tmpfs -o size={mebibytes}m none {disk} && exec "$@"'
    command = [sys.executable, "-c", program, str(disk), *map(str, arguments)]
    try:
        done = subprocess.run(
            ["unshare", "-rm", "sh", "-c", script, "sh", *command],
            env=os.environ | dict(env),
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError:
        pytest.skip("needs Linux's unshare to mount a small file system")
    if "unshare" in done.stderr or "mount:" in done.stderr:
        pytest.skip(f"this system lets nobody mount: {done.stderr.strip()}")
    assert done.returncode == 0, done.stdout + done.stderr
    assert HANDLED in done.stdout
    return done.stdout
