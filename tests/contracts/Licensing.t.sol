// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {LicenseToken} from "../../contracts/LicenseToken.sol";
import {ModelLicensing} from "../../contracts/ModelLicensing.sol";
import {ModelMarket} from "../../contracts/ModelMarket.sol";
import {IModelLicensing} from "../../contracts/interfaces/IModelLicensing.sol";
import {
    ALL_FIELDS,
    ALL_RIGHTS,
    ParentLicense,
    Purchase,
    RevenueAccount,
    Right,
    Terms
} from "../../contracts/types/License.sol";
import {toLicenseId} from "../../contracts/types/LicenseId.sol";
import {LicenseId} from "../../contracts/types/LicenseId.sol";
import {Relation} from "../../contracts/types/Model.sol";
import {Permit, Price} from "../../contracts/types/Payment.sol";
import {BaseTest} from "./Base.t.sol";

/// @notice Deployed licensing and market, and the shortest way to say "offer, buy, derive, settle".
abstract contract LicensingTest is BaseTest {
    address internal constant NATIVE = address(0);
    uint128 internal constant PRICE = 0.01 ether;

    ModelLicensing internal licensing;
    LicenseToken internal licences;
    ModelMarket internal market;

    function setUp() public virtual override {
        super.setUp();
        licensing = new ModelLicensing(registry);
        licences = LicenseToken(address(licensing.licenseToken()));
        market = new ModelMarket(licensing);
        address[4] memory all = [alice, bob, carol, eve];
        for (uint256 i; i < all.length; ++i) {
            vm.deal(all[i], 100 ether);
        }
    }

    /*//////////////////////////////////////////////////////////////
                                 VALUES
    //////////////////////////////////////////////////////////////*/

    /// @dev Everything allowed for ever, and a royalty.
    function remix(uint16 royaltyBps) internal pure returns (Terms memory terms) {
        terms.rights = ALL_RIGHTS;
        terms.fields = ALL_FIELDS;
        terms.royaltyBps = royaltyBps;
        terms.transferable = true;
        terms.license = "LicenseRef-remix";
        terms.uri = "ipfs://bafybeigdyrzt5sfp7udm7hu76uh7y26nf3efuylqabf3oclgtqy55fbzdi";
    }

    function without(Right right) internal pure returns (uint16) {
        return ALL_RIGHTS & ~uint16(1 << uint8(right));
    }

    function fixedPrice(address asset, uint128 amount) internal pure returns (Price memory) {
        return Price(asset, address(0), amount, false);
    }

    function pricedBy(address pricing) internal pure returns (Price memory) {
        return Price(address(0), pricing, 0, false);
    }

    function free() internal pure returns (Price memory) {
        return Price(address(0), address(0), 0, true);
    }

    function noPermit() internal pure returns (Permit memory permit) {}

    function purchase(uint64 modelId, uint32 number, address asset, address to)
        internal
        view
        returns (Purchase memory)
    {
        return
            Purchase(modelId, number, 1, asset, type(uint256).max, block.timestamp, to, bytes32(0));
    }

    function license(uint64 modelId, uint32 number, uint64 serial) internal pure returns (uint256) {
        return LicenseId.unwrap(toLicenseId(modelId, number, serial));
    }

    function parent(uint256 licenseId, Relation relation)
        internal
        pure
        returns (ParentLicense memory)
    {
        return ParentLicense(licenseId, 1, relation);
    }

    function under(uint256 licenseId) internal pure returns (ParentLicense[] memory parents) {
        parents = new ParentLicense[](1);
        parents[0] = parent(licenseId, Relation.Finetune);
    }

    function under(uint256 first, uint256 second)
        internal
        pure
        returns (ParentLicense[] memory parents)
    {
        parents = new ParentLicense[](2);
        (parents[0], parents[1]) = (parent(first, Relation.Merge), parent(second, Relation.Merge));
    }

    function account(uint64 modelId, address owner, address asset)
        internal
        pure
        returns (RevenueAccount[] memory accounts)
    {
        accounts = new RevenueAccount[](1);
        accounts[0] = RevenueAccount(modelId, owner, asset);
    }

    /*//////////////////////////////////////////////////////////////
                                  ACTS
    //////////////////////////////////////////////////////////////*/

    function offerAs(address who, uint64 modelId, Terms memory terms, Price memory price)
        internal
        returns (uint32 number)
    {
        bytes32 termsId = licensing.registerTerms(terms);
        vm.prank(who);
        return licensing.offer(modelId, termsId, price, 0);
    }

    /// @dev Registers a model of somebody and offers it.
    function offered(address who, string memory name, Terms memory terms)
        internal
        returns (uint64 modelId)
    {
        modelId = registerAs(who, name);
        offerAs(who, modelId, terms, fixedPrice(NATIVE, PRICE));
    }

    function buyAs(address who, uint64 modelId) internal returns (uint256) {
        return buyAs(who, purchase(modelId, 1, NATIVE, who), PRICE);
    }

    function buyAs(address who, Purchase memory order, uint256 value) internal returns (uint256) {
        vm.prank(who);
        return licensing.buy{value: value}(order, noPermit());
    }

    function deriveAs(address who, uint64 childId, ParentLicense[] memory parents) internal {
        vm.prank(who);
        licensing.derive(childId, parents);
    }

    /// @dev Registers a model of somebody, derived from another under a licence that it buys.
    function derived(address who, string memory name, uint64 parentId)
        internal
        returns (uint64 childId)
    {
        childId = registerAs(who, name);
        deriveAs(who, childId, under(buyAs(who, parentId)));
    }

    function settle(uint64 modelId, address owner, address asset) internal returns (uint256) {
        return licensing.settle(account(modelId, owner, asset))[0];
    }

    function expectNotOwner(uint64 modelId, address who) internal {
        vm.expectRevert(
            abi.encodeWithSelector(IModelLicensing.ModelLicensing_NotOwner.selector, modelId, who)
        );
    }
}
