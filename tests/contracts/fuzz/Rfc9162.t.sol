// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {Rfc9162} from "../../../contracts/libraries/Rfc9162.sol";
import {PlainTree} from "../PlainTree.sol";

contract Rfc9162Harness {
    function isExtension(
        uint256 oldSize,
        bytes32 oldRoot,
        uint256 newSize,
        bytes32 newRoot,
        bytes32[] calldata proof
    ) external view returns (bool) {
        return Rfc9162.isExtension(oldSize, oldRoot, newSize, newRoot, proof);
    }

    function isIncluded(
        bytes32 leafHash,
        uint256 index,
        uint256 size,
        bytes32 root,
        bytes32[] calldata proof
    ) external view returns (bool) {
        return Rfc9162.isIncluded(leafHash, index, size, root, proof);
    }

    function hashNode(bytes32 left, bytes32 right) external view returns (bytes32 hash) {
        uint256 before;
        uint256 afterwards;
        assembly {
            before := mload(0x40)
        }
        hash = Rfc9162.hashNode(left, right);
        assembly {
            afterwards := mload(0x40)
        }
        require(before == afterwards, "memory was taken");
    }
}

/// @notice The proofs that the library accepts: all that pymerkle makes (tests/contracts/data, written
/// by scripts/vectors), and exactly those that the RFC's recursive definitions accept.
contract Rfc9162FuzzTest is Test, PlainTree {
    uint256 internal constant SMALL = 200;

    Rfc9162Harness internal subject = new Rfc9162Harness();

    /*//////////////////////////////////////////////////////////////
                        ANOTHER IMPLEMENTATION
    //////////////////////////////////////////////////////////////*/

    function test_isIncluded_everyProofUpTo200Leaves() public {
        vm.pauseGasMetering();
        string memory json = vectors();
        bytes32[] memory roots = vm.parseJsonBytes32Array(json, ".roots");
        bytes32[] memory digests = vm.parseJsonBytes32Array(json, ".inclusion");
        assertEq(roots.length, SMALL, "roots");
        grow(SMALL);
        for (uint256 size = 1; size <= SMALL; ++size) {
            assertEq(rootOf(size), roots[size - 1], "root");
            assertEq(this.checkInclusions(size), digests[size - 1], "proofs");
        }
    }

    function test_isExtension_everyProofUpTo200Leaves() public {
        vm.pauseGasMetering();
        bytes32[] memory digests = vm.parseJsonBytes32Array(vectors(), ".consistency");
        assertEq(digests.length, SMALL, "sizes");
        grow(SMALL);
        for (uint256 size = 1; size <= SMALL; ++size) {
            assertEq(this.checkExtensions(size), digests[size - 1], "proofs");
        }
    }

    /// @dev External, so that each size starts with empty memory.
    /// @return digest Of all proofs, each hashed together with the digest of those before it.
    function checkInclusions(uint256 size) external returns (bytes32 digest) {
        bytes32 root = rootOf(size);
        for (uint256 i; i < size; ++i) {
            bytes32[] memory proof = inclusionProof(i, size);
            assertTrue(subject.isIncluded(leaves[i], i, size, root, proof), "a leaf");
            assertFalse(subject.isIncluded(leaves[i + 1], i, size, root, proof), "another leaf");
            digest = sha256(abi.encodePacked(digest, proof));
        }
    }

    /// @return digest See `checkInclusions`.
    function checkExtensions(uint256 size) external returns (bytes32 digest) {
        bytes32 root = rootOf(size);
        for (uint256 old = 1; old < size; ++old) {
            bytes32 oldRoot = rootOf(old);
            bytes32[] memory proof = consistencyProof(old, size);
            assertTrue(subject.isExtension(old, oldRoot, size, root, proof), "an extension");
            assertFalse(subject.isExtension(old, ~oldRoot, size, root, proof), "another past");
            digest = sha256(abi.encodePacked(digest, proof));
        }
    }

    function test_isIncluded_inLargeTrees() public view {
        string memory json = vectors();
        uint256 i;
        for (; has(json, ".largeInclusion", i); ++i) {
            string memory key = at(".largeInclusion", i);
            uint256 index = vm.parseJsonUint(json, string.concat(key, ".index"));
            uint256 size = vm.parseJsonUint(json, string.concat(key, ".size"));
            bytes32 root = vm.parseJsonBytes32(json, string.concat(key, ".root"));
            bytes32[] memory proof = vm.parseJsonBytes32Array(json, string.concat(key, ".proof"));
            bytes32 record = leaf(abi.encodePacked(uint64(index)));
            bytes32 other = leaf(abi.encodePacked(uint64(index + 1)));
            assertTrue(subject.isIncluded(record, index, size, root, proof), key);
            assertFalse(subject.isIncluded(other, index, size, root, proof), key);
        }
        assertGt(i, 16, "vectors");
    }

    function test_isExtension_ofLargeTrees() public view {
        string memory json = vectors();
        uint256 i;
        for (; has(json, ".largeConsistency", i); ++i) {
            string memory key = at(".largeConsistency", i);
            uint256 old = vm.parseJsonUint(json, string.concat(key, ".oldSize"));
            bytes32 oldRoot = vm.parseJsonBytes32(json, string.concat(key, ".oldRoot"));
            uint256 size = vm.parseJsonUint(json, string.concat(key, ".newSize"));
            bytes32 root = vm.parseJsonBytes32(json, string.concat(key, ".newRoot"));
            bytes32[] memory proof = vm.parseJsonBytes32Array(json, string.concat(key, ".proof"));
            assertTrue(subject.isExtension(old, oldRoot, size, root, proof), key);
            assertFalse(subject.isExtension(old, ~oldRoot, size, root, proof), key);
        }
        assertGt(i, 16, "vectors");
    }

    /*//////////////////////////////////////////////////////////////
                          THE RFC'S RECURSIONS
    //////////////////////////////////////////////////////////////*/

    /// @dev A proof can have any nodes: it then is one of the roots that it leads to, and no others.
    function testFuzz_isExtension_ofAnySizes(uint64 oldSize, uint64 newSize, uint256 seed)
        public
        view
    {
        newSize = uint64(boundBits(newSize, 2));
        oldSize = uint64(boundBits(oldSize, 1)) % newSize;
        if (oldSize == 0) oldSize = 1;
        bytes32 given = bytes32(seed);
        bytes32[] memory proof = proofOfAnyNodes(seed, consistencyLength(oldSize, newSize));
        (uint256 unread, bytes32 oldRoot, bytes32 newRoot) =
            readConsistency(oldSize, given, newSize, proof);
        assertEq(unread, 0, "as long as it must be");
        assertTrue(subject.isExtension(oldSize, oldRoot, newSize, newRoot, proof), "extension");
        assertFalse(subject.isExtension(oldSize, ~oldRoot, newSize, newRoot, proof), "old root");
        assertFalse(subject.isExtension(oldSize, oldRoot, newSize, ~newRoot, proof), "new root");
        assertFalse(subject.isExtension(oldSize, newRoot, newSize, oldRoot, proof), "swapped");
        checkSpoiled(oldSize, oldRoot, newSize, newRoot, proof, seed);
    }

    function testFuzz_isIncluded_atAnyPlace(uint64 index, uint64 size, uint256 seed) public view {
        size = uint64(boundBits(size, 1));
        index %= size;
        bytes32 given = bytes32(seed);
        bytes32[] memory proof = proofOfAnyNodes(seed, inclusionLength(index, size));
        (uint256 unread, bytes32 root) = readInclusion(given, index, size, proof);
        assertEq(unread, 0, "as long as it must be");
        assertTrue(subject.isIncluded(given, index, size, root, proof), "included");
        assertFalse(subject.isIncluded(~given, index, size, root, proof), "leaf");
        assertFalse(subject.isIncluded(given, index, size, ~root, proof), "root");
        assertFalse(subject.isIncluded(given, size, size, root, proof), "place");
        bytes32[] memory spoiled = spoil(proof, seed);
        assertFalse(subject.isIncluded(given, index, size, root, spoiled), "spoiled");

        // With another size or place, the same nodes may still lead to the same root: ask the RFC.
        (uint256 otherIndex, uint256 otherSize) = (nearby(index, seed), nearby(size, seed >> 8));
        if (otherSize == 0 || otherIndex >= otherSize) return;
        bytes32 otherRoot;
        (unread, otherRoot) = readInclusion(bytes32(seed), otherIndex, otherSize, proof);
        bool included = subject.isIncluded(bytes32(seed), otherIndex, otherSize, root, proof);
        assertEq(included, unread == 0 && otherRoot == root, "elsewhere");
    }

    function test_isIncluded_inNothing() public view {
        assertFalse(subject.isIncluded(0, 0, 0, 0, new bytes32[](0)));
        assertFalse(subject.isIncluded(0, type(uint64).max, 0, 0, new bytes32[](0)));
    }

    function test_isExtension_withoutAProof() public view {
        for (uint256 size = 2; size < 70; ++size) {
            for (uint256 old = 1; old < size; ++old) {
                assertFalse(subject.isExtension(old, 0, size, 0, new bytes32[](0)));
            }
        }
    }

    /// @dev Too long a proof is refused at its first superfluous node, not read to its end.
    function test_tooLongProofsAreNotReadToTheirEnd() public view {
        bytes32[] memory proof = new bytes32[](10_000);
        uint64 size = type(uint64).max;
        assertFalse(subject.isExtension{gas: 100_000}(size - 1, 0, size, 0, proof), "extension");
        assertFalse(subject.isIncluded{gas: 100_000}(0, size - 1, size, 0, proof), "inclusion");
    }

    /*//////////////////////////////////////////////////////////////
                                HASHING
    //////////////////////////////////////////////////////////////*/

    function testFuzz_hashNode_isSha256(bytes32 left, bytes32 right) public view {
        assertEq(subject.hashNode(left, right), sha256(abi.encodePacked(bytes1(0x01), left, right)));
    }

    /// @dev Between "enough gas" and "not enough to begin with" there is no wrong result.
    function test_hashNode_isRightOrReverts() public view {
        bytes32 expected = node("left", "right");
        bytes memory call = abi.encodeCall(subject.hashNode, ("left", "right"));
        uint256 successes;
        for (uint256 gas = 100; gas < 2000; ++gas) {
            (bool success, bytes memory result) = address(subject).staticcall{gas: gas}(call);
            if (!success) continue;
            assertEq(abi.decode(result, (bytes32)), expected, "a wrong hash");
            ++successes;
        }
        assertGt(successes, 0, "never enough gas");
        assertLt(successes, 1900, "always enough gas");
    }

    function test_hashNode_revertsWhenThePrecompileFails() public {
        vm.mockCallRevert(address(2), bytes(""), "");
        vm.expectRevert(bytes(""));
        subject.hashNode("left", "right");
    }

    /*//////////////////////////////////////////////////////////////
                                HELPERS
    //////////////////////////////////////////////////////////////*/

    function checkSpoiled(
        uint256 oldSize,
        bytes32 oldRoot,
        uint256 newSize,
        bytes32 newRoot,
        bytes32[] memory proof,
        uint256 seed
    ) internal view {
        bytes32[] memory spoiled = spoil(proof, seed);
        assertFalse(subject.isExtension(oldSize, oldRoot, newSize, newRoot, spoiled), "spoiled");

        // With other sizes, the same nodes may still lead to the same roots: ask the RFC.
        (uint256 otherOld, uint256 otherNew) = (nearby(oldSize, seed), nearby(newSize, seed >> 8));
        if (otherOld == 0 || otherOld >= otherNew) return;
        (uint256 unread, bytes32 oldHash, bytes32 newHash) =
            readConsistency(otherOld, oldRoot, otherNew, proof);
        assertEq(
            subject.isExtension(otherOld, oldRoot, otherNew, newRoot, proof),
            unread == 0 && oldHash == oldRoot && newHash == newRoot,
            "other sizes"
        );
    }

    /// @dev The proof with one thing wrong in it.
    function spoil(bytes32[] memory proof, uint256 seed)
        internal
        pure
        returns (bytes32[] memory spoiled)
    {
        uint256 how = seed % 5;
        uint256 place = proof.length == 0 ? 0 : (seed >> 16) % proof.length;
        spoiled =
            append(proof, how == 0 ? bytes32(seed) : proof.length == 0 ? bytes32(0) : proof[0]);
        if (how < 2 || proof.length == 0) return spoiled; // one node more
        assembly ("memory-safe") {
            mstore(spoiled, sub(mload(spoiled), 1))
        }
        if (how == 2) {
            spoiled[place] ^= bytes32(1 << ((seed >> 32) % 256)); // one bit of a node
        } else if (how == 3) {
            spoiled[place] = proof[proof.length - 1];
            assembly ("memory-safe") {
                mstore(spoiled, sub(mload(spoiled), 1)) // one node fewer
            }
        } else {
            uint256 next = (place + 1) % proof.length; // two nodes swapped
            (spoiled[place], spoiled[next]) = (proof[next], proof[place]);
            if (next == place) spoiled[place] = ~proof[place];
        }
    }

    function proofOfAnyNodes(uint256 seed, uint256 length)
        internal
        pure
        returns (bytes32[] memory proof)
    {
        proof = new bytes32[](length);
        for (uint256 i; i < length; ++i) {
            proof[i] = keccak256(abi.encode(seed, i));
        }
    }

    /// @dev A number of at least `minimum`; as often of few bits as of many.
    function boundBits(uint256 value, uint256 minimum) internal pure returns (uint256) {
        value = uint64(value) >> (value % 64);
        return value < minimum ? minimum : value;
    }

    /// @dev The value, or one that differs by a little.
    function nearby(uint256 value, uint256 seed) internal pure returns (uint256) {
        uint256 difference = seed % 4;
        return seed & 128 == 0 ? value + difference : value - (value < difference ? 0 : difference);
    }

    /// @dev The length of a proof follows from the sizes; none has more than 65 nodes.
    function consistencyLength(uint256 oldSize, uint256 newSize) internal pure returns (uint256) {
        (uint256 unread,,) = readConsistency(oldSize, 0, newSize, new bytes32[](65));
        return 65 - unread;
    }

    function inclusionLength(uint256 index, uint256 size) internal pure returns (uint256) {
        (uint256 unread,) = readInclusion(0, index, size, new bytes32[](65));
        return 65 - unread;
    }

    /// @dev One leaf more than asked for, so that each has a next one.
    function grow(uint256 size) internal {
        for (uint256 i; i <= size; ++i) {
            leaves.push(leaf(abi.encodePacked(uint64(i))));
        }
    }

    function vectors() internal view returns (string memory) {
        return vm.readFile("tests/contracts/data/rfc9162.json");
    }

    function at(string memory key, uint256 index) internal pure returns (string memory) {
        return string.concat(key, "[", vm.toString(index), "]");
    }

    function has(string memory json, string memory key, uint256 index)
        internal
        view
        returns (bool)
    {
        return vm.keyExistsJson(json, at(key, index));
    }
}
