"""`anacostia certificate`: what machines prove with who they are."""

from __future__ import annotations

from pathlib import Path

import click

from anacostia_blockchain.cli import Session, session


@click.command()
@click.argument("hosts", nargs=-1, required=True)
@click.option(
    "--folder",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("certificates"),
    show_default=True,
    help="Of the authority, which is made with the first certificate.",
)
@click.option("--days", default=365.0, show_default=True, help="For which it is valid.")
@session
def certificate(session: Session, hosts: tuple[str, ...], folder: Path, days: float) -> None:
    """Issue a certificate for one machine, by its names and addresses.

    Take ca.pem, and the machine's own two files, to the machine; ca.key stays here.
    """
    from anacostia_blockchain.remote.certificates import issue  # noqa: PLC0415 - extra

    files = issue(folder, hosts, days=days)
    data = {"ca": str(files.ca), "cert": str(files.cert), "key": str(files.key)}
    session.output.result(data, f"{files.cert}, valid for {', '.join(hosts)}; its key {files.key}")
