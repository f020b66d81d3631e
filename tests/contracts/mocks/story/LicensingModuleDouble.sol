// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {
    IStoryDisputeModule
} from "../../../../contracts/interfaces/external/story/IStoryDisputeModule.sol";
import {
    IStoryLicensingModule
} from "../../../../contracts/interfaces/external/story/IStoryLicensingModule.sol";
import {LicensingConfig, PILTerms} from "../../../../contracts/types/Story.sol";
import {IPAccountDouble} from "./IPAccountDouble.sol";
import {LicenseRegistryDouble} from "./LicenseRegistryDouble.sol";
import {LicenseTokenDouble} from "./LicenseTokenDouble.sol";
import {PILicenseTemplateDouble} from "./PILicenseTemplateDouble.sol";
import {RoyaltyModuleDouble} from "./RoyaltyModuleDouble.sol";
import {StoryDouble, StoryModule} from "./StoryDouble.sol";

contract LicensingModuleDouble is IStoryLicensingModule, StoryModule, ReentrancyGuardTransient {
    struct Derivation {
        address childIpId;
        uint256[] tokenIds;
        address[] parentIpIds;
        uint256[] ids;
        uint32[] shares;
        address template;
        uint256 maxFee;
        uint32 maxShare;
    }

    constructor(StoryDouble story) StoryModule(story) {}

    function attachLicenseTerms(address ipId, address template, uint256 id)
        external
        permitted(ipId)
    {
        _checkDispute(ipId);
        _registry().attach(ipId, template, id);
        emit LicenseTermsAttached(msg.sender, ipId, template, id);
    }

    function mintLicenseTokens(
        address ipId,
        address template,
        uint256 id,
        uint256 amount,
        address receiver,
        bytes calldata,
        uint256 maxFee,
        uint32 maxShare
    ) external nonReentrant whenNotPaused returns (uint256 first) {
        if (amount == 0) revert LicensingModule__MintAmountZero();
        if (receiver == address(0)) revert LicensingModule__ReceiverZeroAddress();
        if (!isAccount(ipId)) revert LicensingModule__LicensorIpNotRegistered();
        _checkDispute(ipId);
        uint256 fee = _payForMint(ipId, template, id, amount);
        if (maxFee != 0 && fee > maxFee) {
            revert LicensingModule__MintingFeeExceedMaxMintingFee(fee, maxFee);
        }
        first = _tokens().mint(ipId, template, id, amount, msg.sender, receiver, maxShare);
        emit LicenseTokensMinted(msg.sender, ipId, template, id, amount, receiver, first);
    }

    function registerDerivative(
        address childIpId,
        address[] calldata parentIpIds,
        uint256[] calldata ids,
        address template,
        bytes calldata,
        uint256 maxFee,
        uint32 maxRts,
        uint32 maxShare
    ) external nonReentrant whenNotPaused permitted(childIpId) {
        Derivation memory made;
        (made.childIpId, made.parentIpIds, made.ids) = (childIpId, parentIpIds, ids);
        (made.template, made.maxFee, made.maxShare) = (template, maxFee, maxShare);
        _derive(made, maxRts);
    }

    function registerDerivativeWithLicenseTokens(
        address childIpId,
        uint256[] calldata tokenIds,
        bytes calldata,
        uint32 maxRts
    ) external nonReentrant whenNotPaused permitted(childIpId) {
        if (tokenIds.length == 0) revert LicensingModule__NoLicenseToken();
        Derivation memory made;
        (made.childIpId, made.tokenIds) = (childIpId, tokenIds);
        (made.template, made.parentIpIds, made.ids, made.shares) =
            _tokens().check(msg.sender, childIpId, tokenIds);
        _checkDispute(childIpId);
        if (!_allowed(made)) {
            revert LicensingModule__LicenseTokenNotCompatibleForDerivative(childIpId, tokenIds);
        }
        _registry().link(childIpId, made.parentIpIds, made.template, made.ids, true);
        _linkRoyalties(made, maxRts);
        _tokens().burn(tokenIds);
        _emit(made);
    }

    function setLicensingConfig(
        address ipId,
        address template,
        uint256 id,
        LicensingConfig memory config
    ) external permitted(ipId) whenNotPaused {
        if (template == address(0)) revert LicensingModule__ZeroLicenseTemplate();
        if (id == 0) revert LicensingModule__InvalidLicenseTermsId(template, id);
        PILTerms memory terms = PILicenseTemplateDouble(template).getLicenseTerms(id);
        uint32 share = config.commercialRevShare;
        if (share != 0 && (!terms.commercialUse || share < terms.commercialRevShare)) {
            revert LicensingModule__CurrentLicenseNotAllowOverrideRoyaltyPercent(
                template, id, share
            );
        }
        if (config.mintingFee < terms.defaultMintingFee) {
            revert LicensingModule__LicensingConfigMintingFeeBelowLicenseTerms(
                template, id, config.mintingFee, terms.defaultMintingFee
            );
        }
        if (config.mintingFee != 0 && terms.royaltyPolicy == address(0)) {
            revert LicensingModule__MintingFeeRequiresRoyaltyPolicy();
        }
        if (config.licensingHook != address(0)) {
            revert LicensingModule__InvalidLicensingHook(config.licensingHook);
        }
        _registry().setConfig(ipId, template, id, config);
    }

    function predictMintingLicenseFee(
        address ipId,
        address template,
        uint256 id,
        uint256 amount,
        address receiver,
        bytes calldata
    ) external view returns (address currency, uint256 fee) {
        if (amount == 0) revert LicensingModule__MintAmountZero();
        if (receiver == address(0)) revert LicensingModule__ReceiverZeroAddress();
        LicensingConfig memory config =
            _registry().checkMint(ipId, template, id, hasPermission(ipId));
        PILTerms memory terms = PILicenseTemplateDouble(template).getLicenseTerms(id);
        currency = terms.currency;
        if (terms.royaltyPolicy != address(0)) fee = _fee(config, terms) * amount;
    }

    function _payForMint(address ipId, address template, uint256 id, uint256 amount)
        private
        returns (uint256 fee)
    {
        bool byOwner = hasPermission(ipId);
        if (byOwner && msg.sender != ipId) {
            IPAccountDouble(payable(ipId))
                .updateStateForValidSigner(msg.sender, address(this), msg.data);
        }
        LicensingConfig memory config = _registry().checkMint(ipId, template, id, byOwner);
        if (byOwner) _registry().setTemplate(ipId, template);
        if (config.disabled) revert LicensingModule__LicenseDisabled(ipId, template, id);
        fee = _pay(ipId, PILicenseTemplateDouble(template).getLicenseTerms(id), config, amount);
        if (!PILicenseTemplateDouble(template).verifyMintLicenseToken(id, ipId)) {
            revert LicensingModule__LicenseDenyMintLicenseToken(template, id, ipId);
        }
    }

    function _derive(Derivation memory made, uint32 maxRts) private {
        if (made.parentIpIds.length != made.ids.length) {
            revert LicensingModule__LicenseTermsLengthMismatch(
                made.parentIpIds.length, made.ids.length
            );
        }
        if (made.ids.length == 0) revert LicensingModule__NoParentIp();
        _checkDispute(made.childIpId);
        if (!_allowed(made)) {
            revert LicensingModule__LicenseNotCompatibleForDerivative(made.childIpId);
        }
        if (_tokens().getTotalTokensByLicensor(made.childIpId) != 0) {
            revert LicensingModule__DerivativeAlreadyHasBeenMintedLicenseTokens(made.childIpId);
        }
        _registry().link(made.childIpId, made.parentIpIds, made.template, made.ids, false);
        _payParents(made);
        _takeShares(made);
        _linkRoyalties(made, maxRts);
        _emit(made);
    }

    function _allowed(Derivation memory made) private view returns (bool) {
        return PILicenseTemplateDouble(made.template)
            .verifyRegisterDerivativeForAllParents(made.childIpId, made.parentIpIds, made.ids);
    }

    function _emit(Derivation memory made) private {
        emit DerivativeRegistered(
            msg.sender, made.childIpId, made.tokenIds, made.parentIpIds, made.ids, made.template
        );
    }

    function _payParents(Derivation memory made) private {
        uint256 total;
        for (uint256 i; i < made.ids.length; ++i) {
            (address parentIpId, uint256 id) = (made.parentIpIds[i], made.ids[i]);
            LicensingConfig memory config =
                _registry().getLicensingConfig(parentIpId, made.template, id);
            if (config.disabled) {
                revert LicensingModule__LicenseDisabled(parentIpId, made.template, id);
            }
            _checkPolicy(made.template, made.ids, i);
            total += _pay(parentIpId, _termsOf(made.template, id), config, 1);
            if (made.maxFee != 0 && total > made.maxFee) {
                revert LicensingModule__MintingFeeExceedMaxMintingFee(total, made.maxFee);
            }
        }
    }

    function _pay(
        address ipId,
        PILTerms memory terms,
        LicensingConfig memory config,
        uint256 amount
    ) private returns (uint256 fee) {
        if (terms.royaltyPolicy == address(0)) return 0;
        uint32 share = terms.commercialRevShare;
        if (config.commercialRevShare != 0) share = config.commercialRevShare;
        _royalties().onLicenseMinting(ipId, share);
        fee = _fee(config, terms) * amount;
        if (fee != 0) _royalties().payLicenseMintingFee(ipId, msg.sender, terms.currency, fee);
    }

    function _fee(LicensingConfig memory config, PILTerms memory terms)
        private
        pure
        returns (uint256)
    {
        return config.isSet ? config.mintingFee : terms.defaultMintingFee;
    }

    function _takeShares(Derivation memory made) private view {
        made.shares = new uint32[](made.ids.length);
        uint32 total;
        for (uint256 i; i < made.ids.length; ++i) {
            made.shares[i] =
                _registry().getRoyaltyPercent(made.parentIpIds[i], made.template, made.ids[i]);
            total += made.shares[i];
            if (made.maxShare != 0 && total > made.maxShare) {
                revert LicensingModule__ExceedMaxRevenueShare(
                    made.parentIpIds[i], made.template, made.ids[i], total, made.maxShare
                );
            }
        }
    }

    function _linkRoyalties(Derivation memory made, uint32 maxRts) private {
        for (uint256 i; i < made.ids.length; ++i) {
            _checkPolicy(made.template, made.ids, i);
        }
        address policy = _termsOf(made.template, made.ids[0]).royaltyPolicy;
        if (policy == address(0)) return;
        _royalties().onLinkToParents(made.childIpId, made.parentIpIds, policy, made.shares, maxRts);
    }

    function _termsOf(address template, uint256 id) private view returns (PILTerms memory) {
        return PILicenseTemplateDouble(template).getLicenseTerms(id);
    }

    function _checkPolicy(address template, uint256[] memory ids, uint256 i) private view {
        address first = PILicenseTemplateDouble(template).getLicenseTerms(ids[0]).royaltyPolicy;
        address other = PILicenseTemplateDouble(template).getLicenseTerms(ids[i]).royaltyPolicy;
        if (other != first) revert LicensingModule__RoyaltyPolicyMismatch(first, other);
    }

    function _checkDispute(address ipId) private view {
        if (IStoryDisputeModule(story.at().disputeModule).isIpTagged(ipId)) {
            revert LicensingModule__DisputedIpId();
        }
    }

    function _registry() private view returns (LicenseRegistryDouble) {
        return LicenseRegistryDouble(story.at().licenseRegistry);
    }

    function _tokens() private view returns (LicenseTokenDouble) {
        return LicenseTokenDouble(story.at().licenseToken);
    }

    function _royalties() private view returns (RoyaltyModuleDouble) {
        return RoyaltyModuleDouble(story.at().royaltyModule);
    }
}
