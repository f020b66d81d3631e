"""Forks: of a chain that `scripts/check-ape` made history on, and of networks it is told of."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import ape
import pytest
from ape.api import ProviderAPI
from clients import Client, chain_of
from scripts._ape import connected

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.rollout import deploy_all

LIVE = ("live:live", "LIVE_RPC_URL")
PUBLIC = (
    ("ethereum:sepolia", "SEPOLIA_RPC_URL"),
    ("base:sepolia", "BASE_SEPOLIA_RPC_URL"),
    ("story:aeneid", "STORY_AENEID_RPC_URL"),
)
"""Networks by Ape's names, and where their RPC URLs are looked for."""


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
