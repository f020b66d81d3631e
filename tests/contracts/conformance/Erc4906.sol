// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/interfaces/IERC721Metadata.sol";
import {Test, Vm} from "forge-std/Test.sol";

/// @notice What ERC-4906 says of any token: its events tell when metadata changes, and nothing else.
abstract contract Erc4906Conformance is Test {
    function metadataToken() internal view virtual returns (IERC721Metadata);

    /// @dev Tokens that are there, and stay.
    function tokenIds() internal view virtual returns (uint256[] memory);

    /// @dev Changes a token's metadata.
    function change(uint256 id) internal virtual;

    /// @dev Does something, of all that can be done.
    function doSomething(uint256 seed) internal virtual;

    /// @notice "MUST be emitted when the JSON metadata of a token … is changed. Not emitted when a token
    /// is minted."
    function testFuzz_erc4906_tellsOfEveryChangeAndOfNothingElse(uint256[16] memory seeds) public {
        for (uint256 i; i < seeds.length; ++i) {
            uint256[] memory ids = tokenIds();
            bytes32[] memory before = new bytes32[](ids.length);
            for (uint256 j; j < ids.length; ++j) {
                before[j] = contentOf(ids[j]);
            }
            vm.recordLogs();
            doSomething(seeds[i]);
            Vm.Log[] memory logs = vm.getRecordedLogs();
            uint256 told;
            for (uint256 j; j < ids.length; ++j) {
                uint256 events = eventsOf(logs, ids[j]);
                bool changed = contentOf(ids[j]) != before[j];
                assertEq(events != 0, changed, "told, if and only if it changed");
                told += events;
            }
            assertEq(told, eventsOf(logs), "of nothing that is new, or is not there");
        }
    }

    /// @notice A change of one token is told once, of that token.
    function testFuzz_erc4906_tellsOfAChange(uint256 seed) public {
        uint256[] memory ids = tokenIds();
        uint256 id = ids[seed % ids.length];
        bytes32 before = contentOf(id);
        vm.recordLogs();
        change(id);
        Vm.Log[] memory logs = vm.getRecordedLogs();
        assertNotEq(contentOf(id), before, "it changed");
        assertEq(eventsOf(logs, id), 1, "told");
        assertEq(eventsOf(logs), 1, "of no other");
    }

    /// @notice "The supportsInterface method MUST return true when called with 0x49064906."
    function test_erc4906_isSaid() public view {
        assertTrue(IERC165(address(metadataToken())).supportsInterface(0x49064906));
    }

    function contentOf(uint256 id) internal view returns (bytes32) {
        return keccak256(bytes(metadataToken().tokenURI(id)));
    }

    /// @dev Events that tell of a token.
    function eventsOf(Vm.Log[] memory logs, uint256 id) internal view returns (uint256 count) {
        for (uint256 i; i < logs.length; ++i) {
            (bool is_, uint256 from, uint256 to) = rangeOf(logs[i]);
            if (is_ && from <= id && id <= to) ++count;
        }
    }

    /// @dev Events that tell of any.
    function eventsOf(Vm.Log[] memory logs) internal view returns (uint256 count) {
        for (uint256 i; i < logs.length; ++i) {
            (bool is_,,) = rangeOf(logs[i]);
            if (is_) ++count;
        }
    }

    /// @dev Both events have no indexed arguments.
    function rangeOf(Vm.Log memory log) internal view returns (bool, uint256 from, uint256 to) {
        if (log.emitter != address(metadataToken()) || log.topics.length != 1) {
            return (false, 0, 0);
        }
        if (log.topics[0] == IERC4906.MetadataUpdate.selector) {
            from = abi.decode(log.data, (uint256));
            return (true, from, from);
        }
        if (log.topics[0] != IERC4906.BatchMetadataUpdate.selector) return (false, 0, 0);
        (from, to) = abi.decode(log.data, (uint256, uint256));
        return (true, from, to);
    }
}
