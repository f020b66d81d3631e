"""The Chainlink workflow: its types and unit tests, the module, and the whole way of a price.

A pipeline's API on loopback, the workflow in Chainlink's own WASM runtime on four nodes, their
signatures, the real forwarder, `MetricReceiver`, `sync`, a licence. Only the network among the
nodes is simulated (`workflows/metrics/simulate/network.ts` says how).
"""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import os
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest
from eth_utils import keccak

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.licensing.terms import Right
from anacostia_blockchain.licensing.values import Price
from anacostia_blockchain.metadata import MetadataStore
from anacostia_blockchain.nodes import (
    ActionNode,
    ModelStoreNode,
    MonitoringDataStoreNode,
    PublishVersionNode,
)
from anacostia_blockchain.oracles import NATIVE, deploy_oracles
from anacostia_blockchain.pipeline import Pipeline
from anacostia_blockchain.prices.values import Point, Pricing, workflow_name
from anacostia_blockchain.testing import LocalChain
from anacostia_blockchain.web.guard import Token
from chainlink import LocalDon, Oracles, network_of
from waiting import wait_for

pytestmark = [pytest.mark.integration, pytest.mark.slow]

FOLDER = Path(__file__).resolve().parents[3] / "workflows" / "metrics"
SDK = FOLDER / "node_modules" / "@chainlink" / "cre-sdk"
BUN = next(iter(sorted(FOLDER.glob("node_modules/@oven/bun-*/bin/bun"))), None)
RELAYER = "0x2a871d0798f97d79848a013d4936a73bf4cc922c825d33c1cf7073dff6d409c6"
"""Key of a development account (number 9): public, and worth nothing."""


def bun(*arguments: object) -> subprocess.CompletedProcess[str]:
    if BUN is None:
        pytest.skip("the workflow's packages are not installed: run `scripts/setup --workflow`")
    env = os.environ | {"PATH": f"{BUN.parent}{os.pathsep}{os.environ['PATH']}"}
    command = [str(BUN), *map(str, arguments)]
    return subprocess.run(command, cwd=FOLDER, env=env, capture_output=True, text=True, check=False)


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("workflow") / "workflow.js"
    done = bun(SDK / "scripts" / "run.ts", "compile-to-js", "src/main.ts", target)
    assert target.exists(), done.stdout + done.stderr
    return target


def test_types() -> None:
    done = bun("node_modules/typescript/bin/tsc", "-p", "tsconfig.json")
    assert done.returncode == 0, done.stdout


def test_handler() -> None:
    done = bun("test", "src")
    assert done.returncode == 0, done.stderr


def test_the_module_links_and_subscribes(bundle: Path, tmp_path: Path) -> None:
    """A valid module, far below the quota, that asks for its schedule when it is started."""
    wasmtime = pytest.importorskip("wasmtime", reason="not in this environment")
    target = tmp_path / "workflow.wasm"
    subprocess.run([sys.executable, FOLDER / "link.py", bundle, target], check=True)
    assert target.stat().st_size < 5_000_000
    engine = wasmtime.Engine()
    store, linker = wasmtime.Store(engine), wasmtime.Linker(engine)
    module = wasmtime.Module.from_file(engine, str(target))
    linker.define_wasi()
    system = wasmtime.WasiConfig()
    config = json.dumps(
        configuration("0x" + "22" * 20, bytes(32), 7, ["https://a.example"])
    ).encode()
    request = b"\x0a" + _varint(len(config)) + config + b"\x12\x00\x20" + _varint(5_000_000)
    system.argv = ["workflow", base64.b64encode(request).decode()]
    store.set_wasi(system)
    answers: list[bytes] = []

    def host(name: str, results: int) -> Any:
        def function(*arguments: int) -> int | None:
            if name == "send_response":
                start, length = arguments
                answers.append(bytes(memory.read(store, start, start + length)))
            return 0 if results else None

        return function

    for wanted in module.imports:
        if wanted.module == "env":
            function = host(wanted.name, len(wanted.type.results))
            linker.define(store, "env", wanted.name, wasmtime.Func(store, wanted.type, function))
    inside = linker.instantiate(store, module).exports(store)
    memory = inside["memory"]
    try:
        inside["_start"](store)
    except wasmtime.ExitTrap as ended:
        assert ended.code == 0  # noqa: PT017 - that is how a WASI program ends
    assert b"cron-trigger" in answers[0]
    assert b"0 */10 * * * *" in answers[0]


def _varint(number: int) -> bytes:
    out = bytearray()
    while number >= 0x80:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*out, number])


