"""A run's beginning and end, each in one transaction of the caller's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, exists, func, insert, select, update

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.metadata import schema
from anacostia_blockchain.metadata.database import insert_new, iso, utc_now
from anacostia_blockchain.metadata.recording import link_artifacts

if TYPE_CHECKING:
    from sqlalchemy import Connection


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


def summary_of(connection: Connection, run_id: int) -> RunSummary | None:
    """How a run ended; None if it has not."""
    query = select(schema.runs).where(schema.runs.c.run_id == run_id)
    row = connection.execute(query).mappings().first()
    if row is None or row["leaf"] is None:
        return None
    leaf = bytes.fromhex(row["leaf"])
    return RunSummary(run_id, row["status"], row["reason"], leaf, row["log_index"])


def next_run_id(connection: Connection) -> int:
    """The number after the last run's; 0 in a new database."""
    last = connection.execute(select(func.max(upstream.runs.c.run_id))).scalar()
    return 0 if last is None else int(last) + 1


def verdict(connection: Connection, run_id: int) -> tuple[str, str | None]:
    """Status and reason of a run whose nodes have all had their say."""
    results = schema.node_results
    bad = connection.execute(
        select(results.c.node, results.c.result, results.c.detail)
        .where(results.c.run_id == run_id, results.c.result.in_(("failure", "error")))
        .order_by(results.c.node)
    ).all()
    if not bad:
        return "succeeded", None
    return "failed", "; ".join(f"{node}: {detail or result}" for node, result, detail in bad)


def end_run(connection: Connection, run_id: int, status: str, reason: str | None) -> datetime:
    """Close this run and no other, and decide what becomes of its inputs; returns its end."""
    now = utc_now()
    runs = upstream.runs
    connection.execute(
        update(runs).where(runs.c.run_id == run_id, runs.c.end_time.is_(None)).values(end_time=now)
    )
    row: dict[str, Any] = {"status": status, "reason": reason, "ended_at": iso(now)}
    started = select(runs.c.start_time).where(runs.c.run_id == run_id)
    begun = {
        "run_id": run_id,
        "source": PIPELINE,
        "started_at": iso(connection.execute(started).scalar_one()),
    }
    connection.execute(
        insert_new(connection, schema.runs)
        .values(begun | row)
        .on_conflict_do_update(index_elements=["run_id"], set_=row)
    )
    if status == "aborted":
        _queue_again(connection, run_id)
    else:
        _consume(connection, run_id)
    return now


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
