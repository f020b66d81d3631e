// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {ILicenseToken} from "../../../contracts/interfaces/ILicenseToken.sol";
import {IModelLicensing} from "../../../contracts/interfaces/IModelLicensing.sol";
import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {
    Field,
    LicensedParent,
    ParentLicense,
    Right,
    Terms
} from "../../../contracts/types/License.sol";
import {Relation, RevocationReason} from "../../../contracts/types/Model.sol";
import {Price} from "../../../contracts/types/Payment.sol";
import {LicensingTest} from "../Licensing.t.sol";

/// @notice Derivatives under licences, and what may be offered of them.
contract ModelLicensingDeriveTest is LicensingTest {
    uint64 internal base;
    uint64 internal child;

    function setUp() public override {
        super.setUp();
        base = offered(alice, "acme/base", remix(1000));
        child = registerAs(bob, "bob/child");
    }

    function test_derive() public {
        uint256 id = buyAs(bob, base);
        vm.expectEmit(address(licensing));
        emit IModelLicensing.DerivativeMade(base, child, id, 1, Relation.Finetune, 1000);
        deriveAs(bob, child, under(id));

        LicensedParent[] memory parents = licensing.parentsOf(child);
        assertEq(parents.length, 1, "count");
        LicensedParent memory expected = LicensedParent(base, 1, 1, 1, 1000, Relation.Finetune, 1);
        assertEq(abi.encode(parents[0]), abi.encode(expected), "edge");
        assertEq(licensing.parentsOf(base).length, 0, "the parent has none");
        assertTrue(licensing.isLicensed(child, base), "licensed");
        assertFalse(licensing.isLicensed(base, child), "not the other way");
    }

    function test_derive_of8Parents() public {
        ParentLicense[] memory parents = new ParentLicense[](8);
        for (uint256 i; i < 8; ++i) {
            uint64 model = offered(alice, string.concat("p/", vm.toString(i)), remix(1250));
            parents[i] = parent(buyAs(bob, model), Relation.Merge);
        }
        deriveAs(bob, child, parents);
        LicensedParent[] memory found = licensing.parentsOf(child);
        assertEq(found.length, 8, "count");
        for (uint256 i; i < 8; ++i) {
            assertEq(found[i].modelId, child + 1 + i, "in order");
            assertEq(found[i].shareBps, 1250, "share");
            assertTrue(licensing.isLicensed(child, found[i].modelId), "licensed");
        }
    }

    function test_derive_revertsWhenTheParentsAreTooFewOrTooMany() public {
        expectBadCount(0);
        deriveAs(bob, child, new ParentLicense[](0));
        expectBadCount(9);
        deriveAs(bob, child, new ParentLicense[](9));
    }

    function test_derive_revertsWhenTheModelIsUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 99));
        licensing.derive(99, under(1));
    }

    function test_derive_revertsFromItself() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_SelfDerivation.selector, child)
        );
        deriveAs(bob, child, under(license(child, 1, 1)));
    }

    function test_derive_revertsWhenAParentIsNamedTwiceOrOutOfOrder() public {
        uint256 first = buyAs(bob, base);
        uint256 second = buyAs(bob, base);
        uint256 other = buyAs(bob, offered(alice, "acme/other", remix(0)));
        bytes memory wrong =
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_UnsortedParents.selector, 1);
        vm.expectRevert(wrong);
        deriveAs(bob, child, under(first, second));
        vm.expectRevert(wrong);
        deriveAs(bob, child, under(first, first));
        vm.expectRevert(wrong);
        deriveAs(bob, child, under(other, first));
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_UnsortedParents.selector, 0)
        );
        deriveAs(bob, child, under(license(0, 1, 1)));
    }

    function test_derive_revertsTheSecondTime() public {
        deriveAs(bob, child, under(buyAs(bob, base)));
        uint256 again = buyAs(bob, base);
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_AlreadyDerived.selector, child)
        );
        deriveAs(bob, child, under(again));
    }

    function test_derive_revertsWhenACycleIsAttempted() public {
        // child is made of base; base cannot be made of child, nor of anything else.
        deriveAs(bob, child, under(buyAs(bob, base)));
        offerAs(bob, child, remix(0), fixedPrice(NATIVE, PRICE));
        uint256 id = buyAs(alice, child);
        bytes memory wrong =
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_AlreadyOffered.selector, base);
        vm.expectRevert(wrong);
        deriveAs(alice, base, under(id));

        // Also after it has withdrawn its offer.
        vm.prank(alice);
        licensing.withdraw(base, 1);
        vm.expectRevert(wrong);
        deriveAs(alice, base, under(id));
    }

    function test_derive_revertsWhenAParentsVersionIsRevokedOrUnknown() public {
        uint256 id = buyAs(bob, base);
        publishAs(alice, base);
        vm.prank(alice);
        registry.revoke(base, 1, RevocationReason.PoisonedData);
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_ParentRevoked.selector, base, 1)
        );
        deriveAs(bob, child, under(id));
        ParentLicense[] memory parents = under(id);
        parents[0].version = 3;
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnknownVersion.selector, base, 3)
        );
        deriveAs(bob, child, parents);
        parents[0].version = 2;
        deriveAs(bob, child, parents);
    }

    /*//////////////////////////////////////////////////////////////
                                LICENCE
    //////////////////////////////////////////////////////////////*/

    function test_derive_revertsWhenTheLicenceIsSomebodyElses() public {
        uint256 id = buyAs(carol, base);
        vm.expectRevert(
            abi.encodeWithSelector(ILicenseToken.LicenseToken_NotHolder.selector, id, bob)
        );
        deriveAs(bob, child, under(id));
    }

    function test_derive_revertsWhenThereIsNoLicence() public {
        uint256 id = license(base, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, id));
        deriveAs(bob, child, under(id));

        // An id with more than an id's bits names the same model, and no token.
        id = buyAs(bob, base) | 1 << 160;
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, id));
        deriveAs(bob, child, under(id));
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_UnknownOffer.selector, base, 2)
        );
        deriveAs(bob, child, under(license(base, 2, 1)));
    }

    function test_derive_revertsWhenTheLicenceHasExpired() public {
        Terms memory terms = remix(0);
        terms.duration = 1 days;
        uint256 id = buyAs(bob, offered(alice, "acme/daily", terms));
        vm.warp(START + 1 days);
        vm.expectRevert(
            abi.encodeWithSelector(ILicenseToken.LicenseToken_Expired.selector, id, START + 1 days)
        );
        deriveAs(bob, child, under(id));
        vm.warp(START + 1 days - 1);
        deriveAs(bob, child, under(id));
    }

    function test_derive_revertsWhenTheLicenceWasUsed() public {
        uint256 id = buyAs(bob, base);
        deriveAs(bob, child, under(id));
        uint64 second = registerAs(bob, "bob/second");
        vm.expectRevert(
            abi.encodeWithSelector(ILicenseToken.LicenseToken_Bound.selector, id, child)
        );
        deriveAs(bob, second, under(id));
    }

    /// @dev What is bought for the second extends the licence that the first one rests on.
    function test_derive_onceUnderAnOfferWithADuration() public {
        Terms memory terms = remix(0);
        terms.duration = 1 days;
        uint64 daily = offered(alice, "acme/daily", terms);
        uint256 id = buyAs(bob, daily);
        deriveAs(bob, child, under(id));
        vm.warp(START + 30 days);
        assertEq(buyAs(bob, daily), id, "the same licence");
        uint64 second = registerAs(bob, "bob/second");
        vm.expectRevert(
            abi.encodeWithSelector(ILicenseToken.LicenseToken_Bound.selector, id, child)
        );
        deriveAs(bob, second, under(id));

        uint32 number = offerAs(alice, daily, terms, free());
        deriveAs(bob, second, under(buyAs(bob, purchase(daily, number, NATIVE, bob), 0)));
    }

    function test_derive_revertsWithoutTheRight() public {
        for (uint8 r; r <= uint8(type(Relation).max); ++r) {
            Relation relation = Relation(r);
            Right right = relation == Relation.Distillation ? Right.Distil : Right.Finetune;
            Terms memory terms = remix(0);
            terms.rights = without(right);
            uint256 id = buyAs(bob, offered(alice, vm.toString(r), terms));
            ParentLicense[] memory parents = under(id);
            parents[0].relation = relation;
            vm.expectRevert(
                abi.encodeWithSelector(
                    IModelLicensing.ModelLicensing_RightNotGranted.selector, id, right
                )
            );
            deriveAs(bob, child, parents);
        }
    }

    function test_derive_needsTheApprovalThatTheTermsAskFor() public {
        Terms memory terms = remix(0);
        terms.derivativesApproval = true;
        uint64 strict = offered(alice, "acme/strict", terms);
        uint256 id = buyAs(bob, strict);
        bytes memory wrong = abi.encodeWithSelector(
            IModelLicensing.ModelLicensing_NotApproved.selector, strict, child
        );
        vm.expectRevert(wrong);
        deriveAs(bob, child, under(id));
        approve(strict, child, true);
        approve(strict, child, false);
        vm.expectRevert(wrong);
        deriveAs(bob, child, under(id));
        approve(strict, child, true);
        deriveAs(bob, child, under(id));
    }

    function test_derive_revertsWhenTheSharesAreAbove100Percent() public {
        uint256 most = buyAs(bob, offered(alice, "acme/most", remix(9000)));
        uint256 more = buyAs(bob, offered(alice, "acme/more", remix(1001)));
        uint256 rest = buyAs(bob, offered(alice, "acme/rest", remix(1000)));
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_SharesTooHigh.selector, 10_001)
        );
        deriveAs(bob, child, under(most, more));
        assertEq(licensing.parentsOf(child).length, 0, "nothing happened");
        assertFalse(licences.locked(most), "nothing happened");
        deriveAs(bob, child, under(most, rest));
    }

    function test_derive_theShareNeverChanges() public {
        deriveAs(bob, child, under(buyAs(bob, base)));
        offerAs(alice, base, remix(5000), fixedPrice(NATIVE, PRICE));
        transfer(alice, carol, base);
        vm.prank(carol);
        licensing.reprice(base, 1, fixedPrice(NATIVE, 1), 0);
        assertEq(licensing.parentsOf(child)[0].shareBps, 1000, "share");
    }

    /*//////////////////////////////////////////////////////////////
                             COMPATIBILITY
    //////////////////////////////////////////////////////////////*/

    function test_offer_allowsNoMoreThanTheParents() public {
        Terms memory parents = remix(0);
        parents.rights = without(Right.Redistribute);
        parents.fields = uint16(1 << uint8(Field.Research) | 1 << uint8(Field.Education));
        bytes32 parentTerms = licensing.registerTerms(parents);
        deriveAs(bob, child, under(buyAs(bob, offered(alice, "acme/narrow", parents))));

        Terms memory terms = remix(0);
        terms.fields = parents.fields;
        expectIncompatible(terms, parentTerms);
        terms.rights = parents.rights;
        terms.fields |= uint16(1 << uint8(Field.Defence));
        expectIncompatible(terms, parentTerms);
        terms.fields = uint16(1 << uint8(Field.Research));
        terms.rights &= without(Right.Serve);
        offerAs(bob, child, terms, fixedPrice(NATIVE, PRICE));
    }

    function testFuzz_offer_allowsNoMoreThanTheParents(
        uint16 rights,
        uint16 fields,
        uint16 childRights,
        uint16 childFields
    ) public {
        Terms memory terms = remix(0);
        terms.rights = uint16(bound(rights, 0, 127)) | uint16(1 << uint8(Right.Finetune));
        terms.fields = uint16(bound(fields, 1, 255));
        bytes32 parentTerms = licensing.registerTerms(terms);
        uint64 model = registerAs(alice, "acme/any");
        offerAs(alice, model, terms, free());
        uint256 id = buyAs(bob, purchase(model, 1, NATIVE, bob), 0);
        deriveAs(bob, child, under(id));

        Terms memory mine = remix(0);
        mine.rights = uint16(bound(childRights, 1, 127));
        mine.fields = uint16(bound(childFields, 1, 255));
        bool allowed = true;
        for (uint256 bit; bit < 8; ++bit) {
            if (mine.rights >> bit & 1 > terms.rights >> bit & 1) allowed = false;
            if (mine.fields >> bit & 1 > terms.fields >> bit & 1) allowed = false;
        }
        if (allowed) offerAs(bob, child, mine, free());
        else expectIncompatible(mine, parentTerms);
    }

    function test_offer_ofAShareAlikeDerivative() public {
        Terms memory terms = remix(1000);
        terms.shareAlike = true;
        bytes32 termsId = licensing.registerTerms(terms);
        deriveAs(bob, child, under(buyAs(bob, offered(alice, "acme/sa", terms))));
        Terms memory other = terms;
        other.royaltyBps = 999;
        expectIncompatible(other, termsId);
        terms.royaltyBps = 1000;
        offerAs(bob, child, terms, fixedPrice(NATIVE, PRICE));
    }

    function test_derive_revertsWhenTwoParentsCannotBothBeKept() public {
        Terms memory alike = remix(1000);
        alike.shareAlike = true;
        Terms memory other = remix(2000);
        other.shareAlike = true;
        Terms memory narrow = remix(0);
        narrow.rights = without(Right.Serve);
        Terms memory narrowField = remix(0);
        narrowField.fields = 1;
        uint256 first = buyAs(bob, offered(alice, "acme/1", alike));
        uint256[4] memory second = [
            buyAs(bob, offered(alice, "acme/2", other)),
            buyAs(bob, offered(alice, "acme/3", narrow)),
            buyAs(bob, offered(alice, "acme/4", narrowField)),
            buyAs(bob, offered(alice, "acme/5", alike))
        ];
        Terms[3] memory others = [other, narrow, narrowField];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IModelLicensing.ModelLicensing_IncompatibleTerms.selector,
                    licensing.registerTerms(alike),
                    licensing.registerTerms(others[i])
                )
            );
            deriveAs(bob, child, under(first, second[i]));
        }
        deriveAs(bob, child, under(first, second[3]));
    }

    function test_derive_revertsWhenTheParentsAllowNothingInCommon() public {
        uint64 first = registerAs(alice, "acme/1");
        uint64 second = registerAs(alice, "acme/2");
        uint16 finetune = uint16(1 << uint8(Right.Finetune));
        uint16 distil = uint16(1 << uint8(Right.Distil));
        Terms memory narrow = remix(0);
        Terms memory other = remix(0);
        (narrow.fields, other.fields) = (3, 4);
        expectNothingInCommon(first, narrow, second, other);
        other.fields = 6;
        (narrow.rights, other.rights) = (finetune, distil);
        expectNothingInCommon(first, narrow, second, other);

        // One right in one field is enough.
        other.rights |= finetune;
        ParentLicense[] memory parents = under(given(first, narrow), given(second, other));
        deriveAs(bob, child, parents);
        (narrow.rights, narrow.fields) = (finetune, 2);
        offerAs(bob, child, narrow, free());
    }

    /// @dev Any two of them have something in common.
    function test_derive_revertsWhenThreeParentsAllowNothingInCommon() public {
        ParentLicense[] memory parents = new ParentLicense[](3);
        for (uint256 i; i < 3; ++i) {
            Terms memory terms = remix(0);
            terms.fields = uint16(7 & ~(1 << i));
            uint64 model = registerAs(alice, string.concat("acme/", vm.toString(i)));
            parents[i] = parent(given(model, terms), Relation.Merge);
        }
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_NothingInCommon.selector, child)
        );
        deriveAs(bob, child, parents);
        deriveAs(bob, child, under(parents[0].licenseId, parents[1].licenseId));
    }

    function test_derive_ofAShareAlikeAndAWiderParent() public {
        Terms memory alike = remix(1000);
        (alike.shareAlike, alike.rights) = (true, without(Right.Serve));
        uint256 id = buyAs(bob, offered(alice, "acme/sa", alike));
        deriveAs(bob, child, under(buyAs(bob, base), id));
        offerAs(bob, child, alike, fixedPrice(NATIVE, PRICE));
    }

    function test_offer_isFreeWhereAParentIsNotForCommerce() public {
        Terms memory terms = remix(0);
        terms.rights = without(Right.Commercial);
        uint64 open = offered(alice, "acme/nc", terms);
        deriveAs(bob, child, under(buyAs(bob, base), buyAs(bob, open)));
        bytes32 termsId = licensing.registerTerms(terms);
        bytes memory wrong = abi.encodeWithSelector(
            IModelLicensing.ModelLicensing_NotCommercial.selector, child, open
        );
        Price[2] memory prices = [fixedPrice(NATIVE, 1), pricedBy(alice)];
        vm.startPrank(bob);
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(wrong);
            licensing.offer(child, termsId, prices[i], 0);
        }
        licensing.offer(child, termsId, free(), 0);
        vm.expectRevert(wrong);
        licensing.reprice(child, 1, fixedPrice(NATIVE, 1), 0);
    }

    function test_isLicensed_betweenModelsOfOneOwner() public {
        uint64 own = registerAs(alice, "acme/own");
        assertTrue(licensing.isLicensed(own, base), "the same owner");
        assertFalse(licensing.isLicensed(child, base), "another owner");
        assertFalse(licensing.isLicensed(98, 99), "no models");
        transfer(alice, carol, own);
        assertFalse(licensing.isLicensed(own, base), "no longer");
    }

    /*//////////////////////////////////////////////////////////////
                                HELPERS
    //////////////////////////////////////////////////////////////*/

    function approve(uint64 parentId, uint64 childId, bool approved) internal {
        vm.expectEmit(address(licensing));
        emit IModelLicensing.DerivativeApproved(parentId, childId, approved);
        vm.prank(alice);
        licensing.approveDerivative(parentId, childId, approved);
        assertEq(licensing.isApproved(parentId, childId), approved, "approved");
    }

    function expectBadCount(uint256 count) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_BadParentCount.selector, count)
        );
    }

    /// @dev A licence of bob's, under terms that are offered for it.
    function given(uint64 model, Terms memory terms) internal returns (uint256) {
        uint32 number = offerAs(alice, model, terms, free());
        return buyAs(bob, purchase(model, number, NATIVE, bob), 0);
    }

    function expectNothingInCommon(
        uint64 first,
        Terms memory firstTerms,
        uint64 second,
        Terms memory secondTerms
    ) internal {
        ParentLicense[] memory parents = under(given(first, firstTerms), given(second, secondTerms));
        parents[1].relation = Relation.Distillation;
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_NothingInCommon.selector, child)
        );
        deriveAs(bob, child, parents);
    }

    function expectIncompatible(Terms memory terms, bytes32 parentTermsId) internal {
        bytes32 termsId = licensing.registerTerms(terms);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelLicensing.ModelLicensing_IncompatibleTerms.selector, termsId, parentTermsId
            )
        );
        vm.prank(bob);
        licensing.offer(child, termsId, free(), 0);
    }
}
