"""What relies on Story, in the plan: where Story is, absent elsewhere, and checked like all."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import pytest

from anacostia_blockchain import deployment as deploying
from anacostia_blockchain.chain import Chain
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.deployment import Deployment, predicted_address
from anacostia_blockchain.errors import ContractRevertedError
from anacostia_blockchain.inspection import inspect
from anacostia_blockchain.rehearsal import rehearse
from anacostia_blockchain.rollout import completed, deploy_all
from anacostia_blockchain.story import StoryAddresses
from anacostia_blockchain.testing import LocalChain
from chainlink import Deployed, Oracles, network_of
from story_double import StoryDouble

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]
AENEID = 1315
OURS = ("StoryAdapter", "StorySale")


@pytest.fixture(scope="module")
def local() -> Iterator[LocalChain]:
    """Passes for Story's test network: the double is where Story says that its contracts are."""
    with LocalChain(chain_id=AENEID) as local:
        StoryDouble(local.chain(9)).stand_in()
        yield local


@pytest.fixture
def chain(local: LocalChain) -> Iterator[Chain]:
    """Restored after each test."""
    chain = local.chain()
    kept = chain.rpc("evm_snapshot")
    yield chain
    chain.rpc("evm_revert", kept)


def failures(chain: Chain, deployment: Deployment, **known: object) -> dict[str, str]:
    return {c.name: c.detail for c in inspect(chain, deployment, **known) if not c.passed}


def test_where_story_is_they_are_part_of_the_plan(local: LocalChain, chain: Chain, tmp_path):
    foreseen = {step.name: step for step in rehearse(chain, local.rpc_url).steps}
    without = rehearse(chain, local.rpc_url, story=False)
    assert set(foreseen) - {step.name for step in without.steps} == set(OURS)
    deployment = deploy_all(chain)
    for name in OURS:
        contract = deployment.contracts[name]
        assert contract.address == foreseen[name].address
        assert foreseen[name].gas == chain.receipt(contract.tx).gas_used
    checks = {check.name: check for check in inspect(chain, deployment)}
    assert all(check.passed for check in checks.values()), checks
    for name in OURS:
        assert checks[f"{name} code"].detail.endswith("immutables included")
    wires = checks["StoryAdapter wires"].detail
    assert all(where in wires for where in taken(StoryAddresses()))

    assert completed(chain, deploy_all(chain), None) == deployment, "found again, and who did it"
    deployment.save(tmp_path / "deployments")
    hub = Anacostia(chain, Deployment.load(AENEID, tmp_path / "deployments"), home=tmp_path)
    assert hub.story.adapter.story() == taken(hub.story.addresses)
    assert hub.story.sale.wrapped_coin() == hub.story.addresses.wrapped_coin


def test_elsewhere_they_are_absent():
    with LocalChain(chain_id=777) as other:
        assert not set(OURS) & set(deploy_all(other.chain()).contracts)


def test_the_plan_forgets_nothing_that_can_be_deployed():
    """Where everything is that our contracts rely on, each file of contracts/ is deployed."""
    with LocalChain() as everywhere:
        chain = everywhere.chain()
        eas = Deployed(chain, "EAS", "address", Deployed(chain, "SchemaRegistry").address)
        network = network_of(Oracles.start(chain), eas.address)
        addresses = StoryDouble(chain).addresses
        deployment = deploy_all(chain, network=network, addresses=addresses)
        files = {path.stem for path in (ROOT / "contracts").glob("*.sol")}
        assert set(deployment.contracts) == files
        assert not failures(chain, deployment, network=network, story=addresses)


def test_the_addresses_are_the_same_on_both_of_its_networks(chain: Chain):
    """They take Story's addresses, which are the same on both."""
    there = deploy_all(chain).contracts
    for name in OURS:
        arguments = bytes.fromhex(there[name].arguments[2:])
        code = deploying.init_code(name) + arguments
        assert there[name].address == deploying.create2_address(code) != predicted_address(name)


def test_without_one_of_storys_contracts_nothing_is_paid(local: LocalChain, chain: Chain):
    missing = StoryAddresses().royalty_module
    chain.rpc("anvil_setCode", missing, "0x")
    before = chain.block_number()
    with pytest.raises(ContractRevertedError, match="StoryAdapter_NoContract") as refused:
        rehearse(chain, local.rpc_url)
    assert missing in str(refused.value)
    assert chain.block_number() == before
    assert not set(OURS) & set(deploy_all(chain, story=False).contracts)


@pytest.mark.parametrize("name", OURS)
def test_another_address_of_storys_is_found(chain: Chain, name: str):
    """In the bytes, and by what the contract says itself."""
    deployment, known = deploy_all(chain), StoryAddresses()
    coin = bytes.fromhex(known.wrapped_coin[2:])
    code = chain.code(deployment.address(name))
    assert coin in code
    forged = code.replace(coin, b"\x66" * 20)
    assert deploying.is_build_of(name, forged)
    chain.rpc("anvil_setCode", deployment.address(name), "0x" + forged.hex())
    found = failures(chain, deployment)
    assert "immutables" in found.pop(f"{name} code")
    said = found.pop(f"{name} wires")
    assert said.startswith("wrappedCoin() is 0x6666")
    assert said.endswith(f"Story's wrappedCoin is {known.wrapped_coin}")
    assert not found


def test_a_contract_of_storys_that_is_gone_is_found(chain: Chain):
    deployment = deploy_all(chain)
    chain.rpc("anvil_setCode", StoryAddresses().access_controller, "0x")
    found = failures(chain, deployment)
    assert "would refuse today (StoryAdapter_NoContract" in found.pop("StoryAdapter code")
    assert "StoryAdapter.accessController()" in found.pop("StoryAdapter wires")
    assert not found, "the sale does not need it"


def test_where_nobody_knows_where_story_is_what_they_hold_has_to_be_there(chain: Chain):
    with LocalChain() as other:
        elsewhere = other.chain()
        addresses = StoryDouble(elsewhere).addresses
        deployment = deploy_all(elsewhere, addresses=addresses)
        assert not failures(elsewhere, deployment)
        moved = dataclasses.replace(addresses, license_template=addresses.license_token)
        found = failures(elsewhere, deployment, story=moved)
        assert set(found) == {f"{name} {kind}" for name in OURS for kind in ("record", "wires")}


def taken(known: StoryAddresses) -> tuple[str, ...]:
    """What the adapter's constructor takes, in its order."""
    return (
        *(known.access_controller, known.core_metadata_module, known.ip_asset_registry),
        *(known.license_template, known.licensing_module, known.royalty_module),
        known.wrapped_coin,
    )
