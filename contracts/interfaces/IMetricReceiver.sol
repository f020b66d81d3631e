// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Metric, MetricSource, WorkflowWindow} from "../types/Metric.sol";
import {IMetricSource} from "./IMetricSource.sol";
import {IReceiver} from "./external/IReceiver.sol";

/// @title IMetricReceiver
/// @notice Metrics of models, delivered by workflows of the Chainlink Runtime Environment.
/// @dev The forwarder proves that a network of nodes signed a report, not for whom: every customer of
/// the network can have it sign, and send the report here, or send here what was meant for another
/// chain. So a report counts only if it names this chain, this contract and a source, and comes from
/// a workflow that the source's owner has named. A source is anybody's to open, and nobody decides
/// about another's: whoever relies on metrics chooses by whose authority.
///
/// Warnings for integrators:
/// - The nodes prove that an API answered so to most of them, not that the answer is true.
/// - A delivery that is refused here still succeeds at the forwarder, with `result` false in its
///   event; anybody may deliver it again later, and then it counts if nothing newer came in between and
///   its source is open since before the measurement.
/// - Choose a source by its delay and its guardian: its owner can name another workflow, which is seen
///   for `delay` seconds before it can report, and stopped by the guardian at any time.
interface IMetricReceiver is IMetricSource, IReceiver {
    /*//////////////////////////////////////////////////////////////
                                  EVENTS
    //////////////////////////////////////////////////////////////*/

    /// @notice Emitted when a source is opened.
    /// @param source Its id.
    /// @param owner Who opened it and chooses its workflows.
    /// @param guardian Who else may stop it.
    /// @param delay Seconds before a new workflow, or a resumption, takes effect.
    /// @param overlap Seconds for which a replaced workflow remains valid beside its replacement.
    event SourceOpened(
        bytes32 indexed source,
        address indexed owner,
        address indexed guardian,
        uint32 delay,
        uint24 overlap
    );

    /// @notice Emitted when it is set from when, or until when, a workflow may report.
    /// @param source The source.
    /// @param workflow The workflow's id, or `workflowByName`.
    /// @param from First second, inclusive.
    /// @param until End, exclusive.
    event WorkflowSet(bytes32 indexed source, bytes32 indexed workflow, uint40 from, uint40 until);

    /// @notice Emitted when a source is stopped.
    /// @param source The source.
    /// @param by Its owner or guardian.
    event SourceStopped(bytes32 indexed source, address indexed by);

    /// @notice Emitted when a source is to go on.
    /// @param source The source.
    /// @param closedUntil Last second in which nothing is accepted.
    event SourceResumed(bytes32 indexed source, uint40 closedUntil);

    /// @notice Emitted when a metric is delivered.
    /// @param source The source.
    /// @param modelId The registered model.
    /// @param metricId Name of the metric.
    /// @param value The value times 1,000,000.
    /// @param observedAt When the measurement ended.
    /// @param version The version that was measured; 0 where the report does not say.
    /// @param evidence What the value can be traced to.
    /// @param workflowId The workflow that reported it.
    event MetricAccepted(
        bytes32 indexed source,
        uint64 indexed modelId,
        bytes32 indexed metricId,
        int64 value,
        uint64 observedAt,
        uint32 version,
        bytes32 evidence,
        bytes32 workflowId
    );

    /*//////////////////////////////////////////////////////////////
                                  ERRORS
    //////////////////////////////////////////////////////////////*/

    /// @notice Thrown at deployment when there is no contract where the forwarder should be.
    error MetricReceiver_NoForwarder(address forwarder);

    /// @notice Thrown when somebody else than the forwarder brings a report.
    error MetricReceiver_NotForwarder(address caller);

    /// @notice Thrown when a report's metadata are too short to name its workflow.
    error MetricReceiver_BadMetadata(uint256 length);

    /// @notice Thrown when a report is for another chain.
    error MetricReceiver_WrongChain(uint256 chainId);

    /// @notice Thrown when a report is for another contract.
    error MetricReceiver_WrongReceiver(address receiver);

    /// @notice Thrown when a report comes from a workflow that may not report for its source now.
    error MetricReceiver_UnknownWorkflow(
        bytes32 source, bytes32 workflowId, address workflowOwner, bytes10 workflowName
    );

    /// @notice Thrown when a source is stopped or not yet open again, or a measurement ended before it was.
    error MetricReceiver_SourceClosed(bytes32 source, uint40 closedUntil);

    /// @notice Thrown when a measurement ended after the present block.
    error MetricReceiver_FutureMetric(uint64 observedAt);

    /// @notice Thrown when a measurement is not newer than the one that is held.
    error MetricReceiver_StaleMetric(uint64 observedAt, uint64 held);

