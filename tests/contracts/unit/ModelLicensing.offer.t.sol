// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModelLicensing} from "../../../contracts/interfaces/IModelLicensing.sol";
import {Payments} from "../../../contracts/libraries/Payments.sol";
import {TermsLib} from "../../../contracts/libraries/TermsLib.sol";
import {ALL_FIELDS, ALL_RIGHTS, Offer, Right, Terms} from "../../../contracts/types/License.sol";
import {Price} from "../../../contracts/types/Payment.sol";
import {LicensingTest} from "../Licensing.t.sol";

/// @notice Terms, and offers under them.
contract ModelLicensingOfferTest is LicensingTest {
    uint64 internal model;

    function setUp() public override {
        super.setUp();
        model = registerAs(alice, NAME);
    }

    /*//////////////////////////////////////////////////////////////
                                 TERMS
    //////////////////////////////////////////////////////////////*/

    function test_registerTerms() public {
        Terms memory terms = full();
        bytes32 termsId = keccak256(abi.encode(terms));
        vm.expectEmit(address(licensing));
        emit IModelLicensing.TermsRegistered(termsId, bob, terms);
        vm.prank(bob);
        assertEq(licensing.registerTerms(terms), termsId, "id");
        assertEq(abi.encode(licensing.termsOf(termsId)), abi.encode(terms), "every field");
    }

    function test_registerTerms_again() public {
        bytes32 termsId = licensing.registerTerms(full());
        vm.recordLogs();
        vm.prank(eve);
        assertEq(licensing.registerTerms(full()), termsId, "the same id");
        assertEq(vm.getRecordedLogs().length, 0, "nothing happens");
    }

    function testFuzz_registerTerms_everyFieldCounts(uint256 field, uint256 seed) public {
        Terms memory terms = full();
        field = bound(field, 0, 17);
        // What can be handed on has no checker.
        if (field == 4) (terms.checker, terms.checkerData) = (address(0), "");
        bytes32 before = licensing.registerTerms(terms);
        if (field == 0) terms.rights ^= uint16(1 << bound(seed, 0, 1));
        else if (field == 1) terms.fields ^= uint16(1 << bound(seed, 0, 7));
        else if (field == 2) terms.royaltyBps = uint16(bound(seed, 0, 999));
        else if (field == 3) terms.duration ^= uint32(bound(seed, 1, type(uint32).max));
        else if (field == 4) terms.transferable = !terms.transferable;
        else if (field == 5) terms.commercialAttribution = !terms.commercialAttribution;
        else if (field == 6) terms.derivativesAttribution = !terms.derivativesAttribution;
        else if (field == 7) terms.derivativesApproval = !terms.derivativesApproval;
        else if (field == 8) terms.shareAlike = !terms.shareAlike;
        else if (field == 9) terms.checker = address(uint160(bound(seed, 1000, 2000)));
        else if (field == 10) terms.currency = address(uint160(bound(seed, 1000, 2000)));
        else if (field == 11) terms.minPrice = uint128(bound(seed, 1000, 2000));
        else if (field == 12) terms.commercialCeiling = uint128(bound(seed, 1000, 2000));
        else if (field == 13) terms.derivativeCeiling = uint128(bound(seed, 1000, 2000));
        else if (field == 14) terms.textDigest = keccak256(abi.encode(seed));
        else if (field == 15) terms.license = vm.toString(seed % 1e18);
        else if (field == 16) terms.uri = vm.toString(seed);
        else terms.checkerData = abi.encode(seed);
        bytes32 termsId = licensing.registerTerms(terms);
        assertNotEq(termsId, before, "another id");
        assertEq(abi.encode(licensing.termsOf(termsId)), abi.encode(terms), "every field");
    }

    function test_registerTerms_revertsWhenTheRightsAreNone() public {
        uint16[3] memory wrong = [0, ALL_RIGHTS + 1, type(uint16).max];
        for (uint256 i; i < wrong.length; ++i) {
            Terms memory terms = full();
            terms.rights = wrong[i];
            expectRefused(
                terms, abi.encodeWithSelector(TermsLib.TermsLib_BadRights.selector, wrong[i])
            );
        }
    }

    function test_registerTerms_revertsWhenTheFieldsAreNone() public {
        uint16[3] memory wrong = [0, ALL_FIELDS + 1, type(uint16).max];
        for (uint256 i; i < wrong.length; ++i) {
            Terms memory terms = full();
            terms.fields = wrong[i];
            expectRefused(
                terms, abi.encodeWithSelector(TermsLib.TermsLib_BadFields.selector, wrong[i])
            );
        }
    }

    function test_registerTerms_revertsWhenTheRoyaltyIsAbove100Percent() public {
        Terms memory terms = full();
        terms.royaltyBps = 10_001;
        expectRefused(
            terms, abi.encodeWithSelector(TermsLib.TermsLib_RoyaltyTooHigh.selector, 10_001)
        );
        terms.royaltyBps = 10_000;
        licensing.registerTerms(terms);
    }

    function test_registerTerms_revertsWhenThereIsNoCommerce() public {
        bytes memory wrong = abi.encodeWithSelector(TermsLib.TermsLib_NotCommercial.selector);
        for (uint256 i; i < 5; ++i) {
            Terms memory terms = plain(without(Right.Commercial));
            if (i == 0) terms.royaltyBps = 1;
            else if (i == 1) terms.commercialAttribution = true;
            else if (i == 2) terms.commercialCeiling = 1;
            else if (i == 3) terms.derivativeCeiling = 1;
            else (terms.shareAlike, terms.minPrice) = (true, 1);
            expectRefused(terms, wrong);
            terms.rights = ALL_RIGHTS;
            licensing.registerTerms(terms);
        }
        // The model itself may be sold, if its derivatives, which may not, have other terms.
        Terms memory sold = plain(without(Right.Commercial));
        sold.minPrice = 1;
        licensing.registerTerms(sold);
        licensing.registerTerms(plain(without(Right.Commercial)));
    }

    function test_registerTerms_revertsWhenThereAreNoDerivatives() public {
        bytes memory wrong = abi.encodeWithSelector(TermsLib.TermsLib_NoDerivatives.selector);
        uint16 rights = without(Right.Finetune) & without(Right.Distil);
        for (uint256 i; i < 5; ++i) {
            Terms memory terms = plain(rights);
            set(terms, i);
            expectRefused(terms, wrong);

            // Either kind of derivative will do.
            terms.rights = without(Right.Finetune);
            licensing.registerTerms(terms);
            terms.rights = without(Right.Distil);
            licensing.registerTerms(terms);
        }
        licensing.registerTerms(plain(rights));
    }

    function test_registerTerms_revertsWhenThereIsNoChecker() public {
        Terms memory terms = full();
        terms.checker = address(0);
        expectRefused(terms, abi.encodeWithSelector(TermsLib.TermsLib_NoChecker.selector));
        terms.checkerData = "";
        licensing.registerTerms(terms);
    }

    function test_registerTerms_revertsWhenTheCheckerWouldNotBeAsked() public {
        Terms memory terms = full();
        terms.transferable = true;
        expectRefused(terms, abi.encodeWithSelector(TermsLib.TermsLib_CheckerNotAsked.selector));
        (terms.checker, terms.checkerData) = (address(0), "");
        licensing.registerTerms(terms);
    }

    function test_registerTerms_revertsWhenATextIsTooLong() public {
        uint16[3] memory most = [64, 256, 256];
        for (uint256 i; i < 3; ++i) {
            Terms memory terms = full();
            write(terms, i, new bytes(most[i] + 1));
            expectRefused(
                terms,
                abi.encodeWithSelector(TermsLib.TermsLib_TooLong.selector, most[i] + 1, most[i])
            );
            write(terms, i, new bytes(most[i]));
            licensing.registerTerms(terms);
        }
    }

    function test_termsOf_revertsWhenUnknown() public {
        bytes32 termsId = keccak256("none");
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_UnknownTerms.selector, termsId)
        );
        licensing.termsOf(termsId);
    }

    /*//////////////////////////////////////////////////////////////
                                 OFFERS
    //////////////////////////////////////////////////////////////*/

    function test_offer() public {
        bytes32 termsId = licensing.registerTerms(full());
        Price memory price = fixedPrice(carol, 8);
        vm.expectEmit(address(licensing));
        emit IModelLicensing.OfferMade(model, 1, termsId);
        vm.expectEmit(address(licensing));
        emit IModelLicensing.OfferPriced(model, 1, price, 9);
        vm.prank(alice);
        assertEq(licensing.offer(model, termsId, price, 9), 1, "number");
        assertEq(licensing.offerCount(model), 1, "count");

        Offer memory made = licensing.offerOf(model, 1);
        assertEq(made.amount, 8, "amount");
        assertEq(made.supply, 9, "supply");
        assertEq(made.sold, 0, "sold");
        assertEq(made.asset, carol, "asset");
        assertEq(made.pricing, address(0), "pricing");
        assertEq(made.termsId, termsId, "terms");
        assertEq(made.duration, 1 days, "duration");
        assertEq(made.rights, ALL_RIGHTS, "rights");
        assertFalse(made.transferable || made.withdrawn || made.free, "flags");
        assertTrue(made.checked, "checked");
    }

    function test_offer_revertsWhenNotTheOwner() public {
        bytes32 termsId = licensing.registerTerms(full());
        offerAs(alice, model, remix(0), fixedPrice(NATIVE, 1));
        address[2] memory others = [bob, address(registry)];
        for (uint256 i; i < 2; ++i) {
            vm.startPrank(others[i]);
            expectNotOwner(model, others[i]);
            licensing.offer(model, termsId, fixedPrice(NATIVE, 1), 0);
            expectNotOwner(model, others[i]);
            licensing.reprice(model, 1, fixedPrice(NATIVE, 1), 0);
            expectNotOwner(model, others[i]);
            licensing.withdraw(model, 1);
            expectNotOwner(model, others[i]);
            licensing.approveDerivative(model, 2, true);
            expectNotOwner(model, others[i]);
            licensing.derive(model, under(1));
            vm.stopPrank();
        }
    }

    function test_offer_revertsWhenTheTermsAreUnknown() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_UnknownTerms.selector, bytes32(0))
        );
        vm.prank(alice);
        licensing.offer(model, 0, fixedPrice(NATIVE, 1), 0);
    }

    function test_offer_atMost64() public {
        for (uint32 i = 1; i <= 64; ++i) {
            assertEq(offerAs(alice, model, remix(0), free()), i, "number");
        }
        bytes32 termsId = licensing.registerTerms(remix(0));
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_TooManyOffers.selector, model)
        );
        vm.prank(alice);
        licensing.offer(model, termsId, free(), 0);

        // The question that looks at all of them can still be answered.
        buyAs(bob, purchase(model, 64, NATIVE, bob), 0);
        assertTrue(licensing.entitled(bob, model, Right.Use), "the last one");
        assertEq(licensing.MAX_OFFERS(), 64, "bound");
    }

    function test_offer_revertsWhenThePriceIsZero() public {
        expectBadPrice(fixedPrice(NATIVE, 0), Payments.Payments_ZeroPrice.selector);
        expectBadPrice(fixedPrice(carol, 0), Payments.Payments_ZeroPrice.selector);
    }

    function test_offer_revertsWhenThePriceIsAmbiguous() public {
        bytes4 wrong = Payments.Payments_AmbiguousPrice.selector;
        expectBadPrice(Price(NATIVE, NATIVE, 1, true), wrong);
        expectBadPrice(Price(carol, NATIVE, 0, true), wrong);
        expectBadPrice(Price(NATIVE, carol, 0, true), wrong);
        expectBadPrice(Price(NATIVE, carol, 1, false), wrong);
        expectBadPrice(Price(carol, carol, 0, false), wrong);
    }

    function test_offer_revertsBelowTheLowestPrice() public {
        Terms memory terms = remix(0);
        (terms.currency, terms.minPrice) = (carol, 100);
        bytes32 termsId = licensing.registerTerms(terms);
        vm.startPrank(alice);

        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_BelowMinPrice.selector, 99, 100)
        );
        licensing.offer(model, termsId, fixedPrice(carol, 99), 0);
        vm.expectRevert(
            abi.encodeWithSelector(Payments.Payments_WrongAsset.selector, NATIVE, carol)
        );
        licensing.offer(model, termsId, fixedPrice(NATIVE, 100), 0);
        vm.expectRevert(
            abi.encodeWithSelector(Payments.Payments_WrongAsset.selector, NATIVE, carol)
        );
        licensing.offer(model, termsId, free(), 0);

        licensing.offer(model, termsId, fixedPrice(carol, 100), 0);
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_BelowMinPrice.selector, 99, 100)
        );
        licensing.reprice(model, 1, fixedPrice(carol, 99), 0);
    }

    function test_reprice() public {
        offerAs(alice, model, full(), fixedPrice(carol, 8));
        vm.expectEmit(address(licensing));
        emit IModelLicensing.OfferPriced(model, 1, pricedBy(bob), 3);
        vm.prank(alice);
        licensing.reprice(model, 1, pricedBy(bob), 3);

        Offer memory made = licensing.offerOf(model, 1);
        assertEq(made.pricing, bob, "pricing");
        assertEq(made.asset, address(0), "asset");
        assertEq(made.amount, 0, "amount");
        assertEq(made.supply, 3, "supply");
        assertEq(made.termsId, licensing.registerTerms(full()), "the same terms");
    }

    function test_withdraw() public {
        offerAs(alice, model, remix(0), free());
        vm.expectEmit(address(licensing));
        emit IModelLicensing.OfferWithdrawn(model, 1);
        vm.prank(alice);
        licensing.withdraw(model, 1);
        assertTrue(licensing.offerOf(model, 1).withdrawn, "withdrawn");
        bytes memory wrong = abi.encodeWithSelector(
            IModelLicensing.ModelLicensing_OfferWithdrawn.selector, model, 1
        );
        vm.expectRevert(wrong);
        licensing.quote(model, 1, NATIVE);
        vm.expectRevert(wrong);
        buyAs(bob, purchase(model, 1, NATIVE, bob), 0);

        vm.prank(alice);
        licensing.reprice(model, 1, free(), 0);
        buyAs(bob, purchase(model, 1, NATIVE, bob), 0);
    }

    function test_offers_endWithATransferOfTheModel() public {
        offerAs(alice, model, remix(0), fixedPrice(NATIVE, PRICE));
        buyAs(carol, model);
        transfer(alice, bob, model);
        bytes memory ended =
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_OfferEnded.selector, model, 1);
        vm.expectRevert(ended);
        licensing.quote(model, 1, NATIVE);
        vm.expectRevert(ended);
        buyAs(carol, model);

        // Neither does it live again when the model comes back, until its owner says so.
        transfer(bob, alice, model);
        vm.expectRevert(ended);
        buyAs(carol, model);
        assertTrue(licensing.entitled(carol, model, Right.Serve), "what was sold stays");
        vm.prank(alice);
        licensing.reprice(model, 1, fixedPrice(NATIVE, PRICE), 0);
        buyAs(carol, model);
    }

    function test_offers_revertWhenUnknown() public {
        bytes memory unknown =
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_UnknownOffer.selector, model, 1);
        vm.startPrank(alice);
        vm.expectRevert(unknown);
        licensing.reprice(model, 1, free(), 0);
        vm.expectRevert(unknown);
        licensing.withdraw(model, 1);
        vm.expectRevert(unknown);
        licensing.offerOf(model, 1);
        vm.expectRevert(unknown);
        licensing.quote(model, 1, NATIVE);
        vm.expectRevert(unknown);
        licensing.buy(purchase(model, 1, NATIVE, alice), noPermit());
    }

    function test_constants() public view {
        assertEq(licensing.MAX_PARENTS(), 8, "parents");
        assertEq(licensing.MAX_QUANTITY(), 32, "quantity");
        assertEq(licensing.MAX_BATCH(), 64, "batch");
        assertEq(licensing.MAX_ENVELOPE(), 1024, "envelope");
        assertEq(licensing.version(), "1.0.0", "version");
        assertEq(address(licensing.registry()), address(registry), "registry");
        assertEq(address(licensing.nft()), address(nft), "nft");
    }

    /*//////////////////////////////////////////////////////////////
                                HELPERS
    //////////////////////////////////////////////////////////////*/

    /// @dev Terms in which no field has its default value.
    function full() internal view returns (Terms memory) {
        return Terms({
            rights: ALL_RIGHTS,
            fields: ALL_FIELDS,
            royaltyBps: 1000,
            duration: 1 days,
            transferable: false,
            commercialAttribution: true,
            derivativesAttribution: true,
            derivativesApproval: true,
            shareAlike: true,
            checker: bob,
            currency: carol,
            minPrice: 7,
            commercialCeiling: 5,
            derivativeCeiling: 6,
            textDigest: keccak256("text"),
            license: "CC-BY-4.0",
            uri: "https://creativecommons.org/licenses/by/4.0/",
            checkerData: "data"
        });
    }

    function plain(uint16 rights) internal pure returns (Terms memory terms) {
        (terms.rights, terms.fields) = (rights, 1);
    }

    function set(Terms memory terms, uint256 field) internal pure {
        if (field == 0) terms.royaltyBps = 1;
        else if (field == 1) terms.derivativesAttribution = true;
        else if (field == 2) terms.derivativesApproval = true;
        else if (field == 3) terms.shareAlike = true;
        else terms.derivativeCeiling = 1;
    }

    function write(Terms memory terms, uint256 field, bytes memory text) internal pure {
        if (field == 0) terms.license = string(text);
        else if (field == 1) terms.uri = string(text);
        else terms.checkerData = text;
    }

    function expectRefused(Terms memory terms, bytes memory error) internal {
        vm.expectRevert(error);
        licensing.registerTerms(terms);
    }

    function expectBadPrice(Price memory price, bytes4 error) internal {
        bytes32 termsId = licensing.registerTerms(remix(0));
        vm.expectRevert(error);
        vm.prank(alice);
        licensing.offer(model, termsId, price, 0);
    }
}
