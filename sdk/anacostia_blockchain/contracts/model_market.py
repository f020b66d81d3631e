"""`contracts/ModelMarket.sol`: sale of models themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.licensing.terms import NATIVE
from anacostia_blockchain.licensing.values import Listing, Order, Permit, Price, RevenueAccount

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.types import Address


class ModelMarketCalls(Calls):
    """`ModelMarket`'s transactions, encoded."""

    interface = "ModelMarket"

    def list(
        self, model_id: int, price: Price, expiry: int, settle_first: Iterable[RevenueAccount] = ()
    ) -> Call:
        """List a model for sale until `expiry`, in seconds."""
        return self._encode("list", model_id, price.to_abi(), expiry, _accounts(settle_first))

    def cancel(self, model_id: int) -> Call:
        """Cancel a listing."""
        return self._encode("cancel", model_id)

    def buy(
        self,
        order: Order,
        permit: Permit | None = None,
        *,
        settle_first: Iterable[RevenueAccount] = (),
        value: int = 0,
    ) -> Call:
        """Buy a listed model; `value` is sent along."""
        paid = (permit or Permit()).to_abi()
        call = self._encode("buy", order.to_abi(), paid, _accounts(settle_first))
        return replace(call, value=value)

    def claim(self, asset: Address, recipient: Address) -> Call:
        """Be paid what is kept for the caller."""
        return self._encode("claim", asset, recipient)


class ModelMarket(Contract):
    """Where models change hands; see `IModelMarket.sol`."""

    interface = "ModelMarket"

    @property
    def calls(self) -> ModelMarketCalls:
        """The same transactions, encoded and not sent."""
        return ModelMarketCalls(self.address)

    def list(
        self, model_id: int, price: Price, expiry: int, settle_first: Iterable[RevenueAccount] = ()
    ) -> Receipt:
        """List a model for sale until `expiry`, in seconds; approve the market first.

        Every buyer has to settle `settle_first`, for the seller.
        """
        return self.chain.send(self.calls.list(model_id, price, expiry, settle_first))

    def cancel(self, model_id: int) -> Receipt:
        """Cancel a listing."""
        return self.chain.send(self.calls.cancel(model_id))

    def buy(
        self,
        order: Order,
        permit: Permit | None = None,
        *,
        settle_first: Iterable[RevenueAccount] = (),
        value: int = 0,
    ) -> Receipt:
        """Buy a listed model; what is sent too much comes back."""
        return self.chain.send(
            self.calls.buy(order, permit, settle_first=settle_first, value=value)
        )

    def claim(self, asset: Address, recipient: Address) -> Receipt:
        """Be paid what is kept for the caller."""
        return self.chain.send(self.calls.claim(asset, recipient))

    # ------------------------------------------------------------------ read

    def quote(self, model_id: int, asset: Address) -> int:
        """What a model costs now, royalty included."""
        return int(self._read("quote", model_id, asset))

    def state_of(self, model_id: int) -> bytes:
        """Digest of a model's royalty, what it owes to parents, its offers and versions."""
        return bytes(self._read("stateOf", model_id))

    def max_settled(self) -> int:
        """Most revenue accounts that a seller can ask to have settled."""
        return int(self._read("MAX_SETTLED"))

    def listing_of(self, model_id: int, seller: Address) -> Listing:
        """A model's listing; `seller` is its owner, whom the contract knows without storing."""
        state = self.state_of(model_id)
        amount, _transfers, expiry, asset, pricing, *_ = self._read("listingOf", model_id)
        price = Price(
            asset=to_checksum_address(asset),
            pricing=None if pricing == NATIVE else to_checksum_address(pricing),
            amount=amount,
        )
        return Listing(model_id, seller, price, datetime.fromtimestamp(expiry, UTC), state)

    def claimable(self, account: Address, asset: Address) -> int:
        """What an account can claim."""
        return int(self._read("claimable", account, asset))

    def licensing(self) -> Address:
        """The contract that sells the models' licences."""
        return str(to_checksum_address(self._read("licensing")))

    def nft(self) -> Address:
        """Address of the models' token."""
        return str(to_checksum_address(self._read("nft")))

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))

    # ------------------------------------------------------------------ from events

    def ever_listed(self) -> set[int]:
        """Ids of the models that were ever listed."""
        logs = self.chain.logs(self.address, self.interface, "ModelListed")
        return {int(log.values["modelId"]) for log in logs}

    def settled_first(self, model_id: int) -> tuple[RevenueAccount, ...]:
        """What whoever buys a model has to settle, as it was last listed."""
        topics = [model_id.to_bytes(32, "big")]
        logs = list(self.chain.logs(self.address, self.interface, "ModelListed", topics=topics))
        asked = logs[-1].values["settleFirst"] if logs else ()
        return tuple(
            RevenueAccount(model, to_checksum_address(owner), to_checksum_address(asset))
            for model, owner, asset in asked
        )


def _accounts(accounts: Iterable[RevenueAccount]) -> list[tuple[int, Address, Address]]:
    return [(a.model_id, a.owner, a.asset) for a in accounts]
