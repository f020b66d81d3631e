"""What `StoryAdapter` and `StorySale` take; see `contracts/types/Story.sol`."""

from __future__ import annotations

from dataclasses import asdict, astuple, dataclass, fields
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.errors import FormatError

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


@dataclass(frozen=True, slots=True)
class StoryOffer:
    """What the owner of a work signs; see `contracts/types/StorySale.sol`."""

    ip_id: Address
    terms_id: int
    pricing: Address
    model_id: int
    quoted_terms: bytes
    nonce: int
    deadline: int

    def to_abi(self) -> tuple[object, ...]:
        """As the contract takes it."""
        return astuple(self)


@dataclass(frozen=True, slots=True)
class StoryOrder:
    """What a buyer of an offered licence asks for."""

    quantity: int
    max_pay: int
    max_share: int
    deadline: int
    recipient: Address

    def to_abi(self) -> tuple[object, ...]:
        """As the contract takes it."""
        return astuple(self)


@dataclass(frozen=True, slots=True)
class SignedOffer:
    """An offer with its owner's signature, to be handed to buyers as JSON.

    Attributes:
        chain_id: of the chain that it is for.
        sale: the contract that takes it.
    """

    chain_id: int
    sale: Address
    offer: StoryOffer
    signature: bytes

    def to_json(self) -> dict[str, Any]:
        """As plain data."""
        offer = asdict(self.offer) | {"quoted_terms": "0x" + self.offer.quoted_terms.hex()}
        signature = "0x" + self.signature.hex()
        return {"chain_id": self.chain_id, "sale": self.sale, **offer, "signature": signature}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> SignedOffer:
        """Read what `to_json` wrote.

        Raises:
            FormatError: it is something else.
        """
        try:
            given = {field.name: data[field.name] for field in fields(StoryOffer)}
            given["quoted_terms"] = bytes.fromhex(data["quoted_terms"][2:])
            numbers = ("terms_id", "model_id", "nonce", "deadline")
            given |= {name: int(given[name]) for name in numbers}
            signature = bytes.fromhex(data["signature"][2:])
            return cls(int(data["chain_id"]), str(data["sale"]), StoryOffer(**given), signature)
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(f"that is no offer of a work on Story: {error!r}") from error
