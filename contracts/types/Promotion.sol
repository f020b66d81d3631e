// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice What a version needs from attesters: a metric within bounds, or the approval of a role.
/// @param datasetRoot Digest of the dataset's root that the metric has to be over; 0 for an approval.
/// @param subject The metric, or the role: a left-aligned ASCII label, or the hash of a longer name.
/// @param floor Lowest value of the metric that will do, times 1,000,000; 0 for an approval.
/// @param ceiling Highest value that will do; 0 for an approval.
/// @param members Whose attestations count: bit i stands for the policy's attester i.
/// @param quorum How many of them have to attest, each for himself.
struct Requirement {
    // slot 0
    bytes32 datasetRoot;
    // slot 1
    bytes32 subject;
    // slot 2
    int64 floor;
    int64 ceiling;
    uint16 members;
    uint8 quorum;
}

/// @notice What has to hold before an alias is moved to a version.
/// @param delay Seconds between a proposal and its execution.
/// @param notice Seconds between the announcement of a looser policy, or of the alias's release, and
/// its effect. With no notice a policy binds its owner to nothing.
/// @param lineageVisits If not 0, neither the version nor an ancestor may be revoked; and they may be
/// no more than this many, for their number is what the check costs.
/// @param licensedParents Whether what it rests on must be licensed: wherever its lineage leads from one
/// of its owner's models to another owner's, that one must have licensed the one before. It is followed
/// through the owner's models and no further, and refused where that takes more versions than
/// `lineageVisits`, or 256 if that is 0.
/// @param publishersPropose Whether the model's publishers may propose and execute, beside its owner.
/// @param attesters Everybody whose attestations count for something, in ascending order.
/// @param requirements What they have to attest, in ascending order of (datasetRoot, subject).
struct Policy {
    uint32 delay;
    uint32 notice;
    uint16 lineageVisits;
    bool licensedParents;
    bool publishersPropose;
    address[] attesters;
    Requirement[] requirements;
}

/// @notice A policy, as it is stored, and what is counted beside it. The round and the first move stay
/// when there is no policy any more.
/// @param round Number of policies, rollbacks and releases so far: a proposal is of one round.
/// @param firstMove Number of moves that the alias had made when the gate's first policy was set.
/// @param delay See `Policy`.
/// @param notice See `Policy`.
/// @param lineageVisits See `Policy`.
/// @param licensedParents See `Policy`.
/// @param publishersPropose See `Policy`.
/// @param inForce Whether there is a policy.
/// @param attesterCount Number of attesters.
/// @param requirementCount Number of requirements.
/// @param attesters See `Policy`.
/// @param requirements See `Policy`.
struct PolicyRecord {
    // slot 0
    uint32 round;
    uint32 firstMove;
    uint32 delay;
    uint32 notice;
    uint16 lineageVisits;
    bool licensedParents;
    bool publishersPropose;
    bool inForce;
    uint8 attesterCount;
    uint8 requirementCount;
    // slots 1 to 16
    address[16] attesters;
    // slots 17 to 40
    Requirement[8] requirements;
}

/// @notice A proposal to move an alias, as it is stored. What it is of is in its id.
/// @param proposer Who proposed it, and alone can execute it.
/// @param proposedAt When, in seconds; 0 if there is none.
/// @param round Round of the policy that it was proposed under.
/// @param transfers How often the model had changed hands; the low 24 bits of it, for there are no 16
/// million transfers between a proposal and its end.
struct Proposal {
    // slot 0
    address proposer;
    uint40 proposedAt;
    uint32 round;
    uint24 transfers;
}

/// @notice The announcement of a looser policy, or of a release.
/// @param digest What is announced.
/// @param effectiveAt From when on it can be done, in seconds; 0 if there is none.
struct Announcement {
    // slot 0
    bytes32 digest;
    // slot 1
    uint64 effectiveAt;
}

/// @notice What an attestation says, in the terms of a requirement.
/// @param modelId The registered model.
/// @param version The version.
/// @param datasetRoot See `Requirement`; 0 for an approval.
/// @param subject See `Requirement`.
/// @param value The metric's value, times 1,000,000; 0 for an approval.
struct Claim {
    uint64 modelId;
    uint32 version;
    bytes32 datasetRoot;
    bytes32 subject;
    int64 value;
}

/// @notice A version that is to be promoted, and whose word does not count for it.
/// @param registry The registry that the model is registered in.
/// @param modelId The registered model.
/// @param version The version.
/// @param publishedAt When it was published, in seconds.
/// @param owner Who owns the model now.
/// @param proposer Who proposed it.
/// @param proposedAt When, in seconds.
struct Candidate {
    address registry;
    uint64 modelId;
    uint32 version;
    uint64 publishedAt;
    address owner;
    address proposer;
    uint64 proposedAt;
}
