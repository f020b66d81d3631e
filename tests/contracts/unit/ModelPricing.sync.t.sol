// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IMetricReceiver} from "../../../contracts/interfaces/IMetricReceiver.sol";
import {IMetricSource} from "../../../contracts/interfaces/IMetricSource.sol";
import {IModelPricing} from "../../../contracts/interfaces/IModelPricing.sol";
import {Basis, Point, PricingConfig} from "../../../contracts/types/Pricing.sol";
import {OraclesTest} from "../Oracles.t.sol";

/// @notice A metric source that says what it is told to, as a seller's own might.
contract Parrot is IMetricSource {
    int64 public value;
    uint64 public observedAt;

    function say(int64 value_, uint64 observedAt_) external {
        (value, observedAt) = (value_, observedAt_);
    }

    function metricOf(bytes32, uint64, bytes32) external view returns (int64, uint64) {
        return (value, observedAt);
    }
}

/// @notice A price that follows its metric: how far, how often, and what when the metric stays away.
contract ModelPricingSyncTest is OraclesTest {
    function test_sync_movesTowardsTheMetric() public {
        setPricing(config());
        pass(1 hours);
        deliver(940_000); // the curve says 233.333334 dollars
        assertEq(pricing.targetAt(model, 940_000), 233_333_334, "target, rounded up");

        uint64[4] memory way = [uint64(110e6), 121e6, 133.1e6, 146.41e6];
        uint64 previous = 100e6;
        uint64 observedAt = uint64(block.timestamp);
        for (uint256 i; i < way.length; ++i) {
            vm.expectEmit(address(pricing));
            emit IModelPricing.PriceSynced(
                model, 940_000, observedAt, previous, 233_333_334, way[i]
            );
            vm.prank(eve); // anybody
            assertEq(pricing.sync(model), way[i], "one move");
            expectPrice(way[i], Basis.Followed);
            previous = way[i];
            pass(1 hours);
        }
    }

    function test_sync_stopsAtTheTarget() public {
        setPricing(config());
        pass(1 hours);
        deliver(901_000);
        assertEq(pricing.sync(model), 103_333_334, "less than a whole move");
        expectNothingToSync();
    }

    function test_sync_falls() public {
        setPricing(config());
        pass(1 hours);
        deliver(0);
        assertEq(pricing.sync(model), 90e6, "by a tenth");
    }

    function test_sync_followsAFallingCurve() public {
        vm.prank(alice);
        pricing.setPricing(model, config(), curve(false));
        pass(1 hours);
        deliver(500_000); // a loss: lower is better, and dearer
        assertEq(pricing.targetAt(model, 500_000), 400e6, "target");
        assertEq(pricing.sync(model), 110e6, "up");
    }

    function test_sync_revertsInTheCooldown() public {
        setPricing(config());
        pass(1 hours);
        deliver(990_000);
        pricing.sync(model);
        pass(1 hours - 1);
        expectCoolingDown(block.timestamp + 1);
        pass(1);
        assertEq(pricing.sync(model), 121e6, "not a second later");
    }

    /// @dev News in the cooldown keeps the price alive without moving it.
    function test_sync_hearsNewsInTheCooldown() public {
        setPricing(config());
        pass(1 hours);
        deliver(990_000);
        pricing.sync(model);
        pass(30 minutes);
        deliver(980_000);
        assertEq(pricing.sync(model), 110e6, "unmoved");
        (, uint40 heardAt, uint40 movedAt,) = pricing.stateOf(model);
        assertEq(heardAt, block.timestamp, "heard");
        assertEq(movedAt, block.timestamp - 30 minutes, "not moved");
        expectCoolingDown(block.timestamp + 30 minutes);
    }

    function test_sync_revertsWhenThereIsNothingNew() public {
        setPricing(config());
        deliver(900_000);
        assertEq(pricing.sync(model), 100e6, "where it is");
        expectNothingToSync();
        pass(1 hours);
        expectNothingToSync();
        deliver(900_000);
        pricing.sync(model);
    }

    /// @dev From a price of one, a tenth of it is no step at all.
    function test_sync_leavesTheLowestPrice() public {
        PricingConfig memory rules = config();
        (rules.minPrice, rules.basePrice, rules.maxMoveBps) = (1, 1, 1);
        setPricing(rules);
        pass(1 hours);
        deliver(990_000);
        assertEq(pricing.sync(model), 2, "up by one");
        pass(1 hours);
        assertEq(pricing.sync(model), 3, "and one more");
    }

    function test_sync_neverLeavesTheBoundsByTheLargestMove() public {
        PricingConfig memory rules = config();
        rules.maxMoveBps = 10_000;
        setPricing(rules);
        pass(1 hours);
        deliver(0);
        assertEq(pricing.sync(model), 50e6, "the curve's end, not zero");
    }

    function test_sync_revertsWhenTheMetricIsStale() public {
        setPricing(config());
        deliver(930_000);
        vm.warp(START + 7 days);
        pricing.sync(model);
        vm.warp(START + 7 days + 1);
        bytes4 stale = IModelPricing.ModelPricing_StaleMetric.selector;
        vm.expectRevert(abi.encodeWithSelector(stale, START, 7 days));
        pricing.sync(model);
    }

    function test_sync_revertsWhenTheMetricIsNotBelievable() public {
        setPricing(config());
        int64[4] memory absurd = [int64(-1), 1_000_001, type(int64).min, type(int64).max];
        for (uint256 i; i < 4; ++i) {
            pass(1);
            deliver(absurd[i]);
            vm.expectRevert(
                abi.encodeWithSelector(
                    IModelPricing.ModelPricing_MetricOutOfRange.selector, absurd[i], 0, 1e6
                )
            );
            pricing.sync(model);
        }
    }

    function test_sync_revertsWhenThereIsNoPricing() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelPricing.ModelPricing_NothingToFollow.selector, model)
        );
        pricing.sync(model);
    }

    function test_sync_revertsWhenThereIsNoMetric() public {
        setPricing(config());
        vm.expectRevert(
            abi.encodeWithSelector(
                IMetricReceiver.MetricReceiver_NoMetric.selector, source, model, ACCURACY
            )
        );
        pricing.sync(model);
    }

    function test_sync_revertsWhileSalesAreStopped() public {
        setPricing(config());
        deliver(930_000);
        vm.prank(guardian);
        pricing.stop(model);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelPricing.ModelPricing_NotForSale.selector, model, Basis.Stopped
            )
        );
        pricing.sync(model);
    }

    function test_sync_revertsWhileTheSourceIsStopped() public {
        setPricing(config());
        deliver(930_000);
        vm.prank(guardian);
        receiver.stop(source);
        vm.expectPartialRevert(IMetricReceiver.MetricReceiver_SourceClosed.selector);
        pricing.sync(model);
    }

    /// @dev A pricing that cannot take a metric does not keep it from being delivered.
    function test_sync_isApartFromDelivery() public {
        setPricing(config());
        vm.prank(alice);
        pricing.stop(model);
        deliver(5_000_000);
        assertEq(receiver.recordOf(source, model, ACCURACY).value, 5_000_000, "delivered");
    }

    function test_sync_doesNotBelieveAnySourceFromTheFuture() public {
        Parrot parrot = new Parrot();
        PricingConfig memory rules = config();
        rules.metrics = address(parrot);
        setPricing(rules);
        bytes4 stale = IModelPricing.ModelPricing_StaleMetric.selector;
        uint64[2] memory times = [uint64(START) + 1, type(uint64).max];
        for (uint256 i; i < 2; ++i) {
            parrot.say(930_000, times[i]);
            vm.expectRevert(abi.encodeWithSelector(stale, times[i], 7 days));
            pricing.sync(model);
        }
        // One that goes back in time cannot make a price older than it is.
        parrot.say(930_000, uint64(START));
        pass(1 hours);
        pricing.sync(model);
        parrot.say(930_000, uint64(START) - 1 days);
        pass(1 hours);
        pricing.sync(model);
        (, uint40 heardAt,,) = pricing.stateOf(model);
        assertEq(heardAt, START, "heardAt");
    }

    function test_priceOf_holdsThenFallsBackThenStops() public {
        setPricing(config());
        pass(1 hours);
        deliver(990_000);
        pricing.sync(model);
        uint256 heard = block.timestamp;
        expectPriceAt(heard + 7 days, 110e6, Basis.Followed);
        expectPriceAt(heard + 7 days + 1, 110e6, Basis.Held);
        expectPriceAt(heard + 10 days, 110e6, Basis.Held);
        expectPriceAt(heard + 10 days + 1, 100e6, Basis.Base);
        expectPriceAt(heard + 12 days, 100e6, Basis.Base);
        bytes memory lapsed = abi.encodeWithSelector(
            IModelPricing.ModelPricing_NotForSale.selector, model, Basis.Lapsed
        );
        vm.warp(heard + 12 days + 1);
        vm.expectRevert(lapsed);
        pricing.priceOf(model);
        // However long: here as long as time itself.
        vm.warp(heard + heard);
        vm.expectRevert(lapsed);
        pricing.priceOf(model);
        vm.warp(heard + 12 days + 1);

        // The next measurement is all that it takes, and the price goes on from the base price.
        deliver(990_000);
        assertEq(pricing.sync(model), 110e6, "goes on");
        expectPrice(110e6, Basis.Followed);
    }

    /// @dev What is charged never moves further than a price may, however far it once was.
    function test_sync_goesOnFromTheBasePriceThatIsCharged() public {
        setPricing(config());
        uint64 reached;
        while (reached != 400e6) {
            pass(1 hours);
            deliver(990_000);
            reached = pricing.sync(model);
        }
        expectPriceAt(block.timestamp + 10 days, 400e6, Basis.Held);
        expectPriceAt(block.timestamp + 1, 100e6, Basis.Base);
        (uint64 price,,,) = pricing.stateOf(model);
        assertEq(price, 100e6, "where the next move begins");
        uint64 observedAt = uint64(block.timestamp);
        deliver(990_000);
        vm.expectEmit(address(pricing));
        emit IModelPricing.PriceSynced(model, 990_000, observedAt, 100e6, 400e6, 110e6);
        pricing.sync(model);
        expectPrice(110e6, Basis.Followed);
    }

    /// @dev A price set by hand hides where the price stands, and changes nothing about it.
    function test_sync_goesOnFromTheBasePriceBeneathAManualOne() public {
        setPricing(config());
        pass(1 hours);
        deliver(990_000);
        pricing.sync(model);
        pass(11 days);
        vm.prank(alice);
        pricing.setManualPrice(model, 50e6, uint40(block.timestamp + 1 hours));
        deliver(990_000);
        assertEq(pricing.sync(model), 110e6, "not from 50 dollars, nor from 110");
        expectPrice(50e6, Basis.Manual);
    }

    /// @dev News that may not move the price yet, or wants it where it is, makes the base price followed.
    function test_sync_staysAtTheBasePrice() public {
        PricingConfig memory rules = config();
        rules.cooldown = 30 days;
        setPricing(rules);
        pass(30 days);
        deliver(990_000);
        assertEq(pricing.sync(model), 110e6, "moved");
        pass(11 days);
        deliver(990_000);
        assertEq(pricing.sync(model), 100e6, "in the cooldown");
        expectPrice(100e6, Basis.Followed);

        pass(30 days);
        deliver(990_000);
        assertEq(pricing.sync(model), 110e6, "moved");
        pass(30 days);
        deliver(900_000);
        assertEq(pricing.sync(model), 100e6, "where the curve wants it");
        expectPrice(100e6, Basis.Followed);
    }

    function expectPriceAt(uint256 time, uint64 price, Basis basis) internal {
        vm.warp(time);
        expectPrice(price, basis);
    }

    function expectPrice(uint64 price, Basis basis) internal view {
        (uint64 actual, Basis on) = pricing.priceOf(model);
        assertEq(actual, price, "price");
        assertEq(uint8(on), uint8(basis), "basis");
    }

    function expectNothingToSync() internal {
        vm.expectRevert(
            abi.encodeWithSelector(IModelPricing.ModelPricing_NothingToSync.selector, model)
        );
        pricing.sync(model);
    }

    function expectCoolingDown(uint256 until) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IModelPricing.ModelPricing_CoolingDown.selector, model, until)
        );
        pricing.sync(model);
    }
}
