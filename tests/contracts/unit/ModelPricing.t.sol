// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModelPricing} from "../../../contracts/interfaces/IModelPricing.sol";
import {PriceCurve} from "../../../contracts/libraries/PriceCurve.sol";
import {Basis, Point, PricingConfig} from "../../../contracts/types/Pricing.sol";
import {OraclesTest} from "../Oracles.t.sol";

/// @notice What an owner sets: rules, terms, a price by hand; and who can stop it.
contract ModelPricingTest is OraclesTest {
    bytes32 internal constant TERMS = keccak256("terms");

    function test_setPricing_beginsAtTheBasePrice() public {
        vm.expectEmit(address(pricing));
        emit IModelPricing.PricingSet(model, config(), curve(true), 100e6);
        setPricing(config());
        expectPrice(100e6, Basis.Base);
        (uint64 price, uint40 heardAt, uint40 movedAt, bool stopped) = pricing.stateOf(model);
        assertEq(price, 100e6, "price");
        assertEq(heardAt, 0, "heardAt");
        assertEq(movedAt, START, "movedAt");
        assertFalse(stopped, "stopped");

        (PricingConfig memory rules, Point[] memory points) = pricing.pricingOf(model);
        assertEq(abi.encode(rules), abi.encode(config()), "rules");
        assertEq(abi.encode(points), abi.encode(curve(true)), "points");
    }

    function test_setPricing_withoutABaseSellsNothingBeforeTheFirstSync() public {
        PricingConfig memory rules = config();
        rules.baseFor = 0;
        setPricing(rules);
        expectNotForSale(Basis.Lapsed);
        deliver(900_000);
        pricing.sync(model);
        expectPrice(100e6, Basis.Followed);
    }

    /// @dev Nothing was followed yet: neither durations nor a base price of former rules count, nor does
    /// it matter that it had run out.
    function test_setPricing_beginsAnewUntilTheFirstSync() public {
        PricingConfig memory rules = config();
        (rules.metricMaxAge, rules.holdFor, rules.baseFor) = (1 days, 0, 1 days);
        setPricing(rules);
        deliver(990_000); // what nobody followed is not heard
        (rules.metricMaxAge, rules.basePrice) = (7 days, 200e6);
        setPricing(rules);
        expectPrice(200e6, Basis.Base);
        vm.warp(START + 1 days - 1);
        expectPrice(200e6, Basis.Base);
        vm.warp(START + 1 days);
        expectNotForSale(Basis.Lapsed);
        setPricing(rules);
        expectPrice(200e6, Basis.Base);
        (uint64 price, uint40 heardAt, uint40 movedAt,) = pricing.stateOf(model);
        assertEq(price, 200e6, "price");
        assertEq(heardAt, 0, "heardAt");
        assertEq(movedAt, block.timestamp, "movedAt");
    }

    /// @dev Where the clock began so lately that durations reach back beyond it.
    function test_setPricing_beginsAnewOnAYoungChain() public {
        vm.warp(1 days);
        setPricing(config());
        PricingConfig memory rules = config();
        rules.basePrice = 200e6;
        setPricing(rules);
        expectPrice(200e6, Basis.Base);
    }

    /// @dev A price that is not held any more goes on from nowhere, though its metric is the same.
    function test_setPricing_beginsAnewOnceThePriceIsNotHeld() public {
        PricingConfig memory rules = config();
        rules.basePrice = 90e6;
        uint256[2] memory ages = [uint256(10 days + 1), 12 days + 1]; // charged at the base, and lapsed
        for (uint256 i; i < 2; ++i) {
            followTo(990_000, 110e6);
            vm.warp(block.timestamp + ages[i]);
            setPricing(rules);
            expectPrice(90e6, Basis.Base);
            (, uint40 heardAt,,) = pricing.stateOf(model);
            assertEq(heardAt, 0, "heardAt");
        }
    }

    function test_setPricing_goesOnWhileThePriceIsHeld() public {
        followTo(990_000, 110e6);
        vm.warp(block.timestamp + 10 days);
        PricingConfig memory rules = config();
        rules.basePrice = 90e6;
        setPricing(rules);
        expectPrice(110e6, Basis.Held);
    }

    function test_setPricing_goesOnWithTheSameMetric() public {
        followTo(990_000, 133.1e6);
        PricingConfig memory rules = config();
        rules.maxMoveBps = 10_000;
        setPricing(rules);
        expectPrice(133.1e6, Basis.Followed);

        // A move waits, so that the owner cannot have one made of any size in one transaction.
        (,, uint40 movedAt,) = pricing.stateOf(model);
        assertEq(movedAt, block.timestamp, "the cooldown begins");
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelPricing.ModelPricing_CoolingDown.selector, model, block.timestamp + 1 hours
            )
        );
        pricing.sync(model);
    }

    function test_setPricing_keepsThePriceWithinNewBounds() public {
        followTo(990_000, 133.1e6);
        PricingConfig memory rules = config();
        rules.maxPrice = 120e6;
        setCurve(rules, 50e6, 120e6);
        expectPrice(120e6, Basis.Followed);
        (rules.minPrice, rules.maxPrice, rules.basePrice) = (200e6, 300e6, 200e6);
        setCurve(rules, 200e6, 300e6);
        expectPrice(200e6, Basis.Followed);
    }

    function test_setPricing_beginsAnewWithAnotherMetric() public {
        PricingConfig[3] memory others = [config(), config(), config()];
        others[0].metricId = "f1";
        others[1].source = keccak256("another");
        others[2].metrics = address(feeds);
        for (uint256 i; i < 3; ++i) {
            followTo(990_000, 110e6);
            setPricing(others[i]);
            expectPrice(100e6, Basis.Base);
            setPricing(config());
        }
    }

    function test_setPricing_toAFixedPriceAndBack() public {
        setPricing(fixedAt(42e6));
        expectPrice(42e6, Basis.Fixed);
        vm.warp(START + 1000 days);
        expectPrice(42e6, Basis.Fixed);
        bytes4 nothing = IModelPricing.ModelPricing_NothingToFollow.selector;
        vm.expectRevert(abi.encodeWithSelector(nothing, model));
        pricing.sync(model);
        vm.expectRevert(abi.encodeWithSelector(nothing, model));
        pricing.targetAt(model, 1);

        setPricing(fixedAt(43e6));
        expectPrice(43e6, Basis.Fixed);
        setPricing(config());
        expectPrice(100e6, Basis.Base);
        setPricing(fixedAt(43e6));
        expectPrice(43e6, Basis.Fixed);
        (PricingConfig memory rules, Point[] memory points) = pricing.pricingOf(model);
        assertEq(abi.encode(rules), abi.encode(fixedAt(43e6)), "nothing is left of the metric");
        assertEq(points.length, 0, "no curve");
    }

    /// @dev A fixed price does not look at rules for what it does not follow, however absurd.
    function test_setPricing_toAFixedPriceIgnoresTheRest() public {
        PricingConfig memory rules = fixedAt(42e6);
        (rules.metricMaxAge, rules.holdFor) = (type(uint32).max, type(uint32).max);
        (rules.metricMin, rules.cooldown) = (type(int64).max, type(uint32).max);
        (rules.source, rules.metricId, rules.maxMoveBps) = ("s", "m", type(uint16).max);
        setPricing(rules);
        (rules,) = pricing.pricingOf(model);
        assertEq(abi.encode(rules), abi.encode(fixedAt(42e6)), "not stored");
    }

    function test_setPricing_revertsWhenTheCallerIsNotTheOwner() public {
        setPricing(config());
        address[3] memory others = [bob, guardian, carol];
        for (uint256 i; i < 3; ++i) {
            vm.startPrank(others[i]);
            expectNotOwner(others[i]);
            pricing.setPricing(model, config(), curve(true));
            expectNotOwner(others[i]);
            pricing.setTermsFactor(model, TERMS, 1);
            expectNotOwner(others[i]);
            pricing.setManualPrice(model, 100e6, uint40(START + 1));
            expectNotOwner(others[i]);
            pricing.endManualPrice(model);
            expectNotOwner(others[i]);
            pricing.resume(model);
            vm.stopPrank();
        }
    }

    function test_setPricing_isTheNewOwnersAfterATransfer() public {
        setPricing(config());
        transfer(alice, bob, model);
        expectPrice(100e6, Basis.Base);
        expectNotOwner(alice);
        setPricing(config());
        vm.prank(bob);
        pricing.setPricing(model, fixedAt(1e6), new Point[](0));
        expectPrice(1e6, Basis.Fixed);
    }

    function test_setPricing_revertsWhenPricesMakeNoSense() public {
        PricingConfig memory rules = config();
        rules.minPrice = 0;
        expectRefused(
            rules, abi.encodeWithSelector(IModelPricing.ModelPricing_ZeroMinimum.selector)
        );
        rules = config();
        rules.basePrice = rules.minPrice - 1;
        expectRefused(rules, outOfBounds(rules.basePrice));
        rules.basePrice = rules.maxPrice + 1;
        expectRefused(rules, outOfBounds(rules.basePrice));
    }

    function test_setPricing_revertsWhenRulesMakeNoSense() public {
        PricingConfig memory rules = config();
        rules.metrics = eve;
        expectRefused(
            rules, abi.encodeWithSelector(IModelPricing.ModelPricing_NotAMetricSource.selector, eve)
        );
        rules = config();
        (rules.metricMin, rules.metricMax) = (1, 0);
        expectRefused(
            rules,
            abi.encodeWithSelector(IModelPricing.ModelPricing_EmptyMetricRange.selector, 1, 0)
        );
        uint16[2] memory moves = [0, 10_001];
        for (uint256 i; i < 2; ++i) {
            rules = config();
            rules.maxMoveBps = moves[i];
            bytes4 move = IModelPricing.ModelPricing_MoveOutOfRange.selector;
            expectRefused(rules, abi.encodeWithSelector(move, moves[i]));
        }
    }

    function test_setPricing_revertsWhenADurationIsOutOfRange() public {
        uint32 most = pricing.MAX_DURATION();
        PricingConfig memory rules = config();
        rules.cooldown = 59;
        expectRefused(rules, outOfRange(59, 60, most));
        rules.cooldown = most + 1;
        expectRefused(rules, outOfRange(most + 1, 60, most));
        rules = config();
        rules.metricMaxAge = 0;
        expectRefused(rules, outOfRange(0, 1, most));
        rules.metricMaxAge = most + 1;
        expectRefused(rules, outOfRange(most + 1, 1, most));
        rules = config();
        rules.holdFor = most + 1;
        expectRefused(rules, outOfRange(most + 1, 0, most));
        rules = config();
        rules.baseFor = most + 1;
        expectRefused(rules, outOfRange(most + 1, 0, most));
    }

    function test_setPricing_revertsWhenTheCurveIsNone() public {
        Point[] memory points = curve(true);
        points[1].metric = points[0].metric;
        expectBadCurve(points, PriceCurve.PriceCurve_NotIncreasing.selector, 1);
        points[1].metric = points[0].metric - 1;
        expectBadCurve(points, PriceCurve.PriceCurve_NotIncreasing.selector, 1);
        points = curve(true);
        points[2].metric = points[1].metric;
        expectBadCurve(points, PriceCurve.PriceCurve_NotIncreasing.selector, 2);
        expectBadCurve(new Point[](0), PriceCurve.PriceCurve_WrongLength.selector, 0);
        expectBadCurve(new Point[](1), PriceCurve.PriceCurve_WrongLength.selector, 1);
        expectBadCurve(new Point[](17), PriceCurve.PriceCurve_WrongLength.selector, 17);

        points = curve(true);
        points[0].price = 10e6 - 1;
        expectCurveOutOfBounds(points, 0);
        points = curve(true);
        points[2].price = 1000e6 + 1;
        expectCurveOutOfBounds(points, 2);

        vm.expectRevert(abi.encodeWithSelector(PriceCurve.PriceCurve_WrongLength.selector, 3));
        vm.prank(alice);
        pricing.setPricing(model, fixedAt(1e6), curve(true));
    }

    /*//////////////////////////////////////////////////////////////
                                  TERMS
    //////////////////////////////////////////////////////////////*/

    function test_setTermsFactor_sets() public {
        vm.expectEmit(address(pricing));
        emit IModelPricing.TermsFactorSet(model, TERMS, 25_000);
        setFactor(TERMS, 25_000);
        assertEq(pricing.termsFactorOf(model, TERMS), 25_000, "factor");
        setFactor(TERMS, 0);
        assertEq(pricing.termsFactorOf(model, TERMS), 0, "taken back");
    }

    function test_quote_isThePriceTimesTheFactorInTheAsset() public {
        setPricing(config());
        setFactor(TERMS, 10_000);
        setFactor(0, 5_000_000); // the model itself costs 500 licences
        assertEq(pricing.quote(model, TERMS, address(0)), 0.03125 ether, "native");
        assertEq(pricing.quote(model, TERMS, address(usdc)), 100e6, "stablecoin");
        assertEq(pricing.quote(model, 0, address(usdc)), 50_000e6, "the model");
    }

    function test_quote_roundsUp() public {
        setPricing(fixedAt(1));
        setFactor(TERMS, 1);
        assertEq(pricing.quote(model, TERMS, address(usdc)), 1, "never nothing");
        assertEq(pricing.quote(model, TERMS, address(0)), 312_500_000, "a millionth of a dollar");
    }

    function test_quote_ofTheLargestPrice() public {
        PricingConfig memory rules = fixedAt(type(uint64).max);
        rules.maxPrice = type(uint64).max;
        setPricing(rules);
        setFactor(TERMS, type(uint32).max);
        uint256 usd = (uint256(type(uint64).max) * type(uint32).max + 9999) / 10_000;
        assertEq(pricing.quote(model, TERMS, address(usdc)), usd, "no overflow");
    }

    function test_quote_revertsWhenTheTermsHaveNoPrice() public {
        setPricing(config());
        setFactor(TERMS, 10_000);
        bytes4 notPriced = IModelPricing.ModelPricing_TermsNotPriced.selector;
        vm.expectRevert(abi.encodeWithSelector(notPriced, model, bytes32(0)));
        pricing.quote(model, 0, address(0));
        setFactor(TERMS, 0);
        vm.expectRevert(abi.encodeWithSelector(notPriced, model, TERMS));
        pricing.quote(model, TERMS, address(0));
    }

    function test_quote_revertsWhenThereIsNoPrice() public {
        setFactor(TERMS, 10_000);
        expectNotForSale(Basis.Unset);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelPricing.ModelPricing_NotForSale.selector, model, Basis.Unset
            )
        );
        pricing.quote(model, TERMS, address(0));
    }

    /*//////////////////////////////////////////////////////////////
                                 BY HAND
    //////////////////////////////////////////////////////////////*/

    function test_setManualPrice_lowersAtOnce() public {
        setPricing(config());
        vm.expectEmit(address(pricing));
        emit IModelPricing.ManualPriceSet(model, 80e6, uint40(START), uint40(START) + 1 days);
        setManual(80e6, START + 1 days);
        expectPrice(80e6, Basis.Manual);
        (uint64 price, uint40 from, uint40 until) = pricing.manualPriceOf(model);
        assertEq(price, 80e6, "price");
        assertEq(from, START, "from");
        assertEq(until, START + 1 days, "until");
        vm.warp(START + 1 days - 1);
        expectPrice(80e6, Basis.Manual);
        vm.warp(START + 1 days);
        expectPrice(100e6, Basis.Base);
    }

    function test_setManualPrice_raisesLater() public {
        setPricing(config());
        vm.expectEmit(address(pricing));
        emit IModelPricing.ManualPriceSet(model, 120e6, uint40(START) + 3600, uint40(START) + 7200);
        setManual(120e6, START + 2 hours);
        expectPrice(100e6, Basis.Base);
        vm.warp(START + 1 hours - 1);
        expectPrice(100e6, Basis.Base);
        vm.warp(START + 1 hours);
        expectPrice(120e6, Basis.Manual);

        // A raise on a raise would fall back to the price below in the meantime.
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelPricing.ModelPricing_ManualPriceInForce.selector, model, START + 2 hours
            )
        );
        setManual(130e6, START + 5 hours);
        setManual(110e6, START + 5 hours);
        expectPrice(110e6, Basis.Manual);
    }

    /// @dev Stopping sales and letting them go on in one transaction makes no raise any sooner.
    function test_setManualPrice_raisesLaterWhileSalesAreStopped() public {
        setPricing(config());
        vm.prank(alice);
        pricing.stop(model);
        setManual(120e6, START + 2 hours);
        vm.prank(alice);
        pricing.resume(model);
        expectPrice(100e6, Basis.Base);
        vm.warp(START + 1 hours);
        expectPrice(120e6, Basis.Manual);

        // What would be in force is the price set by hand, then: it is not raised, and may be lowered.
        vm.prank(alice);
        pricing.stop(model);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelPricing.ModelPricing_ManualPriceInForce.selector, model, START + 2 hours
            )
        );
        setManual(130e6, START + 5 hours);
        setManual(110e6, START + 5 hours);
        vm.prank(alice);
        pricing.resume(model);
        expectPrice(110e6, Basis.Manual);
    }

    function test_setManualPrice_sellsWhereNothingElseDoes() public {
        setPricing(config());
        vm.warp(START + 30 days);
        expectNotForSale(Basis.Lapsed);
        setManual(500e6, block.timestamp + 1 hours);
        expectPrice(500e6, Basis.Manual);
        vm.prank(alice);
        pricing.stop(model);
        expectNotForSale(Basis.Stopped);
    }

    function test_setManualPrice_endsWithTheRulesItWasSetUnder() public {
        setPricing(config());
        setManual(20e6, START + 1 days);
        PricingConfig memory next = config();
        next.minPrice = 50e6;
        setPricing(next);
        expectPrice(100e6, Basis.Base);
        (,, uint40 until) = pricing.manualPriceOf(model);
        assertEq(until, 0, "until");

        // Nor does one that was still to come.
        setManual(120e6, START + 2 hours);
        setPricing(next);
        vm.warp(START + 90 minutes);
        expectPrice(100e6, Basis.Base);
    }

    function test_setManualPrice_neverReplacesTheFeedsChecks() public {
        setPricing(config());
        setFactor(TERMS, 10_000);
        setManual(80e6, START + 1 days);
        vm.warp(START + ETH_MAX_AGE + 1);
        vm.expectRevert();
        pricing.quote(model, TERMS, address(0));
    }

    function test_setManualPrice_revertsWhenItIsOutOfBounds() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelPricing.ModelPricing_PriceOutOfBounds.selector, 0, 0, 0)
        );
        setManual(0, START + 1 days); // a model without a pricing
        setPricing(config());
        uint64[3] memory prices = [uint64(0), 10e6 - 1, 1000e6 + 1];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(outOfBounds(prices[i]));
            setManual(prices[i], START + 1 days);
        }
    }

    function test_setManualPrice_revertsWhenItsTimeIsOutOfRange() public {
        setPricing(config());
        vm.expectRevert(outOfRange(0, 1, 30 days));
        setManual(80e6, START);
        vm.expectRevert(outOfRange(0, 1, 30 days));
        setManual(80e6, 1);
        vm.expectRevert(outOfRange(30 days + 1, 1, 30 days));
        setManual(80e6, START + 30 days + 1);
        vm.expectRevert(outOfRange(1 hours, 1 hours + 1, 30 days)); // it would end before it begins
        setManual(120e6, START + 1 hours);
        setManual(80e6, START + 30 days);
    }

    function test_endManualPrice_endsIt() public {
        setPricing(config());
        setManual(80e6, START + 1 days);
        vm.warp(START + 1 hours);
        vm.expectEmit(address(pricing));
        emit IModelPricing.ManualPriceSet(model, 80e6, uint40(START), uint40(START) + 1 hours);
        vm.startPrank(alice);
        pricing.endManualPrice(model);
        expectPrice(100e6, Basis.Base);
        vm.expectRevert(
            abi.encodeWithSelector(IModelPricing.ModelPricing_NoManualPrice.selector, model)
        );
        pricing.endManualPrice(model);
    }

    /*//////////////////////////////////////////////////////////////
                             STOP AND RESUME
    //////////////////////////////////////////////////////////////*/

    function test_stop_byOwnerAndGuardian() public {
        setPricing(config());
        address[2] memory may = [alice, guardian];
        for (uint256 i; i < 2; ++i) {
            vm.expectEmit(address(pricing));
            emit IModelPricing.SalesStopped(model, may[i]);
            vm.prank(may[i]);
            pricing.stop(model);
            expectNotForSale(Basis.Stopped);
            expectAlreadySo();
            vm.prank(alice);
            pricing.stop(model);

            vm.expectEmit(address(pricing));
            emit IModelPricing.SalesResumed(model);
            vm.prank(alice);
            pricing.resume(model);
            expectPrice(100e6, Basis.Base);
            expectAlreadySo();
            vm.prank(alice);
            pricing.resume(model);
        }
    }

    function test_stop_aGuardianEndsWithWhoNamedIt() public {
        setPricing(config());
        vm.prank(alice);
        nft.transferFrom(alice, bob, model);
        expectNotGuardian(guardian);
        expectNotGuardian(alice);

        // Also when the model comes back; and it is named anew by whoever owns it now.
        vm.prank(bob);
        nft.transferFrom(bob, alice, model);
        expectNotGuardian(guardian);
        setPricing(config());
        vm.prank(guardian);
        pricing.stop(model);
        expectNotForSale(Basis.Stopped);
    }

    function test_stop_staysThroughNewRules() public {
        setPricing(config());
        vm.prank(guardian);
        pricing.stop(model);
        setPricing(fixedAt(1e6));
        expectNotForSale(Basis.Stopped);
    }

    function test_stop_revertsForAStranger() public {
        setPricing(config());
        expectNotGuardian(eve);
    }

    function test_views() public view {
        assertEq(address(pricing.nft()), address(nft), "nft");
        assertEq(address(pricing.feeds()), address(feeds), "feeds");
        assertEq(pricing.MIN_COOLDOWN(), 60, "MIN_COOLDOWN");
        assertEq(pricing.MAX_DURATION(), 365 days, "MAX_DURATION");
        assertEq(pricing.MAX_MANUAL(), 30 days, "MAX_MANUAL");
        assertEq(pricing.RAISE_DELAY(), 1 hours, "RAISE_DELAY");
        assertEq(pricing.version(), "1.0.0", "version");
    }

    function followTo(int64 metric, uint64 price) internal {
        setPricing(config());
        uint64 reached;
        while (reached != price) {
            pass(1 hours);
            deliver(metric);
            reached = pricing.sync(model);
        }
    }

    function setCurve(PricingConfig memory rules, uint64 low, uint64 high) internal {
        Point[] memory points = new Point[](2);
        (points[0], points[1]) = (Point(0, low), Point(1e6, high));
        vm.prank(alice);
        pricing.setPricing(model, rules, points);
    }

    function setFactor(bytes32 terms, uint32 factor) internal {
        vm.prank(alice);
        pricing.setTermsFactor(model, terms, factor);
    }

    function setManual(uint64 price, uint256 until) internal {
        vm.prank(alice);
        pricing.setManualPrice(model, price, uint40(until));
    }

    function expectPrice(uint64 price, Basis basis) internal view {
        (uint64 actual, Basis on) = pricing.priceOf(model);
        assertEq(actual, price, "price");
        assertEq(uint8(on), uint8(basis), "basis");
    }

    function expectNotForSale(Basis basis) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IModelPricing.ModelPricing_NotForSale.selector, model, basis)
        );
        pricing.priceOf(model);
    }

    function expectRefused(PricingConfig memory rules, bytes memory reason) internal {
        vm.expectRevert(reason);
        setPricing(rules);
    }

    function expectBadCurve(Point[] memory points, bytes4 error_, uint256 argument) internal {
        vm.expectRevert(abi.encodeWithSelector(error_, argument));
        vm.prank(alice);
        pricing.setPricing(model, config(), points);
    }

    function expectCurveOutOfBounds(Point[] memory points, uint256 index) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                PriceCurve.PriceCurve_OutOfBounds.selector, index, points[index].price
            )
        );
        vm.prank(alice);
        pricing.setPricing(model, config(), points);
    }

    function expectNotOwner(address caller) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IModelPricing.ModelPricing_NotOwner.selector, model, caller)
        );
    }

    function expectAlreadySo() internal {
        vm.expectRevert(
            abi.encodeWithSelector(IModelPricing.ModelPricing_AlreadySo.selector, model)
        );
    }

    function expectNotGuardian(address account) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IModelPricing.ModelPricing_NotGuardian.selector, model, account)
        );
        vm.prank(account);
        pricing.stop(model);
    }

    function outOfBounds(uint64 price) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(
            IModelPricing.ModelPricing_PriceOutOfBounds.selector, price, 10e6, 1000e6
        );
    }

    function outOfRange(uint256 duration, uint256 least, uint256 most)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            IModelPricing.ModelPricing_DurationOutOfRange.selector, duration, least, most
        );
    }
}
