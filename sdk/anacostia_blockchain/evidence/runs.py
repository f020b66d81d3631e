"""Runs: an inclusion proof of each, and the heads of their logs, led to the one on chain."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import create_engine, inspect, select

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import (
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
)
from anacostia_blockchain.evidence.archive import line
from anacostia_blockchain.ledger.log import MerkleLog
from anacostia_blockchain.ledger.merkle import verify_consistency
from anacostia_blockchain.ledger.proof import RunProof
from anacostia_blockchain.metadata import runlog, schema

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.evidence.archive import Draft
    from anacostia_blockchain.types import LedgerHead

MEMBER = "runs.jsonl"

_AT_ONCE = 500
"""Runs that are read at a time."""

_TOLD = ("run_id", "status", "started_at", "ended_at", "metrics")
"""What a database tells about a run; its record, which is proven, says it too."""

Line = dict[str, Any]


def from_database(
    client: Anacostia, path: Path, heads: Mapping[bytes, LedgerHead], versions: Mapping[str, int]
) -> Iterator[Line]:
    """All anchored runs of a metadata store's database, proven to be in the log's head.

    Args:
        client: for the network that is meant.
        path: of the SQLite file; it is only read.
        heads: of logs by their ids.
        versions: that were published by runs, by the leaf in hexadecimal.

    Raises:
        IntegrityError: what the database has is not what was anchored.
    """
    with _open(path) as connection:
        log_id = _log_id(connection, client)
        if log_id is None:
            return
        log, head = MerkleLog(connection, runlog.NAME), heads[log_id]
        if log.size < head.size or log.root(head.size) != head.root:
            raise IntegrityError(f"{path} does not hold the log that was anchored")
        for row in _rows(connection, head.size):
            proof = RunProof(
                log_id=log_id,
                leaf=bytes.fromhex(row["leaf"]),
                index=row["log_index"],
                size=head.size,
                root=head.root,
                path=tuple(log.inclusion_proof(row["log_index"], head.size)),
                chain_id=client.chain.chain_id,
                ledger=client.ledger.address,
            )
            yield _line(proof, versions, {name: row[name] for name in _TOLD})


def log_in(client: Anacostia, path: Path) -> bytes | None:
    """The log that a database anchors in; None if it has anchored nothing on this network.

    Raises:
        NotFoundError, FormatError: there is no such database.
    """
    with _open(path) as connection:
        return _log_id(connection, client)


def from_store(client: Anacostia, leaf: str) -> RunProof | None:
    """The proof of a run that published a version, as it was stored when the run was anchored."""
    try:
        return client.runs.find_proof(bytes.fromhex(leaf.removeprefix("0x")))
    except (StorageError, FormatError, IntegrityError):
        return None


def stored_line(proof: RunProof, versions: Mapping[str, int]) -> Line:
    """The line of a run of which nothing is known but its proof."""
    return _line(proof, versions, None)


def write_heads(
    client: Anacostia, draft: Draft, log_id: bytes, smallest: int, head: LedgerHead, block: int
) -> bool:
    """Write the heads of a log from one of a size on, each with the proof that the next extends it.

    The proofs are those that were sent to the contract, which checked them.

    Returns:
        Whether they lead to the head; if not, nothing is written.
    """
    found: list[Line] = []
    for log in client.chain.logs(
        client.ledger.address,
        "RunLedger",
        "Anchored",
        topics=[log_id],
        from_block=client.deployment.contracts["RunLedger"].block or 0,
        to_block=block,
    ):
        if log.values["size"] < smallest:
            continue
        proof = client.ledger.proof_in(log) if found else []
        if proof is None:
            return False
        found.append(
            {
                "size": log.values["size"],
                "root": "0x" + log.values["root"].hex(),
                "extends_previous": ["0x" + step.hex() for step in proof],
                "block": log.block_number,
                "tx": log.tx_hash,
            }
        )
    if not found or found[-1]["size"] != head.size:
        return False
    with draft.open(f"heads/{log_id.hex()}.jsonl") as stream:
        for one in found:
            stream.write(line(one))
    return True


def read_heads(lines: Iterator[Line], head: LedgerHead) -> dict[int, bytes]:
    """Roots by size of the heads that lead to one that is proven.

    Raises:
        IntegrityError: they do not.
        FormatError: a line is not one of `write_heads`.
    """
    roots: dict[int, bytes] = {}
    previous: tuple[int, bytes] | None = None
    for one in lines:
        try:
            size, root = int(one["size"]), bytes.fromhex(one["root"].removeprefix("0x"))
            steps = [bytes.fromhex(step.removeprefix("0x")) for step in one["extends_previous"]]
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise FormatError(f"a head of a log is not of the form: {error!r}") from error
        if previous is not None and not verify_consistency(*previous, size, root, steps):
            raise IntegrityError(f"the log's head of {size} records does not extend the one before")
        roots[size], previous = root, (size, root)
    if previous != (head.size, head.root):
        raise IntegrityError("the heads do not lead to the one that is on chain")
    return roots


def _line(proof: RunProof, versions: Mapping[str, int], told: Line | None) -> Line:
    return {
        "version": versions.get("0x" + proof.leaf.hex()),
        "proof": proof.to_document(),
        "told": told,
    }


class _open:  # noqa: N801 - a context manager, used as a function
    """A metadata store's database, read only."""

    def __init__(self, path: Path) -> None:
        if not path.is_file():
            raise NotFoundError(f"there is no database {path}")
        self._engine = create_engine(f"sqlite:///file:{path}?mode=ro&uri=true")
        try:
            known = inspect(self._engine).has_table(schema.runs.name)
        except Exception as error:
            raise FormatError(f"{path} is no SQLite database") from error
        if not known:
            raise FormatError(f"{path} holds no runs: it is not a metadata store")

    def __enter__(self) -> Connection:
        self._connection = self._engine.connect()
        return self._connection

    def __exit__(self, *_: object) -> None:
        self._connection.close()
        self._engine.dispose()


