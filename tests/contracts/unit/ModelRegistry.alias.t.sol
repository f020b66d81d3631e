// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModelRegistry} from "../../../contracts/interfaces/IModelRegistry.sol";
import {Labels} from "../../../contracts/libraries/Labels.sol";
import {Alias, AliasMove, RevocationReason, Status} from "../../../contracts/types/Model.sol";
import {BaseTest} from "../Base.t.sol";

/// @notice Aliases: who moves them, where they may point, what they remember.
contract ModelRegistryAliasTest is BaseTest {
    uint64 internal model;
    address internal gate = makeAddr("gate");

    function setUp() public override {
        super.setUp();
        model = registerAs(alice, NAME);
        for (uint256 i; i < 4; ++i) {
            publishAs(alice, model);
        }
    }

    function test_setAlias_moves() public {
        vm.expectEmit(address(registry));
        emit IModelRegistry.AliasSet(model, CHAMPION, 2, 0);
        moveAlias(alice, model, 2);
        expectAlias(2, START, 1, address(0));

        vm.warp(START + 9);
        vm.expectEmit(address(registry));
        emit IModelRegistry.AliasSet(model, CHAMPION, 1, 2);
        moveAlias(alice, model, 1);
        expectAlias(1, START + 9, 2, address(0));
    }

    function test_setAlias_toNothing() public {
        moveAlias(alice, model, 2);
        vm.warp(START + 9);
        vm.expectEmit(address(registry));
        emit IModelRegistry.AliasSet(model, CHAMPION, 0, 2);
        moveAlias(alice, model, 0);
        expectAlias(0, START + 9, 2, address(0));
        assertEq(registry.aliasAt(model, CHAMPION, START + 8), 2, "what was stays");
    }

    function test_setAlias_toADeprecatedVersion() public {
        vm.prank(alice);
        registry.deprecate(model, 2);
        moveAlias(alice, model, 2);
    }

    function test_setAlias_keepsPointingToWhatIsRevokedLater() public {
        moveAlias(alice, model, 2);
        vm.prank(alice);
        registry.revoke(model, 2, RevocationReason.Defective);
        expectAlias(2, START, 1, address(0));
    }

    function test_setAlias_takesLabelsOf1To32Characters() public {
        vm.startPrank(alice);
        registry.setAlias(model, "c", 1);
        registry.setAlias(model, "stage/production-eu_west.1234567", 2);
        assertEq(registry.aliasOf(model, "c").version, 1, "short");
        assertEq(registry.aliasOf(model, "stage/production-eu_west.1234567").version, 2, "long");
    }

    function test_setAlias_revertsWhenTheLabelIsNotWellFormed() public {
        expectBadLabel(0, abi.encodeWithSelector(Labels.Labels_Empty.selector));
        expectBadLabel("a b", badCharacter(" "));
        expectBadLabel(hex"610062", badCharacter(0)); // a zero between
        expectBadLabel(hex"0061", badCharacter(0)); // a zero first
        expectBadLabel(bytes32(uint256(0x61)), badCharacter(0)); // right-aligned
        expectBadLabel(bytes32(uint256(1)), badCharacter(0)); // as good as empty, to a careless eye
        expectBadLabel(hex"ff", badCharacter(0xff));
    }

    function test_setAlias_revertsWhenTheVersionIsUnknown() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnknownVersion.selector, model, 6)
        );
        moveAlias(alice, model, 6);
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnknownVersion.selector, 2, 1)
        );
        moveAlias(alice, 2, 1);
    }

    function test_setAlias_revertsWhenTheVersionIsRevoked() public {
        vm.prank(alice);
        registry.revoke(model, 2, RevocationReason.Unspecified);
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.ModelRegistry_WrongStatus.selector, model, 2, Status.Revoked
            )
        );
        moveAlias(alice, model, 2);
    }

    function test_setAlias_revertsWhenItPointsThereAlready() public {
        expectUnchanged(model, 0); // never set
        expectUnchanged(2, 0); // of no model
        moveAlias(alice, model, 2);
        expectUnchanged(model, 2);
        moveAlias(alice, model, 0);
        expectUnchanged(model, 0);
    }

    function test_setAlias_revertsWhenTheCallerIsNotTheOwner() public {
        vm.startPrank(alice);
        registry.setPublisher(model, carol, type(uint64).max);
        nft.setApprovalForAll(eve, true);
        vm.stopPrank();
        expectNotController(bob);
        expectNotController(carol); // a publisher publishes, no more
        expectNotController(eve); // an operator sells, no more

        transfer(alice, bob, model);
        expectNotController(alice);
        moveAlias(bob, model, 2);
    }

    /*//////////////////////////////////////////////////////////////
                                  GATES
    //////////////////////////////////////////////////////////////*/

    function test_setAliasGate_leavesTheAliasToTheGateAlone() public {
        moveAlias(alice, model, 2);
        vm.expectEmit(address(registry));
        emit IModelRegistry.AliasGateSet(model, CHAMPION, gate, address(0));
        gateAlias(alice, model, gate);
        expectAlias(2, START, 1, gate);

        expectNotController(alice);
        expectNotController(eve);
        moveAlias(gate, model, 3);
        expectAlias(3, START, 2, gate);

        // It is a gate of this alias and of no other.
        vm.prank(alice);
        registry.setAlias(model, "canary", 4);
    }

    function test_setAliasGate_beforeTheFirstMove() public {
        gateAlias(alice, model, gate);
        expectAlias(0, 0, 0, gate);
        moveAlias(gate, model, 1);
    }

    function test_setAliasGate_onlyTheGateReplacesItself() public {
        gateAlias(alice, model, gate);
        vm.expectEmit(address(registry));
        emit IModelRegistry.AliasGateSet(model, CHAMPION, carol, gate);
        gateAlias(gate, model, carol);
        expectNotController(gate);

        vm.expectEmit(address(registry));
        emit IModelRegistry.AliasGateSet(model, CHAMPION, address(0), carol);
        gateAlias(carol, model, address(0));
        expectAlias(0, 0, 0, address(0));
        expectNotController(carol);
        moveAlias(alice, model, 1);
    }

    function test_setAliasGate_outlivesATransfer() public {
        // Else its owner could shake it off by a transfer to another account of its own.
        gateAlias(alice, model, gate);
        transfer(alice, bob, model);
        expectNotController(alice);
        expectNotController(bob);
        moveAlias(gate, model, 1);
    }

    function test_setAliasGate_revertsWhenTheModelIsUnknown() public {
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_UnknownModel.selector, 2)
        );
        gateAlias(alice, 2, gate);
    }

    function test_setAliasGate_revertsWhenTheLabelIsNotWellFormed() public {
        vm.expectRevert(Labels.Labels_Empty.selector);
        registry.setAliasGate(model, 0, gate);
        vm.expectRevert(badCharacter(0));
        registry.setAliasGate(model, bytes32(uint256(1)), gate);
    }

    /*//////////////////////////////////////////////////////////////
                                 HISTORY
    //////////////////////////////////////////////////////////////*/

    function test_aliasAt_isWhatItPointedToThen() public {
        for (uint64 i; i < 8; ++i) {
            vm.warp(START + 10 * (i + 1));
            moveAlias(alice, model, uint32(i % 5 + 1));
        }
        vm.warp(START + 1000);
        assertEq(registry.aliasAt(model, CHAMPION, 0), 0, "long before");
        assertEq(registry.aliasAt(model, CHAMPION, START + 9), 0, "just before the first move");
        for (uint64 i; i < 8; ++i) {
            uint64 since = START + 10 * (i + 1);
            assertEq(registry.aliasAt(model, CHAMPION, since), i % 5 + 1, "from then on");
            assertEq(registry.aliasAt(model, CHAMPION, since + 9), i % 5 + 1, "until the next");
        }
        assertEq(registry.aliasAt(model, CHAMPION, START + 999), 3, "until now");
        assertEq(registry.aliasAt(model, "canary", START), 0, "never set");
    }

    function test_aliasAt_ofTwoMovesInOneSecondIsTheLast() public {
        moveAlias(alice, model, 1);
        moveAlias(alice, model, 2);
        vm.warp(START + 1);
        assertEq(registry.aliasAt(model, CHAMPION, START), 2, "at");
        assertEq(registry.aliasHistory(model, CHAMPION, 0, 9).length, 2, "both are remembered");
    }

    function test_aliasAt_revertsUntilTheTimeIsOver() public {
        moveAlias(alice, model, 1);
        expectNotPast(START); // another move may follow in this very second
        expectNotPast(START + 1);
        expectNotPast(type(uint64).max);
        assertEq(registry.aliasAt(model, CHAMPION, START - 1), 0);
    }

    function test_aliasHistory_inPages() public {
        assertEq(registry.aliasHistory(model, CHAMPION, 0, 9).length, 0, "never set");
        for (uint32 i; i < 5; ++i) {
            vm.warp(START + i);
            moveAlias(alice, model, i + 1);
        }
        for (uint32 offset; offset < 7; ++offset) {
            for (uint32 limit; limit < 7; ++limit) {
                AliasMove[] memory page = registry.aliasHistory(model, CHAMPION, offset, limit);
                uint256 rest = offset < 5 ? 5 - offset : 0;
                assertEq(page.length, limit < rest ? limit : rest, "length");
                for (uint32 i; i < page.length; ++i) {
                    assertEq(page[i].version, offset + i + 1, "version");
                    assertEq(page[i].since, START + offset + i, "since");
                }
            }
        }
        uint32 most = type(uint32).max;
        assertEq(registry.aliasHistory(model, CHAMPION, 1, most).length, 4, "no overflow");
        assertEq(registry.aliasHistory(model, CHAMPION, most, most).length, 0, "no overflow");
    }

    function expectAlias(uint32 version, uint64 since, uint32 moves, address gate_) internal view {
        Alias memory now_ = registry.aliasOf(model, CHAMPION);
        assertEq(now_.version, version, "version");
        assertEq(now_.since, since, "since");
        assertEq(now_.moves, moves, "moves");
        assertEq(now_.gate, gate_, "gate");
    }

    function expectUnchanged(uint64 modelId, uint32 version) internal {
        vm.expectRevert(
            abi.encodeWithSelector(
                IModelRegistry.ModelRegistry_AliasUnchanged.selector, modelId, CHAMPION, version
            )
        );
        moveAlias(alice, modelId, version);
    }

    function expectNotController(address who) internal {
        bytes memory notController = abi.encodeWithSelector(
            IModelRegistry.ModelRegistry_NotAliasController.selector, model, CHAMPION, who
        );
        vm.expectRevert(notController);
        moveAlias(who, model, 5);
        vm.expectRevert(notController);
        gateAlias(who, model, who);
    }

    function expectNotPast(uint64 time) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IModelRegistry.ModelRegistry_TimeNotPast.selector, time)
        );
        registry.aliasAt(model, CHAMPION, time);
    }

    function expectBadLabel(bytes32 label, bytes memory reason) internal {
        vm.expectRevert(reason);
        vm.prank(alice);
        registry.setAlias(model, label, 1);
    }

    function badCharacter(bytes1 character) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(Labels.Labels_BadCharacter.selector, character);
    }
}
