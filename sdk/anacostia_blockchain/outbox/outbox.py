"""Exactly-once sending: intents kept in the database of whoever intends them.

An intent is written in the same database transaction as the fact it follows from. A `Sender` later
turns it into a transaction, stores the signed bytes, and only then broadcasts them. Whatever is
killed at whatever moment, a later sender finds one of four situations and none of them sends twice:

    pending    nothing was ever broadcast: ask the chain if it is done anyway, else sign
    signed     perhaps broadcast: these very bytes are sent again, which the chain takes once; so
               it does of all that were signed in their place, to offer more, with the same nonce
    confirmed  done, with the result
    failed     a contract refused, or the network before it had anything, with the reason; nothing
               is tried again by itself

Held intents belong to a run that has not ended; `release` and `discard` decide them, inside the
transaction that closes the run.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
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
from sqlalchemy.schema import CreateIndex, CreateTable

from anacostia_blockchain.errors import AnacostiaError, FormatError

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, RowMapping

    from anacostia_blockchain.chain import Call, Receipt

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


AFRESH: dict[str, Any] = {"raw": None, "tx_hash": None, "note": None, "error": None}
"""Columns of an intent with which nothing was done yet."""


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

    def is_stale(self, intent: Intent, refusal: AnacostiaError) -> bool:
        """Whether a refusal only says that the chain has moved on since `prepare`: do it anew."""


class Outbox:
    """The intents of one database.

    Args:
        engine: of the database that also holds the facts the intents follow from.
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        with engine.begin() as connection:  # another process may do so at the same time
            connection.execute(CreateTable(intents, if_not_exists=True))
            for index in intents.indexes:
                connection.execute(CreateIndex(index, if_not_exists=True))

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
        """Intents that a contract refused, but for what a later one has done over since.

        Tried again, those would undo it: an alias would go back to an older version.
        """
        query = select(intents).where(intents.c.state == "failed").order_by(intents.c.id)
        with self.engine.connect() as connection:
            rows = connection.execute(query).mappings().all()
            return [_intent(row) for row in rows if not _is_overtaken(connection, row)]

    def move(
        self, intent: Intent, state: str, then: Iterable[Intent] = (), **columns: object
    ) -> bool:
        """Change an intent's state if nobody else has, and add what follows, atomically.

        To have signed it again, with higher fees, is to have changed it.
        """
        as_known = (
            intents.c.key == intent.key,
            intents.c.state == intent.state,
            intents.c.tx_hash.is_not_distinct_from(intent.tx_hash),
        )
        with self.engine.begin() as connection:
            moved = connection.execute(
                update(intents).where(*as_known).values(state=state, **columns)
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
        return self.move(intent, "pending", **AFRESH)

    def note_error(self, intent: Intent, error: Exception | str) -> None:
        """Keep the reason why an intent is not done yet."""
        with self.engine.begin() as connection:
            connection.execute(
                update(intents)
                .where(intents.c.key == intent.key)
                .values(
                    error=error if isinstance(error, str) else shown(error),
                    attempts=intents.c.attempts + 1,
                )
            )


def _waits(kind: str) -> tuple[Any, ...]:
    pending = intents.c.state == "pending"
    return pending, intents.c.kind == kind, intents.c.not_before.is_not(None)


def _is_overtaken(connection: Connection, row: RowMapping) -> bool:
    subject = _subject(row["payload"])
    if subject is None:
        return False
    later = select(intents.c.payload).where(
        intents.c.kind == row["kind"],
        intents.c.state.in_(("signed", "confirmed")),
        intents.c.id > row["id"],
    )
    return any(_subject(text) == subject for text in connection.scalars(later))


def _subject(payload: str) -> dict[str, Any] | None:
    """What an intent sets to a version; None if that is not what it does."""
    fields = json.loads(payload)
    return fields if fields.pop("version", None) is not None else None


def _decide(connection: Connection, run_id: int, state: str) -> int:
    decided = connection.execute(
        update(intents)
        .where(intents.c.run_id == run_id, intents.c.state == "held")
        .values(state=state)
    )
    return int(decided.rowcount)


def to_json(intent: Intent) -> dict[str, Any]:
    """An intent as plain data, for another machine."""
    return asdict(intent) | {"raw": intent.raw.hex() if intent.raw is not None else None}


def from_json(data: Mapping[str, Any]) -> Intent:
    """Read what `to_json` wrote.

    Raises:
        FormatError: it is something else.
    """
    try:
        raw = data["raw"]
        intent = Intent(**{**data, "raw": bytes.fromhex(raw) if raw is not None else None})
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError("that is no intent of an outbox") from error
    if not f"{intent.key}{intent.kind}".isprintable():  # a terminal would obey it
        raise FormatError("that is no intent of an outbox: its key or kind cannot be shown")
    return intent


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


def shown(error: Exception) -> str:
    """An error as it is kept with its intent."""
    return f"{type(error).__name__}: {error}"[:500]
