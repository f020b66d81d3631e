"""`contracts/ModelMarket.sol`: sale of models themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.licensing.terms import NATIVE
from anacostia_blockchain.licensing.values import Listing, Permit, Price, RevenueAccount

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.types import Address


class ModelMarketCalls(Calls):
    """`ModelMarket`'s transactions, encoded."""

    interface = "ModelMarket"

    def list(self, model_id: int, price: Price, expiry: int) -> Call:
        """List a model for sale until `expiry`, in seconds."""
        return self._encode("list", model_id, price.to_abi(), expiry)

    def cancel(self, model_id: int) -> Call:
        """Cancel a listing."""
        return self._encode("cancel", model_id)

    def buy(
        self,
        model_id: int,
        *,
        asset: Address,
        max_pay: int,
        deadline: int,
        recipient: Address,
        permit: Permit | None = None,
        settle_first: Iterable[RevenueAccount] = (),
        value: int = 0,
    ) -> Call:
        """Buy a listed model; `value` is sent along."""
        order = (model_id, asset, max_pay, deadline, recipient)
        accounts = [(a.model_id, a.owner, a.asset) for a in settle_first]
        call = self._encode("buy", order, (permit or Permit()).to_abi(), accounts)
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

    def list(self, model_id: int, price: Price, expiry: int) -> Receipt:
        """List a model for sale until `expiry`, in seconds; approve the market first."""
        return self.chain.send(self.calls.list(model_id, price, expiry))

    def cancel(self, model_id: int) -> Receipt:
        """Cancel a listing."""
        return self.chain.send(self.calls.cancel(model_id))

    def buy(
        self,
        model_id: int,
        *,
        asset: Address,
        max_pay: int,
        deadline: int,
        recipient: Address,
        permit: Permit | None = None,
        settle_first: Iterable[RevenueAccount] = (),
        value: int = 0,
    ) -> Receipt:
        """Buy a listed model; what is sent too much comes back."""
        return self.chain.send(
            self.calls.buy(
                model_id,
                asset=asset,
                max_pay=max_pay,
                deadline=deadline,
                recipient=recipient,
                permit=permit,
                settle_first=settle_first,
                value=value,
            )
        )

    def claim(self, asset: Address, recipient: Address) -> Receipt:
        """Be paid what is kept for the caller."""
        return self.chain.send(self.calls.claim(asset, recipient))

    # ------------------------------------------------------------------ read

    def quote(self, model_id: int, asset: Address) -> int:
        """What a model costs now, royalty included."""
        return int(self._read("quote", model_id, asset))

    def listing_of(self, model_id: int, seller: Address) -> Listing:
        """A model's listing; `seller` is its owner, whom the contract knows without storing."""
        amount, _transfers, expiry, asset, pricing = self._read("listingOf", model_id)
        price = Price(
            asset=to_checksum_address(asset),
            pricing=None if pricing == NATIVE else to_checksum_address(pricing),
            amount=amount,
        )
        return Listing(model_id, seller, price, datetime.fromtimestamp(expiry, UTC))

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
