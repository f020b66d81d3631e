"""Files that are there whole, or not at all; and what others made, which is not read whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from anacostia_blockchain.errors import FormatError

DOCUMENT = 1 << 22
"""Bytes of a document that describes something; the files of a model are no documents."""


@contextmanager
def whole(target: Path) -> Iterator[Path]:
    """A path to write to, which takes the target's place when all of it is on the disk.

    If anything fails, what stood there stays, and nothing is left beside it.
    """
    partial = target.with_name(f".{target.name}.part")
    try:
        yield partial
        with partial.open("rb") as written:
            os.fsync(written.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)


def read_all(stream: IO[bytes], most: int, what: str) -> bytes:
    """All bytes of a stream that has no more than `most`; `what` names it in errors.

    Raises:
        FormatError: there are more. Only so many are held in memory: few bytes can stand for many,
            in archives, and in stores, where one block can be many blocks of a file.
    """
    data = stream.read(most + 1)
    if len(data) > most:
        raise FormatError(f"{what} is larger than {most} bytes")
    return data
