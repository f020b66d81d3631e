"""Licensing as intents: what a run that succeeds lets happen, once, whatever is killed meanwhile.

Each handler asks the chain first whether what is meant is there already, and by what is meant, not
by who did it: an account that may serve a model needs no second licence to serve it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from anacostia_blockchain.errors import (
    AnacostiaError,
    ConfigError,
    ContractRevertedError,
    NotFoundError,
)
from anacostia_blockchain.licensing.money import SETTLED_AT_ONCE
from anacostia_blockchain.licensing.terms import Right
from anacostia_blockchain.licensing.values import License, Price
from anacostia_blockchain.outbox.outbox import Intent, Outcome
from anacostia_blockchain.types import Relation

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.licensing.base import Model

T = TypeVar("T")


def spare_licence(client: Anacostia, parent: Model) -> License | None:
    """A valid licence of a model that the account holds, and that nothing rests on yet."""
    found = client.licenses.held(model=parent)
    return next((one for one in found if one.derivative is None and one.is_valid()), None)


def price_to_json(price: Price) -> dict[str, Any]:
    """A price as a payload holds it."""
    return {
        "asset": price.asset,
        "pricing": price.pricing,
        "amount": str(price.amount),
        "free": price.is_free,
    }


class _Handler:
    """What the handlers of licensing share: what is not there is a failure, and blocks nobody."""

    def __init__(self, client: Anacostia) -> None:
        self._client = client

    def done(self, intent: Intent) -> Outcome | None:
        """Ask the chain whether it is done."""
        return self._found(lambda: self._done(intent.payload))

    def prepare(self, intent: Intent) -> tuple[Call, dict[str, Any]]:
        """The transaction, as the chain stands now."""
        return self._found(lambda: self._call(intent.payload)), intent.note or {}

    def outcome(self, intent: Intent, receipt: Receipt) -> Outcome:
        """What the chain says now, and where it was mined."""
        found = self._found(lambda: self._done(intent.payload))
        result = found.result if found is not None else {}
        return Outcome(result | {"tx": receipt.hash})

    def is_stale(self, intent: Intent, refusal: AnacostiaError) -> bool:  # noqa: ARG002 - the protocol's signature
        """A purchase that waited too long is made anew, at the same limit."""
        too_late = "Payments_DeadlinePassed"
        return isinstance(refusal, ContractRevertedError) and refusal.name == too_late

    def _done(self, payload: dict[str, Any]) -> Outcome | None:
        raise NotImplementedError

    def _call(self, payload: dict[str, Any]) -> Call:
        raise NotImplementedError

    def _found(self, ask: Callable[[], T]) -> T:
        """An answer; `NotFoundError` would mean that it is worth waiting."""
        try:
            return ask()
        except NotFoundError as error:
            raise ConfigError(str(error)) from error


class OfferHandler(_Handler):
    """Carries out `offer` intents: `{"model", "terms", "price"}`, the terms by their id."""

    kind = "offer"

    def _done(self, payload: dict[str, Any]) -> Outcome | None:
        same = self._same(payload)
        if same is None or not same.is_open or same.price != self._price(payload):
            return None
        return Outcome({"model_id": same.model_id, "offer": same.number})

    def _call(self, payload: dict[str, Any]) -> Call:
        same, price = self._same(payload), self._price(payload)
        calls = self._client.licensing.calls
        if same is not None:
            return calls.reprice(same.model_id, same.number, price, same.supply)
        model_id, _version = self._client.models.resolve(payload["model"])
        return calls.offer(model_id, bytes.fromhex(payload["terms"]), price)

    def _same(self, payload: dict[str, Any]) -> Any:  # noqa: ANN401 - an Offer, or None
        offers = self._client.licenses.offers(payload["model"])
        same = [offer for offer in offers if offer.terms_id.hex() == payload["terms"]]
        return same[-1] if same else None

    def _price(self, payload: dict[str, Any]) -> Price:
        asked = payload["price"]
        return Price(asked["asset"], asked["pricing"], int(asked["amount"]), asked["free"])


class BuyHandler(_Handler):
    """Carries out `licence` intents: `{"model", "offer", "max_pay", "right" or "child"}`.

    With a right, a licence is bought unless the account has that right; with a child, unless it
    holds a licence to derive it under, or it is derived.
    """

    kind = "licence"

    def _done(self, payload: dict[str, Any]) -> Outcome | None:
        licenses, model = self._client.licenses, payload["model"]
        if "right" in payload:
            if not licenses.entitled(model, Right(payload["right"])):
                return None
            held = [one for one in licenses.held(model=model) if one.is_valid()]
            return Outcome({"licence": str(held[-1].id) if held else None})
        spare = spare_licence(self._client, model)
        if spare is not None:
            return Outcome({"licence": str(spare.id)})
        return Outcome({"licence": None}) if licenses.parents(payload["child"]) else None

    def _call(self, payload: dict[str, Any]) -> Call:
        purchase, permit, value = self._client.licenses.purchase(
            payload["model"], offer=payload["offer"], max_pay=int(payload["max_pay"])
        )
        return self._client.licensing.calls.buy(purchase, permit, value=value)


class DeriveHandler(_Handler):
    """Carries out `derive` intents: `{"model", "parents", "relation"}`."""

    kind = "derive"

    def _done(self, payload: dict[str, Any]) -> Outcome | None:
        owed = self._client.licenses.parents(payload["model"])
        shares = {str(parent.license): parent.share_bps for parent in owed}
        return Outcome({"derived": shares}) if owed else None

    def _call(self, payload: dict[str, Any]) -> Call:
        chosen: list[License] = []
        for parent in payload["parents"]:
            licence = spare_licence(self._client, parent)
            if licence is None:
                raise NotFoundError(f"this account holds no licence of {parent} to derive under")
            chosen.append(licence)
        how = payload["relation"]
        relation = None if how is None else Relation(how)
        child, links = self._client.licenses.links(payload["model"], chosen, relation)
        return self._client.licensing.calls.derive(child, links)


class CollectHandler(_Handler):
    """Carries out `collect` intents: `{"model", "asset"}`, a batch in each transaction, then claim.

    Nothing is settled or paid twice whoever calls; what is left to do follows as another intent.
    """

    kind = "collect"

    def _done(self, payload: dict[str, Any]) -> Outcome | None:
        licenses, asset = self._client.licenses, payload["asset"]
        due = licenses.due([payload["model"]], asset)
        return None if due or licenses.claimable(asset) else Outcome({"paid": "0"})

    def _call(self, payload: dict[str, Any]) -> Call:
        contract, asset = self._client.licensing, payload["asset"]
        due = self._client.licenses.due([payload["model"]], asset)
        if due:
            return contract.calls.settle(due[:SETTLED_AT_ONCE])
        return contract.calls.claim(asset, self._client.address)

    def outcome(self, intent: Intent, receipt: Receipt) -> Outcome:
        """What was paid, and what follows."""
        paid = self._client.licensing.claimed_in(receipt)
        left = self._found(lambda: self._done(intent.payload)) is None
        then = [Intent(f"{intent.key}:next", self.kind, intent.payload)] if left else []
        return Outcome({"paid": str(paid), "tx": receipt.hash}, then)


def handlers(client: Anacostia) -> list[Any]:
    """One for each kind of intent of licensing."""
    return [kind(client) for kind in (OfferHandler, BuyHandler, DeriveHandler, CollectHandler)]
