"""Rolling the contracts out on a public chain: recorded, and resumed where it broke off.

There is one plan, `deploy_all`: the core, the gate, and what relies on Chainlink and on Story where
they are. What is on the chain is the only state: run again after a crash, the plan goes on, and the
transactions of the first attempt are found by looking. `rehearsal.py` tries the plan first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from anacostia_blockchain.deployment import Deployment, deploy
from anacostia_blockchain.errors import ConfigError, IntegrityError
from anacostia_blockchain.oracles import OracleNetwork, deploy_oracles
from anacostia_blockchain.origins import check_origin, find_origin
from anacostia_blockchain.plan import argument_bytes, known_network
from anacostia_blockchain.promotion.service import deploy_gate, install_service
from anacostia_blockchain.story.service import deploy_story, known_addresses

if TYPE_CHECKING:
    from pathlib import Path

    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.deployment import DeployedContract
    from anacostia_blockchain.story.addresses import StoryAddresses

UNCHECKED = "unchecked"
"""Folder, beside the records, of those that no check has passed yet: `ape run deploy` begins one
before it checks, so that its transactions are not forgotten, and nobody else reads it."""


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
    """The record of a chain in a folder, with what was kept apart there, if there is any.

    Raises:
        ConfigError: it is damaged.
    """
    found: dict[str, DeployedContract] = {}
    for place in (folder, folder / UNCHECKED):
        path = place / f"{chain_id}.json"
        if not path.exists():
            continue
        try:
            found |= Deployment.load(chain_id, place).contracts
        except ConfigError as error:
            raise ConfigError(
                f"{error}: move {path} away and run this again, which finds what is on the chain"
            ) from None
    return Deployment(chain_id, found) if found else None


def _origin(
    chain: Chain, name: str, contract: DeployedContract, known: Deployment | None
) -> DeployedContract:
    """A contract with the transaction that created it, if anything says which one it was."""
    arguments = argument_bytes(name, contract.arguments or "0x")
    before, recorded = known.contracts.get(name) if known is not None else None, None
    if before is not None and before.address == contract.address and before.tx is not None:
        recorded = replace(contract, block=before.block, tx=before.tx, deployer=before.deployer)
        try:
            if check_origin(chain, name, recorded, arguments):
                return recorded
        except IntegrityError:
            recorded = None
    found = find_origin(chain, name, contract, arguments)
    # What a node has forgotten, it does not contradict.
    return recorded if recorded is not None and found.tx is None else found
