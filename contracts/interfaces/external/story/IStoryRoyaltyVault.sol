// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";

/// @title IStoryRoyaltyVault
/// @notice Where a work's revenue goes, and the royalty tokens that share it, as far as they are used
/// here; written from the ABI.
interface IStoryRoyaltyVault is IERC20 {
    /// @notice Emitted when the vault gets revenue.
    /// @param token In which token.
    /// @param amount How much.
    event RevenueTokenAddedToVault(address token, uint256 amount);

    /// @notice Emitted when revenue is paid out.
    /// @param claimer To whom: for royalty tokens that nobody sold, the work's account.
    /// @param token In which token.
    /// @param amount How much.
    event RevenueTokenClaimed(address claimer, address token, uint256 amount);

    /// @notice Thrown when there is nothing to pay out.
    error IpRoyaltyVault__NoClaimableTokens();

    /// @notice Thrown when somebody else than Story's contracts says that there is revenue.
    error IpRoyaltyVault__NotAllowedToAddTokenToVault();

    /// @notice Thrown when Story has not admitted a token.
    error IpRoyaltyVault__NotWhitelistedRoyaltyToken();

    /// @notice Thrown when there is nothing to move.
    error IpRoyaltyVault__ZeroAmount();

    /// @notice Pays a holder of royalty tokens its share. Anybody may call; the holder is paid.
    function claimRevenueOnBehalf(address claimer, address token) external returns (uint256);

    /// @notice What a holder would be paid.
    function claimableRevenue(address claimer, address token) external view returns (uint256);

    /// @notice The work whose vault it is.
    function ipId() external view returns (address);
}
