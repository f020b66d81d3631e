"""`client.licenses` and `client.market` on a real chain: accounts that trade."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable
from datetime import timedelta

import pytest

import mocks
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.contracts.erc20 import ERC20
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.errors import (
    ConfigError,
    ContractRevertedError,
    InsufficientFundsError,
    ModelChangedError,
    NotFoundError,
)
from anacostia_blockchain.licensing import payments
from anacostia_blockchain.licensing.terms import NATIVE, PRESETS, Right, Terms, preset
from anacostia_blockchain.licensing.values import LicenseId, Order, Price, RevenueAccount
from anacostia_blockchain.testing import LocalChain
from anacostia_blockchain.types import Kind, Parent, Relation

pytestmark = pytest.mark.integration

PRICE = 10**15
_names = itertools.count()
People = Callable[[int], Anacostia]


@pytest.fixture
def people(local_chain: LocalChain, deployment: Deployment, tmp_path) -> People:
    """A client for each development account."""
    return lambda account: Anacostia(
        local_chain.chain(account), deployment, home=tmp_path / str(account)
    )


@pytest.fixture
def alice(people: People) -> Anacostia:
    return people(6)


@pytest.fixture
def bob(people: People) -> Anacostia:
    return people(7)


@pytest.fixture
def carol(people: People) -> Anacostia:
    return people(8)


@pytest.fixture(scope="session")
def coin(local_chain: LocalChain) -> str:
    """A token that takes permits; accounts 6 to 8 have some."""
    chain = local_chain.chain(9)
    token = mocks.create(chain, "Tokens", "GoodToken")
    for account in (6, 7, 8):
        mocks.mint(chain, token, str(local_chain.chain(account).address), 10**24)
    return token


def register(hub: Anacostia, parents: tuple[Parent, ...] = ()) -> int:
    name = f"licensing/{next(_names)}"
    root = CID(0x70, hashlib.sha256(name.encode()).digest())
    return hub.registry.register(name, Kind.MODEL, root, parents)[0]


def refused(name: str):
    return pytest.raises(ContractRevertedError, match=f"^{name}")


class TestTerms:
    @pytest.mark.parametrize("name", PRESETS)
    def test_ids_are_those_of_the_contract(self, hub: Anacostia, name: str) -> None:
        """The receipt's event says the id, and so does what is read back."""
        terms = preset(name)
        assert hub.licenses.register(name) == terms.id
        assert hub.licenses.terms(terms.id) == terms
        logs = hub.licensing.logs("TermsRegistered", terms.id)
        assert [log.values["termsId"] for log in logs] == [terms.id]

    def test_registering_again_sends_nothing(self, hub: Anacostia) -> None:
        hub.licenses.register("open")
        before = hub.chain.block_number()
        hub.licenses.register(preset("open"))
        assert hub.chain.block_number() == before

    def test_unknown_terms(self, hub: Anacostia) -> None:
        with pytest.raises(NotFoundError, match="no terms 0x0101"):
            hub.licenses.terms(b"\1" * 32)

    def test_contradictions_are_named(self, hub: Anacostia) -> None:
        terms = Terms(rights=frozenset({Right.USE}), royalty_bps=1)
        with refused("TermsLib_NotCommercial"):
            hub.licenses.register(terms)
        with refused("TermsLib_CheckerNotAsked"):
            hub.licenses.register(Terms(checker=hub.address))


