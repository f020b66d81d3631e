"""`Web3Storage` against the real server code, and beside the official client."""

import base64
import io
import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.digests import DigestCache, _in_memory
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import CHUNK, import_stream
from anacostia_blockchain.errors import (
    AccessDeniedError,
    AnacostiaError,
    ClockError,
    ConfigError,
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreFullError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.storage.replicated import ReplicatedStore
from anacostia_blockchain.storage.web3storage import access, ucan
from anacostia_blockchain.storage.web3storage import store as store_module
from anacostia_blockchain.storage.web3storage.blobs import remove_blob
from anacostia_blockchain.storage.web3storage.capability import Capability
from anacostia_blockchain.storage.web3storage.identity import KEY_VARIABLE, Signer
from anacostia_blockchain.storage.web3storage.ipld import Link
from anacostia_blockchain.storage.web3storage.service import Connection, Service
from anacostia_blockchain.storage.web3storage.store import PROOF_VARIABLE, Web3Storage
from anacostia_blockchain.storage.web3storage.ucan import Delegation, delegate
from store_contract import StoreContract, content, make_folder
from w3up_proxy import LyingService
from w3up_service import FOLDER, node

pytestmark = pytest.mark.integration

SHARD = 2 * CHUNK + 1000
"""Small shards, so that a few megabytes make several."""


@pytest.fixture(scope="module")
def principal():
    return Signer.generate()


@pytest.fixture(scope="module")
def proof(w3up, principal):
    return w3up.new_space(principal)


@pytest.fixture
def store(w3up, principal, proof, tmp_path):
    return Web3Storage.open_space(w3up.service, principal, proof, tmp_path / "w3up")


@pytest.fixture
def lying(w3up):
    with LyingService(w3up.service) as service:
        yield service


@pytest.fixture
def deceived(lying, principal, proof, tmp_path):
    """A store that takes the liar for the service."""
    return Web3Storage.open_space(lying.service, principal, proof, tmp_path / "deceived")


class TestContract(StoreContract):
    @pytest.fixture
    def store(self, w3up, principal, proof, tmp_path_factory):
        folder = tmp_path_factory.mktemp("w3up")
        return Web3Storage.open_space(w3up.service, principal, proof, folder)


class TestContractInShards(StoreContract):
    """The same in a space of its own, with every file in several shards."""

    @pytest.fixture(scope="class")
    @classmethod
    def proof(cls, w3up, principal):
        return w3up.new_space(principal)

    @pytest.fixture
    def store(self, w3up, principal, proof, tmp_path_factory):
        folder = tmp_path_factory.mktemp("w3up")
        connection = Connection(w3up.service, principal, [proof])
        return Web3Storage(connection, proof.capabilities[0].resource, folder, shard_size=SHARD)


# ---------------------------------------------------------------------- the official client


@pytest.fixture
def official(w3up, principal, proof, tmp_path):
    """Runs the official client as the same principal in the same space."""
    principal.save(tmp_path / "principal.key")
    config = {
        "url": w3up.info["url"],
        "did": w3up.info["did"],
        "key": (tmp_path / "principal.key").read_text().strip(),
        "proof": base64.b64encode(proof.archive()).decode(),
    }

    def run(*arguments):
        command = [node(), "client.mjs", json.dumps(config), *map(str, arguments)]
        done = subprocess.run(
            command, cwd=FOLDER, capture_output=True, text=True, check=False, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout.splitlines()[-1])

    return run


def test_the_official_client_lists_and_reads_what_we_upload(store, official, tmp_path):
    data = content(3 * CHUNK + 11, seed=20)
    cid = store.put(io.BytesIO(data))
    assert str(cid) in [upload["root"] for upload in official("list")]
    official("read", cid, tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == data


def test_we_list_and_read_what_the_official_client_uploads(store, official, tmp_path):
    file = tmp_path / "model.bin"
    file.write_bytes(content(2 * CHUNK + 5, seed=21))
    root = CID.parse(official("upload", file)["root"])
    assert root == scan(file).cid  # both cut files in the same way
    assert root in {pin.cid for pin in store.pins("")}
    assert store.has(root)
    assert store.get(root, tmp_path / "copy").read_bytes() == file.read_bytes()
    store.delete(root)
    assert str(root) not in [upload["root"] for upload in official("list")]


def test_a_delegation_of_the_official_client_is_enough(w3up, official, tmp_path):
    """The way of a server: a key and a delegation, no e-mail."""
    server = Signer.generate()
    text = official("delegate", server.did, int(time.time()) + 3600)["proof"]
    (tmp_path / "proof.txt").write_text(text + "\n")
    given = Delegation.from_file(tmp_path / "proof.txt")
    store = Web3Storage.open_space(w3up.service, server, given, tmp_path / "w3up")
    cid = store.put(io.BytesIO(content(100, seed=22)))
    assert store.has(cid)


def test_keys_are_those_of_the_official_client(official, tmp_path):
    made = official("key")
    assert Signer.from_text(made["key"]).did == made["did"]


def test_delete_frees_the_space_even_after_unpin(store, official):
    before = sorted(official("blobs"))
    cid = store.put(io.BytesIO(content(CHUNK + 3, seed=23)))
    assert len(official("blobs")) == len(before) + 2  # a shard and its index
    store.unpin(cid)
    assert len(official("blobs")) == len(before) + 2
    store.delete(cid)
    assert sorted(official("blobs")) == before
    store.delete(cid)


# ---------------------------------------------------------------------- configuration and rights


def test_the_environment_is_enough(w3up, principal, proof, tmp_path, monkeypatch):
    principal.save(tmp_path / "principal.key")
    (tmp_path / "proof.car").write_bytes(proof.archive())
    variables = w3up.environment() | {
        KEY_VARIABLE: (tmp_path / "principal.key").read_text(),
        PROOF_VARIABLE: str(tmp_path / "proof.car"),
    }
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    store = Web3Storage.from_env(tmp_path / "w3up")
    assert store.has(store.put(io.BytesIO(b"from the environment")))
    for missing in (KEY_VARIABLE, PROOF_VARIABLE, "ANACOSTIA_W3UP_SERVICE_URL"):
        with monkeypatch.context() as without:
            without.delenv(missing)
            with pytest.raises(ConfigError, match=missing):
                Web3Storage.from_env(tmp_path / "w3up")


def test_a_store_says_what_it_is(store, w3up):
    assert w3up.service.did in store.probe()
    assert store.space in repr(store)


def test_an_expired_delegation_is_refused_at_once(w3up, principal, proof, tmp_path):
    server = Signer.generate()
    given = access.share(principal, proof, server.did, expires=int(time.time()) - 5)
    with pytest.raises(AccessDeniedError, match="expired at"):
        Web3Storage.open_space(w3up.service, server, given, tmp_path)


def test_a_delegation_that_expires_meanwhile_is_refused(
    w3up, principal, proof, tmp_path, monkeypatch
):
    server, now = Signer.generate(), time.time
    given = access.share(principal, proof, server.did, expires=int(now()) - 1)
    with monkeypatch.context() as patch:
        patch.setattr(time, "time", lambda: now() - 60)
        store = Web3Storage.open_space(w3up.service, server, given, tmp_path)
    with pytest.raises(AccessDeniedError, match="ask for a new one"):
        store.put(io.BytesIO(b"too late"))
    with pytest.raises(AccessDeniedError, match="service refuses"):  # and the service agrees
        send_unchecked(store, "upload/list", {})


def send_unchecked(store, can, arguments):
    connection = store._connection
    capability = Capability(can, store.space, arguments)
    task = ucan.invoke(
        connection.principal, connection.service.did, capability, proofs=connection.proofs
    )
    return connection.execute(task)


def test_rights_that_were_not_given_are_named(w3up, principal, proof, tmp_path):
    server = Signer.generate()
    given = access.share(principal, proof, server.did, expires=None, abilities=["upload/list"])
    store = Web3Storage.open_space(w3up.service, server, given, tmp_path)
    assert list(store.pins()) is not None
    with pytest.raises(AccessDeniedError, match="--can space/blob/add"):
        store.put(io.BytesIO(b"not allowed"))
    with pytest.raises(AccessDeniedError, match="service refuses"):
        send_unchecked(store, "upload/remove", {"root": Link(CID.of(b"").bytes)})


def test_a_delegation_for_another_key_is_refused(w3up, proof, tmp_path):
    with pytest.raises(ConfigError, match="the delegation is for"):
        Web3Storage.open_space(w3up.service, Signer.generate(), proof, tmp_path)


def test_a_forged_delegation_is_refused_here_and_there(w3up, proof, tmp_path):
    thief = Signer.generate()
    space = proof.capabilities[0].resource
    forged = delegate(thief, thief.did, [Capability("*", space)], expires=None)
    store = Web3Storage.open_space(w3up.service, thief, forged, tmp_path)
    with pytest.raises(AccessDeniedError, match="service refuses"):
        store.put(io.BytesIO(b"stolen"))


def test_a_space_that_nobody_pays_for_takes_nothing(w3up, tmp_path):
    owner, principal = Signer.generate(), Signer.generate()
    given = delegate(owner, principal.did, [Capability("*", owner.did)], expires=None)
    store = Web3Storage.open_space(w3up.service, principal, given, tmp_path)
    with pytest.raises(StoreFullError):
        store.put(io.BytesIO(b"for free"))


@pytest.mark.parametrize("apart", [-3600, 3600])
def test_a_clock_an_hour_off_is_blamed(w3up, principal, proof, tmp_path, monkeypatch, apart):
    """Behind, the service takes what we sign for expired; ahead, we take our own rights for it."""
    server = Signer.generate()
    given = access.share(principal, proof, server.did, expires=int(time.time()) + 600)
    store = Web3Storage.open_space(w3up.service, server, given, tmp_path)
    real = time.time
    monkeypatch.setattr(time, "time", lambda: real() + apart)
    with pytest.raises(ClockError, match=r"3[56]\d\d seconds (ahead|behind).*set the clock"):
        store.put(io.BytesIO(b"at the wrong time"))
    monkeypatch.undo()
    assert store.has(store.put(io.BytesIO(b"at the right time")))


def test_login_waits_only_so_long(w3up):
    connection = Connection(w3up.service, Signer.generate())
    access.request_login(connection, "nobody@example.com")
    with pytest.raises(StoreUnavailableError, match="not clicked"):
        access.await_login(connection, patience=0.1)
    w3up.click()
    assert access.await_login(connection)


# ---------------------------------------------------------------------- services that misbehave


def test_a_receipt_of_another_key_is_refused(lying, deceived):
    lying.key = Signer.generate()
    with pytest.raises(IntegrityError, match="signature is not"):
        deceived.put(io.BytesIO(b"never trusted"))


def test_a_receipt_in_anothers_name_is_refused(lying, deceived):
    stranger = Signer.generate()
    lying.outcome = lambda can, outcome: outcome.update(iss=stranger.did)
    with pytest.raises(IntegrityError, match=f"from {stranger.did}"):
        deceived.put(io.BytesIO(b"never trusted"))


def test_a_receipt_about_another_task_is_refused(lying, deceived):
    lying.outcome = lambda can, outcome: outcome.update(ran=Link.to(b"another task"))
    with pytest.raises(IntegrityError, match="is about"):
        deceived.put(io.BytesIO(b"never trusted"))


def test_a_service_that_lists_another_cid_is_noticed(lying, deceived):
    other = Link(CID.of(b"something else").bytes)

    def lie(can, outcome):
        if can == "upload/add":
            outcome["out"]["ok"]["root"] = other

    lying.outcome = lie
    with pytest.raises(IntegrityError, match=f"lists {other}"):
        deceived.put(io.BytesIO(b"asked for this"))


@pytest.mark.parametrize("without", ["blob/allocate", "http/put", "blob/accept"])
def test_an_answer_without_what_must_follow_is_refused(lying, deceived, without):
    lying.hidden = without
    with pytest.raises(FormatError, match=without):
        deceived.put(io.BytesIO(b"incomplete"))


@pytest.mark.parametrize(
    ("answer", "error", "words"),
    [
        ((200, "text/html", b"<html>busy</html>"), StoreUnavailableError, "text/html, not"),
        ((200, "application/vnd.ipld.car", b"<html>busy</html>"), FormatError, "CAR"),
        ((200, "application/vnd.ipld.car", b""), FormatError, "dag-cbor"),
        ((500, "text/plain", b"oops"), StoreUnavailableError, "answers 500"),
        ((502, "text/html", b"<html>"), StoreUnavailableError, "answers 502"),
        ((403, "text/html", b"<html>"), AccessDeniedError, "answers 403"),
        ((302, "text/html", b""), StoreUnavailableError, "answers 302"),
    ],
)
def test_an_answer_that_is_none_is_a_typed_error(lying, deceived, answer, error, words):
    lying.answer = lambda path: answer
    with pytest.raises(error, match=words):
        deceived.put(io.BytesIO(b"an error page"))


def test_a_service_that_is_not_there_is_a_typed_error(w3up, principal, proof, tmp_path):
    gone = replace(w3up.service, url="http://127.0.0.1:9")
    store = Web3Storage.open_space(gone, principal, proof, tmp_path)
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        store.put(io.BytesIO(b"nobody home"))


def cut(w3up, times, after=100_000):
    query = {"times": times, "after": after}
    httpx.post(f"{w3up.info['url']}/_cut", params=query).raise_for_status()


def test_a_transfer_that_breaks_off_is_repeated(w3up, store, tmp_path):
    data = content(2 * CHUNK, seed=30)
    cut(w3up, times=2)
    cid = store.put(io.BytesIO(data))
    assert store.get(cid, tmp_path / "copy").read_bytes() == data


def test_a_node_that_breaks_off_every_time_leaves_nothing_listed(w3up, store, tmp_path):
    data = content(2 * CHUNK, seed=31)
    cid = import_stream(io.BytesIO(data)).cid
    cut(w3up, times=100)
    try:
        with pytest.raises(StoreUnavailableError, match="broke off"):
            store.put(io.BytesIO(data))
    finally:
        cut(w3up, times=0)
    assert not store.has(cid)
    assert cid not in {pin.cid for pin in store.pins()}
    assert store.put(io.BytesIO(data)) == cid
    assert store.get(cid, tmp_path / "copy").read_bytes() == data


KILLED = """
import os, signal, sys
from pathlib import Path
from anacostia_blockchain.storage.web3storage.store import Web3Storage
from anacostia_blockchain.storage.web3storage import store as module

calls = []
real = module.add_blob
def counted(*arguments):
    calls.append(real(*arguments))
    if len(calls) == {calls}:
        os.kill(os.getpid(), signal.SIGKILL)
module.add_blob = counted
store = Web3Storage.from_env(Path(sys.argv[1]))
store._shard_size = {shard}
store.put(Path(sys.argv[2]))
"""


@pytest.mark.parametrize("calls", [1, 3, 5])
def test_a_killed_upload_goes_on(w3up, principal, proof, tmp_path, monkeypatch, calls):
    """Killed after some shards, and (5) after the index: nothing is listed, nothing sent twice."""
    principal.save(tmp_path / "principal.key")
    (tmp_path / "proof.car").write_bytes(proof.archive())
    file = tmp_path / "model.bin"
    file.write_bytes(content(7 * CHUNK, seed=40 + calls))
    environment = os.environ | w3up.environment()
    environment |= {
        KEY_VARIABLE: (tmp_path / "principal.key").read_text(),
        PROOF_VARIABLE: str(tmp_path / "proof.car"),
    }
    program = KILLED.format(calls=calls, shard=SHARD)
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path / "w3up"), str(file)],
        env=environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    connection = Connection(w3up.service, principal, [proof])
    store = Web3Storage(connection, proof.capabilities[0].resource, tmp_path / "w3up")
    store._shard_size = SHARD
    cid = scan(file).cid
    assert not store.has(cid)
    sent = []
    request = connection.request
    monkeypatch.setattr(
        connection,
        "request",
        lambda method, *rest, **how: sent.append(method) or request(method, *rest, **how),
    )
    assert store.put(file) == cid
    assert sent.count("PUT") == 5 - calls
    assert scan(store.get(cid, tmp_path / "copy")).cid == cid


