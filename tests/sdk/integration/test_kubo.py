"""A real Kubo node: the contract, its own importer's CIDs, its peers, and what can go wrong."""

from __future__ import annotations

import io
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.digests import DigestCache
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import (
    AccessDeniedError,
    ConfigError,
    FileChangedError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreFullError,
    StoreUnavailableError,
)
from conftest import require_server
from proxies import Answer, Proxy, cut, flip
from small_disk import run_on_a_small_disk
from store_contract import StoreContract, blocks_of, content, make_folder

pytest.importorskip("ipfshttpclient")

from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.storage.copying import copy
from anacostia_blockchain.storage.kubo import KuboStore
from anacostia_blockchain.storage.testing import KuboNode
from waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def second(kubo):
    """Another node, which knows only the first."""
    with KuboNode() as node:
        node.connect(kubo)
        yield node


@pytest.fixture
def proxy(kubo):
    with Proxy(kubo.api) as proxy:
        yield proxy


class TestContract(StoreContract):
    @pytest.fixture
    def store(self, kubo):
        return KuboStore(kubo.api, patience=60)

    @pytest.fixture
    def hasty(self, kubo):
        return KuboStore(kubo.api, patience=1)


# ---------------------------------------------------------------------- the same CID


def test_the_nodes_own_importer_gives_the_same_cids(kubo, tmp_path):
    """`ipfs add` with the profile that the node was made with."""
    folder = make_folder(tmp_path / "model")
    printed = kubo.ipfs("add", "-r", "-Q", "--hidden", "--only-hash", folder)
    assert printed == str(scan(folder).cid)


def test_what_the_node_added_itself_is_read(kubo, tmp_path):
    """Content that this package did not put."""
    folder = make_folder(tmp_path / "model", seed=20)
    cid = CID.parse(kubo.ipfs("add", "-r", "-Q", "--hidden", "--pin=false", folder))
    store = KuboStore(kubo.api)
    assert store.has(cid)
    assert scan(store.get(cid, tmp_path / "copy")).cid == cid


# ---------------------------------------------------------------------- peers


def test_content_of_a_peer_is_fetched(kubo, second, tmp_path):
    """Over bitswap, block by block, verified here."""
    folder = make_folder(tmp_path / "model", seed=21)
    cid = KuboStore(kubo.api).put(folder)
    elsewhere = KuboStore(second.api, patience=20)
    assert not elsewhere.has(cid)
    assert scan(elsewhere.get(cid, tmp_path / "copy")).cid == cid


def test_a_pin_brings_content_of_a_peer(kubo, second):
    """All of it: the peer may then go."""
    cid = KuboStore(kubo.api).put(io.BytesIO(content(3 * CHUNK, seed=22)))
    elsewhere = KuboStore(second.api, patience=20)
    elsewhere.pin(cid, "kept")
    assert KuboStore(second.api, patience=0).has(cid)
    assert [pin.cid for pin in elsewhere.pins("kept")] == [cid]


def test_a_pin_brings_a_folder_with_an_empty_file(kubo, second, tmp_path):
    """Which Kubo's own `pin add` waits for without end."""
    cid = KuboStore(kubo.api).put(make_folder(tmp_path / "model", seed=31))
    KuboStore(second.api, patience=20).pin(cid)
    assert KuboStore(second.api, patience=0).has(cid)


def test_without_patience_nobody_else_is_asked(kubo, second):
    """The node's own content alone."""
    cid = KuboStore(kubo.api).put(io.BytesIO(content(1000, seed=23)))
    alone = KuboStore(second.api, patience=0)
    for act in (lambda: alone.block(cid), lambda: alone.pin(cid)):
        with pytest.raises(NotFoundError):
            act()


def test_a_pin_of_what_nobody_has_ends(kubo):
    """The node itself would search for ever."""
    with pytest.raises(NotFoundError, match="peers did not deliver"):
        KuboStore(kubo.api, patience=1).pin(CID.of(os.urandom(8)))


