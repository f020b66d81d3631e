"""The contracts' arithmetic in plain Python: whole numbers and fractions, rounded at the end.

It shares nothing with the contracts nor with the SDK, whose curve is in decimals; `scripts/vectors`
writes what it says, and the tests of both hold their own against that.
"""

from __future__ import annotations

import math
import random
from collections.abc import Sequence
from fractions import Fraction
from itertools import pairwise

CURVES, ASKED = 32, 24
STEPS = 512
TREES = 24
WORST, BEST = -(2**63), 2**63 - 1
"""Of a metric, in millionths."""
DEAREST = 2**64 - 1
"""Of a price, in millionths of a dollar."""
ALL = 10_000
"""Basis points."""
OWNERS = 3


def pricing() -> dict[str, object]:
    """Curves with the prices at some metrics; and moves towards a target, of a part at most."""
    chance = random.Random(1)  # noqa: S311 (repeatable, and no secret)
    curves = [curve(chance, number) for number in range(CURVES)]
    steps = [any_step(chance) for _ in range(STEPS)]
    names = ("prices", "targets", "bps", "moved")
    return {
        "curves": curves,
        "steps": {name: [text(row[place]) for row in steps] for place, name in enumerate(names)},
    }


def curve(chance: random.Random, number: int) -> dict[str, list[str]]:
    """Points from 2 to 16, close together, far apart, or over all there is; rising and falling."""
    reach = (10, 10**6, 10**12, BEST)[number % 4]
    metrics = sorted({chance.randint(-reach, reach) for _ in range(16)})[: 2 + number % 15]
    if number % 8 == 3:
        metrics[0], metrics[-1] = WORST, BEST
    dearest = (10, 10**9, DEAREST)[number % 3]
    points = [(metric, chance.randint(1, dearest)) for metric in metrics]
    inside = [chance.randint(metrics[0], metrics[-1]) for _ in range(ASKED)]
    asked = [WORST, BEST, *metrics, *inside]
    return {
        "metrics": list(map(text, metrics)),
        "prices": [text(price) for _, price in points],
        "at": list(map(text, asked)),
        "price": [text(math.ceil(exact(points, metric))) for metric in asked],
    }


def exact(points: Sequence[tuple[int, int]], metric: int) -> Fraction:
    """The height of the line over a metric; level outside of the points."""
    for (left, low), (right, high) in pairwise(points):
        if left <= metric <= right:
            return low + (high - low) * Fraction(metric - left, right - left)
    return Fraction(points[0][1] if metric < points[0][0] else points[-1][1])


def any_step(chance: random.Random) -> tuple[int, int, int, int]:
    """A price, its target, and how far it gets: by a part of itself, rounded down, but by one."""
    price, target = (chance.randint(1, 2 ** chance.randint(1, 64) - 1) for _ in range(2))
    bps = chance.choice((1, ALL, chance.randint(1, ALL)))
    farthest = max(1, math.floor(price * Fraction(bps, ALL)))
    distance = min(abs(target - price), farthest)
    return price, target, bps, price + (distance if target > price else -distance)


def royalties() -> dict[str, object]:
    """Models made of each other, what each was sold for, and what its owner has in the end."""
    chance = random.Random(2)  # noqa: S311 (repeatable, and no secret)
    return {"trees": [tree(chance, 3 + number % 6) for number in range(TREES)]}


def tree(chance: random.Random, size: int) -> dict[str, object]:
    """A model's parents come before it, and have a share each of all that it earns."""
    parents = [
        sorted(chance.sample(range(i), chance.randint(min(i, 1), min(i, 4)))) for i in range(size)
    ]
    shares = [shares_of(chance, len(those)) for those in parents]
    owners = [chance.randrange(OWNERS) for _ in range(size)]
    sales = [
        (chance.randrange(size), chance.randint(1, 10 ** chance.randint(1, 18))) for _ in range(10)
    ]
    return {
        "parents": parents,
        "shares": shares,
        "owners": owners,
        "sold": [model for model, _ in sales],
        "prices": [text(price) for _, price in sales],
        "credits": list(map(text, credits_of(parents, shares, owners, sales))),
    }


def shares_of(chance: random.Random, parents: int) -> list[int]:
    """Basis points of each parent; together sometimes all, sometimes nothing."""
    together = chance.choice((0, ALL, chance.randint(0, ALL)))
    cuts = sorted(chance.randint(0, together) for _ in range(parents - 1))
    return [high - low for low, high in pairwise([0, *cuts, together])] if parents else []


def credits_of(
    parents: Sequence[Sequence[int]],
    shares: Sequence[Sequence[int]],
    owners: Sequence[int],
    sales: Sequence[tuple[int, int]],
) -> list[int]:
    """Of each owner what its models keep, children first: a parent earns of what a child earns.

    The parents together get their share rounded up, each of them its part of that rounded down, and
    the owner the rest. What cannot be divided between the parents is nobody's.
    """
    earned = [sum(price for model, price in sales if model == i) for i in range(len(parents))]
    credits_ = [0] * OWNERS
    for model in reversed(range(len(parents))):
        together = sum(shares[model])
        royalty = math.ceil(earned[model] * Fraction(together, ALL))
        for parent, share in zip(parents[model], shares[model], strict=True):
            earned[parent] += math.floor(royalty * Fraction(share, together)) if together else 0
        credits_[owners[model]] += earned[model] - royalty
    return credits_


def text(number: int) -> str:
    """In full: readers of JSON make floats of what is long."""
    return str(number)
