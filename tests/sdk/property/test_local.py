"""The embedded store and its index against a plain model: whatever the disk and the clock do.

Faults: no space, an input or output error, a write of which half arrives, death before and after
every call that changes a file or the index, and a clock that is set back.
"""

from __future__ import annotations

import errno
import io
import os
import time
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory, mkdtemp
from unittest import mock

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import IntegrityError, NotFoundError
from anacostia_blockchain.storage import LocalStore, dag
from outside import DEATHS, WAYS, Outside
from strikes import examples, strike_everywhere, suffer

SIZES = st.sampled_from([0, 1, 1000, CHUNK, CHUNK + 1, 2 * CHUNK + 5])
NAMES = st.sampled_from(["a", "b"])
FAILURES = sorted({how for kind in ("statement", "commit", "file") for how in WAYS[kind]})
STRIKES = st.dictionaries(st.integers(0, 40), st.sampled_from(FAILURES), min_size=1, max_size=2)


def whole(store: LocalStore, cid: CID) -> bytes:
    """All bytes of a file, every block compared with its CID."""
    with store.open(cid) as stream:
        return stream.read()


def verify(store: LocalStore) -> None:
    """Whatever is listed is there in full, and is what it is said to be."""
    for pin in store.pins():
        assert store.has(pin.cid)
        for _, _block in dag.blocks(store.block, pin.cid):
            pass
    with store._packs.index() as index:
        for digest, pack, at, size in index.execute("SELECT digest, pack, at, size FROM block"):
            assert (store.folder / "packs" / pack).stat().st_size >= at + size, digest.hex()


def tidy(store: LocalStore) -> None:
    """After a sweep there is nothing left of what was not finished."""
    store.gc()
    assert list((store.folder / "incoming").iterdir()) == []
    with store._packs.index() as index:
        named = {row[0] for row in index.execute("SELECT DISTINCT pack FROM block")}
    assert {path.name for path in (store.folder / "packs").iterdir()} == named


# ------------------------------------------------------------------ every point, every way


class Kept:
    """A store that holds something already, and bytes that are new."""

    def __init__(self, home: Path) -> None:
        self.folder = Path(mkdtemp(dir=home))
        self.old, self.new = os.urandom(2000), os.urandom(3000)
        self.rest = os.urandom(4000)
        self.store = self.open()
        """Lives on after a failure; whoever died has opened the folder for itself."""
        with Outside():  # so that what it has opened already can fail, too
            self.pinned = self.store.put(io.BytesIO(self.old), name="old")
            self.loose = self.store.put(io.BytesIO(self.rest))

    def open(self) -> LocalStore:
        return LocalStore(self.folder, patience=5)

    def check(self) -> LocalStore:
        """As whoever has just failed sees it, and whoever comes next: that one is returned."""
        for store in (self.store, self.open()):
            verify(store)
            assert whole(store, self.pinned) == self.old
            assert {pin.name for pin in store.pins()} >= {"old"}
        self.store.pin(self.pinned, "nobody holds a lock")
        return store


def sweep(home: Path, operation: Callable[[Kept], object], check: Callable[[Kept], object]) -> None:
    names = strike_everywhere(lambda: Kept(home), operation, check, below=lambda kept: kept.folder)
    assert "COMMIT" in names


def test_wherever_a_put_fails_or_dies_it_is_whole_or_not_at_all(tmp_path):
    def put(kept: Kept) -> None:
        kept.store.put(io.BytesIO(kept.new), name="new")

    def check(kept: Kept) -> None:
        store = kept.check()
        for pin in store.pins("new"):
            assert whole(store, pin.cid) == kept.new
        put(kept)  # again, by whoever comes next
        (pin,) = store.pins("new")
        assert whole(store, pin.cid) == kept.new
        tidy(store)

    sweep(tmp_path, put, check)


def test_wherever_a_sweep_fails_or_dies_nothing_pinned_is_lost(tmp_path):
    """Packs that are mostly garbage are written anew: of one pack, a small part is kept."""

    def mixed(kept: Kept) -> CID:
        large = os.urandom(20_000)
        (kept.folder / "mixed").mkdir(exist_ok=True)
        for name, data in {"small": kept.new, "large": large}.items():
            (kept.folder / "mixed" / name).write_bytes(data)
        store = kept.open()
        both = store.put(kept.folder / "mixed")
        store.pin(small := CID.of(kept.new), "small")
        store.unpin(both)
        store.unpin(kept.loose)
        return small

    def begin() -> Kept:
        kept = Kept(tmp_path)
        kept.small = mixed(kept)
        return kept

    def check(kept: Kept) -> None:
        store = kept.check()
        assert whole(store, kept.small) == kept.new
        tidy(store)
        assert whole(store, kept.small) == kept.new
        assert not store.has(kept.loose)

    names = strike_everywhere(
        begin, lambda kept: kept.store.gc(), check, below=lambda kept: kept.folder
    )
    assert {"unlink", "rename", "COMMIT"} <= names


def test_wherever_pinning_and_deleting_fail_or_die_the_rest_stays(tmp_path):
    def work(kept: Kept) -> None:
        store = kept.store
        store.pin(kept.loose, "another")
        store.unpin(kept.loose)
        store.delete(kept.loose)

    def check(kept: Kept) -> None:
        store = kept.check()
        work_again = store.has(kept.loose)
        if work_again:
            work(kept)
        assert not store.has(kept.loose)
        tidy(store)

    sweep(tmp_path, work, check)


