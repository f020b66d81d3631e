// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";

import {UsdFeeds} from "../../../contracts/UsdFeeds.sol";
import {IUsdFeeds} from "../../../contracts/interfaces/IUsdFeeds.sol";
import {
    AggregatorV3Interface
} from "../../../contracts/interfaces/external/AggregatorV3Interface.sol";
import {Feed, FeedConfig} from "../../../contracts/types/Feed.sol";
import {OraclesTest, Token} from "../Oracles.t.sol";

/// @notice A feed that answers with whatever bytes it is told to, or reverts.
contract RudeFeed {
    mapping(bytes4 selector => bytes answer) private _answers;

    function answerWith(bytes4 selector, bytes calldata answer) external {
        _answers[selector] = answer;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        bytes memory answer = _answers[msg.sig];
        require(answer.length != 0, "no");
        return answer;
    }
}

/// @notice Conversions, and everything for which there is none.
contract UsdFeedsTest is OraclesTest {
    address internal constant ETH = address(0);

    function test_usdToAsset_convertsAndRoundsUp() public {
        assertEq(feeds.usdToAsset(ETH, 100e6), 0.03125 ether, "100 dollars");
        assertEq(feeds.usdToAsset(ETH, 0), 0, "nothing");
        ethUsd.updateAnswer(3333.33333333e8);
        assertEq(feeds.usdToAsset(ETH, 1), 300_000_001, "300,000,000.3 wei");
    }

    /// @dev The prototype divided the answer first: 3299.99 became 3299, and less than a dollar a
    /// division by zero.
    function test_usdToAsset_keepsEveryDecimalOfTheAnswer() public {
        ethUsd.updateAnswer(3299.99e8);
        uint256 exact = feeds.usdToAsset(ETH, 150e6);
        assertEq(exact, 45_454_683_196_009_685, "exact");
        assertLt(exact, (uint256(150) * 1e18) / 3299, "not truncated");

        FeedConfig[] memory cheap = configs();
        cheap[0].minAnswer = 1;
        feeds = new UsdFeeds(address(0), cheap);
        ethUsd.updateAnswer(0.5e8);
        assertEq(feeds.usdToAsset(ETH, 1e6), 2 ether, "an asset below a dollar");
    }

    function test_usdToAsset_atParWithinTheBand() public {
        assertEq(feeds.usdToAsset(address(usdc), 100e6), 100e6, "par");
        usdcUsd.updateAnswer(0.98e8);
        assertEq(feeds.usdToAsset(address(usdc), 100e6), 100e6, "at the band's lower end");
        usdcUsd.updateAnswer(1.02e8);
        assertEq(feeds.usdToAsset(address(usdc), 100e6), 100e6, "at its upper end");
    }

    function test_usdToAsset_revertsWhenAStablecoinLeavesItsBand() public {
        usdcUsd.updateAnswer(0.97999999e8);
        expectBand(usdcUsd, 0.97999999e8, 0.98e8, 1.02e8);
        feeds.usdToAsset(address(usdc), 1);
        usdcUsd.updateAnswer(1.02000001e8);
        expectBand(usdcUsd, 1.02000001e8, 0.98e8, 1.02e8);
        feeds.usdToAsset(address(usdc), 1);
    }

    function test_usdToAsset_ofATokenWithARate() public {
        FeedConfig[] memory rate = configs();
        rate[1].atPar = false;
        feeds = new UsdFeeds(address(0), rate);
        usdcUsd.updateAnswer(0.99e8);
        assertEq(feeds.usdToAsset(address(usdc), 99e6), 100e6, "more of what is worth less");
    }

    function test_answerOf() public view {
        (uint256 answer, uint8 decimals, uint64 updatedAt) = feeds.answerOf(ETH);
        assertEq(answer, 3200e8, "answer");
        assertEq(decimals, 8, "decimals");
        assertEq(updatedAt, START, "updatedAt");
    }

    function test_views() public view {
        Feed memory eth = feeds.feedOf(ETH);
        assertEq(eth.feed, address(ethUsd), "feed");
        assertEq(eth.maxAge, ETH_MAX_AGE, "maxAge");
        assertEq(eth.decimals, 8, "decimals");
        assertEq(eth.assetDecimals, 18, "decimals of the coin");
        assertFalse(eth.atPar, "atPar");
        assertEq(eth.minAnswer, 100e8, "minAnswer");
        assertEq(eth.maxAnswer, 100_000e8, "maxAnswer");
        assertEq(feeds.feedOf(address(usdc)).assetDecimals, 6, "decimals of the token");
        assertEq(feeds.feedOf(eve).feed, address(0), "no feed");
        assertEq(feeds.assets().length, 2, "assets");
        assertEq(feeds.assets()[1], address(usdc), "the second");
        assertEq(feeds.sequencer(), address(uptime), "sequencer");
        assertEq(feeds.SEQUENCER_GRACE(), 3600, "grace");
        assertEq(feeds.MAX_ASSETS(), 16, "most assets");
        assertEq(feeds.version(), "1.0.0", "version");
    }

    function test_usdToAsset_revertsWhenTheAssetIsUnknown() public {
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_UnknownAsset.selector, eve));
        feeds.usdToAsset(eve, 1);
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_UnknownAsset.selector, eve));
        feeds.answerOf(eve);
    }

    /*//////////////////////////////////////////////////////////////
                                 ANSWERS
    //////////////////////////////////////////////////////////////*/

    function test_usdToAsset_revertsWhenTheAnswerIsNotPositive() public {
        int256[3] memory answers = [int256(0), -1, type(int256).min];
        for (uint256 i; i < answers.length; ++i) {
            ethUsd.updateAnswer(answers[i]);
            expect(
                abi.encodeWithSelector(
                    IUsdFeeds.UsdFeeds_NonPositiveAnswer.selector, ethUsd, answers[i]
                )
            );
            feeds.usdToAsset(ETH, 1);
        }
    }

    function test_usdToAsset_revertsWhenTheAnswerIsOutOfItsBand() public {
        ethUsd.updateAnswer(100e8 - 1);
        expectBand(ethUsd, 100e8 - 1, 100e8, 100_000e8);
        feeds.usdToAsset(ETH, 1);
        ethUsd.updateAnswer(100_000e8 + 1);
        expectBand(ethUsd, 100_000e8 + 1, 100e8, 100_000e8);
        feeds.usdToAsset(ETH, 1);
        ethUsd.updateAnswer(type(int256).max);
        expectBand(ethUsd, uint256(type(int256).max), 100e8, 100_000e8);
        feeds.usdToAsset(ETH, 1);
    }

    function test_usdToAsset_revertsWhenTheAnswerIsStale() public {
        vm.warp(START + ETH_MAX_AGE);
        feeds.usdToAsset(ETH, 1);
        vm.warp(START + ETH_MAX_AGE + 1);
        expect(
            abi.encodeWithSelector(
                IUsdFeeds.UsdFeeds_StaleAnswer.selector, ethUsd, START, ETH_MAX_AGE
            )
        );
        feeds.usdToAsset(ETH, 1);
        // Each feed has a limit of its own.
        feeds.usdToAsset(address(usdc), 1);
        ethUsd.updateRoundData(9, 3200e8, 1, START);
        expect(
            abi.encodeWithSelector(IUsdFeeds.UsdFeeds_StaleAnswer.selector, ethUsd, 1, ETH_MAX_AGE)
        );
        feeds.usdToAsset(ETH, 1);
    }

    function test_usdToAsset_revertsWhenTheAnswerIsFromTheFuture() public {
        ethUsd.updateRoundData(9, 3200e8, START + 1, START);
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_FutureAnswer.selector, ethUsd, START + 1));
        feeds.usdToAsset(ETH, 1);
    }

    function test_usdToAsset_revertsWhenTheRoundIsIncomplete() public {
        bytes memory incomplete =
            abi.encodeWithSelector(IUsdFeeds.UsdFeeds_IncompleteRound.selector, ethUsd);
        ethUsd.updateRoundData(9, 3200e8, 0, START);
        expect(incomplete);
        feeds.usdToAsset(ETH, 1);
        ethUsd.updateRoundData(0, 3200e8, START, START);
        expect(incomplete);
        feeds.usdToAsset(ETH, 1);
    }

    function test_usdToAsset_revertsWhenTheDecimalsChange() public {
        vm.store(address(ethUsd), 0, bytes32(uint256(18))); // as where the aggregator is replaced
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_WrongDecimals.selector, ethUsd, 8, 18));
        feeds.usdToAsset(ETH, 1);
    }

    function test_usdToAsset_revertsWhenTheFeedFails() public {
        RudeFeed rude = new RudeFeed();
        vm.etch(address(ethUsd), address(rude).code);
        bytes memory failed = abi.encodeWithSelector(IUsdFeeds.UsdFeeds_FeedFailed.selector, ethUsd);
        expect(failed);
        feeds.usdToAsset(ETH, 1);

        // An answer that is cut off, one whose round is no uint80, and none at all.
        bytes4 latest = AggregatorV3Interface.latestRoundData.selector;
        RudeFeed(address(ethUsd)).answerWith(latest, new bytes(159));
        expect(failed);
        feeds.usdToAsset(ETH, 1);
        bytes memory answer = abi.encode(type(uint256).max, 3200e8, START, START, 0);
        RudeFeed(address(ethUsd)).answerWith(latest, answer);
        expect(failed); // decimals() fails now
        feeds.usdToAsset(ETH, 1);
        vm.etch(address(ethUsd), "");
        expect(failed);
        feeds.usdToAsset(ETH, 1);
    }

    /*//////////////////////////////////////////////////////////////
                                SEQUENCER
    //////////////////////////////////////////////////////////////*/

    function test_usdToAsset_revertsWhenTheSequencerIsDown() public {
        uptime.updateRoundData(2, 1, START, START - 2 hours);
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_SequencerDown.selector, uptime));
        feeds.usdToAsset(ETH, 1);
    }

    function test_usdToAsset_revertsWhenTheSequencerIsJustBack() public {
        uptime.updateRoundData(2, 0, START, START - 3600);
        bytes4 justBack = IUsdFeeds.UsdFeeds_SequencerJustBack.selector;
        expect(abi.encodeWithSelector(justBack, uptime, START - 3600));
        feeds.usdToAsset(ETH, 1);
        uptime.updateRoundData(2, 0, START, START - 3601);
        feeds.usdToAsset(ETH, 1);
        uptime.updateRoundData(2, 0, START, type(uint256).max);
        expect(abi.encodeWithSelector(justBack, uptime, type(uint256).max));
        feeds.usdToAsset(ETH, 1);
    }

    function test_usdToAsset_revertsWhenTheSequencerHasNotBegun() public {
        uptime.updateRoundData(0, 0, 0, 0);
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_SequencerUnknown.selector, uptime));
        feeds.usdToAsset(ETH, 1);
    }

    function test_usdToAsset_revertsWhenTheSequencerFeedIsNone() public {
        feeds = new UsdFeeds(eve, configs());
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_FeedFailed.selector, eve));
        feeds.usdToAsset(ETH, 1);
    }

    /*//////////////////////////////////////////////////////////////
                              CONFIGURATION
    //////////////////////////////////////////////////////////////*/

    function test_constructor_emits() public {
        vm.expectEmit();
        emit IUsdFeeds.FeedSet(ETH, address(ethUsd), DESCRIPTION, ETH_MAX_AGE);
        vm.expectEmit();
        emit IUsdFeeds.FeedSet(address(usdc), address(usdcUsd), DESCRIPTION, 90_000);
        new UsdFeeds(address(0), configs());
    }

    /// @dev One address is USDC / USD on Base Sepolia and ETH / USD on Arbitrum Sepolia.
    function test_constructor_revertsWhenTheFeedIsOfSomethingElse() public {
        FeedConfig[] memory wrong = configs();
        wrong[0].description = "ETH / USD";
        expect(
            abi.encodeWithSelector(
                IUsdFeeds.UsdFeeds_WrongDescription.selector, ethUsd, "ETH / USD", DESCRIPTION
            )
        );
        new UsdFeeds(address(0), wrong);
    }

    function test_constructor_revertsWhenTheDecimalsAreOthers() public {
        FeedConfig[] memory wrong = configs();
        wrong[0].decimals = 18;
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_WrongDecimals.selector, ethUsd, 18, 8));
        new UsdFeeds(address(0), wrong);
    }

    function test_constructor_revertsWhenThereIsNoFeed() public {
        FeedConfig[] memory wrong = configs();
        wrong[0].feed = eve;
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_FeedFailed.selector, eve));
        new UsdFeeds(address(0), wrong);
    }

    function test_constructor_revertsWhenAnAssetIsListedTwice() public {
        FeedConfig[] memory wrong = configs();
        wrong[1].asset = ETH;
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_DuplicateAsset.selector, ETH));
        new UsdFeeds(address(0), wrong);
    }

    function test_constructor_revertsWhenThereAreTooManyAssets() public {
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_TooManyAssets.selector, 17));
        new UsdFeeds(address(0), new FeedConfig[](17));
    }

    function test_constructor_revertsWhenAnswersMayHaveNoAge() public {
        FeedConfig[] memory wrong = configs();
        wrong[0].maxAge = 0;
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_ZeroMaxAge.selector, ethUsd));
        new UsdFeeds(address(0), wrong);
    }

    function test_constructor_revertsWhenTheBandIsNone() public {
        expectBadBand(0, 0, 1e8);
        expectBadBand(0, 2e8, 1e8);
        expectBadBand(1, 0.98e8, 0.99e8); // par is above
        expectBadBand(1, 1.01e8, 1.02e8); // par is below
    }

    function test_constructor_takesABandThatEndsAtPar() public {
        FeedConfig[] memory narrow = configs();
        (narrow[1].minAnswer, narrow[1].maxAnswer) = (0.98e8, 1e8);
        new UsdFeeds(address(0), narrow);
        (narrow[1].minAnswer, narrow[1].maxAnswer) = (1e8, 1.02e8);
        new UsdFeeds(address(0), narrow);
        (narrow[1].minAnswer, narrow[1].maxAnswer) = (1e8, 1e8);
        feeds = new UsdFeeds(address(0), narrow);
        assertEq(feeds.usdToAsset(address(usdc), 1), 1, "at par");
    }

    function test_constructor_revertsWhenThereAreTooManyDecimals() public {
        FeedConfig[] memory wrong = configs();
        wrong[0].feed = address(new MockV3Aggregator(19, 1e19));
        wrong[0].decimals = 19;
        bytes4 tooMany = IUsdFeeds.UsdFeeds_TooManyDecimals.selector;
        expect(abi.encodeWithSelector(tooMany, wrong[0].feed, 19));
        new UsdFeeds(address(0), wrong);

        wrong = configs();
        wrong[1].asset = address(new Token(24));
        expect(abi.encodeWithSelector(tooMany, usdcUsd, 24));
        new UsdFeeds(address(0), wrong);
    }

    function expectBadBand(uint256 index, uint128 low, uint128 high) internal {
        FeedConfig[] memory wrong = configs();
        (wrong[index].minAnswer, wrong[index].maxAnswer) = (low, high);
        address feed = wrong[index].feed;
        expect(abi.encodeWithSelector(IUsdFeeds.UsdFeeds_BadBand.selector, feed, low, high));
        new UsdFeeds(address(0), wrong);
    }

    function expectBand(MockV3Aggregator feed, uint256 answer, uint128 low, uint128 high) internal {
        expect(
            abi.encodeWithSelector(
                IUsdFeeds.UsdFeeds_AnswerOutOfBand.selector, feed, answer, low, high
            )
        );
    }

    function expect(bytes memory reason) internal {
        vm.expectRevert(reason);
    }
}
