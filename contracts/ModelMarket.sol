// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {IModelLicensing} from "./interfaces/IModelLicensing.sol";
import {IModelMarket} from "./interfaces/IModelMarket.sol";
import {IModelNFT} from "./interfaces/IModelNFT.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {Payments} from "./libraries/Payments.sol";
import {RevenueAccount} from "./types/License.sol";
import {Listing, Order} from "./types/Market.sol";
import {Permit, Price} from "./types/Payment.sol";

/// @title ModelMarket
/// @notice See {IModelMarket}.
/// @dev The registry, the models' token and the licensing contract are known code, and call nobody
/// back.
contract ModelMarket is IModelMarket, ReentrancyGuardTransient {
    using Payments for Payments.Ledger;
    using Payments for Price;

    /// @inheritdoc IModelMarket
    uint256 public constant MAX_SETTLED = 32;

    /// @inheritdoc IModelMarket
    string public constant version = "1.0.0";

    uint256 private constant _ONE_HUNDRED_PERCENT = 10_000;

    /// @inheritdoc IModelMarket
    IModelLicensing public immutable licensing;

    /// @inheritdoc IModelMarket
    IModelNFT public immutable nft;

    IModelRegistry private immutable _REGISTRY;

    mapping(uint64 modelId => Listing) private _listings; // slot 0

    Payments.Ledger private _ledger; // slot 1

    /// @dev Of what the newest listing that named anything wants settled; counts with `settleCount`.
    mapping(uint64 modelId => bytes32) private _settleHash; // slot 2

    constructor(IModelLicensing licensing_) {
        licensing = licensing_;
        nft = licensing_.nft();
        _REGISTRY = licensing_.registry();
    }

    /*//////////////////////////////////////////////////////////////
                                 SALE
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelMarket
    function list(
        uint64 modelId,
        Price calldata price,
        uint64 expiry,
        RevenueAccount[] calldata settleFirst
    ) external {
        // Check: the caller owns it, the market may transfer it, and the price is one.
        (address owner, uint64 transfers) = nft.ownershipOf(modelId);
        if (msg.sender != owner) revert ModelMarket_NotOwner(modelId, msg.sender);
        _checkApproved(modelId, owner);
        price.check();
        if (price.free) revert ModelMarket_Free(modelId);
        if (expiry <= block.timestamp) revert ModelMarket_ExpiryPassed(expiry);
        if (settleFirst.length > MAX_SETTLED) {
            revert ModelMarket_TooManyAccounts(settleFirst.length, MAX_SETTLED);
        }

        // Effect: list it, under this ownership.
        _listings[modelId] = Listing(
            price.amount,
            transfers,
            expiry,
            price.asset,
            price.pricing,
            // forge-lint: disable-next-line(unsafe-typecast) it was just compared
            uint8(settleFirst.length)
        );
        if (settleFirst.length != 0) _settleHash[modelId] = keccak256(abi.encode(settleFirst));
        emit ModelListed(modelId, owner, price, expiry, settleFirst);
    }

    /// @inheritdoc IModelMarket
    function cancel(uint64 modelId) external {
        (address owner,) = _listingOf(modelId);
        if (msg.sender != owner) revert ModelMarket_NotOwner(modelId, msg.sender);
        delete _listings[modelId];
        emit ListingCancelled(modelId, owner);
    }

    /// @inheritdoc IModelMarket
    function buy(
        Order calldata order,
        Permit calldata permit,
        RevenueAccount[] calldata settleFirst
    ) external payable nonReentrant {
        // Check: it is for sale, at a price that the buyer accepts, and still what the buyer saw.
        (address seller, Listing storage listing) = _listingOf(order.modelId);
        if (order.recipient == address(0)) revert Payments.Payments_ZeroRecipient();
        uint256 amount = _quote(listing, order.modelId, order.asset);
        Payments.checkLimits(amount, order.maxPay, order.deadline);
        bytes32 state = stateOf(order.modelId);
        if (state != order.state) {
            revert ModelMarket_StateChanged(order.modelId, order.state, state);
        }
        _checkSettled(listing, order.modelId, settleFirst);

        // Effect: what it has earned is the seller's, then what is paid, but for the royalty.
        if (settleFirst.length != 0) licensing.settle(settleFirst);
        (address receiver, uint256 royalty) = nft.royaltyInfo(order.modelId, amount);
        _ledger.credit(seller, order.asset, amount - royalty);
        if (royalty != 0) _ledger.credit(receiver, order.asset, royalty);
        delete _listings[order.modelId];
        emit ModelSold(
            order.modelId, seller, order.recipient, order.asset, amount, receiver, royalty
        );

        // Interaction: the token, which calls nobody, then the money.
        nft.transferFrom(seller, order.recipient, order.modelId);
        Payments.take(order.asset, amount, permit);
    }

    /// @inheritdoc IModelMarket
    function claim(address asset, address recipient)
        external
        nonReentrant
        returns (uint256 amount)
    {
        return _ledger.claim(asset, recipient);
    }

    /*//////////////////////////////////////////////////////////////
                                 VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelMarket
    function quote(uint64 modelId, address asset) external view returns (uint256) {
        (address owner, Listing storage listing) = _listingOf(modelId);
        _checkApproved(modelId, owner);
        return _quote(listing, modelId, asset);
    }

    /// @inheritdoc IModelMarket
    function stateOf(uint64 modelId) public view returns (bytes32) {
        (address receiver, uint256 bps) = nft.royaltyInfo(modelId, _ONE_HUNDRED_PERCENT);
        return keccak256(
            abi.encode(
                receiver,
                bps,
                licensing.parentsOf(modelId),
                licensing.offerCount(modelId),
                _REGISTRY.modelOf(modelId).latestVersion
            )
        );
    }

    /// @inheritdoc IModelMarket
    function listingOf(uint64 modelId) external view returns (Listing memory) {
        (, Listing storage listing) = _listingOf(modelId);
        return listing;
    }

    /// @inheritdoc IModelMarket
    function claimable(address account, address asset) external view returns (uint256) {
        return _ledger.owed[account][asset];
    }

    /*//////////////////////////////////////////////////////////////
                                PRIVATE
    //////////////////////////////////////////////////////////////*/

    /// @dev A listing that is alive, and who sells.
    function _listingOf(uint64 modelId)
        private
        view
        returns (address owner, Listing storage listing)
    {
        uint64 transfers;
        listing = _listings[modelId];
        (owner, transfers) = nft.ownershipOf(modelId);
        if (listing.expiry == 0 || listing.transfers != transfers) {
            revert ModelMarket_NotListed(modelId);
        }
    }

    /// @dev Reverts unless the market may transfer a model. A sale need not ask: its transfer does.
    function _checkApproved(uint64 modelId, address owner) private view {
        if (
            nft.getApproved(modelId) != address(this) && !nft.isApprovedForAll(owner, address(this))
        ) revert ModelMarket_NotApproved(modelId);
    }

    /// @dev Reverts unless what is settled first begins with what the seller asks for.
    function _checkSettled(
        Listing storage listing,
        uint64 modelId,
        RevenueAccount[] calldata settleFirst
    ) private view {
        uint256 count = listing.settleCount;
        if (count == 0) return;
        if (
            settleFirst.length < count
                || keccak256(abi.encode(settleFirst[:count])) != _settleHash[modelId]
        ) {
            revert ModelMarket_NotSettled(modelId, count);
        }
    }

    function _quote(Listing storage listing, uint64 modelId, address asset)
        private
        view
        returns (uint256)
    {
        if (listing.expiry <= block.timestamp) {
            revert ModelMarket_ListingExpired(modelId, listing.expiry);
        }
        Price memory price = Price(listing.asset, listing.pricing, listing.amount, false);
        return price.quote(modelId, 0, asset);
    }
}
