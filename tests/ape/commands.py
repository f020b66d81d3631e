"""Ape's commands as tests run them, and the account that signs there."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from click.testing import Result
from eth_account import Account

from anacostia_blockchain.testing import LocalChain
from faults import Answer, Body, Fault

KEY = "0x" + "5e" * 32
ADDRESS = Account.from_key(KEY).address
PASSPHRASE = "correct horse"  # noqa: S105 - of a key that holds nothing
APE = str(Path(sys.executable).with_name("ape"))
Run = Callable[..., Result]


def refusal(result: Result) -> str:
    """The one line of a command that was refused."""
    assert result.exit_code == 1, result.output
    message = str(result.exception) if result.exception else ""
    lines = [line for line in result.output.splitlines() if line.startswith("ERROR")]
    assert len(lines) == 1, (result.output, message)
    return lines[0]


def balance(local: LocalChain, wei: int) -> None:
    local.chain().rpc("anvil_setBalance", ADDRESS, hex(wei))


def dying(*methods: str, times: int = 1) -> Fault:
    """Once all methods were asked for in turn, the last n times, nothing is answered any more.

    Without any, nothing ever is.
    """
    left = [*methods[:-1], *methods[-1:] * times]

    def fault(body: Body) -> Answer | str | None:
        many = body if isinstance(body, list) else [body]
        for request in many:
            if left and request["method"] == left[0]:
                left.pop(0)
        return None if left else "drop"

    return fault
