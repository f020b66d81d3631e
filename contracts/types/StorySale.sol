// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice What the owner of a work on Story signs: licences of it, to anybody, at a price that a
/// contract is asked for at each sale (EIP-712, with the domain of the `StorySale`).
/// @param ipId The work.
/// @param termsId Story's number of the terms: without a fee, and not attached to the work.
/// @param pricing An `IQuoter`, asked for the price of one licence in the chain's own coin.
/// @param modelId The work, as `pricing` knows it.
/// @param quotedTerms The terms, as `pricing` knows them.
/// @param nonce The owner's, when it signed: see `IStorySale.cancelOffers`.
/// @param deadline Last second in which the offer stands.
struct StoryOffer {
    address ipId;
    uint256 termsId;
    address pricing;
    uint64 modelId;
    bytes32 quotedTerms;
    uint256 nonce;
    uint256 deadline;
}

/// @notice What a buyer asks for.
/// @param quantity Number of licences.
/// @param maxPay Most that the buyer pays, for all of them.
/// @param maxShare Highest share of a derivative's revenue that the buyer accepts; 0 for any.
/// @param deadline Last second in which the purchase is meant.
/// @param recipient Who is to hold the licences.
struct StoryOrder {
    uint256 quantity;
    uint256 maxPay;
    uint32 maxShare;
    uint256 deadline;
    address recipient;
}
