"""Keys of encrypted content: licensees ask by event, the seller answers by event.

What is delivered is opaque here: an envelope of `content.encryption.envelopes`, or another's.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.errors import ContractRevertedError
from anacostia_blockchain.licensing.values import LicenseId

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.types import Address


@dataclass(frozen=True, slots=True)
class KeyRequest:
    """A licensee's wish for the key of a model's content.

    Attributes:
        encryption_key: X25519 public key that the answer is to be encrypted for.
    """

    license_id: LicenseId
    licensee: Address
    encryption_key: bytes


class Keys:
    """Requests for keys, and envelopes with them."""

    def __init__(self, client: Anacostia) -> None:
        self._contract = client.licensing
        self._token = client.license_token
        self._models = client.models

    def request(self, license_id: LicenseId, encryption_key: bytes) -> None:
        """Ask for the key of a model's content, as the licence's holder; nobody else can."""
        self._contract.request_key(license_id, encryption_key)

    def requests(self, model: str | int, *, version: int | None = None) -> list[KeyRequest]:
        """Newest wish of each licence's present holder; with `version`, those without an answer.

        Expired licences do not count: who holds one is given nothing.
        """
        model_id = self._models.resolve(model)[0]
        newest: dict[LicenseId, KeyRequest] = {}
        answered: dict[LicenseId, tuple[int, int]] = {}
        asked: dict[LicenseId, tuple[int, int]] = {}
        for log in self._contract.logs("KeyRequested"):
            license_id = LicenseId.of(log.values["licenseId"])
            if license_id.model_id == model_id:
                licensee = to_checksum_address(log.values["licensee"])
                newest[license_id] = KeyRequest(license_id, licensee, log.values["encryptionKey"])
                asked[license_id] = (log.block_number, log.log_index)
        if version is not None:
            for log in self._contract.logs("EnvelopeDelivered", None, model_id, version):
                license_id = LicenseId.of(log.values["licenseId"])
                answered[license_id] = (log.block_number, log.log_index)
        return [
            wish
            for license_id, wish in newest.items()
            if answered.get(license_id, (-1, -1)) < asked[license_id] and self._is_valid(wish)
        ]

    def deliver(self, license_id: LicenseId, version: int, envelope: bytes) -> None:
        """Give a licensee the key of a version's content, as a publisher of the model."""
        self._contract.deliver_envelope(license_id, version, envelope)

    def envelope(self, license_id: LicenseId, version: int) -> bytes | None:
        """The newest envelope of a licence for a version; None: none was delivered."""
        logs = self._contract.logs(
            "EnvelopeDelivered", license_id.token_id, license_id.model_id, version
        )
        return bytes(logs[-1].values["envelope"]) if logs else None

    def _is_valid(self, wish: KeyRequest) -> bool:
        """Whether who asked still holds the licence, and it has not expired."""
        expires_at: datetime | None
        try:
            if self._token.owner_of(wish.license_id) != wish.licensee:
                return False
            expires_at = self._token.expires_at(wish.license_id)
        except ContractRevertedError:
            return False  # burned
        return expires_at is None or datetime.now(UTC) < expires_at
