"""What every store does: subclass `StoreContract`, give it a `store` fixture, and its tests run."""

from __future__ import annotations

import io
import os

import pytest

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID, DAG_PB
from anacostia_blockchain.content.dagpb import Link, directory_message, encode
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import CHUNK, import_stream
from anacostia_blockchain.errors import (
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
    UnsupportedFileError,
)
from anacostia_blockchain.storage import LocalStore, Store

SIZES = (0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 7)


def content(size: int, seed: int = 0) -> bytes:
    """Bytes that differ from chunk to chunk."""
    return b"".join((seed + n).to_bytes(8, "big") for n in range(size // 8 + 1))[:size]


def make_folder(path, seed: int = 0):
    """A folder with every kind of file that matters."""
    (path / "empty").mkdir(parents=True)
    (path / "weights" / "deep").mkdir(parents=True)
    for size in SIZES:
        (path / "weights" / f"{size}.bin").write_bytes(content(size, seed))
    (path / "weights" / "deep" / "été.txt").write_bytes(b"unicode name")
    (path / "config.json").write_bytes(f'{{"seed": {seed}}}'.encode())
    return path


def make_car(cid: CID, blocks) -> io.BytesIO:
    """An archive of these blocks, which need not be right."""
    stream = io.BytesIO()
    stream.write(car.header(cid))
    for block_cid, block in blocks:
        car.write_block(stream, block_cid, block)
    stream.seek(0)
    return stream


def blocks_of(data: bytes) -> tuple[CID, list[tuple[CID, bytes]]]:
    """A file's root and its blocks."""
    blocks: list[tuple[CID, bytes]] = []
    tree = import_stream(io.BytesIO(data), lambda cid, block: blocks.append((cid, block)))
    return tree.cid, blocks


def damage(store: LocalStore, block: bytes) -> None:
    """Flip one bit of a block on the embedded store's disk."""
    for path in (store.folder / "packs").iterdir():
        data = bytearray(path.read_bytes())
        at = data.find(block)
        if at >= 0:
            data[at + len(block) // 2] ^= 1
            path.write_bytes(data)
            return
    raise AssertionError("no pack holds that block")


class StoreContract:
    """Tests of the `Store` protocol."""

    @pytest.fixture
    def store(self) -> Store:
        raise NotImplementedError

    @pytest.fixture
    def hasty(self, store) -> Store:
        """The store, not waiting long for what others may have."""
        return store

    def test_it_is_a_store(self, store):
        assert isinstance(store, Store)

    @pytest.mark.parametrize("size", SIZES)
    def test_a_stream_comes_back_under_the_cid_of_the_profile(self, store, tmp_path, size):
        data = content(size)
        cid = store.put(io.BytesIO(data))
        assert cid == import_stream(io.BytesIO(data)).cid
        assert store.get(cid, tmp_path / "copy").read_bytes() == data
        with store.open(cid) as stream:
            assert stream.read() == data

    def test_a_file_is_put_as_its_bytes(self, store, tmp_path):
        file = tmp_path / "weights.bin"
        file.write_bytes(content(5000))
        assert store.put(file) == scan(file).cid
        assert store.stat(scan(file).cid).size == 5000

    def test_a_folder_comes_back_whole(self, store, tmp_path):
        folder = make_folder(tmp_path / "model")
        cid = store.put(folder)
        assert cid == scan(folder).cid
        copy = store.get(cid, tmp_path / "copy")
        assert scan(copy).cid == cid
        assert (copy / "empty").is_dir()
        stat = store.stat(cid)
        assert (stat.files, stat.size, stat.is_directory) == (
            len(SIZES) + 2,
            scan(folder).size,
            True,
        )

    def test_files_below_a_directory_open_by_path(self, store, tmp_path):
        cid = store.put(make_folder(tmp_path / "model", seed=1))
        with store.open(cid, "weights/deep/été.txt") as stream:
            assert stream.read() == b"unicode name"
        with pytest.raises(NotFoundError, match="nothing-there"):
            store.open(cid, "weights/nothing-there")
        with pytest.raises(FormatError, match="directory"):
            store.open(cid, "weights")

    def test_a_stream_seeks(self, store):
        data = content(3 * CHUNK + 5, seed=9)
        with store.open(store.put(io.BytesIO(data))) as stream:
            for start, count in ((CHUNK - 3, 7), (0, 5), (3 * CHUNK, 100), (2 * CHUNK + 1, CHUNK)):
                assert stream.seek(start) == start
                assert stream.read(count) == data[start : start + count]
            assert stream.seek(-4, os.SEEK_END) == len(data) - 4
            assert stream.read() == data[-4:]
            assert stream.read() == b""

    def test_progress_ends_at_the_size(self, store, tmp_path):
        data, seen = content(2 * CHUNK + 1, seed=2), []
        cid = store.put(io.BytesIO(data), progress=lambda done, total: seen.append(done))
        assert seen == sorted(seen)
        assert seen[-1] == len(data)
        seen.clear()
        store.get(cid, tmp_path / "copy", progress=lambda done, total: seen.append((done, total)))
        assert seen[-1] == (len(data), len(data))

    def test_progress_of_a_car_ends_at_its_size(self, store):
        cid, blocks = blocks_of(content(2 * CHUNK + 1, seed=2))
        seen = []
        assert store.put_car(make_car(cid, blocks), progress=lambda *told: seen.append(told)) == cid
        assert seen == sorted(seen)
        done, total = seen[-1]
        assert done == total > 2 * CHUNK

    def test_has_says_no_and_yes(self, store):
        data = content(2 * CHUNK, seed=3)
        cid, _ = blocks_of(data)
        assert not store.has(cid)
        store.put(io.BytesIO(data))
        assert store.has(cid)

    def test_what_is_not_there_is_not_found(self, hasty, tmp_path):
        unknown = CID.of(os.urandom(8))
        for act in (
            lambda: hasty.get(unknown, tmp_path / "copy"),
            lambda: hasty.open(unknown).read(),
            lambda: hasty.stat(unknown),
            lambda: hasty.pin(unknown),
            lambda: hasty.export_car(unknown, io.BytesIO()),
        ):
            with pytest.raises(NotFoundError):
                act()
        assert not (tmp_path / "copy").exists()

    def test_pins_come_and_go(self, store):
        cid = store.put(io.BytesIO(content(100, seed=4)), name="first")
        assert [pin.cid for pin in store.pins("first")] == [cid]
        store.pin(cid, "second")
        store.pin(cid, "second")
        assert {pin.name for pin in store.pins() if pin.cid == cid} == {"first", "second"}
        store.unpin(cid, "first")
        assert {pin.name for pin in store.pins() if pin.cid == cid} == {"second"}
        store.unpin(cid)
        store.unpin(cid)
        assert [pin for pin in store.pins() if pin.cid == cid] == []

    def test_what_is_put_again_keeps_the_names_of_its_pin(self, store):
        data = content(3 * CHUNK, seed=12)
        for name in ("first", "second", ""):
            cid = store.put(io.BytesIO(data), name=name)
        assert {pin.name for pin in store.pins() if pin.cid == cid} >= {"first", "second"}
        archive = io.BytesIO()
        store.export_car(cid, archive)
        archive.seek(0)
        store.put_car(archive, name="third")
        assert {pin.name for pin in store.pins() if pin.cid == cid} >= {"first", "second", "third"}

    def test_delete_frees_what_no_pin_reaches(self, store, tmp_path):
        folder = make_folder(tmp_path / "model", seed=5)
        whole = store.put(folder)
        shared = scan(folder / "weights" / f"{CHUNK + 1}.bin").cid
        only = scan(folder / "config.json").cid
        store.pin(shared, "shared")
        store.delete(whole)
        assert not store.has(whole)
        assert not store.has(only)
        assert store.has(shared)
        store.delete(whole)  # no harm
        assert store.get(shared, tmp_path / "copy").stat().st_size == CHUNK + 1

    def test_a_car_goes_out_and_comes_in(self, store, tmp_path):
        cid = store.put(make_folder(tmp_path / "model", seed=6))
        archive = io.BytesIO()
        store.export_car(cid, archive)
        archive.seek(0)
        found = list(car.Car.read(archive).blocks())
        assert found[0][0] == cid
        assert len({c for c, _ in found}) == len(found)
        store.delete(cid)
        archive.seek(0)
        assert store.put_car(archive, name="again") == cid
        assert scan(store.get(cid, tmp_path / "copy")).cid == cid

    def test_a_car_with_a_bad_block_leaves_nothing(self, store):
        cid, blocks = blocks_of(content(2 * CHUNK, seed=7))
        leaf, data = blocks[0]
        blocks[0] = (leaf, data[:-1] + b"!")
        with pytest.raises(IntegrityError):
            store.put_car(make_car(cid, blocks))
        assert not store.has(cid)
        assert cid not in {pin.cid for pin in store.pins()}

    def test_a_car_without_a_block_is_refused(self, store):
        cid, blocks = blocks_of(content(2 * CHUNK, seed=8))
        for missing in (0, -1):
            some = [block for block in blocks if block != blocks[missing]]
            with pytest.raises(FormatError, match="missing"):
                store.put_car(make_car(cid, some))
        assert not store.has(cid)

    def test_a_car_whose_blocks_name_each_other_is_refused(self, store):
        # A real cycle would need a block that holds the hash of what holds its own: nobody can make
        # one. What can be sent is two blocks under CIDs that are not theirs, which are compared
        # before anything is followed.
        first, second = CID(DAG_PB, bytes(31) + b"1"), CID(DAG_PB, bytes(31) + b"2")
        blocks = [
            (here, encode([Link(there, 60, "again")], directory_message()))
            for here, there in ((first, second), (second, first))
        ]
        with pytest.raises(IntegrityError):
            store.put_car(make_car(first, blocks))
        assert not store.has(first)
        assert not {first, second} & {pin.cid for pin in store.pins()}

    def test_a_car_that_is_none_is_refused(self, store):
        for junk in (b"", b"\0" * 40, os.urandom(100), b"<html>busy</html>"):
            with pytest.raises(FormatError):
                store.put_car(io.BytesIO(junk))

    def test_a_path_that_climbs_is_refused(self, store, tmp_path):
        leaf = CID.of(b"evil")
        block = encode([Link(leaf, 4, "../evil")], directory_message())
        root = CID.of(block, DAG_PB)
        archive = make_car(root, [(root, block), (leaf, b"evil")])
        with pytest.raises((FormatError, UnsupportedFileError)):
            store.get(store.put_car(archive), tmp_path / "inner" / "copy")
        assert not (tmp_path / "inner" / "evil").exists()
        assert not (tmp_path / "evil").exists()

    def test_a_target_that_holds_something_else_is_left_alone(self, store, tmp_path):
        target = tmp_path / "copy"
        target.write_bytes(b"precious")
        cid = store.put(io.BytesIO(b"other"))
        with pytest.raises(StorageError, match="move it away"):
            store.get(cid, target)
        assert target.read_bytes() == b"precious"

    def test_a_target_that_holds_it_already_is_enough(self, store, tmp_path):
        cid = store.put(io.BytesIO(b"the same"))
        target = store.get(cid, tmp_path / "copy")
        before = target.stat().st_mtime_ns
        assert store.get(cid, target) == target
        assert target.stat().st_mtime_ns == before

    def test_an_interrupted_get_goes_on(self, store, tmp_path):
        folder = make_folder(tmp_path / "model", seed=10)
        cid = store.put(folder)

        def interrupt(done, total):
            if done > 2 * CHUNK:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            store.get(cid, tmp_path / "copy", progress=interrupt)
        assert not (tmp_path / "copy").exists()
        assert (tmp_path / "copy.part").exists()
        assert scan(store.get(cid, tmp_path / "copy")).cid == cid
        assert not (tmp_path / "copy.part").exists()

    def test_what_lies_in_the_way_of_a_resumed_get_is_replaced(self, store, tmp_path):
        cid = store.put(make_folder(tmp_path / "model", seed=11))
        part = tmp_path / "copy.part"
        (part / "config.json").mkdir(parents=True)  # a folder where a file goes
        (part / "weights").symlink_to(tmp_path)  # a link out of the target
        (part / "foreign").write_bytes(b"of another content")
        assert scan(store.get(cid, tmp_path / "copy")).cid == cid
        assert not (tmp_path / "deep").exists()
