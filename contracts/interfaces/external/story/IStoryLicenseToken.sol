// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    IERC721Enumerable
} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Enumerable.sol";

import {LicenseTokenMetadata} from "../../../types/Story.sol";

/// @title IStoryLicenseToken
/// @notice Story's licences, as far as they are used here; written from the ABI.
interface IStoryLicenseToken is IERC721Enumerable {
    /// @notice Emitted when a licence is given out.
    /// @param minter Who asked for it.
    /// @param receiver Who got it.
    /// @param tokenId The licence.
    event LicenseTokenMinted(
        address indexed minter, address indexed receiver, uint256 indexed tokenId
    );

    /// @notice Thrown when licences are of different templates.
    error LicenseToken__AllLicenseTokensMustFromSameLicenseTemplate(
        address licenseTemplate, address anotherLicenseTemplate
    );

    /// @notice Thrown when a licence is neither the caller's nor the child's.
    error LicenseToken__CallerAndChildIPNotTokenOwner(
        uint256 tokenId, address caller, address childIpIp, address actualTokenOwner
    );

    /// @notice Thrown when a work that was licensed would become a derivative.
    error LicenseToken__ChildIPAlreadyHasBeenMintedLicenseTokens(address childIpId);

    /// @notice Thrown when the share is above what the caller accepts.
    error LicenseToken__CommercialRevenueShareExceedMaxRevenueShare(
        uint32 commercialRevenueShare,
        uint32 maxRevenueShare,
        address ipId,
        address licenseTemplate,
        uint256 licenseTermsId
    );

    /// @notice Thrown when a share is above 100 %.
    error LicenseToken__InvalidRoyaltyPercent(
        uint32 invalidRoyaltyPercent, address ipId, address licenseTemplate, uint256 licenseTermsId
    );

    /// @notice Thrown when a licence cannot be handed on.
    error LicenseToken__NotTransferable();

    /// @notice Thrown when a licence sleeps while its work is disputed.
    error LicenseToken__RevokedLicense(uint256 tokenId);

    /// @notice What a licence stands for.
    function getLicenseTokenMetadata(uint256 tokenId)
        external
        view
        returns (LicenseTokenMetadata memory);

    /// @notice Whether a licence sleeps, because its work is disputed.
    function isLicenseTokenRevoked(uint256 tokenId) external view returns (bool);

    /// @notice How many licences of a work were ever given out.
    function getTotalTokensByLicensor(address licensorIpId) external view returns (uint256);

    /// @notice How many licences were ever given out.
    function totalMintedTokens() external view returns (uint256);
}
