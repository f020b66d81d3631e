// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IAttestedMetrics} from "./interfaces/IAttestedMetrics.sol";
import {IMetricSource} from "./interfaces/IMetricSource.sol";
import {Attestation, IEAS} from "./interfaces/external/IEAS.sol";
import {AttestedMetric} from "./types/Metric.sol";

/// @title AttestedMetrics
/// @notice See {IAttestedMetrics}.
contract AttestedMetrics is IAttestedMetrics {
    /// @inheritdoc IAttestedMetrics
    /// @dev As the service's registry computes it: the schema, no resolver, revocable.
    bytes32 public constant SCHEMA = keccak256(
        abi.encodePacked(
            "uint64 modelId,uint32 version,bytes32 datasetRoot,bytes32 metricId,int64 value,",
            "bytes32 evidence",
            address(0),
            true
        )
    );

    /// @inheritdoc IAttestedMetrics
    string public constant version = "1.0.0";

    uint256 private constant _DATA_LENGTH = 192; // six words

    /// @inheritdoc IAttestedMetrics
    IEAS public immutable eas;

    mapping( // slot 0
        bytes32 source => mapping(uint64 modelId => mapping(bytes32 metricId => AttestedMetric))
    ) private _metrics;

    constructor(IEAS eas_) {
        if (address(eas_).code.length == 0) revert AttestedMetrics_NoService(address(eas_));
        eas = eas_;
    }

    /// @inheritdoc IAttestedMetrics
    function present(bytes32 uid) external {
        // Check: it is an evaluation, and valid.
        Attestation memory given = _valid(uid);
        if (given.schema != SCHEMA) revert AttestedMetrics_WrongSchema(uid, given.schema);
        (uint64 modelId, uint32 version_, bytes32 datasetRoot, bytes32 metricId, int64 value) =
            _decode(uid, given.data);

        // Check: it is news. One that was revoked is not followed by an older one.
        bytes32 source = sourceOf(given.attester, datasetRoot);
        AttestedMetric storage metric = _metrics[source][modelId][metricId];
        if (given.time <= metric.attestedAt) {
            revert AttestedMetrics_StaleAttestation(uid, given.time, metric.attestedAt);
        }

        // Effect: it is the newest.
        (metric.value, metric.attestedAt, metric.version) = (value, given.time, version_);
        metric.uid = uid;
        emit MetricPresented(source, modelId, metricId, value, version_, given.time, uid);
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

    /// @dev The service takes any data for any schema, so each word is checked for its type.
    function _decode(bytes32 uid, bytes memory data)
        private
        pure
        returns (uint64, uint32, bytes32, bytes32, int64)
    {
        if (data.length != _DATA_LENGTH) revert AttestedMetrics_BadData(uid);
        (uint256 modelId, uint256 version_, bytes32 datasetRoot, bytes32 metricId, int256 value) =
            abi.decode(data, (uint256, uint256, bytes32, bytes32, int256));
        // forge-lint: disable-next-line(unsafe-typecast) it is compared with what is cut off
        bool fits = value == int64(value);
        if (modelId > type(uint64).max || version_ > type(uint32).max || !fits) {
            revert AttestedMetrics_BadData(uid);
        }
        // forge-lint: disable-next-line(unsafe-typecast) they were just compared
        return (uint64(modelId), uint32(version_), datasetRoot, metricId, int64(value));
    }
}