# ---------------------------------------------------------------------- cost


def test_only_what_changed_is_uploaded(kubo, proxy):
    """One chunk in sixteen: that chunk, the node, and no other byte of content."""
    store, data = KuboStore(proxy.url), content(16 * CHUNK, seed=24)
    store.put(io.BytesIO(data))
    first = next(asked for asked in proxy.asked if "dag/import" in asked.path).sent
    assert first > 16 * CHUNK
    proxy.asked.clear()
    store.put(io.BytesIO(data[:CHUNK] + content(CHUNK, seed=25) + data[2 * CHUNK :]))
    second = next(asked for asked in proxy.asked if "dag/import" in asked.path).sent
    assert CHUNK < second < 1.1 * CHUNK


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs Linux's /proc")
def test_memory_stays_constant(kubo, tmp_path):
    """A file of 192 MiB, up and down again, in less than 100 MB."""
    code = (
        "import sys\n"
        "from pathlib import Path\n"
        "from anacostia_blockchain.storage.kubo import KuboStore\n"
        "from seeded import Seeded\n"
        "store = KuboStore(sys.argv[1])\n"
        "cid = store.put(Seeded(192 << 20, 'memory'))\n"
        "store.get(cid, Path(sys.argv[2]))\n"
        "store.delete(cid)\n"
        "peak = Path('/proc/self/status').read_text().split('VmHWM:')[1].split()[0]\n"
        "print(int(peak) // 1024)\n"
    )
    command = [sys.executable, "-c", code, kubo.api, str(tmp_path / "copy")]
    path = os.pathsep.join(sys.path)
    ran = subprocess.run(
        command, capture_output=True, text=True, check=True, env=os.environ | {"PYTHONPATH": path}
    )
    assert int(ran.stdout) < 100


# ---------------------------------------------------------------------- large new files


@pytest.fixture
def file(tmp_path):
    """A file that no node has anything of, large enough to be cut by the node."""
    file = tmp_path / "weights.bin"
    file.write_bytes(os.urandom(20 * CHUNK + 7))
    return file


def test_a_large_new_file_is_added(proxy, file, tmp_path):
    """In one request; it is what an archive would have been, progress and names too."""
    store, seen = KuboStore(proxy.url, patience=0), []
    cid = store.put(file, name="first", progress=lambda *call: seen.append(call))
    assert cid == scan(file).cid
    assert seen[-1] == (file.stat().st_size,) * 2
    assert [asked.sent > file.stat().st_size for asked in proxy.asked if "/add?" in asked.path] == [
        False,  # whether the node cuts as this package does
        True,
    ]
    assert not proxy.paths("dag/import") + proxy.paths("pin/add")
    assert [pin.name for pin in store.pins() if pin.cid == cid] == ["first"]
    assert scan(store.get(cid, tmp_path / "copy")).cid == cid
    assert store.put(file, name="second") == cid
    assert {pin.name for pin in store.pins() if pin.cid == cid} == {"first", "second"}
    store.delete(cid)
    assert not store.has(cid)


def test_of_a_large_file_that_changed_the_change_is_sent(proxy, file):
    """The node holds most of it, and an archive can leave that out."""
    store = KuboStore(proxy.url, patience=0)
    store.put(file)
    with file.open("r+b") as out:
        out.seek(5 * CHUNK)
        out.write(os.urandom(CHUNK))
    proxy.asked.clear()
    assert store.put(file) == scan(file).cid
    assert not proxy.paths("/add?")
    assert sum(asked.sent for asked in proxy.asked) < 1.1 * CHUNK


def test_an_added_file_is_neither_read_nor_sent_again(proxy, file, tmp_path):
    """Where there is a cache of digests."""
    time.sleep(0.1)  # what was written just now is not remembered
    digests = DigestCache(tmp_path / "digests.db", settled=0.02)
    store = KuboStore(proxy.url, patience=0, digests=digests)
    cid = store.put(file)
    proxy.asked.clear()
    assert store.put(file) == cid
    assert sum(asked.sent for asked in proxy.asked) < 10_000


