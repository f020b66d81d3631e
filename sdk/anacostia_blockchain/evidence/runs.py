"""Runs: an inclusion proof of each, and the heads of their logs, led to the one on chain."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from anacostia_blockchain.audit import RunDatabase
from anacostia_blockchain.content.documents import canonical, field
from anacostia_blockchain.errors import FormatError, IntegrityError, StorageError
from anacostia_blockchain.evidence.archive import line
from anacostia_blockchain.ledger.log import MerkleLog
from anacostia_blockchain.ledger.merkle import verify_consistency
from anacostia_blockchain.ledger.proof import RunProof
from anacostia_blockchain.ledger.record import Disclosure, RunRecord
from anacostia_blockchain.metadata import runlog, schema

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.evidence.archive import Draft
    from anacostia_blockchain.types import LedgerHead

MEMBER = "runs.jsonl"

_AT_ONCE = 500
"""Runs that are read at a time."""

_TOLD = ("run_id", "status", "started_at", "ended_at")
"""What a database tells about a run."""

Database = Path | str
"""A SQLite file, or a URI."""

Line = dict[str, Any]


def from_database(
    client: Anacostia,
    database: Database,
    heads: Mapping[bytes, LedgerHead],
    versions: Mapping[str, int],
) -> Iterator[Line]:
    """All anchored runs of a metadata store's database, proven to be in the log's head.

    Args:
        client: for the network that is meant.
        database: a SQLite file, or a `postgresql://` URI; it is only read.
        heads: of logs by their ids.
        versions: that were published by runs, by the leaf in hexadecimal.

    Raises:
        IntegrityError: what the database has is not what was anchored.
    """
    opened = RunDatabase(database)
    with opened.reading() as connection:
        log_id = _log_id(connection, client)
        if log_id is None:
            return
        log, head = MerkleLog(connection, runlog.NAME), heads[log_id]
        if log.size < head.size or log.root(head.size) != head.root:
            raise IntegrityError(f"{opened.shown} does not hold the log that was anchored")
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
            shown = _disclosed(RunRecord.from_json(row["record"].encode()))
            told = {name: row[name] for name in _TOLD} | {"metrics": _metrics(shown)}
            documents = [json.loads(one.to_json()) for one in shown]
            yield _line(proof, versions, told) | {"disclosed": documents}


def log_in(client: Anacostia, database: Database) -> bytes | None:
    """The log that a database anchors in; None if it has anchored nothing on this network.

    Raises:
        NotFoundError, FormatError, StoreUnavailableError: see `audit.RunDatabase`.
    """
    with RunDatabase(database).reading() as connection:
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


def _log_id(connection: Connection, client: Anacostia) -> bytes | None:
    anchors = schema.anchors
    query = select(anchors.c.log_id).where(anchors.c.network == runlog.network(client)).distinct()
    found = connection.execute(query).scalars().first()
    return None if found is None else bytes.fromhex(found.removeprefix("0x"))


def _rows(connection: Connection, size: int) -> Iterator[dict[str, Any]]:
    """Runs in the order of the log with their records, some at a time."""
    runs, after = schema.runs, -1
    columns = (runs.c.run_id, runs.c.status, runs.c.started_at, runs.c.ended_at, runs.c.leaf)
    while True:
        query = (
            select(*columns, runs.c.record, runs.c.log_index)
            .where(runs.c.log_index > after, runs.c.log_index < size)
            .order_by(runs.c.log_index)
            .limit(_AT_ONCE)
        )
        rows = [dict(row) for row in connection.execute(query).mappings()]
        yield from rows
        if not rows:
            return
        after = rows[-1]["log_index"]


def _disclosed(record: RunRecord) -> list[Disclosure]:
    """The metrics of a run out of its record, each with the proof; of several the last one."""
    last = {(leaf.node, leaf.name): leaf for leaf in record.leaves if leaf.role == "metric"}
    return [record.disclose(one.role, one.node, one.name, one.number) for one in last.values()]


def _metrics(shown: Iterable[Disclosure]) -> dict[str, Any]:
    """Metrics by name; where several nodes say one, the last of them."""
    return {one.leaf.name: one.leaf.value for one in shown}


def check_disclosed(line: Line, leaf: bytes) -> None:
    """Check that the metrics of a line are those of the run's record; older lines only tell them.

    Raises:
        FormatError: a disclosure is none.
        IntegrityError: a metric is not in the record, or told to be another.
    """
    if "disclosed" not in line:
        return
    documents = field(line, "disclosed", list, MEMBER)
    shown = [Disclosure.from_json(canonical(one)) for one in documents]
    for one in shown:
        one.verify(leaf)
        if one.leaf.role != "metric":
            raise IntegrityError(f"the record shows {one.leaf.role} {one.leaf.name!r} as a metric")
    if field(line, "told/metrics", dict, MEMBER) != _metrics(shown):
        raise IntegrityError("metrics are told that the run's record does not show")
