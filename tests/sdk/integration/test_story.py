"""`client.story`: conformance, on the double or on Story's own contracts; see `story_double.py`.

Tests that take the fixture `double` need what only Story's administrators can do, and are skipped
on the real contracts; all others run on both, unchanged.
"""

from __future__ import annotations

import hashlib
import itertools
import os
from dataclasses import replace
from datetime import timedelta

import pytest
from eth_utils import keccak

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.errors import ConfigError, ContractRevertedError, NotFoundError
from anacostia_blockchain.licensing import payments
from anacostia_blockchain.licensing.base import Licensing
from anacostia_blockchain.licensing.terms import PRESETS, Right, commercial_remix, preset
from anacostia_blockchain.licensing.values import Price
from anacostia_blockchain.story import adapter
from anacostia_blockchain.story.pil import WHOLE
from anacostia_blockchain.story.values import StoryPurchase
from anacostia_blockchain.testing import LocalChain
from story_double import StoryDouble
from story_world import RPC_URL, World, model, world_of

pytestmark = pytest.mark.integration

PRICE = 10**15
REMIX = commercial_remix(1000)
_names = itertools.count(int.from_bytes(os.urandom(4), "big"))


@pytest.fixture
def double(world: World) -> StoryDouble:
    if world.double is None:
        pytest.skip("needs Story's administrators: runs on the double only")
    return world.double


def offered(hub: Anacostia, price: int = PRICE) -> int:
    made = model(hub)
    hub.story.offer(made, REMIX, Price.native(price))
    return made


def derived(hub: Anacostia, *parents: int, price: int = PRICE) -> int:
    """A model made of others under licences, and offered in turn."""
    made = model(hub)
    hub.story.derive(made, [hub.story.buy(parent)[0] for parent in parents])
    hub.story.offer(made, REMIX, Price.native(price))
    return made


def refused(name: str):
    return pytest.raises(ContractRevertedError, match=f"^{name}")


def test_where_it_runs(world: World) -> None:
    if not RPC_URL:
        pytest.skip("STORY_RPC_URL is not set: every test below ran on the double alone")
    assert world.double is None


class TestAssets:
    def test_registering_is_anybodys_and_changes_no_owner(self, alice, bob) -> None:
        made = model(alice)
        ip_id = alice.story.ip_of(made)
        assert not alice.story.is_registered(made)
        assert bob.story.register(made) == ip_id == alice.story.register(made)
        assert alice.story.is_registered(ip_id)
        assert alice.story.parts.account(ip_id).read("owner") == alice.address.lower()
        assert alice.story.model_of(ip_id) == made

    def test_the_asset_follows_the_model(self, alice, bob) -> None:
        made = model(alice)
        ip_id = alice.story.register(made)
        alice.nft.transfer_from(alice.address, bob.address, made)
        assert bob.story.parts.account(ip_id).read("owner") == bob.address.lower()

    def test_metadata(self, alice) -> None:
        made = model(alice)
        ip_id = alice.story.register(made)
        receipt = alice.story.set_metadata(made, "ipfs://bafy/metadata.json", b"ip", b"nft")
        (event,) = alice.story.parts.metadata.events("MetadataURISet", receipt)
        assert event["ipId"].lower() == ip_id.lower()
        assert event["metadataURI"] == "ipfs://bafy/metadata.json"
        assert event["metadataHash"] == hashlib.sha256(b"ip").digest()
        (event,) = alice.story.parts.metadata.events("NFTTokenURISet", receipt)
        assert event["nftTokenURI"] == alice.nft.token_uri(made)

    def test_describe_reads_what_is_published(self, alice, tmp_path) -> None:
        folder = tmp_path / "m"
        folder.mkdir()
        (folder / "weights").write_bytes(b"1")
        name = f"s{next(_names)}"
        alice.models.publish(folder, name)
        made = alice.models.resolve(name)[0]
        alice.story.register(made)
        assert alice.story.describe(made) == alice.nft.token_uri(made)

    def test_strangers_may_not(self, alice, bob) -> None:
        made = offered(alice)
        terms_id = bob.story.register_terms("commercial-use")
        with refused("AccessController__PermissionDenied"):
            bob.story.attach(made, terms_id)
        with refused("AccessController__PermissionDenied"):
            bob.story.set_metadata(made, "ipfs://evil", b"")
        coin = bob.story.parts.coin
        with pytest.raises(ContractRevertedError):
            bob.story.execute(made, coin.encode("transfer", bob.address, 0))

    def test_a_permission_sleeps_when_the_model_is_sold_and_wakes(self, alice, bob, carol) -> None:
        """It is the owner's who gave it: not the next one's, and its giver's again later."""
        made = model(alice)
        ip_id, licensing = alice.story.register(made), alice.story.parts.licensing
        attach = keccak(text="attachLicenseTerms(address,address,uint256)")[:4]
        where = (ip_id, carol.address, licensing.address, attach)
        alice.story.parts.access.send("setPermission", *where, 1)
        terms = iter([commercial_remix(bps) for bps in (1100, 1200, 1300)])

        def attached_by_carol() -> None:
            carol.story.attach(made, carol.story.register_terms(next(terms)))

        attached_by_carol()
        alice.nft.transfer_from(alice.address, bob.address, made)
        with refused("AccessController__PermissionDenied"):
            attached_by_carol()
        bob.nft.transfer_from(bob.address, alice.address, made)
        attached_by_carol()
        assert len(alice.story.attached(made)) == 2

    def test_another_contracts_token(self, alice, world) -> None:
        with pytest.raises(ContractRevertedError):
            alice.story.parts.assets.send(
                "register", alice.chain.chain_id, world.addresses.wrapped_coin, 1
            )


