"""Publishing what a run made, if the run succeeds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import PipelineError
from anacostia_blockchain.nodes.onchain import ChainActionNode
from anacostia_blockchain.outbox.publishing import artifact_payload
from anacostia_blockchain.types import Kind, Parent

if TYPE_CHECKING:
    from anacostia_blockchain import _upstream as upstream
    from anacostia_blockchain.metadata import MetadataStore
    from anacostia_blockchain.metadata.artifacts import Artifact
    from anacostia_blockchain.nodes.model_store import ModelStoreNode


class PublishVersionNode(ChainActionNode):
    """Publishes the run's artifact as the next version of a registered model.

    It writes down the intent and returns at once. The transaction that closes the run as succeeded
    lets the intent go, with the run's place in the log; if the run fails, nothing is published.
    The version's statement names the run's record, its parameters, and its inputs by digest.

    Args:
        name: of the node.
        predecessors: actions after which to publish, for instance the evaluation.
        metadata_store: with a chain.
        model_store: that holds the artifact.
        model: name of the registered model; registered with its first version.
        kind: of a model that is new.
        parents: lineage edges, or "previous": the model's newest version.
        aliases: moved to the new version.
        artifact: location of the artifact, `{run_id}` standing for the run's number; None: the
            only one that the run made in `model_store`.
        describe: further arguments of `content.version.describe_version`: description, licence,
            tags, image.

    Example:
        >>> publish = PublishVersionNode(
        ...     "publish", [evaluate], store, model_store, "shakespeare", aliases=["champion"]
        ... )  # doctest: +SKIP
    """

    marker = ""
    """Tells this intent from another one about the same artifact."""

    def __init__(  # noqa: PLR0913 - the parts of a publication
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model_store: ModelStoreNode,
        model: str,
        *,
        kind: Kind = Kind.MODEL,
        parents: Iterable[Parent] | str = "previous",
        aliases: Iterable[str] = (),
        artifact: str | None = None,
        describe: dict[str, Any] | None = None,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, **options)
        self._model_store = model_store
        self._model = model
        self._kind = kind
        self._parents = parents if isinstance(parents, str) else tuple(parents)
        self._aliases = list(aliases)
        self._artifact = artifact
        self._describe = dict(describe or {})

    def execute(self) -> bool:
        """Write down the intent."""
        payload = self.payload()
        self.intend("publish", f"{self._model}:{self.marker}{payload['artifact']}", payload)
        return True

    def payload(self) -> dict[str, Any]:
        """What is intended: see `publishing.artifact_payload`.

        Raises:
            PipelineError: the run made none, or more than one, of what could be meant.
        """
        artifact = self._find()
        return artifact_payload(
            self._model,
            CID.parse(artifact.cid or ""),
            PurePosixPath(artifact.location).name,
            kind=self._kind,
            parents=self._parents,
            aliases=self._aliases,
            description=self._describe,
        )

    def _find(self) -> Artifact:
        outputs = self.metadata_store.run_artifacts("output", self._model_store.name)
        made = list({artifact.location: artifact for artifact in outputs}.values())
        if self._artifact is not None:
            wanted = self._artifact.format(run_id=self.metadata_store.get_run_id())
            made = [artifact for artifact in made if artifact.location == wanted]
        if len(made) != 1:
            places = ", ".join(artifact.location for artifact in made) or "nothing"
            raise PipelineError(
                f"{self.name} publishes one artifact, but {self._model_store.name} got {places} "
                "from this run: name it with artifact="
            )
        return made[0]
