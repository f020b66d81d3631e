"""What a run wants to happen on chain: held while it goes on, decided where it is closed."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

from sqlalchemy import delete, select, update

from anacostia_blockchain.metadata.runlog import load_record
from anacostia_blockchain.outbox.outbox import Outbox, intents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from sqlalchemy import Connection

    from anacostia_blockchain.ledger.record import Leaf
    from anacostia_blockchain.metadata.facts import Fact


def hold(
    connection: Connection, *, key: str, kind: str, payload: Mapping[str, Any], run_id: int
) -> bool:
    """Write down an intent of a run under way; False if the same was intended, and not dropped."""
    dropped = (intents.c.key == key) & (intents.c.state == "discarded")
    connection.execute(delete(intents).where(dropped))
    return Outbox.enqueue(connection, key=key, kind=kind, payload=payload, run_id=run_id, held=True)


def settle(
    connection: Connection, run_id: int, *, succeeded: bool, description: Mapping[str, Any]
) -> None:
    """Let a run's intents go, publications with their provenance, evaluations with their proof.

    Or drop them.

    Args:
        connection: of the transaction that closes the run.
        run_id: of the run.
        succeeded: whether to let them go.
        description: what the run adds to the description of a version that it publishes.
    """
    if not succeeded:
        Outbox.discard(connection, run_id)
        return
    held = select(intents.c.id, intents.c.payload).where(
        intents.c.run_id == run_id, intents.c.state == "held", intents.c.kind == "publish"
    )
    for row_id, text in connection.execute(held).all():
        payload = json.loads(text)
        payload["description"] = {**description, **payload["description"]}
        _amend(connection, row_id, payload)
    _disclose(connection, run_id)
    Outbox.release(connection, run_id)


def _disclose(connection: Connection, run_id: int) -> None:
    """Give a run's evaluations the metric that they attest, shown in the record just made."""
    held = select(intents.c.id, intents.c.payload).where(
        intents.c.run_id == run_id, intents.c.state == "held", intents.c.kind == "attest"
    )
    for row_id, text in connection.execute(held).all():
        payload, record = json.loads(text), load_record(connection, run_id)
        last = record.find("metric", payload["metric"], payload["node"])[-1]
        shown = record.disclose("metric", last.node, last.name, last.number)
        payload |= {"run": record.root.hex(), "shown": shown.to_json().decode()}
        _amend(connection, row_id, payload)


def _amend(connection: Connection, row_id: int, payload: Mapping[str, Any]) -> None:
    amended = json.dumps(payload, sort_keys=True)
    connection.execute(update(intents).where(intents.c.id == row_id).values(payload=amended))


def describe(
    facts: Sequence[Fact], *, invocation: str, log_id: bytes, leaf: bytes
) -> dict[str, Any]:
    """A run as arguments of `content.version.describe_version`: metrics and provenance.

    Args:
        facts: of the run.
        invocation: names the run within its pipeline.
        log_id: of the log on chain that the run's record is in.
        leaf: the record's root.
    """
    parameters: dict[str, dict[str, Any]] = {}
    for fact in facts:
        if fact.role == "param":
            parameters.setdefault(fact.node, {})[fact.name] = fact.value
    times = {fact.name: fact.value for fact in facts if fact.role == "run"}
    return {
        "metrics": last_metrics(facts),
        "provenance": {
            "parameters": parameters,
            "inputs": [_input(fact) for fact in facts if fact.role == "input"],
            "invocation_id": invocation,
            "started_on": times["started_at"],
            "finished_on": times["ended_at"],
            "log_id": log_id.hex(),
            "run_leaf": leaf.hex(),
        },
    }


def last_metrics(facts: Iterable[Fact | Leaf]) -> dict[str, float]:
    """Each metric's last value by name, with the node's name before those that two nodes have."""
    last = {(fact.node, fact.name): fact.value for fact in facts if fact.role == "metric"}
    nodes = Counter(name for _node, name in last)
    return {
        name if nodes[name] == 1 else f"{node}/{name}": value
        for (node, name), value in last.items()
    }


def _input(fact: Fact) -> dict[str, str]:
    entry = {"name": f"{fact.node}/{fact.name}", "digest": fact.value["sha256"]}
    cid = fact.value["cid"]
    return entry | ({"uri": f"ipfs://{cid}"} if cid else {})
