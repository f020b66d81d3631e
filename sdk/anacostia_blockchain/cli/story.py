"""`anacostia story`: models as IP assets of Story Protocol, their licences and royalties."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anacostia_blockchain.cli import Session, amounts, session
from anacostia_blockchain.cli.output import as_data
from anacostia_blockchain.errors import FormatError
from anacostia_blockchain.licensing.terms import NATIVE, PRESETS, preset
from anacostia_blockchain.licensing.values import Price

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia

token_option = click.option("--token", default=NATIVE, help="ERC-20 token.  [default: the coin]")


@click.group()
def story() -> None:
    """Licences and royalties through Story Protocol, on its own chain."""


@story.command()
@session
def deploy(session: Session) -> None:
    """Put StoryAdapter and StorySale on Story's chain, and into the project's deployment file."""
    from anacostia_blockchain.rollout import completed  # noqa: PLC0415 - loads web3
    from anacostia_blockchain.story.service import deploy_story  # noqa: PLC0415 - loads web3

    hub = session.connect()
    found = deploy_story(hub.chain, hub.deployment, hub.story.addresses)
    deployment = completed(hub.chain, found, hub.deployment)
    deployment.save(hub.home / "deployments")
    made = {name: deployment.contracts[name] for name in ("StoryAdapter", "StorySale")}
    rows = [(name, contract.address) for name, contract in made.items()]
    session.output.table(("", ""), rows, {name: as_data(c) for name, c in made.items()})


@story.command()
@click.argument("model")
@session
def register(session: Session, model: str) -> None:
    """Make MODEL an IP asset; anybody may, and it stays its owner's."""
    hub = session.connect()
    ip_id = hub.story.register(model)
    session.output.result({"model": model, "ip_id": ip_id}, f"{model} is IP asset {ip_id}")


@story.command()
@click.argument("model")
@session
def describe(session: Session, model: str) -> None:
    """Point the metadata of MODEL's asset to its newest version, with the digest."""
    uri = session.connect().story.describe(model)
    session.output.result({"model": model, "uri": uri}, f"metadata of {model} is {uri}")


@story.command()
@click.argument("model")
@session
def show(session: Session, model: str) -> None:
    """The asset that MODEL is: terms, parents, revenue, disputes."""
    hub = session.connect()
    ip_id = hub.story.ip_of(model)
    known = hub.story.is_registered(ip_id)
    data = {
        "ip_id": ip_id,
        "registered": known,
        "offers": as_data(hub.story.offers(ip_id)) if known else [],
        "parents": as_data(hub.story.parents(ip_id)) if known else [],
        "owes": hub.story.stack_of(ip_id) if known else 0.0,
        "claimable": str(hub.story.claimable(ip_id)) if known else "0",
        "disputes": as_data(hub.story.disputes(ip_id)) if known else [],
    }
    session.output.table(("", ""), list(data.items()), data)


@story.command()
@click.argument("terms", type=click.Choice(list(PRESETS)))
@session
def terms(session: Session, terms: str) -> None:
    """A preset's TERMS in the 17 fields of Story's Programmable IP License."""
    pil = session.connect().story.pil(terms)
    data = as_data(pil) | {"digest": "0x" + pil.digest.hex()}
    session.output.table(("field", "value"), list(data.items()), data)


@story.command()
@click.argument("model")
@click.argument("terms", type=click.Choice(list(PRESETS)))
@click.option("--price", help="Of a licence, such as 0.01.")
@click.option("--free", is_flag=True, help="Give licences away.")
@session
def offer(session: Session, model: str, terms: str, price: str | None, free: bool) -> None:
    """Offer licences of MODEL under a preset's TERMS."""
    if free == (price is not None):
        raise click.UsageError("say --price or --free")
    hub = session.connect()
    asked = Price.free() if free else Price.native(amounts.parse(hub, price or ""))
    made = hub.story.offer(model, preset(terms), asked)
    text = f"terms {made.number} of {model}: {amounts.show_price(hub, asked)}"
    session.output.result(as_data(made), text)


@story.command()
@click.argument("model")
@click.option("--terms", "number", type=int, help="Which, if it is offered under several.")
@click.option("--quantity", default=1, show_default=True, help="Of licences.")
@click.option("--max-pay", help="Most that all may cost, such as 0.01.  [default: the price now]")
@session
def buy(
    session: Session, model: str, number: int | None, quantity: int, max_pay: str | None
) -> None:
    """Buy licences of MODEL; coins are wrapped as far as needed."""
    hub = session.connect()
    limit = None if max_pay is None else amounts.parse(hub, max_pay)
    bought = hub.story.buy(model, offer=number, quantity=quantity, max_pay=limit)
    text = "\n".join(f"licence {licence.id}" for licence in bought)
    session.output.result(as_data(bought), text)


