// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Policy, Requirement} from "../../../../contracts/types/Promotion.sol";

/// @notice A gate in the plainest form: lists, and what has to hold written out. It never asks the
/// contract anything.
abstract contract GateGhost {
    struct Said {
        bytes32 uid;
        address by;
        bool approves;
        uint32 version;
        int64 value;
        uint256 at;
        uint256 expiry;
        bool revoked;
    }

    struct Proposed {
        bytes32 id;
        address by;
        uint32 version;
        uint256[] said; // by index
        uint256 at;
        uint32 round;
        uint256 transfers;
        bool open;
    }

    uint256 internal constant WINDOW = 14 days;

    address[] internal _attesters;
    address public owner;
    uint256 internal _transfers;
    bool internal _carolPublishes; // under the present owner

    bytes internal _encodedPolicy; // arrays of structs cannot be copied into storage
    uint32 public round;
    bytes32 internal _announced;
    uint256 internal _announcedFor;

    uint32[] internal _baseOf; // by version, from index 1 on; 0: of no base
    mapping(uint32 version => bool) internal _revoked;
    mapping(uint32 baseVersion => bool) internal _baseRevoked;
    uint32[] public history; // of the alias, all of it under the gate

    Said[] internal _said;
    Proposed[] internal _proposed;
    mapping(bytes32 id => uint256 index) internal _lastOf; // those that were proposed

    /// @notice Where the alias has to point.
    function champion() public view returns (uint32) {
        return history[history.length - 1];
    }

    /// @dev The policy in force.
    function _policy() internal view returns (Policy memory) {
        return abi.decode(_encodedPolicy, (Policy));
    }

    function _mayPropose(address account) internal view returns (bool) {
        if (account == owner) return true;
        return _policy().publishersPropose && _carolPublishes && account == _carol();
    }

    function _carol() internal view virtual returns (address);

    /// @dev Whether a proposal can be executed now.
    function _canExecute(Proposed storage proposal) internal view returns (bool) {
        if (!proposal.open || proposal.round != round || !_mayPropose(proposal.by)) return false;
        if (proposal.transfers != _transfers) return false;
        uint256 delay = _policy().delay;
        uint256 age = block.timestamp - proposal.at;
        if (age < delay || age > delay + WINDOW) return false;
        if (proposal.version == champion() || _revoked[proposal.version]) return false;
        return _isSound(proposal.version) && _isAttested(proposal);
    }

    function _isSound(uint32 version) internal view returns (bool) {
        Policy memory policy = _policy();
        uint32 base = _baseOf[version];
        bool tainted = _revoked[version] || _baseRevoked[base];
        if (policy.lineageVisits != 0 && tainted) return false;
        return !policy.licensedParents || base == 0; // bases are never licensed here
    }

    /// @dev Everybody who attested something is asked for each requirement whether he did.
    function _isAttested(Proposed storage proposal) internal view returns (bool) {
        for (uint256 i; i < proposal.said.length; ++i) {
            if (!_counts(_said[proposal.said[i]], proposal)) return false;
        }
        uint256 used;
        Requirement[] memory requirements = _policy().requirements;
        for (uint256 r; r < requirements.length; ++r) {
            Requirement memory asked = requirements[r];
            uint256 people;
            for (uint256 a; a < _attesters.length; ++a) {
                if (asked.members & (1 << a) == 0) continue;
                uint256 times = _timesSaid(proposal, _attesters[a], asked);
                if (times > 1) return false;
                (people, used) = (people + times, used + times);
            }
            if (people < asked.quorum) return false;
        }
        return used == proposal.said.length; // nothing else than what was asked for
    }

    function _counts(Said storage said, Proposed storage proposal) internal view returns (bool) {
        if (said.revoked || (said.expiry != 0 && said.expiry <= block.timestamp)) return false;
        if (said.at > proposal.at || said.version != proposal.version) return false;
        return said.by != owner && said.by != proposal.by;
    }

    function _timesSaid(Proposed storage proposal, address by, Requirement memory asked)
        internal
        view
        returns (uint256 times)
    {
        for (uint256 i; i < proposal.said.length; ++i) {
            Said storage said = _said[proposal.said[i]];
            if (said.by != by || said.approves != (asked.datasetRoot == 0)) continue;
            if (said.approves || (said.value >= asked.floor && said.value <= asked.ceiling)) {
                ++times;
            }
        }
    }

    /// @dev Whether a policy of the form that the handler makes, always with the same two requirements
    /// at most and the same attesters, is as strict as the one in force.
    function _isAsStrict(Policy memory next) internal view returns (bool) {
        Policy memory old = _policy();
        bool strict = next.delay >= old.delay && next.notice >= old.notice;
        strict = strict && (next.lineageVisits > 0 || old.lineageVisits == 0);
        strict = strict && (next.licensedParents || !old.licensedParents);
        strict = strict && (!next.publishersPropose || old.publishersPropose);
        for (uint256 kind; kind < 2; ++kind) {
            (bool before, Requirement memory kept) = _find(old, kind == 0);
            (bool still, Requirement memory asked) = _find(next, kind == 0);
            if (!before) continue;
            strict = strict && still && asked.quorum >= kept.quorum
                && asked.members & ~kept.members == 0;
            strict = strict && asked.floor >= kept.floor && asked.ceiling <= kept.ceiling;
        }
        return strict;
    }

    function _find(Policy memory policy, bool approval)
        private
        pure
        returns (bool, Requirement memory found)
    {
        for (uint256 i; i < policy.requirements.length; ++i) {
            if ((policy.requirements[i].datasetRoot == 0) == approval) {
                return (true, policy.requirements[i]);
            }
        }
        return (false, found);
    }
}
