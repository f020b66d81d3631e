"""`contracts/ModelLicensing.sol`: terms, offers, licences, derivatives, royalties."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from eth_utils import to_checksum_address

from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.errors import NotFoundError
from anacostia_blockchain.licensing.terms import NATIVE, Right, Terms, from_set
from anacostia_blockchain.licensing.values import (
    LicensedParent,
    LicenseId,
    Offer,
    Permit,
    Price,
    Purchase,
    Revenue,
    RevenueAccount,
)
from anacostia_blockchain.types import Relation

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Log, Receipt
    from anacostia_blockchain.types import Address

ParentLicense = tuple[LicenseId, int, Relation]
"""A licence of a parent, the parent's version, and how the derivative came from it."""


class ModelLicensingCalls(Calls):
    """`ModelLicensing`'s transactions, encoded."""

    interface = "ModelLicensing"

    def register_terms(self, terms: Terms) -> Call:
        """Register terms."""
        return self._encode("registerTerms", terms.to_abi())

    def offer(self, model_id: int, terms_id: bytes, price: Price, supply: int = 0) -> Call:
        """Offer licences of a model."""
        return self._encode("offer", model_id, terms_id, price.to_abi(), supply)

    def reprice(self, model_id: int, offer: int, price: Price, supply: int = 0) -> Call:
        """Set an offer's price and supply, and open it."""
        return self._encode("reprice", model_id, offer, price.to_abi(), supply)

    def withdraw(self, model_id: int, offer: int) -> Call:
        """End an offer until it is priced again."""
        return self._encode("withdraw", model_id, offer)

    def buy(self, purchase: Purchase, permit: Permit | None = None, *, value: int = 0) -> Call:
        """Buy licences; `value` is sent along."""
        call = self._encode("buy", purchase.to_abi(), (permit or Permit()).to_abi())
        return replace(call, value=value)

    def request_key(self, license_id: LicenseId, encryption_key: bytes) -> Call:
        """Ask the seller for the key of encrypted content."""
        return self._encode("requestKey", license_id.token_id, encryption_key)

    def deliver_envelope(self, license_id: LicenseId, version: int, envelope: bytes) -> Call:
        """Give a licensee the key of a version's encrypted content."""
        return self._encode("deliverEnvelope", license_id.token_id, version, envelope)

    def approve_derivative(self, parent_id: int, child_id: int, approved: bool) -> Call:
        """Allow a derivative whose terms ask for it, or no longer."""
        return self._encode("approveDerivative", parent_id, child_id, approved)

    def derive(self, child_id: int, parents: Iterable[ParentLicense]) -> Call:
        """Make a model a derivative of others, in whichever order they are given."""
        ordered = sorted(parents, key=lambda parent: parent[0])
        links = [(i.token_id, version, int(relation)) for i, version, relation in ordered]
        return self._encode("derive", child_id, links)

    def pay(
        self,
        model_id: int,
        asset: Address,
        amount: int,
        permit: Permit | None = None,
        *,
        value: int = 0,
    ) -> Call:
        """Add to a model's revenue; `value` is sent along."""
        call = self._encode("pay", model_id, asset, amount, (permit or Permit()).to_abi())
        return replace(call, value=value)

    def settle(self, accounts: Iterable[RevenueAccount]) -> Call:
        """Divide revenue, one generation for each entry."""
        return self._encode("settle", _accounts(accounts))

    def claim(self, asset: Address, recipient: Address) -> Call:
        """Be paid what is kept for the caller."""
        return self._encode("claim", asset, recipient)

    def settle_and_claim(
        self, accounts: Iterable[RevenueAccount], asset: Address, recipient: Address
    ) -> Call:
        """Both."""
        return self._encode("settleAndClaim", _accounts(accounts), asset, recipient)


