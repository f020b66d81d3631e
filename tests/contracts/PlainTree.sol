// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice Merkle trees as RFC 9162 §2.1 defines them: recursions over ranges of leaves, word for word,
/// and nothing of the walks with two counters that the contracts use.
/// @dev Roots are remembered once they are known, until a leaf is changed.
abstract contract PlainTree {
    bytes32[] internal leaves;

    uint256 private _changes;

    mapping(uint256 changes => mapping(uint256 from => mapping(uint256 to => bytes32))) private
        _roots;

    function changeLeaf(uint256 index, bytes32 leafHash) internal {
        leaves[index] = leafHash;
        ++_changes;
    }

    /// @dev §2.1.1, of the leaves from one place to before another.
    function rootOf(uint256 from, uint256 to) internal returns (bytes32 root) {
        if (to == from + 1) return leaves[from];
        root = _roots[_changes][from][to];
        if (root == 0) {
            uint256 split = from + powerBelow(to - from);
            root = node(rootOf(from, split), rootOf(split, to));
            _roots[_changes][from][to] = root;
        }
    }

    function rootOf(uint256 size) internal returns (bytes32) {
        return rootOf(0, size);
    }

    /// @dev §2.1.3.1.
    function inclusionProof(uint256 index, uint256 size) internal returns (bytes32[] memory) {
        return path(index, 0, size);
    }

    /// @dev §2.1.4.1.
    function consistencyProof(uint256 oldSize, uint256 newSize)
        internal
        returns (bytes32[] memory)
    {
        return subproof(oldSize, 0, newSize, true);
    }

    function path(uint256 index, uint256 from, uint256 to) private returns (bytes32[] memory) {
        if (to == from + 1) return new bytes32[](0);
        uint256 split = from + powerBelow(to - from);
        if (index < split) return append(path(index, from, split), rootOf(split, to));
        return append(path(index, split, to), rootOf(from, split));
    }

    /// @dev `old` is the place at which the old tree ends; `complete`, whether this is all of it.
    function subproof(uint256 old, uint256 from, uint256 to, bool complete)
        private
        returns (bytes32[] memory)
    {
        if (old == to) {
            return complete ? new bytes32[](0) : append(new bytes32[](0), rootOf(from, to));
        }
        uint256 split = from + powerBelow(to - from);
        if (old <= split) return append(subproof(old, from, split, complete), rootOf(split, to));
        return append(subproof(old, split, to, false), rootOf(from, split));
    }

    /// @notice What a consistency proof says: the recursion of `subproof`, read backwards.
    /// @return unread Number of nodes that the proof has too many; past every bound if too few.
    /// @return oldHash Root of the old tree, according to the proof.
    /// @return newHash Root of the new tree, according to the proof.
    function readConsistency(
        uint256 oldSize,
        bytes32 oldRoot,
        uint256 newSize,
        bytes32[] memory proof
    ) internal pure returns (uint256 unread, bytes32 oldHash, bytes32 newHash) {
        return read(oldSize, newSize, true, oldRoot, proof, proof.length);
    }

    /// @dev Reads from the end of the proof.
    function read(
        uint256 oldSize,
        uint256 newSize,
        bool complete,
        bytes32 oldRoot,
        bytes32[] memory proof,
        uint256 unread
    ) private pure returns (uint256, bytes32 oldHash, bytes32 newHash) {
        if (oldSize == newSize && complete) return (unread, oldRoot, oldRoot);
        if (unread == 0 || unread > proof.length) return (type(uint256).max, 0, 0);
        bytes32 last = proof[unread - 1];
        if (oldSize == newSize) return (unread - 1, last, last);

        uint256 split = powerBelow(newSize);
        if (oldSize <= split) {
            (unread, oldHash, newHash) = read(oldSize, split, complete, oldRoot, proof, unread - 1);
            return (unread, oldHash, node(newHash, last));
        }
        (unread, oldHash, newHash) =
            read(oldSize - split, newSize - split, false, oldRoot, proof, unread - 1);
        return (unread, node(last, oldHash), node(last, newHash));
    }

    /// @notice What an inclusion proof says: the recursion of `path`, read backwards.
    /// @return unread Number of nodes that the proof has too many; past every bound if too few.
    /// @return root Root of the tree, according to the proof.
    function readInclusion(bytes32 leafHash, uint256 index, uint256 size, bytes32[] memory proof)
        internal
        pure
        returns (uint256 unread, bytes32 root)
    {
        return readPath(leafHash, index, size, proof, proof.length);
    }

    function readPath(
        bytes32 leafHash,
        uint256 index,
        uint256 size,
        bytes32[] memory proof,
        uint256 unread
    ) private pure returns (uint256, bytes32 root) {
        if (size == 1) return (unread, leafHash);
        if (unread == 0 || unread > proof.length) return (type(uint256).max, 0);
        bytes32 last = proof[unread - 1];
        uint256 split = powerBelow(size);
        if (index < split) {
            (unread, root) = readPath(leafHash, index, split, proof, unread - 1);
            return (unread, node(root, last));
        }
        (unread, root) = readPath(leafHash, index - split, size - split, proof, unread - 1);
        return (unread, node(last, root));
    }

    /// @dev The largest power of two below a size of at least 2.
    function powerBelow(uint256 size) internal pure returns (uint256 power) {
        power = 1;
        while (power * 2 < size) power *= 2;
    }

    function leaf(bytes memory record) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(uint8(0), record));
    }

    function node(bytes32 left, bytes32 right) internal pure returns (bytes32) {
        return sha256(abi.encodePacked(uint8(1), left, right));
    }

    function append(bytes32[] memory list, bytes32 item)
        internal
        pure
        returns (bytes32[] memory longer)
    {
        longer = new bytes32[](list.length + 1);
        for (uint256 i; i < list.length; ++i) {
            longer[i] = list[i];
        }
        longer[list.length] = item;
    }
}
