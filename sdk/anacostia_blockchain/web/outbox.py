"""An outbox over HTTP, for the anchor worker on another machine. Always behind a `Guard`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from fastapi import APIRouter, Body, HTTPException, Query

from anacostia_blockchain.errors import FormatError, LedgerError
from anacostia_blockchain.outbox.outbox import from_json, to_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from anacostia_blockchain.metadata.runlog import RunLog
    from anacostia_blockchain.outbox.outbox import Outbox

STATES = frozenset({"pending", "signed", "confirmed", "failed"})
COLUMNS = frozenset({"raw", "tx_hash", "note", "result", "error"})

Served = tuple["Outbox", "RunLog"]
T = TypeVar("T")


def outbox_routes(served: Callable[[], Served]) -> APIRouter:  # noqa: C901 - one function a route
    """The routes of an outbox and the log that it anchors.

    Args:
        served: gives both; called for every request.
    """
    routes = APIRouter(prefix="/api/outbox", tags=["outbox"])

    @routes.get("/open")
    def read() -> dict[str, Any]:
        """The log's salt and size, and the intents to be carried out now."""
        outbox, log = served()
        intents = [to_json(intent) for intent in outbox.open()]
        return {"salt": log.salt.hex(), "size": log.size(), "open": intents}

    @routes.get("/intent")
    def get(key: str) -> dict[str, Any] | None:
        """One intent."""
        intent = served()[0].get(key)
        return None if intent is None else to_json(intent)

    @routes.get("/failed")
    def failed() -> list[dict[str, Any]]:
        """Intents that a contract refused."""
        return [to_json(intent) for intent in served()[0].failed()]

    @routes.post("/move")
    def move(
        intent: Annotated[dict[str, Any], Body()],
        state: Annotated[str, Body()],
        then: Annotated[list[dict[str, Any]], Body()],
        columns: Annotated[dict[str, Any], Body()],
    ) -> bool:
        """Change an intent's state if nobody else has."""
        if state not in STATES or not set(columns) <= COLUMNS:
            raise HTTPException(422, "no such state or column")
        followers = [_intent(follower) for follower in then]
        return served()[0].move(_intent(intent), state, followers, **_columns(columns))

    @routes.post("/error")
    def note_error(
        intent: Annotated[dict[str, Any], Body()], error: Annotated[str, Body(max_length=500)]
    ) -> None:
        """Keep the reason why an intent is not done yet."""
        served()[0].note_error(_intent(intent), error)

    @routes.post("/flush")
    def flush() -> None:
        """Let whatever waits for others go now."""
        served()[0].flush()

    @routes.get("/root")
    def root(size: Annotated[int, Query(ge=0)]) -> str:
        """Root of the log's first records, in hexadecimal."""
        return _proven(lambda log: log.root(size).hex())

    @routes.get("/consistency")
    def consistency(
        old: Annotated[int, Query(ge=0)], new: Annotated[int, Query(ge=0)]
    ) -> list[str]:
        """Proof that the log of `new` records extends that of `old`."""
        return _proven(lambda log: [step.hex() for step in log.consistency_proof(old, new)])

    @routes.post("/anchored")
    def anchored(
        size: Annotated[int, Body(ge=0)], outcome: Annotated[dict[str, Any], Body()]
    ) -> None:
        """Told that the head of so many records is on chain, of which the chain is asked."""
        _proven(lambda log: log.reported(size, outcome))

    def _proven(ask: Callable[[RunLog], T]) -> T:
        try:
            return ask(served()[1])
        except LedgerError as error:
            raise HTTPException(409, str(error)) from error

    return routes


def _intent(data: dict[str, Any]) -> Any:  # noqa: ANN401 - an Intent
    try:
        return from_json(data)
    except FormatError as error:
        raise HTTPException(422, str(error)) from error


def _columns(columns: dict[str, Any]) -> dict[str, Any]:
    """Values of the outbox's columns: text as it is, bytes from hexadecimal."""
    raw = columns.get("raw")
    try:
        found = {"raw": bytes.fromhex(raw)} if isinstance(raw, str) else {}
        for name in ("note", "result"):
            if isinstance(columns.get(name), str):
                json.loads(columns[name])
    except ValueError as error:
        raise HTTPException(422, "a column's value is not what it holds") from error
    texts = {name: value for name, value in columns.items() if name != "raw"}
    if any(not isinstance(value, str | None) for value in texts.values()):
        raise HTTPException(422, "a column's value is not what it holds")
    return columns | found
