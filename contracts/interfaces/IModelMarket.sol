// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RevenueAccount} from "../types/License.sol";
import {Listing, Order} from "../types/Market.sol";
import {Permit, Price} from "../types/Payment.sol";
import {IModelLicensing} from "./IModelLicensing.sol";
import {IModelNFT} from "./IModelNFT.sol";

/// @title IModelMarket
/// @notice Sale of registered models themselves, that is, of their tokens.
/// @dev The token stays with its owner until it is sold, and a listing dies with any transfer. Whoever
/// has a royalty by ERC-2981 and the seller claim what is theirs; nothing is sent to them. What the
/// model earned before stays the seller's (see `IModelLicensing`); a royalty is earned when it is settled,
/// so a listing names what whoever buys has to settle first, in the same transaction.
///
/// Warnings for buyers:
/// - What the seller did to a model lasts, and is done in a moment. Read `stateOf`, then look at what it
///   covers, then order under it: a sale under another state reverts.
/// - It does not cover where aliases point and their gates, revocations and deprecations, approvals of
///   derivatives, licences sold under offers that were there already, nor the model's `ModelPricing`. All
///   of these outlive the sale: look at them before it, and again after it.
/// - Offers and publishers do not outlive it. Offers that were made still count for the most that a
///   model can make, and a model that was offered can never be made a derivative.
interface IModelMarket {
    /// @notice Emitted when a model is listed, or listed anew.
    /// @param modelId The registered model.
    /// @param seller Its owner.
    /// @param price What it costs.
    /// @param expiry When the listing ends, in seconds, exclusive.
    /// @param settleFirst What a buyer has to settle before the sale, for the seller.
    event ModelListed(
        uint64 indexed modelId,
        address indexed seller,
        Price price,
        uint64 expiry,
        RevenueAccount[] settleFirst
    );

    /// @notice Emitted when a listing is cancelled.
    event ListingCancelled(uint64 indexed modelId, address indexed seller);

    /// @notice Emitted when a model is sold.
    /// @param modelId The registered model.
    /// @param seller Who owned it.
    /// @param recipient Who owns it now.
    /// @param asset What was paid with.
    /// @param amount What was paid, royalty included.
    /// @param royaltyReceiver Who gets the royalty.
    /// @param royalty How much of it is the royalty.
    event ModelSold(
        uint64 indexed modelId,
        address indexed seller,
        address indexed recipient,
        address asset,
        uint256 amount,
        address royaltyReceiver,
        uint256 royalty
    );

    /// @notice Thrown when an account that does not own a model does what only its owner may.
    error ModelMarket_NotOwner(uint64 modelId, address caller);

    /// @notice Thrown when a model is given away: its owner can transfer it.
    error ModelMarket_Free(uint64 modelId);

    /// @notice Thrown when the market has not been approved for a model's token, or no longer is.
    error ModelMarket_NotApproved(uint64 modelId);

    /// @notice Thrown when a listing would end before it begins.
    error ModelMarket_ExpiryPassed(uint64 expiry);

    /// @notice Thrown when a model is not listed, or no longer, because it was transferred since.
    error ModelMarket_NotListed(uint64 modelId);

    /// @notice Thrown when a listing has ended.
    error ModelMarket_ListingExpired(uint64 modelId, uint64 expiry);

    /// @notice Thrown when more is to be settled before a sale than can be in one transaction.
    error ModelMarket_TooManyAccounts(uint256 count, uint256 most);

    /// @notice Thrown when a buyer does not settle first what the seller asks for.
    error ModelMarket_NotSettled(uint64 modelId, uint256 count);

    /// @notice Thrown when a model is not what the buyer looked at.
    error ModelMarket_StateChanged(uint64 modelId, bytes32 expected, bytes32 found);

    /// @notice Lists a model for sale, or changes its listing. Its owner only, who has approved the
    /// market for its token.
    /// @param modelId The registered model.
    /// @param price What it costs; a pricing contract is asked with no terms.
    /// @param expiry When the listing ends, in seconds, exclusive.
    /// @param settleFirst Revenue that is settled before the sale, whoever buys, so that royalties of
    /// the model's derivatives go to the seller: derivatives before what they were made of; may be
    /// empty. A royalty belongs to whoever owns the model when it is settled, and anybody may settle
    /// at any time: name the derivatives again when there are new ones.
    function list(
        uint64 modelId,
        Price calldata price,
        uint64 expiry,
        RevenueAccount[] calldata settleFirst
    ) external;

    /// @notice Cancels a model's listing. Its owner only.
    function cancel(uint64 modelId) external;

    /// @notice Buys a listed model.
    /// @param order What to buy, in which state, and the most that it may cost.
    /// @param permit An allowance of the caller's; all zero for none.
    /// @param settleFirst What the seller asks to settle before the sale, in that order; more may
    /// follow.
    function buy(
        Order calldata order,
        Permit calldata permit,
        RevenueAccount[] calldata settleFirst
    ) external payable;

    /// @notice Pays the caller all that is kept for it in an asset.
    /// @param asset ERC-20 token, or the zero address for the native coin.
    /// @param recipient Who gets it.
    /// @return amount How much.
    function claim(address asset, address recipient) external returns (uint256 amount);

    /// @notice What a model costs now in an asset, royalty included; reverts if it cannot be bought.
    function quote(uint64 modelId, address asset) external view returns (uint256);

    /// @notice Digest of what a buyer orders under: receiver and share of a model's royalty, what it
    /// owes to its parents, how many offers it has made, and how many versions it has. Whoever buys it
    /// cannot undo any of these. Reverts if there is no such model.
    /// @dev The hash of their ABI encoding, in that order: `royaltyInfo(modelId, 10_000)` of the token,
    /// `parentsOf` and `offerCount` of the licensing contract, `latestVersion` in the registry.
    function stateOf(uint64 modelId) external view returns (bytes32);

    /// @notice Most accounts that a seller can ask to have settled: half of what fits into a
    /// transaction, so that a buyer can settle what is newer as well.
    function MAX_SETTLED() external view returns (uint256);

    /// @notice A model's listing; reverts if it is not listed, or no longer.
    function listingOf(uint64 modelId) external view returns (Listing memory);

    /// @notice What an account can claim in an asset now.
    function claimable(address account, address asset) external view returns (uint256);

    /// @notice Where the models' licences are sold.
    function licensing() external view returns (IModelLicensing);

    /// @notice Ownership of the models.
    function nft() external view returns (IModelNFT);

    /// @notice Version of this contract's source.
    function version() external view returns (string memory);
}
