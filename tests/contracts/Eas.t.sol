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

import {BaseTest} from "./Base.t.sol";

/// @notice The Ethereum Attestation Service's own contracts, with our two schemas.
abstract contract EasTest is BaseTest {
    string internal constant EVALUATION =
        "uint64 modelId,uint32 version,bytes32 datasetRoot,bytes32 metricId,int64 value,bytes32 evidence";
    string internal constant APPROVAL = "uint64 modelId,uint32 version,bytes32 role";

    string private constant _ARTIFACTS =
        "node_modules/@ethereum-attestation-service/eas-contracts/artifacts/contracts/";

    IService internal eas;
    ISchemaRegistry internal schemas;
    bytes32 internal evaluation;
    bytes32 internal approval;

    function setUp() public virtual override {
        super.setUp();
        schemas = ISchemaRegistry(_create("SchemaRegistry", ""));
        eas = IService(_create("EAS", abi.encode(schemas)));
        evaluation = registerSchema(EVALUATION, ISchemaResolver(address(0)));
        approval = registerSchema(APPROVAL, ISchemaResolver(address(0)));
    }

    function registerSchema(string memory schema, ISchemaResolver resolver)
        internal
        returns (bytes32)
    {
        return schemas.register(schema, resolver, true);
    }

    function attestAs(
        address who,
        bytes32 schema,
        address recipient,
        uint64 expiry,
        bytes memory data
    ) internal returns (bytes32) {
        vm.prank(who);
        return eas.attest(
            AttestationRequest(schema, AttestationRequestData(recipient, expiry, true, 0, data, 0))
        );
    }

    function revokeAs(address who, bytes32 schema, bytes32 uid) internal {
        vm.prank(who);
        eas.revoke(RevocationRequest(schema, RevocationRequestData(uid, 0)));
    }

    /// @dev From the package's own build: its sources are pinned to another compiler.
    function _create(string memory name, bytes memory arguments) private returns (address made) {
        string memory artifact = string.concat(_ARTIFACTS, name, ".sol/", name, ".json");
        bytes memory code = bytes.concat(vm.getCode(artifact), arguments);
        assembly ("memory-safe") {
            made := create(0, add(code, 32), mload(code))
        }
        require(made != address(0), name);
    }
}
