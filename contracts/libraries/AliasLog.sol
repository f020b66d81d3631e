// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AliasMove} from "../types/Model.sol";

/// @title AliasLog
/// @notice An alias and every place it has pointed to. The newest move is in the slot that is read
/// most; older ones are packed three to a slot and never written again.
library AliasLog {
    /// @notice An alias, as it is stored.
    /// @param gate The only account that may move it; the zero address for the model's owner.
    /// @param version Where it points; 0 for nowhere.
    /// @param since Time of the newest move, in seconds.
    /// @param moves Number of moves, the newest included.
    /// @param past Moves 0 … moves - 2, in the order they were made.
    struct Log {
        // slot 0
        address gate;
        uint32 version;
        uint40 since;
        uint24 moves;
        // slot 1
        mapping(uint256 tripleIndex => uint256 triple) past;
    }

    uint256 private constant _MOVES_PER_SLOT = 3;
    uint256 private constant _MOVE_BITS = 72;

    /// @notice Moves the alias, now.
    /// @dev The head keeps its gate. Reverts (arithmetic overflow) at the 2^24th move.
    function push(Log storage log, uint32 version) internal {
        uint24 moves = log.moves;
        if (moves != 0) {
            (uint256 index, uint256 shift) = _place(moves - 1);
            log.past[index] |= _pack(log.version, log.since) << shift;
        }
        (log.version, log.since, log.moves) = (version, uint40(block.timestamp), moves + 1);
    }

    /// @notice The version that the alias pointed to after the last move at or before a time; 0 if it
    /// had not moved yet.
    function at(Log storage log, uint64 time) internal view returns (uint32) {
        // Invariant: moves before `low` are at or before the time, those from `high` on are after it.
        (uint256 low, uint256 high) = (0, log.moves);
        while (low < high) {
            uint256 middle = (low + high) / 2;
            if (get(log, middle).since <= time) low = middle + 1;
            else high = middle;
        }
        return low == 0 ? 0 : get(log, low - 1).version;
    }

    /// @notice At most `limit` moves from the one with index `offset` on.
    function page(Log storage log, uint256 offset, uint256 limit)
        internal
        view
        returns (AliasMove[] memory moves)
    {
        uint256 count = log.moves;
        if (offset >= count) return moves;
        if (limit < count - offset) count = offset + limit;
        moves = new AliasMove[](count - offset);
        for (uint256 i; i < moves.length; ++i) {
            moves[i] = get(log, offset + i);
        }
    }

    /// @notice A move by its index, which must be below the number of moves.
    function get(Log storage log, uint256 index) internal view returns (AliasMove memory) {
        if (index + 1 == log.moves) return AliasMove({version: log.version, since: log.since});
        (uint256 tripleIndex, uint256 shift) = _place(index);
        uint256 move = log.past[tripleIndex] >> shift;
        // forge-lint: disable-next-line(unsafe-typecast) the low 32 and the next 40 bits are meant
        return AliasMove({version: uint32(move), since: uint40(move >> 32)});
    }

    /// @dev `since` (40 bits) above `version` (32 bits).
    function _pack(uint32 version, uint40 since) private pure returns (uint256) {
        return (uint256(since) << 32) | version;
    }

    /// @dev Slot and lowest bit of a past move.
    function _place(uint256 index) private pure returns (uint256 tripleIndex, uint256 shift) {
        return (index / _MOVES_PER_SLOT, index % _MOVES_PER_SLOT * _MOVE_BITS);
    }
}
