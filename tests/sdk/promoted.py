"""A chain of its own for tests of promotion, whose clock they may move; and four people on it."""

from __future__ import annotations

from pathlib import Path

from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.testing import LocalChain

DATASET = bytes.fromhex("da" * 32)


class People:
    """An owner, two reviewers and an evaluator; they share one store, as a team does."""

    def __init__(self, chain: LocalChain, home: Path) -> None:
        self.chain = chain
        deployment = chain.deploy()
        self.home = home
        self.owner = Anacostia(chain.chain(0), deployment, home=home)
        self.others = [
            Anacostia(chain.chain(n), deployment, home=home, store=self.owner.storage)
            for n in (1, 2, 3)
        ]
        self.reviewer, self.second, self.evaluator = self.others

    def publish(self, name: str = "digits", *, text: bytes = b"weights", **options) -> str:
        """A new version; returns its reference."""
        folder = self.home / "model"
        folder.mkdir(exist_ok=True)
        (folder / "weights").write_bytes(text)
        made = self.owner.models.publish(folder, name, **options)
        return f"{made.model_id}@{made.version}"

    def pass_time(self, seconds: float) -> None:
        rpc = self.owner.chain.rpc
        rpc("evm_increaseTime", hex(int(seconds)))
        rpc("evm_mine")
