"""Fixtures of several files: names, evidence, and chains with others' contracts on them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from anacostia_blockchain.cli import cli
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.evidence.collect import write_evidence
from anacostia_blockchain.oracles import deploy_oracles
from anacostia_blockchain.testing import LocalChain, dev_key
from anacostia_blockchain.types import Kind
from archived import hashes, tell_story
from chainlink import Oracles, network_of
from priced import Setting
from story_world import World, world_of
from whole import Whole


@pytest.fixture
def name() -> str:
    """A name that no model has yet."""
    return f"model-{uuid.uuid4().hex[:12]}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder to publish."""
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(os.urandom(3000))
    return folder


@pytest.fixture
def story(hub: Anacostia, folder: Path, name: str) -> str:
    """A model of which much is to be shown."""
    return tell_story(hub, folder, name)


@pytest.fixture
def evidence(hub: Anacostia, story: str, tmp_path: Path) -> tuple[Path, dict[str, Any], list[str]]:
    """Evidence about it, with its index and the block hashes to trust."""
    path = tmp_path / "evidence.zip"
    index = write_evidence(hub, story, path)
    return path, index, hashes(hub, path)


@pytest.fixture(scope="module")
def price_chain() -> Iterator[LocalChain]:
    with LocalChain() as local:
        yield local


@pytest.fixture(scope="module")
def priced(price_chain: LocalChain, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    connection, core = price_chain.chain(), price_chain.deploy()
    oracles = Oracles.start(connection)
    network = network_of(oracles)
    deployment = deploy_oracles(connection, core, network)
    assert deploy_oracles(connection, core, network).contracts.keys() == deployment.contracts.keys()
    hub = Anacostia(connection, deployment, home=tmp_path_factory.mktemp("home"))
    source = hub.prices.open_source(oracles.workflow_id, guardian=price_chain.chain(4).address)
    return Setting(price_chain.rpc_url, hub, oracles, network, source, 0)


@pytest.fixture
def setting(priced: Setting, request: pytest.FixtureRequest) -> Setting:
    """A model of its own for each test."""
    root = CID(0x70, hashlib.sha256(request.node.name.encode()).digest())
    model, _ = priced.hub.registry.register(
        f"p/{hashlib.sha256(request.node.name.encode()).hexdigest()[:20]}", Kind.MODEL, root
    )
    priced.pass_(3600)
    return dataclasses.replace(priced, model=model)


@pytest.fixture
def anacostia(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command against the chain; returns what it printed as data."""
    hub = setting.hub
    hub.deployment.save(hub.home / "deployments")
    monkeypatch.setenv("ANACOSTIA_PRIVATE_KEY", dev_key())

    def run(*arguments: object, code: int = 0) -> Any:
        common = ["--chain", setting.url, "--home", str(hub.home), "--json"]
        texts = [str(argument) for argument in arguments]
        result = CliRunner().invoke(cli, [*common, *texts], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if result.stdout else result.stderr

    return run


@pytest.fixture(scope="module")
def kept_whole() -> Iterator[Whole]:
    with Whole.start() as whole:
        yield whole


@pytest.fixture
def whole(kept_whole: Whole) -> Iterator[Whole]:
    """A chain with all that relies on Chainlink too, which a test may break: it is restored."""
    kept = kept_whole.chain.rpc("evm_snapshot")
    yield kept_whole
    kept_whole.chain.rpc("evm_revert", kept)


@pytest.fixture(scope="module")
def world(local_chain: LocalChain, tmp_path_factory: pytest.TempPathFactory) -> World:
    """A chain with Story on it, and our contracts that rely on it."""
    return world_of(local_chain, tmp_path_factory.mktemp("story"))


@pytest.fixture
def people(world: World, tmp_path: Path) -> Callable[[int], Anacostia]:
    return lambda account: world.person(account, tmp_path)


@pytest.fixture
def alice(people: Callable[[int], Anacostia]) -> Anacostia:
    return people(0)


@pytest.fixture
def bob(people: Callable[[int], Anacostia]) -> Anacostia:
    return people(1)


@pytest.fixture
def carol(people: Callable[[int], Anacostia]) -> Anacostia:
    return people(2)
