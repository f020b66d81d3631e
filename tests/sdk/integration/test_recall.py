"""Recall: a revocation reaches all that was made from a version, and is heard of in time."""

import itertools
import json
import random
import sys
import threading

import pytest
from click.testing import CliRunner

from anacostia_blockchain import recall
from anacostia_blockchain.cli import cli
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.types import Kind, Parent, Relation, RevocationReason
from waiting import wait_for

pytestmark = pytest.mark.integration


def publish(hub, name, *parents, relation=Relation.FINETUNE):
    """Register a model with one version, made from versions 1 of others; returns its id."""
    edges = [Parent(parent, 1, relation) for parent in parents]
    return hub.registry.register(name, Kind.MODEL, CID.of(name.encode()), edges)[0]


@pytest.fixture
def family(hub, name):
    """data → base → {tuned, small}; merged ← tuned, small; other stands aside."""
    ids = {"data": publish(hub, f"{name}-data")}
    ids["other"] = publish(hub, f"{name}-other")
    ids["base"] = publish(hub, f"{name}-base", ids["data"], relation=Relation.TRAINED_ON)
    ids["tuned"] = publish(hub, f"{name}-tuned", ids["base"])
    ids["small"] = publish(hub, f"{name}-small", ids["base"], relation=Relation.QUANTIZATION)
    ids["merged"] = publish(
        hub, f"{name}-merged", ids["other"], ids["tuned"], ids["small"], relation=Relation.MERGE
    )
    return ids


def test_everything_below_is_found_and_nothing_else(hub, family):
    found = hub.models.impact(f"{family['data']}@1")
    assert {one.model_id: one.depth for one in found.affected} == {
        family["base"]: 1,
        family["tuned"]: 2,
        family["small"]: 2,
        family["merged"]: 3,
    }
    merged = found.affected[-1]
    assert {p.model_id for p in merged.parents} == {family["tuned"], family["small"]}
    assert [step.model_id for step in found.path(merged)] == [
        family[step] for step in ("data", "base", "tuned", "merged")
    ]
    assert not found.revoked
    assert hub.models.impact(f"{family['merged']}@1").affected == ()


def test_only_the_version_in_question_counts(hub, family, name):
    """Another version of the same model may have been made from something else."""
    hub.registry.publish(family["data"], CID.of(b"clean"))
    child = hub.registry.register(
        f"{name}-clean", Kind.MODEL, CID.of(b"child"), [Parent(family["data"], 2)]
    )[0]
    assert child not in {one.model_id for one in hub.models.impact(f"{family['data']}@1").affected}
    assert [one.model_id for one in hub.models.impact(f"{family['data']}@2").affected] == [child]
    with pytest.raises(ConfigError, match="name the version"):
        hub.models.impact(family["data"])


def test_aliases_that_point_to_what_is_affected(hub, family):
    hub.registry.set_alias(family["tuned"], "champion", 1)
    hub.registry.set_alias(family["tuned"], "left", 1)
    hub.registry.set_alias(family["tuned"], "left", 0)
    found = {one.model_id: one.aliases for one in hub.models.impact(f"{family['data']}@1").affected}
    assert found[family["tuned"]] == ("champion",)
    assert found[family["small"]] == ()


