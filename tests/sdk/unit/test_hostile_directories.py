"""Directories of a million entries that arrive from outside: an error, or a little memory."""

from __future__ import annotations

import io
import tracemalloc

import pytest

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID, DAG_PB, SIZE
from anacostia_blockchain.content.dagpb import Link, directory_message, encode, varint
from anacostia_blockchain.errors import FormatError
from anacostia_blockchain.storage import LocalStore

MILLION = 1_000_000
LITTLE = 8 << 20
"""Bytes; a million entries as objects would take hundreds of times as many."""


class Endless(io.RawIOBase):
    """An archive that goes on for as long as anybody reads."""

    def __init__(self, head: bytes) -> None:
        self._head = head
        self.taken = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer) -> int:
        piece, self._head = self._head[: len(buffer)], self._head[len(buffer) :]
        buffer[:] = piece.ljust(len(buffer), b"\0")
        self.taken += len(buffer)
        return len(buffer)


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "store")


def test_in_one_block(store):
    """It is refused by its length, before any of it is read."""
    root = CID(DAG_PB, bytes(32))
    stream = Endless(car.header(root) + varint(SIZE + 60 * MILLION) + root.bytes)
    with pytest.raises(FormatError, match=r"a block of 600000\d\d bytes; at most"):
        store.put_car(stream)
    assert stream.taken < 1000
    assert list(store.pins()) == []


def test_in_three_blocks(store):
    """A thousand times the same directory of a thousand files: held, counted, found at once."""
    leaf = CID.of(b"x")
    inner = encode([Link(leaf, 1, f"{number:03}") for number in range(1000)], directory_message())
    inner_cid = CID.of(inner, DAG_PB)
    links = [Link(inner_cid, len(inner) + 1000, f"{number:03}") for number in range(1000)]
    outer = encode(links, directory_message())
    root = CID.of(outer, DAG_PB)
    stream = io.BytesIO(car.header(root))
    stream.seek(0, io.SEEK_END)
    for cid, block in ((root, outer), (inner_cid, inner), (leaf, b"x")):
        car.write_block(stream, cid, block)
    stream.seek(0)
    assert store.put_car(stream) == root
    assert store.has(root)
    assert store.open(root, "999/999").read() == b"x"
    archive = io.BytesIO()
    store.export_car(root, archive)
    assert archive.getvalue() == stream.getvalue()
    tracemalloc.start()
    try:
        assert store.stat(root).files == MILLION
        assert tracemalloc.get_traced_memory()[1] < LITTLE
    finally:
        tracemalloc.stop()
