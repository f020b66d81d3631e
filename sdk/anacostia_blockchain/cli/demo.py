"""`anacostia demo`: the main job, end to end, on real data; nothing leaves this machine."""

from __future__ import annotations

import json
import os
import shutil
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.output import styled
from anacostia_blockchain.errors import ConfigError, PipelineError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.pipeline import Pipeline

MARKER = "demo.json"
"""Shows that a folder is the demo's own, and may be made anew."""


@click.command()
@click.option("--keep-running", is_flag=True, help="Leave the local chain running.")
@session
def demo(session: Session, keep_running: bool) -> None:
    """Train, anchor, publish, verify from outside, tamper: the main job on real data."""
    started = time.monotonic()
    home = _prepare(session.home)
    out = session.output
    from anacostia_blockchain.client import prepare_local  # noqa: PLC0415 - loads web3

    hub = prepare_local(home)
    out.note(f"local chain {hub.chain.chain_id} is up, contracts are deployed")
    try:
        _digits(session, hub, home / "digits")
        _shakespeare(session, hub, home / "shakespeare")
        hub.models.set_alias("digits@1", "champion")
        out.note("digits@1 is champion\n")
        checks = [
            _verified(session, model) for model in ("digits@champion", "shakespeare@champion")
        ]
        checks += _tampered(session, home)
        _summary(session, hub, checks, time.monotonic() - started)
    finally:
        if not keep_running:
            from anacostia_blockchain import local  # noqa: PLC0415 - a command loads its own

            local.down(home)
    sys.exit(0 if all(found == expected for _, found, expected in checks) else 1)


def _prepare(home: Path) -> Path:
    """An empty folder; one that the demo made before is made anew.

    Raises:
        ConfigError: the folder holds something else.
    """
    from anacostia_blockchain import local  # noqa: PLC0415 - a command loads its own

    if home.exists() and any(home.iterdir()):
        if not (home / MARKER).exists():
            raise ConfigError(
                f"{home} holds a project: run the demo elsewhere, for instance "
                "`anacostia --home demo demo`"
            )
        local.down(home)
        shutil.rmtree(home)
    home.mkdir(parents=True, exist_ok=True)
    (home / MARKER).write_text(json.dumps({"made_by": "anacostia demo"}))
    return home


def _digits(session: Session, hub: Anacostia, folder: Path) -> None:
    from anacostia_blockchain.examples import digits  # noqa: PLC0415 - scikit-learn, an extra

    session.output.note(styled(("\nA classifier of handwritten digits", "bold")))
    digits.write_data(folder / "data")
    _run(session, lambda: digits.build(folder, hub), folder)


def _shakespeare(session: Session, hub: Anacostia, folder: Path) -> None:
    from anacostia_blockchain.examples import shakespeare  # noqa: PLC0415 - a command loads its own

    session.output.note(styled(("\nA language model of Shakespeare, in two deliveries", "bold")))
    for plays in (shakespeare.EARLY, shakespeare.LATER):
        shakespeare.write_plays(folder / "data", plays)
        _run(session, lambda: shakespeare.build(folder, hub), folder)


def _run(session: Session, build: Callable[[], Pipeline], folder: Path) -> None:
    """Execute a pipeline until it is idle, and say what came of it."""
    report = build().execute(timeout=1800)
    for run in report.runs:
        values = _metrics(folder / "metadata.db", run.run_id)
        shown = ", ".join(f"{name} {value:.4g}" for name, value in values)
        session.output.note(f"  run {run.run_id} {run.status}: {shown}")
        session.output.note(f"    record {run.leaf.hex()[:16]}… anchored")
    if not report.ok:
        refused = "; ".join(report.refused.values()) or f"{report.unsent} intents not sent"
        raise PipelineError(f"the pipeline did not end well: {refused}")


def _metrics(database: Path, run_id: int) -> list[tuple[str, float]]:
    query = "SELECT metric_name, metric_value FROM metrics WHERE run_id = ? ORDER BY id"
    with closing(sqlite3.connect(database)) as connection:
        return connection.execute(query, (run_id,)).fetchall()


