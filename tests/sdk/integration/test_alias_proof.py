"""What an alias pointed to: proven from a real chain's state, checked without it, not forged."""

import copy
import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from anacostia_blockchain.cli import cli
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import AnacostiaError, ConfigError, IntegrityError, NotFoundError
from anacostia_blockchain.offline import block_numbers, verify_file
from anacostia_blockchain.proofs.alias import AliasProof, read_alias_proof, verify_alias_proof
from anacostia_blockchain.testing import LocalChain
from anacostia_blockchain.types import Kind

pytestmark = pytest.mark.integration

NAME, ALIAS, STEP = "acme/digits", "champion", 100
MOVES = (1, 2, 1, 3, 0, 2, 3, 1)
"""Where the alias is moved, every 100 seconds; 0 is nowhere. Three share a slot."""


@pytest.fixture(scope="module")
def chain():
    """A chain of this module's own, because its clock is set forward."""
    with LocalChain() as local:
        local.deploy()
        yield local


@pytest.fixture(scope="module")
def hub(chain, tmp_path_factory):
    hub = Anacostia(chain.chain(), chain.deploy(), home=tmp_path_factory.mktemp("home"))
    model_id, _ = hub.registry.register(NAME, Kind.MODEL, CID.of(b"1"))
    hub.registry.publish(model_id, CID.of(b"2"))
    hub.registry.publish(model_id, CID.of(b"3"))
    for version in MOVES:
        hub.chain.rpc("evm_increaseTime", STEP)
        hub.registry.set_alias(model_id, ALIAS, version)
    hub.chain.rpc("evm_increaseTime", STEP)
    hub.chain.rpc("evm_mine")
    return hub


@pytest.fixture(scope="module")
def since(hub):
    """When each move was made."""
    return [move.since for move in hub.models.alias_history(NAME, ALIAS)]


def trusted(hub, proof):
    return [hub.chain.header(proof.number)["hash"]]


@pytest.fixture(scope="module")
def made(hub, since):
    """A proof, and the hash it rests on."""
    proof, _ = hub.models.as_of(f"{NAME}@{ALIAS}", since[4] + timedelta(seconds=7))
    return proof, trusted(hub, proof)


@pytest.mark.parametrize("move", range(len(MOVES)))
@pytest.mark.parametrize("seconds", [-1, 0, 1])
def test_every_time_around_every_move_is_proven_as_the_contract_answers(hub, since, move, seconds):
    at = since[move] + timedelta(seconds=seconds)
    proof, period = hub.models.as_of(f"{NAME}@{ALIAS}", at)
    index = move - (seconds < 0)
    expected = MOVES[index] if index >= 0 else 0
    assert period.version == expected == hub.registry.alias_at(1, ALIAS, at)
    assert period.since == (since[index] if index >= 0 else None)
    assert period.until == (since[index + 1] if index + 1 < len(MOVES) else None)
    assert period.root == (CID.of(str(expected).encode()) if expected else None)
    assert read_alias_proof(proof.to_json(), block_hashes=trusted(hub, proof)) == period


def test_a_block_stands_for_its_end(hub, since):
    (log,) = [
        log
        for log in hub.chain.logs(hub.registry.address, "ModelRegistry", "AliasSet")
        if log.values["version"] == 3 and log.values["previous"] == 1
    ]
    _proof, period = hub.models.as_of(f"{NAME}@{ALIAS}", log.block_number)
    assert (period.version, period.since) == (3, since[3])
    _proof, period = hub.models.as_of(f"{NAME}@{ALIAS}", log.block_number - 1)
    assert (period.version, period.until) == (1, since[3])


def test_a_time_that_is_not_past_is_refused(hub):
    newest = int(hub.chain.header()["timestamp"], 16)
    for when in (datetime.fromtimestamp(newest, UTC), datetime(2999, 1, 1, tzinfo=UTC)):
        with pytest.raises(ConfigError, match="is not past on this chain"):
            hub.models.as_of(f"{NAME}@{ALIAS}", when)
    with pytest.raises(ConfigError, match="is not there yet"):
        hub.models.as_of(f"{NAME}@{ALIAS}", 10**6)
    with pytest.raises(ConfigError, match="has no time zone"):
        hub.models.as_of(f"{NAME}@{ALIAS}", datetime(2024, 1, 1))


