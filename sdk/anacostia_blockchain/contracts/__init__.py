"""One hand-written wrapper for each contract, with the contract's own name."""

from __future__ import annotations

from anacostia_blockchain.contracts.model_nft import ModelNFT
from anacostia_blockchain.contracts.model_registry import ModelRegistry
from anacostia_blockchain.contracts.run_ledger import RunLedger

__all__ = ["ModelNFT", "ModelRegistry", "RunLedger"]
