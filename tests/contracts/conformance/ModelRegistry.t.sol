// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Cid, Parent, Publication, Relation} from "../../../contracts/types/Model.sol";
import {BaseTest} from "../Base.t.sol";
import {SignedConformance} from "./Signed.sol";

/// @notice Signed publications against ERC-712, ERC-5267 and ERC-1271.
contract ModelRegistryConformanceTest is BaseTest, SignedConformance {
    uint64 private _base;
    uint64 private _model;

    function setUp() public override {
        super.setUp();
        _base = registerAs(bob, "base");
        _model = registerAs(alice, NAME);
    }

    function verifier() internal view override returns (address) {
        return address(registry);
    }

    function admit(address signer) internal override {
        vm.prank(alice);
        IModelRegistry(verifier()).setPublisher(_model, signer, type(uint64).max);
    }

    function nonceOf(address signer) internal view override returns (uint256) {
        return IModelRegistry(verifier()).nonces(signer);
    }

    function skipNonce(uint256 nonce) internal override {
        IModelRegistry(verifier()).skipNonce(nonce);
    }

    function isSpent() internal pure override returns (bool) {
        return true;
    }

    function send(Message memory message, bytes memory signature) internal override {
        Publication memory publication = publicationOf(message.seed);
        vm.prank(eve); // whoever pays for it
        IModelRegistry(address(registry))
            .publishBySig(publication, message.signer, message.deadline, signature);
    }

    /// @dev "The type of the struct … the set of referenced struct types is … sorted by name and appended."
    function hash(Message memory message) internal view override returns (bytes32) {
        string memory cidType = "Cid(bytes32 digest,uint8 codec)";
        string memory parentType = "Parent(uint64 modelId,uint32 version,uint8 relation)";
        string memory own =
            "Publish(uint64 modelId,Cid root,Parent[] parents,address publisher,uint256 nonce,uint256 deadline)";
        Publication memory it = publicationOf(message.seed);
        bytes memory parents;
        for (uint256 i; i < it.parents.length; ++i) {
            Parent memory parent = it.parents[i];
            bytes memory words = bytes.concat(
                bytes32(uint256(parent.modelId)),
                bytes32(uint256(parent.version)),
                bytes32(uint256(parent.relation))
            );
            parents = bytes.concat(parents, hashStruct(parentType, words));
        }
        bytes memory root = bytes.concat(it.root.digest, bytes32(uint256(it.root.codec)));
        return hashStruct(
            string.concat(own, cidType, parentType),
            bytes.concat(
                bytes32(uint256(it.modelId)),
                hashStruct(cidType, root),
                keccak256(parents),
                word(message.signer),
                bytes32(message.nonce),
                bytes32(message.deadline)
            )
        );
    }

    /// @dev Of either codec, with no, one or two parents.
    function publicationOf(uint256 seed) internal view returns (Publication memory it) {
        (it.modelId, it.root) = (_model, Cid(keccak256(abi.encode(seed)), 0x70));
        if (seed % 2 == 0) it.root.codec = 0x55;
        it.parents = seed % 3 == 0 ? none() : one(_base, 1);
        if (seed % 3 == 2) it.parents = two(_base, 1, _model, 1);
        if (seed % 3 == 1) it.parents[0].relation = Relation(uint8((seed >> 8) % 4));
    }
}