class TestTerms:
    @pytest.mark.parametrize("name", PRESETS)
    def test_presets(self, alice, name: str) -> None:
        """Story finds again, and returns, exactly what was computed here."""
        pil = alice.story.pil(name)
        terms_id = alice.story.register_terms(name)
        assert alice.story.pil_terms(terms_id) == pil
        assert alice.story.terms(terms_id) == preset(name)
        assert alice.story.parts.template.read("getLicenseTermsId", pil.to_abi()) == terms_id
        assert alice.story.register_terms(pil) == terms_id
        template = alice.story.parts.template
        logs = list(
            alice.chain.logs(
                template.address,
                template.interface,
                "LicenseTermsRegistered",
                topics=[terms_id.to_bytes(32, "big")],
            )
        )
        assert [log.values["licenseTerms"] for log in logs] == [pil.encoded]

    def test_contradictions_have_storys_names(self, alice) -> None:
        for changes, error in [
            ({"royalty_policy": "0x" + "0" * 40}, "CommercialEnabled_RoyaltyPolicyRequired"),
            ({"currency": alice.address}, "CurrencyTokenNotWhitelisted"),
            ({"royalty_policy": alice.address}, "RoyaltyPolicyNotWhitelisted"),
            ({"currency": "0x" + "0" * 40}, "RoyaltyPolicyRequiresCurrencyToken"),
            ({"derivatives_allowed": False}, "DerivativesDisabled_CantAddAttribution"),
            ({"commercial_use": False}, "CommercialDisabled_CantAddAttribution"),
        ]:
            terms = replace(alice.story.pil(REMIX), **changes)
            with refused(f"PILicenseTemplate__{error}"):
                alice.story.register_terms(terms)

    def test_unknown(self, alice) -> None:
        with pytest.raises(NotFoundError, match="no terms 999999999 are"):
            alice.story.terms(999_999_999)
        with refused("LicensingModule__LicenseTermsNotFound"):
            made = model(alice)
            alice.story.register(made)
            alice.story.attach(made, 999_999_999)

    def test_attaching_twice(self, alice) -> None:
        made = offered(alice)
        with refused("LicenseRegistry__LicenseTermsAlreadyAttached"):
            alice.story.attach(made, alice.story.attached(made)[0])


