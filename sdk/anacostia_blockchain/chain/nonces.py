"""Nonces, leased: no two threads or processes of a machine sign with the same one.

Leases are rows of a SQLite file. A lease ends when its transaction is mined or given up; the lease
of a process that died is taken over, so that a crash leaves no gap behind which everything waits.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from anacostia_blockchain.errors import StoreBusyError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lease (
    chain_id INTEGER NOT NULL,
    address TEXT NOT NULL,
    nonce INTEGER NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (chain_id, address, nonce)
) WITHOUT ROWID
"""


class Nonces:
    """The leases of one account on one chain.

    Args:
        path: of the SQLite file, shared by all processes of the machine that use the account.
        counts: asks the chain for the account's transactions: mined; and with those pending.
    """

    def __init__(
        self, path: Path, chain_id: int, address: str, counts: Callable[[], tuple[int, int]]
    ) -> None:
        self._path = path
        self._key = (chain_id, address)
        self._counts = counts

    def lease(self, count: int = 1) -> list[int]:
        """The lowest nonces that nobody holds.

        Raises:
            StoreBusyError: another process has held the file for too long.
        """
        mined, pending = self._counts()
        with self._transaction() as database:
            where = "chain_id = ? AND address = ?"
            database.execute(f"DELETE FROM lease WHERE {where} AND nonce < ?", (*self._key, mined))  # noqa: S608
            rows = database.execute(f"SELECT nonce, owner FROM lease WHERE {where}", self._key)  # noqa: S608
            held = {nonce for nonce, owner in rows if nonce < pending or _lives(owner)}
            nonces: list[int] = []
            candidate = pending
            while len(nonces) < count:
                if candidate not in held:
                    nonces.append(candidate)
                candidate += 1
            database.executemany(
                "INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?)",
                [(*self._key, nonce, _owner()) for nonce in nonces],
            )
        return nonces

    def give_back(self, nonce: int) -> None:
        """End a lease whose transaction was never sent."""
        with self._transaction() as database:
            database.execute(
                "DELETE FROM lease WHERE chain_id = ? AND address = ? AND nonce = ?",
                (*self._key, nonce),
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as database:
                database.execute("BEGIN IMMEDIATE")
                database.execute(_SCHEMA)
                yield database
                database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise StoreBusyError(f"{self._path}: {error}: another process holds it") from error


def _owner() -> str:
    return f"{os.getpid()}:{_started(os.getpid())}"


def _lives(owner: str) -> bool:
    """Whether the process that took a lease still runs; process ids are used again."""
    pid, _, started = owner.partition(":")
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return _started(int(pid)) == started


def _started(pid: int) -> str:
    """When a process began, where the system tells; else empty, and the id alone must do."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
