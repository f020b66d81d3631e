"""What every way of licensing can do, whichever protocol stands behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from anacostia_blockchain.licensing.terms import Right, Terms
    from anacostia_blockchain.licensing.values import License, LicensedParent, Offer, Price
    from anacostia_blockchain.types import Address, Relation

Model = str | int
"""A registered model, as `Reference` reads it; a version in it is not needed."""


class Licensing(Protocol):
    """Offer, buy, derive, pay, collect: the acts that backends share.

    `client.licenses` is the backend of our own contracts, which runs on any chain.
    """

    name: str
    """Of the backend, as the command line and reports print it."""

    def offer(self, model: Model, terms: Terms | str, price: Price, *, supply: int = 0) -> Offer:
        """Offer licences of a model under terms, or under a preset's."""

    def buy(
        self,
        model: Model,
        *,
        offer: int | None = None,
        quantity: int = 1,
        max_pay: int | None = None,
    ) -> list[License]:
        """Buy licences for this account, at no more than `max_pay`; None: the price now."""

    def derive(
        self, child: Model, licenses: Sequence[License], relation: Relation | None = None
    ) -> tuple[LicensedParent, ...]:
        """Make a model a derivative of those that the licences are of."""

    def pay(self, model: Model, amount: int, asset: Address | None = None) -> None:
        """Add to a model's revenue what it earned elsewhere."""

    def collect(self, models: Iterable[Model], asset: Address | None = None) -> int:
        """Move what this account is owed from the models' derivatives up, and be paid it."""

    def entitled(self, model: Model, right: Right, account: Address | None = None) -> bool:
        """Whether an account may do something with a model now."""

    def parents(self, model: Model) -> tuple[LicensedParent, ...]:
        """What a model owes to its parents."""
