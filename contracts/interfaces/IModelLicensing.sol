// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    LicensedParent,
    Offer,
    ParentLicense,
    Purchase,
    Revenue,
    RevenueAccount,
    Right,
    Terms
} from "../types/License.sol";
import {Relation} from "../types/Model.sol";
import {Permit, Price} from "../types/Payment.sol";
import {ILicenseToken} from "./ILicenseToken.sol";
import {IModelNFT} from "./IModelNFT.sol";
import {IModelRegistry} from "./IModelRegistry.sol";

/// @title IModelLicensing
/// @notice Licences of registered models and datasets: terms, offers, sale, derivatives under a
/// licence, and the royalties that these owe, up any number of generations.
/// @dev Nobody has any power here but over what they own: there is no administrator, no fee, and no
/// upgrade. Money is never sent to a third party: it is kept for whom it belongs to, who claims it.
///
/// How money flows. A sale adds to the revenue of the model that is sold, in one step however deep its
/// lineage. `settle` divides a model's revenue: the parents' shares become revenue of the parents, the
/// rest is kept for the owner. Anybody may call it, for many models at once. A share is one of the
/// derivative's whole revenue, royalties from its own derivatives included: with 10 % each, a
/// grandparent gets 1 %.
///
/// Warnings for integrators:
/// - Revenue belongs to whoever owned the model when it was earned. A royalty is earned when it is
///   settled: settle a model's derivatives before selling it.
/// - A transfer of a model ends its offers, not the licences that were sold under them.
/// - Licences are of a model with all its versions. A version may be revoked: ask the registry.
/// - Tokens whose balances change by themselves (rebasing) harm whoever is owed them here, also a
/// derivative's parents, who did not choose them; no other asset.
interface IModelLicensing {
    /*//////////////////////////////////////////////////////////////
                                  EVENTS
    //////////////////////////////////////////////////////////////*/

    /// @notice Emitted when terms are registered for the first time.
    /// @param termsId Hash of their ABI encoding.
    /// @param registrant Who did; it gives no right.
    /// @param terms The terms.
    event TermsRegistered(bytes32 indexed termsId, address indexed registrant, Terms terms);

    /// @notice Emitted when a model's owner offers licences.
    /// @param modelId The registered model.
    /// @param offer The offer's number; a model's offers are 1, 2, 3, …
    /// @param termsId The licences' terms.
    event OfferMade(uint64 indexed modelId, uint32 indexed offer, bytes32 indexed termsId);

    /// @notice Emitted when an offer's price or supply is set, and the offer is open from then on.
    /// @param modelId The registered model.
    /// @param offer The offer's number.
    /// @param price Price of a licence, or of a period.
    /// @param supply Most licences that can be sold; 0 for any number.
    event OfferPriced(uint64 indexed modelId, uint32 indexed offer, Price price, uint64 supply);

    /// @notice Emitted when a model's owner withdraws an offer.
    event OfferWithdrawn(uint64 indexed modelId, uint32 indexed offer);

    /// @notice Emitted when licences are sold, or given away.
    /// @param modelId The registered model.
    /// @param recipient Who holds them.
    /// @param buyer Who paid.
    /// @param licenseId The first of them; the others' ids follow. Or the one that was extended.
    /// @param quantity How many, or how many periods.
    /// @param asset What was paid with.
    /// @param amount What was paid in all.
    /// @param seller The model's owner, whose revenue it is.
    event LicensesSold(
        uint64 indexed modelId,
        address indexed recipient,
        address indexed buyer,
        uint256 licenseId,
        uint32 quantity,
        address asset,
        uint256 amount,
        address seller
    );

    /// @notice Emitted when a licensee asks for the key of encrypted content.
    /// @param licenseId The licence.
    /// @param licensee Its holder.
    /// @param encryptionKey X25519 public key that the answer is to be encrypted for.
    event KeyRequested(uint256 indexed licenseId, address indexed licensee, bytes32 encryptionKey);

    /// @notice Emitted when a licensee is given the key of encrypted content.
    /// @param licenseId The licence.
    /// @param modelId The registered model.
    /// @param version The version whose content it opens.
    /// @param envelope The key, encrypted for the licensee.
    event EnvelopeDelivered(
        uint256 indexed licenseId, uint64 indexed modelId, uint32 indexed version, bytes envelope
    );

    /// @notice Emitted when a model's owner allows a derivative, or no longer does.
    event DerivativeApproved(uint64 indexed parentId, uint64 indexed childId, bool approved);

