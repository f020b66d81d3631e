"""Gateways that nobody has to trust: real ones of Kubo, behind proxies that lie."""

from __future__ import annotations

import io
import itertools
import os
import threading

import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.dagpb import decode
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import (
    ConfigError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage.gateway import GatewayStore
from conftest import require_server
from proxies import Answer, Proxy, cut, flip
from store_contract import content, make_folder

pytest.importorskip("ipfshttpclient")

from anacostia_blockchain.storage.kubo import KuboStore
from anacostia_blockchain.storage.testing import KuboNode
from waiting import wait_for

pytestmark = pytest.mark.integration

NOTHING = "http://127.0.0.1:9"


@pytest.fixture(scope="module")
def node():
    """A node whose gateway says at once what it does not have."""
    require_server("ipfs")
    with KuboNode({"Gateway.NoFetch": True}) as node:
        yield node


@pytest.fixture(scope="module")
def large(node):
    """A file of two levels of nodes' worth of streams: 24 chunks, all different."""
    return KuboStore(node.api).put(io.BytesIO(content(24 * CHUNK + 5, seed=40)))


@pytest.fixture(scope="module")
def folder(node, tmp_path_factory):
    return KuboStore(node.api).put(make_folder(tmp_path_factory.mktemp("model") / "m", seed=41))


@pytest.fixture(autouse=True)
def _far(monkeypatch):
    """Gateways count as far away, as most are, so that large files come as streams."""
    monkeypatch.setattr(GatewayStore, "near", 0)


@pytest.fixture
def liar(node):
    with Proxy(node.gateway) as proxy:
        yield proxy


def test_a_folder_and_a_file_come_whole(node, large, folder, tmp_path):
    """Small files block by block, the large one as a stream."""
    store = GatewayStore(node.gateway)
    assert scan(store.get(folder, tmp_path / "folder")).cid == folder
    assert scan(store.get(large, tmp_path / "file")).cid == large
    stat = store.stat(folder)
    assert stat.is_directory
    assert stat.size == scan(tmp_path / "folder").size
    assert store.has(folder)
    assert list(store.pins()) == []


def test_a_file_is_one_request_and_its_root(liar, large, tmp_path):
    """One for the root block, one stream for all that is below."""
    GatewayStore(liar.url).get(large, tmp_path / "file")
    assert len(liar.paths("format=raw")) == 1
    assert len(liar.paths("format=car")) == 1


def test_a_gateway_nearby_is_asked_for_blocks(liar, large, tmp_path, monkeypatch):
    """Its first answer tells."""
    monkeypatch.setattr(GatewayStore, "near", 60)
    store = GatewayStore(liar.url)
    assert scan(store.get(large, tmp_path / "file")).cid == large
    assert liar.paths("format=car") == []
    assert len(liar.paths("format=raw")) == 26


def test_a_block_that_breaks_off_is_no_lie(liar, large, tmp_path):
    """It is asked for again, and the gateway stays."""
    store = GatewayStore(liar.url, streams=False)
    broken = cut(1000, "format=raw")

    def sometimes(asked, offset, piece):
        leaf, asked_once = str(large) not in asked.path, liar.paths().count(asked.path) == 1
        return broken(asked, offset, piece) if leaf and asked_once else piece

    liar.alter = sometimes
    assert scan(store.get(large, tmp_path / "file")).cid == large
    assert not store.gateways[0].dropped


def test_a_leaf_without_end_is_not_read(liar, large, tmp_path):
    """Nor written; what was verified before stays."""
    store = GatewayStore(liar.url, streams=False)
    store.block(large)
    liar.fault = lambda asked: (
        Answer(200, b"x" * (64 << 20)) if str(large) not in asked.path else None
    )
    with pytest.raises(IntegrityError):
        store.get(large, tmp_path / "file")
    assert store.gateways[0].dropped
    assert not (tmp_path / "file").exists()


def test_without_streams_blocks_come_some_at_a_time(liar, large, tmp_path):
    """Quicker from one's own node."""
    store = GatewayStore(liar.url, streams=False)
    assert scan(store.get(large, tmp_path / "file")).cid == large
    assert liar.paths("format=car") == []


def test_a_file_opens_and_seeks(node, large):
    """Random access fetches what it needs."""
    data = content(24 * CHUNK + 5, seed=40)
    with GatewayStore(node.gateway).open(large) as stream:
        stream.seek(7 * CHUNK - 3)
        assert stream.read(9) == data[7 * CHUNK - 3 : 7 * CHUNK + 6]


def test_an_archive_comes_out(node, folder):
    """For the next store."""
    archive = io.BytesIO()
    GatewayStore(node.gateway).export_car(folder, archive)
    archive.seek(0)
    assert KuboStore(node.api).put_car(archive) == folder


def test_what_no_gateway_has_is_not_found(node, tmp_path):
    """And nothing is at the target."""
    store, unknown = GatewayStore([node.gateway, NOTHING]), CID.of(os.urandom(8))
    with pytest.raises((NotFoundError, StoreUnavailableError)):
        store.get(unknown, tmp_path / "copy")
    with pytest.raises(NotFoundError):
        GatewayStore(node.gateway).get(unknown, tmp_path / "copy")
    assert not GatewayStore(node.gateway).has(unknown)
    assert not (tmp_path / "copy").exists()


def test_a_gateway_that_flips_a_bit_is_dropped(liar, node, large, tmp_path):
    """At the first bad block, in the stream; the honest one goes on from there."""
    liar.alter = flip(5 * CHUNK, "format=car")
    store = GatewayStore([liar.url, node.gateway])
    store.gateways[0].seconds = 0.0001  # it is the quickest
    store.gateways[1].seconds = 1.0
    assert scan(store.get(large, tmp_path / "copy")).cid == large
    assert "not what its CID" in store.gateways[0].dropped
    assert not store.gateways[1].dropped
    asked = len(liar.asked)
    store.block(large)
    assert len(liar.asked) == asked


def test_a_gateway_that_lies_in_a_block_is_dropped(liar, node, folder, tmp_path):
    """Also where it is raced for single blocks."""
    liar.alter = flip(3, "format=raw")
    store = GatewayStore([liar.url, node.gateway])
    assert scan(store.get(folder, tmp_path / "copy")).cid == folder
    wait_for(lambda: store.gateways[0].dropped)  # the honest one may have been the first each time


def test_with_liars_alone_nothing_is_written(liar, large, tmp_path):
    """No honest gateway, no content."""
    liar.alter = flip(3)
    with pytest.raises(IntegrityError, match="nobody sent"):
        GatewayStore(liar.url).get(large, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_a_stream_that_breaks_off_is_resumed(liar, large, tmp_path):
    """From the block that is missing, not from the beginning."""
    breaks = itertools.count()

    def sometimes(asked, offset, piece):
        broken = "format=car" in asked.path and offset > 5 * CHUNK
        return None if broken and next(breaks) < 2 else piece

    liar.alter = sometimes
    assert scan(GatewayStore(liar.url).get(large, tmp_path / "copy")).cid == large
    starts = [path.partition("entity-bytes=")[2] for path in liar.paths("format=car")]
    assert len(starts) == 3
    assert starts[0] == ""
    assert all(int(start.partition("%3A")[0]) >= 4 * CHUNK for start in starts[1:])


def test_an_interrupted_get_asks_for_the_rest_alone(liar, large, tmp_path):
    """A second call reads what is there and streams from behind it."""

    def interrupt(done, total):
        if done > 10 * CHUNK:
            raise KeyboardInterrupt

    store = GatewayStore(liar.url)
    with pytest.raises(KeyboardInterrupt):
        store.get(large, tmp_path / "copy", progress=interrupt)
    liar.asked.clear()
    assert scan(store.get(large, tmp_path / "copy")).cid == large
    (path,) = liar.paths("format=car")
    assert int(path.partition("entity-bytes=")[2].partition("%3A")[0]) >= 10 * CHUNK


def test_a_gateway_without_archives_still_serves(liar, large, tmp_path):
    """Block by block."""
    page = Answer(200, b"<html>busy</html>", {"Content-Type": "text/html"})
    liar.fault = lambda asked: page if "format=car" in asked.path else None
    assert scan(GatewayStore(liar.url).get(large, tmp_path / "copy")).cid == large
    assert len(liar.paths("format=raw")) > 20


def test_an_archive_in_another_order_is_given_up(liar, node, large, tmp_path):
    """Its blocks are true, but not those that were asked for."""
    other = KuboStore(node.api).put(io.BytesIO(content(6 * CHUNK, seed=42)))
    archive = io.BytesIO()
    KuboStore(node.api).export_car(other, archive)
    answer = Answer(200, archive.getvalue(), {"Content-Type": "application/vnd.ipld.car"})
    liar.fault = lambda asked: answer if "format=car" in asked.path else None
    store = GatewayStore(liar.url)
    assert scan(store.get(large, tmp_path / "copy")).cid == large
    assert not store.gateways[0].streams


def test_repeated_blocks_that_a_gateway_leaves_out(node, tmp_path):
    """`dups=y` is a wish; a file of zeros is one leaf many times."""
    cid = KuboStore(node.api).put(io.BytesIO(bytes(12 * CHUNK)))
    assert scan(GatewayStore(node.gateway).get(cid, tmp_path / "copy")).cid == cid


def test_gateways_that_do_not_answer_are_passed_over(node, large, tmp_path):
    """One is not there, one is out of order, one is honest."""
    with Proxy(NOTHING) as dead, Proxy(node.gateway) as broken:
        broken.fault = lambda _asked: Answer(503, b"later", {"Retry-After": "0"})
        store = GatewayStore([NOTHING, dead.url, broken.url, node.gateway])
        assert scan(store.get(large, tmp_path / "copy")).cid == large


def test_a_stream_that_drips_is_gone_on_with_elsewhere(liar, node, large, tmp_path, monkeypatch):
    """Each byte comes well within the time-out; at that pace, the file would take a day."""
    monkeypatch.setattr("anacostia_blockchain.storage.pace.WINDOW", 1)
    archive = io.BytesIO()
    KuboStore(node.api).export_car(large, archive)
    kind = {"Content-Type": "application/vnd.ipld.car"}
    answer = Answer(200, archive.getvalue(), kind, drip=0.005)
    liar.fault = lambda asked: answer if "format=car" in asked.path else None
    store = GatewayStore([liar.url, node.gateway])
    dripping, honest = store.gateways
    honest.seconds = 3.0  # so that the other's stream is opened first
    assert scan(store.get(large, tmp_path / "copy")).cid == large
    assert liar.paths("format=car")
    assert not dripping.dropped
    assert dripping.seconds > honest.seconds


@pytest.mark.parametrize("near", [0, 1000])
def test_a_block_that_drips_is_given_up(liar, node, large, tmp_path, monkeypatch, near):
    """Whichever way it is asked for; and another gateway's is taken."""
    monkeypatch.setattr("anacostia_blockchain.storage.pace.WINDOW", 0.3)
    monkeypatch.setattr(GatewayStore, "near", near)
    slow = Answer(200, bytes(CHUNK), drip=0.005)
    liar.fault = lambda asked: None if str(large) in asked.path else slow
    alone = GatewayStore(liar.url, streams=False)
    with pytest.raises(StoreUnavailableError, match="fewer than 1,024 bytes a second"):
        alone.get(large, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()
    both = GatewayStore([liar.url, node.gateway], streams=False)
    assert scan(both.get(large, tmp_path / "copy")).cid == large


def test_a_slow_gateway_is_not_waited_for(liar, node, large):
    """Neither when nothing is known of it, nor when it was quick before."""
    late = threading.Event()

    def wait(_asked):
        late.wait(60)

    leaves = [link.cid for link in decode(KuboStore(node.api).block(large)).links]
    store = GatewayStore([liar.url, node.gateway])
    try:
        for known in (None, 0.001):
            store.gateways[0].seconds, store.gateways[1].seconds = known, 0.002
            liar.fault = wait
            cid = leaves.pop()
            assert CID.of(store.block(cid)) == cid
            assert store.gateways[0].seconds == known  # it has neither answered nor failed yet
            wait_for(lambda cid=cid: liar.paths(str(cid)))
    finally:
        late.set()


def test_an_error_page_with_status_200_is_no_block(liar, tmp_path):
    """It is not what was asked for, so that gateway is dropped."""
    liar.fault = lambda _asked: Answer(200, b"<html>welcome</html>")
    with pytest.raises(IntegrityError):
        GatewayStore(liar.url).get(CID.of(b"x"), tmp_path / "copy")


def test_an_endless_answer_is_not_read(liar):
    """No block is larger than 2 MiB, whatever comes."""
    liar.fault = lambda _asked: Answer(200, b"x" * (64 << 20))
    with pytest.raises(IntegrityError):
        GatewayStore(liar.url).block(CID.of(b"x"))


def test_private_addresses_are_refused_when_told_so(node):
    """A URL from somebody else must not reach into this network."""
    store = GatewayStore(node.gateway, public_only=True)
    with pytest.raises(StorageError, match="private"):
        store.block(CID.of(b"x"))


def test_a_gateway_cannot_be_written_to(node, large):
    """It says so."""
    store = GatewayStore(node.gateway)
    for act in (
        lambda: store.put(io.BytesIO(b"x")),
        lambda: store.put_car(io.BytesIO()),
        lambda: store.pin(large),
        lambda: store.delete(large),
    ):
        with pytest.raises(StorageError, match="only be read"):
            act()
    with pytest.raises(ConfigError):
        GatewayStore([])


def test_a_cut_without_another_gateway_leaves_what_was_verified(liar, large, tmp_path):
    """The next attempt goes on from the part."""
    liar.alter = cut(2 * CHUNK, "format=car")
    fault = Answer(503, b"", {"Retry-After": "0"})
    liar.fault = lambda asked: fault if len(liar.paths("format=car")) > 1 else None
    with pytest.raises(StoreUnavailableError):
        GatewayStore(liar.url).get(large, tmp_path / "copy")
    assert (tmp_path / "copy.part").stat().st_size >= CHUNK
    liar.fault, liar.alter = (lambda _asked: None), (lambda _asked, _offset, piece: piece)
    assert scan(GatewayStore(liar.url).get(large, tmp_path / "copy")).cid == large
