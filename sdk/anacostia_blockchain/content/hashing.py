"""Hash files once, on all cores, in constant memory: SHA-256 of the whole and CIDs of the parts.

Every byte is read once. A file's own SHA-256 is one chain and cannot be split; its leaves can. So a
large file has two threads, one for the chain and one for the leaves, and small files share all
threads. The first leaf's digest is the chain's value at that point and costs nothing, therefore a
file of one leaf is hashed once and any other twice.

Where the CID alone is wanted there is no chain, and all threads share the leaves of one file.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, as_completed
from contextlib import contextmanager
from hashlib import sha256
from threading import Event, Lock
from typing import BinaryIO, Protocol, TypeVar

from anacostia_blockchain.content.cid import CID, RAW
from anacostia_blockchain.content.digests import DigestCache, FileDigest, Settling
from anacostia_blockchain.content.unixfs import CHUNK, FileBuilder
from anacostia_blockchain.content.unixfs import ignore as emit_nothing
from anacostia_blockchain.content.walk import Found
from anacostia_blockchain.errors import FileChangedError, UnsupportedFileError
from anacostia_blockchain.types import Progress

_LARGE = 8 * CHUNK
_AHEAD = 4
_BATCH = 64

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class Sink(Protocol):
    """Takes what is hashed, as it is hashed. Called from several threads at once."""

    def leaf(self, path: str, offset: int, cid: CID, data: memoryview) -> None:
        """Take a leaf of the file at `path`; `data` is only valid during the call."""

    def node(self, cid: CID, block: bytes) -> None:
        """Take a dag-pb node."""

    def held(self, files: Sequence[FileDigest]) -> Collection[CID]:
        """Which of these files need not be handed over, because every block of them is there."""
        ...


class Hasher:
    """Hashes files and streams, feeding one sink and one progress callback.

    Args:
        sink: takes what is hashed.
        progress: called with the bytes done and the total.
        workers: threads.
        digests: of files that need not be hashed again; never for what is to be verified.
        whole: whether each file's own SHA-256 is wanted, beside its CID.
        follow: takes every part of a file in its order, while that is hashed on another thread;
            then no file is taken for known.
    """

    def __init__(
        self,
        sink: Sink | None = None,
        progress: Progress | None = None,
        workers: int | None = None,
        digests: DigestCache | None = None,
        *,
        whole: bool = True,
        follow: Callable[[memoryview], object] | None = None,
    ) -> None:
        self._sink = sink
        self._follow = follow
        self._whole = whole
        self._digests = digests
        self._settling: Settling | None = None
        self._recalled: dict[str, FileDigest] = {}
        self._progress = progress
        self._total: int | None = None
        self._done = 0
        self._lock = Lock()
        self._stop = Event()
        self._workers = workers or _cores()

    def files(self, found: Sequence[Found]) -> list[FileDigest]:
        """Hash files; the result is in the same order.

        Raises:
            FileChangedError: a file is not what it was when it was listed.
            UnsupportedFileError: a file cannot be read.
        """
        self._total = sum(file.size for file in found)
        by_path = self._recall(found)
        fresh = [file for file in found if file.path not in by_path]
        least = 0 if self._follow else _LARGE
        small = [file for file in fresh if file.size < least]
        large = [file for file in fresh if file.size >= least]
        self._settling = self._digests.settling() if self._digests else None
        digests = self._map(self._batch, list(_batches(small)), self._workers)
        at_once = max(1, self._workers // 2) if self._whole else 1
        digests.append(self._map(self._file, large, at_once))
        if self._digests is not None and self._settling is not None:
            self._digests.remember(map(self._completed, self._settling.hashed))
        for batch in digests:
            by_path.update((digest.path, digest) for digest in batch)
        return [by_path[file.path] for file in found]

    def _recall(self, found: Sequence[Found]) -> dict[str, FileDigest]:
        """What is known already, and not needed by the sink."""
        if self._digests is None:
            return {}
        known = self._recalled = self._digests.recall(found, whole=self._whole)
        if self._follow is not None:
            return {}
        if self._sink is not None and known:
            held = self._sink.held(list(known.values()))
            known = {path: digest for path, digest in known.items() if digest.cid in held}
        self._advance(sum(digest.size for digest in known.values()))
        return known

    def _completed(self, hashed: tuple[Found, FileDigest]) -> tuple[Found, FileDigest]:
        """What was just hashed, with the file's own SHA-256 if that was known before."""
        found, digest = hashed
        before = self._recalled.get(found.path, digest)
        return found, before if before.cid == digest.cid else digest

    def stream(self, stream: BinaryIO, path: str = "") -> FileDigest:
        """Hash a stream to its end."""
        if self._workers == 1:
            return self._alone(stream, path)
        chain = sha256()
        with ThreadPoolExecutor(1) as helper:
            builder = self._ahead(stream, path, helper, chain.update)
        return self._finish(path, builder, chain.digest())

    def cid(self, stream: BinaryIO) -> CID:
        """The CID alone, without the SHA-256 of the whole: every thread hashes leaves."""
        return self._followed(stream, "").cid

    def _followed(self, stream: BinaryIO, path: str) -> FileDigest:
        with ThreadPoolExecutor(self._workers) as pool:
            builder = self._ahead(stream, path, pool, self._follow or len)
        return self._finish(path, builder, b"")

    def _map(
        self, task: Callable[[_Item], _Result], items: Iterable[_Item], workers: int
    ) -> list[_Result]:
        """Run on threads; the first error stops the others."""
        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(task, item) for item in items]
            try:
                for future in as_completed(futures):
                    future.result()
            except BaseException:
                self._stop.set()
                pool.shutdown(cancel_futures=True)
                raise
            return [future.result() for future in futures]

    def _batch(self, batch: list[Found]) -> list[FileDigest]:
        buffer = bytearray(CHUNK)
        return [self._small(found, buffer) for found in batch]

    def _small(self, found: Found, buffer: bytearray) -> FileDigest:
        return self._read(found, lambda stream: self._alone(stream, found.path, buffer))

    def _file(self, found: Found) -> FileDigest:
        if self._whole:
            return self._read(found, lambda stream: self.stream(stream, found.path))
        if self._follow is not None:
            return self._read(found, lambda stream: self._followed(stream, found.path))
        return self._read(found, lambda stream: self._spread(stream, found))

    def _spread(self, stream: BinaryIO, found: Found) -> FileDigest:
        """Do a file's leaves on all threads, each of which reads its own."""
        starts = range(0, found.size, CHUNK)
        digests = bytearray(32 * len(starts))
        left = iter(starts)  # which hands out each once, whatever thread asks

        def work() -> None:
            buffer = memoryview(bytearray(CHUNK))
            for at in left:
                view = buffer[: min(CHUNK, found.size - at)]
                if os.preadv(stream.fileno(), [view], at) != len(view):
                    raise FileChangedError(f"{found.location} changed while it was read: try again")
                place = at // CHUNK * 32
                digests[place : place + 32] = self._leaf(found.path, at, view)

        self._map(lambda _worker: work(), range(self._workers), self._workers)
        builder = self._builder()
        for at in starts:
            place = at // CHUNK * 32
            builder.add(bytes(digests[place : place + 32]), min(CHUNK, found.size - at))
        return self._finish(found.path, builder, b"")

    def _read(self, found: Found, digest_of: Callable[[BinaryIO], FileDigest]) -> FileDigest:
        """Hash a file, and note its digest if that may be remembered."""
        settling = self._settling
        with _opened(found) as stream:
            settled = settling is not None and settling.ready(found, stream.fileno())
            digest = digest_of(stream)
        if settling is not None and settled:
            settling.hashed.append((found, digest))
        return digest

    def _alone(self, stream: BinaryIO, path: str, buffer: bytearray | None = None) -> FileDigest:
        """Do chain and leaves one after the other, chunk by chunk."""
        buffer = buffer or bytearray(CHUNK)
        builder, chain, offset = self._builder(), sha256(), 0
        while size := fill(stream, buffer):
            view = memoryview(buffer)[:size]
            if self._whole or not offset:
                chain.update(view)
            digest = sha256(view).digest() if offset else chain.digest()
            self._take(path, offset, builder.add(digest, size), view)
            offset += size
        if not 0 < offset <= CHUNK:  # else the only leaf's digest is the file's
            digest = chain.digest() if self._whole or not offset else b""
        return self._finish(path, builder, digest)

    def _ahead(
        self,
        stream: BinaryIO,
        path: str,
        pool: ThreadPoolExecutor,
        meanwhile: Callable[[memoryview], object],
    ) -> FileBuilder:
        """Do the leaves in the pool, a few chunks ahead, and something with each chunk here."""
        builder, offset = self._builder(), 0
        pending: deque[tuple[Future[bytes], bytearray, int]] = deque()
        buffers = [bytearray(CHUNK) for _ in range(max(_AHEAD, 2 * self._workers))]
        while size := fill(stream, buffers[-1]):
            buffer = buffers.pop()
            view = memoryview(buffer)[:size]
            pending.append((pool.submit(self._leaf, path, offset, view), buffer, size))
            meanwhile(view)
            offset += size
            if not buffers:
                buffers.append(_collect(pending, builder))
        while pending:
            _collect(pending, builder)
        return builder

    def _leaf(self, path: str, offset: int, view: memoryview) -> bytes:
        digest = sha256(view).digest()
        self._take(path, offset, CID(RAW, digest), view)
        return digest

    def _builder(self) -> FileBuilder:
        return FileBuilder(self._sink.node if self._sink else emit_nothing)

    def _take(self, path: str, offset: int, cid: CID, view: memoryview) -> None:
        if self._stop.is_set():
            raise CancelledError
        if self._sink is not None:
            self._sink.leaf(path, offset, cid, view)
        self._advance(len(view))

    def _advance(self, size: int) -> None:
        if self._progress is not None and size:
            with self._lock:
                self._done += size
                self._progress(self._done, self._total)

    def _finish(self, path: str, builder: FileBuilder, digest: bytes) -> FileDigest:
        tree = builder.finish()
        if not tree.size and self._sink is not None:
            self._sink.leaf(path, 0, tree.cid, memoryview(b""))
        return FileDigest(path, tree.size, digest, tree.cid, tree.dag_size)


