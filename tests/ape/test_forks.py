"""The world moves on: today's SDK and contracts on forks of chains with a past."""

from __future__ import annotations

import dataclasses
import os
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace

import ape
import pytest
from clients import Client, chain_of
from history import ALICE, BOB, CAROL, DAYS, PRICE, RUNS, pass_, root, rules

from anacostia_blockchain import deployment as deploying
from anacostia_blockchain.chain import Chain
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.contracts import ModelRegistry
from anacostia_blockchain.errors import ContractRevertedError, VersionMismatchError
from anacostia_blockchain.inspection import inspect
from anacostia_blockchain.ledger import merkle
from anacostia_blockchain.licensing.terms import Right
from anacostia_blockchain.licensing.values import Price
from anacostia_blockchain.oracles import coin_price, deploy_oracles
from anacostia_blockchain.prices.values import Basis, Pricing
from anacostia_blockchain.promotion import service
from anacostia_blockchain.rollout import deploy_all
from anacostia_blockchain.types import Kind, Status
from chainlink import LocalDon, Oracles, network_of

DAY = timedelta(days=1)


def test_the_local_network_of_ape_takes_the_same_plan(tmp_path: Path) -> None:
    """`ethereum:local:foundry`, where `ape test` begins: same plan, same addresses."""
    chain = chain_of(0, tmp_path)
    assert ape.networks.provider.network_choice.startswith("ethereum:local")
    deployment = deploy_all(chain)
    deployment.check(chain)
    for name in deploying.DEPLOYED:
        assert deployment.address(name) == deploying.predicted_address(name)


class TestAnywhere:
    """On the chain with history, and on every network whose RPC URL is in the environment."""

    pytestmark = pytest.mark.usefixtures("anywhere", "restored")

    def test_the_core_is_there_or_can_be_put_there(self, deployed: Client) -> None:
        hub = deployed()
        for name in deploying.DEPLOYED:
            assert hub.deployment.address(name) == deploying.predicted_address(name)
        failed = [check for check in inspect(hub.chain, hub.deployment) if not check.passed]
        assert not failed

    def test_a_model_is_registered_offered_bought_and_read_back(self, deployed: Client) -> None:
        hub = deployed()
        model, version = hub.registry.register("forks/digits", Kind.MODEL, root("forks"))
        assert hub.models.version(f"{model}@{version}").root == root("forks")
        hub.licenses.offer(model, "open", Price.free())
        buyer = deployed(1)
        buyer.licenses.buy(model)
        assert buyer.licenses.entitled(model, Right.USE)


@pytest.mark.usefixtures("live")
class TestOldState:
    """What was written months ago is read, and goes on, with today's SDK."""

    def test_models_versions_lineage_and_status(self, client: Client) -> None:
        hub = client()
        models = {model.name: model for model in hub.models.registered()}
        assert {name: m.latest_version for name, m in models.items()} == {
            "corpus": 1,
            "acme/digits": 3,
            "digits-tuned": 2,
        }
        digits, tuned = models["acme/digits"].model_id, models["digits-tuned"].model_id
        assert hub.models.version(f"{digits}@1").status == Status.DEPRECATED
        assert hub.models.version(f"{digits}@3").root == root("digits 3")
        assert hub.models.version(f"{tuned}@1").status == Status.REVOKED
        assert hub.registry.is_tainted(tuned, 2, 64)
        assert not hub.registry.is_tainted(digits, 3, 64)

    def test_which_version_was_champion_in_each_month(self, client: Client) -> None:
        hub = client()
        (digits,) = [m.model_id for m in hub.models.registered() if m.name == "acme/digits"]
        moves = hub.registry.alias_history(digits, "champion")
        assert [move.version for move in moves] == [1, 2, 3]
        for move in moves:
            assert hub.registry.alias_at(digits, "champion", move.since) == move.version
            before = move.since - timedelta(seconds=1)
            assert hub.registry.alias_at(digits, "champion", before) == move.version - 1
        assert moves[-1].since - moves[0].since >= 60 * DAY

    def test_the_log_goes_on_from_its_old_head_and_cannot_be_rewritten(
        self, client: Client
    ) -> None:
        hub = client(ALICE)
        log = hub.ledger.log_id_of(hub.address, bytes(32))
        assert hub.ledger.head_of(log).root == merkle.root(RUNS)
        longer = [*RUNS, merkle.leaf_hash(b"run 12")]
        rewritten = [merkle.leaf_hash(b"another"), *longer[1:]]
        proof = merkle.consistency_proof(rewritten, len(RUNS))
        with pytest.raises(ContractRevertedError, match="RunLedger_"):
            hub.ledger.anchor(log, 13, merkle.root(rewritten), proof)
        proof = merkle.consistency_proof(longer, len(RUNS))
        hub.ledger.anchor(log, 13, merkle.root(longer), proof)
        assert hub.ledger.head_of(log).size == 13

    def test_old_licences_count_and_old_revenue_is_paid(self, client: Client) -> None:
        hub, carol = client(ALICE), client(CAROL)
        (digits,) = [m.model_id for m in hub.models.registered() if m.name == "acme/digits"]
        assert carol.licenses.entitled(digits, Right.USE)
        assert not carol.licenses.entitled(digits, Right.SERVE)
        before = hub.chain.balance(hub.address)
        hub.licenses.settle([digits])
        hub.licenses.claim()
        assert hub.chain.balance(hub.address) > before + 2 * PRICE


