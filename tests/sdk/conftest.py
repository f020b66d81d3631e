"""Fixtures that all tests share: one real chain for the session, with the contracts on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.testing import LocalChain


@pytest.fixture(scope="session")
def local_chain() -> Iterator[LocalChain]:
    """A chain with the contracts deployed. Tests that break a chain start their own."""
    with LocalChain() as local:
        local.deploy()
        yield local


@pytest.fixture(scope="session")
def deployment(local_chain: LocalChain) -> Deployment:
    """Where the contracts are on `local_chain`."""
    return local_chain.deploy()


@pytest.fixture
def hub(local_chain: LocalChain, deployment: Deployment, tmp_path: Path) -> Anacostia:
    """A client of `local_chain` that signs with account 0, its home in a temporary folder."""
    return Anacostia(local_chain.chain(), deployment, home=tmp_path)
