// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IStoryRoyaltyModule
/// @notice Story's royalties, as far as they are used here; written from the ABI.
interface IStoryRoyaltyModule {
    /// @notice Emitted when a work can earn.
    /// @param ipId The work.
    /// @param ipRoyaltyVault Where its revenue goes.
    event IpRoyaltyVaultDeployed(address ipId, address ipRoyaltyVault);

    /// @notice Emitted when a derivative's shares are fixed.
    /// @param ipId The derivative.
    /// @param parentIpIds Its parents.
    /// @param licenseRoyaltyPolicies The policies, one for each parent.
    /// @param licensesPercent The shares, one for each parent.
    /// @param externalData For other royalty policies.
    event LinkedToParents(
        address ipId,
        address[] parentIpIds,
        address[] licenseRoyaltyPolicies,
        uint32[] licensesPercent,
        bytes externalData
    );

    /// @notice Emitted when a work is paid what it earned.
    /// @param receiverIpId The work.
    /// @param payerIpId The work that pays, if one does.
    /// @param sender Who paid.
    /// @param token In which token.
    /// @param amount How much.
    /// @param amountAfterFee How much of it was left after Story's own fee.
    event RoyaltyPaid(
        address receiverIpId,
        address payerIpId,
        address sender,
        address token,
        uint256 amount,
        uint256 amountAfterFee
    );

    /// @notice Emitted when a licence's fee is paid.
    /// @param receiverIpId The work.
    /// @param payerAddress Who paid.
    /// @param token In which token.
    /// @param amount How much.
    /// @param amountAfterFee How much of it was left after Story's own fee.
    event LicenseMintingFeePaid(
        address receiverIpId,
        address payerAddress,
        address token,
        uint256 amount,
        uint256 amountAfterFee
    );

    /// @notice Thrown when the shares of all ancestors are above 100 %.
    error RoyaltyModule__AboveMaxPercent();

    /// @notice Thrown when linking would take more royalty tokens than the child gives.
    error RoyaltyModule__AboveMaxRts();

    /// @notice Thrown when what is paid has expired.
    error RoyaltyModule__IpExpired();

    /// @notice Thrown when a work is no IP asset.
    error RoyaltyModule__IpIdNotRegistered();

    /// @notice Thrown when what is paid is disputed.
    error RoyaltyModule__IpIsTagged();

    /// @notice Thrown when Story has not admitted a token.
    error RoyaltyModule__NotWhitelistedRoyaltyToken();

    /// @notice Thrown when a payment is so small that Story's fee would be nothing.
    error RoyaltyModule__PaymentAmountIsTooLow();

    /// @notice Thrown when a work can earn already.
    error RoyaltyModule__VaultAlreadyDeployed();

    /// @notice Thrown when nothing is paid.
    error RoyaltyModule__ZeroAmount();

    /// @notice Thrown when what is paid has no vault yet.
    error RoyaltyModule__ZeroReceiverVault();

    /// @notice Pays a work what it earned; its ancestors get their shares. Anybody may.
    function payRoyaltyOnBehalf(
        address receiverIpId,
        address payerIpId,
        address token,
        uint256 amount
    ) external;

    /// @notice Lets a work earn, if nothing has yet. Anybody may.
    function deployVault(address ipId) external returns (address ipRoyaltyVault);

    /// @notice Where a work's revenue goes; zero before it has been licensed or linked.
    function ipRoyaltyVaults(address ipId) external view returns (address);

    /// @notice What a work owes to all its ancestors.
    function globalRoyaltyStack(address ipId) external view returns (uint32);

    /// @notice The policies by which a work owes to its ancestors.
    function accumulatedRoyaltyPolicies(address ipId) external view returns (address[] memory);

    /// @notice Whether Story has admitted a token.
    function isWhitelistedRoyaltyToken(address token) external view returns (bool);

    /// @notice Whether Story has admitted a policy.
    function isWhitelistedRoyaltyPolicy(address royaltyPolicy) external view returns (bool);

    /// @notice Story's own share of every payment.
    function royaltyFeePercent() external view returns (uint32);

    /// @notice All that a work ever earned in a token, Story's fee taken off.
    function totalRevenueTokensReceived(address ipId, address token) external view returns (uint256);
}
