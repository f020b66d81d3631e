"""`client.licenses`: licences through our own contracts, on any chain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from anacostia_blockchain.errors import ConfigError, ContractRevertedError, NotFoundError
from anacostia_blockchain.licensing import payments
from anacostia_blockchain.licensing.keys import Keys
from anacostia_blockchain.licensing.money import Money
from anacostia_blockchain.licensing.terms import Right, Terms, preset
from anacostia_blockchain.licensing.values import (
    License,
    LicensedParent,
    LicenseId,
    Offer,
    Permit,
    Price,
    Purchase,
)
from anacostia_blockchain.types import Relation

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.contracts.model_licensing import ParentLicense
    from anacostia_blockchain.licensing.base import Licensing, Model
    from anacostia_blockchain.types import Address


class Licenses(Money):
    """Terms, offers, licences, derivatives and royalties, as one account sees them.

    Attributes:
        keys: of encrypted content, asked for and delivered by events.

    Example:
        >>> hub.licenses.offer("digits", "commercial-remix", Price.native(10**16))  # doctest: +SKIP
        >>> mine = hub.licenses.buy("0xA11ce…/digits")  # doctest: +SKIP
        >>> hub.licenses.derive("digits-small", mine)  # doctest: +SKIP
    """

    name = "native"

    def __init__(self, client: Anacostia) -> None:
        super().__init__(client)
        self._token = client.license_token
        self.keys = Keys(client)

    # ------------------------------------------------------------------ terms and offers

    def register(self, terms: Terms | str) -> bytes:
        """Register terms, or a preset's, where they are not yet; returns their id."""
        wanted = preset(terms) if isinstance(terms, str) else terms
        if not self._is_registered(wanted.id):
            self._contract.register_terms(wanted)
        return wanted.id

    def terms(self, terms_id: bytes) -> Terms:
        """Registered terms.

        Raises:
            NotFoundError: there are none with that id.
        """
        if not self._is_registered(terms_id):
            raise NotFoundError(f"no terms 0x{terms_id.hex()} are registered on this chain")
        return self._contract.terms_of(terms_id)

    def _is_registered(self, terms_id: bytes) -> bool:
        try:
            self._contract.terms_of(terms_id)
        except ContractRevertedError as error:
            if error.name != "ModelLicensing_UnknownTerms":
                raise
            return False
        return True

    def offer(self, model: Model, terms: Terms | str, price: Price, *, supply: int = 0) -> Offer:
        """Offer licences of a model under terms, or under a preset's.

        Args:
            model: of this account. It cannot be made a derivative any more.
            terms: registered if they are not yet.
            price: of a licence; for terms with a duration, of a period.
            supply: most licences that can be sold; 0: any number.

        Raises:
            ContractRevertedError: it is not this account's, or a parent's terms do not allow it.
        """
        model_id = self._id(model)
        number = self._contract.offer(model_id, self.register(terms), price, supply)
        return self._offer(model_id, number)

    def reprice(self, model: Model, offer: int, price: Price, *, supply: int = 0) -> Offer:
        """Set an offer's price and supply, and open it if it had ended."""
        model_id = self._id(model)
        self._contract.reprice(model_id, offer, price, supply)
        return self._offer(model_id, offer)

    def withdraw(self, model: Model, offer: int) -> None:
        """End an offer until it is priced again; licences that were sold stay."""
        self._contract.withdraw(self._id(model), offer)

    def offers(self, model: Model) -> list[Offer]:
        """All offers that a model ever made, oldest first."""
        model_id = self._id(model)
        count = self._contract.offer_count(model_id)
        return [self._offer(model_id, number) for number in range(1, count + 1)]

    def quote(self, model: Model, offer: int | None = None, asset: Address | None = None) -> int:
        """What one licence, or one period, costs now.

        Raises:
            NotFoundError: nothing is offered.
            ConfigError: more than one offer is open, and none was named.
            ContractRevertedError: the offer has ended or is sold out, or does not take the asset.
        """
        chosen = self.choose(model, offer)
        return self._contract.quote(chosen.model_id, chosen.number, asset or chosen.price.asset)

    def _offer(self, model_id: int, number: int) -> Offer:
        _owner, transfers = self._client.nft.ownership_of(model_id)
        return self._contract.offer_of(model_id, number, transfers=transfers)

    def choose(self, model: Model, number: int | None = None) -> Offer:
        """The offer of that number, or the only one that is open.

        Raises:
            NotFoundError: none is open.
            ConfigError: more than one is.
        """
        model_id = self._id(model)
        if number is not None:
            return self._offer(model_id, number)
        found = [offer for offer in self.offers(model_id) if offer.is_open]
        if not found:
            raise NotFoundError(f"no licence of model {model_id} is offered now")
        if len(found) > 1:
            numbers = ", ".join(str(offer.number) for offer in found)
            raise ConfigError(f"model {model_id} has offers {numbers}: say which")
        return found[0]

    # ------------------------------------------------------------------ licences

    def buy(
        self,
        model: Model,
        *,
        offer: int | None = None,
        quantity: int = 1,
        max_pay: int | None = None,
        asset: Address | None = None,
        recipient: Address | None = None,
        encryption_key: bytes = b"",
    ) -> list[License]:
        """Buy licences; `entitled` says so from then on. One transaction, if tokens take permits.

        Args:
            model: whose licences.
            offer: number of the model's offer; None: its only one.
            quantity: of licences; for terms with a duration, of periods of one licence.
            max_pay: most that all of it may cost; None: what it costs now.
            asset: to pay with, where the price is asked of a contract; None: the offer's own.
            recipient: who is to hold them; None: this account.
            encryption_key: X25519 public key for which the seller encrypts the content's key; only
                for this account's own licence. Another recipient asks by `keys.request`.

        Returns:
            The licences; one that was extended, once.

        Raises:
            NotFoundError: nothing is offered.
            ConfigError: more than one offer is open, and none was named; or there is a key for
                another recipient.
            InsufficientFundsError: the account cannot pay.
            ContractRevertedError: the price rose above `max_pay`, or another reason by name.
        """
        purchase, permit, value = self.purchase(
            model,
            offer=offer,
            quantity=quantity,
            max_pay=max_pay,
            asset=asset,
            recipient=recipient,
            encryption_key=encryption_key,
        )
        first = self._contract.buy(purchase, permit, value=value)
        found = self.get(first)
        count = 1 if found.expires_at is not None else quantity
        ids = [LicenseId(first.model_id, first.offer, first.serial + i) for i in range(count)]
        return [found, *map(self.get, ids[1:])]

    def purchase(
        self,
        model: Model,
        *,
        offer: int | None = None,
        quantity: int = 1,
        max_pay: int | None = None,
        asset: Address | None = None,
        recipient: Address | None = None,
        encryption_key: bytes = b"",
    ) -> tuple[Purchase, Permit, int]:
        """What `buy` sends: the purchase, the permit of a token, and wei."""
        holder = recipient or self._client.address
        if encryption_key and holder.lower() != self._client.address.lower():
            raise ConfigError(
                f"{holder} itself has to ask for a key, once it holds the licence: buy without one"
            )
        chosen = self.choose(model, offer)
        paid_in = asset or chosen.price.asset
        price = self._contract.quote(chosen.model_id, chosen.number, paid_in) * quantity
        limit = price if max_pay is None else max_pay
        chain = self._client.chain
        purchase = Purchase(
            model_id=chosen.model_id,
            offer=chosen.number,
            quantity=quantity,
            asset=paid_in,
            max_pay=limit,
            deadline=payments.deadline(chain),
            recipient=holder,
            encryption_key=encryption_key,
        )
        # In the native coin the limit is sent, and what is too much comes back.
        amount = max(limit, price) if price else 0
        permit, value = payments.prepare(chain, self._contract.address, paid_in, amount)
        return purchase, permit, value

    def get(self, license_id: LicenseId | str) -> License:
        """A licence.

        Raises:
            NotFoundError: there is none with that id.
        """
        wanted = LicenseId.parse(license_id) if isinstance(license_id, str) else license_id
        try:
            holder = self._token.owner_of(wanted)
        except ContractRevertedError as error:
            raise NotFoundError(f"there is no licence {wanted}") from error
        offer = self._offer(wanted.model_id, wanted.offer)
        return License(
            id=wanted,
            holder=holder,
            terms_id=offer.terms_id,
            rights=offer.rights,
            expires_at=self._token.expires_at(wanted),
            locked=self._token.locked(wanted),
            derivative=self._token.derivative_of(wanted),
        )

    def held(self, account: Address | None = None, model: Model | None = None) -> list[License]:
        """Licences that an account holds, of one model or of all, expired ones included."""
        who = account or self._client.address
        wanted = None if model is None else self._id(model)
        ids = [i for i in self._token.received_by(who) if wanted in (None, i.model_id)]
        found: list[License] = []
        for license_id in ids:
            try:
                found.append(self.get(license_id))
            except NotFoundError:
                continue  # burned
        return [licence for licence in found if licence.holder == who]

    def entitled(self, model: Model, right: Right, account: Address | None = None) -> bool:
        """Whether an account may do something with a model now, as its owner or a licensee."""
        return self._contract.entitled(account or self._client.address, self._id(model), right)

    # ------------------------------------------------------------------ derivatives

    def derive(
        self, child: Model, licenses: Sequence[License], relation: Relation | None = None
    ) -> tuple[LicensedParent, ...]:
        """Make a model a derivative of those that the licences are of, for ever.

        Args:
            child: a model of this account that was neither offered nor derived before.
            licenses: of different models, held by this account.
            relation: how it came from them; None: as the registry's lineage says, else FINETUNE,
                or MERGE where there are several.

        Raises:
            ContractRevertedError: a licence, its terms or the parents together do not allow it.
        """
        child_id, links = self.links(child, licenses, relation)
        self._contract.derive(child_id, links)
        return self.parents(child_id)

    def links(
        self, child: Model, licenses: Sequence[License], relation: Relation | None = None
    ) -> tuple[int, list[ParentLicense]]:
        """What `derive` sends: the child's number, and each parent's licence and version."""
        child_id, version = self._client.models.resolve(child)
        edges = {
            parent.model_id: parent
            for parent in self._client.registry.parents_of(child_id, version)
        }
        default = Relation.FINETUNE if len(licenses) == 1 else Relation.MERGE
        links: list[ParentLicense] = []
        for licence in licenses:
            parent_id = licence.id.model_id
            known = edges.get(parent_id)
            newest = self._client.registry.model_of(parent_id).latest_version
            how = relation or (known.relation if known else default)
            links.append((licence.id, known.version if known else newest, how))
        return child_id, links

    def approve(self, parent: Model, child: Model, *, approved: bool = True) -> None:
        """Allow a derivative of a model whose terms ask for it, or no longer."""
        self._contract.approve_derivative(self._id(parent), self._id(child), approved)

    def parents(self, model: Model) -> tuple[LicensedParent, ...]:
        """What a model owes to its parents; empty for one that is no derivative."""
        return self._contract.parents_of(self._id(model))


if TYPE_CHECKING:
    _BACKEND: type[Licensing] = Licenses
