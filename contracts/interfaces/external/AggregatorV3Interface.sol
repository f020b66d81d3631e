// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title AggregatorV3Interface
/// @notice What is read of a Chainlink data feed, or of an L2 sequencer's uptime feed.
/// @dev The part in use of npm @chainlink/contracts 1.5.0,
/// `src/v0.8/shared/interfaces/AggregatorV3Interface.sol` (MIT).
interface AggregatorV3Interface {
    /// @notice Number of decimals of its answers.
    function decimals() external view returns (uint8);

    /// @notice What it is a feed of, e.g. "ETH / USD".
    function description() external view returns (string memory);

    /// @notice The newest answer.
    /// @return roundId Opaque and not consecutive: the aggregator's phase above the round in it.
    /// @return answer The price; of a sequencer feed, 0 for up and 1 for down.
    /// @return startedAt When the round began; of a sequencer feed, when its answer last changed.
    /// @return updatedAt When the answer was computed; 0 for never.
    /// @return answeredInRound Deprecated.
    function latestRoundData()
        external
        view
        returns (
            uint80 roundId,
            int256 answer,
            uint256 startedAt,
            uint256 updatedAt,
            uint80 answeredInRound
        );
}
