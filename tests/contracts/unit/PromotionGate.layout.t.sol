// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Policy, Requirement} from "../../../contracts/types/Promotion.sol";
import {PromotionTest} from "../Promotion.t.sol";

/// @notice Where the gate keeps everything, read from the raw slots; see `LayoutTest`.
contract PromotionGateLayoutTest is PromotionTest {
    /// @dev Every value another one, so that no two of them can be mistaken for each other.
    function test_policies() public {
        Policy memory policy = complete();
        (policy.delay, policy.notice, policy.lineageVisits) = (0x0d0d0d, 0x0e0e0e, 0x0f0f);
        policy.publishersPropose = true;
        setPolicy(policy);
        vm.prank(alice);
        gate.rollback(model, CHAMPION, 0, 0);
        bytes32 slot = keyed(0);

        uint256 word = uint256(load(slot, 0));
        assertEq(uint32(word), 2, "round");
        assertEq(uint32(word >> 32), 1, "firstMove");
        assertEq(uint32(word >> 64), policy.delay, "delay");
        assertEq(uint32(word >> 96), policy.notice, "notice");
        assertEq(uint16(word >> 128), policy.lineageVisits, "lineageVisits");
        assertEq(uint8(word >> 144), 1, "licensedParents");
        assertEq(uint8(word >> 152), 1, "publishersPropose");
        assertEq(uint8(word >> 160), 1, "inForce");
        assertEq(uint8(word >> 168), 3, "attesterCount");
        assertEq(uint8(word >> 176), 2, "requirementCount");
        assertEq(word >> 184, 0, "nothing else");

        for (uint256 i; i < 3; ++i) {
            assertEq(uint256(load(slot, 1 + i)), uint160(attesters[i]), "attester");
        }
        assertEq(load(slot, 4), 0, "no fourth attester");
        expectRequirement(slot, 17, policy.requirements[0]);
        expectRequirement(slot, 20, policy.requirements[1]);
        assertEq(load(slot, 24), 0, "no third requirement");
    }

    /// @dev The flags, each alone: two that are set look alike.
    function test_policies_flags() public {
        Policy memory policy = bare();
        policy.licensedParents = true;
        setPolicy(policy);
        assertEq(uint24(uint256(load(keyed(0), 0)) >> 144), 0x010001, "licensedParents, inForce");
    }

    function test_announcements() public {
        setPolicy(accurate());
        setPolicy(bare());
        bytes32 slot = keyed(1);
        assertEq(load(slot, 0), keccak256(abi.encode(bare())), "digest");
        assertEq(uint256(load(slot, 1)), START + NOTICE, "effectiveAt");
    }

    function test_proposals() public {
        setPolicy(bare());
        transfer(alice, bob, model);
        transfer(bob, bob, model);
        transfer(bob, alice, model);
        bytes32 id = propose(2, uidsOf());
        uint256 word = uint256(load(keccak256(abi.encode(id, keyed(2))), 0));
        assertEq(address(uint160(word)), alice, "proposer");
        assertEq(uint40(word >> 160), START, "proposedAt");
        assertEq(uint32(word >> 200), 1, "round");
        assertEq(word >> 232, 3, "transfers");
    }

    function expectRequirement(bytes32 slot, uint256 at, Requirement memory expected)
        internal
        view
    {
        assertEq(load(slot, at), expected.datasetRoot, "datasetRoot");
        assertEq(load(slot, at + 1), expected.subject, "subject");
        uint256 word = uint256(load(slot, at + 2));
        assertEq(int64(uint64(word)), expected.floor, "floor");
        assertEq(int64(uint64(word >> 64)), expected.ceiling, "ceiling");
        assertEq(uint16(word >> 128), expected.members, "members");
        assertEq(word >> 144, expected.quorum, "quorum");
    }

    /// @dev Slot of the champion's value in a mapping of models to mappings of aliases.
    function keyed(uint256 slot) internal view returns (bytes32) {
        return keccak256(abi.encode(CHAMPION, keccak256(abi.encode(model, slot))));
    }

    function load(bytes32 slot, uint256 offset) internal view returns (bytes32) {
        return vm.load(address(gate), bytes32(uint256(slot) + offset));
    }
}
