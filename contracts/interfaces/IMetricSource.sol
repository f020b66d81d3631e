// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

/// @title IMetricSource
/// @notice Something that knows a metric of a model, for instance to set a price by it.
interface IMetricSource {
    /// @notice A metric's newest value; reverts, with a reason of its own, if there is none that its
    /// source stands by now.
    /// @param source Under whose authority it is reported.
    /// @param modelId The registered model.
    /// @param metricId Name of the metric.
    /// @return value The value times 1,000,000.
    /// @return observedAt When the measurement ended, in seconds; never in the future.
    function metricOf(bytes32 source, uint64 modelId, bytes32 metricId)
        external
        view
        returns (int64 value, uint64 observedAt);
}
