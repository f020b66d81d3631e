// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {AttestedMetric} from "../types/Metric.sol";
import {IMetricSource} from "./IMetricSource.sol";
import {IEAS} from "./external/eas/IEAS.sol";

/// @title IAttestedMetrics
/// @notice Metrics of models that evaluators attest to in the Ethereum Attestation Service, for prices
/// that follow them instead of an oracle.
/// @dev A source is an evaluator and the dataset that it evaluates on: whoever names one trusts both,
/// and nobody else has any part in it. An attestation counts once somebody, anybody, presents it, and
/// only if its recipient is this contract's registry: ids are the same in every registry, and the service
/// is one for all of them. When its evaluator revokes it, or it expires, its metric is served no more
/// until a newer one is presented: a price that follows it stands still, and lapses in the end.
interface IAttestedMetrics is IMetricSource {
    /// @notice Emitted when an attestation becomes the newest of its metric.
    /// @param source Its evaluator and dataset; see `sourceOf`.
    /// @param modelId The registered model.
    /// @param metricId Name of the metric.
    /// @param value The value times 1,000,000.
    /// @param version The version that was evaluated.
    /// @param attestedAt When it was attested, in seconds.
    /// @param uid The attestation.
    event MetricPresented(
        bytes32 indexed source,
        uint64 indexed modelId,
        bytes32 indexed metricId,
        int64 value,
        uint32 version,
        uint64 attestedAt,
        bytes32 uid
    );

    /// @notice Thrown at deployment when there is no contract where the service should be.
    error AttestedMetrics_NoService(address eas);

    /// @notice Thrown when there is no such attestation.
    error AttestedMetrics_UnknownAttestation(bytes32 uid);

    /// @notice Thrown when an attestation is of something else than an evaluation.
    error AttestedMetrics_WrongSchema(bytes32 uid, bytes32 schema);

    /// @notice Thrown when an attestation is about something else than a model of this registry.
    error AttestedMetrics_WrongRecipient(bytes32 uid, address recipient);

    /// @notice Thrown when what an attestation says is no evaluation.
    error AttestedMetrics_BadData(bytes32 uid);

    /// @notice Thrown when an attestation was revoked.
    error AttestedMetrics_Revoked(bytes32 uid, uint64 revokedAt);

    /// @notice Thrown when an attestation has expired.
    error AttestedMetrics_Expired(bytes32 uid, uint64 expiredAt);

    /// @notice Thrown when an attestation is not newer than the one that is held.
    error AttestedMetrics_StaleAttestation(bytes32 uid, uint64 attestedAt, uint64 held);

    /// @notice Thrown when a source has no such metric.
    error AttestedMetrics_NoMetric(bytes32 source, uint64 modelId, bytes32 metricId);

    /// @notice Makes an attestation the newest of its metric. Anybody may.
    /// @param uid A valid attestation of the schema `SCHEMA`, newer than the one that is held.
    function present(bytes32 uid) external;

    /// @notice The newest attestation of a metric, valid or not; all zero if there is none.
    function recordOf(bytes32 source, uint64 modelId, bytes32 metricId)
        external
        view
        returns (AttestedMetric memory);

    /// @notice The source that stands for an evaluator and the dataset that it evaluates on.
    /// @param evaluator Who attests.
    /// @param datasetRoot Digest of the dataset's root, as in the attestation.
    function sourceOf(address evaluator, bytes32 datasetRoot) external pure returns (bytes32 source);

    /// @notice The Ethereum Attestation Service on this chain.
    function eas() external view returns (IEAS);

    /// @notice The registry whose models' metrics these are.
    function registry() external view returns (address);

    /// @notice Id of the schema in that service: `Evaluation`, revocable, without a resolver.
    function SCHEMA() external view returns (bytes32);

    /// @notice Version of this contract's source.
    function version() external view returns (string memory);
}