@pytest.mark.usefixtures("live")
class TestTime:
    """Expiries and delays, by waiting for them."""

    def test_a_licence_expires_on_its_day(self, client: Client) -> None:
        carol = client(CAROL)
        (held,) = carol.licenses.held()
        now = int(carol.chain.header()["timestamp"], 16)
        left = int(held.expires_at.timestamp()) - now
        assert 0 < left < DAYS * 86_400
        pass_(carol.chain, timedelta(seconds=left - 600))
        assert carol.licenses.entitled(held.id.model_id, Right.USE)
        pass_(carol.chain, timedelta(seconds=1200))
        assert not carol.licenses.entitled(held.id.model_id, Right.USE)

    def test_a_manual_price_ends_and_without_a_metric_so_does_the_sale(
        self, client: Client
    ) -> None:
        hub = client(ALICE)
        assert hub.prices.get("acme/digits").basis == Basis.MANUAL
        assert hub.prices.quote("acme/digits") > 0
        pass_(hub.chain, 10 * DAY)
        now = hub.prices.get("acme/digits")
        assert (now.basis, now.price) == (Basis.LAPSED, None)
        with pytest.raises(ContractRevertedError, match="ModelPricing_NotForSale"):
            hub.prices.quote("acme/digits")

    def test_another_workflow_reports_only_after_the_delay(self, client: Client) -> None:
        """And the one that it replaces no longer than the overlap: both deliver reports."""
        hub = client(ALICE)
        model, nodes = hub.models.get("acme/digits").model_id, nodes_of(hub)
        source = hub.prices.get("acme/digits").pricing.source
        receiver, old, new = hub.metric_receiver, nodes.workflow_id, b"\x07" * 32

        def report(workflow: bytes, value: int) -> str:
            pass_(hub.chain, timedelta(seconds=1))  # a measurement must be newer than the last
            payload = nodes.payload(receiver.address, source, model, version=3, value=value)
            signed = nodes.don.sign(nodes.header(workflow_id=workflow), payload)
            return nodes.deliver(receiver.address, signed)

        def accuracy() -> Decimal:
            return receiver.metric_of(source, model, "accuracy")[0]

        receiver.propose_workflow(source, new, old)
        opens = receiver.window_of(source, new)[0]
        ends = receiver.window_of(source, old)[1]
        assert 0 <= opens.timestamp() - nodes.now() - 86_400 < 60
        assert report(new, 600_000).startswith("MetricReceiver_UnknownWorkflow")
        assert (report(old, 700_000), accuracy()) == ("", Decimal("0.7"))
        pass_(hub.chain, timedelta(seconds=opens.timestamp() - nodes.now() - 600))
        assert report(new, 600_000).startswith("MetricReceiver_UnknownWorkflow")
        pass_(hub.chain, timedelta(seconds=1200))
        assert (report(new, 800_000), accuracy()) == ("", Decimal("0.8"))
        pass_(hub.chain, timedelta(seconds=max(1, ends.timestamp() - nodes.now() + 30)))
        assert report(old, 900_000).startswith("MetricReceiver_UnknownWorkflow")
        assert accuracy() == Decimal("0.8")


