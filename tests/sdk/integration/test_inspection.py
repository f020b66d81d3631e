"""What is on a chain, compared with the build byte for byte, and every address that it holds."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterator
from importlib.resources import files

import pytest

from anacostia_blockchain import deployment as deploying
from anacostia_blockchain.chain import Chain
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.inspection import ALL_OF_STORY, FEEDS, OUTSIDE, STORY, WIRES, inspect
from anacostia_blockchain.oracles import OracleNetwork
from whole import Whole

pytestmark = pytest.mark.integration

OF_PEOPLE = {
    *("LicenseToken.getApproved", "LicenseToken.ownerOf", "MetricReceiver.sourceOf"),
    *("ModelLicensing.offerOf", "ModelLicensing.termsOf", "ModelMarket.listingOf"),
    *("ModelNFT.getApproved", "ModelNFT.ownerOf", "ModelNFT.ownershipOf", "ModelNFT.royaltyInfo"),
    *("ModelPricing.pricingOf", "ModelRegistry.aliasOf", "ModelRegistry.modelOf"),
    *("ModelRegistry.versionOf", "PromotionGate.policyOf", "PromotionGate.proposalOf"),
    *("RunLedger.logOf", "StoryAdapter.permissionCall"),
}
"""Functions that tell addresses which their users wrote there, or brought along."""

OF_ITSELF = {"ModelRegistry.eip712Domain", "StorySale.eip712Domain"}
"""And those that tell the contract's own."""


@pytest.fixture
def chain(whole: Whole) -> Chain:
    return whole.chain


@pytest.fixture
def deployment(whole: Whole) -> Deployment:
    return whole.deployment


@pytest.fixture
def network(whole: Whole) -> OracleNetwork:
    return whole.network


def failures(chain: Chain, deployment: Deployment, network=None) -> dict[str, str]:
    return {c.name: c.detail for c in inspect(chain, deployment, network) if not c.passed}


def test_all_that_is_deployed_is_the_build_byte_for_byte(chain, deployment, network):
    checks = {check.name: check for check in inspect(chain, deployment, network)}
    assert all(check.passed for check in checks.values()), checks
    for name in deployment.contracts:
        size = len(chain.code(deployment.address(name)))
        assert checks[f"{name} code"].detail == f"{size:,} bytes, immutables included"
    assert network.forwarder in checks["MetricReceiver wires"].detail
    assert network.attestations in checks["AttestedMetrics wires"].detail
    assert checks["suite"].detail == f"{len(deployment.contracts)} contracts"


def test_every_function_that_tells_an_address_is_a_wire():
    """A contract that learns a new address is not forgotten here, wherever an answer has it."""
    wires = {*WIRES, *OUTSIDE, *STORY, ALL_OF_STORY, *FEEDS}
    told = {f"{contract}.{function}" for contract, function in tellers()}
    left = {call for call in told if call.partition(".")[2] not in wires}
    assert left == OF_PEOPLE | OF_ITSELF
    assert wires - {call.partition(".")[2] for call in told} <= set(STORY), "what tells nothing"


def tellers() -> Iterator[tuple[str, str]]:
    """Functions that only read, with an address anywhere in what they answer; by contract."""
    for abi in files("anacostia_blockchain").joinpath("abi").iterdir():
        for item in json.loads(abi.read_text()) if abi.name.endswith(".json") else []:
            reads = item["type"] == "function" and item["stateMutability"] in ("view", "pure")
            if reads and any(map(holds_address, item["outputs"])):
                yield abi.name.removesuffix(".json"), item["name"]


def holds_address(part: dict[str, object]) -> bool:
    return str(part["type"]).startswith("address") or any(
        map(holds_address, part.get("components", []))
    )


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
    assert found.pop("MetricReceiver wires") == (
        f"forwarder() is {network.forwarder}, and the address in oracles.json is {moved.forwarder}"
    )
    assert "took other arguments than this package's" in found.pop("MetricReceiver record")
    assert not found


def test_a_node_without_overrides_says_so(chain, deployment, network, monkeypatch):
    class Plain(type(chain.rpc)):
        def __call__(self, method: str, *params: object) -> object:
            if method == "eth_call" and len(params) > 2:
                return super().__call__("no_such_method")
            return super().__call__(method, *params)

    monkeypatch.setattr(chain, "rpc", Plain(chain.rpc._provider.endpoint_uri))
    details = {check.name: check for check in inspect(chain, deployment, network)}
    assert all(check.passed for check in details.values())
    assert "takes no state overrides" in details["ModelNFT code"].detail


def test_a_feed_that_is_gone_is_found(chain, deployment, network):
    """By what `UsdFeeds` tells of its feeds, each by its token."""
    ether, dollar = network.feeds
    wires = {c.name: c.detail for c in inspect(chain, deployment, network)}["UsdFeeds wires"]
    for number, feed in enumerate(network.feeds):
        assert f"assets()[{number}] {feed.asset}, feedOf({feed.asset}) {feed.feed}" in wires
    chain.rpc("anvil_setCode", ether.feed, "0x")
    for known in (network, None):
        found = failures(chain, deployment, known)["UsdFeeds wires"]
        assert found.startswith(f"no code at {ether.feed}, where UsdFeeds.feedOf({ether.asset})")
    moved = dataclasses.replace(network, feeds=(dataclasses.replace(ether, feed=dollar.feed),))
    assert failures(chain, deployment, moved)["UsdFeeds wires"] == (
        f"feedOf({ether.asset}) is {ether.feed}, and the address in oracles.json is {dollar.feed}"
    )


def test_a_feed_that_changed_since_shows_in_the_constructor(chain, deployment, network):
    """`UsdFeeds` could not be created any more: its feed describes itself otherwise now."""
    feed = network.feeds[0].feed
    chain.rpc("anvil_setCode", feed, "0x" + chain.code(network.forwarder).hex())
    found = failures(chain, deployment, network)
    assert "would refuse today" in found["UsdFeeds code"]
