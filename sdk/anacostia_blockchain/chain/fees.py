"""What a transaction offers for its gas (EIP-1559), in wei."""

from __future__ import annotations

import time
from dataclasses import dataclass

from anacostia_blockchain.chain.rpc import Rpc, RpcError

_FRESH = 2.0
"""Seconds for which an offer is used again: blocks are rarer."""

_MOST = 10
"""Times what a new transaction would offer that is offered at most, for what is not mined."""

_USUAL_TIP = 10**9
"""Where the endpoint suggests none."""


@dataclass(frozen=True, slots=True)
class Fees:
    """An offer.

    Attributes:
        limit: the most to pay for one gas.
        tip: the part of it that goes to whoever makes the block.
    """

    limit: int
    tip: int

    def raised(self, market: Fees) -> Fees | None:
        """An offer that replaces this one: nodes ask for 10 % more, some for 12.5 %.

        None where that were more than ten times what a new one would offer: the price is not what
        it waits for, and a chain that stood still would take all that was offered meanwhile.
        """
        raised = Fees(
            max(self.limit * 5 // 4 + 1, market.limit), max(self.tip * 5 // 4 + 1, market.tip)
        )
        return raised if raised.limit <= _MOST * market.limit else None


class Market:
    """What is paid at present, asked of an endpoint and kept for a moment."""

    def __init__(self, rpc: Rpc) -> None:
        self._rpc = rpc
        self._fees = Fees(0, 0)
        self._until = 0.0

    def fees(self, *, fresh: bool = False) -> Fees:
        """An offer that holds while six full blocks in a row double the base fee.

        Raises:
            RpcError: the endpoint gives no block.
        """
        now = time.monotonic()
        if fresh or self._until < now:
            block, tip = self._rpc.batch(
                [("eth_getBlockByNumber", ["latest", False]), ("eth_maxPriorityFeePerGas", [])]
            )
            if isinstance(block, RpcError):
                raise block
            base = int(block.get("baseFeePerGas", "0x0"), 16)
            offered = _USUAL_TIP if isinstance(tip, RpcError) else int(tip, 16)
            self._fees, self._until = Fees(2 * base + offered, offered), now + _FRESH
        return self._fees
