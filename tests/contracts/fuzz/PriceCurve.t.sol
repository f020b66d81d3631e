// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {PriceCurve} from "../../../contracts/libraries/PriceCurve.sol";
import {PriceRules} from "../../../contracts/libraries/PriceRules.sol";
import {MAX_PAIRS, Point} from "../../../contracts/types/Pricing.sol";

contract PriceCurveHarness {
    using PriceCurve for uint256[MAX_PAIRS];

    uint256[MAX_PAIRS] private _points;
    uint256 private _count;

    function set(Point[] calldata points, uint64 low, uint64 high) external {
        PriceCurve.check(points, low, high);
        _count = points.length;
        _points.write(points);
    }

    function get(uint256 index) external view returns (Point memory) {
        return _points.get(index);
    }

    function at(int64 metric) external view returns (uint64) {
        return _points.at(_count, metric);
    }

    function step(uint64 price, uint64 target, uint16 bps) external pure returns (uint64) {
        return PriceRules.step(price, target, bps);
    }
}

/// @notice The curve against lines that are looked for from the left, and compared by multiplying
/// instead of dividing; and against a model in plain fractions (tests/contracts/data, written by
/// scripts/vectors).
contract PriceCurveFuzzTest is Test {
    uint256 internal constant CURVES = 32;
    uint256 internal constant STEPS = 512;

    PriceCurveHarness internal subject = new PriceCurveHarness();

    Point[] internal plain;

    function test_at_asThePlainModelHasIt() public {
        vm.pauseGasMetering();
        string memory json = vectors();
        assertFalse(vm.keyExistsJson(json, ofCurve(CURVES, "at")), "all curves");
        for (uint256 i; i < CURVES; ++i) {
            int256[] memory metrics = vm.parseJsonIntArray(json, ofCurve(i, "metrics"));
            uint256[] memory prices = vm.parseJsonUintArray(json, ofCurve(i, "prices"));
            delete plain;
            for (uint256 j; j < metrics.length; ++j) {
                plain.push(Point(int64(metrics[j]), uint64(prices[j])));
            }
            subject.set(plain, 1, type(uint64).max);
            int256[] memory asked = vm.parseJsonIntArray(json, ofCurve(i, "at"));
            uint256[] memory price = vm.parseJsonUintArray(json, ofCurve(i, "price"));
            for (uint256 j; j < asked.length; ++j) {
                assertEq(subject.at(int64(asked[j])), price[j], "price");
            }
        }
    }

    function test_step_asThePlainModelHasIt() public view {
        string memory json = vectors();
        uint256[] memory prices = vm.parseJsonUintArray(json, ".steps.prices");
        uint256[] memory targets = vm.parseJsonUintArray(json, ".steps.targets");
        uint256[] memory bps = vm.parseJsonUintArray(json, ".steps.bps");
        uint256[] memory moved = vm.parseJsonUintArray(json, ".steps.moved");
        assertEq(moved.length, STEPS, "all of them");
        for (uint256 i; i < STEPS; ++i) {
            uint64 got = subject.step(uint64(prices[i]), uint64(targets[i]), uint16(bps[i]));
            assertEq(got, moved[i], "moved");
        }
    }

    /// @dev Gaps and prices of any size; a gap of 0 becomes 1, as points are strictly increasing.
    function testFuzz_at_isOnTheLines(
        int64 start,
        uint64[16] memory gaps,
        uint64[16] memory prices,
        uint8 count,
        int64 metric,
        bool wide
    ) public {
        build(start, gaps, prices, count, wide);
        subject.set(plain, 1, type(uint64).max);
        checkAt(metric);
        for (uint256 i; i < plain.length; ++i) {
            assertEq(abi.encode(subject.get(i)), abi.encode(plain[i]), "stored");
            assertEq(subject.at(plain[i].metric), plain[i].price, "through every point");
            if (i != 0) checkAt(between(plain[i - 1].metric, plain[i].metric, uint64(metric)));
        }
        assertEq(subject.at(type(int64).min), plain[0].price, "level on the left");
        assertEq(subject.at(type(int64).max), plain[plain.length - 1].price, "and on the right");
    }

    function testFuzz_at_risesWhereTheCurveDoes(uint64[16] memory gaps, int64 one, int64 other)
        public
    {
        for (uint256 i; i < 16; ++i) {
            uint64 last = i == 0 ? 1 : plain[i - 1].price;
            int64 left = i == 0 ? -500_000 : plain[i - 1].metric;
            plain.push(Point(left + int64(gaps[i] % 100_000) + 1, last + gaps[i] % 1e9));
        }
        subject.set(plain, 1, type(uint64).max);
        (int64 low, int64 high) = one < other ? (one, other) : (other, one);
        assertLe(subject.at(low), subject.at(high), "rising");
    }

    function testFuzz_check_refusesWhatDoesNotIncrease(uint64[16] memory gaps, uint8 at, uint64 by)
        public
    {
        build(0, gaps, gaps, 16, false);
        uint256 index = bound(at, 1, 15);
        plain[index].metric = plain[index - 1].metric - int64(by % 1000);
        vm.expectRevert(abi.encodeWithSelector(PriceCurve.PriceCurve_NotIncreasing.selector, index));
        subject.set(plain, 1, type(uint64).max);
    }

    function testFuzz_step_isBoundedAndNeverStands(uint64 price, uint64 target, uint16 bps)
        public
        view
    {
        bps = uint16(bound(bps, 1, 10_000));
        (price, target) = (price == 0 ? 1 : price, target == 0 ? 1 : target);
        uint64 moved = subject.step(price, target, bps);
        if (price == target) {
            assertEq(moved, target, "there already");
            return;
        }
        uint256 distance = moved > price ? moved - price : price - moved;
        assertTrue(target > price == moved > price, "towards the target");
        assertTrue(target > price ? moved <= target : moved >= target, "not beyond it");
        assertGe(distance, 1, "it moves");
        bool small = distance * 10_000 <= uint256(price) * bps;
        assertTrue(small || distance == 1, "no more than allowed");
        if (moved != target) {
            assertGt((distance + 1) * 10_000, uint256(price) * bps, "and no less");
        }
    }

    function vectors() internal view returns (string memory) {
        return vm.readFile("tests/contracts/data/pricing.json");
    }

    function ofCurve(uint256 index, string memory name) internal pure returns (string memory) {
        return string.concat(".curves[", vm.toString(index), "].", name);
    }

    function build(
        int64 start,
        uint64[16] memory gaps,
        uint64[16] memory prices,
        uint8 count,
        bool wide
    ) internal {
        int256 metric = bound(start, -1e12, 1e12);
        for (uint256 i; i < bound(count, 2, 16); ++i) {
            metric += int256(uint256(gaps[i] % (wide ? 1e17 : 1e6))) + 1;
            plain.push(Point(int64(metric), prices[i] == 0 ? 1 : prices[i]));
        }
    }

    function between(int64 left, int64 right, uint64 seed) internal pure returns (int64) {
        return int64(bound(int256(uint256(seed)), left, right));
    }

    /// @dev price − 1 < exact <= price, where exact = left + rise · run ÷ width.
    function checkAt(int64 metric) internal view {
        uint256 right;
        while (right < plain.length && plain[right].metric < metric) ++right;
        uint64 price = subject.at(metric);
        if (right == 0 || right == plain.length) {
            assertEq(price, plain[right == 0 ? 0 : right - 1].price, "level");
            return;
        }
        Point memory a = plain[right - 1];
        Point memory b = plain[right];
        int256 width = int256(b.metric) - a.metric;
        int256 exact = int256(uint256(a.price)) * width
            + (int256(uint256(b.price)) - int256(uint256(a.price))) * (int256(metric) - a.metric);
        assertGe(int256(uint256(price)) * width, exact, "in the seller's favour");
        assertLt((int256(uint256(price)) - 1) * width, exact, "by less than one");
    }
}
