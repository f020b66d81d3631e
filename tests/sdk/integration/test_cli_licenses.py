"""`anacostia licenses` and `anacostia market`, typed by a seller and a buyer."""

import hashlib
import json
import os
import uuid

import pytest
from click.testing import CliRunner

from anacostia_blockchain.cli import cli
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import (
    ConfigError,
    ContractRevertedError,
    DecryptionError,
    ModelChangedError,
    NotFoundError,
)
from anacostia_blockchain.licensing.delivery import ChainEnvelopes
from anacostia_blockchain.licensing.terms import PRESETS, preset
from anacostia_blockchain.licensing.values import LicenseId
from anacostia_blockchain.storage.gated import RecipientKey, in_folder, open_sealed
from anacostia_blockchain.testing import dev_key
from anacostia_blockchain.types import Kind

pytestmark = pytest.mark.integration

SELLER, BUYER, OTHER = 1, 2, 3


@pytest.fixture
def run(local_chain, deployment, tmp_path, monkeypatch):
    """Runs a command of an account's; returns what it says, or why its usage is wrong."""
    monkeypatch.setenv("COLUMNS", "200")

    def run(account, *arguments, code=0):
        home = tmp_path / str(account)
        deployment.save(home / "deployments")
        monkeypatch.setenv("ANACOSTIA_PRIVATE_KEY", dev_key(account))
        common = ["--chain", local_chain.rpc_url, "--home", str(home)]
        result = CliRunner().invoke(cli, [*common, *map(str, arguments)], catch_exceptions=False)
        assert result.exit_code == code, result.output + result.stderr
        if code == 2:
            return result.stderr
        return json.loads(result.stdout) if arguments[0] == "--json" else result.stdout

    return run


@pytest.fixture
def model(local_chain, deployment):
    """A model of the seller's: its number."""
    from anacostia_blockchain.contracts import ModelRegistry  # noqa: PLC0415 - loads web3

    name = f"cli-licences-{uuid.uuid4().hex[:12]}"
    registry = ModelRegistry(local_chain.chain(SELLER), deployment.address("ModelRegistry"))
    root = CID(0x70, hashlib.sha256(name.encode()).digest())
    return registry.register(name, Kind.MODEL, root)[0]


def test_presets_are_listed_and_shown(run):
    listed = run(SELLER, "--json", "licenses", "terms")
    assert {name: values["id"] for name, values in listed.items()} == {
        name: "0x" + preset(name).id.hex() for name in PRESETS
    }
    assert "share-alike" in run(SELLER, "licenses", "terms")
    shown = run(SELLER, "--json", "licenses", "terms", "evaluation-only")
    assert (shown["rights"], shown["duration"]) == ("use", 30 * 86400)
    assert "is neither an id of terms" in run(SELLER, "licenses", "terms", "gpl", code=2)
    with pytest.raises(NotFoundError, match="no terms 0x0101"):
        run(SELLER, "licenses", "terms", "0x" + "01" * 32)


def test_offer_buy_list_check(run, model):
    text = run(SELLER, "licenses", "offer", model, "commercial-use", "--price", "0.01")
    assert text == f"offer 1 of {model}: 0.01 coins\n"
    assert "open" in run(BUYER, "licenses", "offers", model)
    run(BUYER, "licenses", "check", model, "serve", code=1)
    (bought,) = run(BUYER, "--json", "licenses", "buy", model, "--max-pay", "0.02")
    assert bought["id"] == f"{model}/1/1"
    assert LicenseId.of(int(bought["token_id"])) == LicenseId(model, 1, 1)
    assert f"may serve {model}" in run(BUYER, "licenses", "check", model, "serve")
    checked = run(BUYER, "--json", "licenses", "check", model, "finetune", code=1)
    assert checked["entitled"] is False
    (held,) = run(BUYER, "--json", "licenses", "list", model)
    assert held["id"] == bought["id"]
    assert "for ever" in run(BUYER, "licenses", "list")
    assert "paid 0.01 coins" in run(SELLER, "licenses", "collect", model)
    run(SELLER, "licenses", "withdraw", model, 1)
    assert "ended" in run(BUYER, "licenses", "offers", model)
    with pytest.raises(NotFoundError, match="is offered now"):
        run(BUYER, "licenses", "buy", model)


