// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice What something costs: a fixed amount, whatever a pricing contract says, or nothing.
/// @param asset ERC-20 token of the fixed amount, the zero address for the native coin. Zero for a
/// pricing contract, which says which assets it takes.
/// @param pricing An `IQuoter`; the zero address for a fixed amount.
/// @param amount The fixed amount, in the asset's smallest unit; zero for a pricing contract.
/// @param free Whether it is given away. Said expressly, so that no price is zero by mistake.
struct Price {
    address asset;
    address pricing;
    uint128 amount;
    bool free;
}

/// @notice A payer's signed allowance for an ERC-20 token (EIP-2612).
/// @param value The allowance.
/// @param deadline Last second in which the signature is valid; zero for no permit.
struct Permit {
    uint256 value;
    uint256 deadline;
    uint8 v;
    bytes32 r;
    bytes32 s;
}
