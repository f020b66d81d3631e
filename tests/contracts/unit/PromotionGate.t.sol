// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {IPromotionGate} from "../../../contracts/interfaces/IPromotionGate.sol";
import {Lineage} from "../../../contracts/libraries/Lineage.sol";
import {Kind, Parent, Relation, RevocationReason, Status} from "../../../contracts/types/Model.sol";
import {Policy, Proposal} from "../../../contracts/types/Promotion.sol";
import {PromotionTest} from "../Promotion.t.sol";

/// @notice Proposals: who makes them, when they can be executed, and what can happen in between.
contract PromotionGateTest is PromotionTest {
    /*//////////////////////////////////////////////////////////////
                                PROPOSE
    //////////////////////////////////////////////////////////////*/

    function test_propose_beginsTheDelay() public {
        setPolicy(accurate());
        bytes32[] memory uids = evidence(2);
        bytes32 id = idOf(alice, 2, uids);
        vm.expectEmit(address(gate));
        emit IPromotionGate.PromotionProposed(model, CHAMPION, 2, id, alice, START + DELAY, uids);
        assertEq(propose(2, uids), id, "id");
        Proposal memory proposal = gate.proposalOf(model, CHAMPION, id);
        assertEq(proposal.proposer, alice, "proposer");
        assertEq(proposal.proposedAt, START, "proposedAt");
        assertEq(proposal.round, 1, "round");
        assertEq(gate.proposalIdOf(alice, 2, uids), id, "as it is computed");
        assertEq(champion(), 1, "nothing moved");
    }

    function test_propose_again_beginsTheDelayAgain() public {
        setPolicy(bare());
        bytes32 id = propose(2, uidsOf());
        pass(DELAY);
        propose(2, uidsOf());
        expectExecuteReverts(2, uidsOf(), tooEarly(id, START + 2 * DELAY));
    }

    function test_propose_byAPublisherWhereThePolicySaysSo() public {
        Policy memory policy = bare();
        policy.publishersPropose = true;
        setPolicy(policy);
        vm.prank(alice);
        registry.setPublisher(model, bob, uint64(START + 2 * DELAY));
        proposeAs(bob, 2, uidsOf());
        pass(DELAY);
        executeAs(bob, 2, uidsOf());
        assertEq(champion(), 2, "moved");

        proposeAs(bob, 3, uidsOf());
        pass(DELAY); // his right ends in this very second
        vm.expectRevert(notProposer(bob));
        executeAs(bob, 3, uidsOf());
        vm.expectRevert(notProposer(bob));
        proposeAs(bob, 3, uidsOf());
    }

    function test_propose_revertsWhenTheCallerIsNotAProposer() public {
        setPolicy(accurate());
        vm.startPrank(alice);
        registry.setPublisher(model, bob, type(uint64).max);
        nft.setApprovalForAll(carol, true);
        vm.stopPrank();
        address[4] memory others = [bob, carol, eve, attesters[0]];
        for (uint256 i; i < 4; ++i) {
            vm.expectRevert(notProposer(others[i]));
            proposeAs(others[i], 2, uidsOf());
        }
    }

    function test_propose_revertsWhenThereIsNoPolicy() public {
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_NoPolicy.selector, model, CHAMPION)
        );
        propose(2, uidsOf());
    }

    /// @dev Its delay would pass before there is anything to look at.
    function test_propose_revertsWhenTheVersionIsNotPublished() public {
        setPolicy(bare());
        vm.expectRevert(unknownVersion(4));
        propose(4, uidsOf());
        publishAs(alice, model);
        propose(4, uidsOf());
        vm.expectRevert(unknownVersion(0)); // a rollback can
        propose(0, uidsOf());
    }

    function test_propose_revertsWhenThereAreTooManyAttestations() public {
        setPolicy(bare());
        propose(2, new bytes32[](32));
        bytes memory tooMany =
            abi.encodeWithSelector(IPromotionGate.PromotionGate_TooManyAttestations.selector, 33);
        vm.expectRevert(tooMany);
        propose(2, new bytes32[](33));
        vm.expectRevert(tooMany);
        gate.check(model, CHAMPION, 2, new bytes32[](33), alice);
    }

    /*//////////////////////////////////////////////////////////////
                                EXECUTE
    //////////////////////////////////////////////////////////////*/

    function test_execute_movesTheAlias() public {
        setPolicy(accurate());
        bytes32[] memory uids = evidence(2);
        bytes32 id = propose(2, uids);
        pass(DELAY);
        vm.expectEmit(address(gate));
        emit IPromotionGate.PromotionExecuted(model, CHAMPION, 2, id);
        vm.expectEmit(address(registry));
        emit IModelRegistry.AliasSet(model, CHAMPION, 2, 1);
        execute(2, uids);
        assertEq(champion(), 2, "moved");
        assertEq(gate.proposalOf(model, CHAMPION, id).proposedAt, 0, "used up");
    }

    function test_execute_underEverythingThatCanBeAskedFor() public {
        setPolicy(complete());
        bytes32[] memory uids = uidsOf(approve(1, 2), evaluate(1, 2, FLOOR));
        gate.check(model, CHAMPION, 2, uids, alice);
        propose(2, uids);
        pass(DELAY);
        execute(2, uids);
        assertEq(champion(), 2);
    }

    function test_execute_inOneTransactionWithoutADelay() public {
        Policy memory policy = bare();
        policy.delay = 0;
        setPolicy(policy);
        propose(2, uidsOf());
        execute(2, uidsOf());
        assertEq(champion(), 2);
    }

    function test_execute_severalAtATime() public {
        setPolicy(bare());
        propose(2, uidsOf());
        propose(3, uidsOf());
        pass(DELAY);
        execute(3, uidsOf());
        execute(2, uidsOf());
        assertEq(champion(), 2);
    }

    function test_execute_revertsBeforeTheDelayHasPassed() public {
        setPolicy(bare());
        bytes32 id = propose(2, uidsOf());
        expectExecuteReverts(2, uidsOf(), tooEarly(id, START + DELAY));
        pass(DELAY - 1);
        expectExecuteReverts(2, uidsOf(), tooEarly(id, START + DELAY));
        pass(1);
        execute(2, uidsOf());
    }

    function test_execute_revertsWhenItHasLapsed() public {
        setPolicy(bare());
        bytes32 id = propose(2, uidsOf());
        pass(DELAY + WINDOW + 1);
        expectExecuteReverts(
            2,
            uidsOf(),
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_Lapsed.selector, id, START + DELAY + WINDOW
            )
        );
        vm.warp(block.timestamp - 1);
        execute(2, uidsOf());
    }

    /// @dev Each of them would be a promotion of something else than what was proposed.
    function test_execute_revertsWhenThatWasNotProposed() public {
        setPolicy(bare());
        propose(2, uidsOf());
        pass(DELAY);
        expectExecuteReverts(3, uidsOf(), noProposal(idOf(alice, 3, uidsOf())));
        expectExecuteReverts(2, uidsOf("uid"), noProposal(idOf(alice, 2, uidsOf("uid"))));
        vm.expectRevert(noProposal(idOf(eve, 2, uidsOf())));
        executeAs(eve, 2, uidsOf());

        // Nor of another alias, or model.
        gate2ndAlias();
        vm.startPrank(alice);
        gate.setPolicy(model, "canary", bare());
        vm.expectRevert(noProposal(idOf(alice, 2, uidsOf())));
        gate.execute(model, "canary", 2, uidsOf());
    }

    function test_execute_revertsWhenItWasExecuted() public {
        setPolicy(bare());
        bytes32 id = propose(2, uidsOf());
        pass(DELAY);
        execute(2, uidsOf());
        vm.expectRevert(noProposal(id));
        execute(2, uidsOf());
    }

    function test_execute_revertsWhenThePolicyChanged() public {
        setPolicy(bare());
        bytes32 id = propose(2, uidsOf());
        setPolicy(bare()); // even to the same
        pass(DELAY);
        expectExecuteReverts(
            2,
            uidsOf(),
            abi.encodeWithSelector(IPromotionGate.PromotionGate_StaleProposal.selector, id, 1, 2)
        );
    }

    function test_execute_revertsWhenTheModelWasSold() public {
        setPolicy(bare());
        bytes32 id = propose(2, uidsOf());
        transfer(alice, bob, model);
        pass(DELAY);
        expectExecuteReverts(2, uidsOf(), transferred(id));
        vm.expectRevert(noProposal(idOf(bob, 2, uidsOf())));
        executeAs(bob, 2, uidsOf());

        // Bought back, she is the owner, and has to propose anew.
        transfer(bob, alice, model);
        expectExecuteReverts(2, uidsOf(), transferred(id));
        propose(2, uidsOf());
        pass(DELAY);
        execute(2, uidsOf());
    }

    /// @dev A publisher's right ends with the transfer, and with it what he has proposed: also if the
    /// buyer gives it to him again.
    function test_execute_revertsWhenAPublishersModelWasSold() public {
        Policy memory policy = bare();
        policy.publishersPropose = true;
        setPolicy(policy);
        vm.prank(alice);
        registry.setPublisher(model, bob, type(uint64).max);
        bytes32 id = proposeAs(bob, 2, uidsOf());
        transfer(alice, carol, model);
        vm.prank(carol);
        registry.setPublisher(model, bob, type(uint64).max);
        pass(DELAY);
        vm.expectRevert(transferred(id));
        executeAs(bob, 2, uidsOf());
    }

    function test_execute_revertsWhenTheVersionIsRevoked() public {
        setPolicy(bare());
        propose(2, uidsOf());
        vm.prank(alice);
        registry.revoke(model, 2, RevocationReason.Defective);
        pass(DELAY);
        bytes memory revoked = abi.encodeWithSelector(
            IModelRegistry.ModelRegistry_WrongStatus.selector, model, 2, Status.Revoked
        );
        expectExecuteReverts(2, uidsOf(), revoked);
        vm.expectRevert(revoked);
        gate.check(model, CHAMPION, 2, uidsOf(), alice);
    }

    function test_check_revertsWhenTheVersionIsUnknown() public {
        setPolicy(bare());
        vm.expectRevert(unknownVersion(9));
        gate.check(model, CHAMPION, 9, uidsOf(), alice);
    }

    function test_execute_revertsWhenTheAliasPointsThereAlready() public {
        setPolicy(bare());
        propose(1, uidsOf());
        pass(DELAY);
        expectExecuteReverts(
            1,
            uidsOf(),
            abi.encodeWithSelector(
                IModelRegistry.ModelRegistry_AliasUnchanged.selector, model, CHAMPION, 1
            )
        );
    }

    /*//////////////////////////////////////////////////////////////
                                DESCENT
    //////////////////////////////////////////////////////////////*/

    function test_execute_revertsWhenAnAncestorIsRevoked() public {
        uint64 base = registerAs(bob, "base");
        publishAs(bob, base, one(base, 1));
        uint32 child = publishAs(alice, model, one(base, 2));
        setPolicy(descended(16, false));
        propose(child, uidsOf());
        pass(DELAY);
        uint256 snapshot = vm.snapshotState();
        execute(child, uidsOf());
        vm.revertToState(snapshot);

        vm.prank(bob);
        registry.revoke(base, 1, RevocationReason.PoisonedData);
        bytes memory tainted =
            abi.encodeWithSelector(IPromotionGate.PromotionGate_Tainted.selector, model, child);
        expectExecuteReverts(child, uidsOf(), tainted);
        vm.expectRevert(tainted);
        gate.check(model, CHAMPION, child, uidsOf(), alice);
    }

    function test_execute_revertsWhenTheLineageIsLongerThanIsLookedAt() public {
        publishAs(alice, model, one(model, 3));
        setPolicy(descended(1, false));
        propose(4, uidsOf());
        pass(DELAY);
        expectExecuteReverts(
            4, uidsOf(), abi.encodeWithSelector(Lineage.Lineage_VisitsExhausted.selector, 1)
        );
    }

    function test_execute_doesNotAskForLineageUnlessThePolicyDoes() public {
        uint64 base = registerAs(bob, "base");
        uint32 child = publishAs(alice, model, one(base, 1));
        vm.prank(bob);
        registry.revoke(base, 1, RevocationReason.PoisonedData);
        setPolicy(bare());
        propose(child, uidsOf());
        pass(DELAY);
        execute(child, uidsOf());
    }

    function test_execute_revertsWhenAParentIsNotLicensed() public {
        uint64 base = registerAs(bob, "base");
        uint64 own = registerAs(alice, "own");
        Parent[] memory parents = new Parent[](3);
        parents[0] = one(model, 1)[0];
        (parents[1], parents[2]) = (one(base, 1)[0], one(own, 1)[0]);
        uint32 child = publishAs(alice, model, parents);
        setPolicy(descended(0, true));
        propose(child, uidsOf());
        pass(DELAY);
        bytes memory unlicensed = abi.encodeWithSelector(
            IPromotionGate.PromotionGate_UnlicensedParent.selector, model, base
        );
        expectExecuteReverts(child, uidsOf(), unlicensed);
        vm.expectRevert(unlicensed);
        gate.check(model, CHAMPION, child, uidsOf(), alice);

        // Who owns both needs no licence; nor does a version of the model itself.
        transfer(bob, alice, base);
        uint256 snapshot = vm.snapshotState();
        execute(child, uidsOf());
        vm.revertToState(snapshot);
        transfer(alice, eve, own);
        expectExecuteReverts(
            child,
            uidsOf(),
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_UnlicensedParent.selector, model, own
            )
        );
    }

    /*//////////////////////////////////////////////////////////////
                                 CANCEL
    //////////////////////////////////////////////////////////////*/

    function test_cancel_byWhoProposedOrTheOwner() public {
        Policy memory policy = bare();
        policy.publishersPropose = true;
        setPolicy(policy);
        vm.prank(alice);
        registry.setPublisher(model, bob, type(uint64).max);
        address[2] memory cancelling = [bob, alice];
        for (uint256 i; i < 2; ++i) {
            bytes32 id = proposeAs(bob, 2, uidsOf());
            vm.expectEmit(address(gate));
            emit IPromotionGate.PromotionCancelled(model, CHAMPION, id, cancelling[i]);
            vm.prank(cancelling[i]);
            gate.cancel(model, CHAMPION, id);
            pass(DELAY);
            vm.expectRevert(noProposal(id));
            executeAs(bob, 2, uidsOf());
        }
    }

    /// @dev Whoever comes first: the alias has moved, or it never will by that proposal.
    function test_cancel_isTooLateAfterTheExecution() public {
        setPolicy(bare());
        bytes32 id = propose(2, uidsOf());
        pass(DELAY);
        execute(2, uidsOf());
        vm.expectRevert(noProposal(id));
        vm.prank(alice);
        gate.cancel(model, CHAMPION, id);
    }

    function test_cancel_revertsWhenTheCallerIsNeither() public {
        setPolicy(accurate());
        bytes32 id = propose(2, uidsOf());
        address[2] memory others = [eve, attesters[0]];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IPromotionGate.PromotionGate_NotOwner.selector, model, others[i]
                )
            );
            vm.prank(others[i]);
            gate.cancel(model, CHAMPION, id);
        }
        // A seller can still take back what she proposed; it can not be executed anyway.
        transfer(alice, bob, model);
        vm.prank(alice);
        gate.cancel(model, CHAMPION, id);
    }

    /// @dev The owner of one model has no power over another's proposals, whose ids may be the same.
    function test_cancel_isOfOneModel() public {
        setPolicy(bare());
        bytes32 id = propose(2, uidsOf());
        uint64 other = registerAs(eve, "other");
        vm.expectRevert(noProposal(id));
        vm.prank(eve);
        gate.cancel(other, CHAMPION, id);
    }

    /*//////////////////////////////////////////////////////////////
                                ROLLBACK
    //////////////////////////////////////////////////////////////*/

    function test_rollback_isAtOnce() public {
        setPolicy(accurate());
        promote(2);
        vm.expectEmit(address(gate));
        emit IPromotionGate.RolledBack(model, CHAMPION, 1, 2);
        rollback(1, 0);
        assertEq(champion(), 1, "back");
        rollback(2, 1);
        assertEq(champion(), 2, "and forth: it held it too");
    }

    function test_rollback_toNothing() public {
        setPolicy(accurate());
        vm.expectEmit(address(gate));
        emit IPromotionGate.RolledBack(model, CHAMPION, 0, 2);
        rollback(0, 99);
        assertEq(champion(), 0);
    }

    /// @dev Else a publisher could put in place again what the owner has just taken back.
    function test_rollback_endsWhatWasProposed() public {
        setPolicy(bare());
        promote(2);
        bytes32 id = propose(3, uidsOf());
        rollback(1, 0);
        pass(DELAY);
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_StaleProposal.selector, id, 1, 2)
        );
        execute(3, uidsOf());
    }

    function test_rollback_revertsWhenTheVersionNeverHeldTheAlias() public {
        setPolicy(bare());
        promote(2);
        expectNeverHeld(3, 0);
        expectNeverHeld(3, 2);
        expectNeverHeld(1, 1); // it did, by another move
        expectNeverHeld(2, type(uint32).max);
    }

    /// @dev What the owner did before the gate was no promotion: it could have been anything.
    function test_rollback_revertsWhenItWasBeforeTheGate() public {
        vm.startPrank(alice);
        registry.setAlias(model, "canary", 3);
        registry.setAlias(model, "canary", 2);
        registry.setAliasGate(model, "canary", address(gate));
        gate.setPolicy(model, "canary", bare());
        gate.rollback(model, "canary", 0, 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_NeverHeld.selector, model, bytes32("canary"), 3, 0
            )
        );
        gate.rollback(model, "canary", 3, 0);
        gate.rollback(model, "canary", 2, 1); // where it stood when it came under the gate
        vm.stopPrank();
    }

    function test_rollback_afterAReleaseBeginsAnew() public {
        Policy memory policy = bare();
        policy.notice = 0;
        setPolicy(policy);
        vm.startPrank(alice);
        gate.release(model, CHAMPION, address(0));
        registry.setAlias(model, CHAMPION, 3);
        registry.setAlias(model, CHAMPION, 2);
        registry.setAliasGate(model, CHAMPION, address(gate));
        gate.setPolicy(model, CHAMPION, policy);
        vm.stopPrank();
        expectNeverHeld(3, 1);
        expectNeverHeld(1, 0);
    }

    function test_rollback_ofAnAliasThatNeverMoved() public {
        gate2ndAlias();
        vm.startPrank(alice);
        gate.setPolicy(model, "canary", bare());
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_NeverHeld.selector, model, bytes32("canary"), 1, 0
            )
        );
        gate.rollback(model, "canary", 1, 0);
    }

    function test_rollback_revertsWhenTheVersionIsRevoked() public {
        setPolicy(bare());
        promote(2);
        vm.prank(alice);
        registry.revoke(model, 1, RevocationReason.Defective);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.ModelRegistry_WrongStatus.selector, model, 1, Status.Revoked
            )
        );
        rollback(1, 0);
    }

    function test_rollback_revertsWhenAnAncestorIsRevokedOrUnlicensed() public {
        uint64 base = registerAs(alice, "base");
        uint32 child = publishAs(alice, model, one(base, 1));
        setPolicy(descended(16, true));
        promote(child);
        promote(2);
        transfer(alice, bob, base);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_UnlicensedParent.selector, model, base
            )
        );
        rollback(child, 1);
        vm.prank(bob);
        registry.revoke(base, 1, RevocationReason.PoisonedData);
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_Tainted.selector, model, child)
        );
        rollback(child, 1);
        assertEq(champion(), 2, "unchanged");
    }

    function test_rollback_revertsWhenTheCallerIsNotTheOwner() public {
        Policy memory policy = bare();
        policy.publishersPropose = true;
        setPolicy(policy);
        vm.prank(alice);
        registry.setPublisher(model, bob, type(uint64).max);
        address[2] memory others = [bob, eve];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IPromotionGate.PromotionGate_NotOwner.selector, model, others[i]
                )
            );
            vm.prank(others[i]);
            gate.rollback(model, CHAMPION, 0, 0);
        }
    }

    function test_rollback_revertsWithoutAPolicy() public {
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_NoPolicy.selector, model, CHAMPION)
        );
        rollback(0, 0);
    }

    /*//////////////////////////////////////////////////////////////
                                 HELPERS
    //////////////////////////////////////////////////////////////*/

    function descended(uint16 visits, bool licensed) internal view returns (Policy memory policy) {
        policy = bare();
        (policy.lineageVisits, policy.licensedParents) = (visits, licensed);
    }

    /// @dev Two evaluators found it good.
    function evidence(uint32 version) internal returns (bytes32[] memory) {
        return uidsOf(evaluate(0, version, 930_000), evaluate(2, version, 940_000));
    }

    function promote(uint32 version) internal {
        (Policy memory policy,) = gate.policyOf(model, CHAMPION);
        bytes32[] memory uids = policy.requirements.length == 0 ? uidsOf() : evidence(version);
        propose(version, uids);
        pass(policy.delay);
        execute(version, uids);
    }

    function gate2ndAlias() internal {
        vm.prank(alice);
        registry.setAliasGate(model, "canary", address(gate));
    }

    function expectExecuteReverts(uint32 version, bytes32[] memory uids, bytes memory revertData)
        internal
    {
        vm.expectRevert(revertData);
        execute(version, uids);
        assertEq(champion(), 1, "unchanged");
    }

    function expectNeverHeld(uint32 version, uint32 moveIndex) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_NeverHeld.selector, model, CHAMPION, version, moveIndex
            )
        );
        rollback(version, moveIndex);
    }

    function unknownVersion(uint32 version) internal view returns (bytes memory) {
        return abi.encodeWithSelector(
            IModelRegistry.ModelRegistry_UnknownVersion.selector, model, version
        );
    }

    function noProposal(bytes32 id) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IPromotionGate.PromotionGate_NoProposal.selector, id);
    }

    function transferred(bytes32 id) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IPromotionGate.PromotionGate_Transferred.selector, id);
    }

    function tooEarly(bytes32 id, uint64 executableAt) internal pure returns (bytes memory) {
        return
            abi.encodeWithSelector(IPromotionGate.PromotionGate_TooEarly.selector, id, executableAt);
    }

    function notProposer(address account) internal view returns (bytes memory) {
        return
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_NotProposer.selector, model, account
            );
    }
}
