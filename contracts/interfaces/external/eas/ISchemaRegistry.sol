// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice A schema of the Ethereum Attestation Service.
/// @param uid Its id; zero if there is none.
/// @param resolver A contract that is asked about each attestation; the zero address for none.
/// @param revocable Whether attestations under it can be revoked.
/// @param schema The fields of their data.
struct SchemaRecord {
    bytes32 uid;
    address resolver;
    bool revocable;
    string schema;
}

/// @title ISchemaRegistry
/// @notice What is asked of the Ethereum Attestation Service's registry of schemas.
/// @dev The part in use of npm @ethereum-attestation-service/eas-contracts 1.9.0,
/// `contracts/ISchemaRegistry.sol` (MIT).
interface ISchemaRegistry {
    /// @notice Thrown when a schema is registered again.
    error AlreadyExists();

    /// @notice Registers a schema, for ever.
    function register(string calldata schema, address resolver, bool revocable)
        external
        returns (bytes32 uid);

    /// @notice A schema; all zero if there is none of that id.
    function getSchema(bytes32 uid) external view returns (SchemaRecord memory);
}
