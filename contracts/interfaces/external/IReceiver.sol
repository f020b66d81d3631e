// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";

/// @title IReceiver
/// @notice What Chainlink's forwarder calls with a report that its network of nodes has signed.
/// @dev As in npm @chainlink/contracts 1.5.0, `src/v0.8/keystone/interfaces/IReceiver.sol` (MIT). The
/// forwarder asks `supportsInterface` for 0x805f2132 first, and never delivers where it says no.
interface IReceiver is IERC165 {
    /// @notice Takes a report.
    /// @param metadata The workflow's id (32 bytes), the workflow's name (10), its owner (20), the
    /// report's id (2).
    /// @param report What the workflow encoded.
    function onReport(bytes calldata metadata, bytes calldata report) external;
}
