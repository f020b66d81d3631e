// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Cid, Parent, Publication} from "../types/Model.sol";

/// @title PublicationLib
/// @notice What a publisher signs, as an EIP-712 struct.
library PublicationLib {
    bytes32 private constant _CID_TYPEHASH = keccak256("Cid(bytes32 digest,uint8 codec)");

    bytes32 private constant _PARENT_TYPEHASH =
        keccak256("Parent(uint64 modelId,uint32 version,uint8 relation)");

    /// @dev The types that it refers to follow in alphabetical order.
    bytes32 private constant _PUBLISH_TYPEHASH = keccak256(
        "Publish(uint64 modelId,Cid root,Parent[] parents,address publisher,uint256 nonce,"
        "uint256 deadline)Cid(bytes32 digest,uint8 codec)"
        "Parent(uint64 modelId,uint32 version,uint8 relation)"
    );

    /// @notice The EIP-712 struct hash of `Publish`.
    function hash(
        Publication calldata publication,
        address publisher,
        uint256 nonce,
        uint256 deadline
    ) internal pure returns (bytes32) {
        return keccak256(
            abi.encode(
                _PUBLISH_TYPEHASH,
                publication.modelId,
                _hash(publication.root),
                _hash(publication.parents),
                publisher,
                nonce,
                deadline
            )
        );
    }

    function _hash(Cid calldata root) private pure returns (bytes32) {
        return keccak256(abi.encode(_CID_TYPEHASH, root));
    }

    function _hash(Parent[] calldata parents) private pure returns (bytes32) {
        bytes32[] memory hashes = new bytes32[](parents.length);
        for (uint256 i; i < hashes.length; ++i) {
            hashes[i] = keccak256(abi.encode(_PARENT_TYPEHASH, parents[i]));
        }
        return keccak256(abi.encodePacked(hashes));
    }
}
