// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Kind} from "../../../contracts/types/Model.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice What each transaction costs in all, in the profile that ships: calldata and the 21,000 of
/// a transaction included, every slot cold, arguments as real ones are.
contract ModelRegistryGasTest is BaseTest {
    uint64 internal own;
    uint64 internal other;

    function setUp() public override {
        super.setUp();
        other = registerAs(bob, "bob/base");
        own = registerAs(alice, "acme/first");
    }

    function test_register() public {
        vm.prank(carol);
        registry.register(NAME, Kind.Model, cid(1), none());
        snap("register, first of its creator", 200_000);
        vm.prank(alice);
        registry.register(NAME, Kind.Model, cid(1), none());
        snap("register", 200_000);
    }

    function test_publish() public {
        vm.prank(alice);
        registry.publish(own, cid(2), none());
        snap("publish", 85_000);
        vm.prank(alice);
        registry.publish(own, cid(3), one(other, 1));
        snap("publish with a parent of another model", 110_000);
    }

    function test_setAlias() public {
        publishAs(alice, own);
        vm.prank(alice);
        registry.setAlias(own, CHAMPION, 1);
        snap("setAlias, first", 60_000);
        vm.prank(alice);
        registry.setAlias(own, CHAMPION, 2);
        snap("setAlias, move", 60_000);
        vm.prank(alice);
        registry.setAlias(own, CHAMPION, 1);
        snap("setAlias, next move", 60_000);
        vm.prank(alice);
        registry.setAlias(own, CHAMPION, 2);
        snap("setAlias, move that files three", 60_000);
    }

    function snap(string memory name, uint256 aim) internal {
        uint256 gas = vm.snapshotGasLastCall("ModelRegistry", name);
        assertLe(gas, aim, name);
    }
}
