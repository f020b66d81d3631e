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

/// @notice What an attestation is to be.
/// @param recipient See `Attestation`.
/// @param expirationTime See `Attestation`.
/// @param revocable See `Attestation`.
/// @param refUID See `Attestation`.
/// @param data See `Attestation`.
/// @param value Coin for the schema's resolver.
struct AttestationRequestData {
    address recipient;
    uint64 expirationTime;
    bool revocable;
    bytes32 refUID;
    bytes data;
    uint256 value;
}

/// @notice An attestation under a schema.
struct AttestationRequest {
    bytes32 schema;
    AttestationRequestData data;
}

/// @notice The parts of a secp256k1 signature.
struct Signature {
    uint8 v;
    bytes32 r;
    bytes32 s;
}

/// @notice An attestation that its maker has signed for others to send.
/// @param schema See `Attestation`.
/// @param data What it is to be.
/// @param signature Over all of it, and the attester's next nonce.
/// @param attester Who signed.
/// @param deadline Last second in which it can be sent; 0 for no last one.
struct DelegatedAttestationRequest {
    bytes32 schema;
    AttestationRequestData data;
    Signature signature;
    address attester;
    uint64 deadline;
}

/// @notice Which attestation is to be revoked, and coin for the schema's resolver.
struct RevocationRequestData {
    bytes32 uid;
    uint256 value;
}

/// @notice A revocation under a schema.
struct RevocationRequest {
    bytes32 schema;
    RevocationRequestData data;
}

/// @notice A revocation that the attestation's maker has signed for others to send.
/// @param schema See `Attestation`.
/// @param data Which it is.
/// @param signature Over all of it, and the revoker's next nonce.
/// @param revoker Who signed.
/// @param deadline Last second in which it can be sent; 0 for no last one.
struct DelegatedRevocationRequest {
    bytes32 schema;
    RevocationRequestData data;
    Signature signature;
    address revoker;
    uint64 deadline;
}

/// @title IEAS
/// @notice What is asked of the Ethereum Attestation Service.
/// @dev The part in use of npm @ethereum-attestation-service/eas-contracts 1.9.0, `contracts/IEAS.sol`,
/// `contracts/EAS.sol` and `contracts/eip1271/EIP1271Verifier.sol` (MIT).
interface IEAS {
    /// @notice Emitted when an attestation is made.
    event Attested(
        address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID
    );

    /// @notice Emitted when an attestation is revoked.
    event Revoked(
        address indexed recipient, address indexed attester, bytes32 uid, bytes32 indexed schemaUID
    );

    /// @notice Thrown when another than its maker revokes an attestation.
    error AccessDenied();

    /// @notice Thrown when an attestation is revoked again.
    error AlreadyRevoked();

    /// @notice Thrown when what was signed comes too late.
    error DeadlineExpired();

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

    /// @notice Makes an attestation.
    function attest(AttestationRequest calldata request) external payable returns (bytes32 uid);

    /// @notice Makes an attestation that somebody has signed; anybody may send it.
    function attestByDelegation(DelegatedAttestationRequest calldata delegatedRequest)
        external
        payable
        returns (bytes32 uid);

    /// @notice Revokes an attestation of the caller's.
    function revoke(RevocationRequest calldata request) external payable;

    /// @notice Revokes an attestation whose maker has signed that; anybody may send it.
    function revokeByDelegation(DelegatedRevocationRequest calldata delegatedRequest)
        external
        payable;

    /// @notice An attestation; all zero if there is none of that id.
    function getAttestation(bytes32 uid) external view returns (Attestation memory);

    /// @notice The nonce that an account has to sign next.
    function getNonce(address account) external view returns (uint256);

    /// @notice Hash of the type that is signed for an attestation; not the same in every version.
    function getAttestTypeHash() external pure returns (bytes32);

    /// @notice EIP-712 domain of what is signed.
    function getDomainSeparator() external view returns (bytes32);

    /// @notice The registry of the service's schemas.
    function getSchemaRegistry() external view returns (address);

    /// @notice Version of the service.
    function version() external view returns (string memory);
}
