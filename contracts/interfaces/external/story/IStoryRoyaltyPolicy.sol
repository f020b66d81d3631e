// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IStoryRoyaltyPolicy
/// @notice How a work's revenue is divided among its ancestors, as far as it is used here: absolute (LAP),
/// or relative (LRP); written from their ABI.
interface IStoryRoyaltyPolicy {
    /// @notice Emitted when an ancestor's share reaches its vault.
    /// @param ipId The work that earned.
    /// @param ancestorIpId The ancestor.
    /// @param token In which token.
    /// @param amount How much.
    event RevenueTransferredToVault(
        address ipId, address ancestorIpId, address token, uint256 amount
    );

    /// @notice Thrown when the shares of all ancestors would be above 100 %.
    error RoyaltyPolicyLAP__AboveMaxPercent();

    /// @notice Thrown when a work is named as its own ancestor.
    error RoyaltyPolicyLAP__SameIpTransfer();

    /// @notice Thrown when what is named as ancestor is none, or is owed nothing.
    error RoyaltyPolicyLAP__ZeroClaimableRoyalty();

    /// @notice Moves an ancestor's share of what a work earned to the ancestor's vault. Anybody may.
    function transferToVault(address ipId, address ancestorIpId, address token)
        external
        returns (uint256);

    /// @notice What a work owes by this policy to all its ancestors.
    function getPolicyRoyaltyStack(address ipId) external view returns (uint32);

    /// @notice How much of an ancestor's share has reached its vault.
    function getTransferredTokens(address ipId, address ancestorIpId, address token)
        external
        view
        returns (uint256);
}