class TestOffersAndLicences:
    def test_offer_buy_and_check(self, alice: Anacostia, bob: Anacostia) -> None:
        model = register(alice)
        offer = alice.licenses.offer(model, "commercial-use", Price.native(PRICE), supply=3)
        assert (offer.number, offer.price, offer.supply, offer.sold) == (
            *(1, Price.native(PRICE)),
            *(3, 0),
        )
        assert offer.is_open
        assert bob.licenses.quote(model) == PRICE
        assert not bob.licenses.entitled(model, Right.SERVE)

        before = bob.chain.balance(bob.address)
        first, second = bob.licenses.buy(model, quantity=2)
        assert first.id == LicenseId(model, 1, 1)
        assert second.id == LicenseId(model, 1, 2)
        assert first.holder == bob.address
        assert first.terms_id == preset("commercial-use").id
        assert not first.locked
        assert first.is_valid()
        paid = before - bob.chain.balance(bob.address)
        assert 2 * PRICE < paid < 2 * PRICE + 10**15, "the price and gas"
        assert bob.licenses.entitled(model, Right.SERVE)
        assert not bob.licenses.entitled(model, Right.FINETUNE)
        assert alice.licenses.entitled(model, Right.FINETUNE), "the owner may"
        assert bob.licenses.held(model=model) == [first, second]
        assert alice.licenses.offers(model)[0].sold == 2

        with refused("ModelLicensing_SoldOut"):
            bob.licenses.buy(model, quantity=2)
        assert bob.licenses.quote(model) == PRICE
        bob.licenses.buy(model)
        with refused("ModelLicensing_SoldOut"):
            bob.licenses.quote(model)

    def test_what_is_sent_too_much_comes_back(self, alice: Anacostia, bob: Anacostia) -> None:
        model = register(alice)
        alice.licenses.offer(model, "open", Price.native(PRICE))
        before = bob.chain.balance(bob.address)
        bob.licenses.buy(model, max_pay=10**18)
        assert before - bob.chain.balance(bob.address) < PRICE + 10**15

    def test_a_limit_below_the_price(self, alice: Anacostia, bob: Anacostia) -> None:
        model = register(alice)
        alice.licenses.offer(model, "open", Price.native(PRICE))
        with refused("Payments_AboveMaxPay"):
            bob.licenses.buy(model, max_pay=PRICE - 1)

    def test_nothing_is_offered_or_too_much(self, alice: Anacostia, bob: Anacostia) -> None:
        model = register(alice)
        with pytest.raises(NotFoundError, match="no licence of model"):
            bob.licenses.buy(model)
        alice.licenses.offer(model, "open", Price.free())
        alice.licenses.offer(model, "cc-by", Price.free())
        with pytest.raises(ConfigError, match="has offers 1, 2: say which"):
            bob.licenses.buy(model)
        assert bob.licenses.buy(model, offer=2)[0].id.offer == 2
        alice.licenses.withdraw(model, 1)
        assert [offer.is_open for offer in bob.licenses.offers(model)] == [False, True]
        assert bob.licenses.buy(model)[0].id.offer == 2
        alice.licenses.reprice(model, 1, Price.native(1))
        assert bob.licenses.quote(model, 1) == 1

    def test_zero_is_not_free(self, alice: Anacostia) -> None:
        with refused("Payments_ZeroPrice"):
            alice.licenses.offer(register(alice), "open", Price.native(0))

    def test_periods(self, alice: Anacostia, bob: Anacostia) -> None:
        model = register(alice)
        alice.licenses.offer(model, "evaluation-only", Price.native(PRICE))
        (licence,) = bob.licenses.buy(model)
        (longer,) = bob.licenses.buy(model, quantity=2)
        assert longer.id == licence.id
        assert licence.expires_at is not None
        assert longer.expires_at == licence.expires_at + timedelta(days=60)
        assert longer.locked
        with refused("LicenseToken_Locked"):
            bob.license_token.transfer_from(bob.address, alice.address, licence.id)

    def test_a_licence_that_is_handed_on(self, alice: Anacostia, bob: Anacostia) -> None:
        model = register(alice)
        alice.licenses.offer(model, "commercial-use", Price.free())
        (licence,) = bob.licenses.buy(model, recipient=alice.address)
        assert licence.holder == alice.address
        alice.license_token.transfer_from(alice.address, bob.address, licence.id)
        assert [found.id for found in bob.licenses.held(model=model)] == [licence.id]
        assert alice.licenses.held(model=model) == []
        bob.license_token.burn(licence.id)
        assert bob.licenses.held(model=model) == []
        with pytest.raises(NotFoundError, match="there is no licence"):
            bob.licenses.get(str(licence.id))

    def test_offers_end_with_a_transfer(
        self, alice: Anacostia, bob: Anacostia, carol: Anacostia
    ) -> None:
        model = register(alice)
        alice.licenses.offer(model, "open", Price.native(PRICE))
        carol.licenses.buy(model)
        alice.nft.transfer_from(alice.address, bob.address, model)
        assert not carol.licenses.offers(model)[0].is_open
        with refused("ModelLicensing_OfferEnded"):
            carol.licenses.buy(model, offer=1)
        bob.licenses.reprice(model, 1, Price.native(2 * PRICE))
        carol.licenses.buy(model)
        assert alice.licenses.collect([model]) == PRICE
        assert bob.licenses.collect([model]) == 2 * PRICE


