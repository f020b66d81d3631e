// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Clones} from "@openzeppelin/contracts/proxy/Clones.sol";
import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";
import {Strings} from "@openzeppelin/contracts/utils/Strings.sol";
import {ERC165Checker} from "@openzeppelin/contracts/utils/introspection/ERC165Checker.sol";

import {
    IStoryIPAssetRegistry
} from "../../../../contracts/interfaces/external/story/IStoryIPAssetRegistry.sol";
import {IPAccountDouble} from "./IPAccountDouble.sol";
import {StoryDouble} from "./StoryDouble.sol";

contract IPAssetRegistryDouble is IStoryIPAssetRegistry {
    using ERC165Checker for address;
    using SafeERC20 for IERC20;
    using Strings for *;

    StoryDouble private immutable _story;
    address private immutable _implementation;

    address public getTreasury;
    address public getFeeToken;
    uint96 public getFeeAmount;

    mapping(address ipId => bool) public isIpAccount;
    mapping(address ipId => bool) public isRegistered;

    constructor(StoryDouble story) {
        _story = story;
        _implementation = address(new IPAccountDouble(story));
    }

    function setRegistrationFee(address treasury, address feeToken, uint96 feeAmount) external {
        (getTreasury, getFeeToken, getFeeAmount) = (treasury, feeToken, feeAmount);
    }

    function register(uint256 chainid, address tokenContract, uint256 tokenId)
        external
        returns (address id)
    {
        _story.requireNotPaused();
        id = ipId(chainid, tokenContract, tokenId);
        if (isRegistered[id]) return id;

        bytes memory arguments = abi.encode(chainid, tokenContract, tokenId);
        Clones.cloneDeterministicWithImmutableArgs(_implementation, arguments, 0);
        (isIpAccount[id], isRegistered[id]) = (true, true);

        if (getFeeAmount != 0) {
            IERC20(getFeeToken).safeTransferFrom(msg.sender, getTreasury, getFeeAmount);
            emit IPRegistrationFeePaid(msg.sender, getTreasury, getFeeToken, getFeeAmount);
        }
        (string memory name, string memory uri) = _describe(chainid, tokenContract, tokenId);
        emit IPRegistered(id, chainid, tokenContract, tokenId, name, uri, block.timestamp);
    }

    function ipId(uint256 chainId, address tokenContract, uint256 tokenId)
        public
        view
        returns (address)
    {
        bytes memory arguments = abi.encode(chainId, tokenContract, tokenId);
        return Clones.predictDeterministicAddressWithImmutableArgs(_implementation, arguments, 0);
    }

    function _describe(uint256 chainid, address tokenContract, uint256 tokenId)
        private
        view
        returns (string memory name, string memory uri)
    {
        string memory number = tokenId.toString();
        if (chainid != block.chainid) {
            name = tokenContract.toHexString();
            return (string.concat(chainid.toString(), ": ", name, " #", number), "");
        }
        if (!tokenContract.supportsInterface(type(IERC721).interfaceId)) {
            revert IPAssetRegistry__UnsupportedIERC721(tokenContract);
        }
        if (IERC721(tokenContract).ownerOf(tokenId) == address(0)) {
            revert IPAssetRegistry__InvalidToken(tokenContract, tokenId);
        }
        if (!tokenContract.supportsInterface(type(IERC721Metadata).interfaceId)) {
            revert IPAssetRegistry__UnsupportedIERC721Metadata(tokenContract);
        }
        name = IERC721Metadata(tokenContract).name();
        name = string.concat(chainid.toString(), ": ", name, " #", number);
        uri = IERC721Metadata(tokenContract).tokenURI(tokenId);
    }
}
