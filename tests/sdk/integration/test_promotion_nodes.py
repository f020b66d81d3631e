"""From training to promotion by pipelines: two processes, two keys, one policy."""

from __future__ import annotations

import os
import subprocess
import sys
import uuid
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from anacostia_blockchain.audit import RunDatabase
from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import (
    AttestNode,
    DeployNode,
    EvaluateNode,
    ModelStoreNode,
    MonitoringDataStoreNode,
    PromoteNode,
    ProposePromotionNode,
    PublishVersionNode,
    TrainingNode,
)
from anacostia_blockchain.nodes.promotion import by_gate
from anacostia_blockchain.pipeline import ExecutionReport, Pipeline
from anacostia_blockchain.promotion.values import Policy, Requirement
from anacostia_blockchain.testing import LocalChain, dev_key
from anacostia_blockchain.types import Kind, ModelVersion, RevocationReason
from asking import get, post
from promoted import People
from served import Process
from waiting import wait_for

pytestmark = pytest.mark.integration

EVALUATOR = 3
SCRIPT = Path(__file__).resolve().parents[1] / "evaluator.py"
DAY = timedelta(days=1)
RIGHT = "a b c d e f g h i j"


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalChain]:
    with LocalChain() as local:
        yield local


class Answer(TrainingNode):
    """A model that is a file of answers: those that the newest input has."""

    def train(self, target: Path) -> dict[str, float]:
        with self.open_input(self.inputs()[-1]) as path:
            answers = path.read_text()
        (target / "answers.txt").write_text(answers)
        numbers = np.array([ord(answer) for answer in answers.split()])
        save_file({"answers": numbers}, target / "answers.safetensors")
        return {"loss": 0.5}


class Team:
    """An owner with a pipeline, and an evaluator with another, in a process of its own."""

    def __init__(self, people: People, name: str, home: Path) -> None:
        self.people, self.name, self.home = people, name, home
        self.deployed: list[int] = []
        self.serving: dict[int, Process] = {}
        self.urls: dict[int, str] = {}
        held_out = home / "held-out"
        held_out.mkdir()
        (held_out / "answers.txt").write_text(RIGHT)
        self.dataset = people.owner.models.publish(held_out, f"{name}-set", kind=Kind.DATASET)

    def run(self, answers: str) -> ExecutionReport:
        """One run of the owner's pipeline, which trains, publishes, proposes and promotes."""
        hub, home = self.people.owner, self.home
        (home / "data").mkdir(exist_ok=True)
        count = len(list((home / "data").iterdir()))
        (home / "data" / f"{count}.txt").write_text(answers)
        store = SqliteMetadataStore("metadata_store", f"sqlite:///{home}/metadata.db", chain=hub)
        data = MonitoringDataStoreNode("data", home / "data", store, poll=0.02, settle=0.05)
        models = ModelStoreNode("models", home / "models", store)
        train = Answer("train", [data], store, models)
        publish = PublishVersionNode("publish", [train], store, models, self.name)
        return self._execute([store, data, models, train, publish])

    def watch(self) -> ExecutionReport:
        """One run of the pipeline that proposes, promotes and deploys what is there."""
        hub, home = self.people.owner, self.home / "watch"
        (home / "data").mkdir(parents=True, exist_ok=True)
        count = len(list((home / "data").iterdir()))
        (home / "data" / f"{count}.txt").write_text("look again")
        store = SqliteMetadataStore("metadata_store", f"sqlite:///{home}/metadata.db", chain=hub)
        data = MonitoringDataStoreNode("data", home / "data", store, poll=0.02, settle=0.05)
        propose = ProposePromotionNode("propose", [data], store, self.name)
        promote = PromoteNode("promote", [propose], store, self.name)
        deploy = DeployNode(
            "deploy",
            [promote],
            store,
            self.name,
            home / "serving",
            self._deploy,
            promotion=by_gate("champion"),
            undeploy=self._undeploy,
        )
        report = self._execute([store, data, propose, promote, deploy])
        record = RunDatabase(home / "metadata.db").record(report.runs[-1].run_id)
        self.facts = {name: value for _role, _node, name, value in record.facts}
        return report

    def evaluate(self) -> None:
        """One run of the evaluator's pipeline."""
        home = self.home / "evaluator"
        self.people.owner.deployment.save(home / "deployments")
        key = dev_key(EVALUATOR)
        owner = self.people.owner
        model, dataset = (f"{owner.address}/{n}" for n in (self.name, f"{self.name}-set"))
        command = [sys.executable, SCRIPT, self.people.chain.rpc_url, home]
        command += [f"file:{owner.home / 'store'}", model, dataset]
        subprocess.run(command, env=os.environ | {"ANACOSTIA_PRIVATE_KEY": key}, check=True)

    def _deploy(self, _path: Path, version: ModelVersion) -> None:
        """Start a process that serves it, beside what is served so far."""
        owner = self.people.owner
        owner.deployment.save(owner.home / "deployments")
        reference = f"{version.model_id}@{version.version}"
        how = ("--predict", "served:look_up")
        process = Process(self.people.chain.rpc_url, owner.home, reference, *how)
        self.serving[version.version] = process
        self.urls[version.version] = process.url()
        self.deployed.append(version.version)

    def _undeploy(self, version: int, _why: object) -> None:
        self.serving.pop(version).__exit__()
        self.deployed.remove(version)

    def close(self) -> None:
        for process in self.serving.values():
            process.__exit__()

    @staticmethod
    def _execute(nodes) -> ExecutionReport:
        report = Pipeline(nodes).execute(runs=1)
        assert report.runs[-1].status == "succeeded"
        return report


