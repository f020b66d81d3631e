"""Reading for stores that give one block at a time: everything else follows from that."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import BinaryIO

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID, DAG_PB
from anacostia_blockchain.content.dagpb import Node, decode
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.base import Stat
from anacostia_blockchain.storage.dag import Fetch
from anacostia_blockchain.storage.disk import typed_errors
from anacostia_blockchain.storage.export import write_out
from anacostia_blockchain.storage.leaves import BlockReaders, Readers
from anacostia_blockchain.types import Progress

_AHEAD = 8
_SEARCHED = 4096


class BlockReader(ABC):
    """The reading half of a store over `block`, which a subclass provides."""

    @abstractmethod
    def block(self, cid: CID) -> bytes:
        """Return one block, verified."""

    @contextmanager
    def reading(self, *, files: bool = True) -> Iterator[Fetch]:
        """What `get` and `export_car` take blocks from: here, some blocks ahead at a time.

        Args:
            files: whether large files' leaves are asked for too; not, where `readers` give them.
        """
        with ReadAhead(self.block, follow=lambda node: files or dag.is_directory(node)) as ahead:
            yield ahead

    def readers(self) -> Readers:
        """What `get` takes large files' leaves from, several at once."""
        return BlockReaders(lambda cid, _buffer: memoryview(self.block(cid)))

    def size_of(self, cid: CID) -> int:
        """Bytes of a raw block; a store that can tell without the block overrides this."""
        return len(self.block(cid))

    def get(self, cid: CID, target: Path, *, progress: Progress | None = None) -> Path:
        """Write a file or folder to `target`; see `Store.get`."""
        total = self.stat(cid).size if progress is not None else None
        readers = self.readers()
        with typed_errors(target.parent), self.reading(files=False) as fetch:
            return write_out(fetch, cid, target, progress=progress, total=total, readers=readers)

    def open(self, cid: CID, path: str = "") -> BinaryIO:
        """Open a file, or one below a directory; see `Store.open`."""
        return dag.open_file(self.block, dag.lookup(self.block, cid, path))

    def stat(self, cid: CID) -> Stat:
        """Count the files and bytes of a CID."""
        return dag.measure(self.block, cid, self.size_of)

    def export_car(self, cid: CID, stream: BinaryIO) -> None:
        """Write a CARv1; see `Store.export_car`."""
        first = self.block(cid)  # nothing is written for what is not there
        with self.reading() as fetch:
            stream.write(car.header(cid))
            for found, block in dag.blocks(lambda c: first if c == cid else fetch(c), cid):
                car.write_block(stream, found, block)


@dataclass(slots=True)
class _Ahead:
    cid: CID
    future: Future[bytes] | None = None


class ReadAhead:
    """Fetches what a depth-first reader will ask for next, a few blocks at once.

    The reader may leave blocks out, as one that resumes does; what it jumps over is dropped.

    Args:
        fetch: gives one block.
        blocks: how many are on their way at once, at most.
        follow: whether to fetch what a node links to before it is asked for.
    """

    def __init__(
        self,
        fetch: Fetch,
        blocks: int = _AHEAD,
        follow: Callable[[Node], bool] = lambda _node: True,
    ) -> None:
        self._fetch = fetch
        self._follow = follow
        self._blocks = blocks
        self._queue: deque[_Ahead] = deque()
        self._pool = ThreadPoolExecutor(blocks, "read-ahead")

    def __enter__(self) -> ReadAhead:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)

    def __call__(self, cid: CID) -> bytes:
        """Return a block, which may have arrived already."""
        future = self._take(cid)
        block = future.result() if future is not None else self._fetch(cid)
        if cid.codec == DAG_PB:
            node = decode(block)
            if self._follow(node):
                self._queue.extendleft(_Ahead(link.cid) for link in reversed(node.links))
        for ahead in islice(self._queue, self._blocks):
            if ahead.future is None:
                ahead.future = self._pool.submit(self._fetch, ahead.cid)
        return block

    def _take(self, cid: CID) -> Future[bytes] | None:
        for position, ahead in enumerate(islice(self._queue, _SEARCHED)):
            if ahead.cid == cid:
                for _ in range(position):
                    skipped = self._queue.popleft().future
                    if skipped is not None:
                        skipped.cancel()
                return self._queue.popleft().future
        return None
