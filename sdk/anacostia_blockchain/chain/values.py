"""What goes to the chain and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anacostia_blockchain.types import Address


@dataclass(frozen=True, slots=True)
class Call:
    """A function of a contract with its arguments, encoded.

    Attributes:
        interface: name of the contract's ABI, to decode the answer.
        function: the function's name.
        value: wei to send along.
        gas: limit; None: estimated.
    """

    to: Address
    data: bytes
    interface: str
    function: str
    value: int = 0
    gas: int | None = None


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """Signed bytes, with the nonce that is leased for them."""

    raw: bytes
    hash: str
    nonce: int
    sender: Address


@dataclass(frozen=True, slots=True)
class Log:
    """An event that a contract emitted.

    Attributes:
        values: by the names of the event's parameters.
    """

    address: Address
    event: str
    values: dict[str, Any]
    block_number: int
    tx_hash: str
    log_index: int


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined transaction that succeeded.

    Attributes:
        logs: as the endpoint gives them: `address`, `topics`, `data`.
    """

    hash: str
    block_number: int
    block_hash: str
    gas_used: int
    logs: tuple[dict[str, Any], ...]
    contract_address: Address | None = None
