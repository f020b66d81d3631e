// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {Basis, Pricing} from "../types/Pricing.sol";

/// @title PriceRules
/// @notice Which price is in force, and how far it may move.
library PriceRules {
    uint256 private constant _ONE_HUNDRED_PERCENT = 10_000;

    /// @notice The price in force, and what it rests on; zero if there is none.
    function inForce(Pricing storage pricing) internal view returns (uint64 price, Basis basis) {
        uint64 followed = pricing.price;
        if (followed == 0) return (0, Basis.Unset);
        if (pricing.stopped) return (0, Basis.Stopped);
        if (isManual(pricing)) return (pricing.manualPrice, Basis.Manual);

        uint256 limit = pricing.metricMaxAge;
        if (limit == 0) return (followed, Basis.Fixed);
        uint256 since = pricing.movedAt;
        uint256 heardAt = pricing.heardAt;
        if (heardAt != 0) {
            uint256 age = block.timestamp - heardAt;
            if (age <= limit) return (followed, Basis.Followed);
            limit += pricing.holdFor;
            if (age <= limit) return (followed, Basis.Held);
            since = heardAt + limit + 1;
        }
        if (block.timestamp < since + pricing.baseFor) return (pricing.basePrice, Basis.Base);
        return (0, Basis.Lapsed);
    }

    /// @notice Where the next move begins: what is in force, or would be, but for a price set by hand;
    /// the base price also once that has run out.
    function standing(Pricing storage pricing) internal view returns (uint64) {
        return isHeard(pricing) ? pricing.price : pricing.basePrice;
    }

    /// @notice Whether a metric was heard that the price follows, or for which it is held.
    function isHeard(Pricing storage pricing) internal view returns (bool) {
        uint256 heardAt = pricing.heardAt;
        uint256 limit = uint256(pricing.metricMaxAge) + pricing.holdFor;
        return heardAt != 0 && block.timestamp - heardAt <= limit;
    }

    /// @notice Whether a price set by hand is in force.
    function isManual(Pricing storage pricing) internal view returns (bool) {
        return pricing.manualFrom <= block.timestamp && block.timestamp < pricing.manualUntil;
    }

    /// @notice Where a price gets to in one move towards a target. At least one step, so that it can
    /// leave any price.
    function step(uint64 price, uint64 target, uint16 maxMoveBps) internal pure returns (uint64) {
        uint256 most = Math.max(uint256(price) * maxMoveBps / _ONE_HUNDRED_PERCENT, 1);
        uint256 moved = target > price
            ? Math.min(target, uint256(price) + most)
            : Math.max(target, uint256(price) - Math.min(most, price));
        // forge-lint: disable-next-line(unsafe-typecast) it is not beyond the target
        return uint64(moved);
    }

    /// @notice The model's price times a factor, rounded up, in the seller's favour.
    function scale(uint64 price, uint32 factorBps) internal pure returns (uint128) {
        // forge-lint: disable-next-line(unsafe-typecast) of less than 96 bits
        return uint128(Math.ceilDiv(uint256(price) * factorBps, _ONE_HUNDRED_PERCENT));
    }
}
