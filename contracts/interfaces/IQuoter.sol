// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IQuoter
/// @notice Something that knows what a licence of a model, or the model itself, costs now. Offers and
/// listings may name one instead of a fixed amount.
/// @dev Asked by a static call, in the very transaction that pays. An implementation reverts, with its
/// own error, rather than answer with a price that is stale, outside its bounds, or in an asset that
/// it does not know; whoever asks takes no answer for "do not sell". What it answers is the price of
/// one licence (for terms with a duration: of one period). Zero is refused by who asks: what is free
/// is offered as free.
interface IQuoter {
    /// @notice Price of one licence of a model under some terms, in the smallest unit of an asset.
    /// @param modelId The registered model.
    /// @param termsId The licence terms, as `ModelLicensing` identifies them; zero for the model
    /// itself, that is, for the sale of its token.
    /// @param asset The ERC-20 token to pay with; the zero address for the chain's native coin.
    /// @return amount The price; never zero. It rounds up, in the seller's favour.
    function quote(uint64 modelId, bytes32 termsId, address asset)
        external
        view
        returns (uint256 amount);
}