def test_progress_of_several_shards_is_that_of_the_bytes(w3up, principal, proof, tmp_path):
    connection = Connection(w3up.service, principal, [proof])
    space = proof.capabilities[0].resource
    store = Web3Storage(connection, space, tmp_path, shard_size=SHARD)
    seen = []
    store.put(io.BytesIO(content(5 * CHUNK, seed=50)), progress=lambda *at: seen.append(at))
    assert [total for _, total in seen] == [5 * CHUNK] * len(seen)
    assert len(seen) >= 3
    assert not (tmp_path / "staging" / "packs").is_dir() or not list(
        (tmp_path / "staging" / "packs").iterdir()
    )


# ---------------------------------------------------------------------- what changed alone


@pytest.fixture
def sharded(w3up, principal, tmp_path):
    """A store in a space of its own, with small shards and a cache, and the bytes it sends."""
    proof = w3up.new_space(principal)
    connection = Connection(w3up.service, principal, [proof])
    sent = []
    request = connection.request

    def counted(method, *rest, content=None, **how):
        if method == "PUT":
            content = b"".join(content)
            sent.append(len(content))
        return request(method, *rest, content=content, **how)

    connection.request = counted
    space = proof.capabilities[0].resource
    digests = DigestCache(tmp_path / "digests.db", settled=0.02)
    store = Web3Storage(connection, space, tmp_path / "w3up", shard_size=SHARD, digests=digests)
    return store, sent


