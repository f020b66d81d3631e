"""The price curve as the contracts have it: both against a model in plain fractions.

`scripts/vectors` writes what that says; `PriceCurve.t.sol` (fuzz) reads the same file.
"""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

from anacostia_blockchain.prices import curve
from anacostia_blockchain.prices.values import Point, amount, micros

VECTORS = Path(__file__).parents[2] / "contracts" / "data" / "pricing.json"


def test_every_price_of_every_curve() -> None:
    asked = 0
    for drawn in json.loads(VECTORS.read_text())["curves"]:
        pairs = zip(drawn["metrics"], drawn["prices"], strict=True)
        points = [Point(amount(int(metric)), amount(int(price))) for metric, price in pairs]
        for metric, price in zip(drawn["at"], drawn["price"], strict=True):
            assert micros(curve.price_at(points, amount(int(metric)))) == int(price)
            asked += 1
    assert asked > 1000


def test_every_step() -> None:
    steps = json.loads(VECTORS.read_text())["steps"]
    rows = list(zip(*(map(int, steps[name]) for name in steps), strict=True))
    assert list(steps) == ["prices", "targets", "bps", "moved"]
    assert len(rows) > 500
    for price, target, bps, moved in rows:
        got = curve.step(amount(price), amount(target), Decimal(bps).scaleb(-4))
        assert micros(got) == moved
