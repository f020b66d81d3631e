"""The OP stack's own contracts on a local chain, from its package: they charge for data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from eth_utils import keccak

from anacostia_blockchain.chain import Chain
from anacostia_blockchain.rollups import GAS_PRICE_ORACLE

ARTIFACTS = (
    Path(__file__).resolve().parents[2]
    / "node_modules/@eth-optimism/contracts-bedrock/forge-artifacts"
)
L1_BLOCK = "0x4200000000000000000000000000000000000015"
DEPOSITOR = "0xDeaDDEaDDeAdDeAdDEAdDEaddeAddEAdDEAd0001"
BASE_FEE, BLOB_FEE = 12 * 10**9, 3 * 10**9
BASE_SCALAR, BLOB_SCALAR = 2269, 1055762
"""Of the chain below, in wei for a gas; and what Base multiplies them by, in millionths."""


def install(chain: Chain) -> None:
    """Put them where they are on each of its chains, after the upgrade Ecotone."""
    for address, name in ((GAS_PRICE_ORACLE, "GasPriceOracle"), (L1_BLOCK, "L1Block")):
        code = artifact(name)["deployedBytecode"]["object"]
        chain.rpc("anvil_setCode", address, code)
    chain.rpc("anvil_setBalance", DEPOSITOR, hex(10**18))
    chain.rpc("anvil_impersonateAccount", DEPOSITOR)
    block = BASE_SCALAR.to_bytes(4, "big") + BLOB_SCALAR.to_bytes(4, "big") + bytes(24)
    block += b"".join(n.to_bytes(32, "big") for n in (BASE_FEE, BLOB_FEE, 0, 0))
    deposit(chain, L1_BLOCK, "setL1BlockValuesEcotone()", block)
    deposit(chain, GAS_PRICE_ORACLE, "setEcotone()")


def artifact(name: str) -> dict[str, Any]:
    """A contract as its package has it."""
    return dict(json.loads((ARTIFACTS / f"{name}.sol" / f"{name}.json").read_text()))


def deposit(chain: Chain, to: str, function: str, arguments: bytes = b"") -> None:
    """Call a contract as the chain itself does."""
    data = "0x" + (keccak(text=function)[:4] + arguments).hex()
    chain.wait(chain.rpc("eth_sendTransaction", {"from": DEPOSITOR, "to": to, "data": data}))


def ecotone(data: bytes) -> int:
    """The fee by the specification, for a transaction's unsigned bytes.

    A zero byte counts for 4 gas, another for 16, and a signature for 68 of those. The price of one
    is the weighted sum of the fees below, in sixteen millionths.
    """
    gas = sum(16 if byte else 4 for byte in data) + 68 * 16
    return gas * (16 * BASE_SCALAR * BASE_FEE + BLOB_SCALAR * BLOB_FEE) // (16 * 10**6)
