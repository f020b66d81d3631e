"""Pipelines in two processes, over TLS: nothing lost, nothing twice, and nobody waits for ever."""

from __future__ import annotations

import multiprocessing
import os
import signal
import socket
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

from anacostia_blockchain._servers import free_ports
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import (
    AccessDeniedError,
    ConfigError,
    FormatError,
    IntegrityError,
    NotFoundError,
    PipelineError,
    StoreUnavailableError,
    UntrustedServerError,
)
from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.metadata.database import open_database
from anacostia_blockchain.metadata.reader import RunReader
from anacostia_blockchain.nodes import (
    FetchOutputsNode,
    ModelStoreNode,
    MonitoringDataStoreNode,
    PublishVersionNode,
    RootPipelineNode,
    TrainingNode,
)
from anacostia_blockchain.pipeline import ExecutionReport, Pipeline
from anacostia_blockchain.remote.certificates import CertificateFiles, issue
from anacostia_blockchain.remote.following import RemoteRuns, RootRun
from anacostia_blockchain.storage import LocalStore
from anacostia_blockchain.web.guard import Token
from chains import KILLED, die_at, in_child, reconnected, start_child
from waiting import wait_for

pytestmark = pytest.mark.integration

SECRET, LEAF = "the-root-token-of-the-tests", "the-leaf-token-of-the-tests"


class Train(TrainingNode):
    """Makes a model that no other run makes; fails where the data says so."""

    def train(self, target: Path) -> dict[str, float]:
        (artifact,) = self.inputs()
        with self.open_input(artifact) as path:
            text = path.read_text()
        if text == "bad":
            raise ValueError(text)
        (target / "weights.bin").write_bytes(uuid.uuid4().bytes)
        (target / "text").write_text(text)
        return {"length": len(text)}


@dataclass
class Machine:
    """One of two machines: a folder, and how to prove who it is."""

    folder: Path
    files: CertificateFiles


class Root(Machine):
    """A pipeline that trains, served in a process of its own."""

    port: int
    process = None

    def pipeline(self) -> Pipeline:
        store = SqliteMetadataStore("metadata_store", f"sqlite:///{self.folder}/m.db")
        data = MonitoringDataStoreNode("data", self.folder / "data", store, poll=0.05, settle=0)
        models = ModelStoreNode(
            "models", self.folder / "models", store, LocalStore(self.folder / "store")
        )
        return Pipeline([store, data, models, Train("train", [data], store, models)])

    def serve(self) -> None:
        self.pipeline().serve(
            Token(SECRET),
            port=self.port,
            tls=self.files.tls,
            leaf_token=Token(LEAF),
            on_ready=lambda _url: self.ready.touch(),
        )

    def start(self) -> None:
        self.ready.unlink(missing_ok=True)
        self.process = start_child(self.serve)
        wait_for(self.ready.exists)

    def kill(self) -> None:
        self.process.kill()
        self.process.join()

    def end(self) -> None:
        os.kill(self.process.pid, signal.SIGTERM)
        self.process.join(300)
        assert self.process.exitcode == 0

    def feed(self, text: str) -> None:
        """One more file, and the run that it makes."""
        sealed = len(self.runs())
        incoming = self.folder / "incoming"
        incoming.write_text(text)
        incoming.replace(self.folder / "data" / uuid.uuid4().hex)
        wait_for(lambda: len(self.runs()) > sealed)

    def runs(self):
        return sealed_runs(self.folder)

    @property
    def ready(self) -> Path:
        return self.folder / "ready"

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"


class Leaf(Machine):
    """A pipeline that publishes what the root trained."""

    root: Root
    hub: Anacostia
    name: str

    def execute(self, on_step=None, *, patience: float = 30, **options) -> ExecutionReport:
        hub = reconnected(self.hub)
        store = SqliteMetadataStore("metadata_store", f"sqlite:///{self.folder}/m.db", chain=hub)
        client = RemoteRuns(
            self.root.url, Token(LEAF), self.files.ca, (self.files.cert, self.files.key)
        )
        root = RootPipelineNode(
            "root", self.folder / "root", store, client, poll=0.05, patience=patience
        )
        models = ModelStoreNode("models", self.folder / "models", store, hub.storage)
        fetch = FetchOutputsNode("fetch", [], store, root, models)
        publish = PublishVersionNode("publish", [fetch], store, models, self.name)
        return Pipeline([store, root, models, fetch, publish]).execute(on_step=on_step, **options)

    def runs(self):
        return sealed_runs(self.folder)

    def check(self) -> None:
        """Every run of the root that succeeded was published, once, as it was."""
        good = [run for run in self.root.runs() if run.status == "succeeded"]
        versions = self.hub.models.versions(self.name)
        assert [version.version for version in versions] == list(range(1, len(good) + 1))
        done = [run for run in self.runs() if run.status == "succeeded"]
        assert [run.published[0].version for run in done] == [v.version for v in versions]
        reader = RunReader(open_database(f"sqlite:///{self.folder}/m.db"))
        for run, theirs, version in zip(done, good, versions, strict=True):
            record = reader.record(run.run_id)
            (said,) = record.find("param", "root_run")
            assert said.value["leaf"] == theirs.leaf
            (given,) = [fact for fact in record.leaves if fact.role == "input"]
            assert given.name == f"{theirs.index:010}-{theirs.leaf}.json"
            (metric,) = record.find("metric", "length")
            target = self.folder / f"fetched-{version.version}"
            self.hub.models.fetch(f"{self.name}@{version.version}", target)
            assert len((target / "text").read_text()) == metric.value


