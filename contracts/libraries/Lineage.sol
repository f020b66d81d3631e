// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Parent, Relation, Status, VersionRecord} from "../types/Model.sol";
import {VersionKey, toVersionKey} from "../types/VersionKey.sol";
import {Visits, Walk} from "./Walk.sol";

/// @title Lineage
/// @notice Edges from versions to their parents, and what follows from them. The graph is acyclic by
/// construction: a parent has to exist before its child does.
library Lineage {
    using Walk for VersionKey;
    using Walk for Visits;

    /// @notice Most parents of one version.
    uint256 internal constant MAX_PARENTS = 16;

    /// @notice Most versions that one walk visits: with one or two parents each, they fit well into the
    /// 2^24 gas that a transaction may use (EIP-7825).
    uint16 internal constant MAX_VISITS = 2048;

    /// @dev An edge is the parent's key (96 bits) above the relation (8 bits); two share a slot.
    uint256 private constant _EDGE_BITS = 104;

    /// @notice Thrown when a version is given more than 16 parents.
    error Lineage_TooManyParents(uint256 count);

    /// @notice Thrown when a parent is not a published version.
    error Lineage_UnknownParent(uint64 modelId, uint32 version);

    /// @notice Thrown when the parent at an index does not come after the one before it.
    error Lineage_UnsortedParents(uint256 index);

    /// @notice Thrown when a walk would have to visit more versions than it may.
    error Lineage_VisitsExhausted(uint16 maxVisits);

    /// @notice Stores a new version's edges, after checking them.
    /// @dev The child has no status yet, so that it cannot be its own parent.
    function link(
        mapping(VersionKey => VersionRecord) storage records,
        VersionKey child,
        Parent[] calldata parents
    ) internal {
        uint256 count = parents.length;
        if (count > MAX_PARENTS) revert Lineage_TooManyParents(count);

        VersionKey previous;
        uint256 pair;
        for (uint256 i; i < count; ++i) {
            Parent calldata parent = parents[i];
            VersionKey key = toVersionKey(parent.modelId, parent.version);
            if (!(key > previous)) revert Lineage_UnsortedParents(i);
            if (records[key].status == Status.None) {
                revert Lineage_UnknownParent(key.toModelId(), key.toVersion());
            }
            previous = key;

            uint256 edge = (uint256(VersionKey.unwrap(key)) << 8) | uint8(parent.relation);
            pair = i % 2 == 0 ? edge : pair | (edge << _EDGE_BITS);
            if (i % 2 == 1 || i + 1 == count) records[child].parentPairs[i / 2] = pair;
        }
    }

    /// @notice A version's edges, in the order in which they were stored.
    function parentsOf(VersionRecord storage child)
        internal
        view
        returns (Parent[] memory parents)
    {
        parents = new Parent[](child.parentCount);
        for (uint256 i; i < parents.length; ++i) {
            (VersionKey key, Relation relation) = _edge(child, i);
            parents[i] = Parent(key.toModelId(), key.toVersion(), relation);
        }
    }

    /// @notice Whether a version or one of its ancestors is revoked.
    /// @dev Breadth first, each version once, so that diamonds cost no more than lines. What would not
    /// fit into the bound is not queued; the answer is no longer "no" then, but may still be "yes".
    function isTainted(
        mapping(VersionKey => VersionRecord) storage records,
        VersionKey start,
        uint16 maxVisits
    ) internal view returns (bool) {
        if (maxVisits == 0) revert Lineage_VisitsExhausted(maxVisits);
        if (maxVisits > MAX_VISITS) maxVisits = MAX_VISITS;

        Visits memory visits = start.from(maxVisits);
        bool exhausted;

        for (uint256 i; i < visits.queued; ++i) {
            VersionRecord storage record = records[visits.queue[i]];
            if (record.status == Status.Revoked) return true;

            uint256 count = record.parentCount;
            for (uint256 j; j < count && !exhausted; ++j) {
                (VersionKey parent,) = _edge(record, j);
                exhausted = !visits.add(parent);
            }
        }
        if (exhausted) revert Lineage_VisitsExhausted(maxVisits);
        return false;
    }

    function _edge(VersionRecord storage child, uint256 index)
        private
        view
        returns (VersionKey parent, Relation relation)
    {
        uint256 edge = child.parentPairs[index / 2] >> (index % 2 * _EDGE_BITS);
        // forge-lint: disable-next-line(unsafe-typecast) the low 8 and the next 96 bits are meant
        return (VersionKey.wrap(uint96(edge >> 8)), Relation(uint8(edge)));
    }
}
