// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {RunLedger} from "../../../contracts/RunLedger.sol";
import {LedgerHandler, LogGhost} from "./handlers/LedgerHandler.sol";

/// @notice What holds after anything that anybody does to a ledger. Each statement is compared with lists
/// of records that are kept beside it, and with trees as the RFC defines them; see `LogGhost`.
contract RunLedgerInvariantTest is Test {
    RunLedger internal ledger = new RunLedger();
    LedgerHandler internal handler = new LedgerHandler(ledger);

    function setUp() public {
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: handler.actions()}));
    }

    /// @dev A handler that can never succeed would make every statement here an empty one.
    function afterInvariant() public {
        handler.exercise();
        bytes4[] memory actions = handler.actions();
        for (uint256 i; i < actions.length; ++i) {
            assertGt(handler.calls(actions[i]), 0, vm.toString(bytes32(actions[i])));
        }
        invariant_HistoryIsNeverRewritten();
        LogGhost[] memory logs = handler.ghosts();
        for (uint256 i; i < logs.length; ++i) {
            for (uint64 index; index < logs[i].size(); ++index) {
                checkInclusion(logs[i], index);
            }
        }
    }

    /// @notice A ledger's new head extends its old head, or the call reverts: history cannot be
    /// rewritten even by its owner. (`rewrite` and `forge` try.)
    function invariant_HistoryIsNeverRewritten() public {
        LogGhost[] memory logs = handler.ghosts();
        for (uint256 i; i < logs.length; ++i) {
            (uint64 size, bytes32 root) = ledger.headOf(logs[i].id());
            LogGhost.Head[] memory heads = logs[i].heads();
            for (uint256 j; j < heads.length; ++j) {
                // Every head that there ever was is that of the first of today's records.
                assertEq(logs[i].prefixRoot(heads[j].size), heads[j].root, "an old head");
            }
            assertEq(size, logs[i].size(), "size");
            assertEq(root, size == 0 ? bytes32(0) : logs[i].prefixRoot(size), "root");
            if (size != 0) checkInclusion(logs[i], uint64(uint256(root) % size));
        }
    }

    /// @notice A log has the owner that opened it, and the writer that its owner chose last.
    function invariant_OnlyTheOwnerChoosesTheWriter() public view {
        LogGhost[] memory logs = handler.ghosts();
        for (uint256 i; i < logs.length; ++i) {
            (address owner, address writer) = ledger.logOf(logs[i].id());
            assertEq(owner, logs[i].owner(), "owner");
            assertEq(writer, logs[i].writer(), "writer");
        }
    }

    function checkInclusion(LogGhost ghost, uint64 index) internal {
        (bytes32 leaf, bytes32[] memory proof) = ghost.inclusion(index);
        assertTrue(ledger.verifyInclusion(ghost.id(), leaf, index, proof), "a record is there");
        assertFalse(ledger.verifyInclusion(ghost.id(), ~leaf, index, proof), "no other one is");
    }
}
