// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {CidLib} from "../../../contracts/libraries/CidLib.sol";
import {Cid} from "../../../contracts/types/Model.sol";

/// @notice The printed CIDs against what another implementation prints (tests/contracts/data, written
/// by scripts/vectors), and against base32 as RFC 4648 describes it, bit by bit.
contract CidLibFuzzTest is Test {
    function test_toString_printsWhatOthersPrint() public view {
        string memory json = vm.readFile("tests/contracts/data/cids.json");
        uint256[] memory codecs = vm.parseJsonUintArray(json, ".codecs");
        bytes32[] memory digests = vm.parseJsonBytes32Array(json, ".digests");
        string[] memory texts = vm.parseJsonStringArray(json, ".texts");
        assertGt(texts.length, 100, "vectors");
        for (uint256 i; i < texts.length; ++i) {
            assertEq(CidLib.toString(Cid(digests[i], uint8(codecs[i]))), texts[i], texts[i]);
        }
    }

    function testFuzz_toString_isBase32OfTheBinaryForm(bytes32 digest, uint8 codec) public pure {
        bytes memory binary = abi.encodePacked(uint8(1), codec, uint8(0x12), uint8(32), digest);
        string memory expected = string.concat("b", base32(binary));
        assertEq(CidLib.toString(Cid(digest, codec)), expected);
    }

    function test_toString_ofTheExtremes() public pure {
        testFuzz_toString_isBase32OfTheBinaryForm(0, 0);
        testFuzz_toString_isBase32OfTheBinaryForm(bytes32(type(uint256).max), 255);
    }

    /// @dev Takes five bits at a time, from the first; what is missing at the end is zero.
    function base32(bytes memory data) internal pure returns (string memory text) {
        bytes memory alphabet = "abcdefghijklmnopqrstuvwxyz234567";
        for (uint256 bit; bit < data.length * 8; bit += 5) {
            uint256 value;
            for (uint256 i = bit; i < bit + 5; ++i) {
                value = value * 2 + (i < data.length * 8 ? bitAt(data, i) : 0);
            }
            text = string.concat(text, string(abi.encodePacked(alphabet[value])));
        }
    }

    function bitAt(bytes memory data, uint256 index) internal pure returns (uint256) {
        return (uint8(data[index / 8]) >> (7 - index % 8)) & 1;
    }
}