@pytest.mark.parametrize("seed", range(4))
def test_a_random_graph_as_the_contract_sees_it(hub, name, seed):
    """What is affected is exactly what reads as tainted once the source is revoked."""
    chance = random.Random(seed)  # noqa: S311 - a test's choice
    made: list[int] = []
    for number in range(14):
        parents = sorted(chance.sample(made, min(len(made), chance.randint(0, 3))))
        made.append(publish(hub, f"{name}-{number}", *parents))
    source = chance.choice(made[:6])
    before = {one.model_id for one in hub.models.impact(f"{source}@1").affected}
    assert not any(hub.models.is_tainted(f"{one}@1") for one in made)
    assert all(hub.models.taint(f"{one}@1") is None for one in made)
    hub.models.revoke(f"{source}@1", RevocationReason.POISONED_DATA)
    found = hub.models.impact(f"{source}@1")
    assert found.revoked
    assert {one.model_id for one in found.affected} == before
    for one in made:
        tainted = one == source or one in before
        assert hub.models.is_tainted(f"{one}@1") == tainted
        why = hub.models.taint(f"{one}@1")
        assert (why is not None) == tainted
        if why is not None:
            assert (why.path[0].model_id, why.path[-1].model_id) == (one, source)
            depth = next((a.depth for a in found.affected if a.model_id == one), 0)
            assert len(why.path) == depth + 1


def test_a_taint_says_why(hub, family):
    hub.models.revoke(f"{family['base']}@1", RevocationReason.UNSAFE_BEHAVIOUR)
    assert str(hub.models.taint(f"{family['base']}@1")) == (
        f"{family['base']}@1 is revoked: unsafe behaviour"
    )
    assert str(hub.models.taint(f"{family['merged']}@1")) == (
        f"{family['merged']}@1 was made from {family['base']}@1, which is revoked: unsafe behaviour"
        f" (by way of {family['tuned']}@1)"
    )
    assert hub.models.taint(f"{family['data']}@1") is None


# ---------------------------------------------------------------------- hearing of it


def test_revocations_go_on_where_one_stopped(hub, name):
    first, second, third = (publish(hub, f"{name}-{n}") for n in range(3))
    start = hub.chain.block_number() + 1
    for model_id in (first, second, third):
        hub.models.revoke(f"{model_id}@1", RevocationReason.DEFECTIVE)
    heard = list(hub.models.revocations(from_block=start))
    assert [one.model_id for one in heard] == [first, second, third]
    assert {one.reason for one in heard} == {RevocationReason.DEFECTIVE}
    again = list(hub.models.revocations(after=heard[0].position))
    assert again == heard[1:]
    assert list(hub.models.revocations(after=heard[-1].position)) == []


def test_several_in_one_block_are_told_apart(hub, name, local_chain):
    """Whoever was killed between two of one block gets the second, and the first not again."""
    models = [publish(hub, f"{name}-{n}") for n in range(2)]
    hub.chain.rpc("evm_setAutomine", False)
    try:
        calls = [
            hub.registry.calls.revoke(model_id, 1, RevocationReason.DEFECTIVE)
            for model_id in models
        ]
        sender = threading.Thread(target=lambda: hub.chain.send_many(calls))
        sender.start()
        wait_for(lambda: int(hub.chain.rpc("txpool_status")["pending"], 16) == 2)
        hub.chain.rpc("evm_mine")
    finally:
        hub.chain.rpc("evm_setAutomine", True)
    sender.join()
    heard = [one for one in hub.models.revocations() if one.model_id in models]
    assert heard[0].block == heard[1].block
    assert list(hub.models.revocations(after=heard[0].position)) == heard[1:]


def test_following_hears_what_comes_later(hub, name):
    models = [publish(hub, f"{name}-{n}") for n in range(2)]
    start = hub.chain.block_number() + 1
    stream = hub.models.revocations(from_block=start, follow=True, every=0.05)
    heard: list[int] = []
    done = threading.Event()

    def listen():
        heard.extend(one.model_id for one in itertools.islice(stream, 2))
        done.set()

    threading.Thread(target=listen, daemon=True).start()
    for model_id in models:
        hub.models.revoke(f"{model_id}@1")
    assert done.wait(120)
    assert heard == models


def test_what_is_not_settled_is_not_told_yet(hub, name, local_chain, deployment, tmp_path):
    from anacostia_blockchain.client import Anacostia  # noqa: PLC0415 - a second connection

    patient = Anacostia(local_chain.chain(confirmations=2), deployment, home=tmp_path)
    model_id = publish(hub, name)
    start = hub.chain.block_number() + 1
    hub.models.revoke(f"{model_id}@1")
    assert list(patient.models.revocations(from_block=start)) == []
    hub.chain.rpc("anvil_mine", "0x2")
    assert [one.model_id for one in patient.models.revocations(from_block=start)] == [model_id]