    /// @notice Emitted for each parent of a derivative.
    /// @param parentId The parent.
    /// @param childId The derivative.
    /// @param licenseId The licence that it is made under.
    /// @param version The parent's version.
    /// @param relation How it came from the parent.
    /// @param shareBps Share of its revenue that is due to the parent, for ever.
    event DerivativeMade(
        uint64 indexed parentId,
        uint64 indexed childId,
        uint256 indexed licenseId,
        uint32 version,
        Relation relation,
        uint16 shareBps
    );

    /// @notice Emitted when somebody adds to a model's revenue.
    /// @param modelId The registered model.
    /// @param owner Its owner.
    /// @param asset What was paid with.
    /// @param payer Who paid.
    /// @param amount How much.
    event RevenuePaid(
        uint64 indexed modelId,
        address indexed owner,
        address indexed asset,
        address payer,
        uint256 amount
    );

    /// @notice Emitted for each parent that gets its share of a derivative's revenue.
    /// @param parentId The parent.
    /// @param childId The derivative.
    /// @param asset What it is in.
    /// @param owner The parent's owner, whose revenue it is.
    /// @param amount How much.
    event RoyaltyMoved(
        uint64 indexed parentId,
        uint64 indexed childId,
        address indexed asset,
        address owner,
        uint256 amount
    );

    /// @notice Emitted when a model's revenue has been divided.
    /// @param modelId The registered model.
    /// @param owner Who owned the model when it earned that.
    /// @param asset What it is in.
    /// @param amount How much was divided.
    /// @param kept How much of it is the owner's.
    event RevenueSettled(
        uint64 indexed modelId,
        address indexed owner,
        address indexed asset,
        uint256 amount,
        uint256 kept
    );

    /*//////////////////////////////////////////////////////////////
                                  ERRORS
    //////////////////////////////////////////////////////////////*/

    /// @notice Thrown when an account that does not own a model does what only its owner may.
    error ModelLicensing_NotOwner(uint64 modelId, address caller);

    /// @notice Thrown when an account that may not publish versions of a model delivers its keys.
    error ModelLicensing_NotPublisher(uint64 modelId, address caller);

    /// @notice Thrown when an account does for a licence what only its holder may.
    error ModelLicensing_NotHolder(uint256 licenseId, address caller);

    /// @notice Thrown when no such terms are registered.
    error ModelLicensing_UnknownTerms(bytes32 termsId);

    /// @notice Thrown when a model has no such offer.
    error ModelLicensing_UnknownOffer(uint64 modelId, uint32 offer);

    /// @notice Thrown when a model would have more offers than it can.
    error ModelLicensing_TooManyOffers(uint64 modelId);

    /// @notice Thrown when a price is below what its terms allow.
    error ModelLicensing_BelowMinPrice(uint256 price, uint256 minPrice);

    /// @notice Thrown when a derivative is offered under terms that a parent's terms do not allow, or
    /// when two parents' terms cannot both be kept.
    error ModelLicensing_IncompatibleTerms(bytes32 termsId, bytes32 parentTermsId);

    /// @notice Thrown when no right, or no field of use, is allowed by the terms of all parents: nothing
    /// could ever be offered of the derivative.
    error ModelLicensing_NothingInCommon(uint64 childId);

    /// @notice Thrown when a price is asked for a derivative of something that is not for commerce.
    error ModelLicensing_NotCommercial(uint64 modelId, uint64 parentId);

    /// @notice Thrown when licences are bought of an offer that was withdrawn.
    error ModelLicensing_OfferWithdrawn(uint64 modelId, uint32 offer);

    /// @notice Thrown when licences are bought of an offer that was made by an earlier owner.
    error ModelLicensing_OfferEnded(uint64 modelId, uint32 offer);

    /// @notice Thrown when more licences are asked for than there are, with how many there are.
    error ModelLicensing_SoldOut(uint64 modelId, uint32 offer, uint64 left);

    /// @notice Thrown when no licence is bought, or more than can be in one transaction.
    error ModelLicensing_BadQuantity(uint32 quantity);

    /// @notice Thrown when the terms' checker does not let an account hold a licence.
    error ModelLicensing_NotEligible(address licensee, bytes32 termsId);

    /// @notice Thrown when a key is asked for with licences that somebody else is to hold, who has
    /// to ask for it.
    error ModelLicensing_NotRecipient(address recipient, address caller);

    /// @notice Thrown when a key is zero, or an envelope empty or longer than it can be.
    error ModelLicensing_BadKey();

    /// @notice Thrown when a derivative has no parent, or more than it can have.
    error ModelLicensing_BadParentCount(uint256 count);

    /// @notice Thrown when the parent at an index does not come after the one before it; also when a
    /// parent is named twice.
    error ModelLicensing_UnsortedParents(uint256 index);

