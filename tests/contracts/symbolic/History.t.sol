// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {AliasLog} from "../../../contracts/libraries/AliasLog.sol";
import {AliasMove} from "../../../contracts/types/Model.sol";

/// @notice The packed history of an alias, for moves and times that are unknowns.
contract HistorySymbolicTest is Test {
    using AliasLog for AliasLog.Log;

    AliasLog.Log private _log;

    /// @notice What an alias pointed to in the past stays so, whatever it is moved to now: through
    /// the first slot, its change, and the one after it.
    function check_thePastNeverChanges(uint40[5] memory times, uint32[5] memory versions, uint64 t)
        public
    {
        for (uint256 i; i < 5; ++i) {
            if (i != 0) vm.assume(times[i] >= times[i - 1]);
            vm.warp(times[i]);
            uint32 before = _log.at(t);
            _log.push(versions[i]);
            if (t < times[i]) assert(_log.at(t) == before);
            else assert(_log.at(t) == versions[i]);
        }
    }

    /// @notice A move is read as it was written, whichever place of a slot it is in.
    function check_movesKeepTheirBits(uint40 time, uint32[4] memory versions) public {
        vm.warp(time);
        for (uint256 i; i < 4; ++i) {
            _log.push(versions[i]);
        }
        for (uint256 i; i < 4; ++i) {
            AliasMove memory move = _log.get(i);
            assert(move.version == versions[i] && move.since == time);
        }
        assert(_log.moves == 4);
    }
}
