// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Announcement, Policy, Proposal} from "../types/Promotion.sol";
import {IModelLicensing} from "./IModelLicensing.sol";
import {IModelRegistry} from "./IModelRegistry.sol";
import {IEAS} from "./external/eas/IEAS.sol";

/// @title IPromotionGate
/// @notice A gate for aliases: moves one only to a version that satisfies the policy of its model's
/// owner, by what others have attested in the Ethereum Attestation Service.
/// @dev A gated alias is put here by its owner (`IModelRegistry.setAliasGate`), and stays until the
/// policy's own notice has passed. Who owns the model when something is done is who counts.
///
/// An attestation counts for a version of this gate's registry only if its recipient is that registry:
/// ids are the same in every registry, and the service is one for all of them. It has to be made when the
/// version was published or later: a number that is still to be given can become anything's. What it
/// refers to, and whether it could be revoked, does not matter.
///
/// Warnings for integrators:
/// - A policy without notice binds its owner to nothing; one without requirements asks for no evidence.
/// - The policy and its attesters outlive a transfer of the model: read `policyOf` before buying one.
/// - What an attester says is that attester's word. The gate checks who said what, and when.
interface IPromotionGate {
    /*//////////////////////////////////////////////////////////////
                                  EVENTS
    //////////////////////////////////////////////////////////////*/

    /// @notice Emitted when a policy comes into force. What was proposed before can not be executed.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param round The round that begins.
    /// @param policy The policy.
    event PolicySet(uint64 indexed modelId, bytes32 indexed aliasName, uint32 round, Policy policy);

    /// @notice Emitted when a looser policy is announced.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param effectiveAt From when on it can be set, in seconds.
    /// @param policy The policy.
    event PolicyAnnounced(
        uint64 indexed modelId, bytes32 indexed aliasName, uint64 effectiveAt, Policy policy
    );

    /// @notice Emitted when it is announced that the gate will let go of an alias.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param effectiveAt From when on it can be done, in seconds.
    /// @param gate The gate after this one; the zero address for none.
    event ReleaseAnnounced(
        uint64 indexed modelId, bytes32 indexed aliasName, uint64 effectiveAt, address gate
    );

    /// @notice Emitted when the gate lets go of an alias.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param gate The gate after this one; the zero address for none.
    event AliasReleased(uint64 indexed modelId, bytes32 indexed aliasName, address indexed gate);

    /// @notice Emitted when somebody proposes to move an alias.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param version Where to.
    /// @param proposalId Id of the proposal.
    /// @param proposer Who proposed it.
    /// @param executableAt From when on it can be executed, in seconds.
    /// @param uids The attestations that it rests on.
    event PromotionProposed(
        uint64 indexed modelId,
        bytes32 indexed aliasName,
        uint32 indexed version,
        bytes32 proposalId,
        address proposer,
        uint64 executableAt,
        bytes32[] uids
    );

    /// @notice Emitted when a proposal is executed: the alias moves.
    event PromotionExecuted(
        uint64 indexed modelId,
        bytes32 indexed aliasName,
        uint32 indexed version,
        bytes32 proposalId
    );

    /// @notice Emitted when a proposal is cancelled.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param proposalId Id of the proposal.
    /// @param by Who cancelled it.
    event PromotionCancelled(
        uint64 indexed modelId, bytes32 indexed aliasName, bytes32 proposalId, address by
    );

    /// @notice Emitted when an alias is moved back. What was proposed before can not be executed.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param version Where to; 0 for nowhere.
    /// @param round The round that begins.
    event RolledBack(
        uint64 indexed modelId, bytes32 indexed aliasName, uint32 indexed version, uint32 round
    );

    /*//////////////////////////////////////////////////////////////
                                  ERRORS
    //////////////////////////////////////////////////////////////*/

    /// @notice Thrown at deployment when there is no contract where the service should be.
    error PromotionGate_NoService(address eas);

    /// @notice Thrown at deployment when the licensing is of another registry's models.
    error PromotionGate_ForeignLicensing(address licensing);

    /// @notice Thrown when an account that does not own the model does what only its owner may.
    error PromotionGate_NotOwner(uint64 modelId, address caller);

    /// @notice Thrown when an account is neither the model's owner nor, where the policy lets them
    /// propose, an unexpired publisher of it.
    error PromotionGate_NotProposer(uint64 modelId, address account);

    /// @notice Thrown when an alias has another gate, or none.
    error PromotionGate_NotGate(uint64 modelId, bytes32 aliasName, address gate);

    /// @notice Thrown when an alias has no policy.
    error PromotionGate_NoPolicy(uint64 modelId, bytes32 aliasName);

    /// @notice Thrown when a looser policy, or a release, comes before its notice has passed.
    error PromotionGate_NoticeRunning(uint64 effectiveAt);

