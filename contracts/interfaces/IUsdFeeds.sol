// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Feed} from "../types/Feed.sol";

/// @title IUsdFeeds
/// @notice What an amount of US dollars is in a payment asset, by Chainlink's data feeds.
/// @dev Nobody can change a feed: whoever could would set the price of everything. Where a feed is
/// retired, conversions in its asset revert, and sales move to a new deployment.
///
/// Each answer is checked: it is complete, positive, neither from the future nor older than its feed's
/// own limit, in its feed's own band, with the decimals that were configured; and on a rollup, the
/// sequencer is up and has been for an hour, so that whoever it kept waiting could act first. If any
/// of it does not hold, there is no conversion.
interface IUsdFeeds {
    /*//////////////////////////////////////////////////////////////
                                  EVENTS
    //////////////////////////////////////////////////////////////*/

    /// @notice Emitted at deployment, for each payment asset.
    /// @param asset ERC-20 token, or the zero address for the native coin.
    /// @param feed Its feed.
    /// @param description What the feed says it is of.
    /// @param maxAge Oldest answer that is taken, in seconds.
    event FeedSet(address indexed asset, address indexed feed, string description, uint32 maxAge);

    /*//////////////////////////////////////////////////////////////
                                  ERRORS
    //////////////////////////////////////////////////////////////*/

    /// @notice Thrown when there is no feed for an asset.
    error UsdFeeds_UnknownAsset(address asset);

    /// @notice Thrown at deployment when an asset is listed twice.
    error UsdFeeds_DuplicateAsset(address asset);

    /// @notice Thrown at deployment when there are more assets than `MAX_ASSETS`.
    error UsdFeeds_TooManyAssets(uint256 count);

    /// @notice Thrown at deployment when a feed would take answers of no age.
    error UsdFeeds_ZeroMaxAge(address feed);

    /// @notice Thrown at deployment when a band is empty, or reaches down to zero, or, for an asset at
    /// par, does not hold par.
    error UsdFeeds_BadBand(address feed, uint128 minAnswer, uint128 maxAnswer);

    /// @notice Thrown at deployment when a feed or an asset has more than 18 decimals.
    error UsdFeeds_TooManyDecimals(address feed, uint8 decimals);

    /// @notice Thrown at deployment when a feed is of something else than was meant.
    error UsdFeeds_WrongDescription(address feed, string expected, string actual);

    /// @notice Thrown when a feed's answers have another number of decimals than was configured.
    error UsdFeeds_WrongDecimals(address feed, uint8 expected, uint256 actual);

    /// @notice Thrown when a feed reverts, answers with something that is no answer, or is no contract.
    error UsdFeeds_FeedFailed(address feed);

    /// @notice Thrown when a feed has no answer yet.
    error UsdFeeds_IncompleteRound(address feed);

    /// @notice Thrown when an answer is zero or negative.
    error UsdFeeds_NonPositiveAnswer(address feed, int256 answer);

    /// @notice Thrown when an answer is outside of its band.
    error UsdFeeds_AnswerOutOfBand(
        address feed, uint256 answer, uint128 minAnswer, uint128 maxAnswer
    );

    /// @notice Thrown when an answer was computed after the present block.
    error UsdFeeds_FutureAnswer(address feed, uint256 updatedAt);

    /// @notice Thrown when an answer is too old.
    error UsdFeeds_StaleAnswer(address feed, uint256 updatedAt, uint32 maxAge);

    /// @notice Thrown when the rollup's sequencer is down.
    error UsdFeeds_SequencerDown(address sequencer);

    /// @notice Thrown when the rollup's sequencer came back less than `SEQUENCER_GRACE` ago.
    error UsdFeeds_SequencerJustBack(address sequencer, uint256 since);

    /// @notice Thrown when the sequencer's feed has not begun.
    error UsdFeeds_SequencerUnknown(address sequencer);

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @notice What an amount of dollars is in an asset now, rounded up.
    /// @param asset ERC-20 token; the zero address for the native coin.
    /// @param usd Dollars, with 6 decimals.
    /// @return amount In the asset's smallest unit; zero only for no dollars.
    function usdToAsset(address asset, uint128 usd) external view returns (uint256 amount);

    /// @notice What an asset's feed answers now, if every check holds.
    /// @param asset ERC-20 token; the zero address for the native coin.
    /// @return answer Dollars for one whole unit of the asset, with the feed's decimals.
    /// @return decimals The feed's decimals.
    /// @return updatedAt When the answer was computed, in seconds.
    function answerOf(address asset)
        external
        view
        returns (uint256 answer, uint8 decimals, uint64 updatedAt);

    /// @notice An asset's feed; all zero if it has none.
    function feedOf(address asset) external view returns (Feed memory);

    /// @notice The payment assets, in the order of their configuration.
    function assets() external view returns (address[] memory);

    /// @notice The rollup's sequencer feed; the zero address where there is none to ask.
    function sequencer() external view returns (address);

    /// @notice How long the sequencer must have been up, in seconds.
    function SEQUENCER_GRACE() external view returns (uint32);

    /// @notice Most payment assets.
    function MAX_ASSETS() external view returns (uint256);

    /// @notice Version of this contract's source.
    function version() external view returns (string memory);
}
