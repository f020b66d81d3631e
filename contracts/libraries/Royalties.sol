// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {IModelLicensing} from "../interfaces/IModelLicensing.sol";
import {IModelNFT} from "../interfaces/IModelNFT.sol";
import {LicensedParent, Revenue, RevenueAccount} from "../types/License.sol";
import {Payments} from "./Payments.sol";

/// @title Royalties
/// @notice Revenue of models, and how it is divided between a model's owner and its parents.
/// @dev All amounts are totals since the beginning, and each part is the difference of two of them.
/// So it does not matter how often revenue is settled: the parents together get their share rounded up,
/// and what cannot be divided between them, less than a unit for each, stays until the model has earned
/// enough more under the same owner. A seller's rest stays for good: what the model earns after the sale
/// does not add to it.
library Royalties {
    using Payments for Payments.Ledger;
    using SafeCast for uint256;

    /// @notice What models have earned.
    /// @param revenue Keyed by who owned the model when it earned, so that a sale of the model leaves
    /// the seller what is the seller's without having to be told.
    struct Book {
        mapping(uint64 modelId => mapping(address owner => mapping(address asset => Revenue)))
            revenue;
    }

    uint256 private constant _ONE_HUNDRED_PERCENT = 10_000;

    /// @notice Adds to the revenue that a model earns under an owner.
    function earn(Book storage book, uint64 modelId, address owner, address asset, uint256 amount)
        internal
    {
        if (amount != 0) book.revenue[modelId][owner][asset].earned += amount.toUint128();
    }

    /// @notice Divides what a model has earned and nobody has divided yet: one generation.
    /// @param ledger Gets what the owner keeps.
    /// @param parents The model's parents, which never change once it has earned something.
    /// @return amount How much was divided; 0 if there was nothing.
    function settle(
        Book storage book,
        Payments.Ledger storage ledger,
        LicensedParent[8] storage parents,
        IModelNFT nft,
        RevenueAccount calldata account
    ) internal returns (uint256 amount) {
        Revenue storage revenue = book.revenue[account.modelId][account.owner][account.asset];
        (uint256 from, uint256 to) = (revenue.settled, revenue.earned);
        if (from == to) return 0;
        revenue.settled = revenue.earned;

        uint256 totalBps = _total(parents);
        if (totalBps != 0) _moveUp(book, parents, totalBps, nft, account, from, to);
        amount = to - from;
        uint256 rest = kept(from, to, totalBps);
        if (rest != 0) ledger.credit(account.owner, account.asset, rest);
        emit IModelLicensing.RevenueSettled(
            account.modelId, account.owner, account.asset, amount, rest
        );
    }

    /// @notice What all parents together are due of a revenue, rounded up.
    function royalties(uint256 revenue, uint256 totalBps) internal pure returns (uint256) {
        return Math.ceilDiv(revenue * totalBps, _ONE_HUNDRED_PERCENT);
    }

    /// @notice What one parent gets when a revenue grows.
    /// @param from The revenue that was divided before.
    /// @param to The revenue that has been divided now.
    /// @param bps The parent's share.
    /// @param totalBps The shares of all parents, not zero.
    function part(uint256 from, uint256 to, uint256 bps, uint256 totalBps)
        internal
        pure
        returns (uint256)
    {
        return royalties(to, totalBps) * bps / totalBps - royalties(from, totalBps) * bps / totalBps;
    }

    /// @notice What the owner keeps when a revenue grows.
    function kept(uint256 from, uint256 to, uint256 totalBps) internal pure returns (uint256) {
        return (to - royalties(to, totalBps)) - (from - royalties(from, totalBps));
    }

    /// @dev Makes the parents' parts of a revenue that has grown revenue of theirs.
    function _moveUp(
        Book storage book,
        LicensedParent[8] storage parents,
        uint256 totalBps,
        IModelNFT nft,
        RevenueAccount calldata account,
        uint256 from,
        uint256 to
    ) private {
        uint256 count = parents[0].parentCount;
        for (uint256 i; i < count; ++i) {
            uint64 parentId = parents[i].modelId;
            uint256 moved = part(from, to, parents[i].shareBps, totalBps);
            if (moved == 0) continue;
            address owner = nft.ownerOf(parentId);
            earn(book, parentId, owner, account.asset, moved);
            emit IModelLicensing.RoyaltyMoved(
                parentId, account.modelId, account.asset, owner, moved
            );
        }
    }

    function _total(LicensedParent[8] storage parents) private view returns (uint256 totalBps) {
        uint256 count = parents[0].parentCount;
        for (uint256 i; i < count; ++i) {
            totalBps += parents[i].shareBps;
        }
    }
}
