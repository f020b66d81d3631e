// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {VersionKey} from "../types/VersionKey.sol";

/// @notice The versions that a walk has met, in that order.
/// @param queue Their keys; as long as how many there may be.
/// @param queued How many there are.
/// @param seen The same keys as a hash table, never more than half full, so that a search soon ends.
struct Visits {
    VersionKey[] queue;
    uint256 queued;
    uint256[] seen;
}

/// @title Walk
/// @notice A walk from a version to others, breadth first, to each once and to no more than a bound.
library Walk {
    /// @notice Begins a walk.
    /// @param bound How many versions it may meet, the first one included; not 0.
    function from(VersionKey start, uint16 bound) internal pure returns (Visits memory visits) {
        visits.queue = new VersionKey[](bound);
        visits.seen = new uint256[](4 * 2 ** Math.log2(bound));
        add(visits, start);
    }

    /// @notice Queues a version, unless it was met before.
    /// @return Whether there was room for it, if it was needed.
    function add(Visits memory visits, VersionKey key) internal pure returns (bool) {
        uint256[] memory seen = visits.seen;
        uint256 value = VersionKey.unwrap(key);
        uint256 mask = seen.length - 1;
        uint256 i = uint256(Hashes.efficientKeccak256(bytes32(value), 0)) & mask;
        while (seen[i] != 0) {
            if (seen[i] == value) return true;
            i = (i + 1) & mask;
        }
        if (visits.queued == visits.queue.length) return false;
        seen[i] = value;
        visits.queue[visits.queued++] = key;
        return true;
    }
}
