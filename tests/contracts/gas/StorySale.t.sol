// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {StoryOffer, StoryOrder} from "../../../contracts/types/StorySale.sol";
import {StorySaleTest} from "../StorySale.t.sol";

/// @notice What the sale costs on the double; see `StoryAdapterGasTest`.
contract StorySaleGasTest is StorySaleTest {
    function setUp() public override {
        vm.skip(keccak256(bytes(vm.envOr("FOUNDRY_PROFILE", string("")))) != keccak256("ship"));
        super.setUp();
    }

    function test_size() public {
        vm.snapshotValue("size", "StorySale", address(sale).code.length);
    }

    function test_buy() public {
        StoryOffer memory made = offer();
        bytes memory signature = sign(made, ownerKey);
        StoryOrder memory wanted = order(1, alice);
        vm.prank(alice);
        sale.buy{value: PRICE}(made, signature, wanted);
        vm.snapshotGasLastCall("StorySale", "buy, first of all");
        vm.prank(alice);
        sale.buy{value: PRICE}(made, signature, wanted);
        vm.snapshotGasLastCall("StorySale", "buy, once more");
        vm.prank(owner);
        sale.cancelOffers();
        vm.snapshotGasLastCall("StorySale", "cancelOffers");
    }
}
