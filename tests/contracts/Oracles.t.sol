// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {KeystoneForwarder} from "@chainlink/contracts/src/v0.8/keystone/KeystoneForwarder.sol";
import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";
import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {MetricReceiver} from "../../contracts/MetricReceiver.sol";
import {ModelPricing} from "../../contracts/ModelPricing.sol";
import {UsdFeeds} from "../../contracts/UsdFeeds.sol";
import {FeedConfig} from "../../contracts/types/Feed.sol";
import {METRIC_REPORT_SCHEMA, MetricReport} from "../../contracts/types/Metric.sol";
import {Point, PricingConfig} from "../../contracts/types/Pricing.sol";
import {BaseTest} from "./Base.t.sol";
import {Don, Draft, Signed} from "./mocks/Don.sol";

/// @notice A token with some number of decimals, which is all that a feed wants to know of it.
contract Token is ERC20 {
    uint8 private immutable _DECIMALS;

    constructor(uint8 decimals_) ERC20("Token", "TKN") {
        _DECIMALS = decimals_;
    }

    function decimals() public view override returns (uint8) {
        return _DECIMALS;
    }
}

/// @notice Chainlink's own forwarder and aggregators, four nodes with keys, and the contracts that
/// rely on them.
abstract contract OraclesTest is BaseTest {
    /// @dev What a `MockV3Aggregator` says that it is of.
    string internal constant DESCRIPTION = "v0.8/tests/MockV3Aggregator.sol";

    bytes32 internal constant WORKFLOW = keccak256("workflow");
    bytes10 internal constant WORKFLOW_NAME = "b7cfa6ae1d";
    bytes32 internal constant ACCURACY = "accuracy";
    uint32 internal constant DELAY = 1 days;
    uint24 internal constant OVERLAP = 2 hours;
    uint32 internal constant ETH_MAX_AGE = 1500;

    address internal guardian = makeAddr("guardian");

    MockV3Aggregator internal ethUsd;
    MockV3Aggregator internal usdcUsd;
    MockV3Aggregator internal uptime;
    ERC20 internal usdc;
    UsdFeeds internal feeds;
    KeystoneForwarder internal forwarder;
    Don internal don;
    MetricReceiver internal receiver;
    ModelPricing internal pricing;
    bytes32 internal source;
    uint64 internal model;

    function setUp() public virtual override {
        super.setUp();
        ethUsd = new MockV3Aggregator(8, 3200e8);
        usdcUsd = new MockV3Aggregator(8, 1e8);
        uptime = new MockV3Aggregator(0, 0);
        uptime.updateRoundData(1, 0, START, START - 2 hours);
        usdc = new Token(6);
        feeds = new UsdFeeds(address(uptime), configs());

        forwarder = new KeystoneForwarder();
        don = new Don();
        configureDon();
        receiver = new MetricReceiver(address(forwarder));
        vm.prank(carol);
        source = receiver.openSource("salt", WORKFLOW, guardian, DELAY, OVERLAP);

        pricing = new ModelPricing(nft, feeds);
        model = registerAs(alice, NAME);
    }

    function configureDon() internal {
        forwarder.transferOwnership(address(don));
        vm.prank(address(don));
        forwarder.acceptOwnership();
        don.configure(forwarder);
    }

    function configs() internal view returns (FeedConfig[] memory feedConfigs) {
        feedConfigs = new FeedConfig[](2);
        feedConfigs[0] = FeedConfig(
            address(0), address(ethUsd), ETH_MAX_AGE, 8, false, 100e8, 100_000e8, DESCRIPTION
        );
        feedConfigs[1] = FeedConfig(
            address(usdc), address(usdcUsd), 90_000, 8, true, 0.98e8, 1.02e8, DESCRIPTION
        );
    }

    /// @dev Falls from 400 dollars to 50 where `rising` is false.
    function curve(bool rising) internal pure returns (Point[] memory points) {
        points = new Point[](3);
        points[0] = Point(500_000, rising ? 50e6 : 400e6);
        points[1] = Point(900_000, 100e6);
        points[2] = Point(990_000, rising ? 400e6 : 50e6);
    }

    function config() internal view returns (PricingConfig memory) {
        return PricingConfig({
            metrics: address(receiver),
            source: source,
            metricId: ACCURACY,
            metricMin: 0,
            metricMax: 1e6,
            metricMaxAge: 7 days,
            holdFor: 3 days,
            baseFor: 2 days,
            cooldown: 1 hours,
            maxMoveBps: 1000,
            basePrice: 100e6,
            minPrice: 10e6,
            maxPrice: 1000e6,
            guardian: guardian
        });
    }

    /// @dev A price of its own, that follows nothing.
    function fixedAt(uint64 price) internal view returns (PricingConfig memory fixed_) {
        fixed_.basePrice = price;
        (fixed_.minPrice, fixed_.maxPrice, fixed_.guardian) = (1, 1e15, guardian);
    }

    function setPricing(PricingConfig memory rules) internal {
        vm.prank(alice);
        pricing.setPricing(model, rules, rules.metrics == address(0) ? new Point[](0) : curve(true));
    }

    function reportOf(int64 value, uint64 observedAt) internal view returns (MetricReport memory) {
        return MetricReport({
            schema: METRIC_REPORT_SCHEMA,
            chainId: block.chainid,
            receiver: address(receiver),
            source: source,
            modelId: model,
            version: 1,
            metricId: ACCURACY,
            value: value,
            observedAt: observedAt,
            evidence: keccak256("run record")
        });
    }

    function draftOf(int64 value) internal returns (Draft memory) {
        return draftOf(reportOf(value, uint64(block.timestamp)));
    }

    function draftOf(MetricReport memory report) internal returns (Draft memory) {
        return don.draft(WORKFLOW, WORKFLOW_NAME, carol, report);
    }

    function deliver(Signed memory signed) internal {
        forwarder.report(address(receiver), signed.raw, signed.context, signed.signatures);
    }

    /// @dev A value measured now, all the way through the forwarder.
    function deliver(int64 value) internal {
        deliver(don.sign(draftOf(value)));
    }

    /// @dev Keeps the feeds fresh while time goes on.
    function pass(uint256 time) internal {
        vm.warp(block.timestamp + time);
        ethUsd.updateAnswer(ethUsd.latestAnswer());
        usdcUsd.updateAnswer(usdcUsd.latestAnswer());
    }
}
