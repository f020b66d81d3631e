"""`ape run deploy` by a Safe: ape-safe's own accounts, and Safe's own contracts.

One thing is a stand-in: the service at safe.global, where proposals wait for their signers. It is
the plugin's own `MockSafeClient`, which keeps them in memory and believes each signature.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import ape
import pytest
from ape_safe.accounts import SafeAccount
from ape_safe.client import MockSafeClient
from ape_safe.factory import SafeFactory
from commands import ADDRESS, Run, balance, dying, refusal
from eth_utils import to_checksum_address
from packaging.version import Version
from public import SEPOLIA
from scripts import _ape, deploy, verify_deployment

from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.testing import LocalChain
from faults import FaultyEndpoint

SAFE = Version("1.4.1")
ARGUMENTS = ("--yes", "--no-prices")
PLAN = 7
"""Transactions without prices: five contracts of ours, and two schemas."""

Make = Callable[[int], SafeAccount]


@pytest.fixture
def make(chain: LocalChain, keystore: str, monkeypatch) -> Iterator[Make]:
    """A Safe of the keystore and a second signer, who is elsewhere; it holds nothing itself."""
    balance(chain, 10**18)
    folder = Path(os.environ["APE_DATA_FOLDER"]) / "safe"
    folder.mkdir(exist_ok=True)
    made: list[Path] = []

    def safe(threshold: int) -> SafeAccount:
        pays = ape.accounts.test_accounts[5]
        SafeFactory.inject(SAFE, pays)
        owners = [ADDRESS, second().address]
        proxy = SafeFactory().create(owners, threshold, version=SAFE, sender=pays)
        made.append(folder / f"safe{proxy.address}.json")
        data = {"address": proxy.address, "deployed_chain_ids": [SEPOLIA]}
        made[-1].write_text(json.dumps(data))
        account = ape.accounts.load(made[-1].stem)
        account.__dict__["client"] = MockSafeClient(contract=account.contract)
        return account

    with _ape.connected(f"ethereum:sepolia:{chain.rpc_url}") as provider:
        # Blocks come with transactions here: nothing follows that would confirm one.
        monkeypatch.setattr(provider.network.config, "required_confirmations", 0)
        yield safe
    for path in made:
        path.unlink()


def second():
    """The signer whose key is not among Ape's accounts of a public network."""
    return ape.accounts.test_accounts[1]


def elsewhere(chain: LocalChain, safe: SafeAccount) -> None:
    """The second signer signs what waits, on Safe's web page as it were, and has it executed."""
    (waiting,) = safe.client.get_transactions(confirmed=False)
    tx = waiting.as_safe_tx(str(SAFE), SEPOLIA)
    safe.client.post_signatures(tx, {second().address: second().sign_message(tx)})
    signatures = safe.get_api_confirmations(tx)
    made = safe.create_execute_transaction(tx, signatures, submitter=second())
    assert not second().provider.send_transaction(second().sign_transaction(made)).failed


def senders(chain: LocalChain, deployment: Deployment) -> set[str]:
    """Who sent what is recorded, as the chain says."""
    rpc = chain.chain().rpc
    sent = [rpc("eth_getTransactionByHash", c.tx) for c in deployment.contracts.values()]
    return {to_checksum_address(tx["from"]) for tx in sent}


def test_with_its_signers_here_it_deploys_and_who_sends_pays(
    chain: LocalChain, run: Run, make: Make, tmp_path: Path
) -> None:
    safe = make(1)
    result = run(deploy, chain, "--account", safe.alias, *ARGUMENTS)
    assert result.exit_code == 0, result.output
    assert chain.chain().balance(safe.address) == 0
    deployment = Deployment.load(SEPOLIA, tmp_path)
    deployers = {contract.deployer for contract in deployment.contracts.values()}
    assert (deployers, senders(chain, deployment)) == ({safe.address}, {ADDRESS})
    assert safe.client.get_next_nonce() == PLAN
    verified = run(verify_deployment, chain)
    assert verified.exit_code == 0, verified.output


def test_with_a_signer_elsewhere_each_is_proposed_once_and_run_again_it_goes_on(
    chain: LocalChain, run: Run, make: Make, tmp_path: Path
) -> None:
    safe = make(2)
    for number in range(PLAN):
        for _again in range(2 if number == 0 else 1):
            said = refusal(run(deploy, chain, "--account", safe.alias, *ARGUMENTS))
            assert f"proposed to the Safe {safe.address}, 1 of 2 signatures: run this again" in said
        assert len(list(safe.client.get_transactions(confirmed=False))) == 1
        assert not list(tmp_path.iterdir())
        elsewhere(chain, safe)
    result = run(deploy, chain, "--account", safe.alias, *ARGUMENTS)
    assert result.exit_code == 0, result.output
    assert "nothing is missing" in result.output
    deployment = Deployment.load(SEPOLIA, tmp_path)
    deployers = {contract.deployer for contract in deployment.contracts.values()}
    assert (deployers, senders(chain, deployment)) == ({safe.address}, {second().address})


def test_an_endpoint_that_dies_while_ape_sends_for_it(
    chain: LocalChain, run: Run, make: Make, tmp_path: Path
) -> None:
    """Ape's plugin talks through web3 alone: still one line, and it goes on."""
    safe = make(1)
    for method in ("eth_feeHistory", "eth_sendRawTransaction", "eth_getTransactionReceipt"):
        with FaultyEndpoint(chain.rpc_url) as endpoint:
            endpoint.fault = dying("eth_estimateGas", method)
            endpoint.rpc_url = endpoint.url
            died = run(deploy, endpoint, "--account", safe.alias, *ARGUMENTS)
        assert "ChainUnavailableError: the endpoint does not answer Ape" in refusal(died)
        assert not list(tmp_path.iterdir())
    result = run(deploy, chain, "--account", safe.alias, *ARGUMENTS)
    assert result.exit_code == 0, result.output


def test_refusals(chain: LocalChain, run: Run, make: Make, monkeypatch) -> None:
    safe = make(1)
    balance(chain, 0)
    poor = refusal(run(deploy, chain, "--account", safe.alias, *ARGUMENTS))
    assert "InsufficientFundsError" in poor
    balance(chain, 10**18)
    # Without a key of safe.global's the plugin itself says which variable is missing.
    del safe.__dict__["client"]
    keyless = refusal(run(deploy, chain, "--account", safe.alias, *ARGUMENTS))
    assert "cannot be asked" in keyless
    assert "APE_SAFE_GATEWAY_API_KEY" in keyless
