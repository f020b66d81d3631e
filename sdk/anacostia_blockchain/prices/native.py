"""`client.prices`: what models cost, in dollars, and why."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from anacostia_blockchain.errors import ConfigError, ContractRevertedError
from anacostia_blockchain.prices import curve, sources
from anacostia_blockchain.prices.history import history
from anacostia_blockchain.prices.values import NOBODY, Basis, Pricing, number, workflow_name

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.prices.curve import Move
    from anacostia_blockchain.prices.history import PriceChange
    from anacostia_blockchain.prices.values import Metric
    from anacostia_blockchain.types import Address

MODEL_ITSELF = bytes(32)
"""Stands for the model's token where terms are asked for."""

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class PriceNow:
    """A model's price at this moment.

    Attributes:
        price: dollars; None if there is none.
        basis: what it rests on, or why there is none.
        pricing: how it is made.
        target: where the newest metric leads; None if none is served.
        metric: the newest value delivered; None for a fixed price.
        heard_at: when the newest measurement that was followed ended; None before the first.
        refused: why the newest value is not served now, by its contract's own error; None if it is.
    """

    price: Decimal | None
    basis: Basis
    pricing: Pricing
    target: Decimal | None
    metric: Metric | None
    heard_at: datetime | None
    refused: str | None = None


