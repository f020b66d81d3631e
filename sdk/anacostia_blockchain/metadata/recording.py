"""What nodes say during a run, written as it is said."""

from __future__ import annotations

import math
from collections.abc import Mapping
from numbers import Real
from typing import TYPE_CHECKING, Any

import rfc8785
from sqlalchemy import insert, select

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import LedgerError
from anacostia_blockchain.metadata import schema
from anacostia_blockchain.metadata.artifacts import Artifact, new_id, node_id_of

if TYPE_CHECKING:
    from sqlalchemy import Connection


def checked_metric(name: str, value: object) -> int | float:
    """A metric as it will be recorded.

    Raises:
        LedgerError: it is not a finite number, or an integer too large to be exact in JSON.
    """
    value = _plain(value)
    if isinstance(value, bool) or not isinstance(value, Real) or not math.isfinite(value):
        raise LedgerError(f"metric {name!r} must be a finite number, not {value!r}")
    number = value if isinstance(value, int) else float(value)
    canonical(name, number)
    return number


def checked(role: str, values: Mapping[str, object]) -> dict[str, object]:
    """Values as they will be recorded.

    Raises:
        LedgerError: a metric is not a finite number.
    """
    if role != "metric":
        return dict(values)
    return {name: checked_metric(name, value) for name, value in values.items()}


def canonical(name: str, value: object) -> str:
    """RFC 8785 text of a value.

    Raises:
        LedgerError: it has none: NaN, an infinity, an integer beyond ±(2^53 - 1), a type that JSON
            does not know.
    """
    try:
        return rfc8785.dumps(_plain(value)).decode()  # type: ignore[arg-type] # it is what it checks
    except (rfc8785.CanonicalizationError, ValueError, TypeError, RecursionError) as error:
        raise LedgerError(
            f"{name!r} cannot be recorded: {error}; give it as JSON: text, finite numbers "
            "up to 2^53, booleans, None, lists, dictionaries with text keys"
        ) from error


def log_values(
    connection: Connection, run_id: int, node: str, role: str, items: Mapping[str, object]
) -> None:
    """Write metrics, params or tags: exactly in our table, and as the framework's tables allow."""
    _insert_values(connection, run_id, node, role, items)
    table = {"metric": upstream.metrics, "param": upstream.params, "tag": upstream.tags}[role]
    node_id = node_id_of(connection, node)
    rows = [
        {
            "run_id": run_id,
            "node_id": node_id,
            f"{role}_name": name,
            f"{role}_value": value if role == "metric" else _text(name, value),
        }
        for name, value in items.items()
    ]
    connection.execute(insert(table), rows)


def tag_artifact(
    connection: Connection, run_id: int, artifact: Artifact, items: Mapping[str, object]
) -> None:
    """Tag an artifact; in the record, the tag is its store's, named `location:tag`."""
    named = {f"{artifact.location}:{name}": value for name, value in items.items()}
    _insert_values(connection, run_id, artifact.store, "tag", named)
    node_id = node_id_of(connection, artifact.store)
    for name, value in items.items():
        row = {"tag_name": name, "tag_value": _text(name, value)}
        tag = connection.execute(
            insert(upstream.tags).values(run_id=run_id, node_id=node_id, **row)
        )
        link = {"artifact_id": artifact.id, "tag_id": new_id(tag)}
        connection.execute(insert(upstream.artifact_tags).values(link))


def tags_of(connection: Connection, artifact: Artifact) -> list[dict[str, Any]]:
    """Tags of an artifact, oldest first."""
    tags, links = upstream.tags, upstream.artifact_tags
    query = (
        select(tags.c.id, tags.c.tag_name, tags.c.tag_value)
        .join(links, links.c.tag_id == tags.c.id)
        .where(links.c.artifact_id == artifact.id)
        .order_by(tags.c.id)
    )
    return [{"id": id_, name: value} for id_, name, value in connection.execute(query)]


def _insert_values(
    connection: Connection, run_id: int, node: str, role: str, items: Mapping[str, object]
) -> None:
    row = {"run_id": run_id, "node": node, "role": role}
    rows = [row | {"name": n, "value": canonical(n, value)} for n, value in items.items()]
    connection.execute(insert(schema.values), rows)


def _plain(value: object) -> object:
    """A numpy scalar as the Python number it stands for; anything else as it is."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return value


def _text(name: str, value: object) -> str:
    text = value if isinstance(value, str) else canonical(name, value)
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")  # which PostgreSQL's text cannot hold
