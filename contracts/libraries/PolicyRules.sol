// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Policy, PolicyRecord, Requirement} from "../types/Promotion.sol";

/// @title PolicyRules
/// @notice What a policy may be, whether it is at least as strict as another, and how it is stored.
library PolicyRules {
    /// @notice Most attesters of one policy.
    uint256 internal constant MAX_ATTESTERS = 16;

    /// @notice Most requirements of one policy.
    uint256 internal constant MAX_REQUIREMENTS = 8;

    /// @notice Longest delay, and longest notice.
    uint32 internal constant MAX_DELAY = 365 days;

    /// @notice Thrown when a delay or a notice is longer than a year.
    error PolicyRules_DelayTooLong(uint32 delay);

    /// @notice Thrown when there are more than 16 attesters.
    error PolicyRules_TooManyAttesters(uint256 count);

    /// @notice Thrown when there are more than 8 requirements.
    error PolicyRules_TooManyRequirements(uint256 count);

    /// @notice Thrown when the attester at an index does not come after the one before it, or is zero.
    error PolicyRules_UnsortedAttesters(uint256 index);

    /// @notice Thrown when the requirement at an index does not come after the one before it.
    error PolicyRules_UnsortedRequirements(uint256 index);

    /// @notice Thrown when a requirement names neither a metric nor a role.
    error PolicyRules_NoSubject(uint256 index);

    /// @notice Thrown when no value is within a requirement's bounds, or an approval has bounds.
    error PolicyRules_ContradictoryBounds(uint256 index, int64 floor, int64 ceiling);

    /// @notice Thrown when a requirement counts an attester that the policy does not have.
    error PolicyRules_UnknownMember(uint256 index, uint16 members);

    /// @notice Thrown when a requirement would be met by nobody's attestation.
    error PolicyRules_ZeroQuorum(uint256 index);

    /// @notice Thrown when a requirement asks for more attesters than count for it.
    error PolicyRules_UnreachableQuorum(uint256 index, uint8 quorum, uint256 members);

    /// @notice Reverts unless a policy can be met, and is written as it has to be.
    function check(Policy calldata policy) internal pure {
        if (policy.delay > MAX_DELAY) revert PolicyRules_DelayTooLong(policy.delay);
        if (policy.notice > MAX_DELAY) revert PolicyRules_DelayTooLong(policy.notice);

        uint256 count = policy.attesters.length;
        if (count > MAX_ATTESTERS) revert PolicyRules_TooManyAttesters(count);
        address previous;
        for (uint256 i; i < count; ++i) {
            if (policy.attesters[i] <= previous) revert PolicyRules_UnsortedAttesters(i);
            previous = policy.attesters[i];
        }

        uint256 requirementCount = policy.requirements.length;
        if (requirementCount > MAX_REQUIREMENTS) {
            revert PolicyRules_TooManyRequirements(requirementCount);
        }
        for (uint256 i; i < requirementCount; ++i) {
            _check(policy.requirements[i], i, count);
            if (i != 0 && !_isAfter(policy.requirements[i], policy.requirements[i - 1])) {
                revert PolicyRules_UnsortedRequirements(i);
            }
        }
    }

    /// @notice Whether whatever satisfies a policy satisfies another one too, so that to put it in the
    /// other's place loosens nothing.
    /// @dev It errs on the strict side: attesters that come in are taken for a loosening, even where the
    /// quorum grows with them. The lineage's bound is no matter of strictness: it says how long a lineage
    /// may be looked at, and no longer one passes; of those that do, no less is asked under a higher one.
    function isAtLeast(Policy calldata next, Policy memory current) internal pure returns (bool) {
        if (next.delay < current.delay || next.notice < current.notice) return false;
        if (next.lineageVisits == 0 && current.lineageVisits != 0) return false;
        if (!next.licensedParents && current.licensedParents) return false;
        if (next.publishersPropose && !current.publishersPropose) return false;

        for (uint256 i; i < current.requirements.length; ++i) {
            if (!_isKept(next, current, current.requirements[i])) return false;
        }
        return true;
    }

    /// @notice Puts a policy that was checked into force.
    function store(PolicyRecord storage record, Policy calldata policy) internal {
        (record.delay, record.notice) = (policy.delay, policy.notice);
        (record.lineageVisits, record.licensedParents, record.publishersPropose) =
        (policy.lineageVisits, policy.licensedParents, policy.publishersPropose);
        // forge-lint: disable-next-line(unsafe-typecast) they are at most 16 and 8
        (record.attesterCount, record.requirementCount, record.inForce) =
        (uint8(policy.attesters.length), uint8(policy.requirements.length), true);
        for (uint256 i; i < policy.attesters.length; ++i) {
            record.attesters[i] = policy.attesters[i];
        }
        for (uint256 i; i < policy.requirements.length; ++i) {
            record.requirements[i] = policy.requirements[i];
        }
    }

    /// @notice The policy that is stored.
    function load(PolicyRecord storage record) internal view returns (Policy memory policy) {
        policy = Policy({
            delay: record.delay,
            notice: record.notice,
            lineageVisits: record.lineageVisits,
            licensedParents: record.licensedParents,
            publishersPropose: record.publishersPropose,
            attesters: new address[](record.attesterCount),
            requirements: new Requirement[](record.requirementCount)
        });
        for (uint256 i; i < policy.attesters.length; ++i) {
            policy.attesters[i] = record.attesters[i];
        }
        for (uint256 i; i < policy.requirements.length; ++i) {
            policy.requirements[i] = record.requirements[i];
        }
    }

    function _check(Requirement calldata requirement, uint256 index, uint256 attesterCount)
        private
        pure
    {
        if (requirement.subject == 0) revert PolicyRules_NoSubject(index);
        (int64 floor, int64 ceiling) = (requirement.floor, requirement.ceiling);
        bool unbounded = floor == 0 && ceiling == 0;
        if (floor > ceiling || (requirement.datasetRoot == 0 && !unbounded)) {
            revert PolicyRules_ContradictoryBounds(index, floor, ceiling);
        }

        uint16 members = requirement.members;
        if (members >> attesterCount != 0) revert PolicyRules_UnknownMember(index, members);
        uint8 quorum = requirement.quorum;
        if (quorum == 0) revert PolicyRules_ZeroQuorum(index);
        uint256 count;
        for (uint256 left = members; left != 0; left &= left - 1) {
            ++count;
        }
        if (quorum > count) revert PolicyRules_UnreachableQuorum(index, quorum, count);
    }

    function _isAfter(Requirement calldata left, Requirement calldata right)
        private
        pure
        returns (bool)
    {
        if (left.datasetRoot != right.datasetRoot) return left.datasetRoot > right.datasetRoot;
        return left.subject > right.subject;
    }

    /// @dev Whether the next policy asks for what a requirement of the current one asks for, or more.
    function _isKept(Policy calldata next, Policy memory current, Requirement memory kept)
        private
        pure
        returns (bool)
    {
        for (uint256 i; i < next.requirements.length; ++i) {
            Requirement calldata asked = next.requirements[i];
            if (asked.datasetRoot != kept.datasetRoot || asked.subject != kept.subject) continue;
            return asked.floor >= kept.floor && asked.ceiling <= kept.ceiling
                && asked.quorum >= kept.quorum
                && _areAmong(next.attesters, asked.members, current.attesters, kept.members);
        }
        return false;
    }

    /// @dev Whether each of some members is one of others, both numbered by lists in ascending order.
    function _areAmong(
        address[] calldata attesters,
        uint256 members,
        address[] memory others,
        uint256 otherMembers
    ) private pure returns (bool) {
        uint256 j;
        for (uint256 i; i < attesters.length; ++i) {
            if (members >> i & 1 == 0) continue;
            while (j < others.length && others[j] < attesters[i]) {
                ++j;
            }
            if (j == others.length || others[j] != attesters[i] || otherMembers >> j & 1 == 0) {
                return false;
            }
        }
        return true;
    }
}
