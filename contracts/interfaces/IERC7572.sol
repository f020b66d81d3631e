// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IERC7572
/// @notice Metadata of a token collection as a whole (ERC-7572). Interface id 0xe8a3d485.
interface IERC7572 {
    /// @notice Emitted when the collection's metadata changes.
    event ContractURIUpdated();

    /// @notice Where the collection's metadata is: a URI of a JSON document.
    function contractURI() external view returns (string memory);
}
