"""The values of licensing; most mirror `contracts/types/`."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from datetime import UTC, datetime

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.licensing.terms import NATIVE, Right
from anacostia_blockchain.types import Address, Relation


@dataclass(frozen=True, slots=True)
class Price:
    """What something costs: make one with `native`, `token`, `quoted` or `free`.

    Attributes:
        asset: ERC-20 token of a fixed amount, or the native coin.
        pricing: contract that is asked for the price; None for a fixed amount.
        amount: in the asset's smallest unit.
        is_free: whether it is given away.
    """

    asset: Address = NATIVE
    pricing: Address | None = None
    amount: int = 0
    is_free: bool = False

    @classmethod
    def native(cls, wei: int) -> Price:
        """A fixed amount of the native coin."""
        return cls(amount=wei)

    @classmethod
    def token(cls, asset: Address, amount: int) -> Price:
        """A fixed amount of an ERC-20 token."""
        return cls(asset=asset, amount=amount)

    @classmethod
    def quoted(cls, pricing: Address) -> Price:
        """Whatever a pricing contract says at the time, in whichever asset it takes."""
        return cls(pricing=pricing)

    @classmethod
    def free(cls) -> Price:
        """Nothing; said expressly, because a price of zero is refused."""
        return cls(is_free=True)

    def to_abi(self) -> tuple[Address, Address, int, bool]:
        """As the contracts take it."""
        return self.asset, self.pricing or NATIVE, self.amount, self.is_free

    def __str__(self) -> str:
        if self.is_free:
            return "free"
        if self.pricing is not None:
            return f"asked of {self.pricing}"
        return f"{self.amount} wei" if self.asset == NATIVE else f"{self.amount} of {self.asset}"


@dataclass(frozen=True, slots=True, order=True)
class LicenseId:
    """What a licence is a licence of: model, number of the model's offer, serial number."""

    model_id: int
    offer: int
    serial: int

    @property
    def token_id(self) -> int:
        """As an ERC-721 token id."""
        return self.model_id << 96 | self.offer << 64 | self.serial

    @classmethod
    def of(cls, token_id: int) -> LicenseId:
        """From an ERC-721 token id."""
        return cls(token_id >> 96, token_id >> 64 & 0xFFFFFFFF, token_id & 0xFFFFFFFFFFFFFFFF)

    @classmethod
    def parse(cls, text: str) -> LicenseId:
        """From `model/offer/serial`, as printed, or a token id in decimal.

        Raises:
            ConfigError: it is neither.
        """
        parts = text.split("/")
        if not all(part.isdecimal() for part in parts) or len(parts) not in (1, 3):
            raise ConfigError(f"{text!r} is no licence: write model/offer/serial, such as 1/2/17")
        return cls.of(int(parts[0])) if len(parts) == 1 else cls(*map(int, parts))

    def __str__(self) -> str:
        return f"{self.model_id}/{self.offer}/{self.serial}"


@dataclass(frozen=True, slots=True)
class Offer:
    """An offer of licences.

    Attributes:
        number: of the model's offers, from 1.
        supply: most licences that can be sold; 0: any number.
        sold: licences sold, or periods of them.
        is_open: whether it is neither withdrawn nor ended by a transfer; it may be sold out.
    """

    model_id: int
    number: int
    terms_id: bytes
    price: Price
    supply: int
    sold: int
    is_open: bool
    rights: frozenset[Right]


@dataclass(frozen=True, slots=True)
class Holding:
    """What an account holds of the licences of one offer."""

    count: int
    serial: int
    expires_at: datetime | None
    locked: bool


@dataclass(frozen=True, slots=True)
class License:
    """A licence that somebody holds.

    Attributes:
        expires_at: UTC; None: never.
        locked: whether it cannot be handed on.
        derivative: model that was made under it; None: none yet.
    """

    id: LicenseId
    holder: Address
    terms_id: bytes
    rights: frozenset[Right]
    expires_at: datetime | None
    locked: bool
    derivative: int | None

    def is_valid(self, now: datetime | None = None) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or (now or datetime.now(UTC)) < self.expires_at


@dataclass(frozen=True, slots=True)
class LicensedParent:
    """What a derivative owes to one of its parents, for ever."""

    model_id: int
    license: LicenseId
    version: int
    share_bps: int
    relation: Relation


@dataclass(frozen=True, slots=True)
class RevenueAccount:
    """The revenue that a model earned in an asset while somebody owned it."""

    model_id: int
    owner: Address
    asset: Address = NATIVE


@dataclass(frozen=True, slots=True)
class Revenue:
    """Totals since the beginning: all that was earned, and how much of it has been divided."""

    earned: int
    settled: int


@dataclass(frozen=True, slots=True)
class Purchase:
    """What a buyer asks for; see `contracts/types/License.sol`."""

    model_id: int
    offer: int
    quantity: int
    asset: Address
    max_pay: int
    deadline: int
    recipient: Address
    encryption_key: bytes = b""

    def to_abi(self) -> tuple[object, ...]:
        """As the contract takes it."""
        return (
            *(self.model_id, self.offer, self.quantity, self.asset, self.max_pay),
            *(self.deadline, self.recipient, self.encryption_key or bytes(32)),
        )


@dataclass(frozen=True, slots=True)
class Order:
    """What a buyer of a model asks for; see `contracts/types/Market.sol`."""

    model_id: int
    asset: Address
    max_pay: int
    deadline: int
    recipient: Address
    state: bytes

    def to_abi(self) -> tuple[object, ...]:
        """As the contract takes it."""
        return astuple(self)


@dataclass(frozen=True, slots=True)
class Permit:
    """A signed allowance (EIP-2612); the default is none."""

    value: int = 0
    deadline: int = 0
    v: int = 0
    r: bytes = bytes(32)
    s: bytes = bytes(32)

    def to_abi(self) -> tuple[object, ...]:
        """As the contracts take it."""
        return self.value, self.deadline, self.v, self.r, self.s


@dataclass(frozen=True, slots=True)
class Listing:
    """A model that is for sale.

    Attributes:
        state: digest of its royalty, what it owes to parents, its offers and versions, before the
            rest was read: buy under it what you looked at.
    """

    model_id: int
    seller: Address
    price: Price
    expires_at: datetime
    state: bytes


def time_of(seconds: int) -> datetime | None:
    """A contract's time in seconds; None for zero."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None
