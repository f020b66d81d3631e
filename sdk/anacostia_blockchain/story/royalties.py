"""Royalties on Story: paying a work, and bringing what is owed up to its owner."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from anacostia_blockchain.errors import ContractRevertedError
from anacostia_blockchain.licensing.terms import NATIVE
from anacostia_blockchain.story.assets import Assets
from anacostia_blockchain.story.pil import WHOLE

if TYPE_CHECKING:
    from anacostia_blockchain.licensing.base import Model
    from anacostia_blockchain.types import Address


class Royalties(Assets):
    """The part of `client.story` that moves money.

    Revenue belongs to the asset's account, not to its owner's wallet, and goes with the model when
    that is sold: `collect` brings it home.
    """

    def pay(self, model: Model, amount: int, asset: Address | None = None) -> None:
        """Add to a model's revenue what it earned elsewhere; its ancestors get their shares.

        Args:
            model: it gets a vault, if it has none.
            amount: in the asset's smallest unit; of the coin, it is wrapped.
            asset: token that Story has admitted; None: the coin.
        """
        ip_id, token, royalties = self.ip_of(model), self._asset(asset), self.parts.royalties
        if self.vault_of(ip_id) is None:
            royalties.send("deployVault", ip_id)
        self._allow(token, royalties.address, amount)
        royalties.send("payRoyaltyOnBehalf", ip_id, NATIVE, token, amount)

    def vault_of(self, model: Model) -> Address | None:
        """Where a model's revenue goes; None before it has been licensed, derived or paid."""
        found = str(self.parts.royalties.read("ipRoyaltyVaults", self.ip_of(model)))
        return None if found == NATIVE else found

    def claimable(self, model: Model, asset: Address | None = None) -> int:
        """What a model's vault holds for its account."""
        ip_id, vault = self.ip_of(model), self.vault_of(model)
        if vault is None:
            return 0
        return int(self.parts.vault(vault).read("claimableRevenue", ip_id, self._asset(asset)))

    def settle(self, models: Iterable[Model], asset: Address | None = None) -> int:
        """Move what descendants owe into the models' vaults; anybody may.

        What has nothing to move is left out, where Story would revert.

        Returns:
            How much was moved.
        """
        token, moved = self._asset(asset), 0
        for model in models:
            ip_id = self.ip_of(model)
            for descendant in self.descendants(ip_id):
                for policy in self.parts.royalties.read("accumulatedRoyaltyPolicies", descendant):
                    moved += self._transfer(policy, descendant, ip_id, token)
        return moved

    def claim(self, model: Model, asset: Address | None = None) -> int:
        """Move what a model's vault holds into its account; anybody may. Returns how much."""
        ip_id, vault, amount = self.ip_of(model), self.vault_of(model), self.claimable(model, asset)
        if vault is not None and amount:
            self.parts.vault(vault).send("claimRevenueOnBehalf", ip_id, self._asset(asset))
        return amount

    def withdraw(self, model: Model, asset: Address | None = None) -> int:
        """Move what a model's account holds to this account, its owner; returns how much."""
        token = self.parts.erc20(self._asset(asset))
        amount = int(token.read("balanceOf", self.ip_of(model)))
        if amount:
            self.execute(model, token.encode("transfer", self._client.address, amount))
        return amount

    def collect(self, models: Iterable[Model], asset: Address | None = None) -> int:
        """Settle, claim and withdraw for models of this account, across all descendants.

        Returns:
            What was paid to this account; the coin comes wrapped, see `unwrap`.
        """
        wanted = list(models)
        self.settle(wanted, asset)
        paid = 0
        for model in wanted:
            self.claim(model, asset)
            paid += self.withdraw(model, asset)
        return paid

    def unwrap(self, amount: int | None = None) -> int:
        """Turn wrapped coins of this account into coins; None: all. Returns how many."""
        value = amount
        if value is None:
            value = int(self.parts.coin.read("balanceOf", self._client.address))
        if value:
            self.parts.coin.send("withdraw", value)
        return value

    def descendants(self, model: Model) -> list[Address]:
        """All that was made of a model, and of that, each once; Story allows 1024 ancestors."""
        registry = self.parts.registry
        found: dict[Address, None] = {}
        waiting = [self.ip_of(model)]
        while waiting:
            ip_id = waiting.pop()
            count = registry.read("getDerivativeIpCount", ip_id)
            children = [str(registry.read("getDerivativeIp", ip_id, i)) for i in range(count)]
            waiting += [child for child in children if child not in found]
            found |= dict.fromkeys(children)
        return list(found)

    def stack_of(self, model: Model) -> float:
        """What a model owes to all its ancestors, as a share of its revenue."""
        return int(self.parts.royalties.read("globalRoyaltyStack", self.ip_of(model))) / WHOLE

    def _transfer(self, policy: Address, ip_id: Address, ancestor: Address, token: Address) -> int:
        part = self.parts.policy(policy)
        try:
            # Asked before it is sent: Story reverts where there is nothing to move.
            amount = int(part.read("transferToVault", ip_id, ancestor, token))
        except ContractRevertedError as error:
            if error.name in _NOTHING:
                return 0
            raise
        part.send("transferToVault", ip_id, ancestor, token)
        return amount


_NOTHING = {
    "IpRoyaltyVault__ZeroAmount",
    "RoyaltyPolicyLAP__ZeroClaimableRoyalty",
    "RoyaltyPolicyLRP__ZeroClaimableRoyalty",
}
