"""What a price would do, without a chain: the contract's rules in plain Python."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import TYPE_CHECKING

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.prices.values import MAX_POINTS, Point, amount, micros

if TYPE_CHECKING:
    from anacostia_blockchain.prices.values import Pricing

_PERCENT = 10_000


@dataclass(frozen=True, slots=True)
class Move:
    """One `sync`: the metric, where the curve leads, and how far the price got."""

    metric: Decimal
    target: Decimal
    price: Decimal


def check_curve(pricing: Pricing) -> None:
    """Find out before anything is sent whether the contract would take a curve.

    Raises:
        ConfigError: it would not; the message says which point is why.
    """
    points = pricing.points
    if not 2 <= len(points) <= MAX_POINTS:
        raise ConfigError(f"a curve has 2 to {MAX_POINTS} points, not {len(points)}")
    for number, point in enumerate(points, 1):
        if not pricing.minimum <= point.price <= pricing.maximum:
            raise ConfigError(
                f"point {number}: {point.price} dollars are outside of "
                f"{pricing.minimum} to {pricing.maximum}"
            )
        if number > 1 and point.metric <= points[number - 2].metric:
            raise ConfigError(
                f"point {number}: {point.metric} is not above {points[number - 2].metric}: "
                "a curve's points increase in the metric"
            )


def price_at(points: Sequence[Point], metric: Decimal) -> Decimal:
    """The curve's price at a value of the metric, rounded up to a millionth of a dollar."""
    x = micros(metric)
    scaled = [point.to_abi() for point in points]
    if x <= scaled[0][0]:
        return amount(scaled[0][1])
    for (x0, y0), (x1, y1) in pairwise(scaled):
        if x <= x1:
            # Floor division of the negated is a ceiling, of rising and falling lines alike.
            return amount(y0 - (-(y1 - y0) * (x - x0)) // (x1 - x0))
    return amount(scaled[-1][1])


def step(price: Decimal, target: Decimal, max_move: Decimal) -> Decimal:
    """Where a price gets to in one move: by `max_move` of it, at least a millionth."""
    now, goal = micros(price), micros(target)
    most = max(now * int(max_move.scaleb(4)) // _PERCENT, 1)
    return amount(min(goal, now + most) if goal > now else max(goal, now - most))


def simulate(
    pricing: Pricing, metrics: Iterable[Decimal], start: Decimal | None = None
) -> Iterator[Move]:
    """The price through a series of measurements, one move for each, cooldowns kept.

    Args:
        pricing: the rules.
        metrics: one value after the other.
        start: dollars; None: the base price.
    """
    check_curve(pricing)
    price = pricing.base if start is None else start
    for metric in metrics:
        if not pricing.metric_min <= metric <= pricing.metric_max:
            raise ConfigError(
                f"{metric} would not be believed: it is outside of "
                f"{pricing.metric_min} to {pricing.metric_max}"
            )
        target = price_at(pricing.points, metric)
        price = step(price, target, pricing.max_move)
        yield Move(metric, target, price)
