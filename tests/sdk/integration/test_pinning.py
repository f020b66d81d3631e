"""The Pinning Service API against a real IPFS Cluster, which fetches from a node of ours."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import (
    AccessDeniedError,
    NotFoundError,
    StorageError,
    StoreUnavailableError,
)
from conftest import require_server
from proxies import Answer, Proxy
from store_contract import StoreContract, content

pytest.importorskip("ipfshttpclient")

from anacostia_blockchain.storage import pinning
from anacostia_blockchain.storage.kubo import KuboStore
from anacostia_blockchain.storage.pinning import PinningStore
from anacostia_blockchain.storage.testing import ClusterPeer, KuboNode
from waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def service():
    """Services have the empty file, which nobody could send them, from somebody else."""
    require_server("ipfs-cluster-service")
    with KuboNode() as kubo, ClusterPeer(kubo) as peer:
        KuboStore(kubo.api).put(io.BytesIO())
        yield peer


@pytest.fixture(scope="module")
def own():
    """A node of this module's own: others' content would be found on it."""
    require_server("ipfs")
    with KuboNode() as kubo:
        yield kubo


@pytest.fixture
def node(own):
    return KuboStore(own.api, patience=60)


@pytest.fixture
def store(service, node):
    return PinningStore(service.pinning, node, patience=60)


class TestContract(StoreContract):
    @pytest.fixture
    def store(self, service, node):
        return PinningStore(service.pinning, node, patience=60)

    @pytest.fixture
    def hasty(self, service, own):
        return PinningStore(service.pinning, KuboStore(own.api, patience=1), patience=1)


def test_the_service_fetches_what_it_is_asked_to_keep(service, store):
    """Over bitswap, from our node; then our node may go."""
    cid = store.put(io.BytesIO(content(3 * CHUNK, seed=70)), name="digits")
    assert KuboStore(service.kubo.api, patience=0).has(cid)
    (request,) = store.requests(cid)
    assert (request.status, request.text) == ("pinned", "digits")
    (pin,) = store.pins("digits")
    assert pin.cid == cid
    assert abs(pin.created_at - datetime.now(UTC)) < timedelta(minutes=1)


def test_a_token_is_asked_for_and_never_shown(node):
    """A wrong one is refused, the right one works."""
    require_server("ipfs-cluster-service")
    with KuboNode() as kubo, ClusterPeer(kubo, user=("me", "pass-word")) as peer:
        denied = PinningStore(peer.pinning, node, token="wrong-token")  # noqa: S106
        with pytest.raises(AccessDeniedError, match="token") as caught:
            denied.pin(CID.of(b"x"))
        assert "wrong-token" not in str(caught.value) + repr(denied)
        with pytest.raises(AccessDeniedError):
            denied.has(CID.of(b"x"))
        named = PinningStore(peer.pinning.replace("://", "://me:pass-word@"), node, patience=60)
        token = named._service.ask("POST", "/token")["token"]
        allowed = PinningStore(peer.pinning, node, token=token, patience=20)
        cid = allowed.put(io.BytesIO(content(1000, seed=71)))
        assert allowed.has(cid)


def test_what_nobody_has_is_not_kept(store):
    """The request is taken back after some time."""
    unknown = CID.of(os.urandom(8))
    hasty = PinningStore(store._service.url, store._node, patience=1)
    with pytest.raises(NotFoundError, match="could not fetch"):
        hasty.pin(unknown)
    wait_for(lambda: store.requests(unknown) == [])


def status(cid, state, **more):
    return {
        "requestid": "1",
        "status": state,
        "created": "2026-01-02T03:04:05Z",
        "pin": {"cid": str(cid), "name": "n"},
        "delegates": [],
    } | more


def answering(proxy, *, on_post, on_get):
    """A service of one answer to each kind of question."""

    def fault(asked):
        found = on_post if asked.method == "POST" else on_get
        return Answer(200, json.dumps(found).encode())

    proxy.fault = fault


@pytest.fixture
def proxy(service):
    with Proxy(service.pinning) as proxy:
        yield proxy


def test_a_service_that_fails_says_why(proxy, node, monkeypatch):
    """After it had time to take it back."""
    monkeypatch.setattr(pinning, "_GRACE", 0.1)
    cid = node.put(io.BytesIO(content(10, seed=72)))
    failed = status(cid, "failed", info={"status_details": "quota is used up"})
    answering(proxy, on_post=failed, on_get={"count": 1, "results": [failed]})
    with pytest.raises(StorageError, match="quota is used up"):
        PinningStore(proxy.url, node, patience=5).pin(cid)


def only_status(cid, store, info):
    """A fault: the service's real answers, but of that CID each request has failed."""

    def fault(asked):
        if asked.method != "GET" or str(cid) not in asked.path:
            return None
        found = [
            status(cid, "failed", requestid=request.request_id, info=info)
            for request in store.requests(cid)
        ]
        return Answer(200, json.dumps({"count": len(found), "results": found}).encode())

    return fault


