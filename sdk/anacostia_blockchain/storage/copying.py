"""Copy content from store to store as an archive, through a pipe, and mend damaged copies so."""

from __future__ import annotations

import os
import threading
from collections.abc import Sequence
from typing import BinaryIO, cast

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import AnacostiaError, FormatError, StorageError
from anacostia_blockchain.storage import health
from anacostia_blockchain.storage.base import Store


def mend(cid: CID, source: Store, target: Store, names: Sequence[str]) -> None:
    """Make a store's copy good again. A store that keeps a damaged block deletes it first."""
    copy(cid, source, target, names[0] if names else "", force=True)
    try:
        _verify(target, cid)
    except AnacostiaError:
        target.delete(cid)
        copy(cid, source, target, names[0] if names else "", force=True)
        _verify(target, cid)
    for name in names[1:]:
        target.pin(cid, name)


def copy(cid: CID, source: Store, target: Store, name: str, *, force: bool = False) -> None:
    """Copy content from store to store as an archive, in constant memory.

    Args:
        cid: of the content.
        source: where it is.
        target: which verifies every block.
        name: of the pin.
        force: copy even if the target says that it has it.

    Raises:
        StorageError, IntegrityError: one of the two could not.
    """
    if not force and target.has(cid):
        target.pin(cid, name)
        return
    reader, writer = (
        os.fdopen(end, mode) for end, mode in zip(os.pipe(), ("rb", "wb"), strict=True)
    )
    failed: list[BaseException] = []

    def export() -> None:
        try:
            with writer:
                source.export_car(cid, cast("BinaryIO", writer))
        except BrokenPipeError:
            pass  # the target has given up, and says why
        except BaseException as error:  # noqa: BLE001 - raised where the caller is
            failed.append(error)

    thread = threading.Thread(target=export, name="copy", daemon=True)
    thread.start()
    try:
        with reader:
            found = target.put_car(cast("BinaryIO", reader), name=name)
    except FormatError as error:
        thread.join()
        raise (failed[0] if failed else error) from error
    thread.join()
    if failed:
        raise failed[0]
    if found != cid:
        raise StorageError(f"{target!r} took {cid} for {found}")


def _verify(store: Store, cid: CID) -> None:
    found = health.check({"": store}, cid, names=(), wanted=1, sample=0)
    if not found.healthy:
        raise StorageError(found.copies[0].detail)
