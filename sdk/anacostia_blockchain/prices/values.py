"""The values of pricing; they mirror `contracts/types/Pricing.sol` and `Metric.sol`.

Dollars and metrics are `Decimal` here and whole millionths on chain.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import IntEnum
from typing import Any

from eth_utils import keccak, to_checksum_address

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.types import Address

NOBODY = "0x" + "00" * 20
MICRO = 6
"""Decimals of dollars and metrics on chain."""

MAX_POINTS = 16

_LABEL = re.compile(r"[A-Za-z0-9._/-]{1,32}")
_HASH = re.compile(r"0x[0-9a-f]{64}")


class Basis(IntEnum):
    """What the price in force rests on."""

    UNSET = 0
    STOPPED = 1
    LAPSED = 2
    FIXED = 3
    MANUAL = 4
    FOLLOWED = 5
    HELD = 6
    BASE = 7


@dataclass(frozen=True, slots=True)
class Point:
    """A point of a price curve.

    Attributes:
        metric: the metric's value.
        price: dollars.
    """

    metric: Decimal
    price: Decimal

    @classmethod
    def parse(cls, text: str) -> Point:
        """Read `metric:price`, e.g. `0.93:120`."""
        metric, colon, price = text.partition(":")
        if not colon:
            raise ConfigError(f"{text!r} is no point: write metric:price, for instance 0.93:120")
        return cls(number(metric), number(price))

    def to_abi(self) -> tuple[int, int]:
        """As the contract takes it."""
        return micros(self.metric), micros(self.price)


@dataclass(frozen=True, slots=True)
class Pricing:
    """How a model's price is made; see `IModelPricing.setPricing`.

    Attributes:
        base: dollars to begin with, and when the metric stays away.
        minimum: lowest price.
        maximum: highest price.
        points: the curve; empty for a fixed price, to which what follows does not apply.
        metric: its name, as the pipeline logs it.
        source: under whose authority it is reported; see `MetricReceiver`.
        metrics: contract that knows it; None: the deployment's `MetricReceiver`.
        metric_min: lowest value that is believed.
        metric_max: highest value that is believed.
        max_age: for how long a measurement is followed.
        hold_for: for how long after that the last price is held.
        base_for: for how long after that the base price is charged.
        cooldown: least time between two moves.
        max_move: largest move, as a share of the price.
        guardian: who else may stop sales, until the model changes hands.
    """

    base: Decimal
    minimum: Decimal
    maximum: Decimal
    points: tuple[Point, ...] = ()
    metric: str = ""
    source: bytes = bytes(32)
    metrics: Address | None = None
    metric_min: Decimal = Decimal(0)
    metric_max: Decimal = Decimal(1)
    max_age: timedelta = timedelta(days=30)
    hold_for: timedelta = timedelta(days=7)
    base_for: timedelta = timedelta(days=7)
    cooldown: timedelta = timedelta(hours=1)
    max_move: Decimal = Decimal("0.1")
    guardian: Address | None = None

    @classmethod
    def fixed(cls, price: Decimal | str | int, guardian: Address | None = None) -> Pricing:
        """A price in dollars that follows nothing."""
        exact = number(price)
        return cls(exact, exact, exact, guardian=guardian)

    @property
    def is_fixed(self) -> bool:
        """Whether it follows no metric."""
        return not self.points

    def to_abi(self, receiver: Address) -> tuple[tuple[object, ...], list[tuple[int, int]]]:
        """As the contract takes it: the rules, and the curve.

        Args:
            receiver: the deployment's `MetricReceiver`.
        """
        prices = [micros(price) for price in (self.base, self.minimum, self.maximum)]
        guardian = self.guardian or NOBODY
        if self.is_fixed:
            return (NOBODY, bytes(32), bytes(32), *[0] * 7, *prices, guardian), []
        followed = (self.metrics or receiver, self.source, metric_id(self.metric))
        believed = (micros(self.metric_min), micros(self.metric_max))
        spans = [
            int(span.total_seconds())
            for span in (self.max_age, self.hold_for, self.base_for, self.cooldown)
        ]
        move = int(self.max_move.scaleb(4))
        rules = (*followed, *believed, *spans, move, *prices, guardian)
        return rules, [point.to_abi() for point in self.points]

    @classmethod
    def from_abi(cls, rules: Any, points: Any) -> Pricing:  # noqa: ANN401 - as the ABI says
        """From the contract's answer; the metric's name as far as it can be read."""
        metrics, source, name, low, high, age, hold, base_for, cooldown, move, *rest = rules
        base, minimum, maximum, guardian = rest
        return cls(
            base=amount(base),
            minimum=amount(minimum),
            maximum=amount(maximum),
            points=tuple(Point(amount(m), amount(p)) for m, p in points),
            metric=metric_name(name),
            source=bytes(source),
            metrics=_known(metrics),
            metric_min=amount(low),
            metric_max=amount(high),
            max_age=timedelta(seconds=age),
            hold_for=timedelta(seconds=hold),
            base_for=timedelta(seconds=base_for),
            cooldown=timedelta(seconds=cooldown),
            max_move=Decimal(move).scaleb(-4),
            guardian=_known(guardian),
        )


@dataclass(frozen=True, slots=True)
class PriceState:
    """Where a price stands, whether or not it is in force.

    Attributes:
        price: dollars, without what was set by hand: where the next move begins.
        heard_at: when the newest measurement that was followed ended; None before the first.
        moved_at: when the price last moved, or the pricing was set.
    """

    price: Decimal
    heard_at: datetime | None
    moved_at: datetime | None
    stopped: bool


@dataclass(frozen=True, slots=True)
class Metric:
    """A metric's newest value as it was delivered.

    Attributes:
        evidence: record root of the run that measured it; zeros for none.
    """

    value: Decimal
    observed_at: datetime | None
    accepted_at: datetime | None
    version: int
    evidence: bytes


@dataclass(frozen=True, slots=True)
class MetricSource:
    """Under whose authority metrics are reported.

    Attributes:
        closed_until: last second in which nothing is accepted, and of which no measurement counts;
            None for never stopped.
        stopped: whether it is closed until further notice.
        delay: before a new workflow takes effect.
        overlap: for which a replaced one remains valid.
    """

    owner: Address
    closed_until: datetime | None
    stopped: bool
    delay: timedelta
    overlap: timedelta
    guardian: Address | None


def number(value: Decimal | str | float) -> Decimal:
    """An exact number; of a float, the one that it is shown as.

    Raises:
        ConfigError: it is none, or not finite.
    """
    try:
        exact = Decimal(str(value))
    except InvalidOperation:
        raise ConfigError(f"{value!r} is no number") from None
    if not exact.is_finite():
        raise ConfigError(f"{value!r} is no finite number")
    return exact


def micros(value: Decimal) -> int:
    """A number in millionths.

    Raises:
        ConfigError: it has more than six decimals.
    """
    scaled = value.scaleb(MICRO)
    if scaled != scaled.to_integral_value():
        raise ConfigError(f"{value} has more than {MICRO} decimals: round it")
    return int(scaled)


def amount(scaled: int) -> Decimal:
    """A number of millionths as a number, with no more decimals than it needs."""
    exact = Decimal(scaled).scaleb(-MICRO).normalize()
    return exact.quantize(Decimal(1)) if exact == exact.to_integral_value() else exact


def moment(seconds: int) -> datetime | None:
    """A time; None for zero."""
    return datetime.fromtimestamp(seconds, UTC) if seconds else None


def metric_id(name: str) -> bytes:
    """A metric's name as contracts hold it: itself, up to 32 plain characters; else its hash.

    A hash, as `metric_name` gives it, is taken for what it is.
    """
    if not name:
        raise ConfigError("a metric has a name: say which one the price follows")
    if _LABEL.fullmatch(name):
        return name.encode("ascii").ljust(32, b"\0")
    if _HASH.fullmatch(name):
        return bytes.fromhex(name[2:])
    return bytes(keccak(text=name))


def metric_name(identifier: bytes) -> str:
    """The name where it can be read, else the hash in hexadecimal; empty for none."""
    text = bytes(identifier).rstrip(b"\0").decode("latin-1")
    return text if not text or _LABEL.fullmatch(text) else "0x" + bytes(identifier).hex()


def workflow_name(name: str) -> bytes:
    """A workflow's name as reports carry it: ten hexadecimal digits of its SHA-256, in ASCII."""
    return hashlib.sha256(name.encode()).hexdigest()[:10].encode()


def _known(address: str) -> Address | None:
    return None if int(address, 16) == 0 else str(to_checksum_address(address))
