"""Licensing by pipeline: offer what was published, buy what is used, owe what is due, be paid.

Each node looks at the chain first and sends only what is not there yet, so that a run that is
repeated buys nothing twice. A model that is published by the same run is on the chain only after
it: a node that finds no such model yet says so in a tag, and does its part in the next run.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.errors import PipelineError
from anacostia_blockchain.licensing.terms import NATIVE, Right, Terms, preset
from anacostia_blockchain.nodes.acting import ActingNode

if TYPE_CHECKING:
    from anacostia_blockchain import _upstream as upstream
    from anacostia_blockchain.licensing.values import License, Price
    from anacostia_blockchain.metadata import MetadataStore
    from anacostia_blockchain.types import Address, Relation


class LicenseNode(ActingNode):
    """Offers licences of a model of one's own, unless an open offer says the same.

    Args:
        terms: a preset's name, or terms.
        price: of a licence; of another price, the offer is priced anew.

    Example:
        >>> offer = LicenseNode(
        ...     "offer", [publish], store, "shakespeare", "commercial-remix", Price.native(10**16)
        ... )  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model: str | int,
        terms: Terms | str,
        price: Price,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, model, **options)
        self._terms = preset(terms) if isinstance(terms, str) else terms
        self._price = price

    def execute(self) -> bool:
        """Offer, or set the price of what is offered."""
        model_id = self.model_id()
        if model_id is None:
            return True
        licenses = self.hub.licenses
        same = [o for o in licenses.offers(model_id) if o.terms_id == self._terms.id]
        if not same:
            made = licenses.offer(model_id, self._terms, self._price)
        elif not same[-1].is_open or same[-1].price != self._price:
            made = licenses.reprice(model_id, same[-1].number, self._price, supply=same[-1].supply)
        else:
            made = same[-1]
        self.log_params(offer=f"{model_id}/{made.number}", price=str(self._price))
        return True


class BuyLicenseNode(ActingNode):
    """Buys a licence of somebody's model, unless this account may already do what it needs to.

    Put it above the nodes that use the model: if it fails, they do not run.

    Args:
        right: what the run needs.
        max_pay: most that the licence may cost, in the asset's smallest unit.
        offer: number of the model's offer; None: its only one.
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model: str | int,
        right: Right,
        max_pay: int,
        *,
        offer: int | None = None,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, model, **options)
        self._right = right
        self._max_pay = max_pay
        self._offer = offer

    def execute(self) -> bool:
        """Buy, if there is need to."""
        licenses = self.hub.licenses
        if licenses.entitled(self._model, self._right):
            self.set_tags(**{self.name: "entitled already"})
            return True
        bought = licenses.buy(self._model, offer=self._offer, max_pay=self._max_pay)
        if not licenses.entitled(self._model, self._right):
            raise PipelineError(
                f"the licence {bought[0].id} does not allow {self._right.name.lower()}: "
                "name another offer"
            )
        self.log_params(licence=str(bought[0].id))
        return True


class DeriveNode(ActingNode):
    """Makes a model of one's own a derivative of others, once, under licences of theirs.

    Args:
        parents: registered models; a licence of each that nothing rests on yet is used.
        max_pay: most that a licence may cost that this account does not hold yet, in the asset's
            smallest unit; None: none is bought.
        relation: how the model came from them; None: as the registry's lineage says.
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model: str | int,
        parents: Iterable[str | int],
        *,
        max_pay: int | None = None,
        relation: Relation | None = None,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, model, **options)
        self._parents = list(parents)
        self._max_pay = max_pay
        self._relation = relation

    def execute(self) -> bool:
        """Derive, once."""
        model_id = self.model_id()
        if model_id is None:
            return True
        licenses = self.hub.licenses
        owed = licenses.parents(model_id)
        if not owed:
            chosen = [self._usable(parent) for parent in self._parents]
            owed = licenses.derive(self._model, chosen, self._relation)
        self.log_params(derived={str(p.license): p.share_bps for p in owed})
        return True

    def _usable(self, parent: str | int) -> License:
        for licence in self.hub.licenses.held(model=parent):
            if licence.derivative is None and licence.is_valid():
                return licence
        if self._max_pay is None:
            raise PipelineError(
                f"{self.name} needs a licence of {parent} that nothing rests on yet: "
                "buy one, or let it with max_pay="
            )
        return self.hub.licenses.buy(parent, max_pay=self._max_pay)[0]


class SettleNode(ActingNode):
    """Settles what derivatives owe to a model, and is paid what is this account's.

    Args:
        asset: ERC-20 token; None: the chain's native coin.
    """

    def __init__(
        self,
        name: str,
        predecessors: Sequence[upstream.BaseNode],
        metadata_store: MetadataStore,
        model: str | int,
        *,
        asset: Address | None = None,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, predecessors, metadata_store, model, **options)
        self._asset = asset or NATIVE

    def execute(self) -> bool:
        """Settle, claim, and record how much."""
        model_id = self.model_id()
        if model_id is None:
            return True
        paid = self.hub.licenses.collect([model_id], self._asset)
        self.log_params(**{f"{self.name}_paid": str(paid)})
        return True
