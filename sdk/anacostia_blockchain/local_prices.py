"""Chainlink and the Ethereum Attestation Service on a local chain, to try prices on.

Chainlink's own contracts are from a checkout's npm package, and no part of this one. The feed is
Chainlink's mock, which says what anybody tells it; the forwarder has no nodes, so that metrics come
by attestation alone. Addresses are those that CREATE2 gives: installing twice changes nothing.
"""

from __future__ import annotations

import json
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from eth_abi import encode
from eth_utils import keccak

from anacostia_blockchain.chain.values import Call
from anacostia_blockchain.deployment import CREATE2_PROXY, SALT, Deployment, create2_address
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.oracles import NATIVE, Feed, OracleNetwork, deploy_oracles
from anacostia_blockchain.promotion.service import install_service, local_service, register_schemas

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.types import Address

ETH_USD = Decimal(3000)
"""What a coin is said to be worth, in dollars, until somebody says something else."""

_DECIMALS = 8
_YEAR = 365 * 24 * 3600  # nobody keeps a mock up to date


def install(chain: Chain, deployment: Deployment, eth_usd: Decimal | None = None) -> Deployment:
    """Add the contracts of prices to a local chain's deployment, and what they rely on.

    Args:
        chain: with a signer.
        deployment: of the core contracts.
        eth_usd: what a coin is worth, in dollars; None: what was said before, else `ETH_USD`.

    Raises:
        ConfigError: this is no checkout, or it was not set up.
    """
    fresh = not chain.code(_feed())
    for code in (_feed_code(), _artifact("KeystoneForwarder")):
        if not chain.code(create2_address(code)):
            chain.send(Call(CREATE2_PROXY, SALT + code, "CREATE2 proxy", "create"))
    register_schemas(chain, install_service(chain))
    if fresh or eth_usd is not None:
        answer = int((eth_usd or ETH_USD).scaleb(_DECIMALS))
        _send(chain, _feed(), "updateAnswer(int256)", (answer,))
    return deploy_oracles(chain, deployment, network())


def network() -> OracleNetwork:
    """What a local chain has of Chainlink's.

    Raises:
        ConfigError: this is no checkout, or it was not set up.
    """
    feed = Feed(
        symbol="ETH",
        asset=NATIVE,
        feed=_feed(),
        description="v0.8/tests/MockV3Aggregator.sol",
        decimals=_DECIMALS,
        max_age=_YEAR,
        at_par=False,
        min_answer=Decimal(1),
        max_answer=Decimal(1_000_000),
    )
    forwarder = create2_address(_artifact("KeystoneForwarder"))
    return OracleNetwork("local", forwarder, None, (feed,), local_service())


def _send(chain: Chain, to: Address, function: str, values: tuple[object, ...]) -> None:
    types = function[function.index("(") + 1 : -1].split(",")
    data = keccak(text=function)[:4] + encode(types, values)
    chain.send(Call(to, data, "a contract of others", function))


def _feed() -> Address:
    return create2_address(_feed_code())


def _feed_code() -> bytes:
    return _artifact("MockV3Aggregator") + encode(
        ["uint8", "int256"], [_DECIMALS, int(ETH_USD.scaleb(_DECIMALS))]
    )


@cache
def _artifact(name: str) -> bytes:
    """The init code of a contract as the checkout has built it."""
    for root in Path(__file__).resolve().parents:
        path = root / "out" / "ship" / f"{name}.sol" / f"{name}.json"
        if path.is_file():
            text: str = json.loads(path.read_text())["bytecode"]["object"]
            return bytes.fromhex(text.removeprefix("0x"))
    raise ConfigError(
        f"prices on a local chain rely on other projects' contracts, here {name}, which this "
        "package does not hold: run this in a checkout after scripts/setup, or use a network "
        "where Chainlink is, such as base-sepolia"
    )
