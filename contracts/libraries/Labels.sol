// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title Labels
/// @notice Which names and aliases are well formed: `A-Z a-z 0-9 . _ / -` only, so that none has letters
/// of another script that look like these, and none needs escaping in a URL or between quotes.
/// @dev Some of these look alike in some fonts, and a label may begin with a dash or climb up a path:
/// whoever makes a file's name or an argument of one checks that first.
library Labels {
    /// @notice Longest name.
    uint256 internal constant MAX_NAME_LENGTH = 64;

    /// @notice Bit c is set if the character with code c is allowed.
    uint256 private constant _ALLOWED = (((1 << 26) - 1) << 0x41) // A-Z
        | (((1 << 26) - 1) << 0x61) // a-z
        | (((1 << 10) - 1) << 0x30) // 0-9
        | (1 << 0x2e) // .
        | (1 << 0x5f) // _
        | (1 << 0x2f) // /
        | (1 << 0x2d); // -

    /// @notice Thrown when a label has no characters.
    error Labels_Empty();

    /// @notice Thrown when a name is longer than 64 characters.
    error Labels_TooLong(uint256 length);

    /// @notice Thrown when a label has a character that is not allowed, with the first of them.
    error Labels_BadCharacter(bytes1 character);

    /// @notice Reverts unless a name is well formed.
    function checkName(string calldata name) internal pure {
        bytes calldata characters = bytes(name);
        uint256 length = characters.length;
        if (length == 0) revert Labels_Empty();
        if (length > MAX_NAME_LENGTH) revert Labels_TooLong(length);

        // forge-lint: disable-next-line(unsafe-typecast) the first 32 characters are meant
        _checkCount(bytes32(characters), Math.min(length, 32));
        if (length > 32) _checkCount(bytes32(characters[32:]), length - 32);
    }

    /// @notice Reverts unless an alias is well formed: characters first, then nothing but zeros.
    function checkAlias(bytes32 aliasName) internal pure {
        if (_countCharacters(aliasName) == 0) revert Labels_Empty();
    }

    /// @dev Reverts unless a word has that many characters, that is, unless none of them is zero.
    function _checkCount(bytes32 word, uint256 count) private pure {
        if (_countCharacters(word) != count) revert Labels_BadCharacter(0);
    }

    /// @dev Number of characters before the zeros that a word ends with; reverts if one is not allowed.
    function _countCharacters(bytes32 word) private pure returns (uint256 count) {
        for (; word != 0; word <<= 8) {
            if ((_ALLOWED >> uint8(word[0])) & 1 == 0) revert Labels_BadCharacter(word[0]);
            ++count;
        }
    }
}