def versions_of(folder):
    """A folder of eight files, most of a chunk, that have been left alone for long enough."""
    folder.mkdir()
    for number in range(8):
        size = 2 * CHUNK + 5 if number == 5 else CHUNK
        (folder / f"{number}.bin").write_bytes(os.urandom(size))
    time.sleep(0.1)  # what was written just now is not remembered
    return folder


def test_a_second_version_sends_what_changed(sharded, tmp_path):
    """One file of eight, and it reads the same, also when the first version is gone."""
    store, sent = sharded
    folder = versions_of(tmp_path / "model")
    first = store.put(folder)
    sent.clear()
    (folder / "3.bin").write_bytes(os.urandom(CHUNK))
    second = store.put(folder)
    assert CHUNK <= sum(sent) < CHUNK + 20_000
    store.delete(first)
    assert not store.has(first)
    assert store.has(second)
    elsewhere = Web3Storage(store._connection, store.space, tmp_path / "elsewhere")
    assert scan(elsewhere.get(second, tmp_path / "copy")).cid == second == scan(folder).cid


def test_a_second_version_reads_what_changed(sharded, tmp_path):
    """One file of a hundred, from where it is, and twice from where it is sent from."""
    if tmp_path.stat().st_dev in _in_memory() or not Path("/proc/self/io").exists():
        pytest.skip("needs Linux, and a temporary folder on a disk")
    store, sent = sharded
    folder, size = tmp_path / "model", 256 << 10
    folder.mkdir()
    for number in range(100):
        (folder / f"{number}.bin").write_bytes(os.urandom(size))
    time.sleep(0.1)  # what was written just now is not remembered
    store.put(folder)
    (folder / "7.bin").write_bytes(os.urandom(size))
    sent.clear()
    before, seen = bytes_read(), []
    cid = store.put(folder, progress=lambda *call: seen.append(call))
    assert size <= bytes_read() - before < 4 * size
    assert size <= sum(sent) < size + 32 * 1024
    assert seen[-1] == (100 * size, 100 * size)
    assert cid == scan(folder).cid == scan(store.get(cid, tmp_path / "copy")).cid


