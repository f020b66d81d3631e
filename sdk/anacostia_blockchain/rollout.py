"""Rolling the contracts out on a public chain: recorded, and resumed where it broke off.

There is one plan, `deploy_all`: the core, the gate, and what relies on Chainlink and on Story where
they are. What is on the chain is the only state: run again after a crash, the plan goes on, and the
transactions of the first attempt are found by looking. `rehearsal.py` tries the plan first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.chain.rpc import RpcError, to_hex
from anacostia_blockchain.deployment import CREATED, Deployment, deploy, init_code
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.oracles import OracleNetwork, deploy_oracles
from anacostia_blockchain.promotion.service import deploy_gate, install_service
from anacostia_blockchain.story.service import deploy_story, known_addresses

if TYPE_CHECKING:
    from pathlib import Path

    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.deployment import DeployedContract
    from anacostia_blockchain.story.addresses import StoryAddresses
    from anacostia_blockchain.types import Address


def deploy_all(
    chain: Chain,
    *,
    prices: bool = True,
    network: OracleNetwork | None = None,
    story: bool = True,
    addresses: StoryAddresses | None = None,
) -> Deployment:
    """Run the whole plan; what is there already is kept.

    A chain without a known attestation service gets one, at the address that it has on every such
    chain.

    Args:
        chain: with a signer.
        prices: whether to deploy what relies on Chainlink, where it is.
        network: what is on the chain of Chainlink's; None: what is known of it, if anything is.
        story: whether to deploy what relies on Story, where it is.
        addresses: what is on the chain of Story's; None: likewise.

    Raises:
        ChainError: see `deploy`, `deploy_gate`, `deploy_oracles`, `deploy_story`.
    """
    known = network or known_network(chain.chain_id)
    service = known.attestations if known is not None else None
    deployment = deploy_gate(chain, deploy(chain), service or install_service(chain))
    if known is not None and prices:
        deployment = deploy_oracles(chain, deployment, known)
    where = addresses or known_addresses(chain.chain_id)
    if where is not None and story:
        deployment = deploy_story(chain, deployment, where)
    return deployment


def completed(chain: Chain, deployment: Deployment, known: Deployment | None) -> Deployment:
    """Fill in by whom and when contracts were created that were found where they are.

    Args:
        chain: to look at.
        deployment: as `deploy_all` found it.
        known: an earlier record of the same chain.
    """
    return Deployment(
        deployment.chain_id,
        {
            name: contract if contract.tx is not None else _origin(chain, name, contract, known)
            for name, contract in deployment.contracts.items()
        },
    )


def previous(chain_id: int, folder: Path) -> Deployment | None:
    """The record of a chain in a folder, if there is one.

    Raises:
        ConfigError: it is damaged.
    """
    path = folder / f"{chain_id}.json"
    if not path.exists():
        return None
    try:
        return Deployment.load(chain_id, folder)
    except ConfigError as error:
        raise ConfigError(
            f"{error}: move {path} away and run this again, which finds what is on the chain"
        ) from None


def known_network(chain_id: int) -> OracleNetwork | None:
    """What is known to be on a chain of Chainlink's; None: nothing."""
    try:
        return OracleNetwork.known(chain_id)
    except ConfigError:
        return None


def _origin(
    chain: Chain, name: str, contract: DeployedContract, known: Deployment | None
) -> DeployedContract:
    """A contract with the transaction that created it; where the node forgot it, left open."""
    before = known.contracts.get(name) if known is not None else None
    if before is not None and before.address == contract.address and _is_mined(chain, before):
        return replace(contract, block=before.block, tx=before.tx, deployer=before.deployer)
    code = to_hex(init_code(CREATED[name][0] if name in CREATED else name))[2:]
    try:
        block = _first_block(chain, contract.address)
        sent = chain.rpc("eth_getBlockByNumber", hex(block), True)["transactions"]
    except RpcError:
        return contract  # no archive: that it is there is all that can be known
    for tx in sent:
        if code in tx["input"]:  # to the proxy, or to a wallet that calls it
            return replace(
                contract, block=block, tx=tx["hash"], deployer=to_checksum_address(tx["from"])
            )
    return replace(contract, block=block)


def _is_mined(chain: Chain, contract: DeployedContract) -> bool:
    """Whether a recorded transaction is one, in the recorded block."""
    if contract.tx is None:
        return False
    mined = chain.rpc("eth_getTransactionReceipt", contract.tx)
    return mined is not None and int(mined["blockNumber"], 16) == contract.block


def _first_block(chain: Chain, address: Address) -> int:
    """The first block after which there is code, by bisection."""
    low, high = 0, chain.block_number()
    while low < high:
        middle = (low + high) // 2
        if chain.code(address, middle):
            high = middle
        else:
            low = middle + 1
    return low
