// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC20} from "@openzeppelin/contracts/token/ERC20/ERC20.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {EnumerableSet} from "@openzeppelin/contracts/utils/structs/EnumerableSet.sol";

import {
    IStoryDisputeModule
} from "../../../../contracts/interfaces/external/story/IStoryDisputeModule.sol";
import {
    IStoryRoyaltyVault
} from "../../../../contracts/interfaces/external/story/IStoryRoyaltyVault.sol";
import {StoryDouble} from "./StoryDouble.sol";

/// @notice All royalty tokens are the account's at first; who holds them shares what comes in then.
contract RoyaltyVaultDouble is IStoryRoyaltyVault, ERC20("Royalty Token", "RT") {
    using EnumerableSet for EnumerableSet.AddressSet;
    using SafeERC20 for IERC20;

    StoryDouble private immutable _story;

    address public immutable ipId;

    EnumerableSet.AddressSet private _tokens;

    mapping(address token => uint256) private _income;
    mapping(address token => mapping(address holder => int256)) private _debt;

    constructor(StoryDouble story, address ipId_) {
        _story = story;
        ipId = ipId_;
        _mint(ipId_, 100_000_000);
    }

    function decimals() public pure override returns (uint8) {
        return 6;
    }

    function updateVaultBalance(address token, uint256 amount) external {
        if (msg.sender != _story.at().royaltyModule && msg.sender != _story.at().royaltyPolicyLAP) {
            revert IpRoyaltyVault__NotAllowedToAddTokenToVault();
        }
        if (!_story.isToken(token)) revert IpRoyaltyVault__NotWhitelistedRoyaltyToken();
        if (amount == 0) revert IpRoyaltyVault__ZeroAmount();
        _tokens.add(token);
        _income[token] += amount;
        emit RevenueTokenAddedToVault(token, amount);
    }

    function claimRevenueOnBehalf(address claimer, address token)
        external
        returns (uint256 amount)
    {
        _story.requireNotPaused();
        amount = claimableRevenue(claimer, token);
        if (amount == 0) revert IpRoyaltyVault__NoClaimableTokens();
        _debt[token][claimer] += int256(amount * totalSupply());
        emit RevenueTokenClaimed(claimer, token, amount);
        IERC20(token).safeTransfer(claimer, amount);
    }

    function claimableRevenue(address claimer, address token) public view returns (uint256) {
        if (IStoryDisputeModule(_story.at().disputeModule).isIpTagged(ipId)) return 0;
        int256 due = int256(_income[token] * balanceOf(claimer)) - _debt[token][claimer];
        return uint256(due) / totalSupply();
    }

    /// @dev What came in before stays with who held the tokens then.
    function _update(address from, address to, uint256 amount) internal override {
        for (uint256 i; from != address(0) && i < _tokens.length(); ++i) {
            address token = _tokens.at(i);
            int256 moved = int256(_income[token] * amount);
            _debt[token][to] += moved;
            _debt[token][from] -= moved;
        }
        super._update(from, to, amount);
    }
}
