"""Runs: recorded by plain code, and proofs looked up in the store and checked against the chain."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

from anacostia_blockchain._files import read_all
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import FormatError, IntegrityError, NotFoundError
from anacostia_blockchain.ledger.proof import RunProof

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.metadata.book import RunBook
    from anacostia_blockchain.tracking import ActiveRun
    from anacostia_blockchain.types import LedgerHead

PROOF_NAME = "run-proof-{leaf}"
"""Name under which a run's proof is pinned in the store, with the record's root in hexadecimal."""

_LARGEST_PROOF = 1 << 16


class Runs:
    """Run records, anchored in logs.

    Example:
        >>> with hub.runs.start("train") as run:  # doctest: +SKIP
        ...     run.log_params(lr=0.001)
        ...     run.log_metrics(loss=0.5)
    """

    def __init__(self, client: Anacostia) -> None:
        self._client = client
        self._books: dict[str, RunBook] = {}

    def start(self, name: str, *, database: str | None = None, wait: float = 60) -> ActiveRun:
        """Begin a run without a pipeline; it ends with the `with` block that it is used in.

        It has the same record, proofs and crash safety as a pipeline's run: what a killed process
        left open is closed as aborted by the next one that begins, and what had to reach the chain
        is sent by it. Any number of processes may record at the same time.

        Args:
            name: of the code, such as `train`.
            database: URI of the database; None: a SQLite file in the connection's home.
            wait: seconds to wait, at the end, for what must reach the chain. What has not by then
                is sent by the next run, or by `anacostia anchor`.

        Raises:
            ConfigError: the name or the URI cannot be used, or the connection has no account.
            StoreUnavailableError: the database's server does not answer.
        """
        from anacostia_blockchain.tracking import ActiveRun, open_book  # noqa: PLC0415 - loads SQL

        uri = database or self._own
        if uri not in self._books:
            self._books[uri] = open_book(uri, self._client)
        return ActiveRun(self._client, self._books[uri], name, wait)

    def log_salt(self, database: str | None = None) -> bytes:
        """The salt of a database's log, 32 bytes, for whoever is to own it: `ledger.open_log`.

        Args:
            database: see `start`; here the path of a SQLite file does as well.

        Raises:
            NotFoundError: there is no such database, or no run was ever recorded in it.
            StoreUnavailableError: the database's server does not answer.
        """
        from anacostia_blockchain.outbox.worker import log_salt, open_existing  # noqa: PLC0415 - loads SQL

        return log_salt(open_existing(database or self._own))

    def find_proof(self, leaf: bytes, hint: str | None = None) -> RunProof:
        """The inclusion proof of a run record, looked up in the store by the record's root.

        A pin's name is only a hint: what it leads to is checked by `check_proof`.

        Args:
            leaf: the record's root.
            hint: the proof's CID, as a database tells it. A node of ten thousand pins takes a tenth
                of a second to find one by its name.

        Raises:
            NotFoundError: the store holds none: the run is not anchored yet, or it was anchored
                from another store.
            IntegrityError: what the store holds is the proof of something else.
        """
        storage, name = self._client.storage, PROOF_NAME.format(leaf=leaf.hex())
        if hint is not None:
            with suppress(FormatError):
                if storage.has(cid := CID.parse(hint)) and (it := self._proof(cid)).leaf == leaf:
                    return it
        for pin in storage.pins(name):
            if (proof := self._proof(pin.cid)).leaf != leaf:
                raise IntegrityError(f"the store's {name} is the proof of another record")
            return proof
        raise NotFoundError(
            f"the store holds no {name}: the run is not anchored yet, or from another store"
        )

    @property
    def _own(self) -> str:
        """URI of the database of runs that name no other."""
        return f"sqlite:///{self._client.home / 'runs' / 'metadata.db'}"

    def _proof(self, cid: CID) -> RunProof:
        with self._client.storage.open(cid) as stream:
            return RunProof.from_json(read_all(stream, _LARGEST_PROOF, "the run's proof"))

    def check_proof(self, proof: RunProof) -> LedgerHead:
        """Check a proof against the chain; returns the log's newest head.

        Raises:
            IntegrityError: the record is not in the head that the proof names, that head was never
                anchored, or the proof is for another chain or contract.
        """
        ledger = self._client.ledger
        if (proof.chain_id, proof.ledger.lower()) != (
            self._client.chain.chain_id,
            ledger.address.lower(),
        ):
            raise IntegrityError("the proof is for another chain or ledger contract")
        proof.verify()
        head = ledger.head_of(proof.log_id)
        anchored = (
            head.root if head.size == proof.size else ledger.root_at(proof.log_id, proof.size)
        )
        if anchored != proof.root:
            raise IntegrityError(f"no head of {proof.size} records with that root was anchored")
        return head
