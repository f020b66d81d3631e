// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {ModelNFT} from "../../contracts/ModelNFT.sol";
import {ModelRegistry} from "../../contracts/ModelRegistry.sol";
import {Cid, DAG_PB_CODEC, Kind, Parent, Relation} from "../../contracts/types/Model.sol";

/// @notice Actors, a deployed registry and the shortest way to say "register a model".
abstract contract BaseTest is Test {
    uint64 internal constant START = 1_800_000_000; // January 2027
    bytes32 internal constant CHAMPION = "champion";
    string internal constant NAME = "acme/shakespeare-lm1"; // 20 characters

    address internal alice = makeAddr("alice");
    address internal bob = makeAddr("bob");
    address internal carol = makeAddr("carol");
    address internal eve = makeAddr("eve");

    ModelRegistry internal registry;
    ModelNFT internal nft;

    uint256 private _seed;

    function setUp() public virtual {
        vm.warp(START);
        registry = new ModelRegistry();
        nft = ModelNFT(address(registry.nft()));
    }

    /// @dev A directory's CID with a digest as random as a real one.
    function cid(uint256 seed) internal pure returns (Cid memory) {
        return Cid({digest: keccak256(abi.encode("root", seed)), codec: DAG_PB_CODEC});
    }

    function none() internal pure returns (Parent[] memory) {
        return new Parent[](0);
    }

    function one(uint64 modelId, uint32 version) internal pure returns (Parent[] memory parents) {
        parents = new Parent[](1);
        parents[0] = Parent(modelId, version, Relation.Finetune);
    }

    function two(uint64 firstModel, uint32 firstVersion, uint64 secondModel, uint32 secondVersion)
        internal
        pure
        returns (Parent[] memory parents)
    {
        parents = new Parent[](2);
        parents[0] = Parent(firstModel, firstVersion, Relation.Merge);
        parents[1] = Parent(secondModel, secondVersion, Relation.TrainedOn);
    }

    function registerAs(address who, string memory name) internal returns (uint64 modelId) {
        vm.prank(who);
        return registry.register(name, Kind.Model, cid(++_seed), none());
    }

    function publishAs(address who, uint64 modelId) internal returns (uint32 version) {
        return publishAs(who, modelId, none());
    }

    function publishAs(address who, uint64 modelId, Parent[] memory parents)
        internal
        returns (uint32 version)
    {
        vm.prank(who);
        return registry.publish(modelId, cid(++_seed), parents);
    }

    function transfer(address from, address to, uint64 modelId) internal {
        vm.prank(from);
        nft.transferFrom(from, to, modelId);
    }

    function moveAlias(address who, uint64 modelId, uint32 version) internal {
        vm.prank(who);
        registry.setAlias(modelId, CHAMPION, version);
    }

    function gateAlias(address who, uint64 modelId, address gate) internal {
        vm.prank(who);
        registry.setAliasGate(modelId, CHAMPION, gate);
    }

    function assertEq(Parent[] memory left, Parent[] memory right, string memory what)
        internal
        pure
    {
        assertEq(abi.encode(left), abi.encode(right), what);
    }
}
