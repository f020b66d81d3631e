"""A folder, a Kubo node and a gateway as one store; a node whose disk lies."""

from __future__ import annotations

import io

import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.errors import IntegrityError
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.storage.health import State
from conftest import require_server
from proxies import Answer, Proxy
from store_contract import content, make_folder

pytest.importorskip("ipfshttpclient")

from anacostia_blockchain.storage.gateway import GatewayStore
from anacostia_blockchain.storage.kubo import KuboStore
from anacostia_blockchain.storage.replicated import ReplicatedStore
from anacostia_blockchain.storage.testing import KuboNode

pytestmark = pytest.mark.integration


def test_a_folder_a_node_and_a_gateway(tmp_path):
    """Put in both, one of them lost, read and repaired from what is left."""
    require_server("ipfs")
    with KuboNode({"Gateway.NoFetch": True}) as node:
        local, kubo = LocalStore(tmp_path / "store"), KuboStore(node.api, patience=0)
        store = ReplicatedStore([local, kubo, GatewayStore(node.gateway)])
        assert store.copies == 2
        cid = store.put(make_folder(tmp_path / "model", seed=80), name="digits")
        assert local.has(cid)
        assert kubo.has(cid)
        local.delete(cid)
        assert scan(store.get(cid, tmp_path / "copy")).cid == cid
        (found,) = store.check()
        assert found.good == 1
        assert "the last good copy is in KuboStore" in found.warning
        (found,) = store.check(repair=True, sample=0)
        assert found.healthy
        assert local.has(cid)


def test_a_node_whose_disk_lies_is_found_and_mended(tmp_path):
    """Kubo itself does not notice, and does not replace a block that it believes to have."""
    require_server("ipfs")
    with KuboNode() as node:
        local, kubo = LocalStore(tmp_path / "store"), KuboStore(node.api, patience=0)
        store = ReplicatedStore([local, kubo])
        folder = make_folder(tmp_path / "model", seed=81)
        cid = store.put(folder)
        leaf = CID.of((folder / "weights" / f"{CHUNK}.bin").read_bytes())
        (path,) = (
            p for p in (node.repo / "blocks").rglob("*.data") if p.read_bytes() == local.block(leaf)
        )
        path.chmod(0o644)
        path.write_bytes(b"!" + path.read_bytes()[1:])
        (found,) = store.check(sample=0)
        assert [c.state for c in found.copies] == [State.GOOD, State.DAMAGED]
        assert scan(store.get(cid, tmp_path / "copy")).cid == cid
        (found,) = store.check(sample=0, repair=True)
        assert found.healthy
        assert scan(kubo.get(cid, tmp_path / "copy-2")).cid == cid


def test_a_node_that_answers_another_cid_is_replaced(kubo, tmp_path):
    """A folder goes to the next store; a stream, which cannot be read again, is an error."""
    local = [LocalStore(tmp_path / name) for name in ("a", "b")]
    with Proxy(kubo.api) as proxy:
        answer = Answer(200, b'{"Root": {"Cid": {"/": "bafkqaaa"}, "PinErrorMsg": ""}}')
        proxy.fault = lambda asked: answer if "dag/import" in asked.path else None
        store = ReplicatedStore([KuboStore(proxy.url, patience=0), *local], copies=2)
        folder = make_folder(tmp_path / "model", seed=82)
        cid = store.put(folder, name="digits")
        assert [held.has(cid) for held in local] == [True, True]
        with pytest.raises(IntegrityError, match="answered"):
            store.put(io.BytesIO(b"stream"))


def test_a_pin_beside_a_node_whose_disk_lies(tmp_path):
    """The node says that it holds it, cannot give it, and is mended by whoever can."""
    require_server("ipfs")
    with KuboNode() as node:
        kubo, local = KuboStore(node.api, patience=0), LocalStore(tmp_path / "a")
        data = content(3 * CHUNK, seed=83)
        cid = kubo.put(io.BytesIO(data))
        local.put(io.BytesIO(data))
        (path,) = (
            p for p in (node.repo / "blocks").rglob("*.data") if p.read_bytes() == data[:CHUNK]
        )
        path.chmod(0o644)
        path.write_bytes(b"!" + data[1:CHUNK])
        empty = LocalStore(tmp_path / "b")
        ReplicatedStore([kubo, local, empty]).pin(cid, "kept")
        assert empty.get(cid, tmp_path / "copy").read_bytes() == data
        assert kubo.get(cid, tmp_path / "copy-2").read_bytes() == data