class TestLicences:
    def test_offer_buy_and_check(self, alice, bob) -> None:
        made = model(alice)
        offer = alice.story.offer(made, "commercial-use", Price.native(PRICE))
        assert (offer.price, offer.sold, offer.is_open) == (Price.native(PRICE), 0, True)
        assert bob.story.quote(made, quantity=2) == 2 * PRICE
        assert not bob.story.entitled(made, Right.SERVE)
        first, second = bob.story.buy(made, quantity=2)
        assert second.id.serial == first.id.serial + 1
        assert first.holder == bob.address
        assert not first.locked
        assert bob.story.entitled(made, Right.SERVE)
        assert not bob.story.entitled(made, Right.FINETUNE)
        assert alice.story.entitled(made, Right.FINETUNE), "the owner may"
        assert bob.story.held(model=made) == [first, second]
        assert alice.story.offers(made)[0].sold == 2
        assert alice.story.claimable(made) == 2 * PRICE

    def test_free_and_locked(self, alice, bob) -> None:
        made = model(alice)
        alice.story.offer(made, "evaluation-only", Price.free())
        (licence,) = bob.story.buy(made)
        assert licence.locked
        assert licence.is_valid()
        assert licence.expires_at is not None
        assert not licence.is_valid(licence.expires_at)
        with refused("LicenseToken__NotTransferable"):
            bob.story.parts.token.send(
                "transferFrom", bob.address, alice.address, licence.id.serial
            )

    def test_a_price_can_change_and_an_offer_end(self, alice, bob) -> None:
        made = offered(alice)
        terms_id = alice.story.attached(made)[0]
        alice.story.offer(made, REMIX, Price.native(2 * PRICE))
        with pytest.raises(ConfigError, match="nothing was bought"):
            bob.story.buy(made, max_pay=PRICE)
        alice.story.withdraw_offer(made, terms_id)
        with pytest.raises(NotFoundError, match="offered on Story now"):
            bob.story.buy(made)
        with refused("LicensingModule__LicenseDisabled"):
            bob.story.buy(made, offer=terms_id)
        alice.story.offer(made, REMIX, Price.native(PRICE))
        assert len(bob.story.buy(made)) == 1

    def test_a_price_is_not_below_the_terms_own(self, alice) -> None:
        terms = commercial_remix(1000, min_price=PRICE)
        with refused("LicensingModule__LicensingConfigMintingFeeBelowLicenseTerms"):
            alice.story.offer(model(alice), terms, Price.native(PRICE - 1))

    def test_shares_above_what_the_buyer_accepts(self, alice, bob) -> None:
        with refused("LicenseToken__CommercialRevenueShareExceedMaxRevenueShare"):
            bob.story.buy(offered(alice), max_share_bps=999)

    def test_terms_that_are_not_offered(self, alice, bob) -> None:
        made = offered(alice)
        with refused("LicenseRegistry__LicensorIpHasNoLicenseTerms"):
            bob.story.buy(made, offer=alice.story.register_terms("open"))

    @pytest.mark.parametrize(
        ("terms", "price", "supply", "reason"),
        [
            ("open", Price.native(1), 7, "limits no supply"),
            ("open", Price.quoted("0x" + "1" * 40), 0, "no pricing contract"),
            ("open", Price(), 0, "a price of zero"),
            ("non-commercial", Price.native(1), 0, "commercial licences only"),
            ("open", Price.token("0x" + "1" * 40, 1), 0, "are paid in"),
        ],
    )
    def test_what_story_cannot_do(self, alice, terms, price, supply, reason) -> None:
        with pytest.raises(ConfigError, match=reason):
            alice.story.offer(model(alice), terms, price, supply=supply)


