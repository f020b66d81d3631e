"""Licensing by pipeline, on a real chain: everything once, however often it runs."""

from __future__ import annotations

import multiprocessing
import os
import signal
import uuid
from pathlib import Path

import pytest
from sqlalchemy import create_engine, select

from anacostia_blockchain.audit import RunDatabase
from anacostia_blockchain.chain import Chain, KeylessSigner
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.errors import AnacostiaError
from anacostia_blockchain.licensing.terms import Right, preset
from anacostia_blockchain.licensing.values import Price
from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import (
    ActionNode,
    BuyLicenseNode,
    DeriveNode,
    LicenseNode,
    ModelStoreNode,
    MonitoringDataStoreNode,
    PublishVersionNode,
    SettleNode,
    TrainingNode,
)
from anacostia_blockchain.outbox.outbox import Intent, Outbox, intents
from anacostia_blockchain.outbox.sender import Sender
from anacostia_blockchain.pipeline import ExecutionReport, Pipeline
from anacostia_blockchain.testing import LocalChain, dev_signer

pytestmark = pytest.mark.integration

PRICE = 10**15
ONLY = frozenset({"licence", "offer", "derive", "collect", "call"})


@pytest.fixture
def seller(local_chain: LocalChain, deployment: Deployment, tmp_path: Path) -> Anacostia:
    return Anacostia(local_chain.chain(4), deployment, home=tmp_path / "seller")


@pytest.fixture
def buyer(local_chain: LocalChain, deployment: Deployment, tmp_path: Path) -> Anacostia:
    return Anacostia(local_chain.chain(5), deployment, home=tmp_path / "buyer")


def publish(hub: Anacostia, folder: Path) -> int:
    """A model of a name of its own; returns its number."""
    (folder / "weights.bin").parent.mkdir(parents=True, exist_ok=True)
    (folder / "weights.bin").write_bytes(uuid.uuid4().bytes)
    return hub.models.publish(folder, f"nodes-{uuid.uuid4().hex[:12]}").model_id


class Bench:
    """A pipeline over one monitored folder, made anew for each run."""

    def __init__(self, folder: Path, hub: Anacostia | None) -> None:
        self.folder, self.hub = folder, hub
        self.runs = 0
        self.url = f"sqlite:///{folder}/metadata.db"

    def run(self, make) -> ExecutionReport:
        """One run of the nodes that `make(data, store)` gives."""
        self.runs += 1
        data_folder = self.folder / "data"
        data_folder.mkdir(parents=True, exist_ok=True)
        (data_folder / f"{self.runs}.txt").write_text(str(self.runs))
        store = SqliteMetadataStore("metadata_store", self.url, chain=self.hub)
        data = MonitoringDataStoreNode("data", data_folder, store, poll=0.02, settle=0.05)
        report = Pipeline([store, data, *make(data, store)]).execute(runs=1)
        record = RunDatabase(self.folder / "metadata.db").record(report.runs[-1].run_id)
        self.facts = {name: value for _role, _node, name, value in record.facts}
        return report

    def intents(self, kind: str) -> list[Intent]:
        """Those of a kind, oldest first."""
        engine = create_engine(self.url)
        with engine.connect() as connection:
            query = select(intents.c.key).where(intents.c.kind == kind).order_by(intents.c.id)
            keys = connection.execute(query).scalars().all()
        outbox = Outbox(engine)
        return [found for key in keys if (found := outbox.get(key)) is not None]


