// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {StoryOffer, StoryOrder} from "../types/StorySale.sol";
import {IStoryLicensingModule} from "./external/story/IStoryLicensingModule.sol";
import {IStoryPILicenseTemplate} from "./external/story/IStoryPILicenseTemplate.sol";
import {IStoryRoyaltyModule} from "./external/story/IStoryRoyaltyModule.sol";
import {IWrappedCoin} from "./external/story/IWrappedCoin.sol";

/// @title IStorySale
/// @notice Licences of works on Story at a price that a contract is asked for, for instance in dollars:
/// Story's own price hooks have to be admitted by its administrators.
/// @dev How it works: the terms cost nothing and are attached to nothing, so that nobody can have them
/// of Story; the work's owner lets this contract, and nobody else, give out licences under them
/// (`setPermission` of Story's access controller, for `mintLicenseTokens`), and signs an offer. Whoever
/// brings the offer and the price gets licences; the price becomes revenue of the work, and reaches its
/// ancestors as any revenue does.
///
/// The permission is standing, which is why this contract is one of its own: there is no way through
/// it but an offer that the work's owner of this moment signed. Story lets a permission sleep when
/// the work changes hands, and wake when it comes back to whoever gave it; so it is with offers, until
/// their deadline, or until their signer cancels them.
///
/// Warning: terms that allow derivatives leak. A derivative made under them carries them on, attached,
/// and everybody can have licences of the derivative for nothing. Offer terms without derivatives.
interface IStorySale {
    /// @notice Emitted when licences were sold. In Story's own events it is this contract that
    /// bought and paid.
    /// @param ipId The work.
    /// @param buyer Who paid.
    /// @param recipient Who holds the licences.
    /// @param termsId The terms.
    /// @param firstTokenId The first licence; the others follow.
    /// @param quantity How many.
    /// @param paid How much of the coin, for all of them.
    event StoryLicensesSold(
        address indexed ipId,
        address indexed buyer,
        address indexed recipient,
        uint256 termsId,
        uint256 firstTokenId,
        uint256 quantity,
        uint256 paid
    );

    /// @notice Emitted when an account cancels what it offered.
    /// @param owner The account.
    /// @param nonce The nonce of the offers that no longer stand.
    event OffersCancelled(address indexed owner, uint256 nonce);

    /// @notice Thrown when one of Story's contracts is not where it should be.
    error StorySale_NoContract(address at);

    /// @notice Thrown when a purchase, or an offer, comes after its deadline.
    error StorySale_DeadlinePassed(uint256 deadline);

    /// @notice Thrown when an offer was cancelled, or is for later.
    error StorySale_WrongNonce(address owner, uint256 nonce, uint256 expected);

    /// @notice Thrown when an offer is not signed by the work's owner of this moment.
    error StorySale_NotSignedByOwner(address ipId, address owner);

    /// @notice Thrown when the price is none: what is free is offered at Story itself.
    error StorySale_ZeroPrice();

    /// @notice Thrown when the price is above what the buyer would pay.
    error StorySale_AboveMaxPay(uint256 price, uint256 maxPay);

    /// @notice Thrown when less of the coin is sent than is to be paid.
    error StorySale_Underpaid(uint256 price, uint256 sent);

    /// @notice Thrown when the buyer does not take back what it sent too much.
    error StorySale_NotTaken(address buyer, uint256 amount);

    /// @notice Buys licences that an owner offered. The coin is sent along, and what is too much comes
    /// back; or, if none is sent, the wrapped coin is taken by allowance.
    /// @param offer See `StoryOffer`.
    /// @param signature The owner's, of the offer; of a contract that owns the work, as ERC-1271 says.
    /// @param order See `StoryOrder`.
    /// @return firstTokenId The first licence; the others follow.
    function buy(StoryOffer calldata offer, bytes calldata signature, StoryOrder calldata order)
        external
        payable
        returns (uint256 firstTokenId);

    /// @notice Cancels everything that the caller has offered so far.
    function cancelOffers() external;

    /// @notice What one licence costs now, in the coin.
    /// @param offer The offer; its signature is not asked for.
    function quote(StoryOffer calldata offer) external view returns (uint256 price);

    /// @notice What an owner signs.
    function digestOf(StoryOffer calldata offer) external view returns (bytes32 digest);

    /// @notice Nonce that an owner's offers must have.
    function nonces(address owner) external view returns (uint256);

    /// @notice Story's licensing.
    function licensingModule() external view returns (IStoryLicensingModule);

    /// @notice Story's terms.
    function licenseTemplate() external view returns (IStoryPILicenseTemplate);

    /// @notice Story's royalties.
    function royaltyModule() external view returns (IStoryRoyaltyModule);

    /// @notice The chain's own coin as an ERC-20 token.
    function wrappedCoin() external view returns (IWrappedCoin);

    /// @notice Version of this contract's source.
    function version() external view returns (string memory);
}
