// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice An attestation of the Ethereum Attestation Service.
/// @param uid Its id; zero if there is none.
/// @param schema What `data` is; see `ISchemaRegistry` of the service.
/// @param time When it was made, in seconds.
/// @param expirationTime When it ends, in seconds; 0 for never.
/// @param revocationTime When it was revoked, in seconds; 0 if it was not.
/// @param refUID Another attestation that it refers to.
/// @param recipient Whom it is about.
/// @param attester Who made it.
/// @param revocable Whether it can be revoked.
/// @param data What it says.
struct Attestation {
    bytes32 uid;
    bytes32 schema;
    uint64 time;
    uint64 expirationTime;
    uint64 revocationTime;
    bytes32 refUID;
    address recipient;
    address attester;
    bool revocable;
    bytes data;
}

/// @title IEAS
/// @notice What is asked of the Ethereum Attestation Service.
/// @dev The part in use of npm @ethereum-attestation-service/eas-contracts 1.9.0, `contracts/IEAS.sol`
/// (MIT).
interface IEAS {
    /// @notice An attestation; all zero if there is none of that id.
    function getAttestation(bytes32 uid) external view returns (Attestation memory);
}
