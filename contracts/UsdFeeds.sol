// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20Metadata} from "@openzeppelin/contracts/interfaces/IERC20Metadata.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IUsdFeeds} from "./interfaces/IUsdFeeds.sol";
import {AggregatorV3Interface} from "./interfaces/external/AggregatorV3Interface.sol";
import {Feed, FeedConfig} from "./types/Feed.sol";

/// @title UsdFeeds
/// @notice See {IUsdFeeds}.
contract UsdFeeds is IUsdFeeds {
    /// @inheritdoc IUsdFeeds
    uint32 public constant SEQUENCER_GRACE = 1 hours;

    /// @inheritdoc IUsdFeeds
    uint256 public constant MAX_ASSETS = 16;

    /// @inheritdoc IUsdFeeds
    string public constant version = "1.0.0";

    uint256 private constant _USD = 1e6; // a dollar

    uint8 private constant _NATIVE_DECIMALS = 18;

    /// @dev With no more, no conversion of 128 bits of dollars can overflow.
    uint8 private constant _MAX_DECIMALS = 18;

    uint256 private constant _ROUND_BYTES = 160; // five words

    /// @inheritdoc IUsdFeeds
    address public immutable sequencer;

    mapping(address asset => Feed) private _feeds; // slot 0

    address[] private _assets; // slot 1

    constructor(address sequencer_, FeedConfig[] memory feeds) {
        sequencer = sequencer_;
        if (feeds.length > MAX_ASSETS) revert UsdFeeds_TooManyAssets(feeds.length);
        for (uint256 i; i < feeds.length; ++i) {
            _add(feeds[i]);
        }
    }

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IUsdFeeds
    function usdToAsset(address asset, uint128 usd) external view returns (uint256) {
        Feed memory feed = _feedOf(asset);
        (uint256 answer,) = _answerOf(feed);

        // Rounded up, in the payee's favour; multiplied before it is divided.
        if (feed.atPar) {
            return Math.ceilDiv(uint256(usd) * 10 ** feed.assetDecimals, _USD);
        }
        uint256 scale = 10 ** (uint256(feed.assetDecimals) + feed.decimals);
        return Math.ceilDiv(uint256(usd) * scale, answer * _USD);
    }

    /// @inheritdoc IUsdFeeds
    function answerOf(address asset)
        external
        view
        returns (uint256 answer, uint8 decimals, uint64 updatedAt)
    {
        Feed memory feed = _feedOf(asset);
        (answer, updatedAt) = _answerOf(feed);
        decimals = feed.decimals;
    }

    /// @inheritdoc IUsdFeeds
    function feedOf(address asset) external view returns (Feed memory) {
        return _feeds[asset];
    }

    /// @inheritdoc IUsdFeeds
    function assets() external view returns (address[] memory) {
        return _assets;
    }

    /*//////////////////////////////////////////////////////////////
                                 PRIVATE
    //////////////////////////////////////////////////////////////*/

    /// @dev For the constructor alone.
    function _add(FeedConfig memory config) private {
        address feed = config.feed;
        (uint128 low, uint128 high) = (config.minAnswer, config.maxAnswer);
        uint8 assetDecimals =
            config.asset == address(0) ? _NATIVE_DECIMALS : IERC20Metadata(config.asset).decimals();

        // Check: what was configured makes sense.
        if (_feeds[config.asset].feed != address(0)) revert UsdFeeds_DuplicateAsset(config.asset);
        if (config.maxAge == 0) revert UsdFeeds_ZeroMaxAge(feed);
        uint8 most = config.decimals > assetDecimals ? config.decimals : assetDecimals;
        if (most > _MAX_DECIMALS) revert UsdFeeds_TooManyDecimals(feed, most);
        uint256 par = 10 ** config.decimals;
        if (low == 0 || high < low || (config.atPar && (par < low || par > high))) {
            revert UsdFeeds_BadBand(feed, low, high);
        }

        // Check: the feed is the one that was meant. One address is a feed of different things on
        // different chains.
        _checkDecimals(feed, config.decimals);
        string memory actual = AggregatorV3Interface(feed).description();
        if (keccak256(bytes(actual)) != keccak256(bytes(config.description))) {
            revert UsdFeeds_WrongDescription(feed, config.description, actual);
        }

        // Effect: it is there for good.
        _feeds[config.asset] =
            Feed(feed, config.maxAge, config.decimals, assetDecimals, config.atPar, low, high);
        _assets.push(config.asset);
        emit FeedSet(config.asset, feed, actual, config.maxAge);
    }

    function _feedOf(address asset) private view returns (Feed memory feed) {
        feed = _feeds[asset];
        if (feed.feed == address(0)) revert UsdFeeds_UnknownAsset(asset);
    }

    function _answerOf(Feed memory feed) private view returns (uint256 answer, uint64) {
        if (sequencer != address(0)) _checkSequencer();

        address source = feed.feed;
        // Absent check: `answeredInRound` is deprecated, and round ids are not consecutive.
        (uint256 round, int256 signed,, uint256 updatedAt) = _latestRound(source);
        if (round == 0 || updatedAt == 0) revert UsdFeeds_IncompleteRound(source);
        if (signed <= 0) revert UsdFeeds_NonPositiveAnswer(source, signed);
        if (updatedAt > block.timestamp) revert UsdFeeds_FutureAnswer(source, updatedAt);
        if (block.timestamp - updatedAt > feed.maxAge) {
            revert UsdFeeds_StaleAnswer(source, updatedAt, feed.maxAge);
        }
        // forge-lint: disable-next-line(unsafe-typecast) it is positive
        answer = uint256(signed);
        if (answer < feed.minAnswer || answer > feed.maxAnswer) {
            revert UsdFeeds_AnswerOutOfBand(source, answer, feed.minAnswer, feed.maxAnswer);
        }
        // The aggregator behind a proxy can be replaced.
        _checkDecimals(source, feed.decimals);
        // forge-lint: disable-next-line(unsafe-typecast) it is not after this block
        return (answer, uint64(updatedAt));
    }

    function _checkSequencer() private view {
        (, int256 down, uint256 since,) = _latestRound(sequencer);
        if (since == 0) revert UsdFeeds_SequencerUnknown(sequencer);
        if (down != 0) revert UsdFeeds_SequencerDown(sequencer);
        if (since > block.timestamp || block.timestamp - since <= SEQUENCER_GRACE) {
            revert UsdFeeds_SequencerJustBack(sequencer, since);
        }
    }

    function _checkDecimals(address feed, uint8 expected) private view {
        bytes memory data = _ask(feed, abi.encodeCall(AggregatorV3Interface.decimals, ()), 32);
        uint256 actual = abi.decode(data, (uint256));
        if (actual != expected) revert UsdFeeds_WrongDecimals(feed, expected, actual);
    }

    function _latestRound(address feed)
        private
        view
        returns (uint256 round, int256 answer, uint256 startedAt, uint256 updatedAt)
    {
        bytes memory call = abi.encodeCall(AggregatorV3Interface.latestRoundData, ());
        // Whole words, so that no answer can make decoding revert without a name.
        return abi.decode(_ask(feed, call, _ROUND_BYTES), (uint256, int256, uint256, uint256));
    }

    /// @dev Not a plain call: a feed that reverts, or is no feed, is to have a name of its own.
    function _ask(address feed, bytes memory call, uint256 length)
        private
        view
        returns (bytes memory data)
    {
        bool success;
        (success, data) = feed.staticcall(call);
        if (!success || data.length < length) revert UsdFeeds_FeedFailed(feed);
    }
}
