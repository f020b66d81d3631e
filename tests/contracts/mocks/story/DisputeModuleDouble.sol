// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    IStoryDisputeModule
} from "../../../../contracts/interfaces/external/story/IStoryDisputeModule.sol";

/// @dev Anybody raises and decides, for nothing: arbitration is not Story's but UMA's.
contract DisputeModuleDouble is IStoryDisputeModule {
    struct Dispute {
        address targetIpId;
        address disputeInitiator;
        uint256 disputeTimestamp;
        address arbitrationPolicy;
        bytes32 disputeEvidenceHash;
        bytes32 targetTag;
        bytes32 currentTag;
        uint256 infringerDisputeId;
    }

    uint256 public disputeCounter;

    mapping(uint256 disputeId => Dispute) public disputes;

    mapping(address ipId => uint256 count) private _upheld;

    function raiseDispute(
        address targetIpId,
        bytes32 evidenceHash,
        bytes32 tag,
        bytes calldata data
    ) external returns (uint256 id) {
        id = ++disputeCounter;
        disputes[id] = Dispute(
            targetIpId, msg.sender, block.timestamp, msg.sender, evidenceHash, tag, "IN_DISPUTE", 0
        );
        emit DisputeRaised(
            id, targetIpId, msg.sender, block.timestamp, msg.sender, evidenceHash, tag, data
        );
    }

    function setDisputeJudgement(uint256 disputeId, bool decision, bytes calldata) external {
        Dispute storage dispute = disputes[disputeId];
        dispute.currentTag = decision ? dispute.targetTag : bytes32(0);
        if (decision) ++_upheld[dispute.targetIpId];
    }

    function resolveDispute(uint256 disputeId, bytes calldata) external {
        --_upheld[disputes[disputeId].targetIpId];
        disputes[disputeId].currentTag = 0;
    }

    function isIpTagged(address ipId) external view returns (bool) {
        return _upheld[ipId] != 0;
    }
}
