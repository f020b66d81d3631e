"""What a model's price did, from the contract's events."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import TYPE_CHECKING

from anacostia_blockchain.prices.values import amount

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Log
    from anacostia_blockchain.contracts import ModelPricing

_EVENTS = {
    "PricingSet": "set",
    "PriceSynced": "synced",
    "ManualPriceSet": "manual",
    "SalesStopped": "stopped",
    "SalesResumed": "resumed",
}


@dataclass(frozen=True, slots=True)
class PriceChange:
    """Something that happened to a price.

    Attributes:
        time: of the block.
        kind: "set", "synced", "manual", "stopped" or "resumed".
        price: dollars, from then on; None where sales were stopped or resumed.
        metric: that was followed; of "synced" alone.
        target: where the curve leads; of "synced" alone.
        until: end of a price set by hand.
        tx: hash of the transaction.
    """

    time: datetime
    kind: str
    price: Decimal | None
    metric: Decimal | None
    target: Decimal | None
    until: datetime | None
    tx: str


def history(contract: ModelPricing, model_id: int) -> list[PriceChange]:
    """Everything that happened to a model's price, oldest first."""

    @cache
    def time_of(block: int) -> datetime:
        return datetime.fromtimestamp(int(contract.chain.header(block)["timestamp"], 16), UTC)

    logs = [log for event in _EVENTS for log in contract.logs(event, model_id)]
    logs.sort(key=lambda log: (log.block_number, log.log_index))
    return [_change(log, time_of(log.block_number)) for log in logs]


def followed(changes: list[PriceChange]) -> Iterator[tuple[datetime, Decimal]]:
    """The steps of the price that follows the metric, and of no other."""
    for change in changes:
        if change.kind in ("set", "synced") and change.price is not None:
            yield change.time, change.price


def _change(log: Log, time: datetime) -> PriceChange:
    values = log.values
    until = values.get("until")
    return PriceChange(
        time=time,
        kind=_EVENTS[log.event],
        price=amount(values["price"]) if "price" in values else None,
        metric=amount(values["metric"]) if "metric" in values else None,
        target=amount(values["target"]) if "target" in values else None,
        until=datetime.fromtimestamp(until, UTC) if until else None,
        tx=log.tx_hash,
    )
