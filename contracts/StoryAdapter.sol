// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {IERC721} from "@openzeppelin/contracts/token/ERC721/IERC721.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IStoryAdapter} from "./interfaces/IStoryAdapter.sol";
import {IStoryAccessController} from "./interfaces/external/story/IStoryAccessController.sol";
import {IStoryCoreMetadataModule} from "./interfaces/external/story/IStoryCoreMetadataModule.sol";
import {IStoryIPAccount} from "./interfaces/external/story/IStoryIPAccount.sol";
import {IStoryIPAssetRegistry} from "./interfaces/external/story/IStoryIPAssetRegistry.sol";
import {IStoryLicensingModule} from "./interfaces/external/story/IStoryLicensingModule.sol";
import {IStoryPILicenseTemplate} from "./interfaces/external/story/IStoryPILicenseTemplate.sol";
import {IStoryRoyaltyModule} from "./interfaces/external/story/IStoryRoyaltyModule.sol";
import {IWrappedCoin} from "./interfaces/external/story/IWrappedCoin.sol";
import {
    PILTerms,
    StoryContracts,
    StoryPermission,
    StoryPurchase,
    StoryRegistration
} from "./types/Story.sol";

/// @title StoryAdapter
/// @notice See {IStoryAdapter}.
contract StoryAdapter is IStoryAdapter, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc IStoryAdapter
    string public constant version = "1.0.0";

    uint8 private constant ALLOW = 1;

    IStoryAccessController private immutable _accessController;
    IStoryCoreMetadataModule private immutable _coreMetadataModule;
    IStoryIPAssetRegistry private immutable _ipAssetRegistry;
    IStoryPILicenseTemplate private immutable _licenseTemplate;
    IStoryLicensingModule private immutable _licensingModule;
    IStoryRoyaltyModule private immutable _royaltyModule;
    IWrappedCoin private immutable _wrappedCoin;

    constructor(StoryContracts memory contracts) {
        _accessController = IStoryAccessController(_deployed(contracts.accessController));
        _coreMetadataModule = IStoryCoreMetadataModule(_deployed(contracts.coreMetadataModule));
        _ipAssetRegistry = IStoryIPAssetRegistry(_deployed(contracts.ipAssetRegistry));
        _licenseTemplate = IStoryPILicenseTemplate(_deployed(contracts.licenseTemplate));
        _licensingModule = IStoryLicensingModule(_deployed(contracts.licensingModule));
        _royaltyModule = IStoryRoyaltyModule(_deployed(contracts.royaltyModule));
        _wrappedCoin = IWrappedCoin(_deployed(contracts.wrappedCoin));
    }

    /*//////////////////////////////////////////////////////////////
                              REGISTRATION
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IStoryAdapter
    function register(StoryRegistration calldata wanted)
        external
        payable
        nonReentrant
        returns (address ipId, uint256[] memory termsIds)
    {
        // Check: the caller owns the token, hence the asset. Without this, whoever sees an owner's
        // signature could attach terms of their own.
        (address nft, uint256 tokenId) = (wanted.nft, wanted.tokenId);
        if (IERC721(nft).ownerOf(tokenId) != msg.sender) {
            revert StoryAdapter_NotOwner(nft, tokenId, msg.sender);
        }

        // Interaction: register it, act for it by its owner's signature.
        ipId = _register(nft, tokenId);
        (address to, bytes memory data) = permissionCall(ipId);
        IStoryIPAccount(ipId)
            .executeWithSig(to, 0, data, msg.sender, wanted.deadline, wanted.signature);
        _coreMetadataModule.setAll(
            ipId, wanted.metadataURI, wanted.metadataHash, wanted.nftMetadataHash
        );
        termsIds = _attach(ipId, wanted.terms);
        emit IpRegistered(ipId, nft, tokenId, msg.sender, termsIds);
    }

    /*//////////////////////////////////////////////////////////////
                                 MONEY
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IStoryAdapter
    function buy(StoryPurchase calldata wanted)
        external
        payable
        nonReentrant
        returns (uint256 firstTokenId)
    {
        // Check: in time, and at a fee that the buyer accepts. To Story, a limit of zero is none.
        if (block.timestamp > wanted.deadline) revert StoryAdapter_DeadlinePassed(wanted.deadline);
        (address currency, uint256 fee) = _licensingModule.predictMintingLicenseFee(
            wanted.ipId,
            address(_licenseTemplate),
            wanted.termsId,
            wanted.quantity,
            wanted.recipient,
            ""
        );
        if (fee > wanted.maxPay) revert StoryAdapter_AboveMaxPay(fee, wanted.maxPay);

        // Interaction: take the fee, which Story takes on; give out the licences. A hook of the work's
        // owner may ask for less than was said, never for more than was taken.
        uint256 before = _take(currency, fee, address(_royaltyModule));
        firstTokenId = _licensingModule.mintLicenseTokens(
            wanted.ipId,
            address(_licenseTemplate),
            wanted.termsId,
            wanted.quantity,
            wanted.recipient,
            "",
            fee,
            wanted.maxShare
        );
        uint256 paid = fee == 0 ? 0 : fee - _giveBack(currency, before);
        emit LicensesBought(
            wanted.ipId,
            msg.sender,
            wanted.recipient,
            wanted.termsId,
            firstTokenId,
            wanted.quantity,
            currency,
            paid
        );
    }

    /// @inheritdoc IStoryAdapter
    function pay(address ipId) external payable nonReentrant {
        _take(address(_wrappedCoin), msg.value, address(_royaltyModule));
        _royaltyModule.payRoyaltyOnBehalf(ipId, address(0), address(_wrappedCoin), msg.value);
        emit RoyaltyPaid(ipId, msg.sender, msg.value);
    }

    /*//////////////////////////////////////////////////////////////
                                 VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IStoryAdapter
    function permissionCall(address ipId) public view returns (address to, bytes memory data) {
        StoryPermission[] memory permissions = new StoryPermission[](2);
        permissions[0] = StoryPermission(
            ipId,
            address(this),
            address(_coreMetadataModule),
            IStoryCoreMetadataModule.setAll.selector,
            ALLOW
        );
        permissions[1] = StoryPermission(
            ipId,
            address(this),
            address(_licensingModule),
            IStoryLicensingModule.attachLicenseTerms.selector,
            ALLOW
        );
        to = address(_accessController);
        data = abi.encodeCall(IStoryAccessController.setBatchTransientPermissions, (permissions));
    }

    /// @inheritdoc IStoryAdapter
    function story() external view returns (StoryContracts memory) {
        return StoryContracts(
            address(_accessController),
            address(_coreMetadataModule),
            address(_ipAssetRegistry),
            address(_licenseTemplate),
            address(_licensingModule),
            address(_royaltyModule),
            address(_wrappedCoin)
        );
    }

    /*//////////////////////////////////////////////////////////////
                                INTERNAL
    //////////////////////////////////////////////////////////////*/

    function _register(address nft, uint256 tokenId) private returns (address ipId) {
        ipId = _ipAssetRegistry.ipId(block.chainid, nft, tokenId);
        bool known = _ipAssetRegistry.isRegistered(ipId);
        uint256 fee = known ? 0 : _ipAssetRegistry.getFeeAmount();
        _take(_ipAssetRegistry.getFeeToken(), fee, address(_ipAssetRegistry));
        if (!known) _ipAssetRegistry.register(block.chainid, nft, tokenId);
    }

    function _attach(address ipId, PILTerms[] calldata terms)
        private
        returns (uint256[] memory termsIds)
    {
        termsIds = new uint256[](terms.length);
        for (uint256 i; i < terms.length; ++i) {
            termsIds[i] = _licenseTemplate.registerLicenseTerms(terms[i]);
            _licensingModule.attachLicenseTerms(ipId, address(_licenseTemplate), termsIds[i]);
        }
    }

    /// @dev Takes an amount from the caller and lets `spender` take it on; sends back what is too much.
    /// Returns what was there before, which is nobody's: it is left alone.
    function _take(address currency, uint256 amount, address spender)
        private
        returns (uint256 before)
    {
        if (amount == 0) {
            if (msg.value != 0) _sendBack(msg.value);
            return 0;
        }
        before = IERC20(currency).balanceOf(address(this));
        if (msg.value == 0) {
            IERC20(currency).safeTransferFrom(msg.sender, address(this), amount);
        } else {
            if (currency != address(_wrappedCoin)) revert StoryAdapter_UnexpectedValue(msg.value);
            if (msg.value < amount) revert StoryAdapter_Underpaid(amount, msg.value);
            _wrappedCoin.deposit{value: amount}();
            if (msg.value != amount) _sendBack(msg.value - amount);
        }
        IERC20(currency).forceApprove(spender, amount);
    }

    function _giveBack(address currency, uint256 before) private returns (uint256 rest) {
        uint256 left = IERC20(currency).balanceOf(address(this));
        if (left <= before) return 0;
        rest = left - before;
        IERC20(currency).forceApprove(address(_royaltyModule), 0);
        IERC20(currency).safeTransfer(msg.sender, rest);
    }

    function _sendBack(uint256 amount) private {
        (bool success,) = msg.sender.call{value: amount}("");
        if (!success) revert StoryAdapter_NotTaken(msg.sender, amount);
    }

    function _deployed(address at) private view returns (address) {
        if (at.code.length == 0) revert StoryAdapter_NoContract(at);
        return at;
    }
}
