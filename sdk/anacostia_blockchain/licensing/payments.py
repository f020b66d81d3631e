"""Paying a contract: the native coin along with the call, a token by permit or by approval."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from anacostia_blockchain.contracts.erc20 import ERC20
from anacostia_blockchain.errors import InsufficientFundsError
from anacostia_blockchain.licensing.terms import NATIVE
from anacostia_blockchain.licensing.values import Permit

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.types import Address

PATIENCE = 600
"""Seconds for which a purchase is meant, unless told otherwise."""


def deadline(chain: Chain) -> int:
    """By the later of the chain's clock and ours, so that neither makes a purchase too old."""
    now = int(chain.header()["timestamp"], 16)
    return max(now, int(time.time())) + PATIENCE


def prepare(chain: Chain, spender: Address, asset: Address, amount: int) -> tuple[Permit, int]:
    """What to send along so that a contract can take an amount: a permit, and wei.

    A token that takes no permit is approved in a transaction of its own, for this amount only.

    Raises:
        InsufficientFundsError: the account has less than that.
    """
    if asset == NATIVE:
        return Permit(), amount
    token = ERC20(chain, asset)
    owner = chain.address or NATIVE
    if (has := token.balance_of(owner)) < amount:
        raise InsufficientFundsError(f"{owner} has {has} of token {asset}, not {amount}")
    if token.allowance(owner, spender) >= amount:
        return Permit(), 0
    permit = token.sign_permit(spender, amount, deadline(chain))
    if permit is None:
        token.approve(spender, amount)
    return permit or Permit(), 0
