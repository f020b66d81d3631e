// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ModelLicensing} from "../../contracts/ModelLicensing.sol";
import {PromotionGate} from "../../contracts/PromotionGate.sol";
import {IEAS} from "../../contracts/interfaces/external/eas/IEAS.sol";
import {Policy, Requirement} from "../../contracts/types/Promotion.sol";
import {EasTest} from "./Eas.t.sol";

/// @notice A gate, a gated alias, three attesters in ascending order, and the shortest way to say
/// "evaluate, approve, propose".
abstract contract PromotionTest is EasTest {
    bytes32 internal constant DATASET = keccak256("held-out");
    bytes32 internal constant ACCURACY = "accuracy";
    bytes32 internal constant REVIEWER = "reviewer";
    uint32 internal constant DELAY = 1 days;
    uint32 internal constant NOTICE = 7 days;
    int64 internal constant FLOOR = 900_000;
    uint32 internal constant WINDOW = 14 days;

    ModelLicensing internal licensing;
    PromotionGate internal gate;
    uint64 internal model;
    address[] internal attesters; // three

    function setUp() public virtual override {
        super.setUp();
        licensing = new ModelLicensing(registry);
        gate = new PromotionGate(registry, licensing, IEAS(address(eas)));
        attesters.push(address(0x1111111111111111111111111111111111111111));
        attesters.push(address(0x5555555555555555555555555555555555555555));
        attesters.push(address(0xEeeeeEeeeEeEeeEeEeEeeEEEeeeeEeeeeeeeEEeE));

        model = registerAs(alice, NAME);
        publishAs(alice, model);
        publishAs(alice, model);
        moveAlias(alice, model, 1);
        gateAlias(alice, model, address(gate));
    }

    /*//////////////////////////////////////////////////////////////
                                 VALUES
    //////////////////////////////////////////////////////////////*/

    /// @dev Nothing but the delay, the notice and those who may attest.
    function bare() internal view returns (Policy memory policy) {
        (policy.delay, policy.notice, policy.attesters) = (DELAY, NOTICE, attesters);
    }

    /// @dev Two of three evaluators found the accuracy to be at least 0.9.
    function accurate() internal view returns (Policy memory policy) {
        policy = bare();
        policy.requirements = new Requirement[](1);
        policy.requirements[0] = metric(FLOOR, 1e6, 7, 2);
    }

    /// @dev One of the first two approves as a reviewer, one of the last two evaluates, and everything
    /// else that can be asked for is.
    function complete() internal view returns (Policy memory policy) {
        policy = bare();
        (policy.lineageVisits, policy.licensedParents) = (16, true);
        policy.requirements = new Requirement[](2);
        policy.requirements[0] = role(3, 1);
        policy.requirements[1] = metric(FLOOR, 1e6, 6, 1);
    }

    function metric(int64 floor, int64 ceiling, uint16 members, uint8 quorum)
        internal
        pure
        returns (Requirement memory)
    {
        return Requirement(DATASET, ACCURACY, floor, ceiling, members, quorum);
    }

    function role(uint16 members, uint8 quorum) internal pure returns (Requirement memory) {
        return Requirement(0, REVIEWER, 0, 0, members, quorum);
    }

    function evaluationOf(uint64 modelId, uint32 version, int64 value)
        internal
        pure
        returns (bytes memory)
    {
        return abi.encode(modelId, version, DATASET, ACCURACY, value, keccak256("evidence"));
    }

    function uidsOf() internal pure returns (bytes32[] memory) {
        return new bytes32[](0);
    }

    function uidsOf(bytes32 first) internal pure returns (bytes32[] memory uids) {
        uids = new bytes32[](1);
        uids[0] = first;
    }

    function uidsOf(bytes32 first, bytes32 second) internal pure returns (bytes32[] memory uids) {
        uids = new bytes32[](2);
        (uids[0], uids[1]) = (first, second);
    }

    function idOf(address proposer, uint32 version, bytes32[] memory uids)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(proposer, version, uids));
    }

    /*//////////////////////////////////////////////////////////////
                                  ACTS
    //////////////////////////////////////////////////////////////*/

    function setPolicy(Policy memory policy) internal returns (uint64) {
        vm.prank(alice);
        return gate.setPolicy(model, CHAMPION, policy);
    }

    /// @dev By the attester with that number, now and for ever.
    function evaluate(uint256 attester, uint32 version, int64 value) internal returns (bytes32) {
        bytes memory data = evaluationOf(model, version, value);
        return attestAs(attesters[attester], evaluation, address(registry), 0, data);
    }

    function approve(uint256 attester, uint32 version) internal returns (bytes32) {
        bytes memory data = abi.encode(model, version, REVIEWER);
        return attestAs(attesters[attester], approval, address(registry), 0, data);
    }

    function propose(uint32 version, bytes32[] memory uids) internal returns (bytes32) {
        return proposeAs(alice, version, uids);
    }

    function proposeAs(address who, uint32 version, bytes32[] memory uids)
        internal
        returns (bytes32)
    {
        vm.prank(who);
        return gate.propose(model, CHAMPION, version, uids);
    }

    function execute(uint32 version, bytes32[] memory uids) internal {
        executeAs(alice, version, uids);
    }

    function executeAs(address who, uint32 version, bytes32[] memory uids) internal {
        vm.prank(who);
        gate.execute(model, CHAMPION, version, uids);
    }

    function rollback(uint32 version, uint32 moveIndex) internal {
        vm.prank(alice);
        gate.rollback(model, CHAMPION, version, moveIndex);
    }

    function pass(uint256 time) internal {
        vm.warp(block.timestamp + time);
    }

    function champion() internal view returns (uint32) {
        return registry.aliasOf(model, CHAMPION).version;
    }
}
