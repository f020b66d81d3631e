"""Promotion by pipeline: evaluate what is published, attest it, propose it, promote it.

Each node looks at the chain, and writes down what is to happen; the transaction that closes the run
as succeeded lets it happen, once. A version is on chain only after the run that published it, so
these nodes act on what earlier runs, or others, have published. Where there is nothing to do yet,
a tag says what is waited for, and the run goes on.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.errors import NotFoundError, PipelineError
from anacostia_blockchain.nodes.onchain import ChainActionNode, ModelActionNode

if TYPE_CHECKING:
    from anacostia_blockchain import _upstream as upstream
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.metadata import MetadataStore
    from anacostia_blockchain.nodes.deploy import Promotion
    from anacostia_blockchain.types import ModelVersion


def by_gate(alias: str) -> Promotion:
    """For `DeployNode(promotion=…)`: what an alias points to, if its policy decides about it.

    Where the alias is not under this deployment's gate, or has no policy, nothing is promoted:
    its owner could point it anywhere.
    """

    def promoted(hub: Anacostia, model: str) -> ModelVersion | None:
        try:
            version = hub.models.version(f"{model}@{alias}")
            hub.promotions.policy(version.model_id, alias)
        except NotFoundError:
            return None
        return version

    return promoted


class EvaluateNode(ModelActionNode):
    """Measures a registered version on a registered, held-out dataset; each version once.

    Model and dataset are fetched, and every byte of them is checked against the chain's roots: the
    metrics are of these very bytes. Subclasses say in `evaluate` how.

    Args:
        name: of the node.
        predecessors: nodes before it.
        metadata_store: with a chain.
        model: reference to the model; its newest version is measured, unless it names one.
        dataset: reference to the dataset, with or without a version.
        folder: where versions are fetched to, each into a folder of its own.

    Example:
        >>> class Accuracy(EvaluateNode):
        ...     def evaluate(self, model, dataset):
        ...         return {"accuracy": 0.93}
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model: str | int,
        dataset: str | int,
        folder: Path | str,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, model, **options)
        self._dataset = dataset
        self._folder = Path(folder)
        self.measured: dict[str, str] | None = None

    @abstractmethod
    def evaluate(self, model: Path, dataset: Path) -> Mapping[str, float]:
        """Measure a model.

        Args:
            model: folder of the version.
            dataset: folder of the dataset's version.

        Returns:
            Finite numbers by the name of their metric.
        """

    def execute(self) -> bool:
        """Fetch, measure, and record what came of it."""
        self.measured = None
        if self.model_id() is None:
            return True
        version = self.hub.models.version(self._model)
        dataset = self.hub.models.version(self._dataset)
        subject, root = f"{version.model_id}@{version.version}", dataset.root.digest.hex()
        if self._was_measured(subject, root):
            self.set_tags(**{self.name: f"{subject} is evaluated already"})
            return True
        self.log_metrics(**self.evaluate(self._fetch(version), self._fetch(dataset)))
        self.log_params(evaluated=subject, dataset=root)
        self.measured = {"model": subject, "dataset": root}
        return True

    def _fetch(self, version: ModelVersion) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / f"{version.model_id}-{version.version}"
        return self.hub.models.fetch(f"{version.model_id}@{version.version}", target)

    def _was_measured(self, subject: str, root: str) -> bool:
        """Whether a run that succeeded has measured this version on this dataset."""
        runs = self.metadata_store.succeeded_runs()
        rows = self.metadata_store.get_params(self.name)
        said = {(row["run_id"], row["param_name"], row["param_value"]) for row in rows}
        pairs = (("evaluated", subject), ("dataset", root))
        return any(all((run, *pair) in said for pair in pairs) for run in runs)


