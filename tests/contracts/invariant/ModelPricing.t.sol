// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Basis} from "../../../contracts/types/Pricing.sol";
import {OraclesTest} from "../Oracles.t.sol";
import {PricingHandler} from "./handlers/PricingHandler.sol";

/// @notice What holds of a price after anything that anybody does, compared with one that is kept
/// beside the contract and never asks it.
contract ModelPricingInvariantTest is OraclesTest {
    PricingHandler internal handler;

    function setUp() public override {
        super.setUp();
        vm.warp(START);
        handler = new PricingHandler(pricing, receiver, ethUsd, source, model, alice, guardian);
        vm.prank(alice);
        pricing.setTermsFactor(model, 0, 10_000);
        uptime.updateRoundData(1, 0, START, START - 2 hours);
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
        invariant_NoPriceIsServedThatDoesNotHold();
        invariant_ThePriceStaysWithinItsBoundsAndIsNeverZero();
    }

    /// @notice No price is served from a feed that is stale, or from a pricing that is stopped, unset or
    /// lapsed; what is served is the price in force, in coin, rounded up.
    function invariant_NoPriceIsServedThatDoesNotHold() public view {
        uint64 expected = handler.expected();
        bool fresh = block.timestamp - ethUsd.latestTimestamp() <= ETH_MAX_AGE;
        try pricing.quote(model, 0, address(0)) returns (uint256 amount) {
            assertTrue(fresh, "from a fresh feed");
            assertGt(expected, 0, "for sale");
            uint256 usd = uint256(expected) * 1e20;
            assertEq(amount, (usd + 3200e8 - 1) / 3200e8, "the price in force");
        } catch {
            assertTrue(!fresh || expected == 0, "refused for a reason");
        }
        try pricing.priceOf(model) returns (uint64 price, Basis) {
            assertEq(price, expected, "price");
        } catch {
            assertEq(expected, 0, "no price");
        }
    }

    /// @notice A price is never zero, and within the bounds that were last set, so that no metric can
    /// carry it off and it can always move again.
    function invariant_ThePriceStaysWithinItsBoundsAndIsNeverZero() public view {
        (uint64 price, uint40 heardAt, uint40 movedAt,) = pricing.stateOf(model);
        if (!handler.isSet()) {
            assertEq(price, 0, "unset");
            return;
        }
        assertEq(price, handler.standing(), "price");
        assertEq(heardAt, handler.heardAt(), "heardAt");
        assertEq(movedAt, handler.movedAt(), "movedAt");
        (uint64 low, uint64 high) = handler.bounds();
        assertGe(price, low, "at least the least");
        assertLe(price, high, "at most the most");
        assertGt(price, 0, "never zero");
    }

    /// @notice No move is larger than the largest move, from what the rules made the price before, or sooner
    /// than the cooldown.
    function invariant_MovesAreLimited() public view {
        assertFalse(handler.moveTooFar(), "too far");
        assertFalse(handler.moveTooSoon(), "too soon");
    }
}
