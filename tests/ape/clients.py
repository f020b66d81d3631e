"""The SDK on a fork, as whoever one likes."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import ape
from ape.api import AccountAPI
from scripts._ape import ApeChain

from anacostia_blockchain.client import Anacostia

Client = Callable[..., Anacostia]
"""Connects as test account 0, or as whoever is named."""


def chain_of(who: int | str, home: Path) -> ApeChain:
    return ApeChain.of(ape.networks.provider, account(who), home)


def account(who: int | str) -> AccountAPI:
    """A test account, or anybody at all: on a fork Ape impersonates them, and they are rich."""
    if isinstance(who, int):
        return ape.accounts.test_accounts[who]
    ape.networks.provider.set_balance(who, 10**20)
    return ape.accounts.test_accounts.impersonate_account(who)