class ModelLicensing(Contract):
    """Licences of models, and where their money goes; see `IModelLicensing.sol`."""

    interface = "ModelLicensing"

    @property
    def calls(self) -> ModelLicensingCalls:
        """The same transactions, encoded and not sent."""
        return ModelLicensingCalls(self.address)

    # ------------------------------------------------------------------ write

    def register_terms(self, terms: Terms) -> Receipt:
        """Register terms; the same terms twice are no error."""
        return self.chain.send(self.calls.register_terms(terms))

    def offer(self, model_id: int, terms_id: bytes, price: Price, supply: int = 0) -> int:
        """Offer licences of a model; returns the offer's number."""
        receipt = self.chain.send(self.calls.offer(model_id, terms_id, price, supply))
        return int(self._first("OfferMade", receipt)["offer"])

    def reprice(self, model_id: int, offer: int, price: Price, supply: int = 0) -> Receipt:
        """Set an offer's price and supply, and open it."""
        return self.chain.send(self.calls.reprice(model_id, offer, price, supply))

    def withdraw(self, model_id: int, offer: int) -> Receipt:
        """End an offer until it is priced again."""
        return self.chain.send(self.calls.withdraw(model_id, offer))

    def buy(self, purchase: Purchase, permit: Permit | None = None, *, value: int = 0) -> LicenseId:
        """Buy licences; returns the first, or the one that was extended."""
        receipt = self.chain.send(self.calls.buy(purchase, permit, value=value))
        return LicenseId.of(self._first("LicensesSold", receipt)["licenseId"])

    def request_key(self, license_id: LicenseId, encryption_key: bytes) -> Receipt:
        """Ask the seller for the key of encrypted content."""
        return self.chain.send(self.calls.request_key(license_id, encryption_key))

    def deliver_envelope(self, license_id: LicenseId, version: int, envelope: bytes) -> Receipt:
        """Give a licensee the key of a version's encrypted content."""
        return self.chain.send(self.calls.deliver_envelope(license_id, version, envelope))

    def approve_derivative(self, parent_id: int, child_id: int, approved: bool) -> Receipt:
        """Allow a derivative whose terms ask for it, or no longer."""
        return self.chain.send(self.calls.approve_derivative(parent_id, child_id, approved))

    def derive(self, child_id: int, parents: Iterable[ParentLicense]) -> Receipt:
        """Make a model a derivative of others, for ever."""
        return self.chain.send(self.calls.derive(child_id, parents))

    def pay(
        self,
        model_id: int,
        asset: Address,
        amount: int,
        permit: Permit | None = None,
        *,
        value: int = 0,
    ) -> Receipt:
        """Add to a model's revenue what it earned elsewhere."""
        return self.chain.send(self.calls.pay(model_id, asset, amount, permit, value=value))

    def settle(self, accounts: Iterable[RevenueAccount]) -> int:
        """Divide revenue, one generation for each entry; returns how many had any."""
        receipt = self.chain.send(self.calls.settle(accounts))
        return len(self._events("RevenueSettled", receipt))

    def claim(self, asset: Address, recipient: Address) -> int:
        """Be paid what is kept for the caller; returns how much."""
        return self._claimed(self.chain.send(self.calls.claim(asset, recipient)))

    def settle_and_claim(
        self, accounts: Iterable[RevenueAccount], asset: Address, recipient: Address
    ) -> int:
        """Both; returns how much was paid."""
        call = self.calls.settle_and_claim(accounts, asset, recipient)
        return self._claimed(self.chain.send(call))

    # ------------------------------------------------------------------ read

    def entitled(self, account: Address, model_id: int, right: Right) -> bool:
        """Whether an account may do something with a model now."""
        return bool(self._read("entitled", account, model_id, int(right)))

    def is_licensed(self, child_id: int, parent_id: int) -> bool:
        """Whether a model may rest on another."""
        return bool(self._read("isLicensed", child_id, parent_id))

    def quote(self, model_id: int, offer: int, asset: Address) -> int:
        """What one licence costs now, or one period."""
        return int(self._read("quote", model_id, offer, asset))

    def terms_of(self, terms_id: bytes) -> Terms:
        """Registered terms."""
        return Terms.from_abi(self._read("termsOf", terms_id))

    def offer_of(self, model_id: int, offer: int, *, transfers: int) -> Offer:
        """An offer; `transfers` is the model's count, with whose growth it ends."""
        values = dict(zip(_OFFER, self._read("offerOf", model_id, offer), strict=True))
        price = Price(
            asset=to_checksum_address(values["asset"]),
            pricing=_optional(values["pricing"]),
            amount=values["amount"],
            is_free=values["free"],
        )
        return Offer(
            model_id=model_id,
            number=offer,
            terms_id=values["terms_id"],
            price=price,
            supply=values["supply"],
            sold=values["sold"],
            is_open=not values["withdrawn"] and values["transfers"] == transfers,
            rights=from_set(Right, values["rights"]),
        )

    def offer_count(self, model_id: int) -> int:
        """Number of offers that a model ever made; they are 1 to this."""
        return int(self._read("offerCount", model_id))

    def parents_of(self, model_id: int) -> tuple[LicensedParent, ...]:
        """What a model owes to its parents."""
        return tuple(
            LicensedParent(
                parent, LicenseId(parent, offer, serial), version, share, Relation(relation)
            )
            for parent, offer, serial, version, share, relation, _ in self._read(
                "parentsOf", model_id
            )
        )

    def is_approved(self, parent_id: int, child_id: int) -> bool:
        """Whether the parent's owner allows a derivative."""
        return bool(self._read("isApproved", parent_id, child_id))

    def revenue_of(self, account: RevenueAccount) -> Revenue:
        """What a model earned in an asset while somebody owned it."""
        return Revenue(*self._read("revenueOf", account.model_id, account.owner, account.asset))

    def claimable(self, account: Address, asset: Address) -> int:
        """What an account can claim."""
        return int(self._read("claimable", account, asset))

    def max_parents(self) -> int:
        """Most parents of a derivative."""
        return int(self._read("MAX_PARENTS"))

    def max_offers(self) -> int:
        """Most offers of a model."""
        return int(self._read("MAX_OFFERS"))

    def max_quantity(self) -> int:
        """Most licences, or periods, of one purchase."""
        return int(self._read("MAX_QUANTITY"))

    def max_batch(self) -> int:
        """Most accounts of one settlement."""
        return int(self._read("MAX_BATCH"))

    def max_envelope(self) -> int:
        """Longest envelope, in bytes."""
        return int(self._read("MAX_ENVELOPE"))

    def registry(self) -> Address:
        """The registry of the models."""
        return str(to_checksum_address(self._read("registry")))

    def nft(self) -> Address:
        """Address of the models' token."""
        return str(to_checksum_address(self._read("nft")))

    def license_token(self) -> Address:
        """Address of the licences."""
        return str(to_checksum_address(self._read("licenseToken")))

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))

    # ------------------------------------------------------------------ from events

    def logs(self, event: str, *indexed: int | bytes | None) -> list[Log]:
        """This contract's events of one kind, oldest first; None is any value of a parameter."""
        topics = [value if value is None else _word(value) for value in indexed]
        return list(self.chain.logs(self.address, self.interface, event, topics=topics))

    def _first(self, event: str, receipt: Receipt) -> dict[str, Any]:
        for values in self._events(event, receipt):
            return values
        raise NotFoundError(f"transaction {receipt.hash} made no {event} here")

    def claimed_in(self, receipt: Receipt) -> int:
        """What a transaction paid to its sender; 0 if it claimed nothing."""
        return sum(int(event["amount"]) for event in self._events("Claimed", receipt))

    def _claimed(self, receipt: Receipt) -> int:
        return int(self._first("Claimed", receipt)["amount"])


_OFFER = (
    *("amount", "supply", "sold", "asset", "transfers", "free", "withdrawn", "pricing"),
    *("duration", "rights", "transferable", "checked", "terms_id"),
)


def _accounts(accounts: Iterable[RevenueAccount]) -> list[tuple[int, Address, Address]]:
    return [(a.model_id, a.owner, a.asset) for a in accounts]


def _optional(address: str) -> Address | None:
    return None if address == NATIVE else str(to_checksum_address(address))


def _word(value: int | bytes) -> bytes:
    return value.to_bytes(32, "big") if isinstance(value, int) else value.rjust(32, b"\0")
