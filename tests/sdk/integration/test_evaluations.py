"""Evaluations in files: signed by who made them, and nothing that does not fit is taken for one."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from eth_abi import encode

from anacostia_blockchain.audit import RunDatabase
from anacostia_blockchain.contracts.eas import Request
from anacostia_blockchain.evidence.check import verify_evidence
from anacostia_blockchain.evidence.collect import write_evidence
from anacostia_blockchain.offline import block_numbers, verify_file
from anacostia_blockchain.prices.values import metric_id
from anacostia_blockchain.promotion import envelope as envelopes
from anacostia_blockchain.promotion.reading import EVALUATION
from anacostia_blockchain.promotion.statement import Evaluation
from anacostia_blockchain.proofs.bundle import verify_bundle
from anacostia_blockchain.proofs.bundling import write_bundle
from anacostia_blockchain.testing import LocalChain
from archived import failed, hashes, lines, members, rewritten
from promoted import DATASET, People

pytestmark = pytest.mark.integration

ROWS = "sections/attestations.jsonl"


class World(NamedTuple):
    """Evaluations of the second version of a model: as logged, as measured, and unsigned."""

    people: People
    logged: bytes
    measured: bytes
    unsigned: bytes
    evidence: Path
    bundle: Path
    index: dict[str, Any]

    def member(self, uid: bytes) -> str:
        return f"evaluations/{uid.hex()}.json"


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with LocalChain() as chain:
        home = tmp_path_factory.mktemp("world")
        people = People(chain, home)
        people.publish(text=b"first")
        version = people.publish(text=b"second")
        with people.evaluator.runs.start("evaluate", wait=30) as run:
            run.log_metrics(accuracy=0.93)
        database = RunDatabase(home / "runs" / "metadata.db")
        logged = people.evaluator.attest.evaluation(
            version, "accuracy", dataset=DATASET,
            shown=database.disclose(run.run_id, "metric", "accuracy"),
            run=database.record(run.run_id).root,
        )  # fmt: skip
        draft = people.reviewer.attest.draft_evaluation(
            version, "accuracy", dataset=DATASET, value="0.91", measured=True
        )
        measured = people.owner.attest.relay(draft, people.reviewer.attest.sign(draft))
        people.second.attest.approval(version)
        unsigned = by_other_software(people, version)
        made = home / "evidence.zip", home / "bundle.zip"
        index = write_evidence(people.owner, "digits", made[0])
        write_bundle(people.owner, version, made[1])
        yield World(people, logged, measured, unsigned, *made, index)


def by_other_software(people: People, version: str) -> bytes:
    """An evaluation whose statement nobody has."""
    attest = people.second.attest
    numbers = people.owner.models.resolve(version)
    data = encode(EVALUATION, [*numbers, DATASET, metric_id("accuracy"), 990000, b"\5" * 32])
    schema = people.owner.promotion_gate.evaluation()
    return attest.service.attest(Request(schema, people.owner.registry.address, data))


def detail(world: World, path: Path) -> str:
    """What the check of the evaluations says; every check has to pass."""
    report = verify_file(path, block_hashes=known(world, path))
    assert report.passed, failed(report)
    (found,) = [check.detail for check in report.checks if check.name == "evaluations"]
    return found


def known(world: World, path: Path) -> list[str]:
    chain = world.people.owner.chain
    return [chain.header(number)["hash"] for number in block_numbers(path)]


def test_both_files_carry_what_evaluators_signed(world: World) -> None:
    for path in (world.evidence, world.bundle):
        uid = "0x" + world.unsigned.hex()
        assert detail(world, path) == (
            f"2 of 3 evaluations are signed by their attesters; NOT SIGNED, and so only told: {uid}"
        )
        found = members(path)
        assert {n for n in found if n.startswith("evaluations/")} == {
            world.member(world.logged),
            world.member(world.measured),
        }
        statement, signer = envelopes.open_envelope(found[world.member(world.measured)])
        assert signer == world.people.reviewer.address
        assert str(Evaluation.parse(statement).value) == "0.91"


def test_index_and_report_say_which_are_signed(world: World) -> None:
    assert world.index["evaluations"]["signed"] == 2
    assert world.index["evaluations"]["unsigned"] == 1
    assert {"what": "evaluations that their attesters signed, as in-toto statements",
            "where": "evaluations/"} in world.index["annex_iv"][3]["recorded"]  # fmt: skip
    rows = {row["uid"]: row for row in lines(world.evidence, ROWS)}
    assert "the store holds no statement of it" in rows["0x" + world.unsigned.hex()]["unsigned"]
    page = members(world.evidence)["report.html"].decode()
    assert page.count("not signed") == 1
    assert world.member(world.logged) in page


def test_the_run_of_an_evaluation_is_proven(world: World) -> None:
    """It published nothing; that it is in its log is shown because a metric rests on it."""
    (line,) = lines(world.evidence, "runs.jsonl")
    said = Evaluation.parse(
        envelopes.open_envelope(members(world.evidence)[world.member(world.logged)])[0]
    )
    assert said.run is not None
    assert line["proof"]["leaf"].removeprefix("0x") == said.run.hex()
    assert line["version"] is None

    def without_run(found: dict[str, bytes]) -> None:
        found["runs.jsonl"] = b""

    path = rewritten(world.evidence, without_run)
    assert "runs" in failed(verify_evidence(path, block_hashes=hashes(world.people.owner, path)))


def test_evaluations_of_another_version_are_not_its_own(world: World, tmp_path: Path) -> None:
    path = write_bundle(world.people.owner, "digits@1", tmp_path / "first.zip")
    assert detail(world, path) == "no evaluation is recorded"


# ---------------------------------------------------------------------- forged

Change = Callable[[World, dict[str, bytes]], None]


def swapped(world: World, found: dict[str, bytes]) -> None:
    one, other = world.member(world.logged), world.member(world.measured)
    found[one], found[other] = found[other], found[one]


def of_another_statement(world: World, found: dict[str, bytes]) -> None:
    attest = world.people.reviewer.attest
    draft = attest.draft_evaluation("1@2", "accuracy", dataset=DATASET, value="0.99", measured=True)
    found[world.member(world.measured)] = attest.envelope(draft)


def by_another_signer(world: World, found: dict[str, bytes]) -> None:
    statement, _ = envelopes.open_envelope(found[world.member(world.measured)])
    signer = world.people.second.chain.signer
    assert signer is not None
    found[world.member(world.measured)] = envelopes.sign(statement, signer)


def truncated(world: World, found: dict[str, bytes]) -> None:
    found[world.member(world.logged)] = found[world.member(world.logged)][:-20]


def missing(world: World, found: dict[str, bytes]) -> None:
    del found[world.member(world.logged)]


def foreign(world: World, found: dict[str, bytes]) -> None:
    found["evaluations/" + "00" * 32 + ".json"] = found[world.member(world.logged)]


def kept_from_its_row(world: World, found: dict[str, bytes]) -> None:
    change_row(world, found, envelope=None)


def change_row(world: World, found: dict[str, bytes], **changes: Any) -> None:
    """What is told about the measured evaluation, in either file."""
    uid = "0x" + world.measured.hex()

    def changed(row: dict[str, Any]) -> dict[str, Any]:
        return row | (changes if row["uid"] == uid else {})

    if ROWS in found:
        rows = [json.loads(line) for line in found[ROWS].splitlines()]
        found[ROWS] = b"".join(json.dumps(changed(row)).encode() + b"\n" for row in rows)
    else:
        document = json.loads(found["evidence.json"])
        document["evaluations"] = [changed(row) for row in document["evaluations"]]
        found["evidence.json"] = json.dumps(document).encode()


def telling(**changes: Any) -> Change:
    return lambda world, found: change_row(world, found, **changes)


@pytest.mark.parametrize("kind", ["evidence", "bundle"])
@pytest.mark.parametrize(
    ("change", "message"),
    [
        (swapped, "another statement than the attestation commits to"),
        (of_another_statement, "another statement than the attestation commits to"),
        (by_another_signer, "signed the envelope, and"),
        (truncated, "not valid JSON"),
        (missing, "is not there, or not the envelope"),
        (foreign, "belongs to no evaluation"),
        (kept_from_its_row, "belongs to no evaluation"),
        (telling(evidence="0x" + "11" * 32), "another statement than the attestation"),
        (telling(value="0.92"), "something else than its attestation"),
        (telling(dataset="0x" + "22" * 32), "something else than its attestation"),
        (telling(subject="loss"), "something else than its attestation"),
        (telling(attester="0x" + "33" * 20), "signed the envelope, and"),
        (telling(value="much"), "is no number"),
        (telling(value="sNaN"), "is no number"),
        (telling(value="Infinity"), "is no number"),
        (telling(version=1), "evaluation 0x"),
        (telling(version=7), "evaluation 0x"),
        (telling(version=-1), "evaluation 0x"),
        (telling(version=1 << 32 | 2), "evaluation 0x"),
        (telling(uid="0x12"), "is not 32 bytes"),
    ],
)
def test_what_does_not_fit_is_named(
    world: World, kind: str, change: Change, message: str, tmp_path: Path
) -> None:
    path = world.evidence if kind == "evidence" else world.bundle
    trusted = known(world, path)
    if kind == "evidence":
        forged = rewritten(path, lambda found: change(world, found))
        report = verify_evidence(forged, block_hashes=trusted)
    else:
        found = members(path)
        change(world, found)
        forged = tmp_path / "forged.zip"
        with zipfile.ZipFile(forged, "w") as archive:
            for name, data in found.items():
                archive.writestr(name, data)
        report = verify_bundle(forged, block_hashes=trusted)
    assert message in failed(report)["evaluations"]


def test_an_evaluation_without_its_envelope_is_told_and_no_more(world: World) -> None:
    """Whoever takes it out of the file entirely takes its signature too, and the file says so."""

    def unsigned(found: dict[str, bytes]) -> None:
        del found[world.member(world.measured)]
        change_row(world, found, envelope=None)

    path = rewritten(world.evidence, unsigned)
    report = verify_evidence(path, block_hashes=known(world, path))
    (check,) = [check for check in report.checks if check.name == "evaluations"]
    assert check.passed
    assert "1 of 3 evaluations are signed" in check.detail
    assert "0x" + world.measured.hex() in check.detail
    assert set(failed(report)) == {"index", "report"}
