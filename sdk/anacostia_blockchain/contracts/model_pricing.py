"""`contracts/ModelPricing.sol`: prices in dollars, fixed or following a metric."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from eth_utils import to_checksum_address

from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.prices.values import (
    Basis,
    PriceState,
    Pricing,
    amount,
    micros,
    moment,
)

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Log, Receipt
    from anacostia_blockchain.types import Address


class ModelPricingCalls(Calls):
    """`ModelPricing`'s transactions, encoded."""

    interface = "ModelPricing"

    def set_pricing(self, model_id: int, pricing: Pricing, receiver: Address) -> Call:
        """Set how a price is made; `receiver` is where the metric comes from unless it says."""
        return self._encode("setPricing", model_id, *pricing.to_abi(receiver))

    def set_terms_factor(self, model_id: int, terms_id: bytes, factor_bps: int) -> Call:
        """Set what licences under some terms cost."""
        return self._encode("setTermsFactor", model_id, terms_id, factor_bps)

    def set_manual_price(self, model_id: int, price: Decimal, until: datetime) -> Call:
        """Set a price by hand."""
        return self._encode("setManualPrice", model_id, micros(price), int(until.timestamp()))

    def end_manual_price(self, model_id: int) -> Call:
        """End a price set by hand."""
        return self._encode("endManualPrice", model_id)

    def stop(self, model_id: int) -> Call:
        """Stop sales."""
        return self._encode("stop", model_id)

    def resume(self, model_id: int) -> Call:
        """Let sales go on."""
        return self._encode("resume", model_id)

    def sync(self, model_id: int) -> Call:
        """Let a price follow its metric."""
        return self._encode("sync", model_id)


class ModelPricing(Contract):
    """Prices of models; see `IModelPricing.sol`."""

    interface = "ModelPricing"

    @property
    def calls(self) -> ModelPricingCalls:
        """The same transactions, encoded and not sent."""
        return ModelPricingCalls(self.address)

    def set_pricing(self, model_id: int, pricing: Pricing, receiver: Address) -> Receipt:
        """Set how a model's price is made; its owner's to decide."""
        return self.chain.send(self.calls.set_pricing(model_id, pricing, receiver))

    def set_terms_factor(self, model_id: int, terms_id: bytes, factor_bps: int) -> Receipt:
        """Set what licences under some terms cost, in basis points of the model's price."""
        return self.chain.send(self.calls.set_terms_factor(model_id, terms_id, factor_bps))

    def set_manual_price(self, model_id: int, price: Decimal, until: datetime) -> Receipt:
        """Set a price in dollars by hand, until a time."""
        return self.chain.send(self.calls.set_manual_price(model_id, price, until))

    def end_manual_price(self, model_id: int) -> Receipt:
        """End a price set by hand, now."""
        return self.chain.send(self.calls.end_manual_price(model_id))

    def stop(self, model_id: int) -> Receipt:
        """Stop sales at a model's price; owner or guardian."""
        return self.chain.send(self.calls.stop(model_id))

    def resume(self, model_id: int) -> Receipt:
        """Let sales go on; the owner's to decide."""
        return self.chain.send(self.calls.resume(model_id))

    def sync(self, model_id: int) -> Decimal:
        """Let a price follow its metric by one move; returns it, in dollars. Anybody may."""
        receipt = self.chain.send(self.calls.sync(model_id))
        return amount(self._events("PriceSynced", receipt)[0]["price"])

    # ------------------------------------------------------------------ read

    def price_of(self, model_id: int) -> tuple[Decimal, Basis]:
        """The price in force, in dollars, and what it rests on.

        Raises:
            ContractRevertedError: there is none, with what is in the way.
        """
        price, basis = self._read("priceOf", model_id)
        return amount(price), Basis(basis)

    def target_at(self, model_id: int, metric: Decimal) -> Decimal:
        """The curve's price at a value of the metric, in dollars."""
        return amount(self._read("targetAt", model_id, micros(metric)))

    def pricing_of(self, model_id: int) -> Pricing:
        """How a model's price is made; all zero if it has no pricing."""
        return Pricing.from_abi(*self._read("pricingOf", model_id))

    def state_of(self, model_id: int) -> PriceState:
        """Where a price stands, whether or not it is in force."""
        price, heard_at, moved_at, stopped = self._read("stateOf", model_id)
        return PriceState(amount(price), moment(heard_at), moment(moved_at), stopped)

    def manual_price_of(self, model_id: int) -> tuple[Decimal, datetime | None, datetime | None]:
        """The newest price set by hand, from when, and until when."""
        price, start, end = self._read("manualPriceOf", model_id)
        return amount(price), moment(start), moment(end)

    def terms_factor_of(self, model_id: int, terms_id: bytes) -> int:
        """What licences under some terms cost, in basis points; 0 for no price."""
        return int(self._read("termsFactorOf", model_id, terms_id))

    def quote(self, model_id: int, terms_id: bytes, asset: Address) -> int:
        """What a licence costs now, in an asset's smallest unit."""
        return int(self._read("quote", model_id, terms_id, asset))

    def min_cooldown(self) -> int:
        """Least time between two moves, in seconds."""
        return int(self._read("MIN_COOLDOWN"))

    def max_duration(self) -> int:
        """Longest of a pricing's durations, in seconds."""
        return int(self._read("MAX_DURATION"))

    def max_manual(self) -> int:
        """Longest time for a price set by hand, in seconds."""
        return int(self._read("MAX_MANUAL"))

    def raise_delay(self) -> int:
        """How long a raise by hand waits, in seconds."""
        return int(self._read("RAISE_DELAY"))

    def nft(self) -> Address:
        """The models' token."""
        return str(to_checksum_address(self._read("nft")))

    def feeds(self) -> Address:
        """The contract that turns dollars into payment assets."""
        return str(to_checksum_address(self._read("feeds")))

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))

    # ------------------------------------------------------------------ from events

    def logs(self, event: str, model_id: int) -> list[Log]:
        """One kind of a model's events, oldest first."""
        topics = [model_id.to_bytes(32, "big")]
        return list(self.chain.logs(self.address, self.interface, event, topics=topics))
