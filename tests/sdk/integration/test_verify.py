"""Verification: what was altered is named; what is whole passes; evidence can be carried away."""

import json
import os
import zipfile

import pytest

from anacostia_blockchain.errors import FormatError, IntegrityError, NotFoundError
from anacostia_blockchain.ledger import merkle
from anacostia_blockchain.proofs.bundle import block_numbers, verify_bundle
from anacostia_blockchain.proofs.bundling import write_bundle
from anacostia_blockchain.types import Parent, RevocationReason
from anacostia_blockchain.verify import verify_version
from anchored import anchor, described, prove
from store_contract import damage

pytestmark = pytest.mark.integration


@pytest.fixture
def model(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    (folder / "weights.bin").write_bytes(os.urandom(3_000_000))
    (folder / "config.json").write_text("{}")
    return folder


def failed(report):
    return {check.name: check.detail for check in report.checks if not check.passed}


def test_a_version_passes_every_check(hub, model, name):
    log_id, roots = anchor(hub)
    prove(hub, log_id, roots, 1)
    hub.models.publish(model, name, aliases=["champion"], description=described(log_id, roots[1]))
    seen = []
    report = verify_version(hub, f"{name}@champion", on_check=seen.append)
    assert report.passed, failed(report)
    assert [check.name for check in report.checks] == [
        "contracts",
        "registry",
        "content",
        "manifest",
        "statement",
        "run",
        "token",
        "aliases",
        "lineage",
    ]
    assert tuple(seen) == report.checks
    assert json.loads(json.dumps(report.to_dict()))["passed"] is True


def test_one_byte_of_the_store_is_enough(hub, model, name):
    hub.models.publish(model, name)
    damage(hub.storage, (model / "weights.bin").read_bytes())
    report = verify_version(hub, name)
    assert set(failed(report)) == {"content", "manifest", "statement", "run"}
    assert "damaged" in failed(report)["content"]


def test_content_that_is_gone(hub, model, name):
    version = hub.models.publish(model, name)
    hub.storage.delete(version.root)
    report = verify_version(hub, name)
    assert "content" in failed(report)
    assert not report.passed


def test_a_revoked_version_and_its_children_fail(hub, model, name):
    parent = hub.models.publish(model, name)
    (model / "config.json").write_text("[]")
    hub.models.publish(model, f"{name}-b", parents=[Parent(parent.model_id, 1)])
    hub.models.revoke(f"{name}@1", RevocationReason.COMPROMISED)
    assert set(failed(verify_version(hub, name))) == {"registry", "lineage"}
    child = failed(verify_version(hub, f"{name}-b"))
    assert child == {"lineage": "this version or one it was made from is revoked"}


def test_a_run_that_was_never_anchored_fails(hub, model, name):
    log_id, roots = anchor(hub)
    hub.models.publish(model, name, description=described(log_id, roots[0]))
    found = failed(verify_version(hub, name))
    assert set(found) == {"run"}
    assert "the run is not anchored yet" in found["run"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"root": b"\x01" * 32}, "is not number 0 of the 3"),
        ({"index": 2}, "is not number 2 of the 3"),
        ({"chain_id": 1}, "another chain or ledger"),
        ({"ledger": "0x" + "11" * 20}, "another chain or ledger"),
        ({"log_id": b"\x02" * 32}, "another log than the statement names"),
    ],
)
def test_a_forged_proof_fails(hub, model, name, change, message):
    log_id, roots = anchor(hub)
    prove(hub, log_id, roots, 0, **change)
    hub.models.publish(model, name, description=described(log_id, roots[0]))
    found = failed(verify_version(hub, name))
    assert set(found) == {"run"}
    assert message in found["run"]


def test_a_proof_of_a_head_that_was_never_anchored_fails(hub):
    log_id, roots = anchor(hub, 3)
    proof = prove(hub, log_id, roots[:2], 0)
    with pytest.raises(IntegrityError, match="no head of 2 records was ever anchored"):
        hub.runs.check_proof(proof)


def test_an_older_head_is_enough(hub):
    log_id, roots = anchor(hub, 3)
    proof = prove(hub, log_id, roots, 2)
    more = [*roots, b"\x07" * 32]
    leaves = [merkle.leaf_hash(root) for root in more]
    hub.ledger.anchor(log_id, 4, merkle.root(leaves), merkle.consistency_proof(leaves, 3))
    assert hub.runs.check_proof(proof).size == 4


# ---------------------------------------------------------------------- bundles


