"""The web server of a pipeline: who may do what, what it shows, and what it says of sealed runs."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import trustme
from hypothesis import given, settings

from anacostia_blockchain import _upstream
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.ledger.merkle import leaf_hash, verify_inclusion
from anacostia_blockchain.ledger.record import Disclosure
from anacostia_blockchain.metadata import MetadataStore
from anacostia_blockchain.nodes import (
    ActionNode,
    ModelStoreNode,
    MonitoringDataStoreNode,
    PublishVersionNode,
)
from anacostia_blockchain.pipeline import Pipeline
from anacostia_blockchain.web.guard import Token
from anacostia_blockchain.web.server import Web
from anacostia_blockchain.web.status import StatusBoard
from asking import get, post
from waiting import wait_for

pytestmark = pytest.mark.integration

SECRET = "a-secret-for-the-tests-alone"  # noqa: S105
EVIL = "<script>alert(1)</script>"


class Train(ActionNode):
    """Saves a model, logs a metric, and says something nasty."""

    def __init__(self, name, predecessors, store, models) -> None:
        super().__init__(name, [*predecessors, models], store)
        self.models = models

    def execute(self) -> bool:
        run_id = self.metadata_store.get_run_id()
        with self.models.save_artifact(f"run-{run_id}") as path:
            Path(path).write_text(f"{uuid.uuid4()}")
        self.log_metrics(accuracy=0.9375, count=3)
        self.set_tags(**{EVIL: EVIL})
        return True


class Served:
    """A pipeline that is served in a thread, with one run done."""

    def __init__(self, uri: str, folder: Path, hub=None, **options) -> None:
        self.store = MetadataStore("metadata_store", uri, chain=hub)
        self.folder = folder / "data"
        self.data = MonitoringDataStoreNode("data", self.folder, self.store, poll=0.02, settle=0)
        nodes = [self.store, self.data]
        if hub is not None:
            self.name = f"served-{uuid.uuid4().hex[:12]}"
            models = ModelStoreNode("models", folder / "models", self.store, hub.storage)
            train = Train("train", [self.data], self.store, models)
            publish = PublishVersionNode("publish", [train], self.store, models, self.name)
            nodes += [models, train, publish]
        else:
            nodes.append(Quiet("step", [self.data], self.store))
        self.pipeline = Pipeline(nodes)
        self.ready = threading.Event()
        self.failures: list[BaseException] = []
        self.report = None
        self._options = options

    def __enter__(self) -> Served:
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()
        assert self.ready.wait(300) or self.failures, self.failures
        return self

    def _serve(self) -> None:
        try:
            self.report = self.pipeline.serve(
                Token(SECRET), port=0, on_ready=self._note, **self._options
            )
        except BaseException as error:  # noqa: BLE001 - the test looks at it
            self.failures.append(error)

    def _note(self, url: str) -> None:
        self.url = url
        self.ready.set()

    def __exit__(self, *_: object) -> None:
        self.pipeline._stop = "signal"
        self.thread.join(300)
        assert not self.thread.is_alive()

    def feed(self, name: str) -> None:
        incoming = self.folder.parent / "incoming"
        incoming.write_text(name)
        incoming.replace(self.folder / name)

    def get(self, path: str, **options) -> httpx.Response:
        headers = {"Authorization": f"Bearer {SECRET}"}
        return get(self.url + path, headers=headers, **options)


class Quiet(ActionNode):
    """Does nothing."""

    def execute(self) -> bool:
        return True


@pytest.fixture(scope="module")
def served(local_chain, deployment, tmp_path_factory) -> Iterator[Served]:
    """A pipeline with a chain, one published run, and a file with a nasty name."""
    folder = tmp_path_factory.mktemp("served")
    hub = Anacostia(local_chain.chain(), deployment, home=folder / "home")
    with Served(f"sqlite:///{folder}/m.db", folder, hub, open_api=True) as server:
        server.feed(EVIL.replace("/", "_"))
        wait_for(server.store.get_runs)
        wait_for(lambda: (runs := server.get("/api/runs").json()["runs"]) and runs[0]["published"])
        wait_for(lambda: server.get("/api/runs/0").json().get("anchor"))
        server.hub = hub
        yield server


# ---------------------------------------------------------------------- who may do what


def test_without_a_token_nothing_is_read_but_what_is_open(served) -> None:
    for path in (
        "/",
        "/metadata_store/hypermedia/home",
        "/metadata_store/api/server/get_metrics/",
        "/data/api/server/list_artifacts/?state=all",
        "/graph_sse",
        "/api/outbox/open",
    ):
        answer = get(served.url + path)
        assert answer.status_code == 401, path
        assert "Bearer" in answer.headers["www-authenticate"]
    for path in ("/api/runs", "/api/runs/0", "/api/openapi.json", "/static/img/favicon.ico"):
        assert get(served.url + path).status_code == 200, path


def test_without_a_token_nothing_is_written(served) -> None:
    for headers in (
        {},
        {"Authorization": "Bearer wrong-wrong-wrong-wrong"},
        {"Authorization": SECRET},
        {"Cookie": f"anacostia_token={SECRET}"},
    ):
        for path in (
            "/metadata_store/api/server/log_metrics/?node_name=train",
            "/api/runs",
            "/api/outbox/flush",
        ):
            answer = post(served.url + path, headers=headers, json={"accuracy": 1})
            assert answer.status_code == 401
    assert len(served.store.get_metrics()) == 2


def test_nobody_joins_the_graph_or_reads_files(served) -> None:
    """The framework lets anybody be a predecessor, and reads and writes any file."""
    headers = {"Authorization": f"Bearer {SECRET}"}
    for path in ("/connect", "/finish_connect", "/send_event", "/train/connector/connect"):
        assert post(served.url + path, headers=headers, json={}).status_code in (404, 405)
    for path in (
        "/data/api/server/get_artifact//etc/hostname",
        "/data/hypermedia/retrieve_file?file_id=1",
        "/models/api/server/get_artifact/run-0",
    ):
        assert served.get(path).status_code == 404
    answer = post(
        f"{served.url}/data/api/server/upload_stream",
        headers=headers | {"X-Filename": "../../evil.txt"},
        content=b"evil",
    )
    assert answer.status_code == 404
    assert served.pipeline.nodes[-1].predecessors_events.keys() == {"train"}


def test_a_browser_logs_in_with_a_cookie(served) -> None:
    assert get(f"{served.url}/login?token=wrong").status_code == 401
    with httpx.Client(base_url=served.url, timeout=60) as browser:
        answer = browser.get(f"/login?token={SECRET}")
        assert answer.status_code == 303
        cookie = answer.headers["set-cookie"]
        assert "HttpOnly" in cookie
        assert "SameSite=Strict" in cookie
        assert browser.get("/").status_code == 200
    for then, place in [
        ("/data/hypermedia/home", "/data/hypermedia/home"),
        ("//evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\\evil.example", "/"),
        ("/a\r\nset-cookie:x", "/"),
    ]:
        query = {"token": SECRET, "next": then}
        answer = get(f"{served.url}/login", params=query)
        assert answer.headers["location"] == place
    broken = {"Cookie": "anacostia_token=x; =;;=; [;"}
    assert get(served.url + "/", headers=broken).status_code == 401


def test_other_sites_may_not_use_it(served) -> None:
    answer = served.get("/")
    assert answer.headers["x-frame-options"] == "DENY"
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "access-control-allow-origin" not in answer.headers
    assert "server" not in answer.headers


# ---------------------------------------------------------------------- what it shows


def test_pages_show_runs_and_escape_everything(served) -> None:
    run = served.get("/api/runs/0").json()
    home = served.get("/metadata_store/hypermedia/home").text
    assert f"model {run['published'][0]['model_id']} version 1" in home
    assert f"block {run['anchor']['block']} of chain" in home
    assert run["anchor"]["tx"] in home
    assert "log index 0" in home
    for page in ("tags", "artifacts", "metrics", "params", "triggers", "runs"):
        text = served.get(f"/metadata_store/hypermedia/{page}").text
        assert "<table" in text
        assert "<script>" not in text
    assert "&lt;script&gt;" in served.get("/metadata_store/hypermedia/tags").text
    for page in ("home", "files"):
        assert "&lt;script&gt;" in served.get(f"/data/hypermedia/{page}").text
    assert served.get("/train/hypermedia/home").status_code == 404
    assert served.get("/train/hypermedia/status").is_success


def test_two_browsers_see_every_node_s_status(served) -> None:
    """The framework's queue gives each message to one of them, ten a second, oldest first."""
    for _ in range(2):
        seen: dict[str, str] = {}
        headers = {"Authorization": f"Bearer {SECRET}"}
        with httpx.stream("GET", f"{served.url}/graph_sse", headers=headers, timeout=60) as stream:
            for line in stream.iter_lines():
                if line.startswith("data: "):
                    data = json.loads(line.removeprefix("data: "))
                    seen[data["id"]] = data["status"]
                if len(seen) == len(served.pipeline.nodes):
                    break
        assert set(seen) == {node.name for node in served.pipeline.nodes}


