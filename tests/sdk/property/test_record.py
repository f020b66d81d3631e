"""Run records: any fact can be shown alone, none can be altered, and order does not matter."""

from __future__ import annotations

import dataclasses
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from anacostia_blockchain.errors import FormatError, IntegrityError, LedgerError
from anacostia_blockchain.ledger.proof import RunProof
from anacostia_blockchain.ledger.record import ROLES, Disclosure, RunRecord

SECRET = bytes(range(32))
TEXT = st.text(st.characters(codec="utf-8"), max_size=12)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
FACTS = st.lists(st.tuples(st.sampled_from(ROLES), TEXT, TEXT, VALUES), max_size=12)


@given(FACTS, st.randoms(use_true_random=False))
def test_the_order_of_different_facts_does_not_matter(facts, shuffler: random.Random):
    """Rows of a database come in any order."""
    unique = list({fact[:3]: fact for fact in facts}.values())
    shuffled = list(unique)
    shuffler.shuffle(shuffled)
    assert RunRecord.build(unique, secret=SECRET).root == (
        RunRecord.build(shuffled, secret=SECRET).root
    )


@given(FACTS.filter(bool), st.data())
def test_a_fact_is_shown_alone_and_cannot_be_another(facts, draw):
    record = RunRecord.build(facts)
    leaf = draw.draw(st.sampled_from(record.leaves))
    shown = record.disclose(leaf.role, leaf.node, leaf.name, leaf.number)
    again = Disclosure.from_json(shown.to_json())
    assert again.to_json() == shown.to_json()
    again.verify(record.root)
    altered = [
        dataclasses.replace(shown, leaf=dataclasses.replace(leaf, value=["another", leaf.value])),
        dataclasses.replace(shown, leaf=dataclasses.replace(leaf, node=leaf.node + "x")),
        dataclasses.replace(shown, leaf=dataclasses.replace(leaf, number=leaf.number + 1)),
        dataclasses.replace(shown, leaf=dataclasses.replace(leaf, salt=bytes(32))),
        dataclasses.replace(shown, index=shown.index + 1),
        dataclasses.replace(shown, path=(*shown.path, bytes(32))),
    ]
    for lie in altered:
        with pytest.raises(IntegrityError, match="is not in the record"):
            lie.verify(record.root)
    with pytest.raises(IntegrityError):
        shown.verify(bytes(32))


@given(FACTS)
def test_a_record_survives_being_written(facts):
    record = RunRecord.build(facts)
    assert RunRecord.from_json(record.to_json()).root == record.root


def test_what_is_shown_tells_nothing_of_the_rest():
    """Salts differ, so that a guess at a neighbour cannot be checked."""
    facts = [("metric", "train", name, 0.5) for name in ("accuracy", "loss")]
    record = RunRecord.build(facts)
    salts = {leaf.salt for leaf in record.leaves}
    assert len(salts) == 3
    shown = record.disclose("metric", "train", "accuracy").to_json()
    assert b"loss" not in shown
    assert record.secret.hex().encode() not in shown
    assert RunRecord.build(facts).root != record.root  # another secret


def test_facts_of_one_name_are_told_apart_by_their_order():
    """A metric's whole history."""
    facts = [("metric", "train", "loss", value) for value in (0.9, 0.5, 0.1)]
    record = RunRecord.build(facts, secret=SECRET)
    assert [leaf.value for leaf in record.find("metric", "loss")] == [0.9, 0.5, 0.1]
    assert record.disclose("metric", "train", "loss", 2).leaf.value == 0.1
    assert RunRecord.build(facts[::-1], secret=SECRET).root != record.root


def test_the_number_of_facts_is_bound():
    """Leaving the last fact out gives another root, and so does adding one."""
    facts = [("param", "train", f"{n}", n) for n in range(5)]
    roots = {RunRecord.build(facts[:n], secret=SECRET).root for n in range(6)}
    assert len(roots) == 6


def test_the_format_stays():
    """A golden record: today's code must read and make what it made before."""
    record = RunRecord.build(
        [("metric", "train", "accuracy", 0.9756), ("param", "train", "seed", 7)], secret=SECRET
    )
    assert record.root.hex() == GOLDEN_ROOT
    golden = record.to_json()
    assert json.loads(golden)["schema"] == "anacostia/run-record/1"
    assert RunRecord.from_json(golden).root.hex() == GOLDEN_ROOT


GOLDEN_ROOT = "0dbd5fe915928ad1546ca6f375ef0526c0ff72f0f843f61255964eac38303eff"


@pytest.mark.parametrize("value", [float("nan"), float("inf"), 2**53, object(), {1: 2}, b"bytes"])
def test_a_value_that_json_cannot_hold_is_refused(value):
    with pytest.raises(LedgerError, match="seed"):
        RunRecord.build([("param", "train", "seed", value)])


@pytest.mark.parametrize("value", [2.0**53, 1e18, 1.7976931348623157e308, -1e20, 5e-324, -0.0])
def test_a_number_is_read_as_it_was_written(value):
    """Operations of a training run are beyond 2**53; RFC 8785 writes them without a fraction."""
    record = RunRecord.build([("metric", "train", "flops", value)])
    assert RunRecord.from_json(record.to_json()).root == record.root
    shown = record.disclose("metric", "train", "flops")
    Disclosure.from_json(shown.to_json()).verify(record.root)


@pytest.mark.parametrize("digits", ["9007199254740993", "-9007199254740993", "1" * 400])
def test_a_number_that_reading_would_change_is_refused(digits):
    data = RunRecord.build([("metric", "n", "x", 1)], secret=SECRET).to_json()
    with pytest.raises(FormatError, match=r"beyond 2\*\*53|written as JSON"):
        RunRecord.from_json(data.replace(b'"x",1]', b'"x",' + digits.encode() + b"]"))


def test_an_unknown_role_is_refused_when_made():
    with pytest.raises(LedgerError, match="'wish'"):
        RunRecord.build([("wish", "n", "x", 1)])


def test_what_was_never_recorded_cannot_be_shown():
    with pytest.raises(LedgerError, match="has no metric 'loss'"):
        RunRecord.build([]).disclose("metric", "train", "loss")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"schema": "other"}, "schema"),
        ({"secret": "00"}, "secret"),
        ({"facts": [["metric", "n", "x"]]}, "role, node, name and value"),
        ({"facts": [[1, "n", "x", 2]]}, "role, node, name and value"),
        ({"facts": "none"}, "facts"),
    ],
)
def test_a_record_of_another_form_is_refused(change, message):
    document = json.loads(RunRecord.build([]).to_json()) | change
    with pytest.raises(FormatError, match=message):
        RunRecord.from_json(json.dumps(document).encode())


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8) | st.just("0x" + "00" * 32),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["schema", "path", "leaf", "index", "size", "root", "facts", "secret"]),
            inner,
            max_size=8,
        )
    ),
    max_leaves=12,
)


@settings(max_examples=200)
@given(JSON | st.binary(max_size=80))
def test_whatever_is_read_is_refused_with_a_typed_error(document):
    data = document if isinstance(document, bytes) else json.dumps(document).encode()
    for kind in (RunRecord, Disclosure, RunProof):
        with pytest.raises(FormatError):
            kind.from_json(data)
