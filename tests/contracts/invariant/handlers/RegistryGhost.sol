// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {
    AliasMove,
    Cid,
    Parent,
    RevocationReason,
    Status
} from "../../../../contracts/types/Model.sol";

/// @notice What the registry must say, kept in the plainest way there is: arrays that only grow, and
/// rights that are deleted one by one. Nothing is packed, keyed by a counter or searched.
abstract contract RegistryGhost is Test {
    struct GhostVersion {
        uint64 modelId;
        uint32 number;
        Cid root;
        address publisher;
        uint64 publishedAt;
        Status status;
        RevocationReason reason;
        bytes parents; // as `parentsOf` must return them, encoded
        uint256 ancestry; // bit i: the version itself, or a descendant, of the i-th that was published
    }

    struct Answer {
        uint64 modelId;
        bytes32 label;
        uint64 time;
        uint32 version;
    }

    GhostVersion[] internal _versions; // in the order in which they were published
    Answer[] internal _answers; // what `aliasAt` has ever said
    uint64 internal _models;
    uint256 internal _revoked; // bit i: the i-th version is

    mapping(uint64 modelId => uint256[] indexes) internal _versionsOf;
    mapping(uint64 modelId => address) internal _owner;
    mapping(uint64 modelId => mapping(address => uint64)) internal _expiry;
    mapping(uint64 modelId => mapping(bytes32 label => AliasMove[])) internal _moves;
    mapping(uint64 modelId => mapping(bytes32 label => address)) internal _gate;

    address[] internal _actors;
    bytes32[2] internal _labels = [bytes32("champion"), "stage/production-eu_west.1234567"];

    function addVersion(uint64 modelId, address publisher, Cid memory root, Parent[] memory parents)
        internal
    {
        uint256 index = _versions.length;
        uint256 ancestry = 1 << index;
        for (uint256 i; i < parents.length; ++i) {
            ancestry |= _versions[_versionsOf[parents[i].modelId][parents[i].version - 1]].ancestry;
        }
        _versionsOf[modelId].push(index);
        _versions.push(
            GhostVersion({
                modelId: modelId,
                number: uint32(_versionsOf[modelId].length),
                root: root,
                publisher: publisher,
                publishedAt: uint64(block.timestamp),
                status: Status.Published,
                reason: RevocationReason.Unspecified,
                parents: abi.encode(parents),
                ancestry: ancestry
            })
        );
    }

    function setOwner(uint64 modelId, address owner) internal {
        _owner[modelId] = owner;
        for (uint256 i; i < _actors.length; ++i) {
            delete _expiry[modelId][_actors[i]];
        }
    }

    function version(uint256 index) external view returns (GhostVersion memory) {
        return _versions[index];
    }

    function versionCount() external view returns (uint256) {
        return _versions.length;
    }

    function versionCountOf(uint64 modelId) external view returns (uint256) {
        return _versionsOf[modelId].length;
    }

    function answers() external view returns (Answer[] memory) {
        return _answers;
    }

    function models() external view returns (uint64) {
        return _models;
    }

    function actors() external view returns (address[] memory) {
        return _actors;
    }

    function labels() external view returns (bytes32[2] memory) {
        return _labels;
    }

    function moves(uint64 modelId, bytes32 label) external view returns (AliasMove[] memory) {
        return _moves[modelId][label];
    }

    function gateOf(uint64 modelId, bytes32 label) external view returns (address) {
        return _gate[modelId][label];
    }

    function ownerOf(uint64 modelId) external view returns (address) {
        return _owner[modelId];
    }

    function expiryOf(uint64 modelId, address account) external view returns (uint64) {
        return _expiry[modelId][account];
    }

    function mayPublish(uint64 modelId, address account) public view returns (bool) {
        return account == _owner[modelId] || block.timestamp < _expiry[modelId][account];
    }

    function pointsTo(uint64 modelId, bytes32 label) public view returns (uint32) {
        uint256 count = _moves[modelId][label].length;
        return count == 0 ? 0 : _moves[modelId][label][count - 1].version;
    }

    function isTainted(uint256 index) external view returns (bool) {
        return _versions[index].ancestry & _revoked != 0;
    }
}
