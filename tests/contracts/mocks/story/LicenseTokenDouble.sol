// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {
    ERC721Enumerable
} from "@openzeppelin/contracts/token/ERC721/extensions/ERC721Enumerable.sol";

import {
    IStoryDisputeModule
} from "../../../../contracts/interfaces/external/story/IStoryDisputeModule.sol";
import {
    IStoryLicenseRegistry
} from "../../../../contracts/interfaces/external/story/IStoryLicenseRegistry.sol";
import {
    IStoryLicenseToken
} from "../../../../contracts/interfaces/external/story/IStoryLicenseToken.sol";
import {
    IStoryPILicenseTemplate
} from "../../../../contracts/interfaces/external/story/IStoryPILicenseTemplate.sol";
import {LicenseTokenMetadata} from "../../../../contracts/types/Story.sol";
import {StoryDouble} from "./StoryDouble.sol";

contract LicenseTokenDouble is IStoryLicenseToken, ERC721Enumerable {
    /// @notice As Story says it.
    error LicenseToken__CallerNotLicensingModule();

    uint32 private constant WHOLE = 100_000_000;

    StoryDouble private immutable _story;

    uint256 public totalMintedTokens;

    mapping(uint256 tokenId => LicenseTokenMetadata) private _metadata;
    mapping(address ipId => uint256 count) public getTotalTokensByLicensor;

    modifier onlyLicensingModule() {
        if (msg.sender != _story.at().licensingModule) {
            revert LicenseToken__CallerNotLicensingModule();
        }
        _;
    }

    constructor(StoryDouble story) ERC721("Programmable IP License Token", "PILicenseToken") {
        _story = story;
    }

    function mint(
        address ipId,
        address template,
        uint256 id,
        uint256 amount,
        address minter,
        address receiver,
        uint32 maxShare
    ) external onlyLicensingModule returns (uint256 first) {
        uint32 share = IStoryLicenseRegistry(_story.at().licenseRegistry)
            .getRoyaltyPercent(ipId, template, id);
        if (maxShare != 0 && share > maxShare) {
            revert LicenseToken__CommercialRevenueShareExceedMaxRevenueShare(
                share, maxShare, ipId, template, id
            );
        }
        if (share > WHOLE) {
            revert LicenseToken__InvalidRoyaltyPercent(share, ipId, template, id);
        }
        bool movable = IStoryPILicenseTemplate(template).getLicenseTerms(id).transferable;
        first = totalMintedTokens;
        totalMintedTokens += amount;
        getTotalTokensByLicensor[ipId] += amount;
        for (uint256 tokenId = first; tokenId < first + amount; ++tokenId) {
            _metadata[tokenId] = LicenseTokenMetadata(ipId, template, id, movable, share);
            _safeMint(receiver, tokenId);
            emit LicenseTokenMinted(minter, receiver, tokenId);
        }
    }

    function burn(uint256[] calldata tokenIds) external onlyLicensingModule {
        for (uint256 i; i < tokenIds.length; ++i) {
            _burn(tokenIds[i]);
        }
    }

    function check(address caller, address childIpId, uint256[] calldata tokenIds)
        external
        view
        returns (
            address template,
            address[] memory parentIpIds,
            uint256[] memory ids,
            uint32[] memory shares
        )
    {
        if (getTotalTokensByLicensor[childIpId] != 0) {
            revert LicenseToken__ChildIPAlreadyHasBeenMintedLicenseTokens(childIpId);
        }
        uint256 count = tokenIds.length;
        (parentIpIds, ids, shares) =
        (new address[](count), new uint256[](count), new uint32[](count));
        template = _metadata[tokenIds[0]].licenseTemplate;
        for (uint256 i; i < count; ++i) {
            LicenseTokenMetadata memory licence = _metadata[tokenIds[i]];
            address holder = ownerOf(tokenIds[i]);
            if (holder != caller && holder != childIpId) {
                revert LicenseToken__CallerAndChildIPNotTokenOwner(
                    tokenIds[i], caller, childIpId, holder
                );
            }
            if (licence.licenseTemplate != template) {
                revert LicenseToken__AllLicenseTokensMustFromSameLicenseTemplate(
                    template, licence.licenseTemplate
                );
            }
            if (isLicenseTokenRevoked(tokenIds[i])) {
                revert LicenseToken__RevokedLicense(tokenIds[i]);
            }
            (parentIpIds[i], ids[i], shares[i]) =
            (licence.licensorIpId, licence.licenseTermsId, licence.commercialRevShare);
        }
    }

    function getLicenseTokenMetadata(uint256 tokenId)
        external
        view
        returns (LicenseTokenMetadata memory)
    {
        return _metadata[tokenId];
    }

    function isLicenseTokenRevoked(uint256 tokenId) public view returns (bool) {
        return
            IStoryDisputeModule(_story.at().disputeModule)
                .isIpTagged(_metadata[tokenId].licensorIpId);
    }

    function _update(address to, uint256 tokenId, address auth)
        internal
        override
        returns (address)
    {
        address from = _ownerOf(tokenId);
        if (from != address(0) && to != address(0)) {
            if (isLicenseTokenRevoked(tokenId)) revert LicenseToken__RevokedLicense(tokenId);
            LicenseTokenMetadata storage licence = _metadata[tokenId];
            if (!licence.transferable && from != licence.licensorIpId) {
                revert LicenseToken__NotTransferable();
            }
        }
        return super._update(to, tokenId, auth);
    }
}
