"""What nodes say during a run, taken down: the framework's store methods, repaired."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from sqlalchemy import Engine, insert, select, update
from sqlalchemy.orm import Session

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import PipelineError
from anacostia_blockchain.metadata import artifacts, recording, schema
from anacostia_blockchain.metadata.artifacts import Artifact
from anacostia_blockchain.metadata.database import insert_new, utc_now

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from anacostia_blockchain.metadata.book import RunBook
    from anacostia_blockchain.metadata.database import Database


class RecordingStore(upstream.BaseSQLMetadataStoreNode):
    """The part of the metadata store that nodes talk to; `MetadataStore` is the whole.

    Attributes:
        active_run: number of the run under way, if there is one.
    """

    active_run: int | None = None
    _book: RunBook | None = None

    @property
    def book(self) -> RunBook:
        """The open database's book of runs.

        Raises:
            PipelineError: the pipeline was not started yet.
        """
        if self._book is None:
            raise PipelineError(f"{self.name} is not open yet: execute its pipeline first")
        return self._book

    @property
    def database(self) -> Database:
        """The open database."""
        return self.book.database

    @property
    def engine(self) -> Engine:
        """The open database's engine, for reading."""
        return self.database.engine

    @contextmanager
    def get_session(self) -> Iterator[Session]:
        """A transaction of its own.

        The framework's is the thread's: whatever is called within it commits it half done.
        """
        with Session(self.engine, expire_on_commit=False) as session, session.begin():
            yield session

    def add_node(self, node_name: str, node_type: str, base_type: str) -> None:
        """Register a node, once and for all: it is there already after a restart."""
        self.book.add_node(node_name, node_type, base_type)

    # ------------------------------------------------------------------ what nodes say

    def log_values(
        self, role: str, values: Mapping[str, Any], node_name: str | None = None
    ) -> None:
        """Record values of the current run, under any names.

        Args:
            role: metric, param or tag.
            values: finite numbers for metrics, else any JSON, by name.
            node_name: who says so; None: the node whose thread this is.

        Raises:
            LedgerError: a value is not of that kind.
            PipelineError: no run is under way.
        """
        run_id = self._current_run()
        node = node_name or threading.current_thread().name  # threads bear their node's name
        items = recording.checked(role, values)
        if items:
            with self.database.write(durable=False) as connection:
                recording.log_values(connection, run_id, node, role, items)

    def log_metrics(self, node_name: str | None = None, **kwargs: object) -> None:
        """Record metrics of the current run: finite numbers by name; errors as in `log_values`."""
        self.log_values("metric", kwargs, node_name)

    def log_params(self, node_name: str | None = None, **kwargs: object) -> None:
        """Record parameters of the current run: any JSON, kept as it is; errors likewise."""
        self.log_values("param", kwargs, node_name)

    def set_tags(self, node_name: str | None = None, **kwargs: object) -> None:
        """Record tags of the current run: any JSON, kept as it is; errors likewise."""
        self.log_values("tag", kwargs, node_name)

    def tag_artifact(self, node_name: str, location: str, **kwargs: object) -> None:
        """Record tags of an artifact of one store; errors as in `log_values`.

        Raises:
            NotFoundError: that store has no such artifact.
        """
        if kwargs:
            run_id = self._current_run()
            with self.database.write(durable=False) as connection:
                artifact = artifacts.find_artifact(connection, node_name, location)
                recording.tag_artifact(connection, run_id, artifact, kwargs)

    def log_trigger(self, node_name: str, message: str | None = None) -> None:
        """Record why the next run will start; without a message there is nothing to record."""
        if message is not None:
            with self.database.write(durable=False) as connection:
                node_id = artifacts.node_id_of(connection, node_name)
                connection.execute(
                    insert(upstream.triggers).values(
                        node_id=node_id, trigger_time=utc_now(), message=message
                    )
                )

    def node_result(self, node_name: str, result: str, detail: str | None = None) -> None:
        """Record how an action of the current run went: success, failure, error or skipped."""
        row = {"result": result, "detail": detail}
        key = {"run_id": self._current_run(), "node": node_name}
        with self.database.write(durable=False) as connection:
            statement = insert_new(connection, schema.node_results).values(key | row)
            connection.execute(
                statement.on_conflict_do_update(index_elements=["run_id", "node"], set_=row)
            )

    def _current_run(self) -> int:
        run_id = self.active_run
        if run_id is None:
            raise PipelineError("no run is under way, so there is nothing to record this in")
        return run_id

    # ------------------------------------------------------------------ artifacts

    def get_artifact_hash(self, location: str) -> str:
        """Hex SHA-256 of the artifact at a location.

        Raises:
            NotFoundError: no store has one there.
            PipelineError: several have: ask the one that is meant.
        """
        return self._only_artifact(location).sha256

    def get_artifact_tags(self, location: str) -> list[dict[str, Any]]:
        """Tags of the artifact at a location; errors as in `get_artifact_hash`."""
        return self.artifact_tags(self._only_artifact(location).store, location)

    def artifact_tags(self, store: str, location: str) -> list[dict[str, Any]]:
        """Tags of an artifact of one store, in the framework's form: `{"id": 1, name: value}`."""
        with self.database.read() as connection:
            artifact = artifacts.find_artifact(connection, store, location)
            return recording.tags_of(connection, artifact)

    def _only_artifact(self, location: str) -> Artifact:
        with self.database.read() as connection:
            stores = artifacts.stores_with(connection, location)
        if len(stores) > 1:
            raise PipelineError(
                f"{', '.join(stores)} have an artifact {location!r} each: ask the one that is meant"
            )
        return self.artifact(stores[0] if stores else self.name, location)

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
            taken = artifacts.artifacts_at(connection, resource_node_name, filepath)
            if taken and not overwrite:
                raise PipelineError(
                    f"{resource_node_name} has an artifact {filepath!r} already, and artifacts "
                    "do not change: choose another name"
                )
            artifact_id = artifacts.add_artifact(
                connection, artifact, run_id=current, content_type=content_type
            )
            if current is not None:
                role = "output" if state == "produced" else "input"
                artifacts.link_artifacts(connection, current, [artifact_id], role)

    def add_new_files(self, store: str, files: list[tuple[str, str, int]]) -> None:
        """Record files that a monitored store has found: location, hex SHA-256 and size of each.

        All at once, because a transaction for each takes longer than hashing it.
        """
        if files:
            with self.database.write() as connection:
                artifacts.add_new_files(connection, store, files)

    def get_num_entries(self, resource_node_name: str, state: str) -> int:
        """Number of artifacts of a store in a state; `new` are those that no run was given yet.

        Else what the run under way was given could trigger the next one, just before it is used.
        """
        if state != "new":
            return super().get_num_entries(resource_node_name, state)
        with self.database.read() as connection:
            return artifacts.count_new(connection, resource_node_name)

    def artifact(self, store: str, location: str) -> Artifact:
        """The artifact at a location of one store.

        Raises:
            NotFoundError: that store has none there.
        """
        with self.database.read() as connection:
            return artifacts.find_artifact(connection, store, location)

    def meant_artifact(self, store: str, location: str) -> Artifact:
        """What a location of one store stands for now.

        That is what the run under way was given there; else as `artifact`.

        Raises:
            NotFoundError: that store has none there.
        """
        with self.database.read() as connection:
            return self._meant(connection, store, location)

    def _meant(self, connection: Connection, store: str, location: str) -> Artifact:
        newest = artifacts.find_artifact(connection, store, location)
        if newest.state != "new" or self.active_run is None:
            return newest
        return artifacts.given_artifact(connection, self.active_run, store, location) or newest

    def newest_versions(self, store: str) -> Iterator[tuple[str, str, int | None, float]]:
        """Of each location of a store: its newest digest and size, and when it was recorded."""
        with self.database.read() as connection:
            yield from artifacts.newest_versions(connection, store)

    def artifacts_at(self, store: str, location: str) -> list[Artifact]:
        """Every artifact that was ever at a location of one store, the one to use first."""
        with self.database.read() as connection:
            return artifacts.artifacts_at(connection, store, location)

    def newest_artifact(self, store: str) -> Artifact | None:
        """What came to a store last; None if nothing ever did."""
        with self.database.read() as connection:
            return artifacts.newest_artifact(connection, store)

    def run_artifacts(
        self, role: str, store: str | None = None, run_id: int | None = None
    ) -> list[Artifact]:
        """What a run (None: the current one) was given (`input`) or made (`output`)."""
        number = self._current_run() if run_id is None else run_id
        with self.database.read() as connection:
            return artifacts.run_artifacts(connection, number, role, store)

    def succeeded_runs(self) -> set[int]:
        """Numbers of the runs that have succeeded."""
        runs = schema.runs
        query = select(runs.c.run_id).where(runs.c.status == "succeeded")
        with self.database.read() as connection:
            return set(connection.execute(query).scalars())

    def newest_output(self, stores: Iterable[str]) -> Artifact | None:
        """The last artifact made in one of the stores, by this run or one that succeeded."""
        with self.database.read() as connection:
            return artifacts.newest_output(connection, stores)

    def mark_using(self, resource_node_name: str, filepath: str) -> None:
        """Note that the current run reads an artifact; who made it stays known."""
        with self.database.write(durable=False) as connection:
            artifact = self._meant(connection, resource_node_name, filepath)
            if artifact.state != "produced":
                self._set_state(connection, artifact, "using")
            if self.active_run is not None:
                artifacts.link_artifacts(connection, self.active_run, [artifact.id], "input")

    def mark_used(self, resource_node_name: str, filepath: str) -> None:
        """Note that reading is over."""
        with self.database.write(durable=False) as connection:
            artifact = self._meant(connection, resource_node_name, filepath)
            if artifact.state != "produced":
                self._set_state(connection, artifact, "used")

    @staticmethod
    def _set_state(connection: Connection, artifact: Artifact, state: str) -> None:
        table = upstream.artifacts
        connection.execute(update(table).where(table.c.id == artifact.id).values(state=state))
