// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {
    IStoryRoyaltyModule
} from "../../../../contracts/interfaces/external/story/IStoryRoyaltyModule.sol";
import {
    IStoryRoyaltyPolicy
} from "../../../../contracts/interfaces/external/story/IStoryRoyaltyPolicy.sol";
import {RoyaltyVaultDouble} from "./RoyaltyVaultDouble.sol";
import {StoryDouble, StoryModule} from "./StoryDouble.sol";

/// @notice Absolute royalties: every ancestor has its share of the revenue of every descendant, once
/// for each path between them. What is due is kept here until somebody moves it.
contract RoyaltyPolicyLAPDouble is IStoryRoyaltyPolicy, StoryModule {
    using SafeERC20 for IERC20;

    /// @notice As Story says it.
    error RoyaltyPolicyLAP__NotRoyaltyModule();

    uint32 private constant WHOLE = 100_000_000;

    struct Link {
        address parentIpId;
        uint32 share;
    }

    mapping(address ipId => Link[]) private _links;

    mapping(address ipId => uint32) public getPolicyRoyaltyStack;
    mapping(address ipId => mapping(address ancestorIpId => mapping(address token => uint256)))
        public getTransferredTokens;

    modifier onlyRoyaltyModule() {
        if (msg.sender != story.at().royaltyModule) revert RoyaltyPolicyLAP__NotRoyaltyModule();
        _;
    }

    constructor(StoryDouble story) StoryModule(story) {}

    function onLicenseMinting(address ipId, uint32 share) external view onlyRoyaltyModule {
        if (uint256(getPolicyRoyaltyStack[ipId]) + share > WHOLE) {
            revert RoyaltyPolicyLAP__AboveMaxPercent();
        }
    }

    function onLinkToParents(address ipId, address[] calldata parentIpIds, uint32[] calldata shares)
        external
        onlyRoyaltyModule
        returns (uint32 stack)
    {
        for (uint256 i; i < parentIpIds.length; ++i) {
            _links[ipId].push(Link(parentIpIds[i], shares[i]));
            stack += shares[i] + getPolicyRoyaltyStack[parentIpIds[i]];
        }
        getPolicyRoyaltyStack[ipId] = stack;
    }

    function transferToVault(address ipId, address ancestorIpId, address token)
        external
        whenNotPaused
        returns (uint256 amount)
    {
        if (ipId == ancestorIpId) revert RoyaltyPolicyLAP__SameIpTransfer();
        uint256 share = _shareOf(ancestorIpId, ipId);
        if (share == 0) revert RoyaltyPolicyLAP__ZeroClaimableRoyalty();

        IStoryRoyaltyModule royalties = IStoryRoyaltyModule(story.at().royaltyModule);
        uint256 due = royalties.totalRevenueTokensReceived(ipId, token) * share / WHOLE;
        amount = Math.min(
            due - getTransferredTokens[ipId][ancestorIpId][token],
            IERC20(token).balanceOf(address(this))
        );
        getTransferredTokens[ipId][ancestorIpId][token] += amount;
        address vault = royalties.ipRoyaltyVaults(ancestorIpId);
        RoyaltyVaultDouble(vault).updateVaultBalance(token, amount);
        IERC20(token).safeTransfer(vault, amount);
        emit RevenueTransferredToVault(ipId, ancestorIpId, token, amount);
    }

    function _shareOf(address ancestorIpId, address ipId) private view returns (uint256 share) {
        Link[] storage links = _links[ipId];
        for (uint256 i; i < links.length; ++i) {
            share += links[i].parentIpId == ancestorIpId
                ? links[i].share
                : _shareOf(ancestorIpId, links[i].parentIpId);
        }
    }
}
