// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice A model that is for sale, as it is stored.
/// @param amount Fixed price; see `Price`.
/// @param transfers The model's number of transfers when it was listed: the listing dies with the next.
/// @param expiry When the listing ends, in seconds, exclusive; 0 when there is none.
/// @param asset See `Price`.
/// @param pricing See `Price`.
/// @param settleCount Number of revenue accounts that have to be settled before a sale.
struct Listing {
    // slot 0
    uint128 amount;
    uint64 transfers;
    uint64 expiry;
    // slot 1
    address asset;
    // slot 2
    address pricing;
    uint8 settleCount;
}

/// @notice What a buyer of a model asks for.
/// @param modelId The registered model.
/// @param asset What the buyer pays with.
/// @param maxPay Most that the buyer pays, royalty included.
/// @param deadline Last second in which the purchase is meant.
/// @param recipient Who is to own the model.
/// @param state What the buyer looked at; see `IModelMarket.stateOf`.
struct Order {
    uint64 modelId;
    address asset;
    uint256 maxPay;
    uint256 deadline;
    address recipient;
    bytes32 state;
}