@pytest.fixture
def team(chain: LocalChain, tmp_path: Path) -> Iterator[Team]:
    team = Team(People(chain, tmp_path), f"answers-{uuid.uuid4().hex[:8]}", tmp_path)
    yield team
    team.close()


def test_trained_evaluated_attested_promoted_deployed_and_served(team: Team) -> None:
    people, owner, name = team.people, team.people.owner, team.name
    team.run(RIGHT.replace("j", "x"))  # nine of ten
    version = f"{owner.models.resolve(name)[0]}@1"
    asked = Requirement(
        "accuracy",
        frozenset({people.evaluator.address}),
        1,
        team.dataset.root.digest,
        floor=Decimal("0.9"),
    )
    owner.promotions.set_policy(version, "champion", Policy((asked,), DAY))

    team.watch()
    assert "1 missing" in team.facts["propose"]
    assert "no open proposal" in team.facts["promote"]
    owner.models.set_alias(version, "canary")
    assert by_gate("canary")(owner, name) is None  # its owner can point it anywhere
    team.evaluate()
    (said,) = owner.attest.list(version)
    assert (said.attester, said.value) == (people.evaluator.address, Decimal("0.9"))
    assert owner.attest.verify(said.uid).passed
    team.evaluate()  # the same version again: once is enough
    assert owner.attest.list(version) == [said]

    team.watch()
    assert team.facts["propose"] == version
    team.watch()
    assert team.facts["propose"] == f"{version} is proposed already"
    assert "can be promoted from" in team.facts["promote"]
    assert team.deployed == []
    people.pass_time(DAY.total_seconds())
    team.watch()
    assert team.facts["promote"] == version
    team.watch()
    assert team.facts["promote"] == "version 1 is promoted already"
    assert team.deployed == [1]

    # One that is worse is published and evaluated, and stays where it is.
    team.run(RIGHT.replace("j", "x").replace("i", "x"))
    team.evaluate()
    team.watch()
    assert "1 missing" in team.facts["propose"]
    assert owner.registry.alias_of(said.model_id, "champion").version == 1
    assert team.deployed == [1]

    # It is served, by a process that has no key, until somebody revokes what it was made from.
    asked_of_it = {"inputs": [0, 9]}
    answer = post(f"{team.urls[1]}/predict", json=asked_of_it)
    assert answer.json()["outputs"] == [ord("a"), ord("x")]
    owner.models.revoke(version, RevocationReason.POISONED_DATA)
    wait_for(lambda: get(f"{team.urls[1]}/health").status_code == 409)
    assert post(f"{team.urls[1]}/predict", json=asked_of_it).status_code == 409
    team.watch()
    assert (team.deployed, team.serving) == ([], {})


def test_what_is_revoked_in_between_is_not_promoted(chain: LocalChain, tmp_path: Path) -> None:
    people = People(chain, tmp_path)
    team = Team(people, "revoked", tmp_path)
    owner = people.owner
    team.run(RIGHT)
    version = f"{owner.models.resolve('revoked')[0]}@1"
    asked = Requirement(
        "accuracy", frozenset({people.evaluator.address}), 1, team.dataset.root.digest
    )
    owner.promotions.set_policy(version, "champion", Policy((asked,), DAY))
    team.evaluate()
    team.watch()
    people.evaluator.attest.revoke(owner.attest.list(version)[0].uid)
    people.pass_time(DAY.total_seconds())
    team.watch()  # it is due, and the gate refuses
    assert owner.registry.alias_of(int(version.split("@", maxsplit=1)[0]), "champion").version == 0
    assert team.deployed == []


def test_an_unpublished_model_is_waited_for(chain: LocalChain, tmp_path: Path) -> None:
    team = Team(People(chain, tmp_path), "later", tmp_path)
    team.watch()
    assert team.facts["propose"] == team.facts["promote"] == "later is not published yet"
    team.evaluate()


def test_a_metric_that_was_not_measured_fails_the_run(chain: LocalChain, tmp_path: Path) -> None:

    people = People(chain, tmp_path)
    people.publish("weights")
    dataset = people.publish("weights-set", kind=Kind.DATASET)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "1.txt").write_text("look")

    class Size(EvaluateNode):
        def evaluate(self, model: Path, dataset: Path) -> dict[str, float]:
            return {"bytes": float((model / "weights").stat().st_size)}

    store = SqliteMetadataStore("store", f"sqlite:///{tmp_path}/metadata.db", chain=people.owner)
    data = MonitoringDataStoreNode("data", tmp_path / "data", store, poll=0.02, settle=0.05)
    size = Size("size", [data], store, "weights", dataset, tmp_path / "fetched")
    attest = AttestNode("attest", [size], store, size, ["accuracy"])
    report = Pipeline([store, data, size, attest]).execute(runs=1)
    assert report.runs[-1].status == "failed"
    assert "has not measured accuracy" in str(report)