class AttestNode(ChainActionNode):
    """Attests what an `EvaluateNode` has just measured, as its run's record shows it.

    Args:
        name: of the node.
        predecessors: actions after which to attest; the evaluation becomes one.
        metadata_store: with a chain, whose account attests.
        evaluation: that measured.
        metrics: names of the metrics to attest.

    Example:
        >>> attest = AttestNode("attest", [], store, evaluate, ["accuracy"])  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        evaluation: EvaluateNode,
        metrics: Iterable[str],
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        above = [node for node in predecessors if node is not evaluation]
        super().__init__(name, [*above, evaluation], metadata_store, **options)
        self._evaluation = evaluation
        self._metrics = list(metrics)

    def execute(self) -> bool:
        """Write down the intents.

        Raises:
            PipelineError: the evaluation has no such metric.
        """
        measured = self._evaluation.measured
        if measured is None:
            self.set_tags(**{self.name: "nothing new was evaluated"})
            return True
        run_id = self.metadata_store.get_run_id()
        rows = self.metadata_store.get_metrics(self._evaluation.name, run_id=run_id)
        known = {row["metric_name"] for row in rows}
        if missing := set(self._metrics) - known:
            raise PipelineError(
                f"{self._evaluation.name} has not measured {', '.join(sorted(missing))}, "
                f"which {self.name} is to attest"
            )
        for metric in self._metrics:
            payload = {**measured, "metric": metric, "node": self._evaluation.name}
            self.intend("attest", f"{measured['model']}:{metric}:run-{run_id}", payload)
        return True


class _PromotionNode(ModelActionNode):
    """An action about a gated alias of a model.

    Args:
        name: of the node.
        predecessors: nodes before it.
        metadata_store: with a chain.
        model: name or number of the registered model.
        alias: to move.
        wait: seconds to wait for there being something to do; 0: only look.
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model: str | int,
        alias: str = "champion",
        *,
        wait: float = 0,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, model, **options)
        self._alias = alias
        self._wait = wait
        self._reason = ""

    def _intend_when_due(self, kind: str) -> bool:
        """Intend it for the newest version, once nothing is in the way; else say what is."""
        if not self.wait_until(self._is_due, self._wait):
            self.set_tags(**{self.name: self._reason})
            return True
        subject = self._subject()
        run_id = self.metadata_store.get_run_id()
        payload = {"model": subject, "alias": self._alias}
        self.intend(kind, f"{subject}:{self._alias}:run-{run_id}", payload)
        self.log_params(**{kind: subject})
        return True

    def _subject(self) -> str:
        model_id, version = self.hub.models.resolve(self._model)
        return f"{model_id}@{version}"

    def _is_due(self) -> bool:
        try:
            model_id, version = self.hub.models.resolve(self._model)
        except NotFoundError:
            self._reason = f"{self._model} is not published yet"
            return False
        if self.hub.registry.alias_of(model_id, self._alias).version == version:
            self._reason = f"version {version} is promoted already"
            return False
        self._reason = self._obstacle(f"{model_id}@{version}")
        return not self._reason

    @abstractmethod
    def _obstacle(self, subject: str) -> str:
        """What is in the way; empty for nothing."""


class ProposePromotionNode(_PromotionNode):
    """Proposes a model's newest version for a gated alias, once its policy has what it asks for.

    Example:
        >>> propose = ProposePromotionNode("propose", [data], store, "digits")  # doctest: +SKIP
    """

    def execute(self) -> bool:
        """Intend to propose, or say what is missing."""
        return self._intend_when_due("propose")

    def _obstacle(self, subject: str) -> str:
        hub = self.hub
        if any(
            p.proposer == hub.address and f"{p.model_id}@{p.version}" == subject
            for p in hub.promotions.proposals(subject, self._alias)
        ):
            return f"{subject} is proposed already"
        missing = [c for c in hub.promotions.explain(subject, self._alias) if not c.met]
        return "; ".join(f"{c.asks}: {c.detail}" for c in missing)


class PromoteNode(_PromotionNode):
    """Executes this account's proposal of a model's newest version, once its delay has passed.

    Everything is checked again by the gate: what was revoked meanwhile is not promoted, and the
    intent fails with the gate's reason.

    Example:
        >>> promote = PromoteNode("promote", [data], store, "digits")  # doctest: +SKIP
    """

    def execute(self) -> bool:
        """Intend to execute, or say what is waited for."""
        return self._intend_when_due("promote")

    def _obstacle(self, subject: str) -> str:
        try:
            proposal = self.hub.promotions.newest(subject, self._alias)
        except NotFoundError as error:
            return str(error)
        early = self.hub.attest.now() < proposal.executable_at
        return f"{subject} can be promoted from {proposal.executable_at} on" if early else ""
