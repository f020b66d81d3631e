"""The embedded store: the contract, and what only a folder can suffer."""

from __future__ import annotations

import io
import os
import re
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import (
    ConfigError,
    FileChangedError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreBusyError,
)
from anacostia_blockchain.storage import LocalStore
from small_disk import run_on_a_small_disk
from store_contract import StoreContract, content, damage, make_folder


@pytest.fixture
def store(tmp_path):
    return LocalStore(tmp_path / "store")


class TestContract(StoreContract):
    @pytest.fixture
    def store(self, tmp_path):
        return LocalStore(tmp_path / "store")


def packs(store) -> list:
    return sorted((store.folder / "packs").iterdir())


def kept_bytes(store) -> int:
    return sum(path.stat().st_size for path in packs(store))


def test_looking_makes_nothing(store, tmp_path):
    """A command that only reads leaves no folder behind."""
    assert not store.has(CID.of(b"x"))
    assert list(store.pins()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_probe_tries_to_write_and_leaves_nothing(store, tmp_path):
    """Before the folder is there, and afterwards."""
    assert re.fullmatch(r"0 pins, [\d,.]+ GB free", store.probe())
    assert list(tmp_path.iterdir()) == []
    store.put(io.BytesIO(b"x"))
    before = sorted(tmp_path.rglob("*"))
    assert store.probe().startswith("1 pins, ")
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("place", ["/proc/none", "/proc/none/store", "/dev/null/store"])
def test_a_place_where_nothing_can_be_written(place):
    """Whatever the rights are there: it is tried."""
    with pytest.raises(StorageError, match="cannot be written to"):
        LocalStore(place).probe()


def test_a_store_whose_index_is_none(store):
    """It is read."""
    store.folder.mkdir()
    (store.folder / "index.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StorageError, match="not a database"):
        store.probe()


def test_a_file_is_no_store(tmp_path):
    """It would look like an empty one."""
    (tmp_path / "f").write_bytes(b"x")
    with pytest.raises(ConfigError, match="is a file"):
        LocalStore(tmp_path / "f")


def test_a_block_is_kept_once(store):
    """A second version of which one chunk in eight changed costs that chunk and the nodes."""
    data = content(8 * CHUNK)
    store.put(io.BytesIO(data))
    before = kept_bytes(store)
    store.put(io.BytesIO(data[:CHUNK] + content(CHUNK, seed=1) + data[2 * CHUNK :]))
    assert CHUNK <= kept_bytes(store) - before < CHUNK + 2000
    store.put(io.BytesIO(bytes(4 * CHUNK)))  # four chunks that are one
    assert kept_bytes(store) - before < 2 * CHUNK + 4000


def test_gc_never_removes_what_a_pin_reaches(store, tmp_path):
    kept = store.put(make_folder(tmp_path / "a", seed=1), name="kept")
    gone = store.put(make_folder(tmp_path / "b", seed=2), name="gone")
    store.unpin(gone)
    freed = store.gc()
    assert freed > 0
    assert store.gc() == 0
    assert not store.has(gone)
    assert scan(store.get(kept, tmp_path / "copy")).cid == kept


def test_gc_gives_back_the_room_of_a_pack_that_is_mostly_garbage(store, tmp_path):
    """What is left of it moves to another pack, and still reads."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "large").write_bytes(content(9 * CHUNK))
    (folder / "small").write_bytes(content(100, seed=5))
    whole, small = store.put(folder), scan(folder / "small").cid
    (pack,) = packs(store)
    store.pin(small)
    store.delete(whole)
    assert kept_bytes(store) == 100
    assert packs(store) != [pack]
    assert store.get(small, tmp_path / "copy").read_bytes() == content(100, seed=5)


def test_gc_stops_where_it_cannot_see_what_a_pin_reaches(store, tmp_path):
    """A damaged directory hides its files: nothing may be taken for garbage."""
    folder = make_folder(tmp_path / "model")
    cid = store.put(folder)
    leaf = scan(folder / "config.json").cid
    damage(store, store.block(cid))
    with pytest.raises(IntegrityError):
        store.gc()
    assert store.block(leaf)


def test_a_damaged_block_is_noticed_and_mended_by_the_next_put(store, tmp_path):
    data = content(3 * CHUNK)
    cid = store.put(io.BytesIO(data))
    damage(store, data[CHUNK : 2 * CHUNK])
    with pytest.raises(IntegrityError, match="put the content again"):
        store.get(cid, tmp_path / "copy")
    written = (tmp_path / "copy.part").read_bytes()
    assert written[:CHUNK] == data[:CHUNK]
    assert not any(written[CHUNK : 2 * CHUNK]), "nothing of the damaged block"
    with pytest.raises(IntegrityError), store.open(cid) as stream:
        stream.read()
    assert not store.has(cid)
    assert store.put(io.BytesIO(data)) == cid
    assert store.has(cid)
    assert store.get(cid, tmp_path / "copy").read_bytes() == data


def test_a_large_file_is_gone_on_with_behind_a_damaged_leaf(store, tmp_path):
    """Several threads write it; what they have written before the error stays, and is right."""
    data, target = content(40 * CHUNK), tmp_path / "copy"
    cid = store.put(io.BytesIO(data))
    damage(store, data[30 * CHUNK : 31 * CHUNK])
    with pytest.raises(IntegrityError):
        store.get(cid, target)
    assert not target.exists()
    part = (tmp_path / "copy.part").read_bytes()
    assert part[: 25 * CHUNK] == data[: 25 * CHUNK]
    assert data[30 * CHUNK : 31 * CHUNK] not in part
    store.put(io.BytesIO(data))
    assert store.get(cid, target).read_bytes() == data


def test_what_is_in_the_place_of_a_large_file_is_read_before_it_is_kept(store, tmp_path):
    data = content(12 * CHUNK)
    cid = store.put(io.BytesIO(data))
    wrong = bytearray(data + b"of another file that was longer")
    wrong[5 * CHUNK] ^= 1
    (tmp_path / "copy.part").write_bytes(wrong)
    counted: list[int] = []
    target = store.get(cid, tmp_path / "copy", progress=lambda done, _total: counted.append(done))
    assert target.read_bytes() == data
    assert counted == [CHUNK * number for number in range(1, 13)]


def test_a_large_file_takes_no_more_room_than_it_has_bytes(store, tmp_path):
    cid = store.put(io.BytesIO(content(10 * CHUNK + 1)))
    state = store.get(cid, tmp_path / "copy").stat()
    assert state.st_size == 10 * CHUNK + 1
    assert state.st_blocks * 512 <= 10 * CHUNK + 4096 * 16


def test_a_disk_that_reads_well_again_is_believed(store):
    """A damage that goes away (a cable, a copy put back) leaves no mark."""
    data = content(100)
    cid = store.put(io.BytesIO(data))
    damage(store, data)
    with pytest.raises(IntegrityError):
        store.block(cid)
    assert not store.has(cid)
    packs(store)[0].write_bytes(data)
    assert store.block(cid) == data
    assert store.has(cid)


def test_a_pack_that_was_lost_is_not_found(store):
    cid = store.put(io.BytesIO(content(100)))
    packs(store)[0].unlink()
    with pytest.raises(NotFoundError, match="lost"):
        store.open(cid)


def test_an_index_that_is_none(store):
    store.put(io.BytesIO(b"x"))
    for path in store.folder.glob("index.db*"):
        path.write_bytes(b"this is no database" * 500)
    with pytest.raises(StorageError):
        LocalStore(store.folder).has(CID.of(b"x"))


def test_a_file_that_changes_meanwhile_leaves_nothing(store, tmp_path):
    folder = make_folder(tmp_path / "model")

    def change(done, total):
        (folder / "config.json").write_bytes(os.urandom(5))

    with pytest.raises(FileChangedError):
        store.put(folder, progress=change)
    assert list(store.pins()) == []
    assert list(store.folder.glob("packs/*")) == []
    assert list(store.folder.glob("incoming/*")) == []


def test_a_sweep_waits_for_an_import_and_says_so(tmp_path):
    """And an import for a sweep; each with the patience it is given."""
    store = LocalStore(tmp_path / "store", patience=0.2)
    store.put(io.BytesIO(b"first"))
    begun, go_on = threading.Event(), threading.Event()

    class Slow(io.BytesIO):
        def readinto(self, buffer):
            begun.set()
            go_on.wait(10)
            return super().readinto(buffer)

    thread = threading.Thread(target=lambda: store.put(Slow(b"second")))
    thread.start()
    begun.wait(10)
    with pytest.raises(StoreBusyError, match="another process"):
        store.gc()
    go_on.set()
    thread.join()
    store.gc()
    assert store.has(CID.of(b"second"))


PUT = """
import sys
from pathlib import Path
from anacostia_blockchain.storage import LocalStore
def report(done, total):
    print(done, flush=True)
cid = LocalStore(Path(sys.argv[1])).put(Path(sys.argv[2]), name="put", progress=report)
print("done", cid, flush=True)
"""
HALTING = PUT.replace("flush=True)\ncid", "flush=True)\n    sys.stdin.readline()\ncid")
"""Goes on after each report when it is told to."""


def python(code, *arguments, **options):
    command = [sys.executable, "-c", code, *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)


@pytest.mark.parametrize("moment", range(4))
def test_killed_in_the_middle_of_a_put(store, tmp_path, moment):
    """Nothing counts, nothing is in the way, and the next put is whole."""
    kept = store.put(io.BytesIO(b"kept"))
    file = tmp_path / "large"
    file.write_bytes(content(24 * CHUNK))
    process = python(HALTING, store.folder, file, stdin=subprocess.PIPE)
    for _ in range(6 * moment):
        process.stdout.readline()
        print(file=process.stdin, flush=True)
    process.stdout.readline()
    process.send_signal(signal.SIGKILL)
    process.wait()
    cid = scan(file).cid
    assert not store.has(cid)
    assert [pin.cid for pin in store.pins()] == [kept]
    assert store.put(file) == cid
    store.gc()
    assert list((store.folder / "incoming").iterdir()) == []
    assert kept_bytes(store) < 25 * CHUNK
    assert store.get(cid, tmp_path / "copy").read_bytes() == file.read_bytes()


def test_killed_after_the_pack_and_before_the_index(store, tmp_path):
    """The pack stays nameless until a sweep."""
    code = PUT.replace(
        "from anacostia_blockchain.storage import LocalStore\n",
        (
            "import os, signal\n"
            "from anacostia_blockchain.storage import LocalStore, incoming\n"
            "incoming.add_pin = lambda *_: os.kill(os.getpid(), signal.SIGKILL)\n"
        ),
    )
    file = tmp_path / "file"
    file.write_bytes(content(CHUNK + 1))
    assert python(code, store.folder, file).wait() == -signal.SIGKILL
    assert len(packs(store)) == 1
    assert not store.has(scan(file).cid)
    store.gc()
    assert packs(store) == []


WORK = """
import io, sys
from anacostia_blockchain.storage import LocalStore
store, number = LocalStore(sys.argv[1]), int(sys.argv[2])
for turn in range(12):
    own = b"%d" % number * 5000 + bytes([turn])
    shared = b"shared" * 5000 + bytes([turn])
    store.put(io.BytesIO(shared), name=f"{number}")
    cid = store.put(io.BytesIO(own), name=f"{number}")
    assert store.open(cid).read() == own
    if turn % 3 == number % 3:
        store.delete(cid)
        store.gc()
        assert not store.has(cid)
"""


def test_processes_share_a_store(store):
    """Four import, delete and sweep side by side; every pin that is left is whole."""
    workers = [python(WORK, store.folder, number) for number in range(4)]
    assert [worker.wait(900) for worker in workers] == [0] * 4
    pins = list(store.pins())
    assert len(pins) == 4 * (12 + 8)
    for pin in pins:
        assert store.has(pin.cid)
        with store.open(pin.cid) as stream:
            assert stream.read()


def test_readers_go_on_while_packs_are_rewritten(store, tmp_path):
    """A sweep moves blocks under a reader's feet."""
    data = content(2 * CHUNK)
    cid = store.put(io.BytesIO(data))
    stop = threading.Event()
    failures = []

    def read():
        while not stop.is_set():
            with store.open(cid) as stream:
                if stream.read() != data:
                    failures.append("other bytes")

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(10):
        folder = tmp_path / f"{turn}"
        folder.mkdir()
        (folder / "large").write_bytes(content(6 * CHUNK, seed=turn + 100))
        store.delete(store.put(folder))
    stop.set()
    reader.join()
    assert failures == []


FULL = """
import sys
from pathlib import Path
from anacostia_blockchain.errors import StoreFullError
from anacostia_blockchain.storage import LocalStore
store = LocalStore(Path(sys.argv[1]) / "store")
kept = store.put(Path(sys.argv[2]), name="small")
try:
    store.put(Path(sys.argv[3]), name="large")
except StoreFullError as error:
    assert "no space" in str(error)
else:
    raise SystemExit("it fitted")
assert [pin.name for pin in store.pins()] == ["small"]
assert store.has(kept)
assert list((store.folder / "incoming").iterdir()) == []
store.put(Path(sys.argv[2]), name="again")
other = LocalStore(Path(sys.argv[4]))
cid = other.put(Path(sys.argv[3]))
try:
    other.get(cid, Path(sys.argv[1]) / "copy")
except StoreFullError:
    print("full disk handled")
"""


def test_a_full_disk(tmp_path):
    """On a real file system of 4 MiB: a typed error, and nothing half-written."""
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(content(1000))
    large.write_bytes(content(8 * CHUNK))
    run_on_a_small_disk(tmp_path, 4, FULL, small, large, tmp_path / "s")


@pytest.mark.slow
def test_memory_stays_flat(store, tmp_path):
    """Putting and getting 256 MiB takes no more memory than 16, and less than 100 MB."""
    status = Path("/proc/self/status")
    if not status.exists():
        pytest.skip("needs Linux, which says how much memory a process had at most")
    # Not ru_maxrss: a child begins with its parent's, which is that of all tests until here.
    code = PUT + (
        "LocalStore(sys.argv[1]).get(cid, Path(sys.argv[2] + '.copy'))\n"
        f"print(Path('{status}').read_text().split('VmHWM:')[1].split()[0])\n"
    )

    def peak(size):
        file = tmp_path / f"{size}"
        with file.open("wb") as stream:
            for _ in range(size):
                stream.write(os.urandom(CHUNK))
        process = python(code, store.folder, file)
        return int(process.communicate()[0].splitlines()[-1])

    assert peak(256) < min(peak(16) + 24 * 1024, 100_000)


def test_the_clock_of_pins_is_utc(store):
    before = time.time()
    store.put(io.BytesIO(b"x"))
    (pin,) = store.pins()
    assert before - 1 <= pin.created_at.timestamp() <= time.time() + 1
    assert pin.created_at.utcoffset().total_seconds() == 0


MANY = """
import sys
from pathlib import Path
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.unixfs import Tree, directory
from anacostia_blockchain.storage import LocalStore, dag
leaf = CID.of(b"x")
blocks = {leaf: b"x"}
names = {f"file-{n:07}.bin": Tree(leaf, 1, 1) for n in range(int(sys.argv[1]))}
root = directory(names, blocks.__setitem__).cid
assert dag.lookup(blocks.__getitem__, root, "file-0000007.bin") == leaf
assert dag.measure(blocks.__getitem__, root).files == len(names)
print(Path("/proc/self/status").read_text().split("VmHWM:")[1].split()[0])
"""


@pytest.mark.slow
def test_a_directory_of_very_many_entries():
    """Of 100,000 here, in less than 1 kB each; `scripts/bench storage --entries 1000000`."""
    if not Path("/proc/self/status").exists():
        pytest.skip("needs Linux, which says how much memory a process had at most")
    process = python(MANY, 100_000)
    assert int(process.communicate()[0]) < 130_000
