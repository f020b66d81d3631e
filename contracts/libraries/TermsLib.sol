// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ALL_FIELDS, ALL_RIGHTS, Right, Terms} from "../types/License.sol";
import {Relation} from "../types/Model.sol";

/// @title TermsLib
/// @notice Which terms make sense, and which go together.
library TermsLib {
    /// @notice Longest SPDX identifier, in bytes.
    uint256 internal constant MAX_LICENSE_LENGTH = 64;

    /// @notice Longest URI, and longest data for a checker, in bytes.
    uint256 internal constant MAX_DATA_LENGTH = 256;

    /// @notice All of something, in basis points.
    uint16 internal constant ONE_HUNDRED_PERCENT = 10_000;

    /// @notice Thrown when terms allow nothing, or something that is no right.
    error TermsLib_BadRights(uint16 rights);

    /// @notice Thrown when terms hold nowhere, or where there is no field of use.
    error TermsLib_BadFields(uint16 fields);

    /// @notice Thrown when a royalty is above 100 %.
    error TermsLib_RoyaltyTooHigh(uint16 royaltyBps);

    /// @notice Thrown when terms that allow no commercial use ask for a royalty, for attribution of
    /// commercial use, or for a ceiling of revenue; or, share-alike, for a lowest price, which
    /// derivatives could not charge.
    error TermsLib_NotCommercial();

    /// @notice Thrown when terms that allow no derivatives say something about them.
    error TermsLib_NoDerivatives();

    /// @notice Thrown when terms name data for a checker, and no checker.
    error TermsLib_NoChecker();

    /// @notice Thrown when terms let a licence be handed on to an account that their checker is not
    /// asked about.
    error TermsLib_CheckerNotAsked();

    /// @notice Thrown when a text is longer than it may be.
    error TermsLib_TooLong(uint256 length, uint256 maximum);

    /// @notice The id of terms: the same for the same terms, on every chain.
    function id(Terms calldata terms) internal pure returns (bytes32) {
        return keccak256(abi.encode(terms));
    }

    /// @notice Reverts unless terms make sense.
    function check(Terms calldata terms) internal pure {
        uint16 rights = terms.rights;
        if (rights == 0 || rights > ALL_RIGHTS) revert TermsLib_BadRights(rights);
        if (terms.fields == 0 || terms.fields > ALL_FIELDS) {
            revert TermsLib_BadFields(terms.fields);
        }
        if (terms.royaltyBps > ONE_HUNDRED_PERCENT) {
            revert TermsLib_RoyaltyTooHigh(terms.royaltyBps);
        }
        bool ceilings = terms.commercialCeiling != 0 || terms.derivativeCeiling != 0;
        bool commerce = terms.royaltyBps != 0 || terms.commercialAttribution || ceilings
            || (terms.shareAlike && terms.minPrice != 0);
        if (commerce && !has(rights, Right.Commercial)) revert TermsLib_NotCommercial();
        bool derivatives = terms.royaltyBps != 0 || terms.derivativesAttribution
            || terms.derivativesApproval || terms.shareAlike || terms.derivativeCeiling != 0;
        if (derivatives && !has(rights, Right.Finetune) && !has(rights, Right.Distil)) {
            revert TermsLib_NoDerivatives();
        }
        bool checked = terms.checker != address(0);
        if (!checked && terms.checkerData.length != 0) revert TermsLib_NoChecker();
        if (checked && terms.transferable) revert TermsLib_CheckerNotAsked();
        _checkLength(bytes(terms.license).length, MAX_LICENSE_LENGTH);
        _checkLength(bytes(terms.uri).length, MAX_DATA_LENGTH);
        _checkLength(terms.checkerData.length, MAX_DATA_LENGTH);
    }

    /// @notice Whether a set of rights has one.
    function has(uint16 rights, Right right) internal pure returns (bool) {
        return (rights >> uint8(right)) & 1 == 1;
    }

    /// @notice The right that it takes to derive a model in some way.
    function rightFor(Relation relation) internal pure returns (Right) {
        return relation == Relation.Distillation ? Right.Distil : Right.Finetune;
    }

    /// @notice Whether a derivative may be offered under some terms, as far as a parent's terms go:
    /// under these very ones if they are share-alike, else under any whose rights and fields of use are
    /// all among theirs. What else terms say passes on by share-alike ones alone.
    function allows(Terms storage parent, bytes32 parentId, Terms storage child, bytes32 childId)
        internal
        view
        returns (bool)
    {
        if (parent.shareAlike) return parentId == childId;
        return covers(parent, child);
    }

    /// @notice Whether terms have all rights and fields of use that others have. Nothing else is
    /// compared: not duration, transferability, checker, approval, attribution or royalty.
    function covers(Terms storage terms, Terms storage others) internal view returns (bool) {
        return others.rights & ~terms.rights == 0 && others.fields & ~terms.fields == 0;
    }

    function _checkLength(uint256 length, uint256 maximum) private pure {
        if (length > maximum) revert TermsLib_TooLong(length, maximum);
    }
}