    /// @notice Thrown when the caller has no proposal of these very values, or there is none of this id.
    error PromotionGate_NoProposal(bytes32 proposalId);

    /// @notice Thrown when the policy was changed, or the alias rolled back, since the proposal.
    error PromotionGate_StaleProposal(bytes32 proposalId, uint32 round, uint32 current);

    /// @notice Thrown when the model changed hands since the proposal.
    error PromotionGate_Transferred(bytes32 proposalId);

    /// @notice Thrown when a proposal is executed before its delay has passed.
    error PromotionGate_TooEarly(bytes32 proposalId, uint64 executableAt);

    /// @notice Thrown when a proposal was not executed in time.
    error PromotionGate_Lapsed(bytes32 proposalId, uint64 lapsedAt);

    /// @notice Thrown when there are more attestations than `MAX_ATTESTATIONS`.
    error PromotionGate_TooManyAttestations(uint256 count);

    /// @notice Thrown when there is no such attestation.
    error PromotionGate_UnknownAttestation(bytes32 uid);

    /// @notice Thrown when an attestation is neither an evaluation nor an approval.
    error PromotionGate_WrongSchema(bytes32 uid, bytes32 schema);

    /// @notice Thrown when an attestation was revoked.
    error PromotionGate_Revoked(bytes32 uid, uint64 revokedAt);

    /// @notice Thrown when an attestation has expired.
    error PromotionGate_Expired(bytes32 uid, uint64 expiredAt);

    /// @notice Thrown when an attestation is about something else than a version of this registry.
    error PromotionGate_WrongRecipient(bytes32 uid, address recipient);

    /// @notice Thrown when an attestation was made before the version was published, of whatever it was
    /// to be.
    error PromotionGate_AttestedEarlier(bytes32 uid, uint64 attestedAt, uint64 publishedAt);

    /// @notice Thrown when an attestation was made after the proposal that rests on it.
    error PromotionGate_AttestedLater(bytes32 uid, uint64 attestedAt, uint64 proposedAt);

    /// @notice Thrown when what an attestation says is no evaluation, or no approval.
    error PromotionGate_BadData(bytes32 uid);

    /// @notice Thrown when an attestation is of another version.
    error PromotionGate_OtherVersion(bytes32 uid, uint64 modelId, uint32 version);

    /// @notice Thrown when the policy asks for nothing of that dataset and metric, or of that role.
    error PromotionGate_NotRequired(bytes32 uid, bytes32 datasetRoot, bytes32 subject);

    /// @notice Thrown when an attester is none whose attestation counts for the requirement.
    error PromotionGate_NotMember(bytes32 uid, address attester);

    /// @notice Thrown when the model's owner, or who proposed, attests for himself.
    error PromotionGate_SelfAttested(bytes32 uid, address attester);

    /// @notice Thrown when an attester would count twice for one requirement.
    error PromotionGate_AttestedTwice(bytes32 uid, address attester);

    /// @notice Thrown when a metric's value is out of the requirement's bounds.
    error PromotionGate_OutOfBounds(bytes32 uid, int64 value, int64 floor, int64 ceiling);

    /// @notice Thrown when too few have attested what a requirement asks for.
    /// @param index The requirement, by its place in the policy.
    /// @param count How many have.
    /// @param quorum How many have to.
    error PromotionGate_QuorumMissing(uint256 index, uint256 count, uint8 quorum);

    /// @notice Thrown when a version or one of its ancestors is revoked.
    error PromotionGate_Tainted(uint64 modelId, uint32 version);

    /// @notice Thrown when a version descends from another owner's model, which has not licensed the one
    /// of the owner's that rests on it directly.
    /// @param modelId The one of the owner's.
    /// @param parentId The other owner's.
    error PromotionGate_UnlicensedParent(uint64 modelId, uint64 parentId);

    /// @notice Thrown when an alias is rolled back to what it did not point to under this gate.
    error PromotionGate_NeverHeld(
        uint64 modelId, bytes32 aliasName, uint32 version, uint32 moveIndex
    );

    /*//////////////////////////////////////////////////////////////
                                 POLICIES
    //////////////////////////////////////////////////////////////*/

    /// @notice Sets an alias's policy. Owner only; the alias is under this gate already.
    /// @dev The first one, and one that is at least as strict as what is in force, takes effect at once.
    /// A looser one is announced by the first call, and takes effect by a second one with the same
    /// policy, after the notice of the policy in force and within `WINDOW` of that. One exception: another
    /// bound on lineage (`lineageVisits`, not 0) takes effect at once, also a higher one, under which
    /// versions pass that had too long a lineage before. It bounds gas, and not what is sound.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param policy The policy.
    /// @return effectiveAt From when on it is in force, or can be set, in seconds.
    function setPolicy(uint64 modelId, bytes32 aliasName, Policy calldata policy)
        external
        returns (uint64 effectiveAt);

