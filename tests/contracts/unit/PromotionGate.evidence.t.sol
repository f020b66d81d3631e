// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    Attestation,
    AttestationRequest,
    AttestationRequestData,
    IEAS as IService,
    MultiRevocationRequest,
    RevocationRequestData
} from "@ethereum-attestation-service/eas-contracts/contracts/IEAS.sol";
import {
    ISchemaResolver
} from "@ethereum-attestation-service/eas-contracts/contracts/resolver/ISchemaResolver.sol";

import {IPromotionGate} from "../../../contracts/interfaces/IPromotionGate.sol";
import {Policy} from "../../../contracts/types/Promotion.sol";
import {PromotionTest} from "../Promotion.t.sol";

/// @notice A resolver of somebody's own schema that calls back while the service attests or revokes.
contract MeddlingResolver {
    address private _target;
    bytes private _call;
    bytes public answer;

    function aim(address target, bytes calldata call) external {
        (_target, _call) = (target, call);
    }

    function isPayable() external pure returns (bool) {
        return false;
    }

    function attest(Attestation calldata) external payable returns (bool) {
        return _meddle();
    }

    function revoke(Attestation calldata) external payable returns (bool) {
        return _meddle();
    }

    function multiRevoke(Attestation[] calldata, uint256[] calldata)
        external
        payable
        returns (bool)
    {
        return _meddle();
    }

    function _meddle() private returns (bool) {
        (, answer) = _target.call(_call);
        return true;
    }
}

