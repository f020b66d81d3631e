// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {MAX_PAIRS, MAX_POINTS, Point} from "../types/Pricing.sol";

/// @title PriceCurve
/// @notice A price as a function of a metric: straight lines between points, level outside of them.
/// It may rise, for what is better when higher, or fall, for what is better when lower.
library PriceCurve {
    uint256 private constant _POINT_BITS = 128;

    /// @notice Thrown when a curve has fewer than two points or more than `MAX_POINTS`.
    error PriceCurve_WrongLength(uint256 length);

    /// @notice Thrown when a point is not to the right of the one before it.
    error PriceCurve_NotIncreasing(uint256 index);

    /// @notice Thrown when a point's price is outside of the model's bounds.
    error PriceCurve_OutOfBounds(uint256 index, uint64 price);

    /// @notice Reverts unless points are a curve with prices within bounds.
    function check(Point[] calldata points, uint64 minPrice, uint64 maxPrice) internal pure {
        uint256 length = points.length;
        if (length < 2 || length > MAX_POINTS) revert PriceCurve_WrongLength(length);
        for (uint256 i; i < length; ++i) {
            uint64 price = points[i].price;
            if (price < minPrice || price > maxPrice) revert PriceCurve_OutOfBounds(i, price);
            if (i != 0 && points[i].metric <= points[i - 1].metric) {
                revert PriceCurve_NotIncreasing(i);
            }
        }
    }

    /// @notice Stores a curve that was checked, two points to a word, the first in the low bits.
    function write(uint256[MAX_PAIRS] storage pairs, Point[] calldata points) internal {
        for (uint256 i; i < points.length; i += 2) {
            uint256 pair = _pack(points[i]);
            if (i + 1 < points.length) pair |= _pack(points[i + 1]) << _POINT_BITS;
            pairs[i / 2] = pair;
        }
    }

    /// @notice A stored point.
    function get(uint256[MAX_PAIRS] storage pairs, uint256 index)
        internal
        view
        returns (Point memory)
    {
        uint256 point = pairs[index / 2] >> (index % 2 * _POINT_BITS);
        // forge-lint: disable-next-line(unsafe-typecast) the low 64 and the next 64 bits are meant
        return Point(int64(uint64(point >> 64)), uint64(point));
    }

    /// @notice The price at a value of the metric, rounded up, in the seller's favour.
    /// @param pairs A stored curve.
    /// @param count Number of its points.
    function at(uint256[MAX_PAIRS] storage pairs, uint256 count, int64 metric)
        internal
        view
        returns (uint64)
    {
        // Invariant: points before `low` are left of the metric, those from `high` on are not.
        (uint256 low, uint256 high) = (0, count);
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (get(pairs, middle).metric < metric) low = middle + 1;
            else high = middle;
        }
        if (low == 0) return get(pairs, 0).price;
        if (low == count) return get(pairs, count - 1).price;
        return _between(get(pairs, low - 1), get(pairs, low), metric);
    }

    function _pack(Point calldata point) private pure returns (uint256) {
        // forge-lint: disable-next-line(unsafe-typecast) the bits of the signed number
        return uint256(uint64(point.metric)) << 64 | point.price;
    }

    /// @dev Signed, as the line may rise or fall; of less than 130 bits, so that nothing overflows.
    function _between(Point memory left, Point memory right, int64 metric)
        private
        pure
        returns (uint64)
    {
        int256 width = int256(right.metric) - left.metric;
        int256 rise = int256(uint256(right.price)) - int256(uint256(left.price));
        int256 scaled = rise * (int256(metric) - left.metric);
        int256 part = scaled / width;
        // Division of the signed cuts off towards zero: up for what falls, down for what rises.
        if (scaled > 0 && scaled % width != 0) ++part;
        // forge-lint: disable-next-line(unsafe-typecast) it is between the two prices
        return uint64(uint256(int256(uint256(left.price)) + part));
    }
}
