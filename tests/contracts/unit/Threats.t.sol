// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {RunLedger} from "../../../contracts/RunLedger.sol";
import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {IPromotionGate} from "../../../contracts/interfaces/IPromotionGate.sol";
import {IRunLedger} from "../../../contracts/interfaces/IRunLedger.sol";
import {RevocationReason, Status} from "../../../contracts/types/Model.sol";
import {Policy, Requirement} from "../../../contracts/types/Promotion.sol";
import {BaseTest} from "../Base.t.sol";
import {PromotionTest} from "../Promotion.t.sol";

/// @notice What docs/security.md says of publishers, of attesters, and of whoever stole their keys.
contract PublisherThreatsTest is PromotionTest {
    function setUp() public override {
        super.setUp();
        vm.prank(alice);
        registry.setPublisher(model, bob, type(uint64).max);
    }

    function test_publisher_publishesAndDeprecates() public {
        assertEq(publishAs(bob, model), 4, "published");
        vm.prank(bob);
        registry.deprecate(model, 1);
        assertEq(uint8(registry.versionOf(model, 1).status), uint8(Status.Deprecated), "deprecated");
    }

    function test_publisher_movesNoAliasAndNoTokenAndRevokesNothing() public {
        vm.startPrank(bob);
        for (uint256 i; i < 2; ++i) {
            bytes32 name = i == 0 ? CHAMPION : bytes32("ungated");
            bytes memory refused = abi.encodeWithSelector(
                IModelRegistry.ModelRegistry_NotAliasController.selector, model, name, bob
            );
            vm.expectRevert(refused);
            registry.setAlias(model, name, 2);
            vm.expectRevert(refused);
            registry.setAliasGate(model, name, bob);
        }
        bytes memory notOwner =
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_NotOwner.selector, model, bob);
        vm.expectRevert(notOwner);
        registry.revoke(model, 1, RevocationReason.Defective);
        vm.expectRevert(notOwner);
        registry.setPublisher(model, eve, type(uint64).max);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC721Errors.ERC721InsufficientApproval.selector, bob, uint256(model)
            )
        );
        nft.transferFrom(alice, bob, model);
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_NotOwner.selector, model, bob)
        );
        gate.rollback(model, CHAMPION, 0, 0);
    }

    function test_publisher_promotesNothingUnlessThePolicySaysSo() public {
        setPolicy(bare());
        publishAs(bob, model);
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_NotProposer.selector, model, bob)
        );
        proposeAs(bob, 4, uidsOf());
    }

    /// @dev Nobody's word is needed but that of whoever holds the publisher's key.
    function test_publisher_promotesWhatItLikesWhereNothingIsRequired() public {
        Policy memory policy = bare();
        policy.publishersPropose = true;
        setPolicy(policy);
        uint32 bad = publishAs(bob, model);
        proposeAs(bob, bad, uidsOf());
        pass(DELAY);
        executeAs(bob, bad, uidsOf());
        assertEq(champion(), bad, "promoted by its own publisher");

        rollback(1, 0);
        assertEq(champion(), 1, "the owner takes it back");
    }

    /// @dev The delay does not pass before there is anything to look at.
    function test_publisher_proposesNothingThatIsNotPublished() public {
        Policy memory policy = bare();
        policy.publishersPropose = true;
        setPolicy(policy);
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnknownVersion.selector, model, 4)
        );
        proposeAs(bob, 4, uidsOf());
    }

    /// @dev The delay is the time that the owner has to see it.
    function test_publisher_proposalsAreTheOwnersToCancel() public {
        Policy memory policy = bare();
        policy.publishersPropose = true;
        setPolicy(policy);
        bytes32 id = proposeAs(bob, 2, uidsOf());
        vm.prank(alice);
        gate.cancel(model, CHAMPION, id);
        pass(DELAY);
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_NoProposal.selector, id)
        );
        executeAs(bob, 2, uidsOf());
        proposeAs(bob, 2, uidsOf());

        vm.prank(alice);
        registry.setPublisher(model, bob, 0);
        pass(DELAY);
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_NotProposer.selector, model, bob)
        );
        executeAs(bob, 2, uidsOf());

        // It only sleeps: who gives the right again gives it for this as well.
        vm.prank(alice);
        registry.setPublisher(model, bob, uint64(block.timestamp + 1));
        executeAs(bob, 2, uidsOf());
        assertEq(champion(), 2, "not cancelled");
    }

    function test_publisher_needsTheAttestersThatAreRequired() public {
        Policy memory policy = accurate();
        policy.publishersPropose = true;
        setPolicy(policy);
        uint32 bad = publishAs(bob, model);
        bytes32[] memory uids = uidsOf(evaluate(0, bad, FLOOR));
        proposeAs(bob, bad, uids);
        pass(DELAY);
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_QuorumMissing.selector, 0, 1, 2)
        );
        executeAs(bob, bad, uids);
    }

    /// @dev A policy may name attesters and ask none of them, or be content with any one.
    function test_attester_aloneIsEnoughWhereThePolicySaysSo() public {
        Policy memory policy = bare();
        policy.requirements = new Requirement[](1);
        policy.requirements[0] = metric(FLOOR, 1e6, 7, 1);
        setPolicy(policy);
        bytes32[] memory uids = uidsOf(evaluate(2, 2, 1e6));
        propose(2, uids);
        pass(DELAY);
        execute(2, uids);
        assertEq(champion(), 2, "on one attester's word");

        policy.requirements = new Requirement[](0);
        setPolicy(policy); // looser, hence only announced
        pass(NOTICE);
        setPolicy(policy);
        propose(3, uidsOf());
        pass(DELAY);
        execute(3, uidsOf());
        assertEq(champion(), 3, "on nobody's word but the owner's");
    }

    /// @dev Neither to the owner's own gate, nor by any way that leads past it.
    function test_attester_promotesNothing() public {
        setPolicy(accurate());
        bytes32[] memory uids = uidsOf(evaluate(0, 2, 1e6), evaluate(1, 2, 1e6));
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_NotProposer.selector, model, attesters[0]
            )
        );
        proposeAs(attesters[0], 2, uids);
    }
}

