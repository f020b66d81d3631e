"""Exactly-once sending: intents kept in the database of whoever intends them.

An intent is written in the same database transaction as the fact it follows from. A `Sender` later
turns it into a transaction, stores the signed bytes, and only then broadcasts them. Whatever is
killed at whatever moment, a later sender finds one of four situations and none of them sends twice:

    pending    nothing was ever broadcast: ask the chain if it is done anyway, else sign
    signed     perhaps broadcast: these very bytes are sent again, which the chain takes once
    confirmed  done, with the result
    failed     a contract refused, with its reason; nothing is tried again by itself

Held intents belong to a run that has not ended; `release` and `discard` decide them, inside the
transaction that closes the run.
"""

from __future__ import annotations

import json
import logging
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import (
    Column,
    Float,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from anacostia_blockchain.errors import (
    AnacostiaError,
    ChainUnavailableError,
    ConfigError,
    ContractRevertedError,
    InsufficientFundsError,
    NonceConflictError,
    StorageError,
    TransactionFailedError,
    TransactionTimeoutError,
)

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, RowMapping

    from anacostia_blockchain.chain import Call, Chain, Receipt

log = logging.getLogger(__name__)

metadata = MetaData()

intents = Table(
    "ab_outbox",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("key", String, unique=True, nullable=False),
    Column("kind", String, nullable=False),
    Column("run_id", Integer),
    Column("payload", Text, nullable=False),
    Column("state", String, nullable=False, index=True),
    Column("not_before", Float),  # seconds since 1970: until then it may wait for others
    Column("note", Text),
    Column("raw", LargeBinary),
    Column("tx_hash", String),
    Column("result", Text),
    Column("error", Text),
    Column("attempts", Integer, nullable=False, default=0),
)

_IDLE = 0.25
"""Seconds between two looks at an outbox in which nothing was found, unless one is woken."""

TRANSIENT = (
    ChainUnavailableError,
    InsufficientFundsError,
    StorageError,
    TransactionTimeoutError,
)
"""Errors that time, money or a reachable service may cure: the intent stays where it is."""


@dataclass(frozen=True, slots=True)
class Intent:
    """One row of the outbox.

    Attributes:
        key: identity of what is intended; a second intent of the same key is the same intent.
        note: what the handler learnt while preparing (for instance the CID it stored).
    """

    key: str
    kind: str
    payload: dict[str, Any]
    state: str = "pending"
    run_id: int | None = None
    note: dict[str, Any] | None = None
    raw: bytes | None = None
    tx_hash: str | None = None
    result: dict[str, Any] | None = None
    error: str | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a confirmed intent led to, and the intents that follow from it."""

    result: dict[str, Any]
    then: Sequence[Intent] = field(default=())


class Handler(Protocol):
    """How one kind of intent is carried out."""

    kind: str

    def done(self, intent: Intent) -> Outcome | None:
        """Ask the chain whether the intent has taken effect already; None if it has not."""

    def prepare(self, intent: Intent) -> tuple[Call, dict[str, Any]]:
        """The contract call, and a note to keep. May store content; must be repeatable."""

    def outcome(self, intent: Intent, receipt: Receipt) -> Outcome:
        """Read the result of a successful transaction."""


class Outbox:
    """The intents of one database.

    Args:
        engine: of the database that also holds the facts the intents follow from.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        metadata.create_all(engine)

    @staticmethod
    def enqueue(
        connection: Connection,
        *,
        key: str,
        kind: str,
        payload: Mapping[str, Any],
        run_id: int | None = None,
        held: bool = False,
        not_before: float | None = None,
    ) -> bool:
        """Write an intent inside the caller's transaction; False if its key is there already."""
        values = {
            "key": key,
            "kind": kind,
            "payload": json.dumps(payload, sort_keys=True),
            "run_id": run_id,
            "state": "held" if held else "pending",
            "not_before": not_before,
        }
        dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
        statement = dialect.insert(intents).values(values).on_conflict_do_nothing()
        return bool(connection.execute(statement).rowcount)

    @staticmethod
    def release(connection: Connection, run_id: int) -> int:
        """Let a run's held intents go; returns how many. Call it where the run is closed."""
        return _decide(connection, run_id, "pending")

    @staticmethod
    def discard(connection: Connection, run_id: int) -> int:
        """Drop a run's held intents, because it failed; they stay readable."""
        return _decide(connection, run_id, "discarded")

    @staticmethod
    def waiting(connection: Connection, kind: str) -> int:
        """Number of pending intents of a kind that may wait for others."""
        query = select(func.count()).where(*_waits(kind))
        return int(connection.execute(query).scalar_one())

    @staticmethod
    def hasten(connection: Connection, kind: str, size: int | None = None) -> None:
        """Let the waiting intents of a kind go now; with `size`, those for no more records."""
        rows = connection.execute(select(intents.c.id, intents.c.payload).where(*_waits(kind)))
        ids = [row_id for row_id, text in rows if size is None or json.loads(text)["size"] <= size]
        connection.execute(update(intents).where(intents.c.id.in_(ids)).values(not_before=None))

    def flush(self) -> None:
        """Let whatever waits for others go now."""
        with self.engine.begin() as connection:
            waits = intents.c.not_before.is_not(None)
            connection.execute(update(intents).where(waits).values(not_before=None))

    def get(self, key: str) -> Intent | None:
        """The intent of that key, if there is one."""
        with self.engine.connect() as connection:
            query = select(intents).where(intents.c.key == key)
            row = connection.execute(query).mappings().first()
        return None if row is None else _intent(row)

    def open(self) -> list[Intent]:
        """Intents to be carried out now: what may be on its way first, then oldest first."""
        due = or_(intents.c.not_before.is_(None), intents.c.not_before <= time.time())
        query = (
            select(intents)
            .where(intents.c.state.in_(("signed", "pending")), due)
            .order_by(intents.c.state.desc(), intents.c.id)
        )
        with self.engine.connect() as connection:
            return [_intent(row) for row in connection.execute(query).mappings()]

    def failed(self) -> list[Intent]:
        """Intents that a contract refused."""
        query = select(intents).where(intents.c.state == "failed").order_by(intents.c.id)
        with self.engine.connect() as connection:
            return [_intent(row) for row in connection.execute(query).mappings()]

    def move(
        self, intent: Intent, state: str, then: Iterable[Intent] = (), **columns: object
    ) -> bool:
        """Change an intent's state if nobody else has, and add what follows, atomically."""
        with self.engine.begin() as connection:
            moved = connection.execute(
                update(intents)
                .where(intents.c.key == intent.key, intents.c.state == intent.state)
                .values(state=state, **columns)
            )
            if not moved.rowcount:
                return False
            for follower in then:
                self.enqueue(
                    connection,
                    key=follower.key,
                    kind=follower.kind,
                    payload=follower.payload,
                    run_id=intent.run_id,
                )
        return True

    def retry(self, intent: Intent) -> bool:
        """Let a failed intent be tried again, because what made it fail was mended."""
        return self.move(intent, "pending", raw=None, tx_hash=None, note=None, error=None)

    def note_error(self, intent: Intent, error: Exception) -> None:
        """Keep the reason why an intent is not done yet."""
        with self.engine.begin() as connection:
            connection.execute(
                update(intents)
                .where(intents.c.key == intent.key)
                .values(error=_shown(error), attempts=intents.c.attempts + 1)
            )


class Sender:
    """Carries out an outbox's intents, one at a time, in a thread of its own or step by step.

    Args:
        outbox: what to carry out.
        chain: the connection whose signer sends. One sender is enough; two do no harm.
        handlers: one for each kind of intent.
        on_step: called with the intent and the name of the step just taken (`prepared`, `signed`,
            `broadcast`, `confirmed`, `failed`); progress displays and crash tests hang on it.
        timeout: seconds to wait for a transaction before it is looked at again later.
    """

    def __init__(
        self,
        outbox: Outbox,
        chain: Chain,
        handlers: Iterable[Handler],
        *,
        on_step: Callable[[str, Intent], None] | None = None,
        timeout: float = 120,
    ) -> None:
        self.outbox = outbox
        self._chain = chain
        self._handlers = {handler.kind: handler for handler in handlers}
        self._on_step = on_step or (lambda _step, _intent: None)
        self._timeout = timeout
        self._stopped = threading.Event()
        self._wake = threading.Event()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Work in a daemon thread until `stop` or `drain`."""
        self._thread = threading.Thread(target=self._loop, name="outbox-sender", daemon=True)
        self._thread.start()

    def drain(self, timeout: float) -> int:
        """Wait, at most `timeout` seconds, until nothing is open; stop; return what is left.

        What waits for others waits no longer.
        """
        deadline = time.monotonic() + timeout
        self.outbox.flush()
        self._wake.set()
        while self.outbox.open() and time.monotonic() < deadline and not self._stopped.is_set():
            if self._thread is None:
                self.step()
            time.sleep(0.02)
        self.stop()
        return len(self.outbox.open())

    def wake(self) -> None:
        """Look at the outbox now: something was just written."""
        self._wake.set()

    def stop(self) -> None:
        """Stop after the step under way."""
        self._stopped.set()
        self._wake.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def step(self) -> bool:
        """Carry out every open intent once; False if one had to be put off."""
        for intent in self.outbox.open():
            if self._stopped.is_set():
                return False
            try:
                self.carry_out(intent)
            except TRANSIENT as error:
                log.warning("%s is put off: %s", intent.key, error)
                self.outbox.note_error(intent, error)
                return False
            except AnacostiaError as error:
                log.error("%s failed: %s", intent.key, error)  # noqa: TRY400 - no trace needed
        return True

    def carry_out(self, intent: Intent) -> Intent:
        """Take one intent as far as it goes now; returns it as it then stands.

        Raises:
            ChainUnavailableError: (and the other transient errors) try again later.
            AnacostiaError: it was refused; the intent is now `failed`, with the reason.
        """
        try:
            signed = self._sign(intent) if intent.state == "pending" else intent
            if signed is not None and signed.state == "signed":
                self._send(signed)
        except TRANSIENT:
            raise
        except AnacostiaError as error:
            self._fail(intent, error)
            raise
        return self.outbox.get(intent.key) or intent

    def _sign(self, intent: Intent) -> Intent | None:
        """Store signed bytes for a pending intent; None if it turns out to be done."""
        handler = self._handler(intent)
        if self._settled(handler, intent):
            return None
        call, note = handler.prepare(intent)
        self._on_step("prepared", intent)
        signed = self._chain.sign(call)
        stored = self.outbox.move(
            intent,
            "signed",
            raw=signed.raw,
            tx_hash=signed.hash,
            note=json.dumps(note),
        )
        if not stored:  # another sender was quicker: its transaction is the one that counts
            self._chain.abandon(signed)
            return None
        self._on_step("signed", intent)
        return self.outbox.get(intent.key)

    def _send(self, intent: Intent) -> None:
        assert intent.raw is not None  # noqa: S101 - what the state `signed` means
        assert intent.tx_hash is not None  # noqa: S101
        handler = self._handler(intent)
        try:
            self._chain.broadcast(intent.raw)
            self._on_step("broadcast", intent)
            receipt = self._chain.wait(intent.tx_hash, timeout=self._timeout)
        except TransactionTimeoutError:
            # Sent again with higher fees; of the two only one can be mined.
            raised = self._chain.bump(intent.raw)
            self.outbox.move(intent, "signed", raw=raised.raw, tx_hash=raised.hash)
            raise
        except NonceConflictError:
            # Another transaction took this one's nonce, so this one can never be mined.
            if not self._settled(handler, intent):
                self.outbox.move(intent, "pending", raw=None, tx_hash=None)
            return
        except (ContractRevertedError, TransactionFailedError):
            # It may have failed because the same thing was done by somebody else meanwhile.
            if self._settled(handler, intent):
                return
            raise
        self._confirm(intent, handler.outcome(intent, receipt))

    def _settled(self, handler: Handler, intent: Intent) -> bool:
        outcome = handler.done(intent)
        if outcome is not None:
            self._confirm(intent, outcome)
        return outcome is not None

    def _confirm(self, intent: Intent, outcome: Outcome) -> None:
        self.outbox.move(
            intent, "confirmed", outcome.then, result=json.dumps(outcome.result), error=None
        )
        self._on_step("confirmed", intent)

    def _fail(self, intent: Intent, error: AnacostiaError) -> None:
        current = self.outbox.get(intent.key) or intent
        self.outbox.move(current, "failed", error=_shown(error))
        self._on_step("failed", current)

    def _handler(self, intent: Intent) -> Handler:
        try:
            return self._handlers[intent.kind]
        except KeyError:
            raise ConfigError(f"nothing here carries out intents of kind {intent.kind}") from None

    def _loop(self) -> None:
        pause = _IDLE
        while not self._stopped.is_set():
            try:
                pause = _IDLE if self.step() else min(pause * 2, 5.0)
            except Exception:  # the thread must outlive a locked database
                log.exception("the sender stumbled; it goes on")
                pause = min(pause * 2, 5.0)
            self._wake.wait(pause)
            self._wake.clear()


def _waits(kind: str) -> tuple[Any, ...]:
    pending = intents.c.state == "pending"
    return pending, intents.c.kind == kind, intents.c.not_before.is_not(None)


def _decide(connection: Connection, run_id: int, state: str) -> int:
    decided = connection.execute(
        update(intents)
        .where(intents.c.run_id == run_id, intents.c.state == "held")
        .values(state=state)
    )
    return int(decided.rowcount)


def _intent(row: RowMapping) -> Intent:
    def loaded(name: str) -> dict[str, Any] | None:
        return json.loads(row[name]) if row[name] is not None else None

    return Intent(
        key=row["key"],
        kind=row["kind"],
        payload=loaded("payload") or {},
        state=row["state"],
        run_id=row["run_id"],
        note=loaded("note"),
        raw=row["raw"],
        tx_hash=row["tx_hash"],
        result=loaded("result"),
        error=row["error"],
    )


def _shown(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:500]
