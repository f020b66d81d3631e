// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @dev Most points of a price curve.
uint8 constant MAX_POINTS = 16;

/// @dev Words that they take.
uint8 constant MAX_PAIRS = 8;

/// @notice A point of a price curve.
/// @param metric Value of the metric, times 1,000,000.
/// @param price Dollars, with 6 decimals.
struct Point {
    int64 metric;
    uint64 price;
}

/// @notice What the price in force rests on.
/// @custom:value Unset The model has no pricing.
/// @custom:value Stopped Its owner or guardian stopped it.
/// @custom:value Lapsed There is no metric yet, or it is too old, and the base price has run out too.
/// @custom:value Fixed It follows no metric.
/// @custom:value Manual Its owner set it for some time.
/// @custom:value Followed The metric, through the curve.
/// @custom:value Held The metric is too old, and the last price that followed it is held.
/// @custom:value Base There is no metric yet, or it is older still, and the base price is charged.
enum Basis {
    Unset,
    Stopped,
    Lapsed,
    Fixed,
    Manual,
    Followed,
    Held,
    Base
}

/// @notice How a model's price is made, as its owner sets it.
/// @param metrics Contract that knows the metric, an `IMetricSource`; the zero address for a fixed
/// price, to which only `basePrice`, `minPrice`, `maxPrice` and `guardian` apply.
/// @param source Under whose authority the metric is reported; see `IMetricSource`.
/// @param metricId Name of the metric.
/// @param metricMin Lowest value that is believed.
/// @param metricMax Highest value that is believed.
/// @param metricMaxAge For how long a measurement is followed, in seconds.
/// @param holdFor For how long after that the last price is held, in seconds.
/// @param baseFor For how long after that, or before the first measurement, the base price is charged,
/// in seconds. Then sales stop.
/// @param cooldown Least time between two moves of the price, in seconds.
/// @param maxMoveBps Largest move, in basis points of the price.
/// @param basePrice Price to begin with, and when the metric stays away; dollars, 6 decimals.
/// @param minPrice Lowest price; not zero, from which no share of it would lead away.
/// @param maxPrice Highest price.
/// @param guardian Who else may stop sales until the model changes hands; the zero address for nobody.
struct PricingConfig {
    address metrics;
    bytes32 source;
    bytes32 metricId;
    int64 metricMin;
    int64 metricMax;
    uint32 metricMaxAge;
    uint32 holdFor;
    uint32 baseFor;
    uint32 cooldown;
    uint16 maxMoveBps;
    uint64 basePrice;
    uint64 minPrice;
    uint64 maxPrice;
    address guardian;
}

/// @notice A model's pricing, as it is stored: what a quote reads first.
/// @param price The fixed price, or the one that followed the metric last; never zero once it is set.
/// @param heardAt When the newest measurement that was followed ended; 0 before the first.
/// @param movedAt When the price last moved, or the pricing was set.
/// @param stopped Whether sales are stopped.
/// @param manualPrice Price set by hand.
/// @param manualFrom First second of the manual price.
/// @param manualUntil End of it, exclusive; 0 if there is none.
/// @param basePrice See `PricingConfig`.
/// @param metricMaxAge See `PricingConfig`; 0 for a fixed price.
/// @param holdFor See `PricingConfig`.
/// @param baseFor See `PricingConfig`.
/// @param pointCount Points of the curve.
/// @param minPrice See `PricingConfig`.
/// @param maxPrice See `PricingConfig`.
/// @param metricMin See `PricingConfig`.
/// @param maxMoveBps See `PricingConfig`.
/// @param cooldown See `PricingConfig`.
/// @param metrics See `PricingConfig`.
/// @param metricMax See `PricingConfig`.
/// @param source See `PricingConfig`.
/// @param metricId See `PricingConfig`.
/// @param guardian See `PricingConfig`.
/// @param transfers How often the model had changed hands when the guardian was named.
/// @param points The curve, two points to a slot; see `PriceCurve`.
struct Pricing {
    // slot 0
    uint64 price;
    uint40 heardAt;
    uint40 movedAt;
    bool stopped;
    uint64 manualPrice;
    uint40 manualFrom;
    // slot 1
    uint40 manualUntil;
    uint64 basePrice;
    uint32 metricMaxAge;
    uint32 holdFor;
    uint32 baseFor;
    uint8 pointCount;
    // slot 2
    uint64 minPrice;
    uint64 maxPrice;
    int64 metricMin;
    uint16 maxMoveBps;
    uint32 cooldown;
    // slot 3
    address metrics;
    int64 metricMax;
    // slot 4
    bytes32 source;
    // slot 5
    bytes32 metricId;
    // slot 6
    address guardian;
    uint64 transfers;
    // slots 7 to 14
    uint256[MAX_PAIRS] points;
}
