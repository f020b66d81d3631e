"""The outbox's rows: what is written when, and who may change it."""

import pytest
from sqlalchemy import create_engine, event
from sqlalchemy.pool import StaticPool

from anacostia_blockchain.outbox.outbox import Intent, Outbox


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
