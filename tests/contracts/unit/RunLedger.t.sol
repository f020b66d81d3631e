// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {RunLedger} from "../../../contracts/RunLedger.sol";
import {IRunLedger} from "../../../contracts/interfaces/IRunLedger.sol";
import {PlainTree} from "../PlainTree.sol";

/// @notice Every function of the ledger, and everything that it refuses.
contract RunLedgerTest is Test, PlainTree {
    bytes32 internal constant SALT = "digits";

    address internal owner = makeAddr("owner");
    address internal writer = makeAddr("writer");
    address internal eve = makeAddr("eve");

    RunLedger internal ledger;
    bytes32 internal digits;

    function setUp() public {
        vm.warp(1_800_000_000);
        ledger = new RunLedger();
        vm.prank(owner);
        digits = ledger.openLog(SALT, writer);
        for (uint256 i; i < 20; ++i) {
            leaves.push(leaf(abi.encode(i)));
        }
    }

    /*//////////////////////////////////////////////////////////////
                              OPEN A LOG
    //////////////////////////////////////////////////////////////*/

    function test_openLog() public {
        bytes32 expected = keccak256(abi.encode(eve, SALT));
        vm.expectEmit(address(ledger));
        emit IRunLedger.LogOpened(expected, eve, SALT, writer);
        vm.prank(eve);
        bytes32 logId = ledger.openLog(SALT, writer);
        assertEq(logId, expected, "logId");
        assertEq(ledger.logIdOf(eve, SALT), expected, "logIdOf");
        expectLog(logId, eve, writer);
        expectHead(logId, 0, 0);
        expectLog(digits, owner, writer);
    }

    function test_openLog_withoutAWriter() public {
        vm.prank(owner);
        bytes32 logId = ledger.openLog("later", address(0));
        expectLog(logId, owner, address(0));
        expectNotWriter(logId, owner);
    }

    function test_openLog_revertsWhenItIsOpen() public {
        anchorAs(writer, digits, 3);
        vm.expectRevert(abi.encodeWithSelector(IRunLedger.RunLedger_LogExists.selector, digits));
        vm.prank(owner);
        ledger.openLog(SALT, owner);
        expectLog(digits, owner, writer);
        expectHead(digits, 3, rootOf(3));
    }

    function test_openLog_revertsWhenItIsOpenWithoutAWriter() public {
        setWriter(owner, digits, address(0));
        vm.expectRevert(abi.encodeWithSelector(IRunLedger.RunLedger_LogExists.selector, digits));
        vm.prank(owner);
        ledger.openLog(SALT, owner);
    }

    function testFuzz_openLog_isTheCallersAlone(address who, bytes32 salt, address whose) public {
        vm.assume(who != owner || salt != SALT);
        vm.prank(who);
        bytes32 logId = ledger.openLog(salt, whose);
        assertEq(logId, keccak256(abi.encode(who, salt)), "logId");
        expectLog(logId, who, whose);
        expectHead(logId, 0, 0);
        expectLog(digits, owner, writer);
    }

    /*//////////////////////////////////////////////////////////////
                              SET A WRITER
    //////////////////////////////////////////////////////////////*/

    function test_setWriter() public {
        anchorAs(writer, digits, 3);
        vm.expectEmit(address(ledger));
        emit IRunLedger.WriterSet(digits, eve);
        setWriter(owner, digits, eve);
        expectLog(digits, owner, eve);
        expectHead(digits, 3, rootOf(3));

        expectNotWriter(digits, writer);
        anchorAs(eve, digits, 4);
        expectHead(digits, 4, rootOf(4));
    }

    function test_setWriter_toNobody() public {
        setWriter(owner, digits, address(0));
        expectLog(digits, owner, address(0));
        address[3] memory everybody = [owner, writer, eve];
        for (uint256 i; i < everybody.length; ++i) {
            expectNotWriter(digits, everybody[i]);
        }
    }

    function test_setWriter_revertsWhenTheLogIsUnknown() public {
        bytes32 unknown = ledger.logIdOf(eve, SALT);
        vm.expectRevert(abi.encodeWithSelector(IRunLedger.RunLedger_UnknownLog.selector, unknown));
        setWriter(eve, unknown, eve);
    }

    function test_setWriter_revertsWhenTheCallerIsNotTheOwner() public {
        address[2] memory others = [writer, eve];
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IRunLedger.RunLedger_NotOwner.selector, digits, others[i])
            );
            setWriter(others[i], digits, others[i]);
        }
    }

    /*//////////////////////////////////////////////////////////////
                                 ANCHOR
    //////////////////////////////////////////////////////////////*/

    function test_anchor() public {
        uint64[5] memory sizes = [uint64(1), 2, 7, 8, 20];
        for (uint256 i; i < sizes.length; ++i) {
            skip(1 hours);
            bytes32 root = rootOf(sizes[i]);
            bytes32[] memory proof =
                i == 0 ? new bytes32[](0) : consistencyProof(sizes[i - 1], sizes[i]);
            vm.expectEmit(address(ledger));
            emit IRunLedger.Anchored(digits, sizes[i], root, uint64(block.timestamp));
            anchor(sizes[i], root, proof);
            expectHead(digits, sizes[i], root);
        }
        expectLog(digits, owner, writer);
    }

    function test_anchor_keepsLogsApart() public {
        vm.prank(eve);
        bytes32 other = ledger.openLog(SALT, eve);
        anchorAs(writer, digits, 5);
        anchorAs(eve, other, 9);
        expectHead(digits, 5, rootOf(5));
        expectHead(other, 9, rootOf(9));
    }

    function test_anchor_takesTheLargestSize() public {
        anchorAs(writer, digits, 1);
        // A single record before 2^64 - 2 others, whose subtrees can have any roots.
        bytes32[] memory proof = new bytes32[](64);
        for (uint256 i; i < proof.length; ++i) {
            proof[i] = keccak256(abi.encode(i));
        }
        uint64 size = type(uint64).max;
        (uint256 unread,, bytes32 root) = readConsistency(1, leaves[0], size, proof);
        assertEq(unread, 0, "proof");
        vm.prank(writer);
        ledger.anchor(digits, size, root, proof);
        expectHead(digits, size, root);

        expectNotGrowing(size, size);
        vm.prank(writer);
        ledger.anchor(digits, size, root, proof);
    }

    function test_anchor_revertsWhenTheCallerIsNotTheWriter() public {
        address[2] memory others = [owner, eve];
        for (uint256 i; i < others.length; ++i) {
            expectNotWriter(digits, others[i]);
        }
        expectNotWriter(ledger.logIdOf(eve, SALT), eve);
    }

    function test_anchor_revertsWhenItDoesNotGrow() public {
        expectNotGrowing(0, 0);
        anchor(0, 0, new bytes32[](0));

        anchorAs(writer, digits, 7);
        uint64[3] memory sizes = [uint64(7), 6, 0];
        for (uint256 i; i < sizes.length; ++i) {
            expectNotGrowing(7, sizes[i]);
            anchor(sizes[i], rootOf(7), new bytes32[](0));
        }
        expectHead(digits, 7, rootOf(7));
    }

    function test_anchor_revertsWhenTheFirstHeadHasAProof() public {
        bytes32 root = rootOf(3);
        expectNotAnExtension(0, 3);
        anchor(3, root, new bytes32[](1));
    }

    function test_anchor_revertsWithoutAProof() public {
        uint64[2] memory sizes = [uint64(4), 7]; // a complete tree, and another
        for (uint256 i; i < sizes.length; ++i) {
            anchorAs(writer, digits, sizes[i]);
            bytes32 root = rootOf(sizes[i] + 1);
            expectNotAnExtension(sizes[i], sizes[i] + 1);
            anchor(sizes[i] + 1, root, new bytes32[](0));
        }
    }

    /// @notice The owner of the log, being its writer too, changes one record that was anchored: no
    /// proof that it can make of the new records shows that they extend the old ones.
    function testFuzz_anchor_revertsWhenHistoryIsRewritten(
        uint64 oldSize,
        uint64 newSize,
        uint256 rewritten
    ) public {
        newSize = uint64(bound(newSize, 2, leaves.length));
        oldSize = uint64(bound(oldSize, 1, newSize - 1));
        setWriter(owner, digits, owner);
        anchorAs(owner, digits, oldSize);

        changeLeaf(rewritten % oldSize, leaf("another record"));
        bytes32 root = rootOf(newSize);
        bytes32[] memory proof = consistencyProof(oldSize, newSize);
        expectNotAnExtension(oldSize, newSize);
        vm.prank(owner);
        ledger.anchor(digits, newSize, root, proof);
    }

    /*//////////////////////////////////////////////////////////////
                                 VIEWS
    //////////////////////////////////////////////////////////////*/

    function test_views_ofAnUnknownLog() public view {
        bytes32 unknown = ledger.logIdOf(eve, SALT);
        expectLog(unknown, address(0), address(0));
        expectHead(unknown, 0, 0);
        assertFalse(ledger.verifyInclusion(unknown, 0, 0, new bytes32[](0)), "inclusion");
    }

    function test_verifyInclusion_ofTheNewestHead() public {
        assertFalse(
            ledger.verifyInclusion(digits, leaves[0], 0, new bytes32[](0)), "before the first"
        );
        for (uint64 size = 1; size <= 20; ++size) {
            anchorAs(writer, digits, size);
            for (uint64 i; i < size; ++i) {
                bytes32[] memory proof = inclusionProof(i, size);
                assertTrue(ledger.verifyInclusion(digits, leaves[i], i, proof), "included");
                bytes32 other = leaves[(i + 1) % 20];
                assertFalse(ledger.verifyInclusion(digits, other, i, proof), "another leaf");
            }
            assertFalse(ledger.verifyInclusion(digits, leaves[0], size, new bytes32[](0)), "beyond");
        }
        bytes32[] memory old = inclusionProof(1, 3);
        assertFalse(ledger.verifyInclusion(digits, leaves[1], 1, old), "a proof for an older head");
    }

    /// @notice An inner node is no record: its hash begins with another byte than a leaf's.
    function test_verifyInclusion_refusesRecordsThatLookLikeNodes() public {
        anchorAs(writer, digits, 4);
        bytes memory children = abi.encodePacked(leaves[0], leaves[1]);
        bytes32[] memory proof = new bytes32[](1);
        proof[0] = rootOf(2, 4);
        assertFalse(ledger.verifyInclusion(digits, rootOf(2), 0, proof), "the node itself");
        assertFalse(ledger.verifyInclusion(digits, leaf(children), 0, proof), "a record made of it");
    }

    function test_version() public view {
        assertEq(ledger.version(), "1.0.0");
    }

    /// @notice Where everything is stored, because storage proofs depend on it.
    function test_layout() public {
        anchorAs(writer, digits, 7);
        bytes32 slot = keccak256(abi.encode(digits, 0));
        uint256 word = uint256(vm.load(address(ledger), slot));
        assertEq(address(uint160(word)), writer, "writer");
        assertEq(word >> 160, 7, "size, and nothing else");
        assertEq(vm.load(address(ledger), bytes32(uint256(slot) + 1)), rootOf(7), "root");
        word = uint256(vm.load(address(ledger), bytes32(uint256(slot) + 2)));
        assertEq(word, uint160(owner), "owner, and nothing else");
    }

    /*//////////////////////////////////////////////////////////////
                                HELPERS
    //////////////////////////////////////////////////////////////*/

    /// @dev Anchors the first `size` leaves with the proof that is right for them.
    function anchorAs(address who, bytes32 logId, uint64 size) internal {
        (uint64 old,) = ledger.headOf(logId);
        bytes32 root = rootOf(size);
        bytes32[] memory proof = old == 0 ? new bytes32[](0) : consistencyProof(old, size);
        vm.prank(who);
        ledger.anchor(logId, size, root, proof);
    }

    function anchor(uint64 size, bytes32 root, bytes32[] memory proof) internal {
        vm.prank(writer);
        ledger.anchor(digits, size, root, proof);
    }

    function setWriter(address who, bytes32 logId, address writer_) internal {
        vm.prank(who);
        ledger.setWriter(logId, writer_);
    }

    function expectNotWriter(bytes32 logId, address who) internal {
        vm.expectRevert(abi.encodeWithSelector(IRunLedger.RunLedger_NotWriter.selector, logId, who));
        vm.prank(who);
        ledger.anchor(logId, 1, leaves[0], new bytes32[](0));
    }

    function expectNotGrowing(uint64 size, uint64 newSize) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IRunLedger.RunLedger_NotGrowing.selector, digits, size, newSize)
        );
    }

    function expectNotAnExtension(uint64 size, uint64 newSize) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                IRunLedger.RunLedger_NotAnExtension.selector, digits, size, newSize
            )
        );
    }

    function expectLog(bytes32 logId, address owner_, address writer_) internal view {
        (address foundOwner, address foundWriter) = ledger.logOf(logId);
        assertEq(foundOwner, owner_, "owner");
        assertEq(foundWriter, writer_, "writer");
    }

    function expectHead(bytes32 logId, uint64 size, bytes32 root) internal view {
        (uint64 foundSize, bytes32 foundRoot) = ledger.headOf(logId);
        assertEq(foundSize, size, "size");
        assertEq(foundRoot, root, "root");
    }
}
