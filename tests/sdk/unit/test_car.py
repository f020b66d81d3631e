"""CAR archives: written as others read them, and read strictly."""

from __future__ import annotations

import io
import os

import pytest

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID, DAG_PB
from anacostia_blockchain.content.dagpb import MAX_BLOCK, varint
from anacostia_blockchain.errors import FormatError, IntegrityError

HELLO = CID.of(b"hello")


def archive(*sections: bytes, roots=(HELLO,)) -> io.BytesIO:
    return io.BytesIO(car.header(*roots) + b"".join(sections))


def section(cid: CID, block: bytes) -> bytes:
    return car.section_head(cid, len(block)) + block


def test_the_bytes_are_those_of_the_format():
    """DAG-CBOR by hand: {"roots": [42(h'00…')], "version": 1}, its length before it."""
    expected = bytes.fromhex("3aa265726f6f747381d82a58250001551220") + HELLO.digest
    expected += bytes.fromhex("6776657273696f6e01")
    assert car.header(HELLO) == expected
    assert car.section_head(HELLO, 5) == b"\x29" + HELLO.bytes


def test_blocks_come_back_in_order():
    """A block twice is two blocks: gateways send them so."""
    blocks = [(CID.of(data), data) for data in (b"hello", b"", os.urandom(MAX_BLOCK), b"hello")]
    stream = archive(*(section(*block) for block in blocks))
    found = car.Car.read(stream)
    assert found.root == HELLO
    assert list(found.blocks()) == blocks


@pytest.mark.parametrize("count", [0, 2, 23, 24, 200])
def test_roots(count):
    roots = tuple(CID.of(bytes([n])) for n in range(count))
    found = car.Car.read(archive(roots=roots))
    assert found.roots == roots
    with pytest.raises(FormatError, match=f"has {count} roots, not one"):
        _ = found.root


def test_a_block_that_is_another_is_noticed_before_it_is_given():
    blocks = car.Car.read(archive(section(HELLO, b"hello"), section(HELLO, b"jello"))).blocks()
    assert next(blocks) == (HELLO, b"hello")
    with pytest.raises(IntegrityError, match=str(HELLO)):
        next(blocks)


def test_the_codec_counts():
    """The same bytes under another codec are another block, which is right too."""
    other = CID(DAG_PB, HELLO.digest)
    assert list(car.Car.read(archive(section(other, b"hello"))).blocks()) == [(other, b"hello")]


def test_progress_counts_bytes_and_knows_their_number_where_it_can():
    file = archive(section(HELLO, b"hello"), section(HELLO, b"hello"))
    told = []
    list(car.Car.read(file, lambda *seen: told.append(seen)).blocks())
    each = len(section(HELLO, b"hello"))
    assert told == [(each, 2 * each), (2 * each, 2 * each)]
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as into, os.fdopen(reader, "rb") as pipe:
        into.write(file.getvalue())
        into.close()
        told.clear()
        list(car.Car.read(pipe, lambda *seen: told.append(seen)).blocks())
    assert told == [(each, None), (2 * each, None)]


@pytest.mark.parametrize("cut", range(1, 41))
def test_cut_off_anywhere_it_is_refused(cut):
    """Never a shorter archive that looks whole."""
    whole = section(HELLO, b"hello")
    with pytest.raises(FormatError, match=r"ends within|cut off"):
        list(car.Car.read(archive(whole[:-cut])).blocks())


def test_cut_off_in_the_header():
    data = car.header(HELLO)
    for end in range(len(data)):
        with pytest.raises(FormatError):
            car.Car.read(io.BytesIO(data[:end]))


@pytest.mark.parametrize(
    ("sections", "message"),
    [
        (varint(36 + MAX_BLOCK + 1), "at most"),
        (b"\0", "0 bytes"),
        (b"\x80" * 12, "too long"),
        (varint(5) + b"hello", "not a sha2-256 CIDv1"),
        (varint(39) + b"\x12\x20" + bytes(32) + b"hello", "not a sha2-256 CIDv1"),  # CIDv0
        (varint(41) + b"\x01\x71\x12\x20" + bytes(32) + b"hello", "codec 0x71"),  # dag-cbor
        (varint(41) + b"\x01\x55\x13\x20" + bytes(32) + b"hello", "not a sha2-256"),  # sha2-512
    ],
)
def test_what_is_no_block_of_ours_is_refused(sections, message):
    with pytest.raises(FormatError, match=message):
        list(car.Car.read(archive(sections)).blocks())


@pytest.mark.parametrize(
    "body",
    [
        b"\xa1\x67version\x01",  # no roots
        b"\xa1\x67version\x02",  # what every CARv2 begins with
        b"\xa2\x65roots\xf6\x67version\x01",  # null
        b"\xa2\x65roots\x80\x67version\x02",
        b"\xa2\x65roots\x80\x67version\x01\x00",
        b"\xa2\x65roots\x81\x67version\x01",
        b"\xa2\x65roots\x98\x05" + b"\x67version\x01",  # not the shortest form
        b"\xa2\x65roots\x81\xd8\x2a\x58\x23\x00\x12\x20" + bytes(32) + b"\x67version\x01",  # CIDv0
        b"\xa2\x65roots\x67version\x01",
    ],
)
def test_other_headers_are_refused(body):
    with pytest.raises(FormatError):
        car.Car.read(io.BytesIO(varint(len(body)) + body))
