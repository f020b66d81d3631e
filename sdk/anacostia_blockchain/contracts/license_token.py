"""`contracts/LicenseToken.sol`: licences as tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.licensing.values import Holding, LicenseId, time_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.types import Address


class LicenseTokenCalls(Calls):
    """`LicenseToken`'s transactions, encoded."""

    interface = "LicenseToken"

    def burn(self, license_id: LicenseId) -> Call:
        """Destroy a licence."""
        return self._encode("burn", license_id.token_id)

    def transfer_from(self, sender: Address, receiver: Address, license_id: LicenseId) -> Call:
        """Hand a licence on."""
        return self._encode("transferFrom", sender, receiver, license_id.token_id)


class LicenseToken(Contract):
    """Licences of models; see `ILicenseToken.sol`."""

    interface = "LicenseToken"

    @property
    def calls(self) -> LicenseTokenCalls:
        """The same transactions, encoded and not sent."""
        return LicenseTokenCalls(self.address)

    def burn(self, license_id: LicenseId) -> Receipt:
        """Destroy a licence of one's own that no derivative rests on."""
        return self.chain.send(self.calls.burn(license_id))

    def transfer_from(self, sender: Address, receiver: Address, license_id: LicenseId) -> Receipt:
        """Hand a licence on, with what is left of its time."""
        return self.chain.send(self.calls.transfer_from(sender, receiver, license_id))

    # ------------------------------------------------------------------ read

    def holding_of(self, account: Address, model_id: int, offer: int) -> Holding:
        """What an account holds of an offer's licences, expired ones included."""
        count, serial, expires_at, locked = self._read("holdingOf", account, model_id, offer)
        return Holding(count, serial, time_of(expires_at), locked)

    def is_holder(self, account: Address, model_id: int, offer: int) -> bool:
        """Whether an account holds a licence of an offer that has not expired."""
        return bool(self._read("isHolder", account, model_id, offer))

    def expires_at(self, license_id: LicenseId) -> datetime | None:
        """When a licence expires; None: never."""
        return time_of(self._read("expiresAt", license_id.token_id))

    def derivative_of(self, license_id: LicenseId) -> int | None:
        """The model that was made under a licence."""
        return self._read("derivativeOf", license_id.token_id) or None

    def licensing(self) -> Address:
        """The contract that sells licences."""
        return str(to_checksum_address(self._read("licensing")))

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))

    def locked(self, license_id: LicenseId) -> bool:
        """Whether a licence cannot be handed on (ERC-5192)."""
        return bool(self._read("locked", license_id.token_id))

    def owner_of(self, license_id: LicenseId) -> Address:
        """Who holds a licence."""
        return str(to_checksum_address(self._read("ownerOf", license_id.token_id)))

    def balance_of(self, account: Address) -> int:
        """How many licences an account holds."""
        return int(self._read("balanceOf", account))

    def token_uri(self, license_id: LicenseId) -> str:
        """Its metadata, a data URI."""
        return str(self._read("tokenURI", license_id.token_id))

    def contract_uri(self) -> str:
        """The collection's metadata, a data URI (ERC-7572)."""
        return str(self._read("contractURI"))

    # ------------------------------------------------------------------ from events

    def received_by(self, account: Address) -> list[LicenseId]:
        """Every licence that an account was ever given, oldest first, each once."""
        topics = [None, bytes.fromhex(account[2:]).rjust(32, b"\0")]
        return list(dict.fromkeys(self._transfers(topics)))

    def _transfers(self, topics: list[bytes | None]) -> Iterator[LicenseId]:
        for log in self.chain.logs(self.address, self.interface, "Transfer", topics=topics):
            yield LicenseId.of(log.values["tokenId"])
