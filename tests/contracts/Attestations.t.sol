// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    ISchemaResolver
} from "@ethereum-attestation-service/eas-contracts/contracts/resolver/ISchemaResolver.sol";

import {AttestedMetrics} from "../../contracts/AttestedMetrics.sol";
import {IEAS} from "../../contracts/interfaces/external/eas/IEAS.sol";
import {EasTest} from "./Eas.t.sol";
import {OraclesTest} from "./Oracles.t.sol";

/// @notice Metrics by attestation, and an evaluator.
abstract contract AttestationsTest is OraclesTest, EasTest {
    bytes32 internal constant DATASET = keccak256("dataset");

    AttestedMetrics internal metrics;
    address internal evaluator = makeAddr("evaluator");
    bytes32 internal byEvaluator;

    function setUp() public virtual override(OraclesTest, EasTest) {
        super.setUp();
        metrics = new AttestedMetrics(IEAS(address(eas)), address(registry));
        byEvaluator = metrics.sourceOf(evaluator, DATASET);
    }

    function dataOf(int64 value) internal view returns (bytes memory) {
        return abi.encode(model, uint32(3), DATASET, ACCURACY, value, keccak256("evidence"));
    }

    function attest(int64 value) internal returns (bytes32) {
        return attest(evaluation, dataOf(value), 0);
    }

    function attest(bytes32 schema, bytes memory data, uint64 expiry) internal returns (bytes32) {
        return attestAs(evaluator, schema, address(registry), expiry, data);
    }

    function revoke(bytes32 uid) internal {
        revokeAs(evaluator, evaluation, uid);
    }

    function register(string memory schema) internal returns (bytes32) {
        return registerSchema(schema, ISchemaResolver(address(0)));
    }
}
