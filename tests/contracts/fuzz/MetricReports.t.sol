// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Test} from "forge-std/Test.sol";

import {MetricReports} from "../../../contracts/libraries/MetricReports.sol";
import {METRIC_REPORT_SCHEMA, MetricReport} from "../../../contracts/types/Metric.sol";

contract MetricReportsHarness {
    function decode(bytes calldata payload) external pure returns (MetricReport memory) {
        return MetricReports.decode(payload);
    }

    /// @dev The compiler's own decoder, which reverts without a reason.
    function plain(bytes calldata payload) external pure returns (MetricReport memory) {
        return abi.decode(payload, (MetricReport));
    }
}

/// @notice Payloads, and what is none, against the compiler's decoder.
contract MetricReportsFuzzTest is Test {
    MetricReportsHarness internal subject = new MetricReportsHarness();

    function testFuzz_decode_comesBack(MetricReport memory report) public view {
        report.schema = METRIC_REPORT_SCHEMA;
        assertEq(abi.encode(subject.decode(abi.encode(report))), abi.encode(report));
    }

    function testFuzz_decode_refusesOtherLengths(bytes memory payload) public {
        vm.assume(payload.length != MetricReports.LENGTH);
        vm.expectRevert(
            abi.encodeWithSelector(MetricReports.MetricReports_WrongLength.selector, payload.length)
        );
        subject.decode(payload);
    }

    function testFuzz_decode_refusesOtherSchemas(MetricReport memory report, uint256 schema)
        public
    {
        vm.assume(schema != METRIC_REPORT_SCHEMA);
        bytes memory payload = abi.encode(report);
        set(payload, 0, schema);
        vm.expectRevert(
            abi.encodeWithSelector(MetricReports.MetricReports_UnknownSchema.selector, schema)
        );
        subject.decode(payload);
    }

    /// @dev Whatever the compiler would refuse is refused by the name of its place, and nothing else.
    function testFuzz_decode_refusesWordsThatDoNotFit(
        MetricReport memory report,
        uint8 place,
        uint256 word,
        uint8 shift
    ) public {
        report.schema = METRIC_REPORT_SCHEMA;
        place = uint8(bound(place, 1, 9));
        bytes memory payload = abi.encode(report);
        set(payload, place, word >> shift);
        try subject.plain(payload) returns (MetricReport memory expected) {
            assertEq(abi.encode(subject.decode(payload)), abi.encode(expected), "the same");
        } catch {
            vm.expectRevert(
                abi.encodeWithSelector(MetricReports.MetricReports_OutOfRange.selector, place)
            );
            subject.decode(payload);
        }
    }

    /// @dev Just beyond each field's range.
    function test_decode_refusesTheFirstThatDoesNotFit() public {
        uint8[6] memory places = [2, 4, 5, 7, 7, 8];
        uint256[6] memory words = [
            uint256(1) << 160,
            1 << 64,
            1 << 32,
            1 << 63,
            type(uint256).max - (1 << 63), // one below the least int64
            1 << 64
        ];
        MetricReport memory report;
        report.schema = METRIC_REPORT_SCHEMA;
        for (uint256 i; i < places.length; ++i) {
            bytes memory payload = abi.encode(report);
            set(payload, places[i], words[i]);
            vm.expectRevert(
                abi.encodeWithSelector(MetricReports.MetricReports_OutOfRange.selector, places[i])
            );
            subject.decode(payload);
        }
    }

    function set(bytes memory payload, uint256 place, uint256 word) internal pure {
        for (uint256 i; i < 32; ++i) {
            payload[32 * place + i] = bytes32(word)[i];
        }
    }
}
