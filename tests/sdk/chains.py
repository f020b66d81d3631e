"""Connections of child processes, what they leave on the chain, and a chain that takes it back."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

from anacostia_blockchain.chain import Chain
from anacostia_blockchain.client import Anacostia

KILLED = 9


def reconnected(hub: Anacostia) -> Anacostia:
    """The same connection, of another process: nothing that was opened is shared."""
    rpc = hub.chain.rpc
    chain = type(hub.chain)(
        type(rpc)(rpc._provider.endpoint_uri),
        hub.chain.chain_id,
        signer=hub.chain.signer,
        confirmations=hub.chain.confirmations,
        state_dir=hub.home,
    )
    return Anacostia(chain, hub.deployment, home=hub.home)


def in_child(work: Callable[[], object], timeout: float = 300) -> int | None:
    """Do something in a child process; returns its exit code."""
    process = start_child(work)
    process.join(timeout)
    if process.exitcode is None:
        process.kill()
        process.join()
        return None
    return process.exitcode


def start_child(work: Callable[[], object]) -> multiprocessing.Process:
    """Begin something in a child process, which leaves without any cleaning up."""

    def child() -> None:
        code = 1
        try:
            work()
            code = 0
        finally:
            os._exit(code)

    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    return process


def die_at(step: str, kind: str) -> Callable[[str, object], None]:
    """Leave at a step as if by SIGKILL."""

    def on_step(reached: str, intent: object) -> None:
        subject = getattr(intent, "kind", None) or str(intent).partition(":")[0]
        if (reached, subject) == (step, kind):
            os._exit(KILLED)

    return on_step


@contextmanager
def reorganised_once_mined(chain: Chain) -> Iterator[None]:
    """The chain goes back to where it is now as soon as this connection has seen one mined."""
    before, mined = chain.rpc("evm_snapshot"), chain._mined

    def seen(tx_hash: str) -> dict[str, Any] | None:
        found = mined(tx_hash)
        if found is not None:
            assert chain.rpc("evm_revert", before)
        return found

    with mock.patch.object(chain, "_mined", seen):
        yield


def anchored_sizes(hub: Anacostia, log_id: bytes) -> list[int]:
    """Sizes of all heads of a log that were ever anchored, in order."""
    ledger = hub.ledger
    logs = hub.chain.logs(ledger.address, "RunLedger", "Anchored", topics=[log_id])
    return [log.values["size"] for log in logs]
