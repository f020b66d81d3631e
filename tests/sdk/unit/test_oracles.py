"""What the package says about Chainlink's addresses, and the traps among them."""

from __future__ import annotations

import json
from importlib.resources import files

import pytest
from eth_utils import is_checksum_address

from anacostia_blockchain.config import _KNOWN
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.oracles import NATIVE, OracleNetwork

DOCUMENT = json.loads(files("anacostia_blockchain").joinpath("oracles.json").read_text())
NETWORKS = {int(chain_id): entry for chain_id, entry in DOCUMENT["networks"].items()}

REGISTRY_ON_ETHEREUM = "0x76c9cf548b4179F8901cda1f8623568b58215E62"
"""The forwarder of five networks, and on Ethereum something else."""

TWO_FEEDS = "0xd30e2101a97dcbAeBCBC04F14C3f624E67A35165"
"""USDC / USD on Base Sepolia, ETH / USD on Arbitrum Sepolia."""

SIMULATORS = {
    "0xa3d1ad4ac559a6575a114998affb2fb2ec97a7d9",
    "0x5e342a8438b4f5d39e72875fcee6f76b39cce548",
    "0xd770499057619c9a76205fd4168161cf94abc532",
    "0x9119a1501550ed94a3f2794038ed9258337afa18",
    "0xf458d621885e29a5003ea9bbba5280d54e19b1ce",
    "0x15fc6ae953e024d975e77382eeec56a9101f9f88",
    "0x82300bd7c3958625581cc2f77bc6464dcecdf3e5",
    "0xd41263567ddfead91504199b8c6c87371e83ca5d",
    "0xa2888380dff3704a8ab6d1cd1a8f69c15fea5ee3",
    "0x3675a5eb2286a3f87e8278fc66edf458a2e3bb74",
}
"""Forwarders that check no signatures: for simulations alone."""


@pytest.mark.parametrize("chain_id", NETWORKS)
def test_networks_are_those_that_can_be_named(chain_id: int) -> None:
    network = OracleNetwork.known(chain_id)
    assert _KNOWN[network.name][0] == chain_id
    assert [feed.symbol for feed in network.feeds] in (["ETH", "USDC"], ["POL", "USDC"])
    assert network.feeds[0].asset == NATIVE
    assert not network.feeds[0].at_par
    assert network.feeds[1].at_par
    addresses = [network.forwarder, *(feed.feed for feed in network.feeds)]
    addresses += [feed.asset for feed in network.feeds]
    addresses += [network.sequencer] if network.sequencer else []
    addresses.append(network.attestations)
    assert all(is_checksum_address(address) for address in addresses)
    for feed in network.feeds:
        assert feed.max_age > 0
        assert 0 < feed.min_answer < feed.max_answer
        assert feed.decimals == 8


def test_every_source_has_a_date() -> None:
    assert set(DOCUMENT["sources"]) == {"feeds", "forwarders", "tokens", "attestations"}
    assert all("20" in text for text in DOCUMENT["sources"].values())


def test_a_feed_of_two_things_is_described_as_each() -> None:
    found = {
        network["name"]: feed["description"]
        for network in NETWORKS.values()
        for feed in network["feeds"]
        if feed["feed"] == TWO_FEEDS
    }
    assert found == {"base-sepolia": "USDC / USD", "arbitrum-sepolia": "ETH / USD"}


def test_no_forwarder_is_a_simulator_or_the_registry() -> None:
    assert not SIMULATORS & {network["forwarder"].lower() for network in NETWORKS.values()}
    assert NETWORKS[1]["forwarder"] != REGISTRY_ON_ETHEREUM
    assert NETWORKS[137]["forwarder"] == REGISTRY_ON_ETHEREUM


def test_rollups_in_production_have_a_sequencer_and_nothing_else_does() -> None:
    with_sequencer = {n["name"] for n in NETWORKS.values() if n["sequencer"]}
    assert with_sequencer == {"base", "arbitrum", "optimism"}


@pytest.mark.parametrize("chain_id", [1514, 1315, 31337])
def test_where_there_is_no_chainlink_it_says_so(chain_id: int) -> None:
    with pytest.raises(
        ConfigError, match=f"no Chainlink feeds or forwarder are known on chain {chain_id}"
    ):
        OracleNetwork.known(chain_id)
