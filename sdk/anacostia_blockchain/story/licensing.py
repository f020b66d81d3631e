"""`client.story`: the same acts as `client.licenses`, through Story Protocol."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from eth_utils import to_checksum_address

from anacostia_blockchain.errors import ConfigError, ContractRevertedError, NotFoundError
from anacostia_blockchain.licensing.terms import Right
from anacostia_blockchain.licensing.values import (
    License,
    LicensedParent,
    LicenseId,
    time_of,
)
from anacostia_blockchain.story.offers import Offers
from anacostia_blockchain.story.pil import WHOLE
from anacostia_blockchain.types import Relation

if TYPE_CHECKING:
    from anacostia_blockchain.licensing.base import Licensing, Model
    from anacostia_blockchain.types import Address

_BASIS_POINT = WHOLE // 10_000


class Story(Offers):
    """Licences, derivatives and royalties through Story Protocol.

    An offer's number is the id of its terms with Story; a licence's serial number is its token.
    A derivative can be offered under the terms that it was made under, and no others: that is
    Story's rule, and terms without `share_alike` end there.

    Attributes:
        addresses: where Story's contracts are.
        parts: those contracts, to call what is not here.

    Example:
        >>> hub.story.offer("digits", "commercial-remix", Price.native(10**16))  # doctest: +SKIP
        >>> mine = hub.story.buy("0xA11ce…/digits")  # doctest: +SKIP
        >>> hub.story.derive("digits-small", mine)  # doctest: +SKIP
    """

    name = "story"

    # ------------------------------------------------------------------ licences

    def buy(
        self,
        model: Model,
        *,
        offer: int | None = None,
        quantity: int = 1,
        max_pay: int | None = None,
        recipient: Address | None = None,
        max_share_bps: int = 0,
    ) -> list[License]:
        """Buy licences for this account, or another; the coin is wrapped as far as needed.

        Args:
            model: whose licences.
            offer: id of the terms; None: the only ones that it is offered under.
            quantity: of licences.
            max_pay: most that all of them may cost; None: what they cost now.
            recipient: who is to hold them; None: this account.
            max_share_bps: highest share of a derivative's revenue that is accepted, in basis
                points; 0: any.

        Raises:
            NotFoundError: nothing is offered.
            ConfigError: more than one offer is open and none was named, or it costs more.
            InsufficientFundsError: the account cannot pay.
            ContractRevertedError: Story refuses, by its error's name.
        """
        ip_id = self.ip_of(model)
        terms_id = self._choose(ip_id, offer)
        currency, fee = self._quote(ip_id, terms_id, quantity)
        limit = fee if max_pay is None else max_pay
        if fee > limit:
            raise ConfigError(f"that costs {fee} now, more than {limit}: nothing was bought")
        if fee:
            self._allow(currency, self.parts.royalties.address, fee)
        receipt = self.parts.licensing.send(
            "mintLicenseTokens",
            *(ip_id, self.parts.template.address, terms_id, quantity),
            *(recipient or self._client.address, b""),
            # To Story a limit of zero is none; nothing was allowed to be taken then, though.
            *(limit, max_share_bps * _BASIS_POINT),
        )
        made = self.parts.licensing.events("LicenseTokensMinted", receipt)[0]
        first = int(made["startLicenseTokenId"])
        return [self.get(token_id) for token_id in range(first, first + quantity)]

    def get(self, token_id: int | str | LicenseId) -> License:
        """A licence, by its token or as printed.

        Raises:
            NotFoundError: there is none, or it was used up by a derivative.
        """
        number = _token(token_id)
        token = self.parts.token
        try:
            holder = str(to_checksum_address(token.read("ownerOf", number)))
        except ContractRevertedError as error:
            raise NotFoundError(f"there is no licence {number}") from error
        ip_id, _template, terms_id, transferable, _share = self._metadata(number)
        terms = self.terms(terms_id)
        seconds = int(terms.duration.total_seconds())
        return License(
            id=LicenseId(self.model_of(ip_id), terms_id, number),
            holder=holder,
            terms_id=self.pil_terms(terms_id).digest,
            rights=terms.rights,
            expires_at=time_of(self._minted_at(number) + seconds) if seconds else None,
            locked=not transferable,
            derivative=None,
        )

    def held(self, account: Address | None = None, model: Model | None = None) -> list[License]:
        """Licences of our models that an account holds, of one model or of all."""
        who, token = account or self._client.address, self.parts.token
        count = token.read("balanceOf", who)
        numbers = [int(token.read("tokenOfOwnerByIndex", who, i)) for i in range(count)]
        wanted = None if model is None else self.ip_of(model).lower()
        found = [(n, self._metadata(n)[0]) for n in numbers]
        return [
            self.get(number)
            for number, ip_id in found
            if (ip_id.lower() == wanted if wanted else self._is_ours(ip_id))
        ]

    def entitled(self, model: Model, right: Right, account: Address | None = None) -> bool:
        """Whether an account may do something with a model now, as its owner or a licensee.

        A licence that is used up by a derivative is gone; while its model is disputed it sleeps.
        """
        ip_id, who = self.ip_of(model), account or self._client.address
        if str(self.parts.account(ip_id).read("owner")).lower() == who.lower():
            return True
        if self.is_disputed(ip_id):
            return False
        held = self.held(who, ip_id)
        return any(right in licence.rights and licence.is_valid() for licence in held)

    # ------------------------------------------------------------------ derivatives

    def derive(
        self, child: Model, licenses: Sequence[License], relation: Relation | None = None
    ) -> tuple[LicensedParent, ...]:
        """Make a model a derivative of those that the licences are of, which are used up.

        Args:
            child: of this account; registered as an IP asset if it is none. It must not have been
                offered, licensed or derived before.
            licenses: held by this account.
            relation: Story does not know it; it is in our registry's lineage.

        Raises:
            ContractRevertedError: Story's rules do not allow it, by name.
        """
        del relation
        numbers = [licence.id.serial for licence in licenses]
        ip_id = self.register(child)
        self.parts.licensing.send("registerDerivativeWithLicenseTokens", ip_id, numbers, b"", WHOLE)
        return self.parents(child)

    def derive_at_once(
        self, child: Model, parents: Sequence[tuple[Model, int]], *, max_pay: int | None = None
    ) -> tuple[LicensedParent, ...]:
        """The same without licences: the parents' fees are paid with it.

        Args:
            child: see `derive`.
            parents: each with the id of the terms that it is offered under.
            max_pay: most that all fees together may be; None: what they are now.
        """
        ip_id = self.register(child)
        ips = [(self.ip_of(parent), terms_id) for parent, terms_id in parents]
        fees = [self._quote(parent, terms_id, 1) for parent, terms_id in ips]
        total = sum(fee for _currency, fee in fees)
        limit = total if max_pay is None else max_pay
        if total > limit:
            raise ConfigError(f"that costs {total} now, more than {limit}: nothing was derived")
        for currency in {currency for currency, fee in fees if fee}:
            due = sum(fee for asked, fee in fees if asked == currency)
            self._allow(currency, self.parts.royalties.address, due)
        self.parts.licensing.send(
            "registerDerivative",
            *(ip_id, [ip for ip, _ in ips], [terms_id for _, terms_id in ips]),
            *(self.parts.template.address, b"", limit, WHOLE, 0),
        )
        return self.parents(child)

    def parents(self, model: Model) -> tuple[LicensedParent, ...]:
        """What a model owes to its parents; empty for one that is no derivative."""
        ip_id, registry = self.ip_of(model), self.parts.registry
        count = registry.read("getParentIpCount", ip_id)
        if not count:
            return ()
        child = self._id(model)
        newest = self._client.registry.model_of(child).latest_version
        edges = {p.model_id: p for p in self._client.registry.parents_of(child, newest)}
        default = Relation.FINETUNE if count == 1 else Relation.MERGE
        shares, found = self._shares(ip_id), []
        for index in range(count):
            parent = str(registry.read("getParentIp", ip_id, index))
            terms_id = int(registry.read("getParentLicenseTerms", ip_id, parent)[1])
            parent_id = self.model_of(parent)
            edge = edges.get(parent_id)
            latest = self._client.registry.model_of(parent_id).latest_version
            found.append(
                LicensedParent(
                    model_id=parent_id,
                    license=LicenseId(parent_id, terms_id, 0),
                    version=edge.version if edge else latest,
                    share_bps=shares.get(parent.lower(), 0) // _BASIS_POINT,
                    relation=edge.relation if edge else default,
                )
            )
        return tuple(found)

    # ------------------------------------------------------------------ internal

    def _metadata(self, number: int) -> tuple[Any, ...]:
        return tuple(self.parts.token.read("getLicenseTokenMetadata", number))

    def _is_ours(self, ip_id: Address) -> bool:
        try:
            self.model_of(ip_id)
        except NotFoundError:
            return False
        return True

    def _minted_at(self, number: int) -> int:
        token = self.parts.token
        topics = [None, None, number.to_bytes(32, "big")]
        log = next(
            iter(
                self._client.chain.logs(
                    token.address, token.interface, "LicenseTokenMinted", topics=topics
                )
            )
        )
        return int(self._client.chain.header(log.block_number)["timestamp"], 16)

    def _shares(self, ip_id: Address) -> dict[str, int]:
        """By parent, as they were fixed: the one event that says them has no indexed fields."""
        chain, licensing, royalties = self._client.chain, self.parts.licensing, self.parts.royalties
        topics = [None, bytes.fromhex(ip_id[2:]).rjust(32, b"\0")]
        for made in chain.logs(
            licensing.address, licensing.interface, "DerivativeRegistered", topics=topics
        ):
            block = made.block_number
            for log in chain.logs(
                *(royalties.address, royalties.interface, "LinkedToParents"),
                from_block=block,
                to_block=block,
            ):
                if log.values["ipId"].lower() == ip_id.lower():
                    parents = (parent.lower() for parent in log.values["parentIpIds"])
                    return dict(zip(parents, log.values["licensesPercent"], strict=True))
        return {}


def _token(token_id: int | str | LicenseId) -> int:
    if isinstance(token_id, LicenseId):
        return token_id.serial
    if isinstance(token_id, str):
        return LicenseId.parse(token_id).serial if "/" in token_id else int(token_id)
    return token_id


if TYPE_CHECKING:
    _BACKEND: type[Licensing] = Story