class Prices:
    """Prices of registered models, as one account sees them.

    Example:
        >>> hub.prices.set("digits", Pricing.fixed("19.90"))  # doctest: +SKIP
        >>> hub.prices.set_terms("digits", terms_id, share=1)  # doctest: +SKIP
        >>> hub.prices.quote("digits", terms_id)  # doctest: +SKIP
    """

    def __init__(self, client: Anacostia) -> None:
        self._client = client
        self._contract = client.model_pricing

    @property
    def address(self) -> Address:
        """The contract to name in an offer or listing: `Price.quoted(hub.prices.address)`."""
        return self._contract.address

    # ------------------------------------------------------------------ set

    def set(self, model: str | int, pricing: Pricing) -> None:
        """Set how a model's price is made, which ends a price set by hand.

        Raises:
            ConfigError: the contract would not take it; the message says why.
            ContractRevertedError: the contract refused, with its reason.
        """
        receiver = NOBODY
        if not pricing.is_fixed:
            curve.check_curve(pricing)
            receiver = pricing.metrics or self._client.metric_receiver.address
        self._contract.set_pricing(self._id(model), pricing, receiver)

    def set_terms(
        self, model: str | int, terms_id: bytes | None, *, share: Decimal | str | float
    ) -> None:
        """Set what a licence costs, as a share of the model's price; 0 for no price.

        Args:
            model: that is priced.
            terms_id: the licence terms; None for the model itself.
            share: 1 for the price as it is.
        """
        factor = number(share).scaleb(4)
        if factor != factor.to_integral_value():
            raise ConfigError(f"a share of {share} has more than four decimals: round it")
        self._contract.set_terms_factor(self._id(model), terms_id or MODEL_ITSELF, int(factor))

    def set_manual(
        self, model: str | int, price: Decimal | str | float, *, valid_for: timedelta = _DAY
    ) -> None:
        """Set a price by hand for some time; one above the present price begins an hour later."""
        until = self._now() + valid_for
        self._contract.set_manual_price(self._id(model), number(price), until)

    def end_manual(self, model: str | int) -> None:
        """End a price set by hand, now."""
        self._contract.end_manual_price(self._id(model))

    def manual(self, model: str | int) -> tuple[Decimal, datetime | None, datetime | None]:
        """The newest price set by hand, from when, and until when; in force only in between."""
        return self._contract.manual_price_of(self._id(model))

    def stop(self, model: str | int) -> None:
        """Stop sales at the model's price; its owner or guardian may."""
        self._contract.stop(self._id(model))

    def resume(self, model: str | int) -> None:
        """Let sales go on."""
        self._contract.resume(self._id(model))

    def open_source(
        self,
        workflow: bytes | tuple[Address, str],
        *,
        guardian: Address | None = None,
        delay: timedelta = _DAY,
        overlap: timedelta = _DAY,
        salt: bytes = bytes(32),
    ) -> bytes:
        """Open a source of metrics that a Chainlink workflow reports to; returns its id.

        Args:
            workflow: its id (32 bytes), or its owner and name, for any code of that name.
            guardian: who else may stop it, for good.
            delay: before another workflow takes effect, for good.
            overlap: for which a replaced workflow remains valid, for good.
            salt: to have more than one source.
        """
        receiver = self._client.metric_receiver
        if isinstance(workflow, tuple):
            owner, name = workflow
            workflow = receiver.workflow_by_name(owner, workflow_name(name))
        receiver.open_source(salt, workflow, guardian, delay, overlap)
        return receiver.source_id_of(self._client.address, salt)

    def attested_source(self, evaluator: Address, dataset: str | bytes) -> bytes:
        """The source that stands for what an evaluator attests to on a dataset.

        Name it in a `Pricing` along with `metrics=hub.attested_metrics.address`: that is all there
        is to trusting an evaluator, and nobody else is asked.

        Args:
            evaluator: who attests, in the Ethereum Attestation Service.
            dataset: that it evaluates on: a registered version such as `mnist@2`, its root's CID,
                or the root's digest.
        """
        root = sources.dataset_root(self._client, dataset)
        return self._client.attested_metrics.source_of(evaluator, root)

    # ------------------------------------------------------------------ follow

    def present(self, uid: bytes) -> None:
        """Make an attestation the newest of its metric. Anybody may.

        Raises:
            ContractRevertedError: it is none that counts, or no news, by name.
        """
        self._client.attested_metrics.present(uid)

    def sync(self, model: str | int) -> Decimal:
        """Let a price follow its metric by one move; returns it. Anybody may.

        Raises:
            ContractRevertedError: there is nothing to do, or no metric to follow, by name.
        """
        return self._contract.sync(self._id(model))

    def sync_if_due(self, model: str | int) -> Decimal | None:
        """As `sync`, but None where there is nothing to do yet."""
        try:
            return self.sync(model)
        except ContractRevertedError as error:
            if error.name in ("ModelPricing_NothingToSync", "ModelPricing_CoolingDown"):
                return None
            raise

    # ------------------------------------------------------------------ look up

    def get(self, model: str | int) -> PriceNow:
        """A model's price at this moment, and what it rests on."""
        model_id = self._id(model)
        pricing, state = self._contract.pricing_of(model_id), self._contract.state_of(model_id)
        price: Decimal | None = None
        try:
            price, basis = self._contract.price_of(model_id)
        except ContractRevertedError as error:
            if error.name != "ModelPricing_NotForSale":
                raise
            basis = Basis(int(str(error.arguments["basis"])))
        metric, refused = sources.newest(self._client, pricing, model_id)
        target = None
        if metric is not None and refused is None:
            target = self._contract.target_at(model_id, metric.value)
        return PriceNow(price, basis, pricing, target, metric, state.heard_at, refused)

    def quote(
        self, model: str | int, terms_id: bytes | None = None, asset: Address = NOBODY
    ) -> int:
        """What a licence, or the model itself, costs now, in an asset's smallest unit.

        Raises:
            ContractRevertedError: there is no price, or no trustworthy feed, by name.
        """
        return self._contract.quote(self._id(model), terms_id or MODEL_ITSELF, asset)

    def simulate(self, model: str | int, metrics: Iterable[Decimal | str | float]) -> list[Move]:
        """What the price would do from where it is, one move for each measurement."""
        now = self.get(model)
        if now.pricing.is_fixed:
            raise ConfigError(f"the price of {model} is fixed: it follows no metric")
        start = self._contract.state_of(self._id(model)).price
        return list(curve.simulate(now.pricing, map(number, metrics), start))

    def history(self, model: str | int) -> list[PriceChange]:
        """Everything that happened to a model's price, oldest first."""
        return history(self._contract, self._id(model))

    def picture(self, model: str | int, target: Path | str) -> Path:
        """Draw the curve with the price's way on it, and the price through time.

        Raises:
            ConfigError: matplotlib is not installed, or the model has no pricing.
        """
        from anacostia_blockchain.prices.picture import draw  # noqa: PLC0415 - loads slowly

        model_id = self._id(model)
        pricing = self._contract.pricing_of(model_id)
        if not pricing.maximum:
            raise ConfigError(f"{model} has no pricing: set one with `anacostia prices set`")
        name = self._client.models.get(model_id).name
        return draw(
            pricing, self.history(model_id), target, title=f"Price of {name}", now=self._now()
        )

    def _id(self, model: str | int) -> int:
        return self._client.models.resolve(model)[0]

    def _now(self) -> datetime:
        """The chain's clock, which is what counts."""
        return datetime.fromtimestamp(int(self._client.chain.header()["timestamp"], 16), UTC)