def configuration(receiver: str, source: bytes, model: int, operators: list[str]) -> dict[str, Any]:
    return {
        "schedule": "0 */10 * * * *",
        "operators": operators,
        "quorum": len(operators) // 2 + 1,
        "modelId": model,
        "metric": "accuracy",
        "source": "0x" + source.hex(),
        "receiver": receiver,
        "chainSelectorName": "ethereum-testnet-sepolia-base-1",
        "chainId": 31337,
        "isTestnet": True,
        "gasLimit": "500000",
    }


class Train(ActionNode):
    """Saves a model whose accuracy is what the newest file says."""

    def __init__(self, name, predecessors, store, models) -> None:
        super().__init__(name, [*predecessors, models], store)
        self.models = models

    def execute(self) -> bool:
        (given,) = self.inputs()
        with self.open_input(given) as path:
            accuracy = float(path.read_text())
        with self.models.save_artifact(f"run-{self.metadata_store.get_run_id()}") as path:
            Path(path).write_text(f"{uuid.uuid4()}")
        self.log_metrics(accuracy=accuracy)
        return True


class Operator:
    """Another reader of the same runs, with an API of its own, who may lie or be down."""

    def __init__(self, truth: str) -> None:
        operator = self
        self.answer = lambda body: body

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                found = httpx.get(truth + self.path)
                body = operator.answer(found.content)
                self.send_response(found.status_code if body else 500)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def lie(self, **changes: object) -> None:
        self.answer = lambda body: json.dumps(json.loads(body) | changes).encode()


@dataclasses.dataclass
class World:
    """A served pipeline, three operators, a chain with prices, and a workflow that may report."""

    local: LocalChain
    hub: Anacostia
    oracles: Oracles
    source: bytes
    model: int
    truth: str
    operators: list[Operator]
    bundle: Path
    data: Path
    folder: Path

    def feed(self, accuracy: str) -> None:
        """A new version, measured."""
        count = len(httpx.get(f"{self.truth}/api/runs").json()["runs"])
        incoming = self.folder / "incoming"
        incoming.write_text(accuracy)
        incoming.replace(self.data / f"{count}.txt")
        wait_for(lambda: self._published() > count, seconds=120)

    def _published(self) -> int:
        runs = httpx.get(f"{self.truth}/api/runs").json()["runs"]
        return sum(bool(run["published"]) for run in runs)

    def run(self, views: dict[int, str] | None = None, **changes: Any) -> dict[str, Any]:
        """The workflow, once, on four nodes; `views` give a node a liar for every operator."""
        origins = [operator.url for operator in self.operators]
        receiver = self.hub.metric_receiver.address
        config = configuration(receiver, self.source, self.model, origins)
        config["chainId"] = changes.pop("chain_id", 31337)
        setting = {
            "bundle": str(self.bundle),
            "config": config,
            "keys": ["0x" + key.hex() for key in LocalDon().keys],
            "workflowId": "0x" + self.oracles.workflow_id.hex(),
            "workflowName": "0x" + workflow_name(self.oracles.workflow).hex(),
            "workflowOwner": self.oracles.owner,
            "rpc": self.local.rpc_url,
            "forwarder": self.oracles.forwarder.address,
            "relayer": RELAYER,
            "now": self.oracles.now(),
            "views": {str(n): dict.fromkeys(origins, url) for n, url in (views or {}).items()},
        } | changes
        path = self.folder / "setting.json"
        path.write_text(json.dumps(setting))
        done = bun("simulate/network.ts", path)
        assert done.returncode == 0, done.stderr
        return dict(json.loads(done.stdout))

    def wait_an_hour(self) -> None:
        self.hub.chain.rpc("evm_increaseTime", hex(3600))
        self.hub.chain.rpc("evm_mine")

    def reason(self, delivered: dict[str, Any]) -> str:
        """Why the receiver refused a report."""
        return self.oracles.refusal(delivered["hash"])


