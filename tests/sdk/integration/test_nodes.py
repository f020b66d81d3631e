"""The nodes that speak to chain and storage, in pipelines that really run."""

from __future__ import annotations

import json
import os
import re
from importlib.resources import files
from pathlib import Path

import pytest
import yaml
from sqlalchemy import select

from anacostia_blockchain.content.cards import CROISSANT
from anacostia_blockchain.errors import ConfigError, ContractRevertedError
from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import (
    ActionNode,
    AnchorNode,
    DatasetRegistryNode,
    DeployNode,
    ExecuteContractNode,
    HuggingFaceDatasetRegistryNode,
    HuggingFaceModelRegistryNode,
    IpfsStoreNode,
    MintModelNode,
    ModelStoreNode,
    MonitoringDataStoreNode,
    PublishVersionNode,
    RegisterModelNode,
    SetAliasNode,
    TrainingNode,
    VerifyNode,
    Web3StorageNode,
)
from anacostia_blockchain.outbox.outbox import intents
from anacostia_blockchain.outbox.sender import Sender
from anacostia_blockchain.pipeline import Pipeline
from anacostia_blockchain.testing import dev_signer
from anacostia_blockchain.types import Kind, Parent, Relation, RevocationReason

pytestmark = pytest.mark.integration


class Train(TrainingNode):
    """Makes weights that no other run makes."""

    def train(self, target: Path) -> dict[str, float]:
        (target / "weights.bin").write_bytes(os.urandom(100))
        self.log_params(lr=0.1)
        return {"accuracy": 0.75}


class Project:
    """A folder with a pipeline that can be built again and again."""

    def __init__(self, hub, folder: Path) -> None:
        self.hub, self.folder, self.count = hub, folder, 0
        (folder / "data").mkdir(exist_ok=True)

    def base(self, **options):
        store = SqliteMetadataStore(
            "store", f"sqlite:///{self.folder}/metadata.db", chain=self.hub, **options
        )
        data = MonitoringDataStoreNode("data", self.folder / "data", store, poll=0.02, settle=0)
        return store, data

    def models(self, store) -> ModelStoreNode:
        return ModelStoreNode("models", self.folder / "models", store)

    def feed(self) -> None:
        self.count += 1
        (self.folder / "data" / f"f{self.count}").write_text(f"{self.count}")

    def execute(self, *nodes):
        self.feed()
        return Pipeline(list(nodes)).execute()


@pytest.fixture
def project(hub, tmp_path: Path) -> Project:
    return Project(hub, tmp_path)


# ---------------------------------------------------------------------- action nodes


def test_register_then_publish(project, hub, name: str) -> None:
    for expected in (1, 2, 3):
        store, data = project.base()
        models = project.models(store)
        train = Train("train", [data], store, models)
        register = RegisterModelNode("register", [train], store, models, name)
        nodes = [store, data, models, train, register]
        if expected > 1:
            nodes.append(PublishVersionNode("publish", [register], store, models, name))
        report = project.execute(*nodes)
        assert report.ok, report
        assert hub.models.get(name).latest_version == expected
    assert hub.nft.owner_of(hub.models.get(name).model_id) == hub.address


def test_register_does_nothing_for_a_name_that_is_known(project, hub, name: str) -> None:
    for _ in range(2):
        store, data = project.base()
        models = project.models(store)
        train = Train("train", [data], store, models)
        node = RegisterModelNode("register", [train], store, models, name)
        assert project.execute(store, data, models, train, node).ok
    assert hub.models.get(name).latest_version == 1


def test_mint_gives_the_token_to_its_owner(project, hub, name: str) -> None:
    owner = dev_signer(5).address
    store, data = project.base()
    models = project.models(store)
    train = Train("train", [data], store, models)
    mint = MintModelNode(
        "mint", [train], store, models, name, owner, kind=Kind.MODEL, aliases=["first"]
    )
    report = project.execute(store, data, models, train, mint)
    assert report.ok, report
    model = hub.models.get(name)
    assert hub.nft.owner_of(model.model_id) == owner
    assert hub.models.resolve(f"{name}@first") == (model.model_id, 1)