def test_statuses_do_not_pile_up() -> None:
    board = StatusBoard()
    for number in range(1000):
        board.put_nowait({"data": json.dumps({"id": "node", "status": str(number)})})
    count, fresh = board.since(0)
    assert (count, fresh) == (1000, {"node": "999"})
    assert board.since(count) == (1000, {})


def test_a_status_that_changes_as_it_is_first_noted_is_not_overwritten(uri: str) -> None:
    store = MetadataStore("m", uri)
    store.status = _upstream.Status.WAITING_METRICS
    web = Web(Pipeline([store]), Token(SECRET), port=0)
    board, changes = web.app.board, []
    note = board.note

    def change() -> None:
        store.status = _upstream.Status.TRIGGERED

    def note_late(node: str, status: str) -> None:
        if not changes:
            changes.append(threading.Thread(target=change))
            changes[0].start()
            changes[0].join(0.5)  # longer, if it waits for us
        note(node, status)

    board.note = note_late
    with web.running():
        changes[0].join()
    assert board.since(0)[1] == {"m": repr(_upstream.Status.TRIGGERED)}


# ---------------------------------------------------------------------- the API


def test_a_sealed_run_says_where_it_is_anchored(served) -> None:
    run = served.get("/api/runs/0").json()
    assert (run["status"], run["source"], run["index"]) == ("succeeded", "pipeline", 0)
    assert run["finished_at"].endswith("Z")
    assert run["metrics"] == [
        {"node": "train", "name": "accuracy", "value": 0.9375},
        {"node": "train", "name": "count", "value": 3},
    ]
    anchor = run["anchor"]
    path = [bytes.fromhex(step) for step in anchor["path"]]
    root = bytes.fromhex(anchor["root"][2:])
    leaf = leaf_hash(bytes.fromhex(run["leaf"]))
    assert verify_inclusion(leaf, run["index"], anchor["size"], root, path)
    ledger = served.hub.ledger
    assert anchor["ledger"] == ledger.address
    log = ledger.anchored(bytes.fromhex(anchor["log_id"][2:]), anchor["size"])
    assert (log.values["root"], log.tx_hash, log.block_number) == (
        root,
        anchor["tx"],
        anchor["block"],
    )