def test_a_large_file_that_changes_while_it_is_added(kubo, file):
    """Typed, and nothing is pinned."""
    store, before = KuboStore(kubo.api, patience=0), {pin.cid for pin in KuboStore(kubo.api).pins()}

    def change(done, _total):
        if done == 3 * CHUNK:
            with file.open("ab") as out:
                out.write(b"more")

    with pytest.raises(FileChangedError, match="changed while it was read"):
        store.put(file, progress=change)
    assert {pin.cid for pin in store.pins()} == before
    assert store.put(file) == scan(file).cid


def test_a_large_file_that_was_altered_on_the_way(kubo, proxy, file):
    """One bit: the node adds and pins what it got, which does not stay."""
    store, before = (
        KuboStore(proxy.url, patience=0),
        {pin.cid for pin in KuboStore(kubo.api).pins()},
    )
    proxy.alter_upload = flip(5 * CHUNK, "/add?")
    with pytest.raises(IntegrityError, match="answered"):
        store.put(file, name="weights")
    assert {pin.cid for pin in store.pins()} == before
    proxy.alter_upload = lambda _asked, _offset, piece: piece
    assert store.put(file) == scan(file).cid


def test_what_a_node_answers_is_not_unpinned_if_it_was_there_before(kubo, proxy, file):
    """The answer names another CID, of something that was pinned long ago."""
    store = KuboStore(proxy.url, patience=0)
    other = store.put(io.BytesIO(os.urandom(100)), name="precious")
    answer = Answer(200, json.dumps({"Name": "file", "Hash": str(other)}).encode())
    proxy.fault = lambda asked: answer if "size-1048576" in asked.path else None
    with pytest.raises(IntegrityError, match="answered"):
        store.put(file, name="weights")
    assert "precious" in {pin.name for pin in store.pins()}


def test_a_pin_that_failed_behind_the_answer(proxy, file):
    """Kubo says what it added before it pins it, and an error after that in a trailer."""
    added = {"Name": "file", "Hash": str(scan(file).cid), "Size": "1"}
    answer = Answer(200, json.dumps(added).encode())
    proxy.fault = lambda asked: answer if "size-1048576" in asked.path else None
    store = KuboStore(proxy.url, patience=0)
    with pytest.raises(NotFoundError):
        store.put(file)
    assert scan(file).cid not in {pin.cid for pin in store.pins()}


@pytest.mark.parametrize(
    "answer",
    [
        Answer(403, b"403 - Forbidden"),
        Answer(404, b"404 page not found"),
        Answer(500, b'{"Message": "only-hash is not supported", "Code": 0, "Type": "error"}'),
        Answer(200, json.dumps({"Name": "file", "Hash": str(CID.of(b"abc"))}).encode()),
    ],
)
def test_a_service_that_would_cut_otherwise_gets_an_archive(proxy, file, answer):
    """Or one that does not offer the call: asked once."""
    proxy.fault = lambda asked: answer if "/add?" in asked.path else None
    store = KuboStore(proxy.url, patience=0)
    assert store.put(file) == scan(file).cid
    file.write_bytes(os.urandom(16 * CHUNK))
    assert store.put(file) == scan(file).cid
    assert len(proxy.paths("/add?")) == 1
    assert len(proxy.paths("dag/import")) == 2


@pytest.mark.parametrize("status", [403, 404])
def test_a_provider_that_cannot_be_asked_what_it_holds_gets_archives(proxy, file, status):
    """As Filebase: even a question of three bytes could stay there."""
    proxy.fault = lambda asked: Answer(status, b"no") if "block/stat" in asked.path else None
    assert KuboStore(proxy.url, patience=0).put(file) == scan(file).cid
    assert not proxy.paths("/add?")


# ---------------------------------------------------------------------- pins


