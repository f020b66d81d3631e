"""PostgreSQL as the database of runs: for many machines, and for histories that outgrow a file."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from sqlalchemy import create_engine, event, text

from anacostia_blockchain.errors import ConfigError, StoreBusyError, StoreUnavailableError
from anacostia_blockchain.metadata.database import Claim, Database, postgres_url

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine
    from sqlalchemy.engine import ExceptionContext

_CONNECT_TIMEOUT = 5
_LOCK_NOT_AVAILABLE = "55P03"


class PostgresDatabase(Database):
    """One PostgreSQL database, which any number of pipelines' runs may not share.

    Writers take turns, as with SQLite: a log has one next place. Rights are advisory locks of a
    session, which the server drops when the process, or the way to it, dies.

    Args:
        uri: `postgresql://user:password@host/database`.
        lock_timeout: seconds to wait for another writer.

    Raises:
        ConfigError: the driver is not installed.
        StoreUnavailableError: the server does not answer.
    """

    def __init__(self, uri: str, lock_timeout: float) -> None:
        url = postgres_url(uri)
        self.shown = f"{url.host or 'localhost'}/{url.database}"
        self._lock_timeout = max(1, round(lock_timeout * 1000))
        self._claims: list[_SessionClaim] = []
        try:
            self.engine: Engine = create_engine(
                url,
                pool_pre_ping=True,
                pool_size=16,
                max_overflow=16,
                connect_args={"connect_timeout": _CONNECT_TIMEOUT},
            )
        except ModuleNotFoundError as error:
            raise ConfigError(
                "PostgreSQL needs its driver: pip install 'anacostia-blockchain[postgres]'"
            ) from error
        event.listen(self.engine, "handle_error", self._explain)
        with self.read() as connection:
            connection.execute(text("SELECT 1"))

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """One transaction that has the writers' lock until its commit."""
        for claim in self._claims:
            claim.check()
        with self.engine.begin() as connection:
            commit = "on" if durable else "off"
            settings = f"SET LOCAL lock_timeout = {self._lock_timeout}"
            settings += f"; SET LOCAL synchronous_commit = {commit}"
            connection.exec_driver_sql(settings)
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), _TURN)
            yield connection

    def claim(self, what: str) -> Claim | None:
        """Take a session's advisory lock."""
        claim = _SessionClaim(self, what)
        if not claim.take():
            return None
        self._claims.append(claim)
        return claim

    def forget(self, claim: _SessionClaim) -> None:
        """Leave a claim that was released."""
        if claim in self._claims:
            self._claims.remove(claim)

    def _explain(self, context: ExceptionContext) -> None:
        """Give the driver's errors of a lost or busy server the names of this package."""
        error = context.original_exception
        if getattr(error, "sqlstate", None) == _LOCK_NOT_AVAILABLE:
            raise StoreBusyError(
                f"another process keeps {self.shown} locked: "
                "close whatever has an unfinished transaction on it"
            ) from error
        if context.is_disconnect or isinstance(error, _unreachable()):
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            raise StoreUnavailableError(
                f"PostgreSQL at {self.shown} does not answer ({reason}): "
                "start it, or check the host, the user and the password"
            ) from error


class _SessionClaim:
    """An advisory lock, on a connection of its own; taken anew if the server was restarted."""

    def __init__(self, database: PostgresDatabase, what: str) -> None:
        self._database = database
        self._what = what
        self._connection: Connection | None = None
        self._held = False
        self._guard = threading.Lock()

    def take(self) -> bool:
        """Lock, if nobody else has."""
        connection = self._database.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        statement = text("SELECT pg_try_advisory_lock(:key)")
        if not connection.execute(statement, {"key": _key(self._what)}).scalar():
            connection.close()
            return False
        self._connection = connection
        self._held = True
        return True

    def check(self) -> None:
        """Make sure that the lock is still ours.

        Raises:
            StoreBusyError: the connection was lost, and somebody else was quicker.
        """
        with self._guard:
            if self._held and not self._alive() and not self.take():
                raise StoreBusyError(
                    f"the way to {self._database.shown} was lost, and another process has taken "
                    "over: stop this one"
                )

    def _alive(self) -> bool:
        if self._connection is None:
            return False
        try:
            self._connection.execute(text("SELECT 1"))
        except StoreUnavailableError:
            self._drop()
            return False
        return True

    def release(self) -> None:
        """Unlock, and close the session, which alone a busy server would notice some time later."""
        with self._guard:
            self._held = False
            self._database.forget(self)
            if self._connection is not None:
                with suppress(StoreUnavailableError):
                    statement = text("SELECT pg_advisory_unlock(:key)")
                    self._connection.execute(statement, {"key": _key(self._what)})
            self._drop()

    def _drop(self) -> None:
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None


def _unreachable() -> tuple[type[Exception], ...]:
    from psycopg import InterfaceError, OperationalError  # noqa: PLC0415 - an extra

    return OperationalError, InterfaceError


def _key(what: str) -> int:
    """A lock's number: 64 bits, signed."""
    digest = hashlib.sha256(f"anacostia:{what}".encode()).digest()
    return int.from_bytes(digest[:8], "big", signed=True)


_TURN = {"key": _key("writers")}
