"""CIDs against published examples, and what is refused."""

from __future__ import annotations

import hashlib

import pytest

from anacostia_blockchain.content.cid import CID, DAG_PB, RAW
from anacostia_blockchain.errors import FormatError

HELLO = "bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e"
EMPTY_DIRECTORY = "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"


def test_of_matches_the_published_cid_of_hello_world():
    """The first fixture of IPIP-499."""
    assert str(CID.of(b"hello world")) == HELLO


def test_of_matches_the_well_known_empty_directory():
    """A dag-pb node has its own codec in the text."""
    assert str(CID.of(b"\x0a\x02\x08\x01", DAG_PB)) == EMPTY_DIRECTORY


@pytest.mark.parametrize("text", [HELLO, EMPTY_DIRECTORY])
def test_parse_round_trips(text):
    """Text, binary and value are three forms of one thing."""
    cid = CID.parse(text)
    assert str(cid) == text
    assert CID.from_bytes(cid.bytes) == cid
    assert len(cid.bytes) == 36


def test_cids_of_one_digest_and_two_codecs_differ():
    """The codec is part of the identity."""
    digest = hashlib.sha256(b"").digest()
    assert CID(RAW, digest) != CID(DAG_PB, digest)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "not a CIDv1"),
        ("QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn", "ipfs cid base32"),
        (HELLO.upper(), "not a CIDv1"),
        ("b" + HELLO[1:].upper(), "canonical"),
        (HELLO[:-1] + "f", "canonical"),
        (HELLO[:-1] + "1", "not base32"),
        (HELLO[:-1] + "é", "not base32"),
        ("bafyreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e", "codec 0x71"),
        ("z" + HELLO[1:], "not a CIDv1"),
    ],
)
def test_parse_refuses(text, message):
    """One content, one string: nothing but the canonical form passes."""
    with pytest.raises(FormatError, match=message):
        CID.parse(text)


def test_from_bytes_refuses_other_hashes_and_lengths():
    """Identity and blake2 CIDs, CIDv0 and cut-off bytes are not ours."""
    good = CID.parse(HELLO).bytes
    for bad in (b"", good[:-1], good + b"\0", b"\x01\x55\x00\x20" + good[4:], good[2:]):
        with pytest.raises(FormatError, match="not a sha2-256 CIDv1"):
            CID.from_bytes(bad)


def test_constructor_refuses_short_digests():
    """A digest is 32 bytes or no digest."""
    with pytest.raises(FormatError, match="31 bytes"):
        CID(RAW, bytes(31))
