"""A chain with Story on it, the double's or the real one's: what conformance tests run on."""

from __future__ import annotations

import hashlib
import itertools
import json
import os
from collections.abc import Callable
from pathlib import Path

from anacostia_blockchain.chain import Chain, PrivateKeySigner
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.deployment import Deployment, deploy
from anacostia_blockchain.story import Story, StoryAddresses
from anacostia_blockchain.story.service import deploy_story
from anacostia_blockchain.testing import LocalChain, dev_signer
from anacostia_blockchain.types import Kind
from story_double import StoryDouble

RPC_URL = os.environ.get("STORY_RPC_URL", "")

_names = itertools.count(int.from_bytes(os.urandom(4), "big"))


class World:
    """A chain with Story on it, real or not, and accounts with coins."""

    def __init__(self, connect: Callable[[int], Chain], addresses: StoryAddresses) -> None:
        self.connect = connect
        self.addresses = addresses
        chain = connect(0)
        self.deployment: Deployment = deploy_story(chain, deploy(chain), addresses)
        self.double: StoryDouble | None = None

    def person(self, account: int, home: Path) -> Anacostia:
        hub = Anacostia(self.connect(account), self.deployment, home=home / str(account))
        hub.__dict__["story"] = Story(hub, self.addresses)
        return hub


def world_of(local_chain: LocalChain, folder: Path) -> World:
    """The double on a local chain, unless `STORY_RPC_URL` names the real contracts' chain."""
    if RPC_URL:
        keys = os.environ.get("STORY_PRIVATE_KEYS", "")
        signers = (
            [PrivateKeySigner(bytes.fromhex(k.removeprefix("0x"))) for k in keys.split(",")]
            if keys
            else [dev_signer(i) for i in range(5)]
        )
        said = os.environ.get("STORY_ADDRESSES", "{}")
        text = said if said.lstrip().startswith("{") else Path(said).read_text()
        return World(
            lambda i: Chain.connect(RPC_URL, signer=signers[i], state_dir=folder),
            StoryAddresses.of(json.loads(text)),
        )
    double = StoryDouble(local_chain.chain(0))
    made = World(local_chain.chain, double.addresses)
    made.double = double
    return made


def model(hub: Anacostia) -> int:
    """A registered model of an account's, another each time; returns its number."""
    name = f"story/{next(_names)}"
    root = CID(0x70, hashlib.sha256(name.encode()).digest())
    return hub.registry.register(name, Kind.MODEL, root, ())[0]
