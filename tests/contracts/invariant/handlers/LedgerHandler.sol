// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {RunLedger} from "../../../../contracts/RunLedger.sol";
import {PlainTree} from "../../PlainTree.sol";

/// @notice What a log must be: its records, in a list that only grows, and every head it ever had.
contract LogGhost is PlainTree {
    struct Head {
        uint64 size;
        bytes32 root;
    }

    bytes32 public immutable id;
    address public immutable owner;
    address public writer;
    Head[] private _heads;

    constructor(bytes32 id_, address owner_, address writer_) {
        (id, owner, writer) = (id_, owner_, writer_);
    }

    function setWriter(address writer_) external {
        writer = writer_;
    }

    function push(bytes32 leafHash) external {
        leaves.push(leafHash);
    }

    function addHead() external {
        uint64 count = uint64(leaves.length);
        _heads.push(Head(count, rootOf(count)));
    }

    /// @notice The newest head, and a proof of those records which follow it.
    function extension() external returns (uint64 count, bytes32 root, bytes32[] memory proof) {
        count = uint64(leaves.length);
        uint64 old = size();
        return (count, rootOf(count), old == 0 ? proof : consistencyProof(old, count));
    }

    /// @notice What another history would have to be anchored with: one where an old record is another
    /// one, and as many new ones follow as are asked for. Nothing of it is kept.
    function otherHistory(uint256 index, uint256 more)
        external
        returns (uint64 count, bytes32 root, bytes32[] memory proof)
    {
        bytes32 record = leaves[index];
        changeLeaf(index, ~record);
        for (uint256 i; i < more; ++i) {
            leaves.push(leaf(abi.encode("other", i)));
        }
        count = uint64(leaves.length);
        (root, proof) = (rootOf(count), consistencyProof(size(), count));
        for (uint256 i; i < more; ++i) {
            leaves.pop();
        }
        changeLeaf(index, record);
    }

    function inclusion(uint64 index) external returns (bytes32 leafHash, bytes32[] memory proof) {
        return (leaves[index], inclusionProof(index, size()));
    }

    function prefixRoot(uint64 count) external returns (bytes32) {
        return rootOf(count);
    }

    function heads() external view returns (Head[] memory) {
        return _heads;
    }

    function size() public view returns (uint64) {
        return _heads.length == 0 ? 0 : _heads[_heads.length - 1].size;
    }

    function records() external view returns (uint256) {
        return leaves.length;
    }
}

