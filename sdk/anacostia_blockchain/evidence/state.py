"""The part that is proven: versions, lineage, aliases and log heads, from storage slots alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import IntegrityError
from anacostia_blockchain.proofs.layout import (
    AliasSlots,
    LedgerHeadSlots,
    VersionHeader,
    VersionSlots,
    model_slot,
    read_model,
)
from anacostia_blockchain.types import AliasMove, LedgerHead, Parent, Status

if TYPE_CHECKING:
    from anacostia_blockchain.types import Kind

Key = tuple[int, int]
Read = Callable[[str, str, int], int]
"""Value of a slot of a contract, by the contract's name and address."""

AT_ONCE = 100
"""Versions whose slots are asked for at a time."""

REGISTRY, LEDGER = "ModelRegistry", "RunLedger"


@dataclass(slots=True)
class Lineage:
    """Status and parents of versions and of all that they were made from, and so taint."""

    records: dict[Key, tuple[Status, tuple[Parent, ...]]] = field(default_factory=dict)
    _tainted: dict[Key, Key | None] = field(default_factory=dict)

    def tainted_by(self, key: Key) -> Key | None:
        """A revoked version among a version and its ancestors; the first found, parents in order.

        Raises:
            IntegrityError: an ancestor is not known.
        """
        stack = [key]
        while stack:
            one = stack[-1]
            if one in self._tainted:
                stack.pop()
                continue
            if one not in self.records:
                raise IntegrityError(f"the state does not tell about {one[0]}@{one[1]}")
            status, parents = self.records[one]
            above = [(p.model_id, p.version) for p in parents]
            waiting = (
                [] if status is Status.REVOKED else [p for p in above if p not in self._tainted]
            )
            if waiting:
                stack += waiting
                continue
            by = (self._tainted[p] for p in above)
            found = one if status is Status.REVOKED else next(filter(None, by), None)
            self._tainted[one] = found
            stack.pop()
        return self._tainted[key]


class ProvenModel:
    """Reads a model from slots of the registry, and from nothing else.

    Args:
        read: gives a slot; raises where it is not proven.
        registry: address.
        model_id: of the model.
    """

    def __init__(self, read: Read, registry: str, model_id: int) -> None:
        self._read, self._registry, self.model_id = read, registry, model_id

    def model(self) -> tuple[str, int, Kind]:
        """Creator, number of versions, kind."""
        return read_model(self._slot(model_slot(self.model_id)))

    def header(self, key: Key) -> VersionHeader:
        """A version's header."""
        slots = VersionSlots(*key)
        return slots.read_header(self._slot(slots.header))

    def parents(self, key: Key) -> tuple[Parent, ...]:
        """What a version was made from."""
        slots, count = VersionSlots(*key), self.header(key).parent_count
        pairs = [self._slot(slot) for slot in slots.parent_pairs(count)]
        return tuple(slots.read_parents(pairs, count))

    def root(self, key: Key) -> CID:
        """Its content."""
        digest = self._slot(VersionSlots(*key).digest).to_bytes(32, "big")
        return CID(self.header(key).codec, digest)

    def version(self, number: int, lineage: Lineage) -> dict[str, Any]:
        """The line of a version in `versions.jsonl`."""
        key = (self.model_id, number)
        header = self.header(key)
        by = lineage.tainted_by(key)
        revoked = header.status is Status.REVOKED
        return {
            "version": number,
            "root": str(self.root(key)),
            "publisher": header.publisher,
            "published_at": header.published_at.isoformat(),
            "status": header.status.name.lower(),
            "reason": header.reason.name.lower() if revoked else None,
            "parents": [parent_data(parent) for parent in self.parents(key)],
            "tainted_by": None if by is None else f"{by[0]}@{by[1]}",
        }

    def alias(self, label: bytes) -> list[AliasMove]:
        """All moves of an alias, oldest first."""
        slots = AliasSlots(self.model_id, label)
        count = slots.read_count(self._slot(slots.head))
        return [
            slots.read_move(self._slot(slots.of_move(index, count)), index)
            for index in range(count)
        ]

    def _slot(self, slot: int) -> int:
        return self._read(REGISTRY, self._registry, slot)


def head(read: Read, ledger: str, log_id: bytes) -> LedgerHead:
    """The head of a log."""
    slots = LedgerHeadSlots(log_id)
    size = slots.read_size(read(LEDGER, ledger, slots.writer_and_size))
    return LedgerHead(size, read(LEDGER, ledger, slots.root).to_bytes(32, "big"))


def writer(read: Read, ledger: str, log_id: bytes) -> str:
    """Who writes a log."""
    slots = LedgerHeadSlots(log_id)
    return slots.read_writer(read(LEDGER, ledger, slots.writer_and_size))


def parent_data(parent: Parent) -> dict[str, Any]:
    """A lineage edge as plain data."""
    relation = parent.relation.name.lower()
    return {"model_id": parent.model_id, "version": parent.version, "relation": relation}


def alias_data(name: str, moves: Iterable[AliasMove]) -> dict[str, Any]:
    """The line of an alias in `aliases.jsonl`."""
    told = [{"version": move.version, "since": move.since.isoformat()} for move in moves]
    return {"alias": name, "moves": told}


def chunks(keys: Iterable[Any], size: int = AT_ONCE) -> Iterator[list[Any]]:
    """Lists of at most `size`."""
    rest = iter(keys)
    while chunk := list(islice(rest, size)):
        yield chunk
