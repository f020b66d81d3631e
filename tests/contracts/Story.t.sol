// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {StoryAdapter} from "../../contracts/StoryAdapter.sol";
import {IStoryRoyaltyVault} from "../../contracts/interfaces/external/story/IStoryRoyaltyVault.sol";
import {
    PILTerms,
    StoryContracts,
    StoryPurchase,
    StoryRegistration
} from "../../contracts/types/Story.sol";
import {BaseTest} from "./Base.t.sol";
import {AccessControllerDouble} from "./mocks/story/AccessControllerDouble.sol";
import {CoreMetadataModuleDouble} from "./mocks/story/CoreMetadataModuleDouble.sol";
import {DisputeModuleDouble} from "./mocks/story/DisputeModuleDouble.sol";
import {IPAccountDouble} from "./mocks/story/IPAccountDouble.sol";
import {IPAssetRegistryDouble} from "./mocks/story/IPAssetRegistryDouble.sol";
import {LicenseRegistryDouble} from "./mocks/story/LicenseRegistryDouble.sol";
import {LicenseTokenDouble} from "./mocks/story/LicenseTokenDouble.sol";
import {LicensingModuleDouble} from "./mocks/story/LicensingModuleDouble.sol";
import {PILicenseTemplateDouble} from "./mocks/story/PILicenseTemplateDouble.sol";
import {RoyaltyModuleDouble} from "./mocks/story/RoyaltyModuleDouble.sol";
import {RoyaltyPolicyLAPDouble} from "./mocks/story/RoyaltyPolicyLAPDouble.sol";
import {StoryDouble, StoryParts} from "./mocks/story/StoryDouble.sol";
import {WrappedCoinDouble} from "./mocks/story/WrappedCoinDouble.sol";

/// @notice The double of Story beside a registry of ours, and the adapter between them.
abstract contract StoryTest is BaseTest {
    uint256 internal constant FEE = 1 ether;
    uint32 internal constant WHOLE = 100_000_000;

    StoryDouble internal story;
    AccessControllerDouble internal controller;
    CoreMetadataModuleDouble internal metadata;
    DisputeModuleDouble internal disputes;
    IPAssetRegistryDouble internal assets;
    LicenseRegistryDouble internal links;
    LicenseTokenDouble internal tokens;
    LicensingModuleDouble internal licences;
    PILicenseTemplateDouble internal template;
    RoyaltyModuleDouble internal royalties;
    RoyaltyPolicyLAPDouble internal policy;
    WrappedCoinDouble internal coin;
    StoryAdapter internal adapter;

    address internal owner;
    uint256 internal ownerKey;

    function setUp() public virtual override {
        super.setUp();
        (owner, ownerKey) = makeAddrAndKey("owner");
        story = new StoryDouble();
        controller = new AccessControllerDouble(story);
        metadata = new CoreMetadataModuleDouble(story);
        disputes = new DisputeModuleDouble();
        assets = new IPAssetRegistryDouble(story);
        links = new LicenseRegistryDouble(story);
        tokens = new LicenseTokenDouble(story);
        licences = new LicensingModuleDouble(story);
        template = new PILicenseTemplateDouble(story);
        royalties = new RoyaltyModuleDouble(story);
        policy = new RoyaltyPolicyLAPDouble(story);
        coin = new WrappedCoinDouble();
        story.wire(
            StoryParts(
                address(controller),
                address(metadata),
                address(disputes),
                address(assets),
                address(links),
                address(tokens),
                address(licences),
                address(template),
                address(royalties),
                address(policy),
                address(coin)
            )
        );
        template.registerLicenseTerms(blank());
        adapter = new StoryAdapter(storyContracts());
        vm.deal(alice, 100 ether);
        vm.deal(bob, 100 ether);
        vm.deal(owner, 100 ether);
    }

    function storyContracts() internal view returns (StoryContracts memory) {
        return StoryContracts(
            address(controller),
            address(metadata),
            address(assets),
            address(template),
            address(licences),
            address(royalties),
            address(coin)
        );
    }

    /// @dev Non-commercial terms; Story's first.
    function blank() internal pure returns (PILTerms memory terms) {
        terms.transferable = true;
        terms.derivativesAllowed = true;
        terms.derivativesReciprocal = true;
    }

    function remix(uint32 share) internal view returns (PILTerms memory terms) {
        terms = blank();
        terms.commercialUse = true;
        terms.royaltyPolicy = address(policy);
        terms.currency = address(coin);
        terms.defaultMintingFee = FEE;
        terms.commercialRevShare = share;
    }

    function ipOf(uint256 modelId) internal view returns (address) {
        return assets.ipId(block.chainid, address(nft), modelId);
    }

    function registration(uint256 modelId, PILTerms memory terms)
        internal
        view
        returns (StoryRegistration memory wanted)
    {
        wanted.nft = address(nft);
        wanted.tokenId = modelId;
        wanted.metadataURI = "ipfs://bafy/metadata.json";
        wanted.metadataHash = keccak256("metadata");
        wanted.nftMetadataHash = keccak256("token");
        wanted.terms = new PILTerms[](1);
        wanted.terms[0] = terms;
        wanted.deadline = block.timestamp + 600;
        wanted.signature = permit(ownerKey, ipOf(modelId), wanted.deadline, bytes32(0));
    }

    /// @dev The owner's signature of the permission, for an account in a state.
    function permit(uint256 key, address ipId, uint256 deadline, bytes32 state)
        internal
        view
        returns (bytes memory)
    {
        (address to, bytes memory data) = adapter.permissionCall(ipId);
        bytes memory call =
            abi.encodeWithSignature("execute(address,uint256,bytes)", to, uint256(0), data);
        bytes32 nonce = keccak256(abi.encode(state, call));
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Story Protocol IP Account"),
                keccak256("1"),
                block.chainid,
                ipId
            )
        );
        bytes32 message = keccak256(
            abi.encode(
                keccak256(
                    "Execute(address to,uint256 value,bytes data,bytes32 nonce,uint256 deadline)"
                ),
                to,
                uint256(0),
                keccak256(data),
                nonce,
                deadline
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(key, keccak256(abi.encodePacked("\x19\x01", domain, message)));
        return abi.encodePacked(r, s, v);
    }

    /// @dev A model of `owner` that is offered through the adapter.
    function offered(PILTerms memory terms) internal returns (address ipId, uint256 termsId) {
        uint64 modelId = registerAs(owner, NAME);
        StoryRegistration memory wanted = registration(modelId, terms);
        uint256[] memory ids;
        vm.prank(owner);
        (ipId, ids) = adapter.register(wanted);
        termsId = ids[0];
    }

    function purchase(address ipId, uint256 termsId, uint256 quantity, address recipient)
        internal
        view
        returns (StoryPurchase memory)
    {
        return StoryPurchase(
            ipId, termsId, quantity, quantity * FEE, 0, block.timestamp + 600, recipient
        );
    }

    function vaultOf(address ipId) internal view returns (IStoryRoyaltyVault) {
        return IStoryRoyaltyVault(royalties.ipRoyaltyVaults(ipId));
    }
}