class TestDerivatives:
    def test_under_a_licence(self, alice, bob) -> None:
        base = offered(alice)
        (licence,) = bob.story.buy(base)
        child = model(bob)
        (parent,) = bob.story.derive(child, [licence])
        assert (parent.model_id, parent.share_bps) == (base, 1000)
        with pytest.raises(NotFoundError, match="no licence"):
            bob.story.get(licence.id)
        with refused("LicenseToken__|ERC721NonexistentToken"):
            bob.story.derive(model(bob), [licence])
        with refused("LicenseRegistry__DerivativeAlreadyRegistered"):
            bob.story.derive(child, bob.story.buy(base))

    def test_at_once(self, alice, bob) -> None:
        base = offered(alice)
        child = model(bob)
        terms_id = alice.story.attached(base)[0]
        with pytest.raises(ConfigError, match="nothing was derived"):
            bob.story.derive_at_once(child, [(base, terms_id)], max_pay=1)
        (parent,) = bob.story.derive_at_once(child, [(base, terms_id)])
        assert parent.share_bps == 1000
        assert alice.story.claimable(base) == PRICE

    def test_what_cannot_become_one(self, alice, bob) -> None:
        base = offered(alice)
        licence = bob.story.buy(base)
        with refused("LicenseRegistry__DerivativeIpAlreadyHasLicense"):
            bob.story.derive(offered(bob), licence)
        with refused("LicenseToken__CallerAndChildIPNotTokenOwner"):
            alice.story.derive(model(alice), licence)
        own = alice.story.buy(base)
        with refused("LicenseToken__ChildIPAlreadyHasBeenMintedLicenseTokens"):
            alice.story.derive(base, own)
        with refused("LicenseRegistry__DuplicateParentIp"):
            bob.story.derive(model(bob), bob.story.buy(base, quantity=2))
        with refused("AccessController__PermissionDenied"):
            bob.story.derive(model(alice), licence)

    def test_terms_of_a_derivative_are_its_parents(self, alice, bob) -> None:
        child = derived(bob, offered(alice))
        with refused("LicensingModule__DerivativesCannotAddLicenseTerms"):
            bob.story.offer(child, "open", Price.native(PRICE))

    def test_no_derivatives_of_derivatives_without_share_alike(self, alice, bob) -> None:
        base = model(alice)
        alice.story.offer(base, "cc-by", Price.native(PRICE))
        child = model(bob)
        bob.story.derive(child, bob.story.buy(base))
        with refused("LicensingModule__LicenseDenyMintLicenseToken"):
            alice.story.buy(child)

    def test_approval(self, alice, bob) -> None:
        base, child = model(alice), model(bob)
        terms = replace(REMIX, derivatives_approval=True)
        offer = alice.story.offer(base, terms, Price.native(PRICE))
        licence = bob.story.buy(base)
        with refused("LicensingModule__LicenseTokenNotCompatibleForDerivative"):
            bob.story.derive(child, licence)
        alice.story.approve(base, offer.number, child)
        assert bob.story.derive(child, licence)


class TestMoney:
    def test_two_generations(self, alice, bob, carol) -> None:
        """Each ancestor has its tenth of what every descendant earns."""
        base = offered(alice)
        child = derived(bob, base)
        grandchild = derived(carol, child)
        assert carol.story.stack_of(grandchild) == pytest.approx(0.2)
        alice.story.collect([base])
        bob.story.collect([child])
        carol.story.pay(grandchild, 10 * PRICE)
        assert alice.story.collect([base]) == PRICE
        assert bob.story.collect([child]) == PRICE
        assert carol.story.collect([grandchild]) == 8 * PRICE
        assert alice.story.collect([base]) == 0, "nothing is paid twice"

    def test_a_diamond(self, alice, bob, carol) -> None:
        base = offered(alice)
        both = [derived(person, base) for person in (bob, carol)]
        merge = derived(carol, *both)
        assert carol.story.stack_of(merge) == pytest.approx(0.4)
        alice.story.collect([base])
        carol.story.pay(merge, 10 * PRICE)
        assert alice.story.collect([base]) == 2 * PRICE, "once for each path"

    def test_collecting_skips_what_has_nothing(self, alice, bob) -> None:
        base = offered(alice)
        derived(bob, base)
        assert alice.story.settle([base]) == 0
        assert alice.story.collect([base]) == PRICE
        coins = alice.chain.balance(alice.address)
        assert alice.story.unwrap(PRICE) == PRICE
        assert alice.chain.balance(alice.address) > coins

    def test_only_the_owner_takes_it_out(self, alice, bob) -> None:
        base = offered(alice)
        bob.story.buy(base)
        assert bob.story.claim(base) == PRICE, "anybody moves it into the account"
        with pytest.raises(ContractRevertedError):
            bob.story.withdraw(base)
        assert alice.story.withdraw(base) == PRICE

    def test_what_story_refuses(self, alice, bob) -> None:
        made = offered(alice)
        with refused("RoyaltyModule__ZeroAmount"):
            bob.story.pay(made, 0)
        with refused("RoyaltyModule__ZeroReceiverVault"):
            other = model(alice)
            alice.story.register(other)
            bob.story._allow(bob.story.addresses.wrapped_coin, bob.story.parts.royalties.address, 1)
            bob.story.parts.royalties.send(
                "payRoyaltyOnBehalf",
                *(bob.story.ip_of(other), "0x" + "0" * 40),
                *(bob.story.addresses.wrapped_coin, 1),
            )