@pytest.fixture(scope="module")
def world(bundle: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    with LocalChain() as local:
        oracles = Oracles.start(local.chain())
        oracles.workflow_id = hashlib.sha256(bundle.read_bytes()).digest()
        deployment = deploy_oracles(local.chain(), local.deploy(), network_of(oracles))
        hub = Anacostia(local.chain(), deployment, home=folder / "home")
        source = hub.prices.open_source(oracles.workflow_id)
        store = MetadataStore("store", f"sqlite:///{folder}/m.db", chain=hub)
        data = MonitoringDataStoreNode("data", folder / "data", store, poll=0.05, settle=0)
        models = ModelStoreNode("models", folder / "models", store, hub.storage)
        train = Train("train", [data], store, models)
        publish = PublishVersionNode("publish", [train], store, models, "priced")
        pipeline, ready, urls = (
            Pipeline([store, data, models, train, publish]),
            threading.Event(),
            [],
        )

        def on_ready(url: str) -> None:
            urls.append(url)
            ready.set()

        options = {"port": 0, "on_ready": on_ready, "open_api": True}
        thread = threading.Thread(
            target=pipeline.serve, args=(Token("a-secret-for-the-tests-alone"),), kwargs=options
        )
        thread.start()
        assert ready.wait(60)
        operators = [Operator(urls[0]) for _ in range(3)]
        places = {"bundle": bundle, "data": folder / "data", "folder": folder}
        made = World(local, hub, oracles, source, 0, urls[0], operators, **places)
        try:
            made.feed("0.99")
            made.model = hub.models.resolve("priced")[0]
            yield made
        finally:
            pipeline._stop = "signal"
            thread.join(60)
            for operator in operators:
                operator.server.shutdown()


def test_the_whole_way_of_a_price(world: World) -> None:
    hub, model = world.hub, world.model
    points = (Point.parse("0.5:50"), Point.parse("0.9:100"), Point.parse("0.99:400"))
    bounds = {"base": Decimal(100), "minimum": Decimal(10), "maximum": Decimal(1000)}
    pricing = Pricing(points=points, metric="accuracy", source=world.source, **bounds)
    hub.prices.set(model, pricing)
    terms = hub.licenses.register("commercial-use")
    hub.prices.set_terms(model, terms, share=1)
    hub.licenses.offer(model, "commercial-use", Price.quoted(hub.prices.address))
    world.wait_an_hour()

    # One operator of three lies, and one node of four sees nothing but lies: the truth is reported.
    liar = Operator(world.truth)
    liar.lie(micros=1)
    world.operators[0].lie(micros=1)
    told = world.run(views={3: liar.url})
    assert told["schedule"] == "0 */10 * * * *"
    assert told["delivered"]["taken"], world.reason(told["delivered"])
    leaf = httpx.get(f"{world.truth}/api/runs/0").json()["leaf"]
    metric = hub.prices.get(model).metric
    assert (metric.value, metric.version, metric.evidence.hex()) == (Decimal("0.99"), 1, leaf)

    # The price follows, and a licence is sold at it.
    assert hub.prices.sync(model) == 110
    buyer = Anacostia(world.local.chain(6), hub.deployment, home=world.folder / "buyer")
    assert buyer.licenses.quote(model, asset=NATIVE) == 110 * 10**18 // 3200
    buyer.licenses.buy(model, asset=NATIVE)
    assert buyer.licenses.entitled(model, Right.USE)

    refused_on_the_way(world, liar)

    # When all is well again, the price falls.
    told = world.run()
    assert told["delivered"]["taken"], world.reason(told["delivered"])
    assert told["delivered"]["gasUsed"] < 150_000
    world.wait_an_hour()
    assert hub.prices.sync(model) == 99
    assert hub.prices.get(model).metric.version == 2


def refused_on_the_way(world: World, liar: Operator) -> None:
    """Everything that may go wrong: nothing moves, and the reason shows."""
    told = world.run()  # the same run again
    assert not told["delivered"]["taken"]
    assert world.reason(told["delivered"]).startswith("MetricReceiver_StaleMetric")
    assert {result["kind"] for result in told["results"]} == {"error"}
    assert "the receiver reverted" in told["results"][0]["text"]

    world.feed("0.5")
    told = world.run(views={2: liar.url, 3: liar.url})  # two nodes against two
    assert told["delivered"] is None
    assert "no consensus among 4 nodes" in told["results"][0]["text"]
    world.operators[1].answer = lambda _body: b""  # one operator lies, one is down
    told = world.run()
    assert told["delivered"] is None
    assert "fewer than 2 operators answer the same" in told["results"][0]["text"]
    world.operators[1].answer = lambda body: body
    told = world.run(workflowId="0x" + keccak(text="another customer's").hex())
    assert world.reason(told["delivered"]).startswith("MetricReceiver_UnknownWorkflow")
    told = world.run(chain_id=8453)
    assert world.reason(told["delivered"]) == "MetricReceiver_WrongChain(chainId=8453)"
    assert world.hub.prices.get(world.model).price == 110
    assert world.hub.prices.get(world.model).metric.value == Decimal("0.99")
