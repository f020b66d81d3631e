// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;

import {KeystoneForwarder} from "@chainlink/contracts/src/v0.8/keystone/KeystoneForwarder.sol";
import {Vm} from "forge-std/Vm.sol";

import {MetricReport} from "../../../contracts/types/Metric.sol";

/// @notice A report before it is signed: what its header says, and its payload.
struct Draft {
    bytes32 executionId;
    bytes32 workflowId;
    bytes10 workflowName;
    address workflowOwner;
    uint32 configVersion;
    bytes payload;
}

/// @notice A report as nodes hand it to the forwarder.
struct Signed {
    bytes raw;
    bytes context;
    bytes[] signatures;
}

/// @notice Four nodes of which one may be faulty, and real keys. Signs what it is told to.
contract Don {
    uint8 internal constant F = 1;
    uint32 internal constant DON_ID = 1;
    uint32 internal constant CONFIG_VERSION = 1;

    Vm private constant _VM = Vm(address(uint160(uint256(keccak256("hevm cheat code")))));

    uint256[4] internal keys;
    uint256 private _executions;

    constructor() {
        for (uint256 i; i < keys.length; ++i) {
            keys[i] = uint256(keccak256(abi.encode("node", i)));
        }
    }

    function configure(KeystoneForwarder forwarder) external {
        address[] memory signers = new address[](keys.length);
        for (uint256 i; i < keys.length; ++i) {
            signers[i] = _VM.addr(keys[i]);
        }
        forwarder.setConfig(DON_ID, CONFIG_VERSION, F, signers);
    }

    function draft(
        bytes32 workflowId,
        bytes10 workflowName,
        address workflowOwner,
        MetricReport memory report
    ) external returns (Draft memory) {
        return Draft(
            keccak256(abi.encode("execution", ++_executions)),
            workflowId,
            workflowName,
            workflowOwner,
            CONFIG_VERSION,
            abi.encode(report)
        );
    }

    /// @dev Signed by the first two nodes, which is as many as the forwarder wants.
    function sign(Draft memory report) external view returns (Signed memory signed) {
        signed.raw = bytes.concat(
            abi.encodePacked(uint8(1), report.executionId, uint32(block.timestamp), DON_ID),
            abi.encodePacked(report.configVersion, report.workflowId, report.workflowName),
            abi.encodePacked(report.workflowOwner, hex"0001"),
            report.payload
        );
        signed.context = abi.encodePacked(bytes32(hex"000e"), bytes32(uint256(256)), bytes32(0));
        signed.signatures = new bytes[](2);
        for (uint256 i; i < 2; ++i) {
            signed.signatures[i] = signature(i, digest(signed.raw, signed.context));
        }
    }

    function digest(bytes memory raw, bytes memory context) public pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(raw), context));
    }

    /// @dev The forwarder takes 0 and 1 for the recovery id, and nothing else.
    function signature(uint256 node, bytes32 hash) public view returns (bytes memory) {
        return signatureWith(keys[node], hash);
    }

    function signatureWith(uint256 key, bytes32 hash) public pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = _VM.sign(key, hash);
        return abi.encodePacked(r, s, v - 27);
    }
}
