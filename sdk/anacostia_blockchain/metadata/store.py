"""Metadata stores: the framework's SQL store, made safe to restart and to believe."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, TypeVar

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.metadata.book import Batching, RunBook
from anacostia_blockchain.metadata.database import (
    check_uri,
    database_path,
    open_database,
    postgres_url,
)
from anacostia_blockchain.metadata.lifecycle import RunSummary
from anacostia_blockchain.metadata.patience import patiently
from anacostia_blockchain.metadata.recorder import RecordingStore

if TYPE_CHECKING:
    from logging import Logger

    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.ledger.record import RunRecord
    from anacostia_blockchain.metadata.database import Claim
    from anacostia_blockchain.outbox.outbox import Intent, Outbox
    from anacostia_blockchain.outbox.sender import Sender

ABANDONED = "the process ended before the run did"

T = TypeVar("T")


class MetadataStore(RecordingStore):
    """Keeps runs, and the log that proves them, in a SQLite or PostgreSQL database.

    Every finished run leaves a record whose root is appended to a Merkle log in the transaction
    that closes the run. With `chain`, that transaction also writes the intent to anchor the log.

    Args:
        name: of the node.
        uri: `sqlite:///metadata.db` (relative), `sqlite:////var/lib/metadata.db` (absolute) or
            `postgresql://user:password@host/database`.
        chain: what `anacostia_blockchain.connect()` gives; None: nothing leaves this machine.
        anchor_every: runs that one transaction anchors; 1: each run by itself.
        anchor_within: seconds after which a run is anchored though fewer wait. What waits when an
            execution ends is anchored then.
        lock_timeout: seconds to wait for another writer of the database.
        patience: seconds for which a run's beginning and end are tried again when the database is
            locked or away; then the pipeline ends with an error, and the run is aborted later.

    Raises:
        ConfigError: the URI is not one of such a database, or a number makes no sense.
    """

    def __init__(  # noqa: PLR0913 - the framework's, and ours
        self,
        name: str,
        uri: str,
        remote_successors: list[str] | None = None,
        client_url: str | None = None,
        loggers: Logger | list[Logger] | None = None,
        *,
        chain: Anacostia | None = None,
        anchor_every: int = 1,
        anchor_within: float = 60,
        lock_timeout: float = 30,
        patience: float = 60,
    ) -> None:
        check_uri(uri)
        self.batching = Batching(anchor_every, anchor_within)
        super().__init__(name, uri, remote_successors, client_url, loggers)
        self.chain = chain
        self.on_run: Callable[[str, RunSummary | int], None] = lambda _event, _run: None
        self._lock_timeout = lock_timeout
        self._patience = patience
        self._claim: Claim | None = None
        self._gate = threading.Lock()

    # ------------------------------------------------------------------ opening and closing

    def setup(self) -> None:
        """Open the database, and close what a dead process left open.

        Raises:
            StoreBusyError: another pipeline is running on it.
            StoreUnavailableError: its server does not answer.
        """
        database = open_database(self.uri, self._lock_timeout)
        self._claim = database.claim_pipeline()
        self._book = RunBook(database, self.name, self.chain, self.batching)
        self.abandon_open_runs(ABANDONED)

    def release(self) -> None:
        """Let another pipeline use the database; what was recorded stays readable here."""
        if self._claim is not None:
            self._claim.release()

    # ------------------------------------------------------------------ runs

    def start_run(self) -> None:
        """Begin the next run, unless the pipeline was told to stop a moment ago."""
        while not self.pause_event.wait(0.1):
            pass  # whoever ends the pipeline ends the pause
        with self._gate:
            if self.exit_event.is_set():
                return
            stores = [n.name for n in self.successors if getattr(n, "monitoring", False)]
            self.run_id = self.persist(lambda: self.book.open(stores))
            self.active_run = self.run_id
        self.on_run("run_started", self.run_id)

    def end_run(self) -> None:
        """Close the run, write its record and whatever must follow from it, in one transaction."""
        run_id = self.run_id
        summary = self.persist(lambda: self.book.close(run_id))
        self.active_run = None
        self.on_run("run_ended", summary)

    def node_result(self, node_name: str, result: str, detail: str | None = None) -> None:
        """Record how an action of the current run went: success, failure, error or skipped."""
        self.persist(lambda: super(MetadataStore, self).node_result(node_name, result, detail))

    def stop_if_idle(self) -> bool:
        """Refuse further runs if none is under way; says whether none is."""
        with self._gate:
            if self.active_run is None:
                self.exit_event.set()
            return self.active_run is None

    def abandon_open_runs(self, reason: str) -> list[RunSummary]:
        """Close as aborted every run that has no end; what only they were given is new again."""
        summaries = self.book.abandon(reason)
        self.run_id = self.book.next_run_id()
        self.active_run = None
        for summary in summaries:
            self.on_run("run_ended", summary)
        return summaries

    def record(self, run_id: int) -> RunRecord:
        """The record of a closed run, with the secret that its leaves are salted with.

        Raises:
            LedgerError: there is no such run, or it is still under way.
        """
        return self.book.record(run_id)

    def persist(self, step: Callable[[], T]) -> T:
        """Take a step that must not be lost: again and again while the database is away."""
        return patiently(step, self._patience, self.exit_event, self._say)

    def _say(self, error: Exception) -> None:
        self.log(f"{self.name} tries again: {error}", level="WARNING")

    # ------------------------------------------------------------------ the way to the chain

    @property
    def outbox(self) -> Outbox | None:
        """Where what must reach the chain waits; None without a chain."""
        return None if self._book is None else self._book.outbox

    def sender(self, on_step: Callable[[str, Intent], None]) -> Sender | None:
        """What sends it; None without a chain, or without a key: then a worker does."""
        return self.book.sender(on_step)

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
        if self.chain is None:
            raise ConfigError(f"{self.name} has no chain: pass chain=connect()")
        return self.book.intend(self._current_run(), kind, name, payload)


class SqliteMetadataStore(MetadataStore):
    """A `MetadataStore` in one SQLite file, which is all that one machine needs.

    Raises:
        ConfigError: the URI is not one of a SQLite file.

    Example:
        >>> store = SqliteMetadataStore("metadata_store", "sqlite:///metadata.db")
    """

    def __init__(self, name: str, uri: str, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - of `MetadataStore`
        database_path(uri)
        super().__init__(name, uri, *arguments, **options)


class PostgresMetadataStore(MetadataStore):
    """A `MetadataStore` in PostgreSQL; needs the extra `postgres`.

    Raises:
        ConfigError: the URI is not one of a PostgreSQL database.

    Example:
        >>> uri = "postgresql://me@localhost/runs"
        >>> store = PostgresMetadataStore("metadata_store", uri)
    """

    def __init__(self, name: str, uri: str, *arguments: Any, **options: Any) -> None:  # noqa: ANN401 - of `MetadataStore`
        postgres_url(uri)
        super().__init__(name, uri, *arguments, **options)


class BlockchainMetadataStore(MetadataStore):
    """A `MetadataStore` whose runs are all anchored: it is not made without a chain.

    Raises:
        ConfigError: `chain` is no connection, or one without an account.

    Example:
        >>> store = BlockchainMetadataStore(
        ...     "metadata_store", "sqlite:///metadata.db", chain=connect()
        ... )  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        uri: str,
        *arguments: Any,  # noqa: ANN401 - of `MetadataStore`
        chain: Anacostia,
        **options: Any,  # noqa: ANN401 - of `MetadataStore`
    ) -> None:
        if chain is None:
            raise ConfigError(f"{name} records on chain: pass chain=connect()")
        _ = chain.address  # a connection that only reads says what it lacks
        super().__init__(name, uri, *arguments, chain=chain, **options)
