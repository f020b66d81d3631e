"""Licence terms: what a licence allows, under which conditions, and presets that need no reading.

The same terms have the same id everywhere: Keccak-256 of their ABI encoding, which is also what
`ModelLicensing.registerTerms` answers.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from datetime import timedelta
from enum import IntEnum
from typing import TypeVar

from eth_abi import encode
from eth_abi.exceptions import EncodingError
from eth_utils import keccak, to_checksum_address

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.types import Address

NATIVE: Address = "0x0000000000000000000000000000000000000000"
"""Where an asset is named: the chain's native coin."""

_ABI = (
    "(uint16,uint16,uint16,uint32,bool,bool,bool,bool,bool,address,address,uint128,uint128,uint128,"
    "bytes32,string,string,bytes)"
)


class Right(IntEnum):
    """What a licence can allow; `contracts/types/License.sol` says what each means."""

    USE = 0
    SERVE = 1
    FINETUNE = 2
    DISTIL = 3
    REDISTRIBUTE = 4
    TRAIN_ON_OUTPUTS = 5
    COMMERCIAL = 6


class Field(IntEnum):
    """Where a model may be used."""

    RESEARCH = 0
    EDUCATION = 1
    PERSONAL = 2
    BUSINESS = 3
    PUBLIC_SECTOR = 4
    HEALTHCARE = 5
    BIOMETRICS = 6
    DEFENCE = 7


ALL_RIGHTS = frozenset(Right)
ALL_FIELDS = frozenset(Field)

E = TypeVar("E", bound=IntEnum)


@dataclass(frozen=True, slots=True)
class Terms:
    """Licence terms, as `contracts/types/License.sol` declares them.

    Attributes:
        royalty_bps: share of a derivative's revenue that is due to the model, in basis points.
        duration: for which a licence is valid from its purchase; zero: for ever.
        share_alike: derivatives can be offered under these very terms only.
        checker: contract that decides who may hold a licence, which cannot be transferable then;
            None: anybody.
        currency: asset of the amounts.
        min_price: lowest price of an offer, in the currency's smallest unit; 0: none.
        commercial_ceiling: highest revenue of a licensee, recorded for people; 0: none.
        text_digest: SHA-256 of the licence's text; empty: none.
        license: SPDX identifier, or `LicenseRef-…`.
        uri: where the text is.
    """

    rights: frozenset[Right] = ALL_RIGHTS
    fields: frozenset[Field] = ALL_FIELDS
    royalty_bps: int = 0
    duration: timedelta = timedelta(0)
    transferable: bool = True
    commercial_attribution: bool = False
    derivatives_attribution: bool = False
    derivatives_approval: bool = False
    share_alike: bool = False
    checker: Address | None = None
    currency: Address = NATIVE
    min_price: int = 0
    commercial_ceiling: int = 0
    derivative_ceiling: int = 0
    text_digest: bytes = b""
    license: str = ""
    uri: str = ""
    checker_data: bytes = field(default=b"", repr=False)

    @property
    def id(self) -> bytes:
        """Their id, as the contract assigns it.

        Raises:
            ConfigError: a value is out of its range.
        """
        return bytes(keccak(self._encoded()))

    def to_abi(self) -> tuple[object, ...]:
        """As the contract takes them."""
        return (
            to_set(self.rights),
            to_set(self.fields),
            self.royalty_bps,
            _seconds(self.duration),
            self.transferable,
            self.commercial_attribution,
            self.derivatives_attribution,
            self.derivatives_approval,
            self.share_alike,
            self.checker or NATIVE,
            self.currency,
            self.min_price,
            self.commercial_ceiling,
            self.derivative_ceiling,
            self.text_digest or bytes(32),
            self.license,
            self.uri,
            self.checker_data,
        )

    def _encoded(self) -> bytes:
        try:
            return bytes(encode([_ABI], [self.to_abi()]))
        except (EncodingError, ValueError, TypeError, AttributeError) as error:
            raise ConfigError(f"these are no licence terms: {error}") from None

    @classmethod
    def from_abi(cls, values: tuple[object, ...]) -> Terms:
        """As the contract returns them."""
        read = dict(zip((f.name for f in fields(cls)), values, strict=True))
        read["rights"] = from_set(Right, read["rights"])
        read["fields"] = from_set(Field, read["fields"])
        read["duration"] = timedelta(seconds=read["duration"])  # type: ignore[arg-type]
        read["checker"] = _address(read["checker"]) if read["checker"] != NATIVE else None
        read["currency"] = _address(read["currency"])
        read["text_digest"] = b"" if read["text_digest"] == bytes(32) else read["text_digest"]
        return cls(**read)  # type: ignore[arg-type]

    def allows(self, right: Right) -> bool:
        """Whether the terms allow something."""
        return right in self.rights

    def with_text(self, text: bytes) -> Terms:
        """The same terms, bound to a licence's text by its digest."""
        return replace(self, text_digest=hashlib.sha256(text).digest())


