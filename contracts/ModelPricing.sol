// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IMetricSource} from "./interfaces/IMetricSource.sol";
import {IModelNFT} from "./interfaces/IModelNFT.sol";
import {IModelPricing} from "./interfaces/IModelPricing.sol";
import {IQuoter} from "./interfaces/IQuoter.sol";
import {IUsdFeeds} from "./interfaces/IUsdFeeds.sol";
import {PriceCurve} from "./libraries/PriceCurve.sol";
import {PriceRules} from "./libraries/PriceRules.sol";
import {Basis, MAX_PAIRS, Point, Pricing, PricingConfig} from "./types/Pricing.sol";

/// @title ModelPricing
/// @notice See {IModelPricing}.
/// @dev No `nonReentrant`: nobody is called but by static calls.
contract ModelPricing is IModelPricing {
    using PriceCurve for uint256[MAX_PAIRS];
    using PriceRules for Pricing;

    /// @inheritdoc IModelPricing
    uint32 public constant MIN_COOLDOWN = 1 minutes;

    /// @inheritdoc IModelPricing
    uint32 public constant MAX_DURATION = 365 days;

    /// @inheritdoc IModelPricing
    uint32 public constant MAX_MANUAL = 30 days;

    /// @inheritdoc IModelPricing
    uint32 public constant RAISE_DELAY = 1 hours;

    /// @inheritdoc IModelPricing
    string public constant version = "1.0.0";

    uint16 private constant _ONE_HUNDRED_PERCENT = 10_000;

    /// @inheritdoc IModelPricing
    IModelNFT public immutable nft;

    /// @inheritdoc IModelPricing
    IUsdFeeds public immutable feeds;

    mapping(uint64 modelId => Pricing) private _pricings; // slot 0

    /// @inheritdoc IModelPricing
    mapping(uint64 modelId => mapping(bytes32 termsId => uint32 factorBps)) public termsFactorOf; // slot 1

    constructor(IModelNFT nft_, IUsdFeeds feeds_) {
        (nft, feeds) = (nft_, feeds_);
    }

    /*//////////////////////////////////////////////////////////////
                                  OWNER
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelPricing
    function setPricing(uint64 modelId, PricingConfig calldata config, Point[] calldata points)
        external
    {
        _checkOwner(modelId);
        _checkPrices(config);
        if (config.metrics != address(0)) _checkRules(config, points);
        else if (points.length != 0) revert PriceCurve.PriceCurve_WrongLength(points.length);

        // Effect: a price that follows the same metric already, or is held, goes on from where it was;
        // any other begins, with nothing heard yet.
        Pricing storage pricing = _pricings[modelId];
        bool same = pricing.isHeard() && config.metrics == pricing.metrics
            && config.source == pricing.source && config.metricId == pricing.metricId;
        if (same) pricing.price = _clamp(pricing.price, config.minPrice, config.maxPrice);
        else (pricing.price, pricing.heardAt) = (config.basePrice, 0);
        (pricing.movedAt, pricing.manualUntil) = (uint40(block.timestamp), 0);
        _store(pricing, config, points);
        (, pricing.transfers) = nft.ownershipOf(modelId);
        emit PricingSet(modelId, config, points, pricing.price);
    }

    /// @inheritdoc IModelPricing
    function setTermsFactor(uint64 modelId, bytes32 termsId, uint32 factorBps) external {
        _checkOwner(modelId);
        termsFactorOf[modelId][termsId] = factorBps;
        emit TermsFactorSet(modelId, termsId, factorBps);
    }

    /// @inheritdoc IModelPricing
    function setManualPrice(uint64 modelId, uint64 price, uint40 until) external {
        _checkOwner(modelId);

        // Check: within the bounds; a model without a pricing has none.
        Pricing storage pricing = _pricings[modelId];
        (uint64 low, uint64 high) = (pricing.minPrice, pricing.maxPrice);
        if (price < low || price > high || price == 0) {
            revert ModelPricing_PriceOutOfBounds(price, low, high);
        }

        // Check: a raise begins later, and does not give way to another price until then. Sales that are
        // stopped may go on in this very transaction.
        uint40 from = uint40(block.timestamp);
        bool manual = pricing.isManual();
        (uint64 present,) = pricing.inForce();
        if (pricing.stopped) present = manual ? pricing.manualPrice : pricing.standing();
        if (present != 0 && price > present) {
            if (manual) {
                revert ModelPricing_ManualPriceInForce(modelId, pricing.manualUntil);
            }
            from += RAISE_DELAY;
        }
        uint256 duration = until > block.timestamp ? until - block.timestamp : 0;
        _checkDuration(duration, from - block.timestamp + 1, MAX_MANUAL);

        // Effect: it is in force, or will be.
        (pricing.manualPrice, pricing.manualFrom, pricing.manualUntil) = (price, from, until);
        emit ManualPriceSet(modelId, price, from, until);
    }

    /// @inheritdoc IModelPricing
    function endManualPrice(uint64 modelId) external {
        _checkOwner(modelId);
        Pricing storage pricing = _pricings[modelId];
        if (pricing.manualUntil <= block.timestamp) revert ModelPricing_NoManualPrice(modelId);

        pricing.manualUntil = uint40(block.timestamp);
        emit ManualPriceSet(
            modelId, pricing.manualPrice, pricing.manualFrom, uint40(block.timestamp)
        );
    }

    /// @inheritdoc IModelPricing
    function stop(uint64 modelId) external {
        Pricing storage pricing = _pricings[modelId];
        // Whom a former owner named has no say any more.
        (address owner, uint64 transfers) = nft.ownershipOf(modelId);
        bool guards = msg.sender == pricing.guardian && transfers == pricing.transfers;
        if (!guards && msg.sender != owner) {
            revert ModelPricing_NotGuardian(modelId, msg.sender);
        }
        if (pricing.stopped) revert ModelPricing_AlreadySo(modelId);

        pricing.stopped = true;
        emit SalesStopped(modelId, msg.sender);
    }

    /// @inheritdoc IModelPricing
    function resume(uint64 modelId) external {
        _checkOwner(modelId);
        Pricing storage pricing = _pricings[modelId];
        if (!pricing.stopped) revert ModelPricing_AlreadySo(modelId);

        pricing.stopped = false;
        emit SalesResumed(modelId);
    }

    /*//////////////////////////////////////////////////////////////
                                 ANYBODY
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelPricing
    function sync(uint64 modelId) external returns (uint64 price) {
        // Check: there is something to follow, and nobody stopped it.
        Pricing storage pricing = _pricings[modelId];
        if (pricing.metricMaxAge == 0) revert ModelPricing_NothingToFollow(modelId);
        if (pricing.stopped) revert ModelPricing_NotForSale(modelId, Basis.Stopped);

        (int64 metric, uint64 observedAt) = _metricOf(modelId, pricing);
        uint64 target = pricing.points.at(pricing.pointCount, metric);
        uint64 previous = pricing.standing();

        // Check: it moves the price, or at least is news.
        bool news = observedAt > pricing.heardAt;
        uint256 ready = uint256(pricing.movedAt) + pricing.cooldown;
        bool moves = target != previous && block.timestamp >= ready;
        if (!moves && !news) {
            if (target == previous) revert ModelPricing_NothingToSync(modelId);
            revert ModelPricing_CoolingDown(modelId, ready);
        }

        // Effect: the price moves by one step, from the base price where nothing is held.
        price = previous;
        if (moves) {
            price = PriceRules.step(previous, target, pricing.maxMoveBps);
            pricing.movedAt = uint40(block.timestamp);
        }
        pricing.price = price;
        // forge-lint: disable-next-line(unsafe-typecast) it is not after this block
        if (news) pricing.heardAt = uint40(observedAt);
        emit PriceSynced(modelId, metric, observedAt, previous, target, price);
    }

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IQuoter
    function quote(uint64 modelId, bytes32 termsId, address asset) external view returns (uint256) {
        (uint64 price,) = priceOf(modelId);
        uint32 factorBps = termsFactorOf[modelId][termsId];
        if (factorBps == 0) revert ModelPricing_TermsNotPriced(modelId, termsId);
        return feeds.usdToAsset(asset, PriceRules.scale(price, factorBps));
    }

    /// @inheritdoc IModelPricing
    function priceOf(uint64 modelId) public view returns (uint64 price, Basis basis) {
        (price, basis) = _pricings[modelId].inForce();
        if (price == 0) revert ModelPricing_NotForSale(modelId, basis);
    }

    /// @inheritdoc IModelPricing
    function targetAt(uint64 modelId, int64 metric) external view returns (uint64) {
        Pricing storage pricing = _pricings[modelId];
        if (pricing.metricMaxAge == 0) revert ModelPricing_NothingToFollow(modelId);
        return pricing.points.at(pricing.pointCount, metric);
    }

    /// @inheritdoc IModelPricing
    function pricingOf(uint64 modelId)
        external
        view
        returns (PricingConfig memory config, Point[] memory points)
    {
        Pricing storage pricing = _pricings[modelId];
        config = PricingConfig({
            metrics: pricing.metrics,
            source: pricing.source,
            metricId: pricing.metricId,
            metricMin: pricing.metricMin,
            metricMax: pricing.metricMax,
            metricMaxAge: pricing.metricMaxAge,
            holdFor: pricing.holdFor,
            baseFor: pricing.baseFor,
            cooldown: pricing.cooldown,
            maxMoveBps: pricing.maxMoveBps,
            basePrice: pricing.basePrice,
            minPrice: pricing.minPrice,
            maxPrice: pricing.maxPrice,
            guardian: pricing.guardian
        });
        points = new Point[](pricing.pointCount);
        for (uint256 i; i < points.length; ++i) {
            points[i] = pricing.points.get(i);
        }
    }

    /// @inheritdoc IModelPricing
    function stateOf(uint64 modelId)
        external
        view
        returns (uint64 price, uint40 heardAt, uint40 movedAt, bool stopped)
    {
        Pricing storage pricing = _pricings[modelId];
        return (pricing.standing(), pricing.heardAt, pricing.movedAt, pricing.stopped);
    }

    /// @inheritdoc IModelPricing
    function manualPriceOf(uint64 modelId)
        external
        view
        returns (uint64 price, uint40 from, uint40 until)
    {
        Pricing storage pricing = _pricings[modelId];
        return (pricing.manualPrice, pricing.manualFrom, pricing.manualUntil);
    }

    /*//////////////////////////////////////////////////////////////
                                 PRIVATE
    //////////////////////////////////////////////////////////////*/

    /// @dev A fixed price keeps no rule of what it does not follow.
    function _store(Pricing storage pricing, PricingConfig calldata config, Point[] calldata points)
        private
    {
        bool follows = config.metrics != address(0);
        (pricing.basePrice, pricing.minPrice, pricing.maxPrice) =
        (config.basePrice, config.minPrice, config.maxPrice);
        (pricing.metricMaxAge, pricing.holdFor, pricing.baseFor, pricing.cooldown) = follows
            ? (config.metricMaxAge, config.holdFor, config.baseFor, config.cooldown)
            : (0, 0, 0, 0);
        (pricing.metricMin, pricing.metricMax, pricing.maxMoveBps) = follows
            ? (config.metricMin, config.metricMax, config.maxMoveBps)
            : (int64(0), int64(0), 0);
        (pricing.metrics, pricing.guardian) = (config.metrics, config.guardian);
        (pricing.source, pricing.metricId) =
            follows ? (config.source, config.metricId) : (bytes32(0), bytes32(0));
        // forge-lint: disable-next-line(unsafe-typecast) at most 16
        pricing.pointCount = uint8(points.length);
        pricing.points.write(points);
    }

    /// @dev The metric, if it can be followed.
    function _metricOf(uint64 modelId, Pricing storage pricing)
        private
        view
        returns (int64 metric, uint64 observedAt)
    {
        (metric, observedAt) =
            IMetricSource(pricing.metrics).metricOf(pricing.source, modelId, pricing.metricId);
        uint32 maxAge = pricing.metricMaxAge;
        if (observedAt > block.timestamp || block.timestamp - observedAt > maxAge) {
            revert ModelPricing_StaleMetric(observedAt, maxAge);
        }
        (int64 low, int64 high) = (pricing.metricMin, pricing.metricMax);
        if (metric < low || metric > high) {
            revert ModelPricing_MetricOutOfRange(metric, low, high);
        }
    }

    function _checkPrices(PricingConfig calldata config) private pure {
        (uint64 low, uint64 high) = (config.minPrice, config.maxPrice);
        if (low == 0) revert ModelPricing_ZeroMinimum();
        if (config.basePrice < low || config.basePrice > high) {
            revert ModelPricing_PriceOutOfBounds(config.basePrice, low, high);
        }
    }

    function _checkRules(PricingConfig calldata config, Point[] calldata points) private view {
        if (config.metrics.code.length == 0) {
            revert ModelPricing_NotAMetricSource(config.metrics);
        }
        if (config.metricMin > config.metricMax) {
            revert ModelPricing_EmptyMetricRange(config.metricMin, config.metricMax);
        }
        if (config.maxMoveBps == 0 || config.maxMoveBps > _ONE_HUNDRED_PERCENT) {
            revert ModelPricing_MoveOutOfRange(config.maxMoveBps);
        }
        _checkDuration(config.cooldown, MIN_COOLDOWN, MAX_DURATION);
        _checkDuration(config.metricMaxAge, 1, MAX_DURATION);
        _checkDuration(config.holdFor, 0, MAX_DURATION);
        _checkDuration(config.baseFor, 0, MAX_DURATION);
        PriceCurve.check(points, config.minPrice, config.maxPrice);
    }

    function _checkDuration(uint256 duration, uint256 least, uint256 most) private pure {
        if (duration < least || duration > most) {
            revert ModelPricing_DurationOutOfRange(duration, least, most);
        }
    }

    function _checkOwner(uint64 modelId) private view {
        if (msg.sender != nft.ownerOf(modelId)) revert ModelPricing_NotOwner(modelId, msg.sender);
    }

    function _clamp(uint64 price, uint64 low, uint64 high) private pure returns (uint64) {
        return price < low ? low : price > high ? high : price;
    }
}
