// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    AttestationRequest,
    AttestationRequestData,
    IEAS as IService,
    RevocationRequest,
    RevocationRequestData
} from "@ethereum-attestation-service/eas-contracts/contracts/IEAS.sol";
import {Test} from "forge-std/Test.sol";

import {ModelRegistry} from "../../../../contracts/ModelRegistry.sol";
import {PromotionGate} from "../../../../contracts/PromotionGate.sol";
import {
    Cid,
    DAG_PB_CODEC,
    Parent,
    Relation,
    RevocationReason
} from "../../../../contracts/types/Model.sol";
import {Policy, Requirement} from "../../../../contracts/types/Promotion.sol";
import {GateGhost} from "./GateGhost.sol";

/// @notice Owners, a publisher, attesters and time, doing what they may in any order. Whether something
/// succeeds is foretold by the ghost, and both ways are wrong if it does not turn out so.
contract GateHandler is Test, GateGhost {
    bytes32 private constant _ALIAS = "champion";
    bytes32 private constant _DATASET = keccak256("held-out");

    ModelRegistry private immutable _REGISTRY;
    PromotionGate private immutable _GATE;
    IService private immutable _EAS;
    uint64 private immutable _MODEL;
    uint64 private immutable _BASE;
    address private immutable _BASE_OWNER;

    mapping(bytes4 action => uint256) public calls; // those that did what they are for

    uint256 private _roots;

    /// @dev The model is the first attester's, who has gated the alias, of version 1. The first three
    /// attesters are who can own it.
    constructor(
        PromotionGate gate,
        IService eas,
        uint64 model,
        uint64 base,
        address baseOwner,
        address[] memory attesters
    ) {
        (_GATE, _EAS, _MODEL, _BASE, _BASE_OWNER) = (gate, eas, model, base, baseOwner);
        _REGISTRY = ModelRegistry(address(gate.registry()));
        _attesters = attesters;
        owner = attesters[0];
        _baseOf = [0, 0];
        history.push(1);
        Policy memory first = policyOf(0);
        vm.prank(owner);
        gate.setPolicy(model, _ALIAS, first);
        _setPolicy(first);
    }

    function actions() external pure returns (bytes4[] memory all) {
        all = new bytes4[](13);
        (all[0], all[1], all[2]) =
        (this.setPolicy.selector, this.attest.selector, this.revokeAttestation.selector);
        (all[3], all[4], all[5]) =
        (this.propose.selector, this.execute.selector, this.cancel.selector);
        (all[6], all[7], all[8]) =
        (this.rollback.selector, this.publish.selector, this.revokeVersion.selector);
        (all[9], all[10], all[11]) =
        (this.revokeBase.selector, this.transfer.selector, this.pass.selector);
        all[12] = this.attempt.selector;
    }

    /// @notice Each action once where it must succeed.
    function exercise() external {
        transfer(0);
        publish(0);
        setPolicy(0); // asks for nothing
        vm.warp(block.timestamp + _policy().notice);
        setPolicy(0);
        publish(0);
        uint32 newest = uint32(_baseOf.length - 1);
        _propose(owner, newest - 1, new uint256[](0));
        cancel(_proposed.length - 1);
        _propose(owner, newest - 1, new uint256[](0));
        execute(_proposed.length - 1);

        setPolicy(144); // asks for one evaluation
        attest(3, 0, 3);
        uint256[] memory said = new uint256[](1);
        said[0] = _said.length - 1;
        _propose(owner, newest, said);
        execute(_proposed.length - 1);
        rollback(history.length - 2, 0);
        attest(3, 0, 0);
        revokeAttestation(_said.length - 1);
        publish(1);
        revokeVersion(_baseOf.length - 1);
        revokeBase(0);
        pass(1);
        attempt(1, 3);
    }

    /*//////////////////////////////////////////////////////////////
                                ACTIONS
    //////////////////////////////////////////////////////////////*/

    function setPolicy(uint256 seed) public {
        Policy memory next = policyOf(seed);
        bytes32 digest = keccak256(abi.encode(next));
        bool strict = _isAsStrict(next) || _policy().notice == 0;
        bool announced = _announced == digest && block.timestamp <= _announcedFor + WINDOW;
        bool running = !strict && announced && block.timestamp < _announcedFor;
        vm.prank(owner);
        try _GATE.setPolicy(_MODEL, _ALIAS, next) {
            assertFalse(running, "before its notice has passed");
        } catch {
            assertTrue(running, "refused without a reason");
            return;
        }

        if (strict || announced) {
            _setPolicy(next);
            ++calls[this.setPolicy.selector];
        } else {
            (_announced, _announcedFor) = (digest, block.timestamp + _policy().notice);
        }
    }

    function attest(uint256 who, uint256 versionSeed, uint256 seed) public {
        Said memory said;
        said.by = _attesters[who % _attesters.length];
        said.approves = seed % 2 == 0;
        said.version = _someVersion(versionSeed);
        said.value = int64(int256(seed / 2 % 6));
        said.at = block.timestamp;
        said.expiry = seed % 5 == 0 ? block.timestamp + 2 days : 0;
        bytes32 schema = said.approves ? _GATE.APPROVAL() : _GATE.EVALUATION();
        bytes memory data = said.approves
            ? abi.encode(_MODEL, said.version, bytes32("reviewer"))
            : abi.encode(_MODEL, said.version, _DATASET, bytes32("accuracy"), said.value, 0);
        AttestationRequestData memory request =
            AttestationRequestData(address(_REGISTRY), uint64(said.expiry), true, 0, data, 0);
        vm.prank(said.by);
        said.uid = _EAS.attest(AttestationRequest(schema, request));
        _said.push(said);
        ++calls[this.attest.selector];
    }

    function revokeAttestation(uint256 seed) public {
        if (_said.length == 0) return;
        Said storage said = _said[seed % _said.length];
        if (said.revoked) return;
        bytes32 schema = said.approves ? _GATE.APPROVAL() : _GATE.EVALUATION();
        vm.prank(said.by);
        _EAS.revoke(RevocationRequest(schema, RevocationRequestData(said.uid, 0)));
        said.revoked = true;
        ++calls[this.revokeAttestation.selector];
    }

    /// @notice With everything that was said of the version, or with what seems to be needed, or less.
    function propose(uint256 who, uint256 versionSeed, uint256 mask) public {
        uint32 version = _someVersion(versionSeed);
        uint256[] memory picked = new uint256[](_said.length);
        uint256 count;
        for (uint256 i = _said.length; i > 0 && count < 6; --i) {
            Said storage said = _said[i - 1];
            bool useful = said.version == version && !said.revoked && said.by != owner;
            if (useful || mask >> (i % 250) & 31 == 0) picked[count++] = i - 1;
        }
        assembly ("memory-safe") {
            mstore(picked, count)
        }
        _propose(who % 4 == 0 ? _carol() : owner, version, picked);
    }

    function execute(uint256 seed) public {
        if (_proposed.length == 0) return;
        // What was proposed again is one proposal, the later one.
        Proposed storage proposal = _proposed[_lastOf[_proposed[seed % _proposed.length].id]];
        bool foretold = _canExecute(proposal);
        vm.prank(proposal.by);
        try _GATE.execute(_MODEL, _ALIAS, proposal.version, _uidsOf(proposal)) {
            assertTrue(foretold, "moved to what did not satisfy the policy");
        } catch {
            assertFalse(foretold, "refused what satisfied the policy");
            return;
        }
        proposal.open = false;
        history.push(proposal.version);
        ++calls[this.execute.selector];
    }

    /// @notice All at once, so that it often comes to an end: some attest, somebody proposes, time passes,
    /// and it is executed. The owner, or who proposes, may be among those who attest.
    function attempt(uint256 seed, uint256 people) public {
        uint256 last = _baseOf.length - 1; // the newest version
        uint256[] memory picked = new uint256[](2 * _attesters.length);
        uint256 count;
        for (uint256 i; i < picked.length; ++i) {
            if (people >> i & 1 == 0) continue;
            // Even ones evaluate, with a value that is within all bounds more often than not.
            attest(i / 2, 0, i % 2 == 0 ? 2 * (seed >> i & 1) + 7 : 2);
            picked[count++] = _said.length - 1;
        }
        assembly ("memory-safe") {
            mstore(picked, count)
        }
        _propose(seed % 3 == 0 ? _carol() : owner, uint32(last), picked);
        if (_proposed.length == 0) return;
        vm.warp(block.timestamp + _policy().delay + (seed % 5 == 0 ? WINDOW + seed % 2 : 0));
        execute(_proposed.length - 1);
        ++calls[this.attempt.selector];
    }

    function cancel(uint256 seed) public {
        if (_proposed.length == 0) return;
        Proposed storage proposal = _proposed[seed % _proposed.length];
        if (!proposal.open) return;
        vm.prank(seed % 3 == 0 ? proposal.by : owner);
        _GATE.cancel(_MODEL, _ALIAS, proposal.id);
        proposal.open = false;
        ++calls[this.cancel.selector];
    }

    /// @notice To a place in its history, or to a version that may never have been there.
    function rollback(uint256 seed, uint256 versionSeed) public {
        uint256 index = seed % history.length;
        uint32 version = versionSeed % 4 == 0 ? history[index] : _someVersion(versionSeed);
        if (versionSeed % 11 == 1) version = 0;
        bool foretold = version != champion() && !_revoked[version]
            && (version == 0 || (history[index] == version && _isSound(version)));
        vm.prank(owner);
        try _GATE.rollback(_MODEL, _ALIAS, version, uint32(index)) {
            assertTrue(foretold, "rolled back to what it may not");
        } catch {
            assertFalse(foretold, "not rolled back to what it may");
            return;
        }
        history.push(version);
        ++round;
        ++calls[this.rollback.selector];
    }

    function publish(uint256 seed) public {
        uint32 base = seed % 2 == 0 ? 0 : _newBase();
        Parent[] memory parents = new Parent[](base == 0 ? 0 : 1);
        if (base != 0) parents[0] = Parent(_BASE, base, Relation.Finetune);
        vm.prank(owner);
        _REGISTRY.publish(_MODEL, _root(), parents);
        _baseOf.push(base);
        ++calls[this.publish.selector];
    }

    function revokeVersion(uint256 seed) public {
        uint32 version = _someVersion(seed);
        if (_revoked[version]) return;
        vm.prank(owner);
        _REGISTRY.revoke(_MODEL, version, RevocationReason.Defective);
        _revoked[version] = true;
        ++calls[this.revokeVersion.selector];
    }

    function revokeBase(uint256 seed) public {
        for (uint256 i; i < _baseOf.length; ++i) {
            uint32 base = _baseOf[(seed % _baseOf.length + i) % _baseOf.length];
            if (base == 0 || _baseRevoked[base]) continue;
            vm.prank(_BASE_OWNER);
            _REGISTRY.revoke(_BASE, base, RevocationReason.PoisonedData);
            _baseRevoked[base] = true;
            ++calls[this.revokeBase.selector];
            return;
        }
    }

    /// @notice To one of the attesters, whose own word counts no more from then on.
    function transfer(uint256 seed) public {
        address to = _attesters[seed % 3];
        address from = owner;
        vm.startPrank(from);
        _REGISTRY.nft().transferFrom(from, to, _MODEL);
        vm.stopPrank();
        owner = to;
        ++_transfers;
        _carolPublishes = seed % 2 == 0;
        if (_carolPublishes) {
            vm.prank(to);
            _REGISTRY.setPublisher(_MODEL, _carol(), type(uint64).max);
        }
        ++calls[this.transfer.selector];
    }

    function pass(uint256 time) public {
        vm.warp(block.timestamp + bound(time, 1, time % 7 == 0 ? 30 days : 12 hours));
        ++calls[this.pass.selector];
    }

    /*//////////////////////////////////////////////////////////////
                                HELPERS
    //////////////////////////////////////////////////////////////*/

    /// @notice A policy of a small number of forms, so that many are comparable.
    function policyOf(uint256 seed) public view returns (Policy memory policy) {
        policy.attesters = _attesters;
        policy.delay = uint32(seed % 2 * 1 hours);
        policy.notice = uint32(seed / 2 % 3 * 1 days);
        policy.lineageVisits = seed / 6 % 3 == 0 ? 0 : uint16(8 + seed / 6 % 3);
        policy.licensedParents = seed / 18 % 4 == 1;
        policy.publishersPropose = seed / 72 % 2 == 1;
        uint256 count = seed / 144 % 3;
        policy.requirements = new Requirement[](count);
        uint16 members = seed / 432 % 2 == 0 ? 31 : 28; // all five, or the last three
        if (count == 2) {
            policy.requirements[0] = Requirement(0, "reviewer", 0, 0, members, 1);
        }
        if (count > 0) {
            int64 floor = int64(int256(seed / 864 % 3));
            uint8 quorum = uint8(1 + seed / 2592 % 2);
            policy.requirements[count - 1] =
                Requirement(_DATASET, "accuracy", floor, floor + 3, members, quorum);
        }
    }

    function _carol() internal view override returns (address) {
        return _attesters[4];
    }

    function _setPolicy(Policy memory policy) private {
        _encodedPolicy = abi.encode(policy);
        (_announced, _announcedFor) = (0, 0);
        ++round;
    }

    function _propose(address by, uint32 version, uint256[] memory said) private {
        bytes32[] memory uids = new bytes32[](said.length);
        for (uint256 i; i < said.length; ++i) {
            uids[i] = _said[said[i]].uid;
        }
        bool foretold = _mayPropose(by);
        bytes32 id = keccak256(abi.encode(by, version, uids));
        vm.prank(by);
        try _GATE.propose(_MODEL, _ALIAS, version, uids) returns (bytes32 given) {
            assertTrue(foretold, "proposed by whom it may not");
            assertEq(given, id, "id");
        } catch {
            assertFalse(foretold, "not proposed by whom it may");
            return;
        }
        if (_proposed.length > 0 && _proposed[_lastOf[id]].id == id) {
            _proposed[_lastOf[id]].open = false;
        }
        _lastOf[id] = _proposed.length;
        _proposed.push(Proposed(id, by, version, said, block.timestamp, round, _transfers, true));
        ++calls[this.propose.selector];
    }

    function _uidsOf(Proposed storage proposal) private view returns (bytes32[] memory uids) {
        uids = new bytes32[](proposal.said.length);
        for (uint256 i; i < uids.length; ++i) {
            uids[i] = _said[proposal.said[i]].uid;
        }
    }

    function _someVersion(uint256 seed) private view returns (uint32) {
        uint256 last = _baseOf.length - 1;
        return uint32(last - seed % (last < 4 ? last : 4)); // one of the newest
    }

    function _newBase() private returns (uint32) {
        vm.prank(_BASE_OWNER);
        return _REGISTRY.publish(_BASE, _root(), new Parent[](0));
    }

    function _root() private returns (Cid memory) {
        return Cid(keccak256(abi.encode("root", ++_roots)), DAG_PB_CODEC);
    }
}
