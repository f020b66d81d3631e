"""Large files' leaves on all cores: read, compared with their CIDs, written.

Each thread takes the next leaf, and has one buffer for all of its leaves: what is hashed is what is
written, and no byte is copied in between. Hashing, reading and writing let other threads run.
"""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from typing import Protocol, TypeAlias

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.dagpb import MAX_BLOCK
from anacostia_blockchain.storage.dag import Part
from anacostia_blockchain.storage.disk import reserve, write_all

_EXPECTED = 64
"""Leaves that are looked up at once."""

Count: TypeAlias = Callable[[int], None]
"""Takes the number of bytes that have come into place. Called from several threads."""


Reader: TypeAlias = Callable[[CID, memoryview], memoryview]
"""Reads a block, and returns it, verified: in a part of the buffer, or elsewhere. Of one thread."""


class Readers(Protocol):
    """Where the leaves are read from.

    Attributes:
        threads: how many read at once.
    """

    threads: int

    def usable(self) -> bool:
        """Whether leaves are to be read side by side now, rather than in order."""
        ...

    def __call__(self) -> Reader:
        """A reader for one more thread."""
        ...

    def expect(self, cids: Sequence[CID]) -> None:
        """Be told what will be read next."""

    def close(self) -> None:
        """Free what the readers hold; they are not used any more."""


@dataclass
class _Work:
    """A file that is being written.

    Attributes:
        file: its descriptor.
        present: bytes that an earlier, interrupted call has left, which may be right.
    """

    file: int
    leaves: Iterator[Part]
    present: int
    count: Count
    expect: Callable[[Sequence[CID]], None]
    lock: threading.Lock = field(default_factory=threading.Lock)
    next: deque[Part] = field(default_factory=deque)
    failed: bool = False

    def take(self) -> Part | None:
        """The next leaf; None if there is none, or another one could not be written."""
        with self.lock:
            if self.failed:
                return None
            if not self.next:
                self._prepare()
            return self.next.popleft() if self.next else None

    def _prepare(self) -> None:
        self.next.extend(islice(self.leaves, _EXPECTED))
        self.expect([leaf.cid for leaf in self.next if leaf.data is None])
        if self.next and self.next[-1].offset >= self.present:
            size = sum(min(leaf.size or 0, MAX_BLOCK) for leaf in self.next)  # it may be a lie
            reserve(self.file, self.next[0].offset, size)


class LeafWriter:
    """Writes files, one after the other, each on several threads.

    Args:
        readers: where the leaves are read from.
    """

    def __init__(self, readers: Readers) -> None:
        self._new = readers
        self._helpers = readers.threads - 1
        self._pool = ThreadPoolExecutor(self._helpers, "leaves")
        self._mine = threading.local()

    def __enter__(self) -> LeafWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)
        self._new.close()

    def usable(self) -> bool:
        """Whether the leaves can be had side by side now."""
        return self._new.usable()

    def write(self, file: int, leaves: Iterator[Part], present: int, count: Count) -> None:
        """Write leaves whose sizes are known; returns when nothing is written any more.

        Raises:
            StorageError, IntegrityError, FormatError: a leaf could not be had or written.
        """
        work = _Work(file, leaves, present, count, self._new.expect)
        helpers = [self._pool.submit(self._run, work) for _ in range(self._helpers)]
        try:
            self._run(work)
        finally:
            wait(helpers)
        for helper in helpers:
            helper.result()

    def _run(self, work: _Work) -> None:
        if not hasattr(self._mine, "buffer"):
            self._mine.buffer, self._mine.reader = memoryview(bytearray(MAX_BLOCK)), self._new()
        try:
            while (leaf := work.take()) is not None:
                self._leaf(work, leaf, self._mine.buffer, self._mine.reader)
        except BaseException:
            work.failed = True
            raise

    def _leaf(self, work: _Work, leaf: Part, buffer: memoryview, reader: Reader) -> None:
        size = leaf.size or 0
        if not self._is_there(work, leaf, buffer[:size]):
            data = memoryview(leaf.data) if leaf.data is not None else reader(leaf.cid, buffer)
            leaf.check(len(data))
            write_all(work.file, leaf.offset, data)
        work.count(size)

    def _is_there(self, work: _Work, leaf: Part, buffer: memoryview) -> bool:
        if leaf.data is not None or leaf.offset + len(buffer) > work.present:
            return False
        size = os.preadv(work.file, [buffer], leaf.offset)
        return size == len(buffer) and sha256(buffer).digest() == leaf.cid.digest


class BlockReaders:
    """For stores whose blocks come one by one: several are on their way at once.

    Args:
        read: reads one, verified, on any thread.
        usable: whether that is better now than to read them in order.
    """

    threads = 8

    def __init__(self, read: Reader, usable: Callable[[], bool] = lambda: True) -> None:
        self._read = read
        self.usable = usable

    def __call__(self) -> Reader:
        """The same for every thread."""
        return self._read

    def expect(self, cids: Sequence[CID]) -> None:
        """Nothing is done ahead of what the threads do."""

    def close(self) -> None:
        """Nothing is held."""
