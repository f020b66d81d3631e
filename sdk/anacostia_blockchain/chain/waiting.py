"""`Watcher`: what became of a transaction."""

from __future__ import annotations

import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from eth_utils import to_checksum_address

from anacostia_blockchain.chain.reading import Reader
from anacostia_blockchain.chain.rpc import Rpc, RpcError
from anacostia_blockchain.chain.values import Receipt
from anacostia_blockchain.errors import (
    ChainError,
    ContractRevertedError,
    OutOfGasError,
    ReorgError,
    TransactionFailedError,
    TransactionTimeoutError,
)

_POLL = (0.003, 0.5)
"""Seconds between two looks, at first and at most."""

_STUCK = 1.0
"""Seconds after which it is asked what a transaction waits for; then after twice as many, …"""


class Watcher(Reader):
    """A reader that waits for transactions, whoever sent them.

    Attributes:
        confirmations: blocks that must follow a transaction's own before it counts.
    """

    def __init__(self, rpc: Rpc, chain_id: int, confirmations: int) -> None:
        super().__init__(rpc, chain_id)
        self.confirmations = confirmations

    def receipt(self, tx_hash: str) -> Receipt | None:
        """The receipt of a mined transaction; None while it is not mined.

        Raises:
            ContractRevertedError: it was mined and the contract refused.
            TransactionFailedError: it was mined and failed without a reason.
        """
        found = self._mined(tx_hash)
        return None if found is None else self._checked(found)

    def wait(self, tx_hash: str, *others: str, timeout: float = 180) -> Receipt:
        """Wait until a transaction is mined and confirmed.

        Args:
            tx_hash: of the transaction.
            others: of what was to replace it: whichever is mined counts.
            timeout: seconds.

        Raises:
            TransactionTimeoutError: not in time; it may still be, and may be waited for again.
            ReorgError: it was mined, and neither the chain nor the pool holds it any more.
            ContractRevertedError, TransactionFailedError: see `receipt`.
            ChainUnavailableError: the endpoint stopped answering; wait again when it is back.
        """
        return self._checked(self._confirmed([tx_hash, *others], timeout))

    def _confirmed(self, hashes: Sequence[str], timeout: float) -> dict[str, Any]:
        """Wait for whichever of several transactions with one nonce is mined and confirmed.

        Whether it succeeded is asked no sooner: before, a reorganisation could change that too.
        """
        started, pause, stuck = time.monotonic(), _POLL[0], _STUCK
        deadline = started + timeout
        seen: dict[str, Any] | None = None
        while True:
            found = next(filter(None, map(self._mined, hashes)), None)
            if found is not None and self._depth(found) >= self.confirmations:
                return found
            if found is None and seen is not None and not self._known(seen["transactionHash"]):
                raise ReorgError(
                    f"transaction {seen['transactionHash']} was in block "
                    f"{int(seen['blockNumber'], 16)} and is gone: "
                    "the chain was reorganised; send it again"
                )
            seen = found or seen
            if time.monotonic() >= deadline:
                raise self._overdue(hashes, timeout)
            if found is None and time.monotonic() >= started + stuck:
                self._unblock(hashes)
                stuck *= 2
            time.sleep(min(pause, max(0.0, deadline - time.monotonic())))
            pause = min(pause * 1.2, _POLL[1])

    def _unblock(self, hashes: Sequence[str]) -> None:
        """Do what can be done for a transaction that waits. Who signs nothing can do nothing."""

    def _overdue(self, hashes: Sequence[str], timeout: float) -> ChainError:
        there = next(filter(self._known, reversed(hashes)), None)
        waited = f"transaction {there or hashes[-1]} is not confirmed after {timeout:.0f} s"
        if there is not None:
            return TransactionTimeoutError(f"{waited}: it may still be; wait for it again")
        return TransactionTimeoutError(
            f"{waited} and {self.rpc.host} does not know it: it was never broadcast, was dropped, "
            "or left the chain in a reorganisation; broadcast it again"
        )

    def _mined(self, tx_hash: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = self.rpc("eth_getTransactionReceipt", tx_hash)
        return found

    def _known(self, tx_hash: str) -> bool:
        return self.rpc("eth_getTransactionByHash", tx_hash) is not None

    def _depth(self, raw: dict[str, Any]) -> int:
        return self.block_number() - int(raw["blockNumber"], 16) if self.confirmations else 0

    def _checked(self, raw: dict[str, Any]) -> Receipt:
        if int(raw["status"], 16) != 1:
            raise self._failure(raw)
        created = raw.get("contractAddress")
        return Receipt(
            hash=raw["transactionHash"],
            block_number=int(raw["blockNumber"], 16),
            block_hash=raw["blockHash"],
            gas_used=int(raw["gasUsed"], 16),
            logs=tuple(raw["logs"]),
            contract_address=to_checksum_address(created) if created else None,
        )

    def _failure(self, raw: dict[str, Any]) -> ChainError:
        """Call again what was mined and failed, to learn why.

        First on the state before its block; then on that after it, for what went before it in the
        same block may be the reason.
        """
        sent = self.rpc("eth_getTransactionByHash", raw["transactionHash"])
        call = {key: sent[key] for key in ("from", "to", "value")} | {"data": sent["input"]}
        number = int(raw["blockNumber"], 16)
        used, limit = int(raw["gasUsed"], 16), int(sent["gas"], 16)
        lacks_gas = used == limit
        with suppress(RpcError):  # out of gas, or the endpoint does not hold that state
            for block in (number - 1, number):
                refused = self._simulated(call | {"gas": sent["gas"]}, block)
                if refused is None:
                    continue
                if not refused.data:
                    # A call within it may have run out, which looks like a refusal without a word.
                    refused = self._simulated(call, block)
                if refused is not None:
                    return refused
                lacks_gas = True
                break
        failed = f"transaction {raw['transactionHash']} was mined and failed"
        if lacks_gas:
            return OutOfGasError(
                f"{failed}: its {limit} gas was used up; if the limit was estimated, the chain has "
                "changed since: send it again"
            )
        return TransactionFailedError(f"{failed} without a reason; it used {used} gas of {limit}")

    def _simulated(
        self, transaction: dict[str, object], block: int
    ) -> ContractRevertedError | None:
        try:
            self._simulate(transaction, block)
        except ContractRevertedError as error:
            return error
        return None
