"""Sealed runs, read for others: the web pages and the API. Nothing is written."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from anacostia_blockchain.errors import LedgerError, NotFoundError
from anacostia_blockchain.ledger.log import MerkleLog
from anacostia_blockchain.ledger.record import Disclosure, Leaf, RunRecord
from anacostia_blockchain.metadata import runlog, schema
from anacostia_blockchain.outbox.outbox import intents

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Connection

    from anacostia_blockchain.metadata.database import Database

_INT64 = 2**63 - 1
_DECIMALS = 6


@dataclass(frozen=True, slots=True)
class Anchor:
    """Where a run is anchored.

    Attributes:
        ledger: address of the `RunLedger`.
        size: of the head that covers the run; `root` is that head's.
        path: RFC 9162 inclusion proof of the run's leaf in that head.
    """

    chain_id: int
    ledger: str
    log_id: str
    size: int
    root: str
    path: list[str]
    tx: str | None
    block: int | None


@dataclass(frozen=True, slots=True)
class Publication:
    """A version that a run published."""

    model_id: int
    version: int
    root: str
    tx: str | None


@dataclass(frozen=True, slots=True)
class SealedRun:
    """A run that has ended: nothing of it changes any more, except that it gets anchored.

    Attributes:
        source: `pipeline`, or the name of the code that made it.
        leaf: root of its record, in hexadecimal: its leaf in the run log.
        index: its place in the run log, from 0.
    """

    run_id: int
    status: str
    reason: str | None
    source: str
    started_at: str
    finished_at: str
    leaf: str
    index: int
    anchor: Anchor | None
    published: list[Publication]


@dataclass(frozen=True, slots=True)
class MetricProof:
    """One metric of a published version's run, with the proof that it is in the run's record.

    Attributes:
        micros: the value with 6 decimals as an integer, as contracts hold it; None beyond int64.
    """

    publication: Publication
    run: SealedRun
    value: float
    micros: int | None
    disclosure: Disclosure


class RunReader:
    """Reads the runs of one database.

    Args:
        database: open.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._has_outbox = False

    def sealed(self, limit: int, before: int | None = None) -> list[SealedRun]:
        """Sealed runs, newest first.

        Args:
            limit: how many at most.
            before: only those with a smaller number.
        """
        runs = schema.runs
        query = select(runs).where(runs.c.leaf.is_not(None)).order_by(runs.c.run_id.desc())
        if before is not None:
            query = query.where(runs.c.run_id < before)
        with self._database.read() as connection:
            rows = connection.execute(query.limit(limit)).mappings().all()
            return self._described(connection, rows)

    def run(self, run_id: int) -> SealedRun:
        """One sealed run.

        Raises:
            NotFoundError: there is no such run, or it has not ended.
        """
        runs = schema.runs
        query = select(runs).where(runs.c.leaf.is_not(None), runs.c.run_id == run_id)
        with self._database.read() as connection:
            rows = connection.execute(query).mappings().all()
            if not rows:
                raise NotFoundError(f"no run {run_id} is sealed: it never was, or has not ended")
            return self._described(connection, rows)[0]

    def record(self, run_id: int) -> RunRecord:
        """The record of a sealed run, its secret included: not for others."""
        with self._database.read() as connection:
            return runlog.load_record(connection, run_id)

    def metrics(self, run_id: int) -> list[Leaf]:
        """The last value of each metric of a sealed run, in the record's order."""
        last: dict[tuple[str, str], Leaf] = {}
        for leaf in self.record(run_id).leaves:
            if leaf.role == "metric":
                last[leaf.node, leaf.name] = leaf
        return list(last.values())

    def metric_of(
        self, model_id: int, name: str, *, version: int | None = None, node: str | None = None
    ) -> MetricProof:
        """A metric of a published version's run; always the same for the same version.

        Args:
            model_id: of the registered model.
            name: of the metric.
            version: of the model; None: the newest that was published from here.
            node: that measured it; needed where two nodes have a metric of that name.

        Raises:
            NotFoundError: no such version was published from here, or its run has no such metric.
            LedgerError: several nodes have one.
        """
        publication, run_id = self._publication(model_id, version)
        found = [leaf for leaf in self.metrics(run_id) if leaf.name == name]
        found = [leaf for leaf in found if node in (None, leaf.node)]
        if not found:
            raise NotFoundError(f"run {run_id} has no metric {name!r}")
        if len(found) > 1:
            names = ", ".join(leaf.node for leaf in found)
            raise LedgerError(f"{names} have a metric {name!r} each: say which node")
        leaf = found[0]
        disclosure = self.record(run_id).disclose("metric", leaf.node, name, leaf.number)
        micros = round(leaf.value * 10**_DECIMALS)
        return MetricProof(
            publication=publication,
            run=self.run(run_id),
            value=leaf.value,
            micros=micros if abs(micros) <= _INT64 else None,
            disclosure=disclosure,
        )

    # ------------------------------------------------------------------ internal

    def _described(
        self, connection: Connection, rows: Iterable[Mapping[Any, Any]]
    ) -> list[SealedRun]:
        rows = list(rows)
        ids = [row["run_id"] for row in rows]
        anchors = schema.anchors
        query = select(anchors).where(anchors.c.run_id.in_(ids)).order_by(anchors.c.network)
        anchored = {row["run_id"]: row for row in connection.execute(query).mappings()}
        published = self._published(connection, ids)
        return [
            SealedRun(
                run_id=row["run_id"],
                status=row["status"],
                reason=row["reason"],
                source=row["source"],
                started_at=row["started_at"],
                finished_at=row["ended_at"],
                leaf=row["leaf"],
                index=row["log_index"],
                anchor=_anchor(connection, row, anchored.get(row["run_id"])),
                published=published.get(row["run_id"], []),
            )
            for row in rows
        ]

    def _published(self, connection: Connection, ids: list[int]) -> dict[int, list[Publication]]:
        if not self._outbox():
            return {}
        query = (
            select(intents.c.run_id, intents.c.result)
            .where(
                intents.c.run_id.in_(ids),
                intents.c.kind == "publish",
                intents.c.state == "confirmed",
            )
            .order_by(intents.c.id)
        )
        found: dict[int, list[Publication]] = {}
        for run_id, result in connection.execute(query):
            if (publication := _publication(result)) is not None:
                found.setdefault(run_id, []).append(publication)
        return found

    def _publication(self, model_id: int, version: int | None) -> tuple[Publication, int]:
        query = (
            select(intents.c.run_id, intents.c.result)
            .where(
                intents.c.kind == "publish",
                intents.c.state == "confirmed",
                intents.c.run_id.is_not(None),
            )
            .order_by(intents.c.id.desc())
        )
        if self._outbox():
            with self._database.read() as connection:
                for run_id, result in connection.execute(query):
                    found = _publication(result)
                    if found is None or found.model_id != model_id:
                        continue
                    if version in (None, found.version):
                        return found, run_id
        shown = f"model {model_id}" + (f" version {version}" if version is not None else "")
        raise NotFoundError(f"{shown} was not published by a run that is recorded here")

    def _outbox(self) -> bool:
        """Whether there is an outbox: only databases with a chain have one."""
        self._has_outbox = self._has_outbox or self._database.has_table(intents.name)
        return self._has_outbox


def _anchor(
    connection: Connection, run: Mapping[Any, Any], row: Mapping[Any, Any] | None
) -> Anchor | None:
    if row is None:
        return None
    log = MerkleLog(connection, runlog.NAME)
    chain_id, _, ledger = row["network"].partition(":")
    return Anchor(
        chain_id=int(chain_id),
        ledger=ledger,
        log_id=row["log_id"],
        size=row["size"],
        root="0x" + log.root(row["size"]).hex(),
        path=[step.hex() for step in log.inclusion_proof(run["log_index"], row["size"])],
        tx=row["tx"],
        block=row["block"],
    )


def _publication(result: str) -> Publication | None:
    """None where the model was registered already, and nothing was to be published."""
    data = json.loads(result)
    if data["version"] is None:
        return None
    return Publication(data["model_id"], data["version"], data["root"], data.get("tx"))
