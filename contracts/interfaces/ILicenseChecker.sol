// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title ILicenseChecker
/// @notice Decides who may hold a licence under terms that name it: customers of a company, accredited
/// institutions, whoever has signed an agreement.
interface ILicenseChecker {
    /// @notice Whether an account may be given a licence, or further time. Asked by a static call at
    /// each purchase; such a licence cannot be handed on, and what was bought stays.
    /// @param licensee Who is to hold the licence.
    /// @param modelId The registered model.
    /// @param data `checkerData` of the terms.
    function isEligible(address licensee, uint64 modelId, bytes calldata data)
        external
        view
        returns (bool);
}
