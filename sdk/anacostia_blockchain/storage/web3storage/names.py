"""Names of pins: the protocol has none, so this machine remembers its own."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.storage.disk import typed_errors

_SCHEMA = """
CREATE TABLE IF NOT EXISTS name (
    space TEXT NOT NULL,
    cid BLOB NOT NULL,
    name TEXT NOT NULL,
    PRIMARY KEY (space, cid, name)
) WITHOUT ROWID
"""


class Names:
    """The names that this machine gave to the uploads of a space.

    Args:
        path: of the SQLite file.
        space: whose uploads are named.
    """

    def __init__(self, path: Path, space: str) -> None:
        self._path = path
        self._space = space

    def of(self, cid: CID) -> list[str]:
        """The names of an upload; one without any has the empty name."""
        query = "SELECT name FROM name WHERE space = ? AND cid = ? ORDER BY name"
        with self._opened() as names:
            rows = names.execute(query, (self._space, cid.bytes)).fetchall()
        return [row[0] for row in rows] or [""]

    def add(self, cid: CID, name: str) -> None:
        """Give a name; a second time does nothing."""
        with self._opened() as names:
            row = (self._space, cid.bytes, name)
            names.execute("INSERT OR IGNORE INTO name VALUES (?, ?, ?)", row)

    def drop(self, cid: CID, name: str | None) -> None:
        """Take one name away, or all."""
        query = "DELETE FROM name WHERE space = ? AND cid = ? AND name = coalesce(?, name)"
        with self._opened() as names:
            names.execute(query, (self._space, cid.bytes, name))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        with typed_errors(self._path):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            opened = sqlite3.connect(self._path, timeout=60, isolation_level=None)
            with closing(opened) as names:
                names.execute(_SCHEMA)
                yield names
