"""What is on a chain, compared with the build byte for byte, and every address that it holds."""

from __future__ import annotations

import dataclasses
import json
from importlib.resources import files

import pytest

from anacostia_blockchain import deployment as deploying
from anacostia_blockchain.chain import Chain
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.inspection import OUTSIDE, WIRES, inspect
from anacostia_blockchain.oracles import OracleNetwork
from anacostia_blockchain.rollout import deploy_all
from anacostia_blockchain.testing import LocalChain
from chainlink import Deployed, Oracles, network_of

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def suite():
    """A chain with everything on it, that these tests may break: each restores it."""
    with LocalChain() as local:
        chain = local.chain()
        eas = Deployed(chain, "EAS", "address", Deployed(chain, "SchemaRegistry").address)
        network = network_of(Oracles.start(chain), eas.address)
        yield chain, deploy_all(chain, network=network), network


@pytest.fixture
def chain(suite):
    kept = suite[0].rpc("evm_snapshot")
    yield suite[0]
    suite[0].rpc("evm_revert", kept)


@pytest.fixture
def deployment(suite) -> Deployment:
    return suite[1]


@pytest.fixture
def network(suite) -> OracleNetwork:
    return suite[2]


def failures(chain: Chain, deployment: Deployment, network=None) -> dict[str, str]:
    return {c.name: c.detail for c in inspect(chain, deployment, network) if not c.passed}


def changed(deployment: Deployment, name: str, **fields: object) -> Deployment:
    contract = dataclasses.replace(deployment.contracts[name], **fields)
    return Deployment(deployment.chain_id, deployment.contracts | {name: contract})


def test_all_that_is_deployed_is_the_build_byte_for_byte(chain, deployment, network):
    checks = {check.name: check for check in inspect(chain, deployment, network)}
    assert all(check.passed for check in checks.values()), checks
    for name in deployment.contracts:
        size = len(chain.code(deployment.address(name)))
        assert checks[f"{name} code"].detail == f"{size:,} bytes, immutables included"
    assert network.forwarder in checks["MetricReceiver wires"].detail
    assert network.attestations in checks["AttestedMetrics wires"].detail


def test_every_function_that_tells_an_address_is_a_wire():
    """A contract that learns a new address is not forgotten here."""
    for abi in files("anacostia_blockchain").joinpath("abi").iterdir():
        if not abi.name.endswith(".json") or abi.name.startswith("Story"):
            continue
        for item in json.loads(abi.read_text()):
            if item["type"] != "function" or item["inputs"] or len(item["outputs"]) != 1:
                continue
            if item["outputs"][0]["type"] == "address":
                assert item["name"] in (*WIRES, *OUTSIDE), f"{abi.name}: {item['name']}"


def test_one_byte_anywhere_is_found(chain, deployment, network):
    address = deployment.address("ModelLicensing")
    code = bytearray(chain.code(address))
    code[len(code) // 2] ^= 1
    chain.rpc("anvil_setCode", address, "0x" + code.hex())
    assert failures(chain, deployment, network)["ModelLicensing code"].startswith("other code")


def test_one_byte_of_an_immutable_is_found(chain, deployment, network):
    """What a comparison that leaves immutables out would let pass: another registry."""
    address, registry = (deployment.address(n) for n in ("ModelLicensing", "ModelRegistry"))
    code = chain.code(address)
    assert bytes.fromhex(registry[2:]) in code
    forged = code.replace(bytes.fromhex(registry[2:]), b"\x66" * 20)
    assert deploying.is_build_of("ModelLicensing", forged)
    chain.rpc("anvil_setCode", address, "0x" + forged.hex())
    found = failures(chain, deployment, network)
    assert "immutables" in found["ModelLicensing code"]
    assert "registry() is 0x6666" in found["ModelLicensing wires"]


def test_a_contract_that_is_gone_is_found(chain, deployment, network):
    chain.rpc("anvil_setCode", deployment.address("UsdFeeds"), "0x")
    found = failures(chain, deployment, network)
    assert "no code at" in found["UsdFeeds code"]
    assert "no code at" in found["UsdFeeds record"]
    assert "ModelPricing.feeds()" in found["ModelPricing wires"]


def test_another_forwarder_than_the_known_one_is_found(chain, deployment, network):
    moved = dataclasses.replace(network, forwarder=deployment.address("RunLedger"))
    found = failures(chain, deployment, moved)
    assert list(found) == ["MetricReceiver wires"]
    assert "and the address in oracles.json is" in found["MetricReceiver wires"]


@pytest.mark.parametrize(
    ("fields", "check", "message"),
    [
        ({"version": "9.9.9"}, "record", "says version 9.9.9, the contract 1.0.0"),
        ({"code_sha256": "00" * 32}, "record", "recorded from another build"),
        ({"arguments": "0x" + "00" * 32}, "record", "by its arguments it is at"),
        ({"arguments": "nonsense"}, "record", "not hexadecimal"),
        ({"arguments": 7}, "record", "not hexadecimal"),
        ({"block": 1}, "record", "says block 1 of a transaction in block"),
        ({"address": "0x" + "11" * 20}, "code", "no code at"),
    ],
)
def test_a_record_edited_by_hand_is_found(chain, deployment, network, fields, check, message):
    found = failures(chain, changed(deployment, "ModelMarket", **fields), network)
    assert message in found[f"ModelMarket {check}"]


def test_a_transaction_that_nobody_knows_is_said_to_be_so(chain, deployment, network):
    for tx, said in ((None, "is not recorded"), ("0x" + "ab" * 32, "is not known to 127.0.0.1")):
        found = inspect(chain, changed(deployment, "RunLedger", tx=tx), network)
        (record,) = [check for check in found if check.name == "RunLedger record"]
        assert record.passed
        assert said in record.detail


def test_a_record_without_arguments_and_a_node_without_overrides_say_so(
    chain, deployment, network, monkeypatch
):
    old = changed(deployment, "RunLedger", arguments=None)
    details = {check.name: check for check in inspect(chain, old, network)}
    assert details["RunLedger code"].passed
    assert "immutables aside: the file does not say" in details["RunLedger code"].detail

    class Plain(type(chain.rpc)):
        def __call__(self, method: str, *params: object) -> object:
            if method == "eth_call" and len(params) > 2:
                return super().__call__("no_such_method")
            return super().__call__(method, *params)

    monkeypatch.setattr(chain, "rpc", Plain(chain.rpc._provider.endpoint_uri))
    details = {check.name: check for check in inspect(chain, deployment, network)}
    assert all(check.passed for check in details.values())
    assert "takes no state overrides" in details["ModelNFT code"].detail


def test_a_feed_that_changed_since_shows_in_the_constructor(chain, deployment, network):
    """`UsdFeeds` could not be created any more: its feed describes itself otherwise now."""
    feed = network.feeds[0].feed
    chain.rpc("anvil_setCode", feed, "0x" + chain.code(network.forwarder).hex())
    found = failures(chain, deployment, network)
    assert "would refuse today" in found["UsdFeeds code"]
