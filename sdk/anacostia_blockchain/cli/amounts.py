"""Amounts of money as people write them: `0.01`, in the coin's or the token's own unit."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation, localcontext
from typing import TYPE_CHECKING

import click

from anacostia_blockchain.licensing.terms import NATIVE

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.licensing.values import Price
    from anacostia_blockchain.types import Address

_COIN_DECIMALS = 18


def parse(hub: Anacostia, text: str, asset: Address = NATIVE) -> int:
    """An amount in the asset's smallest unit; `click.BadParameter` for what is none."""
    decimals, name = _unit(hub, asset)
    with localcontext() as context:
        context.prec = 100  # exact: no amount has that many digits
        try:
            units = Decimal(text).scaleb(decimals)
            exact = units.is_finite() and units >= 0 and units == units.to_integral_value()
        except InvalidOperation:
            exact = False
        if not exact:
            raise click.BadParameter(
                f"{text!r} is no amount of {name}, which has {decimals} decimals"
            )
        return int(units)


def show(hub: Anacostia, amount: int, asset: Address = NATIVE) -> str:
    """An amount for a person to read."""
    decimals, name = _unit(hub, asset)
    with localcontext() as context:
        context.prec = 100
        return f"{Decimal(amount).scaleb(-decimals).normalize():f} {name}"


def show_price(hub: Anacostia, price: Price) -> str:
    """A price for a person to read."""
    if price.is_free:
        return "free"
    if price.pricing is not None:
        return f"by {price.pricing}"
    return show(hub, price.amount, price.asset)


def quoted(hub: Anacostia, pricing: str) -> Price:
    """A price that a contract is asked for: its address, or `usd` for this deployment's."""
    from anacostia_blockchain.licensing.values import Price  # noqa: PLC0415 - cycle

    return Price.quoted(hub.prices.address if pricing == "usd" else pricing)


def _unit(hub: Anacostia, asset: Address) -> tuple[int, str]:
    if asset == NATIVE:
        return _COIN_DECIMALS, "coins"
    from anacostia_blockchain.contracts.erc20 import ERC20  # noqa: PLC0415 - loads eth_abi

    token = ERC20(hub.chain, asset)
    return token.decimals(), token.symbol()
