"""The values of pricing, and the curve in exact arithmetic."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.prices import curve
from anacostia_blockchain.prices.values import (
    Point,
    Pricing,
    amount,
    metric_id,
    metric_name,
    micros,
    number,
    workflow_name,
)

RISING = (Point.parse("0.5:50"), Point.parse("0.9:100"), Point.parse("0.99:400"))
RULES = Pricing(
    base=Decimal(100),
    minimum=Decimal(10),
    maximum=Decimal(1000),
    points=RISING,
    metric="accuracy",
)

MICROS = st.integers(-(10**15), 10**15)


@given(MICROS)
def test_micros_come_back(scaled: int) -> None:
    assert micros(amount(scaled)) == scaled


def test_numbers_are_taken_as_they_are_shown() -> None:
    assert micros(number(0.1)) == 100_000
    assert micros(number("19.90")) == 19_900_000
    for wrong in ("x", "", "nan", "inf", float("inf")):
        with pytest.raises(ConfigError, match="is no"):
            number(wrong)
    with pytest.raises(ConfigError, match="more than 6 decimals: round it"):
        micros(Decimal("0.0000001"))


def test_metric_names() -> None:
    assert metric_id("accuracy") == b"accuracy" + bytes(24)
    assert metric_name(metric_id("accuracy")) == "accuracy"
    long = metric_id("validation accuracy at epoch 12")
    assert len(long) == 32
    assert metric_name(long) == "0x" + long.hex()
    assert metric_id(metric_name(long)) == long
    assert metric_name(bytes(32)) == ""
    with pytest.raises(ConfigError, match="a metric has a name"):
        metric_id("")


def test_workflow_name_is_as_reports_carry_it() -> None:
    assert workflow_name("my_workflow") == bytes.fromhex("62373666336165316465")


@st.composite
def points(draw: st.DrawFn) -> tuple[Point, ...]:
    xs = sorted(draw(st.sets(st.integers(-(10**9), 10**9), min_size=2, max_size=16)))
    ys = draw(st.lists(st.integers(1, 10**12), min_size=len(xs), max_size=len(xs)))
    return tuple(Point(amount(x), amount(y)) for x, y in zip(xs, ys, strict=True))


@given(points(), MICROS)
def test_price_at_is_the_exact_price_rounded_up(drawn: tuple[Point, ...], x: int) -> None:
    scaled = [(micros(p.metric), micros(p.price)) for p in drawn]
    price = micros(curve.price_at(drawn, amount(x)))
    if x <= scaled[0][0]:
        assert price == scaled[0][1]
    elif x >= scaled[-1][0]:
        assert price == scaled[-1][1]
    else:
        right = next(i for i, (px, _) in enumerate(scaled) if x <= px)
        (x0, y0), (x1, y1) = scaled[right - 1], scaled[right]
        exact = y0 + Fraction((y1 - y0) * (x - x0), x1 - x0)
        assert price - 1 < exact <= price


@given(st.integers(1, 10**12), st.integers(1, 10**12), st.integers(1, 10_000))
def test_step_gets_there_and_not_beyond(price: int, target: int, bps: int) -> None:
    moved = micros(curve.step(amount(price), amount(target), Decimal(bps).scaleb(-4)))
    assert min(price, target) <= moved <= max(price, target)
    assert (moved == price) == (price == target)
    assert abs(moved - price) <= max(price * bps // 10_000, 1)


def test_simulate_walks_to_the_curve() -> None:
    moves = list(curve.simulate(RULES, [Decimal("0.99")] * 3))
    assert [move.price for move in moves] == [Decimal(110), Decimal(121), Decimal("133.1")]
    assert moves[0].target == 400
    with pytest.raises(ConfigError, match=r"1\.1 would not be believed"):
        list(curve.simulate(RULES, [Decimal("1.1")]))


@pytest.mark.parametrize(
    ("wrong", "why"),
    [
        (RISING[:1], "2 to 16 points, not 1"),
        (RISING[:1] * 17, "2 to 16 points, not 17"),
        ((RISING[1], RISING[0]), "point 2: 0.5 is not above 0.9"),
        ((RISING[0], RISING[0]), "point 2: 0.5 is not above 0.5"),
        ((RISING[0], Point.parse("0.6:5")), "point 2: 5 dollars are outside of 10 to 1000"),
    ],
)
def test_check_curve_says_which_point(wrong: tuple[Point, ...], why: str) -> None:

    with pytest.raises(ConfigError, match=why):
        curve.check_curve(replace(RULES, points=wrong))


def test_point_says_how_it_is_written() -> None:
    with pytest.raises(ConfigError, match="write metric:price"):
        Point.parse("0.93")


def test_pricing_comes_back() -> None:
    receiver = "0x" + "11" * 20
    rules, drawn = RULES.to_abi(receiver)
    back = Pricing.from_abi(rules, drawn)
    assert back.to_abi(receiver) == (rules, drawn)
    assert back.points == RISING
    assert back.metric == "accuracy"
    fixed = Pricing.fixed("19.90")
    assert Pricing.from_abi(*fixed.to_abi(receiver)).base == Decimal("19.9")
    assert fixed.is_fixed
