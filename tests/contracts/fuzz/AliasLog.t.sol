// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test, stdError} from "forge-std/Test.sol";

import {AliasLog} from "../../../contracts/libraries/AliasLog.sol";
import {AliasMove} from "../../../contracts/types/Model.sol";

contract AliasLogHarness {
    using AliasLog for AliasLog.Log;

    AliasLog.Log private _log;

    function push(uint32 version) external {
        _log.push(version);
    }

    function setGate(address gate) external {
        _log.setGate(gate);
    }

    function setMoves(uint24 count) external {
        _log.moves = count;
    }

    function gateOf() external view returns (address) {
        return _log.gateOf();
    }

    function moves() external view returns (uint24) {
        return _log.moves;
    }

    function last() external view returns (AliasMove memory) {
        return _log.last();
    }

    function at(uint64 time) external view returns (uint32) {
        return _log.at(time);
    }

    function page(uint256 offset, uint256 limit) external view returns (AliasMove[] memory) {
        return _log.page(offset, limit);
    }
}

/// @notice The packed log against a plain array that is searched from its end.
contract AliasLogFuzzTest is Test {
    AliasLogHarness internal subject = new AliasLogHarness();

    AliasMove[] internal plain;

    /// @dev Gaps of 0 put several moves into one second; gates change in between.
    function testFuzz_push_remembersEveryMove(uint32[] memory versions, uint8[] memory gaps)
        public
    {
        uint256 count = versions.length < gaps.length ? versions.length : gaps.length;
        if (count > 20) count = 20;
        uint40 time = 1;
        for (uint256 i; i < count; ++i) {
            time += gaps[i] % 4;
            vm.warp(time);
            subject.push(versions[i]);
            subject.setGate(address(uint160(gaps[i] % 3)));
            plain.push(AliasMove(versions[i], time));

            assertEq(subject.moves(), i + 1, "moves");
            assertEq(abi.encode(subject.last()), abi.encode(plain[i]), "last");
            assertEq(subject.gateOf(), address(uint160(gaps[i] % 3)), "gate");
        }
        for (uint64 t; t < time + 3; ++t) {
            assertEq(subject.at(t), plainAt(t), "at");
        }
        assertEq(subject.at(type(uint64).max), plainAt(type(uint64).max), "at the end of time");
        assertEq(abi.encode(subject.page(0, count)), abi.encode(plain), "page");
    }

    function testFuzz_page_isASlice(uint8 count, uint256 offset, uint256 limit) public {
        count %= 16;
        for (uint256 i; i < count; ++i) {
            vm.warp(i + 1);
            subject.push(uint32(i));
        }
        offset = offset % 2 == 0 ? offset : bound(offset, 0, 17);
        limit = limit % 2 == 0 ? limit : bound(limit, 0, 17);
        AliasMove[] memory page = subject.page(offset, limit);
        uint256 rest = offset < count ? count - offset : 0;
        assertEq(page.length, limit < rest ? limit : rest, "length");
        for (uint256 i; i < page.length; ++i) {
            assertEq(page[i].version, offset + i, "version");
            assertEq(page[i].since, offset + i + 1, "since");
        }
    }

    function test_empty() public view {
        assertEq(abi.encode(subject.last()), abi.encode(AliasMove(0, 0)), "last");
        assertEq(subject.at(type(uint64).max), 0, "at");
        assertEq(subject.page(0, 1).length, 0, "page");
        assertEq(subject.gateOf(), address(0), "gate");
    }

    function test_push_keepsWholeWords() public {
        vm.warp(type(uint40).max);
        for (uint256 i; i < 7; ++i) {
            subject.push(type(uint32).max);
        }
        AliasMove[] memory all = subject.page(0, 7);
        for (uint256 i; i < 7; ++i) {
            assertEq(all[i].version, type(uint32).max, "version");
            assertEq(all[i].since, type(uint40).max, "since");
        }
        assertEq(subject.moves(), 7, "moves");
        assertEq(subject.gateOf(), address(0), "gate");
    }

    function test_push_revertsWhenTheCounterIsFull() public {
        subject.setMoves(type(uint24).max);
        vm.expectRevert(stdError.arithmeticError);
        subject.push(1);
    }

    function plainAt(uint64 time) internal view returns (uint32) {
        for (uint256 i = plain.length; i != 0; --i) {
            if (plain[i - 1].since <= time) return plain[i - 1].version;
        }
        return 0;
    }
}
