// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {ModelLicensing} from "../../../contracts/ModelLicensing.sol";
import {ModelRegistry} from "../../../contracts/ModelRegistry.sol";
import {PromotionGate} from "../../../contracts/PromotionGate.sol";
import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {IPromotionGate} from "../../../contracts/interfaces/IPromotionGate.sol";
import {IEAS} from "../../../contracts/interfaces/external/eas/IEAS.sol";
import {PolicyRules} from "../../../contracts/libraries/PolicyRules.sol";
import {Announcement, Policy, Requirement} from "../../../contracts/types/Promotion.sol";
import {PromotionTest} from "../Promotion.t.sol";

/// @notice Policies: who sets them, what they may be, and how long it takes to loosen one.
contract PromotionGatePolicyTest is PromotionTest {
    /*//////////////////////////////////////////////////////////////
                               SETTING ONE
    //////////////////////////////////////////////////////////////*/

    function test_setPolicy_takesTheFirstAtOnce() public {
        Policy memory policy = complete();
        vm.expectEmit(address(gate));
        emit IPromotionGate.PolicySet(model, CHAMPION, 1, policy);
        assertEq(setPolicy(policy), START, "effectiveAt");
        expectPolicy(policy, 1);
    }

    /// @dev A shorter list does not leave what was behind it, nor does a longer one lose anything.
    function test_setPolicy_replacesAllOfIt() public {
        Policy memory policy = complete();
        policy.notice = 0;
        setPolicy(policy);
        policy = bare();
        policy.attesters = new address[](0);
        policy.notice = 0;
        setPolicy(policy);
        expectPolicy(policy, 2);
        policy = full();
        setPolicy(policy);
        expectPolicy(policy, 3);
    }

    function test_setPolicy_isOfOneAlias() public {
        setPolicy(bare());
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_NoPolicy.selector, model, bytes32("canary")
            )
        );
        gate.policyOf(model, "canary");
    }

    function test_setPolicy_revertsWhenTheCallerIsNotTheOwner() public {
        vm.prank(alice);
        registry.setPublisher(model, bob, type(uint64).max);
        address[3] memory others = [bob, eve, attesters[0]];
        for (uint256 i; i < 3; ++i) {
            expectNotOwner(others[i]);
            gate.setPolicy(model, CHAMPION, bare());
        }
        transfer(alice, bob, model);
        expectNotOwner(alice);
        gate.setPolicy(model, CHAMPION, bare());
        vm.prank(bob);
        gate.setPolicy(model, CHAMPION, bare());
    }

    function test_setPolicy_revertsWhenTheModelIsUnknown() public {
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, model + 1)
        );
        gate.setPolicy(model + 1, CHAMPION, bare());
    }

    function test_setPolicy_revertsWhenTheAliasHasAnotherGateOrNone() public {
        vm.startPrank(alice);
        registry.setAliasGate(model, "canary", carol);
        expectNotGate("stable", address(0));
        gate.setPolicy(model, "stable", bare());
        expectNotGate("canary", carol);
        gate.setPolicy(model, "canary", bare());
    }

    function test_setPolicy_revertsWhenTheGateIsOfAnotherRegistry() public {
        ModelRegistry other = new ModelRegistry();
        PromotionGate foreign =
            new PromotionGate(other, new ModelLicensing(other), IEAS(address(eas)));
        vm.startPrank(alice);
        registry.setAliasGate(model, "canary", address(foreign));
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, model)
        );
        foreign.setPolicy(model, "canary", bare());

        // Not with a model of that number either: what it would ask and move is the other registry's.
        other.register(NAME, registry.modelOf(model).kind, cid(1), none());
        expectNotGate("canary", address(0));
        foreign.setPolicy(model, "canary", bare());
    }

    /*//////////////////////////////////////////////////////////////
                              WHAT IT MAY BE
    //////////////////////////////////////////////////////////////*/

    function test_setPolicy_takesTheMost() public {
        Policy memory policy = full();
        (policy.delay, policy.notice) = (365 days, 365 days);
        setPolicy(policy);
        expectPolicy(policy, 1);
    }

    function test_setPolicy_revertsWhenADelayIsTooLong() public {
        bytes memory tooLong =
            abi.encodeWithSelector(PolicyRules.PolicyRules_DelayTooLong.selector, 365 days + 1);
        Policy memory policy = bare();
        policy.delay = 365 days + 1;
        expectRefused(policy, tooLong);
        policy = bare();
        policy.notice = 365 days + 1;
        expectRefused(policy, tooLong);
    }

    function test_setPolicy_revertsWhenThereAreTooMany() public {
        Policy memory policy = bare();
        policy.attesters = new address[](17);
        expectRefused(
            policy, abi.encodeWithSelector(PolicyRules.PolicyRules_TooManyAttesters.selector, 17)
        );
        policy = bare();
        policy.requirements = new Requirement[](9);
        expectRefused(
            policy, abi.encodeWithSelector(PolicyRules.PolicyRules_TooManyRequirements.selector, 9)
        );
    }

    function test_setPolicy_revertsWhenAttestersAreNotInOrder() public {
        bytes4 unsorted = PolicyRules.PolicyRules_UnsortedAttesters.selector;
        Policy memory policy = bare();
        policy.attesters[0] = address(0);
        expectRefused(policy, abi.encodeWithSelector(unsorted, 0));
        policy = bare();
        policy.attesters[2] = policy.attesters[1]; // the same one twice
        expectRefused(policy, abi.encodeWithSelector(unsorted, 2));
        policy = bare();
        policy.attesters[1] = address(1);
        expectRefused(policy, abi.encodeWithSelector(unsorted, 1));
    }

    function test_setPolicy_revertsWhenRequirementsAreNotInOrder() public {
        bytes memory unsorted =
            abi.encodeWithSelector(PolicyRules.PolicyRules_UnsortedRequirements.selector, 1);
        Policy memory policy = complete();
        (policy.requirements[0], policy.requirements[1]) =
        (policy.requirements[1], policy.requirements[0]);
        expectRefused(policy, unsorted);
        policy.requirements[1] = policy.requirements[0]; // with other bounds it would contradict
        expectRefused(policy, unsorted);
        policy.requirements[1] = metric(0, 1, 7, 1);
        policy.requirements[1].subject = "abc";
        expectRefused(policy, unsorted);
    }

    function test_setPolicy_revertsWhenARequirementCanNotBeMet() public {
        expectRefused(
            metric(FLOOR, 1e6, 7, 0),
            abi.encodeWithSelector(PolicyRules.PolicyRules_ZeroQuorum.selector, 1)
        );
        expectRefused(
            metric(FLOOR, 1e6, 5, 3),
            abi.encodeWithSelector(PolicyRules.PolicyRules_UnreachableQuorum.selector, 1, 3, 2)
        );
        expectRefused(
            metric(FLOOR, 1e6, 0, 1),
            abi.encodeWithSelector(PolicyRules.PolicyRules_UnreachableQuorum.selector, 1, 1, 0)
        );
        expectRefused(
            metric(FLOOR, 1e6, 9, 1),
            abi.encodeWithSelector(PolicyRules.PolicyRules_UnknownMember.selector, 1, 9)
        );
        expectRefused(
            metric(FLOOR, FLOOR - 1, 7, 1),
            abi.encodeWithSelector(
                PolicyRules.PolicyRules_ContradictoryBounds.selector, 1, FLOOR, FLOOR - 1
            )
        );
        Requirement memory unnamed = metric(FLOOR, 1e6, 7, 1);
        unnamed.subject = 0;
        expectRefused(
            unnamed, abi.encodeWithSelector(PolicyRules.PolicyRules_NoSubject.selector, 1)
        );
    }

    function test_setPolicy_revertsWhenAnApprovalHasBounds() public {
        Policy memory policy = bare();
        policy.requirements = new Requirement[](1);
        int64[2][2] memory bounds = [[int64(-1), int64(0)], [int64(0), int64(1)]];
        for (uint256 i; i < 2; ++i) {
            policy.requirements[0] = Requirement(0, REVIEWER, bounds[i][0], bounds[i][1], 7, 1);
            expectRefused(
                policy,
                abi.encodeWithSelector(
                    PolicyRules.PolicyRules_ContradictoryBounds.selector,
                    0,
                    bounds[i][0],
                    bounds[i][1]
                )
            );
        }
    }

    /*//////////////////////////////////////////////////////////////
                          TIGHTER AND LOOSER
    //////////////////////////////////////////////////////////////*/

    function test_setPolicy_tightensAtOnce() public {
        setPolicy(accurate());
        Policy[9] memory tighter;
        for (uint256 i; i < 9; ++i) {
            tighter[i] = accurate();
        }
        ++tighter[0].delay;
        ++tighter[1].notice;
        tighter[2].lineageVisits = 1;
        tighter[3].licensedParents = true;
        ++tighter[4].requirements[0].floor;
        --tighter[5].requirements[0].ceiling;
        ++tighter[6].requirements[0].quorum;
        tighter[7].requirements[0].members = 5;
        tighter[8].requirements = complete().requirements;
        tighter[8].requirements[1].quorum = 2;
        for (uint256 i; i < 9; ++i) {
            uint256 snapshot = vm.snapshotState();
            assertEq(setPolicy(tighter[i]), START, vm.toString(i));
            expectPolicy(tighter[i], 2);
            vm.revertToState(snapshot);
        }
    }

    /// @dev With fewer attesters, and the same ones numbered otherwise.
    function test_setPolicy_tightensByLeavingAttestersOut() public {
        setPolicy(accurate());
        Policy memory policy = accurate();
        policy.attesters = new address[](2);
        (policy.attesters[0], policy.attesters[1]) = (attesters[1], attesters[2]);
        policy.requirements[0].members = 3;
        assertEq(setPolicy(policy), START);
    }

    function test_setPolicy_takesAnotherBoundOnLineageAtOnce() public {
        Policy memory policy = complete();
        setPolicy(policy);
        policy.lineageVisits = 2048;
        assertEq(setPolicy(policy), START, "more");
        policy.lineageVisits = 1;
        assertEq(setPolicy(policy), START, "fewer");
    }

    function test_setPolicy_loosensAfterItsNotice() public {
        Policy memory policy = accurate();
        (policy.lineageVisits, policy.licensedParents) = (16, true);
        setPolicy(policy);
        Policy[14] memory looser;
        for (uint256 i; i < 14; ++i) {
            looser[i] = abi.decode(abi.encode(policy), (Policy));
        }
        --looser[0].delay;
        --looser[1].notice;
        looser[2].lineageVisits = 0;
        looser[3].licensedParents = false;
        looser[4].publishersPropose = true;
        --looser[5].requirements[0].floor;
        ++looser[6].requirements[0].ceiling;
        --looser[7].requirements[0].quorum;
        looser[8].requirements = new Requirement[](0);
        looser[9].requirements[0].datasetRoot = "another";
        looser[10].requirements[0].subject = "another";
        looser[11].attesters[2] = address(type(uint160).max); // another one at the end
        looser[12].attesters[1] = address(uint160(attesters[1]) + 1);
        looser[13].attesters = more();
        looser[13].requirements[0].members = 15;
        for (uint256 i; i < 14; ++i) {
            uint256 snapshot = vm.snapshotState();
            vm.expectEmit(address(gate));
            emit IPromotionGate.PolicyAnnounced(model, CHAMPION, START + NOTICE, looser[i]);
            assertEq(setPolicy(looser[i]), START + NOTICE, vm.toString(i));
            expectPolicy(policy, 1);

            pass(NOTICE - 1);
            expectRefused(
                looser[i],
                abi.encodeWithSelector(
                    IPromotionGate.PromotionGate_NoticeRunning.selector, START + NOTICE
                )
            );
            pass(1);
            vm.expectEmit(address(gate));
            emit IPromotionGate.PolicySet(model, CHAMPION, 2, looser[i]);
            assertEq(setPolicy(looser[i]), START + NOTICE, "in force");
            expectPolicy(looser[i], 2);
            vm.revertToState(snapshot);
        }
    }

    /// @dev That a member was one, but of another requirement, is not enough.
    function test_setPolicy_countsNobodyInWhoDidNotCount() public {
        Policy memory policy = complete(); // 0 and 1 approve, 1 and 2 evaluate
        setPolicy(policy);
        policy.requirements[0].members = 5;
        assertEq(setPolicy(policy), START + NOTICE);
    }

    function test_setPolicy_loosensAtOnceWithoutNotice() public {
        Policy memory policy = accurate();
        policy.notice = 0;
        setPolicy(policy);
        policy.requirements = new Requirement[](0);
        assertEq(setPolicy(policy), START);
        expectPolicy(policy, 2);
    }

    function test_setPolicy_announcementLapses() public {
        setPolicy(accurate());
        setPolicy(bare());
        pass(NOTICE + WINDOW);
        uint256 snapshot = vm.snapshotState();
        assertEq(setPolicy(bare()), block.timestamp, "in the last second");
        vm.revertToState(snapshot);
        pass(1);
        assertEq(setPolicy(bare()), block.timestamp + NOTICE, "announced anew");
        expectPolicy(accurate(), 1);
    }

    function test_setPolicy_announcesOneThingAtATime() public {
        setPolicy(accurate());
        Policy memory other = accurate();
        other.requirements[0].floor = 0;
        setPolicy(bare());
        pass(NOTICE);
        setPolicy(other); // the first one is forgotten
        assertEq(setPolicy(bare()), block.timestamp + NOTICE, "announced anew");
        Announcement memory announced = gate.announcementOf(model, CHAMPION);
        assertEq(announced.digest, keccak256(abi.encode(bare())), "digest");
        assertEq(announced.effectiveAt, block.timestamp + NOTICE, "effectiveAt");
    }

    function test_setPolicy_dropsWhatWasAnnouncedUnderAnotherPolicy() public {
        setPolicy(accurate());
        setPolicy(bare());
        setPolicy(accurate()); // as strict as it was
        assertEq(gate.announcementOf(model, CHAMPION).effectiveAt, 0, "nothing is announced");
        pass(NOTICE);
        assertEq(setPolicy(bare()), block.timestamp + NOTICE, "announced anew");
    }

    /// @dev What a seller announced takes effect only by the buyer's own hand.
    function test_setPolicy_afterATransferIsTheNewOwners() public {
        setPolicy(accurate());
        setPolicy(bare());
        transfer(alice, bob, model);
        pass(NOTICE);
        expectNotOwner(alice);
        gate.setPolicy(model, CHAMPION, bare());
        expectPolicy(accurate(), 1);
        vm.prank(bob);
        gate.setPolicy(model, CHAMPION, bare());
        expectPolicy(bare(), 2);
    }

    /*//////////////////////////////////////////////////////////////
                                 RELEASE
    //////////////////////////////////////////////////////////////*/

    function test_release_takesTheNotice() public {
        setPolicy(accurate());
        vm.expectEmit(address(gate));
        emit IPromotionGate.ReleaseAnnounced(model, CHAMPION, START + NOTICE, address(0));
        assertEq(release(address(0)), START + NOTICE, "announced");
        pass(NOTICE - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_NoticeRunning.selector, START + NOTICE
            )
        );
        release(address(0));
        assertEq(registry.aliasOf(model, CHAMPION).gate, address(gate), "gate");

        pass(1);
        vm.expectEmit(address(gate));
        emit IPromotionGate.AliasReleased(model, CHAMPION, address(0));
        assertEq(release(address(0)), START + NOTICE, "done");
        assertEq(registry.aliasOf(model, CHAMPION).gate, address(0), "no gate");
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_NoPolicy.selector, model, CHAMPION)
        );
        gate.policyOf(model, CHAMPION);
        moveAlias(alice, model, 3);
    }

    function test_release_isToTheGateThatWasAnnounced() public {
        setPolicy(accurate());
        release(carol);
        pass(NOTICE);
        assertEq(release(eve), block.timestamp + NOTICE, "another gate is announced anew");
        pass(NOTICE);
        release(eve);
        assertEq(registry.aliasOf(model, CHAMPION).gate, eve);
    }

    function test_release_atOnceWithoutAPolicy() public {
        assertEq(release(carol), START);
        assertEq(registry.aliasOf(model, CHAMPION).gate, carol);
    }

    function test_release_endsWhatWasProposed() public {
        setPolicy(bare());
        propose(2, uidsOf());
        release(address(0));
        pass(NOTICE);
        release(address(0));
        gateAlias(alice, model, address(gate));
        setPolicy(bare());
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_StaleProposal.selector, idOf(alice, 2, uidsOf()), 1, 3
            )
        );
        execute(2, uidsOf());
    }

    function test_release_revertsWhenTheCallerIsNotTheOwner() public {
        expectNotOwner(eve);
        gate.release(model, CHAMPION, address(0));
    }

    function test_release_revertsWhenTheAliasIsNotUnderTheGate() public {
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.ModelRegistry_NotAliasController.selector,
                model,
                bytes32("canary"),
                address(gate)
            )
        );
        vm.prank(alice);
        gate.release(model, "canary", address(0));
    }

    /*//////////////////////////////////////////////////////////////
                               DEPLOYMENT
    //////////////////////////////////////////////////////////////*/

    function test_constructor_revertsWhenThereIsNoService() public {
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_NoService.selector, eve)
        );
        new PromotionGate(registry, licensing, IEAS(eve));
    }

    function test_constructor_revertsWhenTheLicensingIsOfAnotherRegistry() public {
        ModelLicensing foreign = new ModelLicensing(new ModelRegistry());
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_ForeignLicensing.selector, address(foreign)
            )
        );
        new PromotionGate(registry, foreign, IEAS(address(eas)));
    }

    function test_views() public view {
        assertEq(gate.EVALUATION(), evaluation, "as the service's registry has it");
        assertEq(gate.APPROVAL(), approval, "that one too");
        assertEq(address(gate.registry()), address(registry), "registry");
        assertEq(address(gate.licensing()), address(licensing), "licensing");
        assertEq(address(gate.eas()), address(eas), "eas");
        assertEq(gate.MAX_ATTESTATIONS(), 32, "MAX_ATTESTATIONS");
        assertEq(gate.WINDOW(), WINDOW, "WINDOW");
        assertEq(gate.version(), "1.0.0", "version");
    }

    /*//////////////////////////////////////////////////////////////
                                 HELPERS
    //////////////////////////////////////////////////////////////*/

    function release(address to) internal returns (uint64) {
        vm.prank(alice);
        return gate.release(model, CHAMPION, to);
    }

    /// @dev 16 attesters and 8 requirements, which all of them have to meet.
    function full() internal view returns (Policy memory policy) {
        policy = bare();
        policy.attesters = new address[](16);
        for (uint160 i; i < 16; ++i) {
            policy.attesters[i] = address(i + 1);
        }
        policy.requirements = new Requirement[](8);
        for (uint256 i; i < 8; ++i) {
            policy.requirements[i] = metric(-1, int64(int256(i)), type(uint16).max, 16);
            policy.requirements[i].datasetRoot = bytes32(i / 2 + 1);
            policy.requirements[i].subject = bytes32(i + 1);
        }
    }

    /// @dev The three, and one between them.
    function more() internal view returns (address[] memory four) {
        four = new address[](4);
        (four[0], four[1]) = (attesters[0], attesters[1]);
        (four[2], four[3]) = (address(uint160(attesters[1]) + 1), attesters[2]);
    }

    function expectPolicy(Policy memory expected, uint32 round) internal view {
        (Policy memory policy, uint32 current) = gate.policyOf(model, CHAMPION);
        assertEq(abi.encode(policy), abi.encode(expected), "policy");
        assertEq(current, round, "round");
    }

    function expectRefused(Policy memory policy, bytes memory revertData) internal {
        vm.expectRevert(revertData);
        setPolicy(policy);
    }

    /// @dev As the second requirement of a policy.
    function expectRefused(Requirement memory requirement, bytes memory revertData) internal {
        Policy memory policy = complete();
        policy.requirements[1] = requirement;
        expectRefused(policy, revertData);
    }

    function expectNotOwner(address caller) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_NotOwner.selector, model, caller)
        );
        vm.prank(caller);
    }

    function expectNotGate(bytes32 aliasName, address other) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_NotGate.selector, model, aliasName, other
            )
        );
    }
}
