"""Logs of made-up run records that are really anchored, and proofs where verifiers look."""

from __future__ import annotations

import os
from io import BytesIO

from anacostia_blockchain.ledger import merkle
from anacostia_blockchain.ledger.proof import RunProof
from anacostia_blockchain.runs import PROOF_NAME


def anchor(hub, count=3):
    """Anchor a log of some records; returns its id and the records' roots."""
    salt = os.urandom(32)
    roots = [os.urandom(32) for _ in range(count)]
    hub.ledger.open_log(salt, hub.address)
    log_id = hub.ledger.log_id_of(hub.address, salt)
    leaves = [merkle.leaf_hash(root) for root in roots]
    hub.ledger.anchor(log_id, count, merkle.root(leaves), [])
    return log_id, roots


def prove(hub, log, roots, place, **changes):
    """Store a run's proof where verifiers look."""
    leaves = [merkle.leaf_hash(root) for root in roots]
    fields = {
        "log_id": log,
        "leaf": roots[place],
        "index": place,
        "size": len(roots),
        "root": merkle.root(leaves),
        "path": tuple(merkle.inclusion_proof(leaves, place)),
        "chain_id": hub.chain.chain_id,
        "ledger": hub.ledger.address,
    }
    proof = RunProof(**(fields | changes))
    hub.storage.put(BytesIO(proof.to_json()), name=PROOF_NAME.format(leaf=roots[place].hex()))
    return proof


def described(log_id, leaf):
    return {"provenance": {"log_id": "0x" + log_id.hex(), "run_leaf": "0x" + leaf.hex()}}
