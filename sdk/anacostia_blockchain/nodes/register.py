"""Registering a model, and minting the token that owns it, once and for all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.nodes.publish import PublishVersionNode

if TYPE_CHECKING:
    from anacostia_blockchain import _upstream as upstream
    from anacostia_blockchain.metadata import MetadataStore
    from anacostia_blockchain.nodes.model_store import ModelStoreNode
    from anacostia_blockchain.types import Address


class RegisterModelNode(PublishVersionNode):
    """Registers a model with the run's artifact as version 1, if its name is new; else nothing.

    Later versions are published by a `PublishVersionNode`, here or by somebody who was given the
    right to. The arguments are those of `PublishVersionNode`.

    Example:
        >>> register = RegisterModelNode("register", [train], store, models, "digits")
        ... # doctest: +SKIP
    """

    marker = "register:"

    def payload(self) -> dict[str, Any]:
        """The intent of a publication that only a new name has."""
        return super().payload() | {"only_new": True}


class MintModelNode(RegisterModelNode):
    """Registers a model, and gives the token that was minted with it to its owner to be.

    Whoever holds the token decides about the model: its aliases, its publishers, its revocation,
    its sale. Publishing more needs a right that the new owner gives.

    Args:
        name: of the node.
        predecessors: actions after which to mint.
        metadata_store: with a chain.
        model_store: that holds the artifact.
        model: name of the model to be.
        to: who gets the token; None: it stays with the account that signs.
        options: of `PublishVersionNode`.

    Example:
        >>> mint = MintModelNode("mint", [train], store, models, "digits", to=customer)
        ... # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model_store: ModelStoreNode,
        model: str,
        to: Address | None = None,
        **options: Any,  # noqa: ANN401 - of `PublishVersionNode`
    ) -> None:
        super().__init__(name, predecessors, metadata_store, model_store, model, **options)
        self._to = to

    def payload(self) -> dict[str, Any]:
        """The intent to register, and to hand over what was minted."""
        return super().payload() | ({"owner": self._to} if self._to else {})