class TestTokens:
    def test_one_transaction_with_a_permit(
        self, alice: Anacostia, bob: Anacostia, coin: str
    ) -> None:
        model = register(alice)
        alice.licenses.offer(model, "open", Price.token(coin, 500))
        before = bob.chain.block_number()
        bob.licenses.buy(model, max_pay=700)
        assert bob.chain.block_number() == before + 1
        assert ERC20(bob.chain, coin).allowance(bob.address, bob.licensing.address) == 200
        assert ERC20(bob.chain, coin).balance_of(bob.licensing.address) >= 500
        assert alice.licenses.collect([model], coin) == 500

    def test_approved_where_the_token_takes_no_permit(
        self, alice: Anacostia, bob: Anacostia, local_chain: LocalChain
    ) -> None:
        token = mocks.create(local_chain.chain(9), "Tokens", "SilentToken")
        mocks.mint(local_chain.chain(9), token, bob.address, 500)
        model = register(alice)
        alice.licenses.offer(model, "open", Price.token(token, 500))
        bob.licenses.buy(model)
        assert alice.licenses.collect([model], token) == 500

    def test_a_token_that_speaks_for_another_is_not_believed(
        self, bob: Anacostia, coin: str
    ) -> None:
        proxy = ERC20(bob.chain, coin)
        assert proxy.sign_permit(bob.licensing.address, 1, 2**40) is not None
        proxy.address = "0x" + "11" * 20
        proxy._read = lambda function, *_: (  # as a malicious contract would answer
            (b"\x0f", "Good", "1", 31337, coin, bytes(32), []) if function != "nonces" else 0
        )
        assert proxy.sign_permit(bob.licensing.address, 1, 2**40) is None

    def test_tokens_that_cheat_are_named(
        self, alice: Anacostia, bob: Anacostia, local_chain: LocalChain
    ) -> None:
        token = mocks.create(local_chain.chain(9), "Tokens", "FeeToken")
        mocks.mint(local_chain.chain(9), token, bob.address, 1000)
        model = register(alice)
        alice.licenses.offer(model, "open", Price.token(token, 500))
        with refused("Payments_WrongAmountReceived"):
            bob.licenses.buy(model)

    def test_too_little_is_said_before_anything_is_sent(
        self, alice: Anacostia, bob: Anacostia, coin: str
    ) -> None:
        model = register(alice)
        alice.licenses.offer(model, "open", Price.token(coin, 10**30))
        before = bob.chain.block_number()
        with pytest.raises(InsufficientFundsError, match=f"of token {coin}, not"):
            bob.licenses.buy(model)
        assert bob.chain.block_number() == before


