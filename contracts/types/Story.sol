// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @dev What Story's contracts take and return, in the order of their ABI. Shares are hundred-millionths:
/// 100 % is 100_000_000.

/// @notice Terms of Story's Programmable IP License.
/// @param transferable Whether a licence token can be handed on.
/// @param royaltyPolicy Divides the revenue of derivatives; required for, and only for, commercial use.
/// @param defaultMintingFee Lowest fee for a licence, in `currency`.
/// @param expiration Seconds after which a derivative expires, from when it was linked; 0 for never.
/// @param commercialUse Whether it may be used for profit.
/// @param commercialAttribution Whether commercial use has to name the work.
/// @param commercializerChecker Decides who may; a module registered with Story, or zero.
/// @param commercializerCheckerData Passed to `commercializerChecker`.
/// @param commercialRevShare Share of a derivative's revenue that is due to the work.
/// @param commercialRevCeiling Highest revenue of a licensee; recorded, not enforced.
/// @param derivativesAllowed Whether derivatives may be made.
/// @param derivativesAttribution Whether they have to name the work.
/// @param derivativesApproval Whether the work's owner has to approve each.
/// @param derivativesReciprocal Whether derivatives carry these very terms on; if not, there are no
/// derivatives of derivatives.
/// @param derivativeRevCeiling The same as `commercialRevCeiling`, for derivatives.
/// @param currency ERC-20 token of the amounts; one that Story has admitted.
/// @param uri Where further terms are.
struct PILTerms {
    bool transferable;
    address royaltyPolicy;
    uint256 defaultMintingFee;
    uint256 expiration;
    bool commercialUse;
    bool commercialAttribution;
    address commercializerChecker;
    bytes commercializerCheckerData;
    uint32 commercialRevShare;
    uint256 commercialRevCeiling;
    bool derivativesAllowed;
    bool derivativesAttribution;
    bool derivativesApproval;
    bool derivativesReciprocal;
    uint256 derivativeRevCeiling;
    address currency;
    string uri;
}

/// @notice What an owner of a work sets for licences of it under some terms.
/// @param isSet Whether the rest counts.
/// @param mintingFee Fee for a licence; not below the terms' own.
/// @param licensingHook Asked at each licence; a module registered with Story, or zero.
/// @param hookData Passed to `licensingHook`.
/// @param commercialRevShare Instead of the terms' own, if not zero.
/// @param disabled Whether no licence is given out any more.
/// @param expectMinimumGroupRewardShare For groups, which are not used here.
/// @param expectGroupRewardPool For groups, which are not used here.
struct LicensingConfig {
    bool isSet;
    uint256 mintingFee;
    address licensingHook;
    bytes hookData;
    uint32 commercialRevShare;
    bool disabled;
    uint32 expectMinimumGroupRewardShare;
    address expectGroupRewardPool;
}

/// @notice What a licence token stands for.
/// @param licensorIpId The work that it licenses.
/// @param licenseTemplate The contract that knows the terms.
/// @param licenseTermsId The terms.
/// @param transferable Whether it can be handed on.
/// @param commercialRevShare Share that a derivative made with it will owe, frozen.
struct LicenseTokenMetadata {
    address licensorIpId;
    address licenseTemplate;
    uint256 licenseTermsId;
    bool transferable;
    uint32 commercialRevShare;
}

/// @notice What an IP account lets somebody call.
/// @param ipAccount Whose permission it is.
/// @param signer Who may call.
/// @param to Which module.
/// @param func Which function of it; zero for all.
/// @param permission 1 to allow, 2 to deny, 0 to say nothing.
struct StoryPermission {
    address ipAccount;
    address signer;
    address to;
    bytes4 func;
    uint8 permission;
}

/// @notice Where Story's contracts are on a chain.
/// @param accessController Who may act for IP assets.
/// @param coreMetadataModule Their metadata.
/// @param ipAssetRegistry The registry of IP assets.
/// @param licenseTemplate The Programmable IP License.
/// @param licensingModule Licences and derivatives.
/// @param royaltyModule Payments.
/// @param wrappedCoin The chain's coin as an ERC-20 token.
struct StoryContracts {
    address accessController;
    address coreMetadataModule;
    address ipAssetRegistry;
    address licenseTemplate;
    address licensingModule;
    address royaltyModule;
    address wrappedCoin;
}

/// @notice What the owner of a token wants to be on Story.
/// @param nft The token's contract.
/// @param tokenId The token.
/// @param metadataURI Where the asset's metadata is.
/// @param metadataHash SHA-256 of it.
/// @param nftMetadataHash SHA-256 of the token's own metadata.
/// @param terms The terms that it is offered under.
/// @param deadline Last second in which the signature holds.
/// @param signature The owner's, of `StoryAdapter.permissionCall` executed by the asset's account.
struct StoryRegistration {
    address nft;
    uint256 tokenId;
    string metadataURI;
    bytes32 metadataHash;
    bytes32 nftMetadataHash;
    PILTerms[] terms;
    uint256 deadline;
    bytes signature;
}

/// @notice What a buyer asks for.
/// @param ipId The work.
/// @param termsId The terms.
/// @param quantity Number of licences.
/// @param maxPay Most that the buyer pays, for all of them.
/// @param maxShare Highest share of a derivative's revenue that the buyer accepts; 0 for any.
/// @param deadline Last second in which the purchase is meant.
/// @param recipient Who is to hold the licences.
struct StoryPurchase {
    address ipId;
    uint256 termsId;
    uint256 quantity;
    uint256 maxPay;
    uint32 maxShare;
    uint256 deadline;
    address recipient;
}
