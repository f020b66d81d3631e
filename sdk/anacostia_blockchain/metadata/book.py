"""The book of runs in one database: opened, closed, recorded, and what must leave for the chain.

Pipelines and plain training code write the same book; neither the framework nor web3 is needed.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import insert, select

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.metadata import lifecycle, runlog, schema
from anacostia_blockchain.metadata.database import Database, insert_new, utc_now
from anacostia_blockchain.metadata.facts import Told
from anacostia_blockchain.metadata.lifecycle import RunSummary

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Connection

    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.ledger.record import RunRecord
    from anacostia_blockchain.metadata.outgoing import Outgoing
    from anacostia_blockchain.outbox.outbox import Intent, Outbox
    from anacostia_blockchain.outbox.sender import Sender


@dataclass(frozen=True, slots=True)
class Batching:
    """When the log is anchored: as soon as so many runs wait, or one has waited so long.

    Attributes:
        every: runs in one transaction; 1: each run by itself, at once.
        within: seconds that a run waits at most for others.
    """

    every: int = 1
    within: float = 60.0

    def __post_init__(self) -> None:
        if self.every < 1 or not self.within >= 0:
            raise ConfigError("anchor_every must be at least 1 and anchor_within not negative")


class RunBook:
    """Runs in a database.

    Args:
        database: open; its tables are made where they are not there.
        name: of the pipeline or of the code, as the node of what concerns a whole run.
        client: where runs are anchored; None: nowhere.
        batching: when.

    Raises:
        ConfigError: the connection has no account, or intents wait for another chain.
        ReorgError: the chain has lost runs that were anchored.
    """

    def __init__(
        self,
        database: Database,
        name: str,
        client: Anacostia | None = None,
        batching: Batching | None = None,
    ) -> None:
        self.database = database
        self.name = name
        with database.write() as connection:
            for tables in (upstream.tables, schema.metadata, runlog.tables):
                tables.create_all(connection)
            for index in schema.indexes:
                index.create(connection, checkfirst=True)
            salt = {"name": "log_salt", "value": secrets.token_hex(32)}
            statement = insert_new(connection, schema.settings).values(salt)
            connection.execute(statement.on_conflict_do_nothing())
        self._outgoing: Outgoing | None = None
        if client is not None:
            from anacostia_blockchain.metadata.outgoing import Outgoing  # noqa: PLC0415 - web3

            salt_bytes = bytes.fromhex(self.setting("log_salt"))
            self._outgoing = Outgoing(database, salt_bytes, client, batching or Batching())

    def setting(self, name: str) -> str:
        """A value that was set once, when the database was new."""
        with self.database.read() as connection:
            query = select(schema.settings.c.value).where(schema.settings.c.name == name)
            return str(connection.execute(query).scalar_one())

    def add_node(self, name: str, node_type: str, base_type: str) -> None:
        """Register a node, once and for all: it is there already after a restart."""
        nodes = upstream.nodes
        row = {"node_name": name, "node_type": node_type, "base_type": base_type}
        with self.database.write() as connection:
            known = select(nodes.c.id).where(nodes.c.node_name == name)
            if connection.execute(known).first() is None:
                connection.execute(insert(nodes).values(**row, init_time=utc_now()))

    # ------------------------------------------------------------------ runs

    def open(
        self,
        stores: Iterable[str] | None,
        source: str = lifecycle.PIPELINE,
        claim: Callable[[int], None] = lambda _run_id: None,
    ) -> int:
        """Begin the next run; returns its number.

        Args:
            stores: see `lifecycle.open_run`.
            source: likewise.
            claim: told the number before anybody can see the run.
        """
        with self.database.write() as connection:
            run_id = lifecycle.next_run_id(connection)
            claim(run_id)
            lifecycle.open_run(connection, run_id, stores, source)
        return run_id

    def close(
        self, run_id: int, status: str | None = None, reason: str | None = None
    ) -> RunSummary:
        """Close a run, write its record and whatever must follow from it, in one transaction.

        It is on the disk when this returns. What the sender does could be made again from a run
        that a power cut took back; what a page, a leaf or an oracle has seen of it could not.

        Args:
            run_id: of the run. If it is closed already, nothing happens to it.
            status: None: what the results of its nodes say.
            reason: of that status.
        """
        with self.database.write() as connection:
            return self._close(connection, run_id, status, reason)

    def abandon(self, reason: str, only: Callable[[int], bool] | None = None) -> list[RunSummary]:
        """Close as aborted runs that have no end; what only they were given is new again.

        Args:
            reason: why they were.
            only: says which runs of plain code to close; None: those of pipelines.
        """
        with self.database.write() as connection:
            return [
                self._close(connection, run_id, "aborted", reason)
                for run_id in lifecycle.open_runs(connection, pipeline=only is None)
                if only is None or only(run_id)
            ]

    def next_run_id(self) -> int:
        """The number that the next run will have."""
        with self.database.read() as connection:
            return lifecycle.next_run_id(connection)

    def record(self, run_id: int) -> RunRecord:
        """The record of a closed run, with the secret that its leaves are salted with.

        Raises:
            LedgerError: there is no such run, or it is still under way.
        """
        with self.database.read() as connection:
            return runlog.load_record(connection, run_id)

    def _close(
        self, connection: Connection, run_id: int, status: str | None, reason: str | None
    ) -> RunSummary:
        told = Told.read(connection, run_id)
        run = told.run
        if run["leaf"] is not None:  # by our own commit, whose answer was lost, or another process
            return _summary(run)
        if status is None:
            status, reason = lifecycle.verdict(told.results)
        run["source"] = run["source"] or lifecycle.PIPELINE
        name = self.name if run["source"] == lifecycle.PIPELINE else run["source"]
        lifecycle.end_run(connection, told, status, reason)
        facts, index = runlog.append_record(connection, told, name)
        summary = _summary(run)
        if self._outgoing is not None:
            self._outgoing.run_closed(
                connection,
                run_id,
                succeeded=status == "succeeded",
                facts=facts,
                invocation=f"{name}/{run_id}",
                leaf=summary.leaf,
                size=index + 1,
            )
        return summary

    # ------------------------------------------------------------------ the way to the chain

    @property
    def outbox(self) -> Outbox | None:
        """Where what must reach the chain waits; None without a chain."""
        return None if self._outgoing is None else self._outgoing.outbox

    def sender(self, on_step: Callable[[str, Intent], None] | None = None) -> Sender | None:
        """What sends it; None without a chain, or without a key: then a worker does."""
        return None if self._outgoing is None else self._outgoing.sender(on_step)

    def intend(self, run_id: int, kind: str, name: str, payload: Mapping[str, Any]) -> bool:
        """Write down what is to happen on chain if a run succeeds.

        Args:
            run_id: of the run, which is under way.
            kind: of the intent: who carries it out.
            name: tells it from other intents of the kind; the same name is the same intent.
            payload: plain data for its handler.

        Returns:
            False if the same is intended, or was done, already.

        Raises:
            ConfigError: the book has no chain.
        """
        if self._outgoing is None:
            raise ConfigError(f"{self.name} has no chain: pass chain=connect()")
        with self.database.write() as connection:
            return self._outgoing.hold(connection, run_id, kind, name, payload)


def _summary(run: Mapping[str, Any]) -> RunSummary:
    leaf = bytes.fromhex(run["leaf"])
    return RunSummary(run["run_id"], run["status"], run["reason"], leaf, run["log_index"])
