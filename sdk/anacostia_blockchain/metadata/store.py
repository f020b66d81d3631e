"""The metadata store: the framework's SQLite store, made safe to restart and to believe."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.dialects import sqlite
from sqlalchemy.orm import sessionmaker

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import ConfigError, PipelineError
from anacostia_blockchain.metadata import lifecycle, recording, schema
from anacostia_blockchain.metadata.database import Database, database_path, utc_now
from anacostia_blockchain.metadata.facts import framework_hash, run_facts
from anacostia_blockchain.metadata.lifecycle import RunSummary
from anacostia_blockchain.metadata.recording import Artifact

if TYPE_CHECKING:
    from logging import Logger

    from sqlalchemy import Connection

    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.metadata.outgoing import Outgoing
    from anacostia_blockchain.outbox import Intent, Outbox, Sender

ABANDONED = "the process ended before the run did"


class SqliteMetadataStore(upstream.SQLiteMetadataStoreNode):
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
        self.active_run: int | None = None
        self.on_run: Callable[[str, RunSummary | int], None] = lambda _event, _run: None
        self._lock_timeout = lock_timeout
        self._database: Database | None = None
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

    @property
    def database(self) -> Database:
        """The open database.

        Raises:
            PipelineError: the pipeline was not started yet.
        """
        if self._database is None:
            raise PipelineError(f"{self.name} is not open yet: execute its pipeline first")
        return self._database

    @property
    def engine(self) -> Engine:
        """The open database's engine, for reading."""
        return self.database.engine

    def release(self) -> None:
        """Let another pipeline use the database; what was recorded stays readable here."""
        if self._database is not None:
            self._database.release()

    def add_node(self, node_name: str, node_type: str, base_type: str) -> None:
        """Register a node, once and for all: it is there already after a restart."""
        if not self.node_exists(node_name):
            super().add_node(node_name, node_type, base_type)

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
        return RunSummary(run_id, status, reason, b"", len(facts))

    # ------------------------------------------------------------------ what nodes say

    def log_metrics(self, node_name: str | None = None, **kwargs: Any) -> None:  # noqa: ANN401
        """Record metrics of the current run.

        Args:
            node_name: who measured; None: the node whose thread this is.
            **kwargs: finite numbers by name.

        Raises:
            LedgerError: a value is not a finite number.
            PipelineError: no run is under way.
        """
        items = {name: recording.checked_metric(name, value) for name, value in kwargs.items()}
        self._log(node_name, "metric", items)

    def log_params(self, node_name: str | None = None, **kwargs: Any) -> None:  # noqa: ANN401
        """Record parameters of the current run: any JSON, kept as it is.

        Raises:
            LedgerError: a value is not JSON.
            PipelineError: no run is under way.
        """
        self._log(node_name, "param", kwargs)

    def set_tags(self, node_name: str | None = None, **kwargs: Any) -> None:  # noqa: ANN401
        """Record tags of the current run: any JSON, kept as it is; errors as in `log_params`."""
        self._log(node_name, "tag", kwargs)

    def tag_artifact(self, node_name: str, location: str, **kwargs: Any) -> None:  # noqa: ANN401
        """Record tags of an artifact of one store; errors as in `log_params`.

        Raises:
            NotFoundError: that store has no such artifact.
        """
        if kwargs:
            run_id = self._current_run()
            with self.database.write() as connection:
                artifact = recording.find_artifact(connection, node_name, location)
                recording.tag_artifact(connection, run_id, artifact, kwargs)

    def log_trigger(self, node_name: str, message: str | None = None) -> None:
        """Record why the next run will start; without a message there is nothing to record."""
        if message is not None:
            with self.database.write() as connection:
                node_id = recording.node_id_of(connection, node_name)
                connection.execute(
                    insert(upstream.triggers).values(
                        node_id=node_id, trigger_time=utc_now(), message=message
                    )
                )

    def node_result(self, node_name: str, result: str, detail: str | None = None) -> None:
        """Record how an action of the current run went: success, failure, error or skipped."""
        row = {"result": result, "detail": detail}
        key = {"run_id": self._current_run(), "node": node_name}
        statement = sqlite.insert(schema.node_results).values(key | row)
        with self.database.write() as connection:
            connection.execute(statement.on_conflict_do_update(["run_id", "node"], set_=row))

    def _log(self, node_name: str | None, role: str, items: dict[str, Any]) -> None:
        if items:
            run_id = self._current_run()
            node = node_name or threading.current_thread().name  # threads bear their node's name
            with self.database.write() as connection:
                recording.log_values(connection, run_id, node, role, items)

    def _current_run(self) -> int:
        run_id = self.active_run
        if run_id is None:
            raise PipelineError("no run is under way, so there is nothing to record this in")
        return run_id

    # ------------------------------------------------------------------ artifacts

    def create_entry(  # noqa: PLR0913, PLR0917 - the framework's signature
        self,
        resource_node_name: str,
        filepath: str,
        hash: str,  # noqa: A002 - the framework's name
        hash_algorithm: str,
        state: str = "new",
        run_id: int | None = None,
        file_size: int | None = None,
        content_type: str | None = None,
        cid: str | None = None,
    ) -> None:
        """Record an artifact; one that is `produced` is an output of the current run.

        Args:
            resource_node_name: of the store that holds it.
            filepath: its location there.
            hash: hex SHA-256.
            hash_algorithm: sha256.
            state: new, using or produced.
            run_id: not used: a node's own count of runs is not the store's.
            file_size: bytes of content.
            content_type: media type, if known.
            cid: of the content, if it is kept by CID.

        Raises:
            PipelineError: that store has an artifact there already.
        """
        del run_id
        if hash_algorithm != "sha256":
            raise PipelineError(f"{filepath} came with a {hash_algorithm} digest, not SHA-256")
        current = self.active_run if state in ("using", "produced") else None
        artifact = Artifact(0, resource_node_name, filepath, hash, cid, file_size, state)
        with self.database.write() as connection:
            if recording.exists(connection, resource_node_name, filepath):
                raise PipelineError(
                    f"{resource_node_name} has an artifact {filepath!r} already, and artifacts "
                    "do not change: choose another name"
                )
            artifact_id = recording.add_artifact(
                connection, artifact, run_id=current, content_type=content_type
            )
            if current is not None:
                role = "output" if state == "produced" else "input"
                recording.link_artifacts(connection, current, [artifact_id], role)

    def artifact(self, store: str, location: str) -> Artifact:
        """The artifact at a location of one store.

        Raises:
            NotFoundError: that store has none there.
        """
        with self.engine.connect() as connection:
            return recording.find_artifact(connection, store, location)

    def run_artifacts(
        self, role: str, store: str | None = None, run_id: int | None = None
    ) -> list[Artifact]:
        """What a run (None: the current one) was given (`input`) or made (`output`)."""
        number = self._current_run() if run_id is None else run_id
        with self.engine.connect() as connection:
            return recording.run_artifacts(connection, number, role, store)

    def newest_output(self, stores: Iterable[str]) -> Artifact | None:
        """The last artifact made in one of the stores, by this run or one that succeeded."""
        with self.engine.connect() as connection:
            return recording.newest_output(connection, stores)

    def mark_using(self, resource_node_name: str, filepath: str) -> None:
        """Note that the current run reads an artifact; who made it stays known."""
        with self.database.write() as connection:
            artifact = recording.find_artifact(connection, resource_node_name, filepath)
            if artifact.state != "produced":
                self._set_state(connection, artifact, "using")
            if self.active_run is not None:
                recording.link_artifacts(connection, self.active_run, [artifact.id], "input")

    def mark_used(self, resource_node_name: str, filepath: str) -> None:
        """Note that reading is over."""
        with self.database.write() as connection:
            artifact = recording.find_artifact(connection, resource_node_name, filepath)
            if artifact.state != "produced":
                self._set_state(connection, artifact, "used")

    @staticmethod
    def _set_state(connection: Connection, artifact: Artifact, state: str) -> None:
        table = upstream.artifacts
        connection.execute(update(table).where(table.c.id == artifact.id).values(state=state))

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

    def setting(self, name: str) -> str:
        """A value that was set once, when the database was new."""
        with self.engine.connect() as connection:
            query = select(schema.settings.c.value).where(schema.settings.c.name == name)
            return str(connection.execute(query).scalar_one())