def bytes_read():
    """What this process has read from anywhere, sockets too."""
    return int(Path("/proc/self/io").read_text().split("rchar:")[1].split()[0])


def test_a_file_of_several_chunks_is_not_read_again(sharded, tmp_path, monkeypatch):
    """Nor one by itself; whatever has changed is, however little it looks so."""
    store, sent = sharded
    folder = versions_of(tmp_path / "model")
    store.put(folder)
    opened, real = [], os.open

    def noted(path, *rest, **how):
        opened.extend([Path(path).name] * (folder == Path(path).parent))
        return real(path, *rest, **how)

    monkeypatch.setattr(os, "open", noted)
    state = (folder / "3.bin").stat()
    (folder / "3.bin").write_bytes(os.urandom(CHUNK))
    os.utime(folder / "3.bin", ns=(state.st_atime_ns, state.st_mtime_ns))
    second = store.put(folder)
    assert opened == ["3.bin"]
    assert second == scan(folder).cid
    opened.clear()
    sent.clear()
    alone = store.put(folder / "5.bin")
    assert not opened
    assert sum(sent) < 20_000
    assert alone == scan(folder / "5.bin").cid
    assert scan(store.get(alone, tmp_path / "alone.bin")).cid == alone
    assert scan(store.get(second, tmp_path / "copy")).cid == second


