// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {PolicyRules} from "../../../contracts/libraries/PolicyRules.sol";
import {Policy, PolicyRecord, Requirement} from "../../../contracts/types/Promotion.sol";

/// @notice Lets a library that takes calldata and storage be called.
contract PolicyRulesCaller {
    PolicyRecord private _record;

    function check(Policy calldata policy) external pure {
        PolicyRules.check(policy);
    }

    function isAtLeast(Policy calldata next, Policy calldata current) external pure returns (bool) {
        return PolicyRules.isAtLeast(next, current);
    }

    function store(Policy calldata policy) external {
        PolicyRules.store(_record, policy);
    }

    function load() external view returns (Policy memory) {
        return PolicyRules.load(_record);
    }
}

/// @notice That nothing loosens which is taken for as strict, against what policies mean: evidence that
/// satisfies them, tried out.
contract PolicyRulesFuzzTest is Test {
    uint256 private constant _WORLD = 5; // people, one attestation each of each of two subjects

    PolicyRulesCaller private _rules = new PolicyRulesCaller();

    /// @dev Small numbers, so that two policies are often comparable.
    function policyOf(uint256 seed) internal pure returns (Policy memory policy) {
        policy.delay = uint32(take(seed, 0, 2));
        policy.notice = uint32(take(seed, 1, 2));
        policy.lineageVisits = uint16(take(seed, 2, 2));
        policy.licensedParents = take(seed, 3, 2) == 1;
        policy.publishersPropose = take(seed, 4, 2) == 1;

        uint256 present = take(seed, 5, 1 << _WORLD);
        uint256 count;
        for (uint256 i; i < _WORLD; ++i) {
            count += present >> i & 1;
        }
        policy.attesters = new address[](count);
        uint256 next;
        for (uint160 i; i < _WORLD; ++i) {
            if (present >> i & 1 == 1) policy.attesters[next++] = address(i + 1);
        }

        policy.requirements = new Requirement[](count == 0 ? 0 : take(seed, 6, 3));
        for (uint256 i; i < policy.requirements.length; ++i) {
            Requirement memory asked = policy.requirements[i];
            asked.datasetRoot = bytes32(uint256(1));
            asked.subject = bytes32(policy.requirements.length == 1 ? take(seed, 7, 2) + 1 : i + 1);
            asked.floor = int64(int256(take(seed, 8 + i, 3)));
            asked.ceiling = asked.floor + int64(int256(take(seed, 10 + i, 3)));
            asked.members = uint16(1 + take(seed, 12 + i, (1 << count) - 1));
            asked.quorum = uint8(1 + take(seed, 14 + i, populationOf(asked.members)));
        }
    }

    /// @dev Derived from a policy by making it stricter, or a little looser, somewhere.
    function variantOf(Policy memory policy, uint256 seed) internal pure returns (Policy memory) {
        Policy memory other = abi.decode(abi.encode(policy), (Policy));
        uint256 part = take(seed, 0, 4);
        if (part == 0) other.delay = uint32(take(seed, 1, 3));
        for (uint256 i; i < other.requirements.length; ++i) {
            Requirement memory asked = other.requirements[i];
            if (part == 1) asked.floor = asked.ceiling;
            if (part == 2 && asked.quorum < populationOf(asked.members)) ++asked.quorum;
            if (part == 3 && asked.quorum > 1) {
                // Without one of its members, and one fewer of them.
                asked.members &= asked.members - 1;
                --asked.quorum;
            }
        }
        return other;
    }

    function testFuzz_isAtLeast_meansThatNothingLoosens(
        uint256 seed,
        uint256 variant,
        uint256 evidenceSeed
    ) public view {
        Policy memory current = policyOf(seed);
        Policy memory next = variant % 2 == 0 ? policyOf(variant) : variantOf(current, variant >> 1);
        _rules.check(current);
        _rules.check(next);
        if (!_rules.isAtLeast(next, current)) return;

        assertGe(next.delay, current.delay, "delay");
        assertGe(next.notice, current.notice, "notice");
        assertTrue(next.lineageVisits != 0 || current.lineageVisits == 0, "lineage");
        assertTrue(next.licensedParents || !current.licensedParents, "licences");
        assertTrue(!next.publishersPropose || current.publishersPropose, "publishers");
        for (uint256 i; i < 64; ++i) {
            uint256 world = uint256(keccak256(abi.encode(evidenceSeed, i)));
            if (satisfies(world, next)) assertTrue(satisfies(world, current), "evidence");
        }
    }

    function testFuzz_isAtLeast_ofItself(uint256 seed) public view {
        assertTrue(_rules.isAtLeast(policyOf(seed), policyOf(seed)));
    }

    function testFuzz_isAtLeast_seesThatItIsStricter(uint256 seed) public view {
        Policy memory current = policyOf(seed);
        Policy memory next = policyOf(seed);
        ++next.delay;
        ++next.notice;
        (next.lineageVisits, next.licensedParents, next.publishersPropose) = (1, true, false);
        for (uint256 i; i < next.requirements.length; ++i) {
            Requirement memory asked = next.requirements[i];
            asked.floor = asked.ceiling;
            asked.quorum = uint8(populationOf(asked.members));
        }
        assertTrue(_rules.isAtLeast(next, current));
        assertFalse(_rules.isAtLeast(current, next), "but not the other way");
    }

    function testFuzz_store_isLoaded(uint256 first, uint256 second) public {
        _rules.store(policyOf(first));
        _rules.store(policyOf(second));
        assertEq(abi.encode(_rules.load()), abi.encode(policyOf(second)));
    }

    /// @dev In a world where each person attests something from 0 to 4 of each subject, or nothing.
    function satisfies(uint256 world, Policy memory policy) internal pure returns (bool) {
        for (uint256 i; i < policy.requirements.length; ++i) {
            Requirement memory asked = policy.requirements[i];
            uint256 count;
            for (uint256 j; j < policy.attesters.length; ++j) {
                uint256 person = uint160(policy.attesters[j]);
                uint256 said = take(world, person * 2 + uint256(asked.subject), 6);
                int64 value = int64(int256(said));
                bool counts = asked.members >> j & 1 == 1 && said < 5;
                if (counts && value >= asked.floor && value <= asked.ceiling) ++count;
            }
            if (count < asked.quorum) return false;
        }
        return true;
    }

    function take(uint256 seed, uint256 index, uint256 below) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode(seed, index))) % below;
    }

    function populationOf(uint256 bits) internal pure returns (uint256 count) {
        for (; bits != 0; bits >>= 1) {
            count += bits & 1;
        }
    }
}
