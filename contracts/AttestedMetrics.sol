// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAttestedMetrics} from "./interfaces/IAttestedMetrics.sol";
import {IMetricSource} from "./interfaces/IMetricSource.sol";
import {Attestation, IEAS} from "./interfaces/external/eas/IEAS.sol";
import {Attestations} from "./libraries/Attestations.sol";
import {AttestedMetric} from "./types/Metric.sol";
import {Claim} from "./types/Promotion.sol";

/// @title AttestedMetrics
/// @notice See {IAttestedMetrics}.
contract AttestedMetrics is IAttestedMetrics {
    /// @inheritdoc IAttestedMetrics
    bytes32 public constant SCHEMA = Attestations.EVALUATION;

    /// @inheritdoc IAttestedMetrics
    string public constant version = "1.0.0";

    /// @inheritdoc IAttestedMetrics
    IEAS public immutable eas;

    /// @inheritdoc IAttestedMetrics
    address public immutable registry;

    mapping( // slot 0
        bytes32 source => mapping(uint64 modelId => mapping(bytes32 metricId => AttestedMetric))
    ) private _metrics;

    constructor(IEAS eas_, address registry_) {
        if (address(eas_).code.length == 0) revert AttestedMetrics_NoService(address(eas_));
        (eas, registry) = (eas_, registry_);
    }

    /// @inheritdoc IAttestedMetrics
    function present(bytes32 uid) external {
        // Check: it is an evaluation of a model of this registry, and valid.
        Attestation memory given = _valid(uid);
        if (given.schema != SCHEMA) revert AttestedMetrics_WrongSchema(uid, given.schema);
        if (given.recipient != registry) {
            revert AttestedMetrics_WrongRecipient(uid, given.recipient);
        }
        (bool ok, Claim memory claim) = Attestations.decodeEvaluation(given.data);
        if (!ok) revert AttestedMetrics_BadData(uid);

        // Check: it is news. One that was revoked is not followed by an older one.
        bytes32 source = sourceOf(given.attester, claim.datasetRoot);
        AttestedMetric storage metric = _metrics[source][claim.modelId][claim.subject];
        if (given.time <= metric.attestedAt) {
            revert AttestedMetrics_StaleAttestation(uid, given.time, metric.attestedAt);
        }

        // Effect: it is the newest.
        (metric.value, metric.attestedAt, metric.version) = (claim.value, given.time, claim.version);
        metric.uid = uid;
        emit MetricPresented(
            source, claim.modelId, claim.subject, claim.value, claim.version, given.time, uid
        );
    }

    /// @inheritdoc IMetricSource
    function metricOf(bytes32 source, uint64 modelId, bytes32 metricId)
        external
        view
        returns (int64, uint64)
    {
        AttestedMetric storage metric = _metrics[source][modelId][metricId];
        if (metric.uid == 0) revert AttestedMetrics_NoMetric(source, modelId, metricId);
        _valid(metric.uid);
        return (metric.value, metric.attestedAt);
    }

    /// @inheritdoc IAttestedMetrics
    function recordOf(bytes32 source, uint64 modelId, bytes32 metricId)
        external
        view
        returns (AttestedMetric memory)
    {
        return _metrics[source][modelId][metricId];
    }

    /// @inheritdoc IAttestedMetrics
    function sourceOf(address evaluator, bytes32 datasetRoot) public pure returns (bytes32) {
        return keccak256(abi.encode(evaluator, datasetRoot));
    }

    /// @dev An attestation that is neither revoked nor expired.
    function _valid(bytes32 uid) private view returns (Attestation memory found) {
        found = eas.getAttestation(uid);
        if (found.uid == 0) revert AttestedMetrics_UnknownAttestation(uid);
        if (found.revocationTime != 0) revert AttestedMetrics_Revoked(uid, found.revocationTime);
        if (found.expirationTime != 0 && found.expirationTime <= block.timestamp) {
            revert AttestedMetrics_Expired(uid, found.expirationTime);
        }
    }
}
