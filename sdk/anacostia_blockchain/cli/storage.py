"""`anacostia storage`: content by CID."""

from __future__ import annotations

from pathlib import Path

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.output import as_data
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.storage import LocalStore, Pin


@click.group()
def storage() -> None:
    """Content in the embedded store. None of this asks the chain."""


@storage.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.option("--name", default="", help="Name of the pin.")
@session
def put(session: Session, path: Path, name: str) -> None:
    """Store a file or folder and pin it."""
    with session.output.progress("storing") as progress:
        cid = _store(session).put(path, name=name or path.name, progress=progress)
    session.output.result({"cid": str(cid)}, str(cid))


@storage.command()
@click.argument("cid")
@click.argument("target", type=click.Path(path_type=Path))
@session
def get(session: Session, cid: str, target: Path) -> None:
    """Copy content to TARGET, verified block by block; run again to resume."""
    with session.output.progress("fetching") as progress:
        path = _store(session).get(CID.parse(cid), target, progress=progress)
    session.output.result({"path": str(path)}, f"verified and written to {path}")


@storage.command("ls")
@session
def list_(session: Session) -> None:
    """Pinned content."""
    pins = list(_store(session).pins())
    rows = [(pin.cid, pin.name, _when(pin)) for pin in pins]
    session.output.table(("cid", "name", "pinned (UTC)"), rows, as_data(pins))


@storage.command()
@click.argument("cid")
@session
def stat(session: Session, cid: str) -> None:
    """Size and kind of stored content."""
    data = as_data(_store(session).stat(CID.parse(cid)))
    session.output.table(("", ""), list(data.items()), data)


@storage.command("rm")
@click.argument("cid")
@session
def remove(session: Session, cid: str) -> None:
    """Unpin and delete content."""
    _store(session).delete(CID.parse(cid))
    session.output.result({"deleted": cid}, f"deleted {cid}")


@storage.command()
@session
def gc(session: Session) -> None:
    """Delete what no pin holds."""
    freed = _store(session).gc()
    session.output.result({"freed": freed}, f"freed {freed:,} bytes")


def _when(pin: Pin) -> str:
    return f"{pin.created_at:%Y-%m-%d %H:%M:%S}" if pin.created_at else ""


def _store(session: Session) -> LocalStore:
    return LocalStore(session.home / "store")
