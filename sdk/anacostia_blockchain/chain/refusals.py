"""Why a node does not take a transaction. Each node has its own words; the causes are few."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import rlp
from eth_utils import keccak, to_checksum_address

from anacostia_blockchain.chain.abi import decode_revert
from anacostia_blockchain.chain.rpc import RpcError, to_hex
from anacostia_blockchain.errors import (
    ChainError,
    InsufficientFundsError,
    NonceConflictError,
    TransactionFailedError,
)

if TYPE_CHECKING:
    from anacostia_blockchain.chain.reading import Reader
    from anacostia_blockchain.chain.values import Call
    from anacostia_blockchain.types import Address

_KNOWN = ("already known", "alreadyknown", "already imported", "known transaction")
_NONCE = ("nonce too low", "nonce is too low", "oldnonce", "replacement")
_FUNDS = ("insufficient funds", "insufficientfunds", "enough funds", "insufficient balance")


@dataclass(frozen=True, slots=True)
class Offer:
    """What an EIP-1559 transaction says, read from its signed bytes (EIP-2718 type 2)."""

    nonce: int
    tip: int
    fee: int
    gas: int
    to: Address
    value: int
    data: bytes

    @classmethod
    def read(cls, raw: bytes) -> Offer:
        """Decode signed bytes."""
        fields = rlp.decode(raw[1:])
        nonce, tip, fee, gas, value = (int.from_bytes(fields[i], "big") for i in (1, 2, 3, 4, 6))
        return cls(nonce, tip, fee, gas, str(to_checksum_address(fields[5])), value, fields[7])

    @property
    def cost(self) -> int:
        """Wei that the account must hold."""
        return self.gas * self.fee + self.value


def of_estimate(chain: Reader, sender: Address, call: Call, error: RpcError) -> ChainError:
    """The error of a call whose gas could not be estimated."""
    if error.data:
        return decode_revert(error.data)
    if _says(error, _FUNDS):
        return _broke(chain, sender, f"more than {call.value}")
    if error.is_trouble:
        return error
    return TransactionFailedError(
        f"{call.interface}.{call.function} cannot succeed, nothing was sent: {error.reason}"
    )


def of_broadcast(chain: Reader, sender: Address, raw: bytes, error: RpcError) -> ChainError | None:
    """The error of signed bytes that were not taken; None if the network has them already."""
    if _says(error, _KNOWN):
        return None
    if _says(error, _NONCE):
        if chain.rpc("eth_getTransactionByHash", to_hex(keccak(raw))) is not None:
            return None
        return NonceConflictError(
            f"another transaction of {sender} has taken nonce {Offer.read(raw).nonce}: something "
            "else signs with the same key; stop it, or give it a key of its own, and send again"
        )
    if _says(error, _FUNDS):
        return _broke(chain, sender, str(Offer.read(raw).cost))
    if error.is_trouble:  # whether it was taken is not known
        return error
    return TransactionFailedError(f"{chain.rpc.host} refused the transaction: {error.reason}")


def _broke(chain: Reader, sender: Address, needed: str) -> ChainError:
    return InsufficientFundsError(
        f"{sender} holds {chain.balance(sender)} wei and needs {needed}: "
        f"send it some of the coin of chain {chain.chain_id}"
    )


def _says(error: RpcError, words: tuple[str, ...]) -> bool:
    return any(word in error.reason.lower() for word in words)
