// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ERC721Holder} from "@openzeppelin/contracts/token/ERC721/utils/ERC721Holder.sol";
import {Address} from "@openzeppelin/contracts/utils/Address.sol";
import {MessageHashUtils} from "@openzeppelin/contracts/utils/cryptography/MessageHashUtils.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";

import {IStoryIPAccount} from "../../../../contracts/interfaces/external/story/IStoryIPAccount.sol";
import {AccessControllerDouble} from "./AccessControllerDouble.sol";
import {StoryDouble} from "./StoryDouble.sol";

/// @notice Of the account of one token; a clone, with the token in its code.
contract IPAccountDouble is IStoryIPAccount, ERC721Holder {
    bytes32 private constant DOMAIN = keccak256(
        "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
    );
    bytes32 private constant EXECUTE =
        keccak256("Execute(address to,uint256 value,bytes data,bytes32 nonce,uint256 deadline)");

    StoryDouble private immutable _story;

    bytes32 public state;

    constructor(StoryDouble story) {
        _story = story;
    }

    receive() external payable {}

    function execute(address to, uint256 value, bytes calldata data)
        external
        payable
        returns (bytes memory result)
    {
        _advance(to, value, data);
        result = _execute(msg.sender, to, value, data);
        emit Executed(to, value, data, state);
    }

    function executeWithSig(
        address to,
        uint256 value,
        bytes calldata data,
        address signer,
        uint256 deadline,
        bytes calldata signature
    ) external payable returns (bytes memory result) {
        if (signer == address(0)) revert IPAccount__InvalidSigner();
        if (deadline < block.timestamp) revert IPAccount__ExpiredSignature();
        // The nonce that is signed is the state that this very call leads to.
        _advance(to, value, data);
        bytes32 message =
            keccak256(abi.encode(EXECUTE, to, value, keccak256(data), state, deadline));
        bytes32 digest = MessageHashUtils.toTypedDataHash(_domain(), message);
        if (!SignatureChecker.isValidSignatureNow(signer, digest, signature)) {
            revert IPAccount__InvalidSignature();
        }
        result = _execute(signer, to, value, data);
        emit ExecutedWithSig(to, value, data, state, deadline, signer, signature);
    }

    function updateStateForValidSigner(address signer, address to, bytes calldata data) external {
        if (!_story.isModule(msg.sender)) {
            revert IPAccountStorage__NotRegisteredModule(msg.sender);
        }
        _controller().checkPermission(address(this), signer, to, bytes4(data[:4]));
        state = keccak256(abi.encode(state, msg.data));
    }

    function token() public view returns (uint256, address, uint256) {
        return abi.decode(Clones.fetchCloneArgs(address(this)), (uint256, address, uint256));
    }

    function owner() external view returns (address) {
        (uint256 chainId, address tokenContract, uint256 tokenId) = token();
        if (chainId != block.chainid) return address(0);
        try IERC721(tokenContract).ownerOf(tokenId) returns (address found) {
            return found;
        } catch {
            return address(0);
        }
    }

    function _advance(address to, uint256 value, bytes calldata data) private {
        bytes memory call =
            abi.encodeWithSignature("execute(address,uint256,bytes)", to, value, data);
        state = keccak256(abi.encode(state, call));
    }

    function _execute(address signer, address to, uint256 value, bytes calldata data)
        private
        returns (bytes memory)
    {
        bytes4 func = data.length >= 4 ? bytes4(data[:4]) : bytes4(0);
        _controller().checkPermission(address(this), signer, to, func);
        (bool success, bytes memory result) = to.call{value: value}(data);
        return Address.verifyCallResult(success, result);
    }

    function _controller() private view returns (AccessControllerDouble) {
        return AccessControllerDouble(_story.at().accessController);
    }

    function _domain() private view returns (bytes32) {
        bytes32 name = keccak256("Story Protocol IP Account");
        return keccak256(abi.encode(DOMAIN, name, keccak256("1"), block.chainid, address(this)));
    }
}