    /// @notice Thrown when a model is to be made from itself.
    error ModelLicensing_SelfDerivation(uint64 modelId);

    /// @notice Thrown when a model is made a derivative a second time.
    error ModelLicensing_AlreadyDerived(uint64 modelId);

    /// @notice Thrown when a model is made a derivative after it was offered itself. As nothing can be
    /// derived from what was not offered, no cycle can arise.
    error ModelLicensing_AlreadyOffered(uint64 modelId);

    /// @notice Thrown when a parent's version is revoked.
    error ModelLicensing_ParentRevoked(uint64 modelId, uint32 version);

    /// @notice Thrown when a licence does not give the right that it takes to derive.
    error ModelLicensing_RightNotGranted(uint256 licenseId, Right right);

    /// @notice Thrown when the terms ask for the approval of the parent's owner, who has not given it.
    error ModelLicensing_NotApproved(uint64 parentId, uint64 childId);

    /// @notice Thrown when the shares of a derivative's parents are above 100 %.
    error ModelLicensing_SharesTooHigh(uint256 totalBps);

    /// @notice Thrown when revenue is paid to a model that has never been offered.
    error ModelLicensing_NeverOffered(uint64 modelId);

    /// @notice Thrown when more accounts are to be settled than can be in one transaction.
    error ModelLicensing_BatchTooLong(uint256 count);

    /*//////////////////////////////////////////////////////////////
                            TERMS AND OFFERS
    //////////////////////////////////////////////////////////////*/

    /// @notice Registers terms, so that offers can name them. Anybody may; the same terms twice are no
    /// error, and have the same id.
    /// @param terms The terms; see `TermsLib` for which make sense.
    /// @return termsId Hash of their ABI encoding.
    function registerTerms(Terms calldata terms) external returns (bytes32 termsId);

    /// @notice Offers licences of a model. Its owner only.
    /// @dev A derivative's terms must be compatible with its parents': the very same where those are
    /// share-alike, else with rights and fields of use that are all among theirs; and free where a
    /// parent allows no commercial use. Duration, transferability, checker, approval, attribution and
    /// royalty of a parent's terms pass on only if these are share-alike.
    /// @param modelId The registered model. From now on it cannot be made a derivative any more.
    /// @param termsId The licences' terms.
    /// @param price Price of a licence; for terms with a duration, of a period.
    /// @param supply Most licences that can be sold, or periods; 0 for any number.
    /// @return The offer's number.
    function offer(uint64 modelId, bytes32 termsId, Price calldata price, uint64 supply)
        external
        returns (uint32);

    /// @notice Sets an offer's price and supply, and opens it if it was withdrawn, or ended with a
    /// transfer of the model. Owner only.
    /// @param modelId The registered model.
    /// @param offer The offer's number.
    /// @param price See `offer`.
    /// @param supply See `offer`; what has been sold counts.
    function reprice(uint64 modelId, uint32 offer, Price calldata price, uint64 supply) external;

    /// @notice Ends an offer until it is priced again. Owner only. Licences that were sold stay.
    function withdraw(uint64 modelId, uint32 offer) external;

    /*//////////////////////////////////////////////////////////////
                                 LICENCES
    //////////////////////////////////////////////////////////////*/

    /// @notice Buys licences, or further time for one: `entitled` says so from then on.
    /// @dev In the native coin, what is sent too much comes back; an ERC-20 token is taken from the
    /// caller by its allowance, which can come along as a permit. Anybody may buy for anybody, but only
    /// for itself ask for the key of encrypted content with it: whoever is given a licence asks by
    /// `requestKey`.
    /// @param purchase What to buy, and the most that it may cost.
    /// @param permit An allowance of the caller's; all zero for none.
    /// @return licenseId The first licence; the others' ids follow. Or the one that was extended.
    function buy(Purchase calldata purchase, Permit calldata permit)
        external
        payable
        returns (uint256 licenseId);

    /// @notice Asks the seller for the key of encrypted content. The licence's holder only.
    /// @param licenseId The licence.
    /// @param encryptionKey X25519 public key that the answer is to be encrypted for.
    function requestKey(uint256 licenseId, bytes32 encryptionKey) external;

    /// @notice Gives a licensee the key of a version's encrypted content, by event. Whoever may
    /// publish versions of the model.
    /// @param licenseId The licence.
    /// @param version The version.
    /// @param envelope The key, encrypted for the licensee; 1 to 1,024 bytes.
    function deliverEnvelope(uint256 licenseId, uint32 version, bytes calldata envelope) external;

    /*//////////////////////////////////////////////////////////////
                                DERIVATIVES
    //////////////////////////////////////////////////////////////*/

