"""Blocks by digest: pack files, which are only ever appended to, and an index of them in SQLite.

    index.db    block: where each block is; pin: what must stay
    packs/      blocks, one after the other, in files that never change
    incoming/   packs that are still being written, each with an index of its own
    lock.db     SQLite's file locks, used as a lock of many writers or one sweeper

An import writes its blocks to a pack of its own, flushes it, gives it its name, and only then adds
all of its blocks and its pin to the index, in one transaction. Killed before that, it has left a
file that no index names, which the next sweep removes. Processes may work on one folder at the same
time: importers side by side, a sweep alone, readers always.
"""

from __future__ import annotations

import errno
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import sha256
from io import FileIO
from pathlib import Path

from anacostia_blockchain._checkpoints import Checkpoints
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import IntegrityError, NotFoundError
from anacostia_blockchain.storage.disk import transaction, typed_errors
from anacostia_blockchain.storage.incoming import Incoming, Pack

_SCHEMA = """
CREATE TABLE IF NOT EXISTS block (
    digest BLOB PRIMARY KEY,
    pack TEXT NOT NULL,
    at INTEGER NOT NULL,
    size INTEGER NOT NULL,
    bad INTEGER NOT NULL DEFAULT 0
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS block_pack ON block (pack);
CREATE TABLE IF NOT EXISTS pin (
    cid BLOB NOT NULL,
    name TEXT NOT NULL,
    created_at REAL NOT NULL,
    PRIMARY KEY (cid, name)
);
"""

_PATIENCE = 60.0
"""Seconds to wait for another process."""


