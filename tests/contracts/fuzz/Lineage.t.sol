// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Lineage} from "../../../contracts/libraries/Lineage.sol";
import {Parent, Relation, RevocationReason} from "../../../contracts/types/Model.sol";
import {VersionKey, toVersionKey} from "../../../contracts/types/VersionKey.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice Lineage on random graphs, against closures kept as bit sets: node i's set is itself and the
/// union of its parents' sets, so that nothing is walked and nothing is bounded.
contract LineageFuzzTest is BaseTest {
    uint256 internal constant NODES = 24;
    uint256 internal constant MODELS = 5;

    uint64[NODES] internal modelIds;
    uint32[NODES] internal versions;
    uint256[NODES] internal ancestry; // bit j of ancestry[i]: i is j or descends from it

    function testFuzz_isTainted_isWhatTheClosureSays(uint256 seed, uint256 revocations) public {
        grow(seed);
        // About one in eight is revoked, so that both answers come up.
        revocations &= revocations >> 85 & revocations >> 170 & (1 << NODES) - 1;
        for (uint256 i; i < NODES; ++i) {
            if (revocations >> i & 1 == 0) continue;
            vm.prank(alice);
            registry.revoke(modelIds[i], versions[i], RevocationReason.PoisonedData);
        }
        for (uint256 i; i < NODES; ++i) {
            assertEq(isTainted(i, uint16(NODES)), ancestry[i] & revocations != 0, "tainted");
        }
    }

    function testFuzz_isTainted_boundIsTheNumberOfAncestors(uint256 seed, uint256 node) public {
        grow(seed);
        node = bound(node, 0, NODES - 1);
        uint16 size;
        for (uint256 set = ancestry[node]; set != 0; set &= set - 1) {
            ++size;
        }
        assertFalse(isTainted(node, size), "enough");
        vm.expectRevert(abi.encodeWithSelector(Lineage.Lineage_VisitsExhausted.selector, size - 1));
        isTainted(node, size - 1);
    }

    /// @dev A bound that is too low may keep the answer back; it never makes it another.
    function testFuzz_isTainted_failsClosed(uint256 seed, uint256 bad, uint16 maxVisits) public {
        grow(seed);
        bad = bound(bad, 0, NODES - 1);
        vm.prank(alice);
        registry.revoke(modelIds[bad], versions[bad], RevocationReason.PoisonedData);
        for (uint256 i; i < NODES; ++i) {
            bytes memory call = abi.encodeCall(
                registry.isTainted, (modelIds[i], versions[i], uint16(bound(maxVisits, 0, NODES)))
            );
            (bool known, bytes memory answer) = address(registry).staticcall(call);
            if (known) {
                assertEq(abi.decode(answer, (bool)), ancestry[i] >> bad & 1 == 1, "tainted");
            } else {
                assertEq(bytes4(answer), Lineage.Lineage_VisitsExhausted.selector, "error");
            }
        }
    }

    function testFuzz_versionKey_roundTripsAndSorts(uint64 a, uint32 b, uint64 c, uint32 d)
        public
        pure
    {
        VersionKey left = toVersionKey(a, b);
        assertEq(left.toModelId(), a, "modelId");
        assertEq(left.toVersion(), b, "version");
        bool after_ = a > c || (a == c && b > d);
        assertEq(left > toVersionKey(c, d), after_, "order");
    }

    /// @dev A sorted choice of existing versions, then up to two of its entries overwritten by a
    /// neighbour of themselves: equal, descending or unknown as chance has it, or still fine.
    function testFuzz_link_takesExactlyAscendingExistingParents(uint256 seed, uint8 changes)
        public
    {
        for (uint64 id = 1; id <= MODELS; ++id) {
            registerAs(alice, vm.toString(id));
            while (registry.modelOf(id).latestVersion < 4) publishAs(alice, id);
        }
        Parent[] memory parents = new Parent[](17);
        uint256 count;
        for (uint256 i; i < 4 * MODELS && count < 17; ++i) {
            if (seed >> i & 1 == 0 && seed % 3 != 0) continue;
            parents[count++] =
                Parent(uint64(i / 4 + 1), uint32(i % 4 + 1), Relation(seed >> (3 * i) & 7));
        }
        shorten(parents, count);
        for (uint256 i; i < changes % 3 && count != 0; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            Parent memory parent = parents[seed % count];
            parent.version = uint32(bound(parent.version + seed / count % 3, 1, 6) - 1);
        }

        bytes memory objection = objectionTo(parents);
        if (objection.length != 0) vm.expectRevert(objection);
        publishAs(alice, 1, parents);
        if (objection.length == 0) assertEq(registry.parentsOf(1, 5), parents, "parents");
    }

    /// @dev The rule said over pairs: each is between nothing and version 4, and above the one before.
    function objectionTo(Parent[] memory parents) internal pure returns (bytes memory) {
        if (parents.length > 16) {
            return abi.encodeWithSelector(Lineage.Lineage_TooManyParents.selector, parents.length);
        }
        for (uint256 i; i < parents.length; ++i) {
            (uint64 id, uint32 number) = (parents[i].modelId, parents[i].version);
            if (i != 0 && parents[i - 1].modelId == id && parents[i - 1].version >= number) {
                return abi.encodeWithSelector(Lineage.Lineage_UnsortedParents.selector, i);
            }
            if (number == 0 || number > 4) {
                return abi.encodeWithSelector(Lineage.Lineage_UnknownParent.selector, id, number);
            }
        }
        return "";
    }

    /// @dev Versions of a few models, each with up to 16 parents among those before it.
    function grow(uint256 seed) internal {
        for (uint256 i; i < NODES; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 wanted = seed & (1 << i) - 1;
            // Fewer and fewer edges: a third of the nodes choose among all, the others among some.
            for (uint256 thin = seed >> 250; thin % 3 != 0; --thin) {
                wanted &= seed >> (40 * (thin % 3));
            }
            (Parent[] memory parents, uint256 chosen) = select(wanted);
            modelIds[i] = i < MODELS ? registerAs(alice, vm.toString(i)) : uint64(i % MODELS) + 1;
            versions[i] = publishAs(alice, modelIds[i], parents);
            ancestry[i] = 1 << i;
            for (uint256 j; j < i; ++j) {
                if (chosen >> j & 1 == 1) ancestry[i] |= ancestry[j];
            }
        }
    }

    /// @dev The first 16 nodes of a set, sorted as the registry wants them: by model, then version.
    function select(uint256 wanted)
        internal
        view
        returns (Parent[] memory parents, uint256 chosen)
    {
        parents = new Parent[](16);
        uint256 count;
        for (uint256 model; model < MODELS; ++model) {
            for (uint256 i = model; i < NODES && count < 16; i += MODELS) {
                if (wanted >> i & 1 == 0) continue;
                parents[count++] = Parent(modelIds[i], versions[i], Relation(i % 8));
                chosen |= 1 << i;
            }
        }
        shorten(parents, count);
    }

    function shorten(Parent[] memory parents, uint256 length) internal pure {
        assembly ("memory-safe") {
            mstore(parents, length)
        }
    }

    function isTainted(uint256 node, uint16 maxVisits) internal view returns (bool) {
        return registry.isTainted(modelIds[node], versions[node], maxVisits);
    }
}
