"""Story's contracts as this package calls them: by the interfaces in `abi/external/`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.chain import Call
from anacostia_blockchain.chain.abi import Interface
from anacostia_blockchain.contracts.base import Contract

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain, Receipt
    from anacostia_blockchain.story.addresses import StoryAddresses
    from anacostia_blockchain.types import Address


class Part(Contract):
    """A contract of Story's: functions by their Solidity names, since it is not ours to name."""

    def __init__(self, chain: Chain, address: Address, interface: str) -> None:
        super().__init__(chain, address)
        self.interface = f"external/{interface}"

    def read(self, function: str, *arguments: object) -> Any:  # noqa: ANN401 - as the ABI says
        """Call a view."""
        return self._read(function, *arguments)

    def encode(self, function: str, *arguments: object, value: int = 0) -> Call:
        """A transaction, encoded and not sent."""
        data = Interface.of(self.interface).encode(function, *arguments)
        return replace(Call(self.address, data, self.interface, function), value=value)

    def send(self, function: str, *arguments: object, value: int = 0) -> Receipt:
        """Send a transaction; what Story refuses has its error's name."""
        return self.chain.send(self.encode(function, *arguments, value=value))

    def events(self, event: str, receipt: Receipt) -> list[dict[str, Any]]:
        """This contract's events of one kind in a receipt."""
        return self._events(event, receipt)


class Parts:
    """All of them, on one chain."""

    def __init__(self, chain: Chain, addresses: StoryAddresses) -> None:
        self.chain = chain
        self.assets = Part(chain, addresses.ip_asset_registry, "StoryIPAssetRegistry")
        self.access = Part(chain, addresses.access_controller, "StoryAccessController")
        self.metadata = Part(chain, addresses.core_metadata_module, "StoryCoreMetadataModule")
        self.disputes = Part(chain, addresses.dispute_module, "StoryDisputeModule")
        self.registry = Part(chain, addresses.license_registry, "StoryLicenseRegistry")
        self.token = Part(chain, addresses.license_token, "StoryLicenseToken")
        self.licensing = Part(chain, addresses.licensing_module, "StoryLicensingModule")
        self.template = Part(chain, addresses.license_template, "StoryPILicenseTemplate")
        self.royalties = Part(chain, addresses.royalty_module, "StoryRoyaltyModule")
        self.coin = Part(chain, addresses.wrapped_coin, "WrappedCoin")

    def account(self, ip_id: Address) -> Part:
        """The account that an asset is."""
        return Part(self.chain, ip_id, "StoryIPAccount")

    def policy(self, address: Address) -> Part:
        """A royalty policy."""
        return Part(self.chain, address, "StoryRoyaltyPolicy")

    def vault(self, address: Address) -> Part:
        """An asset's vault."""
        return Part(self.chain, address, "StoryRoyaltyVault")

    def erc20(self, address: Address) -> Part:
        """A token to pay with."""
        return Part(self.chain, address, "WrappedCoin")
