// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IModelLicensing} from "./interfaces/IModelLicensing.sol";
import {IModelNFT} from "./interfaces/IModelNFT.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {IPromotionGate} from "./interfaces/IPromotionGate.sol";
import {IEAS} from "./interfaces/external/eas/IEAS.sol";
import {Attestations} from "./libraries/Attestations.sol";
import {Delays} from "./libraries/Delays.sol";
import {Descent} from "./libraries/Descent.sol";
import {Evidence} from "./libraries/Evidence.sol";
import {PolicyRules} from "./libraries/PolicyRules.sol";
import {Alias, AliasMove, Status, Version} from "./types/Model.sol";
import {Announcement, Candidate, Policy, PolicyRecord, Proposal} from "./types/Promotion.sol";

/// @title PromotionGate
/// @notice See {IPromotionGate}.
/// @dev No `nonReentrant` anywhere: whom it asks is asked by static calls, and the registry, which it
/// tells to move an alias after everything else, calls nobody back.
contract PromotionGate is IPromotionGate {
    using Delays for Announcement;
    using Delays for Proposal;
    using PolicyRules for Policy;
    using PolicyRules for PolicyRecord;

    /// @inheritdoc IPromotionGate
    uint256 public constant MAX_ATTESTATIONS = 32;

    /// @inheritdoc IPromotionGate
    uint32 public constant WINDOW = Delays.WINDOW;

    /// @inheritdoc IPromotionGate
    bytes32 public constant EVALUATION = Attestations.EVALUATION;

    /// @inheritdoc IPromotionGate
    bytes32 public constant APPROVAL = Attestations.APPROVAL;

    /// @inheritdoc IPromotionGate
    string public constant version = "1.0.0";

    /// @inheritdoc IPromotionGate
    IModelRegistry public immutable registry;

    /// @inheritdoc IPromotionGate
    IModelLicensing public immutable licensing;

    /// @inheritdoc IPromotionGate
    IEAS public immutable eas;

    IModelNFT private immutable _NFT;

    mapping(uint64 modelId => mapping(bytes32 aliasName => PolicyRecord)) private _policies; // slot 0

    mapping(uint64 modelId => mapping(bytes32 aliasName => Announcement)) private _announcements; // slot 1

    mapping( // slot 2
        uint64 modelId => mapping(bytes32 aliasName => mapping(bytes32 proposalId => Proposal))
    ) private _proposals;

    constructor(IModelRegistry registry_, IModelLicensing licensing_, IEAS eas_) {
        if (address(eas_).code.length == 0) revert PromotionGate_NoService(address(eas_));
        if (licensing_.registry() != registry_) {
            revert PromotionGate_ForeignLicensing(address(licensing_));
        }
        (registry, licensing, eas, _NFT) = (registry_, licensing_, eas_, registry_.nft());
    }

    modifier onlyOwner(uint64 modelId) {
        if (msg.sender != _NFT.ownerOf(modelId)) {
            revert PromotionGate_NotOwner(modelId, msg.sender);
        }
        _;
    }

    /*//////////////////////////////////////////////////////////////
                                 POLICIES
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IPromotionGate
    function setPolicy(uint64 modelId, bytes32 aliasName, Policy calldata policy)
        external
        onlyOwner(modelId)
        returns (uint64 effectiveAt)
    {
        policy.check();
        PolicyRecord storage record = _policies[modelId][aliasName];
        if (!record.inForce) {
            // Check: the registry lets this gate move the alias. It does for as long as there is a policy.
            record.firstMove = _movesUnderThisGate(modelId, aliasName);
        } else if (!policy.isAtLeast(record.load())) {
            // Effect: announce it, unless that was done in time.
            bytes32 digest = keccak256(abi.encode(policy));
            effectiveAt = _announcements[modelId][aliasName].announce(digest, record.notice);
            if (effectiveAt > block.timestamp) {
                emit PolicyAnnounced(modelId, aliasName, effectiveAt, policy);
                return effectiveAt;
            }
        }

        // Effect: it is in force, and nothing else is announced or proposed.
        delete _announcements[modelId][aliasName];
        record.store(policy);
        emit PolicySet(modelId, aliasName, ++record.round, policy);
        return uint64(block.timestamp);
    }

    /// @inheritdoc IPromotionGate
    function release(uint64 modelId, bytes32 aliasName, address gate)
        external
        onlyOwner(modelId)
        returns (uint64 effectiveAt)
    {
        PolicyRecord storage record = _policies[modelId][aliasName];
        if (record.inForce) {
            bytes32 digest = keccak256(abi.encode("release", gate));
            effectiveAt = _announcements[modelId][aliasName].announce(digest, record.notice);
            if (effectiveAt > block.timestamp) {
                emit ReleaseAnnounced(modelId, aliasName, effectiveAt, gate);
                return effectiveAt;
            }
        }

        // Effect: there is no policy, and nothing is announced or proposed.
        delete _announcements[modelId][aliasName];
        record.inForce = false;
        ++record.round;
        emit AliasReleased(modelId, aliasName, gate);

        // Interaction: let go of the alias. Refused if it is not under this gate.
        registry.setAliasGate(modelId, aliasName, gate);
        return uint64(block.timestamp);
    }

    /*//////////////////////////////////////////////////////////////
                                PROMOTIONS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IPromotionGate
    function propose(uint64 modelId, bytes32 aliasName, uint32 version_, bytes32[] calldata uids)
        external
        returns (bytes32 proposalId)
    {
        // Check: the alias has a policy, under which the caller may propose that many attestations.
        PolicyRecord storage record = _policyOf(modelId, aliasName);
        (, uint64 transfers) = _checkProposer(modelId, msg.sender, record.publishersPropose);
        _checkCount(uids);

        // Check: the version is there to be looked at. Whether it is sound is seen when it is executed.
        registry.versionOf(modelId, version_);

        // Effect: remember when it was proposed, under which policy and which ownership.
        proposalId = proposalIdOf(msg.sender, version_, uids);
        uint64 executableAt = uint64(block.timestamp) + record.delay;
        _proposals[modelId][aliasName][proposalId] = Proposal(
            msg.sender,
            uint40(block.timestamp),
            record.round,
            // forge-lint: disable-next-line(unsafe-typecast) the low 24 bits are meant
            uint24(transfers)
        );
        emit PromotionProposed(
            modelId, aliasName, version_, proposalId, msg.sender, executableAt, uids
        );
    }

    /// @inheritdoc IPromotionGate
    function execute(uint64 modelId, bytes32 aliasName, uint32 version_, bytes32[] calldata uids)
        external
    {
        // Check: the caller proposed this, under this policy, and its delay has passed.
        PolicyRecord storage record = _policyOf(modelId, aliasName);
        bytes32 proposalId = proposalIdOf(msg.sender, version_, uids);
        Proposal memory proposal = _proposals[modelId][aliasName][proposalId];
        uint64 proposedAt = proposal.checkDue(proposalId, record);

        // Check: the model has not changed hands since, not even to come back.
        (, uint64 transfers) = _NFT.ownershipOf(modelId);
        // forge-lint: disable-next-line(unsafe-typecast) the low 24 bits are meant
        if (proposal.transfers != uint24(transfers)) revert PromotionGate_Transferred(proposalId);

        // Check: the version satisfies the policy.
        _check(modelId, version_, uids, msg.sender, proposedAt, record);

        // Effect: the proposal is used up.
        delete _proposals[modelId][aliasName][proposalId];
        emit PromotionExecuted(modelId, aliasName, version_, proposalId);

        // Interaction: move the alias. Refused if it points there already.
        registry.setAlias(modelId, aliasName, version_);
    }

    /// @inheritdoc IPromotionGate
    function cancel(uint64 modelId, bytes32 aliasName, bytes32 proposalId) external {
        address proposer = _proposals[modelId][aliasName][proposalId].proposer;
        if (proposer == address(0)) revert PromotionGate_NoProposal(proposalId);
        if (msg.sender != proposer && msg.sender != _NFT.ownerOf(modelId)) {
            revert PromotionGate_NotOwner(modelId, msg.sender);
        }

        delete _proposals[modelId][aliasName][proposalId];
        emit PromotionCancelled(modelId, aliasName, proposalId, msg.sender);
    }

    /// @inheritdoc IPromotionGate
    function rollback(uint64 modelId, bytes32 aliasName, uint32 version_, uint32 moveIndex)
        external
        onlyOwner(modelId)
    {
        // Check: it pointed there under this gate, or when it came under it, and the version is sound.
        PolicyRecord storage record = _policyOf(modelId, aliasName);
        if (version_ != 0) {
            AliasMove[] memory moves = registry.aliasHistory(modelId, aliasName, moveIndex, 1);
            bool held = moves.length == 1 && moves[0].version == version_
                && uint256(moveIndex) + 1 >= record.firstMove;
            if (!held) revert PromotionGate_NeverHeld(modelId, aliasName, version_, moveIndex);
            Descent.check(
                registry, licensing, modelId, version_, record.lineageVisits, record.licensedParents
            );
        }

        // Effect: nothing that was proposed can move it again, such as to where it came from.
        emit RolledBack(modelId, aliasName, version_, ++record.round);

        // Interaction: move the alias. Refused if the version is revoked or there already.
        registry.setAlias(modelId, aliasName, version_);
    }

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IPromotionGate
    function check(
        uint64 modelId,
        bytes32 aliasName,
        uint32 version_,
        bytes32[] calldata uids,
        address proposer
    ) external view {
        _checkCount(uids);
        PolicyRecord storage record = _policyOf(modelId, aliasName);
        _check(modelId, version_, uids, proposer, uint64(block.timestamp), record);
    }

    /// @inheritdoc IPromotionGate
    function policyOf(uint64 modelId, bytes32 aliasName)
        external
        view
        returns (Policy memory policy, uint32 round)
    {
        PolicyRecord storage record = _policyOf(modelId, aliasName);
        return (record.load(), record.round);
    }

    /// @inheritdoc IPromotionGate
    function announcementOf(uint64 modelId, bytes32 aliasName)
        external
        view
        returns (Announcement memory)
    {
        return _announcements[modelId][aliasName];
    }

    /// @inheritdoc IPromotionGate
    function proposalOf(uint64 modelId, bytes32 aliasName, bytes32 proposalId)
        external
        view
        returns (Proposal memory)
    {
        return _proposals[modelId][aliasName][proposalId];
    }

    /// @inheritdoc IPromotionGate
    function proposalIdOf(address proposer, uint32 version_, bytes32[] calldata uids)
        public
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(proposer, version_, uids));
    }

    /*//////////////////////////////////////////////////////////////
                                 PRIVATE
    //////////////////////////////////////////////////////////////*/

    function _movesUnderThisGate(uint64 modelId, bytes32 aliasName) private view returns (uint32) {
        Alias memory current = registry.aliasOf(modelId, aliasName);
        if (current.gate != address(this)) {
            revert PromotionGate_NotGate(modelId, aliasName, current.gate);
        }
        return current.moves;
    }

    function _policyOf(uint64 modelId, bytes32 aliasName)
        private
        view
        returns (PolicyRecord storage record)
    {
        record = _policies[modelId][aliasName];
        if (!record.inForce) revert PromotionGate_NoPolicy(modelId, aliasName);
    }

    /// @dev Reverts unless a version satisfies a policy now.
    function _check(
        uint64 modelId,
        uint32 version_,
        bytes32[] calldata uids,
        address proposer,
        uint64 proposedAt,
        PolicyRecord storage record
    ) private view {
        Policy memory policy = record.load();
        Candidate memory candidate;
        (candidate.registry, candidate.modelId, candidate.version) =
        (address(registry), modelId, version_);
        candidate.publishedAt = _publishedAt(modelId, version_);
        (candidate.owner,) = _checkProposer(modelId, proposer, policy.publishersPropose);
        (candidate.proposer, candidate.proposedAt) = (proposer, proposedAt);
        Evidence.check(eas, policy, uids, candidate);
        Descent.check(
            registry, licensing, modelId, version_, policy.lineageVisits, policy.licensedParents
        );
    }

    /// @dev Reverts for a revoked version as the registry would, whether or not the lineage is asked for.
    function _publishedAt(uint64 modelId, uint32 version_) private view returns (uint64) {
        Version memory found = registry.versionOf(modelId, version_);
        if (found.status == Status.Revoked) {
            revert IModelRegistry.ModelRegistry_WrongStatus(modelId, version_, found.status);
        }
        return found.publishedAt;
    }

    function _checkProposer(uint64 modelId, address account, bool publishersToo)
        private
        view
        returns (address owner, uint64 transfers)
    {
        (owner, transfers) = _NFT.ownershipOf(modelId);
        if (account == owner) return (owner, transfers);
        if (!publishersToo || !registry.isPublisher(modelId, account)) {
            revert PromotionGate_NotProposer(modelId, account);
        }
    }

    function _checkCount(bytes32[] calldata uids) private pure {
        uint256 count = uids.length;
        if (count > MAX_ATTESTATIONS) revert PromotionGate_TooManyAttestations(count);
    }
}