def sealed_runs(folder: Path):
    """Runs of a machine's database, oldest first."""
    if not (folder / "m.db").exists():
        return []
    database = open_database(f"sqlite:///{folder}/m.db")
    return RunReader(database).sealed(100)[::-1] if database.has_table("ab_runs") else []


@pytest.fixture
def root(tmp_path: Path) -> Iterator[Root]:
    machine = Root(tmp_path / "root", issue(tmp_path / "certificates", ["127.0.0.1"]))
    (machine.folder / "data").mkdir(parents=True)
    (machine.port,) = free_ports(1)
    machine.start()
    yield machine
    machine.kill()


@pytest.fixture
def leaf(root: Root, hub: Anacostia, tmp_path: Path) -> Leaf:
    machine = Leaf(tmp_path / "leaf", issue(tmp_path / "certificates", ["leaf"]))
    machine.folder.mkdir()
    machine.root, machine.hub, machine.name = root, hub, f"leaf-{uuid.uuid4().hex[:12]}"
    return machine


def test_each_run_of_the_root_is_one_of_the_leaf(root: Root, leaf: Leaf) -> None:
    for text in ("a", "bb", "bad", "ccc"):
        root.feed(text)
    assert [run.status for run in root.runs()] == ["succeeded", "succeeded", "failed", "succeeded"]
    report = leaf.execute()
    assert report.ok, report
    assert (report.ended, len(report.runs)) == ("idle", 3)
    leaf.check()
    assert leaf.execute().runs == (), "there is nothing left to do"
    root.feed("dddd")
    assert len(leaf.execute().runs) == 1
    leaf.check()


@pytest.mark.parametrize(
    ("step", "kind"),
    [
        ("run_started", "1"),
        ("run_ended", "1"),
        ("signed", "publish"),
        ("broadcast", "publish"),
        ("confirmed", "publish"),
    ],
)
def test_a_leaf_that_is_killed(root: Root, leaf: Leaf, step: str, kind: str) -> None:
    for text in ("a", "bb", "ccc"):
        root.feed(text)
    assert in_child(lambda: leaf.execute(die_at(step, kind))) == KILLED
    root.feed("dddd")  # the root does not mind
    assert not leaf.execute().unsent
    leaf.check()


def test_a_root_that_is_killed_and_comes_back(root: Root, leaf: Leaf) -> None:
    root.feed("a")
    child = start_child(lambda: leaf.execute(runs=3))
    wait_for(lambda: len(leaf.runs()) == 1)
    for text in ("bb", "ccc"):
        root.kill()
        root.start()
        root.feed(text)
    child.join(600)
    assert child.exitcode == 0
    leaf.check()


def test_a_root_that_dies_while_something_is_fetched(root: Root, leaf: Leaf) -> None:
    """The leaf's run waits for it, and goes on where it broke off."""
    root.feed("a")
    root.end()
    root.start()
    gone = multiprocessing.get_context("fork").Event()
    # Begun before the leaf has threads: what they hold locked would be locked in it for ever.
    heir = start_child(lambda: gone.wait() and root.serve())

    def on_step(step: str, _subject: str) -> None:
        if step == "run_started":
            root.kill()
            gone.set()

    try:
        assert leaf.execute(on_step, patience=600).ok
    finally:
        heir.kill()
        heir.join()
    leaf.check()


def test_a_root_that_stays_away_is_an_error(root: Root, leaf: Leaf, caplog) -> None:
    root.feed("a")
    assert leaf.execute().ok
    root.end()
    with pytest.raises(PipelineError, match=f"node root died.*{root.port} does not answer"):
        leaf.execute(patience=1)
    assert 1 <= caplog.text.count("root waits for its root") <= 4, "half a second each"
    root.start()
    root.feed("bb")
    assert leaf.execute().ok
    leaf.check()


def test_a_root_with_another_database_is_refused(root: Root, leaf: Leaf) -> None:
    root.feed("a")
    assert leaf.execute().ok
    root.end()
    for file in root.folder.glob("m.db*"):
        file.unlink()
    root.start()
    wait_for(lambda: len(root.runs()) == 1)
    with pytest.raises(IntegrityError, match="it is another log"):
        leaf.execute()


