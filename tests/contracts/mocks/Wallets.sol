// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";

import {ModelRegistry} from "../../../contracts/ModelRegistry.sol";
import {Cid, Kind, Parent} from "../../../contracts/types/Model.sol";

/// @notice A smart account that answers by ERC-1271 for one key.
/// @dev Not declared as an IERC1271: that function is `view`, and one account here would rather not.
contract Wallet {
    address private immutable _KEY;

    constructor(address key) {
        _KEY = key;
    }

    function register(ModelRegistry registry, string calldata name, Cid calldata root)
        external
        returns (uint64)
    {
        return registry.register(name, Kind.Model, root, new Parent[](0));
    }

    function isValidSignature(bytes32 digest, bytes calldata signature)
        external
        virtual
        returns (bytes4)
    {
        return ECDSA.recoverCalldata(digest, signature) == _KEY
            ? IERC1271.isValidSignature.selector
            : bytes4(0xffffffff);
    }
}

/// @notice A smart account that calls back while it is asked for its signature, then says yes.
contract ReentrantWallet is Wallet {
    ModelRegistry private immutable _REGISTRY;
    bytes private _reentry;

    constructor(ModelRegistry registry) Wallet(address(0)) {
        _REGISTRY = registry;
    }

    function reenterWith(bytes calldata call) external {
        _reentry = call;
    }

    function isValidSignature(bytes32, bytes calldata) external override returns (bytes4) {
        if (_reentry.length != 0) {
            (bool success,) = address(_REGISTRY).call(_reentry);
            require(success, "reentry failed");
        }
        return IERC1271.isValidSignature.selector;
    }
}

/// @notice A smart account that gives whatever answer it is told to.
contract RudeWallet {
    bytes private _answer;

    function answerWith(bytes calldata answer) external {
        _answer = answer;
    }

    fallback(bytes calldata) external returns (bytes memory) {
        require(_answer.length != 0, "no");
        return _answer;
    }
}