    /// @notice Allows a derivative whose terms ask for it, or no longer does. The parent's owner only.
    function approveDerivative(uint64 parentId, uint64 childId, bool approved) external;

    /// @notice Makes a model a derivative of others, under licences that its owner holds, for ever.
    /// The shares of its revenue that are due to them are those of the licences' terms. Its owner
    /// only, once, and before the model is offered itself; and only if there can be terms to offer it
    /// under, which the terms of all parents allow.
    /// @dev Version and relation of each parent are the owner's word, and are not compared with the
    /// edges of lineage in the registry. The relation decides which right it takes.
    /// @param childId The registered model.
    /// @param parents At most `MAX_PARENTS` licences of different models, in ascending order of models.
    function derive(uint64 childId, ParentLicense[] calldata parents) external;

    /*//////////////////////////////////////////////////////////////
                                  MONEY
    //////////////////////////////////////////////////////////////*/

    /// @notice Adds to a model's revenue what it earned elsewhere, for instance by serving it, so that
    /// its parents get their shares. Anybody may, once the model has been offered.
    /// @param modelId The registered model.
    /// @param asset ERC-20 token, or the zero address for the native coin.
    /// @param amount How much; not zero.
    /// @param permit See `buy`.
    function pay(uint64 modelId, address asset, uint128 amount, Permit calldata permit)
        external
        payable;

    /// @notice Divides revenue between the models' parents and owners, one generation for each entry:
    /// list derivatives before their parents to reach further. Anybody may; what has nothing to move
    /// is passed over.
    /// @param accounts At most `MAX_BATCH` accounts.
    /// @return moved How much was divided, in entry order.
    function settle(RevenueAccount[] calldata accounts) external returns (uint256[] memory moved);

    /// @notice Pays the caller all that is kept for it in an asset.
    /// @param asset ERC-20 token, or the zero address for the native coin.
    /// @param recipient Who gets it.
    /// @return amount How much.
    function claim(address asset, address recipient) external returns (uint256 amount);

    /// @notice `settle`, then `claim`.
    function settleAndClaim(RevenueAccount[] calldata accounts, address asset, address recipient)
        external
        returns (uint256 amount);

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @notice Whether an account may do something with a model now: as its owner, or under an
    /// unexpired licence. False for a model that does not exist.
    /// @dev Looks at each of the model's offers, of which there are at most `MAX_OFFERS`.
    function entitled(address account, uint64 modelId, Right right) external view returns (bool);

    /// @notice Whether a model may rest on another: made a derivative of it under a licence, or owned
    /// by the same account.
    function isLicensed(uint64 childId, uint64 parentId) external view returns (bool);

    /// @notice What one licence costs now, or one period, in an asset; reverts if the offer does not
    /// take it, or cannot be bought from: withdrawn, ended or sold out.
    function quote(uint64 modelId, uint32 offer, address asset) external view returns (uint256);

    /// @notice Registered terms; reverts if there are none with that id.
    function termsOf(bytes32 termsId) external view returns (Terms memory);

    /// @notice An offer as it is stored; reverts if there is none.
    function offerOf(uint64 modelId, uint32 offer) external view returns (Offer memory);

    /// @notice Number of offers that a model has ever made.
    function offerCount(uint64 modelId) external view returns (uint32);

    /// @notice What a model owes to its parents; empty for one that is no derivative.
    function parentsOf(uint64 modelId) external view returns (LicensedParent[] memory);

    /// @notice Whether the parent's owner allows a derivative whose terms ask for it.
    function isApproved(uint64 parentId, uint64 childId) external view returns (bool);

    /// @notice What a model earned in an asset while an account owned it.
    function revenueOf(uint64 modelId, address owner, address asset)
        external
        view
        returns (Revenue memory);

    /// @notice What an account can claim in an asset now.
    function claimable(address account, address asset) external view returns (uint256);

    /// @notice Most parents of a derivative.
    function MAX_PARENTS() external view returns (uint256);

    /// @notice Most offers of a model.
    function MAX_OFFERS() external view returns (uint32);

    /// @notice Most licences, or periods, of one purchase.
    function MAX_QUANTITY() external view returns (uint32);

    /// @notice Most accounts of one settlement.
    function MAX_BATCH() external view returns (uint256);

    /// @notice Longest envelope, in bytes.
    function MAX_ENVELOPE() external view returns (uint256);

    /// @notice The registry of the models.
    function registry() external view returns (IModelRegistry);

    /// @notice Ownership of the models.
    function nft() external view returns (IModelNFT);

    /// @notice The licences.
    function licenseToken() external view returns (ILicenseToken);

    /// @notice Version of this contract's source.
    function version() external view returns (string memory);
}
