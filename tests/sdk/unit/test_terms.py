"""Licence terms: ids that depend on every field, presets that make sense, values that come back."""

from __future__ import annotations

import dataclasses
import hashlib
from datetime import UTC, datetime, timedelta

import pytest
from eth_utils import to_checksum_address
from hypothesis import given
from hypothesis import strategies as st

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.licensing.terms import (
    ALL_RIGHTS,
    PRESETS,
    Field,
    Right,
    Terms,
    from_set,
    preset,
    to_set,
)
from anacostia_blockchain.licensing.values import License, LicenseId, Price

ADDRESSES = st.binary(min_size=20, max_size=20).filter(any).map(to_checksum_address)
AMOUNTS = st.integers(0, 2**128 - 1)
TERMS = st.builds(
    Terms,
    rights=st.frozensets(st.sampled_from(Right), min_size=1),
    fields=st.frozensets(st.sampled_from(Field), min_size=1),
    royalty_bps=st.integers(0, 10_000),
    duration=st.integers(0, 2**32 - 1).map(lambda s: timedelta(seconds=s)),
    transferable=st.booleans(),
    commercial_attribution=st.booleans(),
    derivatives_attribution=st.booleans(),
    derivatives_approval=st.booleans(),
    share_alike=st.booleans(),
    checker=st.none() | ADDRESSES,
    currency=ADDRESSES,
    min_price=AMOUNTS,
    commercial_ceiling=AMOUNTS,
    derivative_ceiling=AMOUNTS,
    text_digest=st.just(b"") | st.binary(min_size=32, max_size=32).filter(any),
    license=st.text(max_size=20),
    uri=st.text(max_size=60),
    checker_data=st.binary(max_size=40),
)


@given(TERMS)
def test_terms_come_back(terms: Terms) -> None:
    assert Terms.from_abi(terms.to_abi()) == terms
    assert len(terms.id) == 32


@given(TERMS, TERMS)
def test_ids_differ_where_terms_do(one: Terms, other: Terms) -> None:
    assert (one.id == other.id) == (one == other)


@pytest.mark.parametrize("name", [field.name for field in dataclasses.fields(Terms)])
def test_every_field_counts(name: str) -> None:
    others = {
        "rights": frozenset({Right.USE}),
        "fields": frozenset({Field.RESEARCH}),
        "duration": timedelta(days=1),
        "transferable": False,
        "checker": "0x" + "11" * 20,
        "currency": "0x" + "11" * 20,
        "text_digest": b"\1" * 32,
        "license": "MIT",
        "uri": "ipfs://x",
        "checker_data": b"x",
    }
    before = getattr(Terms(), name)
    other = others.get(name, (not before) if isinstance(before, bool) else 1)
    assert dataclasses.replace(Terms(), **{name: other}).id != Terms().id


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("royalty_bps", 2**16),
        ("royalty_bps", -1),
        ("min_price", 2**128),
        ("currency", "0x12"),
        ("text_digest", b"\1" * 33),
        ("duration", timedelta(milliseconds=1500)),
        ("duration", timedelta(days=60_000)),
    ],
)
def test_values_out_of_range_are_refused(name: str, value: object) -> None:
    with pytest.raises(ConfigError):
        _ = dataclasses.replace(Terms(), **{name: value}).id


def test_a_text_is_bound_by_its_digest() -> None:
    terms = Terms().with_text(b"Permission is hereby granted")
    assert terms.text_digest == hashlib.sha256(b"Permission is hereby granted").digest()


@given(st.frozensets(st.sampled_from(Right)))
def test_sets_come_back(rights: frozenset[Right]) -> None:
    assert from_set(Right, to_set(rights)) == rights


class TestPresets:
    def test_they_differ(self) -> None:
        assert len({preset(name).id for name in PRESETS}) == len(PRESETS) == 6

    @pytest.mark.parametrize("name", PRESETS)
    def test_they_say_what_they_are(self, name: str) -> None:
        terms = preset(name)
        assert terms.allows(Right.USE)
        assert terms.allows(Right.COMMERCIAL) == (name not in ("non-commercial", "evaluation-only"))
        derivatives = terms.allows(Right.FINETUNE)
        assert derivatives == (name not in ("commercial-use", "evaluation-only"))
        assert terms.share_alike == (name in ("non-commercial", "commercial-remix"))
        assert (terms.duration > timedelta(0)) == (name == "evaluation-only")
        assert terms.transferable == (name != "evaluation-only")
        assert terms.license

    def test_options(self) -> None:
        assert preset("commercial-remix", royalty_bps=250).royalty_bps == 250
        assert preset("evaluation-only", days=7).duration == timedelta(days=7)
        assert preset("open").rights == ALL_RIGHTS
        with pytest.raises(ConfigError, match="'gpl' is no preset: use one of open, "):
            preset("gpl")
        with pytest.raises(ConfigError, match="'open' does not take that"):
            preset("open", days=7)


class TestValues:
    @given(st.integers(1, 2**64 - 1), st.integers(1, 2**32 - 1), st.integers(1, 2**64 - 1))
    def test_license_ids_come_back(self, model: int, offer: int, serial: int) -> None:
        made = LicenseId(model, offer, serial)
        assert LicenseId.of(made.token_id) == made
        assert LicenseId.parse(str(made)) == LicenseId.parse(str(made.token_id)) == made

    @pytest.mark.parametrize("text", ["", "1/2", "1/2/3/4", "a/b/c", "-1/2/3", "1/2/", "0x12"])
    def test_other_texts_are_no_license_ids(self, text: str) -> None:
        with pytest.raises(ConfigError, match="is no licence: write model/offer/serial"):
            LicenseId.parse(text)

    def test_prices(self) -> None:
        token = "0x" + "11" * 20
        assert str(Price.native(5)) == "5 wei"
        assert str(Price.token(token, 7)) == f"7 of {token}"
        assert str(Price.free()) == "free"
        assert Price.free().to_abi()[2:] == (0, True)
        assert str(Price.quoted(token)) == f"asked of {token}"

    def test_validity(self) -> None:
        end = datetime(2027, 1, 1, tzinfo=UTC)
        licence = License(LicenseId(1, 1, 1), "0x", b"", frozenset(), end, False, None)
        assert licence.is_valid(datetime(2026, 12, 31, tzinfo=UTC))
        assert not licence.is_valid(end)
        assert dataclasses.replace(licence, expires_at=None).is_valid()
