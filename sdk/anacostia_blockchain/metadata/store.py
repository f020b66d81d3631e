"""The metadata store: the framework's SQLite store, made safe to restart and to believe."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import update
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import sessionmaker

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.metadata import lifecycle, runlog, schema
from anacostia_blockchain.metadata.database import Database, database_path
from anacostia_blockchain.metadata.facts import framework_hash, run_facts
from anacostia_blockchain.metadata.lifecycle import RunSummary
from anacostia_blockchain.metadata.recorder import RecordingStore

if TYPE_CHECKING:
    from logging import Logger

    from sqlalchemy import Connection

    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.ledger.record import RunRecord
    from anacostia_blockchain.metadata.outgoing import Outgoing
    from anacostia_blockchain.outbox import Intent, Outbox, Sender

ABANDONED = "the process ended before the run did"


class SqliteMetadataStore(RecordingStore):
    """Keeps runs, and the log that proves them, in one SQLite file.

    Every finished run leaves a record whose root is appended to a Merkle log in the transaction
    that closes the run. With `chain`, that transaction also writes the intent to anchor the log.

    Args:
        name: of the node.
        uri: `sqlite:///metadata.db` (relative) or `sqlite:////var/lib/metadata.db` (absolute).
        chain: what `anacostia_blockchain.connect()` gives; None: nothing leaves this machine.
        lock_timeout: seconds to wait for another writer of the database.

    Raises:
        ConfigError: the URI is not one of a SQLite file.

    Example:
        >>> store = SqliteMetadataStore("metadata_store", "sqlite:///metadata.db")
    """

    def __init__(
        self,
        name: str,
        uri: str,
        remote_successors: list[str] | None = None,
        client_url: str | None = None,
        loggers: Logger | list[Logger] | None = None,
        *,
        chain: Anacostia | None = None,
        lock_timeout: float = 30,
    ) -> None:
        database_path(uri)
        super().__init__(name, uri, remote_successors, client_url, loggers)
        self.chain = chain
        self.on_run: Callable[[str, RunSummary | int], None] = lambda _event, _run: None
        self._lock_timeout = lock_timeout
        self._outgoing: Outgoing | None = None
        self._gate = threading.Lock()

    # ------------------------------------------------------------------ opening and closing

    def setup(self) -> None:
        """Open the database, and close what a dead process left open.

        Raises:
            StoreBusyError: another pipeline is running on it.
        """
        database = self._database = Database(self.uri, self._lock_timeout)
        upstream.tables.create_all(database.engine)
        schema.metadata.create_all(database.engine)
        runlog.tables.create_all(database.engine)
        self.init_scoped_session(sessionmaker(bind=database.engine, expire_on_commit=False))
        with database.write() as connection:
            salt = {"name": "log_salt", "value": secrets.token_hex(32)}
            connection.execute(sqlite.insert(schema.settings).values(salt).on_conflict_do_nothing())
        if self.chain is not None:
            self._outgoing = self._connect(self.chain)
        self.abandon_open_runs(ABANDONED)

    def _connect(self, client: Anacostia) -> Outgoing:
        from anacostia_blockchain.metadata.outgoing import Outgoing  # noqa: PLC0415 - needs web3

        return Outgoing(self.database, bytes.fromhex(self.setting("log_salt")), client)

    def release(self) -> None:
        """Let another pipeline use the database; what was recorded stays readable here."""
        if self._database is not None:
            self._database.release()

    # ------------------------------------------------------------------ runs

    def start_run(self) -> None:
        """Begin the run `run_id`, unless the pipeline was told to stop a moment ago."""
        with self._gate:
            if self.exit_event.is_set():
                return
            stores = [n.name for n in self.successors if getattr(n, "monitoring", False)]
            with self.database.write() as connection:
                lifecycle.open_run(connection, self.run_id, stores)
            self.active_run = self.run_id
        self.on_run("run_started", self.run_id)

    def end_run(self) -> None:
        """Close the run, write its record and whatever must follow from it, in one transaction."""
        with self.database.write() as connection:
            status, reason = lifecycle.verdict(connection, self.run_id)
            summary = self._close(connection, self.run_id, status, reason)
        self.active_run = None
        self.on_run("run_ended", summary)

    def stop_if_idle(self) -> bool:
        """Refuse further runs if none is under way; says whether none is."""
        with self._gate:
            if self.active_run is None:
                self.exit_event.set()
            return self.active_run is None

    def abandon_open_runs(self, reason: str) -> list[RunSummary]:
        """Close as aborted every run that has no end; what only they were given is new again."""
        with self.database.write() as connection:
            summaries = [
                self._close(connection, run_id, "aborted", reason)
                for run_id in lifecycle.open_runs(connection)
            ]
            self.run_id = lifecycle.next_run_id(connection)
        self.active_run = None
        for summary in summaries:
            self.on_run("run_ended", summary)
        return summaries

    def _close(
        self, connection: Connection, run_id: int, status: str, reason: str | None
    ) -> RunSummary:
        lifecycle.end_run(connection, run_id, status, reason)
        runs = upstream.runs
        digest = framework_hash(connection, run_id, self.hash_run_metadata)
        connection.execute(update(runs).where(runs.c.run_id == run_id).values(hash=digest))
        facts = run_facts(connection, run_id, self.name)
        leaf, index = runlog.append_record(connection, run_id, facts)
        if self._outgoing is not None:
            self._outgoing.run_closed(
                connection,
                run_id,
                succeeded=status == "succeeded",
                facts=facts,
                invocation=f"{self.name}/{run_id}",
                leaf=leaf,
                size=index + 1,
            )
        return RunSummary(run_id, status, reason, leaf, index)

    # ------------------------------------------------------------------ the way to the chain

    @property
    def outbox(self) -> Outbox | None:
        """Where what must reach the chain waits; None without a chain."""
        return None if self._outgoing is None else self._outgoing.outbox

    def sender(self, on_step: Callable[[str, Intent], None]) -> Sender | None:
        """What sends it; None without a chain."""
        return None if self._outgoing is None else self._outgoing.sender(on_step)

    def intend(self, kind: str, name: str, payload: Mapping[str, Any]) -> bool:
        """Write down what is to happen on chain if the current run succeeds.

        Args:
            kind: of the intent: who carries it out.
            name: tells it from other intents of the kind; the same name is the same intent.
            payload: plain data for its handler.

        Returns:
            False if the same is intended, or was done, already.

        Raises:
            ConfigError: the store has no chain.
            PipelineError: no run is under way.
        """
        if self._outgoing is None:
            raise ConfigError(f"{self.name} has no chain: pass chain=connect()")
        run_id = self._current_run()
        with self.database.write() as connection:
            return self._outgoing.hold(connection, run_id, kind, name, payload)

    def record(self, run_id: int) -> RunRecord:
        """The record of a closed run, with the secret that its leaves are salted with.

        Raises:
            LedgerError: there is no such run, or it is still under way.
        """
        with self.engine.connect() as connection:
            return runlog.load_record(connection, run_id)
