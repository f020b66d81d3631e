// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IModelMarket} from "../../../contracts/interfaces/IModelMarket.sol";
import {Purchase, RevenueAccount, Right} from "../../../contracts/types/License.sol";
import {Order} from "../../../contracts/types/Market.sol";
import {LicensingTest} from "../Licensing.t.sol";
import {Reentrant} from "../mocks/Licensees.sol";
import {HookToken} from "../mocks/Tokens.sol";

/// @notice Tokens and recipients that call back, from wherever they are called.
contract ReentrancyTest is LicensingTest {
    uint64 internal model;
    HookToken internal coin;
    Reentrant internal attacker;

    function setUp() public override {
        super.setUp();
        attacker = new Reentrant();
        vm.deal(address(attacker), 10 ether);
        coin = new HookToken();
        coin.mint(address(attacker), 1000);
        model = offered(alice, NAME, remix(1000));
        offerAs(alice, model, remix(0), fixedPrice(address(coin), 100));
        attacker.run(address(coin), 0, abi.encodeCall(coin.approve, (address(licensing), 1000)));
        buyAs(bob, model); // money of somebody else's, to steal
        settle(model, alice, NATIVE);
    }

    /// @dev Everything that moves money, as the attacker might call it.
    function calls() internal view returns (bytes[] memory all) {
        RevenueAccount[] memory none_ = new RevenueAccount[](0);
        all = new bytes[](5);
        all[0] = abi.encodeCall(
            licensing.buy, (purchase(model, 1, NATIVE, address(attacker)), noPermit())
        );
        all[1] = abi.encodeCall(licensing.pay, (model, NATIVE, 1, noPermit()));
        all[2] = abi.encodeCall(licensing.settle, (none_));
        all[3] = abi.encodeCall(licensing.claim, (NATIVE, address(attacker)));
        all[4] = abi.encodeCall(licensing.settleAndClaim, (none_, NATIVE, address(attacker)));
    }

    function test_aTokenThatCallsBack_whileItIsTaken() public {
        bytes[] memory all = calls();
        Purchase memory order = purchase(model, 2, address(coin), address(attacker));
        for (uint256 i; i < all.length; ++i) {
            coin.callBack(address(licensing), all[i]);
            attacker.run(address(licensing), 0, abi.encodeCall(licensing.buy, (order, noPermit())));
            assertRefused(coin.succeeded(), coin.answer());
        }
        assertEq(coin.balanceOf(address(licensing)), 500, "paid five times");
        assertEq(licences.balanceOf(address(attacker)), 5, "for five licences");
    }

    function test_aTokenThatCallsBack_whileItIsClaimed() public {
        Purchase memory order = purchase(model, 2, address(coin), bob);
        attacker.run(address(licensing), 0, abi.encodeCall(licensing.buy, (order, noPermit())));
        settle(model, alice, address(coin));
        coin.callBack(address(licensing), abi.encodeCall(licensing.claim, (address(coin), alice)));
        vm.prank(alice);
        licensing.claim(address(coin), alice);
        assertRefused(coin.succeeded(), coin.answer());
        assertEq(coin.balanceOf(alice), 100, "once");
    }

    function test_aBuyerThatCallsBack_fromItsRefund() public {
        bytes[] memory all = calls();
        for (uint256 i; i < all.length; ++i) {
            attacker.onMoney(address(licensing), all[i]);
            attacker.run(address(licensing), 1 ether, all[0]);
            assertRefused(attacker.succeeded(), attacker.answer());
        }
        assertEq(address(attacker).balance, 10 ether - 5 * PRICE, "paid five times");
        assertEq(address(licensing).balance, 6 * PRICE, "nothing is missing");
    }

    function test_aRecipientThatCallsBack_fromItsClaim() public {
        // The attacker owns a model that earned something.
        transfer(alice, address(attacker), model);
        vm.prank(address(attacker));
        licensing.reprice(model, 1, fixedPrice(NATIVE, PRICE), 0);
        buyAs(carol, model);
        settle(model, address(attacker), NATIVE);
        bytes memory claim = abi.encodeCall(licensing.claim, (NATIVE, address(attacker)));
        attacker.onMoney(address(licensing), claim);
        attacker.run(address(licensing), 0, claim);
        assertTrue(attacker.called(), "it tried");
        assertRefused(attacker.succeeded(), attacker.answer());
        assertEq(address(attacker).balance, 10 ether + PRICE, "once");
        assertEq(licensing.claimable(alice, NATIVE), PRICE, "alice's is still there");
    }

    function test_aLicenseeThatCallsBack_isNotCalledByASale() public {
        attacker.onMoney(address(licensing), calls()[3]);
        buyAs(bob, purchase(model, 1, NATIVE, address(attacker)), PRICE);
        assertFalse(attacker.called(), "nobody is called");
    }

    function test_aLicenseeThatCallsBack_fromASafeTransfer() public {
        // It passes the licence on while it receives it; each licence is held once.
        uint256 id = license(model, 1, 1);
        attacker.onMoney(
            address(licences), abi.encodeCall(licences.transferFrom, (address(attacker), carol, id))
        );
        vm.prank(bob);
        licences.safeTransferFrom(bob, address(attacker), id);
        assertTrue(attacker.succeeded(), "it may");
        assertEq(licences.ownerOf(id), carol, "carol's");
        assertTrue(licensing.entitled(carol, model, Right.Use), "carol");
        assertFalse(licensing.entitled(bob, model, Right.Use), "not bob");
        assertFalse(licensing.entitled(address(attacker), model, Right.Use), "not the attacker");
    }

    function test_market_aBuyerThatCallsBack_fromItsRefund() public {
        list();
        bytes memory call = orderCall(NATIVE);
        attacker.onMoney(address(market), call);
        attacker.run(address(market), 2 ether, call);
        assertRefused(attacker.succeeded(), attacker.answer());
        assertEq(address(attacker).balance, 9 ether, "paid once");

        // Neither can it sell what it has just bought to somebody at the old price.
        assertEq(nft.ownerOf(model), address(attacker), "owner");
        vm.expectRevert(abi.encodeWithSelector(IModelMarket.ModelMarket_NotListed.selector, model));
        market.listingOf(model);
    }

    function test_market_aRecipientThatCallsBack_fromItsClaim() public {
        transfer(alice, address(attacker), model);
        vm.startPrank(address(attacker));
        nft.approve(address(market), model);
        market.list(model, fixedPrice(NATIVE, 1 ether), START + 1, new RevenueAccount[](0));
        vm.stopPrank();
        Order memory wanted = ordered(NATIVE, bob);
        vm.prank(bob);
        market.buy{value: 1 ether}(wanted, noPermit(), new RevenueAccount[](0));
        vm.deal(address(market), 5 ether);
        bytes memory claim = abi.encodeCall(market.claim, (NATIVE, address(attacker)));
        attacker.onMoney(address(market), claim);
        attacker.run(address(market), 0, claim);
        assertTrue(attacker.called(), "it tried");
        assertRefused(attacker.succeeded(), attacker.answer());
        assertEq(address(attacker).balance, 11 ether, "once");
    }

    function list() internal {
        vm.startPrank(alice);
        nft.approve(address(market), model);
        market.list(model, fixedPrice(NATIVE, 1 ether), START + 1, new RevenueAccount[](0));
        vm.stopPrank();
    }

    function orderCall(address asset) internal view returns (bytes memory) {
        Order memory wanted = ordered(asset, address(attacker));
        return abi.encodeCall(market.buy, (wanted, noPermit(), new RevenueAccount[](0)));
    }

    function ordered(address asset, address recipient) internal view returns (Order memory) {
        return Order(model, asset, 1 ether, START, recipient, market.stateOf(model));
    }

    function assertRefused(bool succeeded, bytes memory answer) internal pure {
        assertFalse(succeeded, "it got through");
        assertEq(
            bytes4(answer),
            ReentrancyGuardTransient.ReentrancyGuardReentrantCall.selector,
            "the guard refused"
        );
    }
}
