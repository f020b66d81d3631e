"""Letting a price follow its metric as a pipeline goes on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.errors import ChainError, ConfigError
from anacostia_blockchain.nodes.base import ActionNode

if TYPE_CHECKING:
    from anacostia_blockchain import _upstream as upstream
    from anacostia_blockchain.metadata import MetadataStore


class PriceUpdateNode(ActionNode):
    """Moves a model's price towards its newest delivered metric, at each run.

    A run's own metric is delivered some time after it, by Chainlink's nodes: what moves the price
    is whatever has been delivered by now. The price is recorded as the metric `price_usd`. Where it
    cannot move, the tag `price_sync` says why, and the run goes on: a price is no reason to lose
    one.

    Args:
        name: of the node.
        predecessors: actions after which to do it.
        metadata_store: with a chain.
        model: the registered model.

    Example:
        >>> update = PriceUpdateNode("price", [publish], store, "shakespeare")  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model: str | int,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, **options)
        self._model = model

    def setup(self) -> None:
        """Check that there is a chain.

        Raises:
            ConfigError: the metadata store has none.
        """
        if self.metadata_store.chain is None:
            raise ConfigError(
                f"{self.name} moves a price on a chain: give the metadata store one, "
                "SqliteMetadataStore(..., chain=connect())"
            )

    def execute(self) -> bool:
        """Move the price, and record it."""
        chain = self.metadata_store.chain
        assert chain is not None  # noqa: S101 - `setup` checked it
        try:
            moved = chain.prices.sync_if_due(self._model)
            now = chain.prices.get(self._model).price
        except ChainError as error:
            self.set_tags(price_sync=str(error))
            return True
        self.set_tags(price_sync="unchanged" if moved is None else "synced")
        if now is not None:
            self.log_metrics(price_usd=float(now))
        return True
