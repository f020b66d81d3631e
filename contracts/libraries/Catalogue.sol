// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IModelLicensing} from "../interfaces/IModelLicensing.sol";
import {LicensedParent, Offer, ParentLicense, Right, Terms} from "../types/License.sol";
import {LicenseId} from "../types/LicenseId.sol";
import {Price} from "../types/Payment.sol";
import {Payments} from "./Payments.sol";
import {TermsLib} from "./TermsLib.sol";

/// @title Catalogue
/// @notice Terms, offers and what derivatives owe to their parents, and what has to hold between them.
/// @dev A model is derived before it is offered, and only what was offered can be derived from. So the
/// graph is acyclic, and a model's parents are settled before it can earn anything.
library Catalogue {
    using Payments for Price;
    using TermsLib for Terms;
    using TermsLib for uint16;

    /// @notice What is in it.
    struct Book {
        mapping(bytes32 termsId => Terms) terms;
        mapping(uint64 modelId => uint32 count) offerCount;
        mapping(uint64 modelId => mapping(uint32 number => Offer)) offers;
        mapping(uint64 modelId => LicensedParent[8]) parents;
        mapping(uint64 parentId => mapping(uint64 childId => bool)) approved;
    }

    /// @notice Most offers of a model.
    uint32 internal constant MAX_OFFERS = 64;

    /*//////////////////////////////////////////////////////////////
                                 OFFERS
    //////////////////////////////////////////////////////////////*/

    /// @notice Adds an offer without a price, with what a purchase needs to know of its terms.
    function add(Book storage book, uint64 modelId, bytes32 termsId)
        internal
        returns (uint32 number)
    {
        Terms storage terms = termsOf(book, termsId);
        _checkCompatible(book, modelId, termsId, terms);
        number = book.offerCount[modelId] + 1;
        if (number > MAX_OFFERS) {
            revert IModelLicensing.ModelLicensing_TooManyOffers(modelId);
        }

        book.offerCount[modelId] = number;
        Offer storage made = book.offers[modelId][number];
        made.termsId = termsId;
        (made.duration, made.rights, made.transferable, made.checked) =
        (terms.duration, terms.rights, terms.transferable, terms.checker != address(0));
    }

    /// @notice Sets an offer's price, after checking it, and opens the offer.
    /// @param transfers The model's number of transfers, with the next of which the offer ends.
    function setPrice(
        Book storage book,
        uint64 modelId,
        uint32 number,
        Price calldata price,
        uint64 supply,
        uint64 transfers
    ) internal {
        price.check();
        Offer storage priced = offerOf(book, modelId, number);
        if (price.pricing == address(0)) {
            checkMinPrice(book.terms[priced.termsId], price.asset, price.amount);
        }
        if (!price.free) _checkForCommerce(book, modelId);

        (priced.amount, priced.supply, priced.asset, priced.transfers) =
        (price.amount, supply, price.asset, transfers);
        (priced.free, priced.withdrawn, priced.pricing) = (price.free, false, price.pricing);
    }

    /// @notice Reverts if an amount is below the lowest that the terms allow, or in another asset.
    function checkMinPrice(Terms storage terms, address asset, uint256 amount) internal view {
        uint256 minimum = terms.minPrice;
        if (minimum == 0) return;
        if (asset != terms.currency) {
            revert Payments.Payments_WrongAsset(asset, terms.currency);
        }
        if (amount < minimum) {
            revert IModelLicensing.ModelLicensing_BelowMinPrice(amount, minimum);
        }
    }

    /// @notice Terms; reverts if there are none with that id.
    function termsOf(Book storage book, bytes32 termsId)
        internal
        view
        returns (Terms storage terms)
    {
        terms = book.terms[termsId];
        if (terms.rights == 0) revert IModelLicensing.ModelLicensing_UnknownTerms(termsId);
    }

    /// @notice An offer; reverts if there is none.
    function offerOf(Book storage book, uint64 modelId, uint32 number)
        internal
        view
        returns (Offer storage found)
    {
        found = book.offers[modelId][number];
        if (found.rights == 0) {
            revert IModelLicensing.ModelLicensing_UnknownOffer(modelId, number);
        }
    }

    /*//////////////////////////////////////////////////////////////
                               DERIVATIVES
    //////////////////////////////////////////////////////////////*/

    /// @notice Reverts if a model is a derivative already, or something can have been derived from it.
    function checkUnbound(Book storage book, uint64 childId) internal view {
        if (book.offerCount[childId] != 0) {
            revert IModelLicensing.ModelLicensing_AlreadyOffered(childId);
        }
        if (book.parents[childId][0].modelId != 0) {
            revert IModelLicensing.ModelLicensing_AlreadyDerived(childId);
        }
    }

    /// @notice Stores what a derivative owes to one parent, if the licence's terms allow it.
    /// @param index Which of its parents it is.
    /// @param count How many parents it has.
    /// @return shareBps The parent's share.
    function link(
        Book storage book,
        uint64 childId,
        uint256 index,
        ParentLicense calldata parent,
        uint256 count
    ) internal returns (uint16 shareBps) {
        LicenseId id = LicenseId.wrap(parent.licenseId);
        uint64 parentId = id.toModelId();
        Terms storage terms = book.terms[offerOf(book, parentId, id.toOffer()).termsId];
        Right right = TermsLib.rightFor(parent.relation);
        if (!terms.rights.has(right)) {
            revert IModelLicensing.ModelLicensing_RightNotGranted(parent.licenseId, right);
        }
        if (terms.derivativesApproval && !book.approved[parentId][childId]) {
            revert IModelLicensing.ModelLicensing_NotApproved(parentId, childId);
        }

        shareBps = terms.royaltyBps;
        book.parents[childId][index] = LicensedParent({
            modelId: parentId,
            offer: id.toOffer(),
            serial: id.toSerial(),
            version: parent.version,
            shareBps: shareBps,
            relation: parent.relation,
            // forge-lint: disable-next-line(unsafe-typecast) it is at most 8
            parentCount: uint8(count)
        });
    }

    /// @notice Reverts if nothing could ever be offered of a derivative: as a parent is share-alike and
    /// another's terms do not allow its terms, or as there is nothing that all parents' terms allow.
    function checkParents(Book storage book, uint64 childId) internal view {
        LicensedParent[8] storage parents = book.parents[childId];
        uint256 count = parents[0].parentCount;
        (uint16 rights, uint16 fields) = (type(uint16).max, type(uint16).max);
        for (uint256 i; i < count; ++i) {
            bytes32 termsId = _termsIdOf(book, parents[i]);
            Terms storage terms = book.terms[termsId];
            if (terms.shareAlike) _checkCompatible(book, childId, termsId, terms);
            (rights, fields) = (rights & terms.rights, fields & terms.fields);
        }
        if (rights == 0 || fields == 0) {
            revert IModelLicensing.ModelLicensing_NothingInCommon(childId);
        }
    }

    /// @dev Reverts unless a model's parents allow that it is offered under some terms.
    function _checkCompatible(
        Book storage book,
        uint64 modelId,
        bytes32 termsId,
        Terms storage terms
    ) private view {
        LicensedParent[8] storage parents = book.parents[modelId];
        uint256 count = parents[0].parentCount;
        for (uint256 i; i < count; ++i) {
            bytes32 parentTermsId = _termsIdOf(book, parents[i]);
            if (!book.terms[parentTermsId].allows(parentTermsId, terms, termsId)) {
                revert IModelLicensing.ModelLicensing_IncompatibleTerms(termsId, parentTermsId);
            }
        }
    }

    /// @dev Reverts unless every parent allows commerce: to sell licences is commerce.
    function _checkForCommerce(Book storage book, uint64 modelId) private view {
        LicensedParent[8] storage parents = book.parents[modelId];
        uint256 count = parents[0].parentCount;
        for (uint256 i; i < count; ++i) {
            uint64 parentId = parents[i].modelId;
            if (!book.offers[parentId][parents[i].offer].rights.has(Right.Commercial)) {
                revert IModelLicensing.ModelLicensing_NotCommercial(modelId, parentId);
            }
        }
    }

    function _termsIdOf(Book storage book, LicensedParent storage parent)
        private
        view
        returns (bytes32)
    {
        return book.offers[parent.modelId][parent.offer].termsId;
    }
}
