// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice Stands in for what Arbitrum's nodes answer at 0xC8, which is on no chain and in no package.
/// @dev It keeps nothing in storage, so that its code can be put there. Nitro charges for the size of
/// the compressed transaction; here nothing is compressed. As there, the answer is in gas at the base
/// fee of the block.
contract NodeInterfaceDouble {
    uint256 public constant L1_BASE_FEE = 20 gwei;
    uint256 public constant BASE_FEE = 0.1 gwei;

    function gasEstimateL1Component(address to, bool contractCreation, bytes calldata data)
        external
        payable
        returns (uint64 gasEstimateForL1, uint256 baseFee, uint256 l1BaseFeeEstimate)
    {
        require(to != address(0) || contractCreation, "nobody to call");
        uint256 units = 16 * (data.length + 140);
        return (uint64(units * L1_BASE_FEE / BASE_FEE), BASE_FEE, L1_BASE_FEE);
    }
}
