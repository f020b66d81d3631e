// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    IStoryPILicenseTemplate
} from "../../../../contracts/interfaces/external/story/IStoryPILicenseTemplate.sol";
import {
    IStoryRoyaltyModule
} from "../../../../contracts/interfaces/external/story/IStoryRoyaltyModule.sol";
import {PILTerms} from "../../../../contracts/types/Story.sol";
import {LicenseRegistryDouble} from "./LicenseRegistryDouble.sol";
import {StoryDouble, StoryModule} from "./StoryDouble.sol";

/// @dev Hooks that decide who may are refused: none is registered with the double.
contract PILicenseTemplateDouble is IStoryPILicenseTemplate, StoryModule {
    uint256 public totalRegisteredLicenseTerms;

    mapping(uint256 id => PILTerms) private _terms;
    mapping(bytes32 digest => uint256 id) private _ids;
    mapping(bytes32 key => bool) private _approved;

    constructor(StoryDouble story) StoryModule(story) {}

    function registerLicenseTerms(PILTerms calldata terms) external returns (uint256 id) {
        _checkMoney(terms);
        _checkCommercialUse(terms);
        _checkDerivatives(terms);
        bytes32 digest = keccak256(abi.encode(terms));
        id = _ids[digest];
        if (id != 0) return id;
        id = ++totalRegisteredLicenseTerms;
        (_ids[digest], _terms[id]) = (id, terms);
        emit LicenseTermsRegistered(id, address(this), abi.encode(terms));
    }

    function setApproval(
        address parentIpId,
        uint256 licenseTermsId,
        address childIpId,
        bool approved
    ) external permitted(parentIpId) {
        _approved[_key(parentIpId, licenseTermsId, childIpId)] = approved;
        emit DerivativeApproved(licenseTermsId, parentIpId, msg.sender, approved);
    }

    function exists(uint256 id) public view returns (bool) {
        return id != 0 && id <= totalRegisteredLicenseTerms;
    }

    function getLicenseTermsId(PILTerms calldata terms) external view returns (uint256) {
        return _ids[keccak256(abi.encode(terms))];
    }

    function getLicenseTerms(uint256 id) external view returns (PILTerms memory) {
        return _terms[id];
    }

    function isDerivativeApproved(address parentIpId, uint256 id, address childIpId)
        public
        view
        returns (bool)
    {
        return _approved[_key(parentIpId, id, childIpId)];
    }

    function verifyMintLicenseToken(uint256 id, address licensorIpId) external view returns (bool) {
        if (!exists(id)) return false;
        LicenseRegistryDouble registry = _registry();
        if (registry.getParentIpCount(licensorIpId) == 0) return true;
        return registry.hasIpAttachedLicenseTerms(licensorIpId, address(this), id)
            && _terms[id].derivativesReciprocal;
    }

    function verifyRegisterDerivativeForAllParents(
        address childIpId,
        address[] calldata parentIpIds,
        uint256[] calldata ids
    ) external view returns (bool) {
        PILTerms storage first = _terms[ids[0]];
        for (uint256 i; i < ids.length; ++i) {
            PILTerms storage terms = _terms[ids[i]];
            if (terms.commercialUse != first.commercialUse) return false;
            if (terms.derivativesReciprocal != first.derivativesReciprocal) return false;
            if (first.derivativesReciprocal && ids[i] != ids[0]) return false;
        }
        for (uint256 i; i < ids.length; ++i) {
            if (!_allows(_terms[ids[i]], ids[i], parentIpIds[i], childIpId)) return false;
        }
        return true;
    }

    function _allows(PILTerms storage terms, uint256 id, address parentIpId, address childIpId)
        private
        view
        returns (bool)
    {
        if (!terms.derivativesAllowed) return false;
        if (!terms.derivativesReciprocal && _registry().getParentIpCount(parentIpId) != 0) {
            return false;
        }
        return !terms.derivativesApproval || isDerivativeApproved(parentIpId, id, childIpId);
    }

    function _checkMoney(PILTerms calldata terms) private view {
        IStoryRoyaltyModule royalties = IStoryRoyaltyModule(story.at().royaltyModule);
        bool hasPolicy = terms.royaltyPolicy != address(0);
        if (hasPolicy && !royalties.isWhitelistedRoyaltyPolicy(terms.royaltyPolicy)) {
            revert PILicenseTemplate__RoyaltyPolicyNotWhitelisted();
        }
        if (terms.currency != address(0) && !royalties.isWhitelistedRoyaltyToken(terms.currency)) {
            revert PILicenseTemplate__CurrencyTokenNotWhitelisted();
        }
        if (hasPolicy && terms.currency == address(0)) {
            revert PILicenseTemplate__RoyaltyPolicyRequiresCurrencyToken();
        }
        if (!hasPolicy && terms.defaultMintingFee != 0) {
            revert PILicenseTemplate__MintingFeeRequiresRoyaltyPolicy();
        }
    }

    function _checkCommercialUse(PILTerms calldata terms) private pure {
        address checker = terms.commercializerChecker;
        if (terms.commercialUse) {
            if (terms.royaltyPolicy == address(0)) {
                revert PILicenseTemplate__CommercialEnabled_RoyaltyPolicyRequired();
            }
            if (checker != address(0)) {
                revert PILicenseTemplate__CommercializerCheckerDoesNotSupportHook(checker);
            }
            return;
        }
        if (terms.commercialAttribution) {
            revert PILicenseTemplate__CommercialDisabled_CantAddAttribution();
        }
        if (checker != address(0)) {
            revert PILicenseTemplate__CommercialDisabled_CantAddCommercializers();
        }
        if (terms.commercialRevShare != 0) {
            revert PILicenseTemplate__CommercialDisabled_CantAddRevShare();
        }
        if (terms.commercialRevCeiling != 0) {
            revert PILicenseTemplate__CommercialDisabled_CantAddRevCeiling();
        }
        if (terms.derivativeRevCeiling != 0) {
            revert PILicenseTemplate__CommercialDisabled_CantAddDerivativeRevCeiling();
        }
        if (terms.royaltyPolicy != address(0)) {
            revert PILicenseTemplate__CommercialDisabled_CantAddRoyaltyPolicy();
        }
    }

    function _checkDerivatives(PILTerms calldata terms) private pure {
        if (terms.derivativesAllowed) return;
        if (terms.derivativesAttribution) {
            revert PILicenseTemplate__DerivativesDisabled_CantAddAttribution();
        }
        if (terms.derivativesApproval) {
            revert PILicenseTemplate__DerivativesDisabled_CantAddApproval();
        }
        if (terms.derivativesReciprocal) {
            revert PILicenseTemplate__DerivativesDisabled_CantAddReciprocal();
        }
        if (terms.derivativeRevCeiling != 0) {
            revert PILicenseTemplate__DerivativesDisabled_CantAddDerivativeRevCeiling();
        }
    }

    function _key(address parentIpId, uint256 id, address childIpId)
        private
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(parentIpId, id, childIpId));
    }

    function _registry() private view returns (LicenseRegistryDouble) {
        return LicenseRegistryDouble(story.at().licenseRegistry);
    }
}
