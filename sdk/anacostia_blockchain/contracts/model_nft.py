"""`contracts/ModelNFT.sol`: ownership of registered models."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.contracts.base import Calls, Contract

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.types import Address


class ModelNFTCalls(Calls):
    """`ModelNFT`'s transactions, encoded."""

    interface = "ModelNFT"

    def set_royalty(self, model_id: int, receiver: Address, bps: int) -> Call:
        """Set the royalty of later sales, in basis points."""
        return self._encode("setRoyalty", model_id, receiver, bps)

    def transfer_from(self, sender: Address, receiver: Address, model_id: int) -> Call:
        """Hand a model over."""
        return self._encode("transferFrom", sender, receiver, model_id)

    def approve(self, operator: Address, model_id: int) -> Call:
        """Let an account hand a model over, until it is."""
        return self._encode("approve", operator, model_id)


class ModelNFT(Contract):
    """One token for each registered model; see `IModelNFT.sol`."""

    interface = "ModelNFT"

    @property
    def calls(self) -> ModelNFTCalls:
        """The same transactions, encoded and not sent."""
        return ModelNFTCalls(self.address)

    def set_royalty(self, model_id: int, receiver: Address, bps: int) -> Receipt:
        """Set the royalty of later sales, in basis points; frozen by the first transfer."""
        return self.chain.send(self.calls.set_royalty(model_id, receiver, bps))

    def transfer_from(self, sender: Address, receiver: Address, model_id: int) -> Receipt:
        """Hand a model over; every publisher's right ends."""
        return self.chain.send(self.calls.transfer_from(sender, receiver, model_id))

    def approve(self, operator: Address, model_id: int) -> Receipt:
        """Let an account hand a model over, until it is: a market, for instance."""
        return self.chain.send(self.calls.approve(operator, model_id))

    # ------------------------------------------------------------------ read

    def owner_of(self, model_id: int) -> Address:
        """Who holds the token."""
        return str(to_checksum_address(self._read("ownerOf", model_id)))

    def ownership_of(self, model_id: int) -> tuple[Address, int]:
        """Who holds the token, and how often it was transferred."""
        owner, transfers = self._read("ownershipOf", model_id)
        return to_checksum_address(owner), transfers

    def token_uri(self, model_id: int) -> str:
        """`ipfs://<root of the newest version>/metadata.json`."""
        return str(self._read("tokenURI", model_id))

    def royalty_info(self, model_id: int, price: int) -> tuple[Address, int]:
        """Who is paid how much of a sale's price (ERC-2981)."""
        receiver, amount = self._read("royaltyInfo", model_id, price)
        return to_checksum_address(receiver), amount

    def get_approved(self, model_id: int) -> Address:
        """Who may hand a model over besides its owner; the zero address for nobody."""
        return str(to_checksum_address(self._read("getApproved", model_id)))

    def contract_uri(self) -> str:
        """The collection's metadata, a data URI (ERC-7572)."""
        return str(self._read("contractURI"))

    def max_royalty_bps(self) -> int:
        """Highest royalty, in basis points."""
        return int(self._read("MAX_ROYALTY_BPS"))

    def registry(self) -> Address:
        """The registry that mints."""
        return str(to_checksum_address(self._read("registry")))

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))

    # ------------------------------------------------------------------ from events

    def owners_ever(self, model_id: int) -> list[Address]:
        """Everybody who ever held the token, oldest first, each once."""
        topics = [None, None, model_id.to_bytes(32, "big")]
        logs = self.chain.logs(self.address, self.interface, "Transfer", topics=topics)
        return list(dict.fromkeys(str(to_checksum_address(log.values["to"])) for log in logs))
