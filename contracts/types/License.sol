// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Relation} from "./Model.sol";

/// @notice What a licence can allow. A set of rights is a number whose bit r stands for `Right(r)`.
/// @param Use Run the model, or read the dataset.
/// @param Serve Let others use it through a service.
/// @param Finetune Make another model of it, except by distillation; for a dataset, train on it.
/// @param Distil Train another model to imitate it.
/// @param Redistribute Hand copies on.
/// @param TrainOnOutputs Train on what it produces.
/// @param Commercial Do for profit whatever else is allowed.
enum Right {
    Use,
    Serve,
    Finetune,
    Distil,
    Redistribute,
    TrainOnOutputs,
    Commercial
}

/// @notice Where a model may be used. A set of fields is a number whose bit f stands for `Field(f)`.
enum Field {
    Research,
    Education,
    Personal,
    Business,
    PublicSector,
    Healthcare,
    Biometrics,
    Defence
}

uint16 constant ALL_RIGHTS = uint16(2 ** (uint16(type(Right).max) + 1) - 1);

uint16 constant ALL_FIELDS = uint16(2 ** (uint16(type(Field).max) + 1) - 1);

/// @notice Licence terms. The same terms have the same id everywhere: the hash of their ABI encoding.
/// @dev They mean what the fields of a Story PIL licence mean, where those have a counterpart:
/// `commercialUse` is the right `Commercial`, `derivativesAllowed` the right `Finetune` or `Distil`,
/// `expiration` is `duration`, `commercialRevShare` is `royaltyBps`, `derivativesReciprocal` is
/// `shareAlike`, `defaultMintingFee` is `minPrice`.
/// @param rights Set of `Right`.
/// @param fields Set of `Field`.
/// @param royaltyBps Share of a derivative's revenue that is due to the model, in basis points.
/// @param duration Seconds for which a licence is valid from its purchase; 0 for ever.
/// @param transferable Whether a licence can be handed on.
/// @param commercialAttribution Whether commercial use has to name the model.
/// @param derivativesAttribution Whether derivatives have to name the model.
/// @param derivativesApproval Whether the model's owner has to approve each derivative.
/// @param shareAlike Whether derivatives can be offered under these very terms only.
/// @param checker Decides who may hold a licence, which cannot be transferable then; the zero address
/// for anybody.
/// @param currency Asset of the amounts below; the zero address for the native coin.
/// @param minPrice Lowest price that an offer may ask, in `currency`; 0 for none, in any asset.
/// @param commercialCeiling Highest revenue that a licensee may make, in `currency`; 0 for none.
/// Recorded for courts and auditors: no contract can see it.
/// @param derivativeCeiling The same for the revenue of derivatives.
/// @param textDigest SHA-256 of the licence's text; zero for none.
/// @param license SPDX identifier, or a RAIL licence's name as `LicenseRef-…`.
/// @param uri Where the licence's text is.
/// @param checkerData Passed to `checker`.
struct Terms {
    // slot 0
    uint16 rights;
    uint16 fields;
    uint16 royaltyBps;
    uint32 duration;
    bool transferable;
    bool commercialAttribution;
    bool derivativesAttribution;
    bool derivativesApproval;
    bool shareAlike;
    // slot 1
    address checker;
    // slot 2
    address currency;
    // slot 3
    uint128 minPrice;
    uint128 commercialCeiling;
    // slot 4
    uint128 derivativeCeiling;
    // slot 5
    bytes32 textDigest;
    // slots 6 to 8
    string license;
    string uri;
    bytes checkerData;
}

/// @notice An offer of licences, as it is stored: what a purchase reads is in its first three slots.
/// @param amount Fixed price of a licence; see `Price`.
/// @param supply Most licences that can be sold; 0 for any number.
/// @param sold Licences sold, or periods of them for terms with a duration.
/// @param asset See `Price`.
/// @param transfers The model's number of transfers when the offer was made: it ends with the next.
/// @param free See `Price`.
/// @param withdrawn Whether the model's owner has withdrawn it.
/// @param pricing See `Price`.
/// @param duration `duration` of the terms.
/// @param rights `rights` of the terms.
/// @param transferable `transferable` of the terms.
/// @param checked Whether the terms name a checker.
/// @param termsId The terms.
struct Offer {
    // slot 0
    uint128 amount;
    uint64 supply;
    uint64 sold;
    // slot 1
    address asset;
    uint64 transfers;
    bool free;
    bool withdrawn;
    // slot 2
    address pricing;
    uint32 duration;
    uint16 rights;
    bool transferable;
    bool checked;
    // slot 3
    bytes32 termsId;
}

/// @notice What a buyer asks for.
/// @param modelId The registered model.
/// @param offer The number of the model's offer.
/// @param quantity Number of licences; for terms with a duration, number of periods of one licence.
/// @param asset What the buyer pays with.
/// @param maxPay Most that the buyer pays, for the whole quantity.
/// @param deadline Last second in which the purchase is meant.
/// @param recipient Who is to hold the licences.
/// @param encryptionKey X25519 public key for which the seller is to encrypt the content's key; zero
/// for none, as it has to be if the recipient is not the buyer.
struct Purchase {
    uint64 modelId;
    uint32 offer;
    uint32 quantity;
    address asset;
    uint256 maxPay;
    uint256 deadline;
    address recipient;
    bytes32 encryptionKey;
}

/// @notice A parent, as the owner of a derivative names it; nothing of this is compared with the lineage
/// in the registry.
/// @param licenseId The licence of the parent that allows the derivative.
/// @param version The parent's version.
/// @param relation How the derivative came from it, which decides the right that it takes.
struct ParentLicense {
    uint256 licenseId;
    uint32 version;
    Relation relation;
}

/// @notice What a derivative owes to one of its parents, for ever.
/// @param modelId The parent.
/// @param offer The offer under which the licence was sold; its terms bind the derivative.
/// @param serial Serial number of the licence.
/// @param version The parent's version.
/// @param shareBps Share of the derivative's revenue, in basis points.
/// @param relation How the derivative came from the parent.
/// @param parentCount Number of the derivative's parents.
struct LicensedParent {
    // slot 0
    uint64 modelId;
    uint32 offer;
    uint64 serial;
    uint32 version;
    uint16 shareBps;
    Relation relation;
    uint8 parentCount;
}

/// @notice Names the revenue that a model earned in an asset while somebody owned it.
/// @param modelId The registered model.
/// @param owner Who owned it when it earned.
/// @param asset ERC-20 token, or the zero address for the native coin.
struct RevenueAccount {
    uint64 modelId;
    address owner;
    address asset;
}

/// @notice Revenue of a model; both amounts only ever grow.
/// @param earned All that it ever earned.
/// @param settled How much of that has been divided between the owner and the parents.
struct Revenue {
    // slot 0
    uint128 earned;
    uint128 settled;
}

/// @notice What an account holds of the licences that were sold under one offer.
/// @param count Number of licences. At most one of those that expire: a further period extends it.
/// @param serial Serial number of the licence that expires.
/// @param expiresAt When it does, in seconds, exclusive; 0 for licences that do not expire.
/// @param locked Whether the terms forbid a transfer.
struct Holding {
    // slot 0
    uint64 count;
    uint64 serial;
    uint64 expiresAt;
    bool locked;
}