def nodes_of(hub: Anacostia) -> Oracles:
    """The nodes that report through the fork's own forwarder: their keys are known."""
    there = SimpleNamespace(address=hub.metric_receiver.forwarder())
    return Oracles(hub.chain, there, there, there, LocalDon())


@pytest.mark.usefixtures("live")
class TestNewBesideOld:
    """Contracts do not change: what is new is deployed beside them."""

    @pytest.fixture
    def beside(self, client: Client, monkeypatch) -> tuple[Anacostia, Anacostia]:
        """The suite of old and another one: as new bytecode, a new salt gives new addresses."""
        old = client()
        for module in (deploying, service):
            monkeypatch.setattr(module, "SALT", b"\x02" * 32)
        return old, Anacostia(old.chain, deploy_all(old.chain), home=old.home)

    def test_both_are_whole_and_know_nothing_of_each_other(self, beside) -> None:
        old, new = beside
        assert not {c.address for c in old.deployment.contracts.values()} & {
            new.deployment.address(name) for name in (*deploying.DEPLOYED, *deploying.CREATED)
        }
        assert new.models.registered() == []
        assert len(old.models.registered()) == 3
        assert not [c for c in inspect(new.chain, new.deployment) if not c.passed]
        model, _ = new.registry.register("acme/digits", Kind.MODEL, root("new"))
        assert model == 1
        assert len(old.models.registered()) == 3

    def test_a_registry_moves_with_everything_that_can_be_moved(self, beside, tmp_path) -> None:
        """Each creator signs for their own: names, versions, lineage, aliases, status, order."""
        old, new = beside
        migrate(old.registry, new.registry.address, tmp_path)
        for model in old.models.registered():
            moved = new.models.get(model.model_id)
            assert moved == model
            for version in range(1, model.latest_version + 1):
                before = old.registry.version_of(model.model_id, version)
                after = new.registry.version_of(model.model_id, version)
                assert (after.root, after.status, after.publisher) == (
                    before.root,
                    before.status,
                    before.publisher,
                )
                parents = [r.registry.parents_of(model.model_id, version) for r in beside]
                assert parents[0] == parents[1]
            for alias in old.registry.alias_names(model.model_id):
                found = [r.registry.alias_of(model.model_id, alias).version for r in beside]
                assert found[0] == found[1]
        assert new.nft.owner_of(2) == old.nft.owner_of(2)


def migrate(old: ModelRegistry, target: str, home: Path) -> None:
    """Publish all of a registry again in another one, in the order of old, by their publishers.

    Parents may name versions of any model: what is first in time is first here, too.
    """
    models = [old.model_of(number) for number in range(1, old.model_count() + 1)]
    versions = [
        old.version_of(model.model_id, number)
        for model in models
        for number in range(1, model.latest_version + 1)
    ]
    for version in sorted(versions, key=lambda v: (v.published_at, v.model_id, v.version)):
        model = models[version.model_id - 1]
        new = ModelRegistry(chain_of(version.publisher, home), target)
        parents = old.parents_of(version.model_id, version.version)
        if version.version == 1:
            new.register(model.name, model.kind, version.root, parents)
        else:
            new.publish(version.model_id, version.root, parents)
    for model in models:
        new = ModelRegistry(chain_of(model.creator, home), target)
        for alias in old.alias_names(model.model_id):
            new.set_alias(model.model_id, alias, old.alias_of(model.model_id, alias).version)
        for number in range(1, model.latest_version + 1):
            version = old.version_of(model.model_id, number)
            if version.status == Status.DEPRECATED:
                new.deprecate(model.model_id, number)
            elif version.status == Status.REVOKED:
                new.revoke(model.model_id, number, version.reason)


