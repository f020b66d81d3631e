"""A folder's files and SQLite's, where a disk is full, or another process holds them."""

from __future__ import annotations

import ctypes
import errno
import os
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, cast

from anacostia_blockchain.content.walk import MAX_NAME
from anacostia_blockchain.errors import StorageError, StoreBusyError, StoreFullError

_COPY = 1 << 20
_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def typed_errors(place: Path) -> Iterator[None]:
    """Turn the system's and SQLite's errors into this package's."""
    try:
        yield
    except (OSError, sqlite3.DatabaseError) as error:
        raise typed(error, place) from error


def typed(error: OSError | sqlite3.DatabaseError, place: Path) -> StorageError:
    """What an error of the system or of SQLite is among this package's.

    Args:
        error: what was raised.
        place: where, if the error does not say.
    """
    if isinstance(error, OSError):
        if error.errno in _NO_SPACE:
            return _full(place)
        reason = error.strerror or type(error).__name__
        return StorageError(f"{error.filename or place} cannot be used: {reason}")
    text = str(error)
    if isinstance(error, sqlite3.OperationalError):
        if "full" in text:
            return _full(place)
        if "locked" in text or "busy" in text:
            return StoreBusyError(f"{place} is held by another process: try again when it is done")
        return StorageError(f"{place}: {text}")
    return StorageError(f"{place}: {text}: restore its database from a copy")


def _full(place: Path) -> StoreFullError:
    return StoreFullError(f"no space is left in {place}: free some; nothing was half-written")


def part_of(target: Path) -> Path:
    """Where a target is made: beside it, and under its name as far as a name may be that long."""
    name = f"{target.name}.part"
    if len(os.fsencode(name)) > MAX_NAME:
        name = f"{sha256(os.fsencode(target.name)).hexdigest()}.part"
    return target.with_name(name)


@contextmanager
def spooled(source: BinaryIO) -> Iterator[BinaryIO]:
    """A stream's bytes in a temporary file, for what has to read them twice.

    Raises:
        StoreFullError: there is no space for them where temporary files are.
    """
    with typed_errors(Path("the folder of temporary files")):
        place = Path(tempfile.gettempdir())
        # Unbuffered: what a buffer still holds when the disk is full would fail again at the end.
        opened = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - below, outside of `typed`
    with opened as file:
        size = 0
        while piece := source.read(_COPY):
            with typed_errors(place):
                write_all(file.fileno(), size, piece)
            size += len(piece)
        yield cast("BinaryIO", file)


def write_all(file: int, offset: int, data: bytes | memoryview) -> None:
    """Write at an offset, however often the system must be asked."""
    view = memoryview(data)
    while view:
        size = os.pwrite(file, view, offset)
        view, offset = view[size:], offset + size


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
