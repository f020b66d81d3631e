// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IStoryIPAccount
/// @notice The account that an IP asset is, as far as it is used here; written from its ABI.
interface IStoryIPAccount {
    /// @notice Emitted when the account did something.
    /// @param to Whom it called.
    /// @param value Wei that it sent.
    /// @param data What it called.
    /// @param nonce The account's state thereafter.
    event Executed(address indexed to, uint256 value, bytes data, bytes32 nonce);

    /// @notice Emitted when the account did something for whoever signed it.
    /// @param to Whom it called.
    /// @param value Wei that it sent.
    /// @param data What it called.
    /// @param nonce The account's state thereafter.
    /// @param deadline Until when the signature held.
    /// @param signer Who signed.
    /// @param signature The signature.
    event ExecutedWithSig(
        address indexed to,
        uint256 value,
        bytes data,
        bytes32 nonce,
        uint256 deadline,
        address indexed signer,
        bytes signature
    );

    /// @notice Thrown when a signature comes too late.
    error IPAccount__ExpiredSignature();

    /// @notice Thrown when a signature is not the signer's, or is for something else.
    error IPAccount__InvalidSignature();

    /// @notice Thrown when nobody signs.
    error IPAccount__InvalidSigner();

    /// @notice Thrown when what calls is no module of Story's.
    error IPAccountStorage__NotRegisteredModule(address module);

    /// @notice Calls something as the asset. Its owner may, and whoever has its permission.
    function execute(address to, uint256 value, bytes calldata data)
        external
        payable
        returns (bytes memory result);

    /// @notice The same for whoever signed it (EIP-712, "Story Protocol IP Account", version 1).
    function executeWithSig(
        address to,
        uint256 value,
        bytes calldata data,
        address signer,
        uint256 deadline,
        bytes calldata signature
    ) external payable returns (bytes memory result);

    /// @notice Changes with whatever the account does.
    function state() external view returns (bytes32 result);

    /// @notice Who owns the token, hence the asset; zero for a token of another chain.
    function owner() external view returns (address);

    /// @notice The token: chain, contract, number.
    function token() external view returns (uint256, address, uint256);
}