def test_options_of_presets(run, model):
    offered = run(
        *(SELLER, "--json", "licenses", "offer", model, "commercial-remix", "--royalty", "2.5"),
        *("--free", "--supply", 3),
    )
    expected = preset("commercial-remix", royalty_bps=250).id
    assert offered["terms_id"] == "0x" + expected.hex()
    assert offered["supply"] == 3
    by_id = run(SELLER, "--json", "licenses", "offer", model, offered["terms_id"], "--free")
    assert by_id["terms_id"] == offered["terms_id"]
    for wrong, message in (
        ([], "say --price, --free or --pricing"),
        (["--free", "--price", "1"], "say --price, --free or --pricing"),
        (["--price", "a lot"], "is no amount of coins"),
        (["--price", "-1"], "is no amount of coins"),
        (["--price", "0.0000000000000000001"], "which has 18 decimals"),
        (["--price", "NaN"], "is no amount of coins"),
    ):
        assert message in run(SELLER, "licenses", "offer", model, "open", *wrong, code=2)
    with pytest.raises(ContractRevertedError, match="Payments_ZeroPrice"):
        run(SELLER, "licenses", "offer", model, "open", "--price", "0")


def test_derive_and_collect(run, model, local_chain, deployment):
    from anacostia_blockchain.contracts import ModelRegistry  # noqa: PLC0415 - loads web3

    run(SELLER, "licenses", "offer", model, "commercial-remix", "--free")
    registry = ModelRegistry(local_chain.chain(BUYER), deployment.address("ModelRegistry"))
    root = CID(0x70, hashlib.sha256(os.urandom(8)).digest())
    child, _ = registry.register(f"cli-child-{uuid.uuid4().hex}", Kind.MODEL, root)
    (bought,) = run(BUYER, "--json", "licenses", "buy", model)
    assert "10 %" in run(BUYER, "licenses", "derive", child, bought["id"])
    run(BUYER, "licenses", "offer", child, "commercial-remix", "--price", "1")
    run(OTHER, "licenses", "buy", child)
    assert "paid 0.1 coins" in run(SELLER, "licenses", "collect", model)
    assert "paid 0 coins" in run(SELLER, "licenses", "collect", model)
    paid = run(BUYER, "--json", "licenses", "collect", child)
    assert paid["paid"] == 9 * 10**17


def test_market(run, model):
    assert "is for sale: 1.5 coins" in run(SELLER, "market", "list", model, "--price", "1.5")
    assert str(model) in run(BUYER, "market", "list")
    shown = run(BUYER, "--json", "market", "show", model)
    assert (shown["quote"], shown["royalty"]) == (15 * 10**17, 0)
    assert (shown["royalty_bps"], shown["parents"]) == (0, [])
    assert (shown["offers"], shown["versions"]) == (0, 1)
    assert "1.5 coins" in run(BUYER, "market", "show", model)
    assert "is no state" in run(BUYER, "market", "buy", model, "--state", "0x12", code=2)
    run(SELLER, "licenses", "offer", model, "open", "--free")
    with pytest.raises(ModelChangedError, match="look at it again"):
        run(BUYER, "market", "buy", model, "--state", shown["state"])
    state = run(BUYER, "--json", "market", "show", model)["state"]
    assert "1 of 64" in run(BUYER, "market", "show", model)
    bought = run(BUYER, "market", "buy", model, "--max-pay", "2", "--state", state)
    assert "is yours" in bought
    assert "paid" in run(SELLER, "market", "claim")
    with pytest.raises(NotFoundError, match="is not for sale"):
        run(BUYER, "market", "show", model)
    run(BUYER, "market", "list", model, "--price", "2")
    run(BUYER, "market", "cancel", model)
    assert model not in [listing["model_id"] for listing in run(BUYER, "--json", "market", "list")]
    assert "say --price" in run(SELLER, "market", "list", model, code=2)


