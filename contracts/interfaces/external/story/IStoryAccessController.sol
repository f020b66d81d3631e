// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {StoryPermission} from "../../../types/Story.sol";

/// @title IStoryAccessController
/// @notice Who may act for Story's IP assets, as far as it is used here; written from its ABI.
interface IStoryAccessController {
    /// @notice Emitted when an account lets somebody call something, or no longer.
    /// @param ipAccountOwner The owner at the time: the permission is theirs, and sleeps under others.
    /// @param ipAccount Whose permission it is.
    /// @param signer Who may call.
    /// @param to Which module.
    /// @param func Which function.
    /// @param permission See `StoryPermission`.
    event PermissionSet(
        address ipAccountOwner,
        address indexed ipAccount,
        address indexed signer,
        address indexed to,
        bytes4 func,
        uint8 permission
    );

    /// @notice Emitted likewise for the length of a transaction.
    /// @param ipAccountOwner See `PermissionSet`.
    /// @param ipAccount See `PermissionSet`.
    /// @param signer See `PermissionSet`.
    /// @param to See `PermissionSet`.
    /// @param func See `PermissionSet`.
    /// @param permission See `PermissionSet`.
    event TransientPermissionSet(
        address ipAccountOwner,
        address indexed ipAccount,
        address indexed signer,
        address indexed to,
        bytes4 func,
        uint8 permission
    );

    /// @notice Thrown when somebody may not call something for an account.
    error AccessController__PermissionDenied(
        address ipAccount, address signer, address to, bytes4 func
    );

    /// @notice Thrown when neither who calls nor what is called is a module of Story's.
    error AccessController__BothCallerAndRecipientAreNotRegisteredModule(
        address signer, address to
    );

    /// @notice Thrown when somebody else than the account or its owner gives its permission.
    error AccessController__CallerIsNotIPAccountOrOwner();

    /// @notice Thrown when an address is no account.
    error AccessController__IPAccountIsNotValid(address ipAccount);

    /// @notice Lets somebody call something for an account. Its owner may, and the account.
    function setPermission(
        address ipAccount,
        address signer,
        address to,
        bytes4 func,
        uint8 permission
    ) external;

    /// @notice The same for several things, and for this transaction only. While there is any such
    /// permission, those that last count for nothing.
    function setBatchTransientPermissions(StoryPermission[] calldata permissions) external;

    /// @notice What an account lets somebody call: see `StoryPermission`.
    function getPermission(address ipAccount, address signer, address to, bytes4 func)
        external
        view
        returns (uint8);
}
