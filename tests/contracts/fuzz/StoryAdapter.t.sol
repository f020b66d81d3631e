// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {StoryPurchase} from "../../../contracts/types/Story.sol";
import {StoryTest} from "../Story.t.sol";

contract StoryAdapterFuzzTest is StoryTest {
    /// @dev Whoever buys pays quantity times fee, to the wei, whatever was sent; nothing stays.
    function testFuzz_buy_costsTheFee(uint256 quantity, uint256 sent, uint96 donated) public {
        quantity = bound(quantity, 1, 8);
        sent = bound(sent, quantity * FEE, 100 ether);
        vm.deal(address(this), donated);
        coin.deposit{value: donated}();
        require(coin.transfer(address(adapter), donated));

        (address ipId, uint256 termsId) = offered(remix(10_000_000));
        StoryPurchase memory wanted = purchase(ipId, termsId, quantity, bob);
        vm.prank(alice);
        adapter.buy{value: sent}(wanted);

        assertEq(alice.balance, 100 ether - quantity * FEE, "buyer");
        assertEq(coin.balanceOf(address(vaultOf(ipId))), quantity * FEE, "vault");
        assertEq(coin.balanceOf(address(adapter)), donated, "adapter");
        assertEq(address(adapter).balance, 0, "adapter's coin");
        assertEq(tokens.balanceOf(bob), quantity, "licences");
    }

    function testFuzz_pay_reachesTheWork(uint96 amount) public {
        vm.assume(amount != 0);
        (address ipId,) = offered(remix(1));
        royalties.deployVault(ipId);
        vm.deal(alice, amount);
        vm.prank(alice);
        adapter.pay{value: amount}(ipId);
        assertEq(vaultOf(ipId).claimableRevenue(ipId, address(coin)), amount);
    }
}
