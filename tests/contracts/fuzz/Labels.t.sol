// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {Labels} from "../../../contracts/libraries/Labels.sol";

contract LabelsHarness {
    function checkName(string calldata name) external pure {
        Labels.checkName(name);
    }

    function checkAlias(bytes32 aliasName) external pure {
        Labels.checkAlias(aliasName);
    }
}

/// @notice Labels against the rule said the long way, byte by byte.
contract LabelsFuzzTest is Test {
    bytes internal constant ALPHABET =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._/-";

    LabelsHarness internal labels = new LabelsHarness();

    function testFuzz_checkName_oneCharacter(uint8 length, uint8 position, bytes1 code) public {
        bytes memory name = wellFormed(length, bound(length, 1, 64));
        name[position % name.length] = code;
        expectName(name);
    }

    function test_checkName_everyCharacter() public {
        bytes memory name = wellFormed(0, 33);
        for (uint256 code; code < 256; ++code) {
            (name[0], name[31], name[32]) = (bytes1(uint8(code)), "a", "a");
            expectName(name);
            (name[0], name[31], name[32]) = ("a", bytes1(uint8(code)), "a");
            expectName(name);
            (name[0], name[31], name[32]) = ("a", "a", bytes1(uint8(code)));
            expectName(name);
        }
    }

    function testFuzz_checkName_anyBytes(bytes memory name) public {
        expectName(name);
    }

    function testFuzz_checkName_wellFormed(uint256 seed, uint8 length) public {
        expectName(wellFormed(seed, bound(length, 1, 66)));
    }

    function testFuzz_checkAlias_oneCharacter(uint8 length, uint8 position, bytes1 code) public {
        length = uint8(bound(length, 1, 32));
        bytes memory label = abi.encodePacked(wellFormed(length, length), new bytes(32 - length));
        label[position % 32] = code;
        expectAlias(bytes32(label));
    }

    function test_checkAlias_everyCharacter() public {
        bytes memory label = abi.encodePacked(wellFormed(0, 16), new bytes(16));
        for (uint256 position; position < 32; position += 5) {
            bytes1 before = label[position];
            for (uint256 code; code < 256; ++code) {
                label[position] = bytes1(uint8(code));
                expectAlias(bytes32(label));
            }
            label[position] = before;
        }
    }

    function testFuzz_checkAlias_anyBytes(bytes32 label) public {
        expectAlias(label);
    }

    function expectName(bytes memory name) internal {
        if (name.length == 0) {
            vm.expectRevert(Labels.Labels_Empty.selector);
        } else if (name.length > 64) {
            vm.expectRevert(abi.encodeWithSelector(Labels.Labels_TooLong.selector, name.length));
        } else {
            expectCharacters(name);
        }
        labels.checkName(string(name));
    }

    function expectAlias(bytes32 label) internal {
        uint256 length = 32;
        while (length != 0 && label[length - 1] == 0) --length;
        bytes memory characters = new bytes(length);
        for (uint256 i; i < length; ++i) {
            characters[i] = label[i];
        }
        if (length == 0) vm.expectRevert(Labels.Labels_Empty.selector);
        else expectCharacters(characters);
        labels.checkAlias(label);
    }

    function expectCharacters(bytes memory characters) internal {
        for (uint256 i; i < characters.length; ++i) {
            if (isAllowed(characters[i])) continue;
            vm.expectRevert(
                abi.encodeWithSelector(Labels.Labels_BadCharacter.selector, characters[i])
            );
            return;
        }
    }

    function isAllowed(bytes1 character) internal pure returns (bool) {
        if (character >= "A" && character <= "Z") return true;
        if (character >= "a" && character <= "z") return true;
        if (character >= "0" && character <= "9") return true;
        return character == "." || character == "_" || character == "/" || character == "-";
    }

    function wellFormed(uint256 seed, uint256 length) internal pure returns (bytes memory label) {
        label = new bytes(length);
        bytes memory alphabet = ALPHABET;
        for (uint256 i; i < length; ++i) {
            label[i] = alphabet[uint256(keccak256(abi.encode(seed, i))) % alphabet.length];
        }
    }
}