/// @notice Everything that anybody can do to a ledger, in a way that has to succeed, but for `rewrite`,
/// `forge` and `intrude`, every part of which has to fail.
contract LedgerHandler is Test {
    RunLedger private immutable _LEDGER;

    LogGhost[] private _logs;
    address[] private _actors;
    mapping(bytes4 action => uint256) public calls; // those that came to their end

    constructor(RunLedger ledger) {
        _LEDGER = ledger;
        _actors = [makeAddr("alice"), makeAddr("bob"), makeAddr("carol")];
    }

    function actions() external pure returns (bytes4[] memory all) {
        all = new bytes4[](6);
        (all[0], all[1], all[2]) =
        (this.openLog.selector, this.setWriter.selector, this.anchor.selector);
        (all[3], all[4], all[5]) =
        (this.rewrite.selector, this.forge.selector, this.intrude.selector);
    }

    /// @notice Each action once, in an order in which each can be done.
    function exercise() external {
        this.openLog(0, 1);
        this.anchor(_logs.length - 1, 6);
        this.anchor(_logs.length - 1, 3);
        this.setWriter(0, 2);
        this.rewrite(_logs.length - 1, 2, 1);
        this.forge(_logs.length - 1, 5);
        this.intrude(0, 2);
    }

    /*//////////////////////////////////////////////////////////////
                                ACTIONS
    //////////////////////////////////////////////////////////////*/

    function openLog(uint256 who, uint256 writerSeed) external {
        if (_logs.length == 4 && msg.sender != address(this)) return;
        (address owner, address writer) = (actor(who), actor(writerSeed));
        vm.prank(owner);
        bytes32 id = _LEDGER.openLog(bytes32(_logs.length), writer);

        _logs.push(new LogGhost(id, owner, writer));
        ++calls[msg.sig];
    }

    function setWriter(uint256 logSeed, uint256 who) external {
        if (_logs.length == 0) return;
        LogGhost ghost = someLog(logSeed);
        bytes32 id = ghost.id();
        vm.prank(ghost.owner());
        _LEDGER.setWriter(id, actor(who));

        ghost.setWriter(actor(who));
        ++calls[msg.sig];
    }

    function anchor(uint256 logSeed, uint256 count) external {
        if (_logs.length == 0) return;
        LogGhost ghost = someLog(logSeed);
        count = bound(count, 1, 12);
        for (uint256 i; i < count; ++i) {
            ghost.push(sha256(abi.encode(ghost, ghost.records())));
        }
        (uint64 size, bytes32 root, bytes32[] memory proof) = ghost.extension();
        bytes32 id = ghost.id();
        vm.prank(ghost.writer());
        _LEDGER.anchor(id, size, root, proof);

        ghost.addHead();
        ++calls[msg.sig];
    }

    /// @dev The owner itself changes a record that was anchored, and proves as well as it can.
    function rewrite(uint256 logSeed, uint256 index, uint256 more) external {
        if (_logs.length == 0) return;
        LogGhost ghost = someLog(logSeed);
        uint64 old = ghost.size();
        if (old == 0) return;
        (uint64 size, bytes32 root, bytes32[] memory proof) =
            ghost.otherHistory(index % old, bound(more, 1, 12));
        ownerAnchorsInVain(ghost, size, root, proof);

        // Without more records; with fewer; and from the first record on, as if there were none.
        ownerAnchorsInVain(ghost, old, ghost.prefixRoot(old), new bytes32[](0));
        ownerAnchorsInVain(ghost, old - 1, root, proof);
        ownerAnchorsInVain(ghost, size, root, new bytes32[](0));
        ++calls[msg.sig];
    }

    /// @dev Good records with a proof that has one thing wrong in it.
    function forge(uint256 logSeed, uint256 seed) external {
        if (_logs.length == 0) return;
        LogGhost ghost = someLog(logSeed);
        uint64 old = ghost.size();
        if (old < 2) return;
        (uint64 size, bytes32 root, bytes32[] memory proof) = ghost.otherHistory(0, 1 + seed % 9);
        // That of another history, but for a node that is replaced by the head itself.
        proof[seed % proof.length] = ghost.prefixRoot(old);
        ownerAnchorsInVain(ghost, size, root, proof);
        ownerAnchorsInVain(ghost, size, ghost.prefixRoot(old), proof);
        ownerAnchorsInVain(ghost, type(uint64).max, root, proof);
        ++calls[msg.sig];
    }

    /// @dev Whatever an actor has no right to, it tries.
    function intrude(uint256 logSeed, uint256 who) external {
        if (_logs.length == 0) return;
        (LogGhost ghost, address intruder) = (someLog(logSeed), actor(who));
        bytes32 id = ghost.id();
        if (ghost.owner() != intruder) {
            fails(intruder, abi.encodeCall(_LEDGER.setWriter, (id, intruder)));
        }
        if (ghost.writer() != intruder) {
            (uint64 size, bytes32 root, bytes32[] memory proof) =
                ghost.size() == 0 ? (uint64(1), id, new bytes32[](0)) : ghost.otherHistory(0, 1);
            fails(intruder, abi.encodeCall(_LEDGER.anchor, (id, size, root, proof)));
        }
        for (uint256 salt; salt < _logs.length; ++salt) {
            if (_logs[salt].owner() != intruder) continue;
            fails(intruder, abi.encodeCall(_LEDGER.openLog, (bytes32(salt), intruder)));
        }
        ++calls[msg.sig];
    }

    /*//////////////////////////////////////////////////////////////
                                HELPERS
    //////////////////////////////////////////////////////////////*/

    function ghosts() external view returns (LogGhost[] memory) {
        return _logs;
    }

    function actor(uint256 seed) internal view returns (address) {
        return _actors[seed % _actors.length];
    }

    function someLog(uint256 seed) internal view returns (LogGhost) {
        return _logs[seed % _logs.length];
    }

    /// @dev As its own writer, for the time of the attempt.
    function ownerAnchorsInVain(LogGhost ghost, uint64 size, bytes32 root, bytes32[] memory proof)
        internal
    {
        (bytes32 id, address owner, address writer) = (ghost.id(), ghost.owner(), ghost.writer());
        vm.prank(owner);
        _LEDGER.setWriter(id, owner);
        fails(owner, abi.encodeCall(_LEDGER.anchor, (id, size, root, proof)));
        vm.prank(owner);
        _LEDGER.setWriter(id, writer);
    }

    function fails(address who, bytes memory call) internal {
        vm.prank(who);
        (bool success,) = address(_LEDGER).call(call);
        assertFalse(success, "history was rewritten, or a right taken");
    }
}