def test_an_alias_is_moved_after_the_run_and_once_a_run(project, hub, name: str) -> None:
    for expected in (1, 2):
        store, data = project.base()
        models = project.models(store)
        train = Train("train", [data], store, models)
        publish = PublishVersionNode("publish", [train], store, models, name)
        alias = SetAliasNode("alias", [publish], store, name, "challenger")
        report = project.execute(store, data, models, train, publish, alias)
        assert report.ok, report
        assert hub.models.resolve(f"{name}@challenger")[1] == expected
    assert len(hub.models.alias_history(name, "challenger")) == 2


def test_a_failed_run_does_nothing_on_chain(project, hub, name: str) -> None:
    class Fail(ActionNode):
        def execute(self) -> bool:
            return False

    store, data = project.base()
    models = project.models(store)
    train = Train("train", [data], store, models)
    publish = PublishVersionNode("publish", [train], store, models, name)
    alias = SetAliasNode("alias", [publish], store, name, "champion")
    fail = Fail("fail", [alias], store)
    report = project.execute(store, data, models, train, publish, alias, fail)
    assert [run.status for run in report.runs] == ["failed"]
    assert not [m for m in hub.models.registered() if m.name == name]
    with store.engine.connect() as connection:
        states = set(connection.execute(select(intents.c.kind, intents.c.state)).all())
    assert states == {("publish", "discarded"), ("alias", "discarded"), ("anchor", "confirmed")}


LEDGER = json.loads(files("anacostia_blockchain").joinpath("abi/RunLedger.json").read_text())


def test_any_function_of_any_contract(project, hub) -> None:
    salts: list[bytes] = []

    def arguments(metrics):
        salts.append(round(metrics["accuracy"] * 10**6).to_bytes(4, "big") + os.urandom(28))
        return [salts[-1], hub.address]

    store, data = project.base()
    models = project.models(store)
    train = Train("train", [data], store, models)
    call = ExecuteContractNode(
        "call", [train], store, hub.ledger.address, LEDGER, "openLog", arguments
    )
    report = project.execute(store, data, models, train, call)
    assert report.ok, report
    assert salts[0][:4] == (750_000).to_bytes(4, "big")
    log_id = hub.ledger.log_id_of(hub.address, salts[0])
    assert hub.ledger.log_of(log_id) == (hub.address, hub.address)


def test_a_call_that_a_contract_refuses_is_told_by_name(project, hub) -> None:
    store, data = project.base()
    call = ExecuteContractNode(
        "call", [data], store, hub.ledger.address, LEDGER, "setWriter", [b"\1" * 32, hub.address]
    )
    report = project.execute(store, data, call)
    assert not report.ok
    (reason,) = report.refused.values()
    assert "RunLedger_UnknownLog" in reason
    assert ContractRevertedError.__name__ in reason


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_call_is_made_once_though_the_process_was_killed(project, hub) -> None:
    """Nothing but its own transactions says whether an arbitrary call was made."""
    store, data = project.base()
    salt = os.urandom(32)
    call = ExecuteContractNode(
        "call", [data], store, hub.ledger.address, LEDGER, "openLog", [salt, hub.address]
    )
    pipeline = Pipeline([store, data, call])
    sent: list[str] = []

    class KilledError(BaseException):
        pass

    def die(step: str, subject: str) -> None:
        if step == "broadcast" and subject.startswith("call:"):
            sent.append(subject)
            pipeline._sender._stopped.set()  # or it would be waited for
            raise KilledError

    project.feed()
    pipeline.execute(on_step=die, drain=600)
    assert sent
    outbox = store.outbox
    (left,) = [intent for intent in outbox.open() if intent.kind == "call"]
    assert left.state == "signed"
    sender = Sender(outbox, hub.chain, hub.handlers())
    assert sender.carry_out(left).state == "confirmed"
    done = outbox.get(left.key)
    assert done.result["tx"] == left.tx_hash


def test_functions_that_an_abi_does_not_have(project) -> None:
    store, data = project.base()
    with pytest.raises(ConfigError, match="has no function 'steal'"):
        ExecuteContractNode("call", [data], store, "0x" + "1" * 40, LEDGER, "steal")
    wrong = ExecuteContractNode("call", [data], store, "0x" + "1" * 40, LEDGER, "openLog", ["x"])
    report = project.execute(store, data, wrong)
    assert report.runs[0].status == "failed"


