"""A chain that passes for a public one: its id, and what of Chainlink's and EAS's is there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import mocks
from anacostia_blockchain.chain import Chain
from anacostia_blockchain.oracles import OracleNetwork
from anacostia_blockchain.testing import LocalChain
from chainlink import Deployed

SEPOLIA, BASE_SEPOLIA = 11155111, 84532


@contextmanager
def passing_for(chain_id: int, block_time: float | None = None) -> Iterator[LocalChain]:
    """A local chain, for as long as a block lasts."""
    with LocalChain(chain_id=chain_id, block_time=block_time) as local:
        chain, known = local.chain(9), OracleNetwork.known(chain_id)
        ether, dollar = (
            mocks.create(chain, "Feeds", f"{name}Feed") for name in ("Ether", "Dollar")
        )
        put(chain, known.feeds[0].feed, ether)
        put(chain, known.feeds[1].feed, dollar)
        put(chain, known.feeds[1].asset, dollar)  # all that is asked of a token is its decimals
        put(chain, known.forwarder, Deployed(chain, "KeystoneForwarder").address)
        registry = Deployed(chain, "SchemaRegistry").address
        put(chain, known.attestations, Deployed(chain, "EAS", "address", registry).address)
        yield local


def put(chain: Chain, address: str, like: str) -> None:
    """The code of one contract at another address."""
    chain.rpc("anvil_setCode", address, "0x" + chain.code(like).hex())
