"""`anacostia storage`: content by CID."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.output import as_data, styled, tick
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import AnacostiaError, ConfigError
from anacostia_blockchain.storage import LocalStore, Pin
from anacostia_blockchain.storage.base import Store
from anacostia_blockchain.storage.dag import is_directory, node_of
from anacostia_blockchain.storage.disk import typed_errors
from anacostia_blockchain.storage.health import SAMPLE, Health, State, keeps
from anacostia_blockchain.storage.health import check as check_copies


@click.group()
def storage() -> None:
    """Content by CID, in the store that --store names. None of this asks the chain."""


@storage.command()
@click.argument("path", type=click.Path(exists=True, allow_dash=True, path_type=Path))
@click.option("--name", default="", help="Name of the pin.  [default: the file's]")
@click.option("--car", "is_car", is_flag=True, help="PATH is a CAR archive of content.")
@session
def put(session: Session, path: Path, name: str, is_car: bool) -> None:
    """Store a file or folder, or - for standard input, and pin it."""
    store, stdin = session.storage(), str(path) == "-"
    name = name or ("" if stdin else path.absolute().name)
    with session.output.progress("storing") as progress:
        if is_car:
            with typed_errors(path), click.open_file(str(path), "rb") as stream:
                cid = store.put_car(cast("BinaryIO", stream), name=name, progress=progress)
        elif stdin:
            cid = store.put(sys.stdin.buffer, name=name, progress=progress)
        else:
            cid = store.put(path, name=name, progress=progress)
    session.output.result({"cid": str(cid)}, str(cid))


@storage.command()
@click.argument("cid")
@click.argument("target", type=click.Path(allow_dash=True))
@session
def get(session: Session, cid: str, target: str) -> None:
    """Copy content to TARGET, verified block by block; run again to resume.

    With - for TARGET, a file's bytes go to standard output.
    """
    if target == "-":  # as text: of ./- a path makes the same
        _to_stdout(session, CID.parse(cid))
        return
    with session.output.progress("fetching") as progress:
        path = session.storage().get(CID.parse(cid), Path(target), progress=progress)
    session.output.result({"path": str(path)}, f"verified and written to {path}")


def _to_stdout(session: Session, cid: CID) -> None:
    if session.output.as_json:
        raise ConfigError("standard output is the file's with -: leave out --json, or name a path")
    store, done = session.storage(), 0
    if is_directory(node_of(store.block, cid)):
        raise ConfigError(f"{cid} is a folder, which no stream can be: name a path in place of -")
    with session.output.progress("fetching") as progress, store.open(cid) as stream:
        total = stream.seek(0, os.SEEK_END)
        stream.seek(0)
        with typed_errors(Path("standard output")):
            while piece := stream.read(CHUNK):
                sys.stdout.buffer.write(piece)
                done += len(piece)
                progress(done, total)
            sys.stdout.buffer.flush()


@storage.command()
@click.argument("cid")
@click.option("--name", default="", help="Name of the pin.")
@session
def pin(session: Session, cid: str, name: str) -> None:
    """Keep content; what the store does not hold it fetches, if it can."""
    session.storage().pin(CID.parse(cid), name)
    session.output.result({"pinned": cid, "name": name}, f"pinned {cid}")


@storage.command()
@click.argument("cid")
@click.option("--name", default=None, help="Only the pin of that name.")
@session
def unpin(session: Session, cid: str, name: str | None) -> None:
    """Let content go, without deleting it now."""
    session.storage().unpin(CID.parse(cid), name)
    session.output.result({"unpinned": cid}, f"unpinned {cid}")


@storage.command("ls")
@session
def list_(session: Session) -> None:
    """Pinned content."""
    pins = list(session.storage().pins())
    rows = [(pin.cid, pin.name, _when(pin)) for pin in pins]
    session.output.table(("cid", "name", "pinned (UTC)"), rows, as_data(pins))


@storage.command()
@click.argument("cid")
@session
def stat(session: Session, cid: str) -> None:
    """Size and kind of stored content."""
    data = as_data(session.storage().stat(CID.parse(cid)))
    session.output.table(("", ""), list(data.items()), data)


@storage.command()
@click.argument("cids", metavar="[CID]...", nargs=-1)
@click.option("--repair", is_flag=True, help="Make missing and damaged copies again.")
@click.option("--all", "everything", is_flag=True, help="Repair others' content on a node too.")
@click.option(
    "--sample",
    default=SAMPLE,
    show_default=True,
    type=click.IntRange(0),
    help="Random leaves to verify of each CID in each store, beside all nodes; 0: all.",
)
@session
def check(
    session: Session, cids: tuple[str, ...], repair: bool, everything: bool, sample: int
) -> None:
    """Which store holds what, and whether it is unaltered. Exit code 1 if a copy is amiss.

    Of everything pinned, whoever did it, or of these CIDs.
    """
    store = session.storage()
    wanted = [CID.parse(cid) for cid in cids]
    if repair and not (wanted or everything):
        _refuse_others(store)
    found = []
    for health in _checked(store, wanted, repair=repair, sample=sample):
        found.append(health)
        if health.warning:
            warning = f": {health.cid}: {health.warning}"
            session.output.note(styled(("warning", "yellow"), warning))
    rows = [
        (h.cid, ", ".join(h.names), f"{h.good}/{h.wanted}", tick(h.healthy), _copies(h))
        for h in found
    ]
    shown = ("good", "claimed", "healthy", "warning")
    data = [as_data(h) | {name: getattr(h, name) for name in shown} for h in found]
    session.output.table(("cid", "names", "good", "", "copies"), rows, data)
    if unknown := [str(cid) for cid in wanted if cid not in {h.cid for h in found}]:
        raise ConfigError(f"{', '.join(unknown)} is not pinned here: pin it, or leave it out")
    sys.exit(0 if all(h.healthy for h in found) else 1)


@storage.command("rm")
@click.argument("cid")
@session
def remove(session: Session, cid: str) -> None:
    """Unpin and delete content."""
    session.storage().delete(CID.parse(cid))
    session.output.result({"deleted": cid}, f"deleted {cid}")


@storage.command()
@session
def gc(session: Session) -> None:
    """Delete what no pin holds, in the embedded store."""
    store = session.storage()
    if not isinstance(store, LocalStore):
        raise ConfigError("only the embedded store is swept from here; others sweep themselves")
    freed = store.gc()
    session.output.result({"freed": freed}, f"freed {freed:,} bytes")


@storage.command()
@session
def doctor(session: Session) -> None:
    """Whether the stores answer. Exit code 1 if one does not."""
    rows, data = [], []
    for label, store in _stores(session.storage()).items():
        try:
            passed, detail = True, _probe(store)
        except AnacostiaError as error:
            passed, detail = False, str(error)
        rows.append((label, tick(passed), detail))
        data.append({"store": label, "passed": passed, "detail": detail})
    session.output.table(("store", "", "detail"), rows, data)
    sys.exit(0 if all(entry["passed"] for entry in data) else 1)


def _probe(store: Store) -> str:
    probe = getattr(store, "probe", None)
    return str(probe()) if probe is not None else f"{sum(1 for _ in store.pins())} pins"


def _stores(store: Store) -> dict[str, Store]:
    from anacostia_blockchain.storage.replicated import ReplicatedStore  # noqa: PLC0415 - only several stores need it

    return store.stores if isinstance(store, ReplicatedStore) else {repr(store): store}


def _refuse_others(store: Store) -> None:
    """Refuse to repair all of a store in which other programs may have pinned what is theirs."""
    shared = [label for label, part in _stores(store).items() if not _is_own(part)]
    if shared:
        raise ConfigError(
            f"what other programs have pinned in {', '.join(shared)} would be copied to every "
            "store too: name the CIDs to repair, or say --all"
        )


def _is_own(store: Store) -> bool:
    return isinstance(store, LocalStore) or not keeps(store)


def _checked(store: Store, cids: list[CID], *, repair: bool, sample: int) -> Iterator[Health]:
    from anacostia_blockchain.storage.replicated import ReplicatedStore  # noqa: PLC0415 - only several stores need it

    if isinstance(store, ReplicatedStore):
        everything: list[CID | None] = [None]
        for only in cids or everything:
            yield from store.check(sample=sample, repair=repair, only=only)
        return
    if repair:
        raise ConfigError("one store alone has nothing to repair from: name another with --store")
    names: dict[CID, list[str]] = {}
    for pin in store.pins():
        names.setdefault(pin.cid, []).append(pin.name)
    for found, known in names.items():
        if not cids or found in cids:
            yield check_copies({repr(store): store}, found, names=known, wanted=1, sample=sample)


def _copies(health: Health) -> str:
    lines = (
        f"{copy.store}: {copy.state}{'' if copy.state is State.GOOD else f' ({copy.detail})'}"
        for copy in health.copies
    )
    return "\n".join(lines)


def _when(pin: Pin) -> str:
    return f"{pin.created_at:%Y-%m-%d %H:%M:%S}" if pin.created_at else ""
