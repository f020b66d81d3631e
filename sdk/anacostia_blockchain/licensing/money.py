"""Royalties: what models earn, and how it reaches everybody upstream."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from anacostia_blockchain.licensing import payments
from anacostia_blockchain.licensing.terms import NATIVE
from anacostia_blockchain.licensing.values import RevenueAccount

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.licensing.base import Model
    from anacostia_blockchain.types import Address

SETTLED_AT_ONCE = 48
"""Accounts settled in one transaction: the contract takes 64, but where each brings something to
eight parents for the first time, they do not fit into 2**24 gas (EIP-7825)."""


class Money:
    """The part of `client.licenses` that moves money which has been earned."""

    def __init__(self, client: Anacostia) -> None:
        self._client = client
        self._contract = client.licensing

    def pay(self, model: Model, amount: int, asset: Address | None = None) -> None:
        """Add to a model's revenue what it earned elsewhere; its parents get their shares."""
        paid_in, contract = asset or NATIVE, self._contract
        permit, value = payments.prepare(self._client.chain, contract.address, paid_in, amount)
        contract.pay(self._id(model), paid_in, amount, permit, value=value)

    def settle(self, models: Iterable[Model], asset: Address | None = None) -> int:
        """Move revenue one generation up for each model in the order given; anybody may.

        Returns:
            How many accounts had something to move.
        """
        accounts = self._accounts([self._id(model) for model in models], asset or NATIVE)
        if not any(map(self._unsettled, accounts)):
            return 0
        # Those with nothing yet as well: an earlier entry may bring it to a later one.
        starts = range(0, len(accounts), SETTLED_AT_ONCE)
        batches = (accounts[start : start + SETTLED_AT_ONCE] for start in starts)
        return sum(map(self._contract.settle, batches))

    def collect(self, models: Iterable[Model], asset: Address | None = None) -> int:
        """Settle the models' derivatives, youngest first, then the models, and be paid.

        Returns:
            What was paid to this account, from these models and whatever was kept for it before.
        """
        paid_in, address = asset or NATIVE, self._client.address
        family = self._family([self._id(model) for model in models])
        self.settle(family, paid_in)
        if not self._contract.claimable(address, paid_in):
            return 0
        return self._contract.claim(paid_in, address)

    def claimable(self, asset: Address | None = None, account: Address | None = None) -> int:
        """What is kept for an account, ready to be claimed."""
        return self._contract.claimable(account or self._client.address, asset or NATIVE)

    def claim(self, asset: Address | None = None, recipient: Address | None = None) -> int:
        """Be paid all that is kept for this account in an asset; returns how much."""
        return self._contract.claim(asset or NATIVE, recipient or self._client.address)

    def pending(self, model: Model, asset: Address | None = None) -> int:
        """What a model has earned, under whichever owner, and nobody has divided yet."""
        accounts = self._accounts([self._id(model)], asset or NATIVE)
        return sum(self._unsettled(account) for account in accounts)

    def unsettled(
        self, models: Iterable[Model], asset: Address | None = None
    ) -> list[RevenueAccount]:
        """Accounts of models that have earned something which nobody has divided yet."""
        accounts = self._accounts([self._id(model) for model in models], asset or NATIVE)
        return [account for account in accounts if self._unsettled(account)]

    def below(self, model: Model, asset: Address | None = None) -> list[RevenueAccount]:
        """Accounts of all that was made of a model, youngest first, empty ones as well."""
        return self._accounts(self._family([self._id(model)])[:-1], asset or NATIVE)

    def due(self, models: Iterable[Model], asset: Address | None = None) -> list[RevenueAccount]:
        """What to settle, in this order, so that all that is due to models reaches them.

        It begins with the first account that has something; those after it may get something.
        """
        family = self._family([self._id(model) for model in models])
        accounts = self._accounts(family, asset or NATIVE)
        first = (i for i, account in enumerate(accounts) if self._unsettled(account))
        start = next(first, len(accounts))
        return accounts[start:]

    def derivatives(self, model: Model) -> list[int]:
        """Ids of the models that were made of one under a licence, oldest first."""
        logs = self._contract.logs("DerivativeMade", self._id(model))
        return [int(log.values["childId"]) for log in logs]

    def _unsettled(self, account: RevenueAccount) -> int:
        revenue = self._contract.revenue_of(account)
        return revenue.earned - revenue.settled

    def _accounts(self, model_ids: Iterable[int], asset: Address) -> list[RevenueAccount]:
        """Revenue belongs to who owned the model when it was earned: ask for every owner."""
        return [
            RevenueAccount(model_id, owner, asset)
            for model_id in model_ids
            for owner in self._client.nft.owners_ever(model_id)
        ]

    def _family(self, model_ids: Sequence[int]) -> list[int]:
        """Models and all that was made of them, each after everything that was made of it."""
        order: dict[int, None] = {}
        stack = [(model_id, False) for model_id in model_ids]
        while stack:
            model_id, visited = stack.pop()
            if visited:
                order[model_id] = None
            elif model_id not in order:
                stack.append((model_id, True))
                stack += [(child, False) for child in self.derivatives(model_id)]
        return list(order)

    def _id(self, model: Model) -> int:
        return self._client.models.resolve(model)[0]
