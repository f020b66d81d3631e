"""Licensing by pipeline: offer what was published, buy what is used, owe what is due, be paid.

Each node looks at the chain, and writes down what is missing; the transaction that closes the run
as succeeded lets it happen, once, and a run that fails buys nothing. What was intended is carried
out in its order, so that a model that the same run publishes can be offered and derived. It needs
no key here: an anchor worker may hold it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.errors import NotFoundError, PipelineError
from anacostia_blockchain.licensing.intents import price_to_json, spare_licence
from anacostia_blockchain.licensing.terms import NATIVE, Right, Terms, preset
from anacostia_blockchain.nodes.onchain import ModelActionNode

if TYPE_CHECKING:
    from anacostia_blockchain import _upstream as upstream
    from anacostia_blockchain.licensing.values import Offer, Price
    from anacostia_blockchain.metadata import MetadataStore
    from anacostia_blockchain.types import Address, Relation


class _LicensingNode(ModelActionNode):
    """An action about a model's licences."""

    def intend_once(self, kind: str, name: str, payload: dict[str, Any]) -> None:
        """Write down what is to happen if this run succeeds, and say so in a tag."""
        run_id = self.metadata_store.get_run_id()
        self.intend(kind, f"{name}:run-{run_id}", payload)
        self.set_tags(**{self.name: "intended"})

    def is_published(self) -> bool:
        """Whether the model is on chain yet."""
        try:
            self.hub.models.resolve(self._model)
        except NotFoundError:
            return False
        return True


class LicenseNode(_LicensingNode):
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
        """Intend to offer, or to set the price of what is offered."""
        self.log_params(terms="0x" + self._terms.id.hex(), price=str(self._price))
        same = self._same()
        if same is not None and same.is_open and same.price == self._price:
            self.log_params(offer=f"{same.model_id}/{same.number}")
            return True
        terms = self.hub.licensing.calls.register_terms(self._terms)
        named = self._terms.id.hex()
        call = {"to": terms.to, "data": terms.data.hex(), "value": 0, "function": terms.function}
        self.intend("call", f"terms:{named}", call)  # the same terms twice are no error
        payload = {"model": self._model, "terms": named, "price": price_to_json(self._price)}
        self.intend_once("offer", f"{self._model}:{named}", payload)
        return True

    def _same(self) -> Offer | None:
        """The newest offer under these terms."""
        if not self.is_published():
            return None
        offers = self.hub.licenses.offers(self._model)
        return next((o for o in reversed(offers) if o.terms_id == self._terms.id), None)


class BuyLicenseNode(_LicensingNode):
    """Buys a licence of somebody's model, unless this account may already do what it needs to.

    Put it above the nodes that use the model: if no licence of that right is offered at that price,
    it fails, and they do not run. It is bought when they have succeeded.

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
        """Check that what is needed can be had, and intend to buy it.

        Raises:
            NotFoundError: there is no such model, or nothing is offered.
            PipelineError: it is too dear, or does not allow what is needed.
        """
        licenses = self.hub.licenses
        if licenses.entitled(self._model, self._right):
            self.set_tags(**{self.name: "entitled already"})
            return True
        chosen = licenses.choose(self._model, self._offer)
        named = f"offer {chosen.number} of {self._model}"
        if self._right not in chosen.rights:
            raise PipelineError(
                f"{named} does not allow {self._right.name.lower()}: name another offer"
            )
        if (price := licenses.quote(self._model, chosen.number)) > self._max_pay:
            raise PipelineError(f"{named} costs {price}, more than the {self._max_pay} allowed")
        self.log_params(offer=f"{chosen.model_id}/{chosen.number}", max_pay=str(self._max_pay))
        payload = {
            "model": chosen.model_id,
            "offer": chosen.number,
            "max_pay": str(self._max_pay),
            "right": int(self._right),
        }
        self.intend_once("licence", f"{chosen.model_id}/{chosen.number}", payload)
        return True


class DeriveNode(_LicensingNode):
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
        """Intend to buy the licences that are missing, and to derive, once.

        Raises:
            PipelineError: a licence is missing, and none may be bought.
        """
        licenses = self.hub.licenses
        if self.is_published() and (owed := licenses.parents(self._model)):
            self.log_params(derived={str(p.license): p.share_bps for p in owed})
            return True
        for parent in self._parents:
            if spare_licence(self.hub, parent) is None:
                self._intend_to_buy(parent)
        relation = None if self._relation is None else int(self._relation)
        payload = {"model": self._model, "parents": self._parents, "relation": relation}
        self.intend_once("derive", str(self._model), payload)
        return True

    def _intend_to_buy(self, parent: str | int) -> None:
        if self._max_pay is None:
            raise PipelineError(
                f"{self.name} needs a licence of {parent} that nothing rests on yet: "
                "buy one, or let it with max_pay="
            )
        chosen = self.hub.licenses.choose(parent)
        payload = {
            "model": chosen.model_id,
            "offer": chosen.number,
            "max_pay": str(self._max_pay),
            "child": self._model,
        }
        name = f"{chosen.model_id}/{chosen.number}:{self._model}"
        self.intend_once("licence", name, payload)


class SettleNode(_LicensingNode):
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
        """Intend to settle and to claim, and be paid."""
        model_id = self.model_id()
        if model_id is None:
            return True
        claimable = self.hub.licenses.claimable(self._asset)
        if claimable or self.hub.licenses.due([model_id], self._asset):
            payload = {"model": model_id, "asset": self._asset}
            self.intend_once("collect", f"{model_id}:{self._asset}", payload)
        return True
