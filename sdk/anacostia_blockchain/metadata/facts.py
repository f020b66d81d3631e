"""Everything the database knows about a run, as the fields of its record."""

from __future__ import annotations

import hashlib
import json
import platform
import sys
from dataclasses import dataclass
from functools import lru_cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.metadata import schema
from anacostia_blockchain.metadata.database import iso
from anacostia_blockchain.metadata.recording import Artifact, run_artifacts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from sqlalchemy import Connection, Table

PACKAGES = {
    "anacostia_blockchain": "anacostia-blockchain",
    "anacostia_pipeline": "anacostia-pipeline",
    "jax": "jax",
    "lightgbm": "lightgbm",
    "numpy": "numpy",
    "pandas": "pandas",
    "safetensors": "safetensors",
    "scipy": "scipy",
    "sklearn": "scikit-learn",
    "tensorflow": "tensorflow",
    "torch": "torch",
    "transformers": "transformers",
    "xgboost": "xgboost",
}
"""Packages whose version can change a model, by the module that shows that they are in use."""


@dataclass(frozen=True, slots=True)
class Fact:
    """One field of a run record: who says what about the run; `value` is any JSON."""

    role: str
    node: str
    name: str
    value: Any


def run_facts(connection: Connection, run_id: int, pipeline: str) -> list[Fact]:
    """All fields of a closed run; what was said several times is there in that order.

    Args:
        connection: of the transaction that closed the run.
        run_id: of the run.
        pipeline: the metadata store's name, as the node of what concerns the whole run.
    """
    return [
        *_run(connection, run_id, pipeline),
        *_values(connection, run_id),
        *_artifacts(connection, run_id),
        *_environment(pipeline),
    ]


def run_values(connection: Connection, run_id: int) -> list[Fact]:
    """Metrics, params and tags of a run, closed or not, in the order in which they were said."""
    return list(_values(connection, run_id))


def framework_hash(connection: Connection, run_id: int) -> str:
    """The framework's run hash by its own formula, over all the artifacts of the run.

    The framework computes it after what was read is marked as used, and so leaves that out; every
    run that makes nothing then has the same hash.

    Args:
        connection: of the transaction that closes the run.
        run_id: of the run.
    """
    inputs, outputs = (run_artifacts(connection, run_id, role) for role in ("input", "output"))
    digests = "".join(sorted(artifact.sha256 for artifact in (*inputs, *outputs)))
    tables = (("metric", upstream.metrics), ("param", upstream.params), ("tag", upstream.tags))
    rows = [_framework_rows(connection, run_id, table, role) for role, table in tables]
    return hashlib.sha256((digests + hash_values(*rows)).encode()).hexdigest()


def hash_values(*kinds: list[dict[str, Any]]) -> str:
    """The framework's `hash_run_metadata`: of metrics, params and tags, in order of their ids."""
    texts = (json.dumps(sorted(rows, key=lambda r: r["id"]), sort_keys=True) for rows in kinds)
    digests = "".join(hashlib.sha256(text.encode()).hexdigest() for text in texts)
    return hashlib.sha256(digests.encode()).hexdigest()


def _run(connection: Connection, run_id: int, pipeline: str) -> Iterator[Fact]:
    query = select(schema.runs).where(schema.runs.c.run_id == run_id)
    row = connection.execute(query).mappings().one()
    for name in ("run_id", "status", "reason", "started_at", "ended_at"):
        yield Fact("run", pipeline, name, row[name])
    results = schema.node_results
    for result in connection.execute(select(results).where(results.c.run_id == run_id)).mappings():
        said = {"result": result["result"], "detail": result["detail"]}
        yield Fact("result", result["node"], "result", said)
    for node, trigger in _triggers(connection, run_id):
        yield Fact("trigger", node, "trigger", trigger)
    digest = select(upstream.runs.c.hash).where(upstream.runs.c.run_id == run_id)
    yield Fact("framework", pipeline, "run.hash", connection.execute(digest).scalar_one())


def _triggers(connection: Connection, run_id: int) -> Iterator[tuple[str, dict[str, Any]]]:
    triggers, nodes = upstream.triggers, upstream.nodes
    query = (
        select(nodes.c.node_name, triggers.c.trigger_time, triggers.c.message)
        .join(nodes, triggers.c.node_id == nodes.c.id)
        .where(triggers.c.run_triggered == run_id)
        .order_by(triggers.c.id)
    )
    for node, time, message in connection.execute(query):
        yield node, {"time": iso(time), "message": message}


def _values(connection: Connection, run_id: int) -> Iterator[Fact]:
    values = schema.values
    query = select(values).where(values.c.run_id == run_id).order_by(values.c.id)
    for row in connection.execute(query).mappings():
        yield Fact(row["role"], row["node"], row["name"], json.loads(row["value"]))


def _artifacts(connection: Connection, run_id: int) -> Iterator[Fact]:
    for role in ("input", "output"):
        for artifact in run_artifacts(connection, run_id, role):
            yield Fact(role, artifact.store, artifact.location, _content(artifact))


def _content(artifact: Artifact) -> dict[str, Any]:
    return {"sha256": artifact.sha256, "cid": artifact.cid, "size": artifact.size}


def _environment(pipeline: str) -> Iterator[Fact]:
    yield Fact("environment", pipeline, "python", platform.python_version())
    yield Fact("environment", pipeline, "implementation", platform.python_implementation())
    yield Fact("environment", pipeline, "platform", platform.platform())
    for module, package in PACKAGES.items():
        if module in sys.modules and (found := _version(package)):
            yield Fact("environment", pipeline, f"package/{package}", found)


@lru_cache
def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:  # a checkout on the path, not installed
        return None


def _framework_rows(
    connection: Connection, run_id: int, table: Table, role: str
) -> list[dict[str, Any]]:
    """Rows with the keys that the framework's own getters give them."""
    nodes = upstream.nodes
    query = (
        select(table, nodes.c.node_name)
        .join(nodes, table.c.node_id == nodes.c.id)
        .where(table.c.run_id == run_id)
    )
    names = ("id", "run_id", f"{role}_name", f"{role}_value", "node_name")
    return [{n: row[n] for n in names} for row in connection.execute(query).mappings()]
