"""Fixtures that all tests share: one real chain for the session, with the contracts on it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.storage.testing import ClusterPeer, KuboNode, find_server
from anacostia_blockchain.testing import LocalChain
from strikes import at_night
from w3up_service import W3upService, installed

if TYPE_CHECKING:
    from postgres import PostgresServer

# A change is judged by the same examples each time; what nobody has thought of is found at night.
# How long an example takes says nothing on a busy machine.
settings.register_profile("day", derandomize=True, deadline=None)
settings.register_profile("night", print_blob=True, deadline=None)
settings.load_profile("night" if at_night() else "day")


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


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A real server; the tests that need it are skipped, and say so, where there is none."""
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    from postgres import PostgresServer, find_binaries  # noqa: PLC0415 - needs the driver

    binaries = find_binaries()
    if binaries is None:
        pytest.skip("PostgreSQL is not installed: run `scripts/setup --postgres` as root")
    server = PostgresServer(binaries).start()
    yield server
    server.close()


@pytest.fixture(params=["sqlite", "postgres"])
def uri(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URI of an empty database, of each kind that a metadata store can be in."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/m.db"
    return request.getfixturevalue("postgres").new_database()


@pytest.fixture(scope="session")
def kubo() -> Iterator[KuboNode]:
    """A Kubo node. Tests that break a node start their own."""
    require_server("ipfs")
    with KuboNode() as node:
        yield node


@pytest.fixture(scope="session")
def cluster_peer() -> Iterator[ClusterPeer]:
    """A cluster of one peer. Tests that need more start their own."""
    require_server("ipfs")
    require_server("ipfs-cluster-service")
    with KuboNode() as node, ClusterPeer(node) as peer:
        yield peer


def require_server(name: str) -> None:
    """Skip a test whose server is not there; the summary shows how many, and how to get it."""
    try:
        find_server(name)
    except ConfigError as error:
        pytest.skip(str(error))


@pytest.fixture(scope="session")
def w3up() -> Iterator[W3upService]:
    """A Web3.Storage service: the real server code. Each test makes spaces of its own in it."""
    if not installed():
        pytest.skip("the w3up service is not installed: run scripts/setup --w3up")
    with W3upService() as service:
        yield service
