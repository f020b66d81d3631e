"""`anacostia verify`: trust nobody; exit code 0 when every check passes, 1 when one fails."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.output import styled, tick
from anacostia_blockchain.verify import Report, verify_version


@click.command()
@click.argument("subject", required=False)
@click.option(
    "--bundle",
    type=click.Path(dir_okay=False, path_type=Path),
    help="With SUBJECT, also write the evidence to this file, to be verified later without this "
    "chain; without, verify this file.",
)
@click.option("--max-visits", default=256, show_default=True, help="Size of the lineage to visit.")
@click.option("--block-hash", "hashes", multiple=True, help="For a file: a block hash you trust.")
@click.option("--rpc", help="For a file: an RPC endpoint you trust, asked for block hashes.")
@session
def verify(
    session: Session,
    subject: str | None,
    bundle: Path | None,
    max_visits: int,
    hashes: tuple[str, ...],
    rpc: str | None,
) -> None:
    """Verify SUBJECT from chain and store only.

    SUBJECT is a version (digits@champion, 42@3, a CAIP-19 id with @version), or a file, which is
    verified offline: an evidence bundle that `anacostia verify … --bundle FILE` wrote, or a proof
    that `anacostia models as-of … --out FILE` wrote.
    """
    file = bundle if subject is None else Path(subject)
    if file is None:
        raise click.UsageError("name a version, or a file")
    if subject is None or file.is_file():
        report = _verify_file(session, file, hashes, rpc)
    else:
        hub = session.connect()
        with session.output.progress("fetching") as progress:
            report = verify_version(hub, subject, max_visits=max_visits, progress=progress)
        if bundle is not None and report.passed:
            from anacostia_blockchain.proofs.bundling import write_bundle  # noqa: PLC0415 - rarely needed

            write_bundle(hub, subject, bundle, max_visits=max_visits)
            session.output.note(f"evidence written to {bundle}")
    show(session, report)
    sys.exit(0 if report.passed else 1)


def show(session: Session, report: Report) -> None:
    """Print a report as a table."""
    rows = [(check.name, tick(check.passed), check.detail) for check in report.checks]
    session.output.table(("check", "", "detail"), rows, report.to_dict(), title=report.subject)
    session.output.note("verified" if report.passed else styled(("not verified", "bold red")))


def _verify_file(session: Session, path: Path, hashes: tuple[str, ...], rpc: str | None) -> Report:
    from anacostia_blockchain.offline import block_numbers, verify_file  # noqa: PLC0415 - loads web3

    if not hashes and rpc is None:
        numbers = ", ".join(map(str, block_numbers(path)))
        session.output.note(
            f"{path} is evidence about block {numbers}: look up its hash where you trust, "
            "and give it with --block-hash, or an endpoint with --rpc"
        )
    return verify_file(path, block_hashes=hashes, rpc_url=rpc)
