// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {ModelNFT} from "../../contracts/ModelNFT.sol";
import {ModelRegistry} from "../../contracts/ModelRegistry.sol";
import {
    Cid,
    DAG_PB_CODEC,
    Kind,
    Parent,
    RAW_CODEC,
    Relation
} from "../../contracts/types/Model.sol";

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

    function setUp() public virtual {
        vm.warp(START);
        registry = new ModelRegistry();
        nft = ModelNFT(address(registry.nft()));
    }

    /// @dev A directory's CID whose digest has no zero bytes to speak of.
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

    function registerAs(address who, string memory name) internal returns (uint64 modelId) {
        vm.prank(who);
        return registry.register(name, Kind.Model, cid(uint256(keccak256(bytes(name)))), none());
    }

    function publishAs(address who, uint64 modelId) internal returns (uint32 version) {
        return publishAs(who, modelId, none());
    }

    function publishAs(address who, uint64 modelId, Parent[] memory parents)
        internal
        returns (uint32 version)
    {
        vm.prank(who);
        return registry.publish(modelId, cid(uint256(modelId) << 32 | vm.getNonce(who)), parents);
    }
}
