// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";

/// @notice A smart account that says yes to one digest with one signature.
contract Asked is IERC1271 {
    bytes32 private _expected;

    function expect(bytes32 digest, bytes calldata signature) external {
        _expected = keccak256(abi.encode(digest, signature));
    }

    function isValidSignature(bytes32 digest, bytes calldata signature)
        external
        view
        returns (bytes4)
    {
        bool known = keccak256(abi.encode(digest, signature)) == _expected;
        return known ? IERC1271.isValidSignature.selector : bytes4(0xffffffff);
    }
}

/// @notice A smart account that says yes to everything.
contract Eager is IERC1271 {
    function isValidSignature(bytes32, bytes calldata) external pure returns (bytes4) {
        return IERC1271.isValidSignature.selector;
    }
}

/// @notice A smart account that answers, or reverts with, whatever it is told to.
contract Fixed {
    bytes private _answer;
    bool private _reverts;

    function answerWith(bytes calldata answer) external {
        (_answer, _reverts) = (answer, false);
    }

    function revertWith(bytes calldata reason) external {
        (_answer, _reverts) = (reason, true);
    }

    fallback() external {
        bytes memory answer = _answer;
        bool reverts = _reverts;
        assembly ("memory-safe") {
            if reverts { revert(add(answer, 0x20), mload(answer)) }
            return(add(answer, 0x20), mload(answer))
        }
    }
}

/// @notice A smart account that answers with a megabyte of nothing, for whoever copies it.
contract Endless {
    fallback() external {
        assembly ("memory-safe") {
            return(0, 1000000)
        }
    }
}

/// @notice A smart account that eats all the gas that it is given.
contract Hungry {
    fallback() external {
        assembly ("memory-safe") {
            invalid()
        }
    }
}

/// @notice A smart account that says yes, once it has written something down.
contract Writing {
    uint256 private _asked;

    function isValidSignature(bytes32, bytes calldata) external returns (bytes4) {
        ++_asked;
        return IERC1271.isValidSignature.selector;
    }
}
