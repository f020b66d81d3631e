"""The anchor worker: the key is with it alone, and it sends nothing twice."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import BytesIO
from pathlib import Path

import pytest
import trustme
from sqlalchemy import func, select

from anacostia_blockchain._servers import free_ports
from anacostia_blockchain.chain import Chain, KeylessSigner
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.errors import (
    AccessDeniedError,
    ConfigError,
    ContractRevertedError,
    IntegrityError,
    NotFoundError,
    StoreUnavailableError,
    UntrustedServerError,
)
from anacostia_blockchain.metadata import MetadataStore, schema
from anacostia_blockchain.metadata.database import open_database
from anacostia_blockchain.nodes import ActionNode, MonitoringDataStoreNode
from anacostia_blockchain.outbox.anchoring import AnchorHandler
from anacostia_blockchain.outbox.worker import Worker, local_source, open_existing
from anacostia_blockchain.pipeline import Pipeline
from anacostia_blockchain.remote import server
from anacostia_blockchain.remote.server import RemoteOutbox
from anacostia_blockchain.testing import dev_key, dev_signer
from anacostia_blockchain.web.guard import Token
from anacostia_blockchain.web.serving import listen, make_server, outbox_app
from asking import get, post
from chains import KILLED, anchored_sizes, die_at, in_child, reconnected, start_child
from faults import FaultyEndpoint, on
from waiting import wait_for

pytestmark = pytest.mark.integration

TOKEN = "a-token-for-the-tests-alone"  # noqa: S105


@pytest.fixture
def trainer(hub: Anacostia, local_chain, tmp_path: Path) -> Anacostia:
    """The connection of a machine that trains: it knows the account, and not its key."""
    chain = Chain.connect(
        local_chain.rpc_url, signer=KeylessSigner(hub.address.lower()), state_dir=tmp_path
    )
    return Anacostia(chain, hub.deployment, home=hub.home)


def record(trainer: Anacostia, uri: str, runs: int = 1) -> None:
    for _ in range(runs):
        with trainer.runs.start("train", database=uri) as run:
            run.log_metrics(loss=1)


def log_id(hub: Anacostia, uri: str) -> bytes:
    _, log = local_source(open_database(uri), hub)
    return hub.ledger.log_id_of(hub.address, log.salt)


def anchored_runs(uri: str) -> int:
    with open_database(uri).read() as connection:
        return connection.execute(select(func.count(schema.anchors.c.run_id))).scalar_one()


def worker(hub: Anacostia, uri: str, **options) -> Worker:
    return Worker(local_source(open_database(uri), hub), hub, **options)


@pytest.mark.parametrize("place", ["absolute", "../climbs", "a/b", ""])
def test_no_outbox_names_a_place_on_the_workers_machine(
    hub, uri: str, tmp_path: Path, place: str
) -> None:
    """What is to be published is fetched to a folder of the worker's own, under a name."""
    with hub.runs.start("train", database=uri):
        pass
    named = str(tmp_path / "written.py") if place == "absolute" else place
    payload = {
        "name": "placed",
        "kind": 0,
        "artifact": str(hub.storage.put(BytesIO(b"import os"))),
        "filename": named,
        "parents": [],
        "aliases": [],
        "description": {},
    }
    key = f"publish:{hub.chain.chain_id}:{hub.registry.address}:{hub.address}:{place}"
    outbox, log = local_source(open_database(uri), hub)
    with outbox.engine.begin() as connection:
        outbox.enqueue(connection, key=key, kind="publish", payload=payload)
    Worker((outbox, log), hub).once(300)
    intent = outbox.get(key)
    assert intent is not None
    assert intent.state == "failed"
    assert "cannot be a file's name" in (intent.error or "")
    assert not (tmp_path / "written.py").exists()


def test_the_training_machine_needs_no_key(hub, trainer, uri: str) -> None:
    record(trainer, uri, runs=3)
    assert anchored_runs(uri) == 0
    assert worker(hub, uri).once(300) == 0
    assert anchored_runs(uri) == 3
    assert anchored_sizes(hub, log_id(hub, uri)) == [3]
    with open_database(uri).read() as connection:
        leaf = connection.execute(select(schema.runs.c.leaf)).scalars().first()
    hub.runs.check_proof(trainer.runs.find_proof(bytes.fromhex(leaf)))


