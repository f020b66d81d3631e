// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC20Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {StoryAdapter} from "../../../contracts/StoryAdapter.sol";
import {IStoryAdapter} from "../../../contracts/interfaces/IStoryAdapter.sol";
import {
    IStoryAccessController
} from "../../../contracts/interfaces/external/story/IStoryAccessController.sol";
import {
    IStoryCoreMetadataModule
} from "../../../contracts/interfaces/external/story/IStoryCoreMetadataModule.sol";
import {IStoryIPAccount} from "../../../contracts/interfaces/external/story/IStoryIPAccount.sol";
import {
    IStoryLicenseToken
} from "../../../contracts/interfaces/external/story/IStoryLicenseToken.sol";
import {
    IStoryLicensingModule
} from "../../../contracts/interfaces/external/story/IStoryLicensingModule.sol";
import {
    IStoryRoyaltyModule
} from "../../../contracts/interfaces/external/story/IStoryRoyaltyModule.sol";
import {StoryContracts, StoryPurchase, StoryRegistration} from "../../../contracts/types/Story.sol";
import {StoryTest} from "../Story.t.sol";
import {Discounting, Grateless, Reenterer} from "../mocks/StoryUsers.sol";
import {GoodToken} from "../mocks/Tokens.sol";

contract StoryAdapterTest is StoryTest {
    function test_constructor_revertsWhenNoContract() public {
        StoryContracts memory contracts = storyContracts();
        contracts.royaltyModule = eve;
        vm.expectRevert(abi.encodeWithSelector(IStoryAdapter.StoryAdapter_NoContract.selector, eve));
        new StoryAdapter(contracts);
    }

    function test_views() public view {
        assertEq(adapter.version(), "1.0.0");
        assertEq(abi.encode(adapter.story()), abi.encode(storyContracts()));
    }

    /*//////////////////////////////////////////////////////////////
                                REGISTER
    //////////////////////////////////////////////////////////////*/

    function test_register() public {
        uint64 modelId = registerAs(owner, NAME);
        StoryRegistration memory wanted = registration(modelId, remix(10_000_000));
        address expected = ipOf(modelId);
        uint256[] memory expectedIds = new uint256[](1);
        expectedIds[0] = 2;

        vm.expectEmit(address(metadata));
        emit IStoryCoreMetadataModule.MetadataURISet(
            expected, wanted.metadataURI, wanted.metadataHash
        );
        vm.expectEmit(address(adapter));
        emit IStoryAdapter.IpRegistered(expected, address(nft), modelId, owner, expectedIds);
        vm.prank(owner);
        (address ipId, uint256[] memory ids) = adapter.register(wanted);

        assertEq(ipId, expected, "ip");
        assertEq(ids, expectedIds, "terms");
        assertEq(nft.ownerOf(modelId), owner, "the model stays where it was");
        assertEq(IStoryIPAccount(ipId).owner(), owner, "so does the asset");
        assertTrue(links.hasIpAttachedLicenseTerms(ipId, address(template), 2), "attached");
    }

    function test_register_whereAStrangerRegisteredFirst() public {
        uint64 modelId = registerAs(owner, NAME);
        vm.prank(eve);
        assets.register(block.chainid, address(nft), modelId);
        StoryRegistration memory wanted = registration(modelId, remix(1));
        vm.prank(owner);
        (address ipId,) = adapter.register(wanted);
        assertEq(ipId, ipOf(modelId));
    }

    /// @dev Each call a transaction of its own: the permission lasts as long as one.
    /// forge-config: default.isolate = true
    function test_register_leavesNoPermission() public {
        (address ipId, uint256 termsId) = offered(remix(1));
        bytes4 attach = IStoryLicensingModule.attachLicenseTerms.selector;
        vm.prank(address(adapter));
        vm.expectRevert(
            abi.encodeWithSelector(
                IStoryAccessController.AccessController__PermissionDenied.selector,
                ipId,
                address(adapter),
                address(licences),
                attach
            )
        );
        licences.attachLicenseTerms(ipId, address(template), termsId);
    }

    function test_register_revertsWhenNotOwner() public {
        uint64 modelId = registerAs(owner, NAME);
        StoryRegistration memory wanted = registration(modelId, remix(1));
        vm.prank(eve);
        vm.expectRevert(
            abi.encodeWithSelector(
                IStoryAdapter.StoryAdapter_NotOwner.selector, address(nft), modelId, eve
            )
        );
        adapter.register(wanted);
    }

    function test_register_revertsWhenSignatureIsAnothers() public {
        uint64 modelId = registerAs(owner, NAME);
        StoryRegistration memory wanted = registration(modelId, remix(1));
        (, uint256 evesKey) = makeAddrAndKey("eve");
        wanted.signature = permit(evesKey, ipOf(modelId), wanted.deadline, bytes32(0));
        vm.prank(owner);
        vm.expectRevert(IStoryIPAccount.IPAccount__InvalidSignature.selector);
        adapter.register(wanted);
        assertFalse(assets.isRegistered(ipOf(modelId)), "nothing happened");
    }

    function test_register_revertsWhenSignatureWasUsed() public {
        uint64 modelId = registerAs(owner, NAME);
        StoryRegistration memory wanted = registration(modelId, remix(1));
        vm.startPrank(owner);
        adapter.register(wanted);
        wanted.terms[0] = remix(2);
        vm.expectRevert(IStoryIPAccount.IPAccount__InvalidSignature.selector);
        adapter.register(wanted);
        bytes32 state = IStoryIPAccount(ipOf(modelId)).state();
        wanted.signature = permit(ownerKey, ipOf(modelId), wanted.deadline, state);
        adapter.register(wanted);
        assertEq(links.getAttachedLicenseTermsCount(ipOf(modelId)), 2, "more terms");
    }

    function test_register_revertsWhenSignatureIsOld() public {
        uint64 modelId = registerAs(owner, NAME);
        StoryRegistration memory wanted = registration(modelId, remix(1));
        vm.warp(wanted.deadline + 1);
        vm.prank(owner);
        vm.expectRevert(IStoryIPAccount.IPAccount__ExpiredSignature.selector);
        adapter.register(wanted);
    }

    function test_register_withAFee() public {
        assets.setRegistrationFee(carol, address(coin), uint96(FEE));
        uint64 modelId = registerAs(owner, NAME);
        StoryRegistration memory wanted = registration(modelId, remix(1));
        vm.prank(owner);
        adapter.register{value: 3 ether}(wanted);
        assertEq(coin.balanceOf(carol), FEE, "Story's fee");
        assertEq(owner.balance, 100 ether - FEE, "the rest came back");
    }

    /// @dev Nothing is to be paid then, whatever the caller expected.
    function test_register_withAFee_whereAStrangerRegisteredFirst() public {
        address[2] memory currencies = [address(coin), address(new GoodToken())];
        for (uint256 i; i < 2; ++i) {
            assets.setRegistrationFee(carol, currencies[i], 0);
            uint64 modelId = registerAs(owner, string.concat(NAME, vm.toString(i)));
            assets.register(block.chainid, address(nft), modelId);
            assets.setRegistrationFee(carol, currencies[i], 5);
            StoryRegistration memory wanted = registration(modelId, remix(1));
            vm.expectEmit(true, true, true, false, address(adapter));
            emit IStoryAdapter.IpRegistered(
                ipOf(modelId), address(nft), modelId, owner, new uint256[](0)
            );
            vm.prank(owner);
            adapter.register{value: 5}(wanted);
            assertEq(owner.balance, 100 ether, "all of it came back");
            assertEq(address(adapter).balance, 0, "kept nothing");
        }
    }

    function test_register_withAFeeInAToken() public {
        GoodToken token = new GoodToken();
        token.mint(owner, 5);
        assets.setRegistrationFee(carol, address(token), 5);
        uint64 modelId = registerAs(owner, NAME);
        StoryRegistration memory wanted = registration(modelId, remix(1));
        vm.startPrank(owner);
        vm.expectRevert(
            abi.encodeWithSelector(IStoryAdapter.StoryAdapter_UnexpectedValue.selector, 5)
        );
        adapter.register{value: 5}(wanted);
        token.approve(address(adapter), 5);
        adapter.register(wanted);
        assertEq(token.balanceOf(carol), 5);
    }

    /*//////////////////////////////////////////////////////////////
                                  BUY
    //////////////////////////////////////////////////////////////*/

    function test_buy_withTheCoin() public {
        (address ipId, uint256 termsId) = offered(remix(10_000_000));
        vm.expectEmit(address(adapter));
        emit IStoryAdapter.LicensesBought(ipId, alice, bob, termsId, 0, 2, address(coin), 2 * FEE);
        vm.prank(alice);
        uint256 first = adapter.buy{value: 5 ether}(purchase(ipId, termsId, 2, bob));
        assertEq(first, 0, "first");
        assertEq(tokens.balanceOf(bob), 2, "licences");
        assertEq(alice.balance, 98 ether, "exact refund");
        assertEq(vaultOf(ipId).claimableRevenue(ipId, address(coin)), 2 * FEE, "revenue");
        assertEq(coin.balanceOf(address(adapter)) + address(adapter).balance, 0, "kept nothing");
        assertEq(coin.allowance(address(adapter), address(royalties)), 0, "allows nothing");
    }

    function test_buy_withTheToken() public {
        (address ipId, uint256 termsId) = offered(remix(10_000_000));
        vm.startPrank(alice);
        coin.deposit{value: FEE}();
        vm.expectRevert(
            abi.encodeWithSelector(
                IERC20Errors.ERC20InsufficientAllowance.selector, address(adapter), 0, FEE
            )
        );
        adapter.buy(purchase(ipId, termsId, 1, alice));
        coin.approve(address(adapter), FEE);
        adapter.buy(purchase(ipId, termsId, 1, alice));
        assertEq(tokens.balanceOf(alice), 1);
    }

    function test_buy_forNothing() public {
        (address ipId, uint256 termsId) = offered(blank());
        vm.deal(address(this), 1 ether);
        coin.deposit{value: 1 ether}();
        require(coin.transfer(address(adapter), 1 ether));
        vm.startPrank(alice);
        adapter.buy(purchase(ipId, termsId, 1, alice));
        adapter.buy{value: 1}(purchase(ipId, termsId, 1, alice)); // it cost something a moment ago
        assertEq(alice.balance, 100 ether, "all of it came back");
        assertEq(coin.balanceOf(alice), 0, "what somebody lost there is nobody's");
    }

    function test_buy_givesBackWhatAHookDidNotTake() public {
        (address ipId, uint256 termsId) = offered(remix(1));
        vm.etch(address(licences), address(new Discounting(coin, tokens)).code);
        vm.prank(alice);
        adapter.buy{value: FEE}(purchase(ipId, termsId, 1, alice));
        assertEq(coin.balanceOf(alice), FEE, "came back, wrapped");
        assertEq(coin.allowance(address(adapter), address(royalties)), 0, "allows nothing");
    }

    function test_buy_revertsWhenLate() public {
        (address ipId, uint256 termsId) = offered(remix(1));
        StoryPurchase memory wanted = purchase(ipId, termsId, 1, alice);
        wanted.deadline = block.timestamp - 1;
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                IStoryAdapter.StoryAdapter_DeadlinePassed.selector, wanted.deadline
            )
        );
        adapter.buy{value: FEE}(wanted);
    }

    function test_buy_revertsWhenAboveMaxPay_zeroIncluded() public {
        (address ipId, uint256 termsId) = offered(remix(1));
        StoryPurchase memory wanted = purchase(ipId, termsId, 1, alice);
        wanted.maxPay = 0;
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IStoryAdapter.StoryAdapter_AboveMaxPay.selector, FEE, 0)
        );
        adapter.buy{value: FEE}(wanted);
    }

    function test_buy_revertsWhenUnderpaid() public {
        (address ipId, uint256 termsId) = offered(remix(1));
        StoryPurchase memory wanted = purchase(ipId, termsId, 1, alice);
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IStoryAdapter.StoryAdapter_Underpaid.selector, FEE, FEE - 1)
        );
        adapter.buy{value: FEE - 1}(wanted);
    }

    function test_buy_revertsWhenShareIsAboveWhatTheBuyerAccepts() public {
        (address ipId, uint256 termsId) = offered(remix(10_000_000));
        StoryPurchase memory wanted = purchase(ipId, termsId, 1, alice);
        wanted.maxShare = 9_999_999;
        vm.prank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(
                IStoryLicenseToken.LicenseToken__CommercialRevenueShareExceedMaxRevenueShare
                .selector,
                10_000_000,
                9_999_999,
                ipId,
                address(template),
                termsId
            )
        );
        adapter.buy{value: FEE}(wanted);
    }

    function test_buy_revertsWhenDisputed() public {
        (address ipId, uint256 termsId) = offered(remix(1));
        disputes.setDisputeJudgement(disputes.raiseDispute(ipId, "evidence", "TAG", ""), true, "");
        StoryPurchase memory wanted = purchase(ipId, termsId, 1, alice);
        vm.prank(alice);
        vm.expectRevert(IStoryLicensingModule.LicensingModule__DisputedIpId.selector);
        adapter.buy{value: FEE}(wanted);
    }

    function test_buy_revertsWhenTheRestIsNotTaken() public {
        (address ipId, uint256 termsId) = offered(remix(1));
        Grateless buyer = new Grateless();
        vm.expectRevert(
            abi.encodeWithSelector(IStoryAdapter.StoryAdapter_NotTaken.selector, address(buyer), 1)
        );
        buyer.buy{value: FEE + 1}(adapter, purchase(ipId, termsId, 1, address(buyer)));
    }

    function test_buy_forNothing_revertsWhenTheRestIsNotTaken() public {
        (address ipId, uint256 termsId) = offered(blank());
        Grateless buyer = new Grateless();
        vm.expectRevert(
            abi.encodeWithSelector(IStoryAdapter.StoryAdapter_NotTaken.selector, address(buyer), 1)
        );
        buyer.buy{value: 1}(adapter, purchase(ipId, termsId, 1, address(buyer)));
    }

    function test_buy_cannotBeReentered() public {
        (address ipId, uint256 termsId) = offered(remix(1));
        Reenterer buyer = new Reenterer(adapter);
        vm.deal(address(buyer), 10 ether);
        buyer.buy(purchase(ipId, termsId, 1, address(buyer)), FEE);
        assertTrue(buyer.wasRefused(), "from the licence's receiver");
        assertEq(tokens.balanceOf(address(buyer)), 1);
    }

    /*//////////////////////////////////////////////////////////////
                                  PAY
    //////////////////////////////////////////////////////////////*/

    function test_pay() public {
        (address ipId,) = offered(remix(1));
        royalties.deployVault(ipId);
        vm.expectEmit(address(adapter));
        emit IStoryAdapter.RoyaltyPaid(ipId, alice, 7);
        vm.prank(alice);
        adapter.pay{value: 7}(ipId);
        assertEq(vaultOf(ipId).claimableRevenue(ipId, address(coin)), 7);
    }

    function test_pay_revertsWhenItCannotEarn() public {
        (address ipId,) = offered(remix(1));
        vm.startPrank(alice);
        vm.expectRevert(IStoryRoyaltyModule.RoyaltyModule__ZeroReceiverVault.selector);
        adapter.pay{value: 7}(ipId);
        vm.expectRevert(IStoryRoyaltyModule.RoyaltyModule__ZeroAmount.selector);
        adapter.pay(ipId);
    }
}
