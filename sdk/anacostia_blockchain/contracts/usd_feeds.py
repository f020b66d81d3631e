"""`contracts/UsdFeeds.sol`: dollars in payment assets, by Chainlink's feeds."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from eth_utils import to_checksum_address

from anacostia_blockchain.contracts.base import Calls, Contract
from anacostia_blockchain.prices.values import micros

if TYPE_CHECKING:
    from anacostia_blockchain.types import Address


class UsdFeedsCalls(Calls):
    """`UsdFeeds` has no transactions."""

    interface = "UsdFeeds"


class UsdFeeds(Contract):
    """One feed for each payment asset, for good; see `IUsdFeeds.sol`."""

    interface = "UsdFeeds"

    def usd_to_asset(self, asset: Address, usd: Decimal) -> int:
        """What an amount of dollars is in an asset now, in its smallest unit, rounded up."""
        return int(self._read("usdToAsset", asset, micros(usd)))

    def answer_of(self, asset: Address) -> tuple[Decimal, datetime]:
        """Dollars for one whole unit of an asset, and when that was so."""
        answer, decimals, updated_at = self._read("answerOf", asset)
        return Decimal(answer).scaleb(-decimals), datetime.fromtimestamp(updated_at, UTC)

    def feed_of(self, asset: Address) -> dict[str, Any]:
        """An asset's feed: its address, limits and decimals, as the contract holds them."""
        names = ("feed", "max_age", "decimals", "asset_decimals", "at_par", "min_answer")
        values = self._read("feedOf", asset)
        return dict(zip((*names, "max_answer"), values, strict=True))

    def assets(self) -> list[Address]:
        """The payment assets."""
        return [str(to_checksum_address(asset)) for asset in self._read("assets")]

    def sequencer(self) -> Address:
        """The rollup's sequencer feed; the zero address where there is none."""
        return str(to_checksum_address(self._read("sequencer")))

    def sequencer_grace(self) -> int:
        """How long the sequencer must have been up, in seconds."""
        return int(self._read("SEQUENCER_GRACE"))

    def max_assets(self) -> int:
        """Most payment assets."""
        return int(self._read("MAX_ASSETS"))

    def version(self) -> str:
        """Version of the contract."""
        return str(self._read("version"))
