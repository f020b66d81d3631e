// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IRunLedger} from "./interfaces/IRunLedger.sol";
import {Rfc9162} from "./libraries/Rfc9162.sol";

/// @title RunLedger
/// @notice See {IRunLedger}.
contract RunLedger is IRunLedger {
    /// @dev A log's head, and who may move it.
    /// @param writer Who may anchor heads.
    /// @param size Number of records of the newest head.
    /// @param root Its tree hash.
    /// @param owner Who may choose the writer; never the zero address.
    struct Log {
        // slot 0
        address writer;
        uint64 size;
        // slot 1
        bytes32 root;
        // slot 2
        address owner;
    }

    /// @inheritdoc IRunLedger
    string public constant version = "1.0.0";

    mapping(bytes32 logId => Log) private _logs; // slot 0

    /*//////////////////////////////////////////////////////////////
                                  OWNER
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IRunLedger
    function openLog(bytes32 salt, address writer) external returns (bytes32 logId) {
        logId = logIdOf(msg.sender, salt);
        Log storage log = _logs[logId];
        if (log.owner != address(0)) revert RunLedger_LogExists(logId);

        (log.owner, log.writer) = (msg.sender, writer);
        emit LogOpened(logId, msg.sender, salt, writer);
    }

    /// @inheritdoc IRunLedger
    function setWriter(bytes32 logId, address writer) external {
        Log storage log = _logs[logId];
        if (log.owner == address(0)) revert RunLedger_UnknownLog(logId);
        if (log.owner != msg.sender) revert RunLedger_NotOwner(logId, msg.sender);

        log.writer = writer;
        emit WriterSet(logId, writer);
    }

    /*//////////////////////////////////////////////////////////////
                                  WRITER
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IRunLedger
    function anchor(bytes32 logId, uint64 size, bytes32 root, bytes32[] calldata proof) external {
        Log storage log = _logs[logId];
        (address writer, uint64 oldSize) = (log.writer, log.size);

        // Check: the caller writes this log. A log that was never opened has no writer.
        if (writer != msg.sender) revert RunLedger_NotWriter(logId, msg.sender);

        // Check: the head is of more records, and has those of the old one before them.
        if (size <= oldSize) revert RunLedger_NotGrowing(logId, oldSize, size);
        if (oldSize == 0) {
            // Nothing to extend: whatever comes first is right, and nothing has to be proven.
            if (proof.length != 0) revert RunLedger_NotAnExtension(logId, 0, size);
        } else if (!Rfc9162.isExtension(oldSize, log.root, size, root, proof)) {
            revert RunLedger_NotAnExtension(logId, oldSize, size);
        }

        // Effect: this is the head.
        (log.size, log.root) = (size, root);
        emit Anchored(logId, size, root, uint64(block.timestamp));
    }

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IRunLedger
    function headOf(bytes32 logId) external view returns (uint64 size, bytes32 root) {
        Log storage log = _logs[logId];
        return (log.size, log.root);
    }

    /// @inheritdoc IRunLedger
    function logOf(bytes32 logId) external view returns (address owner, address writer) {
        Log storage log = _logs[logId];
        return (log.owner, log.writer);
    }

    /// @inheritdoc IRunLedger
    function logIdOf(address owner, bytes32 salt) public pure returns (bytes32 logId) {
        return keccak256(abi.encode(owner, salt));
    }

    /// @inheritdoc IRunLedger
    function verifyInclusion(
        bytes32 logId,
        bytes32 leafHash,
        uint64 index,
        bytes32[] calldata proof
    ) external view returns (bool) {
        Log storage log = _logs[logId];
        return Rfc9162.isIncluded(leafHash, index, log.size, log.root, proof);
    }
}
