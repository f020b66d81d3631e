"""Reading through another store, for services that have no way to be read themselves."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.storage.dag import Fetch
from anacostia_blockchain.storage.leaves import Readers
from anacostia_blockchain.storage.reading import BlockReader


class ReadThrough(BlockReader):
    """The reading half of a store over that of another one.

    Args:
        reader: where blocks are read, as it reads best.
    """

    def __init__(self, reader: BlockReader) -> None:
        self._reader = reader

    def block(self, cid: CID) -> bytes:
        """One block, verified, from the reader."""
        return self._reader.block(cid)

    def size_of(self, cid: CID) -> int:
        """Bytes of a raw block."""
        return self._reader.size_of(cid)

    @contextmanager
    def reading(self, *, files: bool = True) -> Iterator[Fetch]:
        """As the reader reads best."""
        with self._reader.reading(files=files) as fetch:
            yield fetch

    def readers(self) -> Readers:
        """As the reader reads best."""
        return self._reader.readers()
