"""Prices on a real chain: Chainlink's forwarder and aggregators, a report, a sync, a sale."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from eth_abi import encode
from eth_utils import keccak

from anacostia_blockchain.cli import cli
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.contracts import MetricReceiver, ModelPricing
from anacostia_blockchain.errors import ConfigError, ContractRevertedError, VersionMismatchError
from anacostia_blockchain.licensing.values import Price
from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import MonitoringDataStoreNode, PriceUpdateNode
from anacostia_blockchain.oracles import (
    NATIVE,
    OracleNetwork,
    check_oracles,
    deploy_oracles,
)
from anacostia_blockchain.pipeline import Pipeline
from anacostia_blockchain.prices.values import Basis, Point, Pricing
from anacostia_blockchain.testing import LocalChain
from anacostia_blockchain.types import Kind
from chainlink import Deployed, Oracles, feed, network_of, signature

pytestmark = pytest.mark.integration

POINTS = (Point.parse("0.5:50"), Point.parse("0.9:100"), Point.parse("0.99:400"))
WEI = 10**18

DEV_KEY = "0x" + "ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80"
"""Of the first development account: public, and worth nothing."""


@dataclasses.dataclass
class Setting:
    """A chain with prices on it, and a model to price."""

    url: str
    hub: Anacostia
    oracles: Oracles
    network: OracleNetwork
    source: bytes
    model: int

    def rules(self, **changes: object) -> Pricing:
        rules = Pricing(
            base=Decimal(100),
            minimum=Decimal(10),
            maximum=Decimal(1000),
            points=POINTS,
            metric="accuracy",
            source=self.source,
        )
        return dataclasses.replace(rules, **changes)

    def payload(self, **changes: object) -> bytes:
        receiver = self.hub.metric_receiver.address
        return self.oracles.payload(receiver, self.source, self.model, **changes)

    def report(self, **changes: object) -> str:
        """Deliver a report; "" if it counts, else why not."""
        signed = self.oracles.don.sign(self.oracles.header(), self.payload(**changes))
        return self.oracles.deliver(self.hub.metric_receiver.address, signed)

    def pass_(self, seconds: int) -> None:
        """Let time go by, and the feeds be updated."""
        self.hub.chain.rpc("evm_increaseTime", hex(seconds))
        self.hub.chain.rpc("evm_mine")
        self.oracles.eth_usd.send("updateAnswer", 3200 * 10**8)
        self.oracles.usdc_usd.send("updateAnswer", 10**8)


@pytest.fixture(scope="module")
def chain() -> Iterator[LocalChain]:
    with LocalChain() as local:
        yield local


@pytest.fixture(scope="module")
def priced(chain: LocalChain, tmp_path_factory: pytest.TempPathFactory) -> Setting:
    connection, core = chain.chain(), chain.deploy()
    oracles = Oracles.start(connection)
    network = network_of(oracles)
    deployment = deploy_oracles(connection, core, network)
    assert deploy_oracles(connection, core, network).contracts.keys() == deployment.contracts.keys()
    hub = Anacostia(connection, deployment, home=tmp_path_factory.mktemp("home"))
    source = hub.prices.open_source(oracles.workflow_id, guardian=chain.chain(4).address)
    return Setting(chain.rpc_url, hub, oracles, network, source, 0)


@pytest.fixture
def setting(priced: Setting, request: pytest.FixtureRequest) -> Setting:
    """A model of its own for each test."""
    root = CID(0x70, hashlib.sha256(request.node.name.encode()).digest())
    model, _ = priced.hub.registry.register(
        f"p/{hashlib.sha256(request.node.name.encode()).hexdigest()[:20]}", Kind.MODEL, root
    )
    priced.pass_(3600)
    return dataclasses.replace(priced, model=model)


def test_a_price_follows_a_report_and_a_licence_is_sold_at_it(
    setting: Setting, chain: LocalChain
) -> None:
    hub, model = setting.hub, setting.model
    hub.prices.set(model, setting.rules())
    assert hub.prices.get(model).basis == Basis.BASE
    setting.pass_(3600)
    assert setting.report(value=990_000) == ""
    now = hub.prices.get(model)
    assert (now.metric.value, now.target) == (Decimal("0.99"), Decimal(400))
    assert now.metric.evidence == keccak(text="run record")
    assert hub.prices.sync(model) == 110
    now = hub.prices.get(model)
    assert (now.price, now.basis) == (Decimal(110), Basis.FOLLOWED)
    assert hub.prices.sync_if_due(model) is None

    hub.prices.set_terms(model, None, share=2)
    assert hub.prices.quote(model) == 220 * WEI // 3200
    assert hub.prices.quote(model, asset=setting.network.feeds[1].asset) == 220 * 10**6
    hub.market.list(model, Price.quoted(hub.prices.address))
    buyer = Anacostia(chain.chain(5), hub.deployment, home=hub.home)
    assert buyer.market.quote(model, NATIVE) == 220 * WEI // 3200
    with pytest.raises(ContractRevertedError, match="Payments_AboveMaxPay"):
        buyer.market.buy(model, asset=NATIVE, max_pay=220 * WEI // 3200 - 1)
    buyer.market.buy(model, asset=NATIVE)
    assert hub.nft.owner_of(model) == buyer.address
    assert hub.market.claimable() == 220 * WEI // 3200


def test_history_and_picture(setting: Setting, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra `plot` is not installed")
    hub, model = setting.hub, setting.model
    hub.prices.set(model, setting.rules())
    for value in (930_000, 950_000, 970_000):
        setting.pass_(3600)
        assert setting.report(value=value) == ""
        hub.prices.sync(model)
    hub.prices.set_manual(model, 90, valid_for=timedelta(hours=2))
    hub.prices.stop(model)
    hub.prices.resume(model)
    changes = hub.prices.history(model)
    assert [change.kind for change in changes] == [
        "set",
        *["synced"] * 3,
        "manual",
        "stopped",
        "resumed",
    ]
    assert [change.price for change in changes[:4]] == [
        Decimal(100),
        Decimal(110),
        Decimal(121),
        Decimal("133.1"),
    ]
    assert changes[1].metric == Decimal("0.93")
    assert changes == sorted(changes, key=lambda change: change.time)
    for suffix in ("png", "svg"):
        path = hub.prices.picture(model, tmp_path / f"price.{suffix}")
        assert path.stat().st_size > 10_000


def test_by_hand_and_stopped(setting: Setting, chain: LocalChain) -> None:
    hub, model = setting.hub, setting.model
    guardian = chain.chain(4)
    hub.prices.set(
        model,
        dataclasses.replace(
            Pricing.fixed("19.90"), guardian=guardian.address, maximum=Decimal(100)
        ),
    )
    assert hub.prices.get(model).price == Decimal("19.9")
    hub.prices.set_manual(model, "25")
    assert hub.prices.get(model).basis == Basis.FIXED  # a raise waits
    setting.pass_(3601)
    assert hub.prices.get(model).price == 25
    _, start, end = hub.model_pricing.manual_price_of(model)
    assert end - start < timedelta(days=1)
    hub.prices.end_manual(model)
    ModelPricing(guardian, hub.prices.address).stop(model)
    now = hub.prices.get(model)
    assert (now.price, now.basis) == (None, Basis.STOPPED)
    with pytest.raises(ContractRevertedError, match="ModelPricing_NotForSale"):
        hub.prices.quote(model)
    hub.prices.resume(model)
    with pytest.raises(ContractRevertedError, match="ModelPricing_TermsNotPriced"):
        hub.prices.quote(model)
    with pytest.raises(ConfigError, match="is fixed: it follows no metric"):
        hub.prices.simulate(model, [1])
    assert hub.model_pricing.terms_factor_of(model, bytes(32)) == 0


def test_simulation_is_what_the_contract_does(setting: Setting) -> None:
    hub, model = setting.hub, setting.model
    falling = (Point.parse("0.2:400"), Point.parse("1.1:100"), Point.parse("2.3:20"))
    hub.prices.set(model, setting.rules(points=falling, metric_max=Decimal(3)))
    values = ["0.31", "0.333333", "2.5", "1.7"]
    simulated = hub.prices.simulate(model, values)
    for value, move in zip(values, simulated, strict=True):
        setting.pass_(3600)
        assert setting.report(value=int(Decimal(value).scaleb(6))) == ""
        assert hub.prices.get(model).target == move.target
        assert hub.prices.sync(model) == move.price


def test_a_price_follows_attestations_and_freezes_when_one_is_revoked(setting: Setting) -> None:
    """The Ethereum Attestation Service's own contracts, from its own build."""
    hub, model, chain = setting.hub, setting.model, setting.hub.chain
    schemas = Deployed(chain, "SchemaRegistry")
    service = Deployed(chain, "EAS", "address", schemas.address)
    fields = "uint64 modelId,uint32 version,bytes32 datasetRoot,bytes32 metricId,int64 value,"
    schemas.send("register", fields + "bytes32 evidence", NATIVE, True)
    network = dataclasses.replace(setting.network, attestations=service.address)
    deployment = deploy_oracles(chain, hub.deployment, network)
    hub = Anacostia(chain, deployment, home=hub.home)
    attested, dataset = hub.attested_metrics, keccak(text="dataset")
    assert attested.eas() == service.address
    source = attested.source_of(service.sender, dataset)
    hub.prices.set(model, setting.rules(metrics=attested.address, source=source))
    setting.pass_(3600)

    words = (model, 3, dataset, b"accuracy".ljust(32, b"\0"), 990_000, bytes(32))
    data = encode(["uint64", "uint32", "bytes32", "bytes32", "int64", "bytes32"], words)
    request = (attested.schema(), (NATIVE, 0, True, bytes(32), data, 0))
    uid = bytes.fromhex(service.send("attest", request)["logs"][0]["data"][2:])
    attested.present(uid)
    now = hub.prices.get(model)
    assert (now.metric.value, now.metric.version, now.metric.evidence) == (Decimal("0.99"), 3, uid)
    assert attested.metric_of(source, model, "accuracy")[0] == Decimal("0.99")
    assert attested.version() == "1.0.0"
    assert hub.prices.sync(model) == 110

    service.send("revoke", (attested.schema(), (uid, 0)))
    setting.pass_(3600)
    with pytest.raises(ContractRevertedError, match="AttestedMetrics_Revoked"):
        hub.prices.sync(model)
    assert hub.prices.get(model).price == 110


