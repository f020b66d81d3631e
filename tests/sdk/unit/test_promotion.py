"""Promotion's values and documents, without a chain."""

from __future__ import annotations

import base64
import io
import json
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from anacostia_blockchain.content.documents import canonical
from anacostia_blockchain.contracts.eas import Request
from anacostia_blockchain.errors import ConfigError, FormatError, IntegrityError, NotFoundError
from anacostia_blockchain.ledger.record import RunRecord
from anacostia_blockchain.promotion import delegation, envelope, reading, service, statement
from anacostia_blockchain.promotion.drafts import Delegated, Draft
from anacostia_blockchain.promotion.statement import Evaluation
from anacostia_blockchain.promotion.values import Policy, Requirement, addresses
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.testing import dev_signer

DATASET = bytes.fromhex("da" * 32)
PEOPLE = [dev_signer(n).address for n in range(4)]

requirements = st.builds(
    Requirement,
    subject=st.sampled_from(["accuracy", "loss", "a metric's longer name, which is hashed"]),
    attesters=st.frozensets(st.sampled_from(PEOPLE), min_size=1),
    quorum=st.just(1),
    dataset=st.just(DATASET),
    floor=st.none() | st.decimals(-9, 9, places=6),
    ceiling=st.none() | st.decimals(-9, 9, places=6),
)


def shown(value: object) -> Evaluation:
    """An evaluation out of a record that holds a value."""
    record = RunRecord.build([("metric", "eval", "accuracy", value), ("tag", "eval", "x", 1)])
    disclosure = record.disclose("metric", "eval", "accuracy")
    number = statement.rounded(value)
    return Evaluation("1@1", b"\1" * 32, DATASET, "accuracy", number, record.root, disclosure)


@given(st.lists(requirements, max_size=1), st.booleans(), st.integers(0, 2048))
def test_a_policy_comes_back(asked: list[Requirement], flag: bool, visits: int) -> None:
    policy = Policy(tuple(asked), timedelta(hours=1), timedelta(days=1), visits, flag, not flag)
    back = Policy.from_abi(policy.to_abi())
    assert Policy.from_abi(back.to_abi()) == back
    assert replace(back, requirements=()) == replace(policy, requirements=())
    assert [r.attesters for r in back.requirements] == [r.attesters for r in asked]
    assert [(r.floor, r.ceiling) for r in back.requirements] == [
        (r.floor, r.ceiling) for r in asked
    ]


def test_attesters_and_requirements_are_written_in_the_contracts_order() -> None:
    policy = Policy.reviewed(PEOPLE[:3], evaluators=[PEOPLE[3]], dataset=DATASET, floor="0.9")
    *_, attesters, asked = policy.to_abi()
    assert attesters == sorted(PEOPLE, key=lambda address: int(address, 16))
    assert [r[:2] for r in asked] == sorted(r[:2] for r in asked)
    assert asked[0][0] == bytes(32)
    assert (asked[1][2], asked[1][3]) == (900_000, 2**63 - 1)
    assert [bin(r[4]).count("1") for r in asked] == [3, 1]


@pytest.mark.parametrize("delay", [timedelta(-1), timedelta(seconds=0.5), timedelta(days=50_000)])
def test_a_delay_is_whole_seconds(delay: timedelta) -> None:
    with pytest.raises(ConfigError, match="is no delay: use whole seconds"):
        Policy((), delay).to_abi()


def test_accounts_are_checked() -> None:
    assert addresses([PEOPLE[0].lower()]) == {PEOPLE[0]}
    with pytest.raises(ConfigError, match="'0x12' is no account"):
        addresses(["0x12"])


def test_a_requirement_says_what_it_asks() -> None:
    assert str(Requirement("lawyer", frozenset(PEOPLE), 2)) == "2 of 4 approve as lawyer"
    bounded = Requirement("loss", frozenset(PEOPLE), 1, DATASET, Decimal(0), Decimal(1))
    assert str(bounded).startswith("1 of 4 attest 0 <= loss <= 1")


# ---------------------------------------------------------------------- statements


@given(st.floats(allow_nan=False, allow_infinity=False, min_value=-1e9, max_value=1e9))
def test_what_a_record_shows_is_said_as_it_is(value: float) -> None:
    said = shown(value)
    said.check_shown()
    assert Evaluation.parse(said.to_json()) == said
    assert abs(said.value - Decimal(str(value))) <= Decimal("0.0000005")


def test_another_value_than_the_record_holds_is_refused() -> None:
    said = shown(0.93)
    with pytest.raises(IntegrityError, match=r"holds accuracy 0\.93, not 0\.94"):
        replace(said, value=Decimal("0.94")).check_shown()
    with pytest.raises(IntegrityError, match="shows metric 'accuracy'"):
        replace(said, metric="loss").check_shown()
    with pytest.raises(IntegrityError, match="is not in the record"):
        replace(said, run=b"\2" * 32).check_shown()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "high"])
def test_what_is_no_number_is_not_attested(value: object) -> None:
    with pytest.raises(IntegrityError, match="is no"):
        statement.rounded(value)


def test_what_no_attestation_holds_is_not_shown() -> None:
    large = replace(shown(0.5), value=Decimal("1e300"))
    record = RunRecord.build([("metric", "eval", "accuracy", 1e300)])
    disclosure = record.disclose("metric", "eval", "accuracy")
    with pytest.raises(IntegrityError, match=r"1e\+300 is larger than any value that is attested"):
        replace(large, run=record.root, shown=disclosure).check_shown()
    assert statement.rounded(1e18) == Decimal(10**18)


