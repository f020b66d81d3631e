// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";

import {
    Alias,
    AliasMove,
    Cid,
    Kind,
    Model,
    Parent,
    Publication,
    Relation,
    RevocationReason,
    Status,
    Version
} from "../types/Model.sol";
import {IModelNFT} from "./IModelNFT.sol";

/// @title IModelRegistry
/// @notice Registered models and datasets: immutable versions named by their content, typed lineage
/// between them, aliases with their whole history, publishers, deprecation and revocation.
/// @dev Nobody has any power here but over what they own: there is no administrator and no upgrade.
///
/// Warnings for integrators:
/// - A name is unique per creator, not globally: identify a model by its id, or by (creator, name).
/// - An alias keeps pointing to a version that is deprecated or revoked later: read its status.
/// - An alias can be moved 2^24 - 1 times, and stays where it is then.
/// - An alias's gate outlives a transfer of the model: look at `aliasOf` before buying one.
/// - Anybody may name any version as a parent: an edge is the child's claim, not the parent's consent.
interface IModelRegistry is IERC5267 {
    /*//////////////////////////////////////////////////////////////
                                  EVENTS
    //////////////////////////////////////////////////////////////*/

    /// @notice Emitted when a model or dataset is registered.
    /// @param modelId Its id; the ids are 1, 2, 3, …
    /// @param creator Who registered it and is its first owner.
    /// @param kind Model or dataset.
    /// @param name Its name, unique per creator.
    event ModelRegistered(uint64 indexed modelId, address indexed creator, Kind kind, string name);

    /// @notice Emitted when a version is published; its parents follow as `ParentLinked`.
    /// @param modelId The registered model.
    /// @param version The version's number; a model's versions are 1, 2, 3, …
    /// @param digest SHA-256 digest of the root CID.
    /// @param codec Codec of the root CID.
    /// @param publisher Who published it: the caller, or the signer of the publication.
    event VersionPublished(
        uint64 indexed modelId,
        uint32 indexed version,
        bytes32 indexed digest,
        uint8 codec,
        address publisher
    );

    /// @notice Emitted for each parent of a version, when that version is published.
    /// @param parentModelId The parent's registered model.
    /// @param parentVersion The parent's version.
    /// @param modelId The child's registered model.
    /// @param version The child's version.
    /// @param relation How the child came from the parent.
    event ParentLinked(
        uint64 indexed parentModelId,
        uint32 indexed parentVersion,
        uint64 modelId,
        uint32 version,
        Relation relation
    );

    /// @notice Emitted when an account gives up a nonce, and with it whatever it signed with that nonce.
    /// @param publisher The account.
    /// @param nonce The nonce, which is used up.
    event NonceSkipped(address indexed publisher, uint256 nonce);

    /// @notice Emitted when an owner gives somebody the right to publish, or takes it.
    /// @param modelId The registered model.
    /// @param publisher Whose right it is.
    /// @param expiry When it ends, in seconds; 0 when it was taken.
    event PublisherSet(uint64 indexed modelId, address indexed publisher, uint64 expiry);

    /// @notice Emitted when an alias moves.
    /// @param modelId The registered model.
    /// @param aliasName The alias, a left-aligned ASCII label.
    /// @param version The version that it points to now; 0 for none.
    /// @param previous The version that it pointed to before; 0 for none.
    event AliasSet(
        uint64 indexed modelId, bytes32 indexed aliasName, uint32 indexed version, uint32 previous
    );

    /// @notice Emitted when an alias is put under a gate, or its gate changes or lets go of it.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param gate The only account that may move the alias now; the zero address for the owner.
    /// @param previous The gate before; the zero address for none.
    event AliasGateSet(
        uint64 indexed modelId, bytes32 indexed aliasName, address indexed gate, address previous
    );

    /// @notice Emitted when a version is deprecated.
    event VersionDeprecated(uint64 indexed modelId, uint32 indexed version);

    /// @notice Emitted when a version is revoked.
    event VersionRevoked(uint64 indexed modelId, uint32 indexed version, RevocationReason reason);

    /*//////////////////////////////////////////////////////////////
                                  ERRORS
    //////////////////////////////////////////////////////////////*/

    /// @notice Thrown when the caller has already registered that name.
    error ModelRegistry_NameTaken(address creator, string name, uint64 modelId);

    /// @notice Thrown when there is no such model.
    error ModelRegistry_UnknownModel(uint64 modelId);

    /// @notice Thrown when there is no such version.
    error ModelRegistry_UnknownVersion(uint64 modelId, uint32 version);

    /// @notice Thrown when a root's codec is neither raw (0x55) nor dag-pb (0x70).
    error ModelRegistry_UnsupportedCodec(uint8 codec);