def test_a_metric_of_a_version_proves_itself(served) -> None:
    published = served.get("/api/runs/0").json()["published"][0]
    path = f"/api/models/{published['model_id']}/metrics/accuracy"
    answer = served.get(path)
    metric = answer.json()
    assert (metric["value"], metric["micros"], metric["version"]) == (0.9375, 937_500, 1)
    disclosure = Disclosure.from_json(json.dumps(metric["disclosure"]).encode())
    disclosure.verify(bytes.fromhex(metric["run"]["leaf"]))
    assert disclosure.leaf.value == metric["value"]
    assert len(answer.content) < 100_000
    assert served.get(path).content == answer.content
    assert served.get(path + "?version=1&node=train").content == answer.content


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/runs/1", 404),
        ("/api/runs/-1", 422),
        ("/api/runs/99999999999999999999", 422),
        ("/api/runs/x", 422),
        ("/api/models/77/metrics/accuracy", 404),
        ("/api/models/1/metrics/%00", 404),
        ("/api/runs?limit=0", 422),
        ("/api/runs?limit=51", 422),
        ("/api/nothing", 404),
    ],
)
def test_what_is_not_there_says_so(served, path: str, status: int) -> None:
    answer = served.get(path)
    assert answer.status_code == status
    assert answer.json()["detail"]


def test_a_run_under_way_is_not_told(uri: str, tmp_path: Path) -> None:
    with Served(uri, tmp_path) as server:
        hold = threading.Event()
        server.pipeline.nodes[-1].execute = lambda: hold.wait(600)
        server.feed("a")
        wait_for(lambda: server.store.active_run is not None)
        assert server.get("/api/runs").json() == {"runs": [], "next_before": None}
        assert server.get("/api/runs/0").status_code == 404
        hold.set()
        wait_for(lambda: server.get("/api/runs").json()["runs"])
        assert server.get("/api/outbox/open").status_code == 404
    assert server.failures == []
    assert [run.status for run in server.report.runs] == ["succeeded"]


