"""`contracts/StoryAdapter.sol`: several calls to Story Protocol in one transaction."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.contracts.base import Calls, Contract

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.story.values import StoryPurchase, StoryRegistration
    from anacostia_blockchain.types import Address


class StoryAdapterCalls(Calls):
    """`StoryAdapter`'s transactions, encoded."""

    interface = "StoryAdapter"

    def register(self, wanted: StoryRegistration, *, value: int = 0) -> Call:
        """Make a token an IP asset, with metadata and terms; `value` pays Story's fee."""
        return replace(self._encode("register", wanted.to_abi()), value=value)

    def buy(self, wanted: StoryPurchase, *, value: int = 0) -> Call:
        """Buy licences; `value` is sent along."""
        return replace(self._encode("buy", wanted.to_abi()), value=value)

    def pay(self, ip_id: Address, *, value: int = 0) -> Call:
        """Pay a work what is sent along."""
        return replace(self._encode("pay", ip_id), value=value)


class StoryAdapter(Contract):
    """Acts for its caller at Story's contracts; see `IStoryAdapter.sol`."""

    interface = "StoryAdapter"

    @property
    def calls(self) -> StoryAdapterCalls:
        """The same transactions, encoded and not sent."""
        return StoryAdapterCalls(self.address)

    def register(
        self, wanted: StoryRegistration, *, value: int = 0
    ) -> tuple[Address, tuple[int, ...]]:
        """Make a token an IP asset, with metadata and terms; the asset, and the terms' ids.

        `value` pays Story's fee; what is too much comes back, all of it if it is an asset already.
        """
        receipt = self.chain.send(self.calls.register(wanted, value=value))
        (event,) = self._events("IpRegistered", receipt)
        return str(to_checksum_address(event["ipId"])), tuple(event["termsIds"])

    def buy(self, wanted: StoryPurchase, *, value: int = 0) -> int:
        """Buy licences; the token of the first, which the others follow."""
        receipt = self.chain.send(self.calls.buy(wanted, value=value))
        return int(self._events("LicensesBought", receipt)[0]["firstTokenId"])

    def pay(self, ip_id: Address, *, value: int = 0) -> Receipt:
        """Pay a work what is sent along, as revenue that it earned."""
        return self.chain.send(self.calls.pay(ip_id, value=value))

    # ------------------------------------------------------------------ read

    def permission_call(self, ip_id: Address) -> tuple[Address, bytes]:
        """What an asset's owner signs for `register`: whom its account calls, and how."""
        to, data = self._read("permissionCall", ip_id)
        return str(to_checksum_address(to)), data

    def story(self) -> tuple[Address, ...]:
        """Story's contracts that it was made for, in the order of `StoryContracts`."""
        return tuple(str(to_checksum_address(address)) for address in self._read("story"))

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))
