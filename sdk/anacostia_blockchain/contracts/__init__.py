"""One hand-written wrapper for each contract, with the contract's own name."""

from __future__ import annotations

from anacostia_blockchain.contracts.attested_metrics import AttestedMetrics
from anacostia_blockchain.contracts.license_token import LicenseToken
from anacostia_blockchain.contracts.metric_receiver import MetricReceiver
from anacostia_blockchain.contracts.model_licensing import ModelLicensing
from anacostia_blockchain.contracts.model_market import ModelMarket
from anacostia_blockchain.contracts.model_nft import ModelNFT
from anacostia_blockchain.contracts.model_pricing import ModelPricing
from anacostia_blockchain.contracts.model_registry import ModelRegistry
from anacostia_blockchain.contracts.promotion_gate import PromotionGate
from anacostia_blockchain.contracts.run_ledger import RunLedger
from anacostia_blockchain.contracts.story_adapter import StoryAdapter
from anacostia_blockchain.contracts.story_sale import StorySale
from anacostia_blockchain.contracts.usd_feeds import UsdFeeds

__all__ = [
    "AttestedMetrics",
    "LicenseToken",
    "MetricReceiver",
    "ModelLicensing",
    "ModelMarket",
    "ModelNFT",
    "ModelPricing",
    "ModelRegistry",
    "PromotionGate",
    "RunLedger",
    "StoryAdapter",
    "StorySale",
    "UsdFeeds",
]
