"""`anacostia verify`: trust nobody; exit code 0 when every check passes, 1 when one fails."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.output import tick
from anacostia_blockchain.verify import Report, verify_version


@click.command()
@click.argument("model")
@click.option(
    "--bundle",
    type=click.Path(path_type=Path),
    help="Also write the evidence to this file, to be verified later without this chain.",
)
@click.option(
    "--max-visits", default=256, show_default=True, help="Versions of the lineage to visit."
)
@session
def verify(session: Session, model: str, bundle: Path | None, max_visits: int) -> None:
    """Verify MODEL (name@alias, id@version, CAIP-19 id) from chain and store only.

    With a bundle file as MODEL, verify that instead: see `anacostia verify --help-bundle`.
    """
    hub = session.connect()
    with session.output.progress("fetching") as progress:
        report = verify_version(hub, model, max_visits=max_visits, progress=progress)
    show(session, report)
    if bundle is not None and report.passed:
        from anacostia_blockchain.bundle import write_bundle  # noqa: PLC0415 - loads the trie code

        write_bundle(hub, model, bundle)
        session.output.note(f"evidence written to {bundle}")
    sys.exit(0 if report.passed else 1)


def show(session: Session, report: Report) -> None:
    """Print a report as a table."""
    rows = [(check.name, tick(check.passed), check.detail) for check in report.checks]
    session.output.table(("check", "", "detail"), rows, report.to_dict(), title=report.subject)
    session.output.note("verified" if report.passed else "[bold red]not verified[/]")
