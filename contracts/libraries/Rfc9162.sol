// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Rfc9162
/// @notice Proofs of Merkle trees with SHA-256 as in Certificate Transparency (RFC 9162).
/// @dev Both walks follow the RFC's steps: `fn` is the place of the node under consideration on its
/// level, `sn` the last place of that level. Proofs are at most 64 + 64 hashes long for a `uint64`
/// size; a longer one runs into `sn == 0` and is refused, which bounds the loops.
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
        uint256 next;
        bytes32 oldHash = oldRoot;
        // Where the old tree is complete, its root is the first hash, and the proof leaves it out.
        if (oldSize & (oldSize - 1) != 0) {
            if (proof.length == 0) return false;
            (oldHash, next) = (proof[0], 1);
        } else if (proof.length == 0) {
            return false;
        }

        bytes32 newHash = oldHash;
        uint256 fn = oldSize - 1;
        uint256 sn = newSize - 1;
        while (fn & 1 == 1) (fn, sn) = (fn >> 1, sn >> 1);

        for (; next < proof.length; ++next) {
            if (sn == 0) return false;
            bytes32 sibling = proof[next];
            if (fn & 1 == 1 || fn == sn) {
                oldHash = hashNode(sibling, oldHash);
                newHash = hashNode(sibling, newHash);
                while (fn & 1 == 0 && fn != 0) (fn, sn) = (fn >> 1, sn >> 1);
            } else {
                newHash = hashNode(newHash, sibling);
            }
            (fn, sn) = (fn >> 1, sn >> 1);
        }
        return sn == 0 && oldHash == oldRoot && newHash == newRoot;
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

        bytes32 hash = leafHash;
        uint256 fn = index;
        uint256 sn = size - 1;
        for (uint256 i; i < proof.length; ++i) {
            if (sn == 0) return false;
            bytes32 sibling = proof[i];
            if (fn & 1 == 1 || fn == sn) {
                hash = hashNode(sibling, hash);
                while (fn & 1 == 0 && fn != 0) (fn, sn) = (fn >> 1, sn >> 1);
            } else {
                hash = hashNode(hash, sibling);
            }
            (fn, sn) = (fn >> 1, sn >> 1);
        }
        return sn == 0 && hash == root;
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
}
