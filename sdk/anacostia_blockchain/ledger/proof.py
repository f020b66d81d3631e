"""Proof that a run's record is in an anchored log, as a document that anybody can check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from anacostia_blockchain.content.documents import canonical, field, hex_field, read_object
from anacostia_blockchain.errors import FormatError, IntegrityError
from anacostia_blockchain.ledger.merkle import leaf_hash, verify_inclusion

SCHEMA = "anacostia/run-proof/1"
_WHAT = "run proof"
_MOST = 64
"""Longest path of a log whose size fits 64 bits."""


@dataclass(frozen=True, slots=True)
class RunProof:
    """Where a record stands in which log, and the way to the log's root.

    Attributes:
        log_id: of the log on chain, 32 bytes.
        leaf: the record's root: the log's leaf data, 32 bytes.
        index: place of the record, from 0.
        size: number of records of the head that the proof is for.
        root: that head's root, 32 bytes.
        path: siblings, bottom first (RFC 9162 §2.1.3), 32 bytes each.
        chain_id, ledger: chain and address of the `RunLedger`.
    """

    log_id: bytes
    leaf: bytes
    index: int
    size: int
    root: bytes
    path: tuple[bytes, ...]
    chain_id: int
    ledger: str

    def verify(self) -> None:
        """Check the way from the record to the root; whether the root is anchored, a chain says.

        Raises:
            IntegrityError: it does not lead there.
        """
        if not verify_inclusion(leaf_hash(self.leaf), self.index, self.size, self.root, self.path):
            raise IntegrityError(
                f"record {self.leaf.hex()} is not number {self.index} of the {self.size} "
                f"under root {self.root.hex()}"
            )

    def to_json(self) -> bytes:
        """Encode canonically."""
        return canonical(self.to_document())

    def to_document(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "schema": SCHEMA,
            "chain_id": self.chain_id,
            "ledger": self.ledger,
            "log_id": "0x" + self.log_id.hex(),
            "leaf": "0x" + self.leaf.hex(),
            "index": self.index,
            "size": self.size,
            "root": "0x" + self.root.hex(),
            "path": ["0x" + sibling.hex() for sibling in self.path],
        }

    @classmethod
    def from_json(cls, data: bytes) -> RunProof:
        """Read what `to_json` wrote.

        Raises:
            FormatError: it is something else.
        """
        return cls.from_document(read_object(data, _WHAT))

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> RunProof:
        """Read what `to_document` gave.

        Raises:
            FormatError: it is something else.
        """
        if field(document, "schema", str, _WHAT) != SCHEMA:
            raise FormatError(f"{_WHAT}: its schema is not {SCHEMA}")
        length = len(field(document, "path", list, _WHAT))
        if length > _MOST:
            raise FormatError(f"{_WHAT}: a path of {length} hashes is too long")
        return cls(
            log_id=hex_field(document, "log_id", _WHAT),
            leaf=hex_field(document, "leaf", _WHAT),
            index=_number(document, "index"),
            size=_number(document, "size"),
            root=hex_field(document, "root", _WHAT),
            path=tuple(hex_field(document, f"path/{i}", _WHAT) for i in range(length)),
            chain_id=_number(document, "chain_id"),
            ledger=field(document, "ledger", str, _WHAT),
        )


def _number(document: dict[str, Any], name: str) -> int:
    value = field(document, name, int, _WHAT)
    if isinstance(value, bool) or value < 0:
        raise FormatError(f"{_WHAT}: {name} is not a whole number")
    return value
