// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {Claim} from "../types/Promotion.sol";

/// @title Attestations
/// @notice The two schemas of attestations about versions, and what attestations under them say.
/// @dev The service takes any data for any schema, so each word is checked for its type.
library Attestations {
    /// @notice Schema of an evaluation: a metric of a version over a dataset.
    /// @dev As the service's registry computes it: the schema, no resolver, revocable.
    bytes32 internal constant EVALUATION = keccak256(
        abi.encodePacked(
            "uint64 modelId,uint32 version,bytes32 datasetRoot,bytes32 metricId,int64 value,",
            "bytes32 evidence",
            address(0),
            true
        )
    );

    /// @notice Schema of an approval: somebody's consent to a version, in a role.
    bytes32 internal constant APPROVAL =
        keccak256(abi.encodePacked("uint64 modelId,uint32 version,bytes32 role", address(0), true));

    uint256 private constant _EVALUATION_LENGTH = 192; // six words

    uint256 private constant _APPROVAL_LENGTH = 96; // three words

    /// @notice What an evaluation says; not `ok` if its data is none.
    function decodeEvaluation(bytes memory data)
        internal
        pure
        returns (bool ok, Claim memory claim)
    {
        if (data.length != _EVALUATION_LENGTH) {
            return (false, claim);
        }
        (uint256 modelId, uint256 version, bytes32 datasetRoot, bytes32 metricId, int256 value) =
            abi.decode(data, (uint256, uint256, bytes32, bytes32, int256));
        // forge-lint: disable-next-line(unsafe-typecast) what is cut off is looked at
        claim = Claim(uint64(modelId), uint32(version), datasetRoot, metricId, int64(value));
        ok = modelId == claim.modelId && version == claim.version && value == claim.value;
    }

    /// @notice What an approval says; not `ok` if its data is none.
    function decodeApproval(bytes memory data) internal pure returns (bool ok, Claim memory claim) {
        if (data.length != _APPROVAL_LENGTH) return (false, claim);
        (uint256 modelId, uint256 version, bytes32 role) =
            abi.decode(data, (uint256, uint256, bytes32));
        // forge-lint: disable-next-line(unsafe-typecast) what is cut off is looked at
        claim = Claim(uint64(modelId), uint32(version), 0, role, 0);
        ok = modelId == claim.modelId && version == claim.version;
    }
}
