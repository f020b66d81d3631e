"""Nonces, leased: no two threads or processes of a machine sign with the same one.

Leases are rows of a SQLite file. A lease ends when its transaction is mined or given up; the lease
of a process that died is taken over, so that a crash leaves no gap behind which everything waits.
What was sent and waits behind a gap is in no count of the chain's: its hash is kept, with those of
all that was signed to replace it, and its nonce is taken for as long as the network knows one of
them. Whoever waits behind a gap that nobody holds fills it.
The end of a lease that could not be written, of a full disk say, is written before the next one.
"""

from __future__ import annotations

import itertools
import os
import sqlite3
from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from functools import cache
from pathlib import Path

from anacostia_blockchain.chain.values import SignedTransaction
from anacostia_blockchain.errors import StorageError, StoreBusyError, StoreFullError

_SCHEMA = """
CREATE TABLE IF NOT EXISTS leases (
    chain_id INTEGER NOT NULL,
    address TEXT NOT NULL,
    nonce INTEGER NOT NULL,
    owner TEXT NOT NULL,
    hash TEXT NOT NULL,
    PRIMARY KEY (chain_id, address, nonce)
) WITHOUT ROWID
"""

_DROP_MINED = "DELETE FROM leases WHERE chain_id = ? AND address = ? AND nonce < ?"
_READ = "SELECT nonce, owner, hash FROM leases WHERE chain_id = ? AND address = ? AND nonce >= ?"
_TAKE = "INSERT OR REPLACE INTO leases VALUES (?, ?, ?, ?, '')"
_SIGN = """
INSERT INTO leases (hash, chain_id, address, nonce, owner) VALUES (?, ?, ?, ?, '')
ON CONFLICT (chain_id, address, nonce) DO UPDATE
SET hash = trim(hash || ' ' || excluded.hash) WHERE instr(hash, excluded.hash) = 0
"""
_END = """
UPDATE leases SET owner = ''
WHERE instr(hash, ?) AND chain_id = ? AND address = ? AND nonce = ?
"""
_HOLDER = "SELECT owner, hash FROM leases WHERE chain_id = ? AND address = ? AND nonce = ?"
_HOLD = "UPDATE leases SET owner = ? WHERE chain_id = ? AND address = ? AND nonce = ?"
_GIVE_BACK = "DELETE FROM leases WHERE chain_id = ? AND address = ? AND nonce = ?"

_Ends = deque[tuple[str, tuple[object, ...]]]

_unwritten: defaultdict[tuple[object, ...], _Ends] = defaultdict(deque)
"""Statements that end leases and were not written yet, by file, account and process.

A process that lives holds what it leased, whatever became of the connection that leased it: who
opens another one to the same account writes them too. A forked child has leased nothing.
"""

_PATIENCE = 60
"""Seconds; more than a request to the endpoint may take, which is made while the file is held."""


class Nonces:
    """The leases of one account on one chain.

    Args:
        path: of the SQLite file, shared by all processes of the machine that use the account.
        counts: asks the chain for the account's transactions: mined; and with those pending.
        known: asks it which transactions it has, by their hashes.
    """

    def __init__(
        self,
        path: Path,
        chain_id: int,
        address: str,
        counts: Callable[[], tuple[int, int]],
        known: Callable[[Sequence[str]], Iterable[bool]],
    ) -> None:
        self._path = path
        self._key = (chain_id, address)
        self._counts = counts
        self._known = known

    def lease(self, count: int = 1, below: int | None = None) -> list[int]:
        """The lowest nonces that nobody holds; with `below`, of those alone, however few.

        Raises:
            StoreBusyError: another process has held the file for too long.
        """
        with self._transaction() as database:
            # Asked while the file is held: counts from before could name a nonce that another
            # process has leased, sent and seen mined since.
            mined, pending = self._counts()
            database.execute(_DROP_MINED, (*self._key, mined))
            held = self._held(database.execute(_READ, (*self._key, pending)).fetchall())
            there = itertools.count(pending) if below is None else range(pending, below)
            free = (nonce for nonce in there if nonce not in held)
            nonces = list(itertools.islice(free, count))
            owner = _owner()
            database.executemany(_TAKE, [(*self._key, nonce, owner) for nonce in nonces])
        return nonces

    def signed(self, transactions: Iterable[SignedTransaction]) -> None:
        """Remember what is about to be sent, for the first time or to replace what was."""
        with self._transaction() as database:
            database.executemany(_SIGN, [self._row(tx) for tx in transactions])

    def hold(self, transaction: SignedTransaction) -> bool:
        """Lease again what a transaction was signed with; False if somebody else holds it now."""
        key = (*self._key, transaction.nonce)
        with self._transaction() as database:
            owner, hashes = database.execute(_HOLDER, key).fetchone() or ("", "")
            if transaction.hash not in hashes and _lives(owner):
                mined, _pending = self._counts()
                if mined <= transaction.nonce:
                    return False
            database.execute(_SIGN, self._row(transaction))
            database.execute(_HOLD, (_owner(), *key))
        return True

    def end(self, transactions: Iterable[SignedTransaction]) -> None:
        """End leases: from now on only the network decides whether their nonces are taken.

        One that has gone to somebody else meanwhile is left to him.
        """
        self._end((_END, self._row(tx)) for tx in transactions)

    def give_back(self, *nonces: int) -> None:
        """End leases of what the network does not have."""
        self._end((_GIVE_BACK, (*self._key, nonce)) for nonce in nonces)

    def _end(self, statements: Iterable[tuple[str, tuple[object, ...]]]) -> None:
        """Write that leases have ended; what fails here says nothing of what was sent."""
        self._unwritten.extend(statements)
        with suppress(StorageError), self._transaction():
            pass

    @property
    def _unwritten(self) -> _Ends:
        return _unwritten[self._path, *self._key, _owner()]

    def _held(self, rows: Sequence[tuple[int, str, str]]) -> set[int]:
        """Nonces of whoever lives, and of what was sent and waits."""
        lives = cache(_lives)
        held = {nonce for nonce, owner, _hash in rows if lives(owner)}
        sent = {tx: nonce for nonce, _, txs in rows if nonce not in held for tx in txs.split()}
        known = zip(sent.values(), self._known(list(sent)), strict=True)
        return held | {nonce for nonce, there in known if there}

    def _row(self, transaction: SignedTransaction) -> tuple[object, ...]:
        return transaction.hash, *self._key, transaction.nonce

    @contextmanager
    def _transaction(self) -> Iterator[sqlite3.Connection]:
        """Hold the file, and write at once what ended before."""
        self._path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(
                sqlite3.connect(self._path, timeout=_PATIENCE, isolation_level=None)
            ) as database:
                # A lease need not outlive a power cut: neither does the process that holds it.
                database.execute("PRAGMA synchronous = OFF")
                database.execute("BEGIN IMMEDIATE")
                database.execute(_SCHEMA)
                with self._writing_ends(database):
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

    @contextmanager
    def _writing_ends(self, database: sqlite3.Connection) -> Iterator[None]:
        ended = [self._unwritten.popleft() for _ in range(len(self._unwritten))]
        try:
            for statement, row in ended:
                database.execute(statement, row)
            yield
        except BaseException:
            self._unwritten.extendleft(reversed(ended))
            raise


def _owner() -> str:
    return f"{os.getpid()}:{_started(os.getpid())}"


def _lives(owner: str) -> bool:
    """Whether the process that took a lease still runs; process ids are used again."""
    pid, _, started = owner.partition(":")
    if not pid:
        return False
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