def test_many_runs_cost_one_transaction_and_few_requests(
    hub, trainer, uri: str, local_chain, tmp_path: Path
) -> None:
    """What one head covers costs few requests for each run, and no transaction."""
    record(trainer, uri, runs=20)
    with FaultyEndpoint(local_chain.rpc_url) as endpoint:
        chain = Chain.connect(endpoint.url, signer=dev_signer(), state_dir=tmp_path)
        here = Anacostia(chain, hub.deployment, home=hub.home)
        assert here.address == hub.address
        assert worker(here, uri).once(300) == 0
        asked = Counter(endpoint.methods)
    assert asked["eth_sendRawTransaction"] == 2  # the log is opened, and a head anchored
    looks = asked["eth_getTransactionReceipt"] + asked["eth_getTransactionByHash"]
    assert asked.total() - looks < 6 * 20  # how often it looks depends on how soon it is mined
    assert anchored_sizes(hub, log_id(hub, uri)) == [20]
    assert anchored_runs(uri) == 20


def test_an_endpoint_that_contradicts_itself_is_asked_again(
    hub, trainer, uri: str, local_chain, tmp_path: Path
) -> None:
    """A head without its event, as from two nodes of which one lags, is no refusal."""
    record(trainer, uri)
    intents, log = local_source(open_database(uri), hub)
    (waiting,) = intents.open()
    hub.ledger.open_log(log.salt, hub.address)
    hub.ledger.anchor(log_id(hub, uri), 1, log.root(1), [])  # as another worker has, just now
    with FaultyEndpoint(local_chain.rpc_url) as endpoint:
        chain = Chain.connect(endpoint.url, signer=dev_signer(), state_dir=tmp_path)
        here = worker(Anacostia(chain, hub.deployment, home=hub.home), uri)
        endpoint.fault = on("eth_getLogs", (200, b'{"jsonrpc": "2.0", "id": 0, "result": []}'))
        assert not here.sender.step()
        assert here.refused() == []
        assert "knows a head of 1 records" in (intents.get(waiting.key).error or "")
        endpoint.fault = lambda _body: None
        assert here.once(300) == 0
    assert anchored_sizes(hub, log_id(hub, uri)) == [1]
    assert anchored_runs(uri) == 1


def test_what_is_on_its_way_refuses_nothing(hub, trainer, uri: str) -> None:
    """A node may judge by transactions of which no block, and no other answer, knows yet."""
    record(trainer, uri, runs=2)
    intents, log = local_source(open_database(uri), hub)
    hub.ledger.open_log(log.salt, hub.address)
    _first, second = intents.open()
    other = worker(hub, uri)

    def meanwhile(step: str, _intent: object) -> None:
        if step == "broadcast":
            # The head that waits for a block covers both runs.
            assert other.sender.carry_out(second).state == "pending"
            hub.chain.rpc("evm_setAutomine", True)
            hub.chain.rpc("evm_mine")

    hub.chain.rpc("evm_setAutomine", False)
    try:
        here = worker(hub, uri, on_step=meanwhile)
        assert here.once(300) == 0
    finally:
        hub.chain.rpc("evm_setAutomine", True)
    assert here.refused() == []
    assert anchored_sizes(hub, log_id(hub, uri)) == [2]
    assert anchored_runs(uri) == 2


def test_a_refusal_tells_of_a_head_that_another_node_does_not_know_yet(hub, trainer, uri) -> None:
    record(trainer, uri)
    intents, log = local_source(open_database(uri), hub)
    hub.ledger.open_log(log.salt, hub.address)
    (intent,) = intents.open()
    handler = AnchorHandler(hub, log)
    handler.prepare(intent)
    refused = {"logId": handler.log_id, "newSize": 1}
    for name in ("RunLedger_NotGrowing", "RunLedger_NotAnExtension"):
        assert handler.is_stale(intent, ContractRevertedError(name, refused | {"size": 1}))
        assert not handler.is_stale(intent, ContractRevertedError(name, refused | {"size": 0}))
    assert not handler.is_stale(intent, ContractRevertedError("RunLedger_NotWriter", refused))
    hub.ledger.anchor(handler.log_id, 1, log.root(1), [])
    assert handler.is_stale(intent, ContractRevertedError("RunLedger_NotWriter", refused))


