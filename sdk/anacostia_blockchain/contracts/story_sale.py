"""`contracts/StorySale.sol`: licences of works on Story at a price that a contract is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.contracts.base import Calls, Contract

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.story.values import StoryOffer, StoryOrder
    from anacostia_blockchain.types import Address


class StorySaleCalls(Calls):
    """`StorySale`'s transactions, encoded."""

    interface = "StorySale"

    def buy(
        self, offer: StoryOffer, signature: bytes, order: StoryOrder, *, value: int = 0
    ) -> Call:
        """Buy licences that an owner offered; `value` is sent along."""
        call = self._encode("buy", offer.to_abi(), signature, order.to_abi())
        return replace(call, value=value)

    def cancel_offers(self) -> Call:
        """Cancel everything that the sender has offered so far."""
        return self._encode("cancelOffers")


class StorySale(Contract):
    """Sells licences that owners of works offered; see `IStorySale.sol`."""

    interface = "StorySale"

    @property
    def calls(self) -> StorySaleCalls:
        """The same transactions, encoded and not sent."""
        return StorySaleCalls(self.address)

    def buy(self, offer: StoryOffer, signature: bytes, order: StoryOrder, *, value: int = 0) -> int:
        """Buy licences that an owner offered; the token of the first, which the others follow."""
        receipt = self.chain.send(self.calls.buy(offer, signature, order, value=value))
        return int(self._events("StoryLicensesSold", receipt)[0]["firstTokenId"])

    def cancel_offers(self) -> Receipt:
        """Cancel everything that this account has offered so far."""
        return self.chain.send(self.calls.cancel_offers())

    # ------------------------------------------------------------------ read

    def quote(self, offer: StoryOffer) -> int:
        """What one licence costs now, in wei; its signature is not asked for."""
        return int(self._read("quote", offer.to_abi()))

    def digest_of(self, offer: StoryOffer) -> bytes:
        """What an owner signs."""
        return bytes(self._read("digestOf", offer.to_abi()))

    def nonces(self, owner: Address) -> int:
        """Nonce that an owner's offers must have."""
        return int(self._read("nonces", owner))

    def licensing_module(self) -> Address:
        """Story's licensing."""
        return str(to_checksum_address(self._read("licensingModule")))

    def license_template(self) -> Address:
        """Story's terms."""
        return str(to_checksum_address(self._read("licenseTemplate")))

    def royalty_module(self) -> Address:
        """Story's royalties."""
        return str(to_checksum_address(self._read("royaltyModule")))

    def wrapped_coin(self) -> Address:
        """The chain's own coin as an ERC-20 token."""
        return str(to_checksum_address(self._read("wrappedCoin")))

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))
