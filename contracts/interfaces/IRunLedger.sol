// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IRunLedger
/// @notice Append-only logs of run records (RFC 9162, SHA-256), one for each pipeline. Only a log's
/// newest head is kept: its size and its root. A new head has to prove that it extends the old one,
/// so that nobody, the log's owner included, can rewrite what was anchored.
/// @dev Warnings for integrators:
/// - A record's presence proves that it was not changed since; not that what it says is true.
/// - `verifyInclusion` checks against the newest head: fetch the proof for that size.
/// - A head's size is its writer's word: one that is not that of the records makes them unprovable, and
///   never another record provable in their place.
interface IRunLedger {
    /*//////////////////////////////////////////////////////////////
                                  EVENTS
    //////////////////////////////////////////////////////////////*/

    /// @notice Emitted when a log is opened.
    /// @param logId Its id, `keccak256(abi.encode(owner, salt))`.
    /// @param owner Who may choose its writer.
    /// @param salt What tells the owner's logs apart.
    /// @param writer Who may anchor heads.
    event LogOpened(bytes32 indexed logId, address indexed owner, bytes32 salt, address writer);

    /// @notice Emitted when a log's owner chooses another writer.
    event WriterSet(bytes32 indexed logId, address indexed writer);

    /// @notice Emitted for each anchored head: the history of a log is in these events.
    /// @param logId The log.
    /// @param size Number of records.
    /// @param root RFC 9162 tree hash of the records.
    /// @param time Block time, in seconds.
    event Anchored(bytes32 indexed logId, uint64 indexed size, bytes32 root, uint64 time);

    /*//////////////////////////////////////////////////////////////
                                  ERRORS
    //////////////////////////////////////////////////////////////*/

    /// @notice Thrown when the caller has opened a log with that salt before.
    error RunLedger_LogExists(bytes32 logId);

    /// @notice Thrown when there is no such log.
    error RunLedger_UnknownLog(bytes32 logId);

    /// @notice Thrown when the caller is not the log's owner.
    error RunLedger_NotOwner(bytes32 logId, address caller);

    /// @notice Thrown when the caller is not the log's writer.
    error RunLedger_NotWriter(bytes32 logId, address caller);

    /// @notice Thrown when a new head does not have more records than the old one.
    error RunLedger_NotGrowing(bytes32 logId, uint64 size, uint64 newSize);

    /// @notice Thrown when a proof does not show that the new head extends the old one.
    error RunLedger_NotAnExtension(bytes32 logId, uint64 size, uint64 newSize);

    /*//////////////////////////////////////////////////////////////
                                FUNCTIONS
    //////////////////////////////////////////////////////////////*/

    /// @notice Opens a log of the caller's.
    /// @param salt What tells the caller's logs apart.
    /// @param writer Who may anchor heads; the zero address for nobody yet.
    /// @return logId `keccak256(abi.encode(caller, salt))`.
    function openLog(bytes32 salt, address writer) external returns (bytes32 logId);

    /// @notice Chooses another writer. Only the log's owner may.
    /// @param logId The log.
    /// @param writer Who may anchor heads from now on; the zero address for nobody.
    function setWriter(bytes32 logId, address writer) external;

    /// @notice Anchors a new head. Only the log's writer may.
    /// @param logId The log.
    /// @param size Number of records, more than before.
    /// @param root RFC 9162 tree hash of the records.
    /// @param proof Consistency proof (RFC 9162 §2.1.4) from the old size; empty for the first head.
    function anchor(bytes32 logId, uint64 size, bytes32 root, bytes32[] calldata proof) external;

    /// @notice A log's newest head; zeros before the first.
    function headOf(bytes32 logId) external view returns (uint64 size, bytes32 root);

    /// @notice A log's owner and writer; zeros if there is no such log.
    function logOf(bytes32 logId) external view returns (address owner, address writer);

    /// @notice The id of an owner's log.
    function logIdOf(address owner, bytes32 salt) external pure returns (bytes32 logId);

    /// @notice Whether a leaf is among the records of the newest head.
    /// @param logId The log.
    /// @param leafHash SHA-256 of a zero byte and the record's root (RFC 9162 §2.1.1).
    /// @param index Place of the record, from 0.
    /// @param proof Inclusion proof (RFC 9162 §2.1.3) for the newest head's size.
    function verifyInclusion(
        bytes32 logId,
        bytes32 leafHash,
        uint64 index,
        bytes32[] calldata proof
    ) external view returns (bool);

    /// @notice Version of this contract.
    function version() external view returns (string memory);
}
