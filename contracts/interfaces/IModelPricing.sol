// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Basis, Point, PricingConfig} from "../types/Pricing.sol";
import {IModelNFT} from "./IModelNFT.sol";
import {IQuoter} from "./IQuoter.sol";
import {IUsdFeeds} from "./IUsdFeeds.sol";

/// @title IModelPricing
/// @notice Prices of models in dollars, fixed or following an attested metric, and what they are in a
/// payment asset.
/// @dev A model's owner says how its price is made; nobody else has any power over it, but a guardian,
/// if the owner named one, who can stop sales. A metric moves the price when somebody calls `sync`,
/// which is apart from its delivery so that neither can hold up the other; by a limited part, after a
/// least time, and within bounds. Where the metric is too old, the last price is held for a while, then
/// the base price is charged for a while, then there is no price; the next move begins from the base
/// price, then. Whatever cannot be answered for reverts: sales stop rather than charge a wrong price.
///
/// Warnings for integrators:
/// - The owner can change the pricing at any time. A purchase must name the most that it pays, and a
///   deadline, as `ModelLicensing` and `ModelMarket` have it.
/// - The pricing stays with a model that is transferred, without its guardian: it is then the new
/// owner's to change. Nothing is sold at it until the new owner offers so.
/// - A report that is on its way tells everybody what `sync` will do. The largest move bounds what
///   there is to gain from that.
interface IModelPricing is IQuoter {
    /*//////////////////////////////////////////////////////////////
                                  EVENTS
    //////////////////////////////////////////////////////////////*/

    /// @notice Emitted when a model's owner sets how its price is made.
    /// @param modelId The registered model.
    /// @param config The rules.
    /// @param points The curve; empty for a fixed price.
    /// @param price The price that will follow the metric, from here on.
    event PricingSet(uint64 indexed modelId, PricingConfig config, Point[] points, uint64 price);

    /// @notice Emitted when a price follows its metric. It moves only so far at once: where `price` is
    /// not `target`, it gets there by and by.
    /// @param modelId The registered model.
    /// @param metric The metric's value, times 1,000,000.
    /// @param observedAt When the measurement ended.
    /// @param previous The price before, but for one set by hand; the base price if there was none.
    /// @param target The curve's price at the metric.
    /// @param price The price now.
    event PriceSynced(
        uint64 indexed modelId,
        int64 metric,
        uint64 observedAt,
        uint64 previous,
        uint64 target,
        uint64 price
    );

    /// @notice Emitted when an owner sets a price by hand, or ends it (`until` is now, then).
    /// @param modelId The registered model.
    /// @param price The price.
    /// @param from First second in which it holds.
    /// @param until End, exclusive.
    event ManualPriceSet(uint64 indexed modelId, uint64 price, uint40 from, uint40 until);

    /// @notice Emitted when an owner sets what licences under some terms cost.
    /// @param modelId The registered model.
    /// @param termsId The terms; zero for the model itself.
    /// @param factorBps Share of the model's price, in basis points; 0 for no price.
    event TermsFactorSet(uint64 indexed modelId, bytes32 indexed termsId, uint32 factorBps);

    /// @notice Emitted when sales at a model's price are stopped.
    /// @param modelId The registered model.
    /// @param by Its owner or guardian.
    event SalesStopped(uint64 indexed modelId, address indexed by);

    /// @notice Emitted when they go on.
    event SalesResumed(uint64 indexed modelId);

    /*//////////////////////////////////////////////////////////////
                                  ERRORS
    //////////////////////////////////////////////////////////////*/

    /// @notice Thrown when an account that does not own the model does what only its owner may.
    error ModelPricing_NotOwner(uint64 modelId, address caller);

    /// @notice Thrown when an account is neither a model's owner nor its guardian.
    error ModelPricing_NotGuardian(uint64 modelId, address caller);

    /// @notice Thrown when a lowest price is zero, which a price could never leave.
    error ModelPricing_ZeroMinimum();

    /// @notice Thrown when a price is outside of its bounds.
    error ModelPricing_PriceOutOfBounds(uint64 price, uint64 minPrice, uint64 maxPrice);

    /// @notice Thrown when there is no contract where the metric should come from.
    error ModelPricing_NotAMetricSource(address metrics);

    /// @notice Thrown when no value of a metric would be believed.
    error ModelPricing_EmptyMetricRange(int64 metricMin, int64 metricMax);

    /// @notice Thrown when a largest move is nothing, or more than everything.
    error ModelPricing_MoveOutOfRange(uint16 maxMoveBps);

    /// @notice Thrown when a duration is outside of what is allowed for it, in seconds.
    error ModelPricing_DurationOutOfRange(uint256 duration, uint256 least, uint256 most);

    /// @notice Thrown when a model has no pricing, or one that follows no metric.
    error ModelPricing_NothingToFollow(uint64 modelId);

    /// @notice Thrown when a metric is too old to be followed, or from the future.
    error ModelPricing_StaleMetric(uint64 observedAt, uint32 maxAge);

    /// @notice Thrown when a metric's value is not believed.
    error ModelPricing_MetricOutOfRange(int64 metric, int64 metricMin, int64 metricMax);

    /// @notice Thrown when the price is where the metric wants it, and the metric is not news.
    error ModelPricing_NothingToSync(uint64 modelId);

