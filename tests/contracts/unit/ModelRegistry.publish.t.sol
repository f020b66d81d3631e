// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";

import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Lineage} from "../../../contracts/libraries/Lineage.sol";
import {
    Cid,
    Parent,
    RAW_CODEC,
    Relation,
    RevocationReason,
    Version
} from "../../../contracts/types/Model.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice Publishing, who may, and how that right is given, taken and lost.
contract ModelRegistryPublishTest is BaseTest {
    uint64 internal base;
    uint64 internal model;

    function setUp() public override {
        super.setUp();
        base = registerAs(bob, "base");
        model = registerAs(alice, NAME);
    }

    function test_publish_storesTheNextVersion() public {
        vm.warp(START + 5);
        Parent[] memory parents = two(base, 1, model, 1);

        vm.expectEmit(address(registry));
        emit IModelRegistry.VersionPublished(model, 2, cid(9).digest, RAW_CODEC, alice);
        vm.expectEmit(address(registry));
        emit IModelRegistry.ParentLinked(base, 1, model, 2, Relation.Merge);
        vm.expectEmit(address(registry));
        emit IModelRegistry.ParentLinked(model, 1, model, 2, Relation.TrainedOn);
        vm.expectEmit(address(nft));
        emit IERC4906.MetadataUpdate(model);
        vm.prank(alice);
        assertEq(registry.publish(model, Cid(cid(9).digest, RAW_CODEC), parents), 2, "version");

        Version memory version = registry.versionOf(model, 2);
        assertEq(version.root.digest, cid(9).digest, "digest");
        assertEq(version.root.codec, RAW_CODEC, "codec");
        assertEq(version.publisher, alice, "publisher");
        assertEq(version.publishedAt, START + 5, "publishedAt");
        assertEq(version.parentCount, 2, "parentCount");
        assertEq(registry.parentsOf(model, 2), parents, "parents");
        assertEq(registry.modelOf(model).latestVersion, 2, "latestVersion");
        assertEq(registry.modelOf(base).latestVersion, 1, "another model's latestVersion");
    }

    function test_publish_takesTheSameRootTwice() public {
        vm.startPrank(alice);
        assertEq(registry.publish(model, cid(5), none()), 2);
        assertEq(registry.publish(model, cid(5), none()), 3);
    }

    function test_publish_takesARevokedParent() public {
        vm.prank(bob);
        registry.revoke(base, 1, RevocationReason.PoisonedData);
        publishAs(alice, model, one(base, 1));
        assertTrue(registry.isTainted(model, 2, 2));
    }

    function test_publish_takes16Parents() public {
        Parent[] memory parents = revisionsOfBase(16);
        assertEq(registry.parentsOf(model, publishAs(alice, model, parents)), parents, "parents");
    }

    function test_publish_revertsWhenThereAreMoreParents() public {
        Parent[] memory parents = revisionsOfBase(17);
        vm.expectRevert(abi.encodeWithSelector(Lineage.Lineage_TooManyParents.selector, 17));
        publishAs(alice, model, parents);
    }

    function test_publish_revertsWhenTheModelIsUnknown() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnknownModel.selector, 3)
        );
        registry.publish(3, cid(1), none());
    }

    function test_publish_revertsWhenTheRootIsNoCid() public {
        vm.startPrank(alice);
        vm.expectRevert(IModelRegistry.ModelRegistry_EmptyRoot.selector);
        registry.publish(model, Cid(0, RAW_CODEC), none());
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnsupportedCodec.selector, 0)
        );
        registry.publish(model, Cid(bytes32(uint256(1)), 0), none());
    }

    function test_publish_revertsWhenAParentIsUnknown() public {
        expectUnknownParent(model, 2); // itself
        expectUnknownParent(model, 3); // what will be its child
        expectUnknownParent(base, 0); // no version
        expectUnknownParent(3, 1); // no model
    }

    function test_publish_revertsWhenParentsAreNotAscending() public {
        publishAs(bob, base);
        expectUnsorted(two(base, 1, base, 1)); // the same twice
        expectUnsorted(two(base, 2, base, 1)); // versions descend
        expectUnsorted(two(model, 1, base, 2)); // models descend
    }

    function test_publish_revertsWhenAParentHasNoIdentity() public {
        vm.expectRevert(abi.encodeWithSelector(Lineage.Lineage_UnsortedParents.selector, 0));
        publishAs(alice, model, one(0, 0));
    }

    function test_publish_revertsWhenTheRelationIsUnknown() public {
        bytes memory call = abi.encodeCall(registry.publish, (model, cid(1), one(base, 1)));
        call[call.length - 1] = bytes1(uint8(type(Relation).max) + 1);
        vm.prank(alice);
        (bool success,) = address(registry).call(call);
        assertFalse(success);
    }

    /*//////////////////////////////////////////////////////////////
                               PUBLISHERS
    //////////////////////////////////////////////////////////////*/

    function test_setPublisher_letsTheAccountPublish() public {
        vm.expectEmit(address(registry));
        emit IModelRegistry.PublisherSet(model, carol, START + 10);
        setPublisher(carol, START + 10);

        assertTrue(registry.isPublisher(model, carol), "isPublisher");
        assertEq(registry.publisherExpiry(model, carol), START + 10, "expiry");
        assertFalse(registry.isPublisher(base, carol), "of another model");
        assertEq(registry.versionOf(model, publishAs(carol, model)).publisher, carol, "recorded");
    }

    function test_setPublisher_rightEndsAtItsExpiry() public {
        setPublisher(carol, START + 10);
        vm.warp(START + 9);
        publishAs(carol, model);
        vm.warp(START + 10);
        expectNotPublisher(carol);
    }

    function test_setPublisher_takesARightAway() public {
        setPublisher(carol, START + 10);
        vm.expectEmit(address(registry));
        emit IModelRegistry.PublisherSet(model, carol, 0);
        setPublisher(carol, 0);
        assertEq(registry.publisherExpiry(model, carol), 0, "expiry");
        expectNotPublisher(carol);
    }

    function test_setPublisher_rightEndsWithATransferForGood() public {
        setPublisher(carol, type(uint64).max);
        transfer(alice, bob, model);
        assertEq(registry.publisherExpiry(model, carol), 0, "expiry under the new owner");
        expectNotPublisher(carol);
        expectNotPublisher(alice); // the creator is nobody any more

        transfer(bob, alice, model);
        expectNotPublisher(carol); // and does not come back with the old owner
        publishAs(alice, model);
    }

    function test_setPublisher_rightEndsWithATransferToOneself() public {
        setPublisher(carol, type(uint64).max);
        transfer(alice, alice, model);
        expectNotPublisher(carol);
    }

    function test_setPublisher_revertsWhenTheCallerIsNotTheOwner() public {
        setPublisher(carol, type(uint64).max);
        vm.prank(alice);
        nft.setApprovalForAll(eve, true);
        address[3] memory others = [bob, carol, eve]; // a stranger, a publisher, an operator
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IModelRegistry.ModelRegistry_NotOwner.selector, model, others[i]
                )
            );
            vm.prank(others[i]);
            registry.setPublisher(model, others[i], type(uint64).max);
        }
    }

    function test_setPublisher_revertsWhenTheModelIsUnknown() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnknownModel.selector, 3)
        );
        registry.setPublisher(3, carol, type(uint64).max);
    }

    function test_setPublisher_revertsWhenThePublisherIsNobody() public {
        vm.expectRevert(IModelRegistry.ModelRegistry_ZeroPublisher.selector);
        setPublisher(address(0), type(uint64).max);
    }

    function test_setPublisher_revertsWhenTheExpiryHasPassed() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_ExpiryPassed.selector, START)
        );
        setPublisher(carol, START);
        setPublisher(carol, START + 1);
    }

    function test_publish_revertsWhenTheCallerMayNot() public {
        vm.prank(alice);
        nft.approve(eve, model);
        expectNotPublisher(eve); // may sell it, not speak for it
        expectNotPublisher(bob);
        expectNotPublisher(address(0));
    }

    function test_isPublisher_ofAnUnknownModel() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnknownModel.selector, 3)
        );
        registry.isPublisher(3, address(0));
        assertEq(registry.publisherExpiry(3, carol), 0, "expiry");
    }

    function test_isPublisher_isTrueForTheOwner() public view {
        assertTrue(registry.isPublisher(model, alice), "owner");
        assertFalse(registry.isPublisher(model, bob), "stranger");
        assertEq(registry.publisherExpiry(model, alice), 0, "an owner's right has no expiry");
    }

    function setPublisher(address publisher, uint64 expiry) internal {
        vm.prank(alice);
        registry.setPublisher(model, publisher, expiry);
    }

    function expectNotPublisher(address who) internal {
        assertFalse(registry.isPublisher(model, who), "isPublisher");
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_NotPublisher.selector, model, who)
        );
        publishAs(who, model);
    }

    function expectUnknownParent(uint64 modelId, uint32 version) internal {
        vm.expectRevert(
            abi.encodeWithSelector(Lineage.Lineage_UnknownParent.selector, modelId, version)
        );
        publishAs(alice, model, one(modelId, version));
    }

    function expectUnsorted(Parent[] memory parents) internal {
        vm.expectRevert(abi.encodeWithSelector(Lineage.Lineage_UnsortedParents.selector, 1));
        publishAs(alice, model, parents);
    }

    /// @dev All of `base`'s first versions, each in another relation where there are enough.
    function revisionsOfBase(uint32 count) internal returns (Parent[] memory parents) {
        parents = new Parent[](count);
        for (uint32 i; i < count; ++i) {
            if (i != 0) publishAs(bob, base);
            parents[i] = Parent(base, i + 1, Relation(i % 8));
        }
    }
}
