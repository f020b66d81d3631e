"""Answers of status 200 that are JSON of another shape, at each place where one is read.

A service of another version, a proxy's own page, a liar: what comes is an error of this package's
that names the host, and nothing is taken for what it is not.
"""

from __future__ import annotations

import io
import os

import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import (
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage.answers import Fields
from proxies import Answer, Proxy
from store_contract import blocks_of, content, make_car

pytest.importorskip("ipfshttpclient")

from anacostia_blockchain.storage.cluster import ClusterStore
from anacostia_blockchain.storage.kubo import KuboStore
from anacostia_blockchain.storage.pinning import PinningStore

pytestmark = pytest.mark.integration

DEEP = b"[" * 100_000
"""A parser that recurses on it ends the process, where web3 has raised Python's limit."""

NO_OBJECTS = [b"[]", b"[1]", b"1", b'"x"', b"null", b'[{"cid": {}}]']

ODD_OBJECTS = [
    b'{"name": 1, "cid": [], "id": {}, "error": 1, "peer_map": 1, "timestamp": 1}',
    b'{"Root": "x", "Cid": 1, "Pins": "z", "Progress": "z", "Size": "z", "Hash": {}, "Name": 1}',
    b'{"Root": {"Cid": 1}, "Pins": [1], "Progress": -1, "Size": -1, "Cid": {}, "Hash": 1}',
    b'{"Version": 1, "Addresses": 1, "Type": 1, "results": 1, "requestid": 1, "pin": "x"}',
    b'{"Version": [], "Addresses": [1], "Keys": 1, "results": [1], "pin": {"cid": 1}, "Size": []}',
]

ODD = [*NO_OBJECTS, *ODD_OBJECTS]


class Scene:
    """A store, content that is there, and content that is not."""

    def __init__(self, store) -> None:
        self.store = store
        self.data = content(2 * CHUNK, seed=900)
        self.cid, self.blocks = blocks_of(self.data)
        self.leaf = self.blocks[0][0]
        self.new = os.urandom(1000)

    def put(self):
        self.store.put(io.BytesIO(self.new), name="new")

    def put_again(self):
        self.store.put(io.BytesIO(self.data), name="another")

    def put_car(self):
        self.store.put_car(make_car(*blocks_of(self.new)))

    def get(self, folder):
        self.store.get(self.cid, folder / "copy", progress=lambda _done, _total: None)


def broken(proxy, method, where, page):
    """Answer what is asked with a path that holds `where` by `page`, and the rest truly."""
    answer = Answer(200, page)
    proxy.fault = lambda asked: answer if asked.method == method and where in asked.path else None


CLUSTER = {
    "put: the names": ("GET", "/allocations/", Scene.put),
    "put: what was added": ("POST", "/add", Scene.put),
    "put: its copies": ("GET", "/pins/", Scene.put),
    "put_car: what was added": ("POST", "/add", Scene.put_car),
    "has": ("GET", "/pins/", lambda scene: scene.store.has(scene.cid)),
    "status": ("GET", "/pins/", lambda scene: scene.store.status(scene.cid)),
    "peers": ("GET", "/peers", lambda scene: scene.store.peers()),
    "probe": ("GET", "/peers", lambda scene: scene.store.probe()),
    "pin": ("GET", "/allocations/", lambda scene: scene.store.pin(scene.cid, "n")),
    "unpin": ("GET", "/allocations/", lambda scene: scene.store.unpin(scene.cid)),
    "delete": ("GET", "/allocations/", lambda scene: scene.store.delete(scene.cid)),
    "pins": ("GET", "/allocations?", lambda scene: list(scene.store.pins())),
}


@pytest.fixture(scope="module")
def before_cluster(cluster_peer):
    with Proxy(cluster_peer.api) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def of_cluster(before_cluster, cluster_peer):
    reader = KuboStore(cluster_peer.kubo.api, patience=0)
    scene = Scene(ClusterStore(before_cluster.url, reader, patience=5))
    scene.store.put(io.BytesIO(scene.data))
    return scene


@pytest.mark.parametrize("page", [DEEP, *ODD], ids=lambda page: page[:20].decode())
@pytest.mark.parametrize("case", CLUSTER)
def test_of_a_cluster(before_cluster, of_cluster, case, page):
    """Whichever of its calls it is."""
    method, where, act = CLUSTER[case]
    broken(before_cluster, method, where, page)
    host = before_cluster.url.removeprefix("http://")
    with pytest.raises((StoreUnavailableError, IntegrityError), match=host):
        act(of_cluster)


KUBO = {
    "put: the names": ("/pin/ls", Scene.put),
    "put: its root": ("/dag/import", Scene.put),
    "put: another name": ("/pin/add", Scene.put_again),
    "put: what it holds": ("/block/stat", Scene.put_again),
    "put_car": ("/dag/import", Scene.put_car),
    "has": ("/pin/ls", lambda scene: scene.store.has(scene.cid)),
    "has: a leaf": ("/block/stat", lambda scene: scene.store.has(scene.leaf)),
    "stat": ("/block/stat", lambda scene: scene.store.stat(scene.leaf)),
    "pin": ("/pin/ls", lambda scene: scene.store.pin(scene.cid, "n")),
    "pin: what arrives": ("/pin/add", lambda scene: scene.store.pin(scene.leaf)),
    "unpin": ("/pin/ls", lambda scene: scene.store.unpin(scene.cid)),
    "delete": ("/pin/ls", lambda scene: scene.store.delete(scene.cid)),
    "pins": ("/pin/ls", lambda scene: list(scene.store.pins())),
    "version": ("/version", lambda scene: scene.store.version()),
    "probe": ("/version", lambda scene: scene.store.probe()),
}


@pytest.fixture(scope="module")
def before_kubo(kubo):
    with Proxy(kubo.api) as proxy:
        yield proxy


@pytest.fixture(scope="module")
def of_kubo(before_kubo):
    scene = Scene(KuboStore(before_kubo.url, patience=1))
    scene.store.put(io.BytesIO(scene.data), name="kept")
    return scene


@pytest.mark.parametrize("page", ODD, ids=lambda page: page[:20].decode())
@pytest.mark.parametrize("case", KUBO)
def test_of_a_node(before_kubo, of_kubo, case, page):
    """Whichever of its calls it is."""
    where, act = KUBO[case]
    broken(before_kubo, "POST", where, page)
    host = before_kubo.url.removeprefix("http://")
    kinds = (StoreUnavailableError, IntegrityError, NotFoundError)
    with pytest.raises(kinds, match=host):
        act(of_kubo)


@pytest.mark.parametrize("page", [b"", *NO_OBJECTS, b'{"Addresses": 1}', b'{"Addresses": [1]}'])
def test_of_a_node_without_addresses(before_kubo, of_kubo, page):
    """To have none is no fault; to have something else is."""
    broken(before_kubo, "POST", "/id", page)
    with pytest.raises(StoreUnavailableError, match=before_kubo.url.removeprefix("http://")):
        of_kubo.store.addresses()


@pytest.mark.parametrize("case", ["put: the names", "put: its root", "pins", "stat"])
def test_of_a_node_nested_too_deeply(before_kubo, of_kubo, case):
    """Refused before it is parsed."""
    where, act = KUBO[case]
    broken(before_kubo, "POST", where, DEEP)
    with pytest.raises(StoreUnavailableError, match="no JSON"):
        act(of_kubo)


DONE = {
    "unpin": ("/pin/rm", lambda scene: scene.store.unpin(scene.cid)),
    "pin: the empty file": ("/block/put", lambda scene: scene.store.pin(scene.leaf)),
    "connect": ("/swarm/connect", lambda scene: scene.store.connect("/ip4/127.0.0.1/tcp/9")),
}


@pytest.mark.parametrize("page", [b"", *NO_OBJECTS], ids=lambda page: page[:20].decode())
@pytest.mark.parametrize("case", DONE)
def test_of_a_node_that_has_only_to_say_that_it_is_done(before_kubo, of_kubo, case, page):
    """Any object says so, and nothing else does."""
    where, act = DONE[case]
    asked = len(before_kubo.paths(where))
    host = before_kubo.url.removeprefix("http://")
    broken(before_kubo, "POST", where, page)
    with pytest.raises(StoreUnavailableError, match=host):
        act(of_kubo)
    assert len(before_kubo.paths(where)) > asked


@pytest.mark.parametrize("case", ["put: its root", "put: another name", "pin: what arrives"])
@pytest.mark.parametrize("case_page", [b"", b"\n\n"])
def test_of_a_node_that_says_nothing(before_kubo, of_kubo, case, case_page):
    """An empty body is no consent."""
    where, act = KUBO[case]
    broken(before_kubo, "POST", where, case_page)
    kinds = (StoreUnavailableError, IntegrityError, NotFoundError)
    with pytest.raises(kinds, match=before_kubo.url.removeprefix("http://")):
        act(of_kubo)


@pytest.mark.parametrize("page", [b"", *ODD], ids=lambda page: page[:20].decode())
def test_of_a_node_that_cuts_a_large_file_itself(before_kubo, of_kubo, tmp_path, page):
    """The question before, which settles whether it does, is answered truly."""
    file = tmp_path / "large"
    file.write_bytes(os.urandom(17 * CHUNK))
    broken(before_kubo, "POST", f"chunker=size-{CHUNK}", page)
    host = before_kubo.url.removeprefix("http://")
    with pytest.raises((StoreUnavailableError, IntegrityError), match=host):
        of_kubo.store.put(file)


def test_a_node_that_does_not_stream_its_pins(before_kubo, of_kubo):
    """All in one object, as it says to whoever does not ask for a stream."""
    page = f'{{"Keys": {{"{of_kubo.cid}": {{"Type": "recursive", "Name": "kept"}}, "Qm": {{}}}}}}'
    broken(before_kubo, "POST", "/pin/ls", page.encode())
    assert [(pin.cid, pin.name) for pin in of_kubo.store.pins()] == [(of_kubo.cid, "kept")]


SERVICE = {
    "has": ("GET", lambda scene: scene.store.has(scene.cid)),
    "pins": ("GET", lambda scene: list(scene.store.pins())),
    "unpin": ("GET", lambda scene: scene.store.unpin(scene.cid)),
    "delete": ("GET", lambda scene: scene.store.delete(scene.cid)),
    "probe": ("GET", lambda scene: scene.store.probe()),
    "put: the names": ("GET", Scene.put),
    "put: its request": ("POST", Scene.put),
    "put_car": ("POST", Scene.put_car),
    "pin": ("POST", lambda scene: scene.store.pin(CID.of(scene.new))),
}


@pytest.mark.parametrize("page", [b"", *ODD], ids=lambda page: page[:20].decode())
@pytest.mark.parametrize("case", SERVICE)
def test_of_a_pinning_service(cluster_peer, kubo, case, page):
    """Its API has one kind of object, which is read in one place."""
    with Proxy(cluster_peer.pinning) as proxy:
        scene = Scene(PinningStore(proxy.url, KuboStore(kubo.api, patience=0), patience=1))
        method, act = SERVICE[case]
        broken(proxy, method, "/pins", page)
        with pytest.raises(StoreUnavailableError, match=proxy.url.removeprefix("http://")):
            act(scene)


def test_a_listing_without_end(before_cluster, of_cluster):
    """A line is held in memory, so it has a limit."""
    broken(before_cluster, "GET", "/allocations?", b'{"cid": "' + b"x" * (3 << 20))
    with pytest.raises(StoreUnavailableError, match="without end"):
        list(of_cluster.store.pins())


def test_times():
    """With a zone, without one, and what is none."""
    fields = Fields("host", {"a": "2026-01-02T03:04:05Z", "b": "2026-01-02T03:04:05", "c": "soon"})
    assert fields.moment("a") == fields.moment("b")
    for name in ("c", "d"):
        with pytest.raises(StoreUnavailableError, match="host"):
            fields.moment(name)


def test_what_is_said_of_it_is_short():
    """Whatever a service sends."""
    with pytest.raises(StorageError) as caught:
        Fields("host", {"a": "x" * 10_000}).number("a")
    assert len(str(caught.value)) < 300
