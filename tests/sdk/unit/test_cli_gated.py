"""`anacostia gated`, as people and programs use it."""

import json
import sys

import pytest
from click.testing import CliRunner

from anacostia_blockchain._extras import require
from anacostia_blockchain.cli import cli
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.errors import ConfigError, DecryptionError, NotFoundError


@pytest.fixture
def anacostia(tmp_path):
    def run(*arguments):
        command = ["--json", "--home", str(tmp_path / "home"), *map(str, arguments)]
        result = CliRunner().invoke(cli, command, catch_exceptions=False)
        assert result.exit_code == 0, result.output + result.stderr
        return json.loads(result.stdout)

    return run


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(b"precious" * 1000)
    return folder


def test_a_seller_encrypts_a_buyer_decrypts(anacostia, model, tmp_path):
    anacostia("gated", "keygen", tmp_path / "seller.key")
    buyer = anacostia("gated", "keygen", tmp_path / "buyer.key")["public"]
    made = anacostia("gated", "encrypt", model, tmp_path / "out", "--key", tmp_path / "seller.key")
    assert len(made["envelopes"]) == 1
    root = anacostia("storage", "put", tmp_path / "out")["cid"]
    with pytest.raises(NotFoundError):
        anacostia("gated", "decrypt", root, tmp_path / "copy", "--key", tmp_path / "buyer.key")
    anacostia("gated", "grant", root, buyer, "--key", tmp_path / "seller.key")
    opened = anacostia("gated", "decrypt", root, tmp_path / "copy", "--key", tmp_path / "buyer.key")
    assert opened["plaintext"] == str(scan(model).cid)
    assert scan(tmp_path / "copy").cid == scan(model).cid


def test_envelopes_can_lie_elsewhere(anacostia, model, tmp_path):
    key = ("--key", tmp_path / "me.key", "--envelopes", tmp_path / "elsewhere")
    anacostia("gated", "keygen", tmp_path / "me.key")
    anacostia("gated", "encrypt", model, tmp_path / "out", *key)
    anacostia("gated", "decrypt", tmp_path / "out", tmp_path / "copy", *key)
    assert not (tmp_path / "home").exists()
    thief = anacostia("gated", "keygen", tmp_path / "thief.key")["public"][2:]
    stolen = next((tmp_path / "elsewhere").rglob("*.json"))
    stolen.rename(stolen.with_name(f"{thief}.json"))
    key = ("--key", tmp_path / "thief.key", *key[2:])
    with pytest.raises(DecryptionError):
        anacostia("gated", "decrypt", tmp_path / "out", tmp_path / "again", *key)


def test_a_missing_extra_is_named(monkeypatch):
    require("encryption", "cryptography.hazmat.primitives.hpke")
    with pytest.raises(ConfigError, match=r"pip install 'anacostia-blockchain\[encryption\]'"):
        require("encryption", "no_such_package.module")
    monkeypatch.setitem(sys.modules, "cryptography", None)
    with pytest.raises(ConfigError, match="web3storage"):
        require("web3storage", "no_such_module")
