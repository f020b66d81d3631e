// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @dev The only form of `MetricReport` there is so far.
uint8 constant METRIC_REPORT_SCHEMA = 1;

/// @notice A metric of a model, as a workflow reports it; ABI-encoded, it is the report's payload.
/// @param schema `METRIC_REPORT_SCHEMA`.
/// @param chainId The chain that it is for: the nodes' signatures do not say.
/// @param receiver The contract that it is for: they do not say that either.
/// @param source Under whose authority it is reported; see `IMetricReceiver.openSource`.
/// @param modelId The registered model.
/// @param version The version that was measured; 0 where the report does not say.
/// @param metricId Name of the metric: a left-aligned ASCII label, or the hash of a longer name.
/// @param value The value times 1,000,000: an accuracy of 0.93 is 930000.
/// @param observedAt When the measurement ended, in seconds.
/// @param evidence What the value can be traced to: the record of the run that measured it, as it is
/// in the run log; 0 for nothing.
struct MetricReport {
    uint8 schema;
    uint256 chainId;
    address receiver;
    bytes32 source;
    uint64 modelId;
    uint32 version;
    bytes32 metricId;
    int64 value;
    uint64 observedAt;
    bytes32 evidence;
}

/// @notice A metric's newest value.
/// @param value See `MetricReport`.
/// @param observedAt See `MetricReport`; 0 if there never was a value.
/// @param acceptedAt When it was delivered, in seconds.
/// @param version See `MetricReport`.
/// @param evidence See `MetricReport`.
struct Metric {
    // slot 0
    int64 value;
    uint64 observedAt;
    uint64 acceptedAt;
    uint32 version;
    // slot 1
    bytes32 evidence;
}

/// @notice Under whose authority metrics are reported, as it is stored.
/// @param owner Who chooses its workflows.
/// @param closedUntil Last second in which nothing is accepted or served, and of which no measurement
/// counts; all ones while stopped.
/// @param delay Seconds before a new workflow, or a resumption, takes effect.
/// @param overlap Seconds for which a replaced workflow remains valid beside its replacement.
/// @param guardian Who else may stop it; the zero address for nobody.
struct MetricSource {
    // slot 0
    address owner;
    uint40 closedUntil;
    uint32 delay;
    uint24 overlap;
    // slot 1
    address guardian;
}

/// @notice When a workflow may report.
/// @param from First second, inclusive; 0 if it never could.
/// @param until End, exclusive.
struct WorkflowWindow {
    // slot 0
    uint40 from;
    uint40 until;
}

/// @notice A metric's newest attestation.
/// @param value The value times 1,000,000.
/// @param attestedAt When it was attested, in seconds; 0 if it never was.
/// @param version The version that was evaluated.
/// @param uid The attestation.
struct AttestedMetric {
    // slot 0
    int64 value;
    uint64 attestedAt;
    uint32 version;
    // slot 1
    bytes32 uid;
}
