// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/interfaces/IERC721Metadata.sol";

import {IERC7572} from "./IERC7572.sol";
import {IModelRegistry} from "./IModelRegistry.sol";

/// @title IModelNFT
/// @notice Ownership of registered models: one ERC-721 token per model, with the model's id as its
/// id. The owner decides who publishes, where aliases point and what is revoked.
/// @dev Tokens are minted by the registry alone and are never burned. Minting does not call the
/// receiver. With ERC-2981 (royalty), ERC-4906 (metadata updates) and ERC-7572 (collection metadata).
interface IModelNFT is IERC721Metadata, IERC2981, IERC4906, IERC7572 {
    /// @notice Emitted when an owner sets a model's royalty.
    /// @param modelId The registered model.
    /// @param receiver Who is to be paid at each sale.
    /// @param bps Share of the sale price, in basis points.
    event RoyaltySet(uint256 indexed modelId, address indexed receiver, uint16 bps);

    /// @notice Thrown when someone else calls a function that is the registry's.
    error ModelNFT_NotRegistry(address caller);

    /// @notice Thrown when the royalty is set by someone who does not own the model.
    error ModelNFT_NotOwner(uint256 modelId, address caller);

    /// @notice Thrown when the royalty is set after the model has been transferred.
    error ModelNFT_RoyaltyFrozen(uint256 modelId);

    /// @notice Thrown when a royalty is above the cap.
    error ModelNFT_RoyaltyTooHigh(uint16 bps, uint16 maximum);

    /// @notice Thrown when a royalty has a share but nobody to receive it.
    error ModelNFT_RoyaltyWithoutReceiver(uint256 modelId);

    /// @notice Mints a model's token. Registry only.
    /// @param to The first owner.
    /// @param modelId The registered model; not minted before.
    function mint(address to, uint64 modelId) external;

    /// @notice Announces that a model has a newer version, hence other metadata. Registry only.
    /// @param modelId The registered model.
    function notifyPublished(uint64 modelId) external;

    /// @notice Sets a model's royalty. Only its owner can, until its first transfer, which freezes it.
    /// @dev Its first owner can still change it right before that transfer. Whoever buys a model that
    /// was never transferred has to have it bound: `ModelMarket.buy` does, a marketplace that knows
    /// ERC-2981 alone does not.
    /// @param modelId The registered model.
    /// @param receiver Who is to be paid at each sale. Never changes after the first transfer.
    /// @param bps Share of the sale price in basis points, at most `MAX_ROYALTY_BPS`; 0 for none.
    function setRoyalty(uint256 modelId, address receiver, uint16 bps) external;

    /// @notice A model's owner and how often it has changed hands, in one call.
    /// @dev Does not revert. Rights that are keyed by the count end with a transfer for good, also if
    /// the token comes back later. A transfer to oneself counts.
    /// @param modelId The registered model.
    /// @return owner The owner; the zero address if there is no such model.
    /// @return transfers Number of transfers since it was minted.
    function ownershipOf(uint256 modelId) external view returns (address owner, uint64 transfers);

    /// @notice Highest royalty that can be set, in basis points.
    function MAX_ROYALTY_BPS() external view returns (uint16);

    /// @notice The registry, which deployed this contract.
    function registry() external view returns (IModelRegistry);

    /// @notice Version of this contract's source.
    function version() external view returns (string memory);
}
