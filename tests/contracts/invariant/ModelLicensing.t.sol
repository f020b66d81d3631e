// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {LicensedParent, Revenue, Right} from "../../../contracts/types/License.sol";
import {LicensingTest} from "../Licensing.t.sol";
import {GoodToken} from "../mocks/Tokens.sol";
import {LicensingGhost} from "./handlers/LicensingGhost.sol";
import {LicensingHandler} from "./handlers/LicensingHandler.sol";

/// @notice What holds after anything that anybody does with licences and money, over random lineage
/// graphs. Each statement is compared with a model that is kept beside the contracts and never asks
/// them; see `LicensingGhost`.
/// @dev `FOUNDRY_INVARIANT_RUNS=200 FOUNDRY_INVARIANT_DEPTH=512` makes 100,000 calls, and takes long.
contract ModelLicensingInvariantTest is LicensingTest {
    LicensingHandler internal handler;
    GoodToken internal coin;

    function setUp() public override {
        super.setUp();
        coin = new GoodToken();
        handler = new LicensingHandler(licensing, market, coin);
        targetContract(address(handler));
        targetSelector(FuzzSelector({addr: address(handler), selectors: handler.actions()}));
    }

    /// @dev A handler that can never succeed would make every statement here an empty one.
    function afterInvariant() public {
        if (handler.models() == 0) handler.exercise();
        invariant_EverybodyIsOwedWhatTheyAre();
        invariant_MoneyInIsMoneyOut();
        invariant_SharesAreFrozenAndLineageIsAcyclic();
        invariant_LicencesSayWhoIsEntitled();
    }

    function test_everyActionSucceeds() public {
        handler.exercise();
        bytes4[] memory actions = handler.actions();
        for (uint256 i; i < actions.length; ++i) {
            assertGt(handler.calls(actions[i]), 0, vm.toString(bytes32(actions[i])));
        }
        afterInvariant();
    }

    /// @notice Everybody is owed what the plain model says, to the unit, whoever settled what and when.
    /// Each parent has got its exact share of what was divided, rounded up or down.
    function invariant_EverybodyIsOwedWhatTheyAre() public view {
        LicensingGhost.GhostAccount[] memory accounts = handler.accounts();
        for (uint256 i; i < accounts.length; ++i) {
            LicensingGhost.GhostAccount memory ghost = accounts[i];
            Revenue memory found = licensing.revenueOf(ghost.modelId, ghost.owner, ghost.asset);
            assertEq(found.earned, ghost.earned, "earned");
            assertEq(found.settled, ghost.divided, "settled");
            LicensingGhost.GhostParent[] memory parents = handler.parents(ghost.modelId);
            for (uint256 j; j < parents.length; ++j) {
                uint256 exact = ghost.divided * parents[j].share / 10_000;
                assertGe(ghost.passed[j], exact, "at least rounded down");
                assertLe(ghost.passed[j], exact + 1, "at most rounded up");
            }
        }
        address[] memory actors = handler.actors();
        for (uint256 i; i < actors.length; ++i) {
            for (uint256 j; j < 2; ++j) {
                address asset = handler.someAsset(j);
                assertEq(
                    licensing.claimable(actors[i], asset), handler.owed(actors[i], asset), "owed"
                );
                assertEq(
                    market.claimable(actors[i], asset),
                    handler.owedByMarket(actors[i], asset),
                    "owed by the market"
                );
            }
        }
    }

    /// @notice Money in is money out: for each asset, a contract's balance equals the sum of what it
    /// owes, and what came in less what went out.
    function invariant_MoneyInIsMoneyOut() public view {
        LicensingGhost.GhostAccount[] memory accounts = handler.accounts();
        address[] memory actors = handler.actors();
        for (uint256 j; j < 2; ++j) {
            address asset = handler.someAsset(j);
            (uint256 owed, uint256 owedByMarket) = (0, 0);
            for (uint256 i; i < actors.length; ++i) {
                owed += licensing.claimable(actors[i], asset);
                owedByMarket += market.claimable(actors[i], asset);
            }
            for (uint256 i; i < accounts.length; ++i) {
                if (accounts[i].asset == asset) owed += inAccount(accounts[i]);
            }
            assertEq(balance(address(licensing), asset), owed, "licensing owes what it has");
            assertEq(owed, handler.moneyIn(asset) - handler.moneyOut(asset), "in less out");
            assertEq(balance(address(market), asset), owedByMarket, "the market, too");
        }
    }

    /// @notice The shares of a model's parents are those agreed when it was derived, never above 100 %
    /// together, and every parent was offered before.
    function invariant_SharesAreFrozenAndLineageIsAcyclic() public view {
        uint64 models = handler.models();
        uint256[] memory heights = new uint256[](models + 1);
        for (uint64 id = 1; id <= models; ++id) {
            LicensedParent[] memory parents = licensing.parentsOf(id);
            LicensingGhost.GhostParent[] memory ghosts = handler.parents(id);
            assertEq(parents.length, ghosts.length, "parents");
            uint256 total;
            for (uint256 i; i < parents.length; ++i) {
                assertEq(parents[i].modelId, ghosts[i].modelId, "parent");
                assertEq(parents[i].shareBps, ghosts[i].share, "share");
                total += parents[i].shareBps;
            }
            assertLe(total, 10_000, "at most 100 %");
        }
        // In an acyclic graph no path is longer than there are models.
        for (uint256 round; round <= models; ++round) {
            bool grew;
            for (uint64 id = 1; id <= models; ++id) {
                LicensingGhost.GhostParent[] memory ghosts = handler.parents(id);
                for (uint256 i; i < ghosts.length; ++i) {
                    if (heights[id] > heights[ghosts[i].modelId]) continue;
                    (heights[id], grew) = (heights[ghosts[i].modelId] + 1, true);
                }
            }
            if (!grew) return;
        }
        revert("there is a cycle");
    }

    /// @notice Who is entitled is who owns the model or holds a licence that has not expired.
    function invariant_LicencesSayWhoIsEntitled() public view {
        address[] memory actors = handler.actors();
        for (uint64 id = 1; id <= handler.models(); ++id) {
            for (uint256 i; i < actors.length; ++i) {
                assertEq(
                    licensing.entitled(actors[i], id, Right.Serve),
                    handler.mayUse(actors[i], id),
                    "entitled"
                );
            }
        }
        LicensingGhost.GhostLicense[] memory all = handler.licenses();
        uint256[] memory balances = new uint256[](actors.length);
        for (uint256 i; i < all.length; ++i) {
            if (all[i].gone) continue;
            assertEq(licences.ownerOf(all[i].id), all[i].holder, "holder");
            assertEq(licences.expiresAt(all[i].id), all[i].expiresAt, "expiry");
            assertEq(licences.locked(all[i].id), all[i].bound, "locked");
            for (uint256 j; j < actors.length; ++j) {
                if (actors[j] == all[i].holder) ++balances[j];
            }
        }
        for (uint256 j; j < actors.length; ++j) {
            assertEq(licences.balanceOf(actors[j]), balances[j], "balance");
        }
    }

    /// @dev What is still in an account: what was not divided, and what could not be.
    function inAccount(LicensingGhost.GhostAccount memory ghost)
        internal
        pure
        returns (uint256 rest)
    {
        rest = ghost.earned - ghost.kept;
        for (uint256 i; i < 8; ++i) {
            rest -= ghost.passed[i];
        }
    }

    function balance(address who, address asset) internal view returns (uint256) {
        return asset == NATIVE ? who.balance : coin.balanceOf(who);
    }
}