def test_what_the_receiver_refuses_changes_nothing(setting: Setting, chain: LocalChain) -> None:
    """Other workflows, chains, receivers, times, payloads: the reason shows, the price stays."""
    hub, model, oracles = setting.hub, setting.model, setting.oracles
    hub.prices.set(model, setting.rules())
    receiver = hub.metric_receiver.address
    now = oracles.now()
    for reason, changes in {
        "MetricReceiver_WrongChain": {"chain_id": 1},
        "MetricReceiver_WrongReceiver": {"receiver": hub.address},
        "MetricReceiver_FutureMetric": {"observed_at": now + 10_000},
        "MetricReports_UnknownSchema": {"schema": 2},
        "MetricReceiver_UnknownWorkflow": {"source": bytes(32)},
    }.items():
        assert setting.report(**changes).startswith(reason)
    for changes in (
        {"workflow_id": keccak(text="evil")},
        {"workflow_id": bytes(32), "workflow_owner": hub.address},
    ):
        signed = oracles.don.sign(oracles.header(**changes), setting.payload())
        assert oracles.deliver(receiver, signed).startswith("MetricReceiver_UnknownWorkflow")
    signed = oracles.don.sign(oracles.header(), b"\x01\x02")
    assert oracles.deliver(receiver, signed).startswith("MetricReports_WrongLength(length=2)")
    assert setting.report() == ""
    assert setting.report(observed_at=now).startswith("MetricReceiver_StaleMetric")
    guardian = MetricReceiver(chain.chain(4), receiver)
    guardian.stop(setting.source)
    assert setting.report(observed_at=oracles.now()).startswith("MetricReceiver_SourceClosed")
    with pytest.raises(ContractRevertedError, match="MetricReceiver_SourceClosed"):
        hub.prices.sync(model)
    assert hub.metric_receiver.source_of(setting.source).stopped
    hub.metric_receiver.resume(setting.source)
    setting.pass_(24 * 3600 + 2)
    with pytest.raises(ContractRevertedError, match="MetricReceiver_NoMetric"):
        hub.metric_receiver.metric_of(setting.source, model, "accuracy")
    assert setting.report() == ""
    assert len(hub.metric_receiver.accepted(setting.source, model, "accuracy")) == 2
    assert hub.prices.get(model).price == 100


