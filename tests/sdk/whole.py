"""A chain with everything of ours on it but what relies on Story, and records of it that lie."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from anacostia_blockchain.chain import Chain
from anacostia_blockchain.deployment import Deployment
from anacostia_blockchain.inspection import inspect
from anacostia_blockchain.oracles import OracleNetwork
from anacostia_blockchain.rollout import deploy_all
from anacostia_blockchain.testing import LocalChain
from anacostia_blockchain.verify import Check
from chainlink import Deployed, Oracles, network_of


@dataclass(frozen=True)
class Whole:
    """The chain, its record, and where what it relies on is."""

    chain: Chain
    deployment: Deployment
    network: OracleNetwork

    @classmethod
    @contextmanager
    def start(cls) -> Iterator[Whole]:
        """For as long as a block lasts."""
        with LocalChain() as local:
            chain = local.chain()
            eas = Deployed(chain, "EAS", "address", Deployed(chain, "SchemaRegistry").address)
            network = network_of(Oracles.start(chain), eas.address)
            yield cls(chain, deploy_all(chain, network=network), network)

    def checks(self, deployment: Deployment | None = None) -> dict[str, Check]:
        """Of a record of it, by name, with the network known."""
        made = inspect(self.chain, deployment or self.deployment, self.network)
        return {check.name: check for check in made}

    def failures(self, deployment: Deployment | None = None) -> dict[str, str]:
        """What failed of those, and why."""
        checks = self.checks(deployment).values()
        return {check.name: check.detail for check in checks if not check.passed}


def edited(deployment: Deployment, name: str, **fields: object) -> Deployment:
    """A record with fields of one contract changed."""
    contract = dataclasses.replace(deployment.contracts[name], **fields)
    return Deployment(deployment.chain_id, deployment.contracts | {name: contract})


def without(deployment: Deployment, *names: str) -> Deployment:
    """A record from which contracts were deleted."""
    left = {name: c for name, c in deployment.contracts.items() if name not in names}
    return Deployment(deployment.chain_id, left)
