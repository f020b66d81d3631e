"""Recording without a pipeline: the same runs, from plain training code.

`ActiveRun` is also the seam for trainer callbacks and for other trackers' plugins: they need no
more than its methods.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.errors import ChainError, ConfigError, PipelineError
from anacostia_blockchain.metadata import artifacts, lifecycle, recording
from anacostia_blockchain.metadata.artifacts import Artifact
from anacostia_blockchain.metadata.book import RunBook
from anacostia_blockchain.metadata.database import open_database
from anacostia_blockchain.outbox.publishing import PREVIOUS, artifact_payload
from anacostia_blockchain.types import Kind, Parent

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.content.cid import CID
    from anacostia_blockchain.content.folder import FolderDigest
    from anacostia_blockchain.metadata.database import Claim
    from anacostia_blockchain.metadata.lifecycle import RunSummary

log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_CLAIM = "run-{run_id}"
_REASON = 300


def open_book(uri: str, client: Anacostia) -> RunBook:
    """A database's book of runs, anchored through a connection.

    Raises:
        ConfigError: the URI cannot be used, or the connection has no account.
        StoreUnavailableError: the database's server does not answer.
    """
    return RunBook(open_database(uri), "code", client)


class ActiveRun:
    """A run under way. Made by `hub.runs.start`, and used in a `with` block.

    Attributes:
        name: of the code.
        run_id: its number in the database, once it has begun.
        summary: how it ended, once it has.
    """

    def __init__(self, client: Anacostia, book: RunBook, name: str, wait: float) -> None:
        if not _NAME.fullmatch(name) or name == lifecycle.PIPELINE:
            raise ConfigError(
                f"{name!r} cannot be a run's name: use letters, digits, '.', '_' and '-', at most "
                "64, such as train"
            )
        self.name = name
        self.run_id: int | None = None
        self.summary: RunSummary | None = None
        self._client = client
        self._book = book
        self._wait = wait
        self._claim: Claim | None = None

    def __repr__(self) -> str:
        state = "ended" if self.summary else "not begun" if self.run_id is None else "under way"
        return f"ActiveRun({self.name!r}, run_id={self.run_id}, {state})"

    # ------------------------------------------------------------------ beginning and end

    def __enter__(self) -> ActiveRun:
        self.begin()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is None:
            self.end()
        else:
            self._close("failed", repr(error)[:_REASON])

    def begin(self) -> None:
        """Begin the run; a `with` block does it.

        Raises:
            PipelineError: it has begun before.
        """
        if self.run_id is not None:
            raise PipelineError(f"{self!r} runs once: start another one")
        self._abandon_dead_runs()
        self._book.add_node(self.name, "ActiveRun", "BaseActionNode")
        self.run_id = self._book.open(None, self.name, claim=self._take_claim)

    def end(self) -> RunSummary:
        """End the run as succeeded, and send what must reach the chain; a `with` block does it.

        Returns:
            How it ended.

        Raises:
            PipelineError: it is not under way.
            ChainError: a contract refused what the run intended. The run itself is recorded.
        """
        summary = self._close("succeeded", None)
        outbox = self._book.outbox
        failed = outbox.failed() if outbox is not None else []
        if refused := [intent for intent in failed if intent.run_id == summary.run_id]:
            raise ChainError(f"{refused[0].key} was refused: {refused[0].error}")
        return summary

    def _close(self, status: str, reason: str | None) -> RunSummary:
        run_id = self._current()
        self.summary = self._book.close(run_id, status, reason)
        if self._claim is not None:
            self._claim.release()
        self._send()
        return self.summary

    def _send(self) -> None:
        sender = self._book.sender()
        if sender is None or self._wait <= 0:
            return
        if left := sender.drain(self._wait):
            log.warning("%d intents wait for the chain; the next run sends them", left)

    def _take_claim(self, run_id: int) -> None:
        self._claim = self._book.database.claim(_CLAIM.format(run_id=run_id))

    def _abandon_dead_runs(self) -> None:
        """Close what is open and claimed by nobody: its process is dead."""
        claims: list[Claim] = []

        def dead(run_id: int) -> bool:
            claim = self._book.database.claim(_CLAIM.format(run_id=run_id))
            claims.extend([claim] if claim is not None else [])
            return claim is not None

        try:
            self._book.abandon("the process ended before the run did", only=dead)
        finally:
            for claim in claims:
                claim.release()

    def _current(self) -> int:
        if self.run_id is None or self.summary is not None:
            raise PipelineError(f"{self!r}: use it in a `with` block, and within it")
        return self.run_id

    # ------------------------------------------------------------------ what it says

    def log_metrics(
        self,
        metrics: Mapping[str, float] | None = None,
        /,
        **more: float,
    ) -> None:
        """Record finite numbers; all values of one name are kept, in order.

        Raises:
            LedgerError: a value is not a finite number.
            PipelineError: the run is not under way.
        """
        self._log("metric", {**(metrics or {}), **more})

    def log_params(
        self,
        params: Mapping[str, Any] | None = None,
        /,
        **more: Any,  # noqa: ANN401 - any JSON
    ) -> None:
        """Record parameters: any JSON.

        Raises:
            LedgerError: a value is not JSON.
            PipelineError: the run is not under way.
        """
        self._log("param", {**(params or {}), **more})

    def set_tags(
        self,
        tags: Mapping[str, Any] | None = None,
        /,
        **more: Any,  # noqa: ANN401 - any JSON
    ) -> None:
        """Record tags: any JSON; errors as in `log_params`."""
        self._log("tag", {**(tags or {}), **more})

    def _log(self, role: str, values: Mapping[str, Any]) -> None:
        run_id = self._current()
        items = recording.checked(role, values)
        if items:
            with self._book.database.write(durable=False) as connection:
                recording.log_values(connection, run_id, self.name, role, items)

    # ------------------------------------------------------------------ what it reads and makes

    def log_input(self, path: Path | str, name: str | None = None) -> Artifact:
        """Record what the run reads: a file or folder, by digest. It is not stored.

        Args:
            path: of the file or folder.
            name: in the record; None: the last part of the path.

        Raises:
            ContentError: it cannot be content; or it changed while it was read.
            PipelineError: the run is not under way.
        """
        return self._note(Path(path), name, "input", cid=None)

    def log_artifact(self, path: Path | str, name: str | None = None) -> CID:
        """Record what the run made, and store it: a file or folder.

        Args:
            path: of the file or folder.
            name: in the record; None: the last part of the path.

        Returns:
            Its CID.

        Raises:
            ContentError: it cannot be content.
            StorageError: it cannot be stored.
            PipelineError: the run is not under way.
        """
        self._current()
        place = Path(path)
        cid = self._client.storage.put(place, name=f"{self.name}/{name or place.name}")
        self._note(place, name, "output", cid=str(cid))
        return cid

    def publish(
        self,
        path: Path | str,
        model: str,
        *,
        kind: Kind = Kind.MODEL,
        parents: Iterable[Parent] | str = PREVIOUS,
        aliases: Iterable[str] = (),
        description: Mapping[str, Any] | None = None,
    ) -> CID:
        """Publish what the run made as the next version of a model, if the run succeeds.

        Args:
            path: a file or folder; recorded and stored as by `log_artifact`.
            model: name of the registered model; registered with its first version.
            kind: of a model that is new.
            parents: lineage edges, or "previous": the model's newest version.
            aliases: moved to the new version.
            description: further arguments of `content.version.describe_version`.

        Returns:
            The CID of what was stored; the version's own follows from it and from the run.

        Raises:
            ContentError, StorageError, PipelineError: see `log_artifact`.
        """
        run_id = self._current()
        cid = self.log_artifact(path)
        payload = artifact_payload(
            model,
            cid,
            Path(path).name,
            kind=kind,
            parents=parents,
            aliases=aliases,
            description=description,
        )
        self._book.intend(run_id, "publish", f"{model}:{cid}", payload)
        return cid

    def _note(self, path: Path, name: str | None, role: str, cid: str | None) -> Artifact:
        run_id = self._current()
        digest = scan(path)
        state = "used" if role == "input" else "produced"
        location = name or path.name
        sha256 = _sha256(path, digest)
        artifact = Artifact(0, self.name, location, sha256, cid, digest.size, state)
        with self._book.database.write() as connection:
            artifact_id = artifacts.add_artifact(
                connection, artifact, run_id=run_id, content_type=None
            )
            artifacts.link_artifacts(connection, run_id, [artifact_id], role)
        return artifact


def _sha256(path: Path, digest: FolderDigest) -> str:
    """Of a file its digest, of a folder the root of its manifest."""
    return (digest.manifest.root if path.is_dir() else digest.files[0].sha256).hex()
