// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AttestationRequestData, RevocationRequestData, Signature} from "./IEAS.sol";

/// @notice An attestation that its maker has signed for others to send, at any time.
/// @param schema See `Attestation`.
/// @param data What it is to be.
/// @param signature Over all of it, and the attester's next nonce.
/// @param attester Who signed.
struct UndatedAttestationRequest {
    bytes32 schema;
    AttestationRequestData data;
    Signature signature;
    address attester;
}

/// @notice A revocation that the attestation's maker has signed for others to send, at any time.
/// @param schema See `Attestation`.
/// @param data Which it is.
/// @param signature Over all of it, and the revoker's next nonce.
/// @param revoker Who signed.
struct UndatedRevocationRequest {
    bytes32 schema;
    RevocationRequestData data;
    Signature signature;
    address revoker;
}

/// @title IEASBeforeDeadlines
/// @notice What is asked otherwise of the Ethereum Attestation Service where it is of version 0.26 to
/// 1.0, such as on Ethereum, Arbitrum and Optimism: what is signed there has no deadline.
/// @dev The part in use of npm @ethereum-attestation-service/eas-contracts 0.26.1, `contracts/IEAS.sol`
/// and `contracts/EAS.sol` (MIT).
interface IEASBeforeDeadlines {
    /// @notice Thrown when another than its maker revokes an attestation.
    error AccessDenied();

    /// @notice Thrown when an attestation is revoked again.
    error AlreadyRevoked();

    /// @notice Thrown when an attestation would expire before it is made.
    error InvalidExpirationTime();

    /// @notice Thrown when there is no such schema, or the attestation is of another.
    error InvalidSchema();

    /// @notice Thrown when a signature is not of these very values and the signer's next nonce.
    error InvalidSignature();

    /// @notice Thrown when an attestation that can not be revoked is to be.
    error Irrevocable();

    /// @notice Thrown when there is no such attestation.
    error NotFound();

    /// @notice Makes an attestation that somebody has signed; anybody may send it.
    function attestByDelegation(UndatedAttestationRequest calldata delegatedRequest)
        external
        payable
        returns (bytes32 uid);

    /// @notice Revokes an attestation whose maker has signed that; anybody may send it.
    function revokeByDelegation(UndatedRevocationRequest calldata delegatedRequest) external payable;
}
