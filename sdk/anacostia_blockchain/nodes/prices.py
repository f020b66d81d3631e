"""Letting a price follow its metric as a pipeline goes on."""

from __future__ import annotations

from anacostia_blockchain.errors import ChainError
from anacostia_blockchain.nodes.acting import ActingNode


class PriceUpdateNode(ActingNode):
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

    def execute(self) -> bool:
        """Move the price, and record it."""
        prices = self.hub.prices
        try:
            moved = prices.sync_if_due(self._model)
            now = prices.get(self._model).price
        except ChainError as error:
            self.set_tags(price_sync=str(error))
            return True
        self.set_tags(price_sync="unchanged" if moved is None else "synced")
        if now is not None:
            self.log_metrics(price_usd=float(now))
        return True
