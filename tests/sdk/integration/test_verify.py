"""Verification: what was altered is named; what is whole passes; evidence can be carried away."""

import json
import os
import zipfile
from dataclasses import replace
from io import BytesIO

import pytest

from anacostia_blockchain.chain import Call
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.deployment import CREATE2_PROXY, create2_address, creation_call
from anacostia_blockchain.errors import FormatError, IntegrityError, NotFoundError
from anacostia_blockchain.evidence.check import verify_evidence
from anacostia_blockchain.evidence.collect import write_evidence
from anacostia_blockchain.ledger import merkle
from anacostia_blockchain.ledger.proof import RunProof
from anacostia_blockchain.proofs.bundle import block_numbers, verify_bundle
from anacostia_blockchain.proofs.bundling import write_bundle
from anacostia_blockchain.proofs.layout import LedgerHeadSlots, VersionSlots
from anacostia_blockchain.proofs.state import prove_state
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


# ---------------------------------------------------------------------- whose run it is


def of_run(report):
    return next(check for check in report.checks if check.name == "run")


@pytest.fixture
def people(hub, local_chain):
    """Other accounts, with the same store."""

    def connected(account):
        return Anacostia(local_chain.chain(account), hub.deployment, home=hub.home)

    return connected


def test_who_publishes_claims_a_run_of_its_own_log(hub, model, name):
    log_id, roots = anchor(hub)
    prove(hub, log_id, roots, 1)
    hub.models.publish(model, name, description=described(log_id, roots[1]))
    me = f"{hub.address}, its publisher"
    assert of_run(verify_version(hub, name)).detail == (
        f"the version claims run record 2 of 3, anchored in a log owned by {me}, and written by "
        f"{me}; the log now holds 3"
    )


def test_a_worker_may_write_in_a_log_that_another_key_owns(hub, model, name, people):
    cold, salt = people(2), os.urandom(32)
    cold.ledger.open_log(salt, hub.address)
    log_id, leaf = hub.ledger.log_id_of(cold.address, salt), os.urandom(32)
    hub.ledger.anchor(log_id, 1, merkle.leaf_hash(leaf), [])
    prove(hub, log_id, [leaf], 0)
    hub.models.publish(model, name, description=described(log_id, leaf))
    found = of_run(verify_version(hub, name))
    assert found.passed
    assert found.detail.startswith(
        "the version claims run record 1 of 1, anchored in a log owned by "
        f"{cold.address} and written by {hub.address}, its publisher; "
    )


@pytest.fixture
def anothers(hub, model, name, people):
    """A version that names a run of somebody else, whose log and record anybody can see."""
    victim = people(1)
    log_id, roots = anchor(victim)
    prove(victim, log_id, roots, 1)
    hub.models.publish(model, name, description=described(log_id, roots[1]))
    return victim


def test_anothers_run_is_not_shown_to_be_the_versions(hub, name, anothers):
    assert of_run(verify_version(hub, name)).detail == (
        "NOT SHOWN TO BE ITS RUN: the version claims run record 2 of 3, anchored in a log owned by "
        f"{anothers.address} and written by {anothers.address}; the log now holds 3"
    )


def test_a_model_given_away_does_not_make_it_theirs(hub, name, anothers):
    """Whoever copies a run can give the model to whose run it is, who is not asked."""
    model_id = hub.models.get(name).model_id
    hub.nft.transfer_from(hub.address, anothers.address, model_id)
    detail = of_run(verify_version(hub, name)).detail
    assert detail.startswith("NOT SHOWN TO BE ITS RUN: ")
    assert f"owned by {anothers.address}, who owns the model, and written" in detail


def test_what_is_carried_away_says_it_too(hub, name, anothers, tmp_path):
    path = write_bundle(hub, name, tmp_path / "bundle.zip")
    trusted = [hub.chain.header(number)["hash"] for number in block_numbers(path)]
    found = of_run(verify_bundle(path, block_hashes=trusted))
    assert found.detail == (
        "NOT SHOWN TO BE ITS RUN: the version claims run record 2 of 3, anchored in a log written "
        f"by {anothers.address}"
    )
    path = tmp_path / "evidence.zip"
    index = write_evidence(hub, name, path)
    report = verify_evidence(path, block_hashes=[index["block"]["hash"]])
    assert next(check for check in report.checks if check.name == "runs").detail == (
        "1 runs are in 1 logs whose heads are proven; NOT SHOWN TO BE ITS RUN: version 1 names one "
        "of a log that neither its publisher nor the model's creator writes"
    )


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
    assert of_run(report).detail.startswith("the version claims run record 2 of 3, anchored in ")
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
        (lambda d, c: (d | {"registry": "0x" + "11" * 20}, c), "registry"),
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


