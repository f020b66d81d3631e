// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC1271} from "@openzeppelin/contracts/interfaces/IERC1271.sol";
import {IERC5267} from "@openzeppelin/contracts/interfaces/IERC5267.sol";
import {Test} from "forge-std/Test.sol";

import {Asked, Eager, Endless, Fixed, Hungry, Writing} from "../mocks/Signers.sol";

/// @notice What ERC-712, ERC-5267 and ERC-1271 say of any contract that takes signed messages. It hashes
/// by the standard's text and not by anybody's code, and of the contract that it looks at it knows how
/// to send a message, and which nonce is next.
abstract contract SignedConformance is Test {
    /// @dev `seed` stands for whatever else is signed.
    struct Message {
        address signer;
        uint256 nonce;
        uint256 deadline;
        uint256 seed;
    }

    struct Domain {
        string name;
        string version;
        uint256 chainId;
        address verifyingContract;
    }

    uint256 internal constant ORDER =
        0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;

    function verifier() internal view virtual returns (address);

    /// @dev Lets somebody sign what is sent here.
    function admit(address signer) internal virtual;

    /// @dev Makes sure that nothing but the signature decides about a message.
    function ready(Message memory message) internal virtual {}

    function nonceOf(address signer) internal view virtual returns (uint256);

    /// @dev As the signer, in one call: what was signed with the present nonce counts no more.
    function skipNonce(uint256 nonce) internal virtual;

    /// @dev The struct hash; see `hashStruct`.
    function hash(Message memory message) internal view virtual returns (bytes32);

    /// @dev One call, which reverts where the signature does not count.
    function send(Message memory message, bytes memory signature) internal virtual;

    /// @dev Whether a message counts once only.
    function isSpent() internal pure virtual returns (bool);

    /*//////////////////////////////////////////////////////////////
                                ERC-5267
    //////////////////////////////////////////////////////////////*/

    /// @notice The domain is told, field by field, and follows the chain.
    function testFuzz_erc5267_tellsTheDomain(uint64 chainId) public {
        vm.chainId(bound(chainId, 1, type(uint64).max));
        (
            bytes1 fields,
            string memory name,
            string memory version,
            uint256 chain,
            address at,
            bytes32 salt,
            uint256[] memory extensions
        ) = IERC5267(verifier()).eip712Domain();
        assertEq(fields, bytes1(0x0f), "all but a salt");
        assertGt(bytes(name).length * bytes(version).length, 0, "named, with a version");
        assertEq(chain, block.chainid, "this chain");
        assertEq(at, verifier(), "this contract");
        assertEq(salt, 0, "salt");
        assertEq(extensions.length, 0, "extensions");
    }

    /*//////////////////////////////////////////////////////////////
                                ERC-712
    //////////////////////////////////////////////////////////////*/

    /// @notice What was signed as the standard says counts: once, or until it is taken back.
    function testFuzz_erc712_countsAsSigned(uint256 key, uint256 seed, uint8 skipped) public {
        Message memory message;
        (message, key) = example(key, seed);
        for (uint256 i; i < skipped % 4; ++i) {
            skipAs(message.signer);
        }
        message.nonce = nonceOf(message.signer);
        assertEq(message.nonce, skipped % 4, "nonces begin at zero and go up by one");
        bytes memory signature = sign(message, domain(), key);
        send(message, signature);
        if (isSpent()) {
            assertEq(nonceOf(message.signer), message.nonce + 1, "one more");
        } else {
            send(message, signature);
            skipAs(message.signer);
        }
        refuse(message, signature);
    }

    /// @notice A signature for another chain, contract, name or version counts nowhere else.
    function testFuzz_erc712_countsInOneDomain(
        uint256 key,
        uint256 seed,
        uint64 chainId,
        address other
    ) public {
        Message memory message;
        (message, key) = example(key, seed);
        chainId = uint64(bound(chainId, 1, type(uint64).max));
        vm.assume(chainId != block.chainid && other != verifier());
        Domain memory elsewhere = domain();
        elsewhere.chainId = chainId;
        refuse(message, sign(message, elsewhere, key));
        elsewhere = domain();
        elsewhere.verifyingContract = other;
        refuse(message, sign(message, elsewhere, key));
        elsewhere = domain();
        elsewhere.name = string.concat(elsewhere.name, " ");
        refuse(message, sign(message, elsewhere, key));
        elsewhere = domain();
        elsewhere.version = "2";
        refuse(message, sign(message, elsewhere, key));

        // Of this chain it counts here, and no more once the chain is another (a fork).
        bytes memory signature = sign(message, domain(), key);
        uint256 here = block.chainid;
        vm.chainId(chainId);
        refuse(message, signature);
        vm.chainId(here);
        send(message, signature);
    }

    /// @notice It counts with the next nonce, by its deadline, from its signer, and for what it is of.
    function testFuzz_erc712_countsForOneMessage(uint256 key, uint256 seed, uint256 other) public {
        Message memory message;
        (message, key) = example(key, seed);
        vm.assume(other != seed);
        bytes memory signature = sign(message, domain(), key);
        Message memory changed = Message(message.signer, 0, message.deadline, other);
        ready(changed);
        refuse(changed, signature);
        changed = Message(message.signer, 0, message.deadline + 1, seed);
        refuse(changed, signature);
        changed = Message(message.signer, 1, message.deadline, seed);
        refuse(changed, sign(changed, domain(), key)); // a nonce that is not the next
        refuse(message, sign(message, domain(), key == 1 ? 2 : 1)); // somebody else's key

        vm.warp(message.deadline + 1);
        refuse(message, signature);
        vm.warp(message.deadline);
        send(message, signature);
    }

    /// @notice Only typed data counts: nothing that a wallet signs of another kind, and no twin.
    function testFuzz_erc712_isNoOtherSignature(uint256 key, uint256 seed) public {
        Message memory message;
        (message, key) = example(key, seed);
        bytes32 digest = digestOf(message, domain());
        bytes32 separator = separatorOf(domain());
        bytes32[4] memory others = [
            hash(message),
            keccak256(abi.encodePacked("\x19Ethereum Signed Message:\n32", digest)),
            keccak256(abi.encodePacked("\x19\x00", verifier(), hash(message))),
            keccak256(abi.encodePacked(separator, hash(message)))
        ];
        for (uint256 i; i < others.length; ++i) {
            refuse(message, sign(others[i], key));
        }
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        refuse(message, abi.encodePacked(r, ORDER - uint256(s), v == 27 ? uint8(28) : 27));
        refuse(message, abi.encodePacked(r, s));
        refuse(message, "");
        send(message, abi.encodePacked(r, s, v));
    }

    /*//////////////////////////////////////////////////////////////
                                ERC-1271
    //////////////////////////////////////////////////////////////*/

    /// @notice A contract is asked about the very digest and signature, whatever its signatures are.
    function testFuzz_erc1271_contractsAreAsked(bytes calldata signature, uint256 seed) public {
        Asked wallet = new Asked();
        Message memory message = admitted(address(wallet), seed);
        wallet.expect(digestOf(message, domain()), signature);
        refuse(message, bytes.concat(signature, "."));
        Message memory other = Message(address(wallet), 0, message.deadline + 1, seed);
        refuse(other, signature);
        send(message, signature);
    }

    /// @notice Whoever has code is asked, and the key of the same address counts no more.
    function testFuzz_erc1271_contractsAreNotTheirKeys(uint256 key, uint256 seed) public {
        Message memory message;
        (message, key) = example(key, seed);
        vm.etch(message.signer, hex"00"); // answers nothing
        refuse(message, sign(message, domain(), key));
        vm.etch(message.signer, address(new Eager()).code);
        send(message, "");
    }

    /// @notice It counts where the answer is the magic value, alone in the first of one word or more:
    /// whatever is answered, and of whatever length.
    function testFuzz_erc1271_onlyTheMagicValueCounts(bytes calldata answer, uint256 seed) public {
        bytes memory magic = abi.encode(IERC1271.isValidSignature.selector);
        Fixed wallet = new Fixed();
        Message memory message = admitted(address(wallet), seed);
        bytes[] memory refused = new bytes[](6);
        refused[0] = answer;
        refused[1] = "";
        refused[2] = abi.encodePacked(IERC1271.isValidSignature.selector); // 4 bytes
        refused[3] =
            bytes.concat(abi.encodePacked(IERC1271.isValidSignature.selector), new bytes(27));
        refused[4] = abi.encode(uint256(uint32(IERC1271.isValidSignature.selector))); // on the right
        refused[5] = abi.encode(true);
        for (uint256 i; i < refused.length; ++i) {
            if (refused[i].length >= 32 && bytes32(refused[i]) == bytes32(magic)) continue;
            wallet.answerWith(refused[i]);
            refuse(message, "");
        }
        wallet.answerWith(bytes.concat(magic, answer));
        send(message, "");
        refuse(admitted(address(new Endless()), seed), "");
    }

    /// @notice No answer is no: a revert, whatever it says, and a call that eats its gas or writes.
    function testFuzz_erc1271_noAnswerIsNo(bytes calldata reason, uint256 seed) public {
        Fixed wallet = new Fixed();
        Message memory message = admitted(address(wallet), seed);
        wallet.revertWith(reason);
        refuse(message, "");
        wallet.revertWith(abi.encode(IERC1271.isValidSignature.selector));
        refuse(message, "");
        wallet.answerWith(abi.encode(IERC1271.isValidSignature.selector));
        send(message, "");

        address[2] memory wallets = [address(new Writing()), address(new Hungry())];
        for (uint256 i; i < wallets.length; ++i) {
            refuse(admitted(wallets[i], seed), "");
        }
    }

    /// @notice It may change its mind.
    function testFuzz_erc1271_contractsChangeTheirMinds(uint256 seed) public {
        Fixed wallet = new Fixed();
        Message memory message = admitted(address(wallet), seed);
        wallet.answerWith(abi.encode(IERC1271.isValidSignature.selector));
        send(message, "");
        message.nonce = nonceOf(message.signer);
        wallet.answerWith(abi.encode(bytes4(0xffffffff)));
        refuse(message, "");
    }

    /*//////////////////////////////////////////////////////////////
                            BY THE STANDARD
    //////////////////////////////////////////////////////////////*/

    /// @dev `encodeType`, `typeHash` and `encodeData` of members that are a word each.
    function hashStruct(string memory encodedType, bytes memory words)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(bytes.concat(keccak256(bytes(encodedType)), words));
    }

    function separatorOf(Domain memory it) internal pure returns (bytes32) {
        string memory encodedType =
            "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
        return hashStruct(
            encodedType,
            bytes.concat(
                keccak256(bytes(it.name)),
                keccak256(bytes(it.version)),
                bytes32(it.chainId),
                word(it.verifyingContract)
            )
        );
    }

    function digestOf(Message memory message, Domain memory it) internal view returns (bytes32) {
        return keccak256(bytes.concat(hex"1901", separatorOf(it), hash(message)));
    }

    function word(address account) internal pure returns (bytes32) {
        return bytes32(uint256(uint160(account)));
    }

    /*//////////////////////////////////////////////////////////////
                                 ACTS
    //////////////////////////////////////////////////////////////*/

    function domain() internal view returns (Domain memory it) {
        (, it.name, it.version, it.chainId, it.verifyingContract,,) =
            IERC5267(verifier()).eip712Domain();
    }

    /// @dev A message of whoever has a key, and the key.
    function example(uint256 key, uint256 seed) internal returns (Message memory, uint256) {
        key = bound(key, 1, ORDER - 1);
        return (admitted(vm.addr(key), seed), key);
    }

    function admitted(address signer, uint256 seed) internal returns (Message memory message) {
        admit(signer);
        message = Message(signer, nonceOf(signer), block.timestamp + 60, seed);
        ready(message);
    }

    function refuse(Message memory message, bytes memory signature) internal {
        uint256 before = nonceOf(message.signer);
        vm.expectRevert();
        send(message, signature);
        assertEq(nonceOf(message.signer), before, "no nonce is used");
    }

    function skipAs(address signer) internal {
        uint256 nonce = nonceOf(signer);
        vm.prank(signer);
        skipNonce(nonce);
    }

    function sign(Message memory message, Domain memory it, uint256 key)
        internal
        view
        returns (bytes memory)
    {
        return sign(digestOf(message, it), key);
    }

    function sign(bytes32 digest, uint256 key) internal pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