class TestOneInterface:
    @pytest.mark.parametrize("backend", ["licenses", "story"])
    def test_the_same_acts_on_both(self, alice, bob, carol, backend: str) -> None:
        """What the example of royalties does, by the protocol that both backends fulfil."""
        first, second, third = (getattr(hub, backend) for hub in (alice, bob, carol))
        base, child = model(alice), model(bob)
        sell_and_derive(first, second, third, base, child)
        assert second.parents(child)[0].share_bps == 1000
        assert third.entitled(child, Right.SERVE)
        paid = [backend.collect([made]) for backend, made in ((second, child), (first, base))]
        assert sum(paid) == 30 * PRICE, "all that was paid in"
        assert paid[0] == 18 * PRICE


def sell_and_derive(
    first: Licensing, second: Licensing, third: Licensing, base: int, child: int
) -> None:
    first.offer(base, REMIX, Price.native(10 * PRICE))
    second.derive(child, second.buy(base))
    second.offer(child, REMIX, Price.native(10 * PRICE))
    third.buy(child)
    third.pay(child, 10 * PRICE)


def test_a_derivative_expires(tmp_path) -> None:
    """On a chain of its own, whose clock can be moved; so it runs on the double alone."""
    if RPC_URL:
        pytest.skip("nobody moves the clock of a real chain")
    with LocalChain() as local:
        local.deploy()
        world = world_of(local, tmp_path)
        alice, bob = world.person(0, tmp_path), world.person(1, tmp_path)
        base, child, late = model(alice), model(bob), model(bob)
        terms = replace(REMIX, duration=timedelta(days=30))
        alice.story.offer(base, terms, Price.native(PRICE))
        first, second = bob.story.buy(base, quantity=2)
        bob.story.derive(child, [first])
        bob.story.offer(child, terms, Price.native(PRICE))
        alice.story.buy(child)
        local.chain(0).rpc("evm_increaseTime", hex(30 * 86400 + 1))
        local.chain(0).rpc("evm_mine")
        with refused("LicenseRegistry__ParentIpExpired"):
            alice.story.buy(child)
        # The licence itself never does: what it was not used for yet can still be made.
        bob.story.derive(late, [second])
        assert alice.story.buy(base)