@pytest.mark.parametrize("size", [1, 2, 3])
@pytest.mark.parametrize("away", [False, True])
def test_a_head_that_is_anothers_anchors_nothing(
    hub, trainer, uri: str, size: int, *, away: bool
) -> None:
    """Whoever has the worker's key can write to its log, and not make runs look anchored."""
    record(trainer, uri, runs=2)
    _, log = local_source(open_database(uri), hub)
    hub.ledger.open_log(log.salt, hub.address)
    hub.ledger.anchor(log_id(hub, uri), size, os.urandom(32), [])
    with Served(trainer, uri) as served:
        remote = RemoteOutbox(served.url, Token(TOKEN))
        here = Worker(remote, hub) if away else worker(hub, uri)
        assert here.once(300) == 0
    here = worker(hub, uri)
    assert len(here.refused()) == 2
    for refused in here.refused():
        assert f"IntegrityError: the head of {size} records in log" in (refused.error or "")
    assert anchored_runs(uri) == 0
    assert anchored_sizes(hub, log_id(hub, uri)) == [size]


def test_a_pipeline_without_a_key_hands_over(hub, trainer, uri: str, tmp_path: Path) -> None:
    class Step(ActionNode):
        def execute(self) -> bool:
            return True

    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "a").write_text("x")
    store = MetadataStore("m", uri, chain=trainer, anchor_every=10)
    data = MonitoringDataStoreNode("data", tmp_path / "data", store, settle=0)
    report = Pipeline([store, data, Step("step", [data], store)]).execute()
    assert report.ok
    assert (report.unsent, report.handed_over) == (0, 1)
    assert worker(hub, uri).once(300) == 0
    assert anchored_runs(uri) == 1


def test_a_keyless_account_signs_nothing(hub, trainer) -> None:
    assert trainer.address == hub.address
    assert not trainer.chain.can_sign
    with pytest.raises(ConfigError, match="this machine holds no key of 0x"):
        trainer.ledger.open_log(b"\1" * 32, trainer.address)
    with pytest.raises(ConfigError, match="this machine holds no key"):
        trainer.chain.signer.sign_typed_data({}, {}, {})
    with pytest.raises(ConfigError, match="is no address"):
        KeylessSigner("0x12")


@pytest.mark.parametrize("step", ["prepared", "signed", "broadcast", "confirmed"])
def test_killed_at_any_step_it_sends_once(hub, trainer, uri: str, step: str) -> None:
    record(trainer, uri, runs=2)

    def work() -> None:
        worker(reconnected(hub), uri, on_step=die_at(step, "anchor")).once(300)

    assert in_child(work) == KILLED
    assert worker(hub, uri).once(300) == 0
    assert anchored_sizes(hub, log_id(hub, uri)) == [2]
    assert anchored_runs(uri) == 2


def test_two_started_by_mistake_do_no_harm(hub, trainer, uri: str) -> None:
    record(trainer, uri, runs=1)
    outbox, _ = local_source(open_database(uri), hub)
    children = [start_child(lambda: worker(reconnected(hub), uri).once(300)) for _ in range(2)]
    for _ in range(5):
        record(trainer, uri, runs=2)
    for child in children:
        child.join(600)
    assert worker(hub, uri).once(300) == 0
    sizes = anchored_sizes(hub, log_id(hub, uri))
    assert sizes == sorted(set(sizes))
    assert sizes[-1] == anchored_runs(uri) == 11
    assert outbox.failed() == []


def test_it_refuses_another_account_and_a_connection_without_a_key(
    hub, trainer, uri: str, local_chain
) -> None:
    record(trainer, uri)
    with pytest.raises(ConfigError, match="a worker signs"):
        worker(trainer, uri)
    other = Anacostia(local_chain.chain(3), hub.deployment, home=hub.home)
    with pytest.raises(ConfigError, match="for another chain or account than 0x"):
        worker(other, uri)
    assert anchored_runs(uri) == 0


def test_it_does_only_what_it_was_told_to(hub, trainer, uri: str, tmp_path: Path) -> None:
    (tmp_path / "w.bin").write_bytes(os.urandom(10))
    with trainer.runs.start("train", database=uri) as run:
        run.publish(tmp_path / "w.bin", f"only-{tmp_path.name}")
    assert worker(hub, uri, only=frozenset({"anchor"})).once(300) == 0
    assert anchored_runs(uri) == 1
    outbox, _ = local_source(open_database(uri), hub)
    assert [intent.kind for intent in outbox.open()] == ["publish"]
    assert worker(hub, uri).once(300) == 0
    assert hub.models.get(f"only-{tmp_path.name}").latest_version == 1


