"""Gated content: everybody may store and verify it, licence holders alone can open it.

What is published is ciphertext, so its CID, its copies and its verification are those of any other
content. The content key reaches each licence holder in an envelope of their own; whoever hands
envelopes out is a `KeyProvider`. To end somebody's access, seal the next version with a new key:
what they have opened once they can keep.
"""

from __future__ import annotations

from anacostia_blockchain.content.encryption.envelopes import Envelope, RecipientKey
from anacostia_blockchain.storage.gated.opening import SealedContent, in_folder, in_store
from anacostia_blockchain.storage.gated.providers import (
    EnvelopeFolder,
    KeyProvider,
    grant,
    open_sealed,
)
from anacostia_blockchain.storage.gated.sealing import Sealed, seal

__all__ = [
    "Envelope",
    "EnvelopeFolder",
    "KeyProvider",
    "RecipientKey",
    "Sealed",
    "SealedContent",
    "grant",
    "in_folder",
    "in_store",
    "open_sealed",
    "seal",
]
