// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IStorySale} from "../../../contracts/interfaces/IStorySale.sol";
import {StoryOffer, StoryOrder} from "../../../contracts/types/StorySale.sol";
import {StorySaleTest} from "../StorySale.t.sol";

contract StorySaleFuzzTest is StorySaleTest {
    /// @dev Whoever buys pays quantity times price, to the wei, whatever was sent and whatever somebody
    /// lost there; all of it is the work's.
    function testFuzz_buy_costsThePrice(uint256 price, uint256 quantity, uint256 sent, uint96 lost)
        public
    {
        price = bound(price, 1, 10 ether);
        quantity = bound(quantity, 1, 8);
        sent = bound(sent, quantity * price, 100 ether);
        setPrice(price);
        vm.deal(address(this), lost);
        coin.deposit{value: lost}();
        require(coin.transfer(address(sale), lost));

        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        StoryOrder memory wanted = order(quantity, bob);
        wanted.maxPay = quantity * price;
        vm.prank(alice);
        sale.buy{value: sent}(made, signature, wanted);

        assertEq(alice.balance, 100 ether - quantity * price, "buyer");
        assertEq(vaultOf(ipId).claimableRevenue(ipId, address(coin)), quantity * price, "revenue");
        assertEq(coin.balanceOf(address(sale)), lost, "sale");
        assertEq(address(sale).balance, 0, "sale's coin");
        assertEq(tokens.balanceOf(bob), quantity, "licences");
    }

    /// @dev Whatever is changed in an offer, its signature is for another one.
    function testFuzz_buy_refusesWhatWasNotSigned(StoryOffer calldata other) public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        StoryOffer memory changed = other;
        (changed.ipId, changed.pricing, changed.nonce) = (ipId, address(prices), made.nonce);
        changed.deadline = bound(changed.deadline, block.timestamp, type(uint256).max);
        vm.assume(keccak256(abi.encode(changed)) != keccak256(abi.encode(made)));
        StoryOrder memory wanted = order(1, alice);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IStorySale.StorySale_NotSignedByOwner.selector, ipId, owner)
        );
        sale.buy{value: PRICE}(changed, signature, wanted);
    }

    function testFuzz_digestOf_isAsOthersHashIt(StoryOffer calldata made, uint256 key) public view {
        key = bound(key, 1, 1e30);
        bytes memory signature = sign(made, key);
        (bytes32 r, bytes32 s, uint8 v) = (
            bytes32(this.word(signature, 0)),
            bytes32(this.word(signature, 32)),
            uint8(signature[64])
        );
        assertEq(ecrecover(sale.digestOf(made), v, r, s), vm.addr(key));
    }

    function word(bytes calldata data, uint256 at) external pure returns (bytes32) {
        return bytes32(data[at:at + 32]);
    }
}
