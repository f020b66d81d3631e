// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {IERC4906} from "@openzeppelin/contracts/interfaces/IERC4906.sol";
import {IERC721Metadata} from "@openzeppelin/contracts/interfaces/IERC721Metadata.sol";

import {Holding} from "../types/License.sol";
import {LicenseId} from "../types/LicenseId.sol";
import {IERC5192} from "./IERC5192.sol";
import {IERC7572} from "./IERC7572.sol";
import {IModelLicensing} from "./IModelLicensing.sol";

/// @title ILicenseToken
/// @notice Licences as ERC-721 tokens. A token's id says what it is a licence of: the model (64 bits),
/// the number of the model's offer (32 bits) and a serial number (64 bits).
/// @dev Tokens are minted by `ModelLicensing` alone. Minting does not call the receiver. An account
/// holds at most one licence of an offer whose terms have a duration: buying again extends it, also
/// where a derivative rests on it. So one account makes one derivative under each such offer, ever. A
/// licence is locked (ERC-5192) if its terms say so, or once a derivative was made under it. Its
/// metadata tell when it expires, and change (ERC-4906) when it is extended.
interface ILicenseToken is IERC721Metadata, IERC4906, IERC5192, IERC7572 {
    /// @notice Emitted when a licence that expires is sold or extended.
    /// @param licenseId The licence.
    /// @param expiresAt When it expires, in seconds, exclusive.
    event LicenseExtended(uint256 indexed licenseId, uint64 expiresAt);

    /// @notice Emitted when a derivative is made under a licence.
    /// @param licenseId The licence.
    /// @param childId The derivative.
    event LicenseBound(uint256 indexed licenseId, uint64 indexed childId);

    /// @notice Thrown when someone else calls a function that is the licensing contract's.
    error LicenseToken_NotLicensing(address caller);

    /// @notice Thrown when an account does with a licence what only its holder may.
    error LicenseToken_NotHolder(uint256 licenseId, address caller);

    /// @notice Thrown when a licence that cannot be transferred is transferred, or one that a
    /// derivative rests on is burned.
    error LicenseToken_Locked(uint256 licenseId);

    /// @notice Thrown when a licence that has expired is used.
    error LicenseToken_Expired(uint256 licenseId, uint64 expiresAt);

    /// @notice Thrown when a second derivative is to be made under a licence.
    error LicenseToken_Bound(uint256 licenseId, uint64 childId);

    /// @notice Thrown when a licence that expires is transferred to an account that has one of the
    /// same offer already.
    error LicenseToken_AlreadyHeld(address account, uint256 licenseId);

    /// @notice Mints licences, or extends the one that the account has. `ModelLicensing` only.
    /// @param to Who is to hold them.
    /// @param first Id of the first; the others' serial numbers follow.
    /// @param quantity Number of licences; with a duration, number of periods of one licence.
    /// @param duration Seconds of a period; 0 for licences that do not expire.
    /// @param transferable Whether they can be handed on.
    /// @return The first licence minted, or the one extended.
    function mint(address to, LicenseId first, uint32 quantity, uint32 duration, bool transferable)
        external
        returns (LicenseId);

    /// @notice Makes a derivative rest on a licence, which is locked from then on. `ModelLicensing`
    /// only; reverts unless the licence is the holder's, unexpired, and nothing rests on it.
    /// @param licenseId The licence.
    /// @param holder Who has to hold it.
    /// @param childId The derivative.
    function bind(uint256 licenseId, address holder, uint64 childId) external;

    /// @notice Destroys a licence. Its holder only, and only if no derivative rests on it.
    function burn(uint256 licenseId) external;

    /// @notice What an account holds of an offer's licences, expired ones included.
    /// @param account The account.
    /// @param modelId The registered model.
    /// @param offer The number of the model's offer.
    function holdingOf(address account, uint64 modelId, uint32 offer)
        external
        view
        returns (Holding memory);

    /// @notice Whether an account holds a licence of an offer that has not expired.
    function isHolder(address account, uint64 modelId, uint32 offer) external view returns (bool);

    /// @notice When a licence expires, in seconds, exclusive; 0 if it does not. Reverts if there is
    /// no such licence.
    function expiresAt(uint256 licenseId) external view returns (uint64);

    /// @notice The derivative that rests on a licence; 0 for none.
    function derivativeOf(uint256 licenseId) external view returns (uint64 childId);

    /// @notice The licensing contract, which deployed this one.
    function licensing() external view returns (IModelLicensing);

    /// @notice Version of this contract's source.
    function version() external view returns (string memory);
}