class TestRoyalties:
    def test_three_generations(self, alice: Anacostia, bob: Anacostia, carol: Anacostia) -> None:
        base = register(alice)
        remix = preset("commercial-remix", royalty_bps=1000)
        alice.licenses.offer(base, remix, Price.native(PRICE))
        child = register(bob, (Parent(base, 1, Relation.DISTILLATION),))
        licences = bob.licenses.buy(base)
        (owed,) = bob.licenses.derive(child, licences)
        assert (owed.model_id, owed.share_bps, owed.version) == (base, 1000, 1)
        assert owed.relation == Relation.DISTILLATION, "as the registry says"
        assert owed.license == licences[0].id
        assert bob.licenses.get(licences[0].id).derivative == child
        with refused("ModelLicensing_IncompatibleTerms"):
            bob.licenses.offer(child, "open", Price.native(PRICE))
        bob.licenses.offer(child, remix, Price.native(PRICE))

        grandchild = register(carol)
        carol.licenses.derive(grandchild, carol.licenses.buy(child))
        carol.licenses.offer(grandchild, remix, Price.native(PRICE))
        alice.licenses.buy(grandchild)
        carol.licenses.pay(grandchild, PRICE)
        assert alice.licenses.derivatives(base) == [child]

        pending = RevenueAccount(grandchild, carol.address)
        assert carol.licensing.revenue_of(pending).earned == 2 * PRICE
        assert alice.licenses.pending(grandchild) == 2 * PRICE
        # Alice is owed her own sale, 10 % of bob's, and 1 % of carol's two.
        assert alice.licenses.collect([base]) == PRICE + PRICE // 10 + 2 * PRICE // 100
        assert bob.licenses.claimable() == (PRICE + 2 * PRICE // 10) * 9 // 10
        assert bob.licenses.claim() == (PRICE + 2 * PRICE // 10) * 9 // 10
        assert carol.licenses.collect([grandchild]) == 2 * PRICE * 9 // 10
        assert carol.licenses.collect([grandchild]) == 0
        assert carol.licenses.settle([grandchild, child, base]) == 0

    def test_approval(self, alice: Anacostia, bob: Anacostia) -> None:
        base, child = register(alice), register(bob)
        strict = Terms(derivatives_approval=True)
        alice.licenses.offer(base, strict, Price.free())
        licences = bob.licenses.buy(base)
        with refused("ModelLicensing_NotApproved"):
            bob.licenses.derive(child, licences)
        alice.licenses.approve(base, child)
        bob.licenses.derive(child, licences, Relation.ADAPTER)
        assert bob.licenses.parents(child)[0].relation == Relation.ADAPTER
        assert bob.licensing.is_licensed(child, base)


class TestMarket:
    def test_a_model_is_sold(self, alice: Anacostia, bob: Anacostia, carol: Anacostia) -> None:
        model = register(alice)
        alice.nft.set_royalty(model, carol.address, 500)
        remix = preset("commercial-remix", royalty_bps=1000)
        alice.licenses.offer(model, remix, Price.native(PRICE))
        child = register(carol)
        carol.licenses.derive(child, carol.licenses.buy(model))
        carol.licenses.offer(child, remix, Price.native(PRICE))
        alice.licenses.buy(child)

        listing = alice.market.list(model, Price.native(10**18))
        assert (listing.seller, listing.price) == (alice.address, Price.native(10**18))
        assert listing in list(bob.market.listings())
        assert bob.market.quote(model) == 10**18
        (asked,) = bob.model_market.settled_first(model)
        assert (asked.model_id, asked.owner) == (child, carol.address)
        with refused("ModelMarket_NotSettled"):  # past the SDK
            until = payments.deadline(bob.chain)
            order = Order(model, NATIVE, 10**18, until, bob.address, listing.state)
            bob.model_market.buy(order, value=10**18)
        # What was made of it since is settled as well.
        grandchild = register(carol)
        carol.licenses.derive(grandchild, carol.licenses.buy(child))
        carol.licenses.offer(grandchild, remix, Price.native(PRICE))
        alice.licenses.buy(grandchild)
        before = carol.market.claimable()
        with refused("Payments_AboveMaxPay"):
            bob.market.buy(model, max_pay=10**17)
        bob.market.buy(model)
        assert bob.nft.owner_of(model) == bob.address
        assert bob.nft.owners_ever(model) == [alice.address, bob.address]
        assert carol.market.claimable() - before == 5 * 10**16, "royalty"
        alice.market.claim()
        assert alice.market.claimable() == 0
        # The derivative's royalty was settled in the purchase, for the seller.
        earned = PRICE + (2 * PRICE + PRICE // 10) // 10  # of a child that sold two, and a tenth
        assert alice.licenses.collect([model]) == earned
        assert bob.licenses.collect([model]) == 0
        assert bob.model_market.max_settled() == 32
        with pytest.raises(NotFoundError, match="is not for sale"):
            bob.market.get(model)

    def test_what_changed_since_it_was_looked_at_is_not_bought(
        self, alice: Anacostia, bob: Anacostia
    ) -> None:
        model = register(alice)
        alice.market.list(model, Price.native(5))
        seen = bob.market.get(model)
        assert seen.state == bob.model_market.state_of(model)
        alice.nft.set_royalty(model, alice.address, 2500)
        with pytest.raises(ModelChangedError, match="its royalty, parents, offers or versions"):
            bob.market.buy(model, state=seen.state)
        assert bob.nft.owner_of(model) == alice.address
        again = bob.market.get(model)
        assert again.state != seen.state
        bob.market.buy(model, state=again.state)
        assert bob.nft.owner_of(model) == bob.address

    def test_listings_end(self, alice: Anacostia, bob: Anacostia) -> None:
        model = register(alice)
        alice.market.list(model, Price.native(5), valid_for=timedelta(hours=1))
        with refused("ModelMarket_NotOwner"):
            bob.market.cancel(model)
        alice.market.cancel(model)
        with pytest.raises(NotFoundError, match="is not for sale"):
            bob.market.buy(model)
        with refused("ModelMarket_NotOwner"):
            bob.market.list(model, Price.native(5))

    def test_for_tokens(self, alice: Anacostia, bob: Anacostia, coin: str) -> None:
        model = register(alice)
        alice.market.list(model, Price.token(coin, 77))
        bob.market.buy(model, recipient=alice.address)
        assert alice.market.claimable(coin) == 77
        alice.market.claim(coin, bob.address)


class TestKeys:
    """Asked for and answered by event; what is in the envelope is the reader's business."""

    def test_whoever_is_given_a_licence_asks_itself(
        self, alice: Anacostia, bob: Anacostia, carol: Anacostia
    ) -> None:
        model = register(alice)
        alice.licenses.offer(model, "evaluation-only", Price.free())
        (licence,) = bob.licenses.buy(
            model, recipient=bob.address.lower(), encryption_key=b"\7" * 32
        )
        before = carol.chain.block_number()
        with pytest.raises(ConfigError, match=f"{bob.address} itself has to ask for a key"):
            carol.licenses.buy(model, recipient=bob.address, encryption_key=b"\10" * 32)
        assert carol.chain.block_number() == before, "nothing was sent"
        (longer,) = carol.licenses.buy(model, recipient=bob.address)
        assert longer.id == licence.id
        (wish,) = alice.licenses.keys.requests(model)
        assert wish.encryption_key == b"\7" * 32, "bob's, as before"

    def test_with_a_purchase(self, alice: Anacostia, bob: Anacostia, carol: Anacostia) -> None:
        model = register(alice)
        alice.licenses.offer(model, "commercial-use", Price.free())
        (licence,) = bob.licenses.buy(model, encryption_key=b"\7" * 32)
        (wish,) = alice.licenses.keys.requests(model, version=1)
        assert (wish.license_id, wish.licensee, wish.encryption_key) == (
            *(licence.id, bob.address),
            b"\7" * 32,
        )
        assert bob.licenses.keys.envelope(licence.id, 1) is None
        with refused("ModelLicensing_NotPublisher"):
            carol.licenses.keys.deliver(licence.id, 1, b"forged")
        alice.licenses.keys.deliver(licence.id, 1, b"sealed")
        assert bob.licenses.keys.envelope(licence.id, 1) == b"sealed"
        assert alice.licenses.keys.requests(model, version=1) == []
        assert alice.licenses.keys.requests(model) == [wish]

        # A new key is a new wish; so is the same licence in other hands.
        bob.licenses.keys.request(licence.id, b"\10" * 32)
        (again,) = alice.licenses.keys.requests(model, version=1)
        assert again.encryption_key == b"\10" * 32
        bob.license_token.transfer_from(bob.address, carol.address, licence.id)
        assert alice.licenses.keys.requests(model, version=1) == [], "bob holds it no longer"
        with refused("ModelLicensing_NotHolder"):
            bob.licenses.keys.request(licence.id, b"\11" * 32)


def test_constants_and_addresses(hub: Anacostia) -> None:
    licensing, licences, market = hub.licensing, hub.license_token, hub.model_market
    assert licensing.registry() == hub.registry.address
    assert licensing.nft() == market.nft() == hub.nft.address
    assert licensing.license_token() == licences.address
    assert licences.licensing() == market.licensing() == licensing.address
    assert licensing.version() == licences.version() == market.version() == "1.0.0"
    assert (licensing.max_parents(), licensing.max_offers()) == (8, 64)
    assert (licensing.max_quantity(), licensing.max_batch()) == (32, 64)
    assert licensing.max_envelope() == 1024
    assert licences.contract_uri().startswith("data:application/json")


def test_a_licence_as_a_token(alice: Anacostia, bob: Anacostia) -> None:
    model = register(alice)
    alice.licenses.offer(model, "evaluation-only", Price.free())
    (licence,) = bob.licenses.buy(model)
    licences = bob.license_token
    assert f'"Licence {licence.id}"' in licences.token_uri(licence.id)
    holding = licences.holding_of(bob.address, model, 1)
    assert (holding.count, holding.serial, holding.locked) == (1, licence.id.serial, True)
    assert holding.expires_at == licence.expires_at == licences.expires_at(licence.id)
    assert licences.is_holder(bob.address, model, 1)
    assert licences.balance_of(bob.address) >= 1
    assert not alice.licensing.is_approved(model, model)
