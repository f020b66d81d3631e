// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

import {IQuoter} from "./interfaces/IQuoter.sol";
import {IStorySale} from "./interfaces/IStorySale.sol";
import {IStoryIPAccount} from "./interfaces/external/story/IStoryIPAccount.sol";
import {IStoryLicensingModule} from "./interfaces/external/story/IStoryLicensingModule.sol";
import {IStoryPILicenseTemplate} from "./interfaces/external/story/IStoryPILicenseTemplate.sol";
import {IStoryRoyaltyModule} from "./interfaces/external/story/IStoryRoyaltyModule.sol";
import {IWrappedCoin} from "./interfaces/external/story/IWrappedCoin.sol";
import {StoryOffer, StoryOrder} from "./types/StorySale.sol";

/// @title StorySale
/// @notice See {IStorySale}.
contract StorySale is IStorySale, EIP712, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @inheritdoc IStorySale
    string public constant version = "1.0.0";

    bytes32 private constant _OFFER = keccak256(
        abi.encodePacked(
            "StoryOffer(address ipId,uint256 termsId,address pricing,uint64 modelId,",
            "bytes32 quotedTerms,uint256 nonce,uint256 deadline)"
        )
    );

    /// @inheritdoc IStorySale
    IStoryLicensingModule public immutable licensingModule;

    /// @inheritdoc IStorySale
    IStoryPILicenseTemplate public immutable licenseTemplate;

    /// @inheritdoc IStorySale
    IStoryRoyaltyModule public immutable royaltyModule;

    /// @inheritdoc IStorySale
    IWrappedCoin public immutable wrappedCoin;

    // slots 0 and 1 are EIP712's, never written

    /// @inheritdoc IStorySale
    mapping(address owner => uint256) public nonces; // slot 2

    constructor(
        IStoryLicensingModule licensingModule_,
        IStoryPILicenseTemplate licenseTemplate_,
        IStoryRoyaltyModule royaltyModule_,
        IWrappedCoin wrappedCoin_
    ) EIP712("Anacostia StorySale", "1") {
        _checkDeployed(address(licensingModule_));
        _checkDeployed(address(licenseTemplate_));
        _checkDeployed(address(royaltyModule_));
        _checkDeployed(address(wrappedCoin_));
        (licensingModule, licenseTemplate) = (licensingModule_, licenseTemplate_);
        (royaltyModule, wrappedCoin) = (royaltyModule_, wrappedCoin_);
    }

    /*//////////////////////////////////////////////////////////////
                                 SALE
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IStorySale
    function buy(StoryOffer calldata offer, bytes calldata signature, StoryOrder calldata order)
        external
        payable
        nonReentrant
        returns (uint256 firstTokenId)
    {
        // Check: in time, offered by whoever owns the work now, at a price that the buyer accepts.
        if (block.timestamp > order.deadline) revert StorySale_DeadlinePassed(order.deadline);
        _checkOffer(offer, signature);
        uint256 price = Math.saturatingMul(quote(offer), order.quantity);
        if (price > order.maxPay) revert StorySale_AboveMaxPay(price, order.maxPay);

        // Interaction: take the price; give out the licences, before anything is allowed to Story, so
        // that terms with a fee of their own cannot be paid out of it; then it is the work's revenue.
        _take(price);
        firstTokenId = licensingModule.mintLicenseTokens(
            offer.ipId,
            address(licenseTemplate),
            offer.termsId,
            order.quantity,
            order.recipient,
            "",
            0,
            order.maxShare
        );
        IERC20(address(wrappedCoin)).forceApprove(address(royaltyModule), price);
        royaltyModule.payRoyaltyOnBehalf(offer.ipId, address(0), address(wrappedCoin), price);
        emit StoryLicensesSold(
            offer.ipId,
            msg.sender,
            order.recipient,
            offer.termsId,
            firstTokenId,
            order.quantity,
            price
        );
    }

    /// @inheritdoc IStorySale
    function cancelOffers() external {
        emit OffersCancelled(msg.sender, nonces[msg.sender]++);
    }

    /*//////////////////////////////////////////////////////////////
                                 VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IStorySale
    function quote(StoryOffer calldata offer) public view returns (uint256 price) {
        price = IQuoter(offer.pricing).quote(offer.modelId, offer.quotedTerms, address(0));
        if (price == 0) revert StorySale_ZeroPrice();
    }

    /// @inheritdoc IStorySale
    function digestOf(StoryOffer calldata offer) public view returns (bytes32) {
        return _hashTypedDataV4(keccak256(abi.encode(_OFFER, offer)));
    }

    /*//////////////////////////////////////////////////////////////
                                PRIVATE
    //////////////////////////////////////////////////////////////*/

    function _checkOffer(StoryOffer calldata offer, bytes calldata signature) private view {
        if (block.timestamp > offer.deadline) revert StorySale_DeadlinePassed(offer.deadline);
        // Absent check: whether it is an asset of Story's. What is none gets no licences of Story.
        address owner = IStoryIPAccount(offer.ipId).owner();
        uint256 expected = nonces[owner];
        if (offer.nonce != expected) revert StorySale_WrongNonce(owner, offer.nonce, expected);
        if (!SignatureChecker.isValidSignatureNow(owner, digestOf(offer), signature)) {
            revert StorySale_NotSignedByOwner(offer.ipId, owner);
        }
    }

    /// @dev Takes the price from the buyer, in the coin or the wrapped coin.
    function _take(uint256 price) private {
        if (msg.value == 0) {
            IERC20(address(wrappedCoin)).safeTransferFrom(msg.sender, address(this), price);
            return;
        }
        if (msg.value < price) revert StorySale_Underpaid(price, msg.value);
        wrappedCoin.deposit{value: price}();
        uint256 rest = msg.value - price;
        if (rest == 0) return;
        (bool success,) = msg.sender.call{value: rest}("");
        if (!success) revert StorySale_NotTaken(msg.sender, rest);
    }

    function _checkDeployed(address at) private view {
        if (at.code.length == 0) revert StorySale_NoContract(at);
    }
}