def forged_ledger(hub, log_id, proof):
    """A contract with the ledger's code, whose constructor wrote a head that was never anchored."""
    slots = LedgerHeadSlots(log_id)
    values = {
        slots.writer_and_size: proof.size << 160 | int(hub.address, 16),
        slots.root: int.from_bytes(proof.root, "big"),
    }
    words = [
        (value.to_bytes(32, "big"), slot.to_bytes(32, "big")) for slot, value in values.items()
    ]
    written = b"".join(b"\x7f" + value + b"\x7f" + slot + b"\x55" for value, slot in words)
    code = hub.chain.code(hub.ledger.address)
    # PUSH2 length, DUP1, PUSH2 offset, PUSH0, CODECOPY, PUSH0, RETURN
    length, offset = len(code).to_bytes(2, "big"), (len(written) + 11).to_bytes(2, "big")
    returns = b"\x61" + length + b"\x80\x61" + offset + b"\x5f\x39\x5f\xf3"
    made = written + returns + code
    hub.chain.send(Call(CREATE2_PROXY, creation_call(made), "RunLedger", "constructor"))
    assert hub.chain.code(create2_address(made)) == code
    return create2_address(made)


def test_the_head_of_another_ledger_is_no_head(hub, model, name, tmp_path):
    """Its code is the ledger's, and what it says was never anchored."""
    log_id, _roots = anchor(hub)
    leaf = os.urandom(32)
    made_up = RunProof(
        *(log_id, leaf, 0, 1, merkle.leaf_hash(leaf), ()),
        chain_id=hub.chain.chain_id,
        ledger="0x" + "00" * 20,
    )
    forged = forged_ledger(hub, log_id, made_up)
    hub.models.publish(model, name)
    honest = write_bundle(hub, name, tmp_path / "evidence.zip")
    hub.models.publish(model, name, description=described(log_id, leaf))
    block = hub.chain.block_number()
    hashes = [hub.chain.header(block)["hash"]]

    def change(document, _content):
        model_id = document["model_id"]
        content = BytesIO()
        hub.storage.export_car(hub.registry.version_of(model_id, 2).root, content)
        slots = VersionSlots(model_id, 2)
        accounts = {hub.registry.address: [slots.digest, slots.header]}
        accounts[forged] = LedgerHeadSlots(log_id).all
        changed = {
            "subject": document["subject"].replace("@1", "@2"),
            "version": 2,
            "blocks": [prove_state(hub, block, accounts)],
            "run": json.loads(replace(made_up, ledger=forged).to_json()),
        }
        return document | changed, content.getvalue()

    path = rewritten(honest, change)
    found = failed(verify_bundle(path, block_hashes=hashes))
    assert found["blocks"] == f"{forged.lower()} is none of this package's contracts"
    assert found["run"] == "the proof is for another chain or ledger"


@pytest.mark.parametrize("change", [{"chain_id": 1}, {"ledger": "0x" + "11" * 20}])
def test_a_bundles_proof_is_for_the_ledger_of_its_chain(bundle, change):
    path, hashes = bundle
    changed = rewritten(path, lambda d, c: (d | {"run": d["run"] | change}, c))
    found = failed(verify_bundle(changed, block_hashes=hashes))
    assert found == {"run": "the proof is for another chain or ledger"}


@pytest.fixture
def revoked_since(hub, model, name, tmp_path):
    """A bundle of a version, and what its block was like once the version was revoked."""
    version = hub.models.publish(model, name)
    path = write_bundle(hub, name, tmp_path / "evidence.zip")
    hub.models.revoke(f"{name}@1", RevocationReason.COMPROMISED)
    slots = VersionSlots(version.model_id, 1)
    wanted = {hub.registry.address: [slots.digest, slots.header]}
    return path, prove_state(hub, hub.chain.block_number(), wanted)


@pytest.mark.parametrize("order", [1, -1])
def test_a_revocation_is_not_hidden_behind_an_older_block(hub, revoked_since, order):
    path, now = revoked_since

    def mix(document, content):
        return document | {"blocks": [*document["blocks"], now][::order]}, content

    mixed = rewritten(path, mix)
    hashes = [hub.chain.header(number)["hash"] for number in block_numbers(mixed)]
    assert (
        "ModelRegistry is shown at blocks"
        in failed(verify_bundle(mixed, block_hashes=hashes))["blocks"]
    )


def test_the_registry_is_shown_at_the_newest_block(hub, bundle):
    """What names a newer block as well would let an old state pass for that of the newer."""
    path, _ = bundle
    proof = json.loads(zipfile.ZipFile(path).read("evidence.json"))["run"]
    slots = LedgerHeadSlots(bytes.fromhex(proof["log_id"].removeprefix("0x"))).all
    hub.ledger.open_log(os.urandom(32), hub.address)  # whatever makes a block
    newer = prove_state(hub, hub.chain.block_number(), {hub.ledger.address: slots})
    changed = rewritten(path, lambda d, c: (d | {"blocks": [d["blocks"][0], newer]}, c))
    numbers = block_numbers(changed)
    hashes = [hub.chain.header(number)["hash"] for number in numbers]
    assert failed(verify_bundle(changed, block_hashes=hashes)) == {
        "blocks": f"the registry is shown at block {numbers[0]}, not at the newest of "
        f"{numbers[0]}, {numbers[1]}"
    }


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
