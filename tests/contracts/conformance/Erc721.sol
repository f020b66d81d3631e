// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC721} from "@openzeppelin/contracts/interfaces/IERC721.sol";
import {IERC721Receiver} from "@openzeppelin/contracts/interfaces/IERC721Receiver.sol";

import {LicensingTest} from "../Licensing.t.sol";

/// @notice Takes tokens, and remembers how it was told.
contract Receiver is IERC721Receiver {
    bytes public told;
    bytes4 internal immutable _answer;

    constructor(bytes4 answer) {
        _answer = answer;
    }

    function onERC721Received(address operator, address from, uint256 id, bytes calldata data)
        external
        returns (bytes4)
    {
        told = abi.encode(operator, from, id, data);
        return _answer;
    }
}

/// @notice What ERC-721 and ERC-165 say of any token, sentence by sentence. It knows how to get a token,
/// and nothing else of the contract that it looks at.
abstract contract Erc721Conformance is LicensingTest {
    struct Token {
        address owner;
        address approved;
    }

    address[3] internal people;

    mapping(uint256 id => Token) private _tokens;
    mapping(address owner => mapping(address operator => bool)) private _operators;
    uint256[] private _ids;

    function setUp() public virtual override {
        super.setUp();
        people = [alice, bob, carol];
    }

    function token() internal view virtual returns (IERC721);

    function mintTo(address to) internal virtual returns (uint256 id);

    /// @dev Whether it may be given to somebody, as far as the contract has rules of its own.
    function mayReceive(address, uint256) internal view virtual returns (bool) {
        return true;
    }

    /// @notice Whatever holders and strangers do, in any order, the token says of owners, balances and
    /// approvals what a plain model of the standard says, and refuses what that refuses.
    function testFuzz_erc721_isAPlainModel(uint256[24] memory acts) public {
        for (uint256 i; i < 3; ++i) {
            uint256 id = mintTo(people[i]);
            _ids.push(id);
            _tokens[id] = Token(people[i], address(0));
        }
        for (uint256 i; i < acts.length; ++i) {
            act(acts[i]);
            check();
        }
    }

    function act(uint256 seed) internal {
        address caller = people[seed % 3];
        address to = people[(seed >> 8) % 3];
        uint256 id = _ids[(seed >> 16) % 3];
        Token storage it = _tokens[id];
        address owner = it.owner;
        bool operates = caller == owner || _operators[owner][caller];
        uint256 kind = (seed >> 24) % 4;
        vm.prank(caller);
        if (kind == 0) {
            bool allowed = (operates || it.approved == caller) && mayReceive(to, id);
            if (allowed) {
                vm.expectEmit(address(token()));
                emit IERC721.Transfer(owner, to, id);
            } else {
                vm.expectRevert();
            }
            token().transferFrom(owner, to, id);
            if (allowed) _tokens[id] = Token(to, address(0));
        } else if (kind == 1) {
            if (operates) {
                vm.expectEmit(address(token()));
                emit IERC721.Approval(owner, to, id);
            } else {
                vm.expectRevert();
            }
            token().approve(to, id);
            if (operates) it.approved = to;
        } else if (kind == 2) {
            bool yes = (seed >> 32) % 2 == 0;
            vm.expectEmit(address(token()));
            emit IERC721.ApprovalForAll(caller, to, yes);
            token().setApprovalForAll(to, yes);
            _operators[caller][to] = yes;
        } else {
            // A token that is not `from`'s cannot be taken from it, by whoever may move it.
            address other = owner == alice ? bob : alice;
            vm.expectRevert();
            token().transferFrom(other, to, id);
        }
    }

    function check() internal view {
        uint256[3] memory counts;
        for (uint256 i; i < 3; ++i) {
            Token storage it = _tokens[_ids[i]];
            assertEq(token().ownerOf(_ids[i]), it.owner, "owner");
            assertEq(token().getApproved(_ids[i]), it.approved, "approved");
            for (uint256 j; j < 3; ++j) {
                if (it.owner == people[j]) ++counts[j];
                assertEq(
                    token().isApprovedForAll(people[i], people[j]),
                    _operators[people[i]][people[j]],
                    "operator"
                );
            }
        }
        for (uint256 j; j < 3; ++j) {
            assertEq(token().balanceOf(people[j]), counts[j], "balance");
        }
    }

    /// @notice "NFTs assigned to the zero address are considered invalid."
    function testFuzz_erc721_whatIsNotThere(uint256 id) public {
        vm.assume(id > type(uint128).max);
        IERC721 it = token();
        vm.expectRevert();
        it.balanceOf(address(0));
        vm.expectRevert();
        it.ownerOf(id);
        vm.expectRevert();
        it.getApproved(id);
        vm.expectRevert();
        it.approve(bob, id);
        vm.expectRevert();
        it.transferFrom(alice, bob, id);
    }

    /// @notice "Throws if `_to` is the zero address."
    function test_erc721_nothingGoesToNobody() public {
        uint256 id = mintTo(alice);
        IERC721 it = token();
        vm.startPrank(alice);
        vm.expectRevert();
        it.transferFrom(alice, address(0), id);
        vm.expectRevert();
        it.safeTransferFrom(alice, address(0), id);
        assertEq(it.ownerOf(id), alice, "where it was");
    }

    /// @notice A contract is told who sent what to it, and has to say that it takes it.
    function testFuzz_erc721_contractsAreAsked(bytes calldata data) public {
        uint256 id = mintTo(alice);
        IERC721 it = token();
        Receiver willing = new Receiver(IERC721Receiver.onERC721Received.selector);
        Receiver unwilling = new Receiver(0xdeadbeef);
        vm.startPrank(alice);
        vm.expectRevert();
        it.safeTransferFrom(alice, address(unwilling), id, data);
        vm.expectRevert();
        it.safeTransferFrom(alice, address(this), id, data);

        it.approve(bob, id);
        vm.stopPrank();
        vm.prank(bob);
        it.safeTransferFrom(alice, address(willing), id, data);
        assertEq(willing.told(), abi.encode(bob, alice, id, data), "as it was told");
        assertEq(it.ownerOf(id), address(willing), "owner");
        assertEq(it.getApproved(id), address(0), "a transfer ends the approval");
    }

    /// @notice ERC-165's two questions, and ERC-721's own.
    function testFuzz_erc165(bytes4 unknown) public view {
        IERC165 it = IERC165(address(token()));
        assertTrue(it.supportsInterface{gas: 30_000}(0x01ffc9a7), "ERC-165");
        assertFalse(it.supportsInterface{gas: 30_000}(0xffffffff), "what it forbids");
        assertTrue(it.supportsInterface(0x80ac58cd), "ERC-721");
        assertTrue(it.supportsInterface(0x5b5e139f), "metadata");
        bytes4[7] memory known = [
            bytes4(0x01ffc9a7),
            0x80ac58cd,
            0x5b5e139f,
            0x2a55205a,
            0x49064906,
            0xb45a3c0e,
            0xe8a3d485
        ];
        for (uint256 i; i < known.length; ++i) {
            if (unknown == known[i]) return;
        }
        assertFalse(it.supportsInterface(unknown), "what nobody has heard of");
    }
}