    /// @notice Thrown when a root's digest is zero.
    error ModelRegistry_EmptyRoot();

    /// @notice Thrown when an account that does not own the model does what only its owner may.
    error ModelRegistry_NotOwner(uint64 modelId, address caller);

    /// @notice Thrown when an account is neither the model's owner nor an unexpired publisher of it.
    error ModelRegistry_NotPublisher(uint64 modelId, address account);

    /// @notice Thrown when the zero address is made a publisher.
    error ModelRegistry_ZeroPublisher();

    /// @notice Thrown when a publisher's right would end before it begins.
    error ModelRegistry_ExpiryPassed(uint64 expiry);

    /// @notice Thrown when a signed publication comes too late.
    error ModelRegistry_DeadlinePassed(uint256 deadline);

    /// @notice Thrown when a publication's signature is not the publisher's, over these very values,
    /// its next nonce, this contract and this chain.
    error ModelRegistry_InvalidSignature(address publisher);

    /// @notice Thrown when a nonce is to be skipped that is not the caller's next one.
    error ModelRegistry_NotNextNonce(uint256 nonce, uint256 next);

    /// @notice Thrown when an alias is moved, or its gate set, by somebody else than its gate, or
    /// than the model's owner where it has no gate.
    error ModelRegistry_NotAliasController(uint64 modelId, bytes32 aliasName, address caller);

    /// @notice Thrown when an alias already points where it is to be moved.
    error ModelRegistry_AliasUnchanged(uint64 modelId, bytes32 aliasName, uint32 version);

    /// @notice Thrown when a version's status does not allow what is asked: an alias to a revoked
    /// version, deprecating what is not published, revoking twice.
    error ModelRegistry_WrongStatus(uint64 modelId, uint32 version, Status status);

    /// @notice Thrown when `aliasAt` is asked about a time that is not over yet.
    error ModelRegistry_TimeNotPast(uint64 time);

    /*//////////////////////////////////////////////////////////////
                           REGISTER AND PUBLISH
    //////////////////////////////////////////////////////////////*/

    /// @notice Registers a model or dataset with its first version and mints its token to the caller.
    /// @param name 1-64 characters of `A-Z a-z 0-9 . _ / -`, which the caller has not used before.
    /// @param kind Model or dataset.
    /// @param root CID of version 1's directory.
    /// @param parents Parents of version 1; see `publish`.
    /// @return modelId The new id.
    function register(string calldata name, Kind kind, Cid calldata root, Parent[] calldata parents)
        external
        returns (uint64 modelId);

    /// @notice Publishes a model's next version, for ever. The caller is the model's owner or an
    /// unexpired publisher of it.
    /// @param modelId The registered model.
    /// @param root CID of the version's directory.
    /// @param parents At most 16 existing versions, in strictly ascending order of (modelId, version).
    /// A parent may be revoked: that taints the child, and hiding it would be worse.
    /// @return version The new version's number.
    function publish(uint64 modelId, Cid calldata root, Parent[] calldata parents)
        external
        returns (uint32 version);

    /// @notice Publishes what an owner or publisher has signed; anybody may send it.
    /// @dev EIP-712 domain "Anacostia ModelRegistry", version "1"; the signed type is
    /// `Publish(uint64 modelId,Cid root,Parent[] parents,address publisher,uint256 nonce,`
    /// `uint256 deadline)` with `Cid(bytes32 digest,uint8 codec)` and
    /// `Parent(uint64 modelId,uint32 version,uint8 relation)`. Accounts with code are asked by
    /// ERC-1271. Whether the signer may publish is judged now, not when it signed.
    /// @param publication The new version.
    /// @param publisher Who signed, and is recorded as the publisher.
    /// @param deadline Last second in which the signature is valid.
    /// @param signature The signature, with the publisher's next nonce.
    /// @return version The new version's number.
    function publishBySig(
        Publication calldata publication,
        address publisher,
        uint256 deadline,
        bytes calldata signature
    ) external returns (uint32 version);

    /// @notice Skips the caller's next nonce: a publication that it has signed with it can never be sent.
    /// @dev This takes a signature back before its deadline. One with the nonce after it becomes valid.
    /// If somebody is quicker and sends what was signed, this reverts, and takes back nothing else; so
    /// it does when it is sent twice.
    /// @param nonce The next nonce, which is meant.
    function skipNonce(uint256 nonce) external;

    /// @notice Lets an account publish and deprecate versions until a time, or no longer. Owner only.
    /// @dev A transfer of the model ends every publisher's right for good.
    /// @param modelId The registered model.
    /// @param publisher The account.
    /// @param expiry When the right ends, in seconds, exclusive; 0 to take it now.
    function setPublisher(uint64 modelId, address publisher, uint64 expiry) external;