class ModelFolder:
    """A model store in a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def node(self, store: SqliteMetadataStore) -> ModelStoreNode:
        return ModelStoreNode("models", self.folder, store)


class Save(TrainingNode):
    """A model of random bytes."""

    def train(self, target: Path) -> None:
        (target / "weights.bin").write_bytes(uuid.uuid4().bytes)


class Fail(ActionNode):
    """Fails the run."""

    def execute(self) -> bool:
        return False


def statuses(report: ExecutionReport) -> list[str]:
    return [run.status for run in report.runs]


def test_an_offer_is_made_once_and_priced_anew(seller: Anacostia, tmp_path: Path) -> None:
    model = publish(seller, tmp_path / "model")
    bench = Bench(tmp_path / "bench", seller)

    def offer(price: int):
        def make(data, store):
            return [LicenseNode("offer", [data], store, model, "open", Price.native(price))]

        return make

    for price in (PRICE, PRICE, 2 * PRICE):
        assert statuses(bench.run(offer(price))) == ["succeeded"]
    (made,) = seller.licenses.offers(model)
    assert (made.terms_id, made.price) == (preset("open").id, Price.native(2 * PRICE))
    assert bench.facts["terms"] == "0x" + preset("open").id.hex()
    assert statuses(bench.run(offer(2 * PRICE))) == ["succeeded"]
    assert bench.facts["offer"] == f"{model}/1"
    seller.licenses.withdraw(model, 1)
    bench.run(offer(2 * PRICE))
    assert seller.licenses.offers(model)[0].is_open


def test_what_the_same_run_publishes_is_offered_and_derived(
    seller: Anacostia, buyer: Anacostia, tmp_path: Path
) -> None:
    base = publish(seller, tmp_path / "base")
    seller.licenses.offer(base, "commercial-remix", Price.native(PRICE))
    bench = Bench(tmp_path / "bench", buyer)
    name = f"later-{uuid.uuid4().hex[:8]}"
    models = ModelFolder(tmp_path / "models")

    def make(data, store):
        saved = models.node(store)
        train = Save("train", [data], store, saved)
        out = PublishVersionNode("publish", [train], store, saved, name, parents=())
        derive = DeriveNode("derive", [out], store, name, [base], max_pay=PRICE)
        terms = "commercial-remix"
        offer = LicenseNode("offer", [derive], store, name, terms, Price.native(PRICE))
        return [saved, train, out, derive, offer, SettleNode("settle", [offer], store, name)]

    assert statuses(bench.run(make)) == ["succeeded"]
    assert bench.facts["derive"] == bench.facts["offer"] == "intended"
    assert bench.facts["settle"] == f"{name} is not published yet"
    assert [p.model_id for p in buyer.licenses.parents(name)] == [base]
    assert buyer.licenses.offers(name)[0].is_open


def test_a_run_that_fails_buys_nothing(seller: Anacostia, buyer: Anacostia, tmp_path: Path) -> None:
    model = publish(seller, tmp_path / "model")
    seller.licenses.offer(model, "commercial-use", Price.native(PRICE))
    bench = Bench(tmp_path / "bench", buyer)

    def make(data, store):
        buy = BuyLicenseNode("buy", [data], store, model, Right.SERVE, PRICE)
        return [buy, Fail("fail", [buy], store)]

    assert statuses(bench.run(make)) == ["failed"]
    assert bench.facts["buy"] == "intended"
    assert buyer.licenses.held(model=model) == []
    assert [i.state for i in bench.intents("licence")] == ["discarded"]


def test_a_licence_is_bought_once(seller: Anacostia, buyer: Anacostia, tmp_path: Path) -> None:
    model = publish(seller, tmp_path / "model")
    seller.licenses.offer(model, "commercial-use", Price.native(PRICE))
    bench = Bench(tmp_path / "bench", buyer)

    def buy(max_pay: int, right: Right = Right.SERVE):
        def make(data, store):
            return [BuyLicenseNode("buy", [data], store, model, right, max_pay)]

        return make

    assert statuses(bench.run(buy(PRICE - 1))) == ["failed"], "too dear"
    assert buyer.licenses.held(model=model) == []
    assert statuses(bench.run(buy(PRICE))) == ["succeeded"]
    assert bench.facts["offer"] == f"{model}/1"
    (bought,) = bench.intents("licence")
    assert (bought.state, bought.result["licence"]) == ("confirmed", f"{model}/1/1")
    assert statuses(bench.run(buy(PRICE))) == ["succeeded"]
    assert bench.facts["buy"] == "entitled already"
    assert len(buyer.licenses.held(model=model)) == 1
    assert statuses(bench.run(buy(PRICE, Right.DISTIL))) == ["failed"], "not what is sold"


def test_a_derivative_owes_and_its_parent_is_paid(
    seller: Anacostia, buyer: Anacostia, tmp_path: Path
) -> None:
    base, child = publish(seller, tmp_path / "base"), publish(buyer, tmp_path / "child")
    seller.licenses.offer(base, "commercial-remix", Price.native(PRICE))
    bench = Bench(tmp_path / "bench", buyer)

    def derive(max_pay: int | None):
        def make(data, store):
            return [DeriveNode("derive", [data], store, child, [base], max_pay=max_pay)]

        return make

    assert statuses(bench.run(derive(None))) == ["failed"], "no licence is held"
    for _ in range(2):
        assert statuses(bench.run(derive(PRICE))) == ["succeeded"]
    (owed,) = buyer.licenses.parents(child)
    assert bench.facts["derived"] == {f"{base}/1/1": 1000}
    assert [i.result["derived"] for i in bench.intents("derive")] == [{f"{base}/1/1": 1000}]
    assert (owed.model_id, owed.share_bps) == (base, 1000)
    assert len(buyer.licenses.held(model=base)) == 1, "bought once"

    buyer.licenses.offer(child, "commercial-remix", Price.native(PRICE))
    buyer.licenses.pay(child, PRICE)
    settling = Bench(tmp_path / "settling", seller)
    before = seller.chain.balance(seller.address)
    for _ in range(2):
        report = settling.run(lambda data, store: [SettleNode("settle", [data], store, base)])
        assert statuses(report) == ["succeeded"]
    paid = [int(i.result["paid"]) for i in settling.intents("collect")]
    assert (sum(paid), len(paid)) == (PRICE + PRICE // 10, 2), "settled, then claimed; once"
    assert seller.chain.balance(seller.address) > before
    assert seller.licenses.claimable() == 0


def test_a_store_without_a_chain_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench", None)
    with pytest.raises(AnacostiaError, match="give the metadata store one"):
        bench.run(lambda data, store: [SettleNode("settle", [data], store, 1)])


STEPS = ("prepared", "signed", "broadcast", "confirmed")


@pytest.mark.parametrize("step", STEPS)
def test_killed_at_any_step_a_licence_is_bought_exactly_once(
    seller: Anacostia, local_chain: LocalChain, tmp_path: Path, step: str
) -> None:
    """The run's machine holds no key; the worker that does is killed by SIGKILL, and run again."""
    model = publish(seller, tmp_path / "model")
    seller.licenses.offer(model, "commercial-use", Price.native(PRICE))
    account = local_chain.chain(5).address
    chain = Chain.connect(local_chain.rpc_url, signer=KeylessSigner(account), state_dir=tmp_path)
    bench = Bench(tmp_path / "bench", Anacostia(chain, seller.deployment, home=tmp_path))

    def make(data, store):
        return [BuyLicenseNode("buy", [data], store, model, Right.SERVE, PRICE)]

    assert statuses(bench.run(make)) == ["succeeded"]
    assert [i.state for i in bench.intents("licence")] == ["pending"]
    assert work(bench, local_chain, seller.deployment, kill_at=step) == -signal.SIGKILL
    # Another run that needs the same, before anybody knows how the first purchase ended.
    if step != "confirmed":
        assert statuses(bench.run(make)) == ["succeeded"]
    assert work(bench, local_chain, seller.deployment) == 0
    assert {i.state for i in bench.intents("licence")} == {"confirmed"}
    assert seller.licenses.offers(model)[0].sold == 1
    assert seller.licenses.pending(model) == PRICE
    assert seller.licenses.entitled(model, Right.SERVE, account)