    /// @notice Lets go of an alias. Owner only.
    /// @dev Announced by the first call and done by a second one, as a looser policy is.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param gate The gate to hand it to; the zero address gives it back to the model's owner.
    /// @return effectiveAt From when on it is done, or can be, in seconds.
    function release(uint64 modelId, bytes32 aliasName, address gate)
        external
        returns (uint64 effectiveAt);

    /*//////////////////////////////////////////////////////////////
                                PROMOTIONS
    //////////////////////////////////////////////////////////////*/

    /// @notice Proposes to move an alias. The model's owner, or a publisher where the policy says so.
    /// @dev The policy's delay begins, for everybody to look at the version and the attestations, and for
    /// their makers to revoke them. The version has to be published: else the delay would pass before
    /// there is anything to look at. All else is checked when it is executed, and not here, where it
    /// would cost as much again and decide nothing: ask `check` first. Proposing the same again begins
    /// the delay again.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param version Where to: a version that is published.
    /// @param uids At most `MAX_ATTESTATIONS` attestations, made since it was published, and by now.
    /// @return proposalId Id of the proposal.
    function propose(uint64 modelId, bytes32 aliasName, uint32 version, bytes32[] calldata uids)
        external
        returns (bytes32 proposalId);

    /// @notice Moves an alias as proposed, if the version satisfies the policy now. Only who proposed
    /// it, who must still have the right to: others could choose the moment, and the order.
    /// @dev After the policy's delay, and within `WINDOW` of that. A transfer of the model ends what was
    /// proposed; a publisher's right that ends does not: it can be executed again once the right is given
    /// again, unless it was cancelled.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param version As proposed.
    /// @param uids As proposed.
    function execute(uint64 modelId, bytes32 aliasName, uint32 version, bytes32[] calldata uids)
        external;

    /// @notice Takes a proposal back. Who proposed it, or the model's owner.
    function cancel(uint64 modelId, bytes32 aliasName, bytes32 proposalId) external;

    /// @notice Moves an alias back at once. Owner only.
    /// @dev What was attested is not asked again; what the policy says about lineage and licences is.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param version A version that it pointed to when its first policy was set, or later; or 0, to let
    /// it point to none.
    /// @param moveIndex The move that pointed it there, by its index in `IModelRegistry.aliasHistory`;
    /// of no account for version 0.
    function rollback(uint64 modelId, bytes32 aliasName, uint32 version, uint32 moveIndex) external;

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @notice Reverts, as `execute` would, unless a version satisfies an alias's policy now.
    /// @dev It does not look at what is proposed, and since when, nor whether the alias points there already.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param version The version.
    /// @param uids The attestations.
    /// @param proposer Who would propose.
    function check(
        uint64 modelId,
        bytes32 aliasName,
        uint32 version,
        bytes32[] calldata uids,
        address proposer
    ) external view;

    /// @notice An alias's policy, and its round; reverts if it has none.
    function policyOf(uint64 modelId, bytes32 aliasName)
        external
        view
        returns (Policy memory policy, uint32 round);

    /// @notice What is announced of an alias; all zero if nothing is.
    /// @dev The digest is the hash of the ABI-encoded policy, or of the ABI-encoded ("release", gate).
    function announcementOf(uint64 modelId, bytes32 aliasName)
        external
        view
        returns (Announcement memory);

    /// @notice A proposal; all zero if there is none.
    function proposalOf(uint64 modelId, bytes32 aliasName, bytes32 proposalId)
        external
        view
        returns (Proposal memory);

    /// @notice Id of a proposal: unique for an alias.
    function proposalIdOf(address proposer, uint32 version, bytes32[] calldata uids)
        external
        pure
        returns (bytes32);

    /// @notice Most attestations of one proposal.
    function MAX_ATTESTATIONS() external view returns (uint256);

    /// @notice For how long what was proposed or announced can be done, in seconds.
    function WINDOW() external view returns (uint32);

    /// @notice Id of the schema `Evaluation` in the service: revocable, without a resolver.
    function EVALUATION() external view returns (bytes32);

    /// @notice Id of the schema `Approval` in the service: revocable, without a resolver.
    function APPROVAL() external view returns (bytes32);

    /// @notice The registry whose aliases it moves.
    function registry() external view returns (IModelRegistry);

    /// @notice The licensing that knows what models rest on.
    function licensing() external view returns (IModelLicensing);

    /// @notice The Ethereum Attestation Service on this chain.
    function eas() external view returns (IEAS);

    /// @notice Version of this contract's source.
    function version() external view returns (string memory);
}
