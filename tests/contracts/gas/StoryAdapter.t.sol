// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {StoryPurchase, StoryRegistration} from "../../../contracts/types/Story.sol";
import {StoryTest} from "../Story.t.sol";

/// @notice What the adapter's transactions cost on the double, whose own parts are cheaper than
/// Story's: these figures show what changes here, not what is paid there.
contract StoryAdapterGasTest is StoryTest {
    function setUp() public override {
        vm.skip(keccak256(bytes(vm.envOr("FOUNDRY_PROFILE", string("")))) != keccak256("ship"));
        super.setUp();
    }

    function test_size() public {
        vm.snapshotValue("size", "StoryAdapter", address(adapter).code.length);
    }

    function test_register() public {
        uint64 modelId = registerAs(owner, NAME);
        StoryRegistration memory wanted = registration(modelId, remix(10_000_000));
        vm.prank(owner);
        adapter.register(wanted);
        vm.snapshotGasLastCall("StoryAdapter", "register, with new terms");
    }

    function test_buy() public {
        (address ipId, uint256 termsId) = offered(remix(10_000_000));
        StoryPurchase memory wanted = purchase(ipId, termsId, 1, alice);
        vm.prank(alice);
        adapter.buy{value: FEE}(wanted);
        vm.snapshotGasLastCall("StoryAdapter", "buy, first of all");
        vm.prank(alice);
        adapter.buy{value: FEE}(wanted);
        vm.snapshotGasLastCall("StoryAdapter", "buy, once more");
    }

    function test_pay() public {
        (address ipId,) = offered(remix(10_000_000));
        royalties.deployVault(ipId);
        vm.prank(alice);
        adapter.pay{value: FEE}(ipId);
        vm.snapshotGasLastCall("StoryAdapter", "pay, first of all");
    }
}
