"""Prices on a real chain: Chainlink's forwarder and aggregators, a report, a sync, a sale."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from eth_utils import keccak

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.contracts import MetricReceiver, ModelPricing
from anacostia_blockchain.errors import ConfigError, ContractRevertedError, VersionMismatchError
from anacostia_blockchain.licensing.values import Price
from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import MonitoringDataStoreNode, PriceUpdateNode
from anacostia_blockchain.oracles import (
    NATIVE,
    check_oracles,
    deploy_oracles,
)
from anacostia_blockchain.pipeline import Pipeline
from anacostia_blockchain.prices.values import Basis, Point, Pricing
from anacostia_blockchain.testing import LocalChain
from chainlink import Deployed, feed, signature
from priced import Setting

pytestmark = pytest.mark.integration

WEI = 10**18


def test_a_price_follows_a_report_and_a_licence_is_sold_at_it(
    setting: Setting, price_chain: LocalChain
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
    buyer = Anacostia(price_chain.chain(5), hub.deployment, home=hub.home)
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


def test_by_hand_and_stopped(setting: Setting, price_chain: LocalChain) -> None:
    hub, model = setting.hub, setting.model
    guardian = price_chain.chain(4)
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


def test_a_price_that_was_not_heard_of_goes_on_from_the_base(setting: Setting) -> None:
    hub, model = setting.hub, setting.model
    brief = {"max_age": timedelta(days=1), "hold_for": timedelta(0), "base_for": timedelta(days=9)}
    hub.prices.set(model, setting.rules(**brief))
    assert hub.prices.get(model).heard_at is None
    for price in (110, 121):
        setting.pass_(3600)
        assert setting.report(value=990_000) == ""
        assert hub.prices.sync(model) == price
    assert hub.prices.get(model).heard_at is not None
    setting.pass_(25 * 3600)
    assert hub.prices.get(model).basis == Basis.BASE
    (move,) = hub.prices.simulate(model, ["0.99"])
    assert setting.report(value=990_000) == ""
    assert hub.prices.sync(model) == move.price == 110

    # Where it is not held any more, new rules begin at their base price.
    setting.pass_(25 * 3600)
    hub.prices.set(model, setting.rules(base=Decimal(90)))
    now = hub.prices.get(model)
    assert (now.price, now.basis, now.heard_at) == (Decimal(90), Basis.BASE, None)


def test_a_price_follows_attestations_and_freezes_when_one_is_revoked(setting: Setting) -> None:
    """The Ethereum Attestation Service's own contracts, from its own build."""
    setting, service = setting.attestations()
    hub, model = setting.hub, setting.model
    attested, dataset = hub.attested_metrics, keccak(text="dataset")
    assert attested.eas() == service.address
    source = hub.prices.attested_source(service.sender, dataset)
    assert source == hub.prices.attested_source(service.sender, "0x" + dataset.hex())
    assert source == hub.prices.attested_source(service.sender, str(CID(0x70, dataset)))
    assert source == attested.source_of(service.sender, dataset)
    hub.prices.set(model, setting.rules(metrics=attested.address, source=source))
    setting.pass_(3600)

    uid = setting.attest(service, dataset, 990_000)
    hub.prices.present(uid)
    now = hub.prices.get(model)
    assert (now.metric.value, now.metric.version, now.metric.evidence) == (Decimal("0.99"), 3, uid)
    assert (now.target, now.refused) == (400, None)
    assert attested.metric_of(source, model, "accuracy")[0] == Decimal("0.99")
    assert attested.version() == "1.0.0"
    assert hub.prices.sync(model) == 110

    setting.revoke(service, uid)
    setting.pass_(3600)
    with pytest.raises(ContractRevertedError, match="AttestedMetrics_Revoked"):
        hub.prices.sync(model)
    now = hub.prices.get(model)
    assert (now.price, now.target, now.refused) == (110, None, "AttestedMetrics_Revoked")


def test_what_the_receiver_refuses_changes_nothing(
    setting: Setting, price_chain: LocalChain
) -> None:
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
    guardian = MetricReceiver(price_chain.chain(4), receiver)
    guardian.stop(setting.source)
    assert setting.report(observed_at=oracles.now()).startswith("MetricReceiver_SourceClosed")
    with pytest.raises(ContractRevertedError, match="MetricReceiver_SourceClosed"):
        hub.prices.sync(model)
    assert hub.metric_receiver.source_of(setting.source).stopped
    hub.metric_receiver.resume(setting.source)
    setting.pass_(24 * 3600 + 2)
    with pytest.raises(ContractRevertedError, match="MetricReceiver_NoMetric"):
        hub.metric_receiver.metric_of(setting.source, model, "accuracy")
    before = hub.metric_receiver.source_of(setting.source).closed_until
    assert before is not None
    told = setting.report(observed_at=int(before.timestamp()))
    assert told.startswith("MetricReceiver_SourceClosed")
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


def test_feeds_through_the_phase_proxy(setting: Setting, price_chain: LocalChain) -> None:
    """Chainlink's own proxy: another aggregator behind it, round ids that are not consecutive."""
    hub, connection = setting.hub, setting.hub.chain
    first = Deployed(connection, "MockV3Aggregator", "uint8,int256", 8, 2000 * 10**8)
    second = Deployed(connection, "MockV3Aggregator", "uint8,int256", 8, 4000 * 10**8)
    wrong = Deployed(connection, "MockV3Aggregator", "uint8,int256", 18, 4000 * 10**18)
    proxy = Deployed(connection, "DataFeedsLegacyAggregatorProxy", "address", first.address)
    eth = feed("ETH", NATIVE, proxy, "100", "100000")
    network = dataclasses.replace(setting.network, feeds=(eth,))
    deployment = deploy_oracles(connection, price_chain.deploy(), network)
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


def test_deployment_refuses_what_is_not_chainlinks(
    setting: Setting, price_chain: LocalChain
) -> None:
    connection, core, network = setting.hub.chain, price_chain.deploy(), setting.network
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
