"""What `StoryAdapter` takes; see `contracts/types/Story.sol`."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anacostia_blockchain.story.pil import PilTerms
    from anacostia_blockchain.types import Address


@dataclass(frozen=True, slots=True)
class StoryRegistration:
    """What the owner of a token wants to be on Story."""

    nft: Address
    token_id: int
    metadata_uri: str
    metadata_hash: bytes
    nft_metadata_hash: bytes
    terms: tuple[PilTerms, ...]
    deadline: int
    signature: bytes

    def to_abi(self) -> tuple[object, ...]:
        """As the contract takes it."""
        return (
            *(self.nft, self.token_id, self.metadata_uri),
            *(self.metadata_hash, self.nft_metadata_hash),
            *([terms.to_abi() for terms in self.terms], self.deadline, self.signature),
        )


@dataclass(frozen=True, slots=True)
class StoryPurchase:
    """What a buyer asks for."""

    ip_id: Address
    terms_id: int
    quantity: int
    max_pay: int
    max_share: int
    deadline: int
    recipient: Address

    def to_abi(self) -> tuple[object, ...]:
        """As the contract takes it."""
        return astuple(self)