def test_a_request_that_failed_is_taken_back(proxy, node, store, monkeypatch):
    """Or it would be kept later; the node keeps its own, as the error says."""
    monkeypatch.setattr(pinning, "_GRACE", 0.1)
    data = content(10, seed=74)
    cid = CID.of(data)
    proxy.fault = only_status(cid, store, {"reason": "quota is used up"})
    with pytest.raises(StorageError, match=r"quota is used up.*stays pinned on the node"):
        PinningStore(proxy.url, node, patience=5).put(io.BytesIO(data), name="digits")
    assert "POST" in {asked.method for asked in proxy.asked}
    wait_for(lambda: store.requests(cid) == [])
    assert [pin.cid for pin in node.pins("digits")].count(cid) == 1
    assert store.put(io.BytesIO(data), name="digits") == cid


def test_a_service_that_goes_away_while_it_is_waited_for(proxy, node, store):
    """What it was asked for is taken back."""
    data = content(10, seed=75)
    cid = CID.of(data)
    asked_for = []

    def fault(asked):
        asked_for.append(asked.method)
        down = asked.method == "GET" and "POST" in asked_for
        return Answer(503, b"", {"Retry-After": "0"}) if down else None

    proxy.fault = fault
    with pytest.raises(StoreUnavailableError, match="stays pinned on the node"):
        PinningStore(proxy.url, node, patience=5).put(io.BytesIO(data))
    wait_for(lambda: store.requests(cid) == [])


def test_a_name_that_fails_leaves_the_others(proxy, node, store):
    """What was pinned stays so."""
    cid = store.put(io.BytesIO(content(10, seed=76)), name="first")
    proxy.fault = lambda asked: Answer(507, b"{}") if asked.method == "POST" else None
    with pytest.raises(StorageError):
        PinningStore(proxy.url, node, patience=5).pin(cid, "second")
    assert [pin.name for pin in store.pins() if pin.cid == cid] == ["first"]
    assert store.has(cid)


def test_a_service_that_answers_another_cid(proxy, node):
    """It would keep something else."""
    cid = node.put(io.BytesIO(content(10, seed=73)))
    other = status(CID.of(b"other"), "queued")
    answering(proxy, on_post=other, on_get={"count": 0, "results": []})
    with pytest.raises(StoreUnavailableError, match="another CID"):
        PinningStore(proxy.url, node).pin(cid)


@pytest.mark.parametrize(
    "page",
    [b"<html>busy</html>", b"[]", b'{"results": 1}', b'{"results": [{"pin": 1}]}', b"{" * 9999],
)
def test_answers_that_are_none(proxy, node, page):
    """Each says that the service is at fault."""
    proxy.fault = lambda _asked: Answer(200, page)
    with pytest.raises(StoreUnavailableError):
        list(PinningStore(proxy.url, node).pins())


def test_a_service_that_is_out_of_order_is_asked_again(proxy, node):
    """Twice, and then it is an error."""
    proxy.fault = lambda _asked: Answer(503, b"", {"Retry-After": "0"})
    with pytest.raises(StoreUnavailableError):
        list(PinningStore(proxy.url, node).pins())
    assert len(proxy.asked) == 3


def moment(text):
    return datetime.fromisoformat(text)


def test_many_pins_come_page_by_page(proxy, node, monkeypatch):
    """By time; what is of the same moment is not lost and not doubled."""
    monkeypatch.setattr(pinning, "_PAGE", 3)
    cids = [CID.of(bytes([n])) for n in range(8)]
    made = [
        status(cid, "pinned", requestid=str(n), created=f"2026-01-02T03:04:{n // 2:02}Z")
        for n, cid in enumerate(cids)
    ]

    def fault(asked):
        (before,) = parse_qs(urlsplit(asked.path).query).get("before", ["2027-01-01T00:00:00Z"])
        some = [e for e in reversed(made) if moment(e["created"]) < moment(before)][:3]
        return Answer(200, json.dumps({"count": len(some), "results": some}).encode())

    proxy.fault = fault
    assert [pin.cid for pin in PinningStore(proxy.url, node).pins()] == cids
