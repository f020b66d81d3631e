"""What a check says of copies on real nodes that were damaged, lost, or are only claimed."""

from __future__ import annotations

import io
from contextlib import ExitStack

import pytest

from anacostia_blockchain.content.cid import CID, DAG_PB
from anacostia_blockchain.content.dagpb import decode
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import IntegrityError, NotFoundError
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.storage.health import State, check
from conftest import require_server
from proxies import Answer, Proxy
from store_contract import content, make_folder

pytest.importorskip("ipfshttpclient")

from anacostia_blockchain.storage.cluster import ClusterStore
from anacostia_blockchain.storage.gateway import GatewayStore
from anacostia_blockchain.storage.kubo import KuboStore
from anacostia_blockchain.storage.pinning import PinningStore
from anacostia_blockchain.storage.replicated import ReplicatedStore
from anacostia_blockchain.storage.testing import KuboNode, start_cluster

pytestmark = pytest.mark.integration

DATA = content(20 * CHUNK, seed=400)


def file_of(node, block):
    """Where a node keeps a block."""
    return next(p for p in (node.repo / "blocks").rglob("*.data") if p.read_bytes() == block)


def flip(node, block):
    """Change a byte of it on the disk."""
    path = file_of(node, block)
    path.chmod(0o644)
    path.write_bytes(bytes([block[0] ^ 1]) + block[1:])


def lose(node, block):
    """Take it off the disk."""
    file_of(node, block).unlink()


@pytest.fixture
def node():
    """A node that is broken here."""
    require_server("ipfs")
    with KuboNode() as node:
        yield node


@pytest.fixture
def kubo(node):
    """As the command line opens it, with patience for peers."""
    return KuboStore(node.api, patience=5)


def look(store, cid, **options):
    return check({"it": store}, cid, names=(), wanted=1, **options)


@pytest.mark.parametrize("sample", [16, 0])
@pytest.mark.parametrize(("harm", "state"), [(flip, State.DAMAGED), (lose, State.MISSING)])
def test_a_copy_whose_root_is_gone_is_not_good(node, kubo, tmp_path, harm, state, sample):
    """Alone, beside a store that has nothing, and beside a good one, which mends it."""
    cid = kubo.put(io.BytesIO(DATA), name="digits")
    harm(node, kubo.block(cid))
    alone = look(kubo, cid, sample=sample)
    assert [copy.state for copy in alone.copies] == [state]
    assert (alone.good, alone.healthy) == (0, False)
    assert "no good copy is left" in alone.warning
    with pytest.raises((IntegrityError, NotFoundError)):
        kubo.get(cid, tmp_path / "copy")
    local = LocalStore(tmp_path / "store")
    both = ReplicatedStore([local, kubo], copies=1)
    (found,) = both.check(sample=sample, repair=True)
    assert (found.good, found.healthy) == (0, False)
    local.put(io.BytesIO(DATA), name="digits")
    both = ReplicatedStore([local, kubo])
    (found,) = both.check(sample=sample)
    assert (found.good, found.healthy) == (1, False)
    (found,) = both.check(sample=sample, repair=True)
    assert (found.good, found.healthy) == (2, True)
    assert kubo.get(cid, tmp_path / "mended").read_bytes() == DATA


def test_a_lost_root_is_not_held(node, kubo):
    """Though the node still has its pin."""
    cid = kubo.put(io.BytesIO(DATA))
    lose(node, kubo.block(cid))
    assert kubo.names_of(cid) is not None
    assert not kubo.has(cid)


def test_every_node_is_read_whatever_the_sample(node, kubo, tmp_path):
    """Of a directory below the root, with one leaf to be drawn."""
    cid = kubo.put(make_folder(tmp_path / "model", seed=401))
    (copy,) = look(kubo, cid, sample=1).copies
    assert (copy.state, copy.read) == (State.GOOD, 7)  # 4 directories, 2 files of several leaves, 1
    below = next(link.cid for link in links(kubo, cid) if link.name == "weights")
    flip(node, kubo.block(below))
    (copy,) = look(kubo, cid, sample=1).copies
    assert copy.state is State.DAMAGED


def links(store, cid):
    return decode(store.block(cid)).links


def test_a_damaged_leaf_is_found_sooner_or_later(node, kubo):
    """16 of 20 leaves miss it once in five checks; all of them never do."""
    cid = kubo.put(io.BytesIO(DATA))
    flip(node, DATA[:CHUNK])
    assert any(look(kubo, cid).copies[0].state is State.DAMAGED for _ in range(10))
    assert look(kubo, cid, sample=20).copies[0].state is State.DAMAGED
    assert look(kubo, cid, sample=0).copies[0].state is State.DAMAGED


# ---------------------------------------------------------------------- whose copy


def test_what_a_peer_would_send_is_not_the_nodes_own(node, kubo):
    """Reading goes on with the peer's block; the check says that it is lost."""
    with KuboNode() as peer:
        peer.connect(node)
        cid = kubo.put(io.BytesIO(DATA))
        KuboStore(peer.api).put(io.BytesIO(DATA))
        lose(node, DATA[:CHUNK])
        (copy,) = look(kubo, cid, sample=0).copies
        assert copy.state is State.DAMAGED
        assert "a block is lost" in copy.detail
        assert kubo.block(CID.of(DATA[:CHUNK])) == DATA[:CHUNK]


