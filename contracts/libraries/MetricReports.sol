// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {METRIC_REPORT_SCHEMA, MetricReport} from "../types/Metric.sol";

/// @title MetricReports
/// @notice Reads a report's payload, and says by name what is wrong with one that is none.
/// @dev `abi.decode` into the struct would revert without a reason for a word that does not fit.
library MetricReports {
    /// @notice Length of a payload: ten words.
    uint256 internal constant LENGTH = 320;

    /// @notice Thrown when a payload has another length.
    error MetricReports_WrongLength(uint256 length);

    /// @notice Thrown when a payload is of a form that is not known.
    error MetricReports_UnknownSchema(uint256 schema);

    /// @notice Thrown when a word does not fit its field, with its place, counted from 0.
    error MetricReports_OutOfRange(uint256 place);

    /// @notice A payload as a report.
    function decode(bytes calldata payload) internal pure returns (MetricReport memory) {
        if (payload.length != LENGTH) revert MetricReports_WrongLength(payload.length);
        uint256[10] memory words = abi.decode(payload, (uint256[10]));

        if (words[0] != METRIC_REPORT_SCHEMA) revert MetricReports_UnknownSchema(words[0]);
        if (words[2] > type(uint160).max) revert MetricReports_OutOfRange(2);
        if (words[4] > type(uint64).max) revert MetricReports_OutOfRange(4);
        if (words[5] > type(uint32).max) revert MetricReports_OutOfRange(5);
        // forge-lint: disable-next-line(unsafe-typecast) the word is the signed number itself
        int256 value = int256(words[7]);
        // forge-lint: disable-next-line(unsafe-typecast) it is compared with what is cut off
        if (value != int64(value)) revert MetricReports_OutOfRange(7);
        if (words[8] > type(uint64).max) revert MetricReports_OutOfRange(8);

        return abi.decode(payload, (MetricReport));
    }
}
