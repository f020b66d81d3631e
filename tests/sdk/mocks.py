"""The Solidity tests' mocks, built once and put on a chain: tokens to pay with."""

from __future__ import annotations

import json
import os
from functools import cache

from eth_abi import encode
from eth_utils import keccak, to_checksum_address

from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.deployment import CREATE2_PROXY
from forge import build

_SOURCES = [f"tests/contracts/mocks/{name}.sol" for name in ("Feeds", "Rollups", "Tokens")]


def create(chain: Chain, file: str, name: str) -> str:
    """Create a mock that takes no arguments, another each time; returns its address."""
    code, salt = _bytecode(file, name), os.urandom(32)
    chain.send(Call(CREATE2_PROXY, salt + code, name, "constructor"))
    proxy = bytes.fromhex(CREATE2_PROXY[2:])
    return str(to_checksum_address(keccak(b"\xff" + proxy + salt + keccak(code))[12:]))


def mint(chain: Chain, token: str, to: str, amount: int) -> None:
    """Make some of a mock token."""
    data = bytes.fromhex("40c10f19") + encode(["address", "uint256"], [to, amount])
    chain.send(Call(token, data, "external/ERC20", "mint"))


@cache
def _bytecode(file: str, name: str) -> bytes:
    artifact = json.loads((build("python", _SOURCES) / f"{file}.sol" / f"{name}.json").read_text())
    return bytes.fromhex(artifact["bytecode"]["object"].removeprefix("0x"))
