// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {PricingConfig} from "../../../contracts/types/Pricing.sol";
import {AttestationsTest} from "../Attestations.t.sol";

/// @notice Whole transactions, every slot cold; see `ModelRegistryGasTest`. The attestation itself, in
/// the service's own contracts, is the evaluator's to pay; the service hands it out whole, ten words
/// and six of data, at each look: 35,000 more than a report costs `sync`.
contract AttestedMetricsGasTest is AttestationsTest {
    function setUp() public override {
        vm.skip(keccak256(bytes(vm.envOr("FOUNDRY_PROFILE", string("")))) != keccak256("ship"));
        super.setUp();
    }

    function test_size() public {
        uint256 size = address(metrics).code.length;
        vm.snapshotValue("size", "AttestedMetrics", size);
        assertLe(size, 24_576, "AttestedMetrics"); // EIP-170
    }

    function test_present() public {
        for (uint256 i; i < 2; ++i) {
            vm.warp(START + i);
            bytes32 uid = attest(930_000);
            metrics.present(uid);
            if (i == 0) snap("present, first of its metric", 125_000);
            else snap("present", 85_000);
        }
    }

    function test_sync() public {
        PricingConfig memory rules = config();
        (rules.metrics, rules.source) = (address(metrics), byEvaluator);
        setPricing(rules);
        vm.warp(START + 1 hours);
        metrics.present(attest(940_000));
        pricing.sync(model);
        snap("sync by attestation", 95_000);
    }

    function snap(string memory name, uint256 aim) internal {
        assertLe(vm.snapshotGasLastCall("AttestedMetrics", name), aim, name);
    }
}
