"""SQLite's write-ahead log, copied back into the database while nobody can write to it.

SQLite does so by itself, after a commit and beside the commits of other processes, and can then
lose one of theirs without a word: https://sqlite.org/wal.html#the_wal_reset_bug. That is mended in
3.51.3 (and in 3.50.7 and 3.44.6), which few builds of Python have yet.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing, suppress
from itertools import count
from pathlib import Path
from typing import Any

EVERY = 100
"""Uses of a database after which the size of its log is looked at."""

LARGE = 4 << 20
"""Bytes; what SQLite's own thousand pages come to."""

_PATIENCE = 1.0
"""Seconds to wait for whoever writes; then it is left for another time."""


class Checkpoints:
    """Those of one database, instead of SQLite's own.

    Args:
        path: of the database. All who write to it have to make their checkpoints in this way.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._log = Path(f"{path}-wal")
        self._uses = count()

    @staticmethod
    def prepare(connection: Any) -> None:  # noqa: ANN401 - any DB-API connection
        """Let a new connection keep a log, and leave its checkpoints to this."""
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")

    def used(self) -> None:
        """Say that something may have been written; now and then the log is copied."""
        if next(self._uses) % EVERY:
            return
        # A full disk, or somebody who writes for long: whatever it is, who writes next is told.
        with suppress(OSError, sqlite3.Error):
            if self._log.stat().st_size > LARGE:
                self._copy()

    def _copy(self) -> None:
        with closing(self._connect()) as guard, closing(self._connect()) as copier:
            guard.execute("BEGIN IMMEDIATE")
            copier.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None)
