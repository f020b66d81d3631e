"""Licensing by pipeline, on a real chain: everything once, however often it runs."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from anacostia_blockchain.audit import RunDatabase
from anacostia_blockchain.chain import Chain, KeylessSigner
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.errors import AnacostiaError, ConfigError
from anacostia_blockchain.licensing.terms import Right, preset
from anacostia_blockchain.licensing.values import Price
from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import (
    BuyLicenseNode,
    DeriveNode,
    LicenseNode,
    MonitoringDataStoreNode,
    SettleNode,
)
from anacostia_blockchain.pipeline import ExecutionReport, Pipeline
from anacostia_blockchain.testing import LocalChain

pytestmark = pytest.mark.integration

PRICE = 10**15


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

    def run(self, make) -> ExecutionReport:
        """One run of the nodes that `make(data, store)` gives."""
        self.runs += 1
        data_folder = self.folder / "data"
        data_folder.mkdir(parents=True, exist_ok=True)
        (data_folder / f"{self.runs}.txt").write_text(str(self.runs))
        url = f"sqlite:///{self.folder}/metadata.db"
        store = SqliteMetadataStore("metadata_store", url, chain=self.hub)
        data = MonitoringDataStoreNode("data", data_folder, store, poll=0.02, settle=0.05)
        report = Pipeline([store, data, *make(data, store)]).execute(runs=1)
        record = RunDatabase(self.folder / "metadata.db").record(report.runs[-1].run_id)
        self.facts = {name: value for _role, _node, name, value in record.facts}
        return report


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
    assert bench.facts["offer"] == f"{model}/1"
    seller.licenses.withdraw(model, 1)
    bench.run(offer(2 * PRICE))
    assert seller.licenses.offers(model)[0].is_open


def test_what_is_not_published_yet_is_left_to_the_next_run(
    seller: Anacostia, tmp_path: Path
) -> None:
    bench = Bench(tmp_path / "bench", seller)
    name = f"later-{uuid.uuid4().hex[:8]}"

    def make(data, store):
        offer = LicenseNode("offer", [data], store, name, "open", Price.native(PRICE))
        derive = DeriveNode("derive", [data], store, name, [1])
        return [offer, derive, SettleNode("settle", [data], store, name)]

    assert statuses(bench.run(make)) == ["succeeded"]
    for node in ("offer", "derive", "settle"):
        assert bench.facts[node] == f"{name} is not published yet"


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
    assert bench.facts["licence"] == f"{model}/1/1"
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
    assert (owed.model_id, owed.share_bps) == (base, 1000)
    assert len(buyer.licenses.held(model=base)) == 1, "bought once"

    buyer.licenses.offer(child, "commercial-remix", Price.native(PRICE))
    buyer.licenses.pay(child, PRICE)
    settling = Bench(tmp_path / "settling", seller)
    for paid in (PRICE + PRICE // 10, 0):
        report = settling.run(lambda data, store: [SettleNode("settle", [data], store, base)])
        assert statuses(report) == ["succeeded"]
        assert settling.facts["settle_paid"] == str(paid)


def test_a_store_without_a_chain_is_refused(tmp_path: Path) -> None:
    bench = Bench(tmp_path / "bench", None)
    with pytest.raises(AnacostiaError, match="give the metadata store one"):
        bench.run(lambda data, store: [SettleNode("settle", [data], store, 1)])


def test_an_account_without_its_key_is_refused(
    seller: Anacostia, local_chain: LocalChain, tmp_path: Path
) -> None:
    """What these nodes do is done at once, so no worker can do it for them."""
    chain = Chain.connect(
        local_chain.rpc_url, signer=KeylessSigner(seller.address), state_dir=tmp_path
    )
    keyless = Anacostia(chain, seller.deployment, home=tmp_path)
    bench = Bench(tmp_path / "bench", keyless)
    with pytest.raises(ConfigError, match="set ANACOSTIA_PRIVATE_KEY"):
        bench.run(lambda data, store: [SettleNode("settle", [data], store, 1)])
