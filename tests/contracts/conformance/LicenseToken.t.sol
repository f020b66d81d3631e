// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";

import {IERC5192} from "../../../contracts/interfaces/IERC5192.sol";
import {Terms} from "../../../contracts/types/License.sol";
import {Erc721Conformance} from "./Erc721.sol";

/// @notice The licences' token against ERC-721, ERC-165 and ERC-5192.
contract LicenseTokenConformanceTest is Erc721Conformance {
    uint64 private _model;
    uint64 private _serial;

    function setUp() public override {
        super.setUp();
        _model = offered(eve, "licensed", remix(0));
    }

    function token() internal view override returns (IERC721) {
        return licences;
    }

    function mintTo(address to) internal override returns (uint256) {
        vm.prank(eve);
        licensing.buy{value: PRICE}(purchase(_model, 1, NATIVE, to), noPermit());
        return license(_model, 1, ++_serial);
    }

    /// @notice "All functions that change ownership MUST throw if the token is locked", and it is
    /// locked if it says so; both are said by an event when it comes to be.
    function testFuzz_erc5192_lockedIsLocked(bool transferable, uint32 duration) public {
        Terms memory terms = remix(0);
        (terms.transferable, terms.duration) = (transferable, uint32(bound(duration, 0, 365 days)));
        uint32 number = offerAs(eve, _model, terms, fixedPrice(NATIVE, PRICE));
        uint256 id = license(_model, number, 1);
        if (!transferable) {
            vm.expectEmit(address(licences));
            emit IERC5192.Locked(id);
        }
        vm.prank(eve);
        licensing.buy{value: PRICE}(purchase(_model, number, NATIVE, alice), noPermit());
        assertEq(licences.locked(id), !transferable, "says so");
        vm.startPrank(alice);
        if (!transferable) vm.expectRevert();
        licences.transferFrom(alice, bob, id);
        assertEq(licences.ownerOf(id), transferable ? bob : alice, "is so");
    }

    /// @notice "NFTs assigned to zero address are considered invalid, and queries about them do throw."
    function testFuzz_erc5192_whatIsNotThere(uint256 id) public {
        vm.assume(id > type(uint128).max);
        vm.expectRevert();
        licences.locked(id);
    }
}
