// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Rfc9162
/// @notice Proofs of Merkle trees with SHA-256 as in Certificate Transparency (RFC 9162).
/// @dev Both walks go up from a node, as the RFC's steps do: `fn` is the node's place on its level, `sn`
/// the last place of that level. Below the level where the two meet, each node has a sibling. From there
/// on the node is the last of its level: it has a sibling only at odd places, and that is to its left.
/// A walk is as long as the sizes demand, at most 64 steps for a `uint64`, whatever the proof is; a proof
/// that is shorter or longer than the walk is refused at its end.
library Rfc9162 {
    /// @notice Whether a tree of `newSize` leaves extends one of `oldSize` (RFC 9162 §2.1.4.2).
    /// @param oldSize Leaves of the old tree, at least 1.
    /// @param newSize Leaves of the new tree, more than `oldSize`.
    function isExtension(
        uint256 oldSize,
        bytes32 oldRoot,
        uint256 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) internal view returns (bool) {
        uint256 fn = oldSize - 1;
        uint256 sn = newSize - 1;
        while (fn & 1 == 1) (fn, sn) = (fn >> 1, sn >> 1);

        // The walk starts at the last complete subtree of the old tree. The proof begins with it, unless
        // it is all of the old tree.
        uint256 next = fn == 0 ? 0 : 1;
        bytes32 oldHash = fn == 0 ? oldRoot : _nodeAt(proof, 0);
        bytes32 newHash = oldHash;
        unchecked {
            // No counter can overflow: each level adds at most one to it.
            for (; fn != sn; (fn, sn) = (fn >> 1, sn >> 1)) {
                bytes32 sibling = _nodeAt(proof, next++);
                if (fn & 1 == 0) {
                    newHash = hashNode(newHash, sibling);
                } else {
                    oldHash = hashNode(sibling, oldHash);
                    newHash = hashNode(sibling, newHash);
                }
            }
            for (; fn != 0; fn >>= 1) {
                if (fn & 1 == 0) continue;
                bytes32 sibling = _nodeAt(proof, next++);
                oldHash = hashNode(sibling, oldHash);
                newHash = hashNode(sibling, newHash);
            }
        }
        return next == proof.length && oldHash == oldRoot && newHash == newRoot;
    }

    /// @notice Whether a leaf stands at a place of a tree (RFC 9162 §2.1.3.2).
    /// @param leafHash Hash of the leaf, domain byte included.
    /// @param index Place of the leaf, from 0.
    /// @param size Leaves of the tree.
    function isIncluded(
        bytes32 leafHash,
        uint256 index,
        uint256 size,
        bytes32 root,
        bytes32[] calldata proof
    ) internal view returns (bool) {
        if (index >= size) return false;

        uint256 fn = index;
        uint256 sn = size - 1;
        uint256 next;
        bytes32 hash = leafHash;
        for (; fn != sn; (fn, sn) = (fn >> 1, sn >> 1)) {
            bytes32 sibling = _nodeAt(proof, next++);
            hash = fn & 1 == 1 ? hashNode(sibling, hash) : hashNode(hash, sibling);
        }
        for (; fn != 0; fn >>= 1) {
            if (fn & 1 == 1) hash = hashNode(_nodeAt(proof, next++), hash);
        }
        return next == proof.length && hash == root;
    }

    /// @notice SHA-256(0x01 ‖ left ‖ right), by the precompile at address 2.
    /// @dev In assembly because each call through `sha256(abi.encodePacked(…))` allocates memory that
    /// is never used again: half the cost of a proof. The Solidity of it is the tests' oracle.
    function hashNode(bytes32 left, bytes32 right) internal view returns (bytes32 hash) {
        assembly ("memory-safe") {
            // 65 bytes at the free memory pointer, which stays where it is.
            let buffer := mload(0x40)
            mstore8(buffer, 1)
            mstore(add(buffer, 1), left)
            mstore(add(buffer, 33), right)
            // The precompile fails only without gas; then the result would be the scratch's content.
            if iszero(staticcall(gas(), 2, buffer, 65, 0, 32)) { revert(0, 0) }
            hash := mload(0)
        }
    }

    /// @dev A node of a proof, without a look at its length: both walks compare that in the end.
    function _nodeAt(bytes32[] calldata proof, uint256 index) private pure returns (bytes32 node) {
        assembly ("memory-safe") {
            node := calldataload(add(proof.offset, shl(5, index)))
        }
    }
}
