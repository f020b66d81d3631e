// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {KeystoneForwarder} from "@chainlink/contracts/src/v0.8/keystone/KeystoneForwarder.sol";
import {IRouter} from "@chainlink/contracts/src/v0.8/keystone/interfaces/IRouter.sol";
import {Vm} from "forge-std/Vm.sol";

import {IMetricReceiver} from "../../../contracts/interfaces/IMetricReceiver.sol";
import {IReceiver} from "../../../contracts/interfaces/external/IReceiver.sol";
import {MetricReports} from "../../../contracts/libraries/MetricReports.sol";
import {Metric, MetricReport} from "../../../contracts/types/Metric.sol";
import {OraclesTest} from "../Oracles.t.sol";
import {Draft, Signed} from "../mocks/Don.sol";

/// @notice Has `onReport`, and says nothing about it.
contract Mute {
    uint256 public calls;

    function onReport(bytes calldata, bytes calldata) external {
        ++calls;
    }
}

/// @notice Reports through Chainlink's own forwarder: what it refuses (the call reverts), and what the
/// receiver refuses (the call succeeds, its event says `false`, and the reason is in the inner call).
contract MetricReceiverDeliveryTest is OraclesTest {
    bytes32 internal constant PROCESSED = keccak256("ReportProcessed(address,bytes32,bytes2,bool)");

    function test_onReport_accepts() public {
        MetricReport memory report = reportOf(932_140, uint64(START) - 60);
        Draft memory draft = draftOf(report);
        vm.expectEmit(address(receiver));
        emit IMetricReceiver.MetricAccepted(
            source, model, ACCURACY, 932_140, uint64(START) - 60, 1, report.evidence, WORKFLOW
        );
        assertTrue(isDelivered(don.sign(draft)), "delivered");

        (int64 value, uint64 observedAt) = receiver.metricOf(source, model, ACCURACY);
        assertEq(value, 932_140, "value");
        assertEq(observedAt, START - 60, "observedAt");
        Metric memory metric = receiver.recordOf(source, model, ACCURACY);
        assertEq(metric.acceptedAt, START, "acceptedAt");
        assertEq(metric.version, 1, "version");
        assertEq(metric.evidence, report.evidence, "evidence");
        assertEq(uint8(stateOf(draft)), uint8(IRouter.TransmissionState.SUCCEEDED), "state");
    }

    function test_onReport_takesAnyMetric() public {
        int64[4] memory values = [int64(0), -1_470_000, type(int64).min, type(int64).max];
        for (uint256 i; i < values.length; ++i) {
            vm.warp(block.timestamp + 1);
            assertTrue(isDelivered(don.sign(draftOf(values[i]))), "delivered");
            (int64 value,) = receiver.metricOf(source, model, ACCURACY);
            assertEq(value, values[i], "value");
        }
    }

    function test_onReport_fromAWorkflowKnownByItsName() public {
        bytes32 named = receiver.workflowByName(bob, WORKFLOW_NAME);
        vm.prank(carol);
        receiver.proposeWorkflow(source, named, WORKFLOW);
        Draft memory draft = draftOf(1);
        (draft.workflowId, draft.workflowOwner) = (keccak256("new code"), bob);
        expectRefused(draft, unknownWorkflow(draft));

        vm.warp(START + DELAY);
        draft = draftOf(2);
        (draft.workflowId, draft.workflowOwner) = (keccak256("newer code"), bob);
        assertTrue(isDelivered(don.sign(draft)), "whatever its code");
    }

    function test_onReport_inTheOverlapFromBothWorkflows() public {
        bytes32 next = keccak256("next workflow");
        vm.prank(carol);
        receiver.proposeWorkflow(source, next, WORKFLOW);
        uint256 start = START + DELAY;
        assertFalse(accepts(next, start - 2), "too early");
        assertTrue(accepts(WORKFLOW, start - 1), "the old alone");
        assertTrue(accepts(next, start), "the new");
        assertTrue(accepts(WORKFLOW, start + 1), "and the old beside it");
        assertTrue(accepts(WORKFLOW, start + OVERLAP - 1), "to the last second");
        assertFalse(accepts(WORKFLOW, start + OVERLAP), "no longer");
        assertTrue(accepts(next, start + OVERLAP + 1), "the new alone");
    }

    function test_onReport_afterTheGuardianRevokedIt() public {
        vm.prank(guardian);
        receiver.revokeWorkflow(source, WORKFLOW);
        Draft memory draft = draftOf(1);
        expectRefused(draft, unknownWorkflow(draft));
    }

    function test_onReport_whileTheSourceIsClosed() public {
        vm.prank(guardian);
        receiver.stop(source);
        bytes4 closed = IMetricReceiver.MetricReceiver_SourceClosed.selector;
        expectRefused(draftOf(1), abi.encodeWithSelector(closed, source, type(uint40).max));
        vm.prank(carol);
        receiver.resume(source);
        vm.warp(START + DELAY);
        expectRefused(draftOf(1), abi.encodeWithSelector(closed, source, START + DELAY));
        vm.warp(START + DELAY + 1);
        assertTrue(isDelivered(don.sign(draftOf(1))), "open again");
    }

    /*//////////////////////////////////////////////////////////////
                           THE RECEIVER REFUSES
    //////////////////////////////////////////////////////////////*/

    function test_onReport_revertsWhenCalledDirectly() public {
        vm.expectRevert(
            abi.encodeWithSelector(IMetricReceiver.MetricReceiver_NotForwarder.selector, eve)
        );
        vm.prank(eve);
        receiver.onReport(new bytes(64), abi.encode(reportOf(1, uint64(START))));
    }

    /// @dev Every customer's reports are signed by the same nodes.
    function test_onReport_refusesAnothersWorkflow() public {
        Draft memory draft = draftOf(1);
        draft.workflowId = keccak256("evil");
        expectRefused(draft, unknownWorkflow(draft));
        // The right name under another owner, and the right owner under another name.
        bytes32 named = receiver.workflowByName(carol, WORKFLOW_NAME);
        vm.prank(carol);
        receiver.proposeWorkflow(source, named, 0);
        vm.warp(START + DELAY);
        draft = draftOf(1);
        (draft.workflowId, draft.workflowOwner) = (keccak256("evil"), eve);
        expectRefused(draft, unknownWorkflow(draft));
        (draft.workflowOwner, draft.workflowName) = (carol, "evil000000");
        expectRefused(draft, unknownWorkflow(draft));
    }

    function test_onReport_refusesAnotherSource() public {
        MetricReport memory report = reportOf(1, uint64(START));
        report.source = keccak256("none");
        Draft memory draft = draftOf(report);
        bytes4 unknown = IMetricReceiver.MetricReceiver_UnknownWorkflow.selector;
        expectRefused(
            draft, abi.encodeWithSelector(unknown, report.source, WORKFLOW, carol, WORKFLOW_NAME)
        );
    }

    function test_onReport_refusesAnotherChain() public {
        MetricReport memory report = reportOf(1, uint64(START));
        report.chainId = 1;
        expectRefused(
            draftOf(report),
            abi.encodeWithSelector(IMetricReceiver.MetricReceiver_WrongChain.selector, 1)
        );
    }

    function test_onReport_refusesWhatIsForAnotherReceiver() public {
        MetricReport memory report = reportOf(1, uint64(START));
        report.receiver = eve;
        expectRefused(
            draftOf(report),
            abi.encodeWithSelector(IMetricReceiver.MetricReceiver_WrongReceiver.selector, eve)
        );
    }

    function test_onReport_refusesTheFuture() public {
        expectRefused(
            draftOf(reportOf(1, uint64(START) + 1)),
            abi.encodeWithSelector(IMetricReceiver.MetricReceiver_FutureMetric.selector, START + 1)
        );
    }

    function test_onReport_refusesWhatIsNotNewer() public {
        deliver(930_000);
        for (uint64 age; age < 2; ++age) {
            bytes4 stale = IMetricReceiver.MetricReceiver_StaleMetric.selector;
            expectRefused(
                draftOf(reportOf(1, uint64(START) - age)),
                abi.encodeWithSelector(stale, START - age, START)
            );
        }
    }

    function test_onReport_refusesGarbage() public {
        bytes4 wrongLength = MetricReports.MetricReports_WrongLength.selector;
        Draft memory draft = draftOf(1);
        draft.payload = hex"0102";
        expectRefused(draft, abi.encodeWithSelector(wrongLength, 2));
        draft.payload = "";
        expectRefused(draft, abi.encodeWithSelector(wrongLength, 0));
        draft.payload = new bytes(320);
        expectRefused(
            draft, abi.encodeWithSelector(MetricReports.MetricReports_UnknownSchema.selector, 0)
        );
    }

    function test_onReport_revertsWhenTheMetadataAreTooShort() public {
        bytes memory payload = abi.encode(reportOf(1, uint64(START)));
        vm.startPrank(address(forwarder));
        vm.expectRevert(
            abi.encodeWithSelector(IMetricReceiver.MetricReceiver_BadMetadata.selector, 61)
        );
        receiver.onReport(new bytes(61), payload);
        // 62 bytes name the workflow; the forwarder sends 64.
        receiver.onReport(abi.encodePacked(WORKFLOW, WORKFLOW_NAME, carol), payload);
    }

    /// @dev A report that was refused can be delivered again by anybody, and then it counts, unless
    /// there is a newer one by then.
    function test_onReport_againAfterItWasRefused() public {
        bytes32 next = keccak256("next workflow");
        vm.prank(carol);
        receiver.proposeWorkflow(source, next, 0);
        vm.warp(START + DELAY - 2);
        Draft memory draft = draftOf(920_000);
        draft.workflowId = next;
        Signed memory first = don.sign(draft);
        vm.warp(START + DELAY - 1);
        draft = draftOf(930_000);
        draft.workflowId = next;
        Signed memory second = don.sign(draft);
        assertFalse(isDelivered(first), "too early");
        assertFalse(isDelivered(second), "too early");
        vm.warp(START + DELAY);
        assertTrue(isDelivered(second), "now it counts");
        assertFalse(isDelivered(first), "now it is old");
        (int64 value,) = receiver.metricOf(source, model, ACCURACY);
        assertEq(value, 930_000, "the newer stays");
    }

    /// @dev What was measured before a stop may be the reason for it, and need not be known to anybody
    /// when the source is open again: delivered during the stop, or signed and held back.
    function test_onReport_refusesWhatWasMeasuredBeforeAStopEnded() public {
        Draft memory refused = draftOf(930_000);
        Signed memory signed = don.sign(refused);
        Draft memory heldBack = draftOf(940_000);
        vm.prank(guardian);
        receiver.stop(source);
        assertFalse(isDelivered(signed), "refused");
        vm.prank(carol);
        receiver.resume(source);
        vm.warp(START + DELAY);
        Draft memory lastSecond = draftOf(950_000);
        vm.warp(START + DELAY + 1);
        bytes memory closed = abi.encodeWithSelector(
            IMetricReceiver.MetricReceiver_SourceClosed.selector, source, START + DELAY
        );
        expectRefused(refused, closed);
        expectRefused(heldBack, closed);
        expectRefused(lastSecond, closed);
        assertTrue(isDelivered(don.sign(draftOf(960_000))), "measured anew");
        (int64 value,) = receiver.metricOf(source, model, ACCURACY);
        assertEq(value, 960_000, "value");
    }

    /*//////////////////////////////////////////////////////////////
                          THE FORWARDER REFUSES
    //////////////////////////////////////////////////////////////*/

    function test_report_revertsWhenItIsReplayed() public {
        Draft memory draft = draftOf(930_000);
        Signed memory signed = don.sign(draft);
        deliver(signed);
        vm.expectRevert(
            abi.encodeWithSelector(
                IRouter.AlreadyAttempted.selector, transmissionOf(address(receiver), draft)
            )
        );
        deliver(signed);
    }

    function test_report_revertsWhenASignerIsUnknown() public {
        Signed memory signed = don.sign(draftOf(1));
        uint256 key = uint256(keccak256("nobody"));
        signed.signatures[1] = don.signatureWith(key, don.digest(signed.raw, signed.context));
        expectInvalidSigner();
        deliver(signed);
    }

    function test_report_revertsWhenItWasAltered() public {
        Draft memory draft = draftOf(1);
        Signed memory signed = don.sign(draft);
        signed.raw[signed.raw.length - 1] ^= 0x01;
        expectInvalidSigner();
        deliver(signed);
        signed = don.sign(draft);
        signed.context[95] ^= 0x01;
        expectInvalidSigner();
        deliver(signed);
    }

    function test_report_revertsWhenItIsSignedInAnotherWay() public {
        Signed memory signed = don.sign(draftOf(1));
        bytes32 digest = don.digest(signed.raw, signed.context);
        bytes32 prefixed = keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", digest));
        signed.signatures[0] = don.signature(0, prefixed);
        expectInvalidSigner();
        deliver(signed);
        signed.signatures[0] = don.signature(0, digest);
        signed.signatures[0][64] = bytes1(uint8(signed.signatures[0][64]) + 27);
        expectInvalidSigner();
        deliver(signed);
        signed.signatures[0] = new bytes(64);
        vm.expectRevert(
            abi.encodeWithSelector(
                KeystoneForwarder.InvalidSignature.selector, signed.signatures[0]
            )
        );
        deliver(signed);
    }

    function test_report_revertsWhenTheSignersAreNotTwo() public {
        Signed memory signed = don.sign(draftOf(1));
        bytes[] memory both = signed.signatures;
        for (uint256 count; count <= 3; ++count) {
            if (count == 2) continue;
            signed.signatures = new bytes[](count);
            for (uint256 i; i < count; ++i) {
                signed.signatures[i] = don.signature(i, don.digest(signed.raw, signed.context));
            }
            vm.expectRevert(
                abi.encodeWithSelector(KeystoneForwarder.InvalidSignatureCount.selector, 2, count)
            );
            deliver(signed);
        }
        signed.signatures = both;
        signed.signatures[1] = both[0];
        vm.expectPartialRevert(KeystoneForwarder.DuplicateSigner.selector);
        deliver(signed);
    }

    function test_report_revertsWhenTheHeaderIsNone() public {
        Signed memory signed = don.sign(draftOf(1));
        signed.raw = new bytes(108);
        vm.expectRevert(KeystoneForwarder.InvalidReport.selector);
        deliver(signed);
    }

    function test_report_revertsWhenTheNodesAreNotKnown() public {
        Draft memory draft = draftOf(1);
        draft.configVersion = 9;
        Signed memory signed = don.sign(draft);
        bytes4 invalid = KeystoneForwarder.InvalidConfig.selector;
        vm.expectRevert(abi.encodeWithSelector(invalid, (1 << 32) | 9));
        deliver(signed);

        signed = don.sign(draftOf(1));
        vm.prank(address(don));
        forwarder.clearConfig(1, 1);
        vm.expectRevert(abi.encodeWithSelector(invalid, (1 << 32) | 1));
        deliver(signed);
    }

    function test_route_revertsForAStranger() public {
        vm.expectRevert(IRouter.UnauthorizedForwarder.selector);
        vm.prank(eve);
        forwarder.route(0, eve, address(receiver), "", "");
    }

    function test_report_neverReachesWhatDoesNotSayThatItReceives() public {
        address[2] memory deaf = [address(new Mute()), eve];
        for (uint256 i; i < 2; ++i) {
            Draft memory draft = draftOf(1);
            Signed memory signed = don.sign(draft);
            forwarder.report(deaf[i], signed.raw, signed.context, signed.signatures);
            IRouter.TransmissionInfo memory info =
                forwarder.getTransmissionInfo(deaf[i], draft.executionId, 0x0001);
            assertTrue(info.invalidReceiver, "invalid receiver");
            vm.expectRevert(
                abi.encodeWithSelector(
                    IRouter.AlreadyAttempted.selector, transmissionOf(deaf[i], draft)
                )
            );
            forwarder.report(deaf[i], signed.raw, signed.context, signed.signatures);
        }
        assertEq(Mute(deaf[0]).calls(), 0, "not called");
    }

    /// @dev Whoever sends a report chooses the gas; with too little it fails, and can be sent again.
    function test_report_withTooLittleGasCanBeSentAgain() public {
        Draft memory draft = draftOf(930_000);
        Signed memory signed = don.sign(draft);
        vm.expectPartialRevert(IRouter.InsufficientGasForRouting.selector);
        forwarder.report{gas: 110_000}(
            address(receiver), signed.raw, signed.context, signed.signatures
        );

        bool delivered;
        for (uint256 gas = 130_000; !delivered && gas < 400_000; gas += 10_000) {
            try forwarder.report{gas: gas}(
                address(receiver), signed.raw, signed.context, signed.signatures
            ) {
                delivered = stateOf(draft) == IRouter.TransmissionState.SUCCEEDED;
            } catch {}
        }
        assertTrue(delivered, "in the end");
    }

    function accepts(bytes32 workflow, uint256 time) internal returns (bool) {
        vm.warp(time);
        Draft memory draft = draftOf(1);
        draft.workflowId = workflow;
        return isDelivered(don.sign(draft));
    }

    function isDelivered(Signed memory signed) internal returns (bool result) {
        vm.recordLogs();
        deliver(signed);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == PROCESSED) return abi.decode(logs[i].data, (bool));
        }
        revert("no ReportProcessed");
    }

    /// @dev The reason is checked where it can be seen: in the call that the forwarder makes.
    function expectRefused(Draft memory draft, bytes memory reason) internal {
        Signed memory signed = don.sign(draft);
        bytes memory metadata =
            abi.encodePacked(draft.workflowId, draft.workflowName, draft.workflowOwner, hex"0001");
        vm.expectCall(
            address(receiver), abi.encodeCall(IReceiver.onReport, (metadata, draft.payload))
        );
        assertFalse(isDelivered(signed), "refused");
        assertEq(uint8(stateOf(draft)), uint8(IRouter.TransmissionState.FAILED), "state");

        vm.expectRevert(reason);
        vm.prank(address(forwarder));
        receiver.onReport(metadata, draft.payload);
        // Another try needs an execution of its own only where the first succeeded.
        draft.executionId = keccak256(abi.encode(draft.executionId));
    }

    function expectInvalidSigner() internal {
        vm.expectPartialRevert(KeystoneForwarder.InvalidSigner.selector);
    }

    function unknownWorkflow(Draft memory draft) internal view returns (bytes memory) {
        return abi.encodeWithSelector(
            IMetricReceiver.MetricReceiver_UnknownWorkflow.selector,
            source,
            draft.workflowId,
            draft.workflowOwner,
            draft.workflowName
        );
    }

    function stateOf(Draft memory draft) internal view returns (IRouter.TransmissionState) {
        return forwarder.getTransmissionInfo(address(receiver), draft.executionId, 0x0001).state;
    }

    function transmissionOf(address to, Draft memory draft) internal pure returns (bytes32) {
        return keccak256(bytes.concat(bytes20(to), draft.executionId, bytes2(0x0001)));
    }
}
