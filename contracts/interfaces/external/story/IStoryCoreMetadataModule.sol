// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IStoryCoreMetadataModule
/// @notice Metadata of Story's IP assets, as far as it is used here; written from its ABI.
interface IStoryCoreMetadataModule {
    /// @notice Emitted when an asset's metadata is set.
    /// @param ipId The asset.
    /// @param metadataURI Where it is.
    /// @param metadataHash Its digest.
    event MetadataURISet(address indexed ipId, string metadataURI, bytes32 metadataHash);

    /// @notice Emitted when the URI of an asset's token is copied anew.
    /// @param ipId The asset.
    /// @param nftTokenURI The token's URI now.
    /// @param nftMetadataHash Digest of what is there.
    event NFTTokenURISet(address indexed ipId, string nftTokenURI, bytes32 nftMetadataHash);

    /// @notice Emitted when an asset's metadata becomes unchangeable.
    /// @param ipId The asset.
    event MetadataFrozen(address indexed ipId);

    /// @notice Thrown when metadata cannot be changed any more.
    error CoreMetadataModule__MetadataAlreadyFrozen();

    /// @notice Sets an asset's metadata, and copies its token's URI. Needs the asset's permission.
    function setAll(
        address ipId,
        string memory metadataURI,
        bytes32 metadataHash,
        bytes32 nftMetadataHash
    ) external;

    /// @notice Makes an asset's metadata unchangeable. Needs the asset's permission.
    function freezeMetadata(address ipId) external;

    /// @notice Whether an asset's metadata is unchangeable.
    function isMetadataFrozen(address ipId) external view returns (bool);
}