def test_names_that_are_too_long_for_a_node_are_refused(kubo):
    """Kubo keeps 255 bytes of names for a CID."""
    store = KuboStore(kubo.api)
    cid = store.put(io.BytesIO(content(10, seed=26)), name="x" * 200)
    with pytest.raises(StorageError, match="255"):
        store.pin(cid, "y" * 60)
    with pytest.raises(StorageError, match="tab"):
        store.pin(cid, "a\tb")
    assert [pin.name for pin in store.pins() if pin.cid == cid] == ["x" * 200]


def test_what_is_not_pinned_is_asked_about_once(proxy):
    """Kubo says so with status 500, which is repeated where it stands for nothing else."""
    store = KuboStore(proxy.url, patience=0)
    assert store.names_of(CID.of(os.urandom(8))) is None
    assert len(proxy.paths("pin/ls")) == 1
    answers = [Answer(500, b"busy"), None]
    proxy.fault = lambda _asked: answers.pop(0)
    assert store.names_of(CID.of(os.urandom(8))) is None
    assert answers == []


def test_pins_of_other_programs_are_left_alone(kubo):
    """CIDv0, which this package never makes."""
    made = kubo.ipfs("add", "-Q", "--cid-version=0", "--raw-leaves=false", kubo.repo / "config")
    assert made.startswith("Qm")
    assert all(isinstance(pin.cid, CID) for pin in KuboStore(kubo.api).pins())


# ---------------------------------------------------------------------- what can go wrong


def test_a_node_that_is_not_there(tmp_path):
    """Said in words, by every kind of call."""
    store = KuboStore("http://127.0.0.1:9", patience=0)
    for act in (store.version, lambda: store.put(io.BytesIO(b"x")), lambda: list(store.pins())):
        with pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1:9"):
            act()


def test_a_node_that_answers_another_cid(proxy):
    """What it says it pinned is not what was sent."""
    other = {"Root": {"Cid": {"/": str(CID.of(b"other"))}, "PinErrorMsg": ""}}
    answer = Answer(200, json.dumps(other).encode())
    proxy.fault = lambda asked: answer if "dag/import" in asked.path else None
    with pytest.raises(IntegrityError, match="answered"):
        KuboStore(proxy.url).put(io.BytesIO(b"mine"))


def test_a_pin_that_failed_with_status_200(proxy):
    """Kubo's way to say that content was taken but will not be kept."""
    cid = CID.of(b"mine")
    failed = {
        "Root": {"Cid": {"/": str(cid)}, "PinErrorMsg": "write pins: no space left on device"}
    }
    answer = Answer(200, json.dumps(failed).encode())
    proxy.fault = lambda asked: answer if "dag/import" in asked.path else None
    with pytest.raises(StoreFullError):
        KuboStore(proxy.url).put(io.BytesIO(b"mine"))


def test_an_error_page_with_status_200(proxy):
    """From something in between that is no Kubo node."""
    proxy.fault = lambda _asked: Answer(200, b"<html>sign in first</html>")
    store = KuboStore(proxy.url, patience=0)
    with pytest.raises(StoreUnavailableError, match=r"something else|no JSON"):
        store.put(io.BytesIO(b"x"))
    with pytest.raises(StoreUnavailableError):
        list(store.pins())
    with pytest.raises(StoreUnavailableError):
        store.version()
    with pytest.raises(IntegrityError):
        store.block(CID.of(b"x"))


def test_a_node_that_goes_away_in_the_middle_of_an_upload(kubo, proxy):
    """An error, and nothing is pinned; the next attempt works."""
    data = content(16 * CHUNK, seed=27)
    proxy.upload_limit = 4 * CHUNK
    store = KuboStore(proxy.url, patience=0)
    with pytest.raises(StoreUnavailableError):
        store.put(io.BytesIO(data))
    proxy.upload_limit = None
    pinned = {pin.cid for pin in store.pins()}
    cid = store.put(io.BytesIO(data))
    assert cid not in pinned
    assert store.has(cid)


