"""What is being written to `storage.packs`: a pack, and an import of many blocks."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import uuid
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.storage.disk import sync, transaction

if TYPE_CHECKING:
    from anacostia_blockchain.storage.packs import Packs

_STAGED = "CREATE TABLE staged (digest BLOB PRIMARY KEY, at INTEGER, size INTEGER) WITHOUT ROWID"


@dataclass
class Pack:
    """A pack that is being written."""

    folder: Path
    name: str = field(default_factory=lambda: f"{uuid.uuid4().hex}.pack")
    size: int = 0

    def __post_init__(self) -> None:
        self.path = self.folder / "incoming" / self.name
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self._file = self.path.open("wb", buffering=1 << 16)  # leaves are larger: not copied

    def append(self, block: bytes | memoryview) -> int:
        """Add a block; returns where it begins."""
        at = self.size
        self._file.write(block)
        self.size += len(block)
        return at

    def flush(self) -> None:
        """Let what was added be read at `path`."""
        self._file.flush()

    def keep(self) -> None:
        """Flush, and move to where packs are."""
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        target = self.folder / "packs" / self.name
        target.parent.mkdir(exist_ok=True)
        self.path.rename(target)
        sync(target.parent)

    def drop(self) -> None:
        """Remove what was not kept."""
        with suppress(OSError):  # a full disk: the buffer cannot be flushed
            self._file.close()
        self.path.unlink(missing_ok=True)


class Incoming:
    """An import under way. Blocks may be added from several threads."""

    def __init__(self, packs: Packs) -> None:
        self._packs = packs
        self._pack = Pack(packs.folder)
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
                self._pack.flush()
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
            with transaction(index):
                # The upsert needs a WHERE before it, or the parser takes ON for a join.
                index.execute(
                    "INSERT INTO block SELECT digest, ?, at, size, 0 FROM incoming.staged "
                    "WHERE true ON CONFLICT (digest) DO UPDATE SET pack = excluded.pack, "
                    "at = excluded.at, size = excluded.size, bad = 0 WHERE bad",
                    (self._pack.name,),
                )
                add_pin(index, cid, name)
            index.execute("DETACH incoming")

    def close(self) -> None:
        """Remove what was not committed."""
        self._staged.close()
        self._pack.drop()
        self._path.unlink(missing_ok=True)


def add_pin(index: sqlite3.Connection, cid: CID, name: str) -> None:
    """Pin a CID under a name; a pin that is there keeps its time."""
    index.execute("INSERT OR IGNORE INTO pin VALUES (?, ?, ?)", (cid.bytes, name, time.time()))
