// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";

import {MetricReceiver} from "../../../contracts/MetricReceiver.sol";
import {IMetricReceiver} from "../../../contracts/interfaces/IMetricReceiver.sol";
import {IReceiver} from "../../../contracts/interfaces/external/IReceiver.sol";
import {Metric, MetricSource, WorkflowWindow} from "../../../contracts/types/Metric.sol";
import {OraclesTest} from "../Oracles.t.sol";

/// @notice Sources: who may report, from when, until when, and who can stop it.
contract MetricReceiverTest is OraclesTest {
    uint40 internal constant NEVER = type(uint40).max;
    bytes32 internal constant NEXT = keccak256("next workflow");

    function test_constructor_revertsWhenThereIsNoForwarder() public {
        bytes4 none = IMetricReceiver.MetricReceiver_NoForwarder.selector;
        expect(abi.encodeWithSelector(none, address(0)));
        new MetricReceiver(address(0));
        expect(abi.encodeWithSelector(none, eve));
        new MetricReceiver(eve);
    }

    function test_openSource_opens() public {
        bytes32 expected = receiver.sourceIdOf(bob, "salt");
        assertNotEq(expected, source, "another owner's is another");
        vm.expectEmit(address(receiver));
        emit IMetricReceiver.SourceOpened(expected, bob, guardian, DELAY, OVERLAP);
        vm.expectEmit(address(receiver));
        emit IMetricReceiver.WorkflowSet(expected, NEXT, uint40(START), NEVER);
        vm.prank(bob);
        assertEq(receiver.openSource("salt", NEXT, guardian, DELAY, OVERLAP), expected, "id");

        MetricSource memory opened = receiver.sourceOf(expected);
        assertEq(opened.owner, bob, "owner");
        assertEq(opened.closedUntil, 0, "closedUntil");
        assertEq(opened.delay, DELAY, "delay");
        assertEq(opened.overlap, OVERLAP, "overlap");
        assertEq(opened.guardian, guardian, "guardian");
        expectWindow(expected, NEXT, uint40(START), NEVER);
    }

    function test_openSource_revertsWhenItExists() public {
        expect(abi.encodeWithSelector(IMetricReceiver.MetricReceiver_SourceExists.selector, source));
        vm.prank(carol);
        receiver.openSource("salt", NEXT, eve, DELAY, OVERLAP);
    }

    function test_openSource_revertsWhenTheDelayIsOutOfRange() public {
        uint32[3] memory delays = [uint32(0), 1 hours - 1, 30 days + 1];
        for (uint256 i; i < delays.length; ++i) {
            expect(
                abi.encodeWithSelector(
                    IMetricReceiver.MetricReceiver_DelayOutOfRange.selector, delays[i]
                )
            );
            receiver.openSource("other", NEXT, guardian, delays[i], OVERLAP);
        }
        receiver.openSource("shortest", NEXT, guardian, receiver.MIN_DELAY(), OVERLAP);
        receiver.openSource("longest", NEXT, guardian, receiver.MAX_DELAY(), OVERLAP);
    }

    function test_openSource_revertsWhenThereIsNoWorkflow() public {
        expect(abi.encodeWithSelector(IMetricReceiver.MetricReceiver_ZeroWorkflow.selector));
        receiver.openSource("other", 0, guardian, DELAY, OVERLAP);
    }

    /*//////////////////////////////////////////////////////////////
                                ROTATION
    //////////////////////////////////////////////////////////////*/

    function test_proposeWorkflow_replacesWithDelayAndOverlap() public {
        uint40 start = uint40(START) + DELAY;
        vm.expectEmit(address(receiver));
        emit IMetricReceiver.WorkflowSet(source, WORKFLOW, uint40(START), start + OVERLAP);
        vm.expectEmit(address(receiver));
        emit IMetricReceiver.WorkflowSet(source, NEXT, start, NEVER);
        propose(carol, NEXT, WORKFLOW);
        expectWindow(source, WORKFLOW, uint40(START), start + OVERLAP);
        expectWindow(source, NEXT, start, NEVER);
    }

    function test_proposeWorkflow_besideTheOther() public {
        propose(carol, NEXT, 0);
        expectWindow(source, WORKFLOW, uint40(START), NEVER);
        expectWindow(source, NEXT, uint40(START) + DELAY, NEVER);
    }

    /// @dev Being replaced twice does not make a workflow last longer.
    function test_proposeWorkflow_neverExtendsWhatIsEnding() public {
        propose(carol, NEXT, WORKFLOW);
        vm.warp(START + 1 hours);
        propose(carol, keccak256("third"), WORKFLOW);
        expectWindow(source, WORKFLOW, uint40(START), uint40(START) + DELAY + OVERLAP);
    }

    function test_proposeWorkflow_againOnceItEnded() public {
        propose(carol, NEXT, WORKFLOW);
        vm.warp(START + DELAY + OVERLAP);
        propose(carol, WORKFLOW, NEXT);
        expectWindow(source, WORKFLOW, uint40(START) + 2 * DELAY + OVERLAP, NEVER);
    }

    function test_proposeWorkflow_revertsWhenTheCallerIsNotTheOwner() public {
        address[2] memory others = [guardian, eve];
        for (uint256 i; i < 2; ++i) {
            expectNotOwner(source, others[i]);
            propose(others[i], NEXT, WORKFLOW);
        }
        expectNotOwner(keccak256("none"), carol);
        vm.prank(carol);
        receiver.proposeWorkflow(keccak256("none"), NEXT, 0);
    }

    function test_proposeWorkflow_revertsWhenItIsKnown() public {
        bytes4 known = IMetricReceiver.MetricReceiver_WorkflowKnown.selector;
        expect(abi.encodeWithSelector(known, source, WORKFLOW));
        propose(carol, WORKFLOW, 0);
        propose(carol, NEXT, 0);
        expect(abi.encodeWithSelector(known, source, NEXT)); // to come
        propose(carol, NEXT, 0);
        expect(abi.encodeWithSelector(known, source, WORKFLOW)); // replaced by itself
        propose(carol, WORKFLOW, WORKFLOW);
    }

    function test_proposeWorkflow_revertsWhenWhatItReplacesIsNotKnown() public {
        expectNotKnown(NEXT);
        propose(carol, keccak256("third"), NEXT);
    }

    function test_proposeWorkflow_revertsWhenItIsZero() public {
        expect(abi.encodeWithSelector(IMetricReceiver.MetricReceiver_ZeroWorkflow.selector));
        propose(carol, 0, WORKFLOW);
    }

    function test_revokeWorkflow_endsItNow() public {
        propose(carol, NEXT, 0);
        address[2] memory may = [carol, guardian];
        bytes32[2] memory workflows = [WORKFLOW, NEXT];
        for (uint256 i; i < 2; ++i) {
            uint40 from = receiver.windowOf(source, workflows[i]).from;
            vm.expectEmit(address(receiver));
            emit IMetricReceiver.WorkflowSet(source, workflows[i], from, uint40(START));
            vm.prank(may[i]);
            receiver.revokeWorkflow(source, workflows[i]);
            expectWindow(source, workflows[i], from, uint40(START));
        }
        // What was still to come never comes.
        vm.warp(START + 2 * DELAY);
        expectNotKnown(NEXT);
        vm.prank(guardian);
        receiver.revokeWorkflow(source, NEXT);
    }

    function test_revokeWorkflow_revertsForAStranger() public {
        expectNotGuardian(eve);
        vm.prank(eve);
        receiver.revokeWorkflow(source, WORKFLOW);
    }

    /*//////////////////////////////////////////////////////////////
                             STOP AND RESUME
    //////////////////////////////////////////////////////////////*/

    function test_stop_andResumeAfterTheDelay() public {
        vm.expectEmit(address(receiver));
        emit IMetricReceiver.SourceStopped(source, guardian);
        vm.prank(guardian);
        receiver.stop(source);
        assertEq(receiver.sourceOf(source).closedUntil, NEVER, "stopped");
        expectAlreadySo();
        vm.prank(carol);
        receiver.stop(source);

        vm.expectEmit(address(receiver));
        emit IMetricReceiver.SourceResumed(source, uint40(START) + DELAY);
        vm.prank(carol);
        receiver.resume(source);
        assertEq(receiver.sourceOf(source).closedUntil, START + DELAY, "in a day");
        expectAlreadySo();
        vm.prank(carol);
        receiver.resume(source);

        // The guardian can stop it again in the meantime.
        vm.prank(guardian);
        receiver.stop(source);
        assertEq(receiver.sourceOf(source).closedUntil, NEVER, "stopped again");
    }

    function test_stop_revertsForAStranger() public {
        expectNotGuardian(eve);
        vm.prank(eve);
        receiver.stop(source);
    }

    function test_resume_revertsWhenTheCallerIsNotTheOwner() public {
        vm.prank(carol);
        receiver.stop(source);
        expectNotOwner(source, guardian);
        vm.prank(guardian);
        receiver.resume(source);
    }

    function test_metricOf_revertsWhileTheSourceIsClosed() public {
        deliver(930_000);
        vm.prank(guardian);
        receiver.stop(source);
        expectClosed(NEVER);
        receiver.metricOf(source, model, ACCURACY);
        vm.prank(carol);
        receiver.resume(source);
        vm.warp(START + DELAY);
        expectClosed(uint40(START) + DELAY);
        receiver.metricOf(source, model, ACCURACY);
    }

    /// @dev What was delivered before a stop may be the reason for it.
    function test_metricOf_revertsForWhatWasDeliveredBeforeAStop() public {
        deliver(930_000);
        vm.prank(guardian);
        receiver.stop(source);
        vm.prank(carol);
        receiver.resume(source);
        vm.warp(START + DELAY + 1);
        expectNoMetric();
        receiver.metricOf(source, model, ACCURACY);
        assertEq(receiver.recordOf(source, model, ACCURACY).value, 930_000, "still on record");

        deliver(940_000);
        (int64 value, uint64 observedAt) = receiver.metricOf(source, model, ACCURACY);
        assertEq(value, 940_000, "value");
        assertEq(observedAt, block.timestamp, "observedAt");
    }

    function test_metricOf_revertsWhenThereIsNone() public {
        expectNoMetric();
        receiver.metricOf(source, model, ACCURACY);
        Metric memory none = receiver.recordOf(source, model, ACCURACY);
        assertEq(none.observedAt, 0, "no record");
    }

    function test_views() public view {
        assertEq(receiver.forwarder(), address(forwarder), "forwarder");
        assertEq(receiver.version(), "1.0.0", "version");
        assertEq(type(IReceiver).interfaceId, bytes4(0x805f2132), "as the forwarder asks");
        assertTrue(receiver.supportsInterface(type(IReceiver).interfaceId), "IReceiver");
        assertTrue(receiver.supportsInterface(type(IERC165).interfaceId), "IERC165");
        assertFalse(receiver.supportsInterface(0xffffffff), "nothing else");
        assertEq(
            receiver.workflowByName(carol, WORKFLOW_NAME),
            keccak256(abi.encode(carol, WORKFLOW_NAME)),
            "workflowByName"
        );
    }

    function propose(address who, bytes32 workflow, bytes32 replaces) internal {
        vm.prank(who);
        receiver.proposeWorkflow(source, workflow, replaces);
    }

    function expectWindow(bytes32 source_, bytes32 workflow, uint40 from, uint40 until)
        internal
        view
    {
        WorkflowWindow memory window = receiver.windowOf(source_, workflow);
        assertEq(window.from, from, "from");
        assertEq(window.until, until, "until");
    }

    function expectNotOwner(bytes32 source_, address caller) internal {
        expect(
            abi.encodeWithSelector(
                IMetricReceiver.MetricReceiver_NotOwner.selector, source_, caller
            )
        );
    }

    function expectNotGuardian(address caller) internal {
        expect(
            abi.encodeWithSelector(
                IMetricReceiver.MetricReceiver_NotGuardian.selector, source, caller
            )
        );
    }

    function expectNotKnown(bytes32 workflow) internal {
        expect(
            abi.encodeWithSelector(
                IMetricReceiver.MetricReceiver_WorkflowNotKnown.selector, source, workflow
            )
        );
    }

    function expectAlreadySo() internal {
        expect(abi.encodeWithSelector(IMetricReceiver.MetricReceiver_AlreadySo.selector, source));
    }

    function expectClosed(uint40 until) internal {
        expect(
            abi.encodeWithSelector(
                IMetricReceiver.MetricReceiver_SourceClosed.selector, source, until
            )
        );
    }

    function expectNoMetric() internal {
        expect(
            abi.encodeWithSelector(
                IMetricReceiver.MetricReceiver_NoMetric.selector, source, model, ACCURACY
            )
        );
    }

    function expect(bytes memory reason) internal {
        vm.expectRevert(reason);
    }
}
