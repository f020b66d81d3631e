"""Which leaves of a copy a check reads."""

from __future__ import annotations

import io
from collections import Counter

import pytest

from anacostia_blockchain.content.cid import RAW
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.storage.health import State, check
from store_contract import content, make_folder


class Counting(LocalStore):
    """Counts what is read."""

    def __init__(self, folder) -> None:
        super().__init__(folder)
        self.read = Counter()

    def block(self, cid):
        self.read[cid] += 1
        return super().block(cid)


@pytest.fixture
def store(tmp_path):
    return Counting(tmp_path / "store")


def look(store, cid, sample):
    (copy,) = check({"it": store}, cid, names=(), wanted=1, sample=sample).copies
    assert copy.state is State.GOOD
    return copy


def test_each_leaf_has_the_same_chance(store):
    """Three of ten, many times; nodes are read always."""
    cid = store.put(io.BytesIO(content(10 * CHUNK)))
    store.read.clear()
    assert {look(store, cid, 3).read for _ in range(300)} == {4}
    assert store.read.pop(cid) == 300
    assert sum(store.read.values()) == 900
    assert len(store.read) == 10
    assert all(34 < times < 146 for times in store.read.values())  # 90, +- 7 deviations


@pytest.mark.parametrize("sample", [0, 1000])
def test_all_are_read_if_so_wanted(store, tmp_path, sample):
    """Each once: by 0, or by a number that is larger than there are."""
    cid = store.put(make_folder(tmp_path / "model"))
    store.read.clear()
    assert look(store, cid, sample).read == len(store.read)
    assert set(store.read.values()) == {1}
    assert any(found.codec == RAW for found in store.read)