def test_what_the_forwarder_refuses(setting: Setting) -> None:
    oracles, receiver = setting.oracles, setting.hub.metric_receiver.address
    don = oracles.don
    raw, context, both = don.sign(oracles.header(), setting.payload())
    third = signature(don.keys[2], raw, context)
    stranger = signature(keccak(text="nobody"), raw, context)
    flipped = raw[:-1] + bytes([raw[-1] ^ 1])
    for reason, signed in {
        "InvalidSignatureCount": (raw, context, both[:1]),
        "InvalidSignatureCount(expected=2, received=3)": (raw, context, [*both, third]),
        "DuplicateSigner": (raw, context, [both[0], both[0]]),
        "InvalidSigner": (raw, context, [both[0], stranger]),
        "InvalidSigner(": (flipped, context, both),
        "InvalidSignature(": (raw, context, [both[0][:64], both[1]]),
        "InvalidReport": (raw[:108], context, both),
        "InvalidConfig": don.sign(oracles.header(config_version=9), setting.payload()),
    }.items():
        with pytest.raises(ContractRevertedError) as info:
            oracles.deliver(receiver, signed)
        assert str(info.value).startswith(reason)
    assert oracles.deliver(receiver, (raw, context, [both[1], third])) == ""  # any two of four
    with pytest.raises(ContractRevertedError, match="AlreadyAttempted"):
        oracles.deliver(receiver, (raw, context, both))
    raw, context, both = don.sign(oracles.header(), setting.payload())
    assert oracles.deliver(setting.hub.address, (raw, context, both)) == "never called"


