// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {
    IStoryDisputeModule
} from "../../../../contracts/interfaces/external/story/IStoryDisputeModule.sol";
import {
    IStoryIPAssetRegistry
} from "../../../../contracts/interfaces/external/story/IStoryIPAssetRegistry.sol";
import {
    IStoryLicenseRegistry
} from "../../../../contracts/interfaces/external/story/IStoryLicenseRegistry.sol";
import {
    IStoryLicensingModule
} from "../../../../contracts/interfaces/external/story/IStoryLicensingModule.sol";
import {
    IStoryPILicenseTemplate
} from "../../../../contracts/interfaces/external/story/IStoryPILicenseTemplate.sol";
import {LicensingConfig} from "../../../../contracts/types/Story.sol";
import {StoryDouble} from "./StoryDouble.sol";

/// @dev The graph of parents, a precompile of Story's chain, is here as well.
contract LicenseRegistryDouble is IStoryLicenseRegistry {
    using EnumerableSet for *;

    /// @notice As Story says it.
    error LicenseRegistry__CallerNotLicensingModule();

    uint256 private constant MAX_PARENTS = 16;
    uint256 private constant MAX_ANCESTORS = 1024;

    StoryDouble private immutable _story;

    mapping(address ipId => EnumerableSet.UintSet) private _attached;
    mapping(address ipId => EnumerableSet.AddressSet) private _children;
    mapping(address ipId => EnumerableSet.AddressSet) private _parents;
    mapping(address ipId => EnumerableSet.AddressSet) private _ancestors;
    mapping(address ipId => mapping(address parentIpId => uint256 id)) private _linkTerms;
    mapping(address ipId => address) private _template;
    mapping(bytes32 key => LicensingConfig) private _configs;

    mapping(address ipId => uint256) public getExpireTime;

    modifier onlyLicensingModule() {
        if (msg.sender != _story.at().licensingModule) {
            revert LicenseRegistry__CallerNotLicensingModule();
        }
        _;
    }

    constructor(StoryDouble story) {
        _story = story;
    }

    function attach(address ipId, address template, uint256 id) external onlyLicensingModule {
        if (!_exists(template, id)) {
            revert IStoryLicensingModule.LicensingModule__LicenseTermsNotFound(template, id);
        }
        if (isExpiredNow(ipId)) revert LicenseRegistry__IpExpired(ipId);
        if (hasIpAttachedLicenseTerms(ipId, template, id)) {
            revert LicenseRegistry__LicenseTermsAlreadyAttached(ipId, template, id);
        }
        if (_parents[ipId].length() != 0) {
            revert IStoryLicensingModule.LicensingModule__DerivativesCannotAddLicenseTerms();
        }
        _template[ipId] = template;
        _attached[ipId].add(id);
    }

    function setTemplate(address ipId, address template) external onlyLicensingModule {
        if (template != _story.at().licenseTemplate) {
            revert LicenseRegistry__UnregisteredLicenseTemplate(template);
        }
        _template[ipId] = template;
    }

    function setConfig(address ipId, address template, uint256 id, LicensingConfig calldata config)
        external
        onlyLicensingModule
    {
        _configs[keccak256(abi.encode(ipId, template, id))] = config;
        emit LicensingConfigSetForLicense(ipId, template, id, config);
    }

    function link(
        address childIpId,
        address[] calldata parentIpIds,
        address template,
        uint256[] calldata ids,
        bool withTokens
    ) external onlyLicensingModule {
        uint256 count = parentIpIds.length;
        if (count > MAX_PARENTS) {
            revert LicenseRegistry__TooManyParents(childIpId, count, MAX_PARENTS);
        }
        if (_parents[childIpId].length() != 0) {
            revert LicenseRegistry__DerivativeAlreadyRegistered(childIpId);
        }
        if (_children[childIpId].length() != 0) {
            revert LicenseRegistry__DerivativeIpAlreadyHasChild(childIpId);
        }
        if (_attached[childIpId].length() != 0) {
            revert LicenseRegistry__DerivativeIpAlreadyHasLicense(childIpId);
        }
        for (uint256 i; i < count; ++i) {
            _link(childIpId, parentIpIds[i], template, ids[i], withTokens);
        }
        uint256 ancestors = _ancestors[childIpId].length();
        if (ancestors > MAX_ANCESTORS) {
            revert LicenseRegistry__TooManyAncestors(childIpId, ancestors, MAX_ANCESTORS);
        }
        _template[childIpId] = template;
        uint256 end = _earliest(childIpId, ids);
        if (end == 0) return;
        getExpireTime[childIpId] = end;
        emit ExpirationTimeSet(childIpId, end);
    }

    function checkMint(address ipId, address template, uint256 id, bool byOwner)
        external
        view
        returns (LicensingConfig memory)
    {
        if (isExpiredNow(ipId)) revert LicenseRegistry__ParentIpExpired(ipId);
        if (byOwner) {
            if (!_exists(template, id)) {
                revert LicenseRegistry__LicenseTermsNotExists(template, id);
            }
        } else if (!hasIpAttachedLicenseTerms(ipId, template, id)) {
            revert LicenseRegistry__LicensorIpHasNoLicenseTerms(ipId, template, id);
        }
        return getLicensingConfig(ipId, template, id);
    }

    function getAttachedLicenseTermsCount(address ipId) external view returns (uint256) {
        return _attached[ipId].length();
    }

    function getAttachedLicenseTerms(address ipId, uint256 index)
        external
        view
        returns (address, uint256)
    {
        _checkIndex(ipId, index, _attached[ipId].length());
        return (_template[ipId], _attached[ipId].at(index));
    }

    function hasIpAttachedLicenseTerms(address ipId, address template, uint256 id)
        public
        view
        returns (bool)
    {
        return _template[ipId] == template && _attached[ipId].contains(id);
    }

    function getDerivativeIpCount(address ipId) external view returns (uint256) {
        return _children[ipId].length();
    }

    function getDerivativeIp(address ipId, uint256 index) external view returns (address) {
        _checkIndex(ipId, index, _children[ipId].length());
        return _children[ipId].at(index);
    }

    function getParentIpCount(address ipId) external view returns (uint256) {
        return _parents[ipId].length();
    }

    function getParentIp(address ipId, uint256 index) external view returns (address) {
        _checkIndex(ipId, index, _parents[ipId].length());
        return _parents[ipId].at(index);
    }

    function getParentLicenseTerms(address ipId, address parentIpId)
        external
        view
        returns (address, uint256)
    {
        return (_template[parentIpId], _linkTerms[ipId][parentIpId]);
    }

    function getLicensingConfig(address ipId, address template, uint256 id)
        public
        view
        returns (LicensingConfig memory config)
    {
        if (template != _story.at().licenseTemplate) {
            revert LicenseRegistry__UnregisteredLicenseTemplate(template);
        }
        config = _configs[keccak256(abi.encode(ipId, template, id))];
        if (!config.isSet) delete config;
    }

    function getRoyaltyPercent(address ipId, address template, uint256 id)
        external
        view
        returns (uint32 share)
    {
        LicensingConfig memory config = getLicensingConfig(ipId, template, id);
        share = IStoryPILicenseTemplate(template).getLicenseTerms(id).commercialRevShare;
        if (config.commercialRevShare != 0) share = config.commercialRevShare;
    }

    function isExpiredNow(address ipId) public view returns (bool) {
        uint256 end = getExpireTime[ipId];
        return end != 0 && end < block.timestamp;
    }

    function _link(
        address childIpId,
        address parentIpId,
        address template,
        uint256 id,
        bool withTokens
    ) private {
        if (!IStoryIPAssetRegistry(_story.at().ipAssetRegistry).isRegistered(parentIpId)) {
            revert LicenseRegistry__ParentIpNotRegistered(parentIpId);
        }
        if (IStoryDisputeModule(_story.at().disputeModule).isIpTagged(parentIpId)) {
            revert LicenseRegistry__ParentIpTagged(parentIpId);
        }
        if (childIpId == parentIpId) revert LicenseRegistry__DerivativeIsParent(childIpId);
        if (isExpiredNow(parentIpId)) revert LicenseRegistry__ParentIpExpired(parentIpId);
        address known = _template[parentIpId];
        if (known != template && !(withTokens && known == address(0))) {
            revert LicenseRegistry__ParentIpUnmatchedLicenseTemplate(parentIpId, template);
        }
        if (!withTokens && !_attached[parentIpId].contains(id)) {
            revert LicenseRegistry__ParentIpHasNoLicenseTerms(parentIpId, id);
        }
        _children[parentIpId].add(childIpId);
        if (!_parents[childIpId].add(parentIpId)) {
            revert LicenseRegistry__DuplicateParentIp(childIpId, parentIpId);
        }
        _attached[childIpId].add(id);
        _linkTerms[childIpId][parentIpId] = id;
        _ancestors[childIpId].add(parentIpId);
        address[] memory above = _ancestors[parentIpId].values();
        for (uint256 i; i < above.length; ++i) {
            _ancestors[childIpId].add(above[i]);
        }
    }

    /// @dev A derivative ends with the first of its parents, or when its terms say.
    function _earliest(address childIpId, uint256[] calldata ids)
        private
        view
        returns (uint256 end)
    {
        IStoryPILicenseTemplate template = IStoryPILicenseTemplate(_story.at().licenseTemplate);
        for (uint256 i; i < ids.length; ++i) {
            uint256 duration = template.getLicenseTerms(ids[i]).expiration;
            if (duration != 0) end = _sooner(end, block.timestamp + duration);
            end = _sooner(end, getExpireTime[_parents[childIpId].at(i)]);
        }
    }

    function _sooner(uint256 left, uint256 right) private pure returns (uint256) {
        if (left == 0 || right == 0) return left + right;
        return left < right ? left : right;
    }

    function _exists(address template, uint256 id) private view returns (bool) {
        return
            template == _story.at().licenseTemplate && IStoryPILicenseTemplate(template).exists(id);
    }

    function _checkIndex(address ipId, uint256 index, uint256 length) private pure {
        if (index >= length) revert LicenseRegistry__IndexOutOfBounds(ipId, index, length);
    }
}
