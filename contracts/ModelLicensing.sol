// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";

import {LicenseToken} from "./LicenseToken.sol";
import {ILicenseChecker} from "./interfaces/ILicenseChecker.sol";
import {ILicenseToken} from "./interfaces/ILicenseToken.sol";
import {IModelLicensing} from "./interfaces/IModelLicensing.sol";
import {IModelNFT} from "./interfaces/IModelNFT.sol";
import {IModelRegistry} from "./interfaces/IModelRegistry.sol";
import {Catalogue} from "./libraries/Catalogue.sol";
import {Payments} from "./libraries/Payments.sol";
import {Royalties} from "./libraries/Royalties.sol";
import {TermsLib} from "./libraries/TermsLib.sol";
import {
    LicensedParent,
    Offer,
    ParentLicense,
    Purchase,
    Revenue,
    RevenueAccount,
    Right,
    Terms
} from "./types/License.sol";
import {LicenseId, toLicenseId} from "./types/LicenseId.sol";
import {Status} from "./types/Model.sol";
import {Permit, Price} from "./types/Payment.sol";

/// @title ModelLicensing
/// @notice See {IModelLicensing}.
/// @dev Whatever moves money is `nonReentrant`, and does its own bookkeeping before any call to a
/// payment token or a recipient. The registry, the models' token and the licences' are known code.
contract ModelLicensing is IModelLicensing, ReentrancyGuardTransient {
    using Catalogue for Catalogue.Book;
    using Payments for Payments.Ledger;
    using Payments for Price;
    using Royalties for Royalties.Book;
    using TermsLib for uint16;

    /// @inheritdoc IModelLicensing
    uint256 public constant MAX_PARENTS = 8;

    /// @inheritdoc IModelLicensing
    uint32 public constant MAX_OFFERS = Catalogue.MAX_OFFERS;

    /// @inheritdoc IModelLicensing
    uint32 public constant MAX_QUANTITY = 32;

    /// @inheritdoc IModelLicensing
    uint256 public constant MAX_BATCH = 64;

    /// @inheritdoc IModelLicensing
    uint256 public constant MAX_ENVELOPE = 1024;

    /// @inheritdoc IModelLicensing
    string public constant version = "1.0.0";

    /// @inheritdoc IModelLicensing
    IModelRegistry public immutable registry;

    /// @inheritdoc IModelLicensing
    IModelNFT public immutable nft;

    /// @inheritdoc IModelLicensing
    ILicenseToken public immutable licenseToken;

    Catalogue.Book private _catalogue; // slots 0 to 4

    Royalties.Book private _royalties; // slot 5

    Payments.Ledger private _ledger; // slot 6

    constructor(IModelRegistry registry_) {
        registry = registry_;
        nft = registry_.nft();
        licenseToken = new LicenseToken();
    }

    modifier onlyOwner(uint64 modelId) {
        if (msg.sender != nft.ownerOf(modelId)) {
            revert ModelLicensing_NotOwner(modelId, msg.sender);
        }
        _;
    }

    /*//////////////////////////////////////////////////////////////
                            TERMS AND OFFERS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelLicensing
    function registerTerms(Terms calldata terms) external returns (bytes32 termsId) {
        termsId = TermsLib.id(terms);
        if (_catalogue.terms[termsId].rights != 0) return termsId;
        TermsLib.check(terms);

        _catalogue.terms[termsId] = terms;
        emit TermsRegistered(termsId, msg.sender, terms);
    }

    /// @inheritdoc IModelLicensing
    function offer(uint64 modelId, bytes32 termsId, Price calldata price, uint64 supply)
        external
        onlyOwner(modelId)
        returns (uint32 number)
    {
        number = _catalogue.add(modelId, termsId);
        emit OfferMade(modelId, number, termsId);
        _price(modelId, number, price, supply);
    }

    /// @inheritdoc IModelLicensing
    function reprice(uint64 modelId, uint32 number, Price calldata price, uint64 supply)
        external
        onlyOwner(modelId)
    {
        _price(modelId, number, price, supply);
    }

    /// @inheritdoc IModelLicensing
    function withdraw(uint64 modelId, uint32 number) external onlyOwner(modelId) {
        _catalogue.offerOf(modelId, number).withdrawn = true;
        emit OfferWithdrawn(modelId, number);
    }

    /*//////////////////////////////////////////////////////////////
                                LICENCES
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelLicensing
    function buy(Purchase calldata purchase, Permit calldata permit)
        external
        payable
        nonReentrant
        returns (uint256 licenseId)
    {
        // Check: there is that much to buy, for the recipient, at a price that the buyer accepts.
        Offer storage sold = _catalogue.offerOf(purchase.modelId, purchase.offer);
        (address seller, uint64 serial) =
            _checkOnSale(sold, purchase.modelId, purchase.offer, purchase.quantity);
        _checkRecipient(sold, purchase);
        uint256 amount = _quote(sold, purchase.modelId, purchase.asset) * purchase.quantity;
        Payments.checkLimits(amount, purchase.maxPay, purchase.deadline);

        // Effect: the sale, and the licences; their token calls nobody.
        sold.sold = serial + purchase.quantity - 1;
        _royalties.earn(purchase.modelId, seller, purchase.asset, amount);
        LicenseId id = licenseToken.mint(
            purchase.recipient,
            toLicenseId(purchase.modelId, purchase.offer, serial),
            purchase.quantity,
            sold.duration,
            sold.transferable
        );
        licenseId = LicenseId.unwrap(id);
        _emitSold(purchase, licenseId, amount, seller);

        // Interaction: take the money.
        Payments.take(purchase.asset, amount, permit);
    }

    /// @inheritdoc IModelLicensing
    function requestKey(uint256 licenseId, bytes32 encryptionKey) external {
        if (msg.sender != licenseToken.ownerOf(licenseId)) {
            revert ModelLicensing_NotHolder(licenseId, msg.sender);
        }
        if (encryptionKey == 0) revert ModelLicensing_BadKey();
        emit KeyRequested(licenseId, msg.sender, encryptionKey);
    }

    /// @inheritdoc IModelLicensing
    function deliverEnvelope(uint256 licenseId, uint32 version_, bytes calldata envelope) external {
        // Check: the licence and the version exist, and the caller publishes the model.
        licenseToken.ownerOf(licenseId);
        uint64 modelId = LicenseId.wrap(licenseId).toModelId();
        registry.versionOf(modelId, version_);
        if (!registry.isPublisher(modelId, msg.sender)) {
            revert ModelLicensing_NotPublisher(modelId, msg.sender);
        }
        if (envelope.length == 0 || envelope.length > MAX_ENVELOPE) {
            revert ModelLicensing_BadKey();
        }
        emit EnvelopeDelivered(licenseId, modelId, version_, envelope);
    }

    /*//////////////////////////////////////////////////////////////
                               DERIVATIVES
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelLicensing
    function approveDerivative(uint64 parentId, uint64 childId, bool approved)
        external
        onlyOwner(parentId)
    {
        _catalogue.approved[parentId][childId] = approved;
        emit DerivativeApproved(parentId, childId, approved);
    }

    /// @inheritdoc IModelLicensing
    function derive(uint64 childId, ParentLicense[] calldata parents) external onlyOwner(childId) {
        uint256 count = parents.length;
        if (count == 0 || count > MAX_PARENTS) revert ModelLicensing_BadParentCount(count);
        _catalogue.checkUnbound(childId);

        // Check and effect: link each parent, under its licence.
        uint256 totalBps;
        uint64 previous;
        for (uint256 i; i < count; ++i) {
            uint64 parentId = LicenseId.wrap(parents[i].licenseId).toModelId();
            if (parentId == childId) revert ModelLicensing_SelfDerivation(childId);
            if (parentId <= previous) revert ModelLicensing_UnsortedParents(i);
            previous = parentId;
            totalBps += _link(childId, i, parents[i], count);
        }

        // Check: the shares can be paid, and there are terms that all parents' terms allow.
        if (totalBps > TermsLib.ONE_HUNDRED_PERCENT) revert ModelLicensing_SharesTooHigh(totalBps);
        _catalogue.checkParents(childId);
    }

    /*//////////////////////////////////////////////////////////////
                                 MONEY
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelLicensing
    function pay(uint64 modelId, address asset, uint128 amount, Permit calldata permit)
        external
        payable
        nonReentrant
    {
        // Check: its parents are settled for good, so that how its revenue is divided is, too.
        if (_catalogue.offerCount[modelId] == 0) revert ModelLicensing_NeverOffered(modelId);
        if (amount == 0) revert Payments.Payments_ZeroPrice();

        // Effect: add to its revenue.
        address owner = nft.ownerOf(modelId);
        _royalties.earn(modelId, owner, asset, amount);
        emit RevenuePaid(modelId, owner, asset, msg.sender, amount);

        // Interaction: take the money.
        Payments.take(asset, amount, permit);
    }

    /// @inheritdoc IModelLicensing
    function settle(RevenueAccount[] calldata accounts)
        external
        nonReentrant
        returns (uint256[] memory)
    {
        return _settle(accounts);
    }

    /// @inheritdoc IModelLicensing
    function claim(address asset, address recipient)
        external
        nonReentrant
        returns (uint256 amount)
    {
        return _ledger.claim(asset, recipient);
    }

    /// @inheritdoc IModelLicensing
    function settleAndClaim(RevenueAccount[] calldata accounts, address asset, address recipient)
        external
        nonReentrant
        returns (uint256 amount)
    {
        _settle(accounts);
        return _ledger.claim(asset, recipient);
    }

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IModelLicensing
    function entitled(address account, uint64 modelId, Right right) external view returns (bool) {
        (address owner,) = nft.ownershipOf(modelId);
        if (owner == address(0) || owner == account) return owner != address(0);

        uint32 count = _catalogue.offerCount[modelId];
        for (uint32 number = 1; number <= count; ++number) {
            if (
                _catalogue.offers[modelId][number].rights.has(right)
                    && licenseToken.isHolder(account, modelId, number)
            ) return true;
        }
        return false;
    }

    /// @inheritdoc IModelLicensing
    function isLicensed(uint64 childId, uint64 parentId) external view returns (bool) {
        LicensedParent[8] storage parents = _catalogue.parents[childId];
        uint256 count = parents[0].parentCount;
        for (uint256 i; i < count; ++i) {
            if (parents[i].modelId == parentId) return true;
        }
        (address owner,) = nft.ownershipOf(childId);
        (address other,) = nft.ownershipOf(parentId);
        return owner != address(0) && owner == other;
    }

    /// @inheritdoc IModelLicensing
    function quote(uint64 modelId, uint32 number, address asset) external view returns (uint256) {
        Offer storage sold = _catalogue.offerOf(modelId, number);
        _checkOnSale(sold, modelId, number, 1);
        return _quote(sold, modelId, asset);
    }

    /// @inheritdoc IModelLicensing
    function termsOf(bytes32 termsId) external view returns (Terms memory) {
        return _catalogue.termsOf(termsId);
    }

    /// @inheritdoc IModelLicensing
    function offerOf(uint64 modelId, uint32 number) external view returns (Offer memory) {
        return _catalogue.offerOf(modelId, number);
    }

    /// @inheritdoc IModelLicensing
    function offerCount(uint64 modelId) external view returns (uint32) {
        return _catalogue.offerCount[modelId];
    }

    /// @inheritdoc IModelLicensing
    function parentsOf(uint64 modelId) external view returns (LicensedParent[] memory parents) {
        LicensedParent[8] storage stored = _catalogue.parents[modelId];
        parents = new LicensedParent[](stored[0].parentCount);
        for (uint256 i; i < parents.length; ++i) {
            parents[i] = stored[i];
        }
    }

    /// @inheritdoc IModelLicensing
    function isApproved(uint64 parentId, uint64 childId) external view returns (bool) {
        return _catalogue.approved[parentId][childId];
    }

    /// @inheritdoc IModelLicensing
    function revenueOf(uint64 modelId, address owner, address asset)
        external
        view
        returns (Revenue memory)
    {
        return _royalties.revenue[modelId][owner][asset];
    }

    /// @inheritdoc IModelLicensing
    function claimable(address account, address asset) external view returns (uint256) {
        return _ledger.owed[account][asset];
    }

    /*//////////////////////////////////////////////////////////////
                                 PRIVATE
    //////////////////////////////////////////////////////////////*/

    /// @dev Sets an offer's price under the present owner, and opens it.
    function _price(uint64 modelId, uint32 number, Price calldata price, uint64 supply) private {
        (, uint64 transfers) = nft.ownershipOf(modelId);
        _catalogue.setPrice(modelId, number, price, supply, transfers);
        emit OfferPriced(modelId, number, price, supply);
    }

    /// @dev Reverts unless that many licences of an offer can be bought; returns who sells, and the
    /// first serial number.
    function _checkOnSale(Offer storage sold, uint64 modelId, uint32 number, uint32 quantity)
        private
        view
        returns (address seller, uint64 serial)
    {
        uint64 transfers;
        (seller, transfers) = nft.ownershipOf(modelId);
        if (sold.withdrawn) revert ModelLicensing_OfferWithdrawn(modelId, number);
        if (sold.transfers != transfers) revert ModelLicensing_OfferEnded(modelId, number);

        if (quantity == 0 || quantity > MAX_QUANTITY) revert ModelLicensing_BadQuantity(quantity);
        (uint64 supply, uint64 before) = (sold.supply, sold.sold);
        if (supply != 0 && before + quantity > supply) {
            uint64 left = supply > before ? supply - before : 0;
            revert ModelLicensing_SoldOut(modelId, number, left);
        }
        serial = before + 1;
    }

    /// @dev Reverts if the licences would be nobody's, or somebody's who may not have them, or if their
    /// holder would be said to have asked for a key that another has chosen.
    function _checkRecipient(Offer storage sold, Purchase calldata purchase) private view {
        address recipient = purchase.recipient;
        if (recipient == address(0)) revert Payments.Payments_ZeroRecipient();
        if (purchase.encryptionKey != 0 && recipient != msg.sender) {
            revert ModelLicensing_NotRecipient(recipient, msg.sender);
        }
        if (!sold.checked) return;

        Terms storage terms = _catalogue.terms[sold.termsId];
        ILicenseChecker checker = ILicenseChecker(terms.checker);
        if (!checker.isEligible(recipient, purchase.modelId, terms.checkerData)) {
            revert ModelLicensing_NotEligible(recipient, sold.termsId);
        }
    }

    /// @dev Price of one licence. A fixed one was compared with the terms' lowest when it was set.
    function _quote(Offer storage sold, uint64 modelId, address asset)
        private
        view
        returns (uint256 amount)
    {
        Price memory price = Price(sold.asset, sold.pricing, sold.amount, sold.free);
        if (price.pricing == address(0)) return price.quote(modelId, 0, asset);
        amount = price.quote(modelId, sold.termsId, asset);
        Catalogue.checkMinPrice(_catalogue.terms[sold.termsId], asset, amount);
    }

    function _emitSold(
        Purchase calldata purchase,
        uint256 licenseId,
        uint256 amount,
        address seller
    ) private {
        emit LicensesSold(
            purchase.modelId,
            purchase.recipient,
            msg.sender,
            licenseId,
            purchase.quantity,
            purchase.asset,
            amount,
            seller
        );
        if (purchase.encryptionKey != 0) {
            emit KeyRequested(licenseId, purchase.recipient, purchase.encryptionKey);
        }
    }

    /// @dev Links one parent; returns its share.
    function _link(uint64 childId, uint256 index, ParentLicense calldata parent, uint256 count)
        private
        returns (uint16 shareBps)
    {
        // Check: the parent's version is not revoked.
        uint64 parentId = LicenseId.wrap(parent.licenseId).toModelId();
        if (registry.versionOf(parentId, parent.version).status == Status.Revoked) {
            revert ModelLicensing_ParentRevoked(parentId, parent.version);
        }

        // Check and effect: the terms allow it. The licence is the caller's, valid and not used yet.
        shareBps = _catalogue.link(childId, index, parent, count);
        licenseToken.bind(parent.licenseId, msg.sender, childId);
        emit DerivativeMade(
            parentId, childId, parent.licenseId, parent.version, parent.relation, shareBps
        );
    }

    function _settle(RevenueAccount[] calldata accounts) private returns (uint256[] memory moved) {
        if (accounts.length > MAX_BATCH) revert ModelLicensing_BatchTooLong(accounts.length);
        moved = new uint256[](accounts.length);
        for (uint256 i; i < accounts.length; ++i) {
            LicensedParent[8] storage parents = _catalogue.parents[accounts[i].modelId];
            moved[i] = _royalties.settle(_ledger, parents, nft, accounts[i]);
        }
    }
}
