// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IPromotionGate} from "../interfaces/IPromotionGate.sol";
import {Announcement, PolicyRecord, Proposal} from "../types/Promotion.sol";

/// @title Delays
/// @notice When what was announced or proposed can be done: after its delay, for whoever it concerns to
/// act on it, and not long after that, lest it is forgotten by then.
library Delays {
    /// @notice For how long it can be done.
    uint32 internal constant WINDOW = 14 days;

    /// @notice Announces something, unless it has been announced and its notice has passed.
    /// @return effectiveAt When the notice ends; not later than now if it has passed.
    function announce(Announcement storage announced, bytes32 digest, uint32 notice)
        internal
        returns (uint64 effectiveAt)
    {
        effectiveAt = announced.effectiveAt;
        if (announced.digest == digest && block.timestamp <= effectiveAt + WINDOW) {
            if (block.timestamp < effectiveAt) {
                revert IPromotionGate.PromotionGate_NoticeRunning(effectiveAt);
            }
            return effectiveAt;
        }
        effectiveAt = uint64(block.timestamp) + notice;
        (announced.digest, announced.effectiveAt) = (digest, effectiveAt);
    }

    /// @notice When a proposal was made; reverts unless it can be executed now, under a policy.
    function checkDue(Proposal memory proposal, bytes32 proposalId, PolicyRecord storage record)
        internal
        view
        returns (uint64)
    {
        if (proposal.proposedAt == 0) revert IPromotionGate.PromotionGate_NoProposal(proposalId);
        if (proposal.round != record.round) {
            revert IPromotionGate.PromotionGate_StaleProposal(
                proposalId, proposal.round, record.round
            );
        }
        uint64 executableAt = uint64(proposal.proposedAt) + record.delay;
        if (block.timestamp < executableAt) {
            revert IPromotionGate.PromotionGate_TooEarly(proposalId, executableAt);
        }
        if (block.timestamp > executableAt + WINDOW) {
            revert IPromotionGate.PromotionGate_Lapsed(proposalId, executableAt + WINDOW);
        }
        return proposal.proposedAt;
    }
}