def test_rotation_of_a_workflow_known_by_its_name(setting: Setting) -> None:
    hub, oracles = setting.hub, setting.oracles
    source = hub.prices.open_source(
        (oracles.owner, oracles.workflow), salt=b"\x01" * 32, overlap=timedelta(0)
    )
    receiver = hub.metric_receiver
    mine = dataclasses.replace(setting, source=source)
    other = keccak(text="any code")
    signed = oracles.don.sign(oracles.header(workflow_id=other), mine.payload())
    assert oracles.deliver(receiver.address, signed) == ""
    named = receiver.workflow_by_name(oracles.owner, oracles.header().workflow_name)
    start, end = receiver.window_of(source, named)
    assert start is not None
    assert end is None
    receiver.propose_workflow(source, other, named)
    assert receiver.window_of(source, other)[0] - datetime.now(UTC) > timedelta(0)
    receiver.revoke_workflow(source, named)
    assert mine.report().startswith("MetricReceiver_UnknownWorkflow")


def test_feeds_through_the_phase_proxy(setting: Setting, chain: LocalChain) -> None:
    """Chainlink's own proxy: another aggregator behind it, round ids that are not consecutive."""
    hub, connection = setting.hub, setting.hub.chain
    first = Deployed(connection, "MockV3Aggregator", "uint8,int256", 8, 2000 * 10**8)
    second = Deployed(connection, "MockV3Aggregator", "uint8,int256", 8, 4000 * 10**8)
    wrong = Deployed(connection, "MockV3Aggregator", "uint8,int256", 18, 4000 * 10**18)
    proxy = Deployed(connection, "DataFeedsLegacyAggregatorProxy", "address", first.address)
    eth = feed("ETH", NATIVE, proxy, "100", "100000")
    network = dataclasses.replace(setting.network, feeds=(eth,))
    deployment = deploy_oracles(connection, chain.deploy(), network)
    feeds = Anacostia(connection, deployment, home=hub.home).usd_feeds
    assert feeds.usd_to_asset(NATIVE, Decimal(100)) == WEI // 20
    for aggregator in (second, wrong):
        proxy.send("proposeAggregator", aggregator.address)
        proxy.send("confirmAggregator", aggregator.address)
        if aggregator is second:
            assert feeds.usd_to_asset(NATIVE, Decimal(100)) == WEI // 40
            assert feeds.answer_of(NATIVE)[0] == 4000
    with pytest.raises(ContractRevertedError, match="UsdFeeds_AnswerOutOfBand"):
        feeds.usd_to_asset(NATIVE, Decimal(100))


