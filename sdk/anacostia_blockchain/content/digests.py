"""Digests of files that have not changed since they were hashed, so that they are not read again.

This serves importing only. Whatever verifies hashes every byte, and never looks in here.

A file is taken for unchanged while its place, device, inode, size, modification time and change
time (which no program can set back) are the same. Three things would break that, and are kept out:

- *A change within the same tick of the clock* as the one before ("racily clean", as git calls it).
  Only what had been left alone for `SETTLED` seconds when it was opened is remembered.
- *Writes through a memory map*, which move a file's times only when the system next writes the page
  back. What is young is therefore flushed before it is hashed.
- *File systems in memory*, which are never written back. Their files are not remembered.

The cache is one SQLite file, whose rows carry checksums. A row that is damaged counts as none; a
file that is damaged is dropped. What cannot be written for any other reason is not remembered:
nothing fails because of the cache.
"""

from __future__ import annotations

import logging
import os
import sqlite3
import struct
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from hashlib import blake2b, sha256
from pathlib import Path
from typing import TypeVar

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.walk import Found
from anacostia_blockchain.errors import FormatError

logger = logging.getLogger(__name__)

NAME = "digests.db"
"""In the client's home."""

SETTLED = 2.0
"""Seconds: the coarsest clock of any file system in use (FAT's)."""

_YOUNG = 120.0
"""Seconds after which a system has certainly written back what a memory map left behind."""

_WORTH_FLUSHING = 64 << 10
"""Bytes. A smaller file is hashed sooner than flushed."""

_LIMIT = 1_000_000
"""Files that are remembered at most, with some 250 bytes each."""

_DAY = 86_400.0
_PATIENCE = 5.0
_VERSION = 2

_SCHEMA = """
CREATE TABLE IF NOT EXISTS file (
    place BLOB PRIMARY KEY,
    value BLOB NOT NULL,
    used REAL NOT NULL
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS kept (
    store TEXT NOT NULL,
    cid BLOB NOT NULL,
    root BLOB NOT NULL,
    PRIMARY KEY (store, cid)
) WITHOUT ROWID;
"""

_ROW = struct.Struct(">QQQqq32s36sQ")
_CHECK = 16

