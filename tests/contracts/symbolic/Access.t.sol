// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {RunLedger} from "../../../contracts/RunLedger.sol";
import {Status, Version} from "../../../contracts/types/Model.sol";
import {BaseTest} from "../Base.t.sol";

/// @dev The symbolic executor's cheat codes that are used here.
interface Svm {
    /// @notice Any call of a contract's functions that may write, with any arguments.
    function createCalldata(string memory contractName) external view returns (bytes memory);
}

/// @notice What a stranger cannot do, whatever it calls with whatever arguments.
contract AccessSymbolicTest is BaseTest {
    Svm internal constant SVM = Svm(address(uint160(uint256(keccak256("svm cheat code")))));

    bytes32 internal constant OPEN = "open"; // an alias without a gate

    RunLedger internal ledger;
    bytes32 internal logId;
    uint64 internal model;

    function setUp() public override {
        super.setUp();
        // Names' addresses are unknowns to the executor, and might be the same one.
        (alice, bob, carol) = (address(0xa11ce), address(0xb0b), address(0xca401));
        model = registerAs(alice, "acme/lm");
        publishAs(alice, model);
        moveAlias(alice, model, 1);
        gateAlias(alice, model, bob);
        vm.startPrank(alice);
        registry.setAlias(model, OPEN, 1);
        registry.setPublisher(model, carol, START + 1 days);
        nft.setRoyalty(model, carol, 100);
        vm.stopPrank();
        ledger = new RunLedger();
        vm.startPrank(alice);
        logId = ledger.openLog("salt", alice);
        ledger.anchor(logId, 1, bytes32(uint256(7)), new bytes32[](0));
        vm.stopPrank();
    }

    /// @notice Nobody but the owner, a publisher and the gate changes anything of a model, unless one
    /// of them has signed it: to the executor any signature may be theirs, so that it is left out. Nor
    /// does anybody become a publisher by its own doing.
    function check_registry_strangers(address caller) public {
        vm.assume(caller != address(0) && caller != alice && caller != bob && caller != carol);
        bytes32 before = state();
        bytes memory data = SVM.createCalldata("ModelRegistry");
        vm.assume(bytes4(data) != registry.publishBySig.selector);
        vm.prank(caller);
        (bool success,) = address(registry).call(data);
        vm.assume(success);
        assert(state() == before);
        assert(registry.publisherExpiry(model, caller) == 0);
    }

    /// @notice A published version never changes, not even by its owner: root, parents, publisher,
    /// time; its status only moves on.
    function check_registry_versionsNeverChange(address caller) public {
        Version memory old = registry.versionOf(model, 1);
        vm.prank(caller);
        (bool success,) = address(registry).call(SVM.createCalldata("ModelRegistry"));
        vm.assume(success);
        Version memory now_ = registry.versionOf(model, 1);
        assert(now_.root.digest == old.root.digest && now_.root.codec == old.root.codec);
        assert(now_.publisher == old.publisher && now_.publishedAt == old.publishedAt);
        assert(now_.parentCount == old.parentCount);
        assert(uint8(now_.status) >= uint8(old.status) && now_.status != Status.None);
    }

    /// @notice A gated alias moves by its gate alone: not by the model's owner.
    function check_registry_gatedAliasMovesByItsGate(address caller) public {
        vm.assume(caller != address(0) && caller != bob);
        uint32 before = registry.aliasOf(model, CHAMPION).version;
        vm.prank(caller);
        (bool success,) = address(registry).call(SVM.createCalldata("ModelRegistry"));
        vm.assume(success);
        assert(registry.aliasOf(model, CHAMPION).version == before);
    }

    /// @notice Nobody takes a model from its owner, lets itself act for it, or sets its royalty.
    function check_nft_strangers(address caller) public {
        vm.assume(caller != address(0) && caller != alice && caller != address(registry));
        vm.prank(caller);
        (bool success,) = address(nft).call(SVM.createCalldata("ModelNFT"));
        vm.assume(success);
        assert(nft.ownerOf(model) == alice);
        assert(nft.getApproved(model) == address(0));
        assert(!nft.isApprovedForAll(alice, caller));
        (address receiver, uint256 royalty) = nft.royaltyInfo(model, 10_000);
        assert(receiver == carol && royalty == 100);
        (, uint64 transfers) = nft.ownershipOf(model);
        assert(transfers == 0);
    }

    /// @notice Nobody but the writer moves a log's head, and nobody but the owner names the writer.
    function check_ledger_strangers(address caller) public {
        vm.assume(caller != address(0) && caller != alice);
        vm.prank(caller);
        (bool success,) = address(ledger).call(SVM.createCalldata("RunLedger"));
        vm.assume(success);
        (uint64 size, bytes32 root) = ledger.headOf(logId);
        (address owner, address writer) = ledger.logOf(logId);
        assert(size == 1 && root == bytes32(uint256(7)));
        assert(owner == alice && writer == alice);
    }

    function state() internal view returns (bytes32) {
        return keccak256(
            abi.encode(
                registry.modelOf(model),
                registry.versionOf(model, 1),
                registry.versionOf(model, 2),
                registry.parentsOf(model, 2),
                registry.aliasOf(model, CHAMPION),
                registry.aliasOf(model, OPEN),
                registry.publisherExpiry(model, carol),
                nft.ownerOf(model)
            )
        );
    }
}