def test_deployment_refuses_what_is_not_chainlinks(setting: Setting, chain: LocalChain) -> None:
    connection, core, network = setting.hub.chain, chain.deploy(), setting.network
    for forwarder in (setting.hub.nft.address, setting.hub.address):
        with pytest.raises(VersionMismatchError, match="not KeystoneForwarder"):
            deploy_oracles(connection, core, dataclasses.replace(network, forwarder=forwarder))
    with pytest.raises(ConfigError, match="no Chainlink feeds or forwarder are known"):
        deploy_oracles(connection, core)
    with pytest.raises(ConfigError, match="ModelPricing is not deployed"):
        _ = Anacostia(connection, core, home=setting.hub.home).prices


def test_doctor_sees_what_is_wrong(setting: Setting) -> None:
    network, connection = setting.network, setting.hub.chain
    assert all(check.passed for check in check_oracles(connection, network))
    eth, usdc = network.feeds
    wrong = dataclasses.replace(
        network,
        forwarder=setting.hub.nft.address,
        sequencer=setting.oracles.usdc_usd.address,  # says 1, which stands for "down"
        feeds=(
            dataclasses.replace(eth, description="ETH / USD", decimals=18),
            dataclasses.replace(usdc, feed=setting.hub.address),
            dataclasses.replace(eth, max_age=0, max_answer=Decimal(3000)),
        ),
    )
    setting.hub.chain.rpc("evm_increaseTime", hex(10))
    setting.hub.chain.rpc("evm_mine")
    found = list(check_oracles(connection, wrong))
    assert not any(check.passed for check in found)
    assert "describes itself as" in found[1].detail
    assert "8 decimals, not 18" in found[1].detail
    assert "gives no answer" in found[2].detail
    assert "s old, of at most 0" in found[3].detail
    assert "outside of" in found[3].detail


def test_views(setting: Setting) -> None:
    hub = setting.hub
    feeds, receiver, pricing = hub.usd_feeds, hub.metric_receiver, hub.model_pricing
    assert feeds.assets() == [feed.asset for feed in setting.network.feeds]
    assert feeds.feed_of(NATIVE)["max_age"] == 90_000
    assert (feeds.sequencer(), feeds.sequencer_grace(), feeds.max_assets()) == (NATIVE, 3600, 16)
    assert receiver.forwarder() == setting.oracles.forwarder.address
    assert (receiver.min_delay(), receiver.max_delay()) == (3600, 30 * 86400)
    assert (pricing.nft(), pricing.feeds()) == (hub.nft.address, feeds.address)
    assert (pricing.min_cooldown(), pricing.max_duration()) == (60, 365 * 86400)
    assert (pricing.max_manual(), pricing.raise_delay()) == (30 * 86400, 3600)
    assert {c.version() for c in (feeds, receiver, pricing)} == {"1.0.0"}


