// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ILicenseChecker} from "../../../contracts/interfaces/ILicenseChecker.sol";
import {IQuoter} from "../../../contracts/interfaces/IQuoter.sol";

/// @notice Lets those hold a licence who are named in the terms' data, of the model named there.
contract ListChecker is ILicenseChecker {
    function isEligible(address licensee, uint64 modelId, bytes calldata data)
        external
        pure
        returns (bool)
    {
        (address listed, uint64 model) = abi.decode(data, (address, uint64));
        return licensee == listed && modelId == model;
    }
}

/// @notice A price list; asks for the impossible where there is no entry.
contract PriceList is IQuoter {
    error PriceList_NoEntry();

    mapping(uint64 => mapping(bytes32 => mapping(address => uint256))) private _amounts;
    mapping(uint64 => mapping(bytes32 => mapping(address => bool))) private _known;

    function set(uint64 modelId, bytes32 termsId, address asset, uint256 amount) external {
        _amounts[modelId][termsId][asset] = amount;
        _known[modelId][termsId][asset] = true;
    }

    function quote(uint64 modelId, bytes32 termsId, address asset) external view returns (uint256) {
        if (!_known[modelId][termsId][asset]) revert PriceList_NoEntry();
        return _amounts[modelId][termsId][asset];
    }
}

/// @notice Does what it is told, once, whenever it is sent the native coin or an ERC-721 token, and
/// refuses the coin if told so. Can be told to make any call itself.
contract Reentrant {
    address private _target;
    bytes private _call;
    bool private _refuses;
    bool public called;
    bool public succeeded;
    bytes public answer;

    function onMoney(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function refuse() external {
        _refuses = true;
    }

    function run(address target, uint256 value, bytes calldata call)
        external
        returns (bytes memory)
    {
        (bool success, bytes memory result) = target.call{value: value}(call);
        if (success) return result;
        assembly ("memory-safe") {
            revert(add(result, 32), mload(result))
        }
    }

    function onERC721Received(address, address, uint256, bytes calldata) external returns (bytes4) {
        reenter();
        return this.onERC721Received.selector;
    }

    receive() external payable {
        require(!_refuses, "no");
        reenter();
    }

    function reenter() private {
        if (_target == address(0)) return;
        address target = _target;
        _target = address(0);
        called = true;
        (succeeded, answer) = target.call(_call);
    }
}