class TestSwitches:
    """What only Story's administrators, or its arbitration, can do."""

    def test_a_dispute_stops_everything(self, alice, bob, double) -> None:
        base = offered(alice)
        (licence,) = bob.story.buy(base)
        double.dispute(alice.story.ip_of(base))
        assert alice.story.is_disputed(base)
        (dispute,) = alice.story.disputes(base)
        assert (dispute.tag, dispute.state) == ("IMPROPER_USAGE", "IMPROPER_USAGE")
        assert not bob.story.entitled(base, Right.USE)
        assert not alice.story.offers(base)[0].is_open
        with refused("LicensingModule__DisputedIpId"):
            bob.story.buy(base)
        with refused("LicenseToken__RevokedLicense"):
            bob.story.derive(model(bob), [licence])
        with refused("RoyaltyModule__IpIsTagged"):
            bob.story.pay(base, 1)

    def test_a_registration_fee(self, alice, bob, double) -> None:
        where = (double.addresses.ip_asset_registry, "IPAssetRegistryDouble", "setRegistrationFee")
        double.do(*where, bob.address, double.addresses.wrapped_coin, 7)
        try:
            before = alice.story.parts.coin.read("balanceOf", bob.address)
            alice.story.register(model(alice))
            assert alice.story.parts.coin.read("balanceOf", bob.address) == before + 7
        finally:
            double.do(*where, bob.address, double.addresses.wrapped_coin, 0)

    def test_a_royalty_fee(self, alice, bob, carol, double) -> None:
        base = offered(alice)
        where = (double.addresses.royalty_module, "RoyaltyModuleDouble", "setRoyaltyFee")
        double.do(*where, carol.address, WHOLE // 20)
        try:
            bob.story.buy(base)
            with refused("RoyaltyModule__PaymentAmountIsTooLow"):
                bob.story.pay(base, 1)
        finally:
            double.do(*where, carol.address, 0)
        assert alice.story.collect([base]) == PRICE * 95 // 100

    def test_a_pause(self, alice, double) -> None:
        made = model(alice)
        double.do(double.board, "StoryDouble", "setPaused", True)
        try:
            with refused("EnforcedPause"):
                alice.story.register(made)
        finally:
            double.do(double.board, "StoryDouble", "setPaused", False)


class TestAdapter:
    """Our own contract, deployed beside Story's."""

    def test_registration_in_one_transaction(self, alice, bob) -> None:
        made = model(alice)
        before = alice.chain.block_number()
        ip_id, (terms_id,) = adapter.register(
            alice.story, made, [REMIX], metadata_uri="ipfs://bafy", metadata_hash=b"\1" * 32
        )
        assert RPC_URL or alice.chain.block_number() == before + 1
        assert alice.story.attached(made) == [terms_id]
        assert alice.story.ip_of(made) == ip_id
        with refused("AccessController__PermissionDenied"):
            alice.story.parts.metadata.send("setAll", offered_by(bob), "", bytes(32), bytes(32))

    def test_more_terms_for_an_account_that_has_acted(self, alice) -> None:
        made = offered(alice)
        alice.story.set_metadata(made, "ipfs://bafy", b"")
        adapter.register(
            *(alice.story, made, ["open"]),
            metadata_uri="ipfs://b",
            metadata_hash=b"\1" * 32,
            value=7,  # for a fee that nobody asks for: the asset is one already
        )
        assert len(alice.story.attached(made)) == 2
        where = (alice.story.adapter.address, "latest")
        assert int(alice.chain.rpc("eth_getBalance", *where), 16) == 0

    def test_strangers(self, alice, bob) -> None:
        with refused("StoryAdapter_NotOwner"):
            adapter.register(
                *(bob.story, model(alice), ["open"]),
                metadata_uri="",
                metadata_hash=bytes(32),
            )

    def test_a_licence_for_coins(self, alice, bob) -> None:
        made = offered(alice)
        held = bob.story.parts.coin.read("balanceOf", bob.address)
        contract = bob.story.adapter
        wanted = StoryPurchase(
            ip_id=alice.story.ip_of(made),
            terms_id=alice.story.attached(made)[0],
            quantity=1,
            max_pay=PRICE,
            max_share=0,
            deadline=payments.deadline(bob.chain),
            recipient=bob.address,
        )
        token = contract.buy(wanted, value=5 * PRICE)
        assert bob.story.get(token).holder == bob.address
        assert bob.story.parts.coin.read("balanceOf", bob.address) == held
        contract.pay(wanted.ip_id, value=PRICE)
        assert alice.story.collect([made]) == 2 * PRICE


def offered_by(hub: Anacostia) -> str:
    return hub.story.ip_of(offered(hub))
