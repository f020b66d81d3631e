// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC721Metadata} from "@openzeppelin/contracts/token/ERC721/extensions/IERC721Metadata.sol";

import {
    IStoryCoreMetadataModule
} from "../../../../contracts/interfaces/external/story/IStoryCoreMetadataModule.sol";
import {IStoryIPAccount} from "../../../../contracts/interfaces/external/story/IStoryIPAccount.sol";
import {StoryDouble, StoryModule} from "./StoryDouble.sol";

/// @dev What is set shows in events alone: Story keeps it in the account's own storage.
contract CoreMetadataModuleDouble is IStoryCoreMetadataModule, StoryModule {
    mapping(address ipId => bool) public isMetadataFrozen;

    constructor(StoryDouble story) StoryModule(story) {}

    function setAll(
        address ipId,
        string memory metadataURI,
        bytes32 metadataHash,
        bytes32 nftMetadataHash
    ) external permitted(ipId) {
        if (isMetadataFrozen[ipId]) {
            revert CoreMetadataModule__MetadataAlreadyFrozen();
        }
        (, address tokenContract, uint256 tokenId) = IStoryIPAccount(ipId).token();
        string memory tokenUri = IERC721Metadata(tokenContract).tokenURI(tokenId);
        emit NFTTokenURISet(ipId, tokenUri, nftMetadataHash);
        emit MetadataURISet(ipId, metadataURI, metadataHash);
    }

    function freezeMetadata(address ipId) external permitted(ipId) {
        isMetadataFrozen[ipId] = true;
        emit MetadataFrozen(ipId);
    }
}
