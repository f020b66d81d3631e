// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";

import {IWrappedCoin} from "../../../../contracts/interfaces/external/story/IWrappedCoin.sol";

/// @notice The coin as a token; like Story's, it takes no plain transfer to itself or to nobody.
contract WrappedCoinDouble is IWrappedCoin, ERC20("Wrapped IP", "WIP") {
    /// @notice As Story's token says it.
    error IPTransferFailed();

    receive() external payable {
        _mint(msg.sender, msg.value);
    }

    function deposit() external payable {
        _mint(msg.sender, msg.value);
    }

    function withdraw(uint256 value) external {
        _burn(msg.sender, value);
        (bool success,) = msg.sender.call{value: value}("");
        if (!success) revert IPTransferFailed();
    }
}
