// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {StorySale} from "../../../contracts/StorySale.sol";
import {IStorySale} from "../../../contracts/interfaces/IStorySale.sol";
import {
    IStoryAccessController
} from "../../../contracts/interfaces/external/story/IStoryAccessController.sol";
import {
    IStoryLicenseRegistry
} from "../../../contracts/interfaces/external/story/IStoryLicenseRegistry.sol";
import {
    IStoryLicensingModule
} from "../../../contracts/interfaces/external/story/IStoryLicensingModule.sol";
import {IWrappedCoin} from "../../../contracts/interfaces/external/story/IWrappedCoin.sol";
import {PILTerms, StoryPurchase} from "../../../contracts/types/Story.sol";
import {StoryOffer, StoryOrder} from "../../../contracts/types/StorySale.sol";
import {StorySaleTest} from "../StorySale.t.sol";
import {FakeAsset, SaleReenterer, SaleWallet} from "../mocks/StorySaleUsers.sol";

contract StorySaleUnitTest is StorySaleTest {
    function test_constructor_revertsWhenNoContract() public {
        bytes memory refusal =
            abi.encodeWithSelector(IStorySale.StorySale_NoContract.selector, address(1));
        vm.expectRevert(refusal);
        new StorySale(licences, template, royalties, IWrappedCoin(address(1)));
        vm.expectRevert(refusal);
        new StorySale(IStoryLicensingModule(address(1)), template, royalties, coin);
    }

    function test_views() public view {
        assertEq(sale.version(), "1.0.0");
        assertEq(address(sale.licensingModule()), address(licences));
        assertEq(address(sale.licenseTemplate()), address(template));
        assertEq(address(sale.royaltyModule()), address(royalties));
        assertEq(address(sale.wrappedCoin()), address(coin));
        assertEq(sale.quote(offer()), PRICE);
    }

    function test_buy_withTheCoin() public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        vm.expectEmit(address(sale));
        emit IStorySale.StoryLicensesSold(ipId, alice, bob, termsId, 0, 2, 2 * PRICE);
        vm.prank(alice);
        uint256 first = sale.buy{value: 5 ether}(made, signature, order(2, bob));
        assertEq(first, 0, "first");
        assertEq(tokens.balanceOf(bob), 2, "licences");
        assertEq(alice.balance, 100 ether - 2 * PRICE, "exact refund");
        assertEq(vaultOf(ipId).claimableRevenue(ipId, address(coin)), 2 * PRICE, "revenue");
        assertEq(coin.balanceOf(address(sale)) + address(sale).balance, 0, "kept nothing");
        assertEq(coin.allowance(address(sale), address(royalties)), 0, "allows nothing");
    }

    function test_buy_withTheToken() public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        vm.startPrank(alice);
        coin.deposit{value: PRICE}();
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(sale), 0, PRICE
            )
        );
        sale.buy(made, signature, order(1, alice));
        coin.approve(address(sale), PRICE);
        sale.buy(made, signature, order(1, alice));
        assertEq(tokens.balanceOf(alice), 1);
    }

    /// @dev An offer is to everybody, until it ends; each sale asks for the price of its moment.
    function test_buy_asOftenAsTheOfferStands() public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        vm.prank(alice);
        sale.buy{value: PRICE}(made, signature, order(1, alice));
        setPrice(2 * PRICE);
        vm.startPrank(bob);
        vm.expectRevert(
            abi.encodeWithSelector(IStorySale.StorySale_AboveMaxPay.selector, 2 * PRICE, PRICE)
        );
        sale.buy{value: 2 * PRICE}(made, signature, order(1, bob));
        StoryOrder memory more = order(1, bob);
        more.maxPay = 2 * PRICE;
        sale.buy{value: 2 * PRICE}(made, signature, more);
        assertEq(vaultOf(ipId).claimableRevenue(ipId, address(coin)), 3 * PRICE, "revenue");
    }

    function test_buy_ofAContractThatOwnsTheWork() public {
        SaleWallet wallet = new SaleWallet(owner);
        transfer(owner, address(wallet), model);
        allow(address(wallet));
        StoryOffer memory made = offer();
        made.nonce = 0;
        bytes memory signature = sign(made, ownerKey);
        vm.prank(alice);
        sale.buy{value: PRICE}(made, signature, order(1, alice));
        assertEq(tokens.balanceOf(alice), 1);
    }

    function test_buy_revertsWhenTheOfferIsNotTheOwners() public {
        StoryOffer memory made = offer();
        (, uint256 evesKey) = makeAddrAndKey("eve");
        expectNotSigned(made, sign(made, evesKey));
        expectNotSigned(made, "");
    }

    function test_buy_revertsWhenAnythingOfTheOfferDiffers() public {
        bytes memory signature = sign(offer(), ownerKey);
        StoryOffer memory made = offer();
        made.termsId = 1;
        expectNotSigned(made, signature);
        made = offer();
        made.pricing = address(new FakeAsset(owner, 1));
        expectNotSigned(made, signature);
        made = offer();
        ++made.modelId;
        expectNotSigned(made, signature);
        made = offer();
        made.quotedTerms = 0;
        expectNotSigned(made, signature);
        made = offer();
        ++made.deadline;
        expectNotSigned(made, signature);
    }

    function test_buy_revertsWhenTheOfferIsForElsewhere() public {
        StoryOffer memory made = offer();
        expectNotSigned(made, sign(made, ownerKey, block.chainid + 1, address(sale)));
        expectNotSigned(made, sign(made, ownerKey, block.chainid, address(adapter)));
    }

    function test_buy_revertsWhenLate() public {
        StoryOffer memory made = offer();
        StoryOrder memory wanted = order(1, alice);
        bytes memory signature = sign(made, ownerKey);
        vm.warp(wanted.deadline + 1);
        bytes4 late = IStorySale.StorySale_DeadlinePassed.selector;
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(late, wanted.deadline));
        sale.buy{value: PRICE}(made, signature, wanted);
        vm.warp(made.deadline + 1);
        wanted.deadline = block.timestamp;
        vm.prank(alice);
        vm.expectRevert(abi.encodeWithSelector(late, made.deadline));
        sale.buy{value: PRICE}(made, signature, wanted);
    }

    function test_cancelOffers_endsThemAndNoneOfOthers() public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        vm.prank(eve);
        sale.cancelOffers();
        vm.prank(alice);
        sale.buy{value: PRICE}(made, signature, order(1, alice));
        vm.expectEmit(address(sale));
        emit IStorySale.OffersCancelled(owner, 0);
        vm.prank(owner);
        sale.cancelOffers();
        StoryOrder memory wanted = order(1, alice);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IStorySale.StorySale_WrongNonce.selector, owner, 0, 1)
        );
        sale.buy{value: PRICE}(made, signature, wanted);

        made = offer();
        signature = sign(made, ownerKey);
        vm.prank(alice);
        sale.buy{value: PRICE}(made, signature, wanted);
    }

    function test_buy_revertsWhenUnderpaid() public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        StoryOrder memory wanted = order(1, alice);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IStorySale.StorySale_Underpaid.selector, PRICE, PRICE - 1)
        );
        sale.buy{value: PRICE - 1}(made, signature, wanted);
    }

    function test_buy_revertsWhenThereIsNoPrice() public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        StoryOrder memory wanted = order(1, alice);
        setPrice(0);
        vm.prank(alice);
        vm.expectRevert(IStorySale.StorySale_ZeroPrice.selector);
        sale.buy{value: PRICE}(made, signature, wanted);
    }

    /// @dev A price beyond all numbers is above what anybody pays.
    function test_buy_revertsWhenThePriceOverflows() public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        StoryOrder memory wanted = order(1, alice);
        wanted.quantity = 2;
        setPrice(type(uint256).max);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                IStorySale.StorySale_AboveMaxPay.selector, type(uint256).max, PRICE
            )
        );
        sale.buy{value: PRICE}(made, signature, wanted);
    }

    function test_buy_revertsWhenNothingIsAskedFor() public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        StoryOrder memory wanted = order(0, alice);
        vm.prank(alice);
        vm.expectRevert(IStoryLicensingModule.LicensingModule__MintAmountZero.selector);
        sale.buy(made, signature, wanted);
    }

    function test_buy_revertsWhenTheRestIsNotTaken() public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        SaleReenterer buyer = new SaleReenterer(sale, false);
        vm.deal(address(buyer), 1 ether);
        StoryOrder memory wanted = order(1, address(buyer));
        vm.expectRevert(
            abi.encodeWithSelector(IStorySale.StorySale_NotTaken.selector, address(buyer), 1)
        );
        buyer.buy(made, signature, wanted, PRICE + 1);
    }

    function test_buy_cannotBeReentered() public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        SaleReenterer buyer = new SaleReenterer(sale, true);
        vm.deal(address(buyer), 10 ether);
        buyer.buy(made, signature, order(1, address(buyer)), PRICE + 1);
        assertEq(buyer.refusals(), 2, "from the refund, and from the licence's receiver");
        assertEq(tokens.balanceOf(address(buyer)), 1);
    }

    /*//////////////////////////////////////////////////////////////
                          THE PERMISSION
    //////////////////////////////////////////////////////////////*/

    function test_buy_revertsWithoutThePermission() public {
        vm.prank(owner);
        controller.setPermission(
            ipId,
            address(sale),
            address(licences),
            IStoryLicensingModule.mintLicenseTokens.selector,
            2
        );
        expectNoTerms(offer(), sign(offer(), ownerKey));
    }

    /// @dev Asleep while somebody else owns the work, and awake again when it comes back; offers too.
    function test_permission_sleepsWithATransferAndWakes() public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        transfer(owner, bob, model);
        expectNotSigned(made, signature, bob);

        // Whoever owns it now signs in vain without a permission of its own.
        (address dave, uint256 davesKey) = makeAddrAndKey("dave");
        transfer(bob, dave, model);
        expectNoTerms(made, sign(made, davesKey));

        transfer(dave, owner, model);
        vm.prank(alice);
        sale.buy{value: PRICE}(made, signature, order(1, alice));
        assertEq(tokens.balanceOf(alice), 1, "awake");
    }

    /// @dev Nobody gets the terms past the sale: neither of Story, nor through the adapter.
    function test_nobodyElseGivesOutTheTerms() public {
        vm.startPrank(eve);
        bytes memory refusal = abi.encodeWithSelector(
            IStoryLicenseRegistry.LicenseRegistry__LicensorIpHasNoLicenseTerms.selector,
            ipId,
            address(template),
            termsId
        );
        vm.expectRevert(refusal);
        licences.mintLicenseTokens(ipId, address(template), termsId, 1, eve, "", 0, 0);
        vm.expectRevert(refusal);
        adapter.buy(StoryPurchase(ipId, termsId, 1, 0, 0, block.timestamp, eve));
    }

    /// @dev What pretends to be an asset is sold nothing, and is not paid.
    function test_buy_revertsWhenTheAssetIsNone() public {
        StoryOffer memory made = offer();
        made.ipId = address(new FakeAsset(owner, PRICE));
        bytes memory signature = sign(made, ownerKey);
        StoryOrder memory wanted = order(1, alice);
        vm.prank(alice);
        vm.expectRevert(IStoryLicensingModule.LicensingModule__LicensorIpNotRegistered.selector);
        sale.buy{value: PRICE}(made, signature, wanted);
    }

    /// @dev A fee of Story's own would come out of the price: nothing is allowed to Story by then.
    function test_buy_revertsWhenTheTermsHaveAFee() public {
        PILTerms memory terms = access();
        terms.defaultMintingFee = PRICE / 2;
        StoryOffer memory made = offer();
        made.termsId = template.registerLicenseTerms(terms);
        bytes memory signature = sign(made, ownerKey);
        StoryOrder memory wanted = order(1, alice);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(royalties), 0, PRICE / 2
            )
        );
        sale.buy{value: PRICE}(made, signature, wanted);
    }

    function expectNotSigned(StoryOffer memory made, bytes memory signature) internal {
        expectNotSigned(made, signature, owner);
    }

    function expectNotSigned(StoryOffer memory made, bytes memory signature, address by) internal {
        StoryOrder memory wanted = order(1, alice);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IStorySale.StorySale_NotSignedByOwner.selector, ipId, by)
        );
        sale.buy{value: PRICE}(made, signature, wanted);
    }

    function expectNoTerms(StoryOffer memory made, bytes memory signature) internal {
        StoryOrder memory wanted = order(1, alice);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                IStoryLicenseRegistry.LicenseRegistry__LicensorIpHasNoLicenseTerms.selector,
                ipId,
                address(template),
                termsId
            )
        );
        sale.buy{value: PRICE}(made, signature, wanted);
    }
}
