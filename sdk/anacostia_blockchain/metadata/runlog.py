"""The run log of one database: grown where runs are closed, anchored by the sender."""

from __future__ import annotations

from io import BytesIO
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from anacostia_blockchain.errors import ChainUnavailableError, IntegrityError, LedgerError
from anacostia_blockchain.ledger.log import MerkleLog
from anacostia_blockchain.ledger.log import metadata as tables
from anacostia_blockchain.ledger.proof import RunProof
from anacostia_blockchain.ledger.record import RunRecord
from anacostia_blockchain.metadata import schema
from anacostia_blockchain.metadata.database import insert_new
from anacostia_blockchain.outbox.outbox import Outbox
from anacostia_blockchain.runs import PROOF_NAME

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.metadata.database import Database
    from anacostia_blockchain.metadata.facts import Fact, Told

__all__ = ["RunLog", "append_record", "load_record", "network", "record_after", "tables"]

NAME = "runs"
"""Of the one log in the database; on chain the salt tells it from all others."""


def append_record(connection: Connection, told: Told, pipeline: str) -> tuple[list[Fact], int]:
    """Make a run's record and add its root to the log, in the transaction that closes the run.

    Args:
        connection: of that transaction.
        told: what is recorded; it is told the record's root and its place in the log.
        pipeline: see `Told.facts`.

    Returns:
        The facts of the record, and its index in the log.
    """
    facts = told.facts(pipeline)
    record = RunRecord.build((fact.role, fact.node, fact.name, fact.value) for fact in facts)
    index = MerkleLog(connection, NAME).append(record.root)
    end = {name: told.run[name] for name in ("status", "reason", "ended_at")}
    end |= {"record": record.to_json().decode(), "leaf": record.root.hex(), "log_index": index}
    begun = {name: told.run[name] for name in ("run_id", "source", "started_at")}
    statement = insert_new(connection, schema.runs).values(begun | end)
    connection.execute(statement.on_conflict_do_update(index_elements=["run_id"], set_=end))
    told.run |= {"leaf": record.root.hex(), "log_index": index}
    return facts, index


def load_record(connection: Connection, run_id: int) -> RunRecord:
    """The record of a closed run.

    Raises:
        LedgerError: there is no such run, or it is still under way.
    """
    query = select(schema.runs.c.record).where(schema.runs.c.run_id == run_id)
    text = connection.execute(query).scalar()
    if text is None:
        raise LedgerError(f"run {run_id} has no record: it never was, or it has not ended yet")
    return RunRecord.from_json(text.encode())


def record_after(
    connection: Connection, index: int | None, leaf: str | None
) -> tuple[int, str] | None:
    """What follows in the log upon a record that somebody has.

    Args:
        connection: to read.
        index: of that record; None: they have none.
        leaf: its root, in hexadecimal.

    Returns:
        Index and JSON text of the next record; None if there is none yet.

    Raises:
        IntegrityError: no such record was ever at that place.
    """
    runs = schema.runs
    if index is not None:
        query = select(runs.c.leaf).where(runs.c.log_index == index)
        if connection.execute(query).scalar() != leaf:
            raise IntegrityError(f"record {index} of this log is not {leaf}: it is another log")
    place = 0 if index is None else index + 1
    text = connection.execute(select(runs.c.record).where(runs.c.log_index == place)).scalar()
    return None if text is None else (place, text)


def network(client: Anacostia) -> str:
    """The chain and the ledger that a connection anchors in."""
    return f"{client.chain.chain_id}:{client.ledger.address}"


