"""`anacostia story`, as a person or a program calls it, on the double."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from anacostia_blockchain.cli import main
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.licensing.terms import preset
from anacostia_blockchain.local_prices import install
from anacostia_blockchain.prices.values import Pricing
from anacostia_blockchain.story import StoryAddresses
from anacostia_blockchain.testing import LocalChain, dev_key
from anacostia_blockchain.types import Kind
from story_double import StoryDouble

pytestmark = pytest.mark.integration

_names = itertools.count()
Run = Callable[..., object]


@pytest.fixture(scope="module")
def addresses(local_chain: LocalChain) -> StoryAddresses:
    return StoryDouble(local_chain.chain(0)).addresses


@pytest.fixture
def run(
    local_chain: LocalChain,
    deployment: Deployment,
    addresses: StoryAddresses,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Run:
    """Run a command in-process, with the first development account; its JSON, or its text."""
    deployment.save(tmp_path / "deployments")
    (tmp_path / "story.json").write_text(json.dumps(addresses.to_dict()))
    monkeypatch.setenv("ANACOSTIA_PRIVATE_KEY", dev_key())

    def run(
        *arguments: str, code: int = 0, as_json: bool = True, noun: tuple[str, ...] = ("story",)
    ) -> object:
        where = ["--chain", local_chain.rpc_url, "--home", str(tmp_path)]
        flags = ["--json"] if as_json else []
        monkeypatch.setattr("sys.argv", ["anacostia", *where, *noun, *arguments, *flags])
        capsys.readouterr()
        left = 0
        try:
            main()
        except SystemExit as exit_:
            left = int(exit_.code or 0)
        shown = capsys.readouterr()
        assert left == code, shown.err
        return json.loads(shown.err or shown.out) if as_json else shown.out

    return run


@pytest.fixture
def model(hub: Anacostia) -> Callable[[], str]:
    def make() -> str:
        root = CID(0x70, os.urandom(32))
        return str(hub.registry.register(f"cli/story{next(_names)}", Kind.MODEL, root, ())[0])

    return make


def test_the_whole_way(run: Run, model: Callable[[], str]) -> None:
    base, child = model(), model()
    assert run("register", base)["ip_id"] == run("show", base)["ip_id"]
    number = run("offer", base, "commercial-remix", "--price", "0.01")["number"]
    (licence,) = run("buy", base, "--max-pay", "0.01")
    assert licence["id"]["offer"] == number
    (parent,) = run("derive", child, str(licence["id"]["serial"]))
    assert parent["share_bps"] == 1000
    run("pay", child, "1")
    shown = run("show", child)
    assert (shown["owes"], shown["claimable"]) == (0.1, str(9 * 10**17))
    assert run("collect", base, "--unwrap")["paid"] == 10**16 + 10**17
    assert "paid 0.9 WIP" in run("collect", child, as_json=False)


def test_deploy_remembers_where_and_in_which_transaction(
    run: Run, deployment: Deployment, tmp_path: Path
) -> None:
    made = run("deploy")
    assert run("deploy") == made, "what is there is found, with the transaction that made it"
    kept = Deployment.load(deployment.chain_id, tmp_path / "deployments")
    assert set(kept.contracts) == {*deployment.contracts, "StoryAdapter", "StorySale"}
    for name in ("StoryAdapter", "StorySale"):
        contract = kept.contracts[name]
        assert made[name]["address"] == contract.address
        assert made[name]["tx"] == contract.tx is not None


def test_the_doctor_looks_at_them(run: Run, addresses: StoryAddresses, tmp_path: Path) -> None:
    run("deploy")
    (contracts,) = [c for c in run("doctor", noun=())["checks"] if c["name"] == "contracts"]
    assert contracts["passed"], contracts
    moved = addresses.to_dict() | {"WIP": addresses.license_token}
    (tmp_path / "story.json").write_text(json.dumps(moved))
    (contracts,) = [c for c in run("doctor", noun=(), code=1)["checks"] if c["name"] == "contracts"]
    for name in ("StoryAdapter", "StorySale"):
        assert f"{name} wires: wrappedCoin() is {addresses.wrapped_coin}" in contracts["detail"]


def test_an_offer_at_an_asked_price(
    run: Run, model: Callable[[], str], hub: Anacostia, tmp_path: Path
) -> None:
    run("deploy")
    kept = Deployment.load(hub.chain.chain_id, tmp_path / "deployments")
    priced = install(hub.chain, kept)
    priced.save(tmp_path / "deployments")
    hub.deployment = priced
    made, file = model(), tmp_path / "offer.json"
    hub.prices.set(int(made), Pricing.fixed(30))
    hub.prices.set_terms(int(made), preset("commercial-use").id, share=1)
    offer = run("offer-quoted", made, "commercial-use", "--pricing", "usd", "--out", str(file))
    assert json.loads(file.read_text()) == offer
    assert run("buy-quoted", str(file), "--max-pay", "0.001", code=1)["message"].startswith(
        "StorySale_AboveMaxPay"
    )
    assert len(run("buy-quoted", str(file), "--quantity", "2")) == 2
    run("cancel-offers")
    assert "WrongNonce" in run("buy-quoted", str(file), code=1)["message"]
    file.write_text("{")
    assert run("buy-quoted", str(file), code=1)["error"] == "FormatError"


def test_terms_have_seventeen_fields(run: Run) -> None:
    assert len(run("terms", "cc-by")) == 17 + 1


def test_refusals(run: Run, model: Callable[[], str]) -> None:
    made = model()
    run("offer", made, "open", code=2, as_json=False)
    assert run("buy", made, code=1)["error"] == "NotFoundError"
    run("offer", made, "open", "--free")
    assert run("derive", made, "99999999", code=1)["error"] == "NotFoundError"
