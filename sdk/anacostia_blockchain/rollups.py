"""What rollups charge besides gas: for the data that they write to the chain below them.

No copy of a chain knows it, so that the chain itself is asked what a transaction would be charged
now. Rollups of the OP stack (Base, Optimism) take it besides the gas. Arbitrum counts it as gas,
which its own estimates include and a copy's do not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import rlp

from anacostia_blockchain.chain.abi import Interface
from anacostia_blockchain.chain.values import Call

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.types import Address

GAS_PRICE_ORACLE = "0x420000000000000000000000000000000000000F"
"""There on every rollup of the OP stack, by its specification."""

ARB_SYS = "0x0000000000000000000000000000000000000064"
"""Arbitrum's own; has the code of an invalid instruction, so that it can be told apart."""

NODE_INTERFACE = "0x00000000000000000000000000000000000000C8"
"""Not on the chain: Arbitrum's nodes answer for it, and only when they are asked by a call."""


def data_fees(chain: Chain, transactions: Sequence[Mapping[str, Any]]) -> dict[str, int] | None:
    """Wei that transactions would be charged for their data now, by their hashes.

    Args:
        chain: to be asked.
        transactions: as JSON-RPC writes them, of the EIP-1559 kind.

    Returns:
        None where nothing is charged for data.

    Raises:
        ContractRevertedError, VersionMismatchError: the rollup's own contract answers otherwise
            than it did when this was written.
    """
    if chain.code(GAS_PRICE_ORACLE):
        return {tx["hash"]: _op_stack(chain, tx) for tx in transactions}
    if chain.code(ARB_SYS):
        return {tx["hash"]: _arbitrum(chain, tx) for tx in transactions}
    return None


def unsigned(transaction: Mapping[str, Any]) -> bytes:
    """The bytes of an EIP-1559 transaction before it is signed, from what JSON-RPC says of it."""
    names = ("chainId", "nonce", "maxPriorityFeePerGas", "maxFeePerGas", "gas")
    numbers = [int(transaction[name], 16) for name in names]
    to = bytes.fromhex((transaction["to"] or "0x")[2:])
    data = bytes.fromhex(transaction["input"][2:])
    accesses = [
        [bytes.fromhex(a["address"][2:]), [bytes.fromhex(k[2:]) for k in a["storageKeys"]]]
        for a in transaction.get("accessList") or ()
    ]
    return b"\x02" + bytes(
        rlp.encode([*numbers, to, int(transaction["value"], 16), data, accesses])
    )


def _op_stack(chain: Chain, transaction: Mapping[str, Any]) -> int:
    """The contract adds what a signature takes, and compresses as the rollup would."""
    return int(_ask(chain, GAS_PRICE_ORACLE, "GasPriceOracle", "getL1Fee", unsigned(transaction)))


def _arbitrum(chain: Chain, transaction: Mapping[str, Any]) -> int:
    data = bytes.fromhex(transaction["input"][2:])
    call = (transaction["to"], False, data)
    gas, base_fee, _below = _ask(
        chain, NODE_INTERFACE, "NodeInterface", "gasEstimateL1Component", *call
    )
    return int(gas) * int(base_fee)


def _ask(chain: Chain, address: Address, interface: str, function: str, *arguments: object) -> Any:  # noqa: ANN401 - as the ABI says
    name = f"external/{interface}"
    data = Interface.of(name).encode(function, *arguments)
    return chain.call(Call(address, data, name, function))
