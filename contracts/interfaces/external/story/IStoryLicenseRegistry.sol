// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {LicensingConfig} from "../../../types/Story.sol";

/// @title IStoryLicenseRegistry
/// @notice Who licensed and derived what on Story, as far as it is used here; written from its ABI.
interface IStoryLicenseRegistry {
    /// @notice Emitted when a fee and share are set.
    /// @param ipId The work.
    /// @param licenseTemplate The contract that knows the terms.
    /// @param licenseTermsId The terms.
    /// @param licensingConfig What was set.
    event LicensingConfigSetForLicense(
        address indexed ipId,
        address indexed licenseTemplate,
        uint256 indexed licenseTermsId,
        LicensingConfig licensingConfig
    );

    /// @notice Emitted when a derivative has an end.
    /// @param ipId The derivative.
    /// @param expireTime When, in seconds.
    event ExpirationTimeSet(address indexed ipId, uint256 expireTime);

    /// @notice Thrown when a derivative would be linked again.
    error LicenseRegistry__DerivativeAlreadyRegistered(address childIpId);

    /// @notice Thrown when a parent would become a derivative.
    error LicenseRegistry__DerivativeIpAlreadyHasChild(address childIpId);

    /// @notice Thrown when a work with terms of its own would become a derivative.
    error LicenseRegistry__DerivativeIpAlreadyHasLicense(address childIpId);

    /// @notice Thrown when a work would be its own parent.
    error LicenseRegistry__DerivativeIsParent(address ipId);

    /// @notice Thrown when a parent is named twice.
    error LicenseRegistry__DuplicateParentIp(address ipId, address parentIpId);

    /// @notice Thrown when a list is shorter.
    error LicenseRegistry__IndexOutOfBounds(address ipId, uint256 index, uint256 length);

    /// @notice Thrown when a work has expired.
    error LicenseRegistry__IpExpired(address ipId);

    /// @notice Thrown when a work is offered under the terms already.
    error LicenseRegistry__LicenseTermsAlreadyAttached(
        address ipId, address licenseTemplate, uint256 licenseTermsId
    );

    /// @notice Thrown when terms are not registered.
    error LicenseRegistry__LicenseTermsNotExists(address licenseTemplate, uint256 licenseTermsId);

    /// @notice Thrown when a work is not offered under terms.
    error LicenseRegistry__LicensorIpHasNoLicenseTerms(
        address ipId, address licenseTemplate, uint256 licenseTermsId
    );

    /// @notice Thrown when a parent has expired.
    error LicenseRegistry__ParentIpExpired(address ipId);

    /// @notice Thrown when a parent is not offered under terms.
    error LicenseRegistry__ParentIpHasNoLicenseTerms(address ipId, uint256 licenseTermsId);

    /// @notice Thrown when a parent is no IP asset.
    error LicenseRegistry__ParentIpNotRegistered(address ipId);

    /// @notice Thrown when a parent is disputed.
    error LicenseRegistry__ParentIpTagged(address ipId);

    /// @notice Thrown when a parent's terms are another template's.
    error LicenseRegistry__ParentIpUnmatchedLicenseTemplate(address ipId, address licenseTemplate);

    /// @notice Thrown when a work would have too many ancestors.
    error LicenseRegistry__TooManyAncestors(
        address childIpId, uint256 ancestors, uint256 maxAncestors
    );

    /// @notice Thrown when a work would have too many parents.
    error LicenseRegistry__TooManyParents(address childIpId, uint256 parents, uint256 maxParents);

    /// @notice Thrown when a template is not Story's.
    error LicenseRegistry__UnregisteredLicenseTemplate(address licenseTemplate);

    /// @notice How many terms a work is offered under.
    function getAttachedLicenseTermsCount(address ipId) external view returns (uint256);

    /// @notice One of the terms that a work is offered under.
    function getAttachedLicenseTerms(address ipId, uint256 index)
        external
        view
        returns (address licenseTemplate, uint256 licenseTermsId);

    /// @notice Whether a work is offered under terms.
    function hasIpAttachedLicenseTerms(
        address ipId,
        address licenseTemplate,
        uint256 licenseTermsId
    ) external view returns (bool);

    /// @notice How many derivatives a work has.
    function getDerivativeIpCount(address parentIpId) external view returns (uint256);

    /// @notice One of a work's derivatives.
    function getDerivativeIp(address parentIpId, uint256 index)
        external
        view
        returns (address childIpId);

    /// @notice How many parents a work has.
    function getParentIpCount(address childIpId) external view returns (uint256);

    /// @notice One of a work's parents.
    function getParentIp(address childIpId, uint256 index)
        external
        view
        returns (address parentIpId);

    /// @notice The terms under which a derivative was made.
    function getParentLicenseTerms(address childIpId, address parentIpId)
        external
        view
        returns (address licenseTemplate, uint256 licenseTermsId);

    /// @notice What is set for a work's licences; all zero if nothing is.
    function getLicensingConfig(address ipId, address licenseTemplate, uint256 licenseTermsId)
        external
        view
        returns (LicensingConfig memory);

    /// @notice The share that a derivative made now would owe.
    function getRoyaltyPercent(address ipId, address licenseTemplate, uint256 licenseTermsId)
        external
        view
        returns (uint32 royaltyPercent);

    /// @notice When a work expires, in seconds; 0 for never.
    function getExpireTime(address ipId) external view returns (uint256);

    /// @notice Whether a work has expired.
    function isExpiredNow(address ipId) external view returns (bool);
}
