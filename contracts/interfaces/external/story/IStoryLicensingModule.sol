// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {LicensingConfig} from "../../../types/Story.sol";

/// @title IStoryLicensingModule
/// @notice Story's licensing, as far as it is used here; written from its ABI.
interface IStoryLicensingModule {
    /// @notice Emitted when a work is offered under terms.
    /// @param caller Who did it.
    /// @param ipId The work.
    /// @param licenseTemplate The contract that knows the terms.
    /// @param licenseTermsId The terms.
    event LicenseTermsAttached(
        address indexed caller,
        address indexed ipId,
        address licenseTemplate,
        uint256 licenseTermsId
    );

    /// @notice Emitted when licences are given out.
    /// @param caller Who asked and paid.
    /// @param licensorIpId The work.
    /// @param licenseTemplate The contract that knows the terms.
    /// @param licenseTermsId The terms.
    /// @param amount How many.
    /// @param receiver Who got them.
    /// @param startLicenseTokenId The first; the others follow.
    event LicenseTokensMinted(
        address indexed caller,
        address indexed licensorIpId,
        address licenseTemplate,
        uint256 indexed licenseTermsId,
        uint256 amount,
        address receiver,
        uint256 startLicenseTokenId
    );

    /// @notice Emitted when a work becomes a derivative.
    /// @param caller Who did it.
    /// @param childIpId The derivative.
    /// @param licenseTokenIds Licences that were used up; none if it was linked without.
    /// @param parentIpIds Its parents.
    /// @param licenseTermsIds The terms, one for each parent.
    /// @param licenseTemplate The contract that knows the terms.
    event DerivativeRegistered(
        address indexed caller,
        address indexed childIpId,
        uint256[] licenseTokenIds,
        address[] parentIpIds,
        uint256[] licenseTermsIds,
        address licenseTemplate
    );

    /// @notice Thrown, by any of Story's contracts, while its administrators have stopped it.
    error EnforcedPause();

    /// @notice Thrown when an address is no IP asset.
    error AccessControlled__NotIpAccount(address ipAccount);

    /// @notice Thrown when a share is set below the terms' own.
    error LicensingModule__CurrentLicenseNotAllowOverrideRoyaltyPercent(
        address licenseTemplate, uint256 licenseTermsId, uint32 newRoyaltyPercent
    );

    /// @notice Thrown when a work that was licensed would become a derivative.
    error LicensingModule__DerivativeAlreadyHasBeenMintedLicenseTokens(address childIpId);

    /// @notice Thrown when a derivative would be offered under terms of its own.
    error LicensingModule__DerivativesCannotAddLicenseTerms();

    /// @notice Thrown when a work is disputed.
    error LicensingModule__DisputedIpId();

    /// @notice Thrown when a parent asks for more than the child gives.
    error LicensingModule__ExceedMaxRevenueShare(
        address ipId,
        address licenseTemplate,
        uint256 licenseTermsId,
        uint32 revenueShare,
        uint32 maxRevenueShare
    );

    /// @notice Thrown when no terms are named.
    error LicensingModule__InvalidLicenseTermsId(address licenseTemplate, uint256 licenseTermsId);

    /// @notice Thrown when a hook is no module of Story's.
    error LicensingModule__InvalidLicensingHook(address hook);

    /// @notice Thrown when the terms do not allow the licence.
    error LicensingModule__LicenseDenyMintLicenseToken(
        address licenseTemplate, uint256 licenseTermsId, address licensorIpId
    );

    /// @notice Thrown when no licence is given out any more.
    error LicensingModule__LicenseDisabled(
        address ipId, address licenseTemplate, uint256 licenseTermsId
    );

    /// @notice Thrown when terms do not allow the derivative, or not together.
    error LicensingModule__LicenseNotCompatibleForDerivative(address childIpId);

    /// @notice Thrown when there are not as many terms as parents.
    error LicensingModule__LicenseTermsLengthMismatch(uint256 ipLength, uint256 licenseTermsLength);

    /// @notice Thrown when terms are not registered.
    error LicensingModule__LicenseTermsNotFound(address licenseTemplate, uint256 licenseTermsId);

