"""Copy content from store to store as an archive, through a pipe, and mend damaged copies so."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from typing import BinaryIO, cast

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import (
    AccessDeniedError,
    AnacostiaError,
    FormatError,
    StorageError,
    StoreBusyError,
    StoreFullError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage import dag, health
from anacostia_blockchain.storage.base import Store
from anacostia_blockchain.storage.dag import Fetch
from anacostia_blockchain.storage.health import State
from anacostia_blockchain.storage.reading import BlockReader
from anacostia_blockchain.storage.seen import PROBES, RARELY

_BESIDE = (AccessDeniedError, StoreBusyError, StoreFullError, StoreUnavailableError)
"""Errors that do not come from what a store holds: they are no reason to delete it."""


def mend(cid: CID, source: Store, target: Store, names: Sequence[str]) -> None:
    """Make a store's copy good again, under its names.

    A store that keeps a damaged block, or trips over it, deletes the copy first; not before the
    source was read in full.

    Raises:
        StorageError, IntegrityError: one of the two could not.
    """
    name = names[0] if names else ""
    try:
        copy(cid, source, target, name, force=True)
        verify(target, cid)
    except _BESIDE:
        raise
    except AnacostiaError:
        verify(source, cid)
        target.delete(cid)
        copy(cid, source, target, name, force=True)
        verify(target, cid)
    for more in names[1:]:
        target.pin(cid, more)


def copy(cid: CID, source: Store, target: Store, name: str, *, force: bool = False) -> None:
    """Copy content from store to store as an archive, in constant memory.

    What the target holds already is neither read nor sent, if it can be asked.

    Args:
        cid: of the content.
        source: where it is.
        target: which verifies every block.
        name: of the pin.
        force: copy even if the target says that it has it.

    Raises:
        StorageError, IntegrityError: one of the two could not.
    """
    failed = transfer(cid, source, target, name, force=force)
    if failed is not None:
        raise failed


def transfer(
    cid: CID, source: Store, target: Store, name: str, *, force: bool = False
) -> BaseException | None:
    """Copy, and tell the two apart: returns what was wrong with the source, None if nothing was.

    Raises:
        StorageError, IntegrityError: the target could not.
    """
    if not force and target.has(cid):
        target.pin(cid, name)
        return None
    reader, writer = (
        os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True)
    )
    failed: list[BaseException] = []

    def export() -> None:
        try:
            with writer:
                _export(source, cid, cast("BinaryIO", writer), None if force else target)
        except BrokenPipeError:
            pass  # the target has given up, and says why
        except BaseException as error:  # noqa: BLE001 - raised where the caller is
            failed.append(error)

    thread = threading.Thread(target=export, name="copy", daemon=True)
    thread.start()
    try:
        with reader:
            found = target.put_car(cast("BinaryIO", reader), name=name)
    except FormatError:
        thread.join()
        if not failed:
            raise
        return failed[0]
    thread.join()
    if not failed and found != cid:
        raise StorageError(f"{target!r} took {cid} for {found}")
    return failed[0] if failed else None


def _export(source: Store, root: CID, stream: BinaryIO, target: Store | None) -> None:
    """Write an archive: of those blocks that the target lacks, if it can complete the rest."""
    if target is None or not getattr(target, "completes", False):
        source.export_car(root, stream)
        return
    with ExitStack() as stack:
        fetch: Fetch = source.block
        if isinstance(source, BlockReader):
            fetch = stack.enter_context(source.reading())
        stream.write(car.header(root))
        for cid, block in dag.blocks(fetch, root, _Held(target)):
            car.write_block(stream, cid, block)


class _Held:
    """Asks a store whether it holds something; after some that it did not, only now and then."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._misses = 0

    def __call__(self, cid: CID) -> bool:
        if self._misses >= PROBES and self._misses % RARELY:
            self._misses += 1
            return False
        held = self._store.has(cid)
        self._misses = 0 if held else self._misses + 1
        return held


def verify(store: Store, cid: CID) -> None:
    """Read all of a store's copy; what can only be claimed is taken for good.

    Raises:
        StorageError: it is missing, damaged or cannot be read.
    """
    (found,) = health.check({"": store}, cid, names=(), wanted=1, sample=0).copies
    if found.state not in (State.GOOD, State.CLAIMED):
        raise StorageError(found.detail)
