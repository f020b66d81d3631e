// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {ModelNFT} from "./ModelNFT.sol";
import {IModelNFT} from "./interfaces/IModelNFT.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {AliasLog} from "./libraries/AliasLog.sol";
import {Labels} from "./libraries/Labels.sol";
import {Lineage} from "./libraries/Lineage.sol";
import {PublicationLib} from "./libraries/PublicationLib.sol";
import {
    Alias,
    AliasMove,
    Cid,
    DAG_PB_CODEC,
    Kind,
    Model,
    Parent,
    Publication,
    RAW_CODEC,
    RevocationReason,
    Status,
    Version,
    VersionRecord
} from "./types/Model.sol";
import {VersionKey, toVersionKey} from "./types/VersionKey.sol";

/// @title ModelRegistry
/// @notice See {IModelRegistry}.
/// @dev No `nonReentrant` anywhere: the token calls nobody back, and a signer's contract is asked by
/// a static call.
contract ModelRegistry is IModelRegistry, EIP712 {
    using AliasLog for AliasLog.Log;
    using Lineage for mapping(VersionKey => VersionRecord);
    using Lineage for VersionRecord;
    using PublicationLib for Publication;

    /// @inheritdoc IModelRegistry
    uint256 public constant MAX_PARENTS = Lineage.MAX_PARENTS;

    /// @inheritdoc IModelRegistry
    uint16 public constant MAX_VISITS = Lineage.MAX_VISITS;

    /// @inheritdoc IModelRegistry
    string public constant version = "1.0.0";

    /// @inheritdoc IModelRegistry
    IModelNFT public immutable nft;

    // slots 0 and 1 are EIP712's, never written

    /// @inheritdoc IModelRegistry
    uint64 public modelCount; // slot 2

    /// @inheritdoc IModelRegistry
    mapping(address creator => mapping(string name => uint64 modelId)) public modelIdOf; // slot 3

    /// @inheritdoc IModelRegistry
    mapping(address publisher => uint256 nonce) public nonces; // slot 4

    mapping(uint64 modelId => Model) private _models; // slot 5

    mapping(VersionKey key => VersionRecord) private _versions; // slot 6

    mapping(uint64 modelId => mapping(bytes32 aliasName => AliasLog.Log)) private _aliases; // slot 7

    /// @dev Keyed by the number of transfers as well, so that a transfer ends every right for good.
    mapping( // slot 8
        uint64 modelId => mapping(uint64 transfers => mapping(address publisher => uint64 expiry))
    ) private _publishers;

    /// @dev The token's registry is this contract for ever: neither needs an initializer or an owner.
    constructor() EIP712("Anacostia ModelRegistry", "1") {
        nft = new ModelNFT();
    }

    /*//////////////////////////////////////////////////////////////
                           REGISTER AND PUBLISH
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelRegistry
    function register(string calldata name, Kind kind, Cid calldata root, Parent[] calldata parents)
        external
        returns (uint64 modelId)
    {
        // Check: the name is well formed and the caller has not used it.
        Labels.checkName(name);
        modelId = modelIdOf[msg.sender][name];
        if (modelId != 0) revert ModelRegistry_NameTaken(msg.sender, name, modelId);

        // Effect: create the model with its first version.
        modelId = ++modelCount;
        modelIdOf[msg.sender][name] = modelId;
        Model storage model = _models[modelId];
        (model.creator, model.latestVersion, model.kind) = (msg.sender, 1, kind);
        model.name = name;
        emit ModelRegistered(modelId, msg.sender, kind, name);
        _addVersion(modelId, 1, msg.sender, root, parents);

        // Interaction: mint its token.
        nft.mint(msg.sender, modelId);
    }

    /// @inheritdoc IModelRegistry
    function publish(uint64 modelId, Cid calldata root, Parent[] calldata parents)
        external
        returns (uint32)
    {
        return _publish(modelId, msg.sender, root, parents);
    }

    /// @inheritdoc IModelRegistry
    function publishBySig(
        Publication calldata publication,
        address publisher,
        uint256 deadline,
        bytes calldata signature
    ) external returns (uint32) {
        // Check: in time, and signed by the publisher with its next nonce, which is used up.
        if (block.timestamp > deadline) revert ModelRegistry_DeadlinePassed(deadline);
        bytes32 structHash = publication.hash(publisher, nonces[publisher]++, deadline);
        bytes32 digest = _hashTypedDataV4(structHash);
        if (!SignatureChecker.isValidSignatureNowCalldata(publisher, digest, signature)) {
            revert ModelRegistry_InvalidSignature(publisher);
        }
        return _publish(publication.modelId, publisher, publication.root, publication.parents);
    }

    /// @inheritdoc IModelRegistry
    function skipNonce(uint256 nonce) external {
        uint256 next = nonces[msg.sender];
        if (nonce != next) revert ModelRegistry_NotNextNonce(nonce, next);
        nonces[msg.sender] = next + 1;
        emit NonceSkipped(msg.sender, nonce);
    }

    /// @inheritdoc IModelRegistry
    function setPublisher(uint64 modelId, address publisher, uint64 expiry) external {
        _checkModel(modelId);
        _checkOwner(modelId);

        // Check: a right that is given is somebody's and lasts.
        if (publisher == address(0)) revert ModelRegistry_ZeroPublisher();
        if (expiry != 0 && expiry <= block.timestamp) revert ModelRegistry_ExpiryPassed(expiry);

        // Effect: give or take it, under this ownership.
        (, uint64 transfers) = nft.ownershipOf(modelId);
        _publishers[modelId][transfers][publisher] = expiry;
        emit PublisherSet(modelId, publisher, expiry);
    }

    /*//////////////////////////////////////////////////////////////
                                 ALIASES
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelRegistry
    function setAlias(uint64 modelId, bytes32 aliasName, uint32 version_) external {
        Labels.checkAlias(aliasName);

        // Check: the version, if any, can be pointed to.
        if (version_ != 0) {
            Status status = _recordOf(modelId, version_).status;
            if (status == Status.Revoked) {
                revert ModelRegistry_WrongStatus(modelId, version_, status);
            }
        }

        // Check: the alias points elsewhere (so the model exists), and the caller may move it.
        AliasLog.Log storage log = _aliases[modelId][aliasName];
        uint32 previous = log.last().version;
        if (version_ == previous) {
            revert ModelRegistry_AliasUnchanged(modelId, aliasName, version_);
        }
        _checkAliasController(modelId, aliasName, log.gateOf());

        // Effect: move it.
        log.push(version_);
        emit AliasSet(modelId, aliasName, version_, previous);
    }

    /// @inheritdoc IModelRegistry
    function setAliasGate(uint64 modelId, bytes32 aliasName, address gate) external {
        Labels.checkAlias(aliasName);
        _checkModel(modelId);

        // Check: a gate that is in place decides about itself; the model's owner does not.
        AliasLog.Log storage log = _aliases[modelId][aliasName];
        address previous = log.gateOf();
        _checkAliasController(modelId, aliasName, previous);

        // Effect: set the gate.
        log.setGate(gate);
        emit AliasGateSet(modelId, aliasName, gate, previous);
    }

    /*//////////////////////////////////////////////////////////////
                        DEPRECATION AND REVOCATION
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelRegistry
    function deprecate(uint64 modelId, uint32 version_) external {
        VersionRecord storage record = _recordOf(modelId, version_);
        _checkPublisher(modelId, msg.sender);
        if (record.status != Status.Published) {
            revert ModelRegistry_WrongStatus(modelId, version_, record.status);
        }

        record.status = Status.Deprecated;
        emit VersionDeprecated(modelId, version_);
    }

    /// @inheritdoc IModelRegistry
    function revoke(uint64 modelId, uint32 version_, RevocationReason reason) external {
        VersionRecord storage record = _recordOf(modelId, version_);
        _checkOwner(modelId);
        if (record.status == Status.Revoked) {
            revert ModelRegistry_WrongStatus(modelId, version_, Status.Revoked);
        }

        (record.status, record.reason) = (Status.Revoked, reason);
        emit VersionRevoked(modelId, version_, reason);
    }

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelRegistry
    function modelOf(uint64 modelId) external view returns (Model memory model) {
        model = _models[modelId];
        if (model.latestVersion == 0) revert ModelRegistry_UnknownModel(modelId);
    }

    /// @inheritdoc IModelRegistry
    function versionOf(uint64 modelId, uint32 version_) external view returns (Version memory) {
        VersionRecord storage record = _recordOf(modelId, version_);
        return Version({
            root: Cid(record.digest, record.codec),
            publisher: record.publisher,
            publishedAt: record.publishedAt,
            status: record.status,
            reason: record.reason,
            parentCount: record.parentCount
        });
    }

    /// @inheritdoc IModelRegistry
    function parentsOf(uint64 modelId, uint32 version_) external view returns (Parent[] memory) {
        return _recordOf(modelId, version_).parentsOf();
    }

    /// @inheritdoc IModelRegistry
    function aliasOf(uint64 modelId, bytes32 aliasName) external view returns (Alias memory) {
        AliasLog.Log storage log = _aliases[modelId][aliasName];
        AliasMove memory move = log.last();
        return Alias(move.version, move.since, log.moves, log.gateOf());
    }

    /// @inheritdoc IModelRegistry
    function aliasAt(uint64 modelId, bytes32 aliasName, uint64 time)
        external
        view
        returns (uint32)
    {
        if (time >= block.timestamp) revert ModelRegistry_TimeNotPast(time);
        return _aliases[modelId][aliasName].at(time);
    }

    /// @inheritdoc IModelRegistry
    function aliasHistory(uint64 modelId, bytes32 aliasName, uint32 offset, uint32 limit)
        external
        view
        returns (AliasMove[] memory)
    {
        return _aliases[modelId][aliasName].page(offset, limit);
    }

    /// @inheritdoc IModelRegistry
    function isPublisher(uint64 modelId, address account) external view returns (bool) {
        _checkModel(modelId);
        return _isPublisher(modelId, account);
    }

    /// @inheritdoc IModelRegistry
    function publisherExpiry(uint64 modelId, address publisher) public view returns (uint64) {
        (, uint64 transfers) = nft.ownershipOf(modelId);
        return _publishers[modelId][transfers][publisher];
    }

    /// @inheritdoc IModelRegistry
    function isTainted(uint64 modelId, uint32 version_, uint16 maxVisits)
        external
        view
        returns (bool)
    {
        _recordOf(modelId, version_);
        return _versions.isTainted(toVersionKey(modelId, version_), maxVisits);
    }

    /*//////////////////////////////////////////////////////////////
                                 PRIVATE
    //////////////////////////////////////////////////////////////*/

    /// @dev Publishes on behalf of an account that signed, or called.
    function _publish(
        uint64 modelId,
        address publisher,
        Cid calldata root,
        Parent[] calldata parents
    ) private returns (uint32 version_) {
        uint32 latest = _models[modelId].latestVersion;
        if (latest == 0) revert ModelRegistry_UnknownModel(modelId);
        _checkPublisher(modelId, publisher);

        // Effect: add the next version.
        version_ = latest + 1;
        _models[modelId].latestVersion = version_;
        _addVersion(modelId, version_, publisher, root, parents);

        // Interaction: tell the token's readers that its metadata is another.
        nft.notifyPublished(modelId);
    }

    /// @dev Stores a version that is not there yet. The caller has checked the right to publish it.
    function _addVersion(
        uint64 modelId,
        uint32 version_,
        address publisher,
        Cid calldata root,
        Parent[] calldata parents
    ) private {
        // Check: the root is a content identifier that can be printed.
        (bytes32 digest, uint8 codec) = (root.digest, root.codec);
        if (digest == 0) revert ModelRegistry_EmptyRoot();
        if (codec != RAW_CODEC && codec != DAG_PB_CODEC) {
            revert ModelRegistry_UnsupportedCodec(codec);
        }

        // Effect: store the edges while the version has no status yet, then the version.
        VersionKey key = toVersionKey(modelId, version_);
        _versions.link(key, parents);
        VersionRecord storage record = _versions[key];
        record.digest = digest;
        (record.publisher, record.publishedAt, record.codec, record.status, record.parentCount) =
        (publisher, uint64(block.timestamp), codec, Status.Published, uint8(parents.length));

        emit VersionPublished(modelId, version_, digest, codec, publisher);
        for (uint256 i; i < parents.length; ++i) {
            Parent calldata parent = parents[i];
            emit ParentLinked(parent.modelId, parent.version, modelId, version_, parent.relation);
        }
    }

    function _recordOf(uint64 modelId, uint32 version_)
        private
        view
        returns (VersionRecord storage record)
    {
        record = _versions[toVersionKey(modelId, version_)];
        if (record.status == Status.None) {
            revert ModelRegistry_UnknownVersion(modelId, version_);
        }
    }

    /// @dev The owner first: it is who publishes most, and needs one storage read less.
    function _isPublisher(uint64 modelId, address account) private view returns (bool) {
        return
            account == nft.ownerOf(modelId) || block.timestamp < publisherExpiry(modelId, account);
    }

    function _checkModel(uint64 modelId) private view {
        if (_models[modelId].latestVersion == 0) revert ModelRegistry_UnknownModel(modelId);
    }

    function _checkOwner(uint64 modelId) private view {
        if (msg.sender != nft.ownerOf(modelId)) revert ModelRegistry_NotOwner(modelId, msg.sender);
    }

    function _checkPublisher(uint64 modelId, address account) private view {
        if (!_isPublisher(modelId, account)) revert ModelRegistry_NotPublisher(modelId, account);
    }

    function _checkAliasController(uint64 modelId, bytes32 aliasName, address gate) private view {
        address controller = gate == address(0) ? nft.ownerOf(modelId) : gate;
        if (msg.sender != controller) {
            revert ModelRegistry_NotAliasController(modelId, aliasName, msg.sender);
        }
    }
}
