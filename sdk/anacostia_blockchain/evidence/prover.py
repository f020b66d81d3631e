"""Proving slots of contracts at one block, and reading from what is proven alone."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.proofs.state import ProvenState, prove_state, trust

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.evidence.archive import Draft


@dataclass(slots=True)
class Prover:
    """Proves slots at one block: writes what proves them, and reads from that alone."""

    client: Anacostia
    number: int
    draft: Draft
    header: dict[str, Any] = field(init=False)
    state: ProvenState = field(init=False)
    count: int = 0

    def __post_init__(self) -> None:
        self.header = self.client.chain.header(self.number)
        chain_id = self.client.chain.chain_id
        self.state = ProvenState(trust(chain_id, [self.header["hash"]], None))

    @property
    def time(self) -> datetime:
        """Of the block."""
        return datetime.fromtimestamp(int(self.header["timestamp"], 16), UTC)

    def prove(self, name: str, slots: Iterable[int]) -> None:
        """Prove slots of a contract, all at once."""
        address = self.client.deployment.address(name)
        if wanted := sorted(set(slots)):
            block = prove_state(self.client, self.number, {address: wanted})
            self.count += 1
            self.draft.write(f"state/{self.count:05}.json", block)
            self.state.add(block, lambda _address: name)
