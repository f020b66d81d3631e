// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AliasMove} from "../types/Model.sol";

/// @title AliasLog
/// @notice An alias and every place it has pointed to. Moves are kept three to a slot, in the order
/// in which they were made: the newest three (or fewer) in the head slot, so that most moves write
/// that slot alone; every full three before them in a slot that is written once and never again.
library AliasLog {
    /// @notice An alias, as it is stored.
    /// @param newest The moves since the last full three, the oldest of them in the lowest bits.
    /// @param moves Number of moves ever made.
    /// @param gated Whether there is a gate; saves looking for it where there is none.
    /// @param gate The only account that may move it, if gated.
    /// @param past Full threes, laid out as `newest`.
    struct Log {
        // slot 0
        uint216 newest;
        uint24 moves;
        bool gated;
        // slot 1
        address gate;
        // slot 2
        mapping(uint256 index => uint216 triple) past;
    }

    uint256 private constant _MOVES_PER_SLOT = 3;

    /// @dev A move is its time (40 bits) above its version (32 bits).
    uint256 private constant _MOVE_BITS = 72;

    /// @notice Moves the alias, now.
    /// @dev Reverts (arithmetic overflow) at the 2^24th move.
    function push(Log storage log, uint32 version) internal {
        (uint216 triple, uint24 moves) = (log.newest, log.moves);
        uint256 position = moves % _MOVES_PER_SLOT;
        if (position == 0 && moves != 0) {
            log.past[moves / _MOVES_PER_SLOT - 1] = triple;
            triple = 0;
        }
        uint256 move = (uint256(uint40(block.timestamp)) << 32) | version;
        // forge-lint: disable-next-line(unsafe-typecast) three moves of 72 bits are 216
        triple |= uint216(move << (position * _MOVE_BITS));
        (log.newest, log.moves) = (triple, moves + 1);
    }

    /// @notice Puts the alias under a gate, or under none (the zero address).
    function setGate(Log storage log, address gate) internal {
        (log.gated, log.gate) = (gate != address(0), gate);
    }

    /// @notice The alias's gate; the zero address if it has none.
    function gateOf(Log storage log) internal view returns (address) {
        return log.gated ? log.gate : address(0);
    }

    /// @notice The newest move; all zero if there is none.
    function last(Log storage log) internal view returns (AliasMove memory move) {
        if (log.moves != 0) move = get(log, log.moves - 1);
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
        uint256 slot = index / _MOVES_PER_SLOT;
        uint256 triple = slot == (log.moves - 1) / _MOVES_PER_SLOT ? log.newest : log.past[slot];
        uint256 move = triple >> (index % _MOVES_PER_SLOT * _MOVE_BITS);
        // forge-lint: disable-next-line(unsafe-typecast) the low 32 and the next 40 bits are meant
        return AliasMove({version: uint32(move), since: uint40(move >> 32)});
    }
}
