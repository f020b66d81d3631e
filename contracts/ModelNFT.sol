// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";
import {IERC2981} from "@openzeppelin/contracts/interfaces/IERC2981.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/interfaces/IERC721Metadata.sol";
import {ERC721} from "@openzeppelin/contracts/token/ERC721/ERC721.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IERC7572} from "./interfaces/IERC7572.sol";
import {IModelNFT} from "./interfaces/IModelNFT.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {CidLib} from "./libraries/CidLib.sol";
import {Cid, RAW_CODEC} from "./types/Model.sol";

/// @title ModelNFT
/// @notice See {IModelNFT}.
contract ModelNFT is IModelNFT, ERC721 {
    /// @dev What is kept about a token besides its owner.
    /// @param royaltyReceiver Who is paid at each sale.
    /// @param royaltyBps Share of the sale price, in basis points.
    /// @param transfers Number of transfers since the token was minted.
    struct Terms {
        // slot 0
        address royaltyReceiver;
        uint16 royaltyBps;
        uint64 transfers;
    }

    /// @inheritdoc IModelNFT
    uint16 public constant MAX_ROYALTY_BPS = 2500; // 25 %

    /// @inheritdoc IModelNFT
    string public constant version = "1.0.0";

    uint256 private constant _ONE_HUNDRED_PERCENT = 10_000;

    bytes4 private constant _ERC4906_INTERFACE_ID = 0x49064906; // it has events, no functions

    /// @inheritdoc IModelNFT
    IModelRegistry public immutable registry;

    // slots 0 to 5 are ERC721's

    mapping(uint256 modelId => Terms) private _terms; // slot 6

    constructor() ERC721("Anacostia Models", "MODEL") {
        registry = IModelRegistry(msg.sender);
    }

    modifier onlyRegistry() {
        if (msg.sender != address(registry)) revert ModelNFT_NotRegistry(msg.sender);
        _;
    }

    /*//////////////////////////////////////////////////////////////
                                REGISTRY
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelNFT
    function mint(address to, uint64 modelId) external onlyRegistry {
        // Not `_safeMint`: a receiver that is called back could reenter the registry.
        _mint(to, modelId);
    }

    /// @inheritdoc IModelNFT
    function notifyPublished(uint64 modelId) external onlyRegistry {
        emit MetadataUpdate(modelId);
    }

    /*//////////////////////////////////////////////////////////////
                                 ROYALTY
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelNFT
    function setRoyalty(uint256 modelId, address receiver, uint16 bps) external {
        // Check: the caller owns the model. An approved operator may sell it, not set its terms.
        if (msg.sender != _requireOwned(modelId)) revert ModelNFT_NotOwner(modelId, msg.sender);

        // Check: it was never transferred, and the royalty can be paid.
        Terms storage terms = _terms[modelId];
        if (terms.transfers != 0) revert ModelNFT_RoyaltyFrozen(modelId);
        if (bps > MAX_ROYALTY_BPS) revert ModelNFT_RoyaltyTooHigh(bps, MAX_ROYALTY_BPS);
        if (bps != 0 && receiver == address(0)) revert ModelNFT_RoyaltyWithoutReceiver(modelId);

        // Effect: set the royalty.
        (terms.royaltyReceiver, terms.royaltyBps) = (receiver, bps);
        emit RoyaltySet(modelId, receiver, bps);
    }

    /// @inheritdoc IERC2981
    /// @dev Rounds up, in the receiver's favour.
    function royaltyInfo(uint256 modelId, uint256 salePrice)
        external
        view
        returns (address receiver, uint256 royaltyAmount)
    {
        Terms storage terms = _terms[modelId];
        receiver = terms.royaltyReceiver;
        royaltyAmount =
            Math.mulDiv(salePrice, terms.royaltyBps, _ONE_HUNDRED_PERCENT, Math.Rounding.Ceil);
    }

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelNFT
    function ownershipOf(uint256 modelId) external view returns (address owner, uint64 transfers) {
        return (_ownerOf(modelId), _terms[modelId].transfers);
    }

    /// @inheritdoc IERC721Metadata
    /// @dev The newest version's `metadata.json`. A raw root is no directory, hence has no files.
    function tokenURI(uint256 modelId)
        public
        view
        override(ERC721, IERC721Metadata)
        returns (string memory)
    {
        _requireOwned(modelId);
        // forge-lint: disable-next-line(unsafe-typecast) minted ids are uint64
        uint64 id = uint64(modelId);
        Cid memory root = registry.versionOf(id, registry.modelOf(id).latestVersion).root;
        string memory file = root.codec == RAW_CODEC ? "" : "/metadata.json";
        return string.concat("ipfs://", CidLib.toString(root), file);
    }

    /// @inheritdoc IERC7572
    function contractURI() external pure returns (string memory) {
        return 'data:application/json;utf8,{"name":"Anacostia Models","symbol":"MODEL","description":'
            '"Ownership of registered machine-learning models and datasets. Every token\'s metadata is '
            'part of the content-addressed newest version of its model."}';
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId)
        public
        view
        override(ERC721, IERC165)
        returns (bool)
    {
        return interfaceId == type(IERC2981).interfaceId || interfaceId == _ERC4906_INTERFACE_ID
            || interfaceId == type(IERC7572).interfaceId || super.supportsInterface(interfaceId);
    }

    /*//////////////////////////////////////////////////////////////
                                INTERNAL
    //////////////////////////////////////////////////////////////*/

    /// @dev Counts transfers; a mint is none.
    function _update(address to, uint256 modelId, address auth)
        internal
        override
        returns (address from)
    {
        from = super._update(to, modelId, auth);
        if (from != address(0)) ++_terms[modelId].transfers;
    }
}
