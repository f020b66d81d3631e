"""Registered models as IP assets of Story's: their accounts, metadata, terms and disputes."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from eth_utils import is_hex_address, to_checksum_address

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.contracts.story_adapter import StoryAdapter
from anacostia_blockchain.contracts.story_sale import StorySale
from anacostia_blockchain.errors import InsufficientFundsError, NotFoundError
from anacostia_blockchain.licensing.terms import NATIVE, Terms, preset
from anacostia_blockchain.story.parts import Parts
from anacostia_blockchain.story.pil import PilTerms, from_pil, to_pil

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.licensing.base import Model
    from anacostia_blockchain.story.addresses import StoryAddresses
    from anacostia_blockchain.types import Address


@dataclass(frozen=True, slots=True)
class Dispute:
    """A dispute about an asset, as Story's arbitration has it.

    Attributes:
        raised_at: UTC.
        evidence: digest of the evidence.
        tag: what the asset is said to be, such as `IMPROPER_USAGE`.
        state: `IN_DISPUTE`, the tag once it was decided so, or empty.
    """

    id: int
    ip_id: Address
    raised_by: Address
    raised_at: datetime
    evidence: bytes
    tag: str
    state: str


class Assets:
    """The part of `client.story` about assets themselves.

    Wherever a model is asked for, the address of any IP asset will do.
    """

    def __init__(self, client: Anacostia, addresses: StoryAddresses) -> None:
        self._client = client
        self.addresses = addresses
        self.parts = Parts(client.chain, addresses)

    @property
    def adapter(self) -> StoryAdapter:
        """Our contract of that name, which does in one transaction what Story takes several for.

        Raises:
            ConfigError: it is not deployed on this chain.
        """
        return StoryAdapter(self._client.chain, self._client.deployment.address("StoryAdapter"))

    @property
    def sale(self) -> StorySale:
        """Our contract of that name, which sells licences at a price that a contract is asked for.

        Raises:
            ConfigError: likewise.
        """
        return StorySale(self._client.chain, self._client.deployment.address("StorySale"))

    # ------------------------------------------------------------------ assets

    def ip_of(self, model: Model) -> Address:
        """The IP asset that a model is, or would be once it is registered."""
        if isinstance(model, str) and is_hex_address(model):
            return str(to_checksum_address(model))
        return str(to_checksum_address(self.parts.assets.read("ipId", *self.token_of(model))))

    def token_of(self, model: Model) -> tuple[int, Address, int]:
        """The token that a model is: chain, contract, number."""
        return self._client.chain.chain_id, self._client.nft.address, self._id(model)

    def is_registered(self, model: Model) -> bool:
        """Whether a model is an IP asset."""
        return bool(self.parts.assets.read("isRegistered", self.ip_of(model)))

    def register(self, model: Model) -> Address:
        """Make a model an IP asset, if it is none yet. Anybody may; it stays its owner's.

        Raises:
            InsufficientFundsError: Story asks a fee that the account does not have.
        """
        ip_id = self.ip_of(model)
        if self.is_registered(ip_id):
            return ip_id
        if isinstance(model, str) and is_hex_address(model):
            raise NotFoundError(f"{model} is no IP asset: register the model itself")
        assets = self.parts.assets
        if fee := assets.read("getFeeAmount"):
            self._allow(str(assets.read("getFeeToken")), assets.address, fee)
        assets.send("register", *self.token_of(model))
        return ip_id

    def model_of(self, ip_id: Address) -> int:
        """The model that an IP asset is.

        Raises:
            NotFoundError: it is another contract's token.
        """
        chain_id, contract, token_id = self.parts.account(ip_id).read("token")
        ours = (self._client.chain.chain_id, self._client.nft.address.lower())
        if (chain_id, contract.lower()) != ours:
            raise NotFoundError(f"{ip_id} is token {token_id} of {contract}, no model of ours")
        return int(token_id)

    def set_metadata(
        self, model: Model, uri: str, document: bytes, nft_document: bytes = b""
    ) -> Receipt:
        """Say where an asset's metadata is, with the SHA-256 of it and of the token's own."""
        digests = (hashlib.sha256(document).digest(), _digest(nft_document))
        return self.parts.metadata.send("setAll", self.ip_of(model), uri, *digests)

    def describe(self, model: Model) -> str:
        """Point an asset's metadata to `metadata.json` of the model's newest version; the URI.

        It is read from the store, so that the digest is that of what is really there.
        """
        uri = self._client.nft.token_uri(self._id(model))
        root, _, path = uri.removeprefix("ipfs://").partition("/")
        with self._client.storage.open(CID.parse(root), path) as file:
            document = file.read()
        self.set_metadata(model, uri, document, document)
        return uri

    def execute(self, model: Model, call: Call) -> Receipt:
        """Have an asset's account do something; only its owner can."""
        account = self.parts.account(self.ip_of(model))
        return account.send("execute", call.to, call.value, call.data)

    # ------------------------------------------------------------------ terms

    def register_terms(self, terms: Terms | PilTerms | str) -> int:
        """Register terms, or a preset's, where they are not yet; their id on this chain."""
        pil = self.pil(terms)
        template = self.parts.template
        if known := template.read("getLicenseTermsId", pil.to_abi()):
            return int(known)
        receipt = template.send("registerLicenseTerms", pil.to_abi())
        return int(template.events("LicenseTermsRegistered", receipt)[0]["licenseTermsId"])

    def pil(self, terms: Terms | PilTerms | str) -> PilTerms:
        """Terms, or a preset's, in Story's 17 fields."""
        if isinstance(terms, PilTerms):
            return terms
        return to_pil(preset(terms) if isinstance(terms, str) else terms, self.addresses)

    def pil_terms(self, terms_id: int) -> PilTerms:
        """Registered terms as Story has them.

        Raises:
            NotFoundError: there are none with that id.
        """
        if not self.parts.template.read("exists", terms_id):
            raise NotFoundError(f"no terms {terms_id} are registered with Story on this chain")
        return PilTerms.from_abi(self.parts.template.read("getLicenseTerms", terms_id))

    def terms(self, terms_id: int) -> Terms:
        """Registered terms, as ours."""
        return from_pil(self.pil_terms(terms_id), self.addresses)

    def attach(self, model: Model, terms_id: int) -> Receipt:
        """Offer an asset under terms; only its owner can."""
        where = (self.ip_of(model), self.parts.template.address, terms_id)
        return self.parts.licensing.send("attachLicenseTerms", *where)

    def attached(self, model: Model) -> list[int]:
        """Ids of the terms that an asset is offered under."""
        ip_id, registry = self.ip_of(model), self.parts.registry
        count = registry.read("getAttachedLicenseTermsCount", ip_id)
        return [int(registry.read("getAttachedLicenseTerms", ip_id, i)[1]) for i in range(count)]

    def approve(self, parent: Model, terms_id: int, child: Model, *, approved: bool = True) -> None:
        """Allow a derivative whose terms ask for it, or no longer; Story hears the account only."""
        what = (self.ip_of(parent), terms_id, self.ip_of(child), approved)
        self.execute(parent, self.parts.template.encode("setApproval", *what))

    # ------------------------------------------------------------------ disputes

    def is_disputed(self, model: Model) -> bool:
        """Whether a dispute was decided against an asset: it cannot be licensed or paid then."""
        return bool(self.parts.disputes.read("isIpTagged", self.ip_of(model)))

    def disputes(self, model: Model) -> list[Dispute]:
        """All disputes ever raised about an asset, oldest first."""
        ip_id, disputes = self.ip_of(model), self.parts.disputes
        logs = self._client.chain.logs(disputes.address, disputes.interface, "DisputeRaised")
        ids = [
            int(log.values["disputeId"])
            for log in logs
            if log.values["targetIpId"].lower() == ip_id.lower()
        ]
        return [self._dispute(dispute_id) for dispute_id in ids]

    def _dispute(self, dispute_id: int) -> Dispute:
        target, by, at, _policy, evidence, tag, state, _other = self.parts.disputes.read(
            "disputes", dispute_id
        )
        return Dispute(
            id=dispute_id,
            ip_id=str(to_checksum_address(target)),
            raised_by=str(to_checksum_address(by)),
            raised_at=datetime.fromtimestamp(at, UTC),
            evidence=evidence,
            tag=_text(tag),
            state=_text(state),
        )

    # ------------------------------------------------------------------ internal

    def _id(self, model: Model) -> int:
        if isinstance(model, str) and is_hex_address(model):
            return self.model_of(str(to_checksum_address(model)))
        return self._client.models.resolve(model)[0]

    def _asset(self, asset: Address | None) -> Address:
        return self.addresses.wrapped_coin if asset in (None, NATIVE) else str(asset)

    def _allow(self, token: Address, spender: Address, amount: int) -> None:
        """Let a contract take an amount; of the wrapped coin, what is missing is wrapped first."""
        coin, me = self.parts.erc20(token), self._client.address
        missing = amount - int(coin.read("balanceOf", me))
        if missing > 0 and token.lower() != self.addresses.wrapped_coin.lower():
            raise InsufficientFundsError(f"{me} lacks {missing} of token {token}")
        if missing > 0:
            coin.send("deposit", value=missing)
        if int(coin.read("allowance", me, spender)) < amount:
            coin.send("approve", spender, amount)


def _digest(document: bytes) -> bytes:
    return hashlib.sha256(document).digest() if document else bytes(32)


def _text(tag: bytes) -> str:
    return tag.rstrip(b"\0").decode(errors="replace")
