// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {MockV3Aggregator} from "@chainlink/contracts/src/v0.8/shared/mocks/MockV3Aggregator.sol";

import {UsdFeeds} from "../../../contracts/UsdFeeds.sol";
import {FeedConfig} from "../../../contracts/types/Feed.sol";
import {OraclesTest, Token} from "../Oracles.t.sol";

/// @notice Conversions against their inverse, in exact arithmetic; and freshness at every age.
contract UsdFeedsFuzzTest is OraclesTest {
    /// @dev amount · answer pays for the dollars, and amount − 1 would not.
    function testFuzz_usdToAsset_isTheLeastThatPays(
        uint96 usd,
        uint96 answer,
        uint8 feedDecimals,
        uint8 assetDecimals
    ) public {
        feedDecimals %= 19;
        assetDecimals %= 19;
        answer = answer == 0 ? 1 : answer;
        MockV3Aggregator feed = new MockV3Aggregator(feedDecimals, int256(uint256(answer)));
        address asset = address(new Token(assetDecimals));
        FeedConfig[] memory one = new FeedConfig[](1);
        one[0] = FeedConfig(
            asset, address(feed), 1, feedDecimals, false, 1, type(uint128).max, DESCRIPTION
        );
        feeds = new UsdFeeds(address(0), one);

        uint256 amount = feeds.usdToAsset(asset, usd);
        if (usd == 0) {
            assertEq(amount, 0, "nothing for nothing");
            return;
        }
        // amount / 10^asset units, at answer / 10^feed dollars each, against usd / 10^6 dollars.
        uint256 asked = uint256(usd) * 10 ** (uint256(feedDecimals) + assetDecimals);
        assertLe(asked, mul(amount, uint256(answer) * 1e6), "it pays");
        assertGt(asked, mul(amount - 1, uint256(answer) * 1e6), "no less would");
    }

    function testFuzz_usdToAsset_atParPaysToTheUnit(uint128 usd, uint8 assetDecimals) public {
        assetDecimals %= 19;
        address asset = address(new Token(assetDecimals));
        FeedConfig[] memory one = new FeedConfig[](1);
        one[0] = configs()[1];
        one[0].asset = asset;
        feeds = new UsdFeeds(address(0), one);
        uint256 amount = feeds.usdToAsset(asset, usd);
        assertLe(uint256(usd) * 10 ** assetDecimals, amount * 1e6, "it pays");
        assertTrue(
            amount == 0 || uint256(usd) * 10 ** assetDecimals > (amount - 1) * 1e6, "no less would"
        );
    }

    function testFuzz_usdToAsset_servesExactlyWhatIsFreshAndBelievable(
        int256 answer,
        uint64 updatedAt,
        uint80 round,
        uint64 upSince,
        bool down
    ) public {
        updatedAt = uint64(bound(updatedAt, START - 2 * ETH_MAX_AGE, START + 2));
        upSince = uint64(bound(upSince, START - 7200, START));
        if (uint256(answer) % 2 == 0) answer = bound(answer, 99e8, 100_001e8);
        ethUsd.updateRoundData(round, answer, updatedAt, updatedAt);
        uptime.updateRoundData(2, down ? int256(1) : int256(0), upSince, upSince);

        bool fresh = round != 0 && updatedAt <= START && START - updatedAt <= ETH_MAX_AGE;
        bool sane = answer >= 100e8 && answer <= 100_000e8;
        bool up = !down && START - upSince > 3600;
        try feeds.usdToAsset(address(0), 100e6) returns (uint256 amount) {
            assertTrue(fresh && sane && up, "served");
            assertEq(amount, (1e28 + uint256(answer) - 1) / uint256(answer), "amount");
        } catch {
            assertFalse(fresh && sane && up, "refused");
        }
    }

    /// @dev A product that is at most 256 bits here, or the largest number.
    function mul(uint256 a, uint256 b) internal pure returns (uint256) {
        unchecked {
            uint256 product = a * b;
            return a == 0 || product / a == b ? product : type(uint256).max;
        }
    }
}