def test_whoever_is_given_a_licence_asks_for_the_key_itself(run, model, local_chain, tmp_path, hub):
    key, own = tmp_path / "key", RecipientKey.generate()
    own.save(key)
    run(SELLER, "licenses", "offer", model, "commercial-use", "--free")
    to = ("--to", local_chain.chain(BUYER).address)
    with pytest.raises(ConfigError, match="itself has to ask for a key"):
        run(OTHER, "licenses", "buy", model, *to, "--key", key)
    assert hub.licenses.offers(model)[0].sold == 0
    (given,) = run(OTHER, "--json", "licenses", "buy", model, *to)
    with pytest.raises(ContractRevertedError, match="ModelLicensing_NotHolder"):
        run(OTHER, "licenses", "request", given["id"], "--key", key)
    asked = run(BUYER, "licenses", "request", given["id"], "--key", key)
    assert asked == f"asked for the key with licence {given['id']}\n"
    (wish,) = hub.licenses.keys.requests(model, version=1)
    assert (str(wish.license_id), wish.encryption_key) == (given["id"], own.public)


def test_whoever_holds_a_licence_opens_the_content_and_nobody_else(run, model, tmp_path, hub):
    """Sealed by the seller; the key reaches the buyer through the chain alone."""
    secret = tmp_path / "weights"
    secret.mkdir()
    (secret / "weights.bin").write_bytes(b"worth money")
    sealed, keys = tmp_path / "sealed", {n: tmp_path / f"key{n}" for n in (SELLER, BUYER, OTHER)}
    for account, path in keys.items():
        run(account, "gated", "keygen", path)
    run(SELLER, "gated", "encrypt", secret, sealed, "--key", keys[SELLER])
    run(SELLER, "licenses", "offer", model, "commercial-use", "--free")
    (bought,) = run(BUYER, "--json", "licenses", "buy", model, "--key", keys[BUYER])
    with pytest.raises(NotFoundError, match="was sent no key for version 1 yet: ask the seller"):
        run(BUYER, "licenses", "receive", bought["id"])

    answered = run(*(SELLER, "--json", "licenses", "deliver", model, sealed, "--key", keys[SELLER]))
    assert answered == [bought["id"]]
    again = run(SELLER, "licenses", "deliver", model, sealed, "--key", keys[SELLER])
    assert again == "nobody is waiting\n"
    run(BUYER, "licenses", "receive", bought["id"])
    run(BUYER, "gated", "decrypt", sealed, tmp_path / "opened", "--key", keys[BUYER])
    assert (tmp_path / "opened" / "weights.bin").read_bytes() == b"worth money"

    # The envelope is public; it opens nothing for anybody else.
    run(OTHER, "licenses", "receive", bought["id"])
    with pytest.raises(NotFoundError, match="no envelope for"):
        run(OTHER, "gated", "decrypt", sealed, tmp_path / "stolen", "--key", keys[OTHER])
    assert not (tmp_path / "stolen").exists()
    provider = ChainEnvelopes(hub, LicenseId.parse(bought["id"]))
    own = open_sealed(in_folder(sealed), provider, RecipientKey.from_file(keys[BUYER]))
    assert own.index.root
    with pytest.raises(NotFoundError, match="for other content or another key"):
        open_sealed(in_folder(sealed), provider, RecipientKey.from_file(keys[OTHER]))
    with pytest.raises(DecryptionError, match="the envelope is for 0x"):
        provider.newest().unwrap(RecipientKey.from_file(keys[OTHER]))
