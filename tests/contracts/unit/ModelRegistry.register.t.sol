// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";

import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Labels} from "../../../contracts/libraries/Labels.sol";
import {Lineage} from "../../../contracts/libraries/Lineage.sol";
import {
    Cid,
    Kind,
    Model,
    RAW_CODEC,
    RevocationReason,
    Status,
    Version
} from "../../../contracts/types/Model.sol";
import {BaseTest} from "../Base.t.sol";

contract ModelRegistryRegisterTest is BaseTest {
    function test_constructor() public view {
        assertEq(registry.modelCount(), 0, "modelCount");
        assertEq(address(nft.registry()), address(registry), "the token's registry");
        assertEq(registry.version(), "1.0.0", "version");
        assertEq(registry.MAX_PARENTS(), 16, "MAX_PARENTS");
        assertEq(registry.MAX_VISITS(), 2048, "MAX_VISITS");
    }

    function test_register_storesTheModelAndItsFirstVersion() public {
        uint64 data = registerAs(bob, "data");
        uint64 modelId = 2;

        vm.expectEmit(address(registry));
        emit IModelRegistry.ModelRegistered(modelId, alice, Kind.Dataset, NAME);
        vm.expectEmit(address(registry));
        emit IModelRegistry.VersionPublished(modelId, 1, cid(7).digest, cid(7).codec, alice);
        vm.expectEmit(address(registry));
        emit IModelRegistry.ParentLinked(data, 1, modelId, 1, one(data, 1)[0].relation);
        vm.expectEmit(address(nft));
        emit IERC721.Transfer(address(0), alice, modelId);
        vm.prank(alice);
        assertEq(registry.register(NAME, Kind.Dataset, cid(7), one(data, 1)), modelId, "id");

        Model memory model = registry.modelOf(modelId);
        assertEq(model.creator, alice, "creator");
        assertEq(model.latestVersion, 1, "latestVersion");
        assertEq(uint8(model.kind), uint8(Kind.Dataset), "kind");
        assertEq(model.name, NAME, "name");
        assertEq(registry.modelIdOf(alice, NAME), modelId, "modelIdOf");
        assertEq(registry.modelCount(), modelId, "modelCount");
        assertEq(nft.ownerOf(modelId), alice, "owner");

        Version memory version = registry.versionOf(modelId, 1);
        assertEq(version.root.digest, cid(7).digest, "digest");
        assertEq(version.root.codec, cid(7).codec, "codec");
        assertEq(version.publisher, alice, "publisher");
        assertEq(version.publishedAt, START, "publishedAt");
        assertEq(uint8(version.status), uint8(Status.Published), "status");
        assertEq(uint8(version.reason), uint8(RevocationReason.Unspecified), "reason");
        assertEq(version.parentCount, 1, "parentCount");
        assertEq(registry.parentsOf(modelId, 1), one(data, 1), "parents");
    }

    function test_register_namesAreUniquePerCreator() public {
        assertEq(registerAs(alice, NAME), 1, "alice's");
        assertEq(registerAs(bob, NAME), 2, "bob's");
        assertEq(registry.modelIdOf(alice, NAME), 1, "alice's id");
        assertEq(registry.modelIdOf(bob, NAME), 2, "bob's id");
        assertEq(registry.modelIdOf(carol, NAME), 0, "nobody's id");
    }

    function test_register_revertsWhenTheNameIsTaken() public {
        uint64 modelId = registerAs(alice, NAME);
        bytes memory taken =
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_NameTaken.selector, alice, NAME, 1);
        vm.expectRevert(taken);
        registerAs(alice, NAME);

        // Nor does selling the model free its name: (creator, name) means one model for ever.
        transfer(alice, bob, modelId);
        vm.expectRevert(taken);
        registerAs(alice, NAME);
        registerAs(bob, NAME);
    }

    function test_register_takesNamesOf1To64Characters() public {
        registerAs(alice, "-");
        registerAs(alice, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX._/-");
        assertEq(registry.modelCount(), 2);
    }

    function test_register_revertsWhenTheNameIsNotWellFormed() public {
        expectBadName("", abi.encodeWithSelector(Labels.Labels_Empty.selector));
        expectBadName(
            "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWX._/-0",
            abi.encodeWithSelector(Labels.Labels_TooLong.selector, 65)
        );
        expectBadCharacter("a b", " ");
        expectBadCharacter(unicode"modèle", 0xc3);
        expectBadCharacter("a\nb", "\n");
        expectBadCharacter("a@b", "@");
        expectBadCharacter("0123456789abcdefghijklmnopqrstuvwxyz:", ":");
        expectBadCharacter(hex"00", 0); // zeros: alone, first, last, between, at the word's edge
        expectBadCharacter(hex"0061", 0);
        expectBadCharacter(hex"6100", 0);
        expectBadCharacter(hex"610061", 0);
        expectBadCharacter(string.concat("0123456789abcdefghijklmnopqrstu", hex"0061"), 0);
        expectBadCharacter(string.concat("0123456789abcdefghijklmnopqrstuv", hex"0061"), 0);
    }

    function test_register_revertsWhenTheRootIsNoCid() public {
        vm.expectRevert(IModelRegistry.ModelRegistry_EmptyRoot.selector);
        registry.register(NAME, Kind.Model, Cid(0, RAW_CODEC), none());

        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnsupportedCodec.selector, 0x71)
        );
        registry.register(NAME, Kind.Model, Cid(bytes32(uint256(1)), 0x71), none());
        assertEq(registry.modelCount(), 0, "nothing was registered");
    }

    function test_register_revertsWhenItsFirstVersionIsItsOwnParent() public {
        vm.expectRevert(abi.encodeWithSelector(Lineage.Lineage_UnknownParent.selector, 1, 1));
        registry.register(NAME, Kind.Model, cid(1), one(1, 1));
    }

    function test_register_revertsWhenTheKindIsUnknown() public {
        bytes memory call = abi.encodeCall(registry.register, (NAME, Kind.Dataset, cid(1), none()));
        call[4 + 63] = 0x02; // no third kind
        (bool success, bytes memory result) = address(registry).call(call);
        assertFalse(success, "success");
        assertEq(result, "", "decoding fails without data");
    }

    function test_register_doesNotCallTheNewOwner() public {
        // The test contract is no ERC-721 receiver, and has no fallback function.
        uint64 modelId = registry.register(NAME, Kind.Model, cid(1), none());
        assertEq(nft.ownerOf(modelId), address(this));
    }

    function test_modelOf_revertsWhenUnknown() public {
        registerAs(alice, NAME);
        for (uint64 id; id < 3; id += 2) {
            vm.expectRevert(
                abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnknownModel.selector, id)
            );
            registry.modelOf(id);
        }
    }

    function test_versionOf_revertsWhenUnknown() public {
        registerAs(alice, NAME);
        for (uint32 version; version < 3; version += 2) {
            bytes memory unknown = abi.encodeWithSelector(
                IModelRegistry.ModelRegistry_UnknownVersion.selector, 1, version
            );
            vm.expectRevert(unknown);
            registry.versionOf(1, version);
            vm.expectRevert(unknown);
            registry.parentsOf(1, version);
        }
    }

    function expectBadCharacter(string memory name, bytes1 character) internal {
        expectBadName(name, abi.encodeWithSelector(Labels.Labels_BadCharacter.selector, character));
    }

    function expectBadName(string memory name, bytes memory reason) internal {
        vm.expectRevert(reason);
        registry.register(name, Kind.Model, cid(1), none());
    }
}