_NOT_WANTED = bytes(32)
"""In the place of a file's SHA-256: only its CID was."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class FileDigest:
    """A file and its digests.

    Attributes:
        path: relative to the folder, with `/` between names.
        size: bytes.
        sha256: of the whole file; empty where it was not wanted.
        dag_size: bytes of all blocks (see `unixfs.Tree`).
    """

    path: str
    size: int
    sha256: bytes
    cid: CID
    dag_size: int


class DigestCache:
    """Remembers files' digests, and in which content of a store a file was last seen.

    Args:
        path: of the database; made when something is first remembered.
        settled: seconds for which a file must have been left alone.
        limit: files at most; the least recently used go first.
    """

    def __init__(self, path: Path, *, settled: float = SETTLED, limit: int = _LIMIT) -> None:
        self.path = path
        self._settled = settled
        self._limit = limit

    def __repr__(self) -> str:
        return f"DigestCache({str(self.path)!r})"

    # ------------------------------------------------------------------ digests

    def recall(self, found: Sequence[Found], *, whole: bool = True) -> dict[str, FileDigest]:
        """The digests of those files that are what they were, by their paths.

        Args:
            found: the files.
            whole: whether one without the SHA-256 of the whole file is of no use.
        """
        if not self.path.exists():
            return {}
        known: dict[str, FileDigest] = self._tried(lambda index: self._recall(index, found), {})
        return {path: digest for path, digest in known.items() if digest.sha256 or not whole}

    def _recall(self, index: sqlite3.Connection, found: Sequence[Found]) -> dict[str, FileDigest]:
        known, touched = {}, []
        now = time.time()
        for file in found:
            place = _place(file)
            query = "SELECT value, used FROM file WHERE place = ?"
            row = index.execute(query, (place,)).fetchone()
            digest = _read(place, row[0], file) if row else None
            if digest is not None:
                known[file.path] = digest
                if now - row[1] > _DAY:
                    touched.append((now, place))
        with index:
            index.executemany("UPDATE file SET used = ? WHERE place = ?", touched)
        return known

    def remember(self, hashed: Iterable[tuple[Found, FileDigest]]) -> None:
        """Remember digests of files for which `Settling` said that they may be."""
        now = time.time()
        rows = [(_place(file), _written(file, digest), now) for file, digest in hashed]
        if rows:
            self._tried(lambda index: self._remember(index, rows), None)

    def _remember(self, index: sqlite3.Connection, rows: list[tuple[bytes, bytes, float]]) -> None:
        with index:
            index.executemany("INSERT OR REPLACE INTO file VALUES (?, ?, ?)", rows)
            self._shrink(index, "file", "place", "used")

    def settling(self) -> Settling:
        """Begin to hash: what may be remembered is judged by the clock of this moment."""
        return Settling(self._settled)

    # ------------------------------------------------------------------ stores

    def held(self, store: str, files: Iterable[CID], is_kept: Callable[[CID], bool]) -> set[CID]:
        """Which files a store still holds: those that were last seen in content that it keeps.

        Args:
            store: what it is called here.
            files: to look for.
            is_kept: asks the store whether it keeps all that is below a root.
        """
        held: set[CID] = set()
        if self.path.exists():
            roots: dict[CID, set[CID]] = self._tried(lambda db: _roots(db, store, files), {})
            for root, members in roots.items():
                if is_kept(root):
                    held |= members
                else:
                    self._forget(store, root)
        return held

    def keep(self, store: str, root: CID, files: Iterable[CID]) -> None:
        """Note that a store holds files below a root."""
        rows = {(store, cid.bytes, root.bytes) for cid in files}
        if rows:
            self._tried(lambda index: self._keep(index, rows), None)

    def _keep(self, index: sqlite3.Connection, rows: set[tuple[str, bytes, bytes]]) -> None:
        with index:
            index.executemany("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", rows)
            self._shrink(index, "kept", "store, cid", "root")

    def _forget(self, store: str, root: CID) -> None:
        def delete(index: sqlite3.Connection) -> None:
            with index:
                index.execute("DELETE FROM kept WHERE store = ? AND root = ?", (store, root.bytes))

        self._tried(delete, None)

    # ------------------------------------------------------------------ SQLite

    def clear(self) -> None:
        """Forget everything."""
        for suffix in ("", "-wal", "-shm", "-journal"):
            self.path.with_name(self.path.name + suffix).unlink(missing_ok=True)

    def _shrink(self, index: sqlite3.Connection, table: str, key: str, order: str) -> None:
        """Keep a table within the limit, with some room so that this is rare."""
        count = index.execute(f"SELECT count(*) FROM {table}").fetchone()[0]  # noqa: S608 - ours
        if count > self._limit:
            surplus = count - self._limit * 9 // 10
            index.execute(
                f"DELETE FROM {table} WHERE ({key}) IN "  # noqa: S608 - names from this module
                f"(SELECT {key} FROM {table} ORDER BY {order} LIMIT ?)",
                (surplus,),
            )

    def _tried(self, work: Callable[[sqlite3.Connection], _T], otherwise: _T) -> _T:
        """Do something with the database; without it, if it cannot be used."""
        try:
            with self._index() as index:
                return work(index)
        except (sqlite3.OperationalError, OSError) as error:  # busy, full, read-only
            logger.info("%s is not used: %s", self.path, error)
        except sqlite3.DatabaseError as error:
            logger.warning("%s is damaged (%s) and was dropped", self.path, error)
            try:
                self.clear()
            except OSError as still:
                logger.info("%s could not be dropped: %s", self.path, still)
        return otherwise

    @contextmanager
    def _index(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with closing(sqlite3.connect(self.path, timeout=_PATIENCE)) as index:
            index.execute("PRAGMA journal_mode = WAL")
            index.execute("PRAGMA synchronous = NORMAL")
            version = index.execute("PRAGMA user_version").fetchone()[0]
            if version not in (0, _VERSION):
                raise sqlite3.DatabaseError(f"version {version}")
            index.executescript(_SCHEMA)
            index.execute(f"PRAGMA user_version = {_VERSION}")
            yield index


class Settling:
    """Says of files, as they are opened to be hashed, whether their digests may be remembered.

    Args:
        settled: seconds for which a file must have been left alone.

    Attributes:
        hashed: what may be.
    """

    def __init__(self, settled: float) -> None:
        self._settled = settled
        self._now = time.time()
        self._passing = _in_memory()
        self.hashed: list[tuple[Found, FileDigest]] = []

    def ready(self, found: Found, descriptor: int) -> bool:
        """Whether a file that was just opened may be remembered as it was found.

        The clock was looked at before: whatever changes after this moment gets another time.
        """
        age = self._now - max(found.identity[3], found.changed_ns) / 1e9
        if age < self._settled or found.identity[0] in self._passing:
            return False
        if age < _YOUNG:
            if found.size < _WORTH_FLUSHING:
                return False
            os.fsync(descriptor)
        return os.fstat(descriptor).st_ctime_ns == found.changed_ns


def _roots(index: sqlite3.Connection, store: str, files: Iterable[CID]) -> dict[CID, set[CID]]:
    roots: dict[CID, set[CID]] = {}
    for cid in files:
        query = "SELECT root FROM kept WHERE store = ? AND cid = ?"
        row = index.execute(query, (store, cid.bytes)).fetchone()
        if row is not None:
            roots.setdefault(_cid(row[0]), set()).add(cid)
    return roots


def _place(found: Found) -> bytes:
    return sha256(os.fsencode(found.location.absolute())).digest()


def _written(found: Found, digest: FileDigest) -> bytes:
    whole = digest.sha256 or _NOT_WANTED
    row = _ROW.pack(*found.identity, found.changed_ns, whole, digest.cid.bytes, digest.dag_size)
    return row + _checksum(_place(found), row)


def _read(place: bytes, value: bytes, found: Found) -> FileDigest | None:
    """What a row says of a file; None if it is damaged, or about another state of the file."""
    row, check = value[: _ROW.size], value[_ROW.size :]
    if len(row) != _ROW.size or check != _checksum(place, row):
        return None
    *state, digest, cid, dag_size = _ROW.unpack(row)
    if tuple(state) != (*found.identity, found.changed_ns):
        return None
    whole = b"" if digest == _NOT_WANTED else digest
    return FileDigest(found.path, found.size, whole, CID.from_bytes(cid), dag_size)


def _checksum(place: bytes, row: bytes) -> bytes:
    return blake2b(place + row, digest_size=_CHECK).digest()


def _cid(data: bytes) -> CID:
    try:
        return CID.from_bytes(data)
    except FormatError as error:
        raise sqlite3.DatabaseError(f"a row is no CID: {error}") from error


def _in_memory() -> frozenset[int]:
    """Devices of file systems that are nowhere but in memory; Linux says so."""
    devices = set()
    try:
        lines = Path("/proc/self/mountinfo").read_text(errors="replace").splitlines()
    except OSError:
        return frozenset()
    for line in lines:
        fields, _, about = line.partition(" - ")
        if about.split(" ")[0] in ("tmpfs", "ramfs"):
            major, _, minor = fields.split(" ")[2].partition(":")
            devices.add(os.makedev(int(major), int(minor)))
    return frozenset(devices)