@pytest.mark.parametrize("away", [False, True])
def test_what_was_refused_is_done_once_its_reason_is_mended(
    hub, trainer, uri: str, local_chain, tmp_path: Path, *, away: bool
) -> None:
    (tmp_path / "w.bin").write_bytes(os.urandom(10))
    name = f"theirs-{tmp_path.name}"
    owner = Anacostia(local_chain.chain(3), hub.deployment, home=tmp_path / "owner")
    model = owner.models.publish(tmp_path / "w.bin", name).model_id
    (tmp_path / "w.bin").write_bytes(os.urandom(10))
    with trainer.runs.start("train", database=uri) as run:
        run.publish(tmp_path / "w.bin", f"{owner.address}/{name}")
    with Served(trainer, uri) as served:
        here = Worker(RemoteOutbox(served.url, Token(TOKEN)), hub) if away else worker(hub, uri)
        assert here.once(300) == 0
        (refused,) = here.refused()
        assert "ModelRegistry_NotPublisher" in (refused.error or "")
        owner.registry.set_publisher(model, hub.address, 2**40)
        again = Worker(RemoteOutbox(served.url, Token(TOKEN)), hub) if away else worker(hub, uri)
        assert again.once(300) == 0
        assert hub.models.get(model).latest_version == 1  # nothing is tried again by itself
        assert again.retry() == 1
        assert again.retry() == 0
        last = Worker(RemoteOutbox(served.url, Token(TOKEN)), hub) if away else worker(hub, uri)
        assert last.once(300) == 0
        assert last.refused() == []
    assert hub.models.get(model).latest_version == 2


def test_a_database_that_is_none_says_so(tmp_path: Path, hub) -> None:
    with pytest.raises(NotFoundError, match="there is no database"):
        open_existing(str(tmp_path / "none.db"))
    empty = tmp_path / "empty.db"
    empty.touch()
    with pytest.raises(NotFoundError, match="it is not a metadata store"):
        local_source(open_existing(str(empty)), hub)


# ---------------------------------------------------------------------- across machines


class Served:
    """An outbox, served in a thread."""

    def __init__(self, trainer: Anacostia, uri: str, certificate=None, folder=None) -> None:
        key = cert = None
        if certificate is not None:
            key, cert = folder / "key.pem", folder / "cert.pem"
            certificate.private_key_pem.write_to_path(key)
            certificate.cert_chain_pems[0].write_to_path(cert)
        app = outbox_app(
            local_source(open_database(uri), trainer), Token(TOKEN), secure=cert is not None
        )
        self._listener = listen("127.0.0.1", 0, secure=cert is not None)
        port = self._listener.getsockname()[1]
        self.url = f"http{'s' if cert else ''}://127.0.0.1:{port}"
        self._server = make_server(app, key, cert, handle_signals=False)
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, daemon=True
        )

    def __enter__(self) -> Served:
        self._thread.start()
        wait_for(lambda: self._server.started)
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join(300)
        self._listener.close()


def test_a_worker_on_another_machine_over_tls(hub, trainer, uri: str, tmp_path: Path) -> None:
    record(trainer, uri, runs=2)
    authority = trustme.CA()
    ca = tmp_path / "ca.pem"
    authority.cert_pem.write_to_path(ca)
    with Served(trainer, uri, authority.issue_cert("127.0.0.1"), tmp_path) as served:
        with pytest.raises(UntrustedServerError, match="not to be trusted"):
            RemoteOutbox(served.url, Token(TOKEN)).open()  # whose certificate nobody vouches for
        remote = RemoteOutbox(served.url, Token(TOKEN), ca)
        away = Worker(remote, hub)
        assert away.once(300) == 0
        assert away.refused() == []
        assert anchored_runs(uri) == 2
        record(trainer, uri)
        assert away._log.consistency_proof(2, 3)
        assert Worker(remote, hub).once(300) == 0
    assert anchored_sizes(hub, log_id(hub, uri)) == [2, 3]
    with pytest.raises(StoreUnavailableError, match="does not answer"):
        remote.open()


