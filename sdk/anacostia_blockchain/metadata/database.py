"""The database of runs: opened durably, claimed by one pipeline, written atomically.

SQLite is here; PostgreSQL, for more than one machine, in `postgres.py`.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import create_engine, event, inspect
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from anacostia_blockchain._checkpoints import Checkpoints
from anacostia_blockchain.errors import ConfigError, StorageError, StoreBusyError
from anacostia_blockchain.storage.disk import typed

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, ExceptionContext, Table


class Claim(Protocol):
    """An exclusive right, which ends with the process if not before."""

    def release(self) -> None:
        """Let others have it."""


class Database(ABC):
    """An engine, transactions that do not interleave, and exclusive rights.

    Attributes:
        engine: for reading.
        shown: the database's name in messages, without a password.
    """

    engine: Engine
    shown: str

    @abstractmethod
    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """One transaction; no other one of this kind begins before it has ended.

        Args:
            durable: survive a power cut from the commit on; else from the next durable one on.
                The death of the process is survived in any case.

        Raises:
            StoreBusyError: another writer kept the database for longer than the timeout.
            StoreUnavailableError: the server does not answer.
        """
        yield  # type: ignore[misc] # of a method that is not called

    @contextmanager
    def read(self) -> Iterator[Connection]:
        """A connection for reading.

        Raises:
            StoreUnavailableError: the server does not answer.
        """
        with self.engine.connect() as connection:
            yield connection

    def has_table(self, name: str) -> bool:
        """Whether there is a table of that name."""
        return inspect(self.engine).has_table(name)

    @abstractmethod
    def claim(self, what: str) -> Claim | None:
        """Take an exclusive right, such as to be the one pipeline; None if another has it."""

    def claim_pipeline(self) -> Claim:
        """The right to be the one pipeline that runs on this database.

        Raises:
            StoreBusyError: another has it, here or in another process.
        """
        claim = self.claim("pipeline")
        if claim is None:
            raise StoreBusyError(
                f"a pipeline is already running on {self.shown}: stop it, or use another database"
            )
        return claim


def open_database(uri: str, lock_timeout: float = 30) -> Database:
    """The database of a `sqlite:///` or `postgresql://` URI.

    Raises:
        ConfigError: the URI is of neither kind, or names no lasting database.
        StoreUnavailableError: the server does not answer.
    """
    check_uri(uri)
    if uri.startswith("sqlite"):
        return SqliteDatabase(uri, lock_timeout)
    from anacostia_blockchain.metadata.postgres import PostgresDatabase  # noqa: PLC0415 - extra

    return PostgresDatabase(uri, lock_timeout)


def check_uri(uri: str) -> None:
    """Refuse the URI of a database that runs cannot be kept in.

    Raises:
        ConfigError: it is one.
    """
    if uri.startswith(("postgresql://", "postgres://", "postgresql+psycopg://")):
        postgres_url(uri)
    else:
        database_path(uri)


def database_path(uri: str) -> Path:
    """The file that a `sqlite:///` URI names; relative to the working directory, or absolute.

    Raises:
        ConfigError: the URI is not one of a SQLite file.
    """
    if not uri.startswith("sqlite:///"):
        raise ConfigError(f"{uri!r} is not the URI of a SQLite file: use sqlite:///metadata.db")
    path = make_url(uri).database
    if not path or path == ":memory:":
        raise ConfigError(f"{uri!r} names no file, and runs must outlive the process")
    return Path(path)


def postgres_url(uri: str) -> Any:  # noqa: ANN401 - SQLAlchemy's
    """A PostgreSQL URI with the driver that this package uses.

    Raises:
        ConfigError: the URI is none. The message does not show it: it may hold a password.
    """
    example = "use postgresql://user:password@host/database"
    try:
        url = make_url(uri)
    except (ArgumentError, ValueError):
        raise ConfigError(f"that is not the URI of a PostgreSQL database: {example}") from None
    if url.get_backend_name() not in ("postgresql", "postgres") or not url.database:
        raise ConfigError(f"that is not the URI of a PostgreSQL database: {example}")
    return url.set(drivername="postgresql+psycopg")


def insert_new(connection: Connection, table: Table) -> Any:  # noqa: ANN401 - one per dialect
    """An INSERT of the connection's dialect, to which an `on_conflict_…` can be added."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    return dialect.insert(table)


def utc_now() -> datetime:
    """The time, in UTC, without a zone: the framework's columns take no other."""
    return datetime.now(UTC).replace(tzinfo=None)


def iso(time: datetime) -> str:
    """ISO 8601 text of a UTC time, always with microseconds."""
    return time.isoformat(timespec="microseconds") + "Z"


class SqliteDatabase(Database):
    """One SQLite file.

    Args:
        uri: of the file; its folder is made if it is not there.
        lock_timeout: seconds to wait for another writer.
    """

    def __init__(self, uri: str, lock_timeout: float) -> None:
        self._path = database_path(uri)
        self._path.absolute().parent.mkdir(parents=True, exist_ok=True)
        self.shown = str(self._path)
        self.engine = create_engine(
            uri, connect_args={"check_same_thread": False, "timeout": lock_timeout}
        )
        checkpoints = Checkpoints(self._path)
        event.listen(self.engine, "connect", _configure)
        event.listen(self.engine, "checkin", lambda *_: checkpoints.used())
        explain_errors(self.engine, self._path)

    @contextmanager
    def write(self, *, durable: bool = True) -> Iterator[Connection]:
        """One transaction that holds the write lock from its first statement to its commit."""
        with self.engine.begin() as connection:
            if connection.info.get("durable") is not durable:
                level = "FULL" if durable else "NORMAL"
                connection.exec_driver_sql(f"PRAGMA synchronous={level}")
                connection.info["durable"] = durable
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except StoreBusyError as error:
                raise StoreBusyError(
                    f"another process keeps {self.shown} locked: "
                    "close whatever has an unfinished transaction on it"
                ) from error
            yield connection

    def claim(self, what: str) -> Claim | None:
        """Take a lock that the kernel drops by itself when the process dies."""
        path = Path(f"{self._path}.{what}.lock")
        lock = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(lock)
            return None
        if not path.exists() or path.stat().st_ino != os.fstat(lock).st_ino:
            os.close(lock)  # released, and removed, between our two calls
            return self.claim(what)
        return _FileClaim(lock, path)


class _FileClaim:
    def __init__(self, lock: int, path: Path) -> None:
        self._lock: int | None = lock
        self._path = path

    def release(self) -> None:
        """Remove the file, then the lock: whoever waits for it looks whether it is still there."""
        if self._lock is not None:
            self._path.unlink(missing_ok=True)
            os.close(self._lock)
            self._lock = None


def explain_errors(engine: Engine, path: Path) -> None:
    """Let what SQLite says of a file reach whoever uses it as this package's errors.

    They are `StoreFullError`, `StoreBusyError`, and `StorageError` for one that is damaged or may
    not be written. What a statement does wrong stays SQLAlchemy's.
    """

    def explain(context: ExceptionContext) -> StorageError | None:
        error = context.original_exception
        if isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError:
            return typed(error, path)
        return None

    event.listen(engine, "handle_error", explain, retval=True)


def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - any DB-API connection
    # WAL: readers never wait for the writer. FULL: what is committed survives a power cut.
    Checkpoints.prepare(connection)
    connection.execute("PRAGMA synchronous=FULL")
