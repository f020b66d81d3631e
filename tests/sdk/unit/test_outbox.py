"""The outbox's rows: what is written when, and who may change it."""

import sqlite3
from pathlib import Path

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.exc import IntegrityError
from sqlalchemy.pool import StaticPool

from anacostia_blockchain.errors import StorageError, StoreBusyError, StoreFullError
from anacostia_blockchain.metadata.database import explain_errors
from anacostia_blockchain.outbox.outbox import Intent, Outbox
from outside import FULL, Outside


@pytest.fixture
def outbox():
    engine = create_engine(
        "sqlite://", connect_args={"check_same_thread": False}, poolclass=StaticPool
    )
    yield Outbox(engine)
    engine.dispose()


def enqueue(outbox, key, **options):
    with outbox.engine.begin() as connection:
        return outbox.enqueue(connection, key=key, kind="k", payload={"key": key}, **options)


def test_enqueue_writes_one_intent_for_a_key(outbox):
    assert enqueue(outbox, "a")
    assert not enqueue(outbox, "a")
    assert [intent.key for intent in outbox.open()] == ["a"]
    assert outbox.get("a") == Intent("a", "k", {"key": "a"})


def test_enqueue_belongs_to_the_callers_transaction(outbox):
    with outbox.engine.connect() as connection:
        outbox.enqueue(connection, key="a", kind="k", payload={})
        connection.rollback()
    assert outbox.get("a") is None


def test_held_intents_wait_for_their_run(outbox):
    enqueue(outbox, "good", run_id=1, held=True)
    enqueue(outbox, "bad", run_id=2, held=True)
    assert outbox.open() == []
    with outbox.engine.begin() as connection:
        assert outbox.release(connection, 1) == 1
        assert outbox.discard(connection, 2) == 1
    assert [intent.key for intent in outbox.open()] == ["good"]
    assert outbox.get("bad").state == "discarded"
    with outbox.engine.begin() as connection:
        assert outbox.release(connection, 2) == 0


def test_open_gives_what_may_be_under_way_first(outbox):
    for key in ("a", "b", "c"):
        enqueue(outbox, key)
    assert outbox.move(outbox.get("b"), "signed", raw=b"\x01", tx_hash="0x1")
    assert [intent.key for intent in outbox.open()] == ["b", "a", "c"]


def test_move_is_refused_when_somebody_else_was_quicker(outbox):
    enqueue(outbox, "a")
    seen = outbox.get("a")
    assert outbox.move(seen, "signed", raw=b"\x01", tx_hash="0x1")
    assert not outbox.move(seen, "signed", raw=b"\x02", tx_hash="0x2")
    assert outbox.get("a").raw == b"\x01"


def test_move_adds_what_follows_in_the_same_transaction(outbox):
    enqueue(outbox, "a", run_id=7)
    follower = Intent("a:then", "k", {"n": 1})
    assert outbox.move(outbox.get("a"), "confirmed", [follower], result='{"x": 1}')
    assert outbox.get("a").result == {"x": 1}
    assert outbox.get("a:then").run_id == 7

    @event.listens_for(outbox.engine, "before_cursor_execute")
    def fail(_connection, _cursor, statement, _parameters, _context, _many):
        if statement.startswith("INSERT"):
            raise RuntimeError("disk")

    with pytest.raises(RuntimeError, match="disk"):
        outbox.move(outbox.get("a:then"), "confirmed", [Intent("b", "k", {})])
    assert outbox.get("a:then").state == "pending"


def test_retry_lets_a_failed_intent_go_again(outbox):
    enqueue(outbox, "a")
    outbox.move(outbox.get("a"), "failed", error="ModelRegistry_NotOwner()")
    assert [intent.error for intent in outbox.failed()] == ["ModelRegistry_NotOwner()"]
    assert outbox.retry(outbox.get("a"))
    assert outbox.get("a").state == "pending"
    assert outbox.get("a").error is None


def test_what_a_later_one_has_done_over_is_not_tried_again(outbox):
    """An alias that was refused for version 1, and has moved to 2 since, would go back."""
    best, other = {"model_id": 1, "alias": "best"}, {"model_id": 1, "alias": "other"}
    intended = [("a1", best, 1), ("b1", other, 1), ("a2", best, 2), ("a3", best, 3)]
    for key, subject, version in intended:
        with outbox.engine.begin() as connection:
            payload = subject | {"version": version}
            outbox.enqueue(connection, key=key, kind="alias", payload=payload)
        if key != "a2":
            outbox.move(outbox.get(key), "failed", error="ModelRegistry_Gated()")
    assert [intent.key for intent in outbox.failed()] == ["a1", "b1", "a3"]
    outbox.move(outbox.get("a2"), "signed", raw=b"\x01", tx_hash="0x1")
    assert [intent.key for intent in outbox.failed()] == ["b1", "a3"]
    outbox.move(outbox.get("a2"), "confirmed", result="{}")
    assert [intent.key for intent in outbox.failed()] == ["b1", "a3"]


def journal(path: Path) -> Outbox:
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 0.1})
    explain_errors(engine, path)
    return Outbox(engine)


def test_a_damaged_file_is_a_typed_error(tmp_path):
    path = tmp_path / "journal.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StorageError, match=r"journal\.db: file is not a database: restore"):
        journal(path)


def test_a_file_that_another_process_holds_is_a_typed_error(tmp_path):
    path = tmp_path / "journal.db"
    outbox = journal(path)
    with sqlite3.connect(path, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusyError, match="held by another process"):
            enqueue(outbox, "a")
        with pytest.raises(StoreBusyError):
            outbox.get("a")
        holder.execute("ROLLBACK")
    assert enqueue(outbox, "a")


def test_a_file_in_no_folder_is_a_typed_error(tmp_path):
    with pytest.raises(StorageError, match="unable to open database file"):
        journal(tmp_path / "nowhere" / "journal.db")


def test_a_full_disk_is_a_typed_error(tmp_path):
    """Wherever it is found out."""
    path = tmp_path / "journal.db"
    found = 0
    for point in range(20):
        refused = False
        with Outside({point: FULL}) as outside:
            try:
                enqueue(journal(path), f"{point}")
            except StoreFullError:
                refused = True
        assert refused == bool(outside.struck)
        found += refused
    assert found
    assert enqueue(journal(path), "later")


def test_what_a_statement_does_wrong_is_the_librarys_error(tmp_path):
    outbox = journal(tmp_path / "journal.db")
    with outbox.engine.begin() as connection:
        statement = "INSERT INTO ab_outbox (key) VALUES ('a')"
        with pytest.raises(IntegrityError):
            connection.exec_driver_sql(statement)
