"""What the console knows, in this process; docs/deploying.md holds a session of the real one."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from clients import chain_of
from public import BASE_SEPOLIA, passing_for
from scripts import _console
from scripts._ape import connected

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.errors import ConfigError, FormatError, NotFoundError
from anacostia_blockchain.rollout import deploy_all
from anacostia_blockchain.types import Kind


@pytest.mark.parametrize(
    ("account", "message"),
    [("nobody", "Ape has no account 'nobody'"), ("", f"no deployment on chain {BASE_SEPOLIA}")],
)
def test_without_contracts_it_opens_and_says_why(account: str, message: str, monkeypatch):
    said: list[str] = []
    monkeypatch.setenv(_console.ACCOUNT_VARIABLE, account)
    monkeypatch.setattr(_console.logger, "warning", said.append)
    with passing_for(BASE_SEPOLIA) as empty, connected(f"base:sepolia:{empty.rpc_url}"):
        found = _console.extras()
    assert set(found) == {"cid", "usd"}
    assert len(said) == 1
    assert message in said[0]


def test_on_a_public_chain_it_reads_by_the_record(monkeypatch, tmp_path: Path):
    """Without an account; contracts are Ape's own instances at the recorded addresses."""
    monkeypatch.delenv(_console.ACCOUNT_VARIABLE, raising=False)
    monkeypatch.setattr(_console, "HOME", tmp_path)
    monkeypatch.setattr(_console, "records_of", lambda _provider: tmp_path)
    with passing_for(BASE_SEPOLIA) as local:
        deployment = deploy_all(local.chain())
        deployment.save(tmp_path)
        with connected(f"base:sepolia:{local.rpc_url}"):
            found = _console.extras()
            assert found["hub"].chain.address is None
            assert set(deployment.contracts) <= set(found)
            assert found["ModelRegistry"].version() == "1.0.0"
            assert found["UsdFeeds"].address == deployment.address("UsdFeeds")
            hub = Anacostia(local.chain(), deployment, home=tmp_path)
            root = CID(0x70, hashlib.sha256(b"digits").digest())
            hub.registry.register("acme/digits", Kind.MODEL, root)
            assert found["model"]("acme/digits").model_id == 1
            assert found["model"]("acme/digits@1").root == root
            assert found["model"](1).name == "acme/digits"


def test_a_name_that_several_have_asks_which(tmp_path: Path):
    first, second = (chain_of(number, tmp_path) for number in (6, 7))
    deployment = deploy_all(first)
    for chain in (first, second):
        hub = Anacostia(chain, deployment, home=tmp_path)
        root = CID(0x70, hashlib.sha256(str(chain.address).encode()).digest())
        hub.registry.register("theirs", Kind.MODEL, root)
    reader = Anacostia(chain_of(8, tmp_path), deployment, home=tmp_path)
    assert _console.find(hub, "theirs").creator == second.address
    with pytest.raises(ConfigError, match="several accounts have a model 'theirs'"):
        _console.find(reader, "theirs")
    with pytest.raises(NotFoundError):
        _console.find(reader, "nobodys")


def test_cid_of_files_digests_and_text(tmp_path: Path):
    (tmp_path / "file").write_bytes(b"hello")
    assert _console.cid(tmp_path / "file") == CID.of(b"hello")
    assert _console.cid(str(tmp_path)) == scan(tmp_path).cid
    assert _console.cid(str(CID.of(b"hello"))) == CID.of(b"hello")
    digest = hashlib.sha256(b"root").digest()
    assert _console.cid(digest) == CID(0x70, digest)
    with pytest.raises(FormatError):
        _console.cid("neither")


def test_usd_counts_as_contracts_do():
    assert [_console.usd(amount) for amount in ("9.99", 3, "0.000001")] == [9990000, 3000000, 1]
    with pytest.raises(ValueError, match="more than 6 decimals"):
        _console.usd("0.0000001")