def _verified(session: Session, model: str) -> tuple[str, bool, bool]:
    """Verify in another process, from chain and store only."""
    session.output.note(styled((f"Verify {model} in another process", "bold")))
    code = _anacostia(session, "verify", model)
    session.output.note("")
    return f"verify {model}", code == 0, True


def _tampered(session: Session, home: Path) -> list[tuple[str, bool, bool]]:
    """Alter one byte of an artefact, then one metric; both must be caught."""
    note = session.output.note
    note(styled(("Alter one byte of the newest language model", "bold")))
    with _one_byte(_largest_object(home / "store")):
        caught = _anacostia(session, "verify", "shakespeare@champion")
    note(styled(("\nAlter one metric in the database", "bold")))
    database = home / "digits" / "metadata.db"
    with _one_metric(database):
        lied = _anacostia(session, "runs", "verify", "0", "--db", str(database))
    note(styled(("\nBoth put back", "bold")))
    healed = _anacostia(session, "runs", "verify", "0", "--db", str(database))
    return [
        ("verify shakespeare@champion, one byte altered", caught == 0, False),
        ("verify run 0, one metric altered", lied == 0, False),
        ("verify run 0, as it was", healed == 0, True),
    ]


def _largest_object(store: Path) -> Path:
    files = (path for path in store.rglob("*") if path.is_file() and path.suffix not in _INDEX)
    return max(files, key=lambda path: path.stat().st_size)


_INDEX = {".db", ".db-wal", ".db-shm"}


@contextmanager
def _one_byte(path: Path) -> Iterator[None]:
    """Flip one bit in the middle of a file, for the length of the block."""
    mode = path.stat().st_mode
    path.chmod(0o644)
    place = path.stat().st_size // 2
    before = path.read_bytes()
    path.write_bytes(before[:place] + bytes([before[place] ^ 1]) + before[place + 1 :])
    try:
        yield
    finally:
        path.write_bytes(before)
        path.chmod(mode)


@contextmanager
def _one_metric(database: Path) -> Iterator[None]:
    """Claim a better accuracy than was measured, for the length of the block."""
    change = "UPDATE metrics SET metric_value = metric_value + ? WHERE metric_name = 'accuracy'"
    with closing(sqlite3.connect(database)) as connection:
        for delta in (0.01, -0.01):
            with connection:
                connection.execute(change, (delta,))
            if delta > 0:
                yield


def _anacostia(session: Session, *arguments: str) -> int:
    """Run a command of ours in a process of its own; returns its exit code."""
    common = ["--home", str(session.home), *(["--json"] if session.output.as_json else [])]
    command = [sys.executable, "-m", "anacostia_blockchain.cli", *common, *arguments]
    return subprocess.run(command, check=False, env=dict(os.environ)).returncode  # noqa: S603 - our own interpreter and module


def _summary(
    session: Session, hub: Anacostia, checks: list[tuple[str, bool, bool]], seconds: float
) -> None:
    rows: list[tuple[Any, ...]] = []
    for model in hub.models.registered():
        for version in hub.models.versions(model.model_id):
            parents = ", ".join(f"{p.model_id}@{p.version}" for p in version.parents)
            rows.append((f"{model.name}@{version.version}", version.root, parents))
    session.output.table(("version", "root", "made from"), rows, [list(map(str, r)) for r in rows])
    for name, found, expected in checks:
        right = ("as expected", "green") if found == expected else ("NOT AS EXPECTED", "bold red")
        session.output.note(styled("passes  " if found else "fails   ", right, f"  {name}"))
    home = session.home
    session.output.note(
        f"\n{seconds:.0f} s. Everything is in {home}/. Try next:\n"
        f"  anacostia --home {home} models list\n"
        f"  anacostia --home {home} versions list shakespeare\n"
        f"  anacostia --home {home} verify shakespeare@champion --bundle evidence.zip\n"
        f"  anacostia --home {home} runs list"
    )