@pytest.mark.usefixtures("live")
class TestOraclesSwapped:
    """Chainlink moves a feed or its forwarder: prices go on beside, with nothing of old changed."""

    def test_a_price_by_a_new_feed_beside_the_one_by_the_old(self, client: Client) -> None:
        hub = client(ALICE)
        oracles = Oracles.start(hub.chain)
        oracles.eth_usd.send("updateAnswer", 1650 * 10**8)
        moved = network_of(oracles, hub.attested_metrics.eas())
        swapped = deploy_oracles(hub.chain, hub.deployment, moved)
        assert coin_price(hub.chain, moved) == Decimal(1650)
        for name in ("UsdFeeds", "MetricReceiver", "ModelPricing"):
            assert swapped.address(name) != hub.deployment.address(name)
        assert not [c for c in inspect(hub.chain, swapped, moved) if not c.passed]
        beside = Anacostia(hub.chain, swapped, home=hub.home)
        beside.prices.set("acme/digits", Pricing.fixed("33"))
        beside.prices.set_terms("acme/digits", None, share=1)
        assert beside.prices.quote("acme/digits") == 33 * 10**18 // 1650
        assert hub.prices.get("acme/digits").price == Decimal(25)
        assert beside.metric_receiver.forwarder() == moved.forwarder

    def test_reports_come_through_the_new_forwarder_and_no_other(self, client: Client) -> None:
        hub = client(ALICE)
        model, before, after = 2, nodes_of(hub), Oracles.start(hub.chain)
        swapped = deploy_oracles(hub.chain, hub.deployment, network_of(after))
        beside = Anacostia(hub.chain, swapped, home=hub.home)
        source = beside.prices.open_source(after.workflow_id)
        beside.prices.set(model, rules(source))
        beside.prices.set_terms(model, None, share=1)

        def report(through: Oracles, to: Anacostia) -> str:
            receiver = to.metric_receiver.address
            payload = after.payload(receiver, source, model, version=3, value=800_000)
            return through.deliver(receiver, through.don.sign(after.header(), payload))

        assert report(before, beside).startswith("MetricReceiver_NotForwarder")
        assert report(after, hub).startswith("MetricReceiver_NotForwarder")
        assert report(after, beside) == ""
        pass_(hub.chain, timedelta(hours=1))
        beside.prices.sync(model)  # toward 77.50 dollars, by a tenth at most
        assert beside.prices.get(model).price == Decimal(22)
        assert hub.prices.get(model).price == Decimal(25)

    def test_a_feed_that_stopped_serves_no_price(self, client: Client) -> None:
        hub = client(ALICE)
        assert hub.prices.quote("acme/digits") == -(-25 * 10**18 // 3300)
        pass_(hub.chain, 2 * DAY)
        with pytest.raises(ContractRevertedError, match="UsdFeeds_StaleAnswer"):
            hub.prices.quote("acme/digits")

    def test_what_is_no_forwarder_is_refused(self, client: Client) -> None:
        hub = client()
        moved = network_of(Oracles.start(hub.chain))
        wrong = dataclasses.replace(moved, forwarder=moved.feeds[0].feed)
        with pytest.raises(VersionMismatchError, match="not KeystoneForwarder"):
            deploy_oracles(hub.chain, hub.deployment, wrong)


@pytest.mark.usefixtures("live")
class TestOwners:
    """Whoever owns something on the live chain, without their key."""

    def test_an_owner_sells_and_the_publishers_rights_end(self, client: Client) -> None:
        reader = client()
        (model,) = [m for m in reader.models.registered() if m.name == "acme/digits"]
        owner = reader.nft.owner_of(model.model_id)
        hub = client(owner)
        hub.registry.set_publisher(model.model_id, client(BOB).address, 2**40 - 1)
        bob = client(BOB)
        bob.registry.publish(model.model_id, root("by bob"))
        hub.nft.transfer_from(owner, client(5).address, model.model_id)
        with pytest.raises(ContractRevertedError, match="ModelRegistry_"):
            bob.registry.publish(model.model_id, root("by bob, again"))
        with pytest.raises(ContractRevertedError, match="ModelRegistry_"):
            hub.registry.set_alias(model.model_id, "champion", 1)
        client(5).registry.set_alias(model.model_id, "champion", 1)
        assert reader.models.resolve(f"{model.model_id}@champion") == (model.model_id, 1)

    def test_nothing_reached_the_live_chain(self, client: Client) -> None:
        """The fork's own transactions stay in it."""
        hub = client(ALICE)
        upstream = Chain.connect(os.environ["LIVE_RPC_URL"], state_dir=hub.home)
        before = upstream.block_number()
        hub.registry.register("only-here", Kind.MODEL, root("only-here"))
        assert upstream.block_number() == before
        there = Anacostia(upstream, hub.deployment, home=hub.home)
        assert "only-here" not in {model.name for model in there.models.registered()}
