// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice A version's identity in one word: modelId (64 bits) then version (32 bits), so that keys
/// sort by model, then by version, and the zero key is no version.
type VersionKey is uint96;

using {toModelId, toVersion} for VersionKey global;
using {isAfter as >} for VersionKey global;

/// @notice The key of a version.
function toVersionKey(uint64 modelId, uint32 version) pure returns (VersionKey) {
    return VersionKey.wrap((uint96(modelId) << 32) | version);
}

/// @notice The model that a version belongs to.
function toModelId(VersionKey key) pure returns (uint64) {
    return uint64(VersionKey.unwrap(key) >> 32);
}

/// @notice The version's number within its model.
function toVersion(VersionKey key) pure returns (uint32) {
    // forge-lint: disable-next-line(unsafe-typecast) the low 32 bits are meant
    return uint32(VersionKey.unwrap(key));
}

/// @notice Whether a key sorts after another.
function isAfter(VersionKey key, VersionKey other) pure returns (bool) {
    return VersionKey.unwrap(key) > VersionKey.unwrap(other);
}
