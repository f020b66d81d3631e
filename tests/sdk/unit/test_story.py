"""Our terms in Story's fields and back, and where Story is."""

from __future__ import annotations

import json
from dataclasses import fields
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.licensing.terms import PRESETS, Field, Right, Terms, preset
from anacostia_blockchain.story import PilTerms, StoryAddresses, from_pil, to_pil

STORY = StoryAddresses()
AMOUNTS = st.integers(0, 2**128 - 1)
URIS = st.text(st.characters(min_codepoint=32, exclude_characters='"\\\x7f', codec="utf-8"))

TERMS = st.builds(
    Terms,
    rights=st.frozensets(st.sampled_from(Right)),
    fields=st.frozensets(st.sampled_from(Field)),
    royalty_bps=st.integers(0, 10_000),
    duration=st.integers(0, 2**32 - 1).map(lambda seconds: timedelta(seconds=seconds)),
    transferable=st.booleans(),
    commercial_attribution=st.booleans(),
    derivatives_attribution=st.booleans(),
    derivatives_approval=st.booleans(),
    share_alike=st.booleans(),
    min_price=AMOUNTS,
    commercial_ceiling=AMOUNTS,
    derivative_ceiling=AMOUNTS,
    text_digest=st.just(b"") | st.binary(min_size=32, max_size=32),
    license=st.text(st.characters(codec="utf-8")),
    uri=URIS,
)


@given(TERMS)
def test_terms_come_back(terms: Terms) -> None:
    assert from_pil(to_pil(terms, STORY), STORY) == terms


@given(TERMS, TERMS)
def test_terms_differ_where_ours_do(one: Terms, other: Terms) -> None:
    same = to_pil(one, STORY).digest == to_pil(other, STORY).digest
    assert same == (one == other)


def test_presets_differ() -> None:
    digests = {to_pil(preset(name), STORY).digest for name in PRESETS}
    assert len(digests) == len(PRESETS)
    assert len(fields(PilTerms)) == 17


def test_shares_and_currency() -> None:
    pil = to_pil(preset("commercial-remix"), STORY)
    assert pil.commercial_rev_share == 10_000_000, "10 %"
    assert (pil.currency, pil.royalty_policy) == (STORY.wrapped_coin, STORY.royalty_policy)


def test_terms_that_others_made() -> None:
    pil = to_pil(preset("cc-by"), STORY)
    foreign = PilTerms.from_abi((*pil.to_abi()[:-1], "https://example.org/terms"))
    assert {Right.COMMERCIAL, Right.FINETUNE} <= from_pil(foreign, STORY).rights


@pytest.mark.parametrize("uri", ['a"b', "a\\b", "a\nb", "a\x7f"])
def test_uris_that_story_would_change(uri: str) -> None:
    with pytest.raises(ConfigError, match="Story would change this URI"):
        to_pil(Terms(uri=uri), STORY)


def test_a_checker_cannot_go_there() -> None:
    with pytest.raises(ConfigError, match="no checker"):
        to_pil(Terms(checker="0x" + "1" * 40), STORY)


class TestAddresses:
    def test_of_storys_networks(self, tmp_path: Path) -> None:
        assert StoryAddresses.configured(1514, tmp_path) == STORY
        assert StoryAddresses.configured(1315, tmp_path) == STORY
        assert StoryAddresses.of(STORY.to_dict()) == STORY
        with pytest.raises(ConfigError, match="not known to be on chain 1"):
            StoryAddresses.configured(1, tmp_path)

    def test_configuration(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        (tmp_path / "story.json").write_text(json.dumps({"WIP": "0x" + "1" * 40}))
        assert StoryAddresses.configured(1, tmp_path).wrapped_coin == "0x" + "1" * 40
        monkeypatch.setenv("STORY_ADDRESSES", json.dumps({"WIP": "0x" + "2" * 40}))
        assert StoryAddresses.configured(1, tmp_path).wrapped_coin == "0x" + "2" * 40
        monkeypatch.setenv("STORY_ADDRESSES", str(tmp_path / "story.json"))
        assert StoryAddresses.configured(1, tmp_path).wrapped_coin == "0x" + "1" * 40

    @pytest.mark.parametrize(
        ("said", "reason"),
        [
            ("{", "holds no JSON object"),
            ('{"WIP": 1}', "holds no JSON object"),
            ('{"Wip": "0x1"}', "is no contract of Story's"),
            ('{"WIP": "0x1"}', "is no address of WIP"),
            ('{"WIP": "0xcCF37d0a503Ee1D4C11208672e622ed3DFB2275A"}', "wrong checksum"),
            ("/nowhere.json", "cannot be read"),
        ],
    )
    def test_bad_configuration(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: str, reason: str
    ) -> None:
        monkeypatch.setenv("STORY_ADDRESSES", said)
        with pytest.raises(ConfigError, match=reason):
            StoryAddresses.configured(1514, tmp_path)
