// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20Errors, IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {SafeCast} from "@openzeppelin/contracts/utils/math/SafeCast.sol";

import {ILicenseToken} from "../../../contracts/interfaces/ILicenseToken.sol";
import {IModelLicensing} from "../../../contracts/interfaces/IModelLicensing.sol";
import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Payments} from "../../../contracts/libraries/Payments.sol";
import {Purchase, Right, Terms} from "../../../contracts/types/License.sol";
import {Permit} from "../../../contracts/types/Payment.sol";
import {LicensingTest} from "../Licensing.t.sol";
import {ListChecker, PriceList, Reentrant} from "../mocks/Licensees.sol";
import {FeeToken, GoodToken, LyingToken, RefusingToken, SilentToken} from "../mocks/Tokens.sol";

/// @notice Buying licences, and what a licence says about its holder.
contract ModelLicensingBuyTest is LicensingTest {
    uint64 internal model;

    function setUp() public override {
        super.setUp();
        model = offered(alice, NAME, remix(1000));
    }

    /*//////////////////////////////////////////////////////////////
                              NATIVE COIN
    //////////////////////////////////////////////////////////////*/

    function test_buy() public {
        Purchase memory order = purchase(model, 1, NATIVE, carol);
        order.quantity = 3;
        order.maxPay = 3 * PRICE;
        vm.expectEmit(address(licensing));
        emit IModelLicensing.LicensesSold(
            model, carol, bob, license(model, 1, 1), 3, NATIVE, 3 * PRICE, alice
        );
        assertEq(buyAs(bob, order, 3 * PRICE), license(model, 1, 1), "id");
        assertEq(bob.balance, 100 ether - 3 * PRICE, "paid");
        assertEq(address(licensing).balance, 3 * PRICE, "kept");
        assertEq(licensing.revenueOf(model, alice, NATIVE).earned, 3 * PRICE, "revenue");
        assertEq(licensing.offerOf(model, 1).sold, 3, "sold");
        assertTrue(licensing.entitled(carol, model, Right.Serve), "the recipient is entitled");
        assertFalse(licensing.entitled(bob, model, Right.Serve), "the buyer is not");
        assertEq(licensing.quote(model, 1, NATIVE), PRICE, "quote");
    }

    function testFuzz_buy_whatIsTooMuchComesBack(uint256 value) public {
        value = bound(value, PRICE, 100 ether);
        buyAs(bob, purchase(model, 1, NATIVE, bob), value);
        assertEq(bob.balance, 100 ether - PRICE, "to the wei");
        assertEq(address(licensing).balance, PRICE, "to the wei");
    }

    function testFuzz_buy_revertsWhenUnderpaid(uint256 value) public {
        value = bound(value, 0, PRICE - 1);
        vm.expectRevert(abi.encodeWithSelector(Payments.Payments_Underpaid.selector, PRICE, value));
        buyAs(bob, purchase(model, 1, NATIVE, bob), value);
        assertEq(licences.balanceOf(bob), 0, "nothing happened");
    }

    function test_buy_revertsWhenTheRefundIsNotTaken() public {
        Reentrant buyer = new Reentrant();
        vm.deal(address(buyer), 1 ether);
        buyer.refuse();
        Purchase memory order = purchase(model, 1, NATIVE, bob);
        bytes memory call = abi.encodeCall(licensing.buy, (order, noPermit()));
        vm.expectRevert(
            abi.encodeWithSelector(Payments.Payments_NotTaken.selector, buyer, 1 ether - PRICE)
        );
        buyer.run(address(licensing), 1 ether, call);
        buyer.run(address(licensing), PRICE, call);
        assertEq(licences.balanceOf(bob), 1, "what is exact is not refunded");
    }

    function test_buy_revertsAboveMaxPay() public {
        Purchase memory order = purchase(model, 1, NATIVE, bob);
        (order.quantity, order.maxPay) = (2, 2 * PRICE - 1);
        vm.expectRevert(
            abi.encodeWithSelector(Payments.Payments_AboveMaxPay.selector, 2 * PRICE, 2 * PRICE - 1)
        );
        buyAs(bob, order, 1 ether);
    }

    function test_buy_revertsWhenThePriceChangesInFlight() public {
        Purchase memory order = purchase(model, 1, NATIVE, bob);
        order.maxPay = licensing.quote(model, 1, NATIVE);
        vm.prank(alice);
        licensing.reprice(model, 1, fixedPrice(NATIVE, PRICE + 1), 0);
        vm.expectRevert(
            abi.encodeWithSelector(Payments.Payments_AboveMaxPay.selector, PRICE + 1, PRICE)
        );
        buyAs(bob, order, 1 ether);

        vm.prank(alice);
        licensing.reprice(model, 1, fixedPrice(carol, PRICE), 0);
        vm.expectRevert(
            abi.encodeWithSelector(Payments.Payments_WrongAsset.selector, NATIVE, carol)
        );
        buyAs(bob, order, 1 ether);
    }

    function test_buy_revertsAfterItsDeadline() public {
        Purchase memory order = purchase(model, 1, NATIVE, bob);
        vm.warp(START + 1);
        vm.expectRevert(abi.encodeWithSelector(Payments.Payments_DeadlinePassed.selector, START));
        buyAs(bob, order, PRICE);
    }

    function test_buy_revertsWhenTheQuantityIsWrong() public {
        uint32[3] memory wrong = [0, 33, type(uint32).max];
        for (uint256 i; i < 3; ++i) {
            Purchase memory order = purchase(model, 1, NATIVE, bob);
            order.quantity = wrong[i];
            vm.expectRevert(
                abi.encodeWithSelector(
                    IModelLicensing.ModelLicensing_BadQuantity.selector, wrong[i]
                )
            );
            buyAs(bob, order, 1 ether);
        }
    }

    function test_buy_revertsWhenSoldOut() public {
        vm.prank(alice);
        licensing.reprice(model, 1, fixedPrice(NATIVE, PRICE), 3);
        buyAs(bob, model);
        Purchase memory order = purchase(model, 1, NATIVE, bob);
        order.quantity = 3;
        expectSoldOut(2);
        buyAs(bob, order, 1 ether);
        order.quantity = 2;
        assertEq(licensing.quote(model, 1, NATIVE), PRICE, "there is one");
        buyAs(bob, order, 1 ether);
        expectSoldOut(0);
        buyAs(bob, model);
        expectSoldOut(0);
        licensing.quote(model, 1, NATIVE);

        // A supply below what was sold sells nothing, and one above it goes on.
        vm.prank(alice);
        licensing.reprice(model, 1, fixedPrice(NATIVE, PRICE), 1);
        expectSoldOut(0);
        buyAs(bob, model);
        vm.prank(alice);
        licensing.reprice(model, 1, fixedPrice(NATIVE, PRICE), 4);
        assertEq(buyAs(bob, model), license(model, 1, 4), "the next serial number");
    }

    function test_buy_revertsForNobody() public {
        vm.expectRevert(Payments.Payments_ZeroRecipient.selector);
        buyAs(bob, purchase(model, 1, NATIVE, address(0)), PRICE);
    }

    function test_buy_free() public {
        offerAs(alice, model, remix(0), free());
        vm.expectRevert(
            abi.encodeWithSelector(Payments.Payments_WrongAsset.selector, carol, NATIVE)
        );
        buyAs(bob, purchase(model, 2, carol, bob), 0);
        Purchase memory order = purchase(model, 2, NATIVE, bob);
        order.maxPay = 0;
        buyAs(bob, order, 1 ether);
        assertEq(bob.balance, 100 ether, "everything comes back");
        assertTrue(licensing.entitled(bob, model, Right.Finetune), "entitled");
        assertEq(licensing.revenueOf(model, alice, NATIVE).earned, 0, "no revenue");
    }

    function test_buy_sellsForTheOwnerOfToday() public {
        buyAs(bob, model);
        transfer(alice, carol, model);
        vm.prank(carol);
        licensing.reprice(model, 1, fixedPrice(NATIVE, 2 * PRICE), 0);
        buyAs(bob, purchase(model, 1, NATIVE, bob), 2 * PRICE);
        assertEq(licensing.revenueOf(model, alice, NATIVE).earned, PRICE, "the seller's");
        assertEq(licensing.revenueOf(model, carol, NATIVE).earned, 2 * PRICE, "the new owner's");
    }

    /*//////////////////////////////////////////////////////////////
                                CHECKER
    //////////////////////////////////////////////////////////////*/

    function test_buy_askingAChecker() public {
        Terms memory terms = remix(0);
        (terms.checker, terms.transferable) = (address(new ListChecker()), false);
        terms.checkerData = abi.encode(bob, model);
        offerAs(alice, model, terms, free());
        Purchase memory order = purchase(model, 2, NATIVE, bob);
        uint256 id = buyAs(eve, order, 0);
        vm.expectRevert(abi.encodeWithSelector(ILicenseToken.LicenseToken_Locked.selector, id));
        vm.prank(bob);
        licences.transferFrom(bob, carol, id);
        order.encryptionKey = keccak256("eve's public key");
        expectNotRecipient(bob, eve); // nor is the content opened to her, who is not eligible
        buyAs(eve, order, 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelLicensing.ModelLicensing_NotEligible.selector,
                carol,
                licensing.registerTerms(terms)
            )
        );
        buyAs(bob, purchase(model, 2, NATIVE, carol), 0);
    }

    /*//////////////////////////////////////////////////////////////
                                PRICING
    //////////////////////////////////////////////////////////////*/

    function test_buy_atAPriceThatIsAskedFor() public {
        PriceList list = new PriceList();
        Terms memory terms = remix(0);
        bytes32 termsId = licensing.registerTerms(terms);
        offerAs(alice, model, terms, pricedBy(address(list)));
        GoodToken coin = newCoin();
        list.set(model, termsId, address(coin), 500);
        list.set(model, termsId, NATIVE, 7);

        assertEq(licensing.quote(model, 2, address(coin)), 500, "quote");
        Purchase memory order = purchase(model, 2, address(coin), bob);
        order.quantity = 2;
        buyAs(bob, order, 0);
        assertEq(coin.balanceOf(address(licensing)), 1000, "in one asset");
        buyAs(bob, purchase(model, 2, NATIVE, bob), 7);
        assertEq(address(licensing).balance, 7, "in another");

        vm.expectRevert(PriceList.PriceList_NoEntry.selector);
        buyAs(bob, purchase(model, 2, carol, bob), 0);
        list.set(model, termsId, NATIVE, 0);
        vm.expectRevert(Payments.Payments_ZeroPrice.selector);
        buyAs(bob, purchase(model, 2, NATIVE, bob), 7);
        list.set(model, termsId, NATIVE, type(uint256).max);
        vm.expectRevert(
            abi.encodeWithSelector(
                Payments.Payments_AboveMaxPay.selector, type(uint256).max, 1 ether
            )
        );
        order = purchase(model, 2, NATIVE, bob);
        order.maxPay = 1 ether;
        buyAs(bob, order, 1 ether);
    }

    function test_buy_neverBelowTheLowestPriceOfTheTerms() public {
        PriceList list = new PriceList();
        Terms memory terms = remix(0);
        (terms.minPrice, terms.currency) = (100, NATIVE);
        bytes32 termsId = licensing.registerTerms(terms);
        offerAs(alice, model, terms, pricedBy(address(list)));
        list.set(model, termsId, NATIVE, 99);
        list.set(model, termsId, carol, 1000);
        bytes memory tooLow =
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_BelowMinPrice.selector, 99, 100);
        vm.expectRevert(tooLow);
        licensing.quote(model, 2, NATIVE);
        vm.expectRevert(tooLow);
        buyAs(bob, purchase(model, 2, NATIVE, bob), 1 ether);
        vm.expectRevert(
            abi.encodeWithSelector(Payments.Payments_WrongAsset.selector, carol, NATIVE)
        );
        buyAs(bob, purchase(model, 2, carol, bob), 0);
        list.set(model, termsId, NATIVE, 100);
        buyAs(bob, purchase(model, 2, NATIVE, bob), 100);
    }

    function test_buy_revertsWhenThereIsMoreThanCanBeCounted() public {
        PriceList list = new PriceList();
        offerAs(alice, model, remix(0), pricedBy(address(list)));
        uint256 amount = uint256(type(uint128).max) + 1;
        GoodToken coin = newCoin();
        list.set(model, licensing.registerTerms(remix(0)), address(coin), amount);
        vm.expectRevert(
            abi.encodeWithSelector(SafeCast.SafeCastOverflowedUintDowncast.selector, 128, amount)
        );
        buyAs(bob, purchase(model, 2, address(coin), bob), 0);
    }

    /*//////////////////////////////////////////////////////////////
                                 TOKENS
    //////////////////////////////////////////////////////////////*/

    function test_buy_withAToken() public {
        GoodToken coin = newCoin();
        offerAs(alice, model, remix(0), fixedPrice(address(coin), 500));
        buyAs(bob, purchase(model, 2, address(coin), bob), 0);
        assertEq(coin.balanceOf(address(licensing)), 500, "taken");
        assertEq(licensing.revenueOf(model, alice, address(coin)).earned, 500, "revenue");
    }

    function test_buy_withATokenThatReturnsNothing() public {
        SilentToken coin = new SilentToken();
        coin.mint(bob, 500);
        vm.prank(bob);
        coin.approve(address(licensing), 500);
        offerAs(alice, model, remix(0), fixedPrice(address(coin), 500));
        buyAs(bob, purchase(model, 2, address(coin), bob), 0);
        settle(model, alice, address(coin));
        vm.prank(alice);
        licensing.claim(address(coin), carol);
        assertEq(coin.balanceOf(carol), 500, "in and out");
    }

    function test_buy_revertsWhenValueComesWithAToken() public {
        GoodToken coin = newCoin();
        offerAs(alice, model, remix(0), fixedPrice(address(coin), 500));
        vm.expectRevert(abi.encodeWithSelector(Payments.Payments_UnexpectedValue.selector, 1));
        buyAs(bob, purchase(model, 2, address(coin), bob), 1);
    }

    function test_buy_revertsWhenThereIsNoToken() public {
        offerAs(alice, model, remix(0), fixedPrice(eve, 500));
        vm.expectRevert(abi.encodeWithSelector(Payments.Payments_NotAToken.selector, eve));
        buyAs(bob, purchase(model, 2, eve, bob), 0);
    }

    function test_buy_revertsWhenTheTokenTakesAFee() public {
        FeeToken coin = new FeeToken();
        coin.mint(bob, 1000);
        vm.prank(bob);
        coin.approve(address(licensing), 1000);
        offerAs(alice, model, remix(0), fixedPrice(address(coin), 500));
        vm.expectRevert(
            abi.encodeWithSelector(Payments.Payments_WrongAmountReceived.selector, coin, 500, 495)
        );
        buyAs(bob, purchase(model, 2, address(coin), bob), 0);
    }

    function test_buy_revertsWhenTheTokenLies() public {
        LyingToken coin = new LyingToken();
        coin.mint(address(licensing), 1000);
        offerAs(alice, model, remix(0), fixedPrice(address(coin), 500));
        int256[4] memory moves = [int256(0), 499, 501, -100];
        for (uint256 i; i < 4; ++i) {
            coin.moveInstead(moves[i]);
            uint256 received = moves[i] > 0 ? uint256(moves[i]) : 0;
            vm.expectRevert(
                abi.encodeWithSelector(
                    Payments.Payments_WrongAmountReceived.selector, coin, 500, received
                )
            );
            buyAs(bob, purchase(model, 2, address(coin), bob), 0);
        }
        coin.moveInstead(500);
        buyAs(bob, purchase(model, 2, address(coin), bob), 0);
    }

    function test_buy_revertsWhenTheTokenRefuses() public {
        RefusingToken coin = new RefusingToken();
        offerAs(alice, model, remix(0), fixedPrice(address(coin), 500));
        vm.expectRevert(abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, coin));
        buyAs(bob, purchase(model, 2, address(coin), bob), 0);
    }

    /*//////////////////////////////////////////////////////////////
                                PERMIT
    //////////////////////////////////////////////////////////////*/

    function test_buy_withAPermit() public {
        (address signer, uint256 key) = makeAddrAndKey("signer");
        GoodToken coin = new GoodToken();
        coin.mint(signer, 500);
        offerAs(alice, model, remix(0), fixedPrice(address(coin), 500));
        Permit memory permit = sign(coin, signer, key, 500);
        vm.prank(signer);
        licensing.buy(purchase(model, 2, address(coin), signer), permit);
        assertTrue(licensing.entitled(signer, model, Right.Use), "one transaction");
    }

    function test_buy_withAPermitThatSomebodySentBefore() public {
        (address signer, uint256 key) = makeAddrAndKey("signer");
        GoodToken coin = new GoodToken();
        coin.mint(signer, 500);
        offerAs(alice, model, remix(0), fixedPrice(address(coin), 500));
        Permit memory permit = sign(coin, signer, key, 500);
        vm.prank(eve);
        coin.permit(
            signer, address(licensing), permit.value, permit.deadline, permit.v, permit.r, permit.s
        );
        vm.prank(signer);
        licensing.buy(purchase(model, 2, address(coin), signer), permit);
        assertTrue(licensing.entitled(signer, model, Right.Use), "the allowance is there");
    }

    function test_buy_revertsWhenThePermitIsNotTheBuyers() public {
        (address signer, uint256 key) = makeAddrAndKey("signer");
        GoodToken coin = new GoodToken();
        coin.mint(signer, 500);
        offerAs(alice, model, remix(0), fixedPrice(address(coin), 500));
        Permit memory permit = sign(coin, signer, key, 500);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, licensing, 0, 500
            )
        );
        vm.prank(eve);
        licensing.buy(purchase(model, 2, address(coin), eve), permit);
    }

    /*//////////////////////////////////////////////////////////////
                              ENTITLEMENT
    //////////////////////////////////////////////////////////////*/

    function test_entitled_byRight() public {
        for (uint8 r; r <= uint8(type(Right).max); ++r) {
            Terms memory terms = remix(0);
            terms.rights = uint16(1) << r;
            uint32 number = offerAs(alice, model, terms, free());
            address holder = makeAddr(vm.toString(r));
            buyAs(bob, purchase(model, number, NATIVE, holder), 0);
            for (uint8 other; other <= uint8(type(Right).max); ++other) {
                assertEq(licensing.entitled(holder, model, Right(other)), other == r, "right");
            }
        }
    }

    function test_entitled_theOwner() public {
        assertTrue(licensing.entitled(alice, model, Right.Distil), "the owner");
        assertFalse(licensing.entitled(bob, model, Right.Distil), "somebody else");
        assertFalse(licensing.entitled(alice, 99, Right.Distil), "no model");
        assertFalse(licensing.entitled(address(0), 99, Right.Distil), "nobody, no model");
        transfer(alice, bob, model);
        assertFalse(licensing.entitled(alice, model, Right.Distil), "no longer");
        assertTrue(licensing.entitled(bob, model, Right.Distil), "the new owner");
    }

    function test_entitled_ofThatModelOnly() public {
        uint64 other = offered(alice, "acme/other", remix(0));
        buyAs(bob, model);
        assertFalse(licensing.entitled(bob, other, Right.Use), "another model");
    }

    /*//////////////////////////////////////////////////////////////
                                 KEYS
    //////////////////////////////////////////////////////////////*/

    function test_keys_withThePurchase() public {
        Purchase memory order = purchase(model, 1, NATIVE, carol);
        order.encryptionKey = keccak256("carol's public key");
        vm.expectEmit(address(licensing));
        emit IModelLicensing.KeyRequested(license(model, 1, 1), carol, order.encryptionKey);
        buyAs(carol, order, PRICE);
    }

    /// @dev Whoever buys for somebody else cannot choose the key that is sent to the holder.
    function test_keys_withThePurchase_revertsForSomebodyElse() public {
        Purchase memory order = purchase(model, 1, NATIVE, carol);
        order.encryptionKey = keccak256("eve's public key");
        expectNotRecipient(carol, eve);
        buyAs(eve, order, PRICE);
        order.encryptionKey = 0;
        uint256 id = buyAs(eve, order, PRICE);

        bytes32 key = keccak256("carol's public key");
        vm.expectEmit(address(licensing));
        emit IModelLicensing.KeyRequested(id, carol, key);
        vm.prank(carol);
        licensing.requestKey(id, key);
    }

    function test_requestKey() public {
        uint256 id = buyAs(bob, model);
        bytes32 key = keccak256("bob's public key");
        vm.expectEmit(address(licensing));
        emit IModelLicensing.KeyRequested(id, bob, key);
        vm.prank(bob);
        licensing.requestKey(id, key);
        vm.expectRevert(IModelLicensing.ModelLicensing_BadKey.selector);
        vm.prank(bob);
        licensing.requestKey(id, 0);
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_NotHolder.selector, id, eve)
        );
        vm.prank(eve);
        licensing.requestKey(id, key);
    }

    function test_deliverEnvelope() public {
        uint256 id = buyAs(bob, model);
        vm.prank(alice);
        registry.setPublisher(model, carol, START + 1);
        address[2] memory senders = [alice, carol];
        for (uint256 i; i < 2; ++i) {
            vm.expectEmit(address(licensing));
            emit IModelLicensing.EnvelopeDelivered(id, model, 1, "sealed");
            vm.prank(senders[i]);
            licensing.deliverEnvelope(id, 1, "sealed");
        }
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_NotPublisher.selector, model, eve)
        );
        vm.prank(eve);
        licensing.deliverEnvelope(id, 1, "sealed");
        vm.startPrank(alice);
        vm.expectRevert(IModelLicensing.ModelLicensing_BadKey.selector);
        licensing.deliverEnvelope(id, 1, "");
        vm.expectRevert(IModelLicensing.ModelLicensing_BadKey.selector);
        licensing.deliverEnvelope(id, 1, new bytes(1025));
        licensing.deliverEnvelope(id, 1, new bytes(1024));
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnknownVersion.selector, model, 2)
        );
        licensing.deliverEnvelope(id, 2, "sealed");
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, id + 1)
        );
        licensing.deliverEnvelope(id + 1, 1, "sealed");
    }

    /*//////////////////////////////////////////////////////////////
                                HELPERS
    //////////////////////////////////////////////////////////////*/

    function newCoin() internal returns (GoodToken coin) {
        coin = new GoodToken();
        coin.mint(bob, 1000 ether);
        vm.prank(bob);
        coin.approve(address(licensing), type(uint256).max);
    }

    function sign(GoodToken coin, address signer, uint256 key, uint256 value)
        internal
        view
        returns (Permit memory)
    {
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)"
                ),
                signer,
                licensing,
                value,
                coin.nonces(signer),
                START
            )
        );
        bytes32 digest =
            keccak256(abi.encodePacked("\x19\x01", coin.DOMAIN_SEPARATOR(), structHash));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return Permit(value, START, v, r, s);
    }

    function expectNotRecipient(address recipient, address caller) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelLicensing.ModelLicensing_NotRecipient.selector, recipient, caller
            )
        );
    }

    function expectSoldOut(uint64 left) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_SoldOut.selector, model, 1, left)
        );
    }
}
