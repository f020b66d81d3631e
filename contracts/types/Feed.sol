// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice A payment asset, and the feed that says what it is worth.
/// @param asset ERC-20 token; the zero address for the chain's native coin.
/// @param feed Chainlink feed of the asset in US dollars; its proxy, never the aggregator behind it.
/// @param maxAge Oldest answer that is taken, in seconds: the feed's heartbeat and a margin.
/// @param decimals What the feed's `decimals()` must say, always.
/// @param atPar Whether a unit of the asset is taken for a dollar while the answer is in its band,
/// as for a stablecoin; else the answer itself is the rate.
/// @param minAnswer Lowest answer that is believed.
/// @param maxAnswer Highest answer that is believed.
/// @param description What the feed's `description()` must say when it is configured.
struct FeedConfig {
    address asset;
    address feed;
    uint32 maxAge;
    uint8 decimals;
    bool atPar;
    uint128 minAnswer;
    uint128 maxAnswer;
    string description;
}

/// @notice A payment asset's feed, as it is stored.
/// @param feed See `FeedConfig`.
/// @param maxAge See `FeedConfig`.
/// @param decimals See `FeedConfig`.
/// @param assetDecimals Decimals of the asset itself.
/// @param atPar See `FeedConfig`.
/// @param minAnswer See `FeedConfig`.
/// @param maxAnswer See `FeedConfig`.
struct Feed {
    // slot 0
    address feed;
    uint32 maxAge;
    uint8 decimals;
    uint8 assetDecimals;
    bool atPar;
    // slot 1
    uint128 minAnswer;
    uint128 maxAnswer;
}
