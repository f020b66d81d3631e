// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RunLedger} from "../../../contracts/RunLedger.sol";
import {Kind, Parent, RevocationReason, Status} from "../../../contracts/types/Model.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice Where everything is stored: what the `// slot n` marks say, read from the raw slots, because
/// storage proofs (and whoever checks one) depend on it.
contract LayoutTest is BaseTest {
    uint64 internal base;
    uint64 internal model;

    function setUp() public override {
        super.setUp();
        base = registerAs(bob, "base");
        model = registerAs(alice, NAME);
        Parent[] memory parents = new Parent[](3);
        (parents[0], parents[1]) = (two(base, 1, base, 2)[0], two(base, 1, base, 2)[1]);
        parents[2] = one(model, 1)[0];
        publishAs(bob, base);
        publishAs(alice, model, parents);
    }

    function test_modelCount() public view {
        assertEq(uint256(load(2)), 2);
    }

    function test_modelIdOf() public view {
        bytes32 ofCreator = keccak256(abi.encode(alice, 3));
        assertEq(uint256(load(keccak256(abi.encodePacked(NAME, ofCreator)))), model);
    }

    function test_nonces() public {
        vm.store(address(registry), keccak256(abi.encode(alice, 4)), bytes32(uint256(7)));
        assertEq(registry.nonces(alice), 7);
    }

    function test_models() public view {
        bytes32 slot = keccak256(abi.encode(model, 5));
        uint256 word = uint256(load(slot));
        assertEq(address(uint160(word)), alice, "creator");
        assertEq(uint32(word >> 160), 2, "latestVersion");
        assertEq(uint8(word >> 192), uint8(Kind.Model), "kind");
        assertEq(word >> 200, 0, "nothing else");
        assertEq(uint8(uint256(load(offset(slot, 1)))), 2 * bytes(NAME).length, "name, in place");
    }

    function test_versions() public {
        vm.prank(alice);
        registry.revoke(model, 2, RevocationReason.LegalOrder);
        bytes32 slot = keccak256(abi.encode(uint256(model) << 32 | 2, 6));
        assertEq(load(slot), registry.versionOf(model, 2).root.digest, "digest");

        uint256 word = uint256(load(offset(slot, 1)));
        assertEq(address(uint160(word)), alice, "publisher");
        assertEq(uint64(word >> 160), START, "publishedAt");
        assertEq(uint8(word >> 224), 0x70, "codec");
        assertEq(uint8(word >> 232), uint8(Status.Revoked), "status");
        assertEq(uint8(word >> 240), uint8(RevocationReason.LegalOrder), "reason");
        assertEq(uint8(word >> 248), 3, "parentCount");
    }

    function test_parents() public view {
        bytes32 slot = offset(keccak256(abi.encode(uint256(model) << 32 | 2, 6)), 2);
        Parent[] memory parents = registry.parentsOf(model, 2);
        uint256 pair = uint256(load(keccak256(abi.encode(0, slot))));
        assertEq(pair & type(uint104).max, edge(parents[0]), "first");
        assertEq(pair >> 104, edge(parents[1]), "second");
        assertEq(uint256(load(keccak256(abi.encode(1, slot)))), edge(parents[2]), "third");
        assertEq(uint256(load(keccak256(abi.encode(2, slot)))), 0, "no more");
    }

    function test_aliases() public {
        gateAlias(alice, model, address(this));
        for (uint32 i; i < 5; ++i) {
            registry.setAlias(model, CHAMPION, i % 2 + 1);
        }
        bytes32 slot = keccak256(abi.encode(CHAMPION, keccak256(abi.encode(model, 7))));
        uint256 word = uint256(load(slot));
        assertEq(word & type(uint72).max, move(2), "fourth move");
        assertEq((word >> 72) & type(uint72).max, move(1), "fifth move");
        assertEq((word >> 144) & type(uint72).max, 0, "no sixth move");
        assertEq(uint24(word >> 216), 5, "moves");
        assertEq(uint8(word >> 240), 1, "gated");
        assertEq(uint256(load(offset(slot, 1))), uint160(address(this)), "gate");

        word = uint256(load(keccak256(abi.encode(0, offset(slot, 2)))));
        assertEq(word, move(1) | move(2) << 72 | move(1) << 144, "first three moves");
    }

    function test_publishers() public {
        transfer(alice, bob, model);
        vm.prank(bob);
        registry.setPublisher(model, carol, START + 1);
        bytes32 slot = keccak256(abi.encode(model, 8));
        slot = keccak256(abi.encode(carol, keccak256(abi.encode(1, slot))));
        assertEq(uint256(load(slot)), START + 1);
    }

    function test_terms() public {
        vm.prank(alice);
        nft.setRoyalty(model, carol, 250);
        transfer(alice, bob, model);
        uint256 word = uint256(vm.load(address(nft), keccak256(abi.encode(model, 6))));
        assertEq(address(uint160(word)), carol, "royaltyReceiver");
        assertEq(uint16(word >> 160), 250, "royaltyBps");
        assertEq(uint64(word >> 176), 1, "transfers");
    }

    function test_logs() public {
        RunLedger ledger = new RunLedger();
        vm.prank(alice);
        bytes32 logId = ledger.openLog("salt", bob);
        vm.prank(bob);
        ledger.anchor(logId, 7, "root", new bytes32[](0));
        bytes32 slot = keccak256(abi.encode(logId, 0));
        uint256 word = uint256(vm.load(address(ledger), slot));
        assertEq(address(uint160(word)), bob, "writer");
        assertEq(word >> 160, 7, "size");
        assertEq(vm.load(address(ledger), offset(slot, 1)), "root", "root");
        assertEq(uint256(vm.load(address(ledger), offset(slot, 2))), uint160(alice), "owner");
    }

    function edge(Parent memory parent) internal pure returns (uint256) {
        return uint256(parent.modelId) << 40 | uint256(parent.version) << 8 | uint8(parent.relation);
    }

    function move(uint256 version) internal pure returns (uint256) {
        return uint256(START) << 32 | version;
    }

    function offset(bytes32 slot, uint256 by) internal pure returns (bytes32) {
        return bytes32(uint256(slot) + by);
    }

    function load(bytes32 slot) internal view returns (bytes32) {
        return vm.load(address(registry), slot);
    }

    function load(uint256 slot) internal view returns (bytes32) {
        return load(bytes32(slot));
    }
}
