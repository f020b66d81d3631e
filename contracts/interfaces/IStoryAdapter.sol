// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {StoryContracts, StoryPurchase, StoryRegistration} from "../types/Story.sol";

/// @title IStoryAdapter
/// @notice What takes several calls to Story Protocol, in one transaction that happens whole or not at
/// all: a token becomes an IP asset with metadata and terms; licences are bought, and royalties paid,
/// in the chain's own coin.
/// @dev It keeps nothing: no state, no money, no permission. Whatever it may do for an asset, the
/// asset's owner signed for this one transaction, and it acts for nobody but its caller. Everything
/// else is called at Story's own contracts, whose events then name the right account.
interface IStoryAdapter {
    /// @notice Emitted when a token was described and offered as an IP asset through this contract, which
    /// also made it one if it was none yet.
    /// @param ipId The asset.
    /// @param nft The token's contract.
    /// @param tokenId The token.
    /// @param owner Who owns both.
    /// @param termsIds The terms that it is offered under.
    event IpRegistered(
        address indexed ipId,
        address indexed nft,
        uint256 indexed tokenId,
        address owner,
        uint256[] termsIds
    );

    /// @notice Emitted when licences were bought through this contract: in Story's own event it is
    /// this contract that bought them.
    /// @param ipId The work.
    /// @param buyer Who paid.
    /// @param recipient Who holds the licences.
    /// @param termsId The terms.
    /// @param firstTokenId The first; the others follow.
    /// @param quantity How many.
    /// @param currency In which token, or the wrapped coin.
    /// @param paid How much, for all of them.
    event LicensesBought(
        address indexed ipId,
        address indexed buyer,
        address indexed recipient,
        uint256 termsId,
        uint256 firstTokenId,
        uint256 quantity,
        address currency,
        uint256 paid
    );

    /// @notice Emitted when a work was paid through this contract.
    /// @param ipId The work.
    /// @param payer Who paid.
    /// @param amount How much of the coin.
    event RoyaltyPaid(address indexed ipId, address indexed payer, uint256 amount);

    /// @notice Thrown when one of Story's contracts is not where it should be.
    error StoryAdapter_NoContract(address at);

    /// @notice Thrown when somebody else's token is to be registered.
    error StoryAdapter_NotOwner(address nft, uint256 tokenId, address caller);

    /// @notice Thrown when a purchase comes after its deadline.
    error StoryAdapter_DeadlinePassed(uint256 deadline);

    /// @notice Thrown when the fee is above what the buyer would pay.
    error StoryAdapter_AboveMaxPay(uint256 fee, uint256 maxPay);

    /// @notice Thrown when less of the coin is sent than is to be paid.
    error StoryAdapter_Underpaid(uint256 fee, uint256 sent);

    /// @notice Thrown when the coin is sent where another token is to be paid.
    error StoryAdapter_UnexpectedValue(uint256 sent);

    /// @notice Thrown when the caller does not take back what it sent too much.
    error StoryAdapter_NotTaken(address caller, uint256 amount);

    /// @notice Makes a token of the caller's an IP asset of Story's, with metadata and terms.
    /// @dev Where it is an asset already, whoever registered it, the rest still happens. Story's fee for
    /// a registration, if there is one, is taken from the caller, in coin or by allowance: what is too much
    /// comes back, all of it where there is nothing to pay. The signature counts once: it holds for the account's state. Whoever sees it can use it up, to no other effect
    /// than that this call reverts (`IPAccount__InvalidSignature`) and is to be signed again.
    /// @param wanted See `StoryRegistration`.
    /// @return ipId The asset.
    /// @return termsIds The terms' ids, in the order given.
    function register(StoryRegistration calldata wanted)
        external
        payable
        returns (address ipId, uint256[] memory termsIds);

    /// @notice Buys licences. If their fee is in the wrapped coin, it can be sent along: what is too much
    /// comes back, all of it where they cost nothing. Otherwise it is taken by allowance.
    /// @param wanted See `StoryPurchase`.
    /// @return firstTokenId The first licence; the others follow.
    function buy(StoryPurchase calldata wanted) external payable returns (uint256 firstTokenId);

    /// @notice Pays a work what is sent along, as revenue that it earned; its ancestors get their shares.
    /// @param ipId The work. It can earn once it has been licensed or linked.
    function pay(address ipId) external payable;

    /// @notice What an asset's owner signs for `register`: a call of the access controller that lets this
    /// contract set metadata and attach terms, while the transaction lasts.
    /// @param ipId The asset.
    /// @return to The access controller.
    /// @return data The call.
    function permissionCall(address ipId) external view returns (address to, bytes memory data);

    /// @notice Story's contracts that this one was made for.
    function story() external view returns (StoryContracts memory);

    /// @notice Version of this contract.
    function version() external view returns (string memory);
}