def test_wherever_getting_fails_or_dies_nothing_half_written_is_at_the_target(tmp_path):
    def get(kept: Kept) -> None:
        kept.store.get(kept.pinned, kept.folder / "copy")

    def check(kept: Kept) -> None:
        store = kept.check()
        copy = kept.folder / "copy"
        assert not copy.exists() or copy.read_bytes() == kept.old
        assert store.get(kept.pinned, kept.folder / "copy2").read_bytes() == kept.old

    strike_everywhere(lambda: Kept(tmp_path), get, check, below=lambda kept: kept.folder)


# ------------------------------------------------------------------ sequences


class Stores(RuleBasedStateMachine):
    """Content is put, pinned, deleted, damaged and mended by two stores of one folder."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = TemporaryDirectory()
        self.home = Path(self.folder.name)
        self.clock = 0.0
        self.stores = [self.open(), self.open()]
        with Outside():
            for store in self.stores:
                store.gc()
        self.names: dict[str, set[bytes]] = {"a": set(), "b": set()}
        """What may be pinned under a name: what was put, and where a put failed, that too."""
        self.sure: dict[str, set[bytes]] = {"a": set(), "b": set()}
        self.known: list[bytes] = []

    def open(self) -> LocalStore:
        return LocalStore(self.home / "store", patience=5)

    def teardown(self) -> None:
        tidy(self.stores[0])
        self.folder.cleanup()

    def _put(self, store: LocalStore, name: str, data: bytes) -> None:
        store.put(io.BytesIO(data), name=name)

    @rule(who=st.integers(0, 1), name=NAMES, size=SIZES, again=st.booleans())
    def put(self, who: int, name: str, size: int, again: bool) -> None:
        data = self.known[-1] if again and self.known else os.urandom(size)
        self.known.append(data)
        now = time.time() + self.clock
        with mock.patch.object(time, "time", return_value=now):
            self._put(self.stores[who], name, data)
        self.names[name].add(data)
        self.sure[name].add(data)

    @rule(who=st.integers(0, 1), name=NAMES, size=SIZES, strikes=STRIKES)
    def put_in_trouble(self, who: int, name: str, size: int, strikes: dict[int, str]) -> None:
        data = os.urandom(size)
        self.known.append(data)
        self.names[name].add(data)
        outside = Outside(strikes, self.home)
        suffer(
            outside,
            lambda: self._put(self.stores[who], name, data),
            dies=bool(set(strikes.values()) & set(DEATHS)),
        )

    @rule(who=st.integers(0, 1), name=NAMES)
    def unpin(self, who: int, name: str) -> None:
        for pin in list(self.stores[who].pins(name)):
            self.stores[who].unpin(pin.cid, name)
        self.names[name], self.sure[name] = set(), set()

    @rule(who=st.integers(0, 1))
    def sweep(self, who: int) -> None:
        self.stores[who].gc()

    @rule(who=st.integers(0, 1), strikes=STRIKES)
    def sweep_in_trouble(self, who: int, strikes: dict[int, str]) -> None:
        outside = Outside(strikes, self.home)
        dies = bool(set(strikes.values()) & set(DEATHS))
        suffer(outside, self.stores[who].gc, dies=dies)

    @rule(seconds=st.sampled_from([-86_400.0, -1.0, 0.0, 3600.0]))
    def set_the_clock(self, seconds: float) -> None:
        self.clock = seconds

    @rule(who=st.integers(0, 1))
    def open_anew(self, who: int) -> None:
        self.stores[who] = self.open()

    @invariant()
    def what_was_put_is_there_and_what_is_listed_is_whole(self) -> None:
        for store in self.stores:
            for name in self.names:
                listed = {whole(store, pin.cid) for pin in store.pins(name)}
                assert self.sure[name] <= listed <= self.names[name]
        verify(self.stores[0])


def test_whatever_happens_to_a_store_what_it_lists_is_whole():
    run_state_machine_as_test(Stores, settings=examples(10, 15))


# ------------------------------------------------------------------ what was found so


def test_a_pack_that_was_lost_is_put_again(tmp_path):
    """The index still names its blocks: once that was seen, they count as missing."""
    store, data = LocalStore(tmp_path), os.urandom(5000)
    cid = store.put(io.BytesIO(data))
    for pack in (tmp_path / "packs").iterdir():
        pack.unlink()
    with pytest.raises(NotFoundError, match="has lost"):
        store.open(cid).read()
    assert not store.has(cid)
    store.put(io.BytesIO(data))
    assert whole(store, cid) == data


def test_a_sector_that_cannot_be_read_is_a_damaged_block(tmp_path):
    """Another store can serve it, and putting the content again mends it."""
    store, data = LocalStore(tmp_path), os.urandom(5000)
    cid = store.put(io.BytesIO(data))
    with (
        mock.patch.object(io, "open", side_effect=OSError(errno.EIO, "bad sector")),
        pytest.raises(IntegrityError, match="is damaged"),
    ):
        store.block(cid)
    assert not store.has(cid)
    store.put(io.BytesIO(data))
    assert whole(store, cid) == data
