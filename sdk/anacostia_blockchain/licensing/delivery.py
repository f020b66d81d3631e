"""Keys of gated content, from the seller to whoever holds a licence, through the chain's events.

Each answer goes to the key that the holder itself asked for, with its purchase or afterwards.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.encryption.envelopes import Envelope
from anacostia_blockchain.errors import NotFoundError
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.storage.gated import (
    EnvelopeFolder,
    RecipientKey,
    grant,
    in_folder,
    in_store,
)

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.licensing.values import LicenseId
    from anacostia_blockchain.storage.gated.opening import Opener


def deliver_all(hub: Anacostia, model: str | int, content: str, key_file: Path) -> list[LicenseId]:
    """Answer every licensee of a version who asked for its key and has no answer yet.

    Args:
        hub: of an account that may publish the model.
        model: with its version; the newest if it names none.
        content: folder of the encrypted content, or its CID in the store.
        key_file: of a key that opens the content.

    Returns:
        The licences that were answered.
    """
    model_id, version = hub.models.resolve(model)
    key, folder = RecipientKey.from_file(key_file), envelopes_of(hub)
    opener = _opener(hub, content)
    answered: list[LicenseId] = []
    for wish in hub.licenses.keys.requests(model_id, version=version):
        envelope = grant(opener, folder, key, wish.encryption_key, context=str(wish.license_id))
        hub.licenses.keys.deliver(wish.license_id, version, envelope.to_json())
        answered.append(wish.license_id)
    return answered


class ChainEnvelopes:
    """The envelopes that a licence was sent for a version: a `KeyProvider` for `open_sealed`."""

    def __init__(self, hub: Anacostia, license_id: LicenseId, version: int | None = None) -> None:
        self._hub = hub
        self._license = license_id
        self._version = version or hub.models.get(license_id.model_id).latest_version

    def newest(self) -> Envelope:
        """The last one delivered.

        Raises:
            NotFoundError: none was delivered yet.
            FormatError: what was delivered is no envelope.
        """
        found = self._hub.licenses.keys.envelope(self._license, self._version)
        if found is None:
            raise NotFoundError(
                f"licence {self._license} was sent no key for version {self._version} yet: "
                "ask the seller"
            )
        return Envelope.parse(found)

    def envelope(self, content: bytes, recipient: bytes) -> Envelope:
        """The last one delivered, if it is for that content and recipient."""
        found = self.newest()
        if (found.content, found.recipient) != (content, recipient):
            raise NotFoundError(
                f"what licence {self._license} was sent is for other content or another key"
            )
        return found


def receive(hub: Anacostia, license_id: LicenseId, version: int | None = None) -> Path:
    """Put the newest envelope of a licence where `gated decrypt` looks for it.

    Raises:
        NotFoundError: none was delivered yet.
        FormatError: what was delivered is no envelope.
    """
    return envelopes_of(hub).add(ChainEnvelopes(hub, license_id, version).newest())


def envelopes_of(hub: Anacostia) -> EnvelopeFolder:
    """Where this home keeps its envelopes."""
    return EnvelopeFolder(hub.home / "envelopes")


def _opener(hub: Anacostia, content: str) -> Opener:
    if Path(content).is_dir():
        return in_folder(Path(content))
    return in_store(LocalStore(hub.home / "store"), CID.parse(content))