def test_what_is_no_alias_is_refused(hub, since):
    with pytest.raises(NotFoundError, match="never had an alias 'nobody'"):
        hub.models.as_of(f"{NAME}@nobody", since[0])
    with pytest.raises(ConfigError, match="names no alias"):
        hub.models.as_of(f"{NAME}@1", since[0])


def test_the_last_answer_does_not_end_when_the_alias_moves_on(chain, hub, since):
    """A proof of an open period stays true: only its end was not known yet."""
    proof, period = hub.models.as_of(f"{NAME}@{ALIAS}", since[-1] + timedelta(seconds=1))
    assert period.until is None
    snapshot = hub.chain.rpc("evm_snapshot")
    hub.registry.set_alias(1, ALIAS, 2)
    again = read_alias_proof(proof.to_json(), rpc_url=chain.rpc_url)
    later, with_end = hub.models.as_of(f"{NAME}@{ALIAS}", proof.at)
    hub.chain.rpc("evm_revert", snapshot)
    assert again == period
    assert (with_end.version, with_end.since) == (period.version, period.since)
    assert with_end.until is not None
    assert later.number > proof.number


# ---------------------------------------------------------------------- forged


def failed(data, hashes):
    report = verify_alias_proof(data, block_hashes=hashes)
    return {check.name: check.detail for check in report.checks if not check.passed}


def altered(proof, **changes):
    document = json.loads(proof.to_json()) | changes
    return json.dumps(document).encode()


def test_a_proof_says_nothing_against_another_hash(made):
    proof, _ = made
    assert "did not say you trust" in failed(proof.to_json(), ["0x" + "11" * 32])["block"]


@pytest.mark.parametrize(
    ("changes", "check", "message"),
    [
        ({"chain_id": 1}, "block", "was not deployed on chain 1"),
        ({"registry": "0x" + "11" * 20}, "block", "not where this package's registry is"),
        ({"name": "acme/other"}, "model", "not all that should be proven"),
        ({"creator": "0x" + "11" * 20}, "model", "not all that should be proven"),
        ({"creator": "acme"}, "model", "is no address"),
        ({"model_id": 2}, "model", "model 2 is not"),
        ({"alias": "challenger"}, "alias", "not all that should be proven"),
        ({"moves": 4}, "alias", "are not those around the time"),
        ({"moves": 6}, "alias", "are not those around the time"),
        ({"moves": 99}, "alias", "had moved 8 times"),
        ({"at": 5}, "alias", "are not those around the time"),
        ({"at": 2**33}, "block", "is not later than the time"),
        ({"period": {}}, "alias", "claims something else than it proves"),
    ],
)
def test_a_forged_proof_fails(made, changes, check, message):
    proof, hashes = made
    assert message in failed(altered(proof, **changes), hashes)[check]


def leaves(value, path=()):
    """Paths to everything in a document that is no container."""
    if isinstance(value, dict):
        return [leaf for key in value for leaf in leaves(value[key], (*path, key))]
    if isinstance(value, list):
        return [leaf for i in range(len(value)) for leaf in leaves(value[i], (*path, i))]
    return [path]


def plain(value):
    """Without what hexadecimal leaves open: its case, its prefix, and leading zeros."""
    return str(value).lower().removeprefix("0x").lstrip("0")


