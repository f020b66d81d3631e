"""The cache of digests: what is not remembered, what damage does, what is read a second time."""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import time
from pathlib import Path

import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.digests import SETTLED as SETTLED_BY_DEFAULT
from anacostia_blockchain.content.digests import DigestCache, _in_memory
from anacostia_blockchain.content.folder import import_source, scan
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.content.walk import walk
from anacostia_blockchain.errors import FileChangedError, IntegrityError
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.storage.copying import copy
from anacostia_blockchain.storage.urls import open_store
from store_contract import content, damage, make_folder

SETTLED = 0.02
SIZE = 100_000


@pytest.fixture
def digests(tmp_path):
    return DigestCache(tmp_path / "home" / "digests.db", settled=SETTLED)


@pytest.fixture
def folder(tmp_path):
    """Ten files that have been left alone for long enough."""
    folder = tmp_path / "model"
    folder.mkdir()
    for number in range(10):
        (folder / f"{number}.bin").write_bytes(content(SIZE, seed=number))
    time.sleep(2 * SETTLED)
    return folder


def known(digests, folder) -> set[str]:
    """The files that would not be read again."""
    return set(digests.recall(walk(folder)[0]))


def bytes_read() -> int:
    """What this process has read from anywhere, its own files included."""
    text = Path("/proc/self/io").read_text()
    return int(text.split("rchar:")[1].split()[0])


def in_memory(path) -> bool:
    return path.stat().st_dev in _in_memory()


# ---------------------------------------------------------------------- what is remembered


def test_what_is_remembered_is_what_was_hashed(digests, folder):
    first = scan(folder, digests=digests)
    assert known(digests, folder) == {f"{n}.bin" for n in range(10)}
    assert scan(folder, digests=digests) == first == scan(folder)


def test_a_cid_alone_is_remembered_for_those_who_want_no_more(digests, tmp_path):
    """And what is known of the whole file is not forgotten by those who do not need it."""
    file = tmp_path / "large.bin"
    file.write_bytes(content(3 * CHUNK))
    time.sleep(2 * SETTLED)
    found, _ = walk(file)
    cid, _ = import_source(file, digests=digests)
    assert digests.recall(found) == {}
    assert digests.recall(found, whole=False)["large.bin"].cid == cid
    whole = scan(file, digests=digests).files[0]
    assert digests.recall(found) == {"large.bin": whole}
    LocalStore(tmp_path / "store", digests=digests).put(file)  # which has to read it
    assert digests.recall(found) == {"large.bin": whole}


def test_a_file_that_was_just_written_is_not_remembered(tmp_path, folder):
    """By the next tick of a coarse clock it may have changed, and not look so."""
    digests = DigestCache(tmp_path / "digests.db", settled=60)
    scan(folder, digests=digests)
    assert not known(digests, folder)


def test_a_file_from_the_future_is_not_remembered(digests, folder):
    later = time.time() + 3600
    os.utime(folder / "1.bin", (later, later))
    time.sleep(2 * SETTLED)
    scan(folder, digests=digests)
    assert known(digests, folder) == {f"{n}.bin" for n in range(10)} - {"1.bin"}


def test_a_small_file_that_is_young_is_not_remembered(digests, tmp_path):
    """It is hashed sooner than flushed."""
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "config.json").write_bytes(b"{}")
    time.sleep(2 * SETTLED)
    scan(tmp_path / "model", digests=digests)
    assert not known(digests, tmp_path / "model")


def test_a_file_system_in_memory_is_not_remembered(digests):
    """Where a memory map never moves a file's times."""
    shared = Path("/dev/shm")  # noqa: S108 - a file system, not a place for secrets
    if not shared.is_dir():
        pytest.skip("needs Linux's /dev/shm")
    file = shared / f"anacostia-{os.getpid()}"
    try:
        file.write_bytes(content(SIZE))
        time.sleep(2 * SETTLED)
        scan(file, digests=digests)
        assert not known(digests, file)
    finally:
        file.unlink()


def test_the_same_path_elsewhere_is_another_file(digests, folder, tmp_path):
    scan(folder, digests=digests)
    folder.rename(tmp_path / "moved")
    assert not known(digests, tmp_path / "moved")


def test_the_least_recently_used_go_first(tmp_path, folder):
    digests = DigestCache(tmp_path / "digests.db", settled=SETTLED, limit=8)
    scan(folder / "0.bin", digests=digests)
    scan(folder, digests=digests)
    with sqlite3.connect(digests.path) as index:
        assert index.execute("SELECT count(*) FROM file").fetchone()[0] == 7
    assert scan(folder, digests=digests) == scan(folder)


# ---------------------------------------------------------------------- damage


@pytest.mark.parametrize("where", [0, 20, 100, 2000, 5000, 9000])
def test_a_damaged_database_is_dropped_or_does_not_matter(digests, folder, where):
    expected = scan(folder, digests=digests)
    with sqlite3.connect(digests.path) as index:
        index.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    data = bytearray(digests.path.read_bytes())
    data[where : where + 64] = os.urandom(len(data[where : where + 64]))
    digests.path.write_bytes(data)
    for _ in range(3):
        assert scan(folder, digests=digests) == expected
    assert known(digests, folder)


