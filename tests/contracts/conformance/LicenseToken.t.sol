// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/interfaces/IERC721Metadata.sol";

import {IERC5192} from "../../../contracts/interfaces/IERC5192.sol";
import {Terms} from "../../../contracts/types/License.sol";
import {LicensingTest} from "../Licensing.t.sol";
import {Erc4906Conformance} from "./Erc4906.sol";
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

/// @notice The licences' token against ERC-4906: whatever is done with licences, of an offer whose
/// terms have a duration and of one whose terms have none.
contract LicenseTokenMetadataConformanceTest is LicensingTest, Erc4906Conformance {
    uint32 private constant _LASTING = 1;
    uint32 private constant _EXPIRING = 2;

    uint64 private _model;
    uint256[] private _ids;
    uint256 private _count;

    function setUp() public override {
        super.setUp();
        _model = offered(eve, "licensed", remix(0));
        Terms memory terms = remix(0);
        terms.duration = 30 days;
        offerAs(eve, _model, terms, fixedPrice(NATIVE, PRICE));
        _buy(_EXPIRING, alice);
        _buy(_EXPIRING, bob);
    }

    function metadataToken() internal view override returns (IERC721Metadata) {
        return licences;
    }

    function tokenIds() internal view override returns (uint256[] memory) {
        return _ids;
    }

    function change(uint256 id) internal override {
        _buy(_EXPIRING, licences.ownerOf(id));
    }

    function doSomething(uint256 seed) internal override {
        uint256 id = _ids[(seed >> 8) % _ids.length];
        address holder = licences.ownerOf(id);
        address other = (seed >> 16) % 2 == 0 ? carol : bob;
        uint256 kind = seed % 10;
        if (kind < 3) {
            _buy(_EXPIRING, other);
        } else if (kind == 3) {
            _buy(_LASTING, other);
        } else if (kind == 4) {
            vm.warp(block.timestamp + (seed >> 24) % 60 days);
        } else if (kind == 5) {
            uint256 gone = buyAs(alice, purchase(_model, _LASTING, NATIVE, alice), PRICE);
            vm.prank(alice);
            licences.burn(gone);
        } else if (kind == 6) {
            vm.prank(holder);
            try licences.approve(other, id) {} catch {}
        } else if (kind == 7) {
            // Refused if it is bound, or if the other has one that expires too.
            vm.prank(holder);
            try licences.transferFrom(holder, other, id) {} catch {}
        } else if (kind == 8) {
            uint64 child = registerAs(holder, vm.toString(++_count));
            vm.prank(holder);
            try licensing.derive(child, under(id)) {} catch {} // refused once it has expired
        } else {
            offerAs(eve, _model, remix(0), fixedPrice(NATIVE, PRICE));
        }
    }

    function _buy(uint32 number, address to) private {
        uint256 id = buyAs(to, purchase(_model, number, NATIVE, to), PRICE);
        for (uint256 i; i < _ids.length; ++i) {
            if (_ids[i] == id) return;
        }
        _ids.push(id);
    }
}
