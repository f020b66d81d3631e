// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";
import {Test} from "forge-std/Test.sol";

import {MetricReceiver} from "../../../../contracts/MetricReceiver.sol";
import {ModelPricing} from "../../../../contracts/ModelPricing.sol";
import {METRIC_REPORT_SCHEMA, MetricReport} from "../../../../contracts/types/Metric.sol";
import {Point, PricingConfig} from "../../../../contracts/types/Pricing.sol";

/// @notice An owner, a guardian, the forwarder, a feed and anybody, doing what they may in any order;
/// and beside it the price as it must be, kept in plain variables. How far one `sync` goes is
/// taken from the contract and judged here; where the curve leads is `PriceCurveFuzzTest`'s to say.
contract PricingHandler is Test {
    bytes32 internal constant METRIC = "accuracy";
    bytes32 internal constant WORKFLOW = keccak256("workflow");

    ModelPricing internal immutable PRICING;
    MetricReceiver internal immutable RECEIVER;
    MockV3Aggregator internal immutable FEED;
    bytes32 internal immutable SOURCE;
    uint64 internal immutable MODEL;
    address internal immutable OWNER;
    address internal immutable GUARDIAN;

    mapping(bytes4 action => uint256) public calls;

    // What the price is made of, as it was last set.
    PricingConfig internal rules;
    Point[] internal _points;
    bool public isSet;
    bool public stopped;

    // Where it must stand.
    uint64 public price;
    uint64 public heardAt;
    uint64 public movedAt;
    uint64 public manualPrice;
    uint64 public manualFrom;
    uint64 public manualUntil;

    // The newest metric, and whether any move was ever too far or too soon.
    int64 public metric;
    uint64 public observedAt;
    bool public moveTooFar;
    bool public moveTooSoon;

    constructor(
        ModelPricing pricing,
        MetricReceiver receiver,
        MockV3Aggregator feed,
        bytes32 source,
        uint64 model,
        address owner,
        address guardian
    ) {
        (PRICING, RECEIVER, FEED, SOURCE) = (pricing, receiver, feed, source);
        (MODEL, OWNER, GUARDIAN) = (model, owner, guardian);
    }

    function actions() public pure returns (bytes4[] memory list) {
        list = new bytes4[](8);
        list[0] = this.setPricing.selector;
        list[1] = this.setFixed.selector;
        list[2] = this.report.selector;
        list[3] = this.sync.selector;
        list[4] = this.setManual.selector;
        list[5] = this.endManual.selector;
        list[6] = this.toggle.selector;
        list[7] = this.pass.selector;
    }

    /// @dev Each action once where it must succeed.
    function exercise() external {
        if (stopped) toggle(0);
        setPricing(5, 10, 20);
        report(500_000);
        pass(3600);
        report(900_000);
        sync();
        setManual(0, 5);
        endManual();
        toggle(0);
        toggle(0);
        setFixed(3);
    }

    function setPricing(uint64 low, uint64 span, uint64 seed) public {
        low = uint64(bound(low, 1, 1e9));
        uint64 high = low + uint64(bound(span, 0, 1e12));
        PricingConfig memory next = PricingConfig({
            metrics: address(RECEIVER),
            source: SOURCE,
            metricId: METRIC,
            metricMin: -1e6,
            metricMax: 2e6,
            metricMaxAge: uint32(bound(seed, 1, 5 days)),
            holdFor: uint32(seed % 3 days),
            baseFor: uint32(seed % 2 days),
            cooldown: uint32(bound(seed, 60, 1 days)),
            maxMoveBps: uint16(bound(seed, 1, 10_000)),
            basePrice: low + seed % (high - low + 1),
            minPrice: low,
            maxPrice: high,
            guardian: GUARDIAN
        });
        bool goesOn = isSet && rules.metrics != address(0) && isHeard();
        delete _points;
        _points.push(Point(int64(uint64(seed % 1e6)) - 1e6, seed % 2 == 0 ? low : high));
        _points.push(Point(int64(uint64(seed % 1e6)) + 1, seed % 2 == 0 ? high : low));
        vm.prank(OWNER);
        PRICING.setPricing(MODEL, next, _points);

        if (goesOn) {
            if (price < low) price = low;
            if (price > high) price = high;
        } else {
            (price, heardAt) = (next.basePrice, 0);
        }
        (rules, isSet, movedAt, manualUntil) = (next, true, uint64(block.timestamp), 0);
        ++calls[this.setPricing.selector];
    }

    function setFixed(uint64 to) public {
        PricingConfig memory next;
        (next.basePrice, next.minPrice, next.maxPrice) = (uint64(bound(to, 1, 1e12)), 1, 1e12);
        next.guardian = GUARDIAN;
        delete _points;
        vm.prank(OWNER);
        PRICING.setPricing(MODEL, next, _points);
        (rules, isSet, price) = (next, true, next.basePrice);
        (heardAt, movedAt, manualUntil) = (0, uint64(block.timestamp), 0);
        ++calls[this.setFixed.selector];
    }

    function report(int64 value) public {
        if (observedAt == block.timestamp) return;
        value = int64(bound(value, -1.1e6, 2.1e6)); // a little more than is believed
        MetricReport memory told = MetricReport(
            METRIC_REPORT_SCHEMA,
            block.chainid,
            address(RECEIVER),
            SOURCE,
            MODEL,
            1,
            METRIC,
            value,
            uint64(block.timestamp),
            0
        );
        vm.prank(RECEIVER.forwarder());
        RECEIVER.onReport(abi.encodePacked(WORKFLOW, bytes32(0)), abi.encode(told));
        (metric, observedAt) = (value, uint64(block.timestamp));
        ++calls[this.report.selector];
    }

    function sync() public {
        if (!isSet || rules.metrics == address(0) || stopped || observedAt == 0) return;
        try PRICING.sync(MODEL) returns (uint64 to) {
            uint64 from = standing();
            if (to != from) {
                uint256 far = to > from ? to - from : from - to;
                uint256 most = uint256(from) * rules.maxMoveBps / 10_000;
                if (far > most && far != 1) moveTooFar = true;
                if (block.timestamp - movedAt < rules.cooldown) moveTooSoon = true;
                movedAt = uint64(block.timestamp);
            }
            price = to;
            if (observedAt > heardAt) heardAt = observedAt;
            ++calls[this.sync.selector];
        } catch {}
    }

    function setManual(uint64 to, uint64 time) public {
        if (!isSet) return;
        to = uint64(bound(to, rules.minPrice, rules.maxPrice));
        uint64 until = uint64(block.timestamp + bound(time, 1 hours + 1, 30 days));
        uint64 present = expected();
        if (stopped) present = isManual() ? manualPrice : standing();
        bool raised = present != 0 && to > present;
        if (raised && isManual()) return;
        vm.prank(OWNER);
        PRICING.setManualPrice(MODEL, to, uint40(until));
        (manualPrice, manualUntil) = (to, until);
        manualFrom = uint64(block.timestamp) + (raised ? 1 hours : 0);
        ++calls[this.setManual.selector];
    }

    function endManual() public {
        if (manualUntil <= block.timestamp) return;
        vm.prank(OWNER);
        PRICING.endManualPrice(MODEL);
        manualUntil = uint64(block.timestamp);
        ++calls[this.endManual.selector];
    }

    function toggle(uint8 who) public {
        if (!isSet) return;
        vm.prank(stopped || who % 2 == 0 ? OWNER : GUARDIAN);
        if (stopped) PRICING.resume(MODEL);
        else PRICING.stop(MODEL);
        stopped = !stopped;
        ++calls[this.toggle.selector];
    }

    /// @dev The feed is updated at every other call, and may be stale after the others.
    function pass(uint64 time) public {
        vm.warp(block.timestamp + bound(time, 1, 2 days));
        if (time % 2 == 0) FEED.updateAnswer(3200e8);
        ++calls[this.pass.selector];
    }

    /// @notice The bounds that were last set.
    function bounds() external view returns (uint64 low, uint64 high) {
        return (rules.minPrice, rules.maxPrice);
    }

    function isManual() public view returns (bool) {
        return manualFrom <= block.timestamp && block.timestamp < manualUntil;
    }

    /// @notice The price that must be in force; 0 for none.
    function expected() public view returns (uint64) {
        if (!isSet || stopped) return 0;
        if (isManual()) return manualPrice;
        if (rules.metrics == address(0) || isHeard()) return price;
        uint256 based = heardAt == 0
            ? block.timestamp - movedAt
            : block.timestamp - heardAt - rules.metricMaxAge - rules.holdFor - 1;
        return based < rules.baseFor ? rules.basePrice : 0;
    }

    /// @notice Whether a metric was heard that the price follows, or for which it is held.
    function isHeard() public view returns (bool) {
        uint256 age = block.timestamp - heardAt;
        return heardAt != 0 && age <= uint256(rules.metricMaxAge) + rules.holdFor;
    }

    /// @notice Where the next move must begin.
    function standing() public view returns (uint64) {
        return rules.metrics == address(0) || isHeard() ? price : rules.basePrice;
    }
}
