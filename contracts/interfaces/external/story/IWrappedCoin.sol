// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title IWrappedCoin
/// @notice The chain's coin as an ERC-20 token (WIP on Story), as far as it is used here; written from
/// its ABI.
interface IWrappedCoin is IERC20 {
    /// @notice Wraps what is sent.
    function deposit() external payable;

    /// @notice Unwraps an amount to the caller.
    function withdraw(uint256 value) external;
}
