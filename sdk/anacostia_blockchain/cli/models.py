"""`anacostia models`: registered models, and what their owners may do."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from anacostia_blockchain._files import whole
from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.output import as_data
from anacostia_blockchain.types import Kind, Parent, Relation, RevocationReason

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.recall import Impact


@click.group()
def models() -> None:
    """Registered models."""


@models.command("list")
@click.option("--creator", help="Only models registered by this address.")
@session
def list_(session: Session, creator: str | None) -> None:
    """All registered models."""
    hub = session.connect()
    found = hub.models.registered(creator)
    rows = [
        (m.model_id, m.name, m.kind.name.lower(), m.latest_version, _aliases(hub, m.model_id))
        for m in found
    ]
    data = [as_data(m) | {"id": hub.caip19(m.model_id)} for m in found]
    session.output.table(("id", "name", "kind", "versions", "aliases"), rows, data)


@models.command()
@click.argument("model")
@session
def show(session: Session, model: str) -> None:
    """One model: its id, owner, versions and aliases."""
    hub = session.connect()
    found = hub.models.get(model)
    owner = hub.nft.owner_of(found.model_id)
    aliases = {name: state.version for name, state in hub.models.aliases(found.model_id).items()}
    data = as_data(found) | {
        "id": hub.caip19(found.model_id),
        "owner": owner,
        "aliases": aliases,
    }
    session.output.table(("", ""), [(key, _plain(value)) for key, value in data.items()], data)


@models.command()
@click.argument("path", type=click.Path(exists=True, path_type=Path))
@click.argument("name")
@click.option("--dataset", is_flag=True, help="Register as a dataset, not a model.")
@click.option("--parent", "parents", multiple=True, help="MODEL@VERSION[:relation], repeatable.")
@click.option("--alias", "aliases", multiple=True, help="Alias to move to the new version.")
@session
def publish(
    session: Session,
    path: Path,
    name: str,
    dataset: bool,
    parents: tuple[str, ...],
    aliases: tuple[str, ...],
) -> None:
    """Publish a file or folder as the next version of a model.

    Interrupted at any point, the same command finishes what it had begun.
    """
    hub = session.connect()
    with session.output.progress("storing") as progress:
        version = hub.models.publish(
            path,
            name,
            kind=Kind.DATASET if dataset else Kind.MODEL,
            parents=[_parent(hub, text) for text in parents],
            aliases=aliases,
            progress=progress,
        )
    reference = f"{hub.caip19(version.model_id)}@{version.version}"
    data = as_data(version) | {"id": reference}
    session.output.result(data, f"published {name}@{version.version}  {version.root}\n{reference}")


@models.command()
@click.argument("model")
@click.argument("target", type=click.Path(path_type=Path))
@session
def fetch(session: Session, model: str, target: Path) -> None:
    """Copy a version's directory to TARGET, every byte checked."""
    hub = session.connect()
    with session.output.progress("fetching") as progress:
        path = hub.models.fetch(model, target, progress=progress)
    session.output.result({"path": str(path)}, f"verified and written to {path}")


@models.command("set-alias")
@click.argument("model")
@click.argument("alias")
@session
def set_alias(session: Session, model: str, alias: str) -> None:
    """Point ALIAS to a version: `anacostia models set-alias digits@3 champion`."""
    hub = session.connect()
    hub.models.set_alias(model, alias)
    number = hub.models.resolve(model)[1]
    session.output.result({"alias": alias, "version": number}, f"{alias} is version {number}")


@models.command("as-of")
@click.argument("alias", metavar="MODEL@ALIAS")
@click.argument("when")
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the proof to this file, for `anacostia verify FILE --block-hash …`.",
)
@session
def as_of(session: Session, alias: str, when: str, out: Path | None) -> None:
    """Where an alias pointed at a time in the past, proven from the chain's state.

    WHEN is a date (its beginning), an ISO 8601 time, both UTC unless they say otherwise, or the
    number of a block: `anacostia models as-of digits@champion 2026-03-03`.
    """
    proof, period = session.connect().models.as_of(alias, _moment(when))
    if out is not None:
        with whole(out) as partial:
            partial.write_bytes(proof.to_json())
        session.output.note(f"proof written to {out}")
    data = period.to_dict() | {"alias": alias, "at": proof.at.isoformat(), "block": proof.number}
    text = f"{alias} at {proof.at:%Y-%m-%d %H:%M:%S} UTC: {period}\nproven at block {proof.number}"
    session.output.result(data, text)