def to_set(members: Iterable[IntEnum]) -> int:
    """Rights or fields as a number with a bit for each."""
    return sum(1 << member for member in set(members))


def from_set(kind: type[E], number: object) -> frozenset[E]:
    """The members whose bits are set."""
    return frozenset(member for member in kind if int(str(number)) >> member & 1)


def _seconds(duration: timedelta) -> int:
    seconds = int(duration.total_seconds())
    if seconds != duration.total_seconds():
        raise ConfigError("a licence's duration is whole seconds")
    return seconds


def _address(value: object) -> Address:
    return str(to_checksum_address(str(value)))


# ---------------------------------------------------------------------- presets

_CC = "https://creativecommons.org/"


def open_terms() -> Terms:
    """Everything is allowed, for ever, without conditions (CC0)."""
    return Terms(license="CC0-1.0", uri=f"{_CC}publicdomain/zero/1.0/legalcode.txt")


def cc_by() -> Terms:
    """Everything is allowed to whoever names the model (CC BY 4.0)."""
    return Terms(
        commercial_attribution=True,
        derivatives_attribution=True,
        license="CC-BY-4.0",
        uri=f"{_CC}licenses/by/4.0/legalcode.txt",
    )


def non_commercial() -> Terms:
    """Everything but commerce, derivatives under the same terms (CC BY-NC-SA 4.0)."""
    return Terms(
        rights=ALL_RIGHTS - {Right.COMMERCIAL},
        derivatives_attribution=True,
        share_alike=True,
        license="CC-BY-NC-SA-4.0",
        uri=f"{_CC}licenses/by-nc-sa/4.0/legalcode.txt",
    )


def commercial_use(*, min_price: int = 0, currency: Address = NATIVE) -> Terms:
    """Use it and serve it, for profit too; no derivatives, no copies."""
    return Terms(
        rights=frozenset({Right.USE, Right.SERVE, Right.TRAIN_ON_OUTPUTS, Right.COMMERCIAL}),
        commercial_attribution=True,
        min_price=min_price,
        currency=currency,
        license="LicenseRef-Anacostia-commercial-use-1.0",
    )


def commercial_remix(
    royalty_bps: int = 1000, *, min_price: int = 0, currency: Address = NATIVE
) -> Terms:
    """Everything is allowed; derivatives under the same terms, owing a share of their revenue."""
    return Terms(
        royalty_bps=royalty_bps,
        commercial_attribution=True,
        derivatives_attribution=True,
        share_alike=True,
        min_price=min_price,
        currency=currency,
        license="LicenseRef-Anacostia-commercial-remix-1.0",
    )


def evaluation_only(days: int = 30) -> Terms:
    """Try it for some days, for oneself: no service, derivatives or profit; not transferable."""
    return Terms(
        rights=frozenset({Right.USE}),
        fields=frozenset({Field.RESEARCH, Field.EDUCATION, Field.PERSONAL, Field.BUSINESS}),
        duration=timedelta(days=days),
        transferable=False,
        license="LicenseRef-Anacostia-evaluation-1.0",
    )


PRESETS: dict[str, Callable[..., Terms]] = {
    "open": open_terms,
    "non-commercial": non_commercial,
    "commercial-use": commercial_use,
    "commercial-remix": commercial_remix,
    "evaluation-only": evaluation_only,
    "cc-by": cc_by,
}
"""By the names that the command line takes."""


def preset(name: str, **options: object) -> Terms:
    """The terms of a preset; `options` are its function's arguments.

    Raises:
        ConfigError: there is none of that name, or it does not take the options.
    """
    if name not in PRESETS:
        raise ConfigError(f"{name!r} is no preset: use one of {', '.join(PRESETS)}")
    try:
        return PRESETS[name](**options)
    except TypeError as error:
        raise ConfigError(f"the preset {name!r} does not take that: {error}") from None