def test_a_wrong_token_reads_and_writes_nothing(hub, trainer, uri: str) -> None:
    record(trainer, uri)
    with Served(trainer, uri) as served:
        for token in ("another-token-for-the-tests", TOKEN[:-1], TOKEN + "x"):
            remote = RemoteOutbox(served.url, Token(token.ljust(16, "-")))
            for ask in (remote.open, remote.failed, remote.flush, remote.size):
                with pytest.raises(AccessDeniedError, match="refuses the token"):
                    ask()
        for headers in ({}, {"Authorization": TOKEN}, {"Authorization": f"Basic {TOKEN}"}):
            answer = post(f"{served.url}/api/outbox/flush", headers=headers)
            assert answer.status_code == 401
        # A cookie, which a browser would send for any page, writes nothing.
        cookie = {"Cookie": f"anacostia_token={TOKEN}"}
        assert get(f"{served.url}/api/outbox/open", headers=cookie).status_code == 200
        assert post(f"{served.url}/api/outbox/flush", headers=cookie).status_code == 401


def test_nonsense_is_refused_and_changes_nothing(hub, trainer, uri: str) -> None:
    record(trainer, uri)
    outbox, _ = local_source(open_database(uri), trainer)
    (before,) = outbox.open()
    good = {"intent": json.loads("{}"), "state": "signed", "then": [], "columns": {}}
    with Served(trainer, uri) as served:
        remote = RemoteOutbox(served.url, Token(TOKEN))
        from_here = remote._ask("GET", "/open")["open"][0]
        for body in (
            good,
            good | {"intent": from_here, "state": "deleted"},
            good | {"intent": from_here, "columns": {"key": "x"}},
            good | {"intent": from_here, "columns": {"raw": "zz"}},
            good | {"intent": from_here, "columns": {"note": "{"}},
            good | {"intent": from_here, "columns": {"tx_hash": 5}},
            good | {"intent": from_here, "then": [{"a": 1}]},
            good | {"intent": from_here | {"key": "\x1b[2J"}},
        ):
            with pytest.raises(StoreUnavailableError, match="answers 422"):
                remote._ask("POST", "/move", json=body)
        for path in ("/root?size=99", "/consistency?old=3&new=1"):
            with pytest.raises(IntegrityError, match="answers: "):
                remote._ask("GET", path)
        with pytest.raises(StoreUnavailableError, match="answers 422"):
            remote._ask("GET", "/root?size=-1")
        assert remote.get("no such key") is None
        assert not remote.move(before.__class__("no such key", "k", {}), "signed")
    assert outbox.open() == [before]


