"""`anacostia prices`: what models cost, in dollars, and why."""

from __future__ import annotations

import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.output import as_data, tick
from anacostia_blockchain.cli.price_sources import named, source
from anacostia_blockchain.cli.values import span

if TYPE_CHECKING:
    from anacostia_blockchain.prices.native import PriceNow
    from anacostia_blockchain.prices.values import Pricing

_LATER = "00" * 32
"""A source that is known once there is a connection."""


@click.group()
def prices() -> None:
    """Prices of models, in dollars."""


prices.add_command(source)


@prices.command()
@click.argument("model")
@click.option("--picture", type=click.Path(path_type=Path), help="Write a PNG, SVG or PDF as well.")
@session
def show(session: Session, model: str, picture: Path | None) -> None:
    """A model's price now, what it rests on, and its history."""
    hub = session.connect()
    now, changes = hub.prices.get(model), hub.prices.history(model)
    if picture is not None:
        hub.prices.picture(model, picture)
        session.output.note(f"written to {picture}")
    data = as_data(now) | {"history": as_data(changes), "contract": hub.prices.address}
    session.output.table(("", ""), _facts(now), data)
    if changes and not session.output.as_json:
        rows = [(c.time.isoformat(), c.kind, c.price or "", c.metric or "") for c in changes]
        session.output.table(("time", "event", "price", "metric"), rows, None, title="\nhistory")


@prices.command("set")
@click.argument("model")
@click.option("--fixed", help="Dollars; the price follows nothing.")
@click.option("--point", "points", multiple=True, help="METRIC:PRICE, repeatable, 2 to 16.")
@click.option("--metric", default="", help="Name of the metric, as the pipeline logs it.")
@click.option("--source", default="", help="Id of the metric's source; see `prices source`.")
@click.option("--evaluator", help="Follow what this account attests to, instead of a source.")
@click.option("--dataset", help="That it evaluates on, such as mnist@2, or a CID.")
@click.option("--base", help="Dollars to begin with, and without a metric.")
@click.option("--minimum", help="Lowest price; default: the curve's lowest.")
@click.option("--maximum", help="Highest price; default: the curve's highest.")
@click.option("--believe", default="0:1", show_default=True, help="LOWEST:HIGHEST value believed.")
@click.option("--max-move", default="0.1", show_default=True, help="Largest move, as a share.")
@click.option("--cooldown", type=span, default="1h", show_default=True)
@click.option("--max-age", type=span, default="30d", show_default=True)
@click.option("--hold-for", type=span, default="7d", show_default=True)
@click.option("--base-for", type=span, default="7d", show_default=True)
@click.option("--guardian", help="Who else may stop sales.")
@click.option(
    "--terms", help="Give these a price as well: a preset, an id, or `model` for the model."
)
@click.option("--share", default="1", show_default=True, help="Of the model's price, for --terms.")
@session
def set_(session: Session, /, model: str, terms: str | None, share: str, **rules: object) -> None:
    """Set how a model's price is made: fixed, or along a curve over a metric."""
    evaluator, dataset = rules.pop("evaluator"), rules.pop("dataset")
    if bool(evaluator) != bool(dataset) or (evaluator and rules["source"]):
        raise click.UsageError("give --source, or --evaluator with --dataset")
    if evaluator:
        rules["source"] = _LATER
    pricing = _pricing(rules)
    terms_id = _terms(terms) if terms else b""
    hub = session.connect()
    if evaluator:
        source = hub.prices.attested_source(str(evaluator), str(dataset))
        pricing = replace(pricing, source=source, metrics=hub.attested_metrics.address)
    hub.prices.set(model, pricing)
    if terms:
        hub.prices.set_terms(model, terms_id or None, share=share)
    now = hub.prices.get(model)
    session.output.table(("", ""), _facts(now), as_data(now))


@prices.command()
@click.argument("model")
@click.argument("price", required=False)
@click.option("--for", "valid_for", type=span, default="1d", show_default=True, help="At most 30d.")
@click.option("--end", is_flag=True, help="End a price set by hand, now.")
@session
def manual(
    session: Session, model: str, price: str | None, valid_for: timedelta, end: bool
) -> None:
    """Set a PRICE in dollars by hand for some time; a raise begins an hour later."""
    if end == (price is not None):
        raise click.UsageError("give a price, or --end")
    hub = session.connect()
    if price is None:
        hub.prices.end_manual(model)
    else:
        hub.prices.set_manual(model, price, valid_for=valid_for)
    dollars, start, until = hub.prices.manual(model)
    data = {"price": dollars, "from": as_data(start), "until": as_data(until)}
    text = "no price is set by hand" if end else f"{dollars} dollars from {start} to {until}"
    session.output.result(data, text)


@prices.command()
@click.argument("model")
@session
def stop(session: Session, model: str) -> None:
    """Stop sales at MODEL's price; its owner or guardian may."""
    session.connect().prices.stop(model)
    session.output.result({"model": model, "stopped": True}, f"sales of {model} are stopped")


