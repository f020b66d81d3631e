"""A folder's files and SQLite's, where a disk is full, or another process holds them."""

from __future__ import annotations

import ctypes
import errno
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from anacostia_blockchain.errors import StorageError, StoreBusyError, StoreFullError

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def typed_errors(place: Path) -> Iterator[None]:
    """Turn the system's and SQLite's errors into this package's."""
    try:
        yield
    except (OSError, sqlite3.DatabaseError) as error:
        known = typed(error, place)
        if known is None:
            raise
        raise known from error


def typed(error: BaseException, place: Path) -> StorageError | None:
    """What an error of the system or of SQLite is among this package's; None: nothing better."""
    text = str(error)
    if isinstance(error, sqlite3.OperationalError):
        if "full" in text:
            return _full(place)
        if "locked" in text or "busy" in text:
            return StoreBusyError(f"{place} is held by another process: try again when it is done")
        return StorageError(f"{place}: {text}")
    if isinstance(error, sqlite3.DatabaseError):
        return StorageError(f"{place}: {text}: restore its database from a copy")
    return _full(place) if isinstance(error, OSError) and error.errno in _NO_SPACE else None


def _full(place: Path) -> StoreFullError:
    return StoreFullError(f"no space is left in {place}: free some; nothing was half-written")


@contextmanager
def transaction(index: sqlite3.Connection) -> Iterator[None]:
    """All of what is done to an index meanwhile, or nothing."""
    index.execute("BEGIN IMMEDIATE")
    try:
        yield
        index.execute("COMMIT")  # where this fails, all others would wait for what is left open
    except BaseException:
        with suppress(sqlite3.OperationalError):  # SQLite rolls some back by itself
            index.execute("ROLLBACK")
        raise


def sync(folder: Path) -> None:
    """Make the names in a folder outlive a power cut, where the system lets one open a folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows does not
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def reserve(file: int, at: int, size: int) -> None:
    """Have the system find space for a part of a file at once, where it can.

    That costs less than to find it write by write, and a full disk shows before anything is
    written. The file does not become longer, so that its length still tells how far it got.

    Raises:
        OSError: there is no space.
    """
    if _fallocate is not None and _fallocate(file, _KEEP_SIZE, at, size):
        error = ctypes.get_errno()
        if error in _NO_SPACE:
            raise OSError(error, os.strerror(error))


_KEEP_SIZE = 1

# `os.posix_fallocate` would make it longer, and writes to every page where the system cannot do it.
_fallocate = getattr(ctypes.CDLL(None, use_errno=True), "fallocate", None)  # Linux only
if _fallocate is not None:
    _fallocate.argtypes = (ctypes.c_int, ctypes.c_int, ctypes.c_int64, ctypes.c_int64)
