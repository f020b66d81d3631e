// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {ERC20Permit} from "@openzeppelin/contracts/token/ERC20/extensions/ERC20Permit.sol";

/// @notice A token as it should be, with permits; anybody mints.
contract GoodToken is ERC20, ERC20Permit {
    constructor() ERC20("Good", "GOOD") ERC20Permit("Good") {}

    function mint(address to, uint256 amount) external {
        _mint(to, amount);
    }
}

/// @notice Keeps 1 % of each transfer.
contract FeeToken is GoodToken {
    function _update(address from, address to, uint256 amount) internal override {
        if (from == address(0) || to == address(0)) return super._update(from, to, amount);
        super._update(from, to, amount - amount / 100);
        super._update(from, address(0), amount / 100);
    }
}

/// @notice Returns nothing from its transfers, like several that are widely used.
contract SilentToken {
    mapping(address => uint256) public balanceOf;
    mapping(address => mapping(address => uint256)) public allowance;

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function approve(address spender, uint256 amount) external {
        allowance[msg.sender][spender] = amount;
    }

    function transfer(address to, uint256 amount) external {
        balanceOf[msg.sender] -= amount;
        balanceOf[to] += amount;
    }

    function transferFrom(address from, address to, uint256 amount) external {
        allowance[from][msg.sender] -= amount;
        balanceOf[from] -= amount;
        balanceOf[to] += amount;
    }
}

/// @notice Says that it moved what it did not move, or moves more or less than that.
contract LyingToken {
    mapping(address => uint256) public balanceOf;

    int256 private _moves;

    function moveInstead(int256 amount) external {
        _moves = amount;
    }

    function mint(address to, uint256 amount) external {
        balanceOf[to] += amount;
    }

    function transferFrom(address, address to, uint256) external returns (bool) {
        balanceOf[to] = uint256(int256(balanceOf[to]) + _moves);
        return true;
    }
}

/// @notice Refuses by its return value, instead of reverting.
contract RefusingToken {
    function balanceOf(address) external pure returns (uint256) {
        return 0;
    }

    function transferFrom(address, address, uint256) external pure returns (bool) {
        return false;
    }
}

/// @notice Calls somebody back before it moves anything, as ERC-777 does.
contract HookToken is GoodToken {
    address private _target;
    bytes private _call;
    bool public succeeded;
    bytes public answer;

    function callBack(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function _update(address from, address to, uint256 amount) internal override {
        if (_target != address(0)) {
            address target = _target;
            _target = address(0);
            (succeeded, answer) = target.call(_call);
        }
        super._update(from, to, amount);
    }
}
