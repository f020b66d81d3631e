// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {StorySale} from "../../../contracts/StorySale.sol";
import {IQuoter} from "../../../contracts/interfaces/IQuoter.sol";
import {StoryOffer, StoryOrder} from "../../../contracts/types/StorySale.sol";

/// @notice A smart account that owns works and signs by one key.
contract SaleWallet is IERC1271 {
    address private immutable _key;

    constructor(address key) {
        _key = key;
    }

    function isValidSignature(bytes32 digest, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        return ECDSA.recoverCalldata(digest, signature) == _key
            ? IERC1271.isValidSignature.selector
            : bytes4(0);
    }
}

/// @notice Says that it is an asset of somebody's, and names a price.
contract FakeAsset is IQuoter {
    address public immutable owner;
    uint256 private immutable _price;

    constructor(address owner_, uint256 price) {
        (owner, _price) = (owner_, price);
    }

    function quote(uint64, bytes32, address) external view returns (uint256) {
        return _price;
    }
}

/// @notice A buyer that buys again whenever it is called back, or takes nothing back.
contract SaleReenterer {
    StorySale private immutable _sale;
    bool private immutable _takes;

    StoryOffer private _offer;
    StoryOrder private _order;
    bytes private _signature;

    uint256 public refusals;

    constructor(StorySale sale, bool takes) {
        (_sale, _takes) = (sale, takes);
    }

    function buy(
        StoryOffer calldata offer,
        bytes calldata signature,
        StoryOrder calldata order,
        uint256 value
    ) external {
        (_offer, _signature, _order) = (offer, signature, order);
        _sale.buy{value: value}(offer, signature, order);
    }

    receive() external payable {
        require(_takes, "no");
        again();
    }

    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        again();
        return this.onERC721Received.selector;
    }

    function again() private {
        try _sale.buy{value: 1 ether}(_offer, _signature, _order) {}
        catch {
            ++refusals;
        }
    }
}