def test_a_pinning_services_word_is_no_good_copy(cluster_peer, node, kubo):
    """Of two copies one is read; where nothing can be read, that is amiss."""
    service = PinningStore(cluster_peer.pinning, kubo, patience=20)
    both = ReplicatedStore([kubo, service])
    cid = both.put(io.BytesIO(content(3 * CHUNK, seed=402)), name="digits")
    (found,) = both.check(only=cid)
    assert [copy.state for copy in found.copies] == [State.GOOD, State.CLAIMED]
    assert (found.good, found.claimed, found.healthy) == (1, 1, True)
    assert [copy.read for copy in found.copies] == [4, 0]
    assert "the last good copy is in KuboStore" in found.warning
    assert "only says that it has one" in found.warning
    alone = look(service, cid)
    assert (alone.good, alone.claimed, alone.healthy) == (0, 1, False)
    assert "not verified" in alone.warning
    service.drop(cid)  # our node still has it, which is no copy at the service
    assert service.has(cid)
    assert look(service, cid).copies[0].state is State.MISSING
    (found,) = both.check(only=cid, repair=True)
    assert [copy.state for copy in found.copies] == [State.GOOD, State.CLAIMED]
    lose(node, content(3 * CHUNK, seed=402)[:CHUNK])
    (found,) = both.check(only=cid, sample=0)
    assert [copy.state for copy in found.copies] == [State.DAMAGED, State.CLAIMED]
    assert not found.healthy


@pytest.mark.slow
def test_a_clusters_copy_is_good_where_its_node_has_it():
    """Another node gives what others hold, which is then claimed; what is lost is damage."""
    require_server("ipfs-cluster-service")
    with ExitStack() as stack:
        peers = start_cluster(stack, 2)
        reader = KuboStore(peers[0].kubo.api, patience=5)
        store = ClusterStore([peer.api for peer in peers], reader, copies=(1, 1), patience=30)
        cid = store.put(io.BytesIO(content(3 * CHUNK, seed=403)))
        (holder,) = (
            p for p in peers if p.peer_id in {s.peer for s in store.status(cid) if s.holds}
        )
        (other,) = (p for p in peers if p is not holder)
        near, far = (
            ClusterStore([peer.api for peer in peers], KuboStore(p.kubo.api, patience=5))
            for p in (holder, other)
        )
        (copy,) = look(near, cid).copies
        assert (copy.state, copy.read) == (State.GOOD, 4)
        found = look(far, cid)
        assert (found.copies[0].state, found.copies[0].read) == (State.CLAIMED, 4)
        assert (found.good, found.healthy) == (0, True)
        assert holder.folder.name in found.copies[0].detail
        gateway = ClusterStore(holder.api, GatewayStore(holder.kubo.gateway))
        assert look(gateway, cid).copies[0].state is State.CLAIMED
        other.kubo.kill()
        lose(holder.kubo, content(3 * CHUNK, seed=403)[:CHUNK])
        assert look(near, cid, sample=0).copies[0].state is State.DAMAGED
        assert look(far, cid).copies[0].state is State.UNREACHABLE
        assert look(near, CID.of(b"unknown")).copies[0].state is State.MISSING


def test_a_store_that_does_not_answer_may_hold_the_last_copy(kubo, tmp_path):
    """So the others do not say that none is left."""
    gone = KuboStore("http://127.0.0.1:9")
    local = LocalStore(tmp_path / "store")
    cid = local.put(io.BytesIO(DATA))
    both = ReplicatedStore([local, gone, kubo])
    (found,) = both.check()
    assert [copy.state for copy in found.copies] == [State.GOOD, State.UNREACHABLE, State.MISSING]
    assert "the last good copy is in LocalStore" in found.warning
    assert "9') could not be asked" in found.warning
    found = check({"gone": gone, "kubo": kubo}, cid, names=(), wanted=1)
    assert "no good copy was found, but gone could not be asked" in found.warning
    assert (found.good, found.healthy) == (0, False)
    service = PinningStore("http://127.0.0.1:9", kubo)
    assert look(service, cid).copies[0].state is State.UNREACHABLE


def test_a_service_without_that_call_is_unreachable(cluster_peer, kubo):
    """404 is about the service there, and not about the content."""
    with Proxy(cluster_peer.pinning) as proxy:
        proxy.fault = lambda _asked: Answer(404, b"{}")
        (copy,) = look(PinningStore(proxy.url, kubo), CID.of(b"x")).copies
        assert copy.state is State.UNREACHABLE


def test_what_no_store_keeps_is_repaired_from_a_gateway(node, kubo, tmp_path):
    """A gateway keeps nothing, but may still have it."""
    cid = kubo.put(io.BytesIO(DATA))
    local = LocalStore(tmp_path / "store")
    local.put(io.BytesIO(DATA))
    local.unpin(cid)
    local.pin(cid, "digits")
    for path in (local.folder / "packs").iterdir():
        path.unlink()
    both = ReplicatedStore([local, GatewayStore(node.gateway)])
    (found,) = both.check()
    assert (found.good, found.healthy) == (0, False)
    assert "still gives it" in found.warning
    (found,) = both.check(repair=True)
    assert (found.good, found.healthy) == (1, True)


# ---------------------------------------------------------------------- others' content


def test_what_is_no_content_of_this_package_is_only_claimed(node, kubo):
    """Another program's: its bytes are right, and what it links to is not known here."""
    block = b"\x0a\x02\x08\x07"  # a dag-pb node with UnixFS data of no type that exists
    cid = CID.of(block, DAG_PB)
    stored = kubo._rpc.client.block.put(io.BytesIO(block), opts={"cid-codec": "dag-pb"})
    assert stored["Key"] == str(cid)
    kubo._rpc.client.pin.add(str(cid))
    (copy,) = look(kubo, cid).copies
    assert (copy.state, copy.read) == (State.CLAIMED, 0)
    assert "no content of this package" in copy.detail
