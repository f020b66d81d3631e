"""What nodes say during a run, written as it is said: values, artifacts, results."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from numbers import Real
from typing import TYPE_CHECKING, Any

import rfc8785
from sqlalchemy import Select, bindparam, case, func, insert, select

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import LedgerError, NotFoundError, PipelineError
from anacostia_blockchain.metadata import schema
from anacostia_blockchain.metadata.database import insert_new, utc_now

if TYPE_CHECKING:
    from sqlalchemy import Connection, CursorResult


@dataclass(frozen=True, slots=True)
class Artifact:
    """An entry of the metadata store.

    Attributes:
        store: name of the resource node that holds it.
        location: path within that node, `/` between the parts.
        sha256: hex digest of the file; of a folder, the root of its manifest.
        cid: where the content is kept by CID, else None.
        size: bytes of content, where they were counted.
        state: the framework's: new, using, used, produced.
    """

    id: int
    store: str
    location: str
    sha256: str
    cid: str | None
    size: int | None
    state: str


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
        link = {"artifact_id": artifact.id, "tag_id": _new_id(tag)}
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


def stores_with(connection: Connection, location: str) -> list[str]:
    """Names of the stores that have, or had, an artifact at a location."""
    artifacts, nodes = upstream.artifacts, upstream.nodes
    query = (
        select(nodes.c.node_name)
        .join(artifacts, artifacts.c.node_id == nodes.c.id)
        .where(artifacts.c.location == location)
        .distinct()
        .order_by(nodes.c.node_name)
    )
    return list(connection.execute(query).scalars())


def node_id_of(connection: Connection, name: str) -> int:
    """The framework's id of a node.

    Raises:
        PipelineError: no such node is part of the pipeline.
    """
    query = select(upstream.nodes.c.id).where(upstream.nodes.c.node_name == name)
    node_id = connection.execute(query).scalar()
    if node_id is None:
        raise PipelineError(f"the pipeline has no node named {name!r}: pass the node's name first")
    return int(node_id)


def add_new_files(
    connection: Connection, store: str, files: Iterable[tuple[str, str, int]]
) -> None:
    """Insert new artifacts of one store at once: location, hex SHA-256 and size of each."""
    common = {
        "node_id": node_id_of(connection, store),
        "created_at": utc_now(),
        "state": "new",
        "hash_algorithm": "sha256",
        "used": False,
    }
    rows = [
        common | {"location": location, "hash": sha256, "size": size}
        for location, sha256, size in files
    ]
    connection.execute(insert(upstream.artifacts), rows)


def add_artifact(
    connection: Connection, artifact: Artifact, *, run_id: int | None, content_type: str | None
) -> int:
    """Insert an artifact, and its CID if it has one; returns its id."""
    inserted = connection.execute(
        insert(upstream.artifacts).values(
            run_id=run_id,
            node_id=node_id_of(connection, artifact.store),
            location=artifact.location,
            created_at=utc_now(),
            state=artifact.state,
            hash=artifact.sha256,
            hash_algorithm="sha256",
            size=artifact.size,
            content_type=content_type,
            used=False,
        )
    )
    artifact_id = _new_id(inserted)
    if artifact.cid is not None:
        connection.execute(
            insert(schema.contents).values(artifact_id=artifact_id, cid=artifact.cid)
        )
    return artifact_id


def link_artifacts(connection: Connection, run_id: int, ids: Iterable[int], role: str) -> None:
    """Note that a run read or made artifacts; what it made stays its output when it is read."""
    rows = [{"run_id": run_id, "artifact_id": id_, "role": role} for id_ in ids]
    if rows:
        statement = insert_new(connection, schema.run_artifacts).on_conflict_do_nothing()
        connection.execute(statement, rows)


def artifact_query() -> Select[Any]:
    """All artifacts with what `Artifact` holds."""
    artifacts, nodes, contents = upstream.artifacts, upstream.nodes, schema.contents
    return select(
        artifacts.c.id,
        nodes.c.node_name.label("store"),
        artifacts.c.location,
        artifacts.c.hash.label("sha256"),
        contents.c.cid,
        artifacts.c.size,
        artifacts.c.state,
    ).select_from(
        artifacts.join(nodes, artifacts.c.node_id == nodes.c.id).outerjoin(
            contents, contents.c.artifact_id == artifacts.c.id
        )
    )


_LINKS = schema.run_artifacts
_LINKED = (
    artifact_query()
    .add_columns(_LINKS.c.role)
    .join(_LINKS, _LINKS.c.artifact_id == upstream.artifacts.c.id)
    .where(_LINKS.c.run_id == bindparam("run_id"))
    .order_by(_LINKS.c.role, upstream.artifacts.c.id)
)
_FIELDS = tuple(Artifact.__slots__)


def artifacts_at(connection: Connection, store: str, location: str) -> list[Artifact]:
    """Every artifact that was ever at a location of one store, the one to use first.

    That is the newest one, unless the run that made it failed.
    """
    links, runs = schema.run_artifacts, schema.runs
    made = (links.c.artifact_id == upstream.artifacts.c.id) & (links.c.role == "output")
    failed = case((runs.c.status.in_(("failed", "aborted")), 1), else_=0)
    query = (
        artifact_query()
        .outerjoin(links, made)
        .outerjoin(runs, runs.c.run_id == links.c.run_id)
        .where(upstream.nodes.c.node_name == store, upstream.artifacts.c.location == location)
        .order_by(failed, upstream.artifacts.c.id.desc())
    )
    return [Artifact(**row) for row in connection.execute(query).mappings()]


def count_new(connection: Connection, store: str) -> int:
    """Number of new artifacts of a store that no run under way was given."""
    artifacts, nodes = upstream.artifacts, upstream.nodes
    links, runs = schema.run_artifacts, schema.runs
    given = (
        select(links.c.artifact_id)
        .join(runs, runs.c.run_id == links.c.run_id)
        .where(links.c.artifact_id == artifacts.c.id, runs.c.status == "running")
    )
    query = (
        select(func.count())
        .select_from(artifacts.join(nodes, artifacts.c.node_id == nodes.c.id))
        .where(nodes.c.node_name == store, artifacts.c.state == "new", ~given.exists())
    )
    return int(connection.execute(query).scalar_one())


def find_artifact(connection: Connection, store: str, location: str) -> Artifact:
    """The artifact at a location of one store: see `artifacts_at`.

    Raises:
        NotFoundError: that store has none there.
    """
    found = artifacts_at(connection, store, location)
    if not found:
        raise NotFoundError(f"{store} has no artifact {location!r}")
    return found[0]


def run_artifacts(
    connection: Connection, run_id: int, role: str, store: str | None = None
) -> list[Artifact]:
    """What a run read (`input`) or made (`output`), in the order in which it came to be known."""
    links = schema.run_artifacts
    query = (
        artifact_query()
        .join(links, links.c.artifact_id == upstream.artifacts.c.id)
        .where(links.c.run_id == run_id, links.c.role == role)
        .order_by(upstream.artifacts.c.id)
    )
    if store is not None:
        query = query.where(upstream.nodes.c.node_name == store)
    return [Artifact(**row) for row in connection.execute(query).mappings()]


def linked_artifacts(connection: Connection, run_id: int) -> list[tuple[str, Artifact]]:
    """What a run read and made, each with its role; inputs first, each kind in order."""
    rows = connection.execute(_LINKED, {"run_id": run_id}).mappings()
    return [(row["role"], Artifact(**{n: row[n] for n in _FIELDS})) for row in rows]


def given_artifact(
    connection: Connection, run_id: int, store: str, location: str
) -> Artifact | None:
    """What a run was given, or has read, at a location of one store; the newest of it."""
    links = schema.run_artifacts
    query = (
        artifact_query()
        .join(links, links.c.artifact_id == upstream.artifacts.c.id)
        .where(
            links.c.run_id == run_id,
            links.c.role == "input",
            upstream.nodes.c.node_name == store,
            upstream.artifacts.c.location == location,
        )
        .order_by(upstream.artifacts.c.id.desc())
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else Artifact(**row)


def newest_versions(
    connection: Connection, store: str
) -> Iterator[tuple[str, str, int | None, float]]:
    """Of each location of a store: its newest digest and size, and when it was recorded."""
    artifacts, nodes = upstream.artifacts, upstream.nodes
    newest = select(func.max(artifacts.c.id)).group_by(artifacts.c.node_id, artifacts.c.location)
    query = (
        select(artifacts.c.location, artifacts.c.hash, artifacts.c.size, artifacts.c.created_at)
        .join(nodes, artifacts.c.node_id == nodes.c.id)
        .where(nodes.c.node_name == store, artifacts.c.id.in_(newest))
    )
    for location, sha256, size, created_at in connection.execute(query):
        yield location, sha256, size, created_at.replace(tzinfo=UTC).timestamp()


def newest_output(connection: Connection, stores: Iterable[str]) -> Artifact | None:
    """The last artifact that a run which did not fail made in one of the stores."""
    links, runs = schema.run_artifacts, schema.runs
    query = (
        artifact_query()
        .join(links, links.c.artifact_id == upstream.artifacts.c.id)
        .join(runs, runs.c.run_id == links.c.run_id)
        .where(
            links.c.role == "output",
            runs.c.status.in_(("running", "succeeded")),
            upstream.nodes.c.node_name.in_(list(stores)),
        )
        .order_by(upstream.artifacts.c.id.desc())
    )
    row = connection.execute(query).mappings().first()
    return None if row is None else Artifact(**row)


def _insert_values(
    connection: Connection, run_id: int, node: str, role: str, items: Mapping[str, object]
) -> None:
    row = {"run_id": run_id, "node": node, "role": role}
    rows = [row | {"name": n, "value": canonical(n, value)} for n, value in items.items()]
    connection.execute(insert(schema.values), rows)


def _new_id(inserted: CursorResult[Any]) -> int:
    key = inserted.inserted_primary_key
    assert key is not None  # noqa: S101 - one row was inserted
    return int(key[0])


def _plain(value: object) -> object:
    """A numpy scalar as the Python number it stands for; anything else as it is."""
    if getattr(value, "shape", None) == () and hasattr(value, "item"):
        return value.item()
    return value


def _text(name: str, value: object) -> str:
    text = value if isinstance(value, str) else canonical(name, value)
    return text.replace("\0", "\N{REPLACEMENT CHARACTER}")  # which PostgreSQL's text cannot hold