class Packs:
    """The blocks and pins of one folder.

    Args:
        folder: made when something is first written.
        patience: seconds to wait for another process.
    """

    def __init__(self, folder: Path, patience: float = _PATIENCE) -> None:
        self.folder = folder
        self._index = str(folder / "index.db")
        self._patience = patience
        self._local = threading.local()
        self._checkpoints = Checkpoints(folder / "index.db")

    # ------------------------------------------------------------------ read

    def block(self, cid: CID) -> bytes:
        """A block, compared with its CID.

        Raises:
            NotFoundError: it is not held.
            IntegrityError: what is held is something else; a new import of the content mends it.
        """
        data, bad = self._read(cid)
        intact = CID.of(data, cid.codec) == cid
        if bad == intact:
            self._mark(cid, bad=not intact)
        if not intact:
            raise IntegrityError(
                f"block {cid} in {self.folder} is damaged: put the content again, or fetch it from "
                "another store"
            )
        return data

    def size(self, cid: CID) -> int:
        """Bytes of a block, by the index.

        Raises:
            NotFoundError: it is not held.
        """
        return self.place(cid).size

    def holds(self, cid: CID) -> bool:
        """Whether a block is in the index, and was not found damaged."""
        place = self._find(cid)
        return place is not None and not place.bad

    def _read(self, cid: CID) -> tuple[bytes, bool]:
        """A block as it is on the disk, and whether it was found damaged before."""
        while True:
            place = self.place(cid)
            try:
                with (self.folder / "packs" / place.pack).open("rb", buffering=0) as file:
                    file.seek(place.at)
                    return file.read(place.size), place.bad
            except FileNotFoundError:
                if self.place(cid) == place:  # else a sweep has moved it meanwhile
                    self._mark(cid, bad=True)
                    raise NotFoundError(
                        f"{self.folder} has lost {place.pack}, with {cid}: put the content again, "
                        "or fetch it from another store"
                    ) from None
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                return b"", place.bad  # the disk gives nothing for it: that is a damaged block

    def _mark(self, cid: CID, *, bad: bool) -> None:
        """Note how a block was found: one that is bad counts as missing when content is put."""
        with self.index() as index:
            index.execute("UPDATE block SET bad = ? WHERE digest = ?", (bad, cid.digest))

    def place(self, cid: CID) -> Place:
        """Where a block is.

        Raises:
            NotFoundError: it is not held.
        """
        place = self._find(cid)
        if place is None:
            raise NotFoundError(f"{cid} is not in {self.folder}")
        return place

    def _find(self, cid: CID) -> Place | None:
        return self.places([cid]).get(cid.digest)

    def places(self, cids: Sequence[CID]) -> dict[bytes, Place]:
        """Where blocks are, those that are held, by their digests. Some hundreds at most."""
        if not self.exists():
            return {}
        marks = ",".join("?" * len(cids))
        query = f"SELECT digest, pack, at, size, bad FROM block WHERE digest IN ({marks})"  # noqa: S608 - marks
        with self.index() as index:
            rows = index.execute(query, [cid.digest for cid in cids]).fetchall()
        return {row[0]: Place(row[1], row[2], row[3], bool(row[4])) for row in rows}

    # ------------------------------------------------------------------ write

    @contextmanager
    def incoming(self) -> Iterator[Incoming]:
        """An import; what it adds counts once `Incoming.commit` was called, and not before."""
        with typed_errors(self.folder), self._lock(exclusive=False):
            incoming = Incoming(self)
            try:
                yield incoming
            finally:
                incoming.close()

    @contextmanager
    def steady(self) -> Iterator[None]:
        """A time in which nothing is swept."""
        with typed_errors(self.folder), self._lock(exclusive=False):
            yield

    @contextmanager
    def alone(self) -> Iterator[None]:
        """A time in which nobody imports or sweeps."""
        with typed_errors(self.folder), self._lock(exclusive=True):
            yield

    def sweep(self, kept: Callable[[sqlite3.Connection], Iterable[bytes]]) -> int:
        """Delete every block that is not kept; returns the bytes that became free.

        The caller holds `alone`. If `kept` raises, nothing is deleted.

        Args:
            kept: gives the digests to keep.
        """
        packs = self.folder / "packs"
        with self.index() as index:
            for leftover in (self.folder / "incoming").iterdir():
                leftover.unlink()
            before = {path.name: path.stat().st_size for path in packs.iterdir()}
            index.execute("CREATE TEMP TABLE kept (digest BLOB PRIMARY KEY) WITHOUT ROWID")
            rows = ((digest,) for digest in kept(index))
            index.executemany("INSERT OR IGNORE INTO kept VALUES (?)", rows)
            with transaction(index):
                index.execute("DELETE FROM block WHERE digest NOT IN (SELECT digest FROM kept)")
                live = dict(index.execute("SELECT pack, SUM(size) FROM block GROUP BY pack"))
                sparse = [n for n, size in before.items() if 0 < live.get(n, 0) < size // 2]
                self._compact(index, sparse)
            index.execute("DROP TABLE kept")
        for name in before:
            if name in sparse or name not in live:
                (packs / name).unlink()
        return sum(before.values()) - sum(path.stat().st_size for path in packs.iterdir())

    def _compact(self, index: sqlite3.Connection, sparse: list[str]) -> None:
        """Copy what is left of packs that are mostly garbage to one new pack."""
        if not sparse:
            return
        pack = Pack(self.folder)
        for name in sparse:
            query = "SELECT digest, at, size FROM block WHERE pack = ? ORDER BY at"
            rows = index.execute(query, (name,)).fetchall()
            with (self.folder / "packs" / name).open("rb", buffering=0) as file:
                for digest, at, size in rows:
                    file.seek(at)
                    moved = (pack.name, pack.append(file.read(size)), digest)
                    index.execute("UPDATE block SET pack = ?, at = ? WHERE digest = ?", moved)
        pack.keep()

    # ------------------------------------------------------------------ SQLite

    def exists(self) -> bool:
        """Whether anything was ever written here."""
        return os.path.exists(self._index)  # noqa: PTH110 - asked for each block: no new Path

    @contextmanager
    def index(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection to the index; after an error it is another."""
        with typed_errors(self.folder):
            key = (os.getpid(), self.folder)
            if getattr(self._local, "key", None) != key:
                for name in ("packs", "incoming"):
                    (self.folder / name).mkdir(parents=True, exist_ok=True)
                index = self._connect("index.db")
                Checkpoints.prepare(index)
                index.execute("PRAGMA synchronous = FULL")
                index.executescript(_SCHEMA)
                self._local.key, self._local.index = key, index
            try:
                yield self._local.index
                self._checkpoints.used()
            except BaseException:  # with it goes what was attached, temporary or not committed
                self._local.key = None
                self._local.index.close()
                raise

    def _connect(self, name: str) -> sqlite3.Connection:
        return sqlite3.connect(self.folder / name, timeout=self._patience, isolation_level=None)

    @contextmanager
    def _lock(self, *, exclusive: bool) -> Iterator[None]:
        """Hold SQLite's shared or exclusive lock of `lock.db`; it ends with the process."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with closing(self._connect("lock.db")) as lock:
            if exclusive:
                lock.execute("BEGIN EXCLUSIVE")
            else:
                lock.execute("BEGIN")
                lock.execute("SELECT * FROM sqlite_master").fetchall()
            yield
            lock.execute("COMMIT")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a block is, and whether it was found damaged there."""

    pack: str
    at: int
    size: int
    bad: bool


class PackReaders:
    """Gives each thread that reads large files a reader of its own."""

    threads = min(4, (os.cpu_count() or 1) + 1)  # a file is written by one at a time

    def __init__(self, packs: Packs) -> None:
        self._packs = packs
        self._expected: dict[bytes, Place] = {}
        self._readers: list[PackReader] = []

    def __call__(self) -> PackReader:
        """One more reader."""
        self._readers.append(PackReader(self._packs, self._expected))
        return self._readers[-1]

    def usable(self) -> bool:
        """They are."""
        return True

    def close(self) -> None:
        """Close the packs."""
        for reader in self._readers:
            reader.close()

    def expect(self, cids: Sequence[CID]) -> None:
        """Look up at once what will be read next: the index is asked once for all of it."""
        self._expected.update(self._packs.places(cids))


class PackReader:
    """Reads blocks into a buffer, verified; the pack that the last one was in stays open."""

    def __init__(self, packs: Packs, expected: dict[bytes, Place]) -> None:
        self._packs = packs
        self._expected = expected
        self._name = ""
        self._file: FileIO | None = None

    def __call__(self, cid: CID, buffer: memoryview) -> memoryview:
        """Read a block, and return the part of the buffer that it fills.

        Raises:
            NotFoundError: it is not held.
            IntegrityError: it is damaged.
        """
        place = self._expected.pop(cid.digest, None) or self._packs.place(cid)
        view = buffer[: place.size]
        if place.bad or not self._fill(place, view) or sha256(view).digest() != cid.digest:
            block = self._packs.block(cid)  # which says what is wrong, if anything still is
            view = buffer[: len(block)]
            view[:] = block
        return view

    def close(self) -> None:
        """Close the pack."""
        if self._file is not None:
            self._file.close()
        self._name, self._file = "", None

    def _fill(self, place: Place, view: memoryview) -> bool:
        try:
            if self._file is None or self._name != place.pack:
                self.close()
                self._file = (self._packs.folder / "packs" / place.pack).open("rb", buffering=0)
                self._name = place.pack
            self._file.seek(place.at)
            return self._file.readinto(view) == len(view)
        except OSError:  # lost, or the disk gives nothing for it
            return False
