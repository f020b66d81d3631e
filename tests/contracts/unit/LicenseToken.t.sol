// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/interfaces/IERC721Metadata.sol";
import {IERC721Errors} from "@openzeppelin/contracts/interfaces/draft-IERC6093.sol";

import {IERC5192} from "../../../contracts/interfaces/IERC5192.sol";
import {IERC7572} from "../../../contracts/interfaces/IERC7572.sol";
import {ILicenseToken} from "../../../contracts/interfaces/ILicenseToken.sol";
import {IModelLicensing} from "../../../contracts/interfaces/IModelLicensing.sol";
import {Holding, Purchase, Right, Terms} from "../../../contracts/types/License.sol";
import {LicenseId} from "../../../contracts/types/LicenseId.sol";
import {LicensingTest} from "../Licensing.t.sol";

/// @notice Licences as tokens: who holds them, until when, and how they move.
contract LicenseTokenTest is LicensingTest {
    uint64 internal forever;
    uint64 internal monthly;
    uint64 internal bound_;

    function setUp() public override {
        super.setUp();
        forever = offered(alice, "acme/forever", remix(0));
        Terms memory terms = remix(0);
        terms.duration = 30 days;
        monthly = offered(alice, "acme/monthly", terms);
        terms = remix(0);
        terms.transferable = false;
        bound_ = offered(alice, "acme/locked", terms);
    }

    /*//////////////////////////////////////////////////////////////
                                 MINTING
    //////////////////////////////////////////////////////////////*/

    function test_mint_several() public {
        Purchase memory order = purchase(forever, 1, NATIVE, bob);
        order.quantity = 32;
        uint256 first = buyAs(bob, order, 32 * PRICE);
        assertEq(first, license(forever, 1, 1), "first");
        assertEq(licences.balanceOf(bob), 32, "balance");
        for (uint256 i; i < 32; ++i) {
            assertEq(licences.ownerOf(first + i), bob, "owner");
        }
        assertEq(buyAs(carol, forever), first + 32, "serial numbers go on");
        assertHolding(bob, forever, Holding(32, 0, 0, false));
    }

    function test_mint_locked() public {
        vm.expectEmit(address(licences));
        emit IERC5192.Locked(license(bound_, 1, 1));
        uint256 id = buyAs(bob, bound_);
        assertTrue(licences.locked(id), "locked");
        assertFalse(licences.locked(buyAs(bob, forever)), "not locked");
    }

    function test_mint_withTime() public {
        uint256 id = license(monthly, 1, 1);
        vm.expectEmit(address(licences));
        emit ILicenseToken.LicenseExtended(id, START + 30 days);
        assertEq(buyAs(bob, monthly), id, "id");
        assertEq(licences.expiresAt(id), START + 30 days, "expiry");
        assertEq(licences.expiresAt(buyAs(bob, forever)), 0, "no expiry");

        vm.warp(START + 30 days - 1);
        assertTrue(licensing.entitled(bob, monthly, Right.Use), "the last second");
        vm.warp(START + 30 days);
        assertFalse(licensing.entitled(bob, monthly, Right.Use), "not any more");
    }

    function test_mint_extends() public {
        uint256 id = buyAs(bob, monthly);
        Purchase memory order = purchase(monthly, 1, NATIVE, bob);
        order.quantity = 2;
        vm.warp(START + 10 days);
        order.deadline = block.timestamp;
        vm.expectEmit(address(licences));
        emit IERC4906.MetadataUpdate(id);
        assertEq(buyAs(carol, order, 2 * PRICE), id, "the same licence");
        assertEq(licences.expiresAt(id), START + 90 days, "what was left is not lost");
        assertEq(licences.balanceOf(bob), 1, "one licence");

        vm.warp(START + 200 days);
        buyAs(bob, monthly);
        assertEq(licences.expiresAt(id), START + 230 days, "what was over does not count");
        assertHolding(bob, monthly, Holding(1, 1, START + 230 days, false));
        assertEq(buyAs(carol, monthly), license(monthly, 1, 5), "periods have serial numbers");
    }

    function test_mint_withTimeAndLocked() public {
        Terms memory terms = remix(0);
        (terms.duration, terms.transferable) = (1 days, false);
        uint64 model = offered(alice, "acme/both", terms);
        vm.expectEmit(address(licences));
        emit IERC5192.Locked(license(model, 1, 1));
        uint256 id = buyAs(bob, model);
        buyAs(bob, model);
        assertHolding(bob, model, Holding(1, 1, START + 2 days, true));
        vm.expectRevert(abi.encodeWithSelector(ILicenseToken.LicenseToken_Locked.selector, id));
        vm.prank(bob);
        licences.transferFrom(bob, carol, id);
    }

    function test_licensingOnly() public {
        bytes memory wrong =
            abi.encodeWithSelector(ILicenseToken.LicenseToken_NotLicensing.selector, eve);
        vm.startPrank(eve);
        vm.expectRevert(wrong);
        licences.mint(eve, LicenseId.wrap(license(forever, 1, 9)), 1, 0, true);
        vm.expectRevert(wrong);
        licences.bind(license(forever, 1, 1), eve, 1);
    }

    /*//////////////////////////////////////////////////////////////
                               TRANSFERS
    //////////////////////////////////////////////////////////////*/

    function test_transfer() public {
        uint256 id = buyAs(bob, forever);
        buyAs(bob, forever);
        vm.prank(bob);
        licences.transferFrom(bob, carol, id);
        assertTrue(licensing.entitled(bob, forever, Right.Use), "one is left");
        assertTrue(licensing.entitled(carol, forever, Right.Use), "one came");
        vm.prank(bob);
        licences.safeTransferFrom(bob, carol, id + 1);
        assertFalse(licensing.entitled(bob, forever, Right.Use), "none is left");
        assertHolding(bob, forever, Holding(0, 0, 0, false));
        assertHolding(carol, forever, Holding(2, 0, 0, false));
    }

    function test_transfer_withTime() public {
        uint256 id = buyAs(bob, monthly);
        vm.prank(bob);
        licences.transferFrom(bob, carol, id);
        assertHolding(carol, monthly, Holding(1, 1, START + 30 days, false));
        assertHolding(bob, monthly, Holding(0, 0, 0, false));
        assertEq(licences.expiresAt(id), START + 30 days, "its time goes along");
        assertEq(buyAs(carol, monthly), id, "and is extended there");
    }

    function test_transfer_toOneself() public {
        uint256[2] memory ids = [buyAs(bob, forever), buyAs(bob, monthly)];
        for (uint256 i; i < 2; ++i) {
            vm.prank(bob);
            licences.transferFrom(bob, bob, ids[i]);
        }
        assertHolding(bob, forever, Holding(1, 0, 0, false));
        assertHolding(bob, monthly, Holding(1, 1, START + 30 days, false));
    }

    function test_transfer_revertsWhenTheReceiverHasOneThatExpires() public {
        uint256 id = buyAs(bob, monthly);
        uint256 other = buyAs(carol, monthly);
        vm.expectRevert(
            abi.encodeWithSelector(ILicenseToken.LicenseToken_AlreadyHeld.selector, carol, id)
        );
        vm.prank(bob);
        licences.transferFrom(bob, carol, id);

        vm.prank(carol);
        licences.burn(other);
        vm.prank(bob);
        licences.transferFrom(bob, carol, id);
        assertEq(licences.ownerOf(id), carol, "owner");
    }

    function test_transfer_revertsWhenLocked() public {
        uint256 id = buyAs(bob, bound_);
        address[2] memory receivers = [carol, bob];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(abi.encodeWithSelector(ILicenseToken.LicenseToken_Locked.selector, id));
            vm.prank(bob);
            licences.transferFrom(bob, receivers[i], id);
        }
    }

    function test_transfer_revertsWhenNotAllowed() public {
        uint256 id = buyAs(bob, forever);
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721InsufficientApproval.selector, eve, id)
        );
        vm.prank(eve);
        licences.transferFrom(bob, eve, id);
        vm.expectRevert(
            abi.encodeWithSelector(IERC721Errors.ERC721IncorrectOwner.selector, carol, id, bob)
        );
        vm.prank(bob);
        licences.transferFrom(carol, eve, id);
        assertHolding(bob, forever, Holding(1, 0, 0, false));
    }

    function test_transfer_revertsWhenADerivativeRestsOnIt() public {
        uint256 id = buyAs(bob, forever);
        uint64 child = registerAs(bob, "bob/child");
        vm.expectEmit(address(licences));
        emit ILicenseToken.LicenseBound(id, child);
        vm.expectEmit(address(licences));
        emit IERC5192.Locked(id);
        deriveAs(bob, child, under(id));
        assertTrue(licences.locked(id), "locked");
        assertEq(licences.derivativeOf(id), child, "bound");
        bytes memory wrong = abi.encodeWithSelector(ILicenseToken.LicenseToken_Locked.selector, id);
        vm.startPrank(bob);
        vm.expectRevert(wrong);
        licences.transferFrom(bob, carol, id);
        vm.expectRevert(wrong);
        licences.burn(id);
    }

    function test_bind_doesNotSayTwiceThatItIsLocked() public {
        uint256 id = buyAs(bob, bound_);
        uint64 child = registerAs(bob, "bob/child");
        vm.recordLogs();
        deriveAs(bob, child, under(id));
        assertEq(vm.getRecordedLogs().length, 2, "bound, and derived");
    }

    function test_burn() public {
        uint256[3] memory ids = [buyAs(bob, forever), buyAs(bob, monthly), buyAs(bob, bound_)];
        uint64[3] memory models = [forever, monthly, bound_];
        for (uint256 i; i < 3; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(ILicenseToken.LicenseToken_NotHolder.selector, ids[i], alice)
            );
            vm.prank(alice);
            licences.burn(ids[i]);

            vm.prank(bob);
            licences.burn(ids[i]);
            assertHolding(bob, models[i], Holding(0, 0, 0, false));
            assertFalse(licensing.entitled(bob, models[i], Right.Use), "not any more");
        }
        assertEq(licences.balanceOf(bob), 0, "balance");
        assertNotEq(buyAs(bob, forever), ids[0], "an id is not used again");
    }

    /*//////////////////////////////////////////////////////////////
                                 VIEWS
    //////////////////////////////////////////////////////////////*/

    function test_views_revertWhenThereIsNone() public {
        bytes memory none_ =
            abi.encodeWithSelector(IERC721Errors.ERC721NonexistentToken.selector, 7);
        vm.expectRevert(none_);
        licences.expiresAt(7);
        vm.expectRevert(none_);
        licences.locked(7);
        vm.expectRevert(none_);
        licences.tokenURI(7);
        vm.expectRevert(none_);
        licences.burn(7);
    }

    function test_tokenURI() public {
        string memory json = licences.tokenURI(buyAs(bob, monthly));
        string memory head = "data:application/json;utf8,";
        assertTrue(vm.indexOf(json, head) == 0, "a data URI");
        json = vm.replace(json, head, "");
        assertEq(vm.parseJsonString(json, ".name"), "Licence 2/1/1", "name");
        assertEq(vm.parseJsonString(json, ".attributes[0].value"), "2", "model");
        assertEq(
            vm.parseJsonBytes32(json, ".attributes[1].value"),
            licensing.offerOf(monthly, 1).termsId,
            "terms"
        );
        assertEq(vm.parseJsonUint(json, ".attributes[2].value"), START + 30 days, "expiry");
    }

    function test_collection() public view {
        assertEq(licences.name(), "Anacostia Licences", "name");
        assertEq(licences.symbol(), "LICENCE", "symbol");
        assertEq(licences.version(), "1.0.0", "version");
        assertEq(address(licences.licensing()), address(licensing), "licensing");
        string memory json = vm.replace(licences.contractURI(), "data:application/json;utf8,", "");
        assertEq(vm.parseJsonString(json, ".name"), "Anacostia Licences", "name");
    }

    function test_supportsInterface() public view {
        assertTrue(licences.supportsInterface(type(IERC165).interfaceId), "ERC-165");
        assertTrue(licences.supportsInterface(type(IERC721).interfaceId), "ERC-721");
        assertTrue(licences.supportsInterface(type(IERC721Metadata).interfaceId), "metadata");
        assertTrue(licences.supportsInterface(0x49064906), "ERC-4906");
        assertTrue(licences.supportsInterface(0xb45a3c0e), "ERC-5192");
        assertTrue(licences.supportsInterface(type(IERC7572).interfaceId), "ERC-7572");
        assertFalse(licences.supportsInterface(0xffffffff), "none");
    }

    function assertHolding(address who, uint64 modelId, Holding memory expected) internal view {
        Holding memory found = licences.holdingOf(who, modelId, 1);
        assertEq(abi.encode(found), abi.encode(expected), "holding");
    }
}
