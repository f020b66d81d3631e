// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Policy, Requirement} from "../../../contracts/types/Promotion.sol";
import {PromotionTest} from "../Promotion.t.sol";

/// @notice Whole transactions, every slot cold; see `ModelRegistryGasTest`. An alias's promotion is two,
/// and the aim is for both together.
///
/// The floor of two transactions with three evaluations, before any computation: 42,000, and calldata
/// 5,000; the proposal's new slot 22,100, and 4,800 given back for it; three attestations of thirteen
/// slots each 81,900; the policy's seven 14,700, twice the first one 2,100; the proposal 2,100; the
/// owner, and the version's status in its lineage, 12,000; that the version is published, since when,
/// and how often the model changed hands, 10,500; four cold contracts, two of them twice, 15,600; the
/// alias's slots 7,100; three events 9,000: 219,000 in all. Were the attestations read by `propose` as
/// well, it would be 303,000: that is why it only writes down what is proposed.
contract PromotionGateGasTest is PromotionTest {
    uint256 private constant _AIM = 275_000;

    function setUp() public override {
        vm.skip(keccak256(bytes(vm.envOr("FOUNDRY_PROFILE", string("")))) != keccak256("ship"));
        super.setUp();
    }

    function test_size() public {
        uint256 size = address(gate).code.length;
        vm.snapshotValue("size", "PromotionGate", size);
        assertLe(size, 24_576); // EIP-170
    }

    /// @dev Three evaluators, one metric.
    function test_promotion_3Evaluations() public {
        Policy memory policy = accurate();
        policy.lineageVisits = 16;
        policy.requirements[0].quorum = 3;
        setPolicy(policy);
        snap("setPolicy, 3 attesters, 1 requirement", 300_000);
        bytes32[] memory uids = new bytes32[](3);
        for (uint256 i; i < 3; ++i) {
            uids[i] = evaluate(i, 2, 930_000);
        }
        snapPromotion("3 evaluations", uids);
    }

    /// @dev Two reviewers and one evaluator, and everything else that can be asked for.
    function test_promotion_2ApprovalsAnd1Evaluation() public {
        Policy memory policy = complete();
        policy.requirements[0].quorum = 2;
        setPolicy(policy);
        snap("setPolicy, 3 attesters, 2 requirements", 350_000);
        bytes32[] memory uids = new bytes32[](3);
        (uids[0], uids[1], uids[2]) = (approve(0, 2), approve(1, 2), evaluate(2, 2, 930_000));
        snapPromotion("2 approvals and 1 evaluation", uids);
    }

    function test_promotion_delayAlone() public {
        setPolicy(bare());
        snapPromotion("delay alone", uidsOf());
    }

    function test_rollback() public {
        Policy memory policy = bare();
        policy.lineageVisits = 16;
        setPolicy(policy);
        propose(2, uidsOf());
        pass(DELAY);
        execute(2, uidsOf());
        rollback(1, 0);
        snap("rollback", 80_000);
    }

    function test_cancel() public {
        setPolicy(bare());
        bytes32 id = propose(2, uidsOf());
        vm.prank(alice);
        gate.cancel(model, CHAMPION, id);
        snap("cancel", 50_000);
    }

    /// @dev What a transaction costs after its refund is what counts.
    function snapPromotion(string memory name, bytes32[] memory uids) internal {
        propose(2, uids);
        uint256 sum = snap(string.concat("propose, ", name), _AIM);
        pass(DELAY);
        execute(2, uids);
        sum += snap(string.concat("execute, ", name), _AIM);
        assertEq(champion(), 2, "moved");
        assertLe(sum, _AIM, name);
    }

    function snap(string memory name, uint256 aim) internal returns (uint256 gas) {
        gas = vm.snapshotGasLastCall("PromotionGate", name);
        assertLe(gas, aim, name);
    }
}
