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
import time
import uuid
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import (
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreBusyError,
    StoreFullError,
)

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

_STAGED = "CREATE TABLE staged (digest BLOB PRIMARY KEY, at INTEGER, size INTEGER) WITHOUT ROWID"

_PATIENCE = 60.0
"""Seconds to wait for another process."""

_NO_SPACE = {errno.ENOSPC, errno.EDQUOT}


@contextmanager
def typed_errors(place: Path) -> Iterator[None]:
    """Turn the system's and SQLite's errors into this package's."""
    try:
        yield
    except sqlite3.OperationalError as error:
        text = str(error)
        if "full" in text:
            raise _full(place) from error
        if "locked" in text or "busy" in text:
            raise StoreBusyError(
                f"{place} is held by another process: try again when it is done"
            ) from error
        raise StorageError(f"{place}: {text}") from error
    except sqlite3.DatabaseError as error:
        raise StorageError(f"{place}: {error}: restore index.db from a copy") from error
    except OSError as error:
        if error.errno in _NO_SPACE:
            raise _full(place) from error
        raise


def _full(place: Path) -> StoreFullError:
    return StoreFullError(f"no space is left in {place}: free some; nothing was half-written")


class Packs:
    """The blocks and pins of one folder.

    Args:
        folder: made when something is first written.
        patience: seconds to wait for another process.
    """

    def __init__(self, folder: Path, patience: float = _PATIENCE) -> None:
        self.folder = folder
        self._patience = patience
        self._local = threading.local()

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
            with self.index() as index:
                index.execute("UPDATE block SET bad = NOT bad WHERE digest = ?", (cid.digest,))
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
        return self._place(cid).size

    def holds(self, cid: CID) -> bool:
        """Whether a block is in the index, and was not found damaged."""
        place = self._find(cid)
        return place is not None and not place.bad

    def _read(self, cid: CID) -> tuple[bytes, bool]:
        """A block as it is on the disk, and whether it was found damaged before."""
        while True:
            place = self._place(cid)
            try:
                with (self.folder / "packs" / place.pack).open("rb", buffering=0) as file:
                    file.seek(place.at)
                    return file.read(place.size), place.bad
            except FileNotFoundError:
                if self._place(cid) == place:  # else a sweep has moved it meanwhile
                    raise NotFoundError(
                        f"{self.folder} has lost {place.pack}, with {cid}"
                    ) from None

    def _place(self, cid: CID) -> _Place:
        place = self._find(cid)
        if place is None:
            raise NotFoundError(f"{cid} is not in {self.folder}")
        return place

    def _find(self, cid: CID) -> _Place | None:
        if not self.exists():
            return None
        with self.index() as index:
            query = "SELECT pack, at, size, bad FROM block WHERE digest = ?"
            row = index.execute(query, (cid.digest,)).fetchone()
        return None if row is None else _Place(row[0], row[1], row[2], bool(row[3]))

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
            try:
                rows = ((digest,) for digest in kept(index))
                index.executemany("INSERT OR IGNORE INTO kept VALUES (?)", rows)
                with _transaction(index):
                    index.execute("DELETE FROM block WHERE digest NOT IN (SELECT digest FROM kept)")
                    live = dict(index.execute("SELECT pack, SUM(size) FROM block GROUP BY pack"))
                    sparse = [n for n, size in before.items() if 0 < live.get(n, 0) < size // 2]
                    self._compact(index, sparse)
            finally:
                index.execute("DROP TABLE kept")
        for name in before:
            if name in sparse or name not in live:
                (packs / name).unlink()
        return sum(before.values()) - sum(path.stat().st_size for path in packs.iterdir())

    def _compact(self, index: sqlite3.Connection, sparse: list[str]) -> None:
        """Copy what is left of packs that are mostly garbage to one new pack."""
        if not sparse:
            return
        pack = _Pack(self.folder)
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
        return (self.folder / "index.db").exists()

    @contextmanager
    def index(self) -> Iterator[sqlite3.Connection]:
        """This thread's connection to the index."""
        with typed_errors(self.folder):
            key = (os.getpid(), self.folder)
            if getattr(self._local, "key", None) != key:
                for name in ("packs", "incoming"):
                    (self.folder / name).mkdir(parents=True, exist_ok=True)
                index = self._connect("index.db")
                index.execute("PRAGMA journal_mode = WAL")
                index.execute("PRAGMA synchronous = FULL")
                index.executescript(_SCHEMA)
                self._local.key, self._local.index = key, index
            yield self._local.index

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
class _Place:
    """Where a block is, and whether it was found damaged there."""

    pack: str
    at: int
    size: int
    bad: bool


@dataclass
class _Pack:
    """A pack that is being written."""

    folder: Path
    name: str = field(default_factory=lambda: f"{uuid.uuid4().hex}.pack")
    size: int = 0

    def __post_init__(self) -> None:
        self.path = self.folder / "incoming" / self.name
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("wb", buffering=1 << 20)

    def append(self, block: bytes | memoryview) -> int:
        """Add a block; returns where it begins."""
        at = self.size
        self._file.write(block)
        self.size += len(block)
        return at

    def keep(self) -> None:
        """Flush, and move to where packs are."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        target = self.folder / "packs" / self.name
        target.parent.mkdir(exist_ok=True)
        self.path.rename(target)
        _sync(target.parent)

    def drop(self) -> None:
        with suppress(OSError):  # a full disk: the buffer cannot be flushed
            self._file.close()
        self.path.unlink(missing_ok=True)


class Incoming:
    """An import under way. Blocks may be added from several threads."""

    def __init__(self, packs: Packs) -> None:
        self._packs = packs
        self._pack = _Pack(packs.folder)
        self._lock = threading.Lock()
        self._path = self._pack.path.with_suffix(".db")
        self._staged = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False)
        for pragma in ("journal_mode = OFF", "synchronous = OFF"):  # it is thrown away anyway
            self._staged.execute(f"PRAGMA {pragma}")
        self._staged.execute(_STAGED)
        self._staged.execute("BEGIN")
        self._any = False

    def add(self, cid: CID, block: bytes | memoryview) -> None:
        """Add a block whose bytes are those of its CID; one that is held is not written again."""
        with self._lock:
            if self._packs.holds(cid):
                return
            row = (cid.digest, self._pack.size, len(block))
            if self._staged.execute("INSERT OR IGNORE INTO staged VALUES (?, ?, ?)", row).rowcount:
                self._pack.append(block)
                self._any = True

    def block(self, cid: CID) -> bytes:
        """A block that was added, or was held before."""
        query = "SELECT at, size FROM staged WHERE digest = ?"
        with self._lock:
            row = self._staged.execute(query, (cid.digest,)).fetchone()
            if row is not None:
                self._pack._file.flush()  # noqa: SLF001 - its own
        if row is None:
            return self._packs.block(cid)
        with self._pack.path.open("rb", buffering=0) as file:
            file.seek(row[0])
            return file.read(row[1])

    def holds(self, cid: CID) -> bool:
        """Whether a block was added, or was held before."""
        query = "SELECT 1 FROM staged WHERE digest = ?"
        with self._lock:
            staged = self._staged.execute(query, (cid.digest,)).fetchone()
        return staged is not None or self._packs.holds(cid)

    def commit(self, cid: CID, name: str) -> None:
        """Make everything that was added count, and pin `cid`."""
        self._staged.execute("COMMIT")
        self._staged.close()
        if self._any:
            self._pack.keep()
        with self._packs.index() as index:
            index.execute("ATTACH ? AS incoming", (str(self._path),))
            try:
                with _transaction(index):
                    # The upsert needs a WHERE before it, or the parser takes ON for a join.
                    index.execute(
                        "INSERT INTO block SELECT digest, ?, at, size, 0 FROM incoming.staged "
                        "WHERE true ON CONFLICT (digest) DO UPDATE SET pack = excluded.pack, "
                        "at = excluded.at, size = excluded.size, bad = 0 WHERE bad",
                        (self._pack.name,),
                    )
                    add_pin(index, cid, name)
            finally:
                index.execute("DETACH incoming")

    def close(self) -> None:
        """Remove what was not committed."""
        self._staged.close()
        self._pack.drop()
        self._path.unlink(missing_ok=True)


def add_pin(index: sqlite3.Connection, cid: CID, name: str) -> None:
    """Pin a CID under a name; a pin that is there keeps its time."""
    index.execute("INSERT OR IGNORE INTO pin VALUES (?, ?, ?)", (cid.bytes, name, time.time()))


@contextmanager
def _transaction(index: sqlite3.Connection) -> Iterator[None]:
    index.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        index.execute("ROLLBACK")
        raise
    index.execute("COMMIT")


def _sync(folder: Path) -> None:
    """Make the names in a folder outlive a power cut, where the system lets one open a folder."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows does not
        return
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
