// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/interfaces/IERC721Metadata.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";
import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";

import {Vm} from "forge-std/Vm.sol";

import {IERC7572} from "../../../contracts/interfaces/IERC7572.sol";
import {IModelNFT} from "../../../contracts/interfaces/IModelNFT.sol";
import {Cid, DAG_PB_CODEC, RAW_CODEC} from "../../../contracts/types/Model.sol";
import {BaseTest} from "../Base.t.sol";

contract Holder is ERC721Holder {}

/// @notice The token: who mints, what it costs to sell, what it says about itself.
contract ModelNFTTest is BaseTest {
    /// @dev SHA-256 of nothing, whose CIDs everybody's tools print alike.
    bytes32 internal constant EMPTY =
        0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855;

    uint64 internal model;

    function setUp() public override {
        super.setUp();
        model = registerAs(alice, NAME);
    }

    /*//////////////////////////////////////////////////////////////
                             REGISTRY ONLY
    //////////////////////////////////////////////////////////////*/

    function test_mint_revertsWhenTheCallerIsNotTheRegistry() public {
        expectNotRegistry();
        vm.prank(eve);
        nft.mint(eve, 2);
    }

    function test_notifyPublished_revertsWhenTheCallerIsNotTheRegistry() public {
        expectNotRegistry();
        vm.prank(eve);
        nft.notifyPublished(model);
    }

    function test_ownershipOf_countsTransfers() public {
        expectOwnership(alice, 0);
        transfer(alice, bob, model);
        expectOwnership(bob, 1);
        transfer(bob, bob, model);
        expectOwnership(bob, 2);
        vm.prank(bob);
        nft.approve(eve, model);
        vm.prank(eve);
        nft.transferFrom(bob, alice, model);
        expectOwnership(alice, 3);

        (address owner, uint64 transfers) = nft.ownershipOf(2);
        assertEq(owner, address(0), "of no model");
        assertEq(transfers, 0, "of no model");
    }

    /*//////////////////////////////////////////////////////////////
                                ROYALTY
    //////////////////////////////////////////////////////////////*/

    function test_setRoyalty_untilTheFirstTransfer() public {
        vm.expectEmit(address(nft));
        emit IModelNFT.RoyaltySet(model, carol, 250);
        setRoyalty(alice, carol, 250);
        expectRoyalty(10_000, carol, 250);

        setRoyalty(alice, bob, 2500);
        expectRoyalty(10_000, bob, 2500);
        setRoyalty(alice, address(0), 0);
        expectRoyalty(10_000, address(0), 0);
    }

    function test_setRoyalty_revertsAfterATransferForGood() public {
        setRoyalty(alice, carol, 250);
        transfer(alice, bob, model);
        expectFrozen(bob);
        transfer(bob, alice, model);
        expectFrozen(alice);
        expectRoyalty(10_000, carol, 250);
    }

    function test_setRoyalty_revertsWhenTheCallerIsNotTheOwner() public {
        vm.prank(alice);
        nft.approve(eve, model);
        address[2] memory others = [bob, eve];
        for (uint256 i; i < others.length; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(IModelNFT.ModelNFT_NotOwner.selector, model, others[i])
            );
            setRoyalty(others[i], others[i], 1);
        }
    }

    function test_setRoyalty_revertsWhenTheModelIsUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 2));
        nft.setRoyalty(2, eve, 1);
    }

    function test_setRoyalty_revertsWhenAboveTheCap() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelNFT.ModelNFT_RoyaltyTooHigh.selector, 2501, 2500)
        );
        setRoyalty(alice, alice, 2501);
        assertEq(nft.MAX_ROYALTY_BPS(), 2500);
    }

    function test_setRoyalty_revertsWhenNobodyReceivesIt() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelNFT.ModelNFT_RoyaltyWithoutReceiver.selector, model)
        );
        setRoyalty(alice, address(0), 1);
    }

    function test_royaltyInfo_roundsUp() public {
        setRoyalty(alice, carol, 1);
        expectRoyalty(0, carol, 0);
        expectRoyalty(1, carol, 1);
        expectRoyalty(10_000, carol, 1);
        expectRoyalty(10_001, carol, 2);
    }

    function test_royaltyInfo_ofNoModelIsNothing() public view {
        (address receiver, uint256 amount) = nft.royaltyInfo(model + 1, 1 ether);
        assertEq(receiver, address(0), "receiver");
        assertEq(amount, 0, "amount");
    }

    function testFuzz_royaltyInfo_isTheShareRoundedUp(uint256 price, uint16 bps) public {
        bps = uint16(bound(bps, 0, 2500));
        setRoyalty(alice, carol, bps);
        (, uint256 amount) = nft.royaltyInfo(model, price);
        // price = 10,000 q + r, so no product overflows and the rest rounds up on its own.
        uint256 expected = price / 10_000 * bps + (price % 10_000 * bps + 9999) / 10_000;
        assertEq(amount, expected, "amount");
        assertLe(amount, price, "never more than the price");
    }

    /*//////////////////////////////////////////////////////////////
                               METADATA
    //////////////////////////////////////////////////////////////*/

    function test_tokenURI_isInTheNewestVersion() public {
        vm.startPrank(alice);
        registry.publish(model, Cid(EMPTY, DAG_PB_CODEC), none());
        assertEq(
            nft.tokenURI(model),
            "ipfs://bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku/metadata.json"
        );
        registry.publish(model, Cid(EMPTY, RAW_CODEC), none());
        assertEq(
            nft.tokenURI(model),
            "ipfs://bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
        );
    }

    function test_tokenURI_revertsWhenTheModelIsUnknown() public {
        uint256 twin = uint256(model) + 2 ** 64; // the same id, were it cut off
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, twin));
        nft.tokenURI(twin);
    }

    function test_contractURI_isADocument() public view {
        string memory uri = nft.contractURI();
        string memory scheme = "data:application/json;utf8,";
        bytes memory document = new bytes(bytes(uri).length - bytes(scheme).length);
        for (uint256 i; i < bytes(uri).length; ++i) {
            if (i < bytes(scheme).length) assertEq(bytes(uri)[i], bytes(scheme)[i], "scheme");
            else document[i - bytes(scheme).length] = bytes(uri)[i];
        }
        assertEq(vm.parseJsonString(string(document), ".name"), nft.name(), "name");
        assertEq(vm.parseJsonString(string(document), ".symbol"), nft.symbol(), "symbol");
        assertGt(bytes(vm.parseJsonString(string(document), ".description")).length, 0);
    }

    function test_version() public view {
        assertEq(nft.version(), "1.0.0", "version");
        assertEq(nft.name(), "Anacostia Models", "name");
        assertEq(nft.symbol(), "MODEL", "symbol");
    }

    /*//////////////////////////////////////////////////////////////
                              STANDARDS
    //////////////////////////////////////////////////////////////*/

    function test_supportsInterface() public view {
        assertTrue(nft.supportsInterface(0x01ffc9a7), "ERC-165");
        assertTrue(nft.supportsInterface(0x80ac58cd), "ERC-721");
        assertTrue(nft.supportsInterface(0x5b5e139f), "ERC-721 metadata");
        assertTrue(nft.supportsInterface(0x2a55205a), "ERC-2981");
        assertTrue(nft.supportsInterface(0x49064906), "ERC-4906");
        assertTrue(nft.supportsInterface(0xe8a3d485), "ERC-7572");
        assertFalse(nft.supportsInterface(0xffffffff), "what ERC-165 forbids");
        assertFalse(nft.supportsInterface(0x780e9d63), "enumerable, which it is not");

        assertEq(type(IERC165).interfaceId, bytes4(0x01ffc9a7), "ERC-165");
        assertEq(type(IERC721).interfaceId, bytes4(0x80ac58cd), "ERC-721");
        assertEq(type(IERC721Metadata).interfaceId, bytes4(0x5b5e139f), "ERC-721 metadata");
        assertEq(type(IERC2981).interfaceId, bytes4(0x2a55205a), "ERC-2981");
        assertEq(type(IERC7572).interfaceId, bytes4(0xe8a3d485), "ERC-7572");
    }

    function test_supportsInterface_costsLittle() public view {
        // ERC-165: less than 30,000.
        assertTrue(nft.supportsInterface{gas: 30_000}(0x80ac58cd));
    }

    function test_erc721_ownership() public {
        assertEq(nft.balanceOf(alice), 1, "balance");
        assertEq(nft.ownerOf(model), alice, "owner");
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721InvalidOwner.selector, address(0))
        );
        nft.balanceOf(address(0));
        vm.expectRevert(abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 2));
        nft.ownerOf(2);
    }

    function test_erc721_approvals() public {
        vm.expectEmit(address(nft));
        emit IERC721.Approval(alice, eve, model);
        vm.prank(alice);
        nft.approve(eve, model);
        assertEq(nft.getApproved(model), eve, "approved");

        vm.expectEmit(address(nft));
        emit IERC721.Transfer(alice, bob, model);
        vm.prank(eve);
        nft.transferFrom(alice, bob, model);
        assertEq(nft.getApproved(model), address(0), "an approval ends with a transfer");

        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, eve, model)
        );
        vm.prank(eve);
        nft.transferFrom(bob, eve, model);

        vm.expectEmit(address(nft));
        emit IERC721.ApprovalForAll(bob, eve, true);
        vm.prank(bob);
        nft.setApprovalForAll(eve, true);
        assertTrue(nft.isApprovedForAll(bob, eve), "operator");
        vm.prank(eve);
        nft.transferFrom(bob, carol, model);
    }

    function test_erc721_transfersToContracts() public {
        vm.startPrank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(registry))
        );
        nft.safeTransferFrom(alice, address(registry), model);
        address holder = address(new Holder());
        nft.safeTransferFrom(alice, holder, model, "data");
        expectOwnership(holder, 1);
    }

    function test_erc721_transferReverts() public {
        vm.startPrank(alice);
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721InvalidReceiver.selector, address(0))
        );
        nft.transferFrom(alice, address(0), model);
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721IncorrectOwner.selector, bob, model, alice)
        );
        nft.transferFrom(bob, carol, model);
    }

    function test_erc4906_announcesEveryVersionAndNothingElse() public {
        vm.recordLogs();
        registerAs(bob, "other");
        assertEq(metadataUpdates(), 0, "a new token needs no update");
        publishAs(alice, model);
        assertEq(metadataUpdates(), 1, "a version");
    }

    function metadataUpdates() internal returns (uint256 count) {
        Vm.Log[] memory logs = vm.getRecordedLogs();
        for (uint256 i; i < logs.length; ++i) {
            if (logs[i].topics[0] == IERC4906.MetadataUpdate.selector) ++count;
        }
    }

    function setRoyalty(address who, address receiver, uint16 bps) internal {
        vm.prank(who);
        nft.setRoyalty(model, receiver, bps);
    }

    function expectRoyalty(uint256 price, address receiver, uint256 amount) internal view {
        (address to, uint256 royalty) = nft.royaltyInfo(model, price);
        assertEq(to, receiver, "receiver");
        assertEq(royalty, amount, "amount");
    }

    function expectOwnership(address owner, uint64 transfers) internal view {
        (address owner_, uint64 transfers_) = nft.ownershipOf(model);
        assertEq(owner_, owner, "owner");
        assertEq(transfers_, transfers, "transfers");
    }

    function expectFrozen(address who) internal {
        vm.expectRevert(abi.encodeWithSelector(IModelNFT.ModelNFT_RoyaltyFrozen.selector, model));
        setRoyalty(who, who, 1);
    }

    function expectNotRegistry() internal {
        vm.expectRevert(abi.encodeWithSelector(IModelNFT.ModelNFT_NotRegistry.selector, eve));
    }
}
