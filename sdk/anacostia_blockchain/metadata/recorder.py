"""What nodes say during a run, taken down: the framework's store methods, repaired."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.dialects import sqlite

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import PipelineError
from anacostia_blockchain.metadata import recording, schema
from anacostia_blockchain.metadata.database import utc_now
from anacostia_blockchain.metadata.recording import Artifact

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from anacostia_blockchain.metadata.database import Database


class RecordingStore(upstream.SQLiteMetadataStoreNode):
    """The part of the metadata store that nodes talk to; `SqliteMetadataStore` is the whole.

    Attributes:
        active_run: number of the run under way, if there is one.
    """

    active_run: int | None = None
    _database: Database | None = None

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

    def setting(self, name: str) -> str:
        """A value that was set once, when the database was new."""
        with self.engine.connect() as connection:
            query = select(schema.settings.c.value).where(schema.settings.c.name == name)
            return str(connection.execute(query).scalar_one())

    def add_node(self, node_name: str, node_type: str, base_type: str) -> None:
        """Register a node, once and for all: it is there already after a restart."""
        if not self.node_exists(node_name):
            super().add_node(node_name, node_type, base_type)

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
        *,
        overwrite: bool = False,
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
            overwrite: let it take the place of the artifact that is there; that stays recorded.

        Raises:
            PipelineError: that store has an artifact there already.
        """
        del run_id
        if hash_algorithm != "sha256":
            raise PipelineError(f"{filepath} came with a {hash_algorithm} digest, not SHA-256")
        current = self.active_run if state in ("using", "produced") else None
        artifact = Artifact(0, resource_node_name, filepath, hash, cid, file_size, state)
        with self.database.write() as connection:
            taken = recording.artifacts_at(connection, resource_node_name, filepath)
            if taken and not overwrite:
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

    def add_new_files(self, store: str, files: list[tuple[str, str, int]]) -> None:
        """Record files that a monitored store has found: location, hex SHA-256 and size of each.

        All at once, because a transaction for each takes longer than hashing it.
        """
        if files:
            with self.database.write() as connection:
                recording.add_new_files(connection, store, files)

    def artifact(self, store: str, location: str) -> Artifact:
        """The artifact at a location of one store.

        Raises:
            NotFoundError: that store has none there.
        """
        with self.engine.connect() as connection:
            return recording.find_artifact(connection, store, location)

    def artifacts_at(self, store: str, location: str) -> list[Artifact]:
        """Every artifact that was ever at a location of one store, the one to use first."""
        with self.engine.connect() as connection:
            return recording.artifacts_at(connection, store, location)

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
