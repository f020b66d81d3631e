// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AliasMove} from "../../../contracts/types/Model.sol";
import {PromotionTest} from "../Promotion.t.sol";
import {GateHandler} from "./handlers/GateHandler.sol";

/// @notice A gated alias moves only through its gate, and only to a version that satisfied the policy
/// in that same transaction; loosening a policy takes the notice that it set itself, tightening is
/// immediate. Rollback goes only to a version that held the alias before.
contract PromotionGateInvariantTest is PromotionTest {
    GateHandler internal handler;

    function setUp() public override {
        super.setUp();
        address[] memory people = new address[](5);
        for (uint160 i; i < 5; ++i) {
            people[i] = address(0x1000 * (i + 1));
        }
        uint64 base = registerAs(bob, "base");
        uint64 gated = registerAs(people[0], "gated");
        vm.startPrank(people[0]);
        registry.setAlias(gated, CHAMPION, 1);
        registry.setAliasGate(gated, CHAMPION, address(gate));
        vm.stopPrank();
        model = gated;
        handler = new GateHandler(gate, eas, gated, base, bob, people);
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
        invariant_TheAliasHasMovedOnlyAsItMay();
    }

    /// @notice Every move that the alias ever made was one that the ghost allowed, in that order.
    function invariant_TheAliasHasMovedOnlyAsItMay() public view {
        AliasMove[] memory moves = registry.aliasHistory(model, CHAMPION, 0, type(uint32).max);
        uint256 count;
        for (; count < moves.length; ++count) {
            assertEq(moves[count].version, handler.history(count), "a move");
        }
        assertEq(champion(), handler.champion(), "where it points");
        assertEq(registry.aliasOf(model, CHAMPION).gate, address(gate), "gate");
    }

    /// @notice Rounds are counted as the ghost counts them, so that no proposal outlives its policy.
    function invariant_RoundsOnlyGrow() public view {
        (, uint32 round) = gate.policyOf(model, CHAMPION);
        assertEq(round, handler.round(), "round");
    }
}
