// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IPromotionGate} from "../../../contracts/interfaces/IPromotionGate.sol";
import {Lineage} from "../../../contracts/libraries/Lineage.sol";
import {
    ALL_FIELDS,
    ALL_RIGHTS,
    ParentLicense,
    Purchase,
    Terms
} from "../../../contracts/types/License.sol";
import {Parent, Relation} from "../../../contracts/types/Model.sol";
import {Permit, Price} from "../../../contracts/types/Payment.sol";
import {Policy} from "../../../contracts/types/Promotion.sol";
import {PromotionTest} from "../Promotion.t.sol";

/// @notice How far a policy that asks for licensed parents looks back: through the owner's own models.
contract PromotionGateDescentTest is PromotionTest {
    uint64 internal base; // of another owner, and licensed to nobody
    uint64 internal own; // of the model's owner, beside it

    function setUp() public override {
        super.setUp();
        base = registerAs(bob, "base");
        own = registerAs(alice, "own");
    }

    /// @dev The same again, published as a revision of what is refused.
    function test_check_looksThroughTheModelsOwnVersions() public {
        setPolicy(licensed(0));
        uint32 version = publishAs(alice, model, one(base, 1));
        for (uint256 i; i < 3; ++i) {
            expectUnlicensed(version, model);
            version = publishAs(alice, model, one(model, version));
        }
        licenseTo(model);
        check(version);
    }

    function test_check_looksThroughTheOwnersOtherModels() public {
        setPolicy(licensed(0));
        uint32 between = publishAs(alice, own, one(base, 1));
        uint32 version = publishAs(alice, model, one(own, between));
        expectUnlicensed(version, own); // which is the one that rests on it
        licenseTo(own);
        check(version);

        // And no longer where that one is sold: then its new owner has to license it.
        transfer(alice, carol, own);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_UnlicensedParent.selector, model, own
            )
        );
        check(version);
    }

    /// @dev What the base rests on is for the base's owner to have licensed.
    function test_check_stopsAtTheFirstModelOfAnotherOwner() public {
        setPolicy(licensed(0));
        uint64 beyond = registerAs(carol, "beyond");
        publishAs(bob, base, one(beyond, 1));
        uint32 version = publishAs(alice, model, one(base, 2));
        licenseTo(model);
        check(version);
    }

    function test_check_visitsEachVersionOnce() public {
        // Three layers of 16, each version with the whole layer before it as parents: 16^3 paths.
        Parent[] memory layer = one(model, 1);
        for (uint256 depth; depth < 3; ++depth) {
            Parent[] memory next = new Parent[](16);
            for (uint256 i; i < 16; ++i) {
                next[i] = Parent(model, publishAs(alice, model, layer), Relation.Merge);
            }
            layer = next;
        }
        uint32 version = publishAs(alice, model, layer);
        setPolicy(licensed(50)); // 50 = 1 + 3 * 16 + 1
        check(version);
        setPolicy(licensed(49));
        expectExhausted(version, 49);
    }

    function test_check_isBoundWithoutABoundOfThePolicy() public {
        setPolicy(licensed(0));
        uint32 version = chain(256);
        check(version);
        expectExhausted(publishAs(alice, model, one(model, version)), 256);
    }

    /// @dev The registry looks no further for what is revoked either.
    function test_check_isBoundAsLineageIs() public {
        setPolicy(licensed(type(uint16).max));
        uint32 version = chain(Lineage.MAX_VISITS);
        check(version);
        expectExhausted(publishAs(alice, model, one(model, version)), Lineage.MAX_VISITS);
    }

    function test_rollback_looksAsFar() public {
        transfer(bob, alice, base);
        setPolicy(licensed(0));
        uint32 version = publishAs(alice, model, one(base, 1));
        version = publishAs(alice, model, one(model, version));
        propose(version, uidsOf());
        pass(DELAY);
        execute(version, uidsOf());
        rollback(1, 0);
        transfer(alice, bob, base);
        vm.expectRevert(unlicensed(model));
        rollback(version, 1);
        licenseTo(model);
        rollback(version, 1);
        assertEq(champion(), version, "back");
    }

    /*//////////////////////////////////////////////////////////////
                                 HELPERS
    //////////////////////////////////////////////////////////////*/

    function licensed(uint16 visits) internal view returns (Policy memory policy) {
        policy = bare();
        (policy.lineageVisits, policy.licensedParents) = (visits, true);
    }

    /// @dev A version with that many in its lineage, itself included, one before the other.
    function chain(uint256 length) internal returns (uint32 last) {
        for (last = publishAs(alice, model); length > 1; --length) {
            last = publishAs(alice, model, one(model, last));
        }
    }

    /// @dev The base's owner gives a licence, under which a model of alice's becomes its derivative.
    function licenseTo(uint64 childId) internal {
        Terms memory terms;
        (terms.rights, terms.fields, terms.license) = (ALL_RIGHTS, ALL_FIELDS, "LicenseRef-remix");
        bytes32 termsId = licensing.registerTerms(terms);
        vm.prank(bob);
        uint32 number = licensing.offer(base, termsId, Price(address(0), address(0), 0, true), 0);
        Permit memory permit;
        Purchase memory order =
            Purchase(base, number, 1, address(0), 0, block.timestamp, alice, bytes32(0));
        ParentLicense[] memory parents = new ParentLicense[](1);
        vm.startPrank(alice);
        parents[0] = ParentLicense(licensing.buy(order, permit), 1, Relation.Finetune);
        licensing.derive(childId, parents);
        vm.stopPrank();
    }

    function check(uint32 version) internal view {
        gate.check(model, CHAMPION, version, uidsOf(), alice);
    }

    function unlicensed(uint64 childId) internal view returns (bytes memory) {
        return abi.encodeWithSelector(
            IPromotionGate.PromotionGate_UnlicensedParent.selector, childId, base
        );
    }

    function expectUnlicensed(uint32 version, uint64 childId) internal {
        vm.expectRevert(unlicensed(childId));
        check(version);
    }

    function expectExhausted(uint32 version, uint16 visits) internal {
        vm.expectRevert(abi.encodeWithSelector(Lineage.Lineage_VisitsExhausted.selector, visits));
        check(version);
    }
}
