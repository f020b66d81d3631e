"""Names that people give to models and versions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.reference import Reference

NFT = "0x" + "aB" * 20


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("digits", Reference(name="digits")),
        ("digits@champion", Reference(name="digits", selector="champion")),
        ("digits@3", Reference(name="digits", selector=3)),
        (f"{NFT}/org/digits@3", Reference(name="org/digits", creator=NFT, selector=3)),
        ("42", Reference(model_id=42)),
        (42, Reference(model_id=42)),
        ("42@champion", Reference(model_id=42, selector="champion")),
        (
            f"eip155:84532/erc721:{NFT}/42@7",
            Reference(model_id=42, selector=7, chain_id=84532, nft=NFT),
        ),
    ],
)
def test_parse_reads_every_form(text, expected):
    assert Reference.parse(text) == expected


@pytest.mark.parametrize(
    "text", ["", "@", "digits@", "a b", "ü", "x" * 65, "eip155:1/erc721:0x1/2"]
)
def test_parse_refuses_anything_else(text):
    with pytest.raises(ConfigError, match=r"names no model|nothing follows"):
        Reference.parse(text)


@given(
    st.from_regex(r"[A-Za-z._/-][A-Za-z0-9._/-]{0,63}", fullmatch=True),
    st.one_of(st.none(), st.integers(1, 2**32 - 1)),
)
def test_a_name_and_a_version_come_back(name, version):
    text = name if version is None else f"{name}@{version}"
    assert Reference.parse(text) == Reference(name=name, selector=version)