FULL = """
import sys
from pathlib import Path
from anacostia_blockchain.errors import StoreFullError
from anacostia_blockchain.storage.kubo import KuboStore
from anacostia_blockchain.storage.testing import KuboNode
small, large = Path(sys.argv[2]), Path(sys.argv[3])
with KuboNode() as node:
    store = KuboStore(node.api, patience=0)
    kept = store.put(small, name="small")
    for _ in range(2):
        try:
            store.put(large, name="large")
        except StoreFullError as error:
            print(error)
        else:
            raise SystemExit("it fitted")
    assert [pin.name for pin in store.pins()] == ["small"]
    assert store.put(small) == kept
    assert store.get(kept, Path(sys.argv[4])).read_bytes() == small.read_bytes()
    print("full disk handled")
"""


def test_a_full_disk_of_the_node(kubo, tmp_path):
    """On a real file system of 48 MiB: a typed error, nothing pinned, and the node serves on."""
    del kubo  # which skips this test where there is none
    small, large = tmp_path / "small", tmp_path / "large"
    small.write_bytes(content(1000, seed=70))
    large.write_bytes(os.urandom(96 * CHUNK))
    where = {"TMPDIR": str(tmp_path / "disk")}
    said = run_on_a_small_disk(tmp_path, 48, FULL, small, large, tmp_path / "copy", env=where)
    assert "no space left on device" in said


def test_what_matters_may_stand_at_the_end_of_a_long_message(proxy):
    """Kubo begins with the path of a file."""
    message = {"Message": f"write {'x' * 1000}: no space left on device", "Type": "error"}
    answer = Answer(500, json.dumps(message).encode())
    proxy.fault = lambda asked: answer if "dag/import" in asked.path else None
    with pytest.raises(StoreFullError):
        KuboStore(proxy.url).put(io.BytesIO(content(CHUNK, seed=28)))


