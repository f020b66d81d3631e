"""Ape's networks are the SDK's: ape-config.yaml says nothing that config.py does not.

And what connecting to one ends in.
"""

from __future__ import annotations

import os
import random
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import ape
import pytest
import yaml
from ape.api.providers import SubprocessProvider
from scripts import _ape
from scripts._ape import ROOT, connected

from anacostia_blockchain._servers import free_ports
from anacostia_blockchain.config import _KNOWN, confirmations_of, rpc_variable

CONFIG = yaml.safe_load((ROOT / "ape-config.yaml").read_text())
ENDPOINTS = {
    (ecosystem, network): settings["uri"]
    for ecosystem, networks in CONFIG["node"].items()
    for network, settings in networks.items()
    if ecosystem != "live"
}
MAINNETS = {"ethereum", "base", "optimism", "arbitrum", "polygon", "story"}


def sdk_name(ecosystem: str, network: str) -> str:
    if network == "mainnet":
        return ecosystem
    return network if ecosystem == "ethereum" else f"{ecosystem}-{network}"


def test_every_network_of_the_sdk_has_an_endpoint_in_ape_and_the_other_way_round():
    assert {sdk_name(*names) for names in ENDPOINTS} == set(_KNOWN)
    assert {e for e, n in ENDPOINTS if n == "mainnet"} == MAINNETS


@pytest.mark.parametrize(("ecosystem", "network"), ENDPOINTS)
def test_chain_id_and_variable_are_the_sdks(ecosystem: str, network: str):
    name = sdk_name(ecosystem, network)
    found = ape.networks.get_ecosystem(ecosystem).get_network(network)
    assert found.chain_id == _KNOWN[name][0]
    assert ENDPOINTS[ecosystem, network] == f"${rpc_variable(name)}"
    assert confirmations_of(found.chain_id) == _KNOWN[name][1]


@pytest.mark.parametrize(("ecosystem", "network"), ENDPOINTS)
def test_each_can_be_forked(ecosystem: str, network: str):
    fork = ape.networks.get_ecosystem(ecosystem).get_network(f"{network}-fork")
    assert type(fork.get_provider("foundry")).__name__ == "FoundryForkProvider"


def test_a_local_chain_waits_for_nothing():
    assert confirmations_of(31337) == 0


def refused(choice: str) -> str:
    with pytest.raises(Exception) as caught, connected(choice):  # noqa: PT011
        pass
    message = str(caught.value)
    assert type(caught.value).__name__ == "Abort"
    assert "\n" not in message
    return message


def test_networks_that_lead_nowhere_are_told_in_one_line(monkeypatch):
    assert "set ARBITRUM_SEPOLIA_RPC_URL to the RPC URL of arbitrum:sepolia" in refused(
        "arbitrum:sepolia"
    )
    assert "No ecosystem named 'nonsense'" in refused("nonsense:sepolia")
    assert "No network in 'base' named 'nonsense'" in refused("base:nonsense")
    assert "'http://127.0.0.1:1'" in refused("base:sepolia:http://127.0.0.1:1")
    assert "set OPTIMISM_RPC_URL" in refused("optimism:mainnet-fork:foundry")


def test_a_fork_gets_a_port_that_nobody_has(monkeypatch):
    """Whatever Ape would guess."""
    assert "APE_FOUNDRY_HOST" not in os.environ
    local = ape.networks.provider.uri
    with taken_port() as port:
        monkeypatch.setattr(random, "randint", lambda *_: port)
        with connected("live:live-fork:foundry") as fork:
            assert fork.uri not in (local, f"http://127.0.0.1:{port}")
            assert fork.get_block("latest").number > 0


def test_a_port_that_is_taken_meanwhile_is_followed_by_another(monkeypatch):
    monkeypatch.setattr(SubprocessProvider.start, "__defaults__", (2,))  # seconds, of 20
    with taken_port() as port:
        ports = [port, *free_ports(1)]

        def next_port(_: int) -> list[int]:
            if len(ports) == 1:  # this one has to start
                monkeypatch.setattr(SubprocessProvider.start, "__defaults__", (120,))
            return [ports.pop(0)]

        monkeypatch.setattr(_ape, "free_ports", next_port)
        with connected("live:live-fork:foundry") as fork:
            assert fork.get_block("latest").number > 0
    assert not ports


@contextmanager
def taken_port() -> Iterator[int]:
    """A port whose connections are closed at once."""

    def hang_up() -> None:
        with suppress(OSError):  # the listener is closed
            while True:
                listener.accept()[0].close()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=hang_up, daemon=True).start()
        yield listener.getsockname()[1]
