// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AttestationsTest} from "../Attestations.t.sol";
import {AttestationHandler} from "./handlers/AttestationHandler.sol";

/// @notice What holds of metrics by attestation after anything that evaluators and anybody do.
contract AttestedMetricsInvariantTest is AttestationsTest {
    AttestationHandler internal handler;

    function setUp() public override {
        super.setUp();
        vm.warp(START);
        handler = new AttestationHandler(metrics, eas, register("uint64 anything"));
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
        invariant_WhatIsServedIsWhatItsEvaluatorStandsBy();
    }

    /// @notice For every evaluator, dataset, model and metric, what is served is the newest attestation
    /// of exactly these that was presented, and only as long as it is neither revoked nor expired:
    /// nothing older takes its place, and nobody else's does.
    function invariant_WhatIsServedIsWhatItsEvaluatorStandsBy() public view {
        for (uint256 series; series < handler.SERIES(); ++series) {
            (address who, bytes32 dataset, uint64 modelId, bytes32 metricId) =
                handler.nameOf(series);
            bytes32 from = metrics.sourceOf(who, dataset);
            (bool served, int64 expected, uint64 time) = handler.expected(series);
            try metrics.metricOf(from, modelId, metricId) returns (int64 value, uint64 at) {
                assertTrue(served, "it does not stand");
                assertEq(value, expected, "value");
                assertEq(at, time, "time");
            } catch {
                assertFalse(served, "it stands");
            }
            bytes32 uid = metrics.recordOf(from, modelId, metricId).uid;
            assertEq(uid, handler.uidOf(series), "the newest that was presented");
        }
    }
}
