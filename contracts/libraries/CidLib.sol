// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Cid} from "../types/Model.sol";

/// @title CidLib
/// @notice Content identifiers as text: CIDv1 in lower-case base32 without padding (RFC 4648).
/// @dev A CID is 36 bytes: version 1, the codec, SHA-256 (0x12), 32 bytes of digest (0x20), the digest.
/// They are 288 bits, so that two zero bits make them 58 characters of five.
library CidLib {
    /// @dev "b" says that base32 follows.
    uint256 private constant _LENGTH = 1 + 58;

    /// @dev The first 40 bits, which end with the digest's first byte.
    uint256 private constant _HEAD_CHARACTERS = 8;

    /// @dev The character for each value of five bits.
    bytes32 private constant _ALPHABET = "abcdefghijklmnopqrstuvwxyz234567";

    /// @notice The text form of a CID, as IPFS tools print it: `bafy…` or `bafk…`.
    function toString(Cid memory cid) internal pure returns (string memory) {
        uint256 digest = uint256(cid.digest);
        uint256 head = (1 << 32) | (uint256(cid.codec) << 24) | (0x1220 << 8) | (digest >> 248);
        uint256 tail = (digest << 8) >> 6; // without its first byte, above the two zero bits

        bytes memory text = new bytes(_LENGTH);
        text[0] = "b";
        _write(text, 1, 1 + _HEAD_CHARACTERS, head);
        _write(text, 1 + _HEAD_CHARACTERS, _LENGTH, tail);
        return string(text);
    }

    /// @dev Writes the low bits of a value into the places from `start` to before `end`, from the last.
    function _write(bytes memory text, uint256 start, uint256 end, uint256 value) private pure {
        for (uint256 i = end; i > start; value >>= 5) {
            text[--i] = _ALPHABET[value & 31];
        }
    }
}
