"""`anacostia prices source`: under whose authority a price's metric is reported."""

from __future__ import annotations

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.output import as_data
from anacostia_blockchain.cli.values import WORD, span, word
from anacostia_blockchain.errors import ConfigError


def named(text: str, option: str) -> bytes:
    """The 32 bytes that an option takes.

    Raises:
        ConfigError: they are none.
    """
    refusal = ConfigError(f"--{option} is 32 bytes in hexadecimal, not {text!r}")
    return word(text, refusal)


@click.group()
def source() -> None:
    """Who is believed: a Chainlink workflow, or an evaluator that attests."""


@source.command("open")
@click.option("--workflow", help="Id of the workflow that may report.")
@click.option("--owner", help="Instead of an id: the workflow's owner, with --name.")
@click.option("--name", help="Of the workflow, whatever its code.")
@click.option("--guardian", help="Who else may stop the source, for good.")
@click.option("--delay", type=span, default="1d", show_default=True, help="For another workflow.")
@click.option("--overlap", type=span, default="1d", show_default=True, help="Of two workflows.")
@click.option("--salt", default="00" * WORD, help="To have more than one source.")
@session
def open_(
    session: Session,
    /,
    workflow: str | None,
    owner: str | None,
    name: str | None,
    guardian: str | None,
    **rest: object,
) -> None:
    """Open a source that a Chainlink workflow reports to; prints its id."""
    if bool(workflow) == bool(owner) or bool(owner) != bool(name):
        raise click.UsageError("give --workflow, or --owner with --name")
    who = named(workflow, "workflow") if workflow else (str(owner), str(name))
    salt = named(str(rest.pop("salt")), "salt")
    hub = session.connect()
    made = hub.prices.open_source(who, guardian=guardian, salt=salt, **rest)  # type: ignore[arg-type]
    data = {"source": as_data(made), "contract": hub.metric_receiver.address}
    session.output.result(data, str(data["source"]))


@source.command()
@click.argument("evaluator")
@click.argument("dataset")
@session
def attested(session: Session, evaluator: str, dataset: str) -> None:
    """Id of the source that is what EVALUATOR attests to on DATASET.

    DATASET is a registered version such as mnist@2, or its root's CID. Nothing is sent: to name
    the source in a pricing is all there is to trusting an evaluator.
    """
    hub = session.connect()
    found = hub.prices.attested_source(evaluator, dataset)
    data = {"source": as_data(found), "contract": hub.attested_metrics.address}
    session.output.result(data, str(data["source"]))


@source.command()
@click.argument("uid")
@session
def present(session: Session, uid: str) -> None:
    """Make the attestation UID the newest of its metric; anybody may. Then `prices sync`."""
    digest = named(uid, "uid")
    session.connect().prices.present(digest)
    data = {"presented": as_data(digest)}
    session.output.result(data, f"{data['presented']} is the newest of its metric")


@source.command()
@click.argument("model")
@session
def show(session: Session, model: str) -> None:
    """The source that MODEL's price follows, its newest value, and whether it stands by it."""
    now = session.connect().prices.get(model)
    rules, metric = now.pricing, now.metric
    if rules.is_fixed:
        raise ConfigError(f"the price of {model} is fixed: it follows no source")
    data = {
        "contract": rules.metrics,
        "source": as_data(rules.source),
        "metric": rules.metric,
        "newest": as_data(metric),
        "served": metric is not None and now.refused is None,
        "refused": now.refused,
    }
    served = "yes" if data["served"] else f"no: {now.refused or 'not one of our contracts'}"
    rows = [("contract", rules.metrics), ("source", data["source"]), ("metric", rules.metric)]
    if metric is not None and metric.observed_at is not None:
        rows += [("value", metric.value), ("of version", metric.version)]
        rows += [("measured", metric.observed_at), ("evidence", as_data(metric.evidence))]
    session.output.table(("", ""), [*rows, ("served", served)], data)
