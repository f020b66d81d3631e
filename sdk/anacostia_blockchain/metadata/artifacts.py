"""Artifacts in the database: what stores hold and held, who was given it, who read or made it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from sqlalchemy import Select, bindparam, case, func, insert, select

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import NotFoundError, PipelineError
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
    artifact_id = new_id(inserted)
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


def newest_artifact(connection: Connection, store: str) -> Artifact | None:
    """What came to a store last; None if nothing ever did."""
    query = artifact_query().where(upstream.nodes.c.node_name == store)
    query = query.order_by(upstream.artifacts.c.id.desc()).limit(1)
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


def new_id(inserted: CursorResult[Any]) -> int:
    """The id of the row that was inserted."""
    key = inserted.inserted_primary_key
    assert key is not None  # noqa: S101 - one row was inserted
    return int(key[0])