@pytest.fixture
def anacostia(setting: Setting, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """Runs a command against the chain; returns what it printed as data."""
    hub = setting.hub
    hub.deployment.save(hub.home / "deployments")
    monkeypatch.setenv("ANACOSTIA_PRIVATE_KEY", DEV_KEY)

    def run(*arguments: object, code: int = 0) -> Any:
        common = ["--chain", setting.url, "--home", str(hub.home), "--json"]
        texts = [str(argument) for argument in arguments]
        result = CliRunner().invoke(cli, [*common, *texts], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return json.loads(result.stdout) if result.stdout else result.stderr

    return run


def test_command_line(setting: Setting, anacostia: Callable[..., Any], tmp_path: Path) -> None:
    model, source = setting.model, setting.source.hex()
    curve = [f"--point={point}" for point in ("0.5:50", "0.9:100", "0.99:400")]
    rules = ["--metric", "accuracy", "--source", source, "--base", "100", "--cooldown", "1h"]
    now = anacostia("prices", "set", model, *curve, *rules, "--terms", "model", "--share", "2")
    assert (now["price"], now["basis"]) == ("100", "base")
    moves = anacostia("prices", "simulate", model, "0.99", "0.99")
    assert [move["price"] for move in moves] == ["110", "121"]
    setting.pass_(3600)
    assert setting.report(value=990_000) == ""
    assert anacostia("prices", "sync", model) == {"moved": True, "price": "110"}
    assert anacostia("prices", "sync", model) == {"moved": False, "price": None}
    picture = tmp_path / "price.svg"
    shown = anacostia("prices", "show", model, "--picture", picture)
    assert shown["basis"] == "followed"
    assert [change["kind"] for change in shown["history"]] == ["set", "synced"]
    assert picture.stat().st_size > 10_000
    assert anacostia("prices", "set", model, "--fixed", "19.90")["price"] == "19.9"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--fixed", "1", "--point", "0:1"),
        (),
        ("--fixed", "1", "--cooldown", "1 week"),
    ],
)
def test_command_line_refuses_wrong_usage(
    anacostia: Callable[..., Any], setting: Setting, arguments: tuple[str, ...]
) -> None:
    anacostia("prices", "set", setting.model, *arguments, code=2)


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (("--point", "0.9:1", "--point", "0.5:2", "--metric", "a"), "--source is 32 bytes"),
        (("--point", "x:1", "--point", "0.5:2"), "is no number"),
        (("--point", "0.9", "--point", "0.5:2"), "write metric:price"),
    ],
)
def test_command_line_says_what_is_wrong(
    anacostia: Callable[..., Any], setting: Setting, arguments: tuple[str, ...], why: str
) -> None:
    with pytest.raises(ConfigError, match=why):
        anacostia("prices", "set", setting.model, *arguments)


def test_a_pipeline_moves_the_price(
    setting: Setting, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    hub, model = setting.hub, setting.model
    hub.prices.set(model, setting.rules())
    setting.pass_(3600)
    for number, (value, tag, price) in enumerate(
        [
            (None, "MetricReceiver_NoMetric", None),
            (990_000, "synced", 110.0),
            (None, "unchanged", 110.0),
        ]
    ):
        if value is not None:
            assert setting.report(value=value) == ""
        Path("data").mkdir(exist_ok=True)
        Path("incoming").write_text(f"text {number}")
        Path("incoming").replace(f"data/{number}.txt")
        store = SqliteMetadataStore("store", "sqlite:///m.db", chain=hub)
        data = MonitoringDataStoreNode("data", "data", store, poll=0.02, settle=0.05)
        update = PriceUpdateNode("price", [data], store, model)
        report = Pipeline(nodes=[store, data, update]).execute()
        assert [run.status for run in report.runs] == ["succeeded"]
        tags = [t for t in store.get_tags() if t["tag_name"] == "price_sync"]
        assert str(tags[-1]["tag_value"]).startswith(tag)
        prices = [m["metric_value"] for m in store.get_metrics() if m["metric_name"] == "price_usd"]
        assert (prices[-1] if prices else None) == price


def test_a_node_without_a_chain_says_so(tmp_path: Path) -> None:
    store = SqliteMetadataStore("store", f"sqlite:///{tmp_path}/m.db")
    with pytest.raises(ConfigError, match="give the metadata store one"):
        PriceUpdateNode("price", [], store, 1).setup()
