// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/interfaces/IERC721Metadata.sol";

import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Cid, Kind, RevocationReason} from "../../../contracts/types/Model.sol";
import {BaseTest} from "../Base.t.sol";
import {Erc4906Conformance} from "./Erc4906.sol";
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

/// @notice The models' token against ERC-4906: whatever happens to a model, here or in the registry.
contract ModelNFTMetadataConformanceTest is BaseTest, Erc4906Conformance {
    address[3] private _people;
    uint256 private _count;

    function setUp() public override {
        super.setUp();
        _people = [alice, bob, carol];
        for (uint256 i; i < 3; ++i) {
            registerAs(_people[i], NAME);
        }
    }

    function metadataToken() internal view override returns (IERC721Metadata) {
        return nft;
    }

    function tokenIds() internal view override returns (uint256[] memory ids) {
        ids = new uint256[](registry.modelCount());
        for (uint256 i; i < ids.length; ++i) {
            ids[i] = i + 1;
        }
    }

    function change(uint256 id) internal override {
        vm.prank(nft.ownerOf(id));
        IModelRegistry(address(registry)).publish(uint64(id), root(), none());
    }

    function doSomething(uint256 seed) internal override {
        IModelRegistry it = IModelRegistry(address(registry));
        uint64 model = uint64(1 + (seed >> 8) % it.modelCount());
        uint32 newest = it.modelOf(model).latestVersion;
        address owner = nft.ownerOf(model);
        address other = _people[(seed >> 16) % 3];
        uint256 kind = seed % 12;
        vm.startPrank(owner);
        if (kind == 0) {
            it.register(vm.toString(++_count), Kind.Dataset, root(), none());
        } else if (kind < 4) {
            it.publish(model, root(), none());
        } else if (kind == 4) {
            it.setPublisher(model, other, type(uint64).max);
        } else if (kind == 5) {
            nft.transferFrom(owner, other, model);
        } else if (kind == 6) {
            nft.approve(other, model);
        } else if (kind == 7) {
            nft.setApprovalForAll(other, true);
        } else if (kind == 8) {
            it.skipNonce(it.nonces(owner));
        }
        // These are refused when they have been done already, and tell nothing then either.
        else if (kind == 9) {
            try it.setAlias(model, CHAMPION, newest) {} catch {}
        } else if (kind == 10) {
            try it.revoke(model, newest, RevocationReason.Defective) {} catch {}
        } else {
            try nft.setRoyalty(model, other, 100) {} catch {}
        }
        vm.stopPrank();
    }

    /// @dev Never the same, of either codec.
    function root() internal returns (Cid memory made) {
        made = cid(1000 + ++_count);
        if (_count % 2 == 0) made.codec = 0x55;
    }
}
