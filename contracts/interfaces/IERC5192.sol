// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IERC5192
/// @notice ERC-5192: tokens that cannot be transferred, for a time or for ever.
interface IERC5192 {
    /// @notice Emitted when a token becomes locked, which may be when it is minted.
    event Locked(uint256 tokenId);

    /// @notice Emitted when a token can be transferred again.
    event Unlocked(uint256 tokenId);

    /// @notice Whether a token cannot be transferred; reverts if there is none with that id.
    function locked(uint256 tokenId) external view returns (bool);
}
