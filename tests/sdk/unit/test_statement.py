"""Statements: what they say, what is refused, that nothing is lost."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from anacostia_blockchain.content.statement import Input, Provenance, Statement
from anacostia_blockchain.errors import FormatError

FULL = Statement(
    "iris",
    bytes(range(32)),
    Provenance(
        builder_id="https://example.org/pipeline/7",
        build_type="https://example.org/train/v1",
        parameters={"learning_rate": 0.5, "layers": [1, 2], "name": "é"},
        inputs=(Input("iris.csv", b"\x01" * 32, "ipfs://bafy"), Input("base", b"\x02" * 32)),
        invocation_id="run-7",
        started_on=datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC),
        finished_on=datetime(2026, 1, 2, 4, 4, 5, tzinfo=UTC),
        log_id=b"\x03" * 32,
        run_leaf=b"\x04" * 32,
    ),
)


def test_json_has_the_shape_of_in_toto_and_slsa():
    """Field by field, by the published schemas."""
    document = json.loads(FULL.to_json())
    assert document["_type"] == "https://in-toto.io/Statement/v1"
    assert document["predicateType"] == "https://slsa.dev/provenance/v1"
    assert document["subject"] == [{"name": "iris", "digest": {"sha256": bytes(range(32)).hex()}}]
    assert document["predicate"]["buildDefinition"] == {
        "buildType": "https://example.org/train/v1",
        "externalParameters": {"learning_rate": 0.5, "layers": [1, 2], "name": "é"},
        "resolvedDependencies": [
            {"name": "iris.csv", "uri": "ipfs://bafy", "digest": {"sha256": "01" * 32}},
            {"name": "base", "digest": {"sha256": "02" * 32}},
        ],
    }
    assert document["predicate"]["runDetails"] == {
        "builder": {"id": "https://example.org/pipeline/7"},
        "metadata": {
            "invocationId": "run-7",
            "startedOn": "2026-01-02T03:04:05Z",
            "finishedOn": "2026-01-02T04:04:05Z",
        },
        "anacostia_runRecord": {"logId": "0x" + "03" * 32, "leaf": "0x" + "04" * 32},
    }


@pytest.mark.parametrize("statement", [FULL, Statement("m", bytes(32), Provenance())])
def test_parse_gives_back_what_was_written(statement):
    """With every field, and with none."""
    assert Statement.parse(statement.to_json()) == statement


def test_json_is_canonical():
    """The order in which parameters were given leaves no trace."""
    one = Statement("m", bytes(32), Provenance(parameters={"a": 1, "b": 2}))
    other = Statement("m", bytes(32), Provenance(parameters={"b": 2, "a": 1}))
    assert one.to_json() == other.to_json()


def test_of_reads_plain_data():
    """As it travels through a queue: hexadecimal digests and ISO times."""
    plain = {
        "parameters": {"seed": 1},
        "inputs": [{"name": "iris.csv", "digest": "01" * 32, "uri": "ipfs://bafy"}],
        "started_on": "2026-01-02T04:04:05.5+01:00",
        "log_id": "0x" + "03" * 32,
        "run_leaf": "04" * 32,
    }
    made = Provenance.of(plain)
    assert made.inputs == FULL.provenance.inputs[:1]
    assert made.started_on == FULL.provenance.started_on
    assert (made.log_id, made.run_leaf) == (b"\x03" * 32, b"\x04" * 32)


@pytest.mark.parametrize(
    ("plain", "message"),
    [
        ({"parametres": {}}, "parametres"),
        ({"log_id": "0x12"}, "log_id is not 32 bytes"),
        ({"started_on": "2026-01-02T03:04:05"}, "no time zone"),
        ({"started_on": 5}, "not a time"),
        ({"started_on": "0001-01-01T00:00:00+14:00"}, "not a time"),
        ({"inputs": ["x"]}, "name is missing"),
        ({"builder_id": 7}, "builder_id is not a str"),
    ],
)
def test_of_refuses(plain, message):
    """A misspelt name is an error, not silence."""
    with pytest.raises(FormatError, match=message):
        Provenance.of(plain)


def test_writing_refuses_what_json_cannot_say():
    """Not-a-number, bytes, and builders that are not URIs."""
    for parameters in ({"loss": float("nan")}, {"x": b""}, {"x": 2**60}):
        with pytest.raises(FormatError, match="cannot be written"):
            Statement("m", bytes(32), Provenance(parameters=parameters)).to_json()
    with pytest.raises(FormatError, match="not a URI"):
        Statement("m", bytes(32), Provenance(builder_id="me")).to_json()


def altered(**changes):
    document = json.loads(FULL.to_json())
    for path, value in changes.items():
        *parents, last = path.split("__")
        target = document
        for step in parents:
            target = target[step]
        target[last] = value
    return json.dumps(document).encode()


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b"[]", "not a JSON object"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"_type": "a", "_type": "b"}', "twice"),
        (b'{"_type": "\\ud800"}', "not valid JSON"),
        (b'{"_type": "https://in-toto.io/Statement/v0.1"}', "_type is not"),
        (altered(predicateType="https://slsa.dev/provenance/v0.2"), "predicateType is not"),
        (altered(subject=[]), "exactly one subject"),
        (altered(subject=[{"name": "x", "digest": {"sha256": "AA" * 32}}]), "lower-case"),
        (altered(predicate__runDetails__builder={}), "builder/id is missing"),
        (altered(predicate__runDetails__builder={"id": "x y"}), "not a URI"),
        (altered(predicate__runDetails__metadata={"startedOn": 3}), "not a time"),
        (altered(predicate__runDetails__anacostia_runRecord={"leaf": ""}), "logId is missing"),
        (altered(predicate__buildDefinition__externalParameters=[]), "is not a dict"),
        (altered(predicate__buildDefinition__resolvedDependencies={}), "not a list"),
        (altered(predicate__buildDefinition__resolvedDependencies=["x"]), "name is missing"),
    ],
)
def test_parse_refuses(data, message):
    """With the place that is wrong."""
    with pytest.raises(FormatError, match=message):
        Statement.parse(data)
