// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";

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
    IStoryRoyaltyModule
} from "../../../../contracts/interfaces/external/story/IStoryRoyaltyModule.sol";
import {RoyaltyPolicyLAPDouble} from "./RoyaltyPolicyLAPDouble.sol";
import {RoyaltyVaultDouble} from "./RoyaltyVaultDouble.sol";
import {StoryDouble, StoryModule} from "./StoryDouble.sol";

contract RoyaltyModuleDouble is IStoryRoyaltyModule, StoryModule {
    using SafeERC20 for IERC20;

    /// @notice As Story says it.
    error RoyaltyModule__NotAllowedCaller();

    uint32 private constant WHOLE = 100_000_000;

    address public treasury;
    uint32 public royaltyFeePercent;

    mapping(address ipId => address) public ipRoyaltyVaults;
    mapping(address ipId => uint32) public globalRoyaltyStack;
    mapping(address ipId => mapping(address token => uint256)) public totalRevenueTokensReceived;
    mapping(address ipId => bool) private _linked;

    modifier onlyLicensingModule() {
        if (msg.sender != story.at().licensingModule) revert RoyaltyModule__NotAllowedCaller();
        _;
    }

    constructor(StoryDouble story) StoryModule(story) {}

    function setRoyaltyFee(address treasury_, uint32 percent) external {
        (treasury, royaltyFeePercent) = (treasury_, percent);
    }

    function deployVault(address ipId) external whenNotPaused returns (address) {
        if (ipRoyaltyVaults[ipId] != address(0)) revert RoyaltyModule__VaultAlreadyDeployed();
        if (!IStoryIPAssetRegistry(story.at().ipAssetRegistry).isRegistered(ipId)) {
            revert RoyaltyModule__IpIdNotRegistered();
        }
        return _deployVault(ipId);
    }

    function onLicenseMinting(address ipId, uint32 share) external onlyLicensingModule {
        if (share > WHOLE) revert RoyaltyModule__AboveMaxPercent();
        if (ipRoyaltyVaults[ipId] == address(0)) _deployVault(ipId);
        _policy().onLicenseMinting(ipId, share);
    }

    function onLinkToParents(
        address ipId,
        address[] calldata parentIpIds,
        address policy,
        uint32[] calldata shares,
        uint32
    ) external onlyLicensingModule {
        // Absolute royalties take no royalty tokens, so that there is nothing to compare maxRts with.
        if (ipRoyaltyVaults[ipId] == address(0)) _deployVault(ipId);
        uint32 stack = _policy().onLinkToParents(ipId, parentIpIds, shares);
        if (stack > WHOLE) revert RoyaltyModule__AboveMaxPercent();
        (globalRoyaltyStack[ipId], _linked[ipId]) = (stack, true);
        address[] memory policies = new address[](parentIpIds.length);
        for (uint256 i; i < policies.length; ++i) {
            policies[i] = policy;
        }
        emit LinkedToParents(ipId, parentIpIds, policies, shares, "");
    }

    function payRoyaltyOnBehalf(address ipId, address payerIpId, address token, uint256 amount)
        external
        whenNotPaused
    {
        uint256 rest = _pay(ipId, msg.sender, token, amount);
        emit RoyaltyPaid(ipId, payerIpId, msg.sender, token, amount, rest);
    }

    function payLicenseMintingFee(address ipId, address payer, address token, uint256 amount)
        external
        onlyLicensingModule
    {
        uint256 rest = _pay(ipId, payer, token, amount);
        emit LicenseMintingFeePaid(ipId, payer, token, amount, rest);
    }

    function accumulatedRoyaltyPolicies(address ipId)
        external
        view
        returns (address[] memory policies)
    {
        policies = new address[](_linked[ipId] ? 1 : 0);
        if (_linked[ipId]) policies[0] = story.at().royaltyPolicyLAP;
    }

    function isWhitelistedRoyaltyToken(address token) external view returns (bool) {
        return story.isToken(token);
    }

    function isWhitelistedRoyaltyPolicy(address policy) external view returns (bool) {
        return policy == story.at().royaltyPolicyLAP;
    }

    function _pay(address ipId, address payer, address token, uint256 amount)
        private
        returns (uint256 rest)
    {
        if (amount == 0) revert RoyaltyModule__ZeroAmount();
        if (!story.isToken(token)) revert RoyaltyModule__NotWhitelistedRoyaltyToken();
        if (IStoryDisputeModule(story.at().disputeModule).isIpTagged(ipId)) {
            revert RoyaltyModule__IpIsTagged();
        }
        if (IStoryLicenseRegistry(story.at().licenseRegistry).isExpiredNow(ipId)) {
            revert RoyaltyModule__IpExpired();
        }
        uint256 fee = amount * royaltyFeePercent / WHOLE;
        if (fee != 0) IERC20(token).safeTransferFrom(payer, treasury, fee);
        else if (royaltyFeePercent != 0) revert RoyaltyModule__PaymentAmountIsTooLow();
        rest = amount - fee;

        uint256 above = rest * globalRoyaltyStack[ipId] / WHOLE;
        if (above != 0) {
            IERC20(token).safeTransferFrom(payer, story.at().royaltyPolicyLAP, above);
        }
        totalRevenueTokensReceived[ipId][token] += rest;
        if (rest == above) return rest;

        address vault = ipRoyaltyVaults[ipId];
        if (vault == address(0)) revert RoyaltyModule__ZeroReceiverVault();
        RoyaltyVaultDouble(vault).updateVaultBalance(token, rest - above);
        IERC20(token).safeTransferFrom(payer, vault, rest - above);
    }

    function _deployVault(address ipId) private returns (address vault) {
        vault = address(new RoyaltyVaultDouble(story, ipId));
        ipRoyaltyVaults[ipId] = vault;
        emit IpRoyaltyVaultDeployed(ipId, vault);
    }

    function _policy() private view returns (RoyaltyPolicyLAPDouble) {
        return RoyaltyPolicyLAPDouble(story.at().royaltyPolicyLAP);
    }
}
