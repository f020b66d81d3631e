"""What each constructor takes on a chain, and so where each contract is, without asking the chain.

`rollout.deploy_all` sends the same, and `inspection` compares a record with it. Where nobody knows
what is on a chain, a contract that relies on that is not in the plan.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from anacostia_blockchain.chain.rpc import to_bytes
from anacostia_blockchain.config import has_name
from anacostia_blockchain.deployment import (
    CREATED,
    DEPLOYED,
    create2_address,
    init_code,
    linked,
    predicted_address,
)
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.oracles import OracleNetwork, oracle_arguments
from anacostia_blockchain.promotion.service import gate_arguments, local_service
from anacostia_blockchain.story.service import known_addresses, story_arguments

if TYPE_CHECKING:
    from anacostia_blockchain.story.addresses import StoryAddresses
    from anacostia_blockchain.types import Address

EDITED = "the file was edited; write it anew with `ape run deploy`"
"""What to do about a deployment file that says what is not so."""

ALWAYS = (*DEPLOYED, *CREATED, "PromotionGate")
"""Contracts of every deployment."""

TOGETHER = (
    ("UsdFeeds", "MetricReceiver", "AttestedMetrics", "ModelPricing"),
    ("StoryAdapter", "StorySale"),
)
"""Contracts of which a deployment has all or none."""

SOMETIMES = "AttestedMetrics"
"""Is among those only where there is an attestation service, which nobody may know."""

SUITE = frozenset(ALWAYS).union(*TOGETHER)
"""Every contract that this package deploys."""


def known_network(chain_id: int) -> OracleNetwork | None:
    """What is known to be on a chain of Chainlink's; None: nothing."""
    try:
        return OracleNetwork.known(chain_id)
    except ConfigError:
        return None


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be on a chain.

    Attributes:
        arguments: of each constructor, encoded, by contract.
    """

    arguments: dict[str, bytes]

    @classmethod
    def of(
        cls,
        chain_id: int,
        network: OracleNetwork | None = None,
        story: StoryAddresses | None = None,
    ) -> Plan:
        """The plan for a chain.

        On a chain without a name, nobody but who runs it knows whether it has an attestation
        service of its own: the gate is not in its plan then.

        Args:
            chain_id: of the chain.
            network: what is on it of Chainlink's; None: what is known of it, if anything is.
            story: what is on it of Story's; None: likewise.
        """
        known, addresses = network or known_network(chain_id), story or known_addresses(chain_id)
        found = {name: linked(name) for name in DEPLOYED} | dict.fromkeys(CREATED, b"")
        if known is not None or has_name(chain_id):
            service = known.attestations if known is not None else None
            found["PromotionGate"] = gate_arguments(service or local_service(), predicted_address)
        if known is not None:
            found |= oracle_arguments(known, predicted_address)
        if addresses is not None:
            found |= story_arguments(addresses)
        return cls(found)

    def missing(self, there: set[str]) -> list[str]:
        """What a deployment lacks that has the contracts named."""
        needed = [*ALWAYS]
        for group in TOGETHER:
            if not there.isdisjoint(group):
                needed += [n for n in group if n in self.arguments or n != SOMETIMES]
        return [name for name in needed if name not in there]


def argument_bytes(name: str, arguments: str) -> bytes:
    """A constructor's arguments as a deployment file says them.

    Raises:
        ConfigError: it does not.
    """
    try:
        return to_bytes(arguments)
    except (ValueError, AttributeError):
        raise ConfigError(
            f"the arguments of {name} in the deployment file are not hexadecimal: {EDITED}"
        ) from None


def address_by(name: str, arguments: bytes) -> Address:
    """Where a contract is by what its constructor took."""
    return (
        predicted_address(name) if name in CREATED else create2_address(creation(name, arguments))
    )


def creation(name: str, arguments: bytes) -> bytes:
    """Init code, arguments included, of what is sent so that a contract is there."""
    if name in CREATED:
        return creation(CREATED[name][0], linked(CREATED[name][0]))
    return init_code(name) + arguments
