"""Serving: a real process that serves what is verified, and stops when it must not be used."""

import json
import shutil
import threading
import uuid
from contextlib import contextmanager

import pytest
from sklearn.linear_model import LogisticRegression
from skops import io as skops

from anacostia_blockchain.chain import Chain
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.examples import digits
from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import DeployNode, MonitoringDataStoreNode
from anacostia_blockchain.pipeline import Pipeline
from anacostia_blockchain.serving import ServedModel, find_function, model_app
from anacostia_blockchain.testing import LocalChain, dev_signer
from anacostia_blockchain.types import Kind, Parent, Relation, RevocationReason
from anacostia_blockchain.web.serving import listen, make_server
from asking import get, post
from faults import FaultyEndpoint
from served import Process
from store_contract import damage
from waiting import wait_for

pytestmark = pytest.mark.integration

PREDICT = "anacostia_blockchain.examples.digits:predict"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """Weights of the digits, and the rows that they were trained on."""
    folder = tmp_path_factory.mktemp("digits")
    data = digits.write_data(folder)
    rows = [[int(value) for value in line.split(",")] for line in data.read_text().splitlines()]
    weights, accuracy = digits.fit(rows, hidden_units=32, seed=0)
    assert accuracy > 0.9
    digits.save(weights, folder / digits.WEIGHTS)
    return folder, rows


@pytest.fixture
def published(hub, trained, name):
    """The data, and a model that was trained on them."""
    folder, _rows = trained
    data = hub.models.publish(folder / "digits.csv", f"{name}-data", kind=Kind.DATASET)
    parents = [Parent(data.model_id, 1, Relation.TRAINED_ON)]
    return hub.models.publish(folder / digits.WEIGHTS, name, parents=parents, aliases=["champion"])


def test_publish_serve_predict_revoke(hub, local_chain, deployment, published, trained, name):
    deployment.save(hub.home / "deployments")
    _folder, rows = trained
    reference = f"{hub.address}/{name}@champion"
    with Process(local_chain.rpc_url, hub.home, reference, "--predict", PREDICT) as process:
        url = process.url()
        assert get(f"{url}/health").json() == {"status": "serving"}
        shown = get(url).json()
        assert shown["id"] == f"{hub.caip19(published.model_id)}@1"
        assert shown["root"] == str(published.root)
        inputs = [row[:-1] for row in rows[:100]]
        answer = post(f"{url}/predict", json={"inputs": inputs})
        right = sum(
            found == row[-1] for found, row in zip(answer.json()["outputs"], rows, strict=False)
        )
        assert right > 90
        assert post(f"{url}/predict", json={"inputs": [["x"]]}).status_code == 422
        assert post(f"{url}/predict", json={}).status_code == 422

        hub.models.revoke(f"{name}-data@1", RevocationReason.POISONED_DATA)
        wait_for(lambda: get(f"{url}/health").status_code == 409)
        refused = post(f"{url}/predict", json={"inputs": inputs})
        assert refused.status_code == 409
        assert "which is revoked: poisoned data" in refused.json()["detail"]
        assert get(url).status_code == 409
    with Process(local_chain.rpc_url, hub.home, reference, "--predict", PREDICT) as process:
        assert process.process.wait(timeout=300) == 1
        assert "TaintedError" in process.process.stderr.read()


def test_a_pipeline_deploys_it_and_takes_it_back(
    hub, local_chain, deployment, published, trained, name, tmp_path
):
    """The node starts a real process; when the data are revoked, the node ends it."""
    deployment.save(hub.home / "deployments")
    _folder, rows = trained
    serving, seen = [], []

    def deploy(_path, version):
        reference = f"{version.model_id}@{version.version}"
        serving.append(Process(local_chain.rpc_url, hub.home, reference, "--predict", PREDICT))
        answer = post(f"{serving[0].url()}/predict", json={"inputs": [rows[0][:-1]]})
        seen.append((version.version, answer.json()["outputs"]))

    def undeploy(version, why):
        serving[0].process.terminate()
        seen.append((version, serving[0].process.wait(timeout=300), str(why)))

    def run(number):
        (tmp_path / "data").mkdir(exist_ok=True)
        (tmp_path / "data" / f"f{number}").write_text("new")
        store = SqliteMetadataStore("store", f"sqlite:///{tmp_path}/metadata.db", chain=hub)
        data = MonitoringDataStoreNode("data", tmp_path / "data", store, poll=0.02, settle=0)
        node = DeployNode("deploy", [data], store, name, tmp_path / "up", deploy, undeploy=undeploy)
        report = Pipeline([store, data, node]).execute()
        assert report.ok, report

    try:
        run(1)
        assert seen == [(1, [rows[0][-1]])]
        hub.models.revoke(f"{name}-data@1", RevocationReason.POISONED_DATA)
        run(2)
        assert seen[1][:1] == (1,)
        assert "which is revoked: poisoned data" in seen[1][2]
        assert serving[0].process.poll() is not None
    finally:
        for one in serving:
            one.process.kill()
            one.process.wait()
            one.process.stderr.close()


def test_a_tampered_file_is_not_served(hub, local_chain, deployment, published, trained, name):
    deployment.save(hub.home / "deployments")
    folder, _rows = trained
    damage(hub.storage, (folder / digits.WEIGHTS).read_bytes())
    reference = f"{hub.address}/{name}@champion"
    with Process(local_chain.rpc_url, hub.home, reference, "--predict", PREDICT) as process:
        assert process.process.wait(timeout=300) == 1
        said = process.process.stderr.read()
    assert "UnverifiedError" in said
    assert "content: " in said


