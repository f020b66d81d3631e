"""Deploying what was promoted on chain, after every byte of it was verified."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.errors import NotFoundError, PipelineError
from anacostia_blockchain.nodes.onchain import ModelActionNode

if TYPE_CHECKING:
    from anacostia_blockchain import _upstream as upstream
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.metadata import MetadataStore
    from anacostia_blockchain.recall import Taint
    from anacostia_blockchain.types import ModelVersion

Promotion = Callable[["Anacostia", str], "ModelVersion | None"]
"""Says which version of a model is promoted now; None: none is."""


def by_alias(alias: str) -> Promotion:
    """The version that an alias points to. A gated alias only moves through its gate."""

    def promoted(hub: Anacostia, model: str) -> ModelVersion | None:
        try:
            return hub.models.version(f"{model}@{alias}")
        except NotFoundError:
            return None

    return promoted


_MOVES = ("deployed", "undeployed")
"""What the node records of what it did; the newest of them tells what is up."""


class DeployNode(ModelActionNode):
    """Waits for a promotion on chain, fetches, verifies, and calls the user's deploy hook.

    A version that this node has deployed already, in a run that succeeded, is not deployed again.
    One that is revoked, or made from something that is, is never deployed; what became so after it
    was deployed is undeployed, and the run fails where there is nothing to do that with.

    Args:
        name: of the node.
        predecessors: nodes before it.
        metadata_store: with a chain.
        model: name of the registered model.
        folder: where versions are fetched to, each into a folder of its own.
        deploy: called with that folder and the version; what it raises fails the run.
        undeploy: called with the number of the version that is deployed and must not be, and why;
            again, if the run then fails for another reason.
        promotion: says which version is promoted.
        wait: seconds to wait for one that is not deployed yet; 0: only look.

    Example:
        >>> deploy = DeployNode(
        ...     "deploy", [data], store, "digits", "serving", lambda path, version: None
        ... )  # doctest: +SKIP
    """

    def __init__(  # noqa: PLR0913 - a deployment's parts
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model: str,
        folder: Path | str,
        deploy: Callable[[Path, ModelVersion], object],
        *,
        undeploy: Callable[[int, Taint], object] | None = None,
        promotion: Promotion | None = None,
        wait: float = 0,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, model, **options)
        self._folder = Path(folder)
        self._deploy = deploy
        self._undeploy = undeploy
        self._promotion = promotion or by_alias("champion")
        self._wait = wait

    def execute(self) -> bool:
        """Take back what is tainted, and deploy the promoted version, unless it is deployed.

        Raises:
            PipelineError: the promoted version is tainted, or a check of it failed; or what is
                deployed is tainted, and there is no way here to take it back or replace it.
        """
        done = self.deployed()
        found: list[ModelVersion] = []
        reasons: list[Taint] = []

        def is_due() -> bool:
            version = self._promotion(self.hub, str(self._model))
            found[:] = [version] if version is not None and version.version != done else []
            taint = None if done is None else self.hub.models.taint(f"{self._model}@{done}")
            reasons[:] = [] if taint is None else [taint]
            return bool(found or reasons)

        if not self.wait_until(is_due, self._wait):
            self.set_tags(deployment="nothing new is promoted")
            return True
        if done is not None and reasons:
            self._take_back(done, reasons[0], replaced=bool(found))
        if not found:
            return True
        version = found[0]
        path = self._fetch(version)
        self._deploy(path, version)
        self.log_params(deployed=version.version, model_id=version.model_id, root=str(version.root))
        return True

    def deployed(self) -> int | None:
        """Number of the version that this node deployed, if that is still up."""
        runs = self.metadata_store.succeeded_runs()
        rows = self.metadata_store.get_params(self.name)
        own = [r for r in rows if r["param_name"] in _MOVES and r["run_id"] in runs]
        last = max(own, key=lambda row: row["id"], default=None)
        if last is None or last["param_name"] != "deployed":
            return None
        return int(last["param_value"])

    def _take_back(self, version: int, reason: Taint, *, replaced: bool) -> None:
        if self._undeploy is not None:
            self._undeploy(version, reason)
            self.log_params(undeployed=version, because=str(reason))
        elif not replaced:
            raise PipelineError(
                f"{self._model}@{version} is deployed, and must not be: {reason}. Take it out of "
                f"service, or promote another; with `undeploy`, {self.name} does the first itself"
            )

    def _fetch(self, version: ModelVersion) -> Path:
        from anacostia_blockchain.verify import verify_version  # noqa: PLC0415 - loads web3

        reference = f"{version.model_id}@{version.version}"
        report = verify_version(self.hub, reference)
        bad = [f"{check.name}: {check.detail}" for check in report.checks if not check.passed]
        if bad:
            raise PipelineError(f"{self._model} {reference} is not deployed: {'; '.join(bad)}")
        self._folder.mkdir(parents=True, exist_ok=True)
        target = self._folder / f"{version.model_id}-{version.version}"
        return self.hub.models.fetch(reference, target)
