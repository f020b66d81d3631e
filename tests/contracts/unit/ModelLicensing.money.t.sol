// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModelLicensing} from "../../../contracts/interfaces/IModelLicensing.sol";
import {Payments} from "../../../contracts/libraries/Payments.sol";
import {Revenue, RevenueAccount} from "../../../contracts/types/License.sol";
import {LicensingTest} from "../Licensing.t.sol";
import {Reentrant} from "../mocks/Licensees.sol";
import {GoodToken} from "../mocks/Tokens.sol";

/// @notice Where the money of a sale goes.
contract ModelLicensingMoneyTest is LicensingTest {
    uint64 internal base; // alice's, 10 % to it
    uint64 internal child; // bob's, made of base

    function setUp() public override {
        super.setUp();
        base = offered(alice, "acme/base", remix(1000));
        child = derived(bob, "bob/child", base);
        offerAs(bob, child, remix(2000), fixedPrice(NATIVE, PRICE));
        settle(base, alice, NATIVE);
        vm.prank(alice);
        licensing.claim(NATIVE, alice);
    }

    function test_settle_movesOneGeneration() public {
        uint64 grandchild = derived(carol, "carol/grandchild", child);
        offerAs(carol, grandchild, remix(0), fixedPrice(NATIVE, PRICE));
        settle(child, bob, NATIVE); // what carol paid for her licence
        uint256 before = licensing.claimable(bob, NATIVE);
        assertEq(before, PRICE * 9 / 10, "bob keeps 90 % of that");
        assertEq(licensing.revenueOf(base, alice, NATIVE).earned, PRICE + PRICE / 10, "10 %");

        buyAs(eve, grandchild);
        vm.expectEmit(address(licensing));
        emit IModelLicensing.RoyaltyMoved(child, grandchild, NATIVE, bob, PRICE / 5);
        vm.expectEmit(address(licensing));
        emit IModelLicensing.RevenueSettled(grandchild, carol, NATIVE, PRICE, PRICE * 4 / 5);
        assertEq(settle(grandchild, carol, NATIVE), PRICE, "moved");
        assertEq(licensing.claimable(carol, NATIVE), PRICE * 4 / 5, "carol keeps 80 %");
        assertEq(licensing.claimable(bob, NATIVE), before, "not further yet");

        settle(child, bob, NATIVE);
        assertEq(licensing.claimable(bob, NATIVE), before + PRICE * 18 / 100, "20 % less 10 %");
        settle(base, alice, NATIVE);
        assertEq(licensing.claimable(alice, NATIVE), PRICE / 10 + PRICE * 2 / 100, "alice");
    }

    function test_settle_aBatch_passesOverWhatHasNothingToMove() public {
        buyAs(carol, child);
        RevenueAccount[] memory accounts = new RevenueAccount[](5);
        accounts[0] = RevenueAccount(base, alice, NATIVE); // nothing yet
        accounts[1] = RevenueAccount(99, alice, NATIVE); // no model
        accounts[2] = RevenueAccount(child, bob, NATIVE);
        accounts[3] = RevenueAccount(child, bob, NATIVE); // not twice
        accounts[4] = RevenueAccount(base, alice, NATIVE); // now there is something
        vm.prank(eve);
        uint256[] memory moved = licensing.settle(accounts);
        uint256[5] memory expected = [uint256(0), 0, PRICE, 0, PRICE / 10];
        for (uint256 i; i < 5; ++i) {
            assertEq(moved[i], expected[i], "moved");
        }

        vm.recordLogs();
        licensing.settle(accounts);
        assertEq(vm.getRecordedLogs().length, 0, "what has nothing to move says so");
    }

    function test_settle_revertsWhenTheBatchIsTooLong() public {
        licensing.settle(new RevenueAccount[](64));
        bytes memory wrong =
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_BatchTooLong.selector, 65);
        vm.expectRevert(wrong);
        licensing.settle(new RevenueAccount[](65));
        vm.expectRevert(wrong);
        licensing.settleAndClaim(new RevenueAccount[](65), NATIVE, bob);
    }

    function test_settle_roundsInFavourOfTheParents() public {
        pay(child, 1);
        assertEq(licensing.revenueOf(base, alice, NATIVE).earned, PRICE, "before");
        settle(child, bob, NATIVE);
        assertEq(licensing.revenueOf(base, alice, NATIVE).earned, PRICE + 1, "1 of 1 wei");
        assertEq(licensing.claimable(bob, NATIVE), 0, "nothing is left");

        // Not each time anew: 10 % of 10 wei is 1 wei, however often it is settled.
        for (uint256 i; i < 9; ++i) {
            pay(child, 1);
            settle(child, bob, NATIVE);
        }
        assertEq(licensing.revenueOf(base, alice, NATIVE).earned, PRICE + 1, "1 of 10 wei");
        assertEq(licensing.claimable(bob, NATIVE), 9, "9 of 10 wei");
    }

    function test_settle_keepsWhatCannotBeDividedBetweenTheParents() public {
        uint64 merge = merged();
        uint256 before = licensing.revenueOf(base, alice, NATIVE).earned;
        pay(merge, 1);
        vm.recordLogs();
        settle(merge, carol, NATIVE);
        assertEq(vm.getRecordedLogs().length, 1, "that it was settled, and nothing moved");
        assertEq(licensing.revenueOf(base, alice, NATIVE).earned, before, "half a wei each");
        assertEq(licensing.claimable(carol, NATIVE), 0, "which is not the owner's");
        pay(merge, 9);
        settle(merge, carol, NATIVE);
        assertEq(licensing.revenueOf(base, alice, NATIVE).earned, before + 1, "1 of 10 wei");
        assertEq(licensing.claimable(carol, NATIVE), 8, "8 of 10 wei");
    }

    /// @dev What is earned under the next owner does not add to it.
    function test_settle_keepsWhatCannotBeDividedOfASellersRevenueForGood() public {
        uint64 merge = merged();
        uint256 before = licensing.revenueOf(base, alice, NATIVE).earned;
        pay(merge, 1);
        settle(merge, carol, NATIVE);
        transfer(carol, bob, merge);
        uint256 bobs = licensing.claimable(bob, NATIVE);
        pay(merge, 5);
        settle(merge, bob, NATIVE);
        assertEq(settle(merge, carol, NATIVE), 0, "nothing more");
        assertEq(licensing.revenueOf(base, alice, NATIVE).earned, before, "of 2 rests of 1 wei");
        assertEq(licensing.claimable(bob, NATIVE), bobs + 4, "4 of 5 wei");
    }

    function test_settle_everythingToTheParents() public {
        uint64 model = offered(alice, "acme/all", remix(10_000));
        uint64 remixed = derived(bob, "bob/all", model);
        offerAs(bob, remixed, remix(0), fixedPrice(NATIVE, PRICE));
        buyAs(carol, remixed);
        settle(remixed, bob, NATIVE);
        assertEq(licensing.claimable(bob, NATIVE), 0, "nothing for the owner");
        assertEq(licensing.revenueOf(model, alice, NATIVE).earned, 2 * PRICE, "all");
    }

    function test_settle_nothingToTheParents() public {
        uint64 model = offered(alice, "acme/none", remix(0));
        uint64 remixed = derived(bob, "bob/none", model);
        offerAs(bob, remixed, remix(0), fixedPrice(NATIVE, PRICE));
        buyAs(carol, remixed);
        settle(remixed, bob, NATIVE);
        assertEq(licensing.claimable(bob, NATIVE), PRICE, "all for the owner");
        assertEq(licensing.revenueOf(model, alice, NATIVE).earned, PRICE, "what bob paid");
    }

    function test_revenue_earnedBeforeASaleIsTheSellers() public {
        buyAs(carol, child);
        transfer(bob, eve, child);
        vm.prank(eve);
        licensing.reprice(child, 1, fixedPrice(NATIVE, 2 * PRICE), 0);
        buyAs(carol, purchase(child, 1, NATIVE, carol), 2 * PRICE);
        settle(child, bob, NATIVE);
        settle(child, eve, NATIVE);
        assertEq(licensing.claimable(bob, NATIVE), PRICE * 9 / 10, "the seller's");
        assertEq(licensing.claimable(eve, NATIVE), PRICE * 18 / 10, "the new owner's");

        // A royalty is earned when it is settled.
        transfer(alice, carol, base);
        pay(child, 100);
        settle(child, eve, NATIVE);
        assertEq(licensing.revenueOf(base, carol, NATIVE).earned, 10, "the parent's new owner");
    }

    function test_pay() public {
        GoodToken coin = new GoodToken();
        coin.mint(eve, 100);
        vm.startPrank(eve);
        coin.approve(address(licensing), 100);
        vm.expectEmit(address(licensing));
        emit IModelLicensing.RevenuePaid(child, bob, address(coin), eve, 100);
        licensing.pay(child, address(coin), 100, noPermit());
        Revenue memory revenue = licensing.revenueOf(child, bob, address(coin));
        assertEq(revenue.earned, 100, "earned");
        assertEq(revenue.settled, 0, "not settled yet");
        settle(child, bob, address(coin));
        assertEq(licensing.revenueOf(base, alice, address(coin)).earned, 10, "the parent's");
        assertEq(licensing.revenueOf(child, bob, address(coin)).settled, 100, "settled");
    }

    function test_pay_revertsWhenTheModelWasNeverOffered() public {
        uint64 model = registerAs(alice, "acme/never");
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_NeverOffered.selector, model)
        );
        licensing.pay(model, NATIVE, 1, noPermit());
    }

    function test_pay_revertsWhenNothingIsPaid() public {
        vm.expectRevert(Payments.Payments_ZeroPrice.selector);
        licensing.pay(child, NATIVE, 0, noPermit());
    }

    function test_claim() public {
        buyAs(carol, child);
        settle(child, bob, NATIVE);
        vm.expectEmit(address(licensing));
        emit Payments.Claimed(bob, NATIVE, eve, PRICE * 9 / 10);
        vm.prank(bob);
        assertEq(licensing.claim(NATIVE, eve), PRICE * 9 / 10, "amount");
        assertEq(eve.balance, 100 ether + PRICE * 9 / 10, "paid");
        assertEq(licensing.claimable(bob, NATIVE), 0, "nothing is left");
        vm.expectRevert(
            abi.encodeWithSelector(Payments.Payments_NothingToClaim.selector, bob, NATIVE)
        );
        vm.prank(bob);
        licensing.claim(NATIVE, eve);
    }

    function test_claim_revertsForNobody() public {
        vm.expectRevert(Payments.Payments_ZeroRecipient.selector);
        licensing.claim(NATIVE, address(0));
    }

    function test_claim_revertsWhenTheRecipientDoesNotTakeIt() public {
        buyAs(carol, child);
        settle(child, bob, NATIVE);
        Reentrant recipient = new Reentrant();
        recipient.refuse();
        vm.expectRevert(
            abi.encodeWithSelector(Payments.Payments_NotTaken.selector, recipient, PRICE * 9 / 10)
        );
        vm.prank(bob);
        licensing.claim(NATIVE, address(recipient));
        assertEq(licensing.claimable(bob, NATIVE), PRICE * 9 / 10, "it is still there");
    }

    function test_settleAndClaim() public {
        buyAs(carol, child);
        RevenueAccount[] memory accounts = new RevenueAccount[](2);
        accounts[0] = RevenueAccount(child, bob, NATIVE);
        accounts[1] = RevenueAccount(base, alice, NATIVE);
        vm.prank(alice);
        assertEq(licensing.settleAndClaim(accounts, NATIVE, alice), PRICE / 10, "amount");
        vm.prank(bob);
        assertEq(
            licensing.settleAndClaim(new RevenueAccount[](0), NATIVE, bob), PRICE * 9 / 10, "bob"
        );
        assertEq(address(licensing).balance, 0, "everything has gone to whom it belongs");
    }

    /// @dev Carol's, made of two models, with a tenth for each.
    function merged() internal returns (uint64 merge) {
        merge = registerAs(carol, "carol/merge");
        uint256 first = buyAs(carol, base);
        deriveAs(carol, merge, under(first, buyAs(carol, offered(alice, "acme/b", remix(1000)))));
        offerAs(carol, merge, remix(0), fixedPrice(NATIVE, PRICE));
    }

    function pay(uint64 modelId, uint128 amount) internal {
        vm.prank(eve);
        licensing.pay{value: amount}(modelId, NATIVE, amount, noPermit());
    }
}
