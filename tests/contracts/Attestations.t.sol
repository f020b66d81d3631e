// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {
    AttestationRequest,
    AttestationRequestData,
    IEAS as IService,
    RevocationRequest,
    RevocationRequestData
} from "@ethereum-attestation-service/eas-contracts/contracts/IEAS.sol";
import {
    ISchemaRegistry
} from "@ethereum-attestation-service/eas-contracts/contracts/ISchemaRegistry.sol";
import {
    ISchemaResolver
} from "@ethereum-attestation-service/eas-contracts/contracts/resolver/ISchemaResolver.sol";

import {AttestedMetrics} from "../../contracts/AttestedMetrics.sol";
import {IEAS} from "../../contracts/interfaces/external/IEAS.sol";
import {OraclesTest} from "./Oracles.t.sol";

/// @notice The Ethereum Attestation Service's own contracts, and an evaluator.
abstract contract AttestationsTest is OraclesTest {
    string internal constant ARTIFACTS =
        "node_modules/@ethereum-attestation-service/eas-contracts/artifacts/contracts/";
    bytes32 internal constant DATASET = keccak256("dataset");

    IService internal eas;
    ISchemaRegistry internal schemas;
    AttestedMetrics internal metrics;
    address internal evaluator = makeAddr("evaluator");
    bytes32 internal evaluation;
    bytes32 internal byEvaluator;

    function setUp() public virtual override {
        super.setUp();
        schemas = ISchemaRegistry(create("SchemaRegistry", ""));
        eas = IService(create("EAS", abi.encode(schemas)));
        metrics = new AttestedMetrics(IEAS(address(eas)));
        evaluation = register(
            "uint64 modelId,uint32 version,bytes32 datasetRoot,bytes32 metricId,int64 value,bytes32 evidence"
        );
        byEvaluator = metrics.sourceOf(evaluator, DATASET);
    }

    function dataOf(int64 value) internal view returns (bytes memory) {
        return abi.encode(model, uint32(3), DATASET, ACCURACY, value, keccak256("evidence"));
    }

    function attest(int64 value) internal returns (bytes32) {
        return attest(evaluation, dataOf(value), 0);
    }

    function attest(bytes32 schema, bytes memory data, uint64 expiry) internal returns (bytes32) {
        vm.prank(evaluator);
        return eas.attest(
            AttestationRequest(schema, AttestationRequestData(address(0), expiry, true, 0, data, 0))
        );
    }

    function revoke(bytes32 uid) internal {
        bytes32 schema = evaluation;
        vm.prank(evaluator);
        eas.revoke(RevocationRequest(schema, RevocationRequestData(uid, 0)));
    }

    function register(string memory schema) internal returns (bytes32) {
        return schemas.register(schema, ISchemaResolver(address(0)), true);
    }

    /// @dev From the package's own build: its sources are pinned to another compiler.
    function create(string memory name, bytes memory arguments) internal returns (address made) {
        string memory artifact = string.concat(ARTIFACTS, name, ".sol/", name, ".json");
        bytes memory code = bytes.concat(vm.getCode(artifact), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), name);
    }
}