def test_what_was_left_out_is_read_after_all_if_the_space_has_lost_it(sharded, tmp_path):
    """The earlier upload is deleted elsewhere, before the next put or in the midst of it."""
    store, _sent = sharded
    folder = versions_of(tmp_path / "model")
    first = store.put(folder)
    elsewhere = Web3Storage(store._connection, store.space, tmp_path / "elsewhere")
    sent = store._sent
    lost = []

    def delete(*arguments):
        if not lost:
            lost.append(elsewhere.delete(first))
        return sent(*arguments)

    (folder / "3.bin").write_bytes(os.urandom(CHUNK))
    store._sent = delete
    second = store.put(folder)
    assert lost
    assert scan(store.get(second, tmp_path / "copy")).cid == second == scan(folder).cid
    elsewhere.delete(second)
    assert store.put(folder) == second
    assert scan(store.get(second, tmp_path / "again")).cid == second


def test_what_a_killed_put_staged_is_no_whole_content(sharded, tmp_path, monkeypatch):
    """It lacks what the space had; when the space has it no more, it is read."""
    store, _sent = sharded
    folder = versions_of(tmp_path / "model")
    first = store.put(folder)
    (folder / "3.bin").write_bytes(os.urandom(CHUNK))
    with monkeypatch.context() as patch:
        patch.setattr(store_module, "add_blob", interrupted)
        with pytest.raises(KeyboardInterrupt):
            store.put(folder)
    store.delete(first)
    second = store.put(folder)
    assert scan(store.get(second, tmp_path / "copy")).cid == second == scan(folder).cid
    assert not list((tmp_path / "w3up" / "staging" / "packs").iterdir())


