"""`anacostia audit`: all evidence about a model, in one file."""

from __future__ import annotations

from pathlib import Path

import click

from anacostia_blockchain.cli import Session, session


@click.command()
@click.argument("model")
@click.option(
    "--out", required=True, type=click.Path(dir_okay=False, path_type=Path), help="The file."
)
@click.option(
    "--db",
    "databases",
    multiple=True,
    help="Database of a metadata store, a file or a postgresql:// URI, whose runs are shown too; "
    "repeatable.",
)
@click.option("--block", type=int, help="Whose state is shown.  [default: the newest settled]")
@session
def audit(
    session: Session, model: str, out: Path, databases: tuple[str, ...], block: int | None
) -> None:
    """Write all evidence about MODEL to a file: versions, aliases, runs, licences, revocations.

    `anacostia verify --bundle FILE --block-hash 0x…` verifies it offline; report.html in it is for
    people, index.json for programs.
    """
    from anacostia_blockchain.evidence.collect import write_evidence  # noqa: PLC0415 - loads web3

    hub = session.connect()
    with session.output.steps() as on_step:
        index = write_evidence(hub, model, out, databases=databases, block=block, on_step=on_step)
    number, digest = index["block"]["number"], index["block"]["hash"]
    data = {name: index[name] for name in ("subject", "block", "versions", "aliases", "runs")}
    session.output.result(
        data | {"path": str(out), "runs_without_proof": len(index["runs_without_proof"])},
        f"{index['versions']} versions, {len(index['aliases'])} aliases and {index['runs']} runs "
        f"written to {out}\nit rests on block {number}, {digest}",
    )
