"""Several stores as one: copies, the quickest that verifies, damage found and mended."""

from __future__ import annotations

import io
import time

import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import (
    ConfigError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreFullError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.storage.copying import copy
from anacostia_blockchain.storage.health import State
from anacostia_blockchain.storage.replicated import ReplicatedStore
from store_contract import StoreContract, content, make_folder


class Faulty(LocalStore):
    """A real store whose calls fail when told so, with what a service of that kind raises."""

    failing: StorageError | None = None
    slow = 0.0

    def put(self, *arguments, **more):
        self._fail()
        return super().put(*arguments, **more)

    def put_car(self, *arguments, **more):
        self._fail()
        return super().put_car(*arguments, **more)

    def block(self, cid):
        self._fail()
        time.sleep(self.slow)
        return super().block(cid)

    def has(self, cid):
        self._fail()
        return super().has(cid)

    def pins(self, name=None):
        self._fail()
        return super().pins(name)

    def delete(self, cid):
        self._fail()
        super().delete(cid)

    def unpin(self, cid, name=None):
        self._fail()
        super().unpin(cid, name)

    def _fail(self):
        if self.failing is not None:
            raise self.failing


GONE = StoreUnavailableError("it is gone")


@pytest.fixture
def stores(tmp_path):
    return [Faulty(tmp_path / f"store-{n}") for n in range(3)]


def damage(store, cid):
    """Change a byte of a block on disk."""
    place = store._packs.place(cid)
    path = store.folder / "packs" / place.pack
    data = bytearray(path.read_bytes())
    data[place.at] ^= 1
    path.write_bytes(data)


class TestContract(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return ReplicatedStore([LocalStore(tmp_path / "a"), LocalStore(tmp_path / "b")])


def test_what_is_put_is_everywhere(stores, tmp_path):
    """Under the same CID and the same name."""
    folder = make_folder(tmp_path / "model")
    cid = ReplicatedStore(stores).put(folder, name="digits")
    assert cid == scan(folder).cid
    assert all(store.has(cid) for store in stores)
    assert all([pin.name for pin in store.pins()] == ["digits"] for store in stores)


def test_as_many_copies_as_asked_for(stores):
    """Two of three, in the order of preference."""
    cid = ReplicatedStore(stores, copies=2).put(io.BytesIO(content(CHUNK * 2)))
    assert [store.has(cid) for store in stores] == [True, True, False]


def test_a_store_that_is_gone_is_replaced(stores):
    """By the next one."""
    stores[1].failing = GONE
    cid = ReplicatedStore(stores, copies=2).put(io.BytesIO(content(CHUNK * 2)))
    assert stores[0].has(cid)
    assert stores[2].has(cid)


def test_a_folder_goes_to_the_next_store_when_the_first_is_full(stores, tmp_path):
    """It can be read again; a stream cannot."""
    stores[0].failing = StoreFullError("no space is left")
    folder = make_folder(tmp_path / "model")
    cid = ReplicatedStore(stores, copies=2).put(folder)
    stores[0].failing = None
    assert [store.has(cid) for store in stores] == [False, True, True]
    stores[0].failing = StoreFullError("no space is left")
    with pytest.raises(StoreFullError):
        ReplicatedStore(stores, copies=2).put(io.BytesIO(b"stream"))


def test_too_few_copies_are_an_error_and_nothing_is_lost(stores, tmp_path):
    """It says where the content is; the next attempt goes on from there."""
    folder = make_folder(tmp_path / "model")
    stores[1].failing = stores[2].failing = GONE
    store = ReplicatedStore(stores, copies=2)
    with pytest.raises(StorageError, match="in 1 of 2 stores"):
        store.put(folder)
    assert stores[0].has(scan(folder).cid)
    stores[1].failing = None
    store.put(folder)
    assert stores[1].has(scan(folder).cid)


def test_with_no_store_nothing_is_taken(stores, tmp_path):
    """Every reason is named."""
    for store in stores:
        store.failing = GONE
    with pytest.raises(StorageError, match=r"store-0.*store-1.*store-2"):
        ReplicatedStore(stores).put(make_folder(tmp_path / "model"))
    with pytest.raises(StoreUnavailableError):
        ReplicatedStore(stores).has(CID.of(b"x"))
    with pytest.raises(StoreUnavailableError):
        list(ReplicatedStore(stores).pins())


def test_the_quickest_is_asked_first(stores, tmp_path):
    """And the slow one only while its speed is not known."""
    store = ReplicatedStore(stores[:2])
    cid = store.put(io.BytesIO(content(8 * CHUNK)))
    stores[0].slow = 2.0
    started = time.monotonic()
    assert scan(store.get(cid, tmp_path / "copy")).cid == cid
    assert time.monotonic() - started < 12  # one after the other it would be 18


def test_a_damaged_store_is_passed_over(stores, tmp_path):
    """What verifies is taken, from wherever."""
    data = content(3 * CHUNK)
    store = ReplicatedStore(stores)
    cid = store.put(io.BytesIO(data))
    damage(stores[0], cid)
    damage(stores[1], CID.of(data[:CHUNK]))
    assert store.get(cid, tmp_path / "copy").read_bytes() == data
    damage(stores[1], cid)
    damage(stores[2], cid)
    with pytest.raises(IntegrityError, match="nobody sent"):
        store.block(cid)


def test_what_one_store_holds_is_pinned_everywhere(stores):
    """A pin makes the copies that are missing."""
    cid = stores[2].put(io.BytesIO(content(CHUNK + 1)))
    ReplicatedStore(stores).pin(cid, "kept")
    assert all(store.has(cid) for store in stores)
    with pytest.raises(NotFoundError, match="no store has it"):
        ReplicatedStore(stores).pin(CID.of(b"unknown"))


def test_a_store_that_could_not_delete_is_named(stores):
    """The others have."""
    store = ReplicatedStore(stores)
    cid = store.put(io.BytesIO(content(10)))
    stores[1].failing = GONE
    with pytest.raises(StorageError, match="store-1"):
        store.delete(cid)
    stores[1].failing = None
    assert [held.has(cid) for held in stores] == [False, True, False]


def test_check_finds_damage_and_loss(stores):
    """Which store, what, and what to do."""
    store = ReplicatedStore(stores)
    data = content(3 * CHUNK)
    cid = store.put(io.BytesIO(data), name="digits")
    (fine,) = store.check()
    assert (fine.good, fine.healthy, fine.warning, fine.names) == (3, True, "", ("digits",))
    damage(stores[0], CID.of(data[CHUNK : 2 * CHUNK]))
    stores[1].delete(cid)
    (found,) = store.check(sample=0)
    assert [c.state for c in found.copies] == [State.DAMAGED, State.MISSING, State.GOOD]
    assert not found.healthy
    assert "the last good copy is in" in found.warning
    assert "store-2" in found.warning
    stores[2].failing = GONE
    (found,) = store.check(sample=0)
    assert found.copies[2].state is State.UNREACHABLE
    assert "no good copy was found" in found.warning
    assert "store-2') could not be asked" in found.warning
    stores[2].failing = None
    stores[2].delete(cid)
    (found,) = store.check(sample=0)
    assert "no good copy is left" in found.warning


def test_repair_makes_all_copies_good_again(stores, tmp_path):
    """Damaged ones too, with their names."""
    store = ReplicatedStore(stores)
    data = content(3 * CHUNK)
    cid = store.put(io.BytesIO(data), name="first")
    store.pin(cid, "second")
    damage(stores[0], CID.of(data[CHUNK : 2 * CHUNK]))
    damage(stores[0], cid)
    stores[1].delete(cid)
    (found,) = store.check(sample=0, repair=True)
    assert found.healthy
    assert found.good == 3
    for n, held in enumerate(stores):
        assert held.get(cid, tmp_path / f"copy-{n}").read_bytes() == data
        assert {pin.name for pin in held.pins()} == {"first", "second"}


def test_repair_without_a_good_copy_changes_nothing(stores):
    """What is damaged may still be of use to somebody."""
    store = ReplicatedStore(stores[:1])
    cid = store.put(io.BytesIO(content(CHUNK)))
    damage(stores[0], cid)
    (found,) = store.check(repair=True)
    assert found.good == 0
    assert [pin.cid for pin in stores[0].pins()] == [cid]


def test_a_copy_from_a_damaged_store_is_an_error(stores):
    """The reason is the source's, and the target has nothing."""
    data = content(3 * CHUNK)
    cid = stores[0].put(io.BytesIO(data))
    damage(stores[0], CID.of(data[CHUNK : 2 * CHUNK]))
    with pytest.raises(IntegrityError, match="damaged"):
        copy(cid, stores[0], stores[1], "")
    assert not stores[1].has(cid)


def test_a_copy_to_a_full_store_is_an_error(stores):
    """The reason is the target's."""
    cid = stores[0].put(io.BytesIO(content(8 * CHUNK)))
    stores[1].failing = StoreFullError("no space is left")
    with pytest.raises(StoreFullError):
        copy(cid, stores[0], stores[1], "", force=True)


def test_stores_that_cannot_be(stores):
    """Too many copies, no store, the same one twice."""
    for given, copies in ((stores, 4), ([], 0), (stores, -1), ([stores[0], stores[0]], 2)):
        with pytest.raises(ConfigError):
            ReplicatedStore(given, copies=copies)


def test_a_damaged_root_in_one_store_is_not_the_others(stores, tmp_path):
    """Who is asked and who is pinned: the damaged one is mended, the others stay in use."""
    data = content(3 * CHUNK)
    store = ReplicatedStore(stores)
    cid = stores[1].put(io.BytesIO(data))
    stores[0].put(io.BytesIO(data))
    damage(stores[0], cid)
    assert store.has(cid)
    damage(stores[0], cid)  # as it was, which the store does not know of
    stores[0].block(cid)
    damage(stores[0], cid)
    store.pin(cid, "kept")
    for n, held in enumerate(stores):
        assert held.get(cid, tmp_path / f"copy-{n}").read_bytes() == data
        assert "kept" in {pin.name for pin in held.pins()}


def test_a_pin_is_copied_from_whoever_can_give_it(stores, tmp_path):
    """A leaf is damaged in the first: the second gives it to the third, and to the first."""
    data = content(3 * CHUNK)
    cid = stores[0].put(io.BytesIO(data))
    stores[1].put(io.BytesIO(data))
    damage(stores[0], CID.of(data[CHUNK : 2 * CHUNK]))
    ReplicatedStore(stores).pin(cid, "kept")
    for n, held in enumerate(stores):
        assert held.get(cid, tmp_path / f"copy-{n}").read_bytes() == data


def test_a_pin_of_which_nobody_has_all(stores):
    """Every store's reason is named, and what is damaged stays."""
    data = content(3 * CHUNK)
    cid = stores[0].put(io.BytesIO(data), name="first")
    damage(stores[0], CID.of(data[CHUNK : 2 * CHUNK]))
    with pytest.raises(StorageError, match=r"in 0 of 3 stores.*store-0.*damaged"):
        ReplicatedStore(stores).pin(cid, "kept")
    assert "first" in {pin.name for pin in stores[0].pins()}
    assert [held.has(cid) for held in stores] == [False] * 3


def test_a_store_that_fails_a_pin_is_replaced(stores, monkeypatch):
    """Though it said that it holds the content."""
    cid = stores[0].put(io.BytesIO(content(CHUNK + 1)))
    stores[1].put(io.BytesIO(content(CHUNK + 1)))

    def refuse(_cid, _name=""):
        raise GONE

    monkeypatch.setattr(stores[0], "pin", refuse)
    ReplicatedStore(stores, copies=2).pin(cid, "kept")
    assert [pin.name for pin in stores[2].pins()] == ["kept"]


def test_a_store_that_cannot_delete_for_damage_is_named(stores):
    """It cannot know what else is in use; the others have deleted."""
    store = ReplicatedStore(stores)
    cid, other = (store.put(io.BytesIO(content(2 * CHUNK, seed=s))) for s in (1, 2))
    damage(stores[0], other)
    with pytest.raises(StorageError, match="store-0"):
        store.delete(cid)
    assert [held.has(cid) for held in stores[1:]] == [False, False]