@pytest.mark.parametrize("part", ["_type", "predicateType", "subject", "predicate"])
def test_another_statement_is_not_read(part: str) -> None:
    document = json.loads(shown(0.5).to_json())
    with pytest.raises(FormatError):
        Evaluation.parse(canonical(document | {part: "other"}))
    document["predicate"]["value"] = "much"
    with pytest.raises(FormatError, match="'much' is no number"):
        Evaluation.parse(canonical(document))


def test_an_envelope_is_dsse() -> None:
    signer = dev_signer(1)
    text = shown(0.93).to_json()
    made = envelope.sign(text, signer)
    document = json.loads(made)
    assert document["payloadType"] == "application/vnd.in-toto+json"
    assert base64.b64decode(document["payload"]) == text
    assert envelope.open_envelope(made) == (text, signer.address)
    said = envelope.check(made, statement.digest_of(text), signer.address)
    assert said == Evaluation.parse(text)
    other = base64.b64encode(shown(0.94).to_json()).decode()
    (signature,) = document["signatures"]
    short = signature | {"sig": base64.b64encode(b"short").decode()}
    for change, error, message in (
        ({"payload": other}, IntegrityError, "signed by another account"),
        ({"payloadType": "text/plain"}, FormatError, "its payload is not"),
        ({"payload": "%"}, FormatError, "is not base64"),
        ({"signatures": [short]}, IntegrityError, "signature is none"),
        ({"signatures": []}, FormatError, "not exactly one signature"),
        ({"signatures": [signature, short]}, FormatError, "not exactly one signature"),
    ):
        with pytest.raises(error, match=message):
            envelope.open_envelope(canonical(document | change))


def test_an_envelope_is_of_one_attester_and_one_statement() -> None:
    text, (mine, other) = shown(0.93).to_json(), (dev_signer(1), dev_signer(2))
    made, evidence = envelope.sign(text, mine), statement.digest_of(text)
    with pytest.raises(IntegrityError, match="another statement than the attestation"):
        envelope.check(made, b"\1" * 32, mine.address)
    with pytest.raises(
        IntegrityError, match=f"{mine.address} signed the envelope, and {PEOPLE[2]}"
    ):
        envelope.check(made, evidence, other.address)
    with pytest.raises(FormatError, match="not valid JSON"):
        envelope.check(made[:-5], evidence, mine.address)
    text = b"no evaluation"
    with pytest.raises(FormatError, match="evaluation statement"):
        envelope.check(envelope.sign(text, mine), statement.digest_of(text), mine.address)


def test_an_envelope_is_found_by_who_signed_what(tmp_path: Path) -> None:
    """Two evaluators may say the same; and anybody can call anything by a name."""
    store, text = LocalStore(tmp_path), shown(0.93).to_json()
    evidence, signers = statement.digest_of(text), [dev_signer(1), dev_signer(2)]
    made = [envelope.sign(text, signer) for signer in signers]
    name = f"evaluation-{evidence.hex()}-by-{signers[0].address.lower()[2:]}"
    for junk in (b"junk", made[1]):
        store.put(io.BytesIO(junk), name=name)
    with pytest.raises(NotFoundError, match="that its attester has signed"):
        envelope.find(store, evidence, signers[0].address)
    for one in made:
        envelope.keep(store, one)
    for signer, one in zip(signers, made, strict=True):
        assert envelope.find(store, evidence, signer.address) == one
    with pytest.raises(FormatError):
        envelope.keep(store, b"junk")


def test_the_evidence_is_the_statements_cid() -> None:
    text = shown(0.93).to_json()
    cid = statement.cid_of(statement.digest_of(text))
    assert cid == type(cid).of(text)


# ---------------------------------------------------------------------- attestations


def test_a_signed_attestation_comes_back() -> None:
    request = Request(b"\1" * 32, PEOPLE[0], b"data", 12)
    text = shown(0.5).to_json()
    for said, sealed in ((None, None), (text, envelope.sign(text, dev_signer(1))), (text, None)):
        signed = Delegated(b"\2" * 64 + b"\x1b", PEOPLE[1], 99, sealed)
        document = delegation.to_json(Draft(request, said), signed)
        assert delegation.from_json(document) == (Draft(request, said), signed)
    before = json.loads(document)
    del before["envelope"]  # as it was before there were any
    assert delegation.from_json(canonical(before)) == (Draft(request, text), signed)


@pytest.mark.parametrize(
    ("part", "value"),
    [
        ("schema", "x"),
        ("signature", "0x12"),
        ("signature", "zz"),
        ("deadline", "x"),
        ("envelope", "x"),
    ],
)
def test_another_document_is_not_sent(part: str, value: object) -> None:
    signed = Delegated(b"\2" * 65, PEOPLE[1], 99)
    document = json.loads(delegation.to_json(Draft(Request(b"\1" * 32, PEOPLE[0], b"")), signed))
    with pytest.raises(FormatError, match="signed attestation"):
        delegation.from_json(canonical(document | {part: value}))


@given(st.binary(max_size=200), st.sampled_from([service.EVALUATION, service.APPROVAL, "other"]))
def test_any_data_is_read_or_refused(data: bytes, schema: str) -> None:
    """The service takes any data for any schema."""
    person = PEOPLE[0]
    raw = (b"\1" * 32, service.schema_id(schema), 1, 0, 0, bytes(32), person, person, True, data)
    try:
        found = reading.read(raw)
    except FormatError:
        return
    assert len(data) in (96, 192)
    assert found.kind in ("evaluation", "approval")


def test_where_no_service_is_known_it_is_said() -> None:
    with pytest.raises(ConfigError, match="no attestation service is known on chain 424242"):
        service.known_service(424242)
    assert service.known_service(84532) == "0x4200000000000000000000000000000000000021"
