"""Audit recorded runs where they were recorded: the database against its own log, and the chain."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, inspect, select
from sqlalchemy.exc import DatabaseError

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import FormatError, IntegrityError, LedgerError, NotFoundError
from anacostia_blockchain.ledger.log import MerkleLog
from anacostia_blockchain.ledger.merkle import leaf_hash, verify_inclusion
from anacostia_blockchain.ledger.record import Disclosure, RunRecord
from anacostia_blockchain.metadata import runlog, schema
from anacostia_blockchain.metadata.database import database_path, open_database
from anacostia_blockchain.metadata.facts import run_facts
from anacostia_blockchain.metadata.recording import canonical
from anacostia_blockchain.verify import Report, made_all

if TYPE_CHECKING:
    from sqlalchemy import Connection, Engine, Table

    from anacostia_blockchain.client import Anacostia

_RETOLD = ("run", "param", "metric", "tag", "input", "output")
"""Roles of facts that the database still tells; what is left was true only while the run was."""


@dataclass(frozen=True, slots=True)
class RecordedRun:
    """A run of a database, as its tables have it.

    Attributes:
        leaf: root of its record, in hexadecimal; None while it is under way.
        block: number of the block that anchored it; None if none did.
        metrics: by name; the last value of each.
    """

    run_id: int
    status: str
    started_at: str
    ended_at: str | None
    leaf: str | None
    block: int | None
    anchored: bool
    metrics: dict[str, float]


class RunDatabase:
    """The runs in a metadata store's database. It is only read.

    Args:
        name: path of a SQLite file, or a `sqlite:///` or `postgresql://` URI.

    Raises:
        ConfigError: the URI is of neither kind.
        NotFoundError: there is no such file.
        FormatError: it is not a metadata store's.
        StoreUnavailableError: the database's server does not answer.

    Attributes:
        shown: the database in messages, without a password.
    """

    def __init__(self, name: Path | str) -> None:
        self.shown, self._engine = _open(str(name))
        try:
            known = inspect(self._engine).has_table(schema.runs.name)
        except DatabaseError as error:
            raise FormatError(f"{self.shown} is no database that can be read") from error
        if not known:
            raise FormatError(f"{self.shown} holds no runs: it is not a metadata store")

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection for reading; nothing is left open after it."""
        try:
            with self._engine.connect() as connection:
                yield connection
        finally:
            self._engine.dispose()

    def runs(self) -> list[RecordedRun]:
        """All runs, oldest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(schema.runs).order_by(schema.runs.c.run_id)).mappings()
            return [self._recorded(connection, dict(row)) for row in rows]

    def record(self, run_id: int) -> RunRecord:
        """A run's record, its secret included.

        Raises:
            LedgerError: there is no such run, or it has not ended.
        """
        with self._engine.connect() as connection:
            return runlog.load_record(connection, run_id)

    def disclose(self, run_id: int, role: str, name: str) -> Disclosure:
        """One fact of a run, with the proof that it is in the run's record, and nothing else.

        Raises:
            LedgerError: the run has no such fact, or several nodes said something of that name.
        """
        record = self.record(run_id)
        found = record.find(role, name)
        if len(found) != 1:
            raise LedgerError(f"run {run_id} has {len(found)} facts {role} {name!r}, not one")
        return record.disclose(role, found[0].node, name, found[0].number)

    def verify(self, run_id: int, client: Anacostia | None = None) -> Report:
        """Compare what the tables say with the run's record, that with the log, the log with chain.

        Args:
            run_id: of the run.
            client: None: the chain is not asked.

        Raises:
            LedgerError: there is no such run, or it has not ended.
        """
        record = self.record(run_id)
        checks: list[tuple[str, Callable[[], str]]] = [
            ("record", lambda: self._check_record(run_id, record)),
            ("values", lambda: self._check_facts(run_id, record)),
            ("framework", lambda: self._check_framework(run_id, record)),
            ("log", lambda: self._check_log(run_id, record)),
        ]
        if client is not None:
            checks.append(("chain", lambda: self._check_chain(client, run_id, record)))
        return Report(f"run {run_id} of {self.shown}", made_all(checks))

    def _recorded(self, connection: Connection, row: dict[str, Any]) -> RecordedRun:
        anchors, metrics, run_id = schema.anchors, upstream.metrics, row["run_id"]
        blocks = connection.execute(select(anchors.c.block).where(anchors.c.run_id == run_id))
        anchored = blocks.scalars().all()
        values = connection.execute(
            select(metrics.c.metric_name, metrics.c.metric_value)
            .where(metrics.c.run_id == run_id)
            .order_by(metrics.c.id)
        ).all()
        return RecordedRun(
            run_id=run_id,
            status=row["status"],
            started_at=row["started_at"],
            ended_at=row["ended_at"],
            leaf=row["leaf"],
            block=next(filter(None, anchored), None),
            anchored=bool(anchored),
            metrics=dict(tuple(row) for row in values),
        )

    def _check_record(self, run_id: int, record: RunRecord) -> str:
        with self._engine.connect() as connection:
            query = select(schema.runs.c.leaf).where(schema.runs.c.run_id == run_id)
            leaf = connection.execute(query).scalar_one()
        if record.root.hex() != leaf:
            raise IntegrityError(f"the record has root {record.root.hex()}, the run {leaf}")
        return f"{len(record.facts)} facts, root {leaf}"

    def _check_facts(self, run_id: int, record: RunRecord) -> str:
        """Our own tables, told again."""
        (pipeline,) = {fact[1] for fact in record.facts if fact[0] == "framework"}
        with self._engine.connect() as connection:
            told = {
                (fact.role, fact.node, fact.name): fact.value
                for fact in run_facts(connection, run_id, pipeline)
                if fact.role in _RETOLD
            }
        recorded = {(r, node, name): v for r, node, name, v in record.facts if r in _RETOLD}
        _compare(recorded, told)
        return f"{len(told)} values are as recorded"

    def _check_framework(self, run_id: int, record: RunRecord) -> str:
        """The framework's own tables, which its web interface shows."""
        count = 0
        for role, table in (("metric", upstream.metrics), ("param", upstream.params)):
            shown = self._framework_values(run_id, role, table)
            recorded = {(r, n, name): v for r, n, name, v in record.facts if r == role}
            for key, value in shown.items():
                expected = recorded.get(key)
                if role == "param":
                    expected = expected if isinstance(expected, str) else _text(expected)
                if value != expected:
                    raise IntegrityError(f"{_named(key)} is {value}, recorded was {expected}")
                count += 1
        return f"{count} values shown by the framework are as recorded"

    def _framework_values(self, run_id: int, role: str, table: Table) -> dict[Any, Any]:
        nodes = upstream.nodes
        query = (
            select(nodes.c.node_name, table.c[f"{role}_name"], table.c[f"{role}_value"])
            .join(nodes, table.c.node_id == nodes.c.id)
            .where(table.c.run_id == run_id)
            .order_by(table.c.id)
        )
        with self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return {(role, node, name): value for node, name, value in rows}

    def _check_log(self, run_id: int, record: RunRecord) -> str:
        with self._engine.connect() as connection:
            query = select(schema.runs.c.log_index).where(schema.runs.c.run_id == run_id)
            index = connection.execute(query).scalar_one()
            log = MerkleLog(connection, runlog.NAME)
            size, root = log.size, log.root()
            path = log.inclusion_proof(index)
        if not verify_inclusion(leaf_hash(record.root), index, size, root, path):
            raise IntegrityError(f"the log holds another record at place {index}")
        return f"number {index + 1} of {size} in the log"

    def _check_chain(self, client: Anacostia, run_id: int, record: RunRecord) -> str:
        anchors = schema.anchors
        kept = select(anchors.c.proof).where(
            anchors.c.run_id == run_id, anchors.c.network == runlog.network(client)
        )
        with self._engine.connect() as connection:
            hint = connection.execute(kept).scalar()
        proof = client.runs.find_proof(record.root, hint)
        head = client.runs.check_proof(proof)
        return (
            f"anchored as number {proof.index + 1} of {proof.size}; the log now holds {head.size}"
        )


def _compare(recorded: dict[Any, Any], told: dict[Any, Any]) -> None:
    for key in sorted(recorded.keys() | told.keys()):
        if key not in told:
            raise IntegrityError(f"{_named(key)} was recorded and is gone")
        if key not in recorded:
            raise IntegrityError(f"{_named(key)} was never recorded")
        if recorded[key] != told[key]:
            raise IntegrityError(f"{_named(key)} is {told[key]}, recorded was {recorded[key]}")


def _named(key: tuple[str, str, str]) -> str:
    role, node, name = key
    return f"{role} {name!r} of {node}"


def _text(value: object) -> str:
    return canonical("param", value)


def _open(name: str) -> tuple[str, Engine]:
    """How a database is shown, and an engine that writes nothing to it."""
    if "://" in name and not name.startswith("sqlite:"):
        database = open_database(name)
        return database.shown, database.engine.execution_options(postgresql_readonly=True)
    path = database_path(name) if "://" in name else Path(name)
    if not path.is_file():
        raise NotFoundError(f"there is no database {path}")
    return str(path), create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
