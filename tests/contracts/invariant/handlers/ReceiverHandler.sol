// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {MetricReceiver} from "../../../../contracts/MetricReceiver.sol";
import {METRIC_REPORT_SCHEMA, MetricReport} from "../../../../contracts/types/Metric.sol";

/// @notice Two owners with a source each and a guardian for both, who rotate, revoke, stop and resume
/// in any order, while any of four workflows reports for any of the two sources. Who may report is kept
/// as a list of intervals that were granted, cut short where a right was taken; nothing is overwritten.
contract ReceiverHandler is Test {
    struct Grant {
        uint256 from;
        uint256 until;
    }

    struct Told {
        int64 value;
        uint64 observedAt;
        uint64 acceptedAt;
    }

    uint256 internal constant FOR_EVER = type(uint40).max;
    bytes32 internal constant METRIC = "accuracy";

    MetricReceiver internal immutable RECEIVER;
    address internal immutable GUARDIAN;
    uint32 internal immutable DELAY;
    uint24 internal immutable OVERLAP;

    mapping(bytes4 action => uint256) public calls;
    bytes32[2] public sources;
    address[2] public owners;
    uint256[2] public closedUntil;
    bool public intruded;

    mapping(uint256 source => mapping(uint256 workflow => Grant[])) internal _grants;
    mapping(uint256 source => Told) public told;

    constructor(MetricReceiver receiver, address guardian, uint32 delay, uint24 overlap) {
        (RECEIVER, GUARDIAN, DELAY, OVERLAP) = (receiver, guardian, delay, overlap);
        owners = [makeAddr("first"), makeAddr("second")];
        for (uint256 i; i < 2; ++i) {
            vm.prank(owners[i]);
            sources[i] = receiver.openSource(0, workflow(i), guardian, delay, overlap);
            _grants[i][i].push(Grant(block.timestamp, FOR_EVER));
        }
    }

    function actions() public pure returns (bytes4[] memory list) {
        list = new bytes4[](6);
        list[0] = this.report.selector;
        list[1] = this.propose.selector;
        list[2] = this.revoke.selector;
        list[3] = this.stop.selector;
        list[4] = this.resume.selector;
        list[5] = this.pass.selector;
    }

    function workflow(uint256 index) public pure returns (bytes32) {
        return keccak256(abi.encode("workflow", index));
    }

    /// @dev Each action once where it must succeed.
    function exercise() external {
        stop(0, 0);
        resume(0);
        pass(DELAY + 1);
        for (uint256 i; i < 4; ++i) {
            revoke(0, i, 0);
        }
        propose(0, 2, 4);
        pass(DELAY);
        report(0, 2, 7, 0);
    }

    /// @dev A report succeeds exactly if the plain book says so.
    function report(uint256 at, uint256 by, int64 value, uint64 age) public {
        (at, by) = (at % 2, by % 4);
        uint64 observedAt = uint64(block.timestamp) - age % 100;
        if (age % 50 == 7) observedAt = uint64(block.timestamp) + 1;
        bool may = isActive(at, by) && observedAt > closedUntil[at] && observedAt <= block.timestamp
            && observedAt > told[at].observedAt;
        MetricReport memory report_ = MetricReport(
            METRIC_REPORT_SCHEMA,
            block.chainid,
            address(RECEIVER),
            sources[at],
            1,
            1,
            METRIC,
            value,
            observedAt,
            0
        );
        vm.prank(RECEIVER.forwarder());
        try RECEIVER.onReport(abi.encodePacked(workflow(by), bytes32(0)), abi.encode(report_)) {
            if (!may) intruded = true;
            told[at] = Told(value, observedAt, uint64(block.timestamp));
            ++calls[this.report.selector];
        } catch {
            if (may) intruded = true;
        }
    }

    function propose(uint256 at, uint256 by, uint256 instead) public {
        (at, by, instead) = (at % 2, by % 4, instead % 5); // 4: in place of none
        bool replaces = instead != 4;
        if (isKnown(at, by) || (replaces && !isKnown(at, instead))) return;
        vm.prank(owners[at]);
        RECEIVER.proposeWorkflow(
            sources[at], workflow(by), replaces ? workflow(instead) : bytes32(0)
        );
        uint256 start = block.timestamp + DELAY;
        if (replaces) cut(at, instead, start + OVERLAP);
        _grants[at][by].push(Grant(start, FOR_EVER));
        ++calls[this.propose.selector];
    }

    function revoke(uint256 at, uint256 by, uint8 who) public {
        (at, by) = (at % 2, by % 4);
        if (!isKnown(at, by)) return;
        vm.prank(who % 2 == 0 ? owners[at] : GUARDIAN);
        RECEIVER.revokeWorkflow(sources[at], workflow(by));
        cut(at, by, block.timestamp);
        ++calls[this.revoke.selector];
    }

    function stop(uint256 at, uint8 who) public {
        at %= 2;
        if (closedUntil[at] == FOR_EVER) return;
        vm.prank(who % 2 == 0 ? owners[at] : GUARDIAN);
        RECEIVER.stop(sources[at]);
        closedUntil[at] = FOR_EVER;
        ++calls[this.stop.selector];
    }

    function resume(uint256 at) public {
        at %= 2;
        if (closedUntil[at] != FOR_EVER) return;
        vm.prank(owners[at]);
        RECEIVER.resume(sources[at]);
        closedUntil[at] = block.timestamp + DELAY;
        ++calls[this.resume.selector];
    }

    function pass(uint64 time) public {
        vm.warp(block.timestamp + bound(time, 1, 3 days));
        ++calls[this.pass.selector];
    }

    function isActive(uint256 at, uint256 by) public view returns (bool) {
        Grant[] storage grants = _grants[at][by];
        for (uint256 i; i < grants.length; ++i) {
            if (grants[i].from <= block.timestamp && block.timestamp < grants[i].until) {
                return true;
            }
        }
        return false;
    }

    function isKnown(uint256 at, uint256 by) internal view returns (bool) {
        Grant[] storage grants = _grants[at][by];
        return grants.length != 0 && grants[grants.length - 1].until > block.timestamp;
    }

    function cut(uint256 at, uint256 by, uint256 until) internal {
        Grant storage last = _grants[at][by][_grants[at][by].length - 1];
        if (until < last.until) last.until = until;
    }
}