def test_a_block_that_was_altered_on_the_way(kubo, proxy, tmp_path):
    """One bit; nothing wrong reaches the target, and what was written is gone on from."""
    cid = KuboStore(kubo.api).put(io.BytesIO(content(3 * CHUNK, seed=29)))
    store = KuboStore(proxy.url, patience=0)
    proxy.alter = flip(CHUNK // 2, "block/get")
    with pytest.raises(IntegrityError):
        store.get(cid, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    proxy.alter = cut(CHUNK // 2, "block/get")
    with pytest.raises((StoreUnavailableError, IntegrityError)):
        store.get(cid, tmp_path / "copy")
    proxy.alter = lambda _asked, _offset, piece: piece
    assert scan(store.get(cid, tmp_path / "copy")).cid == cid


def test_a_process_killed_while_it_uploads(kubo, proxy, tmp_path):
    """Nothing is pinned, and of the same content the node is sent afterwards what it lacks."""
    file = tmp_path / "weights.bin"
    file.write_bytes(content(48 * CHUNK, seed=30))
    cid, (_, blocks) = scan(file).cid, blocks_of(file.read_bytes())
    code = (
        "import sys; from pathlib import Path\n"
        "from anacostia_blockchain.storage.kubo import KuboStore\n"
        "KuboStore(sys.argv[1]).put(Path(sys.argv[2]))\n"
    )

    def hold(asked, offset, piece):
        if offset > 36 * CHUNK:
            reached.set()
            killed.wait(300)
        return piece

    reached, killed = threading.Event(), threading.Event()
    proxy.alter_upload = hold
    process = subprocess.Popen([sys.executable, "-c", code, proxy.url, str(file)])
    assert reached.wait(300)
    store = KuboStore(kubo.api, patience=0)
    wait_for(lambda: all(store.holds_block(leaf) for leaf, _ in blocks[:24]))
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    killed.set()
    proxy.alter_upload = lambda _asked, _offset, piece: piece
    assert cid not in {pin.cid for pin in store.pins()}
    assert not store.has(cid)
    proxy.asked.clear()
    assert KuboStore(proxy.url, patience=0).put(file) == cid
    sent = sum(asked.sent for asked in proxy.asked)
    assert CHUNK < sent < 25 * CHUNK
    assert store.has(cid)


def test_a_token_is_asked_for_and_never_shown():
    """The node's own access control, with the calls that providers such as Filebase offer."""
    require_server("ipfs")
    allowed = ["block/get", "dag/import", "pin", "version"]
    rules = {
        "provider": {
            "AuthSecret": "bearer:secret-token",
            "AllowedPaths": [f"/api/v0/{path}" for path in allowed],
        }
    }
    with KuboNode({"API.Authorizations": rules}) as node:
        denied = KuboStore(node.api, token="wrong", patience=0)  # noqa: S106
        with pytest.raises(AccessDeniedError, match="token") as caught:
            denied.put(io.BytesIO(b"x"))
        assert "wrong" not in str(caught.value) + repr(denied)
        with pytest.raises(AccessDeniedError):
            denied.version()
        store = KuboStore(node.api, token="secret-token", patience=0)  # noqa: S106
        cid = store.put(io.BytesIO(b"hello"), name="a")
        assert store.open(cid).read() == b"hello"
        assert [pin.name for pin in store.pins()] == ["a"]
        store.delete(cid)
        assert list(store.pins()) == []
        assert "secret-token" not in repr(store)


def test_a_url_that_is_none():
    """Said before anything is asked."""
    for url in ("127.0.0.1:5001", "ftp://host", "http://"):
        with pytest.raises(ConfigError):
            KuboStore(url)


# ---------------------------------------------------------------------- what changed alone


def test_only_what_changed_is_read_and_sent(proxy, kubo, tmp_path):
    """One file of a hundred; the node is asked one question about all the others."""
    digests = DigestCache(tmp_path / "digests.db", settled=0.02)
    folder = tmp_path / "model"
    folder.mkdir()
    size = 256 << 10
    for number in range(100):
        (folder / f"{number}.bin").write_bytes(os.urandom(size))
    time.sleep(0.1)  # what was written just now is not remembered
    store = KuboStore(proxy.url, patience=0, digests=digests)
    first = store.put(folder)
    (folder / "7.bin").write_bytes(os.urandom(size))
    proxy.asked.clear()
    cid = store.put(folder)
    sent = sum(asked.sent for asked in proxy.asked)
    assert size <= sent < size + 32 * 1024, "the changed file and the directory"
    assert len(proxy.paths("pin/ls")) <= 2
    assert len(proxy.paths("block/stat")) == 1
    plain = KuboStore(kubo.api, patience=0)
    assert cid == scan(folder).cid == scan(plain.get(cid, tmp_path / "copy")).cid
    assert first != cid


def test_what_the_node_has_lost_is_sent_again(kubo, tmp_path):
    """The root of the earlier put is not pinned any more, and garbage was collected."""
    digests = DigestCache(tmp_path / "digests.db", settled=0.02)
    folder = make_folder(tmp_path / "model", seed=60)
    time.sleep(0.1)  # what was written just now is not remembered
    store = KuboStore(kubo.api, patience=0, digests=digests)
    cid = store.put(folder)
    store.delete(cid)
    assert not store.has(cid)
    assert store.put(folder) == cid
    assert scan(store.get(cid, tmp_path / "copy")).cid == cid


def test_a_copy_to_a_node_sends_what_it_lacks(proxy, kubo, tmp_path):
    """A second version from the embedded store: unchanged files are not sent again."""
    folder = tmp_path / "model"
    folder.mkdir()
    for number in range(20):
        (folder / f"{number}.bin").write_bytes(os.urandom(256 << 10))
    local, node = LocalStore(tmp_path / "local"), KuboStore(proxy.url, patience=0)
    copy(local.put(folder), local, node, "first")
    (folder / "7.bin").write_bytes(os.urandom(256 << 10))
    cid = local.put(folder)
    proxy.asked.clear()
    copy(cid, local, node, "second")
    assert sum(asked.sent for asked in proxy.asked) < 300 << 10
    assert scan(KuboStore(kubo.api).get(cid, tmp_path / "copy")).cid == cid
