// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {RunLedger} from "../../../contracts/RunLedger.sol";

/// @notice What each transaction costs in all; see `ModelRegistryGasTest`. The proofs are those of real
/// trees (tests/contracts/data, written by scripts/vectors).
contract RunLedgerGasTest is Test {
    RunLedger internal ledger;
    address internal owner = makeAddr("owner");
    address internal writer = makeAddr("writer");

    function setUp() public {
        // Elsewhere calls share one transaction, and gas figures would mean something else.
        vm.skip(keccak256(bytes(vm.envOr("FOUNDRY_PROFILE", string("")))) != keccak256("ship"));
        ledger = new RunLedger();
    }

    function test_size() public {
        uint256 size = address(ledger).code.length;
        vm.snapshotValue("size", "RunLedger", size);
        assertLe(size, 24_576, "size"); // EIP-170
    }

    function test_openLog() public {
        vm.startPrank(owner);
        bytes32 logId = ledger.openLog("digits", writer);
        snap("openLog", 75_000);
        ledger.setWriter(logId, owner);
        snap("setWriter", 35_000);
    }

    function test_anchor_first() public {
        anchorFirst(100, "root");
        snap("anchor, first", 70_000);
    }

    /// @dev 100 more records on logs of 1, a thousand and a million: vectors 16 to 18.
    function test_anchor() public {
        anchorNext(16, 1, "anchor, on 1 record", 46_000);
        anchorNext(17, 1000, "anchor, on 1,000 records", 46_000);
        anchorNext(18, 1_000_000, "anchor, on 1,000,000 records", 60_000);
    }

    /// @dev Of all proofs with at most a million records: none is longer than its 21 nodes, or has more of
    /// them in both trees. The floor, before any computation: transaction 21,000 and calldata 12,400; two
    /// slots read and written 10,000; event 2,000; 38 hashes, each a call of 100 and 96 for the
    /// precompile: 52,800 in all.
    function test_anchor_costliestProof() public {
        anchorNext(19, 2 ** 19 - 1, "anchor, costliest proof up to 1,000,000 records", 62_000);
    }

    function anchorFirst(uint64 size, bytes32 root) internal returns (bytes32 logId) {
        vm.prank(owner);
        logId = ledger.openLog(bytes32(uint256(size)), writer);
        vm.prank(writer);
        ledger.anchor(logId, size, root, new bytes32[](0));
    }

    function anchorNext(uint256 vector, uint64 oldSize, string memory name, uint256 aim) internal {
        string memory json = vm.readFile("tests/contracts/data/rfc9162.json");
        string memory key = string.concat(".largeConsistency[", vm.toString(vector), "]");
        assertEq(vm.parseJsonUint(json, string.concat(key, ".oldSize")), oldSize, "oldSize");
        uint64 size = uint64(vm.parseJsonUint(json, string.concat(key, ".newSize")));
        bytes32 root = vm.parseJsonBytes32(json, string.concat(key, ".newRoot"));
        bytes32[] memory proof = vm.parseJsonBytes32Array(json, string.concat(key, ".proof"));
        bytes32 logId =
            anchorFirst(oldSize, vm.parseJsonBytes32(json, string.concat(key, ".oldRoot")));
        vm.prank(writer);
        ledger.anchor(logId, size, root, proof);
        snap(name, aim);
    }

    function snap(string memory name, uint256 aim) internal {
        assertLe(vm.snapshotGasLastCall("RunLedger", name), aim, name);
    }
}
