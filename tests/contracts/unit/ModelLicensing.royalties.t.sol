// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {ParentLicense, Terms} from "../../../contracts/types/License.sol";
import {Relation} from "../../../contracts/types/Model.sol";
import {LicensingTest} from "../Licensing.t.sol";

/// @notice Sales through whole trees of models, against what a model in plain fractions says that each
/// owner gets (tests/contracts/data, written by scripts/vectors).
contract ModelLicensingRoyaltiesTest is LicensingTest {
    uint256 internal constant TREES = 24;

    string internal json = vm.readFile("tests/contracts/data/royalties.json");

    /// @dev Settled after every sale, from wherever it begins, or once in the end: the same comes out.
    function test_settle_treesOfSharesAsThePlainModelHasThem() public {
        assertFalse(vm.keyExistsJson(json, key(TREES, "owners")), "all trees");
        for (uint256 i; i < TREES; ++i) {
            checkTree(i, i % 3 == 0);
        }
    }

    function checkTree(uint256 tree, bool atOnce) internal {
        address[] memory owners = ownersOf(tree);
        uint64[] memory models = new uint64[](owners.length);
        for (uint256 i; i < models.length; ++i) {
            models[i] = registerAs(owners[i], vm.toString(tree * 100 + i));
            deriveFrom(tree, i, models, owners[i]);
        }
        uint256[] memory sold = vm.parseJsonUintArray(json, key(tree, "sold"));
        uint256[] memory prices = vm.parseJsonUintArray(json, key(tree, "prices"));
        for (uint256 i; i < sold.length; ++i) {
            sell(models[sold[i]], owners[sold[i]], uint128(prices[i]));
            if (atOnce) settleFrom(i, models, owners);
        }
        for (uint256 i; i < models.length; ++i) {
            settleFrom(models.length - 1, models, owners); // children first, so that one round is enough
        }
        uint256[] memory credits = vm.parseJsonUintArray(json, key(tree, "credits"));
        for (uint256 i; i < credits.length; ++i) {
            assertEq(licensing.claimable(owner(tree, i), NATIVE), credits[i], "credits");
        }
    }

    /// @dev Under licences that cost nothing, each with the share that its parent gets.
    function deriveFrom(uint256 tree, uint256 child, uint64[] memory models, address who) internal {
        string memory at = string.concat("[", vm.toString(child), "]");
        uint256[] memory parents =
            vm.parseJsonUintArray(json, string.concat(key(tree, "parents"), at));
        uint256[] memory shares =
            vm.parseJsonUintArray(json, string.concat(key(tree, "shares"), at));
        if (parents.length == 0) return;
        ParentLicense[] memory under_ = new ParentLicense[](parents.length);
        for (uint256 i; i < parents.length; ++i) {
            uint64 model = models[parents[i]];
            Terms memory terms = remix(uint16(shares[i]));
            uint32 number = offerAs(nft.ownerOf(model), model, terms, free());
            uint256 license_ = buyAs(who, purchase(model, number, NATIVE, who), 0);
            under_[i] = parent(license_, Relation.Merge);
        }
        deriveAs(who, models[child], under_);
    }

    function sell(uint64 model, address seller, uint128 price) internal {
        uint32 number = offerAs(seller, model, remix(0), fixedPrice(NATIVE, price));
        vm.deal(eve, price);
        buyAs(eve, purchase(model, number, NATIVE, eve), price);
    }

    /// @dev One round over all models, downwards from one of them, and then those above it.
    function settleFrom(uint256 first, uint64[] memory models, address[] memory owners) internal {
        for (uint256 i; i < models.length; ++i) {
            uint256 at = (first + models.length - i) % models.length;
            settle(models[at], owners[at], NATIVE);
        }
    }

    function ownersOf(uint256 tree) internal returns (address[] memory owners) {
        uint256[] memory numbers = vm.parseJsonUintArray(json, key(tree, "owners"));
        owners = new address[](numbers.length);
        for (uint256 i; i < owners.length; ++i) {
            owners[i] = owner(tree, numbers[i]);
        }
    }

    function owner(uint256 tree, uint256 number) internal returns (address) {
        return makeAddr(string.concat(vm.toString(tree), " ", vm.toString(number)));
    }

    function key(uint256 tree, string memory name) internal pure returns (string memory) {
        return string.concat(".trees[", vm.toString(tree), "].", name);
    }
}