def interrupted(*_arguments):
    raise KeyboardInterrupt


def test_what_the_space_has_lost_is_sent_again(sharded, tmp_path):
    """A shard of the first version was removed behind its back, although it is listed."""
    store, sent = sharded
    folder = versions_of(tmp_path / "model")
    first = store.put(folder)
    for shard in store._view().upload(Link(first.bytes)).shards:
        remove_blob(store._connection, store.space, shard)
    sent.clear()
    (folder / "3.bin").write_bytes(os.urandom(CHUNK))
    second = store.put(folder)
    assert scan(store.get(second, tmp_path / "copy")).cid == second


def test_a_record_of_an_earlier_upload_that_is_damaged_does_not_matter(sharded, tmp_path):
    store, _sent = sharded
    folder = versions_of(tmp_path / "model")
    store.put(folder)
    for path in (tmp_path / "w3up" / "uploads").glob("*/*"):
        data = bytearray(path.read_bytes())
        data[len(data) // 2] ^= 1
        path.write_bytes(data)
    (folder / "3.bin").write_bytes(os.urandom(CHUNK))
    second = store.put(folder)
    assert scan(store.get(second, tmp_path / "copy")).cid == second


# ---------------------------------------------------------------------- reading


def test_a_gateway_is_enough_to_read(w3up, principal, proof, store, tmp_path):
    folder = make_folder(tmp_path / "model", seed=60)
    cid = store.put(folder)
    blind = replace(w3up.service, indexer="")
    reader = Web3Storage.open_space(blind, principal, proof, tmp_path / "reader")
    assert scan(reader.get(cid, tmp_path / "copy")).cid == cid
    assert reader.has(cid)
    assert not reader.has(CID.of(os.urandom(8)))
    with pytest.raises(StorageError, match="no indexer"):
        reader.pin(scan(folder / "config.json").cid)


def test_a_node_that_serves_another_block_is_noticed(w3up, principal, proof, tmp_path):
    service = replace(w3up.service, gateway="")
    store = Web3Storage.open_space(service, principal, proof, tmp_path / "w3up")
    cid = store.put(io.BytesIO(content(3 * CHUNK, seed=61)))
    damage = f"{w3up.info['url']}/_damage?times="
    httpx.post(f"{damage}1000")
    try:
        with pytest.raises((IntegrityError, FormatError)):
            store.get(cid, tmp_path / "copy")
    finally:
        httpx.post(f"{damage}0")
    assert not (tmp_path / "copy").exists()
    assert store.get(cid, tmp_path / "copy").read_bytes() == content(3 * CHUNK, seed=61)


def test_an_index_that_lies_is_no_more_than_not_found(store, lying, principal, proof, tmp_path):
    """Claims are hints: an answer that is no claim, or none at all, ends in a typed error."""
    cid = store.put(io.BytesIO(content(100, seed=62)))
    reader = Web3Storage.open_space(lying.service, principal, proof, tmp_path / "reader")
    assert reader.has(cid)
    for body in (b"", b"<html>", b"\0" * 100):
        lying.answer = lambda path, body=body: (
            (200, "application/vnd.ipld.car", body) if path.startswith("/claims") else None
        )
        with pytest.raises(AnacostiaError):
            reader.get(cid, tmp_path / "copy")
    lying.answer = lambda path: (404, "text/plain", b"") if path.startswith("/claims") else None
    with pytest.raises(NotFoundError):
        reader.get(cid, tmp_path / "copy")


def test_a_service_needs_its_key():
    with pytest.raises(ConfigError, match=r"key of did:web:example\.org is missing"):
        Service("https://example.org", "did:web:example.org")
    key = Signer.generate().did
    assert Service("https://example.org/", key).key == key
    for url in ("", "file:///etc/passwd", "ftp://example.org", "example.org"):
        with pytest.raises(ConfigError, match="not an http"):
            Service(url, key)


def test_it_is_one_of_several_stores(store, tmp_path):
    """Written to the disk and to the space in one go; the disk's copy lost, the space's is read."""
    local = LocalStore(tmp_path / "local")
    both = ReplicatedStore([local, store], copies=2)
    folder = make_folder(tmp_path / "model", seed=70)
    cid = both.put(folder, name="twice")
    assert local.has(cid)
    assert store.has(cid)
    local.delete(cid)
    assert scan(both.get(cid, tmp_path / "copy")).cid == cid
