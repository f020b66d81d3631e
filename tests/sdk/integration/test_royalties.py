"""Revenue of whole trees of models, sold and collected through the SDK, against plain fractions.

`scripts/vectors` writes what those say; `tests/contracts/unit/ModelLicensing.royalties.t.sol` reads
the same file.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.licensing.terms import Terms, preset
from anacostia_blockchain.licensing.values import Price
from anacostia_blockchain.testing import LocalChain
from anacostia_blockchain.types import Kind, Relation

pytestmark = pytest.mark.integration

VECTORS = Path(__file__).parents[2] / "contracts" / "data" / "royalties.json"
ACCOUNTS = (6, 7, 8)


@pytest.fixture
def people(local_chain: LocalChain, deployment: Deployment, tmp_path) -> list[Anacostia]:
    return [
        Anacostia(local_chain.chain(account), deployment, home=tmp_path / str(account))
        for account in ACCOUNTS
    ]


@pytest.mark.parametrize("number", [0, 5, 10, 15])
def test_everybody_collects_what_the_plain_model_says(people: list[Anacostia], number: int) -> None:
    tree = json.loads(VECTORS.read_text())["trees"][number]
    for hub in people:
        if hub.licenses.claimable():
            hub.licenses.claim()  # from what went before
    models = made(people, tree, f"royalties/{number}")
    for model, price in zip(tree["sold"], tree["prices"], strict=True):
        owner, buyer = people[tree["owners"][model]], people[0]
        offer = owner.licenses.offer(models[model], remix(0), Price.native(int(price)))
        buyer.licenses.buy(models[model], offer=offer.number)
    for hub in people:
        hub.licenses.settle(reversed(models))
    assert [hub.licenses.collect(own(tree, models, i)) for i, hub in enumerate(people)] == [
        int(credit) for credit in tree["credits"]
    ]


def made(people: list[Anacostia], tree: dict[str, Any], name: str) -> list[int]:
    """Register the models and derive each from its parents, under licences that cost nothing."""
    models: list[int] = []
    for i, owner in enumerate(tree["owners"]):
        hub = people[owner]
        root = CID(0x70, hashlib.sha256(f"{name}/{i}".encode()).digest())
        models.append(hub.registry.register(f"{name}/{i}", Kind.MODEL, root)[0])
        licences = []
        for parent, share in zip(tree["parents"][i], tree["shares"][i], strict=True):
            seller = people[tree["owners"][parent]]
            offer = seller.licenses.offer(models[parent], remix(share), Price.free())
            licences += hub.licenses.buy(models[parent], offer=offer.number)
        if licences:
            hub.licenses.derive(models[i], licences, Relation.MERGE)
    return models


def remix(share: int) -> Terms:
    """Whatever is made of it may be offered under other terms, and so with another share."""
    return replace(preset("commercial-remix", royalty_bps=share), share_alike=False)


def own(tree: dict[str, Any], models: list[int], owner: int) -> list[int]:
    return [model for model, who in zip(models, tree["owners"], strict=True) if who == owner]
