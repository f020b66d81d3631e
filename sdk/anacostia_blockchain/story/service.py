"""What of ours relies on Story: part of a deployment where Story is, and nowhere else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.story.adapter import adapter_arguments, deploy_adapter
from anacostia_blockchain.story.addresses import CHAINS, StoryAddresses
from anacostia_blockchain.story.sale import deploy_sale, sale_arguments

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain


def known_addresses(chain_id: int) -> StoryAddresses | None:
    """Where Story is on its own networks; None on others."""
    return StoryAddresses() if chain_id in CHAINS else None


def deploy_story(chain: Chain, deployment: Deployment, addresses: StoryAddresses) -> Deployment:
    """Add `StoryAdapter` and `StorySale` to a deployment; what is there is kept.

    Args:
        chain: with a signer.
        deployment: of the core contracts.
        addresses: where Story's own contracts are.

    Raises:
        ConfigError: the connection has no signer.
        ContractRevertedError: nothing is at one of the addresses, with which.
    """
    found = {
        "StoryAdapter": deploy_adapter(chain, addresses),
        "StorySale": deploy_sale(chain, addresses),
    }
    deployed = Deployment(deployment.chain_id, deployment.contracts | found)
    deployed.check(chain)
    return deployed


def story_arguments(addresses: StoryAddresses) -> dict[str, bytes]:
    """What their constructors take, encoded, by name."""
    return {
        "StoryAdapter": adapter_arguments(addresses),
        "StorySale": sale_arguments(addresses),
    }