    /// @notice Thrown when the price moved too shortly before, and the metric is not news.
    error ModelPricing_CoolingDown(uint64 modelId, uint256 until);

    /// @notice Thrown when a model has no price now, with what is in the way.
    error ModelPricing_NotForSale(uint64 modelId, Basis basis);

    /// @notice Thrown when licences under some terms, or the model itself, have no price.
    error ModelPricing_TermsNotPriced(uint64 modelId, bytes32 termsId);

    /// @notice Thrown when a manual price is raised: end it first.
    error ModelPricing_ManualPriceInForce(uint64 modelId, uint40 until);

    /// @notice Thrown when there is no manual price to end.
    error ModelPricing_NoManualPrice(uint64 modelId);

    /// @notice Thrown when sales are stopped that are, or resumed that are not.
    error ModelPricing_AlreadySo(uint64 modelId);

    /*//////////////////////////////////////////////////////////////
                                  OWNER
    //////////////////////////////////////////////////////////////*/

    /// @notice Sets how a model's price is made. Owner only.
    /// @dev The price begins at the base price, and is the base price until the first `sync`. If it
    /// follows the same metric already, or is held, it goes on from where it was, within the new bounds.
    /// Either way the next move waits for the cooldown. A manual price ends: it was within the former
    /// bounds, and may be a former owner's.
    /// @param modelId The registered model.
    /// @param config The rules.
    /// @param points The curve: 2 to 16 points, strictly increasing in the metric, with prices within
    /// the bounds; none for a fixed price.
    function setPricing(uint64 modelId, PricingConfig calldata config, Point[] calldata points)
        external;

    /// @notice Sets what licences under some terms cost, as a share of the model's price. Owner only.
    /// @param modelId The registered model.
    /// @param termsId The terms; zero for the model itself.
    /// @param factorBps The share, in basis points, which may be above 10,000; 0 for no price.
    function setTermsFactor(uint64 modelId, bytes32 termsId, uint32 factorBps) external;

    /// @notice Sets a model's price by hand, for some time. Owner only.
    /// @dev A price above the one in force begins `RAISE_DELAY` later, so that purchases that are on
    /// their way go through. While sales are stopped, that is the one with which they would go on. It
    /// replaces neither the feeds' checks nor the bounds.
    /// @param modelId The registered model.
    /// @param price The price, within the bounds.
    /// @param until End, exclusive, in seconds; at most `MAX_MANUAL` from now.
    function setManualPrice(uint64 modelId, uint64 price, uint40 until) external;

    /// @notice Ends a manual price, now. Owner only.
    /// @param modelId The registered model.
    function endManualPrice(uint64 modelId) external;

    /// @notice Stops sales at a model's price, and its moves. Owner, or the guardian that this owner named.
    /// @param modelId The registered model.
    function stop(uint64 modelId) external;

    /// @notice Lets them go on. Owner only.
    /// @param modelId The registered model.
    function resume(uint64 modelId) external;

    /*//////////////////////////////////////////////////////////////
                                 ANYBODY
    //////////////////////////////////////////////////////////////*/

    /// @notice Lets a model's price follow its metric by one move. Anybody may call it.
    /// @param modelId The registered model.
    /// @return price The price that follows the metric, now.
    function sync(uint64 modelId) external returns (uint64 price);

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @notice The price in force, and what it rests on; reverts if there is none.
    /// @return price Dollars, with 6 decimals.
    /// @return basis What it rests on.
    function priceOf(uint64 modelId) external view returns (uint64 price, Basis basis);

    /// @notice The curve's price at a value of the metric; reverts if the model's price follows none.
    function targetAt(uint64 modelId, int64 metric) external view returns (uint64 price);

    /// @notice How a model's price is made; all zero if it has no pricing.
    function pricingOf(uint64 modelId)
        external
        view
        returns (PricingConfig memory config, Point[] memory points);

    /// @notice Where a model's price stands, whether or not it is in force; all zero if it has none.
    /// @return price The price without what was set by hand: where the next move begins.
    /// @return heardAt When the newest measurement that was followed ended; 0 before the first.
    /// @return movedAt When the price last moved, or the pricing was set.
    /// @return stopped Whether sales are stopped.
    function stateOf(uint64 modelId)
        external
        view
        returns (uint64 price, uint40 heardAt, uint40 movedAt, bool stopped);

    /// @notice A model's newest manual price, in force or not; all zero if there never was one.
    function manualPriceOf(uint64 modelId)
        external
        view
        returns (uint64 price, uint40 from, uint40 until);

    /// @notice What licences under some terms cost, in basis points of the model's price; 0 for no price.
    function termsFactorOf(uint64 modelId, bytes32 termsId) external view returns (uint32 factorBps);

    /// @notice Least time between two moves of a price, in seconds.
    function MIN_COOLDOWN() external view returns (uint32);

    /// @notice Longest of the durations of a pricing, in seconds.
    function MAX_DURATION() external view returns (uint32);

    /// @notice Longest time for which a price is set by hand, in seconds.
    function MAX_MANUAL() external view returns (uint32);

    /// @notice How long a raise by hand waits, in seconds.
    function RAISE_DELAY() external view returns (uint32);

    /// @notice What tells who owns a model.
    function nft() external view returns (IModelNFT);

    /// @notice What turns dollars into payment assets.
    function feeds() external view returns (IUsdFeeds);

    /// @notice Version of this contract's source.
    function version() external view returns (string memory);
}