@story.command()
@click.argument("child")
@click.argument("licence", nargs=-1, required=True)
@session
def derive(session: Session, child: str, licence: tuple[str, ...]) -> None:
    """Make CHILD a derivative by each LICENCE that you hold; they are used up."""
    hub = session.connect()
    parents = hub.story.derive(child, [hub.story.get(text) for text in licence])
    rows = [(p.model_id, p.relation.name.lower(), f"{p.share_bps / 100:g} %") for p in parents]
    session.output.table(("parent", "relation", "share"), rows, as_data(parents))


@story.command()
@click.argument("model")
@click.argument("amount")
@token_option
@session
def pay(session: Session, model: str, amount: str, token: str) -> None:
    """Pay MODEL an AMOUNT that it earned elsewhere; its ancestors get their shares."""
    hub = session.connect()
    units = amounts.parse(hub, amount, token)
    hub.story.pay(model, units, token)
    text = f"paid {amounts.show(hub, units, token)} to {model}"
    session.output.result({"model": model, "paid": units, "asset": token}, text)


@story.command()
@click.argument("models", nargs=-1, required=True)
@token_option
@click.option("--unwrap", is_flag=True, help="Turn wrapped coins into coins.")
@session
def collect(session: Session, models: tuple[str, ...], token: str, unwrap: bool) -> None:
    """Bring what MODELS and all that was made of them earned to you, their owner."""
    hub = session.connect()
    paid = hub.story.collect(models, token)
    if unwrap and paid and token == NATIVE:
        hub.story.unwrap(paid)
    data = {"paid": paid, "asset": token, "account": hub.address}
    session.output.result(data, f"paid {_shown(hub, paid, token)} to {hub.address}")


@story.command("offer-quoted")
@click.argument("model")
@click.argument("terms", type=click.Choice(list(PRESETS)))
@click.option("--pricing", required=True, help="Contract to ask for the price; usd: see `prices`.")
@click.option("--days", default=30, show_default=True, help="For which the offer stands.")
@click.option("--out", type=click.Path(path_type=Path), help="Write the offer to a file.")
@session
def offer_quoted(
    session: Session, model: str, terms: str, pricing: str, days: int, out: Path | None
) -> None:
    """Offer licences of MODEL at a price that a contract is asked for; hand the offer to buyers."""
    from anacostia_blockchain.story import sale  # noqa: PLC0415 - loads web3

    hub = session.connect()
    asked = amounts.quoted(hub, pricing).pricing or ""
    made = sale.offer(hub.story, model, terms, asked, valid_for=timedelta(days=days))
    data = made.to_json()
    if out is not None:
        out.write_text(json.dumps(data, indent=2) + "\n")
    session.output.result(data, json.dumps(data, indent=2) if out is None else f"written to {out}")


@story.command("buy-quoted")
@click.argument("offer", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--quantity", default=1, show_default=True, help="Of licences.")
@click.option("--max-pay", help="Most that all may cost, such as 0.01.  [default: the price now]")
@session
def buy_quoted(session: Session, offer: Path, quantity: int, max_pay: str | None) -> None:
    """Buy licences by the file of an OFFER."""
    from anacostia_blockchain.story import sale  # noqa: PLC0415 - loads web3
    from anacostia_blockchain.story.values import SignedOffer  # noqa: PLC0415 - loads web3

    try:
        signed = SignedOffer.from_json(json.loads(offer.read_text()))
    except ValueError as error:
        raise FormatError(f"{offer} is no JSON: {error}") from error
    hub = session.connect()
    limit = None if max_pay is None else amounts.parse(hub, max_pay)
    bought = sale.buy(hub.story, signed, quantity=quantity, max_pay=limit)
    text = "\n".join(f"licence {licence.id}" for licence in bought)
    session.output.result(as_data(bought), text)


@story.command("cancel-offers")
@session
def cancel_offers(session: Session) -> None:
    """Cancel every offer that you signed so far, whoever has it."""
    from anacostia_blockchain.story import sale  # noqa: PLC0415 - loads web3

    hub = session.connect()
    sale.cancel(hub.story)
    session.output.result({"cancelled": hub.address}, f"no offer of {hub.address} stands any more")


def _shown(hub: Anacostia, amount: int, token: str) -> str:
    wrapped = hub.story.addresses.wrapped_coin
    return amounts.show(hub, amount, wrapped if token == NATIVE else token)
