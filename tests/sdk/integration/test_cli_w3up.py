"""`anacostia w3up`, from an e-mail address to a server's rights."""

import json
import stat
import threading
import time

import pytest
from click.testing import CliRunner

from anacostia_blockchain.cli import cli
from anacostia_blockchain.errors import ConfigError, StoreUnavailableError
from anacostia_blockchain.storage.web3storage.identity import Signer
from anacostia_blockchain.storage.web3storage.store import Web3Storage
from anacostia_blockchain.storage.web3storage.ucan import Delegation

pytestmark = pytest.mark.integration


@pytest.fixture
def anacostia(w3up, monkeypatch):
    for name, value in w3up.environment().items():
        monkeypatch.setenv(name, value)

    def run(*arguments):
        command = ["--json", "w3up", *map(str, arguments)]
        result = CliRunner().invoke(cli, command, catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)

    return run


def logged_in(w3up, anacostia, *options):
    """Log in; the link is clicked meanwhile."""
    clicked = threading.Thread(target=w3up.click)
    clicked.start()
    try:
        return anacostia("login", "owner@example.com", *options)
    finally:
        clicked.join()


def test_from_an_email_address_to_a_servers_rights(w3up, anacostia, tmp_path):
    mine, space, proof = (tmp_path / name for name in ("me.key", "space.key", "proof.car"))
    anacostia("keygen", mine)
    options = ("--key", mine, "--space-key", space, "--proof", proof)
    made = logged_in(w3up, anacostia, *options)
    assert made["space"] == Signer.from_file(space).did
    assert {stat.S_IMODE(path.stat().st_mode) for path in (mine, space, proof)} == {0o600}
    with pytest.raises(ConfigError, match="is there already"):
        anacostia("login", "owner@example.com", *options)
    proof.unlink()  # as if it had been broken off just before
    assert logged_in(w3up, anacostia, *options) == made

    server = tmp_path / "server.key"
    did = anacostia("keygen", server)["did"]
    given = tmp_path / "server.car"
    shared = anacostia("share", did, given, "--key", mine, "--proof", proof, "--days", 7)
    assert shared["expires"] == pytest.approx(time.time() + 7 * 86400, abs=60)
    store = Web3Storage.open_space(
        w3up.service, Signer.from_file(server), Delegation.from_file(given), tmp_path / "w3up"
    )
    (tmp_path / "model.bin").write_bytes(b"weights")
    assert store.has(store.put(tmp_path / "model.bin"))

    with pytest.raises(ConfigError, match="is there already"):
        anacostia("share", did, given, "--key", mine, "--proof", proof)


def test_a_link_that_nobody_clicks_leaves_nothing(w3up, anacostia, tmp_path):
    anacostia("keygen", tmp_path / "me.key")
    with pytest.raises(StoreUnavailableError, match="not clicked"):
        anacostia(
            "login",
            "nobody@example.com",
            "--key",
            tmp_path / "me.key",
            "--space-key",
            tmp_path / "space.key",
            "--proof",
            tmp_path / "proof.car",
            "--wait",
            0.1,
        )
    assert [path.name for path in tmp_path.iterdir()] == ["me.key"]
    w3up.click()  # the service keeps its mail in order


def test_a_did_is_printed_as_it_is(tmp_path):
    result = CliRunner().invoke(cli, ["w3up", "keygen", str(tmp_path / "me.key")])
    assert result.stdout.strip() == Signer.from_file(tmp_path / "me.key").did