/// @notice What docs/security.md says of whoever sold a model.
contract SellerThreatsTest is BaseTest {
    /// @dev A gate decides about itself, whoever the model's owner is: the seller's own account too.
    function test_seller_movesAnAliasThatItGatesItself() public {
        uint64 model = registerAs(alice, NAME);
        gateAlias(alice, model, alice);
        transfer(alice, bob, model);
        moveAlias(alice, model, 1);
        assertEq(registry.aliasOf(model, CHAMPION).gate, alice, "for all to see");
        bytes memory refused = abi.encodeWithSelector(
            IModelRegistry.ModelRegistry_NotAliasController.selector, model, CHAMPION, bob
        );
        vm.startPrank(bob);
        vm.expectRevert(refused);
        registry.setAlias(model, CHAMPION, 0);
        vm.expectRevert(refused);
        registry.setAliasGate(model, CHAMPION, bob);
    }

    function test_seller_isAStrangerToAllElse() public {
        uint64 model = registerAs(alice, NAME);
        vm.prank(alice);
        registry.setPublisher(model, carol, type(uint64).max);
        moveAlias(alice, model, 1);
        transfer(alice, bob, model);
        assertFalse(registry.isPublisher(model, alice), "not the seller");
        assertFalse(registry.isPublisher(model, carol), "nor whom it let publish");
        vm.startPrank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.ModelRegistry_NotAliasController.selector, model, CHAMPION, alice
            )
        );
        registry.setAlias(model, CHAMPION, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_NotOwner.selector, model, alice)
        );
        registry.revoke(model, 1, RevocationReason.Defective);
    }
}

/// @notice What docs/security.md says of a worker whose key was stolen: it owns its log.
contract WorkerThreatsTest is BaseTest {
    RunLedger internal ledger;
    address internal worker = makeAddr("worker");
    address internal thief = makeAddr("thief");

    function setUp() public override {
        super.setUp();
        ledger = new RunLedger();
    }

    function test_thief_takesTheLogOfAWorkerThatOwnsIt() public {
        vm.startPrank(worker);
        bytes32 log = ledger.openLog("salt", worker);
        ledger.anchor(log, 1, keccak256("honest"), new bytes32[](0));
        ledger.setWriter(log, thief); // the thief has the worker's key
        vm.expectRevert(
            abi.encodeWithSelector(IRunLedger.RunLedger_NotWriter.selector, log, worker)
        );
        ledger.anchor(log, 2, keccak256("honest too"), new bytes32[](1));
        vm.stopPrank();

        // What was anchored stays the beginning of the log, whatever follows it.
        vm.startPrank(thief);
        vm.expectRevert(
            abi.encodeWithSelector(IRunLedger.RunLedger_NotAnExtension.selector, log, 1, 2)
        );
        ledger.anchor(log, 2, keccak256("without it"), new bytes32[](0));
        (bytes32 rubbish, bytes32[] memory proof) = (keccak256("rubbish"), new bytes32[](1));
        proof[0] = rubbish;
        bytes32 root = sha256(abi.encodePacked(bytes1(0x01), keccak256("honest"), rubbish));
        ledger.anchor(log, 2, root, proof);
        vm.stopPrank();
        (uint64 size,) = ledger.headOf(log);
        assertEq(size, 2, "the thief goes on with it");

        // Nobody can end that: not even whoever owns the models that the runs made.
        vm.expectRevert(abi.encodeWithSelector(IRunLedger.RunLedger_NotOwner.selector, log, alice));
        vm.prank(alice);
        ledger.setWriter(log, alice);

        // The way on is another log.
        vm.prank(alice);
        assertNotEq(ledger.openLog("salt", alice), log, "of another owner");
    }

    function test_thief_isStoppedByTheColdKeyThatOwnsTheLog() public {
        vm.prank(alice);
        bytes32 log = ledger.openLog("salt", worker);
        vm.startPrank(worker);
        ledger.anchor(log, 1, keccak256("honest"), new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(IRunLedger.RunLedger_NotOwner.selector, log, worker));
        ledger.setWriter(log, thief);
        vm.stopPrank();

        vm.prank(alice);
        ledger.setWriter(log, bob);
        vm.expectRevert(
            abi.encodeWithSelector(IRunLedger.RunLedger_NotWriter.selector, log, worker)
        );
        vm.prank(worker);
        ledger.anchor(log, 2, keccak256("rubbish"), new bytes32[](1));
    }
}