@models.command()
@click.argument("model")
@session
def deprecate(session: Session, model: str) -> None:
    """Discourage a version; it stays valid."""
    session.connect().models.deprecate(model)
    session.output.result({"deprecated": model}, f"{model} is deprecated")


@models.command()
@click.argument("model")
@click.option(
    "--reason",
    type=click.Choice([reason.name.lower().replace("_", "-") for reason in RevocationReason]),
    default="unspecified",
    show_default=True,
)
@session
def revoke(session: Session, model: str, reason: str) -> None:
    """Tell everyone not to use a version; its descendants read as tainted."""
    code = RevocationReason[reason.replace("-", "_").upper()]
    session.connect().models.revoke(model, code)
    session.output.result({"revoked": model, "reason": reason}, f"{model} is revoked: {reason}")


@models.command()
@click.argument("model")
@click.option(
    "--as",
    "form",
    type=click.Choice(["table", "tree", "mermaid"]),
    default="table",
    show_default=True,
)
@session
def impact(session: Session, model: str, form: str) -> None:
    """Everything that was made from a version: `anacostia models impact corpus@2`."""
    from anacostia_blockchain import recall  # noqa: PLC0415 - loads web3

    found = session.connect().models.impact(model)
    state = "is revoked" if found.revoked else "is not revoked"
    session.output.note(f"{found.label(found.source)} {state}; {len(found.affected)} made from it")
    rows = [
        (
            found.label(one),
            one.depth,
            " → ".join(found.label(step) for step in found.path(one)),
            ", ".join(one.aliases),
        )
        for one in found.affected
    ]
    if form == "table" or session.output.as_json:
        columns = ("version", "depth", "path", "aliases")
        session.output.table(columns, rows, _impact_data(found))
    else:
        text = recall.tree(found) if form == "tree" else recall.mermaid(found).rstrip()
        session.output.plain(text)


@models.command()
@click.option("--from-block", default=0, show_default=True, help="The first block to look at.")
@click.option("--after", help="BLOCK:INDEX of the last one seen; takes the place of --from-block.")
@click.option("--follow", is_flag=True, help="Wait for more, until interrupted.")
@click.option("--every", default=2.0, show_default=True, help="Seconds between looking.")
@session
def revocations(
    session: Session, from_block: int, after: str | None, follow: bool, every: float
) -> None:
    """Revocations as they happen, one a line; with --json, one JSON object a line."""
    hub = session.connect()
    for one in hub.models.revocations(
        from_block=from_block, after=_position(after), follow=follow, every=every
    ):
        model, reason = f"{one.model_id}@{one.version}", one.reason.name.lower()
        session.output.line(
            as_data(one) | {"id": f"{hub.caip19(one.model_id)}@{one.version}"},
            f"{one.block}:{one.index}  {model}  {reason.replace('_', ' ')}",
        )


def _impact_data(found: Impact) -> dict[str, Any]:
    return {
        "source": found.label(found.source),
        "revoked": found.revoked,
        "block": found.block,
        "affected": [
            as_data(one)
            | {"name": found.label(one), "path": [found.label(step) for step in found.path(one)]}
            for one in found.affected
        ],
    }


def _position(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    block, _, index = text.partition(":")
    if not (block.isdigit() and index.isdigit()):
        raise click.BadParameter(f"{text!r} is no BLOCK:INDEX")
    return int(block), int(index)


def _aliases(hub: Any, model_id: int) -> str:  # noqa: ANN401 - the client, loaded lazily
    states = hub.models.aliases(model_id)
    return ", ".join(f"{name}={state.version}" for name, state in sorted(states.items()))


def _parent(hub: Anacostia, text: str) -> Parent:
    reference, _, relation = text.partition(":")
    try:
        kind = Relation[(relation or "revision").upper().replace("-", "_")]
    except KeyError:
        names = ", ".join(r.name.lower().replace("_", "-") for r in Relation)
        raise click.BadParameter(f"{relation!r} is none of {names}") from None
    model_id, version = hub.models.resolve(reference)
    return Parent(model_id, version, kind)


def _moment(text: str) -> datetime | int:
    if text.isdigit():
        return int(text)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time: 2026-03-03, 2026-03-03T12:00:00Z, or a block's number"
        ) from None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}={item}" for key, item in value.items()) or "none"
    return str(value)
