// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {PriceRules} from "../../../contracts/libraries/PriceRules.sol";

/// @notice Moves of prices for every input at once, not for some. Run by a symbolic executor
/// (scripts/assure symbolic), to which the arguments are unknowns; `forge test` passes over them.
contract ArithmeticSymbolicTest is Test {
    /// @notice A move of the price ends between where it was and the target.
    function check_step_staysBetween(uint64 price, uint64 target, uint16 maxMoveBps) public pure {
        uint64 next = PriceRules.step(price, target, maxMoveBps);
        if (target >= price) assert(price <= next && next <= target);
        else assert(target <= next && next <= price);
    }

    /// @notice A price that has not reached its target moves.
    function check_step_moves(uint64 price, uint64 target, uint16 maxMoveBps) public pure {
        vm.assume(target != price);
        assert(PriceRules.step(price, target, maxMoveBps) != price);
    }
}