def fill(stream: BinaryIO, buffer: bytearray) -> int:
    """Read until the buffer is full or the stream ends; returns the number of bytes."""
    read_into = getattr(stream, "readinto", None)
    done = 0
    with memoryview(buffer) as view:
        while done < len(buffer):
            if read_into is not None:
                size = read_into(view[done:])
            else:
                piece = stream.read(len(buffer) - done)
                size = len(piece)
                view[done : done + size] = piece
            if not size:
                break
            done += size
    return done


def _collect(
    pending: deque[tuple[Future[bytes], bytearray, int]], builder: FileBuilder
) -> bytearray:
    future, buffer, size = pending.popleft()
    builder.add(future.result(), size)
    return buffer


def _batches(files: list[Found]) -> Iterator[list[Found]]:
    """Group files so that a task is worth a thread's while: 64 files, or 8 MiB."""
    batch: list[Found] = []
    size = 0
    for found in files:
        batch.append(found)
        size += found.size
        if len(batch) == _BATCH or size >= _LARGE:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


@contextmanager
def _opened(found: Found) -> Iterator[BinaryIO]:
    """Open a file without following a link or waiting for a pipe; check it before and after."""
    try:
        descriptor = os.open(found.location, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except PermissionError as error:
        raise UnsupportedFileError(f"{found.location} cannot be read") from error
    except OSError as error:
        raise FileChangedError(f"{found.location} went away while it was read") from error
    with open(descriptor, "rb", buffering=0) as stream:  # noqa: PTH123 - a descriptor
        found.check_unchanged(os.fstat(descriptor))
        yield stream
        found.check_unchanged(os.fstat(descriptor))
        found.check_unchanged()


def _cores() -> int:
    affinity = getattr(os, "sched_getaffinity", None)  # Linux only
    return min(16, len(affinity(0)) if affinity else os.cpu_count() or 1)
