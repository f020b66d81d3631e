// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IPromotionGate} from "../interfaces/IPromotionGate.sol";
import {Attestation, IEAS} from "../interfaces/external/eas/IEAS.sol";
import {Candidate, Claim, Policy, Requirement} from "../types/Promotion.sol";
import {Attestations} from "./Attestations.sol";

/// @title Evidence
/// @notice Whether what others have attested of a version is what a policy asks for.
/// @dev Every attestation that is named has to count for something: none is passed over, so that what
/// a proposal names is what it rests on.
library Evidence {
    /// @notice Reverts unless each of some attestations counts, and all that a policy asks for is there.
    /// @param uids The attestations; their number, which is what this costs, is the caller's to bound.
    function check(
        IEAS eas,
        Policy memory policy,
        bytes32[] calldata uids,
        Candidate memory candidate
    ) internal view {
        Requirement[] memory requirements = policy.requirements;
        uint256[] memory attested = new uint256[](requirements.length);
        uint256[] memory counts = new uint256[](requirements.length);
        for (uint256 i; i < uids.length; ++i) {
            bytes32 uid = uids[i];
            (Claim memory claim, address attester) = _claimOf(eas, uid, candidate);
            uint256 index = _requirementFor(uid, claim, requirements);
            Requirement memory requirement = requirements[index];

            // Check: it is within bounds.
            if (claim.value < requirement.floor || claim.value > requirement.ceiling) {
                revert IPromotionGate.PromotionGate_OutOfBounds(
                    uid, claim.value, requirement.floor, requirement.ceiling
                );
            }

            // Check: its attester counts, for the first time.
            uint256 member = _memberOf(policy.attesters, attester);
            if (member & requirement.members == 0) {
                revert IPromotionGate.PromotionGate_NotMember(uid, attester);
            }
            if (member & attested[index] != 0) {
                revert IPromotionGate.PromotionGate_AttestedTwice(uid, attester);
            }
            attested[index] |= member;
            ++counts[index];
        }

        for (uint256 i; i < requirements.length; ++i) {
            if (counts[i] < requirements[i].quorum) {
                revert IPromotionGate.PromotionGate_QuorumMissing(
                    i, counts[i], requirements[i].quorum
                );
            }
        }
    }

    /// @dev What an attestation says, if it is valid, of the candidate, and by somebody else.
    function _claimOf(IEAS eas, bytes32 uid, Candidate memory candidate)
        private
        view
        returns (Claim memory claim, address attester)
    {
        Attestation memory given = eas.getAttestation(uid);
        if (given.uid == 0) revert IPromotionGate.PromotionGate_UnknownAttestation(uid);
        if (given.revocationTime != 0) {
            revert IPromotionGate.PromotionGate_Revoked(uid, given.revocationTime);
        }
        if (given.expirationTime != 0 && given.expirationTime <= block.timestamp) {
            revert IPromotionGate.PromotionGate_Expired(uid, given.expirationTime);
        }
        if (given.recipient != candidate.registry) {
            revert IPromotionGate.PromotionGate_WrongRecipient(uid, given.recipient);
        }
        if (given.time < candidate.publishedAt) {
            revert IPromotionGate.PromotionGate_AttestedEarlier(
                uid, given.time, candidate.publishedAt
            );
        }
        if (given.time > candidate.proposedAt) {
            revert IPromotionGate.PromotionGate_AttestedLater(uid, given.time, candidate.proposedAt);
        }

        claim = _decode(uid, given.schema, given.data);
        if (claim.modelId != candidate.modelId || claim.version != candidate.version) {
            revert IPromotionGate.PromotionGate_OtherVersion(uid, claim.modelId, claim.version);
        }
        attester = given.attester;
        if (attester == candidate.owner || attester == candidate.proposer) {
            revert IPromotionGate.PromotionGate_SelfAttested(uid, attester);
        }
    }

    /// @dev An evaluation over no dataset is none: it could be taken for an approval.
    function _decode(bytes32 uid, bytes32 schema, bytes memory data)
        private
        pure
        returns (Claim memory claim)
    {
        bool ok;
        if (schema == Attestations.EVALUATION) {
            (ok, claim) = Attestations.decodeEvaluation(data);
            ok = ok && claim.datasetRoot != 0;
        } else if (schema == Attestations.APPROVAL) {
            (ok, claim) = Attestations.decodeApproval(data);
        } else {
            revert IPromotionGate.PromotionGate_WrongSchema(uid, schema);
        }
        if (!ok) revert IPromotionGate.PromotionGate_BadData(uid);
    }

    function _requirementFor(bytes32 uid, Claim memory claim, Requirement[] memory requirements)
        private
        pure
        returns (uint256)
    {
        for (uint256 i; i < requirements.length; ++i) {
            Requirement memory asked = requirements[i];
            if (asked.datasetRoot == claim.datasetRoot && asked.subject == claim.subject) return i;
        }
        revert IPromotionGate.PromotionGate_NotRequired(uid, claim.datasetRoot, claim.subject);
    }

    /// @dev The bit that stands for an attester; 0 for nobody.
    function _memberOf(address[] memory attesters, address attester)
        private
        pure
        returns (uint256)
    {
        for (uint256 i; i < attesters.length; ++i) {
            if (attesters[i] == attester) return uint256(1) << i;
        }
        return 0;
    }
}
