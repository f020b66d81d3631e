// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {TransientSlot} from "@openzeppelin/contracts/utils/TransientSlot.sol";

import {
    IStoryAccessController
} from "../../../../contracts/interfaces/external/story/IStoryAccessController.sol";
import {IStoryIPAccount} from "../../../../contracts/interfaces/external/story/IStoryIPAccount.sol";
import {StoryPermission} from "../../../../contracts/types/Story.sol";
import {IPAssetRegistryDouble} from "./IPAssetRegistryDouble.sol";
import {StoryDouble} from "./StoryDouble.sol";

/// @notice Permissions belong to the owner who gave them: they sleep while somebody else owns the
/// asset, and wake when it comes back.
contract AccessControllerDouble is IStoryAccessController {
    using TransientSlot for *;

    bytes32 private constant IN_USE = keccak256("transient permissions are in use");

    uint8 private constant ALLOW = 1;
    uint8 private constant DENY = 2;

    StoryDouble private immutable _story;

    mapping(bytes32 key => uint8 permission) private _permissions;

    constructor(StoryDouble story) {
        _story = story;
    }

    function setPermission(
        address ipAccount,
        address signer,
        address to,
        bytes4 func,
        uint8 permission
    ) external {
        _story.requireNotPaused();
        address owner = _checkGiver(ipAccount);
        _permissions[_key(ipAccount, signer, to, func)] = permission;
        emit PermissionSet(owner, ipAccount, signer, to, func, permission);
    }

    function setBatchTransientPermissions(StoryPermission[] calldata permissions) external {
        _story.requireNotPaused();
        for (uint256 i; i < permissions.length; ++i) {
            StoryPermission calldata p = permissions[i];
            address owner = _checkGiver(p.ipAccount);
            IN_USE.asBoolean().tstore(true);
            bytes32 slot = _transientSlot(_key(p.ipAccount, p.signer, p.to, p.func));
            slot.asUint256().tstore(p.permission);
            emit TransientPermissionSet(owner, p.ipAccount, p.signer, p.to, p.func, p.permission);
        }
    }

    function getPermission(address ipAccount, address signer, address to, bytes4 func)
        public
        view
        returns (uint8)
    {
        bytes32 key = _key(ipAccount, signer, to, func);
        if (!IN_USE.asBoolean().tload()) return _permissions[key];
        return uint8(_transientSlot(key).asUint256().tload());
    }

    /// @dev The most specific permission that says anything counts.
    function checkPermission(address ipAccount, address signer, address to, bytes4 func)
        external
        view
    {
        if (!_registry().isIpAccount(ipAccount)) {
            revert AccessController__IPAccountIsNotValid(ipAccount);
        }
        if (IStoryIPAccount(ipAccount).owner() == signer) return;
        if (to != address(this) && !_story.isModule(to) && !_story.isModule(signer)) {
            revert AccessController__BothCallerAndRecipientAreNotRegisteredModule(signer, to);
        }
        uint8 said = getPermission(ipAccount, signer, to, func);
        if (said == 0) said = getPermission(ipAccount, signer, to, 0);
        if (said == 0) said = getPermission(ipAccount, signer, address(0), 0);
        if (said != ALLOW) {
            revert AccessController__PermissionDenied(ipAccount, signer, to, func);
        }
    }

    function _checkGiver(address ipAccount) private view returns (address owner) {
        if (!_registry().isIpAccount(ipAccount)) {
            revert AccessController__IPAccountIsNotValid(ipAccount);
        }
        owner = IStoryIPAccount(ipAccount).owner();
        if (msg.sender != ipAccount && msg.sender != owner) {
            revert AccessController__CallerIsNotIPAccountOrOwner();
        }
    }

    function _key(address ipAccount, address signer, address to, bytes4 func)
        private
        view
        returns (bytes32)
    {
        return
            keccak256(abi.encode(IStoryIPAccount(ipAccount).owner(), ipAccount, signer, to, func));
    }

    function _transientSlot(bytes32 key) private pure returns (bytes32) {
        return keccak256(abi.encode(IN_USE, key));
    }

    function _registry() private view returns (IPAssetRegistryDouble) {
        return IPAssetRegistryDouble(_story.at().ipAssetRegistry);
    }
}
