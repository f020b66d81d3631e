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

from sqlalchemy import BindParameter, bindparam, select

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.metadata import schema
from anacostia_blockchain.metadata.artifacts import Artifact, linked_artifacts
from anacostia_blockchain.metadata.database import iso

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


_RUN_COLUMNS = ("status", "reason", "source", "ended_at", "leaf", "log_index")
_FRAMEWORK = (("metric", upstream.metrics), ("param", upstream.params), ("tag", upstream.tags))


@dataclass(frozen=True, slots=True)
class Fact:
    """One field of a run record: who says what about the run; `value` is any JSON."""

    role: str
    node: str
    name: str
    value: Any


@dataclass(slots=True)
class Told:
    """What the tables say of a run, each of them read once: the end of a run waits for it.

    Attributes:
        run: the run itself; whoever closes it fills in its end.
        results: node, result and detail of each action.
        artifacts: each with its role: input or output.
        values: metrics, params and tags, in the order in which they were said.
        triggers: what started the run.
    """

    run: dict[str, Any]
    results: list[tuple[str, str, str | None]]
    artifacts: list[tuple[str, Artifact]]
    values: list[Fact]
    triggers: list[Fact]

    @classmethod
    def read(cls, connection: Connection, run_id: int) -> Told:
        """Read all of it."""
        results = schema.node_results
        query = select(results.c.node, results.c.result, results.c.detail)
        ordered = query.where(results.c.run_id == run_id).order_by(results.c.node)
        return cls(
            run=_run(connection, run_id),
            results=[tuple(row) for row in connection.execute(ordered)],
            artifacts=linked_artifacts(connection, run_id),
            values=run_values(connection, run_id),
            triggers=list(_triggers(connection, run_id)),
        )

    def facts(self, pipeline: str) -> list[Fact]:
        """All fields of a closed run; what was said several times is there in that order.

        Args:
            pipeline: the metadata store's name, as the node of what concerns the whole run.
        """
        about = ("run_id", "status", "reason", "started_at", "ended_at")
        return [
            *(Fact("run", pipeline, name, self.run[name]) for name in about),
            *(
                Fact("result", node, "result", {"result": result, "detail": detail})
                for node, result, detail in self.results
            ),
            *self.triggers,
            Fact("framework", pipeline, "run.hash", self.run["hash"]),
            *self.values,
            *(Fact(role, a.store, a.location, _content(a)) for role, a in self.artifacts),
            *_environment(pipeline),
        ]

    def framework_hash(self, connection: Connection) -> str:
        """The framework's run hash by its own formula, over all the artifacts of the run.

        The framework computes it after what was read is marked as used, and so leaves that out;
        every run that makes nothing then has the same hash.

        Args:
            connection: of the transaction that closes the run.
        """
        digests = "".join(sorted(artifact.sha256 for _role, artifact in self.artifacts))
        said = {fact.role for fact in self.values}
        rows = (
            _framework_rows(connection, self.run["run_id"], table, role) if role in said else []
            for role, table in _FRAMEWORK
        )
        return hashlib.sha256((digests + hash_values(*rows)).encode()).hexdigest()


def run_facts(connection: Connection, run_id: int, pipeline: str) -> list[Fact]:
    """All fields of a closed run: see `Told.facts`."""
    return Told.read(connection, run_id).facts(pipeline)


def run_values(connection: Connection, run_id: int) -> list[Fact]:
    """Metrics, params and tags of a run, closed or not, in the order in which they were said."""
    return [
        Fact(role, node, name, json.loads(value))
        for role, node, name, value in connection.execute(_VALUES, {"run_id": run_id})
    ]


def hash_values(*kinds: list[dict[str, Any]]) -> str:
    """The framework's `hash_run_metadata`: of metrics, params and tags, in order of their ids."""
    texts = (json.dumps(sorted(rows, key=lambda r: r["id"]), sort_keys=True) for rows in kinds)
    digests = "".join(hashlib.sha256(text.encode()).hexdigest() for text in texts)
    return hashlib.sha256(digests.encode()).hexdigest()


def _run(connection: Connection, run_id: int) -> dict[str, Any]:
    """The run as both of its rows have it; ours may be missing, of a run that is not ours."""
    row = dict(connection.execute(_RUN, {"run_id": run_id}).mappings().one())
    return row | {"run_id": run_id, "started_at": iso(row.pop("start_time"))}


def _triggers(connection: Connection, run_id: int) -> Iterator[Fact]:
    for node, time, message in connection.execute(_TRIGGERS, {"run_id": run_id}):
        yield Fact("trigger", node, "trigger", {"time": iso(time), "message": message})


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


_OURS, _THEIRS = schema.runs, upstream.runs
_NODES, _TRIGGER = upstream.nodes, upstream.triggers
_ID: BindParameter[int] = bindparam("run_id")
_RUN = (
    select(_THEIRS.c.start_time, _THEIRS.c.hash)
    .add_columns(*(_OURS.c[name] for name in _RUN_COLUMNS))
    .select_from(_THEIRS.outerjoin(_OURS, _OURS.c.run_id == _THEIRS.c.run_id))
    .where(_THEIRS.c.run_id == _ID)
)
_VALUES = (
    select(*(schema.values.c[name] for name in ("role", "node", "name", "value")))
    .where(schema.values.c.run_id == _ID)
    .order_by(schema.values.c.id)
)
_TRIGGERS = (
    select(
        upstream.nodes.c.node_name, upstream.triggers.c.trigger_time, upstream.triggers.c.message
    )
    .join(upstream.nodes, upstream.triggers.c.node_id == upstream.nodes.c.id)
    .where(upstream.triggers.c.run_triggered == _ID)
    .order_by(upstream.triggers.c.id)
)
"""Made once: to make a query takes as long as to ask it."""


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
