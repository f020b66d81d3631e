"""Months of history on a chain, made by the SDK: what tests on forks of it find there."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

from anacostia_blockchain.chain import Chain
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.ledger import merkle
from anacostia_blockchain.licensing.terms import preset
from anacostia_blockchain.licensing.values import Price
from anacostia_blockchain.prices.values import Point, Pricing
from anacostia_blockchain.rollout import deploy_all
from anacostia_blockchain.testing import LocalChain
from anacostia_blockchain.types import Kind, Parent, Relation, RevocationReason
from chainlink import Deployed, Oracles, network_of

MONTH = timedelta(days=30)
ALICE, BOB, CAROL = 1, 2, 3
"""Development accounts: a creator, a second one, and a customer."""

RUNS = [merkle.leaf_hash(f"run {number}".encode()) for number in range(12)]
"""Leaves of Alice's log, hashed, anchored in thirds."""

PRICE = 10**15
DAYS = 90
"""For how long Carol's licence was bought."""


@dataclass(frozen=True)
class People:
    """A client for each account, on one chain."""

    alice: Anacostia
    bob: Anacostia
    carol: Anacostia


def people(local: LocalChain, deployment: Deployment) -> People:
    """Connect them."""

    def client(account: int) -> Anacostia:
        return Anacostia(local.chain(account), deployment, home=Path(local.state_dir))

    return People(*map(client, (ALICE, BOB, CAROL)))


def root(text: str) -> CID:
    """A directory's CID that no two texts share."""
    return CID(0x70, hashlib.sha256(text.encode()).digest())


def pass_(chain: Chain, time: timedelta) -> None:
    """Let time pass."""
    chain.rpc("evm_increaseTime", int(time.total_seconds()))
    chain.rpc("evm_mine")


def make(local: LocalChain) -> Deployment:
    """Four months: data, models and a derivative, aliases, runs, a licence, a price by a metric."""
    chain = local.chain()
    eas = Deployed(chain, "EAS", "address", Deployed(chain, "SchemaRegistry").address)
    oracles = Oracles.start(chain)
    deployment = deploy_all(chain, network=network_of(oracles, eas.address))
    who = people(local, deployment)
    alice, bob, carol = who.alice, who.bob, who.carol

    data, _ = alice.registry.register("corpus", Kind.DATASET, root("corpus 1"))
    trained = (Parent(data, 1, Relation.TRAINED_ON),)
    digits, _ = alice.registry.register("acme/digits", Kind.MODEL, root("digits 1"), trained)
    alice.registry.set_alias(digits, "champion", 1)
    log = alice.ledger.log_id_of(alice.address, bytes(32))
    alice.ledger.open_log(bytes(32), alice.address)
    _anchor(alice, log, 0, 4)

    pass_(chain, MONTH)
    alice.registry.publish(digits, root("digits 2"), (Parent(digits, 1), *trained))
    alice.registry.set_alias(digits, "champion", 2)
    alice.licenses.offer(digits, preset("evaluation-only", days=DAYS), Price.native(PRICE))
    alice.licenses.offer(digits, "commercial-remix", Price.native(2 * PRICE))
    carol.licenses.buy(digits, offer=1)
    bob.licenses.buy(digits, offer=2)
    _anchor(alice, log, 4, 8)

    pass_(chain, MONTH)
    fine, _ = bob.registry.register(
        "digits-tuned", Kind.MODEL, root("tuned 1"), (Parent(digits, 2, Relation.FINETUNE),)
    )
    alice.registry.publish(digits, root("digits 3"), (Parent(digits, 2), *trained))
    alice.registry.set_alias(digits, "champion", 3)
    alice.registry.deprecate(digits, 1)
    alice.registry.set_alias(digits, "challenger", 2)
    _anchor(alice, log, 8, 12)

    oracles.eth_usd.send("updateAnswer", 3200 * 10**8)
    source = alice.prices.open_source(oracles.workflow_id)
    alice.prices.set(digits, rules(source))
    alice.prices.set_terms(digits, None, share=1)
    alice.prices.set_manual(digits, "25", valid_for=timedelta(days=20))

    pass_(chain, MONTH / 2)
    bob.registry.publish(fine, root("tuned 2"), (Parent(fine, 1),))
    bob.registry.revoke(fine, 1, RevocationReason(1))
    for feed, answer in ((oracles.eth_usd, 3300 * 10**8), (oracles.usdc_usd, 10**8)):
        feed.send("updateAnswer", answer)
    return deployment


def _anchor(hub: Anacostia, log: bytes, old: int, new: int) -> None:
    proof = merkle.consistency_proof(RUNS[:new], old) if old else []
    hub.ledger.anchor(log, new, merkle.root(RUNS[:new]), proof)


def rules(source: bytes) -> Pricing:
    """A price that follows the accuracy that a source reports."""
    return Pricing(
        base=Decimal(20),
        minimum=Decimal(10),
        maximum=Decimal(100),
        points=(Point.parse("0.5:10"), Point.parse("0.9:100")),
        metric="accuracy",
        source=source,
    )
