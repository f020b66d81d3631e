"""Forks: of a chain that `scripts/check-ape` made history on, and of networks it is told of.

And a chain that passes for a public one, on which Ape's commands run.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path

import ape
import pytest
from ape.api import ProviderAPI
from click.testing import CliRunner, Result
from clients import Client, chain_of
from commands import KEY, PASSPHRASE, Run
from eth_account import Account
from public import SEPOLIA, passing_for
from scripts import _ape
from scripts._ape import connected

from anacostia_blockchain._servers import free_ports
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.rollout import deploy_all
from anacostia_blockchain.testing import LocalChain

LIVE = ("live:live", "LIVE_RPC_URL")
PUBLIC = (
    ("ethereum:sepolia", "SEPOLIA_RPC_URL"),
    ("base:sepolia", "BASE_SEPOLIA_RPC_URL"),
    ("story:aeneid", "STORY_AENEID_RPC_URL"),
)
"""Networks by Ape's names, and where their RPC URLs are looked for."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_finish() -> None:
    """Ape starts a chain right after this, on a port that it would guess."""
    os.environ["APE_FOUNDRY_HOST"] = f"http://127.0.0.1:{free_ports(1)[0]}"


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop() -> None:
    """The chain that Ape begins with has its port by now; forks get ports of their own."""
    os.environ.pop("APE_FOUNDRY_HOST", None)


@pytest.fixture(scope="module")
def live() -> Iterator[ProviderAPI]:
    """A fork of the chain with history; nothing that is done here is seen there."""
    with forked(*LIVE) as provider:
        yield provider


@pytest.fixture(scope="module", params=[LIVE, *PUBLIC], ids=lambda network: network[0])
def anywhere(request: pytest.FixtureRequest) -> Iterator[ProviderAPI]:
    """A fork of each network in turn."""
    with forked(*request.param) as provider:
        yield provider


def forked(network: str, variable: str):
    if not os.environ.get(variable):
        pytest.skip(f"set {variable} to test on a fork of {network}")
    return connected(f"{network}-fork:foundry")


@pytest.fixture
def restored() -> Iterator[None]:
    """Leave the fork as it was found."""
    provider = ape.networks.provider
    kept = provider.snapshot()
    yield
    provider.restore(kept)


@pytest.fixture
def client(restored: None, tmp_path: Path) -> Client:
    """The SDK on the fork, by its record, as whoever is named.

    A number is a test account; an address is whoever has it, without their key.
    """
    record = Deployment.load(31337, Path(os.environ["APE_DATA_FOLDER"]) / "deployments")
    return lambda who=0: Anacostia(chain_of(who, tmp_path), record, home=tmp_path)


@pytest.fixture
def deployed(restored: None, tmp_path: Path) -> Client:
    """Likewise, on what is deployed now where it is not there yet."""

    def connect(who: int | str = 0) -> Anacostia:
        chain = chain_of(who, tmp_path)
        return Anacostia(chain, deploy_all(chain, prices=False), home=tmp_path)

    return connect


@pytest.fixture(scope="module")
def public() -> Iterator[LocalChain]:
    with passing_for(SEPOLIA) as local:
        yield local


@pytest.fixture
def chain(public: LocalChain) -> Iterator[LocalChain]:
    """Restored after each test."""
    rpc = public.chain().rpc
    kept = rpc("evm_snapshot")
    yield public
    rpc("evm_setAutomine", True)
    rpc("evm_revert", kept)


@pytest.fixture
def keystore(monkeypatch) -> Iterator[str]:
    """An account of Ape's as `ape accounts import` leaves it; its passphrase in the environment."""
    folder = Path(os.environ["APE_DATA_FOLDER"]) / "accounts"
    folder.mkdir(exist_ok=True)
    path = folder / "deployer.json"
    path.write_text(json.dumps(Account.encrypt(KEY, PASSPHRASE, kdf="pbkdf2", iterations=1000)))
    monkeypatch.setenv("APE_ACCOUNTS_deployer_PASSPHRASE", PASSPHRASE)
    yield "deployer"
    ape.accounts.load("deployer").set_autosign(False)  # Ape knows it still in the next test
    path.unlink()


@pytest.fixture
def run(tmp_path: Path, monkeypatch) -> Run:
    """Run a command in this process, its records in a temporary folder."""
    monkeypatch.setattr(_ape, "confirmations_of", lambda _chain_id: 0)

    def invoke(
        command,
        local: LocalChain,
        *arguments: str,
        network: str = "ethereum:sepolia",
        input: str | None = None,  # noqa: A002 - as click names it
    ) -> Result:
        where = ["--network", f"{network}:{local.rpc_url}", "--record", str(tmp_path)]
        return CliRunner().invoke(command.cli, [*where, *arguments], input=input)

    return invoke
