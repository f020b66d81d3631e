// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";

import {Erc721Conformance} from "./Erc721.sol";

/// @notice The models' token against ERC-721, ERC-165 and ERC-2981.
contract ModelNFTConformanceTest is Erc721Conformance {
    uint256 private _count;

    function token() internal view override returns (IERC721) {
        return nft;
    }

    function mintTo(address to) internal override returns (uint256) {
        return registerAs(to, vm.toString(++_count));
    }

    /// @notice "The royalty amount … MUST be … a percentage of the sale price": it grows with the
    /// price, is part of it, and a price in another unit gives the same part.
    function testFuzz_erc2981_isAShareOfThePrice(uint128 price, uint128 more, uint16 bps) public {
        uint64 model = registerAs(alice, "royal");
        bps = uint16(bound(bps, 0, nft.MAX_ROYALTY_BPS()));
        vm.prank(alice);
        nft.setRoyalty(model, carol, bps);
        IERC2981 it = IERC2981(address(nft));
        (address receiver, uint256 royalty) = it.royaltyInfo(model, price);
        (, uint256 larger) = it.royaltyInfo(model, uint256(price) + more);
        (, uint256 scaled) = it.royaltyInfo(model, uint256(price) * 10_000);
        assertEq(receiver, carol, "receiver");
        assertLe(royalty, price, "part of it");
        assertLe(royalty, larger, "grows");
        assertEq(scaled, uint256(price) * bps, "exact where nothing is rounded");
    }
}