def _log_id(connection: Connection, client: Anacostia) -> bytes | None:
    anchors = schema.anchors
    query = select(anchors.c.log_id).where(anchors.c.network == runlog.network(client)).distinct()
    found = connection.execute(query).scalars().first()
    return None if found is None else bytes.fromhex(found.removeprefix("0x"))


def _rows(connection: Connection, size: int) -> Iterator[dict[str, Any]]:
    """Runs in the order of the log with their metrics, some at a time."""
    runs, after = schema.runs, -1
    columns = (runs.c.run_id, runs.c.status, runs.c.started_at, runs.c.ended_at, runs.c.leaf)
    while True:
        query = (
            select(*columns, runs.c.log_index)
            .where(runs.c.log_index > after, runs.c.log_index < size)
            .order_by(runs.c.log_index)
            .limit(_AT_ONCE)
        )
        rows = [dict(row) for row in connection.execute(query).mappings()]
        metrics = _metrics(connection, [row["run_id"] for row in rows])
        yield from (row | {"metrics": metrics.get(row["run_id"], {})} for row in rows)
        if not rows:
            return
        after = rows[-1]["log_index"]


def _metrics(connection: Connection, run_ids: list[int]) -> dict[int, dict[str, Any]]:
    """Of each run its metrics, the last value of each; what JSON has no number for as text."""
    table = upstream.metrics
    query = (
        select(table.c.run_id, table.c.metric_name, table.c.metric_value)
        .where(table.c.run_id.in_(run_ids))
        .order_by(table.c.id)
    )
    found: dict[int, dict[str, Any]] = {}
    for run_id, name, value in connection.execute(query):
        found.setdefault(run_id, {})[name] = value if isfinite(value) else str(value)
    return found