@prices.command()
@click.argument("model")
@session
def resume(session: Session, model: str) -> None:
    """Let sales of MODEL go on; its owner may."""
    session.connect().prices.resume(model)
    session.output.result({"model": model, "stopped": False}, f"sales of {model} go on")


@prices.command()
@click.argument("model")
@session
def sync(session: Session, model: str) -> None:
    """Let a price follow its metric by one move. Anybody may."""
    price = session.connect().prices.sync_if_due(model)
    text = "nothing to do yet" if price is None else f"{model} is {price} dollars"
    session.output.result({"moved": price is not None, "price": price}, text)


@prices.command()
@click.argument("model")
@click.argument("metrics", nargs=-1, required=True)
@session
def simulate(session: Session, model: str, metrics: tuple[str, ...]) -> None:
    """What the price would do, from where it is, if these values came one after the other."""
    moves = session.connect().prices.simulate(model, metrics)
    rows = [(move.metric, move.target, move.price) for move in moves]
    session.output.table(("metric", "curve", "price"), rows, as_data(moves))


@prices.command()
@session
def doctor(session: Session) -> None:
    """Check Chainlink's contracts on the chain: the forwarder, each feed, the sequencer."""
    from anacostia_blockchain.chain import Chain  # noqa: PLC0415 - loads web3
    from anacostia_blockchain.config import resolve_network  # noqa: PLC0415 - a command loads its own
    from anacostia_blockchain.local import CHAIN_ID  # noqa: PLC0415 - a command loads its own
    from anacostia_blockchain.oracles import OracleNetwork, check_oracles  # noqa: PLC0415 - loads web3

    network = resolve_network(session.target, session.home)
    chain = Chain.connect(network.rpc_url, chain_id=network.chain_id)
    if chain.chain_id == CHAIN_ID:
        from anacostia_blockchain.local_prices import network as local  # noqa: PLC0415 - loads web3

        known = local()
    else:
        known = OracleNetwork.known(chain.chain_id)
    checks = list(check_oracles(chain, known))
    rows = [(check.name, tick(check.passed), check.detail) for check in checks]
    session.output.table(("check", "", "detail"), rows, as_data(checks))
    sys.exit(0 if all(check.passed for check in checks) else 1)


def _pricing(rules: dict[str, object]) -> Pricing:
    from anacostia_blockchain.prices.values import Point, Pricing, number  # noqa: PLC0415 - loads eth-utils

    given = {key: value for key, value in rules.items() if value is not None}
    guardian = str(given["guardian"]) if "guardian" in given else None
    texts = rules["points"]
    points = tuple(Point.parse(text) for text in texts) if isinstance(texts, tuple) else ()
    if ("fixed" in given) == bool(points):
        raise click.UsageError("give --fixed, or --point two times or more")
    if "fixed" in given:
        return Pricing.fixed(str(given["fixed"]), guardian)
    curve = [point.price for point in points]
    low, _, high = str(given["believe"]).partition(":")
    spans = {key: given[key] for key in ("max_age", "hold_for", "base_for", "cooldown")}
    return Pricing(
        base=number(str(given.get("base", min(curve)))),
        minimum=number(str(given.get("minimum", min(curve)))),
        maximum=number(str(given.get("maximum", max(curve)))),
        points=points,
        metric=str(given["metric"]),
        source=named(str(given["source"]), "source"),
        metric_min=number(low),
        metric_max=number(high),
        max_move=number(str(given["max_move"])),
        guardian=guardian,
        **spans,  # type: ignore[arg-type]  # what click made of them
    )


def _terms(text: str) -> bytes:
    from anacostia_blockchain.licensing.terms import PRESETS, preset  # noqa: PLC0415 - loads eth-abi

    if text in PRESETS:
        return preset(text).id
    return b"" if text == "model" else named(text, "terms")


def _facts(now: PriceNow) -> list[tuple[str, object]]:
    rules = now.pricing
    facts: list[tuple[str, object]] = [
        ("price", "none" if now.price is None else f"{now.price} dollars"),
        ("basis", now.basis.name.lower()),
        ("guardian", rules.guardian or "none"),
    ]
    if rules.is_fixed:
        return facts
    metric = now.metric.value if now.metric and now.metric.observed_at else "none yet"
    return [
        *facts,
        ("metric", f"{rules.metric} {metric}" + (f" ({now.refused})" if now.refused else "")),
        ("curve's price", now.target if now.target is not None else "none yet"),
        ("bounds", f"{rules.minimum} to {rules.maximum}, base {rules.base}"),
        ("moves", f"by {rules.max_move:%} every {rules.cooldown} at most"),
        ("curve", ", ".join(f"{p.metric}:{p.price}" for p in rules.points)),
        ("source", "0x" + rules.source.hex()),
    ]
