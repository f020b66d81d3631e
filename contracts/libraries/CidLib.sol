// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.30;
import {Cid} from "../types/Model.sol";

library CidLib {
    function toString(Cid memory cid) internal pure returns (string memory) {
        bytes memory raw = abi.encodePacked(bytes1(0x01), cid.codec, bytes2(0x1220), cid.digest);
        bytes memory out = new bytes(59);
        out[0] = "b";
        bytes memory abc = "abcdefghijklmnopqrstuvwxyz234567";
        uint256 acc;
        uint256 bits;
        uint256 n = 1;
        for (uint256 i; i < 36; ++i) {
            acc = (acc << 8) | uint8(raw[i]);
            bits += 8;
            while (bits >= 5) {
                bits -= 5;
                out[n++] = abc[(acc >> bits) & 31];
            }
        }
        out[n] = abc[(acc << (5 - bits)) & 31];
        return string(out);
    }
}
