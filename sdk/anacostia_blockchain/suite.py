"""The contracts of a deployment by their names, each wrapped when it is first asked for."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.contracts import (
        AttestedMetrics,
        LicenseToken,
        MetricReceiver,
        ModelLicensing,
        ModelMarket,
        ModelNFT,
        ModelPricing,
        ModelRegistry,
        PromotionGate,
        RunLedger,
        UsdFeeds,
    )
    from anacostia_blockchain.deployment import Deployment


class Suite:
    """What is deployed on a chain.

    Attributes:
        chain: where it is.
        deployment: the addresses.
    """

    def __init__(self, chain: Chain, deployment: Deployment) -> None:
        self.chain = chain
        self.deployment = deployment

    @cached_property
    def registry(self) -> ModelRegistry:
        """The contract of the same name."""
        from anacostia_blockchain.contracts import ModelRegistry  # noqa: PLC0415 - loads web3

        return ModelRegistry(self.chain, self.deployment.address("ModelRegistry"))

    @cached_property
    def nft(self) -> ModelNFT:
        """The contract of the same name."""
        from anacostia_blockchain.contracts import ModelNFT  # noqa: PLC0415 - loads web3

        return ModelNFT(self.chain, self.deployment.address("ModelNFT"))

    @cached_property
    def ledger(self) -> RunLedger:
        """The contract of the same name."""
        from anacostia_blockchain.contracts import RunLedger  # noqa: PLC0415 - loads web3

        return RunLedger(self.chain, self.deployment.address("RunLedger"))

    @cached_property
    def licensing(self) -> ModelLicensing:
        """The contract `ModelLicensing`."""
        from anacostia_blockchain.contracts import ModelLicensing  # noqa: PLC0415 - loads web3

        return ModelLicensing(self.chain, self.deployment.address("ModelLicensing"))

    @cached_property
    def license_token(self) -> LicenseToken:
        """The contract of the same name."""
        from anacostia_blockchain.contracts import LicenseToken  # noqa: PLC0415 - loads web3

        return LicenseToken(self.chain, self.deployment.address("LicenseToken"))

    @cached_property
    def model_market(self) -> ModelMarket:
        """The contract of the same name."""
        from anacostia_blockchain.contracts import ModelMarket  # noqa: PLC0415 - loads web3

        return ModelMarket(self.chain, self.deployment.address("ModelMarket"))

    @cached_property
    def promotion_gate(self) -> PromotionGate:
        """The contract of the same name."""
        from anacostia_blockchain.contracts import PromotionGate  # noqa: PLC0415 - loads web3

        return PromotionGate(self.chain, self.deployment.address("PromotionGate"))

    @cached_property
    def usd_feeds(self) -> UsdFeeds:
        """The contract of the same name."""
        from anacostia_blockchain.contracts import UsdFeeds  # noqa: PLC0415 - loads web3

        return UsdFeeds(self.chain, self.deployment.address("UsdFeeds"))

    @cached_property
    def metric_receiver(self) -> MetricReceiver:
        """The contract of the same name."""
        from anacostia_blockchain.contracts import MetricReceiver  # noqa: PLC0415 - loads web3

        return MetricReceiver(self.chain, self.deployment.address("MetricReceiver"))

    @cached_property
    def attested_metrics(self) -> AttestedMetrics:
        """The contract of the same name."""
        from anacostia_blockchain.contracts import AttestedMetrics  # noqa: PLC0415 - loads web3

        return AttestedMetrics(self.chain, self.deployment.address("AttestedMetrics"))

    @cached_property
    def model_pricing(self) -> ModelPricing:
        """The contract of the same name."""
        from anacostia_blockchain.contracts import ModelPricing  # noqa: PLC0415 - loads web3

        return ModelPricing(self.chain, self.deployment.address("ModelPricing"))
