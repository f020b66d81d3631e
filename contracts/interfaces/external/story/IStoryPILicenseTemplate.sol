// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {PILTerms} from "../../../types/Story.sol";

/// @title IStoryPILicenseTemplate
/// @notice Story's Programmable IP License, as far as it is used here; written from its ABI.
interface IStoryPILicenseTemplate {
    /// @notice Emitted when terms are registered for the first time.
    /// @param licenseTermsId Their id: they are counted.
    /// @param licenseTemplate This contract.
    /// @param licenseTerms The ABI encoding of `PILTerms`.
    event LicenseTermsRegistered(
        uint256 indexed licenseTermsId, address indexed licenseTemplate, bytes licenseTerms
    );

    /// @notice Emitted when a work's owner approves a derivative, or no longer.
    /// @param licenseTermsId Under which terms.
    /// @param ipId The work.
    /// @param caller Its account.
    /// @param approved Whether.
    event DerivativeApproved(
        uint256 indexed licenseTermsId, address indexed ipId, address indexed caller, bool approved
    );

    /// @dev The names of these say which two fields of the terms contradict each other.
    error PILicenseTemplate__CommercialDisabled_CantAddAttribution();
    error PILicenseTemplate__CommercialDisabled_CantAddCommercializers();
    error PILicenseTemplate__CommercialDisabled_CantAddRevShare();
    error PILicenseTemplate__CommercialDisabled_CantAddRevCeiling();
    error PILicenseTemplate__CommercialDisabled_CantAddDerivativeRevCeiling();
    error PILicenseTemplate__CommercialDisabled_CantAddRoyaltyPolicy();
    error PILicenseTemplate__CommercialEnabled_RoyaltyPolicyRequired();
    error PILicenseTemplate__DerivativesDisabled_CantAddAttribution();
    error PILicenseTemplate__DerivativesDisabled_CantAddApproval();
    error PILicenseTemplate__DerivativesDisabled_CantAddReciprocal();
    error PILicenseTemplate__DerivativesDisabled_CantAddDerivativeRevCeiling();
    error PILicenseTemplate__RoyaltyPolicyNotWhitelisted();
    error PILicenseTemplate__CurrencyTokenNotWhitelisted();
    error PILicenseTemplate__RoyaltyPolicyRequiresCurrencyToken();
    error PILicenseTemplate__MintingFeeRequiresRoyaltyPolicy();
    error PILicenseTemplate__CommercializerCheckerDoesNotSupportHook(address checker);
    error PILicenseTemplate__CommercializerCheckerNotRegistered(address checker);

    /// @notice Registers terms. The same terms have the same id.
    function registerLicenseTerms(PILTerms calldata terms) external returns (uint256 id);

    /// @notice Approves a derivative. Only a work's own account may.
    function setApproval(
        address parentIpId,
        uint256 licenseTermsId,
        address childIpId,
        bool approved
    ) external;

    /// @notice Whether terms with this id are registered.
    function exists(uint256 licenseTermsId) external view returns (bool);

    /// @notice The id of terms; 0 if they are not registered.
    function getLicenseTermsId(PILTerms calldata terms)
        external
        view
        returns (uint256 selectedLicenseTermsId);

    /// @notice The terms with an id; empty for an unknown one.
    function getLicenseTerms(uint256 selectedLicenseTermsId)
        external
        view
        returns (PILTerms memory terms);

    /// @notice How many terms there are.
    function totalRegisteredLicenseTerms() external view returns (uint256);

    /// @notice Whether a derivative is approved.
    function isDerivativeApproved(address parentIpId, uint256 licenseTermsId, address childIpId)
        external
        view
        returns (bool);
}
