"""A real IPFS Cluster: the contract on one peer, and three peers of which one dies."""

from __future__ import annotations

import io
import json
import threading
from contextlib import ExitStack

import pytest

from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import (
    AccessDeniedError,
    ConfigError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage.cluster import ClusterStore
from anacostia_blockchain.storage.gateway import GatewayStore
from conftest import require_server
from proxies import Answer, Proxy
from store_contract import StoreContract, blocks_of, content, make_car, make_folder

pytest.importorskip("ipfshttpclient")

from anacostia_blockchain.storage.kubo import KuboStore
from anacostia_blockchain.storage.testing import ClusterPeer, KuboNode, start_cluster
from waiting import wait_for

pytestmark = pytest.mark.integration


class TestContract(StoreContract):
    @pytest.fixture
    def store(self, cluster_peer):
        return ClusterStore(cluster_peer.api, KuboStore(cluster_peer.kubo.api, patience=0))

    @pytest.fixture
    def hasty(self, cluster_peer):
        reader = KuboStore(cluster_peer.kubo.api, patience=0)
        return ClusterStore(cluster_peer.api, reader, patience=10)


@pytest.fixture
def three():
    require_server("ipfs-cluster-service")
    with ExitStack() as stack:
        yield start_cluster(stack, 3)


@pytest.mark.slow
def test_a_peer_dies_and_its_copy_is_made_again(three, tmp_path):
    """Two copies of three; one holder is killed; content is served, and copied to the third."""
    gateways = GatewayStore([peer.kubo.gateway for peer in three], timeout=5)
    store = ClusterStore([peer.api for peer in three], gateways, copies=(2, 2), patience=30)
    cid = store.put(make_folder(tmp_path / "model", seed=60), name="digits")
    assert len(store.peers()) == 3
    holders = {peer.peer for peer in store.status(cid) if peer.holds}
    assert len(holders) == 2
    victim = next(peer for peer in three if peer.peer_id in holders)
    victim.kill()
    victim.kubo.kill()
    copy = store.get(cid, tmp_path / "copy")
    assert scan(copy).cid == cid
    wait_for(lambda: len(store.peers()) == 2)
    wait_for(
        lambda: len({p.peer for p in store.status(cid) if p.holds} - {victim.peer_id}) == 2,
        seconds=120,
        instead=lambda: (store.status(cid), [peer.log[-2000:] for peer in three]),
    )
    assert [pin.name for pin in store.pins()] == ["digits"]
    survivor = next(p for p in three if p is not victim and p.peer_id not in holders)
    assert KuboStore(survivor.kubo.api, patience=0).has(cid)


def test_status_says_what_each_peer_does(cluster_peer):
    """Held, and never heard of."""
    store = ClusterStore(cluster_peer.api, KuboStore(cluster_peer.kubo.api, patience=0))
    cid = store.put(io.BytesIO(content(2 * CHUNK, seed=61)))
    (status,) = store.status(cid)
    assert (status.peer, status.holds) == (cluster_peer.peer_id, True)
    store.recover(cid)
    assert store.peers() == [cluster_peer.peer_id]


def test_more_copies_than_peers_are_refused(cluster_peer):
    """In the cluster's words; nothing is pinned."""
    store = ClusterStore(
        cluster_peer.api, KuboStore(cluster_peer.kubo.api, patience=0), copies=(2, 3), patience=3
    )
    data = content(1000, seed=62)
    with pytest.raises(StoreUnavailableError, match="not enough"):
        store.put(io.BytesIO(data))
    assert scan_of(data) not in {pin.cid for pin in store.pins()}
    with pytest.raises(ConfigError):
        ClusterStore(cluster_peer.api, KuboStore(cluster_peer.kubo.api), copies=(3, 2))
    with pytest.raises(ConfigError):
        ClusterStore([], KuboStore(cluster_peer.kubo.api))


def test_a_peer_that_is_gone_is_passed_over(cluster_peer):
    """The next one is asked, and first from then on."""
    reader = KuboStore(cluster_peer.kubo.api, patience=0)
    store = ClusterStore(["http://127.0.0.1:9", cluster_peer.api], reader)
    cid = store.put(io.BytesIO(content(1000, seed=63)))
    assert store.has(cid)
    nobody = ClusterStore("http://127.0.0.1:9", reader)
    with pytest.raises(StoreUnavailableError, match="no peer"):
        nobody.has(cid)


def test_a_cluster_that_answers_another_cid(cluster_peer):
    """What it says it added is not what was sent."""
    with Proxy(cluster_peer.api) as proxy:
        answer = Answer(200, b'[{"cid": "bafkqaaa"}]')
        proxy.fault = lambda asked: answer if asked.path.startswith("/add") else None
        store = ClusterStore(proxy.url, KuboStore(cluster_peer.kubo.api, patience=0))
        with pytest.raises(IntegrityError, match="answered"):
            store.put(io.BytesIO(content(1000, seed=64)))
        assert store.names_of(scan_of(content(1000, seed=64))) is None


def test_an_error_page_with_status_200(cluster_peer):
    """From something in between that is no cluster."""
    with Proxy(cluster_peer.api) as proxy:
        proxy.fault = lambda _asked: Answer(200, b"<html>sign in</html>")
        store = ClusterStore(proxy.url, KuboStore(cluster_peer.kubo.api, patience=0))
        with pytest.raises(StoreUnavailableError):
            store.put(io.BytesIO(b"x"))
        with pytest.raises(StoreUnavailableError):
            list(store.pins())


def test_a_cluster_that_goes_away_in_the_middle_of_an_upload(cluster_peer):
    """An error, nothing pinned, and the next attempt works."""
    data = content(12 * CHUNK, seed=65)
    reader = KuboStore(cluster_peer.kubo.api, patience=0)
    with Proxy(cluster_peer.api) as proxy:
        proxy.upload_limit = 4 * CHUNK
        with pytest.raises(StoreUnavailableError):
            ClusterStore(proxy.url, reader).put(io.BytesIO(data))
    store = ClusterStore(cluster_peer.api, reader)
    cid = scan_of(data)
    assert cid not in {pin.cid for pin in store.pins()}
    assert store.put(io.BytesIO(data)) == cid


def test_a_peer_that_takes_all_and_never_answers(cluster_peer, monkeypatch):
    """As one does whose node's disk is full: an error that says where to look, in good time."""
    monkeypatch.setattr("anacostia_blockchain.storage.cluster._LEAST_PATIENCE", 0.1)
    never, reader = threading.Event(), KuboStore(cluster_peer.kubo.api, patience=0)
    data = content(2 * CHUNK, seed=68)
    with Proxy(cluster_peer.api) as proxy:
        silent = Answer(after=never)
        proxy.fault = lambda asked: silent if asked.path.startswith("/add") else None
        store = ClusterStore(proxy.url, reader, patience=0.5)
        with pytest.raises(StoreUnavailableError, match=r"has taken all, .* for 0\.5 s: .*disk"):
            store.put(io.BytesIO(data))
        wait_for(lambda: proxy.asked[-1].sent > len(data))
        never.set()
    real = ClusterStore(cluster_peer.api, reader)
    assert scan_of(data) not in {pin.cid for pin in real.pins()}


def scan_of(data):
    return blocks_of(data)[0]


def test_a_name_and_password_are_asked_for():
    """In the URL; they are in no message."""
    require_server("ipfs-cluster-service")
    with KuboNode() as kubo, ClusterPeer(kubo, user=("me", "pass-word")) as peer:
        reader = KuboStore(kubo.api, patience=0)
        store = ClusterStore(peer.api, reader)
        with pytest.raises(AccessDeniedError):
            store.put(io.BytesIO(b"x"))
        allowed = ClusterStore(peer.api.replace("://", "://me:pass-word@"), reader)
        cid = allowed.put(io.BytesIO(b"x"))
        assert allowed.has(cid)
        assert "pass-word" not in repr(allowed)
        with pytest.raises(NotFoundError) as caught:
            ClusterStore(peer.api.replace("://", "://me:pass-word@"), reader, patience=1).pin(
                scan_of(b"nobody has this")
            )
        assert "pass-word" not in str(caught.value)


def says(asked, *statuses):
    """What a cluster tells of a pin's peers; None for another question."""
    if asked.method != "GET" or not asked.path.startswith("/pins/"):
        return None
    peers = {
        str(n): {"peername": f"peer-{n}", "status": status, "error": ""}
        for n, status in enumerate(statuses)
    }
    found = {"cid": asked.path.rpartition("/")[2], "peer_map": peers}
    return Answer(200, json.dumps(found).encode())


def test_a_put_of_which_no_copy_comes_leaves_no_pin(cluster_peer):
    """Of a CID that was pinned before, the names that it had."""
    reader = KuboStore(cluster_peer.kubo.api, patience=0)
    data, real = content(1000, seed=66), ClusterStore(cluster_peer.api, reader)
    with Proxy(cluster_peer.api) as proxy:
        proxy.fault = lambda asked: says(asked, "pin_error", "remote")
        store = ClusterStore(proxy.url, reader, patience=1)
        with pytest.raises(NotFoundError, match=r"0 of 1 copies.*pin_error"):
            store.put(io.BytesIO(data), name="digits")
        assert any(asked.path.startswith("/add") and asked.sent for asked in proxy.asked)
        assert real.names_of(scan_of(data)) is None
        archive = make_car(*blocks_of(data))
        with pytest.raises(NotFoundError):
            store.put_car(archive, name="digits")
        assert real.names_of(scan_of(data)) is None
        real.put(io.BytesIO(data), name="before")
        with pytest.raises(NotFoundError):
            store.put(io.BytesIO(data), name="digits")
        assert real.names_of(scan_of(data)) == ["before"]


def test_a_put_with_too_few_copies_stays_pinned(cluster_peer):
    """The cluster makes the others when it can; the error says so."""
    reader = KuboStore(cluster_peer.kubo.api, patience=0)
    data, real = content(1000, seed=67), ClusterStore(cluster_peer.api, reader)

    def fault(asked):
        asked.path = asked.path.replace("replication-min=2", "replication-min=1")
        return says(asked, "pinned", "pin_error")

    with Proxy(cluster_peer.api) as proxy:
        proxy.fault = fault
        store = ClusterStore(proxy.url, reader, copies=(2, 2), patience=1)
        with pytest.raises(StorageError, match=r"1 of 2 copies.*stays pinned"):
            store.put(io.BytesIO(data), name="digits")
    assert real.names_of(scan_of(data)) == ["digits"]
    wait_for(lambda: real.has(scan_of(data)))