def test_without_a_chain_such_nodes_say_so(tmp_path: Path) -> None:
    store = SqliteMetadataStore("store", f"sqlite:///{tmp_path}/m.db")
    data = MonitoringDataStoreNode("data", tmp_path / "data", store)
    alias = SetAliasNode("alias", [data], store, "x", "champion")
    with pytest.raises(ConfigError, match="alias speaks to a chain: give the metadata store one"):
        Pipeline([store, data, alias]).execute()


def test_verify_passes_and_fails_the_run(project, hub, name: str, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(b"weights")
    version = hub.models.publish(tmp_path / "w.bin", name)
    store, data = project.base()
    report = project.execute(store, data, VerifyNode("verify", [data], store, name))
    assert report.ok, report
    hub.models.revoke(f"{name}@1")
    store, data = project.base()
    report = project.execute(store, data, VerifyNode("verify", [data], store, name))
    (run,) = report.runs
    assert run.status == "failed"
    assert "is not what it should be" in (run.reason or "")
    assert version.version == 1


def test_anchor_waits_for_the_runs_before(project, hub) -> None:
    for number in range(2):
        store, data = project.base(anchor_every=50, anchor_within=3600)
        node = AnchorNode("anchored", [data], store)
        assert project.execute(store, data, node).ok
        params = {p["param_name"]: p["param_value"] for p in store.get_params("anchored")}
        assert params.get("size") == ("1" if number else None)


def test_anchor_gives_up_when_nobody_anchors(project, hub, local_chain, monkeypatch) -> None:
    store, data = project.base()
    project.execute(store, data, AnchorNode("anchored", [data], store))
    store, data = project.base()
    node = AnchorNode("anchored", [data], store, wait=0.3)
    monkeypatch.setattr(
        "anacostia_blockchain.metadata.reader.RunReader.run",
        lambda self, run_id: self.sealed(1)[0].__class__(*[None] * 10),
    )
    report = project.execute(store, data, node)
    assert "was not anchored within 0 s" in (report.runs[0].reason or "")


def test_deploy_follows_the_promotion(project, hub, name: str, tmp_path: Path) -> None:
    deployed: list[tuple[str, int]] = []

    def hook(path: Path, version) -> None:
        deployed.append(((path / "w.bin").read_text(), version.version))

    def run(**options):
        store, data = project.base()
        node = DeployNode("deploy", [data], store, name, tmp_path / "serving", hook, **options)
        return project.execute(store, data, node), store

    report, store = run()  # the model is not there yet
    assert report.ok, report
    assert deployed == []
    assert [t["tag_value"] for t in store.get_tags("deploy")] == ["nothing new is promoted"]

    (tmp_path / "w.bin").write_text("one")
    hub.models.publish(tmp_path / "w.bin", name, aliases=["champion"])
    assert run()[0].ok
    assert run()[0].ok  # and not again
    assert deployed == [("one", 1)]

    (tmp_path / "w.bin").write_text("two")
    hub.models.publish(tmp_path / "w.bin", name)
    assert run()[0].ok  # published, and not promoted
    assert deployed == [("one", 1)]
    hub.models.set_alias(f"{name}@2", "champion")
    assert run()[0].ok
    assert deployed == [("one", 1), ("two", 2)]

    (tmp_path / "w.bin").write_text("three")
    hub.models.publish(tmp_path / "w.bin", name, parents="previous", aliases=["champion"])
    hub.models.revoke(f"{name}@3")
    report, _ = run()
    assert report.runs[0].status == "failed"
    assert "is not deployed: " in (report.runs[0].reason or "")
    assert len(deployed) == 2


def test_what_is_deployed_is_taken_back_when_its_data_is_revoked(
    project, hub, name: str, tmp_path: Path
) -> None:
    (tmp_path / "w.bin").write_text(name)
    data_set = hub.models.publish(tmp_path / "w.bin", f"{name}-data", kind=Kind.DATASET)
    parents = [Parent(data_set.model_id, 1, Relation.TRAINED_ON)]
    hub.models.publish(tmp_path / "w.bin", name, parents=parents, aliases=["champion"])
    events: list[tuple[str, int, str]] = []

    def run(**options):
        store, data = project.base()
        node = DeployNode(
            "deploy",
            [data],
            store,
            name,
            tmp_path / "serving",
            lambda _path, version: events.append(("up", version.version, "")),
            **options,
        )
        return project.execute(store, data, node).runs[0], node

    def undeploy(version: int, reason) -> None:
        events.append(("down", version, str(reason)))

    assert run()[0].status == "succeeded"
    hub.models.revoke(f"{name}-data@1", RevocationReason.POISONED_DATA)
    report, _ = run()
    assert report.status == "failed"
    assert "is deployed, and must not be" in (report.reason or "")
    report, node = run(undeploy=undeploy)
    assert (report.status, node.deployed()) == ("succeeded", None)
    why = "was made from .*, which is revoked: poisoned data"
    assert events[:1] == [("up", 1, "")]
    assert events[1][:2] == ("down", 1)
    assert re.search(why, events[1][2])
    report, _ = run(undeploy=undeploy)  # the alias still points there
    assert report.status == "failed"
    assert "is not deployed: " in (report.reason or "")
    (tmp_path / "w.bin").write_text(f"{name}, clean")
    hub.models.publish(tmp_path / "w.bin", name, aliases=["champion"])
    assert run(undeploy=undeploy)[0].status == "succeeded"
    assert events[2:] == [("up", 2, "")]


def test_a_deploy_hook_that_fails_fails_the_run_and_is_tried_again(
    project, hub, name: str, tmp_path: Path
) -> None:
    (tmp_path / "w.bin").write_text("one")
    hub.models.publish(tmp_path / "w.bin", name, aliases=["champion"])
    attempts: list[int] = []

    def hook(path: Path, version) -> None:
        attempts.append(version.version)
        if len(attempts) == 1:
            raise RuntimeError("the cluster is full")

    for expected in ("failed", "succeeded"):
        store, data = project.base()
        node = DeployNode("deploy", [data], store, name, tmp_path / "serving", hook)
        report = project.execute(store, data, node)
        assert [run.status for run in report.runs] == [expected]
    assert attempts == [1, 1]


# ---------------------------------------------------------------------- resource nodes


@pytest.fixture(params=["local", "ipfs", "web3storage"])
def make_models(request: pytest.FixtureRequest, hub, tmp_path: Path):
    """The one line that differs between stores."""
    folder = tmp_path / "models"
    if request.param == "local":
        return lambda store: ModelStoreNode("models", folder, store)
    if request.param == "ipfs":
        kubo = request.getfixturevalue("kubo")
        return lambda store: IpfsStoreNode("models", folder, store, kubo.api)
    w3up = request.getfixturevalue("w3up")
    from anacostia_blockchain.storage.web3storage.identity import Signer  # noqa: PLC0415 - extra
    from anacostia_blockchain.storage.web3storage.store import Web3Storage  # noqa: PLC0415 - loads cryptography

    owner = Signer.generate()
    space = Web3Storage.open_space(w3up.service, owner, w3up.new_space(owner), tmp_path / "w3up")
    return lambda store: Web3StorageNode("models", folder, store, space)


def test_the_same_example_runs_on_every_store(project, hub, make_models, name, tmp_path) -> None:
    store, data = project.base()
    models = make_models(store)
    hub._store = models.storage  # publications complete the version where the artifact is
    train = Train("train", [data], store, models)
    publish = PublishVersionNode("publish", [train], store, models, name, aliases=["champion"])
    report = project.execute(store, data, models, train, publish)
    assert report.ok, report
    (artifact,) = store.run_artifacts("output", run_id=0)
    copy = tmp_path / "models" / "train" / "run-0" / "weights.bin"
    content = copy.read_bytes()
    copy.unlink()
    copy.parent.rmdir()
    with models.load_artifact(artifact.location) as path:  # from the store
        assert (Path(path) / "weights.bin").read_bytes() == content
    fetched = hub.models.fetch(f"{name}@champion", tmp_path / "copy")
    assert (fetched / "weights.bin").read_bytes() == content


class Describe(ActionNode):
    """Calls back, within a run."""

    def __init__(self, name, predecessors, store, work) -> None:
        super().__init__(name, predecessors, store)
        self.work = work

    def execute(self) -> bool:
        self.work(self)
        return True


def front_matter(text: str) -> dict[str, object]:
    head, _, rest = text.removeprefix("---\n").partition("\n---\n")
    assert rest.startswith("\n# ")
    return yaml.safe_load(head)


def test_a_model_card_says_what_the_run_knows(project, hub, tmp_path: Path) -> None:
    store, data = project.base()
    models = HuggingFaceModelRegistryNode("models", tmp_path / "models", store)
    train = Train("train", [data], store, models)
    places: list[str] = []

    def work(node: Describe) -> None:
        node.log_metrics(**{"f1|macro": 0.5})
        places.append(
            models.save_model_card(
                "train/run-0", licence="apache-2.0", library="numpy", tags=["a", "b: c"]
            )
        )

    card = Describe("card", [train, models], store, work)
    report = project.execute(store, data, models, train, card)
    assert report.ok, report
    text = (tmp_path / "models" / places[0]).read_text()
    assert front_matter(text) == {
        "model_name": "train",
        "license": "apache-2.0",
        "library_name": "numpy",
        "tags": ["a", "b: c"],
        "metrics": ["accuracy", "f1|macro"],
    }
    assert "| accuracy | 0.75 |" in text
    assert "| f1\\|macro | 0.5 |" in text
    assert "| lr | 0.1 |" in text
    assert "| data/f1 |" in text
    (artifact,) = [a for a in store.run_artifacts("output", run_id=0) if a.location[6:] == "run-0"]
    assert artifact.cid in text
    assert {"id": 3, "model_card_path": places[0]} in store.artifact_tags("models", "train/run-0")


def test_a_card_of_another_tool_is_saved_as_it_is(project, tmp_path: Path) -> None:
    class Card:
        def save(self, filepath: str) -> None:
            Path(filepath).write_text("theirs")

    store, data = project.base()
    models = HuggingFaceModelRegistryNode("models", tmp_path / "models", store)

    def work(_: Describe) -> None:
        with models.save_model("m") as path:
            Path(path).write_text("weights")
        models.save_model_card("m", "m.md", Card())

    node = Describe("card", [data, models], store, work)
    assert project.execute(store, data, models, node).ok
    assert (tmp_path / "models" / "m.md").read_text() == "theirs"


@pytest.mark.parametrize("kind", [DatasetRegistryNode, HuggingFaceDatasetRegistryNode])
def test_a_dataset_is_described_as_croissant(project, tmp_path: Path, kind) -> None:
    store, data = project.base()
    datasets = kind("datasets", tmp_path / "datasets", store)

    def work(_: Describe) -> None:
        with datasets.save_artifact("plays") as path:
            Path(path, "acts").mkdir(parents=True)
            Path(path, "acts", "one.txt").write_text("To be")
            Path(path, "index.csv").write_text("a,b")
        datasets.save_croissant(
            "plays", licence="cc0-1.0", description="Plays", published="2026-01-01"
        )
        if kind is HuggingFaceDatasetRegistryNode:
            datasets.save_dataset_card("plays", {"license": "cc0-1.0", "language": ["en"]})

    node = Describe("save", [data, datasets], store, work)
    report = project.execute(store, data, datasets, node)
    assert report.ok, report
    document = json.loads((tmp_path / "datasets" / "plays.croissant.json").read_text())
    dataset = store.artifact("datasets", "plays")
    assert document["conformsTo"] == CROISSANT
    assert document["@type"] == "sc:Dataset"
    assert document["url"] == f"ipfs://{dataset.cid}"
    by_name = {file["name"]: file for file in document["distribution"]}
    assert set(by_name) == {"acts/one.txt", "index.csv"}
    one = by_name["acts/one.txt"]
    assert one["contentUrl"] == f"ipfs://{dataset.cid}/acts/one.txt"
    assert (one["contentSize"], one["encodingFormat"]) == ("5 B", "text/plain")
    assert {"id": 1, "data_card_path": "plays.croissant.json"} in store.artifact_tags(
        "datasets", "plays"
    )
    if kind is HuggingFaceDatasetRegistryNode:
        text = (tmp_path / "datasets" / "plays.README.md").read_text()
        assert front_matter(text) == {"license": "cc0-1.0", "language": ["en"]}
