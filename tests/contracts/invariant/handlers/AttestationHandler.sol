// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    AttestationRequest,
    AttestationRequestData,
    IEAS as IService,
    RevocationRequest,
    RevocationRequestData
} from "@ethereum-attestation-service/eas-contracts/contracts/IEAS.sol";
import {Test} from "forge-std/Test.sol";

import {AttestedMetrics} from "../../../../contracts/AttestedMetrics.sol";

/// @notice Two evaluators who attest and take back, and anybody who presents; and beside the contract,
/// in plain arrays, what it must serve.
contract AttestationHandler is Test {
    struct Ghost {
        bytes32 uid;
        bytes32 schema;
        uint256 series; // which evaluator, dataset, model and metric: a bit each; see `nameOf`
        int64 value;
        uint64 time;
        uint64 expiry;
        uint64 revokedAt;
        bool evaluation; // says what an evaluation says
    }

    uint256 public constant SERIES = 16;

    AttestedMetrics internal immutable METRICS;
    IService internal immutable SERVICE;
    bytes32 internal immutable OTHER; // a schema that is not ours

    mapping(bytes4 action => uint256) public calls;
    mapping(uint256 series => uint256) public held; // index of the newest presented, plus 1

    Ghost[] internal _all;

    constructor(AttestedMetrics metrics, IService service, bytes32 other) {
        (METRICS, SERVICE, OTHER) = (metrics, service, other);
    }

    function actions() public pure returns (bytes4[] memory list) {
        list = new bytes4[](5);
        list[0] = this.attest.selector;
        list[1] = this.revoke.selector;
        list[2] = this.present.selector;
        list[3] = this.presentInVain.selector;
        list[4] = this.pass.selector;
    }

    /// @dev Each action once where it must succeed.
    function exercise() external {
        this.pass(60);
        this.attest(0, 1, 4);
        this.present(_all.length - 1);
        this.attest(0, 1, 0);
        this.presentInVain(_all.length - 1);
        this.revoke(_all.length - 2);
    }

    function attest(uint256 series, int64 value, uint256 kind) public {
        series %= SERIES;
        (address evaluator, bytes32 dataset, uint64 model, bytes32 metric) = nameOf(series);
        bytes32 schema = kind % 8 == 0 ? OTHER : METRICS.SCHEMA();
        bytes memory data = abi.encode(model, uint32(1), dataset, metric, value, bytes32(0));
        if (kind % 8 == 1) data = abi.encode(uint256(1) << 64, 1, dataset, metric, value, 0);
        uint64 expiry = kind % 8 == 2 ? uint64(block.timestamp + 1 + kind % 2 hours) : 0;
        address recipient = kind % 8 == 3 ? evaluator : METRICS.registry();
        vm.prank(evaluator);
        bytes32 uid = SERVICE.attest(
            AttestationRequest(schema, AttestationRequestData(recipient, expiry, true, 0, data, 0))
        );
        _all.push(
            Ghost(
                uid,
                schema,
                series,
                value,
                uint64(block.timestamp),
                expiry,
                0,
                kind % 8 > 1 && kind % 8 != 3
            )
        );
        ++calls[msg.sig];
    }

    function revoke(uint256 seed) public {
        for (uint256 i; i < _all.length; ++i) {
            Ghost storage found = _all[(seed % _all.length + i) % _all.length];
            if (found.revokedAt != 0) continue;
            (address evaluator,,,) = nameOf(found.series);
            vm.prank(evaluator);
            SERVICE.revoke(RevocationRequest(found.schema, RevocationRequestData(found.uid, 0)));
            found.revokedAt = uint64(block.timestamp);
            ++calls[msg.sig];
            return;
        }
    }

    /// @dev One that counts, by anybody.
    function present(uint256 seed) public {
        for (uint256 i; i < _all.length; ++i) {
            uint256 index = (seed % _all.length + i) % _all.length;
            if (!counts(index)) continue;
            vm.prank(address(uint160(seed % 100 + 1)));
            METRICS.present(_all[index].uid);
            held[_all[index].series] = index + 1;
            ++calls[msg.sig];
            return;
        }
    }

    /// @dev One that does not.
    function presentInVain(uint256 seed) public {
        for (uint256 i; i < _all.length; ++i) {
            uint256 index = (seed % _all.length + i) % _all.length;
            if (counts(index)) continue;
            (bool success,) =
                address(METRICS).call(abi.encodeCall(METRICS.present, (_all[index].uid)));
            assertFalse(success, "it counted");
            ++calls[msg.sig];
            return;
        }
    }

    /// @dev Also no time at all, so that things happen in one second.
    function pass(uint256 time) public {
        vm.warp(block.timestamp + bound(time, 0, 1 hours));
        ++calls[msg.sig];
    }

    /// @notice What must be served of a series: nothing, or a value and its time.
    function expected(uint256 series)
        external
        view
        returns (bool served, int64 value, uint64 time)
    {
        if (held[series] == 0) return (false, 0, 0);
        Ghost storage newest = _all[held[series] - 1];
        return (stands(newest), newest.value, newest.time);
    }

    function uidOf(uint256 series) external view returns (bytes32) {
        return held[series] == 0 ? bytes32(0) : _all[held[series] - 1].uid;
    }

    function nameOf(uint256 series)
        public
        pure
        returns (address evaluator, bytes32 dataset, uint64 model, bytes32 metric)
    {
        evaluator = address(uint160(0xE0 + (series & 1)));
        dataset = bytes32(series >> 1 & 1);
        model = uint64(1 + (series >> 2 & 1));
        metric = series >> 3 & 1 == 0 ? bytes32("accuracy") : bytes32("loss");
    }

    /// @dev Whether it may be presented: an evaluation that stands, newer than the one that is held.
    function counts(uint256 index) internal view returns (bool) {
        Ghost storage ghost = _all[index];
        if (!ghost.evaluation || !stands(ghost)) return false;
        uint256 newest = held[ghost.series];
        return newest == 0 || ghost.time > _all[newest - 1].time;
    }

    function stands(Ghost storage ghost) internal view returns (bool) {
        return ghost.revokedAt == 0 && (ghost.expiry == 0 || block.timestamp < ghost.expiry);
    }
}