class RunLog:
    """The log as `anchoring.AnchorHandler` sees it, and what is done once it is anchored.

    Args:
        database: that holds it.
        salt: 32 random bytes, kept in the database.
        client: the connection that anchors it.
    """

    def __init__(self, database: Database, salt: bytes, client: Anacostia) -> None:
        self.salt = salt
        self._database = database
        self._client = client

    def size(self) -> int:
        """Number of records."""
        with self._database.read() as connection:
            return MerkleLog(connection, NAME).size

    def root(self, size: int) -> bytes:
        """RFC 9162 root of the first `size` records."""
        with self._database.read() as connection:
            return MerkleLog(connection, NAME).root(size)

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Proof that the log of `new` records extends that of `old`."""
        if old == 0:
            return []
        with self._database.read() as connection:
            return list(MerkleLog(connection, NAME).consistency_proof(old, new))

    def anchored(self, size: int, outcome: dict[str, Any]) -> None:
        """Mark the runs that a head covers, and store the proof of each where verifiers look."""
        for run_id, leaf, index in self._uncovered(size):
            proof = self._prove(leaf, index, size, outcome)
            cid = self._client.storage.put(
                BytesIO(proof.to_json()), name=PROOF_NAME.format(leaf=leaf.hex())
            )
            row = {
                "run_id": run_id,
                "network": network(self._client),
                "log_id": outcome["log_id"],
                "size": size,
                "tx": outcome["tx"],
                "block": outcome["block"],
                "proof": str(cid),
            }
            with self._database.write() as connection:
                statement = insert_new(connection, schema.anchors).values(row)
                connection.execute(statement.on_conflict_do_nothing())

        with self._database.write() as connection:
            Outbox.hasten(connection, "anchor", size)  # they will find themselves done

    def reported(self, size: int, outcome: dict[str, Any]) -> None:
        """The same, told by another machine: the chain says whether it is so, and what did it.

        Raises:
            LedgerError: that is no log of this database, or the head is not of its records.
            ChainUnavailableError: the endpoint does not answer, or knows no such head yet.
        """
        log_id = outcome.get("log_id")
        if log_id not in self._log_ids():
            raise LedgerError(f"{log_id} is no log of this database")
        try:
            event = self._client.ledger.anchored(bytes.fromhex(log_id[2:]), size)
        except IntegrityError as error:
            raise ChainUnavailableError(f"this machine's endpoint says: {error}") from error
        root = bytes(event.values["root"])
        if root != self.root(size):
            raise LedgerError(f"the head of {size} records in {log_id} is not of these records")
        told = {"log_id": log_id, "size": size, "root": "0x" + root.hex()}
        self.anchored(size, told | {"tx": event.tx_hash, "block": event.block_number})

    def _log_ids(self) -> set[str]:
        """Ids of the log, one for each owner that it was recorded for."""
        settings = schema.settings
        name = settings.c.name.startswith(f"log_id:{network(self._client)}:", autoescape=True)
        with self._database.read() as connection:
            found = connection.execute(select(settings.c.value).where(name)).scalars()
            return {f"0x{log_id}" for log_id in found}

    def _uncovered(self, size: int) -> list[tuple[int, bytes, int]]:
        """Runs within a head that are not marked as anchored: number, leaf, index."""
        runs, anchors = schema.runs, schema.anchors
        marked = select(anchors.c.run_id).where(anchors.c.network == network(self._client))
        query = (
            select(runs.c.run_id, runs.c.leaf, runs.c.log_index)
            .where(runs.c.log_index < size, runs.c.run_id.not_in(marked))
            .order_by(runs.c.log_index)
        )
        with self._database.read() as connection:
            rows = connection.execute(query).all()
        return [(run_id, bytes.fromhex(leaf), index) for run_id, leaf, index in rows]

    def _prove(self, leaf: bytes, index: int, size: int, outcome: dict[str, Any]) -> RunProof:
        with self._database.read() as connection:
            path = MerkleLog(connection, NAME).inclusion_proof(index, size)
        return RunProof(
            log_id=bytes.fromhex(outcome["log_id"].removeprefix("0x")),
            leaf=leaf,
            index=index,
            size=size,
            root=bytes.fromhex(outcome["root"].removeprefix("0x")),
            path=tuple(path),
            chain_id=self._client.chain.chain_id,
            ledger=self._client.ledger.address,
        )
