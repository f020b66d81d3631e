"""Deployments: the same addresses everywhere, and nothing believed that is not this build."""

from __future__ import annotations

import json

import pytest

from anacostia_blockchain import deployment as deploying
from anacostia_blockchain.client import connect
from anacostia_blockchain.deployment import CREATE2_PROXY, Deployment, deploy, predicted_address
from anacostia_blockchain.errors import (
    ConfigError,
    NoContractError,
    VersionMismatchError,
    WrongNetworkError,
)
from anacostia_blockchain.promotion.service import deploy_gate, install_service
from anacostia_blockchain.testing import LocalChain

pytestmark = pytest.mark.integration


def test_addresses_are_those_that_create2_gives(deployment: Deployment):
    """Whatever the chain and whoever deploys."""
    for name in deploying.DEPLOYED:
        assert deployment.address(name) == predicted_address(name)
    with LocalChain(chain_id=424242) as other:
        chain = other.chain(account=3)
        elsewhere = deploy_gate(chain, deploy(chain), install_service(chain))
        assert {n: c.address for n, c in elsewhere.contracts.items()} == {
            n: c.address for n, c in deployment.contracts.items()
        }


def test_deploying_again_sends_nothing(local_chain: LocalChain, deployment: Deployment):
    chain = local_chain.chain(account=4)
    before = chain.block_number()
    again = deploy_gate(chain, deploy(chain), install_service(chain))
    assert chain.block_number() == before
    assert {n: c.address for n, c in again.contracts.items()} == {
        n: c.address for n, c in deployment.contracts.items()
    }


def test_a_deployment_that_was_cut_off_is_finished(monkeypatch):
    """The first contract is there, the process dies, the next one goes on."""
    with LocalChain() as local:
        chain = local.chain()
        with monkeypatch.context() as patch:
            patch.setattr(deploying, "DEPLOYED", deploying.DEPLOYED[:1])
            deploy(chain)
        found = deploy(chain)
        assert found.contracts[deploying.DEPLOYED[0]].tx is None
        assert found.contracts[deploying.DEPLOYED[1]].tx is not None
        found.check(chain)


def test_a_file_says_the_same_after_reading(deployment: Deployment, tmp_path):
    path = deployment.save(tmp_path)
    assert path.name == "31337.json"
    assert Deployment.load(31337, tmp_path) == deployment
    for contract in json.loads(path.read_text())["contracts"].values():
        assert set(contract) == {
            *("address", "version", "block", "tx", "code_sha256"),
            *("deployer", "arguments", "compiler"),
        }


@pytest.mark.parametrize(
    "text",
    [
        *("", "{}", "[]", '{"chain_id": 1}', '{"contracts": {"X": {}}}'),
        '{"chain_id": 31337, "contracts": []}',
        '{"chain_id": 1, "contracts": {}}',
    ],
)
def test_a_file_edited_by_hand_is_refused(tmp_path, text):
    (tmp_path / "31337.json").write_text(text)
    with pytest.raises(ConfigError, match="damaged"):
        Deployment.load(31337, tmp_path)


@pytest.mark.parametrize("address", ["0x12", "", None, 7, "0x" + "ab" * 20])
def test_an_address_edited_by_hand_is_refused(deployment: Deployment, tmp_path, address):
    """The last one is well formed and lacks its checksum: a digit may be another."""
    path = deployment.save(tmp_path)
    document = json.loads(path.read_text())
    document["contracts"]["ModelNFT"]["address"] = address
    path.write_text(json.dumps(document))
    with pytest.raises(ConfigError, match="damaged: ModelNFT's address"):
        Deployment.load(31337, tmp_path)


def test_a_chain_without_a_deployment(tmp_path):
    with pytest.raises(ConfigError, match="no deployment on chain 999"):
        Deployment.load(999, tmp_path)


def test_a_contract_that_is_not_in_it(deployment: Deployment):
    with pytest.raises(ConfigError, match="Nonsense is not deployed"):
        deployment.address("Nonsense")


def test_no_code_and_other_code_are_told_apart(local_chain: LocalChain, deployment: Deployment):
    chain = local_chain.chain()
    contracts = dict(deployment.contracts)
    registry = contracts["ModelRegistry"]
    moved = {**contracts, "ModelRegistry": _at(registry, "0x" + "11" * 20)}
    with pytest.raises(NoContractError, match="ModelRegistry"):
        Deployment(31337, moved).check(chain)
    swapped = {**contracts, "ModelRegistry": _at(registry, contracts["RunLedger"].address)}
    with pytest.raises(VersionMismatchError, match="not what this package was built with"):
        Deployment(31337, swapped).check(chain)


def _at(contract, address):
    return deploying.DeployedContract(address, contract.version, None, None, contract.code_sha256)


def test_one_byte_of_code_is_enough(local_chain: LocalChain, deployment: Deployment):
    """Immutables aside: they are what a constructor fills in."""
    chain = local_chain.chain()
    code = bytearray(chain.code(deployment.address("ModelNFT")))
    assert deploying.is_build_of("ModelNFT", bytes(code))
    code[len(code) // 2] ^= 1
    assert not deploying.is_build_of("ModelNFT", bytes(code))
    assert not deploying.is_build_of("ModelNFT", bytes(code[:-1]))
    assert not deploying.is_build_of("ModelNFT", b"")


def test_a_chain_without_the_proxy():
    with LocalChain() as local:
        chain = local.chain()
        chain.rpc("anvil_setCode", CREATE2_PROXY, "0x")
        with pytest.raises(NoContractError, match="deterministic deployment proxy"):
            deploy(chain)


def test_connecting_checks_network_and_code(local_chain, deployment, tmp_path, monkeypatch):
    deployment.save(tmp_path / "deployments")
    hub = connect(local_chain.rpc_url, home=tmp_path)
    assert hub.chain.chain_id == 31337
    with pytest.raises(ConfigError, match="only reads"):
        _ = hub.address
    monkeypatch.setenv("BASE_SEPOLIA_RPC_URL", local_chain.rpc_url)
    with pytest.raises(WrongNetworkError, match="serves chain 31337, not 84532"):
        connect("base-sepolia", home=tmp_path)
    with LocalChain() as empty, pytest.raises(NoContractError):
        connect(empty.rpc_url, home=tmp_path)


def test_names_that_lead_nowhere(tmp_path, monkeypatch):
    monkeypatch.delenv("SEPOLIA_RPC_URL", raising=False)
    for target, message in (
        ("local", "anacostia up"),
        ("sepolia", "set SEPOLIA_RPC_URL"),
        ("solana", "is no network"),
    ):
        with pytest.raises(ConfigError, match=message):
            connect(target, home=tmp_path)
