// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IStoryIPAssetRegistry
/// @notice Story's registry of IP assets, as far as it is used here; written from its ABI.
/// @dev Version 1.3.2. An asset is the ERC-6551 account of a token: the token's owner owns it.
interface IStoryIPAssetRegistry {
    /// @notice Emitted when a token becomes an IP asset.
    /// @param ipId The asset, which is also the address of its account.
    /// @param chainId The token's chain.
    /// @param tokenContract The token's contract.
    /// @param tokenId The token.
    /// @param name Made of the chain, the contract's name and the token's number.
    /// @param uri The token's URI at the time.
    /// @param registrationDate When, in seconds.
    event IPRegistered(
        address ipId,
        uint256 indexed chainId,
        address indexed tokenContract,
        uint256 indexed tokenId,
        string name,
        string uri,
        uint256 registrationDate
    );

    /// @notice Emitted when the fee for a registration is paid.
    /// @param payer Who called.
    /// @param treasury Who got it.
    /// @param feeToken In which token.
    /// @param amount How much.
    event IPRegistrationFeePaid(
        address indexed payer, address indexed treasury, address indexed feeToken, uint96 amount
    );

    /// @notice Thrown when a contract is no ERC-721.
    error IPAssetRegistry__UnsupportedIERC721(address contractAddress);

    /// @notice Thrown when a contract has no ERC-721 metadata.
    error IPAssetRegistry__UnsupportedIERC721Metadata(address contractAddress);

    /// @notice Thrown when nobody owns a token.
    error IPAssetRegistry__InvalidToken(address contractAddress, uint256 tokenId);

    /// @notice Makes a token an IP asset; again, nothing happens. Anybody may; the caller pays the fee.
    /// @param chainid The token's chain.
    /// @param tokenContract The token's contract.
    /// @param tokenId The token.
    /// @return id The asset.
    function register(uint256 chainid, address tokenContract, uint256 tokenId)
        external
        returns (address id);

    /// @notice The asset that a token is, or would be.
    function ipId(uint256 chainId, address tokenContract, uint256 tokenId)
        external
        view
        returns (address);

    /// @notice Whether an address is an IP asset.
    function isRegistered(address id) external view returns (bool);

    /// @notice Fee for a registration, in `getFeeToken`'s smallest unit.
    function getFeeAmount() external view returns (uint96);

    /// @notice The ERC-20 token of the fee.
    function getFeeToken() external view returns (address);

    /// @notice Who gets the fee.
    function getTreasury() external view returns (address);
}
