// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title Labels
/// @notice Which names and aliases are well formed: `A-Z a-z 0-9 . _ / -` only, so that no two labels
/// look alike and none needs escaping in a path, a URL or a command line.
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

    /// @notice Thrown when a label has a character that is not allowed, at an index counted in bytes.
    error Labels_BadCharacter(uint256 index);

    /// @notice Reverts unless a name is well formed.
    function checkName(string calldata name) internal pure {
        bytes calldata characters = bytes(name);
        uint256 length = characters.length;
        if (length == 0) revert Labels_Empty();
        if (length > MAX_NAME_LENGTH) revert Labels_TooLong(length);
        for (uint256 i; i < length; ++i) {
            if (!_isAllowed(characters[i])) revert Labels_BadCharacter(i);
        }
    }

    /// @notice Reverts unless an alias is well formed: characters first, then nothing but zeros.
    function checkAlias(bytes32 aliasName) internal pure {
        if (aliasName == 0) revert Labels_Empty();
        // The zeros at the end shift out last: what is left to check is zero exactly when they begin.
        for (uint256 i; i < 32 && aliasName << (8 * i) != 0; ++i) {
            if (!_isAllowed(aliasName[i])) revert Labels_BadCharacter(i);
        }
    }

    function _isAllowed(bytes1 character) private pure returns (bool) {
        return (_ALLOWED >> uint8(character)) & 1 == 1;
    }
}
