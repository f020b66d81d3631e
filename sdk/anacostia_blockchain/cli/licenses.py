"""`anacostia licenses`: terms, offers, licences, and what they earn."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from anacostia_blockchain.cli import Session, amounts, session
from anacostia_blockchain.cli.output import as_data
from anacostia_blockchain.cli.values import word
from anacostia_blockchain.licensing.terms import NATIVE, PRESETS, Field, Right, Terms, preset
from anacostia_blockchain.licensing.values import License, LicenseId, Price

RIGHTS = click.Choice([right.name.lower().replace("_", "-") for right in Right])
token_option = click.option("--token", default=NATIVE, help="ERC-20 token.  [default: the coin]")


@click.group()
def licenses() -> None:
    """Licences of models: offer, buy, derive, and be paid."""


@licenses.command()
@click.argument("terms", required=False)
@session
def terms(session: Session, terms: str | None) -> None:
    """The presets; or one preset's terms, or those of an id on chain, in full."""
    if terms is None:
        rows = [(name, "0x" + preset(name).id.hex(), _summary(make())) for name, make in _PRESETS]
        data = {name: as_data(make()) | {"id": "0x" + make().id.hex()} for name, make in _PRESETS}
        session.output.table(("preset", "id", "means"), rows, data)
        return
    known = terms in PRESETS
    found = preset(terms) if known else session.connect().licenses.terms(_digest(terms))
    values = as_data(found) | {
        "rights": _names(found.rights),
        "fields": _names(found.fields),
        "duration": found.duration.total_seconds(),
        "id": "0x" + found.id.hex(),
    }
    session.output.table(("", ""), list(values.items()), values)


@licenses.command()
@click.argument("model")
@click.argument("terms")
@click.option("--price", help="Of a licence, or of a period, such as 0.01.")
@click.option("--free", is_flag=True, help="Give licences away.")
@click.option("--pricing", help="Contract to ask for the price; usd: see `prices`.")
@token_option
@click.option("--supply", default=0, help="Most licences that can be sold.  [default: any number]")
@click.option("--royalty", type=float, help="Percent of derivatives' revenue (commercial-remix).")
@click.option("--days", type=int, help="Days that a licence is valid (evaluation-only).")
@session
def offer(  # noqa: PLR0913, PLR0917 - its options
    session: Session,
    model: str,
    terms: str,
    price: str | None,
    free: bool,
    pricing: str | None,
    token: str,
    supply: int,
    royalty: float | None,
    days: int | None,
) -> None:
    """Offer licences of MODEL under TERMS: a preset's name, or an id on chain."""
    hub = session.connect()
    options = {"royalty_bps": None if royalty is None else round(royalty * 100), "days": days}
    given = {key: value for key, value in options.items() if value is not None}
    wanted = preset(terms, **given) if terms in PRESETS else hub.licenses.terms(_digest(terms))
    asked = _price(hub, price, free=free, pricing=pricing, token=token)
    made = hub.licenses.offer(model, wanted, asked, supply=supply)
    text = f"offer {made.number} of {model}: {amounts.show_price(hub, asked)}"
    session.output.result(as_data(made), text)


@licenses.command()
@click.argument("model")
@session
def offers(session: Session, model: str) -> None:
    """What is offered of MODEL."""
    hub = session.connect()
    found = hub.licenses.offers(model)
    rows = [
        (
            o.number,
            "open" if o.is_open else "ended",
            amounts.show_price(hub, o.price),
            f"{o.sold} of {o.supply or 'any number'}",
            _summary(hub.licenses.terms(o.terms_id)),
        )
        for o in found
    ]
    session.output.table(("offer", "", "price", "sold", "terms"), rows, as_data(found))


@licenses.command()
@click.argument("model")
@click.argument("number", type=int)
@session
def withdraw(session: Session, model: str, number: int) -> None:
    """End offer NUMBER of MODEL; licences that were sold stay."""
    session.connect().licenses.withdraw(model, number)
    session.output.result({"withdrawn": number}, f"offer {number} of {model} has ended")


