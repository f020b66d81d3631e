// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IModelMarket} from "../../../contracts/interfaces/IModelMarket.sol";
import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Payments} from "../../../contracts/libraries/Payments.sol";
import {RevenueAccount} from "../../../contracts/types/License.sol";
import {Listing, Order} from "../../../contracts/types/Market.sol";
import {Price} from "../../../contracts/types/Payment.sol";
import {LicensingTest} from "../Licensing.t.sol";
import {PriceList} from "../mocks/Licensees.sol";
import {FeeToken, GoodToken} from "../mocks/Tokens.sol";

/// @notice Sale of models themselves.
contract ModelMarketTest is LicensingTest {
    uint64 internal constant END = START + 7 days;
    uint128 internal constant ONE = 1 ether;

    uint64 internal model;
    bytes32 internal seen;

    function setUp() public override {
        super.setUp();
        model = registerAs(alice, NAME);
        vm.prank(alice);
        nft.setApprovalForAll(address(market), true);
        look();
    }

    /*//////////////////////////////////////////////////////////////
                                LISTINGS
    //////////////////////////////////////////////////////////////*/

    function test_list() public {
        vm.expectEmit(address(market));
        emit IModelMarket.ModelListed(
            model, alice, fixedPrice(NATIVE, ONE), END, new RevenueAccount[](0)
        );
        list(alice, fixedPrice(NATIVE, ONE));
        assertEq(
            abi.encode(market.listingOf(model)),
            abi.encode(Listing(ONE, 0, END, NATIVE, address(0), 0)),
            "listing"
        );
        assertEq(market.quote(model, NATIVE), ONE, "quote");
        list(alice, pricedBy(carol));
        assertEq(
            abi.encode(market.listingOf(model)),
            abi.encode(Listing(0, 0, END, NATIVE, carol, 0)),
            "listed anew"
        );
    }

    function test_list_withAnApprovalOfTheTokenAlone() public {
        transfer(alice, bob, model);
        vm.prank(bob);
        nft.approve(address(market), model);
        list(bob, fixedPrice(NATIVE, ONE));
        assertEq(market.listingOf(model).transfers, 1, "transfers");
    }

    function test_list_reverts() public {
        expect(IModelMarket.ModelMarket_NotOwner.selector, abi.encode(model, bob));
        list(bob, fixedPrice(NATIVE, ONE));
        vm.expectRevert(Payments.Payments_ZeroPrice.selector);
        list(alice, fixedPrice(NATIVE, 0));
        vm.expectRevert(Payments.Payments_AmbiguousPrice.selector);
        list(alice, Price(NATIVE, carol, 1, false));
        expect(IModelMarket.ModelMarket_Free.selector, abi.encode(model));
        list(alice, free());
        expect(IModelMarket.ModelMarket_ExpiryPassed.selector, abi.encode(START));
        vm.prank(alice);
        market.list(model, fixedPrice(NATIVE, ONE), START, new RevenueAccount[](0));
        vm.prank(alice);
        nft.setApprovalForAll(address(market), false);
        expect(IModelMarket.ModelMarket_NotApproved.selector, abi.encode(model));
        list(alice, fixedPrice(NATIVE, ONE));
        expect(IModelMarket.ModelMarket_NotOwner.selector, abi.encode(99, alice));
        vm.prank(alice);
        market.list(99, fixedPrice(NATIVE, ONE), END, new RevenueAccount[](0));
    }

    function test_cancel() public {
        list(alice, fixedPrice(NATIVE, ONE));
        expect(IModelMarket.ModelMarket_NotOwner.selector, abi.encode(model, bob));
        vm.prank(bob);
        market.cancel(model);
        vm.expectEmit(address(market));
        emit IModelMarket.ListingCancelled(model, alice);
        vm.startPrank(alice);
        market.cancel(model);
        expectNotListed();
        market.cancel(model);
        vm.stopPrank();
        expectNotListed();
        buy(ONE);
    }

    function test_listings_dieWithATransfer() public {
        list(alice, fixedPrice(NATIVE, ONE));
        transfer(alice, bob, model);
        expectNotListed();
        buy(ONE);
        expectNotListed();
        market.quote(model, NATIVE);
        expectNotListed();
        market.listingOf(model);

        // Also when the model comes back.
        transfer(bob, alice, model);
        expectNotListed();
        buy(ONE);
    }

    function test_listings_end() public {
        list(alice, fixedPrice(NATIVE, ONE));
        vm.warp(END);
        expect(IModelMarket.ModelMarket_ListingExpired.selector, abi.encode(model, END));
        buy(ONE);
        expect(IModelMarket.ModelMarket_ListingExpired.selector, abi.encode(model, END));
        market.quote(model, NATIVE);
        vm.warp(END + 1 days);
        expect(IModelMarket.ModelMarket_ListingExpired.selector, abi.encode(model, END));
        buy(ONE);
        vm.warp(END - 1);
        buy(ONE);
    }

    /*//////////////////////////////////////////////////////////////
                          WHAT THE BUYER LOOKED AT
    //////////////////////////////////////////////////////////////*/

    function test_stateOf() public {
        uint64 parentId = offered(carol, "carol/base", remix(1000));
        assertState(address(0), 0, 0, 1);
        vm.prank(alice);
        nft.setRoyalty(model, carol, 2500);
        assertState(carol, 2500, 0, 1);
        deriveAs(alice, model, under(buyAs(alice, parentId)));
        assertEq(licensing.parentsOf(model).length, 1, "a parent");
        assertState(carol, 2500, 0, 1);
        offerAs(alice, model, remix(1000), free());
        assertState(carol, 2500, 1, 1);
        publishAs(alice, model);
        assertState(carol, 2500, 1, 2);
    }

    function test_stateOf_revertsForAnUnknownModel() public {
        expect(IModelRegistry.ModelRegistry_UnknownModel.selector, abi.encode(99));
        market.stateOf(99);
    }

    /// @dev Else all that the model will ever earn would be the seller's.
    function test_buy_revertsWhenItWasMadeADerivative() public {
        uint64 trap = registerAs(alice, "trap");
        offerAs(alice, trap, remix(10_000), free());
        uint256 licenseId = buyAs(alice, purchase(trap, 1, NATIVE, alice), 0);
        list(alice, fixedPrice(NATIVE, ONE));
        deriveAs(alice, model, under(licenseId));
        expectChanged();
    }

    /// @dev Else the buyer could make it no derivative, and after 64 of them no offer.
    function test_buy_revertsWhenItWasOffered() public {
        list(alice, fixedPrice(NATIVE, ONE));
        offerAs(alice, model, remix(0), free());
        expectChanged();
    }

    /// @dev Else part of every later sale would be the seller's: this sale's transfer freezes it.
    function test_buy_revertsWhenItsRoyaltyChanged() public {
        list(alice, fixedPrice(NATIVE, ONE));
        vm.prank(alice);
        nft.setRoyalty(model, alice, 2500);
        expectChanged();
        look();
        vm.prank(alice);
        nft.setRoyalty(model, eve, 2500);
        expectChanged();
    }

    function test_buy_revertsWhenThereIsANewVersion() public {
        list(alice, fixedPrice(NATIVE, ONE));
        publishAs(alice, model);
        expectChanged();
    }

    function test_buy_revertsUnderNoState() public {
        list(alice, fixedPrice(NATIVE, ONE));
        seen = bytes32(0);
        expectChanged();
    }

    function assertState(address receiver, uint256 bps, uint32 offers, uint32 versions)
        internal
        view
    {
        assertEq(
            market.stateOf(model),
            keccak256(abi.encode(receiver, bps, licensing.parentsOf(model), offers, versions)),
            "state"
        );
    }

    /// @dev What was seen is refused; whoever looks again can buy.
    function expectChanged() internal {
        bytes32 found = market.stateOf(model);
        expect(IModelMarket.ModelMarket_StateChanged.selector, abi.encode(model, seen, found));
        buy(ONE);
        uint256 before = vm.snapshotState();
        seen = found;
        buy(ONE);
        assertEq(nft.ownerOf(model), bob, "owner");
        vm.revertToState(before);
    }

    /*//////////////////////////////////////////////////////////////
                                  SALE
    //////////////////////////////////////////////////////////////*/

    function test_buy() public {
        list(alice, fixedPrice(NATIVE, ONE));
        vm.expectEmit(address(market));
        emit IModelMarket.ModelSold(model, alice, carol, NATIVE, ONE, address(0), 0);
        Order memory order = ordered(NATIVE, ONE, START, carol);
        buy(order, 3 ether);
        assertEq(nft.ownerOf(model), carol, "owner");
        assertEq(bob.balance, 99 ether, "the rest comes back");
        assertEq(market.claimable(alice, NATIVE), ONE, "the seller's");
        vm.expectEmit(address(market));
        emit Payments.Claimed(alice, NATIVE, eve, ONE);
        vm.prank(alice);
        assertEq(market.claim(NATIVE, eve), ONE, "claimed");
        assertEq(eve.balance, 101 ether, "paid");
        assertEq(address(market).balance, 0, "nothing is left");
        expectNotListed();
        buy(ONE);
    }

    function testFuzz_buy_honoursTheRoyalty(uint128 amount, uint16 bps) public {
        amount = uint128(bound(amount, 1, 50 ether));
        bps = uint16(bound(bps, 0, 2500));
        vm.prank(alice);
        nft.setRoyalty(model, carol, bps);
        list(alice, fixedPrice(NATIVE, amount));
        look();
        vm.deal(bob, amount);
        buy(ordered(NATIVE, amount, START, bob), amount);
        uint256 royalty = uint256(amount) * bps / 10_000;
        if (royalty * 10_000 != uint256(amount) * bps) ++royalty;
        assertEq(market.claimable(carol, NATIVE), royalty, "rounded up");
        assertEq(market.claimable(alice, NATIVE), amount - royalty, "the rest");
        assertEq(address(market).balance, amount, "money in is money owed");
    }

    function test_buy_withAToken() public {
        GoodToken coin = new GoodToken();
        coin.mint(bob, 100);
        vm.prank(bob);
        coin.approve(address(market), 100);
        list(alice, fixedPrice(address(coin), 100));
        buy(ordered(address(coin), 100, START, bob), 0);
        vm.prank(alice);
        market.claim(address(coin), alice);
        assertEq(coin.balanceOf(alice), 100, "paid");
    }

    function test_buy_atAPriceThatIsAskedFor() public {
        PriceList prices = new PriceList();
        prices.set(model, 0, NATIVE, 5);
        list(alice, pricedBy(address(prices)));
        assertEq(market.quote(model, NATIVE), 5, "quote");
        expect(PriceList.PriceList_NoEntry.selector, "");
        buy(ordered(carol, 5, START, bob), 0);
        prices.set(model, 0, NATIVE, 6);
        expect(Payments.Payments_AboveMaxPay.selector, abi.encode(6, 5));
        buy(ordered(NATIVE, 5, START, bob), 6);
        buy(ordered(NATIVE, 6, START, bob), 6);
        assertEq(nft.ownerOf(model), bob, "owner");
    }

    function test_buy_reverts() public {
        list(alice, fixedPrice(NATIVE, ONE));
        expect(Payments.Payments_Underpaid.selector, abi.encode(ONE, ONE - 1));
        buy(ONE - 1);
        expect(Payments.Payments_WrongAsset.selector, abi.encode(carol, NATIVE));
        buy(ordered(carol, ONE, START, bob), 0);
        expect(Payments.Payments_AboveMaxPay.selector, abi.encode(ONE, ONE - 1));
        buy(ordered(NATIVE, ONE - 1, START, bob), ONE);
        expect(Payments.Payments_DeadlinePassed.selector, abi.encode(START - 1));
        buy(ordered(NATIVE, ONE, START - 1, bob), ONE);
        expect(Payments.Payments_ZeroRecipient.selector, "");
        buy(ordered(NATIVE, ONE, START, address(0)), ONE);
        vm.prank(alice);
        nft.setApprovalForAll(address(market), false);
        expect(
            IERC721Errors.ERC721InsufficientApproval.selector, abi.encode(address(market), model)
        );
        buy(ONE);
        expect(IModelMarket.ModelMarket_NotApproved.selector, abi.encode(model));
        market.quote(model, NATIVE);
        assertEq(nft.ownerOf(model), alice, "nothing moved");
        assertEq(bob.balance, 100 ether, "nothing moved");
    }

    function test_buy_revertsWhenThePriceChangesInFlight() public {
        list(alice, fixedPrice(NATIVE, ONE));
        list(alice, fixedPrice(NATIVE, 2 * ONE));
        expect(Payments.Payments_AboveMaxPay.selector, abi.encode(2 * ONE, ONE));
        buy(ordered(NATIVE, ONE, START, bob), 2 * ONE);
    }

    function test_buy_revertsWhenTheTokenTakesAFee() public {
        FeeToken coin = new FeeToken();
        coin.mint(bob, 100);
        vm.prank(bob);
        coin.approve(address(market), 100);
        list(alice, fixedPrice(address(coin), 100));
        expect(Payments.Payments_WrongAmountReceived.selector, abi.encode(coin, 100, 99));
        buy(ordered(address(coin), 100, START, bob), 0);
    }

    function test_buy_settlesFirst() public {
        offerAs(alice, model, remix(1000), fixedPrice(NATIVE, PRICE));
        uint64 child = derived(carol, "carol/child", model);
        offerAs(carol, child, remix(0), fixedPrice(NATIVE, PRICE));
        buyAs(eve, child);
        list(alice, fixedPrice(NATIVE, ONE));
        look();
        Order memory order = ordered(NATIVE, ONE, START, bob);
        vm.prank(bob);
        market.buy{value: ONE}(order, noPermit(), account(child, carol, NATIVE));

        assertEq(licensing.revenueOf(model, alice, NATIVE).earned, PRICE + PRICE / 10, "seller");
        assertEq(licensing.revenueOf(model, bob, NATIVE).earned, 0, "buyer");
        buyAs(eve, child);
        settle(child, carol, NATIVE);
        assertEq(licensing.revenueOf(model, bob, NATIVE).earned, PRICE / 10, "from now on");
    }

    /// @dev A buyer who calls the contract itself cannot leave to settle what the seller named, nor
    /// settle it in an order that leaves something behind: two generations, all of it the seller's.
    function test_buy_cannotSkipWhatTheSellerNamed() public {
        RevenueAccount[] memory named = family();
        vm.expectEmit(address(market));
        emit IModelMarket.ModelListed(model, alice, fixedPrice(NATIVE, ONE), END, named);
        vm.prank(alice);
        market.list(model, fixedPrice(NATIVE, ONE), END, named);
        assertEq(market.listingOf(model).settleCount, 2, "count");

        RevenueAccount[] memory wrong = new RevenueAccount[](0);
        expectNotSettled(wrong);
        expectNotSettled(account(named[0].modelId, named[0].owner, NATIVE));
        wrong = new RevenueAccount[](2);
        (wrong[0], wrong[1]) = (named[1], named[0]);
        expectNotSettled(wrong);
        wrong = new RevenueAccount[](3);
        (wrong[1], wrong[2]) = (named[0], named[1]);
        expectNotSettled(wrong);

        // More may follow.
        (wrong[0], wrong[1]) = (named[0], named[1]);
        wrong[2] = RevenueAccount(model, alice, NATIVE);
        vm.prank(bob);
        market.buy{value: ONE}(ordered(NATIVE, ONE, START, bob), noPermit(), wrong);

        // 100, and a tenth of the 100 and 10 that its derivative earned; nothing for the buyer.
        assertEq(licensing.claimable(alice, NATIVE), PRICE + PRICE / 10 + PRICE / 100, "seller");
        licensing.settle(named);
        assertEq(licensing.revenueOf(model, bob, NATIVE).earned, 0, "buyer");
    }

    /// @dev What is not named, and nobody settled, is earned when it is settled: by the next owner.
    function test_buy_leavesToTheBuyerWhatNobodySettled() public {
        RevenueAccount[] memory named = family();
        list(alice, fixedPrice(NATIVE, ONE));
        buy(ONE);
        licensing.settle(named);
        assertEq(licensing.revenueOf(model, alice, NATIVE).earned, PRICE, "its own revenue");
        assertEq(
            licensing.revenueOf(model, bob, NATIVE).earned, PRICE / 10 + PRICE / 100, "royalties"
        );
    }

    function test_list_revertsWhenTooMuchIsNamed() public {
        expect(IModelMarket.ModelMarket_TooManyAccounts.selector, abi.encode(33, 32));
        vm.prank(alice);
        market.list(model, fixedPrice(NATIVE, ONE), END, new RevenueAccount[](33));
        vm.prank(alice);
        market.list(model, fixedPrice(NATIVE, ONE), END, new RevenueAccount[](32));
    }

    /// @dev The model, a derivative and one of that; each earned once. Youngest first.
    function family() internal returns (RevenueAccount[] memory accounts) {
        offerAs(alice, model, remix(1000), fixedPrice(NATIVE, PRICE));
        uint64 child = derived(carol, "carol/child", model);
        offerAs(carol, child, remix(1000), fixedPrice(NATIVE, PRICE));
        uint64 grandchild = derived(eve, "eve/grandchild", child);
        offerAs(eve, grandchild, remix(1000), fixedPrice(NATIVE, PRICE));
        buyAs(bob, grandchild);
        accounts = new RevenueAccount[](2);
        accounts[0] = RevenueAccount(grandchild, eve, NATIVE);
        accounts[1] = RevenueAccount(child, carol, NATIVE);
        look();
    }

    function expectNotSettled(RevenueAccount[] memory settleFirst) internal {
        expect(IModelMarket.ModelMarket_NotSettled.selector, abi.encode(model, 2));
        vm.prank(bob);
        market.buy{value: ONE}(ordered(NATIVE, ONE, START, bob), noPermit(), settleFirst);
    }

    function test_claim_reverts() public {
        expect(Payments.Payments_NothingToClaim.selector, abi.encode(alice, NATIVE));
        vm.prank(alice);
        market.claim(NATIVE, alice);
    }

    function test_constants() public view {
        assertEq(market.version(), "1.0.0", "version");
        assertEq(market.MAX_SETTLED(), 32, "MAX_SETTLED");
        assertEq(address(market.nft()), address(nft), "nft");
        assertEq(address(market.licensing()), address(licensing), "licensing");
    }

    /// @dev What a buyer does before it orders; not in the order itself, which is often one to revert.
    function look() internal {
        seen = market.stateOf(model);
    }

    function ordered(address asset, uint256 maxPay, uint256 deadline, address recipient)
        internal
        view
        returns (Order memory)
    {
        return Order(model, asset, maxPay, deadline, recipient, seen);
    }

    function list(address who, Price memory price) internal {
        vm.prank(who);
        market.list(model, price, END, new RevenueAccount[](0));
    }

    function buy(uint256 value) internal {
        buy(ordered(NATIVE, ONE, block.timestamp, bob), value);
    }

    function buy(Order memory order, uint256 value) internal {
        vm.prank(bob);
        market.buy{value: value}(order, noPermit(), new RevenueAccount[](0));
    }

    function expect(bytes4 selector, bytes memory arguments) internal {
        vm.expectRevert(abi.encodePacked(selector, arguments));
    }

    function expectNotListed() internal {
        expect(IModelMarket.ModelMarket_NotListed.selector, abi.encode(model));
    }
}
