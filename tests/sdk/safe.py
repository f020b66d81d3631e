"""A Safe, from its own build: a contract account that one of its owners has send something."""

from __future__ import annotations

import json
from typing import Any

from eth_abi import encode
from eth_utils import keccak, to_checksum_address

from anacostia_blockchain.chain import Chain
from op_stack import ARTIFACTS

NOBODY = "0x" + "00" * 20
COMPILED = "0.8.15"


class Safe:
    """An account of one owner, who needs to sign nothing but the transaction that they send."""

    def __init__(self, chain: Chain, owner: str) -> None:
        self.chain, self.owner = chain, owner
        singleton = self._created(_bytecode("GnosisSafe"))
        self.address = self._created(
            _bytecode("GnosisSafeProxy") + encode(["address"], [singleton])
        )
        types = "address[],uint256,address,bytes,address,address,uint256,address"
        self._send(
            self.address,
            _call("setup", types, [owner], 1, NOBODY, b"", NOBODY, NOBODY, 0, NOBODY),
        )

    def execute(self, to: str, data: bytes, *, gas: int = 0) -> dict[str, Any]:
        """Have it call a contract; with a limit of gas, it goes on where the call fails."""
        types = "address,uint256,bytes,uint8,uint256,uint256,uint256,address,address,bytes"
        approved = bytes(12) + bytes.fromhex(self.owner[2:]) + bytes(32) + b"\x01"
        values = (to, 0, data, 0, gas, 0, 0, NOBODY, NOBODY, approved)
        return self._send(self.address, _call("execTransaction", types, *values))

    def _created(self, code: bytes) -> str:
        return str(to_checksum_address(self._send(None, code)["contractAddress"]))

    def _send(self, to: str | None, data: bytes) -> dict[str, Any]:
        tx = {"from": self.owner, "data": "0x" + data.hex(), "gas": hex(15_000_000)}
        sent = self.chain.rpc("eth_sendTransaction", tx if to is None else tx | {"to": to})
        assert self.chain.wait(sent).hash == sent
        return dict(self.chain.rpc("eth_getTransactionReceipt", sent))


def _call(function: str, types: str, *values: object) -> bytes:
    return bytes(keccak(text=f"{function}({types})")[:4]) + encode(types.split(","), values)


def _bytecode(name: str) -> bytes:
    path = ARTIFACTS / f"{name}.sol" / f"{name}.{COMPILED}.json"
    return bytes.fromhex(json.loads(path.read_text())["bytecode"]["object"][2:])