# ---------------------------------------------------------------------- who may ask


def client(root: Root, **options) -> RemoteRuns:
    files = root.files
    given = {"token": Token(LEAF), "ca": files.ca, "certificate": (files.cert, files.key)}
    return RemoteRuns(options.pop("url", root.url), **(given | options))


def test_only_what_a_leaf_needs_is_open_to_it(root: Root) -> None:
    root.feed("a")
    runs = client(root)
    run = runs.next(None)
    assert isinstance(run, RootRun)
    assert (run.index, run.status, run.leaf) == (0, "succeeded", root.runs()[0].leaf)
    assert runs.next((run.index, run.leaf)) is None
    (output,) = run.outputs
    assert runs.stat(CID.parse(output.cid)).files == 2
    with pytest.raises(NotFoundError, match="no store"):
        runs.block(CID.of(b"what nobody has"))
    for path in ("/api/runs", "/api/outbox/open", "/", "/api/following/../runs"):
        with pytest.raises(AccessDeniedError):
            runs.answer("GET", path)
    with pytest.raises(AccessDeniedError):
        runs.answer("POST", "/api/following/record")
    with pytest.raises(StoreUnavailableError, match="422"):
        runs.answer("GET", "/api/following/block/nonsense")
    assert client(root, token=Token(SECRET)).next(None) == run


def test_who_cannot_prove_who_it_is(root: Root, tmp_path: Path) -> None:
    stranger = issue(tmp_path / "others", ["127.0.0.1"])
    with pytest.raises(AccessDeniedError, match="refuses the token"):
        client(root, token=Token("a-token-of-somebody-else")).next(None)
    with pytest.raises(UntrustedServerError, match="not to be trusted"):
        client(root, ca=stranger.ca).next(None)
    with pytest.raises(UntrustedServerError, match="not to be trusted"):
        client(root, ca=None).next(None)
    with pytest.raises(UntrustedServerError, match="not valid for 'localhost'"):
        client(root, url=f"https://localhost:{root.port}").next(None)
    for certificate in (None, (stranger.cert, stranger.key)):
        refused = (AccessDeniedError, StoreUnavailableError)  # as soon as the server is heard of it
        with pytest.raises(refused, match="asks for a certificate of its"):
            client(root, certificate=certificate).next(None)
    with pytest.raises(StoreUnavailableError, match="begins with https"):
        client(root, url=f"http://127.0.0.1:{root.port}").next(None)


def test_an_expired_certificate(root: Root, leaf: Leaf, tmp_path: Path) -> None:
    """The leaf does not wait for what does not pass by itself."""
    root.end()
    root.files = issue(tmp_path / "certificates", ["127.0.0.1"], days=-1e-3)
    root.start()
    with pytest.raises(UntrustedServerError, match="certificate has expired"):
        leaf.execute()


def test_a_server_that_is_no_root(tmp_path: Path) -> None:
    pipeline = Root(tmp_path, None).pipeline()
    answers_from: list[Exception] = []

    def ask(url: str) -> None:
        plain = RemoteRuns(url, Token(SECRET))
        for path in ("/api/runs", "/"):
            plain.ask = lambda *_a, path=path, **_o: RemoteRuns.ask(plain, "GET", path)
            with pytest.raises((FormatError, StoreUnavailableError)) as caught:
                plain.next(None)
            answers_from.append(caught.value)
        over_tls = RemoteRuns(url.replace("http:", "https:"), Token(SECRET))
        with pytest.raises(UntrustedServerError, match="does not speak TLS") as untrusted:
            over_tls.next(None)
        answers_from.append(untrusted.value)

    pipeline.serve(Token(SECRET), port=0, on_ready=ask, timeout=0.1)
    assert len(answers_from) == 3
    with pytest.raises(ConfigError, match="use https"):
        RemoteRuns("http://example.org", Token(SECRET))
    with pytest.raises(ConfigError, match="cannot be read"):
        RemoteRuns("https://example.org", Token(SECRET), tmp_path / "nothing.pem")


def test_a_root_that_does_not_answer_in_time(
    monkeypatch: pytest.MonkeyPatch, leaf: Leaf, tmp_path: Path
) -> None:
    """It takes the connection, and says nothing."""
    monkeypatch.setattr("anacostia_blockchain.remote.server._TIMEOUT", 0.5)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        leaf.root.kill()
        leaf.root.port = silent.getsockname()[1]
        with pytest.raises(PipelineError, match="does not answer"):
            leaf.execute(patience=1)


def test_an_open_api_shows_no_record(root: Root) -> None:
    context = client(root)._client
    assert isinstance(context, httpx.Client)
    context.headers.pop("Authorization")
    assert context.get("/api/following/record").status_code == 401