    /// @notice Thrown when licences do not allow the derivative, or not together.
    error LicensingModule__LicenseTokenNotCompatibleForDerivative(
        address childIpId, uint256[] licenseTokenIds
    );

    /// @notice Thrown when a fee is set below the terms' own.
    error LicensingModule__LicensingConfigMintingFeeBelowLicenseTerms(
        address licenseTemplate,
        uint256 licenseTermsId,
        uint256 licensingConfigMintingFee,
        uint256 licenseTermsMintingFee
    );

    /// @notice Thrown when a licence is asked of what is no IP asset.
    error LicensingModule__LicensorIpNotRegistered();

    /// @notice Thrown when no licence is asked for.
    error LicensingModule__MintAmountZero();

    /// @notice Thrown when the fee is above what the caller would pay.
    error LicensingModule__MintingFeeExceedMaxMintingFee(uint256 mintingFee, uint256 maxMintingFee);

    /// @notice Thrown when a fee is set for what is not commercial.
    error LicensingModule__MintingFeeRequiresRoyaltyPolicy();

    /// @notice Thrown when no licence is named.
    error LicensingModule__NoLicenseToken();

    /// @notice Thrown when no parent is named.
    error LicensingModule__NoParentIp();

    /// @notice Thrown when nobody is to get a licence.
    error LicensingModule__ReceiverZeroAddress();

    /// @notice Thrown when parents divide revenue in different ways.
    error LicensingModule__RoyaltyPolicyMismatch(
        address royaltyPolicy, address anotherRoyaltyPolicy
    );

    /// @notice Thrown when no template is named.
    error LicensingModule__ZeroLicenseTemplate();

    /// @notice Offers a work under terms. Needs the asset's permission.
    function attachLicenseTerms(address ipId, address licenseTemplate, uint256 licenseTermsId)
        external;

    /// @notice Gives out licences for the fee, taken from the caller by the royalty module.
    /// @param licensorIpId The work.
    /// @param licenseTemplate The contract that knows the terms.
    /// @param licenseTermsId The terms: attached ones, or any if the asset permits the caller.
    /// @param amount How many.
    /// @param receiver Who gets them.
    /// @param royaltyContext For other royalty policies; empty.
    /// @param maxMintingFee Most that the caller pays for all of them; 0 for any amount.
    /// @param maxRevenueShare Highest share that the caller accepts; 0 for any.
    /// @return startLicenseTokenId The first; the others follow.
    function mintLicenseTokens(
        address licensorIpId,
        address licenseTemplate,
        uint256 licenseTermsId,
        uint256 amount,
        address receiver,
        bytes calldata royaltyContext,
        uint256 maxMintingFee,
        uint32 maxRevenueShare
    ) external returns (uint256 startLicenseTokenId);

    /// @notice Makes a work a derivative for the parents' fees, without licence tokens. Needs the
    /// child's permission.
    function registerDerivative(
        address childIpId,
        address[] calldata parentIpIds,
        uint256[] calldata licenseTermsIds,
        address licenseTemplate,
        bytes calldata royaltyContext,
        uint256 maxMintingFee,
        uint32 maxRts,
        uint32 maxRevenueShare
    ) external;

    /// @notice Makes a work a derivative by licence tokens, which are burnt. Needs the child's
    /// permission; the tokens are the caller's or the child's.
    function registerDerivativeWithLicenseTokens(
        address childIpId,
        uint256[] calldata licenseTokenIds,
        bytes calldata royaltyContext,
        uint32 maxRts
    ) external;

    /// @notice Sets fee and share of a work's licences. Needs the asset's permission.
    function setLicensingConfig(
        address ipId,
        address licenseTemplate,
        uint256 licenseTermsId,
        LicensingConfig memory licensingConfig
    ) external;

    /// @notice What licences would cost.
    /// @return currencyToken The ERC-20 token of the fee.
    /// @return tokenAmount The fee for all of them.
    function predictMintingLicenseFee(
        address licensorIpId,
        address licenseTemplate,
        uint256 licenseTermsId,
        uint256 amount,
        address receiver,
        bytes calldata royaltyContext
    ) external view returns (address currencyToken, uint256 tokenAmount);
}
