// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModelLicensing} from "../interfaces/IModelLicensing.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IPromotionGate} from "../interfaces/IPromotionGate.sol";
import {Parent} from "../types/Model.sol";

/// @title Descent
/// @notice Whether what a version descends from is as a policy wants it. No attestation says so: it is
/// looked up, and at each move anew.
library Descent {
    /// @notice Reverts unless a version's descent is sound and licensed, as far as that is asked.
    /// @param lineageVisits See `Policy`.
    /// @param licensedParents See `Policy`.
    function check(
        IModelRegistry registry,
        IModelLicensing licensing,
        uint64 modelId,
        uint32 version,
        uint16 lineageVisits,
        bool licensedParents
    ) internal view {
        if (lineageVisits != 0 && registry.isTainted(modelId, version, lineageVisits)) {
            revert IPromotionGate.PromotionGate_Tainted(modelId, version);
        }
        if (!licensedParents) return;
        Parent[] memory parents = registry.parentsOf(modelId, version);
        for (uint256 i; i < parents.length; ++i) {
            uint64 parentId = parents[i].modelId;
            // A version's parents may be versions of its own model.
            if (parentId != modelId && !licensing.isLicensed(modelId, parentId)) {
                revert IPromotionGate.PromotionGate_UnlicensedParent(modelId, parentId);
            }
        }
    }
}
