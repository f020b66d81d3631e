// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AttestedMetrics} from "../../../contracts/AttestedMetrics.sol";
import {ModelRegistry} from "../../../contracts/ModelRegistry.sol";
import {IAttestedMetrics} from "../../../contracts/interfaces/IAttestedMetrics.sol";
import {IEAS} from "../../../contracts/interfaces/external/eas/IEAS.sol";
import {AttestedMetric} from "../../../contracts/types/Metric.sol";
import {Basis, PricingConfig} from "../../../contracts/types/Pricing.sol";
import {AttestationsTest} from "../Attestations.t.sol";

/// @notice Metrics by attestation, in the Ethereum Attestation Service's own contracts.
contract AttestedMetricsTest is AttestationsTest {
    function test_present_servesTheNewest() public {
        bytes32 uid = attest(930_000);
        vm.expectEmit(address(metrics));
        emit IAttestedMetrics.MetricPresented(
            byEvaluator, model, ACCURACY, 930_000, 3, uint64(START), uid
        );
        vm.prank(eve); // anybody
        metrics.present(uid);
        expectMetric(930_000, START);
        AttestedMetric memory held = metrics.recordOf(byEvaluator, model, ACCURACY);
        assertEq(held.uid, uid, "uid");
        assertEq(held.version, 3, "version");

        vm.warp(START + 1);
        metrics.present(attest(-940_000));
        expectMetric(-940_000, START + 1);
    }

    function test_sourceOf_isOfOneEvaluatorAndOneDataset() public {
        metrics.present(attest(930_000));
        bytes32[2] memory others =
            [metrics.sourceOf(eve, DATASET), metrics.sourceOf(evaluator, keccak256("other"))];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IAttestedMetrics.AttestedMetrics_NoMetric.selector, others[i], model, ACCURACY
                )
            );
            metrics.metricOf(others[i], model, ACCURACY);
        }
    }

    /// @dev The price stands still, is held, falls back and stops; a new attestation moves it again.
    function test_metricOf_freezesAPriceWhenItIsRevoked() public {
        PricingConfig memory rules = config();
        (rules.metrics, rules.source) = (address(metrics), byEvaluator);
        setPricing(rules);
        pass(1 hours);
        bytes32 uid = attest(990_000);
        metrics.present(uid);
        assertEq(pricing.sync(model), 110e6, "it follows");

        pass(1 hours);
        revoke(uid);
        bytes memory revoked = abi.encodeWithSelector(
            IAttestedMetrics.AttestedMetrics_Revoked.selector, uid, block.timestamp
        );
        vm.expectRevert(revoked);
        pricing.sync(model);
        (uint64 price, Basis basis) = pricing.priceOf(model);
        assertEq(price, 110e6, "it stands still");
        pass(8 days);
        (price, basis) = pricing.priceOf(model);
        assertEq(uint8(basis), uint8(Basis.Held), "held");
        pass(3 days);
        (price, basis) = pricing.priceOf(model);
        assertEq(uint8(basis), uint8(Basis.Base), "base");
        vm.expectRevert(revoked);
        pricing.sync(model);

        metrics.present(attest(990_000));
        assertEq(pricing.sync(model), 110e6, "it follows again, from the base price");
    }

    function test_metricOf_revertsWhenItHasExpired() public {
        bytes32 uid = attest(evaluation, dataOf(930_000), uint64(START) + 100);
        metrics.present(uid);
        vm.warp(START + 99);
        expectMetric(930_000, START);
        vm.warp(START + 100);
        bytes memory expired = abi.encodeWithSelector(
            IAttestedMetrics.AttestedMetrics_Expired.selector, uid, START + 100
        );
        vm.expectRevert(expired);
        metrics.metricOf(byEvaluator, model, ACCURACY);
        vm.expectRevert(expired);
        metrics.present(uid);
    }

    function test_present_revertsWhenItIsNotNewer() public {
        bytes32 older = attest(990_000);
        vm.warp(START + 1);
        bytes32 uid = attest(930_000);
        metrics.present(uid);
        bytes32[2] memory stale = [older, uid];
        for (uint256 i; i < 2; ++i) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IAttestedMetrics.AttestedMetrics_StaleAttestation.selector,
                    stale[i],
                    START + i,
                    START + 1
                )
            );
            metrics.present(stale[i]);
        }
        // Not even when the newer one is revoked: its evaluator took back what it said last.
        revoke(uid);
        vm.expectPartialRevert(IAttestedMetrics.AttestedMetrics_StaleAttestation.selector);
        metrics.present(older);
    }

    function test_present_revertsWhenItIsRevokedOrUnknown() public {
        bytes32 uid = attest(930_000);
        revoke(uid);
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedMetrics.AttestedMetrics_Revoked.selector, uid, START)
        );
        metrics.present(uid);
        bytes4 unknown = IAttestedMetrics.AttestedMetrics_UnknownAttestation.selector;
        vm.expectRevert(abi.encodeWithSelector(unknown, bytes32("none")));
        metrics.present("none");
    }

    /// @dev Another registry has a model of the same id, and the same evaluator.
    function test_present_revertsWhenItIsOfAnotherRegistry() public {
        address[2] memory others = [address(0), address(new ModelRegistry())];
        for (uint256 i; i < 2; ++i) {
            bytes32 uid = attestAs(evaluator, evaluation, others[i], 0, dataOf(930_000));
            vm.expectRevert(
                abi.encodeWithSelector(
                    IAttestedMetrics.AttestedMetrics_WrongRecipient.selector, uid, others[i]
                )
            );
            metrics.present(uid);
        }
    }

    function test_present_revertsWhenItIsNoEvaluation() public {
        bytes32 other = register("uint64 anything");
        bytes32 uid = attest(other, dataOf(930_000), 0);
        vm.expectRevert(
            abi.encodeWithSelector(
                IAttestedMetrics.AttestedMetrics_WrongSchema.selector, uid, other
            )
        );
        metrics.present(uid);

        bytes[5] memory wrong = [
            bytes(""),
            abi.encodePacked(dataOf(930_000), uint8(0)),
            abi.encode(uint256(1) << 64, 3, DATASET, ACCURACY, 1, 0),
            abi.encode(model, uint256(1) << 32, DATASET, ACCURACY, 1, 0),
            abi.encode(model, 3, DATASET, ACCURACY, uint256(1) << 63, 0)
        ];
        for (uint256 i; i < wrong.length; ++i) {
            uid = attest(evaluation, wrong[i], 0);
            vm.expectRevert(
                abi.encodeWithSelector(IAttestedMetrics.AttestedMetrics_BadData.selector, uid)
            );
            metrics.present(uid);
        }
    }

    function testFuzz_present_takesEveryEvaluation(
        uint64 modelId,
        uint32 version,
        bytes32 dataset,
        bytes32 metricId,
        int64 value
    ) public {
        bytes memory data = abi.encode(modelId, version, dataset, metricId, value, bytes32(0));
        metrics.present(attest(evaluation, data, 0));
        (int64 served,) = metrics.metricOf(metrics.sourceOf(evaluator, dataset), modelId, metricId);
        assertEq(served, value, "value");
    }

    function test_constructor_revertsWhenThereIsNoService() public {
        vm.expectRevert(
            abi.encodeWithSelector(IAttestedMetrics.AttestedMetrics_NoService.selector, eve)
        );
        new AttestedMetrics(IEAS(eve), address(registry));
    }

    function test_views() public view {
        assertEq(metrics.SCHEMA(), evaluation, "as the service's registry has it");
        assertEq(address(metrics.eas()), address(eas), "eas");
        assertEq(metrics.registry(), address(registry), "registry");
        assertEq(metrics.version(), "1.0.0", "version");
    }

    function expectMetric(int64 expected, uint256 at) internal view {
        (int64 value, uint64 observedAt) = metrics.metricOf(byEvaluator, model, ACCURACY);
        assertEq(value, expected, "value");
        assertEq(observedAt, at, "observedAt");
    }
}
