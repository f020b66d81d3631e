"""Stores by their URLs."""

from __future__ import annotations

import pytest

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.storage.gateway import GatewayStore
from anacostia_blockchain.storage.replicated import ReplicatedStore
from anacostia_blockchain.storage.urls import open_store


@pytest.mark.parametrize("where", [None, "", "  ", []])
def test_nothing_is_the_embedded_store(tmp_path, where):
    assert repr(open_store(where, tmp_path)) == repr(LocalStore(tmp_path / "store"))


def test_a_folder(tmp_path):
    assert open_store(f"file:{tmp_path}/a%20b", tmp_path).folder == tmp_path / "a b"
    assert open_store(f"file://{tmp_path}", tmp_path).folder == tmp_path


def test_several_are_replicated(tmp_path):
    store = open_store(f"file:{tmp_path}/a file:{tmp_path}/b copies=1", tmp_path)
    assert isinstance(store, ReplicatedStore)
    assert store.copies == 1
    assert len(store.stores) == 2


def test_gateways_are_one_store(tmp_path):
    store = open_store(
        ["gateway+https://a.example?patience=5", "gateway+https://b.example"], tmp_path
    )
    assert isinstance(store, GatewayStore)
    assert [gateway.label for gateway in store.gateways] == ["a.example", "b.example"]
    assert store.gateways[0].service.url == "https://a.example"


def test_services(tmp_path, monkeypatch):
    pytest.importorskip("ipfshttpclient")
    monkeypatch.setenv("MY_TOKEN", "secret-token")
    shown = {
        "kubo://127.0.0.1:5001?token-env=MY_TOKEN": "KuboStore('http://127.0.0.1:5001')",
        "kubo+https://rpc.filebase.io": "KuboStore('https://rpc.filebase.io')",
        "cluster://10.0.0.1:9094?copies=2-3": "copies=(2, 3)",
        "cluster://h:9094?via=gateway%2Bhttps://g.example": "ClusterStore",
        "pinning+https://api.pinata.cloud/psa": "https://api.pinata.cloud/psa",
    }
    for url, part in shown.items():
        text = repr(open_store(url, tmp_path))
        assert part in text
        assert "secret-token" not in text


@pytest.mark.parametrize(
    "url",
    [
        "ftp://host",
        "models",
        "file:",
        "kubo://",
        "kubo+gopher://host",
        "kubo://h?token=secret",
        "kubo://h?token-env=NOT_SET_ANYWHERE",
        "kubo://h?patience=soon",
        "kubo://h?patience=-1",
        "cluster://h:9094?copies=3-2",
        "cluster://h:9094?via=file:x",
        "pinning+https://h?via=file:x",
        "web3storage://up.example",
        "file:a copies=2",
        "file:a copies=x",
        "gateway+https://a.example copies=1",
    ],
)
def test_what_is_no_store(tmp_path, url):
    pytest.importorskip("ipfshttpclient")
    with pytest.raises(ConfigError):
        open_store(url, tmp_path)


def test_a_password_in_a_url_is_not_shown(tmp_path):
    with pytest.raises(ConfigError) as caught:
        open_store("kubo://me:pass-word@host?nonsense=1", tmp_path)
    assert "pass-word" not in str(caught.value)


def test_a_connection_takes_a_url(hub, tmp_path):
    other = Anacostia(hub.chain, hub.deployment, home=tmp_path, store=f"file:{tmp_path}/x")
    assert other.storage.folder == tmp_path / "x"
    assert hub.storage.folder == hub.home / "store"
