"""Our terms as those of Story's Programmable IP License, and back."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import timedelta
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlencode

from eth_abi import encode
from eth_utils import keccak, to_checksum_address

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.licensing.terms import (
    ALL_FIELDS,
    NATIVE,
    Field,
    Right,
    Terms,
    from_set,
    to_set,
)

if TYPE_CHECKING:
    from anacostia_blockchain.story.addresses import StoryAddresses
    from anacostia_blockchain.types import Address

WHOLE = 100_000_000
"""100 % as Story counts shares."""

_BASIS_POINT = WHOLE // 10_000

_MARK = "#anacostia:"
"""Before what the license itself has no field for, at the end of the terms' URI."""

_ABI = (
    "(bool,address,uint256,uint256,bool,bool,address,bytes,uint32,uint256,bool,bool,bool,bool,"
    "uint256,address,string)"
)

_DERIVING = frozenset({Right.FINETUNE, Right.DISTIL})


@dataclass(frozen=True, slots=True)
class PilTerms:
    """The 17 fields, in Story's order; see `contracts/types/Story.sol`."""

    transferable: bool
    royalty_policy: Address
    default_minting_fee: int
    expiration: int
    commercial_use: bool
    commercial_attribution: bool
    commercializer_checker: Address
    commercializer_checker_data: bytes
    commercial_rev_share: int
    commercial_rev_ceiling: int
    derivatives_allowed: bool
    derivatives_attribution: bool
    derivatives_approval: bool
    derivatives_reciprocal: bool
    derivative_rev_ceiling: int
    currency: Address
    uri: str

    def to_abi(self) -> tuple[object, ...]:
        """As the contracts take them."""
        return astuple(self)

    @property
    def encoded(self) -> bytes:
        """What Story hashes to know terms again, and puts into its event."""
        return bytes(encode([_ABI], [self.to_abi()]))

    @property
    def digest(self) -> bytes:
        """The same terms have the same one everywhere; Story's ids are counted on each chain."""
        return bytes(keccak(self.encoded))

    @classmethod
    def from_abi(cls, values: tuple[object, ...]) -> PilTerms:
        """As the contracts return them."""
        read = list(values)
        for place in (1, 6, 15):
            read[place] = str(to_checksum_address(str(read[place])))
        return cls(*read)  # type: ignore[arg-type]


def to_pil(terms: Terms, addresses: StoryAddresses) -> PilTerms:
    """Our terms as Story's, field by field.

    What Story has no field for (rights beyond commerce and derivatives, fields of use, the
    licence's name, the digest of its text) stands at the end of the URI, so that different terms
    stay different, and `from_pil` gives back what went in. The coin becomes the wrapped one.

    Raises:
        ConfigError: Story would change the URI, or the terms ask for a checker.
    """
    if terms.checker is not None:
        raise ConfigError("Story asks no checker but its own modules: these terms cannot go there")
    commercial = terms.allows(Right.COMMERCIAL)
    derivatives = bool(terms.rights & _DERIVING)
    currency = addresses.wrapped_coin if terms.currency == NATIVE else terms.currency
    return PilTerms(
        transferable=terms.transferable,
        royalty_policy=addresses.royalty_policy if commercial else NATIVE,
        default_minting_fee=terms.min_price,
        expiration=int(terms.duration.total_seconds()),
        commercial_use=commercial,
        commercial_attribution=terms.commercial_attribution,
        commercializer_checker=NATIVE,
        commercializer_checker_data=b"",
        commercial_rev_share=terms.royalty_bps * _BASIS_POINT,
        commercial_rev_ceiling=terms.commercial_ceiling,
        derivatives_allowed=derivatives,
        derivatives_attribution=terms.derivatives_attribution,
        derivatives_approval=terms.derivatives_approval,
        derivatives_reciprocal=terms.share_alike,
        derivative_rev_ceiling=terms.derivative_ceiling,
        currency=currency if commercial else NATIVE,
        uri=_uri(terms),
    )


def from_pil(pil: PilTerms, addresses: StoryAddresses) -> Terms:
    """Story's terms as ours; those that others made allow what their fields say."""
    uri, mark, said = pil.uri.rpartition(_MARK)
    more = {key: values[0] for key, values in parse_qs(said).items()} if mark else {}
    try:
        rights = from_set(Right, int(more["rights"], 16)) if mark else _rights(pil)
        fields = from_set(Field, int(more["fields"], 16)) if mark else ALL_FIELDS
        digest = bytes.fromhex(more.get("sha256", ""))
    except (KeyError, ValueError):
        raise ConfigError(f"the terms' URI ends in what is none of ours: {pil.uri!r}") from None
    coin = pil.currency in (addresses.wrapped_coin, NATIVE)
    return Terms(
        rights=rights,
        fields=fields,
        royalty_bps=pil.commercial_rev_share // _BASIS_POINT,
        duration=timedelta(seconds=pil.expiration),
        transferable=pil.transferable,
        commercial_attribution=pil.commercial_attribution,
        derivatives_attribution=pil.derivatives_attribution,
        derivatives_approval=pil.derivatives_approval,
        share_alike=pil.derivatives_reciprocal,
        currency=NATIVE if coin else pil.currency,
        min_price=pil.default_minting_fee,
        commercial_ceiling=pil.commercial_rev_ceiling,
        derivative_ceiling=pil.derivative_rev_ceiling,
        text_digest=digest,
        license=more.get("license", ""),
        uri=uri if mark else pil.uri,
    )


def _uri(terms: Terms) -> str:
    # Story escapes these for JSON before it hashes the terms: they would not be found again.
    if any(sign in '"\\' or sign < " " or sign == "\x7f" for sign in terms.uri):
        raise ConfigError(f"Story would change this URI: {terms.uri!r}")
    more = {"rights": f"{to_set(terms.rights):x}", "fields": f"{to_set(terms.fields):x}"}
    more |= {"license": terms.license} if terms.license else {}
    more |= {"sha256": terms.text_digest.hex()} if terms.text_digest else {}
    return f"{terms.uri}{_MARK}{urlencode(more)}"


def _rights(pil: PilTerms) -> frozenset[Right]:
    rights = {Right.USE, Right.SERVE}
    rights |= {Right.COMMERCIAL} if pil.commercial_use else set()
    rights |= {*_DERIVING, Right.REDISTRIBUTE} if pil.derivatives_allowed else set()
    return frozenset(rights)
