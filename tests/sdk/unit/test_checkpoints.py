"""A log of SQLite is copied back while nobody can write: what one process commits, none loses."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from functools import partial
from pathlib import Path

import pytest

from anacostia_blockchain import _checkpoints
from anacostia_blockchain._checkpoints import EVERY, LARGE, Checkpoints
from anacostia_blockchain.metadata.database import open_database
from anacostia_blockchain.storage.local import LocalStore


@pytest.fixture
def each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever was used is copied."""
    monkeypatch.setattr(_checkpoints, "EVERY", 1)
    monkeypatch.setattr(_checkpoints, "LARGE", 0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database that another process keeps open, so that none of ours is the last to close it."""
    path = tmp_path / "a.db"
    with closing(sqlite3.connect(path)) as database:
        Checkpoints.prepare(database)
        database.execute("CREATE TABLE t (who, what)")
        database.commit()
        database.execute("PRAGMA wal_checkpoint").fetchone()
        yield path


def in_file(path: Path) -> int:
    """Rows that the database has without its log."""
    alone = path.with_name("alone.db")
    shutil.copy(path, alone)
    with closing(sqlite3.connect(alone)) as database:
        return int(database.execute("SELECT count(*) FROM t").fetchone()[0])


def insert(path: Path, rows: int, size: int = 4) -> None:
    with closing(sqlite3.connect(path)) as database:
        Checkpoints.prepare(database)
        for _ in range(rows):
            database.execute("INSERT INTO t VALUES (1, ?)", (os.urandom(size),))
            database.commit()


class TestCheckpoints:
    def test_nothing_is_copied_but_by_them(self, path: Path) -> None:
        insert(path, 1200, 8000)
        assert in_file(path) == 0
        checkpoints = Checkpoints(path)
        checkpoints.used()
        assert in_file(path) == 1200

    def test_they_look_now_and_then_and_at_what_is_large(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        checkpoints = Checkpoints(path)
        for _ in range(EVERY):
            checkpoints.used()
        insert(path, 2, LARGE // 2)
        monkeypatch.setattr(_checkpoints, "LARGE", 2 * LARGE)
        checkpoints.used()
        assert in_file(path) == 0
        monkeypatch.undo()
        for _ in range(EVERY - 1):
            checkpoints.used()
        assert in_file(path) == 0
        checkpoints.used()
        assert in_file(path) == 2

    @pytest.mark.usefixtures("each_time")
    def test_nobody_can_write_meanwhile(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        seen: list[str] = []

        class Watched(sqlite3.Connection):
            def execute(self, statement: str, *arguments: object) -> sqlite3.Cursor:
                if "wal_checkpoint" in statement:
                    with closing(connect(path, timeout=0)) as other:
                        with pytest.raises(sqlite3.OperationalError, match="locked"):
                            other.execute("INSERT INTO t VALUES (2, 2)")
                        seen.append("refused")
                return super().execute(statement, *arguments)

        connect = sqlite3.connect
        insert(path, 3)
        monkeypatch.setattr(sqlite3, "connect", partial(connect, factory=Watched))
        Checkpoints(path).used()
        monkeypatch.undo()
        assert seen == ["refused"]
        assert in_file(path) == 3
        insert(path, 1)  # and afterwards everybody can

    @pytest.mark.usefixtures("each_time")
    def test_who_writes_for_long_is_not_waited_for(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(_checkpoints, "_PATIENCE", 0.01)
        insert(path, 3)
        with closing(sqlite3.connect(path)) as writer:
            writer.execute("INSERT INTO t VALUES (2, 2)")
            Checkpoints(path).used()
            assert in_file(path) == 0
            writer.commit()
        Checkpoints(path).used()
        assert in_file(path) == 4

    @pytest.mark.usefixtures("each_time")
    def test_without_a_database_nothing_is_made(self, tmp_path: Path) -> None:
        Checkpoints(tmp_path / "none.db").used()
        assert list(tmp_path.iterdir()) == []


WRITER = """
import sys
from pathlib import Path
from sqlalchemy import text
from anacostia_blockchain import _checkpoints
from anacostia_blockchain.metadata.database import open_database

_checkpoints.EVERY, _checkpoints.LARGE = 3, 0
who, path = sys.argv[1:]
for start in range(0, 100, 20):
    database = open_database(f"sqlite:///{path}")
    for number in range(start, start + 20):
        with database.write() as connection:
            connection.execute(text(f"INSERT INTO t VALUES ({who}, {number})"))
    database.engine.dispose()
"""


def test_processes_that_write_and_copy_lose_nothing(path: Path) -> None:
    """The race itself is too rare to be met; a broken checkpoint would be met here."""
    command = [sys.executable, "-c", WRITER]
    writers = [subprocess.Popen([*command, str(who), str(path)]) for who in range(4)]
    assert [writer.wait(900) for writer in writers] == [0] * 4
    with closing(sqlite3.connect(path)) as database:
        rows = database.execute("SELECT who, what FROM t ORDER BY who, what").fetchall()
        assert rows == [(who, number) for who in range(4) for number in range(100)]
        assert database.execute("PRAGMA integrity_check").fetchone() == ("ok",)


@pytest.mark.usefixtures("each_time")
@pytest.mark.parametrize("kind", ["metadata", "store"])
def test_it_is_used(kind: str, tmp_path: Path, watched: Callable[[], list[str]]) -> None:
    if kind == "metadata":
        with open_database(f"sqlite:///{tmp_path}/a.db").write() as connection:
            connection.exec_driver_sql("CREATE TABLE t (a)")
    else:
        (tmp_path / "file").write_bytes(b"content")
        LocalStore(tmp_path / "store").put(tmp_path / "file")
    said = "; ".join(watched())
    assert "PRAGMA wal_autocheckpoint = 0" in said
    assert "BEGIN IMMEDIATE; PRAGMA wal_checkpoint(PASSIVE)" in said


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> Callable[[], list[str]]:
    """What is said to SQLite from now on."""
    said: list[str] = []
    connect = sqlite3.connect

    def traced(*arguments: object, **options: object) -> sqlite3.Connection:
        connection = connect(*arguments, **options)
        connection.set_trace_callback(said.append)
        return connection

    for module in (sqlite3, sqlite3.dbapi2):  # the latter is what SQLAlchemy calls
        monkeypatch.setattr(module, "connect", traced)
    return lambda: said
