"""What action nodes share: the run's inputs at hand, and one line to record a result."""

from __future__ import annotations

import time
from abc import abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import PipelineError
from anacostia_blockchain.nodes.graph import ancestors

if TYPE_CHECKING:
    from anacostia_blockchain.metadata import MetadataStore
    from anacostia_blockchain.metadata.artifacts import Artifact
    from anacostia_blockchain.nodes.model_store import ModelStoreNode


class ActionNode(upstream.BaseActionNode):
    """A step of the pipeline; subclasses say in `execute` what it does.

    It runs once per run, after its predecessors have succeeded; else it is skipped. Returning
    False, or raising, fails the run.

    Args:
        name: of the node.
        predecessors: nodes that must be ready (resources) or have succeeded (actions).
        metadata_store: where results are recorded.

    Example:
        >>> class CountFiles(ActionNode):
        ...     def execute(self) -> bool:
        ...         self.log_metrics(files=len(self.inputs()))
        ...         return True
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, list(predecessors), **options)
        self.metadata_store = metadata_store

    @abstractmethod
    def execute(self) -> bool:
        """Do the work of the current run.

        Returns:
            Whether it succeeded.
        """
        raise NotImplementedError

    def log_metrics(self, **metrics: float) -> None:
        """Record finite numbers of this run; `LedgerError` for anything else."""
        self.metadata_store.log_values("metric", metrics, self.name)

    def log_params(self, **params: Any) -> None:  # noqa: ANN401 - any JSON
        """Record any JSON as a parameter of this run."""
        self.metadata_store.log_values("param", params, self.name)

    def set_tags(self, **tags: Any) -> None:  # noqa: ANN401 - any JSON
        """Record any JSON as a tag of this run."""
        self.metadata_store.log_values("tag", tags, self.name)

    def wait_until(self, condition: Callable[[], bool], timeout: float) -> bool:
        """Look every 0.2 s until a condition holds; False after `timeout` s, or at the end."""
        deadline = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > deadline or self.exit_event.wait(0.2):
                return False
        return True

    def inputs(self) -> list[Artifact]:
        """What this run was given by the monitored stores above this node."""
        stores = {node.name for node in ancestors(self, upstream.BaseResourceNode)}
        given = self.metadata_store.run_artifacts("input")
        return [artifact for artifact in given if artifact.store in stores]

    @contextmanager
    def open_input(self, artifact: Artifact) -> Iterator[Path]:
        """A path to an input's content, checked against its digest.

        Raises:
            IntegrityError: the content changed since it was recorded.
        """
        stores = ancestors(self, upstream.FilesystemStoreNode)
        store = next(node for node in stores if node.name == artifact.store)
        with store.load_artifact(artifact.location) as path:
            yield Path(path)


class TrainingNode(ActionNode):
    """Makes a model of what the run was given, and saves it in a model store.

    Subclasses say in `train` how. The model is a folder, `<name>/run-<number>` in the store.

    Args:
        name: of the node.
        predecessors: monitored stores with the data, or actions that prepare it.
        metadata_store: where results are recorded.
        model_store: where the model goes; it becomes a predecessor.

    Example:
        >>> class Copy(TrainingNode):
        ...     def train(self, target: Path) -> dict[str, float]:
        ...         (target / "weights.bin").write_bytes(b"...")
        ...         return {"loss": 0.5}
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model_store: ModelStoreNode,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        above = [node for node in predecessors if node is not model_store]
        super().__init__(name, [*above, model_store], metadata_store, **options)
        self.model_store = model_store

    @abstractmethod
    def train(self, target: Path) -> Mapping[str, float] | None:
        """Make the model.

        Args:
            target: an empty folder for the model's files.

        Returns:
            Metrics to record, if there are any.
        """

    def execute(self) -> bool:
        """Train, save, and record what came of it."""
        location = f"{self.name}/run-{self.metadata_store.get_run_id()}"
        with self.model_store.save_artifact(location) as path:
            target = Path(path)
            target.mkdir()
            metrics = self.train(target)
        if metrics:
            self.log_metrics(**metrics)
        return True


class EvaluationNode(ActionNode):
    """Measures the newest model of the model stores above it, and records the metrics.

    Subclasses say in `evaluate` how. The newest model is one of this run, if there is one, or of
    the last run that succeeded.

    Example:
        >>> class Size(EvaluationNode):
        ...     def evaluate(self, model: Path) -> dict[str, float]:
        ...         return {"bytes": model.stat().st_size}
    """

    def execute(self) -> bool:
        """Evaluate, and record what came of it."""
        self.log_metrics(**self._measure())
        return True

    @abstractmethod
    def evaluate(self, model: Path) -> Mapping[str, float]:
        """Measure a model.

        Args:
            model: file or folder, as it was saved.

        Returns:
            Finite numbers by the name of their metric.
        """

    def evaluate_inputs(self) -> Mapping[str, float]:
        """Measure what this run was given, because there is no model; a `PipelineError` if not."""
        raise PipelineError(f"{self.name} finds no model in the stores above it: train one first")

    def _measure(self) -> Mapping[str, float]:
        stores = {node.name: node for node in ancestors(self, upstream.FilesystemStoreNode)}
        newest = self.metadata_store.newest_output(stores)
        if newest is None:
            return self.evaluate_inputs()
        with stores[newest.store].load_artifact(newest.location) as path:
            return self.evaluate(Path(path))
