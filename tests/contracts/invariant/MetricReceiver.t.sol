// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Metric, WorkflowWindow} from "../../../contracts/types/Metric.sol";
import {OraclesTest} from "../Oracles.t.sol";
import {ReceiverHandler} from "./handlers/ReceiverHandler.sol";

/// @notice What holds of metrics after anything that anybody does; see `ReceiverHandler`.
contract MetricReceiverInvariantTest is OraclesTest {
    ReceiverHandler internal handler;

    function setUp() public override {
        super.setUp();
        handler = new ReceiverHandler(receiver, guardian, DELAY, OVERLAP);
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
        invariant_OnlyWorkflowsThatWereNamedReport();
        invariant_WhatIsServedIsTheNewestAndStoodBy();
    }

    /// @notice A report counts exactly if its workflow may report for its source at that time, the source
    /// was open when the measurement ended, and still is, and the measurement is newer than the last
    /// and not from the future.
    function invariant_OnlyWorkflowsThatWereNamedReport() public view {
        assertFalse(handler.intruded(), "as the book says");
        for (uint256 at; at < 2; ++at) {
            for (uint256 by; by < 4; ++by) {
                WorkflowWindow memory window =
                    receiver.windowOf(handler.sources(at), handler.workflow(by));
                bool active = window.from <= block.timestamp && block.timestamp < window.until;
                assertEq(active, handler.isActive(at, by), "window");
            }
        }
    }

    /// @notice What is served is the newest value, while its source is open, unless it was delivered
    /// before the source was last stopped.
    function invariant_WhatIsServedIsTheNewestAndStoodBy() public view {
        for (uint256 at; at < 2; ++at) {
            (int64 value, uint64 observedAt, uint64 acceptedAt) = handler.told(at);
            Metric memory held = receiver.recordOf(handler.sources(at), 1, "accuracy");
            assertEq(held.value, value, "value");
            assertEq(held.observedAt, observedAt, "observedAt");
            assertEq(held.acceptedAt, acceptedAt, "acceptedAt");

            uint256 closed = handler.closedUntil(at);
            bool stoodBy = block.timestamp > closed && acceptedAt > closed && observedAt != 0;
            if (stoodBy) assertGt(observedAt, closed, "measured since it is open");
            try receiver.metricOf(handler.sources(at), 1, "accuracy") returns (int64 v, uint64 t) {
                assertTrue(stoodBy, "served");
                assertEq(v, value, "value served");
                assertEq(t, observedAt, "time served");
            } catch {
                assertFalse(stoodBy, "refused");
            }
        }
    }
}
