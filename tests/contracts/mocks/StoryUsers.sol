// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";

import {StoryAdapter} from "../../../contracts/StoryAdapter.sol";
import {StoryPurchase} from "../../../contracts/types/Story.sol";

/// @notice A licensing module whose hook asks for less in the end than it said before.
contract Discounting {
    IERC20 private immutable _currency;

    constructor(IERC20 currency, IERC721) {
        _currency = currency;
    }

    function predictMintingLicenseFee(address, address, uint256, uint256, address, bytes calldata)
        external
        view
        returns (address, uint256)
    {
        return (address(_currency), 1 ether);
    }

    function mintLicenseTokens(
        address,
        address,
        uint256,
        uint256,
        address,
        bytes calldata,
        uint256,
        uint32
    ) external pure returns (uint256) {
        return 0;
    }
}

/// @notice A buyer that takes no coin back.
contract Grateless {
    function buy(StoryAdapter adapter, StoryPurchase calldata wanted) external payable {
        adapter.buy{value: msg.value}(wanted);
    }

    function onERC721Received(address, address, uint256, bytes calldata)
        external
        pure
        returns (bytes4)
    {
        return this.onERC721Received.selector;
    }
}

/// @notice A buyer that buys again while it is being given the first licence.
contract Reenterer {
    StoryAdapter private immutable _adapter;

    StoryPurchase private _wanted;

    bool public wasRefused;

    constructor(StoryAdapter adapter) {
        _adapter = adapter;
    }

    function buy(StoryPurchase calldata wanted, uint256 value) external {
        _wanted = wanted;
        _adapter.buy{value: value}(wanted);
    }

    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        try _adapter.buy{value: 1 ether}(_wanted) {}
        catch {
            wasRefused = true;
        }
        return this.onERC721Received.selector;
    }
}
