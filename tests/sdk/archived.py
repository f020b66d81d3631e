"""Evidence in tests: a model with a history to show, an archive opened, and an archive forged."""

import json
import os
import zipfile
from hashlib import sha256

from anacostia_blockchain.evidence.check import block_numbers
from anacostia_blockchain.ledger import merkle
from anacostia_blockchain.types import Kind, Parent, Relation, RevocationReason
from anchored import anchor, described, prove

CHECKS = [
    "members",
    "state",
    "model",
    "versions",
    "aliases",
    "documents",
    "evaluations",
    "runs",
    "index",
    "report",
]


def failed(report):
    return {check.name: check.detail for check in report.checks if not check.passed}


def hashes(hub, path):
    return [hub.chain.header(number)["hash"] for number in block_numbers(path)]


def tell_story(hub, folder, name):
    """Data, three versions of which two were made by runs, an alias with a history, revocations."""
    log_id, roots = anchor(hub)
    prove(hub, log_id, roots, 1)
    (folder / "weights.bin").write_bytes(os.urandom(100))
    data = hub.models.publish(folder, f"{name}-data", kind=Kind.DATASET)
    parents = [Parent(data.model_id, 1, Relation.TRAINED_ON)]
    for number in (1, 2):
        (folder / "weights.bin").write_bytes(os.urandom(100))
        description = described(log_id, roots[1]) if number == 1 else {}
        details = {"licence": "apache-2.0", "metrics": {"accuracy": 0.93}}
        hub.models.publish(
            folder, name, parents=parents, aliases=["champion"], description=description | details
        )
    more = [*roots, b"\x07" * 32]  # the log grows after the first proof was stored
    leaves = [merkle.leaf_hash(root) for root in more]
    hub.ledger.anchor(log_id, 4, merkle.root(leaves), merkle.consistency_proof(leaves, 3))
    prove(hub, log_id, more, 3)
    (folder / "weights.bin").write_bytes(os.urandom(100))
    hub.models.publish(folder, name, description=described(log_id, more[3]))
    hub.models.deprecate(f"{name}@1")
    hub.models.revoke(f"{name}-data@1", RevocationReason.POISONED_DATA)
    hub.models.revoke(f"{name}@2", RevocationReason.DEFECTIVE)
    hub.registry.set_alias(hub.models.get(name).model_id, "champion", 3)
    return name


def members(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def lines(path, member):
    return [json.loads(line) for line in members(path)[member].splitlines()]


def rewritten(path, change, *, honest=True):
    """The archive with its members changed; if `honest`, with an index that lists them so."""
    found = members(path)
    change(found)
    if honest:
        index = json.loads(found["index.json"])
        index["members"] = {n: sha256(d).hexdigest() for n, d in found.items() if n != "index.json"}
        found["index.json"] = json.dumps(index).encode()
    target = path.with_name("changed.zip")
    with zipfile.ZipFile(target, "w") as archive:
        for name in sorted(found, key=lambda name: name != "index.json"):
            archive.writestr(name, found[name])
    return target


def replacing(member, old, new):
    def change(found):
        assert old in found[member]
        found[member] = found[member].replace(old, new)

    return change


def dropping_line(member, place):
    def change(found):
        kept = found[member].splitlines(keepends=True)
        del kept[place]
        found[member] = b"".join(kept)

    return change


def in_index(**changes):
    def change(found):
        found["index.json"] = json.dumps(json.loads(found["index.json"]) | changes).encode()

    return change