@licenses.command()
@click.argument("model")
@click.option("--offer", "number", type=int, help="Which, if the model has several.")
@click.option("--quantity", default=1, show_default=True, help="Of licences, or of periods.")
@click.option("--max-pay", help="Most that it may cost, such as 0.01.  [default: the price now]")
@token_option
@click.option("--to", "recipient", help="Who is to hold them.  [default: you]")
@click.option(
    "--key",
    "key_file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your key file: the seller encrypts the content's key for its public part. Not with --to.",
)
@session
def buy(
    session: Session,
    model: str,
    number: int | None,
    quantity: int,
    max_pay: str | None,
    token: str,
    recipient: str | None,
    key_file: Path | None,
) -> None:
    """Buy licences of MODEL in one transaction."""
    hub = session.connect()
    public = b"" if key_file is None else _public(key_file)
    bought = hub.licenses.buy(
        model,
        offer=number,
        quantity=quantity,
        max_pay=None if max_pay is None else amounts.parse(hub, max_pay, token),
        asset=None if token == NATIVE else token,
        recipient=recipient,
        encryption_key=public,
    )
    text = "\n".join(f"licence {licence.id}: {_until(licence)}" for licence in bought)
    session.output.result([_data(licence) for licence in bought], text)


@licenses.command("list")
@click.argument("model", required=False)
@click.option("--account", help="Whose.  [default: yours]")
@session
def list_(session: Session, model: str | None, account: str | None) -> None:
    """Licences that you hold, of MODEL or of all models."""
    hub = session.connect()
    found = hub.licenses.held(account, model)
    names = {i: hub.models.get(i).name for i in {licence.id.model_id for licence in found}}
    rows = [
        (
            licence.id,
            names[licence.id.model_id],
            _until(licence),
            licence.derivative or "",
            _names(licence.rights),
        )
        for licence in found
    ]
    columns = ("licence", "model", "valid", "derivative", "rights")
    session.output.table(columns, rows, [_data(licence) for licence in found])


@licenses.command()
@click.argument("model")
@click.argument("right", type=RIGHTS)
@click.option("--account", help="Whose right.  [default: yours]")
@session
def check(session: Session, model: str, right: str, account: str | None) -> None:
    """Whether somebody may do something with MODEL now; exit code 1 if not."""
    hub = session.connect()
    allowed = hub.licenses.entitled(model, Right[right.upper().replace("-", "_")], account)
    who = account or hub.address
    data = {"account": who, "model": model, "right": right, "entitled": allowed}
    session.output.result(data, f"{who} may {'' if allowed else 'not '}{right} {model}")
    sys.exit(0 if allowed else 1)


@licenses.command()
@click.argument("child")
@click.argument("licence", nargs=-1, required=True)
@session
def derive(session: Session, child: str, licence: tuple[str, ...]) -> None:
    """Make CHILD a derivative of the models that you hold each LICENCE of, for ever."""
    hub = session.connect()
    parents = hub.licenses.derive(child, [hub.licenses.get(text) for text in licence])
    rows = [
        (p.model_id, p.version, p.relation.name.lower(), f"{p.share_bps / 100:g} %")
        for p in parents
    ]
    session.output.table(("parent", "version", "relation", "share"), rows, as_data(parents))


@licenses.command()
@click.argument("models", nargs=-1, required=True)
@token_option
@session
def collect(session: Session, models: tuple[str, ...], token: str) -> None:
    """Settle what derivatives of MODELS owe, and be paid what is yours."""
    hub = session.connect()
    paid = hub.licenses.collect(models, token)
    data = {"paid": paid, "asset": token, "account": hub.address}
    session.output.result(data, f"paid {amounts.show(hub, paid, token)} to {hub.address}")


