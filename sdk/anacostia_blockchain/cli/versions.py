"""`anacostia versions`: the immutable entries of a model."""

from __future__ import annotations

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.output import as_data


@click.group()
def versions() -> None:
    """Versions of a registered model."""


@versions.command("list")
@click.argument("model")
@session
def list_(session: Session, model: str) -> None:
    """All versions of MODEL, oldest first."""
    found = session.connect().models.versions(model)
    rows = [
        (
            v.version,
            v.status.name.lower(),
            f"{v.published_at:%Y-%m-%d %H:%M:%S}",
            v.root,
            ", ".join(f"{p.model_id}@{p.version} {p.relation.name.lower()}" for p in v.parents),
        )
        for v in found
    ]
    columns = ("version", "status", "published (UTC)", "root", "parents")
    session.output.table(columns, rows, as_data(found))


@versions.command()
@click.argument("model")
@session
def show(session: Session, model: str) -> None:
    """One version: `anacostia versions show digits@champion`."""
    hub = session.connect()
    version = hub.models.version(model)
    data = as_data(version) | {"tainted": hub.models.is_tainted(model)}
    session.output.table(("", ""), list(data.items()), data)


@versions.command()
@click.argument("model")
@click.argument("alias")
@session
def history(session: Session, model: str, alias: str) -> None:
    """Where ALIAS of MODEL pointed, and from when."""
    moves = session.connect().models.alias_history(model, alias)
    rows = [(f"{m.since:%Y-%m-%d %H:%M:%S}", m.version or "nothing") for m in moves]
    session.output.table(("from (UTC)", "version"), rows, as_data(moves))
