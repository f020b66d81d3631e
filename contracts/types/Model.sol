// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {VersionKey} from "./VersionKey.sol";

/// @notice What a registered model's versions are.
/// @custom:value Model Weights, or anything else that is run.
/// @custom:value Dataset Data that models are trained or evaluated on.
enum Kind {
    Model,
    Dataset
}

/// @notice Where a version stands. It only ever moves down this list.
/// @custom:value None Never published.
/// @custom:value Published Ready for use.
/// @custom:value Deprecated Superseded, still sound.
/// @custom:value Revoked Not to be used any more; taints every descendant.
enum Status {
    None,
    Published,
    Deprecated,
    Revoked
}

/// @notice How a version came from its parent.
/// @custom:value Revision The same line of work, continued.
/// @custom:value Finetune Trained further from the parent's weights.
/// @custom:value Adapter Weights that are applied on top of the parent's.
/// @custom:value Merge One of several parents whose weights were combined.
/// @custom:value Quantization The parent's weights in fewer bits.
/// @custom:value Distillation Trained on the parent's outputs.
/// @custom:value TrainedOn The parent is data that it was trained on.
/// @custom:value Other Anything else.
enum Relation {
    Revision,
    Finetune,
    Adapter,
    Merge,
    Quantization,
    Distillation,
    TrainedOn,
    Other
}

/// @notice Why a version must not be used any more.
/// @custom:value Unspecified No reason given; also the value while a version is not revoked.
/// @custom:value Compromised The artefacts or their build were tampered with.
/// @custom:value PoisonedData Trained on data that was tampered with.
/// @custom:value UnsafeBehaviour It does harm when used as intended.
/// @custom:value LicenceViolation It must not be distributed.
/// @custom:value Defective It does not work.
/// @custom:value LegalOrder An authority demands it.
enum RevocationReason {
    Unspecified,
    Compromised,
    PoisonedData,
    UnsafeBehaviour,
    LicenceViolation,
    Defective,
    LegalOrder
}

/// @dev Codec of a CID whose block is read as plain bytes.
uint8 constant RAW_CODEC = 0x55;

/// @dev Codec of a CID whose block is a node of a UnixFS file or directory.
uint8 constant DAG_PB_CODEC = 0x70;

/// @notice Content identifier: a CIDv1 whose multihash is SHA-256.
/// @param digest SHA-256 of the root block.
/// @param codec How the root block is to be read: `RAW_CODEC` or `DAG_PB_CODEC`.
struct Cid {
    bytes32 digest;
    uint8 codec;
}

/// @notice A lineage edge, seen from the child.
/// @param modelId The parent's registered model.
/// @param version The parent's version.
/// @param relation How the child came from it.
struct Parent {
    uint64 modelId;
    uint32 version;
    Relation relation;
}

/// @notice A named line of versions.
/// @param creator Who registered it. Names are unique per creator, whoever owns the model today.
/// @param latestVersion Number of versions, and the newest one's number.
/// @param kind Model or dataset.
/// @param name 1-64 characters of `A-Z a-z 0-9 . _ / -`.
struct Model {
    // slot 0
    address creator;
    uint32 latestVersion;
    Kind kind;
    // slot 1
    string name;
}

/// @notice A published version, as views return it.
/// @param root Content: the CID of the version's directory, which commits to every byte in it.
/// @param publisher Who published it: the caller, or the signer of the publication.
/// @param publishedAt Block time, in seconds.
/// @param status Published, deprecated or revoked.
/// @param reason Why it was revoked.
/// @param parentCount Number of lineage edges to parents.
struct Version {
    Cid root;
    address publisher;
    uint64 publishedAt;
    Status status;
    RevocationReason reason;
    uint8 parentCount;
}

/// @notice A published version, as it is stored. Only `status` and `reason` ever change.
/// @param digest Digest of the root.
/// @param publisher See `Version`.
/// @param publishedAt See `Version`.
/// @param codec Codec of the root.
/// @param status See `Version`.
/// @param reason See `Version`.
/// @param parentCount See `Version`.
/// @param parentPairs Lineage edges, two to a slot; see `Lineage`.
struct VersionRecord {
    // slot 0
    bytes32 digest;
    // slot 1
    address publisher;
    uint64 publishedAt;
    uint8 codec;
    Status status;
    RevocationReason reason;
    uint8 parentCount;
    // slot 2
    mapping(uint256 pairIndex => uint256 pair) parentPairs;
}

/// @notice Where an alias points.
/// @param version The version it points to; 0 for none.
/// @param since Block time of its last move, in seconds; 0 if it never moved.
/// @param moves How often it has moved.
/// @param gate The only account that may move it; the zero address if the model's owner may.
struct Alias {
    uint32 version;
    uint64 since;
    uint32 moves;
    address gate;
}

/// @notice An entry of an alias's history.
/// @param version The version that the alias pointed to from then on; 0 for none.
/// @param since Block time of the move, in seconds.
struct AliasMove {
    uint32 version;
    uint64 since;
}

/// @notice What a publisher signs, in the part that describes the new version.
/// @param modelId The registered model that gets the version.
/// @param root See `Version`.
/// @param parents See `IModelRegistry.publish`.
struct Publication {
    uint64 modelId;
    Cid root;
    Parent[] parents;
}
