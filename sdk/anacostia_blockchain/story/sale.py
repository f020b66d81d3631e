"""`StorySale` at work: licences on Story at a price in dollars, or whatever a contract answers."""

from __future__ import annotations

from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING

from eth_abi import encode
from eth_utils import keccak

from anacostia_blockchain.deployment import create2
from anacostia_blockchain.errors import ConfigError, WrongNetworkError
from anacostia_blockchain.licensing import payments
from anacostia_blockchain.licensing.terms import preset
from anacostia_blockchain.story.values import SignedOffer, StoryOffer, StoryOrder

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain
    from anacostia_blockchain.contracts.story_sale import StorySale
    from anacostia_blockchain.deployment import DeployedContract
    from anacostia_blockchain.licensing.base import Model
    from anacostia_blockchain.licensing.terms import Terms
    from anacostia_blockchain.licensing.values import License
    from anacostia_blockchain.story.addresses import StoryAddresses
    from anacostia_blockchain.story.licensing import Story
    from anacostia_blockchain.types import Address

_ALLOW, _DENY = 1, 2

_OFFER = {
    "StoryOffer": [
        {"name": "ipId", "type": "address"},
        {"name": "termsId", "type": "uint256"},
        {"name": "pricing", "type": "address"},
        {"name": "modelId", "type": "uint64"},
        {"name": "quotedTerms", "type": "bytes32"},
        {"name": "nonce", "type": "uint256"},
        {"name": "deadline", "type": "uint256"},
    ]
}


def deploy_sale(chain: Chain, addresses: StoryAddresses) -> DeployedContract:
    """Put `StorySale` on Story's chain, or find it there."""
    return create2(chain, "StorySale", sale_arguments(addresses))


def sale_arguments(addresses: StoryAddresses) -> bytes:
    """What its constructor takes, encoded."""
    parts = (
        *(addresses.licensing_module, addresses.license_template),
        *(addresses.royalty_module, addresses.wrapped_coin),
    )
    return encode(["address"] * len(parts), parts)


def offer(
    story: Story,
    model: Model,
    terms: Terms | str,
    pricing: Address,
    *,
    valid_for: timedelta = timedelta(days=30),
) -> SignedOffer:
    """Offer licences of a model of this account at a price that a contract is asked for.

    The model is registered, and the terms; the sale is allowed to give out licences, and nobody
    else is. Nothing shows on Story: hand the offer to buyers. It stands for as many licences as
    they buy, until it ends or `cancel` ends it, or the model changes hands.

    Args:
        story: where a sale is deployed.
        model: of this account.
        terms: for commerce, without derivatives: a derivative would carry terms that cost nothing
            on, and everybody could have those.
        pricing: an `IQuoter` such as `ModelPricing`, asked for the model's number and the id of
            the terms (`Terms.id`), in the chain's coin.
        valid_for: after which the offer ends.

    Raises:
        ConfigError: there is no sale, nobody to sign, or the terms cannot be sold that way.
        ContractRevertedError: the model is not this account's.
    """
    chain, sale = story.parts.chain, story.sale
    wanted = preset(terms) if isinstance(terms, str) else terms
    pil = story.pil(wanted)
    if not pil.commercial_use or pil.derivatives_allowed or pil.default_minting_fee:
        raise ConfigError(
            "terms to be sold at an asked price are commercial, without derivatives and without a "
            "lowest price: for instance the preset commercial-use"
        )
    ip_id, terms_id = story.register(model), story.register_terms(pil)
    if terms_id in story.attached(ip_id):
        raise ConfigError(
            f"{model} is offered under these terms on Story already, at a price of its own: "
            "use other terms"
        )
    _permit(story, ip_id, sale.address, _ALLOW)
    owner = chain.address or ""
    made = StoryOffer(
        ip_id=ip_id,
        terms_id=terms_id,
        pricing=pricing,
        model_id=story.model_of(ip_id),
        quoted_terms=wanted.id,
        nonce=sale.nonces(owner),
        deadline=payments.deadline(chain) + int(valid_for.total_seconds()),
    )
    return SignedOffer(chain.chain_id, sale.address, made, _sign(chain, sale, made))


def buy(
    story: Story,
    signed: SignedOffer,
    *,
    quantity: int = 1,
    max_pay: int | None = None,
    recipient: Address | None = None,
) -> list[License]:
    """Buy licences that an owner offered, with the chain's coin.

    Args:
        story: on the offer's chain.
        signed: what the owner handed out.
        quantity: of licences.
        max_pay: most that all of them may cost, in wei; None: what they cost now.
        recipient: who is to hold them; None: this account.

    Raises:
        WrongNetworkError: the offer is for another chain.
        ConfigError: it is for a sale that is not known here.
        ContractRevertedError: it ended, was cancelled, or the price rose above `max_pay`, by name.
    """
    chain, sale = story.parts.chain, story.sale
    if signed.chain_id != chain.chain_id:
        raise WrongNetworkError(signed.chain_id, chain.chain_id)
    if signed.sale.lower() != sale.address.lower():
        raise ConfigError(
            f"the offer is for the sale at {signed.sale}, which is not the one known here"
        )
    price = sale.quote(signed.offer) * quantity
    limit = price if max_pay is None else max_pay
    order = StoryOrder(
        quantity=quantity,
        max_pay=limit,
        max_share=0,
        deadline=payments.deadline(chain),
        recipient=recipient or chain.address or "",
    )
    first = sale.buy(signed.offer, signed.signature, order, value=max(price, limit))
    return [story.get(token_id) for token_id in range(first, first + quantity)]


def cancel(story: Story) -> None:
    """Cancel everything that this account has offered so far; permissions stay, and do nothing."""
    story.sale.cancel_offers()


def withdraw_permission(story: Story, model: Model) -> None:
    """Let the sale give out licences of a model no more."""
    _permit(story, story.ip_of(model), story.sale.address, _DENY)


def _permit(story: Story, ip_id: Address, sale: Address, permission: int) -> None:
    """For one function of one contract, and no other."""
    mint = "mintLicenseTokens(address,address,uint256,uint256,address,bytes,uint256,uint32)"
    where = (ip_id, sale, story.parts.licensing.address, keccak(text=mint)[:4])
    if int(story.parts.access.read("getPermission", *where)) != permission:
        story.parts.access.send("setPermission", *where, permission)


def _sign(chain: Chain, sale: StorySale, made: StoryOffer) -> bytes:
    if chain.signer is None:
        raise ConfigError("this connection has no signer and only reads")
    domain = {
        "name": "Anacostia StorySale",
        "version": "1",
        "chainId": chain.chain_id,
        "verifyingContract": sale.address,
    }
    names = [field["name"] for field in _OFFER["StoryOffer"]]
    message = dict(zip(names, asdict(made).values(), strict=True))
    return chain.signer.sign_typed_data(domain, _OFFER, message)
