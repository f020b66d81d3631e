// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.30;

import {IERC165} from "@openzeppelin/contracts/interfaces/IERC165.sol";

import {IMetricReceiver} from "./interfaces/IMetricReceiver.sol";
import {IMetricSource} from "./interfaces/IMetricSource.sol";
import {IReceiver} from "./interfaces/external/IReceiver.sol";
import {MetricReports} from "./libraries/MetricReports.sol";
import {Metric, MetricReport, MetricSource, WorkflowWindow} from "./types/Metric.sol";

/// @title MetricReceiver
/// @notice See {IMetricReceiver}.
contract MetricReceiver is IMetricReceiver {
    /// @inheritdoc IMetricReceiver
    uint32 public constant MIN_DELAY = 1 hours;

    /// @inheritdoc IMetricReceiver
    uint32 public constant MAX_DELAY = 30 days;

    /// @inheritdoc IMetricReceiver
    string public constant version = "1.0.0";

    uint40 private constant _NEVER = type(uint40).max;

    /// @dev Up to the workflow's owner; the report's id follows, and is of no use here.
    uint256 private constant _METADATA_LENGTH = 62;

    /// @inheritdoc IMetricReceiver
    address public immutable forwarder;

    mapping(bytes32 source => MetricSource) private _sources; // slot 0

    mapping(bytes32 source => mapping(bytes32 workflow => WorkflowWindow)) private _windows; // slot 1

    mapping( // slot 2
        bytes32 source => mapping(uint64 modelId => mapping(bytes32 metricId => Metric))
    ) private _metrics;

    constructor(address forwarder_) {
        if (forwarder_.code.length == 0) revert MetricReceiver_NoForwarder(forwarder_);
        forwarder = forwarder_;
    }

    /*//////////////////////////////////////////////////////////////
                                 SOURCES
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IMetricReceiver
    function openSource(
        bytes32 salt,
        bytes32 workflow,
        address guardian,
        uint32 delay,
        uint24 overlap
    ) external returns (bytes32 source) {
        // Check: it is new, and its workflow and delay are such.
        source = sourceIdOf(msg.sender, salt);
        if (_sources[source].owner != address(0)) revert MetricReceiver_SourceExists(source);
        if (delay < MIN_DELAY || delay > MAX_DELAY) revert MetricReceiver_DelayOutOfRange(delay);

        // Effect: it is open, to that workflow.
        _sources[source] = MetricSource(msg.sender, 0, delay, overlap, guardian);
        emit SourceOpened(source, msg.sender, guardian, delay, overlap);
        _admit(source, workflow, uint40(block.timestamp));
    }

    /// @inheritdoc IMetricReceiver
    function proposeWorkflow(bytes32 source, bytes32 workflow, bytes32 replaces) external {
        MetricSource storage from = _sources[source];
        if (msg.sender != from.owner) revert MetricReceiver_NotOwner(source, msg.sender);

        // Effect: the one that it replaces, if any, ends some time after it begins.
        uint40 start = uint40(block.timestamp) + from.delay;
        if (replaces != 0) {
            uint40 until = _windowOf(source, replaces).until;
            uint40 end = start + from.overlap;
            _end(source, replaces, end < until ? end : until);
        }

        // Check and effect: it was not admitted yet, and is.
        _admit(source, workflow, start);
    }

    /// @inheritdoc IMetricReceiver
    function revokeWorkflow(bytes32 source, bytes32 workflow) external {
        _checkGuardian(source);
        _windowOf(source, workflow);
        _end(source, workflow, uint40(block.timestamp));
    }

    /// @inheritdoc IMetricReceiver
    function stop(bytes32 source) external {
        MetricSource storage stopped = _checkGuardian(source);
        if (stopped.closedUntil == _NEVER) revert MetricReceiver_AlreadySo(source);

        stopped.closedUntil = _NEVER;
        emit SourceStopped(source, msg.sender);
    }

    /// @inheritdoc IMetricReceiver
    function resume(bytes32 source) external {
        MetricSource storage resumed = _sources[source];
        if (msg.sender != resumed.owner) revert MetricReceiver_NotOwner(source, msg.sender);
        if (resumed.closedUntil != _NEVER) revert MetricReceiver_AlreadySo(source);

        uint40 closedUntil = uint40(block.timestamp) + resumed.delay;
        resumed.closedUntil = closedUntil;
        emit SourceResumed(source, closedUntil);
    }

    /*//////////////////////////////////////////////////////////////
                                 DELIVERY
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IReceiver
    /// @dev Cheap, and without a call to anybody: whatever is done with a metric is done later.
    function onReport(bytes calldata metadata, bytes calldata payload) external {
        // Check: Chainlink's nodes signed it.
        if (msg.sender != forwarder) revert MetricReceiver_NotForwarder(msg.sender);

        // Check: it is for here.
        MetricReport memory report = MetricReports.decode(payload);
        if (report.chainId != block.chainid) revert MetricReceiver_WrongChain(report.chainId);
        if (report.receiver != address(this)) revert MetricReceiver_WrongReceiver(report.receiver);

        // Check: it is from a workflow that the source's owner named, and about a time since which the
        // source is open. This is what stops a report that was refused, or held back, because of a stop
        // from being delivered after it.
        bytes32 workflowId = _checkWorkflow(report.source, metadata);
        uint64 observedAt = report.observedAt;
        _checkOpen(report.source, observedAt);

        // Check: it is news, and not from the future.
        Metric storage metric = _metrics[report.source][report.modelId][report.metricId];
        if (observedAt > block.timestamp) revert MetricReceiver_FutureMetric(observedAt);
        if (observedAt <= metric.observedAt) {
            revert MetricReceiver_StaleMetric(observedAt, metric.observedAt);
        }

        // Effect: it is the newest.
        (metric.value, metric.observedAt, metric.acceptedAt, metric.version) =
        (report.value, observedAt, uint64(block.timestamp), report.version);
        metric.evidence = report.evidence;
        emit MetricAccepted(
            report.source,
            report.modelId,
            report.metricId,
            report.value,
            observedAt,
            report.version,
            report.evidence,
            workflowId
        );
    }

    /*//////////////////////////////////////////////////////////////
                                  VIEWS
    //////////////////////////////////////////////////////////////*/

    /// @inheritdoc IMetricSource
    function metricOf(bytes32 source, uint64 modelId, bytes32 metricId)
        external
        view
        returns (int64, uint64)
    {
        uint40 closedUntil = _checkOpen(source, block.timestamp);
        Metric storage metric = _metrics[source][modelId][metricId];
        // A metric that was delivered before its source was stopped may be why it was.
        if (metric.acceptedAt <= closedUntil) {
            revert MetricReceiver_NoMetric(source, modelId, metricId);
        }
        return (metric.value, metric.observedAt);
    }

    /// @inheritdoc IMetricReceiver
    function recordOf(bytes32 source, uint64 modelId, bytes32 metricId)
        external
        view
        returns (Metric memory)
    {
        return _metrics[source][modelId][metricId];
    }

    /// @inheritdoc IMetricReceiver
    function sourceOf(bytes32 source) external view returns (MetricSource memory) {
        return _sources[source];
    }

    /// @inheritdoc IMetricReceiver
    function sourceIdOf(address owner, bytes32 salt) public pure returns (bytes32) {
        return keccak256(abi.encode(owner, salt));
    }

    /// @inheritdoc IMetricReceiver
    function windowOf(bytes32 source, bytes32 workflow)
        external
        view
        returns (WorkflowWindow memory)
    {
        return _windows[source][workflow];
    }

    /// @inheritdoc IMetricReceiver
    function workflowByName(address owner, bytes10 name) public pure returns (bytes32) {
        return keccak256(abi.encode(owner, name));
    }

    /// @inheritdoc IERC165
    function supportsInterface(bytes4 interfaceId) external pure returns (bool) {
        return
            interfaceId == type(IReceiver).interfaceId || interfaceId == type(IERC165).interfaceId;
    }

    /*//////////////////////////////////////////////////////////////
                                 PRIVATE
    //////////////////////////////////////////////////////////////*/

    function _admit(bytes32 source, bytes32 workflow, uint40 from) private {
        if (workflow == 0) revert MetricReceiver_ZeroWorkflow();
        if (_windows[source][workflow].until > block.timestamp) {
            revert MetricReceiver_WorkflowKnown(source, workflow);
        }
        _windows[source][workflow] = WorkflowWindow(from, _NEVER);
        emit WorkflowSet(source, workflow, from, _NEVER);
    }

    function _end(bytes32 source, bytes32 workflow, uint40 until) private {
        WorkflowWindow storage window = _windows[source][workflow];
        window.until = until;
        emit WorkflowSet(source, workflow, window.from, until);
    }

    /// @dev A workflow that may report, now or soon.
    function _windowOf(bytes32 source, bytes32 workflow)
        private
        view
        returns (WorkflowWindow memory window)
    {
        window = _windows[source][workflow];
        if (window.until <= block.timestamp) {
            revert MetricReceiver_WorkflowNotKnown(source, workflow);
        }
    }

    function _isActive(bytes32 source, bytes32 workflow) private view returns (bool) {
        WorkflowWindow storage window = _windows[source][workflow];
        return window.from <= block.timestamp && block.timestamp < window.until;
    }

    function _checkWorkflow(bytes32 source, bytes calldata metadata)
        private
        view
        returns (bytes32 workflowId)
    {
        if (metadata.length < _METADATA_LENGTH) {
            revert MetricReceiver_BadMetadata(metadata.length);
        }
        workflowId = bytes32(metadata[:32]);
        if (_isActive(source, workflowId)) return workflowId;

        bytes10 name = bytes10(metadata[32:42]);
        address owner = address(bytes20(metadata[42:_METADATA_LENGTH]));
        if (!_isActive(source, workflowByName(owner, name))) {
            revert MetricReceiver_UnknownWorkflow(source, workflowId, owner, name);
        }
    }

    /// @dev Open now, and since `time` at least: a time to come is refused elsewhere.
    function _checkOpen(bytes32 source, uint256 time) private view returns (uint40 closedUntil) {
        closedUntil = _sources[source].closedUntil;
        if (time <= closedUntil) {
            revert MetricReceiver_SourceClosed(source, closedUntil);
        }
    }

    function _checkGuardian(bytes32 source) private view returns (MetricSource storage guarded) {
        guarded = _sources[source];
        if (msg.sender != guarded.owner && msg.sender != guarded.guardian) {
            revert MetricReceiver_NotGuardian(source, msg.sender);
        }
    }
}
