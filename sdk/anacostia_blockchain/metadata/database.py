"""One SQLite file: opened durably, locked against a second pipeline, written atomically."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import OperationalError

from anacostia_blockchain.errors import ConfigError, StoreBusyError

if TYPE_CHECKING:
    from sqlalchemy import Connection


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


def utc_now() -> datetime:
    """The time, in UTC, without a zone: the framework's columns take no other."""
    return datetime.now(UTC).replace(tzinfo=None)


def iso(time: datetime) -> str:
    """ISO 8601 text of a UTC time, always with microseconds."""
    return time.isoformat(timespec="microseconds") + "Z"


class Database:
    """The engine, and the right to be the one pipeline that uses it.

    Args:
        uri: of a SQLite file.
        lock_timeout: seconds to wait for another writer.

    Raises:
        StoreBusyError: another pipeline, here or in another process, has the database open.
    """

    def __init__(self, uri: str, lock_timeout: float) -> None:
        path = database_path(uri)
        path.absolute().parent.mkdir(parents=True, exist_ok=True)
        self._lock: int | None = _lock(path)
        self.engine = create_engine(
            uri, connect_args={"check_same_thread": False, "timeout": lock_timeout}
        )
        event.listen(self.engine, "connect", _configure)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        """One transaction that holds the write lock from its first statement to its commit.

        Raises:
            StoreBusyError: another writer kept the lock for longer than the timeout.
        """
        with self.engine.begin() as connection:
            try:
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            except OperationalError as error:
                raise StoreBusyError(
                    f"another process keeps {self.engine.url.database} locked: "
                    "close whatever has an unfinished transaction on it"
                ) from error
            yield connection

    def release(self) -> None:
        """Let another pipeline have the database; reading here goes on."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _lock(path: Path) -> int:
    """Take the lock that the kernel drops by itself when the process dies."""
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock)
        raise StoreBusyError(
            f"a pipeline is already running on {path}: stop it, or use another database"
        ) from error
    return lock


def _configure(connection: Any, _record: object) -> None:  # noqa: ANN401 - any DB-API connection
    # WAL: readers never wait for the writer. FULL: what is committed survives a power cut.
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=FULL")
