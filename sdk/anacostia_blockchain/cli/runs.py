"""`anacostia runs`: what pipelines recorded, and whether it is still what they recorded."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from anacostia_blockchain.audit import RunDatabase
from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.output import as_data
from anacostia_blockchain.cli.verify import show as show_report
from anacostia_blockchain.errors import ConfigError

database_option = click.option(
    "--db",
    help="Database of a metadata store: a file, or a postgresql:// URI; not needed where the "
    "project has only one file.",
)


@click.group()
def runs() -> None:
    """Recorded runs."""


@runs.command("list")
@database_option
@session
def list_(session: Session, db: str | None) -> None:
    """All runs, of every database in the project."""
    rows, data = [], []
    for name in [db] if db else _databases(session.home):
        database = RunDatabase(name)
        for run in database.runs():
            metrics = ", ".join(f"{name} {value:.4g}" for name, value in run.metrics.items())
            where = f"block {run.block}" if run.block else "yes" if run.anchored else "no"
            rows.append((_pipeline(database), run.run_id, run.status, where, metrics))
            data.append(as_data(run) | {"database": database.shown})
    session.output.table(("pipeline", "run", "status", "anchored", "metrics"), rows, data)


@runs.command()
@click.argument("run_id", type=int)
@database_option
@session
def show(session: Session, run_id: int, db: str | None) -> None:
    """Every fact of a run's record."""
    record = database_of(session, db).record(run_id)
    facts = [
        {"role": role, "node": node, "name": name, "value": value}
        for role, node, name, value in record.facts
    ]
    rows = [tuple(fact.values()) for fact in facts]
    data = {"root": record.root.hex(), "facts": facts}
    session.output.table(("role", "node", "name", "value"), rows, data)


@runs.command()
@click.argument("run_id", type=int)
@click.option("--offline", is_flag=True, help="Do not ask the chain.")
@database_option
@session
def verify(session: Session, run_id: int, offline: bool, db: str | None) -> None:
    """Compare a run's tables with its record, the record with the log, the log with the chain."""
    client = None if offline else session.connect()
    report = database_of(session, db).verify(run_id, client)
    show_report(session, report)
    sys.exit(0 if report.passed else 1)


@runs.command()
@click.argument("run_id", type=int)
@click.argument("role")
@click.argument("name")
@database_option
@session
def disclose(session: Session, run_id: int, role: str, name: str, db: str | None) -> None:
    """Show one fact with its proof and nothing else: `runs disclose 0 metric accuracy`."""
    shown = database_of(session, db).disclose(run_id, role, name)
    click.echo(shown.to_json().decode())


def database_of(session: Session, db: str | None) -> RunDatabase:
    """The database that was named, or the project's only one."""
    if db is not None:
        return RunDatabase(db)
    found = list(_databases(session.home))
    if len(found) != 1:
        names = ", ".join(map(str, found)) or "none"
        raise ConfigError(f"say which database with --db; the project has {names}")
    return RunDatabase(found[0])


def _pipeline(database: RunDatabase) -> str:
    """A pipeline is called by its folder, or by its database on a server."""
    place = Path(database.shown)
    return place.absolute().parent.name if place.is_file() else place.name


def _databases(home: Path) -> Iterator[Path]:
    yield from sorted(home.glob("**/metadata.db"))