def flip(value, draw):
    """Another value of the same kind, or of another."""
    if isinstance(value, int):
        return draw(st.sampled_from([value + 1, max(value - 1, 0), -1, 0, 2**52, True, "1"]))
    if isinstance(value, str) and len(value) > 2:
        place = draw(st.integers(0, len(value) - 1))
        spoiled = draw(st.sampled_from("0123456789abcdefxyz"))
        return draw(
            st.sampled_from(
                [value[:place] + spoiled + value[place + 1 :], value[:place], "0x", "", 7, None]
            )
        )
    return draw(st.sampled_from(["", 0, None, [], {}]))


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_whatever_field_is_flipped_nothing_false_is_proven(made, hub, data):
    """Refused by an error of ours, or true: a proof of one second later proves that second too."""
    proof, hashes = made
    document = copy.deepcopy(json.loads(proof.to_json()))
    path = data.draw(st.sampled_from(leaves(document)))
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    before = inner[path[-1]]
    inner[path[-1]] = flip(before, data.draw)
    try:
        read = read_alias_proof(json.dumps(document).encode(), block_hashes=hashes)
    except AnacostiaError:
        return
    if path != ("at",):
        assert plain(inner[path[-1]]) == plain(before), path
    changed = AliasProof.from_json(json.dumps(document).encode())
    assert changed.alias == proof.alias
    assert read.version == hub.registry.alias_at(1, ALIAS, changed.at)


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.data())
def test_a_part_that_is_missing_is_missed(made, data):
    proof, hashes = made
    document = json.loads(proof.to_json())
    path = data.draw(st.sampled_from(leaves(document)))
    path = path[: data.draw(st.integers(1, len(path)))]
    inner = document
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    with pytest.raises(AnacostiaError):
        read_alias_proof(json.dumps(document).encode(), block_hashes=hashes)


def test_a_registry_of_the_same_code_elsewhere_is_another_registry(made, hub, monkeypatch):
    """Anybody can deploy our code again, and be `acme/digits` there."""
    proof, hashes = made
    monkeypatch.setattr(
        "anacostia_blockchain.proofs.alias.predicted_address", lambda _: "0x" + "22" * 20
    )
    with pytest.raises(IntegrityError, match="not where this package's registry is"):
        read_alias_proof(proof.to_json(), block_hashes=hashes)


# ---------------------------------------------------------------------- by command


@pytest.fixture
def anacostia(chain, hub, tmp_path, monkeypatch):
    chain.deploy().save(tmp_path / "home" / "deployments")
    monkeypatch.delenv("ANACOSTIA_PRIVATE_KEY", raising=False)
    monkeypatch.setenv("COLUMNS", "200")
    common = ["--chain", chain.rpc_url, "--home", str(tmp_path / "home")]

    def run(*arguments, code=0):
        words = [*common, *map(str, arguments)]
        result = CliRunner().invoke(cli, words, catch_exceptions=False)
        assert result.exit_code == code, result.output + result.stderr
        return result.stdout

    return run


def test_by_command(anacostia, hub, since, tmp_path):
    subject, file = f"{hub.address}/{NAME}@{ALIAS}", tmp_path / "proof.json"
    when = (since[1] + timedelta(seconds=3)).isoformat()
    assert "version 2, " in anacostia("models", "as-of", subject, when)
    shown = json.loads(anacostia("--json", "models", "as-of", subject, when, "--out", file))
    assert (shown["version"], shown["since"]) == (2, since[1].isoformat())
    (number,) = block_numbers(file)
    digest = hub.chain.header(number)["hash"]
    report = json.loads(anacostia("--json", "verify", file, "--block-hash", digest))
    assert report["passed"]
    assert report["block"] == number
    assert "champion pointed to version 2" in report["checks"][-1]["detail"]
    anacostia("verify", file, code=1)
    assert verify_file(file, block_hashes=[digest]).passed
    assert ": nothing (until " in anacostia("models", "as-of", subject, "2024-02-29")
    assert "2024-02-29 00:00:00 UTC" in anacostia("models", "as-of", subject, "2024-02-29")
    anacostia("models", "as-of", subject, "yesterday", code=2)
    anacostia("verify", code=2)
    with pytest.raises(ConfigError, match="is no block hash"):
        anacostia("verify", file, "--block-hash", "0x12")
    with pytest.raises(NotFoundError, match="there is no file"):
        anacostia("verify", "--bundle", tmp_path / "nothing.zip")
