"""Promotion by policy, on a real chain, in the attestation service's own contracts."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import eth_abi as abi
import pytest

from anacostia_blockchain.audit import RunDatabase
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.errors import (
    ConfigError,
    ContractRevertedError,
    FormatError,
    IntegrityError,
    LedgerError,
    NotFoundError,
)
from anacostia_blockchain.promotion.delegation import from_json, to_json
from anacostia_blockchain.promotion.envelope import open_envelope
from anacostia_blockchain.promotion.explanation import explain
from anacostia_blockchain.promotion.values import Policy, Requirement
from anacostia_blockchain.testing import LocalChain
from anacostia_blockchain.types import Parent, Relation, RevocationReason
from promoted import DATASET, People

pytestmark = pytest.mark.integration

DAY = timedelta(days=1)


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalChain]:
    with LocalChain() as local:
        yield local


@pytest.fixture
def people(chain: LocalChain, tmp_path: Path) -> People:
    return People(chain, tmp_path)


@pytest.fixture
def version(people: People, request: pytest.FixtureRequest) -> str:
    """The second version of a model whose first one is the champion."""
    name = request.node.name.replace("[", "-").replace("]", "")[:60]
    people.publish(name, text=b"first", aliases=["champion"])
    return people.publish(name, text=b"second")


def policy_of(people: People, delay: timedelta = DAY) -> Policy:
    reviewers = [people.reviewer.address, people.second.address]
    return Policy.reviewed(
        reviewers,
        evaluators=[people.evaluator.address],
        dataset=DATASET,
        floor=Decimal("0.9"),
        delay=delay,
    )


def attest_all(people: People, version: str) -> None:
    people.reviewer.attest.approval(version)
    people.second.attest.approval(version)
    people.evaluator.attest.evaluation(
        version, "accuracy", dataset=DATASET, value="0.93", measured=True
    )


def champion(people: People, version: str) -> int:
    model_id = people.owner.models.resolve(version)[0]
    return people.owner.registry.alias_of(model_id, "champion").version


# ---------------------------------------------------------------------- promotions


def test_a_version_is_promoted_by_what_others_attest(people: People, version: str) -> None:
    promotions = people.owner.promotions
    promotions.set_policy(version, "champion", policy_of(people))
    assert promotions.policy(version, "champion") == policy_of(people)
    assert [c.met for c in promotions.explain(version, "champion")] == [False, False, True]
    with pytest.raises(ContractRevertedError, match="QuorumMissing"):
        promotions.propose(version, "champion")

    attest_all(people, version)
    assert all(c.met for c in promotions.explain(version, "champion"))
    proposed = promotions.propose(version, "champion")
    assert len(proposed.uids) == 3
    assert [p.version for p in promotions.proposals(version, "champion")] == [2]
    with pytest.raises(ContractRevertedError, match="TooEarly"):
        promotions.execute(version, "champion")
    people.pass_time(DAY.total_seconds())
    promotions.execute(version, "champion")
    assert champion(people, version) == 2
    assert promotions.proposals(version, "champion") == []
    with pytest.raises(NotFoundError, match="no open proposal of version 2"):
        promotions.execute(version, "champion")

    assert promotions.rollback(version, "champion") == 1
    assert champion(people, version) == 1
    assert [e.what for e in promotions.history(version, "champion")] == [
        "policy",
        "proposed",
        "promoted",
        "rolled back",
    ]
    assert promotions.rollback(version, "champion", to=0) == 0
    assert champion(people, version) == 0
    assert promotions.rollback(version, "champion", to=2) == 2
    with pytest.raises(NotFoundError, match="never pointed there"):
        promotions.rollback(version, "champion", to=9)


def test_what_is_revoked_in_between_stops_it(people: People, version: str) -> None:
    promotions = people.owner.promotions
    promotions.set_policy(version, "champion", policy_of(people))
    attest_all(people, version)
    proposed = promotions.propose(version, "champion")
    approval = people.second.attest.list(version, attester=people.second.address)[0]
    people.second.attest.revoke(approval.uid)
    people.pass_time(DAY.total_seconds())
    with pytest.raises(ContractRevertedError, match="PromotionGate_Revoked") as refused:
        promotions.execute(version, "champion")
    assert refused.value.arguments["uid"] == approval.uid
    assert champion(people, version) == 1
    condition = promotions.explain(version, "champion")[0]
    assert not condition.met
    assert f"1 missing, of {people.second.address}" in condition.detail
    assert promotions.cancel(version, "champion") == [proposed]
    with pytest.raises(NotFoundError, match="is open here"):
        promotions.cancel(version, "champion")


def test_what_was_attested_of_a_version_to_come_counts_for_nothing(
    people: People, version: str
) -> None:
    promotions, attest = people.owner.promotions, people.reviewer.attest
    policy = Policy.reviewed([people.reviewer.address], quorum=1)
    promotions.set_policy(version, "champion", policy)
    draft = attest.draft_approval(version)
    model_id, _, role = abi.decode(["uint64", "uint32", "bytes32"], draft.request.data)
    data = abi.encode(["uint64", "uint32", "bytes32"], [model_id, 3, role])
    early = attest.send(replace(draft, request=replace(draft.request, data=data)))
    people.pass_time(1)

    name = people.owner.models.get(version).name
    third = people.publish(name, text=b"third")
    condition = promotions.explain(third, "champion")[0]
    assert not condition.met
    assert condition.detail.endswith(f"attested before it was published: {people.reviewer.address}")
    with pytest.raises(ContractRevertedError, match="PromotionGate_AttestedEarlier"):
        promotions.propose(third, "champion", [early])
    with pytest.raises(ContractRevertedError, match="QuorumMissing"):
        promotions.propose(third, "champion")
    uid = attest.approval(third)
    assert promotions.explain(third, "champion")[0].detail == people.reviewer.address
    assert promotions.propose(third, "champion").uids == (uid,)


def test_a_looser_policy_waits_for_its_notice(people: People, version: str) -> None:
    promotions = people.owner.promotions
    strict, loose = policy_of(people), Policy.shadow(DAY)
    promotions.set_policy(version, "champion", strict)
    effective_at = promotions.set_policy(version, "champion", loose)
    assert effective_at > people.owner.attest.now() + timedelta(days=6)
    assert promotions.announced(version, "champion") == effective_at
    assert promotions.policy(version, "champion") == strict
    with pytest.raises(ContractRevertedError, match="NoticeRunning"):
        promotions.set_policy(version, "champion", loose)
    people.pass_time(timedelta(days=7).total_seconds())
    promotions.set_policy(version, "champion", loose)
    assert promotions.policy(version, "champion") == loose
    assert promotions.announced(version, "champion") is None

    promotions.release(version, "champion")
    people.pass_time(timedelta(days=7).total_seconds())
    promotions.release(version, "champion")
    with pytest.raises(NotFoundError, match="has no policy: set one with"):
        promotions.policy(version, "champion")
    people.owner.models.set_alias(version, "champion")


def test_a_tainted_or_unlicensed_version_is_not_promoted(people: People, version: str) -> None:
    other = people.reviewer
    folder = people.home / "base"
    folder.mkdir()
    (folder / "weights").write_bytes(b"base")
    base = other.models.publish(folder, "base-" + version)
    parent = Parent(base.model_id, base.version, Relation.FINETUNE)
    name = people.owner.models.get(version).name
    child = people.publish(name, text=b"third", parents=[parent])
    policy = Policy((), timedelta(0), licensed_parents=True)
    promotions = people.owner.promotions
    promotions.set_policy(version, "champion", policy)
    with pytest.raises(ContractRevertedError, match="UnlicensedParent"):
        promotions.propose(child, "champion")
    assert [c.met for c in promotions.explain(child, "champion")] == [True, False]

    # Nor is its revision, whose parent is a version of the model itself; nor what has too many.
    model_id, number = people.owner.models.resolve(child)
    again = Parent(model_id, number, Relation.REVISION)
    revision = people.publish(name, text=b"fourth", parents=[again])
    with pytest.raises(ContractRevertedError, match="UnlicensedParent"):
        promotions.propose(revision, "champion")
    condition = promotions.explain(revision, "champion")[1]
    assert not condition.met
    assert condition.detail == f"model {base.model_id} has not licensed model {model_id}"
    short = explain(people.owner, replace(policy, lineage_visits=1), model_id, number + 1)
    assert short[1].detail == "it has more than 1 versions of the owner's models to follow"
    other.models.revoke(f"{base.model_id}@1", RevocationReason.POISONED_DATA)
    with pytest.raises(ContractRevertedError, match="PromotionGate_Tainted"):
        promotions.propose(child, "champion")
    assert [c.met for c in promotions.explain(child, "champion")] == [False, False]


def test_bounds_come_back(people: People, version: str) -> None:
    asked = Requirement(
        "loss", frozenset({people.evaluator.address}), 1, DATASET, ceiling=Decimal("-0.25")
    )
    policy = Policy((asked,), DAY, timedelta(0), 0, publishers_propose=True)
    people.owner.promotions.set_policy(version, "champion", policy)
    assert people.owner.promotions.policy(version, "champion") == policy
    assert (asked.admits(Decimal(-1)), asked.admits(Decimal(0))) == (True, False)


# ---------------------------------------------------------------------- attestations


def test_an_evaluation_is_of_what_the_log_holds(people: People, version: str) -> None:
    with people.evaluator.runs.start("evaluate") as run:
        run.log_metrics(accuracy=0.9314159265)
    database = RunDatabase(people.home / "runs" / "metadata.db")
    shown = database.disclose(run.run_id, "metric", "accuracy")
    record = database.record(run.run_id)
    attest = people.evaluator.attest
    uid = attest.evaluation(version, "accuracy", dataset=DATASET, shown=shown, run=record.root)
    found = attest.get(uid)
    assert (found.kind, found.value, found.dataset) == ("evaluation", Decimal("0.931416"), DATASET)
    report = attest.verify(uid)
    assert report.passed
    assert report.checks[-1].detail == (
        f"accuracy 0.931416, as the anchored run 0x{record.root.hex()} logged it"
    )
    assert attest.list(version) == [found]

    # Not of another metric, nor out of another run's record; nor out of one that is not anchored.
    with pytest.raises(IntegrityError, match="shows metric 'accuracy'"):
        attest.evaluation(version, "loss", dataset=DATASET, shown=shown, run=record.root)
    with pytest.raises(NotFoundError, match="not anchored yet"):
        attest.evaluation(version, "accuracy", dataset=DATASET, shown=shown, run=b"\1" * 32)
    with pytest.raises(LedgerError, match="names no run"):
        attest.evaluation(version, "accuracy", dataset=DATASET, shown=shown)


def test_a_measured_value_says_so(people: People, version: str) -> None:
    attest = people.evaluator.attest
    for options in ({"value": 0.5}, {"measured": True}, {}):
        with pytest.raises(ConfigError, match="what a run has logged"):
            attest.evaluation(version, "accuracy", dataset=DATASET, **options)
    uid = attest.evaluation(version, "accuracy", dataset=version, value=0.5, measured=True)
    assert attest.verify(uid).checks[-1].detail == "accuracy 0.5, measured by the evaluator"
    assert attest.get(uid).dataset == people.owner.models.version(version).root.digest


def test_who_evaluates_needs_no_coin(people: People, version: str) -> None:
    attest = people.evaluator.attest
    before = people.owner.chain.balance(people.evaluator.address)
    draft = attest.draft_evaluation(
        version, "accuracy", dataset=DATASET, value="0.95", measured=True, expires_in=DAY
    )
    signed = attest.sign(draft)
    uid = people.owner.attest.relay(draft, signed)
    found = people.owner.attest.get(uid)
    assert found.attester == people.evaluator.address
    assert found.expires_at is not None
    with pytest.raises(ContractRevertedError, match="InvalidSignature"):
        people.owner.attest.relay(draft, signed)  # its nonce is used up
    other = attest.draft_approval(version)
    with pytest.raises(ContractRevertedError, match="InvalidSignature"):
        people.owner.attest.relay(other, attest.sign(draft))
    late = attest.sign(draft)
    people.pass_time(3601)
    with pytest.raises(ContractRevertedError, match="DeadlineExpired"):
        people.owner.attest.relay(draft, late)

    people.owner.attest.relay_revocation(uid, attest.sign_revocation(uid))
    assert people.owner.attest.get(uid).revoked_at is not None
    assert people.owner.chain.balance(people.evaluator.address) == before
    report = people.owner.attest.verify(uid)
    assert (report.passed, report.checks[0].passed) == (False, False)
    with pytest.raises(ContractRevertedError, match="AccessDenied"):
        people.owner.attest.revoke(people.reviewer.attest.approval(version))


def test_a_statement_travels_in_an_envelope(people: People, version: str) -> None:
    attest = people.evaluator.attest
    draft = attest.draft_evaluation(
        version, "accuracy", dataset=DATASET, value="0.95", measured=True
    )
    envelope = attest.envelope(draft)
    statement, signer = open_envelope(envelope)
    assert (statement, signer) == (draft.statement, people.evaluator.address)
    uid = attest.send(draft)
    assert attest.statement(uid).value == Decimal("0.95")
    assert people.owner.attest.signed_statement(uid) == envelope
    forged = envelope.replace(people.evaluator.address.encode(), people.owner.address.encode())
    with pytest.raises(IntegrityError, match="was signed by another account"):
        open_envelope(forged)
    approval = attest.draft_approval(version)
    with pytest.raises(ConfigError, match="only evaluations have statements"):
        attest.envelope(approval)
    with pytest.raises(FormatError, match="approval without a statement"):
        attest.signed_statement(attest.send(approval))


def test_what_is_sent_for_others_is_what_they_signed(people: People, version: str) -> None:
    """Their envelope goes to the sender's store, which is not the evaluator's."""
    attest, owner = people.evaluator.attest, people.owner
    apart = Anacostia(owner.chain, owner.deployment, home=people.home / "apart")
    draft, other = (
        attest.draft_evaluation(version, "accuracy", dataset=DATASET, value=value, measured=True)
        for value in ("0.95", "0.96")
    )
    signed = from_json(to_json(draft, attest.sign(draft)))[1]
    for wrong in (attest.envelope(other), owner.attest.envelope(draft)):
        with pytest.raises(IntegrityError, match="envelope"):
            apart.attest.relay(draft, replace(signed, envelope=wrong))
    uid = apart.attest.relay(draft, signed)
    assert apart.attest.signed_statement(uid) == signed.envelope
    assert apart.attest.statement(uid).value == Decimal("0.95")


def test_an_attestation_that_is_none_is_not_read(people: People, version: str) -> None:
    with pytest.raises(NotFoundError, match="holds no 0x01"):
        people.owner.attest.get(b"\1" * 32)
    assert people.owner.attest.list(version) == []
    assert people.owner.attest.list("1@1", attester=people.owner.address) == []
