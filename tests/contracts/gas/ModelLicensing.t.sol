// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ParentLicense, RevenueAccount, Terms} from "../../../contracts/types/License.sol";
import {Order} from "../../../contracts/types/Market.sol";
import {Relation} from "../../../contracts/types/Model.sol";
import {LicensingTest} from "../Licensing.t.sol";
import {GoodToken} from "../mocks/Tokens.sol";

/// @notice What each transaction of licensing and of the market costs in all; see the registry's.
contract ModelLicensingGasTest is LicensingTest {
    uint64 internal base;
    GoodToken internal coin;

    function setUp() public override {
        vm.skip(keccak256(bytes(vm.envOr("FOUNDRY_PROFILE", string("")))) != keccak256("ship"));
        super.setUp();
        base = offered(alice, "acme/base", remix(1000));
        coin = new GoodToken();
        coin.mint(bob, 1000 ether);
        coin.mint(carol, 1000 ether);
        vm.prank(bob);
        coin.approve(address(licensing), type(uint256).max);
    }

    function test_size() public {
        snapSize("ModelLicensing", address(licensing));
        snapSize("LicenseToken", address(licences));
        snapSize("ModelMarket", address(market));
    }

    function test_terms() public {
        licensing.registerTerms(remix(500));
        snap("registerTerms", 250_000);
        licensing.registerTerms(remix(500));
        snap("registerTerms, known", 50_000);
    }

    function test_offer() public {
        uint64 model = registerAs(alice, NAME);
        bytes32 termsId = licensing.registerTerms(remix(1000));
        vm.prank(alice);
        licensing.offer(model, termsId, fixedPrice(NATIVE, PRICE), 0);
        snap("offer", 185_000);
        vm.prank(alice);
        licensing.reprice(model, 1, fixedPrice(NATIVE, 2 * PRICE), 0);
        snap("reprice", 60_000);
        vm.prank(alice);
        licensing.withdraw(model, 1);
        snap("withdraw", 55_000);
    }

    function test_buy() public {
        buyAs(bob, base);
        snap("buy, first sale, first licence of the buyer", 150_000);
        buyAs(carol, base);
        snap("buy, first licence of the buyer", 150_000);
        buyAs(carol, base);
        snap("buy, once more", 150_000);
    }

    function test_buy_withTime() public {
        Terms memory terms = remix(1000);
        terms.duration = 30 days;
        uint64 model = offered(alice, NAME, terms);
        buyAs(bob, model);
        snap("buy, with a duration, first of all", 150_000);
        buyAs(bob, model);
        snap("buy, extending", 150_000);
    }

    function test_buy_locked() public {
        Terms memory terms = remix(1000);
        terms.transferable = false;
        buyAs(bob, offered(alice, NAME, terms));
        snap("buy, locked, first of all", 150_000);
    }

    function test_buy_withAToken() public {
        offerAs(alice, base, remix(1000), fixedPrice(address(coin), PRICE));
        buyAs(bob, purchase(base, 2, address(coin), bob), 0);
        snap("buy, with an ERC-20 token, first of all", 210_000);
    }

    function test_derive() public {
        uint256 first = buyAs(bob, base);
        uint64 child = registerAs(bob, "bob/child");
        deriveAs(bob, child, under(first));
        snap("derive, one parent", 120_000);

        uint64 deepest = child;
        for (uint256 depth; depth < 10; ++depth) {
            offerAs(bob, deepest, remix(1000), fixedPrice(NATIVE, PRICE));
            uint256 licenseId = buyAs(bob, deepest);
            deepest = registerAs(bob, string.concat("bob/", vm.toString(depth)));
            deriveAs(bob, deepest, under(licenseId));
        }
        snap("derive, one parent, ten generations down", 120_000);
    }

    function test_derive_8Parents() public {
        ParentLicense[] memory parents = new ParentLicense[](8);
        for (uint256 i; i < 8; ++i) {
            uint64 model = offered(alice, string.concat("acme/", vm.toString(i)), remix(1000));
            parents[i] = parent(buyAs(bob, model), Relation.Merge);
        }
        deriveAs(bob, registerAs(bob, "bob/merge"), parents);
        snap("derive, 8 parents", 610_000);
    }

    function test_royalties() public {
        uint64 child = derived(bob, "bob/child", base);
        offerAs(bob, child, remix(1000), fixedPrice(NATIVE, PRICE));
        RevenueAccount[] memory both = new RevenueAccount[](2);
        both[0] = RevenueAccount(child, bob, NATIVE);
        both[1] = RevenueAccount(base, alice, NATIVE);

        vm.prank(bob);
        licensing.pay(child, address(coin), PRICE, noPermit());
        settle(child, bob, address(coin));
        snap("settle, one parent, first in an asset", 110_000);
        buyAs(carol, child);
        settle(child, bob, NATIVE);
        vm.prank(bob);
        licensing.claim(NATIVE, bob);
        snap("claim", 50_000);
        buyAs(carol, child);
        settle(child, bob, NATIVE);
        snap("settle, one parent", 100_000);
        buyAs(carol, child);
        vm.prank(alice);
        licensing.settleAndClaim(both, NATIVE, alice);
        snap("settleAndClaim, from a derivative", 100_000);
    }

    function test_keys() public {
        uint256 licenseId = buyAs(bob, base);
        vm.prank(bob);
        licensing.requestKey(licenseId, keccak256("key"));
        snap("requestKey", 35_000);
        vm.prank(alice);
        licensing.deliverEnvelope(licenseId, 1, new bytes(80));
        snap("deliverEnvelope", 55_000);
    }

    function test_transfer() public {
        uint256 licenseId = buyAs(bob, base);
        vm.prank(bob);
        licences.transferFrom(bob, carol, licenseId);
        snap("transfer a licence", 85_000);
    }

    function test_market() public {
        vm.prank(alice);
        nft.setApprovalForAll(address(market), true);
        vm.prank(alice);
        market.list(base, fixedPrice(NATIVE, 1 ether), START + 1 days, new RevenueAccount[](0));
        snap("market: list", 100_000);
        Order memory order = Order(base, NATIVE, 1 ether, START, bob, market.stateOf(base));
        vm.prank(bob);
        market.buy{value: 1 ether}(order, noPermit(), new RevenueAccount[](0));
        snap("market: buy", 150_000);
        vm.prank(alice);
        market.claim(NATIVE, alice);
        snap("market: claim", 50_000);
    }

    function snapSize(string memory name, address deployed) internal {
        uint256 size = deployed.code.length;
        vm.snapshotValue("size", name, size);
        assertLe(size, 24_576, name); // EIP-170
    }

    function snap(string memory name, uint256 aim) internal {
        assertLe(vm.snapshotGasLastCall("ModelLicensing", name), aim, name);
    }
}
