"""Networks by name, and what the environment says about them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from anacostia_blockchain.errors import ConfigError

LOCAL_CHAIN_ID = 31337


@dataclass(frozen=True, slots=True)
class Network:
    """A chain that can be named.

    Attributes:
        chain_id: None: whichever the endpoint serves.
        confirmations: blocks that must follow a transaction's own before it counts.
    """

    name: str
    rpc_url: str
    chain_id: int | None
    confirmations: int = 0


_KNOWN = {
    "ethereum": (1, 12),
    "sepolia": (11155111, 3),
    "base": (8453, 5),
    "base-sepolia": (84532, 2),
    "optimism": (10, 5),
    "optimism-sepolia": (11155420, 2),
    "arbitrum": (42161, 5),
    "arbitrum-sepolia": (421614, 2),
    "polygon": (137, 32),
    "polygon-amoy": (80002, 5),
    "story": (1514, 5),
    "story-aeneid": (1315, 2),
}
"""Chain id and confirmations of the networks that have a name."""


def resolve_network(target: str, home: Path) -> Network:
    """Find out what a name or URL stands for; the local chain is brought up if it is down.

    Args:
        target: "local", a network's name, or an RPC URL.
        home: folder of the local chain.

    Raises:
        ConfigError: the name is not known, its URL is not set, or there is no local chain here.
    """
    if target.startswith(("http://", "https://")):
        return Network(target, target, None)
    if target == "local":
        from anacostia_blockchain import local  # noqa: PLC0415 - starts processes; rarely needed

        if not local.exists(home):
            raise ConfigError(f"no local chain in {home}: start one with `anacostia up`")
        return Network(target, local.up(home).rpc_url, LOCAL_CHAIN_ID)
    if target not in _KNOWN:
        names = ", ".join(["local", *_KNOWN])
        raise ConfigError(f"{target!r} is no network: use {names}, or an RPC URL")
    variable = rpc_variable(target)
    url = os.environ.get(variable)
    if not url:
        raise ConfigError(f"set {variable} to the RPC URL of {target}")
    chain_id, confirmations = _KNOWN[target]
    return Network(target, url, chain_id, confirmations)


def confirmations_of(chain_id: int) -> int:
    """Blocks that must follow a transaction's own before it counts; 0 on chains without a name."""
    return next((blocks for known, blocks in _KNOWN.values() if known == chain_id), 0)


def has_name(chain_id: int) -> bool:
    """Whether a chain is one of the networks that have a name; local and private ones are not."""
    return any(known == chain_id for known, _ in _KNOWN.values())


def rpc_variable(network: str) -> str:
    """The environment variable that holds a network's RPC URL, e.g. `BASE_SEPOLIA_RPC_URL`."""
    return network.upper().replace("-", "_") + "_RPC_URL"
