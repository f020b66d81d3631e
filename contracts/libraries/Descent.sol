// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModelLicensing} from "../interfaces/IModelLicensing.sol";
import {IModelNFT} from "../interfaces/IModelNFT.sol";
import {IModelRegistry} from "../interfaces/IModelRegistry.sol";
import {IPromotionGate} from "../interfaces/IPromotionGate.sol";
import {Parent} from "../types/Model.sol";
import {VersionKey, toVersionKey} from "../types/VersionKey.sol";
import {Lineage} from "./Lineage.sol";
import {Visits, Walk} from "./Walk.sol";

/// @title Descent
/// @notice Whether what a version descends from is as a policy wants it. No attestation says so: it is
/// looked up, and at each move anew.
library Descent {
    using Walk for VersionKey;
    using Walk for Visits;

    /// @notice How many versions are looked at for licences by a policy that sets no bound itself.
    uint16 internal constant LICENCE_VISITS = 256;

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
        if (lineageVisits == 0) lineageVisits = LICENCE_VISITS;
        if (lineageVisits > Lineage.MAX_VISITS) lineageVisits = Lineage.MAX_VISITS;
        _checkLicences(registry, licensing, toVersionKey(modelId, version), lineageVisits);
    }

    /// @dev Walks over versions of the owner's models, and asks for a licence wherever an edge leaves
    /// them. What lies beyond is for its own owner to have licensed.
    function _checkLicences(
        IModelRegistry registry,
        IModelLicensing licensing,
        VersionKey start,
        uint16 maxVisits
    ) private view {
        IModelNFT nft = registry.nft();
        address owner = nft.ownerOf(start.toModelId());
        Visits memory visits = start.from(maxVisits);
        for (uint256 i; i < visits.queued; ++i) {
            uint64 childId = visits.queue[i].toModelId();
            Parent[] memory parents = registry.parentsOf(childId, visits.queue[i].toVersion());
            for (uint256 j; j < parents.length; ++j) {
                uint64 parentId = parents[j].modelId;
                if (parentId == childId || nft.ownerOf(parentId) == owner) {
                    if (!visits.add(toVersionKey(parentId, parents[j].version))) {
                        revert Lineage.Lineage_VisitsExhausted(maxVisits);
                    }
                } else if (!licensing.isLicensed(childId, parentId)) {
                    revert IPromotionGate.PromotionGate_UnlicensedParent(childId, parentId);
                }
            }
        }
    }
}
