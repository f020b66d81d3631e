// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @notice A licence's token id, which says what it is a licence of: modelId (64 bits), the number of
/// the model's offer (32 bits), then a serial number within the offer (64 bits).
type LicenseId is uint256;

/// @notice An offer's identity in one word: modelId (64 bits) then the offer's number (32 bits).
type OfferKey is uint96;

using {toModelId, toOffer, toSerial, toOfferKey} for LicenseId global;

/// @notice The id of a licence.
function toLicenseId(uint64 modelId, uint32 offer, uint64 serial) pure returns (LicenseId) {
    return LicenseId.wrap((uint256(modelId) << 96) | (uint256(offer) << 64) | serial);
}

/// @notice The key of an offer.
function offerKey(uint64 modelId, uint32 offer) pure returns (OfferKey) {
    return OfferKey.wrap((uint96(modelId) << 32) | offer);
}

/// @notice The model that a licence is for.
/// @dev Ids of licences that exist have nothing above these bits.
function toModelId(LicenseId id) pure returns (uint64) {
    // forge-lint: disable-next-line(unsafe-typecast) the 64 bits are meant
    return uint64(LicenseId.unwrap(id) >> 96);
}

/// @notice The number of the offer under which a licence was sold.
function toOffer(LicenseId id) pure returns (uint32) {
    // forge-lint: disable-next-line(unsafe-typecast) the 32 bits are meant
    return uint32(LicenseId.unwrap(id) >> 64);
}

/// @notice A licence's serial number within its offer.
function toSerial(LicenseId id) pure returns (uint64) {
    // forge-lint: disable-next-line(unsafe-typecast) the low 64 bits are meant
    return uint64(LicenseId.unwrap(id));
}

/// @notice The key of the offer under which a licence was sold.
function toOfferKey(LicenseId id) pure returns (OfferKey) {
    // forge-lint: disable-next-line(unsafe-typecast) the 96 bits are meant
    return OfferKey.wrap(uint96(LicenseId.unwrap(id) >> 64));
}
