"""Anchoring a run log: its newest head goes on chain, whatever number of runs it covers."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from anacostia_blockchain.errors import (
    AnacostiaError,
    ChainUnavailableError,
    ContractRevertedError,
    IntegrityError,
    LedgerError,
    LogNotWritableError,
)
from anacostia_blockchain.outbox.outbox import Intent, Outcome

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Call, Receipt
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.types import LedgerHead


class LogSource(Protocol):
    """A Merkle log to anchor, wherever it is kept; each method may open its own transaction."""

    @property
    def salt(self) -> bytes:
        """32 random bytes that, with the owner's address, make the log's id on chain."""

    def size(self) -> int:
        """Number of records."""

    def root(self, size: int) -> bytes:
        """RFC 9162 root of the first `size` records.

        Raises:
            LedgerError, IntegrityError: the log has fewer; the latter where it is elsewhere.
        """

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Proof that the log of `new` records extends that of `old`; empty when `old` is 0."""

    def anchored(self, size: int, outcome: dict[str, Any]) -> None:
        """Told, once or more, that the head of `size` records is on chain."""


class AnchorHandler:
    """Carries out `anchor` intents: `{"size": n}` asks that at least n records be anchored.

    Many runs that ended close together cost one transaction: the newest head is anchored, and the
    intents that it covers find themselves done.
    """

    kind = "anchor"

    def __init__(self, client: Anacostia, source: LogSource) -> None:
        self._client = client
        self._source = source
        self._built_on: dict[str, int] = {}

    @cached_property
    def log_id(self) -> bytes:
        """The log's id on chain."""
        return self._client.ledger.log_id_of(self._client.log_owner, self._source.salt)

    def done(self, intent: Intent) -> Outcome | None:
        """Done when the head on chain covers the intent's records.

        Raises:
            ChainUnavailableError: the endpoint contradicts itself, and is to be asked again.
            IntegrityError: see `_head`.
        """
        ledger = self._client.ledger
        head = self._head() if self._is_open() else None
        if head is None or head.size < intent.payload["size"]:
            return None
        # Another intent's transaction may have done it: the event knows which.
        try:
            log = ledger.anchored(self.log_id, head.size)
        except IntegrityError:
            raise ChainUnavailableError(
                f"the endpoint knows a head of {head.size} records, and not what anchored it: "
                "a node behind it lags, or is in the middle of that block"
            ) from None
        return self._anchored(head.size, head.root, log.tx_hash, log.block_number)

    def prepare(self, intent: Intent) -> tuple[Call, dict[str, Any]]:
        """Anchor everything the log holds now. Opens the log first where it is not open.

        Raises:
            LogNotWritableError: that, or to name this account its writer, is another's to do.
            IntegrityError: see `_head`.
        """
        ledger = self._client.ledger
        owner, writer = ledger.log_of(self.log_id)
        if int(owner, 16) == 0:
            self._open()
        elif writer != self._client.address:
            raise LogNotWritableError(
                f"log 0x{self.log_id.hex()} is written by {writer}: its owner {owner} lets "
                f"{self._client.address} write with `anacostia log writer`"
            )
        old, size = self._head().size, self._source.size()
        root = self._source.root(size)
        proof = self._source.consistency_proof(old, size)
        call = ledger.calls.anchor(self.log_id, size, root, proof)
        self._built_on[intent.key] = old
        return call, {"size": size, "root": root.hex(), "old": old}

    def outcome(self, intent: Intent, receipt: Receipt) -> Outcome:
        """The head that the transaction anchored."""
        note = intent.note or {}
        return self._anchored(
            note["size"], bytes.fromhex(note["root"]), receipt.hash, receipt.block_number
        )

    def is_stale(self, intent: Intent, refusal: AnacostiaError) -> bool:
        """Somebody else moved the head, and the proof was for the one before.

        The refusal itself tells the head's size: who refused may know more than who is asked now.
        """
        if not isinstance(refusal, ContractRevertedError):
            return False
        known = self._built_on.get(intent.key, (intent.note or {}).get("old"))
        seen = refusal.arguments.get("size", known)
        return seen != known or self._client.ledger.head_of(self.log_id).size != known

    def _head(self) -> LedgerHead:
        """The head on chain, which whoever has the writer's key could have made of anything.

        Raises:
            IntegrityError: it is none of this log.
        """
        head = self._client.ledger.head_of(self.log_id)
        try:
            ours = head.size == 0 or self._source.root(head.size) == head.root
        except (LedgerError, IntegrityError):
            ours = False  # there are not so many records
        if not ours:
            raise IntegrityError(
                f"the head of {head.size} records in log 0x{self.log_id.hex()} is not of this "
                "database's records: somebody else has the writer's key, or these records are "
                "older than what was anchored; nothing can follow it in that log"
            )
        return head

    def _anchored(self, size: int, root: bytes, tx_hash: str, block: int) -> Outcome:
        result = {
            "log_id": "0x" + self.log_id.hex(),
            "size": size,
            "root": "0x" + root.hex(),
            "tx": tx_hash,
            "block": block,
        }
        self._source.anchored(size, result)
        return Outcome(result)

    def _open(self) -> None:
        """Open the log; it does no harm that a killed process had begun to."""
        client, salt = self._client, self._source.salt
        if client.log_owner != client.address:
            raise LogNotWritableError(
                f"{client.log_owner} has no log 0x{self.log_id.hex()} yet: with its key, "
                f"`anacostia log open --salt {salt.hex()} --writer {client.address}`"
            )
        try:
            client.ledger.open_log(salt, client.address)
        except ContractRevertedError as error:
            if error.name != "RunLedger_LogExists":
                raise

    def _is_open(self) -> bool:
        owner, _writer = self._client.ledger.log_of(self.log_id)
        return int(owner, 16) != 0
