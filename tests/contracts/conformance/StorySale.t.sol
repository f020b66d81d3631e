// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IStorySale} from "../../../contracts/interfaces/IStorySale.sol";
import {StoryOffer} from "../../../contracts/types/StorySale.sol";
import {StorySaleTest} from "../StorySale.t.sol";
import {SignedConformance} from "./Signed.sol";

/// @notice Signed offers of Story's licences against ERC-712, ERC-5267 and ERC-1271.
contract StorySaleConformanceTest is StorySaleTest, SignedConformance {
    function setUp() public override {
        super.setUp();
        vm.deal(eve, 100 ether);
    }

    function verifier() internal view override returns (address) {
        return address(sale);
    }

    /// @dev Offers are their owner's to sign.
    function admit(address signer) internal override {
        address present = nft.ownerOf(model);
        if (present != signer) transfer(present, signer, model);
        allow(signer);
    }

    function ready(Message memory message) internal override {
        prices.set(model, bytes32(message.seed), address(0), PRICE);
    }

    function nonceOf(address signer) internal view override returns (uint256) {
        return IStorySale(verifier()).nonces(signer);
    }

    function skipNonce(uint256) internal override {
        IStorySale(verifier()).cancelOffers();
    }

    /// @dev An offer is to everybody, until it is taken back.
    function isSpent() internal pure override returns (bool) {
        return false;
    }

    function send(Message memory message, bytes memory signature) internal override {
        StoryOffer memory made = StoryOffer(
            ipId,
            termsId,
            address(prices),
            model,
            bytes32(message.seed),
            message.nonce,
            message.deadline
        );
        vm.prank(eve);
        IStorySale(address(sale)).buy{value: PRICE}(made, signature, order(1, eve));
    }

    function hash(Message memory message) internal view override returns (bytes32) {
        return hashStruct(
            "StoryOffer(address ipId,uint256 termsId,address pricing,uint64 modelId,bytes32 quotedTerms,uint256 nonce,uint256 deadline)",
            bytes.concat(
                word(ipId),
                bytes32(termsId),
                word(address(prices)),
                bytes32(uint256(model)),
                bytes32(message.seed),
                bytes32(message.nonce),
                bytes32(message.deadline)
            )
        );
    }
}