def test_every_flipped_byte_of_a_row_is_noticed(digests, folder):
    expected = scan(folder, digests=digests)
    with sqlite3.connect(digests.path) as index:
        value = index.execute("SELECT value FROM file LIMIT 1").fetchone()[0]
        for at in range(len(value)):
            wrong = bytearray(value)
            wrong[at] ^= 1
            index.execute("UPDATE file SET value = ?", (bytes(wrong),))
            index.commit()
            assert not known(digests, folder), at
    assert scan(folder, digests=digests) == expected


def test_another_version_of_the_database_is_dropped(digests, folder):
    expected = scan(folder, digests=digests)
    with sqlite3.connect(digests.path) as index:
        index.execute("PRAGMA user_version = 99")
    assert scan(folder, digests=digests) == expected
    assert scan(folder, digests=digests) == expected
    assert known(digests, folder)


def test_a_place_that_cannot_be_written_to_is_no_error(tmp_path, folder):
    """Nothing is remembered, and nothing fails."""
    (tmp_path / "home").write_bytes(b"a file where a folder should be")
    digests = DigestCache(tmp_path / "home" / "digests.db", settled=SETTLED)
    assert scan(folder, digests=digests) == scan(folder)


def test_a_process_that_is_killed_leaves_a_database_that_can_be_used(digests, folder):
    scan(folder, digests=digests)
    code = (
        "import sys, os, sqlite3\n"
        "index = sqlite3.connect(sys.argv[1])\n"
        "index.execute('DELETE FROM file')\n"
        "os.kill(os.getpid(), 9)\n"
    )
    subprocess.run([sys.executable, "-c", code, digests.path], check=False)
    assert known(digests, folder) == {f"{n}.bin" for n in range(10)}


# ---------------------------------------------------------------------- stores


def test_a_change_while_it_is_read_is_an_error_still(digests, folder):
    """Remembered files do not hide it."""
    scan(folder, digests=digests)
    (folder / "3.bin").write_bytes(content(SIZE, seed=30))

    def change(done, _total):
        if done:
            (folder / "3.bin").write_bytes(content(SIZE + 1, seed=31))

    with pytest.raises(FileChangedError):
        scan(folder, digests=digests, progress=change)


def test_an_unchanged_file_is_put_into_a_store_that_does_not_hold_it(digests, folder, tmp_path):
    """Another store, or the same after its content was deleted."""
    cid = LocalStore(tmp_path / "a", digests=digests).put(folder)
    other = LocalStore(tmp_path / "b", digests=digests)
    for _ in range(2):
        assert other.put(folder) == cid
        assert scan(other.get(cid, tmp_path / "copy"), workers=1).cid == cid
        other.delete(cid)
        assert not other.has(cid)
        (tmp_path / "copy").rename(tmp_path / f"copy-{time.monotonic_ns()}")


def test_a_block_that_was_found_damaged_is_put_again(digests, folder, tmp_path):
    store = LocalStore(tmp_path / "store", digests=digests)
    cid = store.put(folder)
    damage(store, content(SIZE, seed=4))
    with pytest.raises(IntegrityError):
        store.get(cid, tmp_path / "copy")
    assert store.put(folder) == cid
    assert scan(store.get(cid, tmp_path / "copy")).cid == cid


def test_progress_counts_what_is_not_read_too(digests, folder):
    scan(folder, digests=digests)
    seen = []
    scan(folder, digests=digests, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(10 * SIZE, 10 * SIZE)]


def test_the_clients_store_remembers_in_its_home(tmp_path, folder):
    home = tmp_path / "home"
    time.sleep(SETTLED_BY_DEFAULT)
    open_store(None, home).put(folder)
    assert (home / "digests.db").exists()


def test_one_per_cent_changed_is_one_per_cent_read_and_written(digests, tmp_path):
    """Of 100 files one changes; the rest is neither read nor stored again."""
    if in_memory(tmp_path) or not Path("/proc/self/io").exists():
        pytest.skip("needs Linux, and a temporary folder on a disk")
    folder = tmp_path / "model"
    folder.mkdir()
    size = 256 << 10
    for number in range(100):
        (folder / f"{number}.bin").write_bytes(os.urandom(size))
    time.sleep(2 * SETTLED)
    store = LocalStore(tmp_path / "store", digests=digests)
    store.put(folder)
    (folder / "7.bin").write_bytes(os.urandom(size))
    packs = sum(path.stat().st_size for path in (store.folder / "packs").iterdir())
    before = bytes_read()
    cid = store.put(folder)
    read = bytes_read() - before
    written = sum(path.stat().st_size for path in (store.folder / "packs").iterdir()) - packs
    assert size <= read < 2 * size, "the changed file, and what the index takes"
    assert size <= written < size + 64 << 10
    assert cid == scan(folder).cid


def test_a_copy_to_another_store_sends_what_that_lacks(digests, tmp_path):
    """Neither read from the first nor sent to the second."""
    folder = make_folder(tmp_path / "model")
    one, two = LocalStore(tmp_path / "a"), LocalStore(tmp_path / "b")
    copy(one.put(folder), one, two, "first")
    (folder / "config.json").write_bytes(b"{}")
    cid = one.put(folder)
    asked: list[CID] = []
    fetch = one.block
    one.block = lambda cid: asked.append(cid) or fetch(cid)
    copy(cid, one, two, "second")
    assert sum(len(fetch(cid)) for cid in asked) < CHUNK // 100
    assert scan(two.get(cid, tmp_path / "copy")).cid == cid