def test_runs_come_in_pages(uri: str, tmp_path: Path) -> None:
    with Served(uri, tmp_path) as server:
        wait_for(lambda: server.store._book is not None)
        for _ in range(7):
            run_id = server.store.book.open(None, "code")
            server.store.book.close(run_id, "succeeded")
        seen, before = [], ""
        while True:
            page = server.get(f"/api/runs?limit=3{before}").json()
            seen += [run["run_id"] for run in page["runs"]]
            if page["next_before"] is None:
                break
            before = f"&before={page['next_before']}"
    assert seen == [6, 5, 4, 3, 2, 1, 0]


def test_the_api_holds_what_its_description_promises(served) -> None:
    schemathesis = pytest.importorskip("schemathesis", reason="only in the main environment")
    schema = schemathesis.openapi.from_url(f"{served.url}/api/openapi.json")
    paths: list[str] = []

    for found in schema.get_all_operations():
        operation = found.ok()
        paths.append(operation.path)

        @settings(max_examples=80, database=None)
        @given(case=operation.as_strategy())
        def fuzz(case) -> None:
            response = case.call(base_url=f"{served.url}/api", timeout=60)
            assert response.status_code < 500, response.text
            assert len(response.content) < 100_000
            case.validate_response(response)

        fuzz()
    assert paths == ["/runs", "/runs/{run_id}", "/models/{model_id}/metrics/{name}"]


# ---------------------------------------------------------------------- starting and ending


def test_a_port_in_use_is_an_error_and_not_a_wait(uri: str, tmp_path: Path) -> None:
    """The framework spins for ever."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        store = MetadataStore("m", uri)
        pipeline = Pipeline([store])
        with pytest.raises(ConfigError, match="is taken by another program"):
            pipeline.serve(Token(SECRET), port=taken.getsockname()[1])


def test_it_listens_where_it_was_told_to(served) -> None:
    listener = served.url.removeprefix("http://")
    assert listener.startswith("127.0.0.1:")


def test_a_name_that_cannot_be_served(uri: str) -> None:
    store = MetadataStore("m/../x", uri)
    with pytest.raises(ConfigError, match="cannot be served: use letters"):
        Pipeline([store]).serve(Token(SECRET), port=0)


def test_a_certificate_that_is_none(uri: str, tmp_path: Path) -> None:
    (tmp_path / "cert.pem").write_text("no certificate")
    tls = {"tls_key": tmp_path / "cert.pem", "tls_cert": tmp_path / "cert.pem"}
    with pytest.raises(ConfigError, match="the certificate or its key cannot be used"):
        Pipeline([MetadataStore("m", uri)]).serve(Token(SECRET), port=0, tls=tls)
    with pytest.raises(ConfigError, match="TLS needs both"):
        Web(Pipeline([MetadataStore("m", uri)]), Token(SECRET), port=0, tls_key=tmp_path / "x")


def test_over_tls_clients_show_a_certificate_where_they_must(uri: str, tmp_path: Path) -> None:
    """The framework never asks for one."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    issued = authority.issue_cert("127.0.0.1")
    issued.private_key_pem.write_to_path(tmp_path / "key.pem")
    issued.cert_chain_pems[0].write_to_path(tmp_path / "cert.pem")
    client = authority.issue_cert("a-client")
    client.private_key_and_cert_chain_pem.write_to_path(tmp_path / "client.pem")
    tls = {f"tls_{part}": tmp_path / f"{part}.pem" for part in ("key", "cert", "ca")}
    context = ssl.create_default_context(cafile=str(tmp_path / "ca.pem"))
    with Served(uri, tmp_path, tls=tls) as server:
        assert server.url.startswith("https://")
        with pytest.raises(httpx.HTTPError):
            server.get("/api/runs", verify=context)
        context.load_cert_chain(str(tmp_path / "client.pem"))
        assert server.get("/api/runs", verify=context).status_code == 200
        assert get(f"{server.url}/api/runs", verify=context).status_code == 401
        login = get(f"{server.url}/login?token={SECRET}", verify=context)
        assert "Secure" in login.headers["set-cookie"]


def test_the_framework_s_file_store_serves_no_files_either(uri: str, tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "f").write_text("x")
    store = MetadataStore("m", uri)
    theirs = _upstream.FilesystemStoreNode("theirs", str(tmp_path / "theirs"), store)
    web = Web(Pipeline([store, theirs, Quiet("q", [theirs], store)]), Token(SECRET), port=0)
    headers = {"Authorization": f"Bearer {SECRET}"}
    store.setup()
    store.add_node("theirs", "T", "B")
    with web.running():
        base = f"{web.url}/theirs"
        assert get(f"{base}/hypermedia/home", headers=headers).status_code == 200
        found = get(f"{base}/api/server/get_artifact//etc/hostname", headers=headers)
        assert found.status_code == 404
    store.release()