    /// @notice Thrown when a source has no such metric, or none since it was last stopped.
    error MetricReceiver_NoMetric(bytes32 source, uint64 modelId, bytes32 metricId);

    /// @notice Thrown when a source is opened twice.
    error MetricReceiver_SourceExists(bytes32 source);

    /// @notice Thrown when a delay is outside of `MIN_DELAY` to `MAX_DELAY`.
    error MetricReceiver_DelayOutOfRange(uint32 delay);

    /// @notice Thrown when an account that does not own a source does what only its owner may.
    error MetricReceiver_NotOwner(bytes32 source, address caller);

    /// @notice Thrown when an account is neither a source's owner nor its guardian.
    error MetricReceiver_NotGuardian(bytes32 source, address caller);

    /// @notice Thrown when zero is named as a workflow.
    error MetricReceiver_ZeroWorkflow();

    /// @notice Thrown when a workflow that may report, now or soon, is proposed.
    error MetricReceiver_WorkflowKnown(bytes32 source, bytes32 workflow);

    /// @notice Thrown when a workflow is to be replaced or revoked that may not report anyway.
    error MetricReceiver_WorkflowNotKnown(bytes32 source, bytes32 workflow);

    /// @notice Thrown when a source is stopped that is, or resumed that is not.
    error MetricReceiver_AlreadySo(bytes32 source);

    /*//////////////////////////////////////////////////////////////
                                 SOURCES
    //////////////////////////////////////////////////////////////*/

    /// @notice Opens a source whose id follows from the caller's address and a salt. Its first
    /// workflow may report at once: nobody relies on it yet.
    /// @param salt Anything that the caller has not used before.
    /// @param workflow The workflow that may report: its id, or `workflowByName`.
    /// @param guardian Who else may stop it, for good; the zero address for nobody.
    /// @param delay Seconds before a new workflow, or a resumption, takes effect, for good.
    /// @param overlap Seconds for which a replaced workflow remains valid, for good.
    /// @return source The new source's id.
    function openSource(
        bytes32 salt,
        bytes32 workflow,
        address guardian,
        uint32 delay,
        uint24 overlap
    ) external returns (bytes32 source);

    /// @notice Lets another workflow report, after the source's delay. Owner only.
    /// @param source The source.
    /// @param workflow The new workflow: its id, or `workflowByName`.
    /// @param replaces A workflow that may report until `overlap` seconds after that; 0 for none.
    function proposeWorkflow(bytes32 source, bytes32 workflow, bytes32 replaces) external;

    /// @notice Ends a workflow's right to report, now. Owner or guardian.
    /// @dev Warning: a workflow can be known both by its id and by its name.
    /// @param source The source.
    /// @param workflow A workflow that may report, now or soon.
    function revokeWorkflow(bytes32 source, bytes32 workflow) external;

    /// @notice Stops a source: nothing is accepted, and nothing that was is served. Owner or guardian.
    /// @param source The source.
    function stop(bytes32 source) external;

    /// @notice Lets a stopped source go on, after its delay. Owner only.
    /// @dev Only what is measured once it is open again counts: what was delivered before is not served
    /// again, and what was measured before is not accepted any more, whenever it is delivered.
    /// @param source The source.
    function resume(bytes32 source) external;

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @notice A metric's newest value as it was delivered, whether or not its source stands by it;
    /// all zero if there is none.
    function recordOf(bytes32 source, uint64 modelId, bytes32 metricId)
        external
        view
        returns (Metric memory);

    /// @notice A source; all zero if there is none.
    function sourceOf(bytes32 source) external view returns (MetricSource memory);

    /// @notice Id of the source that an owner opens with a salt.
    function sourceIdOf(address owner, bytes32 salt) external pure returns (bytes32 source);

    /// @notice When a workflow may report for a source.
    function windowOf(bytes32 source, bytes32 workflow)
        external
        view
        returns (WorkflowWindow memory);

    /// @notice What stands for all workflows of an owner that have a name, whatever their code.
    /// @param owner The owner, as the metadata of its reports say.
    /// @param name The name, likewise: the first 10 hexadecimal digits of its SHA-256, in ASCII.
    function workflowByName(address owner, bytes10 name) external pure returns (bytes32 workflow);

    /// @notice Chainlink's forwarder on this chain.
    function forwarder() external view returns (address);

    /// @notice Shortest delay, in seconds.
    function MIN_DELAY() external view returns (uint32);

    /// @notice Longest delay, in seconds.
    function MAX_DELAY() external view returns (uint32);

    /// @notice Version of this contract's source.
    function version() external view returns (string memory);
}
