// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IStoryDisputeModule
/// @notice Disputes about works on Story, as far as they are read here; written from the ABI.
interface IStoryDisputeModule {
    /// @notice Emitted when a work is disputed.
    /// @param disputeId Its number.
    /// @param targetIpId The work.
    /// @param disputeInitiator Who disputes it.
    /// @param disputeTimestamp When, in seconds.
    /// @param arbitrationPolicy Who decides.
    /// @param disputeEvidenceHash Digest of the evidence.
    /// @param targetTag What the work is said to be, such as "IMPROPER_USAGE".
    /// @param data For the arbitration.
    event DisputeRaised(
        uint256 disputeId,
        address targetIpId,
        address disputeInitiator,
        uint256 disputeTimestamp,
        address arbitrationPolicy,
        bytes32 disputeEvidenceHash,
        bytes32 targetTag,
        bytes data
    );

    /// @notice Whether a dispute was decided against a work, and is not resolved.
    function isIpTagged(address ipId) external view returns (bool);

    /// @notice How many disputes there ever were; they are counted from 1.
    function disputeCounter() external view returns (uint256);

    /// @notice A dispute.
    function disputes(uint256 disputeId)
        external
        view
        returns (
            address targetIpId,
            address disputeInitiator,
            uint256 disputeTimestamp,
            address arbitrationPolicy,
            bytes32 disputeEvidenceHash,
            bytes32 targetTag,
            bytes32 currentTag,
            uint256 infringerDisputeId
        );
}
