"""`anacostia market`: models themselves, for sale."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from anacostia_blockchain.cli import Session, amounts, session
from anacostia_blockchain.cli.licenses import token_option
from anacostia_blockchain.cli.output import as_data
from anacostia_blockchain.cli.values import word
from anacostia_blockchain.licensing.terms import NATIVE
from anacostia_blockchain.licensing.values import Price

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.licensing.values import Listing

_ONE_HUNDRED_PERCENT = 10_000


@click.group()
def market() -> None:
    """Sale of models themselves: whoever buys one owns it."""


@market.command("list")
@click.argument("model", required=False)
@click.option("--price", help="Such as 2.5, royalty included.")
@click.option("--pricing", help="Contract to ask for the price; usd: see `prices`.")
@token_option
@click.option("--days", default=30, show_default=True, help="After which the listing ends.")
@session
def list_(
    session: Session,
    model: str | None,
    price: str | None,
    pricing: str | None,
    token: str,
    days: int,
) -> None:
    """What is for sale; with MODEL and a price: put it up for sale."""
    hub = session.connect()
    if model is None:
        found = list(hub.market.listings())
        rows = [_row(hub, listing) for listing in found]
        session.output.table(("id", "model", "price", "seller", "until"), rows, as_data(found))
        return
    if (price is None) == (pricing is None):
        raise click.UsageError("say --price or --pricing")
    if pricing is not None:
        asked = amounts.quoted(hub, pricing)
    else:
        asked = Price(asset=token, amount=amounts.parse(hub, price or "", token))
    listing = hub.market.list(model, asked, valid_for=timedelta(days=days))
    text = f"{model} is for sale: {amounts.show_price(hub, asked)}, until {listing.expires_at}"
    session.output.result(as_data(listing), text)


@market.command()
@click.argument("model")
@session
def show(session: Session, model: str) -> None:
    """What MODEL costs, to whom the money would go, and what a sale cannot change."""
    hub = session.connect()
    listing = hub.market.get(model)
    data = as_data(listing)
    rows = [("model", model), ("seller", listing.seller), ("until", listing.expires_at)]
    rows.append(("price", amounts.show_price(hub, listing.price)))
    if listing.price.pricing is None:
        price, asset = hub.market.quote(model), listing.price.asset
        receiver, royalty = hub.nft.royalty_info(listing.model_id, price)
        rows.append(("royalty now", f"{amounts.show(hub, royalty, asset)} to {receiver}"))
        data |= {"quote": price, "royalty": royalty}
    receiver, bps = hub.nft.royalty_info(listing.model_id, _ONE_HUNDRED_PERCENT)
    parents = hub.licenses.parents(listing.model_id)
    offers, most = hub.licensing.offer_count(listing.model_id), hub.licensing.max_offers()
    versions = hub.registry.model_of(listing.model_id).latest_version
    rows.append(("royalty of each sale", f"{bps / 100:g} % to {receiver}"))
    rows += [("owes", f"{p.share_bps / 100:g} % to model {p.model_id}") for p in parents]
    rows += [("offers made", f"{offers} of {most}"), ("versions", versions)]
    rows.append(("state", "0x" + listing.state.hex()))
    data |= {"royalty_receiver": receiver, "royalty_bps": bps, "parents": as_data(parents)}
    data |= {"offers": offers, "versions": versions}
    session.output.table(("", ""), rows, data)


@market.command()
@click.argument("model")
@click.option("--max-pay", help="Most that it may cost, such as 2.5.  [default: the price now]")
@token_option
@click.option("--state", help="What `show` told; refuses what changed since.  [default: as it is]")
@session
def buy(session: Session, model: str, max_pay: str | None, token: str, state: str | None) -> None:
    """Buy MODEL; it is yours from then on."""
    refusal = click.BadParameter(f"{state!r} is no state: copy what `market show` told")
    seen = None if state is None else word(state, refusal)
    hub = session.connect()
    model_id = hub.market.get(model).model_id
    limit = None if max_pay is None else amounts.parse(hub, max_pay, token)
    asset = None if token == NATIVE else token
    hub.market.buy(model, max_pay=limit, asset=asset, state=seen)
    reference = hub.caip19(model_id)
    session.output.result({"bought": reference}, f"{reference} is yours")


@market.command()
@click.argument("model")
@session
def cancel(session: Session, model: str) -> None:
    """Take MODEL off the market."""
    session.connect().market.cancel(model)
    session.output.result({"cancelled": model}, f"{model} is no longer for sale")


@market.command()
@token_option
@session
def claim(session: Session, token: str) -> None:
    """Be paid what sales and royalties of models have brought you."""
    hub = session.connect()
    amount = hub.market.claimable(token)
    hub.market.claim(token)
    data = {"paid": amount, "asset": token, "account": hub.address}
    session.output.result(data, f"paid {amounts.show(hub, amount, token)} to {hub.address}")


def _row(hub: Anacostia, listing: Listing) -> tuple[object, ...]:
    name = hub.models.get(listing.model_id).name
    price = amounts.show_price(hub, listing.price)
    return listing.model_id, name, price, listing.seller, listing.expires_at
