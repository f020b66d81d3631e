"""Offers on Story: under which terms a model can be licensed, and for how much."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from eth_utils import to_checksum_address

from anacostia_blockchain.errors import ConfigError, NotFoundError
from anacostia_blockchain.licensing.terms import NATIVE, Terms
from anacostia_blockchain.licensing.values import Offer, Price
from anacostia_blockchain.story.pil import PilTerms, from_pil
from anacostia_blockchain.story.royalties import Royalties

if TYPE_CHECKING:
    from anacostia_blockchain.licensing.base import Model
    from anacostia_blockchain.types import Address


class Offers(Royalties):
    """The part of `client.story` that says what is for sale.

    An offer's number is the id of its terms with Story. Its price is set beside the terms.
    """

    def offer(self, model: Model, terms: Terms | str, price: Price, *, supply: int = 0) -> Offer:
        """Offer licences of a model under terms, or under a preset's.

        Args:
            model: of this account; registered as an IP asset if it is none.
            terms: registered and attached where they are not yet.
            price: fixed, in the currency of the terms; the coin is paid as wrapped coins.
            supply: 0. Story limits no supply without a module of its own.

        Raises:
            ConfigError: Story cannot do that: asked prices, other currencies, limited supplies.
            ContractRevertedError: it is not this account's, or Story's rules do not allow it.
        """
        pil = self.pil(terms)
        self._check_price(pil, price, supply)
        ip_id, terms_id = self.register(model), self.register_terms(pil)
        where = (ip_id, self.parts.template.address, terms_id)
        if not self.parts.registry.read("hasIpAttachedLicenseTerms", *where):
            self.parts.licensing.send("attachLicenseTerms", *where)
        if self._fee(ip_id, terms_id, pil) != price.amount or self._config(ip_id, terms_id)[5]:
            self._configure(ip_id, terms_id, price.amount, disabled=False)
        return self._offer(ip_id, terms_id)

    def withdraw_offer(self, model: Model, offer: int) -> None:
        """End an offer until it is made again; licences that were given out stay."""
        ip_id = self.ip_of(model)
        fee = self._fee(ip_id, offer, self.pil_terms(offer))
        self._configure(ip_id, offer, fee, disabled=True)

    def offers(self, model: Model) -> list[Offer]:
        """All terms that a model is offered under."""
        ip_id = self.ip_of(model)
        return [self._offer(ip_id, terms_id) for terms_id in self.attached(ip_id)]

    def quote(self, model: Model, offer: int | None = None, quantity: int = 1) -> int:
        """What licences cost now, in the currency of the terms."""
        ip_id = self.ip_of(model)
        return self._quote(ip_id, self._choose(ip_id, offer), quantity)[1]

    # ------------------------------------------------------------------ internal

    def _check_price(self, pil: PilTerms, price: Price, supply: int) -> None:
        if supply:
            raise ConfigError("Story limits no supply: offer any number, with supply 0")
        if price.pricing is not None:
            raise ConfigError("Story asks no pricing contract: offer a fixed price")
        if not price.is_free and not price.amount:
            raise ConfigError("a price of zero is not meant: use Price.free()")
        if price.amount and not pil.commercial_use:
            raise ConfigError("Story sells commercial licences only: these terms can be free")
        if price.amount and self._asset(price.asset).lower() != pil.currency.lower():
            raise ConfigError(f"the terms are paid in {pil.currency}, not in {price.asset}")

    def _config(self, ip_id: Address, terms_id: int) -> tuple[Any, ...]:
        where = (ip_id, self.parts.template.address, terms_id)
        return tuple(self.parts.registry.read("getLicensingConfig", *where))

    def _configure(self, ip_id: Address, terms_id: int, fee: int, *, disabled: bool) -> None:
        config = (True, fee, NATIVE, b"", 0, disabled, 0, NATIVE)
        where = (ip_id, self.parts.template.address, terms_id)
        self.parts.licensing.send("setLicensingConfig", *where, config)

    def _fee(self, ip_id: Address, terms_id: int, pil: PilTerms) -> int:
        is_set, fee = self._config(ip_id, terms_id)[:2]
        return int(fee) if is_set else pil.default_minting_fee

    def _offer(self, ip_id: Address, terms_id: int) -> Offer:
        pil = self.pil_terms(terms_id)
        fee, terms = self._fee(ip_id, terms_id, pil), from_pil(pil, self.addresses)
        price = Price(asset=terms.currency, amount=fee) if fee else Price.free()
        logs = self._client.chain.logs(
            self.parts.licensing.address,
            self.parts.licensing.interface,
            "LicenseTokensMinted",
            topics=[None, bytes.fromhex(ip_id[2:]).rjust(32, b"\0"), terms_id.to_bytes(32, "big")],
        )
        return Offer(
            model_id=self.model_of(ip_id),
            number=terms_id,
            terms_id=pil.digest,
            price=price,
            supply=0,
            sold=sum(int(log.values["amount"]) for log in logs),
            is_open=not self._config(ip_id, terms_id)[5] and not self.is_disputed(ip_id),
            rights=terms.rights,
        )

    def _choose(self, ip_id: Address, terms_id: int | None) -> int:
        if terms_id is not None:
            return terms_id
        found = [t for t in self.attached(ip_id) if not self._config(ip_id, t)[5]]
        if not found:
            raise NotFoundError(f"no licence of {ip_id} is offered on Story now")
        if len(found) > 1:
            raise ConfigError(f"{ip_id} is offered under terms {found}: say which")
        return found[0]

    def _quote(self, ip_id: Address, terms_id: int, quantity: int) -> tuple[Address, int]:
        where = (ip_id, self.parts.template.address, terms_id, quantity)
        who = self._client.address
        currency, fee = self.parts.licensing.read("predictMintingLicenseFee", *where, who, b"")
        return str(to_checksum_address(currency)), int(fee)