@contextmanager
def served_here(served):
    """Its URL, while a thread of this process answers."""
    server = make_server(model_app(served), handle_signals=False)
    with listen("127.0.0.1", 0, secure=False) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=300)


def test_a_chain_that_does_not_answer_is_no_permission(tmp_path, trained):
    """Served for as long as patience lasts, then not; and again when the chain is back."""
    folder, rows = trained
    with LocalChain() as local, FaultyEndpoint(local.rpc_url) as endpoint:
        chain = Chain.connect(endpoint.url, signer=dev_signer(), state_dir=tmp_path / "state")
        hub = Anacostia(chain, local.deploy(), home=tmp_path)
        hub.models.publish(folder / digits.WEIGHTS, "digits")
        served = ServedModel(hub, "digits", predict=digits.predict, patience=600)
        with served_here(served) as url:
            body = {"inputs": [rows[0][:-1]]}

            def predict():
                return post(f"{url}/predict", json=body)

            assert predict().json()["outputs"] == [rows[0][-1]]
            endpoint.fault = lambda _body: "drop"
            served.check()
            assert predict().status_code == 200
            served._asked -= 601  # as if it had not answered for so long
            served.check()
            assert predict().status_code == 503
            assert "the chain did not answer" in predict().json()["detail"]
            assert get(f"{url}/health").status_code == 503
            endpoint.fault = lambda _body: None
            served.check()
            assert predict().status_code == 200


def test_weights_alone_predict_nothing(hub, published, name):
    with pytest.raises(ConfigError, match="has no method predict"):
        ServedModel(hub, name)
    with pytest.raises(ConfigError, match="there is no function"):
        find_function("anacostia_blockchain.examples.digits:nothing")
    with pytest.raises(ConfigError, match="there is no function"):
        find_function("no.such.module:predict")
    with pytest.raises(ConfigError, match="is no function"):
        find_function("anacostia_blockchain.examples.digits:MODEL")


def test_a_classifier_needs_no_function(hub, tmp_path, name):
    model = LogisticRegression().fit([[0.0], [1.0], [2.0], [3.0]], [0, 0, 1, 1])
    skops.dump(model, tmp_path / "model.skops")
    hub.models.publish(tmp_path / "model.skops", name)
    served = ServedModel(hub, name)
    assert served.predict([[0.0], [3.0]]) == [0, 1]
    assert json.loads(json.dumps(served.describe()))["file"] == "model.skops"


# ---------------------------------------------------------------------- followed


@pytest.fixture
def following(hub, local_chain, deployment, published, name):
    """The address of a process that follows the alias, and what it says that it serves."""
    deployment.save(hub.home / "deployments")
    options = ["--predict", PREDICT, "--follow"]
    reference = f"{hub.address}/{name}@champion"
    with Process(local_chain.rpc_url, hub.home, reference, *options) as process:
        yield process.url()


def next_version(hub, trained, name, aliases=("champion",), **options):
    """The same weights with another note."""
    folder = hub.home / uuid.uuid4().hex
    folder.mkdir()
    shutil.copy(trained[0] / digits.WEIGHTS, folder)
    (folder / "note.txt").write_text(folder.name)
    return hub.models.publish(folder, name, aliases=aliases, **options)


def served_version(url):
    return int(get(url).json()["id"].rpartition("@")[2])


def test_an_alias_is_followed_without_a_gap(hub, published, following, trained, name):
    _folder, rows = trained
    body, seen = {"inputs": [rows[0][:-1]]}, set()

    def moved():
        answer = post(f"{following}/predict", json=body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["outputs"] == [rows[0][-1]]
        seen.add(answer.json()["id"].rpartition("@")[2])
        return "2" in seen

    assert not moved()
    next_version(hub, trained, name)
    wait_for(moved)
    assert seen == {"1", "2"}
    assert "passed_over" not in get(following).json()
    hub.models.revoke(f"{name}@2", RevocationReason.DEFECTIVE)
    wait_for(lambda: get(f"{following}/health").status_code == 409)
    next_version(hub, trained, name)
    wait_for(lambda: get(following).status_code == 200)
    assert served_version(following) == 3


def test_what_is_tainted_or_unverified_is_not_followed(hub, published, following, trained, name):
    data = hub.models.publish(trained[0] / "digits.csv", f"{name}-bad", kind=Kind.DATASET)
    hub.models.revoke(f"{name}-bad@1", RevocationReason.POISONED_DATA)
    parents = [Parent(data.model_id, 1, Relation.TRAINED_ON)]
    next_version(hub, trained, name, parents=parents)

    def passed_over(number, why):
        shown = get(following).json()
        found = shown.get("passed_over", {})
        return found.get("version") == number and why in found["why"]

    wait_for(lambda: passed_over(2, "poisoned data"))
    assert served_version(following) == 1
    gone = next_version(hub, trained, name, aliases=())
    hub.storage.delete(gone.root)
    hub.models.set_alias(f"{name}@3", "champion")
    wait_for(lambda: passed_over(3, "content"))
    assert served_version(following) == 1
    hub.models.set_alias(f"{name}@1", "champion")
    wait_for(lambda: "passed_over" not in get(following).json())
    assert served_version(following) == 1


def test_only_an_alias_is_followed(hub, published, name):
    for reference in (name, f"{name}@1"):
        with pytest.raises(ConfigError, match="names no alias"):
            ServedModel(hub, reference, predict=digits.predict, follow=True)
