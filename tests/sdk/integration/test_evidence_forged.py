"""Evidence that was forged, altered or cut: what does not fit is named."""

import json

import pytest

from anacostia_blockchain.errors import FormatError
from anacostia_blockchain.evidence.check import verify_evidence
from anacostia_blockchain.offline import verify_file
from archived import (
    CHECKS,
    dropping_line,
    failed,
    in_index,
    members,
    replacing,
    rewritten,
)

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(
    ("change", "check"),
    [
        (replacing("versions.jsonl", b'"status":"revoked"', b'"status":"published"'), "versions"),
        (replacing("versions.jsonl", b'"tainted_by":', b'"tainted":'), "versions"),
        (dropping_line("versions.jsonl", 1), "versions"),
        (dropping_line("versions.jsonl", 2), "versions"),
        (replacing("aliases.jsonl", b'"version":3', b'"version":2'), "aliases"),
        (dropping_line("aliases.jsonl", 0), "aliases"),
        (replacing("documents.jsonl", b"0.93", b"0.99"), "documents"),
        (replacing("documents.jsonl", b"apache-2.0", b"mit"), "documents"),
        (replacing("versions/000002.car", b"apache-2.0", b"openrail++"), "documents"),
        (lambda found: found.pop("versions/000002.car"), "documents"),
        (replacing("runs.jsonl", b'"index":1', b'"index":0'), "runs"),
        (replacing("runs.jsonl", b'"version":1', b'"version":2'), "runs"),
        (dropping_line("runs.jsonl", 0), "runs"),
        (lambda found: [found.pop(n) for n in list(found) if n.startswith("heads/")], "runs"),
        (lambda found: found.pop("state/00002.json"), "versions"),
        (replacing("report.html", b"<h1>", b"<h1>Certified: "), "report"),
        (replacing("sections/owners.jsonl", b"0xf39", b"0xf38"), "report"),
        (in_index(annex_iv=[]), "index"),
        (in_index(runs_without_proof=["0x00"]), "index"),
        (in_index(versions=2), "model"),
        (in_index(aliases=[]), "aliases"),
    ],
)
def test_a_forged_part_is_named(evidence, change, check):
    path, _, trusted = evidence
    found = failed(verify_evidence(rewritten(path, change), block_hashes=trusted))
    assert check in found, found


def test_every_member_is_bound_to_the_index(evidence):
    path, _, trusted = evidence
    for name in members(path):
        if name != "index.json":

            def change(found, name=name):
                found[name] += b" "

            changed = rewritten(path, change, honest=False)
            assert "members" in failed(verify_evidence(changed, block_hashes=trusted)), name


def test_another_model_of_the_same_name_is_another_model(evidence):
    path, index, trusted = evidence

    def change(found):
        subject = index["subject"] | {"model_id": index["subject"]["model_id"] - 1}
        found["index.json"] = json.dumps(index | {"subject": subject}).encode()

    found = failed(verify_evidence(rewritten(path, change), block_hashes=trusted))
    assert {"model", "versions"} <= set(found)


@pytest.mark.parametrize("value", [-1, True, 1 << 53])
@pytest.mark.parametrize("part", ["model_id", "chain_id"])
def test_a_subject_of_no_such_number_is_refused(evidence, part, value):
    path, index, trusted = evidence
    changed = rewritten(path, in_index(subject=index["subject"] | {part: value}))
    with pytest.raises(FormatError):
        verify_evidence(changed, block_hashes=trusted)


def test_another_chain_of_the_same_state_is_another_chain(evidence):
    path, index, trusted = evidence
    other = in_index(subject=index["subject"] | {"chain_id": 1})
    found = failed(verify_evidence(rewritten(path, other), block_hashes=trusted))
    assert "was not deployed on chain 1" in found["state"]


def test_evidence_says_nothing_against_another_hash(evidence):
    path, _, _ = evidence
    found = failed(verify_evidence(path, block_hashes=["0x" + "11" * 32]))
    assert "did not say you trust" in found["state"]
    assert set(found) == set(CHECKS) - {"members", "report"}


def test_truncated_evidence_is_refused(evidence, tmp_path):
    path, _, trusted = evidence
    for size in (0, 10, path.stat().st_size // 2, path.stat().st_size - 5):
        cut = tmp_path / "cut.zip"
        cut.write_bytes(path.read_bytes()[:size])
        with pytest.raises(FormatError):
            verify_file(cut, block_hashes=trusted)