@pytest.mark.parametrize(
    ("body", "encoding", "error"),
    [
        (gzip.compress(bytes(2**20)), "gzip", "answers with 'gzip', not as it was asked to"),
        (b"[" * 2000, "identity", "answers with more than 1000 bytes"),
        (b"[" * 900 + b"]" * 99, "identity", "is no outbox"),
        (b"[" * 100_000, "identity", "is no outbox"),
    ],
)
def test_an_answer_is_read_as_it_comes_and_no_further(
    body: bytes, encoding: str, error: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What stands at an outbox's URL may be anything."""
    if len(body) < 10_000:
        monkeypatch.setattr(server, "_LARGEST", 1000)

    class Anything(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Encoding", encoding)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            with suppress(OSError):  # it may have heard enough
                self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Anything) as stranger:
        threading.Thread(target=stranger.serve_forever, daemon=True).start()
        remote = RemoteOutbox(f"http://127.0.0.1:{stranger.server_port}", Token(TOKEN))
        with pytest.raises(StoreUnavailableError, match=error):
            remote.open()
        stranger.shutdown()


def test_a_thief_of_the_token_makes_no_run_look_anchored(hub, trainer, uri: str) -> None:
    """Who only says that a head is on chain is not believed: it has to be there, and be ours."""
    record(trainer, uri, runs=2)
    _, log = local_source(open_database(uri), trainer)
    said = {"log_id": "0x" + log_id(hub, uri).hex(), "root": "0x" + log.root(2).hex()}
    said |= {"size": 2, "tx": "0x" + "ab" * 32, "block": 7}
    with Served(trainer, uri) as served:
        remote = RemoteOutbox(served.url, Token(TOKEN))
        with pytest.raises(StoreUnavailableError, match="503: this machine's endpoint says: no he"):
            remote.anchored(2, said)
        strange = os.urandom(32)
        hub.ledger.open_log(strange, hub.address)
        other = hub.ledger.log_id_of(hub.address, strange)
        hub.ledger.anchor(other, 2, log.root(2), [])
        for wrong in ("0x" + other.hex(), None, 5):
            with pytest.raises(IntegrityError, match="is no log of this database"):
                remote.anchored(2, said | {"log_id": wrong})
        hub.ledger.open_log(log.salt, hub.address)
        hub.ledger.anchor(log_id(hub, uri), 2, os.urandom(32), [])
        with pytest.raises(IntegrityError, match="is not of these records"):
            remote.anchored(2, said)
    assert anchored_runs(uri) == 0


def test_addresses_and_tokens_that_cannot_be_used() -> None:
    with pytest.raises(ConfigError, match="would show the token"):
        RemoteOutbox("http://example.com:8787", Token(TOKEN))
    with pytest.raises(ConfigError, match="is not the URL of a server"):
        RemoteOutbox("example.com", Token(TOKEN))
    with pytest.raises(ConfigError, match="cannot be read"):
        RemoteOutbox("https://example.com", Token(TOKEN), Path("/not/there.pem"))
    with pytest.raises(ConfigError, match="at least 16"):
        Token("short")
    assert TOKEN not in repr(Token(TOKEN))
    with pytest.raises(ConfigError, match=r"0\.0\.0\.0 is not loopback"):
        listen("0.0.0.0", 0, secure=False)  # noqa: S104 - that it is refused is the point
    with pytest.raises(ConfigError, match="cannot listen on 192"):
        listen("192.0.2.1", 1, secure=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(ConfigError, match="is taken by another program"):
            listen("127.0.0.1", taken.getsockname()[1], secure=False)


# ---------------------------------------------------------------------- the command line


def command(hub: Anacostia, local_chain, *arguments: str, **env: str) -> subprocess.Popen[str]:
    hub.deployment.save(hub.home / "deployments")
    return subprocess.Popen(
        [sys.executable, "-m", "anacostia_blockchain.cli", "--home", str(hub.home), *arguments],
        env=os.environ | env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_the_command_line(hub, trainer, local_chain, tmp_path: Path) -> None:
    uri = f"sqlite:///{tmp_path}/metadata.db"
    record(trainer, uri)
    key = {"ANACOSTIA_PRIVATE_KEY": dev_key()}
    chain = ("--chain", local_chain.rpc_url)
    db = ("--db", str(tmp_path / "metadata.db"))
    done = command(hub, local_chain, "--json", "anchor", *db, *chain, "--once", **key)
    out, err = done.communicate(timeout=300)
    assert (done.returncode, json.loads(out)) == (0, {"left": 0, "refused": {}}), err
    assert anchored_runs(uri) == 1
    assert dev_key().removeprefix("0x") not in out + err
    done = command(hub, local_chain, "anchor", *db, *chain, "--once", "--retry", **key)
    out, err = done.communicate(timeout=300)
    assert (done.returncode, out.strip()) == (0, "0 left, 0 refused"), err
    assert "0 refused intents are tried again" in err

    record(trainer, uri)
    port = str(free_ports(1)[0])
    token = tmp_path / "token"
    token.write_text(TOKEN + "\n")
    files = ("--token-file", str(token))
    server = command(hub, local_chain, "outbox", *db, *chain, "--port", port, *files)
    api = ("anchor", "--api", f"http://127.0.0.1:{port}", *chain, *files)
    try:
        deadline = time.monotonic() + 300
        while anchored_runs(uri) < 2 and time.monotonic() < deadline:
            done = command(hub, local_chain, *api, "--once", **key)
            _, err = done.communicate(timeout=300)
        assert done.returncode == 0, err
        assert anchored_runs(uri) == 2
        going = command(hub, local_chain, *api, **key)
        try:
            record(trainer, uri)
            wait_for(lambda: anchored_runs(uri) == 3, 300)  # so it listens to signals too
        finally:
            going.send_signal(signal.SIGTERM)
        assert going.wait(300) == 0
    finally:
        server.send_signal(signal.SIGTERM)
        _, err = server.communicate(timeout=300)
    assert TOKEN not in err


def test_the_command_line_asks_for_one_source(hub, local_chain) -> None:
    done = command(hub, local_chain, "anchor")
    _, err = done.communicate(timeout=300)
    assert done.returncode == 2
    assert "give either --db or --api" in err