# ---------------------------------------------------------------------- by command


@pytest.fixture
def anacostia(local_chain, deployment, tmp_path, monkeypatch):
    deployment.save(tmp_path / "home" / "deployments")
    monkeypatch.delenv("ANACOSTIA_PRIVATE_KEY", raising=False)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments, code=0):
        words = ["--chain", local_chain.rpc_url, "--home", str(tmp_path / "home")]
        result = CliRunner().invoke(cli, [*words, *map(str, arguments)], catch_exceptions=False)
        assert result.exit_code == code, result.output + result.stderr
        return result.stdout

    return run


def test_impact_by_command(anacostia, hub, family, name):
    hub.registry.set_alias(family["merged"], "champion", 1)
    shown = json.loads(anacostia("--json", "models", "impact", f"{family['data']}@1"))
    assert shown["source"] == f"{name}-data@1"
    assert [one["name"] for one in shown["affected"]] == [
        f"{name}-{one}@1" for one in ("base", "tuned", "small", "merged")
    ]
    assert shown["affected"][-1]["path"][1] == f"{name}-base@1"
    assert "champion" in anacostia("models", "impact", f"{family['data']}@1")
    assert anacostia("models", "impact", f"{family['data']}@1", "--as", "tree") == (
        f"{name}-data@1\n"
        f"└── {name}-base@1\n"
        f"    ├── {name}-tuned@1\n"
        f"    │   └── {name}-merged@1  (champion)\n"
        f"    └── {name}-small@1\n"
    )
    chart = anacostia("models", "impact", f"{family['data']}@1", "--as", "mermaid")
    assert f'    v{family["base"]}_1 -->|"quantization"| v{family["small"]}_1' in chart
    assert chart.count("-->") == 5


def test_a_tree_as_deep_as_anybody_makes_it():
    """Whoever derives one model from the other, again and again, does not end the command."""
    depth, limit = 1_500, sys.getrecursionlimit()
    chain = tuple(
        recall.Affected(place, 1, place - 1, (Parent(place - 1, 1, Relation.FINETUNE),))
        for place in range(2, depth + 1)
    )
    found = recall.Impact(Parent(1, 1), True, chain, dict.fromkeys(range(1, depth + 1), "m"), 1)
    sys.setrecursionlimit(1_000)  # Python's own; a dependency of web3 raises it
    try:
        shown = recall.tree(found).splitlines()
    finally:
        sys.setrecursionlimit(limit)
    assert len(shown) == depth
    assert shown[-1] == "    " * (depth - 2) + "└── m@1"


def test_revocations_by_command(anacostia, hub, family, name):
    start = hub.chain.block_number() + 1
    hub.models.revoke(f"{family['data']}@1", RevocationReason.POISONED_DATA)
    hub.models.revoke(f"{family['other']}@1")
    line = anacostia("models", "revocations", "--from-block", start).splitlines()[0]
    assert line.endswith(f"{family['data']}@1  poisoned data")
    position = line.split()[0]
    rest = anacostia("--json", "models", "revocations", "--after", position)
    assert [json.loads(one)["model_id"] for one in rest.splitlines()] == [family["other"]]
    anacostia("models", "revocations", "--after", "yesterday", code=2)


def test_the_walk_asks_in_bounded_ranges(hub, family, monkeypatch):
    """A node that refuses wide ranges is asked for narrow ones, and the answer is the same."""
    expected = hub.models.impact(f"{family['data']}@1")
    monkeypatch.setattr("anacostia_blockchain.chain.reading._LOG_RANGE", 1)
    assert recall.impact(hub, family["data"], 1).affected == expected.affected
