// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Alias, AliasMove, Version} from "../../../contracts/types/Model.sol";
import {BaseTest} from "../Base.t.sol";
import {RegistryGhost} from "./handlers/RegistryGhost.sol";
import {RegistryHandler} from "./handlers/RegistryHandler.sol";

/// @notice What holds after anything that anybody does. Each statement is compared with a model that is
/// kept beside the registry and never asks it; see `RegistryGhost`.
contract ModelRegistryInvariantTest is BaseTest {
    RegistryHandler internal handler;

    function setUp() public override {
        super.setUp();
        vm.warp(START);
        handler = new RegistryHandler(registry);
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: handler.actions()}));
    }

    /// @dev A handler that can never succeed would make every statement here an empty one.
    function afterInvariant() public {
        handler.exercise();
        bytes4[] memory actions = handler.actions();
        for (uint256 i; i < actions.length; ++i) {
            assertGt(handler.calls(actions[i]), 0, vm.toString(bytes32(actions[i])));
        }
        invariant_PublishedVersionsNeverChange();
        invariant_ThePastOfAnAliasNeverChanges();
        invariant_RightsAreThoseThatTheOwnerGave();
        invariant_LineageIsAcyclicAndTaintDescends();
    }

    /// @notice A published version never changes: root, parents, publisher, time. Its status only moves
    /// from published to deprecated to revoked, and its reason comes with the latter.
    function invariant_PublishedVersionsNeverChange() public view {
        for (uint256 i; i < handler.versionCount(); ++i) {
            RegistryGhost.GhostVersion memory ghost = handler.version(i);
            Version memory version = registry.versionOf(ghost.modelId, ghost.number);
            assertEq(version.root.digest, ghost.root.digest, "digest");
            assertEq(version.root.codec, ghost.root.codec, "codec");
            assertEq(version.publisher, ghost.publisher, "publisher");
            assertEq(version.publishedAt, ghost.publishedAt, "publishedAt");
            assertEq(uint8(version.status), uint8(ghost.status), "status");
            assertEq(uint8(version.reason), uint8(ghost.reason), "reason");
            assertEq(
                abi.encode(registry.parentsOf(ghost.modelId, ghost.number)),
                ghost.parents,
                "parents"
            );
        }
        assertEq(registry.modelCount(), handler.models(), "modelCount");
        for (uint64 id = 1; id <= handler.models(); ++id) {
            assertEq(registry.modelOf(id).latestVersion, handler.versionCountOf(id), "latest");
        }
    }

    /// @notice `aliasAt(m, a, t)` never changes for any t in the past: what it has once said it says
    /// again, and it agrees with the moves as they were made.
    function invariant_ThePastOfAnAliasNeverChanges() public view {
        RegistryGhost.Answer[] memory answers = handler.answers();
        for (uint256 i; i < answers.length; ++i) {
            uint32 now_ = registry.aliasAt(answers[i].modelId, answers[i].label, answers[i].time);
            assertEq(now_, answers[i].version, "the same answer");
        }
        bytes32[2] memory labels = handler.labels();
        for (uint64 id = 1; id <= handler.models(); ++id) {
            for (uint256 i; i < 2; ++i) {
                checkMoves(id, labels[i], handler.moves(id, labels[i]));
            }
        }
    }

    function checkMoves(uint64 id, bytes32 label, AliasMove[] memory moves) internal view {
        AliasMove[] memory history = registry.aliasHistory(id, label, 0, type(uint32).max);
        assertEq(abi.encode(history), abi.encode(moves), "history");
        for (uint256 i; i < moves.length; ++i) {
            if (moves[i].since >= block.timestamp) break;
            // The last move within a second is the one that counts for it.
            if (i + 1 < moves.length && moves[i + 1].since == moves[i].since) continue;
            assertEq(registry.aliasAt(id, label, moves[i].since), moves[i].version, "from then on");
        }
        Alias memory alias_ = registry.aliasOf(id, label);
        assertEq(alias_.moves, moves.length, "moves");
        assertEq(alias_.version, handler.pointsTo(id, label), "version");
    }

    /// @notice A publisher can publish and deprecate; it can never move the token or an alias, and a
    /// transfer of the token ends every publisher's right for good. (`intrude` tries the contrary.)
    function invariant_RightsAreThoseThatTheOwnerGave() public view {
        address[] memory actors = handler.actors();
        bytes32[2] memory labels = handler.labels();
        for (uint64 id = 1; id <= handler.models(); ++id) {
            assertEq(nft.ownerOf(id), handler.ownerOf(id), "owner");
            for (uint256 i; i < actors.length; ++i) {
                uint64 expiry = registry.publisherExpiry(id, actors[i]);
                assertEq(expiry, handler.expiryOf(id, actors[i]), "expiry");
                bool may = registry.isPublisher(id, actors[i]);
                assertEq(may, handler.mayPublish(id, actors[i]), "isPublisher");
            }
            for (uint256 i; i < 2; ++i) {
                address gate = registry.aliasOf(id, labels[i]).gate;
                assertEq(gate, handler.gateOf(id, labels[i]), "gate");
            }
        }
        assertEq(address(registry).balance + address(nft).balance, 0, "no money");
    }

    /// @notice Lineage is acyclic, because every parent was published before its child; a version is
    /// tainted exactly when it is revoked or has an ancestor that is; no loop is longer than its bound.
    function invariant_LineageIsAcyclicAndTaintDescends() public view {
        uint256 count = handler.versionCount();
        for (uint256 i; i < count; ++i) {
            RegistryGhost.GhostVersion memory ghost = handler.version(i);
            assertEq(ghost.ancestry >> i, 1, "no ancestor was published later");
            bool tainted = registry.isTainted(ghost.modelId, ghost.number, uint16(count));
            assertEq(tainted, handler.isTainted(i), "tainted");
            assertLe(registry.versionOf(ghost.modelId, ghost.number).parentCount, 16, "parents");
        }
    }
}