/// @notice Which attestations count, in the Ethereum Attestation Service's own contracts.
contract PromotionGateEvidenceTest is PromotionTest {
    function test_execute_countsEachRequirementByItself() public {
        Policy memory policy = complete();
        policy.requirements[0] = role(7, 2);
        setPolicy(policy);
        bytes32[] memory uids = new bytes32[](4);
        (uids[0], uids[1]) = (approve(2, 2), evaluate(1, 2, FLOOR));
        (uids[2], uids[3]) = (approve(0, 2), evaluate(2, 2, 1e6)); // more than it takes
        expectPromoted(uids);
    }

    function test_execute_takesValuesAtTheBounds() public {
        setPolicy(accurate());
        expectPromoted(uidsOf(evaluate(0, 2, FLOOR), evaluate(1, 2, 1e6)));
    }

    function test_execute_takesWhatHasNotExpiredYet() public {
        setPolicy(accurate());
        bytes memory data = evaluationOf(model, 2, FLOOR);
        bytes32 uid =
            attestAs(attesters[0], evaluation, address(registry), uint64(START) + DELAY + 1, data);
        expectPromoted(uidsOf(uid, evaluate(1, 2, FLOOR)));
    }

    /// @dev What it refers to, and whether it could be revoked, does not matter.
    function test_execute_takesWhatCanNotBeRevokedAndRefersToAnything() public {
        setPolicy(accurate());
        bytes32 first = evaluate(0, 2, FLOOR);
        bytes memory data = evaluationOf(model, 2, FLOOR);
        AttestationRequestData memory request =
            AttestationRequestData(address(registry), 0, false, first, data, 0);
        vm.prank(attesters[1]);
        bytes32 second = eas.attest(AttestationRequest(evaluation, request));
        expectPromoted(uidsOf(first, second));
    }

    function test_execute_revertsWhenTooFewHaveAttested() public {
        setPolicy(accurate());
        expectRefused(uidsOf(), missing(0, 0, 2));
        expectRefused(uidsOf(evaluate(0, 2, FLOOR)), missing(0, 1, 2));
        setPolicy(tightened());
        expectRefused(uidsOf(evaluate(0, 2, FLOOR), evaluate(1, 2, FLOOR)), missing(0, 0, 1));
    }

    function test_execute_revertsWhenOneAttestsTwice() public {
        setPolicy(accurate());
        bytes32 uid = evaluate(0, 2, FLOOR);
        expectRefused(uidsOf(uid, uid), twice(uid, 0));
        bytes32 another = evaluate(0, 2, FLOOR + 1);
        expectRefused(uidsOf(uid, another), twice(another, 0));
    }

    function test_execute_revertsWhenAStrangerAttests() public {
        setPolicy(complete()); // 0 and 1 approve, 1 and 2 evaluate
        bytes memory data = evaluationOf(model, 2, FLOOR);
        bytes32 uid = attestAs(eve, evaluation, address(registry), 0, data);
        expectRefused(uidsOf(uid), notMember(uid, eve));
        uid = evaluate(0, 2, FLOOR);
        expectRefused(uidsOf(uid), notMember(uid, attesters[0]));
        uid = approve(2, 2);
        expectRefused(uidsOf(uid), notMember(uid, attesters[2]));
    }

    function test_execute_revertsWhenTheOwnerOrProposerAttests() public {
        Policy memory policy = accurate();
        policy.publishersPropose = true;
        setPolicy(policy);
        bytes32[] memory uids = uidsOf(evaluate(0, 2, FLOOR), evaluate(1, 2, FLOOR));
        vm.prank(alice);
        registry.setPublisher(model, attesters[1], type(uint64).max);
        proposeAs(attesters[1], 2, uids);
        pass(DELAY);
        vm.expectRevert(selfAttested(uids[1], attesters[1]));
        executeAs(attesters[1], 2, uids);

        // Bought by an attester, whose earlier word was somebody else's; whoever proposes then.
        transfer(alice, attesters[0], model);
        vm.prank(attesters[0]);
        registry.setPublisher(model, bob, type(uint64).max);
        address[2] memory proposing = [attesters[0], bob];
        for (uint256 i; i < 2; ++i) {
            proposeAs(proposing[i], 2, uids);
            pass(DELAY);
            vm.expectRevert(selfAttested(uids[0], attesters[0]));
            executeAs(proposing[i], 2, uids);
        }
        assertEq(champion(), 1, "unchanged");
    }

    function test_execute_revertsWhenTheValueIsOutOfBounds() public {
        setPolicy(accurate());
        int64[4] memory values = [FLOOR - 1, 1e6 + 1, type(int64).min, type(int64).max];
        for (uint256 i; i < 4; ++i) {
            bytes32 uid = evaluate(0, 2, values[i]);
            expectRefused(
                uidsOf(uid),
                abi.encodeWithSelector(
                    IPromotionGate.PromotionGate_OutOfBounds.selector, uid, values[i], FLOOR, 1e6
                )
            );
        }
    }

    function test_execute_revertsWhenItIsOfAnotherVersionOrModel() public {
        setPolicy(accurate());
        bytes32 uid = evaluate(0, 3, FLOOR);
        expectRefused(uidsOf(uid), otherVersion(uid, model, 3));
        bytes memory data = evaluationOf(model + 1, 2, FLOOR);
        uid = attestAs(attesters[0], evaluation, address(registry), 0, data);
        expectRefused(uidsOf(uid), otherVersion(uid, model + 1, 2));
    }

    function test_execute_revertsWhenItIsOfAnotherDatasetMetricOrRole() public {
        setPolicy(complete());
        bytes memory data = abi.encode(model, 2, keccak256("train"), ACCURACY, FLOOR, 0);
        bytes32 uid = attestAs(attesters[1], evaluation, address(registry), 0, data);
        expectRefused(uidsOf(uid), notRequired(uid, keccak256("train"), ACCURACY));
        data = abi.encode(model, 2, DATASET, bytes32("loss"), FLOOR, 0);
        uid = attestAs(attesters[1], evaluation, address(registry), 0, data);
        expectRefused(uidsOf(uid), notRequired(uid, DATASET, "loss"));
        data = abi.encode(model, 2, bytes32("lawyer"));
        uid = attestAs(attesters[1], approval, address(registry), 0, data);
        expectRefused(uidsOf(uid), notRequired(uid, 0, "lawyer"));
    }

    function test_execute_revertsWhenThePolicyAsksForNothing() public {
        setPolicy(bare());
        bytes32 uid = evaluate(0, 2, FLOOR);
        expectRefused(uidsOf(uid), notRequired(uid, DATASET, ACCURACY));
    }

    /// @dev Ids are the same in every registry, and the service is one for all of them.
    function test_execute_revertsWhenItIsAboutAnotherRegistry() public {
        setPolicy(accurate());
        bytes memory data = evaluationOf(model, 2, FLOOR);
        address[3] memory recipients = [address(0), address(nft), attesters[0]];
        for (uint256 i; i < 3; ++i) {
            bytes32 uid = attestAs(attesters[0], evaluation, recipients[i], 0, data);
            expectRefused(
                uidsOf(uid),
                abi.encodeWithSelector(
                    IPromotionGate.PromotionGate_WrongRecipient.selector, uid, recipients[i]
                )
            );
        }
    }

    function test_execute_revertsWhenItIsRevoked() public {
        setPolicy(accurate());
        bytes32[] memory uids = uidsOf(evaluate(0, 2, FLOOR), evaluate(1, 2, FLOOR));
        propose(2, uids);
        pass(DELAY);
        revokeAs(attesters[1], evaluation, uids[1]);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_Revoked.selector, uids[1], START + DELAY
            )
        );
        execute(2, uids);
        assertEq(champion(), 1, "unchanged");
    }

    function test_execute_revertsWhenItHasExpired() public {
        setPolicy(accurate());
        bytes memory data = evaluationOf(model, 2, FLOOR);
        uint64 expiry = uint64(START) + DELAY;
        bytes32 uid = attestAs(attesters[0], evaluation, address(registry), expiry, data);
        propose(2, uidsOf(uid));
        pass(DELAY);
        vm.expectRevert(
            abi.encodeWithSelector(IPromotionGate.PromotionGate_Expired.selector, uid, expiry)
        );
        execute(2, uidsOf(uid));
        assertEq(champion(), 1, "unchanged");
    }

    function test_execute_revertsWhenItIsUnknown() public {
        setPolicy(accurate());
        expectRefused(
            uidsOf("none"),
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_UnknownAttestation.selector, bytes32("none")
            )
        );
    }

    /// @dev An id can be computed, and proposed, before its attestation is made: then nobody could have
    /// looked at it during the delay.
    function test_execute_revertsWhenItWasMadeLater() public {
        setPolicy(accurate());
        uint256 snapshot = vm.snapshotState();
        pass(1);
        bytes32 uid = evaluate(0, 2, FLOOR);
        vm.revertToState(snapshot);
        propose(2, uidsOf(uid));
        pass(1);
        assertEq(evaluate(0, 2, FLOOR), uid, "foreseen");
        pass(DELAY);
        vm.expectRevert(
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_AttestedLater.selector, uid, START + 1, START
            )
        );
        execute(2, uidsOf(uid));
    }

    /// @dev Numbers are foreseen as well: whoever attested "4" has not seen what is published as it.
    function test_execute_revertsWhenItWasMadeBeforeTheVersion() public {
        setPolicy(accurate());
        bytes32 early = evaluate(0, 4, FLOOR);
        pass(1);
        bytes32 inTime = evaluate(1, 4, FLOOR); // in that second, which has to do
        publishAs(alice, model);
        bytes32[] memory uids = uidsOf(inTime, early);
        bytes memory earlier = abi.encodeWithSelector(
            IPromotionGate.PromotionGate_AttestedEarlier.selector, early, START, START + 1
        );
        vm.expectRevert(earlier);
        gate.check(model, CHAMPION, 4, uids, alice);
        propose(4, uids);
        pass(DELAY);
        vm.expectRevert(earlier);
        execute(4, uids);
        assertEq(champion(), 1, "unchanged");
    }

    function test_execute_revertsWhenItIsOfAnotherSchema() public {
        setPolicy(accurate());
        bytes32 other = registerSchema("uint64 anything", ISchemaResolver(address(0)));
        bytes memory data = evaluationOf(model, 2, FLOOR);
        bytes32 uid = attestAs(attesters[0], other, address(registry), 0, data);
        expectRefused(uidsOf(uid), wrongSchema(uid, other));
    }

    function test_execute_revertsWhenItsDataIsNone() public {
        setPolicy(complete());
        bytes[6] memory evaluations = [
            bytes(""),
            abi.encodePacked(evaluationOf(model, 2, FLOOR), uint8(0)),
            abi.encode(uint256(1) << 64 | model, 2, DATASET, ACCURACY, FLOOR, 0),
            abi.encode(model, uint256(1) << 32 | 2, DATASET, ACCURACY, FLOOR, 0),
            abi.encode(model, 2, DATASET, ACCURACY, uint256(1) << 64 | 950_000, 0),
            abi.encode(model, 2, 0, REVIEWER, 0, 0) // it would be an approval, by an evaluator
        ];
        for (uint256 i; i < 6; ++i) {
            expectBadData(evaluation, evaluations[i]);
        }
        bytes[4] memory approvals = [
            bytes(""),
            abi.encodePacked(abi.encode(model, 2, REVIEWER), uint8(0)),
            abi.encode(uint256(1) << 64 | model, 2, REVIEWER),
            abi.encode(model, uint256(1) << 32 | 2, REVIEWER)
        ];
        for (uint256 i; i < 4; ++i) {
            expectBadData(approval, approvals[i]);
        }
    }

    /*//////////////////////////////////////////////////////////////
                               REENTRANCY
    //////////////////////////////////////////////////////////////*/

    /// @dev A schema of our text with a resolver is another schema; and while its resolver is asked, the
    /// gate is as closed as ever.
    function test_execute_isNotFooledFromAResolver() public {
        MeddlingResolver resolver = new MeddlingResolver();
        bytes32 own = registerSchema(EVALUATION, ISchemaResolver(address(resolver)));
        Policy memory policy = accurate();
        policy.publishersPropose = true;
        setPolicy(policy);
        vm.prank(alice);
        registry.setPublisher(model, address(resolver), type(uint64).max);
        bytes memory data = evaluationOf(model, 2, FLOOR);
        bytes32 first = evaluate(0, 2, FLOOR);
        uint256 snapshot = vm.snapshotState();
        pass(DELAY);
        bytes32 fake = attestAs(attesters[1], own, address(registry), 0, data);
        vm.revertToState(snapshot);

        // During the attestation that it wants to be counted.
        bytes32[] memory uids = uidsOf(first, fake);
        proposeAs(address(resolver), 2, uids);
        pass(DELAY);
        resolver.aim(address(gate), abi.encodeCall(gate.execute, (model, CHAMPION, 2, uids)));
        assertEq(attestAs(attesters[1], own, address(registry), 0, data), fake, "foreseen");
        bytes4 later = IPromotionGate.PromotionGate_AttestedLater.selector;
        assertEq(
            resolver.answer(), abi.encodeWithSelector(later, fake, block.timestamp, START), "late"
        );

        // And when it was there in time.
        proposeAs(address(resolver), 2, uids);
        pass(DELAY);
        attestAs(attesters[1], own, address(registry), 0, data);
        assertEq(resolver.answer(), wrongSchema(fake, own), "no evaluation");
        assertEq(champion(), 1, "unchanged");
    }

    /// @dev What is revoked in the same transaction is revoked already when a later resolver is asked.
    function test_execute_isNotFooledWhileItIsRevoked() public {
        MeddlingResolver resolver = new MeddlingResolver();
        bytes32 own = registerSchema("bool any", ISchemaResolver(address(resolver)));
        Policy memory policy = accurate();
        policy.publishersPropose = true;
        setPolicy(policy);
        vm.prank(alice);
        registry.setPublisher(model, address(resolver), type(uint64).max);
        bytes32 any = attestAs(attesters[0], own, address(0), 0, "");
        bytes32[] memory uids = uidsOf(evaluate(0, 2, FLOOR), evaluate(1, 2, FLOOR));
        proposeAs(address(resolver), 2, uids);
        pass(DELAY);

        resolver.aim(address(gate), abi.encodeCall(gate.execute, (model, CHAMPION, 2, uids)));
        MultiRevocationRequest[] memory requests = new MultiRevocationRequest[](2);
        requests[0] = MultiRevocationRequest(evaluation, new RevocationRequestData[](1));
        requests[0].data[0].uid = uids[0];
        requests[1] = MultiRevocationRequest(own, new RevocationRequestData[](1));
        requests[1].data[0].uid = any;
        vm.prank(attesters[0]);
        eas.multiRevoke(requests);
        assertEq(
            resolver.answer(),
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_Revoked.selector, uids[0], block.timestamp
            ),
            "revoked"
        );
        assertEq(champion(), 1, "unchanged");
    }

    /*//////////////////////////////////////////////////////////////
                                 HELPERS
    //////////////////////////////////////////////////////////////*/

    /// @dev What `accurate` asks for, and a reviewer.
    function tightened() internal view returns (Policy memory policy) {
        policy = complete();
        policy.requirements[1] = metric(FLOOR, 1e6, 7, 2);
    }

    function expectPromoted(bytes32[] memory uids) internal {
        gate.check(model, CHAMPION, 2, uids, alice);
        propose(2, uids);
        pass(DELAY);
        execute(2, uids);
        assertEq(champion(), 2, "moved");
    }

    /// @dev By `check` now, and by `execute` after the delay.
    function expectRefused(bytes32[] memory uids, bytes memory revertData) internal {
        vm.expectRevert(revertData);
        gate.check(model, CHAMPION, 2, uids, alice);
        uint256 snapshot = vm.snapshotState();
        propose(2, uids);
        pass(DELAY);
        vm.expectRevert(revertData);
        execute(2, uids);
        assertEq(champion(), 1, "unchanged");
        vm.revertToState(snapshot);
    }

    function expectBadData(bytes32 schema, bytes memory data) internal {
        bytes32 uid = attestAs(attesters[1], schema, address(registry), 0, data);
        expectRefused(
            uidsOf(uid), abi.encodeWithSelector(IPromotionGate.PromotionGate_BadData.selector, uid)
        );
    }

    function missing(uint256 index, uint256 count, uint8 quorum)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            IPromotionGate.PromotionGate_QuorumMissing.selector, index, count, quorum
        );
    }

    function twice(bytes32 uid, uint256 attester) internal view returns (bytes memory) {
        return abi.encodeWithSelector(
            IPromotionGate.PromotionGate_AttestedTwice.selector, uid, attesters[attester]
        );
    }

    function notMember(bytes32 uid, address attester) internal pure returns (bytes memory) {
        return
            abi.encodeWithSelector(IPromotionGate.PromotionGate_NotMember.selector, uid, attester);
    }

    function selfAttested(bytes32 uid, address attester) internal pure returns (bytes memory) {
        return
            abi.encodeWithSelector(
                IPromotionGate.PromotionGate_SelfAttested.selector, uid, attester
            );
    }

    function otherVersion(bytes32 uid, uint64 modelId, uint32 version)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            IPromotionGate.PromotionGate_OtherVersion.selector, uid, modelId, version
        );
    }

    function notRequired(bytes32 uid, bytes32 datasetRoot, bytes32 subject)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encodeWithSelector(
            IPromotionGate.PromotionGate_NotRequired.selector, uid, datasetRoot, subject
        );
    }

    function wrongSchema(bytes32 uid, bytes32 schema) internal pure returns (bytes memory) {
        return
            abi.encodeWithSelector(IPromotionGate.PromotionGate_WrongSchema.selector, uid, schema);
    }
}
