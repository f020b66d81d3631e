// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {Royalties} from "../../../contracts/libraries/Royalties.sol";

/// @notice Division of revenue, to the unit.
contract RoyaltiesTest is Test {
    uint256 internal constant ALL = 10_000;

    /// @dev The parents' share is the smallest whole number that is not below the exact one.
    function testFuzz_royalties_areRoundedUp(uint128 revenue, uint16 totalBps) public pure {
        totalBps = uint16(bound(totalBps, 0, ALL));
        uint256 royalties = Royalties.royalties(revenue, totalBps);
        assertGe(royalties * ALL, uint256(revenue) * totalBps, "not below");
        if (royalties != 0) {
            assertLt((royalties - 1) * ALL, uint256(revenue) * totalBps, "the smallest");
        }
        assertLe(royalties, revenue, "never more than there is");
    }

    /// @dev However revenue comes and is settled, everybody gets the same in the end: each parent its
    /// exact share rounded up or down, and the parents and the owner together no more than there is.
    function testFuzz_parts_doNotDependOnTheSteps(uint64[16] memory steps, uint16[8] memory seeds)
        public
        pure
    {
        (uint256[8] memory bps, uint256 totalBps) = shares(seeds);
        uint256[8] memory got;
        uint256 owner;
        uint256 revenue;
        for (uint256 s; s < steps.length; ++s) {
            uint256 next = revenue + steps[s] % (s % 2 == 0 ? 20 : type(uint64).max);
            for (uint256 i; i < 8; ++i) {
                got[i] += Royalties.part(revenue, next, bps[i], totalBps);
            }
            owner += Royalties.kept(revenue, next, totalBps);
            revenue = next;
        }
        uint256 sum = owner;
        for (uint256 i; i < 8; ++i) {
            assertEq(got[i], Royalties.part(0, revenue, bps[i], totalBps), "as if at once");
            uint256 exact = revenue * bps[i] / ALL;
            assertGe(got[i], exact, "at least its share rounded down");
            assertLe(got[i], exact + 1, "at most its share rounded up");
            sum += got[i];
        }
        assertEq(owner, Royalties.kept(0, revenue, totalBps), "as if at once");
        assertEq(owner, revenue * (ALL - totalBps) / ALL, "the owner's is rounded down");
        assertLe(sum, revenue, "no more than there is");
        assertLt(revenue - sum, 8, "less than a unit for each parent stays");
    }

    /// @dev A single parent gets all that is not the owner's.
    function testFuzz_parts_ofOneParent(uint128 from, uint128 to, uint16 bps) public pure {
        to = uint128(bound(to, from, type(uint128).max));
        bps = uint16(bound(bps, 1, ALL));
        uint256 part = Royalties.part(from, to, bps, bps);
        assertEq(part + Royalties.kept(from, to, bps), to - from, "nothing stays");
    }

    /// @dev Eight shares of at most 100 % together, at least one of them not zero.
    function shares(uint16[8] memory seeds)
        internal
        pure
        returns (uint256[8] memory bps, uint256 totalBps)
    {
        for (uint256 i; i < 8; ++i) {
            bps[i] = bound(seeds[i], i == 0 ? 1 : 0, ALL - totalBps - (i == 0 ? 1 : 0));
            totalBps += bps[i];
        }
    }
}
