// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {StorySale} from "../../contracts/StorySale.sol";
import {
    IStoryLicensingModule
} from "../../contracts/interfaces/external/story/IStoryLicensingModule.sol";
import {PILTerms} from "../../contracts/types/Story.sol";
import {StoryOffer, StoryOrder} from "../../contracts/types/StorySale.sol";
import {StoryTest} from "./Story.t.sol";
import {PriceList} from "./mocks/Licensees.sol";

/// @notice A model of `owner` on Story's double, terms without a fee, the permission, and a price list.
abstract contract StorySaleTest is StoryTest {
    bytes32 internal constant QUOTED = keccak256("terms, as the price list knows them");
    uint256 internal constant PRICE = 0.25 ether;

    StorySale internal sale;
    PriceList internal prices;
    uint64 internal model;
    address internal ipId;
    uint256 internal termsId;

    function setUp() public virtual override {
        super.setUp();
        sale = new StorySale(licences, template, royalties, coin);
        prices = new PriceList();
        model = registerAs(owner, "acme/priced");
        setPrice(PRICE);
        ipId = assets.register(block.chainid, address(nft), model);
        termsId = template.registerLicenseTerms(access());
        allow(owner);
    }

    /// @dev Commercial use, without derivatives, for nothing at Story itself.
    function access() internal view returns (PILTerms memory terms) {
        terms = remix(0);
        terms.derivativesAllowed = false;
        terms.derivativesReciprocal = false;
        terms.defaultMintingFee = 0;
    }

    function allow(address giver) internal {
        vm.prank(giver);
        controller.setPermission(
            ipId,
            address(sale),
            address(licences),
            IStoryLicensingModule.mintLicenseTokens.selector,
            1
        );
    }

    function setPrice(uint256 price) internal {
        prices.set(model, QUOTED, address(0), price);
    }

    function offer() internal view returns (StoryOffer memory) {
        return StoryOffer(
            ipId,
            termsId,
            address(prices),
            model,
            QUOTED,
            sale.nonces(owner),
            block.timestamp + 30 days
        );
    }

    function order(uint256 quantity, address recipient) internal view returns (StoryOrder memory) {
        return StoryOrder(quantity, quantity * PRICE, 0, block.timestamp + 600, recipient);
    }

    /// @dev Not by our code: Foundry hashes the struct from its type.
    function sign(StoryOffer memory made, uint256 key) internal view returns (bytes memory) {
        return sign(made, key, block.chainid, address(sale));
    }

    function sign(StoryOffer memory made, uint256 key, uint256 chainId, address verifier)
        internal
        pure
        returns (bytes memory)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Anacostia StorySale"),
                keccak256("1"),
                chainId,
                verifier
            )
        );
        bytes32 message = vm.eip712HashStruct(
            "StoryOffer(address ipId,uint256 termsId,address pricing,uint64 modelId,bytes32 quotedTerms,uint256 nonce,uint256 deadline)",
            abi.encode(made)
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked("\x19\x01", domain, message)));
        return abi.encodePacked(r, s, v);
    }
}