@pytest.fixture
def bundle(hub, model, name, tmp_path):
    """A bundle of a version with a parent and a run, and the hashes it rests on."""
    log_id, roots = anchor(hub)
    prove(hub, log_id, roots, 1)
    parent = hub.models.publish(model, f"{name}-base")
    (model / "config.json").write_text("[]")
    hub.models.publish(
        model,
        name,
        parents=[Parent(parent.model_id, 1)],
        description=described(log_id, roots[1]),
    )
    path = write_bundle(hub, name, tmp_path / "evidence.zip")
    hashes = [hub.chain.header(number)["hash"] for number in block_numbers(path)]
    return path, hashes


def test_a_bundle_verifies_offline(bundle):
    path, hashes = bundle
    report = verify_bundle(path, block_hashes=hashes)
    assert report.passed, failed(report)
    assert "1 ancestors, none revoked" in [check.detail for check in report.checks]


def test_a_bundle_verifies_against_an_endpoint(bundle, local_chain):
    path, _ = bundle
    assert verify_bundle(path, rpc_url=local_chain.rpc_url).passed


def test_a_bundle_proves_nothing_against_another_hash(bundle):
    path, _ = bundle
    report = verify_bundle(path, block_hashes=["0x" + "00" * 32])
    assert not report.passed
    assert "you did not say you trust" in failed(report)["blocks"]


def test_a_bundle_of_a_log_that_grew_since(hub, model, name, tmp_path):
    log_id, roots = anchor(hub)
    prove(hub, log_id, roots, 1)
    hub.models.publish(model, name, description=described(log_id, roots[1]))
    more = [*roots, b"\x07" * 32]
    leaves = [merkle.leaf_hash(root) for root in more]
    hub.ledger.anchor(log_id, 4, merkle.root(leaves), merkle.consistency_proof(leaves, 3))
    path = write_bundle(hub, name, tmp_path / "evidence.zip")
    assert len(block_numbers(path)) == 2
    hashes = [hub.chain.header(number)["hash"] for number in block_numbers(path)]
    assert verify_bundle(path, block_hashes=hashes).passed
    assert not verify_bundle(path, block_hashes=hashes[:1]).passed


def rewritten(path, change):
    """The bundle with its evidence changed."""
    with zipfile.ZipFile(path) as archive:
        document = json.loads(archive.read("evidence.json"))
        content = archive.read("content.car")
    document, content = change(document, content)
    target = path.with_name("changed.zip")
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr("evidence.json", json.dumps(document))
        archive.writestr("content.car", content)
    return target


def flip_a_bit(document, content):
    place = len(content) // 2
    return document, content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :]


def set_state_root(document, content):
    document["blocks"][0]["header"]["stateRoot"] = "0x" + "22" * 32
    return document, content


def set_code(document, content):
    document["blocks"][0]["accounts"][0]["code"] = "0x6000"
    return document, content


def set_run_index(document, content):
    document["run"]["index"] += 1
    return document, content


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (flip_a_bit, "content"),
        (lambda d, c: (d | {"version": 7}, c), "registry"),
        (lambda d, c: (d | {"subject": "acme/digits@1"}, c), "registry"),
        (lambda d, c: (d | {"chain_id": 1}, c), "blocks"),
        (lambda d, c: (d | {"registry": "0x" + "11" * 20}, c), "blocks"),
        (set_state_root, "blocks"),
        (set_code, "blocks"),
        (set_run_index, "run"),
        (lambda d, c: (d | {"run": None}, c), "run"),
        (lambda d, c: (d | {"blocks": []}, c), "registry"),
    ],
)
def test_a_forged_bundle_fails(bundle, change, check):
    path, hashes = bundle
    found = failed(verify_bundle(rewritten(path, change), block_hashes=hashes))
    assert check in found


def test_a_truncated_bundle_is_refused(bundle, tmp_path):
    path, hashes = bundle
    for size in (0, 10, path.stat().st_size // 2, path.stat().st_size - 5):
        cut = tmp_path / "cut.zip"
        cut.write_bytes(path.read_bytes()[:size])
        with pytest.raises(FormatError, match="is truncated, or no bundle"):
            verify_bundle(cut, block_hashes=hashes)


def test_no_half_bundle_is_left(hub, model, name, tmp_path):
    version = hub.models.publish(model, name)
    hub.storage.delete(version.root)
    with pytest.raises(NotFoundError):
        write_bundle(hub, name, tmp_path / "evidence.zip")
    assert list(tmp_path.glob("*evidence*")) == []
