"""`client.market`: models themselves, for sale."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from anacostia_blockchain.errors import ContractRevertedError, ModelChangedError, NotFoundError
from anacostia_blockchain.licensing import payments
from anacostia_blockchain.licensing.money import SETTLED_AT_ONCE
from anacostia_blockchain.licensing.terms import NATIVE
from anacostia_blockchain.licensing.values import Order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.licensing.values import Listing, Price, RevenueAccount
    from anacostia_blockchain.types import Address

_MONTH = timedelta(days=30)


class Market:
    """Sale of registered models, as one account sees it.

    Example:
        >>> hub.market.list("digits", Price.native(10**18))  # doctest: +SKIP
        >>> seen = other.market.get("0xA11ce…/digits")  # doctest: +SKIP
        >>> other.licenses.parents(seen.model_id)  # doctest: +SKIP
        >>> other.market.buy(seen.model_id, state=seen.state)  # doctest: +SKIP
    """

    def __init__(self, client: Anacostia) -> None:
        self._client = client
        self._contract = client.model_market

    def list(self, model: str | int, price: Price, *, valid_for: timedelta = _MONTH) -> Listing:
        """Offer a model of this account for sale; the token stays here until it is sold.

        Whoever buys it settles first what its derivatives of this moment owe it, for this account:
        of more than the contract takes, the nearest. List it anew when there are new ones.

        Args:
            model: to sell; approved for the market if it is not yet.
            price: what it costs, royalty included.
            valid_for: after which the listing ends.

        Raises:
            ContractRevertedError: it is not this account's, or the price is none.
        """
        model_id = self._id(model)
        nft = self._client.nft
        if (
            nft.owner_of(model_id) == self._client.address
            and nft.get_approved(model_id) != self._contract.address
        ):
            nft.approve(self._contract.address, model_id)
        now = int(self._client.chain.header()["timestamp"], 16)
        below = self._client.licenses.below
        accounts = [a for paid_in in _assets(price.asset) for a in below(model_id, paid_in)]
        most = self._contract.max_settled()
        until = now + int(valid_for.total_seconds())
        self._contract.list(model_id, price, until, accounts[-most:])
        return self.get(model_id)

    def cancel(self, model: str | int) -> None:
        """Take a model of this account off the market."""
        self._contract.cancel(self._id(model))

    def get(self, model: str | int) -> Listing:
        """A model's listing.

        Raises:
            NotFoundError: it is not for sale, or no longer.
        """
        model_id = self._id(model)
        try:
            return self._contract.listing_of(model_id, self._client.nft.owner_of(model_id))
        except ContractRevertedError as error:
            if error.name != "ModelMarket_NotListed":
                raise
            raise NotFoundError(f"model {model_id} is not for sale") from error

    def listings(self) -> Iterator[Listing]:
        """What is for sale now, by model id."""
        for model_id in sorted(self._contract.ever_listed()):
            try:
                listing = self.get(model_id)
            except NotFoundError:
                continue
            if datetime.now(UTC) < listing.expires_at:
                yield listing

    def quote(self, model: str | int, asset: Address | None = None) -> int:
        """What a model costs now, royalty included.

        Raises:
            NotFoundError: it is not for sale.
            ContractRevertedError: it cannot be bought: its listing has ended, the market may no
                longer transfer it, or its price is not told.
        """
        listing = self.get(model)
        return self._contract.quote(listing.model_id, asset or listing.price.asset)

    def buy(
        self,
        model: str | int,
        *,
        max_pay: int | None = None,
        asset: Address | None = None,
        recipient: Address | None = None,
        state: bytes | None = None,
    ) -> None:
        """Buy a model that is for sale.

        What its derivatives owe it up to now is settled in the same transaction, for the seller.
        Look at its aliases and their gates, at revocations and at the licences that were sold, too:
        they are no part of its `state`, and outlive the sale.

        Args:
            model: to buy.
            max_pay: most that it may cost; None: what it costs now.
            asset: to pay with, where the price is asked of a contract; None: the listing's own.
            recipient: who is to own it; None: this account.
            state: of the listing that you looked at; None: as it is now.

        Raises:
            NotFoundError: it is not for sale.
            ModelChangedError: its royalty, parents, offers or versions are no longer those.
            InsufficientFundsError: the account cannot pay.
            ContractRevertedError: the price rose above `max_pay`, or another reason by name.
        """
        listing, chain = self.get(model), self._client.chain
        paid_in = asset or listing.price.asset
        price = self._contract.quote(listing.model_id, paid_in)
        limit = price if max_pay is None else max_pay
        amount = max(limit, price)
        permit, value = payments.prepare(chain, self._contract.address, paid_in, amount)
        order = Order(
            model_id=listing.model_id,
            asset=paid_in,
            max_pay=limit,
            deadline=payments.deadline(chain),
            recipient=recipient or self._client.address,
            state=listing.state if state is None else state,
        )
        settle_first = self._settle_first(listing.model_id, paid_in)
        try:
            self._contract.buy(order, permit, settle_first=settle_first, value=value)
        except ContractRevertedError as error:
            if error.name != "ModelMarket_StateChanged":
                raise
            raise ModelChangedError(
                f"model {listing.model_id} is not what you looked at: its royalty, parents, offers "
                "or versions changed; look at it again before you buy it"
            ) from error

    def claimable(self, asset: Address | None = None, account: Address | None = None) -> int:
        """What an account can claim from sales and royalties of models."""
        return self._contract.claimable(account or self._client.address, asset or NATIVE)

    def claim(self, asset: Address | None = None, recipient: Address | None = None) -> None:
        """Be paid what sales and royalties of models have brought this account."""
        self._contract.claim(asset or NATIVE, recipient or self._client.address)

    def _settle_first(self, model_id: int, asset: Address) -> Sequence[RevenueAccount]:
        """What the seller asks for, then what has come since, which is the seller's as well."""
        licenses = self._client.licenses
        asked = list(self._contract.settled_first(model_id))
        due = [a for paid_in in _assets(asset) for a in licenses.due([model_id], paid_in)]
        if all(account in asked for account in due):
            return asked
        left = SETTLED_AT_ONCE - len(asked)
        return [*asked, *due[-left:]]

    def _id(self, model: str | int) -> int:
        return self._client.models.resolve(model)[0]


def _assets(asset: Address) -> list[Address]:
    """The coin, and what a price is in."""
    return list(dict.fromkeys((asset, NATIVE)))
