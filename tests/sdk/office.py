"""An outbox of payments, and who carries it out: the chain itself says how often one was sent."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

from sqlalchemy import create_engine

from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.outbox.outbox import Intent, Outbox
from anacostia_blockchain.outbox.publishing import CallHandler, call_intent
from anacostia_blockchain.outbox.sender import Sender
from anacostia_blockchain.testing import LocalChain, dev_signer
from waiting import wait_for

REFUSER = "0x" + "ee" * 20
"""Holds code that refuses whatever comes."""

ACCOUNT = 1


HASHES = "0x6000546000205000"
"""Code that hashes as many bytes as its first word of storage says."""


def refuse(local: LocalChain) -> None:
    local.chain().rpc("anvil_setCode", REFUSER, "0x60006000fd")


class Office:
    """An account's outbox and who carries it out, opened from what is on the disk.

    Args:
        local: the chain.
        home: folder of the database and of the nonces' leases.
        timeout: seconds to wait for a transaction before more is offered for it.
        on_step: see `Sender`.
    """

    def __init__(
        self,
        local: LocalChain,
        home: Path,
        timeout: float = 5,
        on_step: Callable[[str, Intent], None] | None = None,
    ) -> None:
        self.chain = Chain.connect(local.rpc_url, signer=dev_signer(ACCOUNT), state_dir=home)
        self.outbox = Outbox(create_engine(f"sqlite:///{home}/outbox.db"))
        handler = CallHandler(SimpleNamespace(chain=self.chain))
        self.sender = Sender(self.outbox, self.chain, [handler], timeout=timeout, on_step=on_step)

    def intend(self, key: str, to: str, **options: object) -> None:
        intent = call_intent(key, Call(to, b"", "", "", value=1))
        with self.outbox.engine.begin() as connection:
            self.outbox.enqueue(
                connection, key=key, kind=intent.kind, payload=intent.payload, **options
            )

    def finish(self) -> None:
        """Carry out what is there, in as many rounds as it takes."""

        def is_done() -> bool:
            self.sender.step()
            return not self.outbox.open()

        wait_for(is_done, instead=lambda: f"still open: {self.outbox.open()}")

    def balances(self, addresses: list[str]) -> dict[str, int]:
        """Wei that addresses hold."""
        asked = [("eth_getBalance", [address, "latest"]) for address in addresses]
        answers = self.chain.rpc.batch(asked)
        return {a: int(answer, 16) for a, answer in zip(addresses, answers, strict=True)}

    def nothing_waits(self) -> None:
        """The pool gets empty: what waits there behind a gap would wait for ever.

        What nobody waited for, such as what filled a gap, may still be on its way into a block.
        """
        empty = {"pending": "0x0", "queued": "0x0"}
        wait_for(lambda: self.chain.rpc("txpool_status") == empty)

    def close(self) -> None:
        self.outbox.engine.dispose()


def dear(local: LocalChain) -> str:
    """A contract that takes whatever comes, and costs what `cost` says."""
    address = somebody()
    local.chain().rpc("anvil_setCode", address, HASHES)
    return address


def cost(chain: Chain, address: str, rise: int) -> None:
    """At the first rise and each further one, more than was estimated before it."""
    chain.rpc("anvil_setStorageAt", address, hex(0), f"0x{2 ** (16 + rise):064x}")


def somebody() -> str:
    return "0x" + os.urandom(20).hex()