def work(
    bench: Bench, local_chain: LocalChain, deployment: Deployment, kill_at: str | None = None
) -> int | None:
    """Carry out what is intended in a process that is killed at a step of the purchase."""

    def on_step(reached: str, intent: Intent) -> None:
        if intent.kind == "licence" and reached == kill_at:
            os.kill(os.getpid(), signal.SIGKILL)

    def child() -> None:
        fresh = Chain.connect(
            local_chain.rpc_url, signer=dev_signer(5), state_dir=bench.folder / "worker"
        )
        hub = Anacostia(fresh, deployment, home=bench.folder / "worker")
        outbox = Outbox(create_engine(bench.url))
        sender = Sender(outbox, fresh, hub.handlers(), on_step=on_step, only=ONLY)
        os._exit(sender.drain(300))

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join(600)
    return process.exitcode


def test_a_purchase_that_cannot_be_made_any_more_fails_and_says_why(
    seller: Anacostia, local_chain: LocalChain, tmp_path: Path
) -> None:
    model = publish(seller, tmp_path / "model")
    seller.licenses.offer(model, "commercial-use", Price.native(PRICE))
    account = local_chain.chain(5).address
    chain = Chain.connect(local_chain.rpc_url, signer=KeylessSigner(account), state_dir=tmp_path)
    bench = Bench(tmp_path / "bench", Anacostia(chain, seller.deployment, home=tmp_path))
    bench.run(lambda d, store: [BuyLicenseNode("buy", [d], store, model, Right.SERVE, PRICE)])
    seller.licenses.reprice(model, 1, Price.native(PRICE + 1))
    assert work(bench, local_chain, seller.deployment) == 0
    (intent,) = bench.intents("licence")
    assert intent.state == "failed"
    assert "Payments_AboveMaxPay" in intent.error
    assert seller.licenses.offers(model)[0].sold == 0
