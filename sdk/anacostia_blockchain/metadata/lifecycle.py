"""A run's beginning and end, each in one transaction of the caller's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, func, insert, select, update

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.metadata import schema
from anacostia_blockchain.metadata.artifacts import link_artifacts
from anacostia_blockchain.metadata.database import iso, utc_now

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from anacostia_blockchain.metadata.facts import Told

PIPELINE = "pipeline"
"""Source of a run that a pipeline makes."""


@dataclass(frozen=True, slots=True)
class RunSummary:
    """How a run ended.

    Attributes:
        status: succeeded, failed (an action did), or aborted (the process ended first).
        reason: which nodes failed and why, or why it was aborted; None for a success.
        leaf: root of the run's record, which is its leaf in the run log.
        index: its place in the run log, from 0.
    """

    run_id: int
    status: str
    reason: str | None
    leaf: bytes
    index: int


def open_run(
    connection: Connection, run_id: int, stores: Iterable[str] | None, source: str
) -> None:
    """Begin a run.

    Args:
        connection: of the caller's transaction.
        run_id: that no run has.
        stores: monitored stores, whose new artifacts and triggers so far are this run's; None:
            the run is not a pipeline's.
        source: who makes the run: `PIPELINE`, or the name that plain code gave it.
    """
    now = utc_now()
    connection.execute(insert(upstream.runs).values(run_id=run_id, start_time=now))
    row = {"run_id": run_id, "status": "running", "source": source, "started_at": iso(now)}
    connection.execute(insert(schema.runs).values(row))
    if stores is not None:
        _give_what_is_new(connection, run_id, stores)


def _give_what_is_new(connection: Connection, run_id: int, stores: Iterable[str]) -> None:
    triggers = upstream.triggers
    connection.execute(
        update(triggers).where(triggers.c.run_triggered.is_(None)).values(run_triggered=run_id)
    )
    artifacts, nodes = upstream.artifacts, upstream.nodes
    newer = artifacts.alias()
    replaced = exists().where(
        newer.c.node_id == artifacts.c.node_id,
        newer.c.location == artifacts.c.location,
        newer.c.id > artifacts.c.id,
    )
    forgone = update(artifacts).where(artifacts.c.state == "new", replaced)
    connection.execute(forgone.values(state="unused"))  # there is only one file at a place
    new = (
        select(artifacts.c.id)
        .join(nodes, artifacts.c.node_id == nodes.c.id)
        .where(nodes.c.node_name.in_(list(stores)), artifacts.c.state == "new")
    )
    link_artifacts(connection, run_id, connection.execute(new).scalars().all(), "input")


def open_runs(connection: Connection, *, pipeline: bool) -> list[int]:
    """Runs that have no end: under way, or left behind by a dead process.

    Args:
        connection: to read.
        pipeline: those of pipelines, of which one at most is under way; else those of plain code.
    """
    runs, ours = upstream.runs, schema.runs
    source = func.coalesce(ours.c.source, PIPELINE)
    query = (
        select(runs.c.run_id)
        .outerjoin(ours, ours.c.run_id == runs.c.run_id)
        .where(runs.c.end_time.is_(None), (source == PIPELINE) == pipeline)
        .order_by(runs.c.run_id)
    )
    return list(connection.execute(query).scalars())


def next_run_id(connection: Connection) -> int:
    """The number after the last run's; 0 in a new database."""
    last = connection.execute(select(func.max(upstream.runs.c.run_id))).scalar()
    return 0 if last is None else int(last) + 1


def verdict(results: Iterable[tuple[str, str, str | None]]) -> tuple[str, str | None]:
    """Status and reason of a run by the results of its nodes, which have all had their say."""
    bad = [
        f"{node}: {detail or result}"
        for node, result, detail in results
        if result in ("failure", "error")
    ]
    return ("failed", "; ".join(bad)) if bad else ("succeeded", None)


def end_run(connection: Connection, told: Told, status: str, reason: str | None) -> None:
    """Close this run and no other, and decide what becomes of its inputs."""
    now = utc_now()
    digest = told.framework_hash(connection)
    told.run |= {"status": status, "reason": reason, "ended_at": iso(now), "hash": digest}
    run_id, runs = told.run["run_id"], upstream.runs
    connection.execute(
        update(runs).where(runs.c.run_id == run_id).values(end_time=now, hash=digest)
    )
    if not any(role == "input" for role, _artifact in told.artifacts):
        return
    if status == "aborted":
        _queue_again(connection, run_id)
    else:
        _consume(connection, run_id)


def _inputs(run_id: int) -> Any:  # noqa: ANN401 - a scalar subquery
    links = schema.run_artifacts
    return select(links.c.artifact_id).where(links.c.run_id == run_id, links.c.role == "input")


def _consume(connection: Connection, run_id: int) -> None:
    """What the run was given is used, read or not: else it would trigger run after run."""
    artifacts = upstream.artifacts
    connection.execute(
        update(artifacts)
        .where(artifacts.c.id.in_(_inputs(run_id)), artifacts.c.state != "produced")
        .values(state="used", run_id=func.coalesce(artifacts.c.run_id, run_id), used=True)
    )


def _queue_again(connection: Connection, run_id: int) -> None:
    """What only this run was given is new again; what an earlier run had finished with is not."""
    artifacts, links, runs = upstream.artifacts, schema.run_artifacts, schema.runs
    finished = exists().where(
        and_(
            links.c.artifact_id == artifacts.c.id,
            links.c.role == "input",
            links.c.run_id == runs.c.run_id,
            runs.c.status.in_(("succeeded", "failed")),
        )
    )
    given = update(artifacts).where(
        artifacts.c.id.in_(_inputs(run_id)), artifacts.c.state.in_(("using", "used"))
    )
    connection.execute(given.where(finished).values(state="used"))
    connection.execute(given.where(~finished).values(state="new", run_id=None, used=False))
