// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {ILicenseToken} from "../../../contracts/interfaces/ILicenseToken.sol";
import {IModelLicensing} from "../../../contracts/interfaces/IModelLicensing.sol";
import {Payments} from "../../../contracts/libraries/Payments.sol";
import {Purchase, Right, Terms} from "../../../contracts/types/License.sol";
import {LicensingTest} from "../Licensing.t.sol";
import {ListChecker} from "../mocks/Licensees.sol";
import {GoodToken} from "../mocks/Tokens.sol";

/// @notice A token that its own issuer can dilute and take back: balances move by themselves.
contract MovingToken is GoodToken {
    function vanish(address from, uint256 amount) external {
        _burn(from, amount);
    }
}

/// @notice What docs/security.md says of publishers and licences, and of payment tokens and parents.
contract MoneyThreatsTest is LicensingTest {
    uint64 internal parentModel;
    uint64 internal child;
    MovingToken internal coin;

    function setUp() public override {
        super.setUp();
        coin = new MovingToken();
        coin.mint(carol, 1000);
        vm.prank(carol);
        coin.approve(address(licensing), type(uint256).max);
        parentModel = offered(alice, NAME, remix(1000));
        child = derived(bob, "child", parentModel);
    }

    /// @dev What nobody asked for cannot be opened, but it is told of.
    function test_publisher_deliversEnvelopesAndTouchesNoMoney() public {
        uint256 id = buyAs(carol, parentModel);
        vm.prank(alice);
        registry.setPublisher(parentModel, eve, type(uint64).max);
        vm.startPrank(eve);
        vm.expectEmit(address(licensing));
        emit IModelLicensing.EnvelopeDelivered(id, parentModel, 1, "rubbish");
        licensing.deliverEnvelope(id, 1, "rubbish");
        bytes memory notOwner = abi.encodeWithSelector(
            IModelLicensing.ModelLicensing_NotOwner.selector, parentModel, eve
        );
        vm.expectRevert(notOwner);
        licensing.reprice(parentModel, 1, free(), 0);
        vm.expectRevert(notOwner);
        licensing.withdraw(parentModel, 1);
        vm.expectRevert(notOwner);
        licensing.approveDerivative(parentModel, child, true);
        vm.stopPrank();
        settle(parentModel, alice, NATIVE);
        assertEq(licensing.claimable(eve, NATIVE), 0, "nothing of what was paid");
    }

    /// @dev It gives time, and a licence that its holder can burn; it asks for nothing in the holder's
    /// name.
    function test_buyer_forSomebodyElseGivesAndAsksForNothing() public {
        Terms memory daily = remix(0);
        daily.duration = 1 days;
        Purchase memory order =
            purchase(parentModel, offerAs(alice, parentModel, daily, free()), NATIVE, carol);
        order.encryptionKey = keccak256("carol's public key");
        uint256 id = buyAs(carol, order, 0);

        order.encryptionKey = keccak256("eve's public key");
        vm.startPrank(eve);
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_NotRecipient.selector, carol, eve)
        );
        licensing.buy(order, noPermit());
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_NotHolder.selector, id, eve)
        );
        licensing.requestKey(id, order.encryptionKey);
        order.encryptionKey = 0;
        assertEq(licensing.buy(order, noPermit()), id, "carol's, with more time");
        assertEq(licences.expiresAt(id), START + 2 days, "a second day");

        // Whoever has one, given or bought, is not handed another before it is burned.
        order.recipient = eve;
        uint256 other = licensing.buy(order, noPermit());
        vm.expectRevert(
            abi.encodeWithSelector(ILicenseToken.LicenseToken_AlreadyHeld.selector, carol, other)
        );
        licences.transferFrom(eve, carol, other);
        vm.stopPrank();
        vm.prank(carol);
        licences.burn(id);
        vm.prank(eve);
        licences.transferFrom(eve, carol, other);
    }

    /// @dev What the model itself was paid stays the seller's; what its derivatives owe, if it is settled.
    function test_buyer_ofAModelGetsRoyaltiesThatWereNotSettled() public {
        offerAs(bob, child, remix(0), fixedPrice(NATIVE, 100));
        buyAs(carol, purchase(child, 1, NATIVE, carol), 100);
        settle(child, bob, NATIVE);
        buyAs(carol, purchase(child, 1, NATIVE, carol), 100);
        transfer(alice, eve, parentModel);
        settle(child, bob, NATIVE);
        uint256 sellers = licensing.revenueOf(parentModel, alice, NATIVE).earned;
        assertEq(sellers, PRICE + 10, "a licence, and what was settled before the sale");
        assertEq(
            licensing.revenueOf(parentModel, eve, NATIVE).earned, 10, "what was settled after it"
        );
    }

    /// @dev The child's seller chooses the asset; the parent is credited in it and has no say.
    function test_seller_ofAChildCreditsTheParentInAWorthlessToken() public {
        offerAs(bob, child, remix(0), fixedPrice(address(coin), 100));
        buyAs(carol, purchase(child, 1, address(coin), carol), 0);
        settle(child, bob, address(coin));
        assertEq(settle(parentModel, alice, address(coin)), 10, "a tenth of nothing of worth");
        assertEq(licensing.claimable(alice, address(coin)), 10, "in a token that nobody chose");

        // Its balance moves, and whoever claims last finds nothing.
        coin.vanish(address(licensing), 95);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientBalance.selector, address(licensing), 5, 10
            )
        );
        vm.prank(alice);
        licensing.claim(address(coin), alice);
        assertEq(coin.balanceOf(address(licensing)), 5, "what is left");
    }

    /// @dev A parent that does not bind its children's prices gets a share of whatever is charged here.
    function test_seller_ofAChildLeavesTheParentNothing() public {
        offerAs(bob, child, remix(0), free());
        buyAs(carol, purchase(child, 1, NATIVE, carol), 0); // and pays for it elsewhere
        offerAs(bob, child, remix(0), fixedPrice(NATIVE, 1));
        buyAs(carol, purchase(child, 2, NATIVE, carol), 1);
        settle(child, bob, NATIVE);
        uint256 earned = licensing.revenueOf(parentModel, alice, NATIVE).earned;
        assertEq(earned, PRICE + 1, "bob's own licence, and a share of what is known here");
    }

    /// @dev The product is bob's as well, and made of the child, which asks for nothing.
    function test_seller_ofAChildOfAChildLeavesTheParentNothing() public {
        uint256 before = licensing.revenueOf(parentModel, alice, NATIVE).earned;
        sellAProductOf(child, remix(0), 10_000);
        assertEq(licensing.claimable(bob, NATIVE), 10_000, "all of it");
        assertEq(licensing.revenueOf(parentModel, alice, NATIVE).earned, before, "nothing");
    }

    /// @dev The model between then asks for the same share, of which the parent gets its own.
    function test_parent_keepsAShareOfAShareByShareAlikeTerms() public {
        Terms memory alike = remix(1000);
        alike.shareAlike = true;
        uint64 strict = offered(alice, "strict", alike);
        uint64 between = derived(bob, "between", strict);
        sellAProductOf(between, alike, 10_000);
        assertEq(licensing.claimable(bob, NATIVE), 9000 + 900, "of the product, and between");
        assertEq(
            licensing.revenueOf(strict, alice, NATIVE).earned, PRICE + 100, "a tenth of a tenth"
        );
    }

    /// @dev The derivative's own terms need not say what the parent's do, but for rights and fields.
    function test_seller_ofAChildChangesAllButRightsAndFields() public {
        Terms memory strict = remix(1000);
        (strict.duration, strict.transferable, strict.checker) =
        (30 days, false, address(new ListChecker()));
        (strict.derivativesApproval, strict.derivativesAttribution) = (true, true);
        uint64 strictModel = registerAs(alice, "strict");
        strict.checkerData = abi.encode(bob, strictModel);
        uint32 number = offerAs(alice, strictModel, strict, free());
        uint64 wide = registerAs(bob, "wide");
        vm.prank(alice);
        licensing.approveDerivative(strictModel, wide, true);
        uint256 id = buyAs(bob, purchase(strictModel, number, NATIVE, bob), 0);
        deriveAs(bob, wide, under(id));
        offerAs(bob, wide, remix(0), free());
        buyAs(eve, purchase(wide, 1, NATIVE, eve), 0);
        vm.warp(START + 365 days);
        assertTrue(licensing.entitled(eve, wide, Right.Finetune), "whom nobody checks, for ever");
    }

    /// @dev The lowest price binds offers under the very terms that set it, in their own currency.
    function test_seller_isBoundByTheLowestPriceOfItsOwnTermsAlone() public {
        Terms memory bounded = remix(1000);
        (bounded.currency, bounded.minPrice, bounded.license) =
        (NATIVE, PRICE, "LicenseRef-bounded");
        bytes32 termsId = licensing.registerTerms(bounded);
        vm.startPrank(bob);
        vm.expectRevert(
            abi.encodeWithSelector(Payments.Payments_WrongAsset.selector, address(coin), NATIVE)
        );
        licensing.offer(child, termsId, fixedPrice(address(coin), 100), 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelLicensing.ModelLicensing_BelowMinPrice.selector, PRICE - 1, PRICE
            )
        );
        licensing.offer(child, termsId, fixedPrice(NATIVE, PRICE - 1), 0);
        vm.stopPrank();
        offerAs(bob, child, remix(0), fixedPrice(address(coin), 100)); // under other terms
    }

    /// @dev Share-alike terms are the derivative's own, and with them their lowest price.
    function test_parent_setsALowestPriceByShareAlikeTerms() public {
        Terms memory bounded = remix(1000);
        (bounded.currency, bounded.minPrice, bounded.shareAlike) = (NATIVE, PRICE, true);
        uint64 strict = offered(alice, "strict", bounded);
        uint64 bound_ = derived(bob, "bound", strict);
        bytes32 other = licensing.registerTerms(remix(0));
        bytes32 same = licensing.registerTerms(bounded);
        vm.startPrank(bob);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelLicensing.ModelLicensing_IncompatibleTerms.selector, other, same
            )
        );
        licensing.offer(bound_, other, fixedPrice(address(coin), 100), 0);
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_BelowMinPrice.selector, 0, PRICE)
        );
        licensing.offer(bound_, same, free(), 0);
        licensing.offer(bound_, same, fixedPrice(NATIVE, PRICE), 0);
    }

    /// @dev Bob licenses a model of his to himself, sells what he makes of it, and all is settled.
    function sellAProductOf(uint64 between, Terms memory terms, uint128 price) internal {
        offerAs(bob, between, terms, free());
        uint64 product = registerAs(bob, "product");
        deriveAs(bob, product, under(buyAs(bob, purchase(between, 1, NATIVE, bob), 0)));
        offerAs(bob, product, terms, fixedPrice(NATIVE, price));
        buyAs(carol, purchase(product, 1, NATIVE, carol), price);
        settle(product, bob, NATIVE);
        settle(between, bob, NATIVE);
    }
}
