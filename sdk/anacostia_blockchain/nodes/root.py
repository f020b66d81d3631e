"""A leaf pipeline's way to its root, on another machine: runs there trigger runs here."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import (
    AnacostiaError,
    IntegrityError,
    PipelineError,
    StoreUnavailableError,
)
from anacostia_blockchain.ledger.record import RunRecord
from anacostia_blockchain.metadata.intents import last_metrics
from anacostia_blockchain.metadata.patience import patiently
from anacostia_blockchain.nodes.base import ActionNode
from anacostia_blockchain.nodes.watching import WatchingNode
from anacostia_blockchain.remote.following import Output, RemoteRuns, RootRun, place

if TYPE_CHECKING:
    from anacostia_blockchain import _upstream as upstream
    from anacostia_blockchain.metadata import MetadataStore
    from anacostia_blockchain.nodes.model_store import ModelStoreNode

_CONTENT = ".content"


def succeeded(run: RootRun) -> bool:
    """Whether a run of the root succeeded."""
    return run.status == "succeeded"


class RootPipelineNode(WatchingNode):
    """Follows a pipeline on another machine: each of its sealed runs is given to one run here.

    The root is a pipeline that is served: see `Pipeline.serve`. It neither knows its leaves nor
    waits for them. The record of a run there is an artifact of this node, and so its root is in the
    record of the run here. The newest one in the database says which comes next: however often leaf
    and root are killed, none is left out, and none is given to a second run unless the first one
    was aborted.

    Args:
        name: of the node.
        resource_path: folder for the root's records, which hold their secrets.
        metadata_store: of this pipeline.
        root: the root's server.
        wanted: says which of its runs trigger one here.
        poll: seconds between two looks.
        patience: seconds for which the root may be away; then the pipeline ends with an error, and
            goes on from there when it is executed again.

    Raises:
        ConfigError: the folder cannot be made or read.

    Example:
        >>> root = RootPipelineNode(
        ...     "root", "root", store, RemoteRuns("https://trainer:8000", token, ca=Path("ca.pem"))
        ... )  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        resource_path: str | Path,
        metadata_store: MetadataStore,
        root: RemoteRuns,
        *,
        wanted: Callable[[RootRun], bool] = succeeded,
        poll: float = 1.0,
        patience: float = 60.0,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, resource_path, metadata_store, poll=poll, **options)
        self._root = root
        self._wanted = wanted
        self._patience = patience
        self._seen: tuple[int, str] | None = None

    def setup(self) -> None:
        """Ask the root once, so that what waiting cannot cure shows at once.

        Raises:
            UntrustedServerError, AccessDeniedError: the root, or we, cannot prove who it is.
            IntegrityError: the root's runs are not those that were followed until now.
        """
        newest = self.metadata_store.newest_artifact(self.name)
        self._seen = None if newest is None else place(newest.location)
        try:
            self._root.next(self._seen)
        except StoreUnavailableError as error:
            self._say(error)

    def look(self) -> None:
        """Take the next run of the root, if the one before it is done with here."""
        self.unsettled = 1
        self._patiently(self._take_next)
        self.unsettled = 0

    def is_final(self, error: Exception) -> bool:
        """Whether it is an error that passes by itself: those were waited for."""
        return isinstance(error, AnacostiaError)

    def given(self) -> list[RootRun]:
        """The root's runs that the current run was given: one, if it was triggered by this node."""
        runs = []
        for artifact in self.metadata_store.run_artifacts("input", self.name):
            with self.load_artifact(artifact.location) as path:
                record = RunRecord.from_json(Path(path).read_bytes())
            runs.append(RootRun(place(artifact.location)[0], record))
        return runs

    def fetch(self, output: Output, target: Path) -> None:
        """Write what a run of the root made to `target`, each block verified.

        What broke off goes on where it did, in a later run too.

        Raises:
            PipelineError: the root does not keep it by CID.
            StorageError: the root does not have it, or was away for too long.
        """
        if output.cid is None:
            raise PipelineError(f"{output.store}/{output.location} is not kept by CID on the root")
        cid = CID.parse(output.cid)
        kept = Path(self.path, _CONTENT, output.cid)
        kept.parent.mkdir(exist_ok=True)
        self._patiently(lambda: self._root.get(cid, kept))
        shutil.move(kept, target)

    def _take_next(self) -> None:
        store = self.metadata_store
        newest = store.newest_artifact(self.name)
        if store.active_run is not None or (newest is not None and newest.state != "used"):
            return
        while (run := self._root.next(self._seen)) is not None and not self.exit_event.is_set():
            wanted = self._wanted(run)
            if wanted:
                self._keep(run)
            self._seen = run.index, run.leaf
            if wanted:
                return

    def _keep(self, run: RootRun) -> None:
        """Write a record down, then in the database: a file alone is written anew."""
        path = Path(self.path, run.location)
        content = run.record.to_json()
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        digest = self.hash_file(str(path))
        self.metadata_store.add_new_files(self.name, [(run.location, digest, len(content))])

    def _patiently(self, step: Callable[[], object]) -> None:
        patiently(step, self._patience, self.exit_event, self._say)

    def _say(self, error: Exception) -> None:
        self.log(f"{self.name} waits for its root: {error}", level="WARNING")


class FetchOutputsNode(ActionNode):
    """Brings what the root's run made into a model store of this pipeline, and its metrics.

    Nodes after it find both as if they had been made here: a `PublishVersionNode` publishes them.

    Args:
        name: of the node.
        predecessors: nodes before it.
        metadata_store: of this pipeline.
        root: whose runs this pipeline follows; it becomes a predecessor.
        model_store: where the content goes; likewise.
        store: name of the root's node whose content it is; None: of every one.

    Example:
        >>> fetch = FetchOutputsNode("fetch", [], store, root, models)  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        root: RootPipelineNode,
        model_store: ModelStoreNode,
        *,
        store: str | None = None,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        above = [node for node in predecessors if node not in (root, model_store)]
        super().__init__(name, [*above, root, model_store], metadata_store, **options)
        self._root = root
        self._models = model_store
        self._store = store

    def execute(self) -> bool:
        """Fetch, verify, and record.

        Raises:
            IntegrityError: what came is not what the root recorded.
        """
        for run in self._root.given():
            self.log_params(root_run={"run_id": run.run_id, "index": run.index, "leaf": run.leaf})
            self.log_metrics(**last_metrics(run.record.leaves))
            for output in run.outputs:
                if self._store in (None, output.store):
                    self._fetch(output)
        return True

    def _fetch(self, output: Output) -> None:
        models = self._models
        with models.save_artifact(output.location, overwrite=True) as path:
            self._root.fetch(output, Path(path))
        found = self.metadata_store.artifact(models.name, output.location)
        if found.sha256 != output.sha256:
            raise IntegrityError(
                f"{output.location} of the root is not what it recorded: "
                f"SHA-256 {found.sha256}, not {output.sha256}"
            )
