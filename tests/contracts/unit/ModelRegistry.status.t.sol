// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Lineage} from "../../../contracts/libraries/Lineage.sol";
import {
    Parent,
    Relation,
    RevocationReason,
    Status,
    Version
} from "../../../contracts/types/Model.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice Deprecation, revocation, and what revocation does to descendants.
contract ModelRegistryStatusTest is BaseTest {
    uint64 internal model;

    function setUp() public override {
        super.setUp();
        model = registerAs(alice, NAME);
        vm.prank(alice);
        registry.setPublisher(model, carol, type(uint64).max);
    }

    function test_deprecate() public {
        vm.expectEmit(address(registry));
        emit IModelRegistry.VersionDeprecated(model, 1);
        deprecate(alice);
        expectStatus(Status.Deprecated, RevocationReason.Unspecified);
    }

    function test_deprecate_byAPublisher() public {
        deprecate(carol);
        expectStatus(Status.Deprecated, RevocationReason.Unspecified);
    }

    function test_deprecate_revertsWhenNotPublished() public {
        deprecate(alice);
        expectWrongStatus(Status.Deprecated);
        deprecate(alice);
        revoke(alice, RevocationReason.Defective);
        expectWrongStatus(Status.Revoked);
        deprecate(alice);
    }

    function test_deprecate_revertsWhenTheCallerMayNot() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_NotPublisher.selector, model, bob)
        );
        deprecate(bob);
        transfer(alice, bob, model);
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_NotPublisher.selector, model, carol)
        );
        deprecate(carol);
    }

    function test_deprecateAndRevoke_revertWhenTheVersionIsUnknown() public {
        bytes memory unknown =
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnknownVersion.selector, model, 2);
        vm.expectRevert(unknown);
        registry.deprecate(model, 2);
        vm.expectRevert(unknown);
        registry.revoke(model, 2, RevocationReason.Defective);
    }

    function test_revoke_withEveryReason() public {
        for (uint8 i; i <= uint8(type(RevocationReason).max); ++i) {
            uint32 version = publishAs(alice, model);
            vm.expectEmit(address(registry));
            emit IModelRegistry.VersionRevoked(model, version, RevocationReason(i));
            vm.prank(alice);
            registry.revoke(model, version, RevocationReason(i));
            assertEq(uint8(registry.versionOf(model, version).reason), i, "reason");
        }
    }

    function test_revoke_aDeprecatedVersion() public {
        deprecate(alice);
        revoke(alice, RevocationReason.LegalOrder);
        expectStatus(Status.Revoked, RevocationReason.LegalOrder);
    }

    function test_revoke_revertsWhenRevoked() public {
        revoke(alice, RevocationReason.Compromised);
        expectWrongStatus(Status.Revoked);
        revoke(alice, RevocationReason.Unspecified);
        expectStatus(Status.Revoked, RevocationReason.Compromised);
    }

    function test_revoke_revertsWhenTheCallerIsNotTheOwner() public {
        address[2] memory others = [bob, carol];
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IModelRegistry.ModelRegistry_NotOwner.selector, model, others[i]
                )
            );
            revoke(others[i], RevocationReason.Defective);
        }
    }

    /*//////////////////////////////////////////////////////////////
                                  TAINT
    //////////////////////////////////////////////////////////////*/

    function test_isTainted_byItself() public {
        assertFalse(registry.isTainted(model, 1, 1), "before");
        deprecate(alice);
        assertFalse(registry.isTainted(model, 1, 1), "deprecation does not taint");
        revoke(alice, RevocationReason.Defective);
        assertTrue(registry.isTainted(model, 1, 1), "after");
    }

    function test_isTainted_byAnAncestorAndByNothingElse() public {
        publishAs(alice, model, one(model, 1)); // 2, child of 1
        publishAs(alice, model, one(model, 1)); // 3, sibling of 2
        publishAs(alice, model, one(model, 2)); // 4, grandchild of 1
        vm.prank(alice);
        registry.revoke(model, 2, RevocationReason.PoisonedData);
        assertFalse(registry.isTainted(model, 1, 9), "parent");
        assertFalse(registry.isTainted(model, 3, 9), "sibling");
        assertTrue(registry.isTainted(model, 4, 9), "child");
    }

    function test_isTainted_boundIsExact() public {
        uint32 last = chain(5);
        assertFalse(registry.isTainted(model, last, 5), "as many as there are");
        expectExhausted(last, 4, 4);
        expectExhausted(last, 1, 1);
        expectExhausted(last, 0, 0);

        // A revoked version counts if it is reached within the bound, also where others are not.
        vm.prank(alice);
        registry.revoke(model, 2, RevocationReason.PoisonedData);
        assertTrue(registry.isTainted(model, last, 4), "the fourth from the end");
        expectExhausted(last, 3, 3);
    }

    function test_isTainted_visitsEachVersionOnce() public {
        // Four layers of 16, each version with the whole layer before it as parents: 16^4 paths.
        Parent[] memory layer = one(model, 1);
        uint32 version;
        for (uint256 depth; depth < 4; ++depth) {
            Parent[] memory next = new Parent[](16);
            for (uint256 i; i < 16; ++i) {
                version = publishAs(alice, model, layer);
                next[i] = Parent(model, version, Relation.Merge);
            }
            layer = next;
        }
        version = publishAs(alice, model, layer);
        assertFalse(registry.isTainted(model, version, 66), "66 = 1 + 4 * 16 + 1");
        expectExhausted(version, 65, 65);

        revoke(alice, RevocationReason.PoisonedData);
        assertTrue(registry.isTainted(model, version, 66), "through the diamonds");
        expectExhausted(version, 65, 65);
    }

    function test_isTainted_neverVisitsMoreThanItsOwnBound() public {
        uint32 last = chain(2049);
        assertFalse(registry.isTainted(model, last - 1, type(uint16).max), "2048");
        expectExhausted(last, type(uint16).max, 2048);
    }

    function test_isTainted_revertsWhenTheVersionIsUnknown() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnknownVersion.selector, model, 2)
        );
        registry.isTainted(model, 2, 9);
    }

    /// @dev Versions 1 … length, each the child of the one before.
    function chain(uint32 length) internal returns (uint32 last) {
        for (last = 1; last < length; ++last) {
            publishAs(alice, model, one(model, last));
        }
    }

    function deprecate(address who) internal {
        vm.prank(who);
        registry.deprecate(model, 1);
    }

    function revoke(address who, RevocationReason reason) internal {
        vm.prank(who);
        registry.revoke(model, 1, reason);
    }

    function expectStatus(Status status, RevocationReason reason) internal view {
        Version memory version = registry.versionOf(model, 1);
        assertEq(uint8(version.status), uint8(status), "status");
        assertEq(uint8(version.reason), uint8(reason), "reason");
    }

    function expectWrongStatus(Status status) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.ModelRegistry_WrongStatus.selector, model, 1, status
            )
        );
    }

    function expectExhausted(uint32 version, uint16 maxVisits, uint16 bound) internal {
        vm.expectRevert(abi.encodeWithSelector(Lineage.Lineage_VisitsExhausted.selector, bound));
        registry.isTainted(model, version, maxVisits);
    }
}
