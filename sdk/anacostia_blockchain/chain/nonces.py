"""Nonces, leased: no two threads or processes of a machine sign with the same one.

Leases are rows of a SQLite file. A lease ends when its transaction is mined or given up; the lease
of a process that died is taken over, so that a crash leaves no gap behind which everything waits.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path

from anacostia_blockchain.errors import StorageError, StoreBusyError, StoreFullError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS lease (
    chain_id INTEGER NOT NULL,
    address TEXT NOT NULL,
    nonce INTEGER NOT NULL,
    owner TEXT NOT NULL,
    PRIMARY KEY (chain_id, address, nonce)
) WITHOUT ROWID
"""


_PATIENCE = 60
"""Seconds; more than a request to the endpoint may take, which is made while the file is held."""


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
        where = "chain_id = ? AND address = ?"
        with self._transaction() as database:
            # Asked while the file is held: counts from before could name a nonce that another
            # process has leased, sent and seen mined since.
            mined, pending = self._counts()
            database.execute(f"DELETE FROM lease WHERE {where} AND nonce < ?", (*self._key, mined))  # noqa: S608 - constant
            rows = database.execute(f"SELECT nonce, owner FROM lease WHERE {where}", self._key)  # noqa: S608 - constant
            lives = cache(_lives)
            held = {nonce for nonce, owner in rows if nonce >= pending and lives(owner)}
            free = (nonce for nonce in itertools.count(pending) if nonce not in held)
            nonces = list(itertools.islice(free, count))
            owner = _owner()
            database.executemany(
                "INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?)",
                [(*self._key, nonce, owner) for nonce in nonces],
            )
        return nonces

    def give_back(self, *nonces: int) -> None:
        """End leases: of what was never sent, or of what the chain itself counts now."""
        with self._transaction() as database:
            database.executemany(
                "DELETE FROM lease WHERE chain_id = ? AND address = ? AND nonce = ?",
                [(*self._key, nonce) for nonce in nonces],
            )

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(
                sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None)
            ) as database:
                # A lease need not outlive a power cut: neither does the process that holds it.
                database.execute("PRAGMA synchronous = OFF")
                database.execute("BEGIN IMMEDIATE")
                database.execute(_SCHEMA)
                yield database
                database.execute("COMMIT")
        except sqlite3.OperationalError as error:
            if "full" in str(error):
                raise StoreFullError(
                    f"no space is left for {self._path}: free some; nothing was signed"
                ) from error
            raise StoreBusyError(
                f"{self._path}: {error}: another process has held it for {_PATIENCE} s, "
                "or this one may not write there"
            ) from error
        except sqlite3.DatabaseError as error:
            raise StorageError(
                f"{self._path}: {error}: delete it when nothing is being sent"
            ) from error


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