    /*//////////////////////////////////////////////////////////////
                                 ALIASES
    //////////////////////////////////////////////////////////////*/

    /// @notice Points an alias to a version. Its gate only, or the model's owner where it has none.
    /// @param modelId The registered model.
    /// @param aliasName 1-32 characters of `A-Z a-z 0-9 . _ / -`, left-aligned, padded with zeros.
    /// @param version A version that is not revoked; 0 to let the alias point to none.
    function setAlias(uint64 modelId, bytes32 aliasName, uint32 version) external;

    /// @notice Puts an alias under a gate: an account, usually a contract with a policy, that alone
    /// may move the alias from then on. The owner while it has none; then the gate itself only.
    /// @dev Warning: a gate that cannot call `setAlias` and `setAliasGate` freezes the alias for good.
    /// @param modelId The registered model.
    /// @param aliasName The alias, which need not have been set yet.
    /// @param gate The new gate; the zero address gives the alias back to the model's owner.
    function setAliasGate(uint64 modelId, bytes32 aliasName, address gate) external;

    /*//////////////////////////////////////////////////////////////
                        DEPRECATION AND REVOCATION
    //////////////////////////////////////////////////////////////*/

    /// @notice Marks a published version as superseded. Owner or unexpired publisher.
    /// @param modelId The registered model.
    /// @param version A version that is published and neither deprecated nor revoked.
    function deprecate(uint64 modelId, uint32 version) external;

    /// @notice Marks a version as not to be used any more, for ever. Owner only.
    /// @param modelId The registered model.
    /// @param version A version that is not revoked.
    /// @param reason Why.
    function revoke(uint64 modelId, uint32 version, RevocationReason reason) external;

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @notice A registered model; reverts if there is none with that id.
    function modelOf(uint64 modelId) external view returns (Model memory);

    /// @notice Id of the model that a creator registered under a name; 0 if there is none.
    function modelIdOf(address creator, string calldata name) external view returns (uint64 modelId);

    /// @notice Number of registered models, and the newest one's id.
    function modelCount() external view returns (uint64);

    /// @notice A published version; reverts if there is none.
    function versionOf(uint64 modelId, uint32 version) external view returns (Version memory);

    /// @notice A version's parents in ascending order; reverts if there is no such version.
    function parentsOf(uint64 modelId, uint32 version) external view returns (Parent[] memory);

    /// @notice Where an alias points now; all zero for one that was never set.
    function aliasOf(uint64 modelId, bytes32 aliasName) external view returns (Alias memory);

    /// @notice The version that an alias pointed to at the end of a second; 0 for none.
    /// @dev The answer is final, which is why the current second is refused: ask `aliasOf` for now.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param time A time before the current block's, in seconds.
    function aliasAt(uint64 modelId, bytes32 aliasName, uint64 time)
        external
        view
        returns (uint32 version);

    /// @notice Moves of an alias, oldest first.
    /// @param modelId The registered model.
    /// @param aliasName The alias.
    /// @param offset Number of moves to leave out from the start.
    /// @param limit Number of moves to return at most.
    function aliasHistory(uint64 modelId, bytes32 aliasName, uint32 offset, uint32 limit)
        external
        view
        returns (AliasMove[] memory);

    /// @notice Whether an account may publish versions of a model now: its owner or an unexpired
    /// publisher; reverts if there is no such model.
    function isPublisher(uint64 modelId, address account) external view returns (bool);

    /// @notice When a publisher's right ends, in seconds; 0 if it has none under the present owner.
    function publisherExpiry(uint64 modelId, address publisher) external view returns (uint64);

    /// @notice Whether a version is revoked or descends from one that is; reverts if there is no such
    /// version.
    /// @dev Visits the version and its ancestors breadth first, each once. Fails closed: reverts with
    /// `Lineage_VisitsExhausted` if it may not visit them all and has met no revoked one.
    /// @param modelId The registered model.
    /// @param version The version.
    /// @param maxVisits Number of versions to visit at most, itself included; `MAX_VISITS` if above.
    function isTainted(uint64 modelId, uint32 version, uint16 maxVisits)
        external
        view
        returns (bool);

    /// @notice The nonce that a publisher has to sign next.
    function nonces(address publisher) external view returns (uint256);

    /// @notice Most parents that a version can have.
    function MAX_PARENTS() external view returns (uint256);

    /// @notice Most versions that `isTainted` visits.
    function MAX_VISITS() external view returns (uint16);

    /// @notice The token that owns the registered models.
    function nft() external view returns (IModelNFT);

    /// @notice Version of this contract's source.
    function version() external view returns (string memory);
}