@licenses.command()
@click.argument("model")
@click.argument("content")
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(path_type=Path),
    help="File with your secret key.",
)
@session
def deliver(session: Session, model: str, content: str, key_file: Path) -> None:
    """Answer every licensee of MODEL@VERSION who asked for the key of CONTENT.

    CONTENT is a folder made by `anacostia gated encrypt`, or a CID of the store.
    """
    from anacostia_blockchain.licensing.delivery import deliver_all  # noqa: PLC0415 - an extra

    hub = session.connect()
    delivered = deliver_all(hub, model, content, key_file)
    text = "\n".join(f"delivered to licence {licence}" for licence in delivered)
    session.output.result([str(i) for i in delivered], text or "nobody is waiting")


@licenses.command()
@click.argument("licence")
@click.option(
    "--key",
    "key_file",
    required=True,
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Your key file: the seller encrypts the content's key for its public part.",
)
@session
def request(session: Session, licence: str, key_file: Path) -> None:
    """Ask for the key of encrypted content, as LICENCE's holder."""
    wanted = LicenseId.parse(licence)
    session.connect().licenses.keys.request(wanted, _public(key_file))
    session.output.result({"requested": str(wanted)}, f"asked for the key with licence {wanted}")


@licenses.command()
@click.argument("licence")
@click.option("--version", type=int, help="Of the model.  [default: the newest]")
@session
def receive(session: Session, licence: str, version: int | None) -> None:
    """Fetch the envelope for LICENCE, so that `anacostia gated decrypt` opens the content."""
    from anacostia_blockchain.licensing.delivery import receive as fetch  # noqa: PLC0415 - loads cryptography

    path = fetch(session.connect(), LicenseId.parse(licence), version)
    session.output.result({"envelope": str(path)}, f"envelope written to {path}")


_PRESETS = list(PRESETS.items())


def _price(
    hub: Any,  # noqa: ANN401 - the client, loaded lazily
    price: str | None,
    *,
    free: bool,
    pricing: str | None,
    token: str,
) -> Price:
    if sum((free, price is not None, pricing is not None)) != 1:
        raise click.UsageError("say --price, --free or --pricing")
    if free:
        return Price.free()
    if pricing is not None:
        return amounts.quoted(hub, pricing)
    return Price(asset=token, amount=amounts.parse(hub, price or "", token))


def _public(key_file: Path) -> bytes:
    from anacostia_blockchain.content.encryption.envelopes import (  # noqa: PLC0415 - an extra
        RecipientKey,
    )

    return RecipientKey.from_file(key_file).public


def _digest(text: str) -> bytes:
    names = ", ".join(PRESETS)
    return word(text, click.BadParameter(f"{text!r} is neither an id of terms nor one of {names}"))


def _summary(terms: Terms) -> str:
    parts = [terms.license or "no licence text"]
    parts += ["everything"] if terms.rights == frozenset(Right) else [_names(terms.rights)]
    parts += [] if terms.fields == frozenset(Field) else [f"in {_names(terms.fields)}"]
    parts += [f"{terms.royalty_bps / 100:g} % of derivatives"] if terms.royalty_bps else []
    parts += ["share-alike"] if terms.share_alike else []
    parts += [f"{terms.duration.days} days"] if terms.duration else []
    parts += [] if terms.transferable else ["not transferable"]
    return "; ".join(parts)


def _names(members: frozenset[Any]) -> str:
    return ", ".join(m.name.lower().replace("_", "-") for m in sorted(members))


def _until(licence: License) -> str:
    if licence.expires_at is None:
        return "for ever"
    shown = licence.expires_at.strftime("%Y-%m-%d %H:%M UTC")
    return f"until {shown}" if licence.is_valid() else f"expired {shown}"


def _data(licence: License) -> dict[str, Any]:
    data: dict[str, Any] = as_data(licence)
    return data | {
        "id": str(licence.id),
        "token_id": str(licence.id.token_id),
        "rights": sorted(right.name.lower() for right in licence.rights),
    }
