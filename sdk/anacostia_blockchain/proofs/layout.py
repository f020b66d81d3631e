"""Where the contracts keep what a bundle proves; a test compares it with the compiler's layout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property

from anacostia_blockchain.errors import FormatError
from anacostia_blockchain.proofs.storage import mapping_slot
from anacostia_blockchain.types import AliasMove, Kind, Parent, Relation, RevocationReason, Status

MODEL_IDS_SLOT = 3
"""`ModelRegistry.modelIdOf`: mapping of the creator to a mapping of the name to the model's id."""

MODELS_SLOT = 5
"""`ModelRegistry._models`: mapping of the model's id to its record."""

VERSIONS_SLOT = 6
"""`ModelRegistry._versions`: mapping of the version's key to its record."""

ALIASES_SLOT = 7
"""`ModelRegistry._aliases`: mapping of the model's id to a mapping of the alias to its log."""

LOGS_SLOT = 0
"""`RunLedger._logs`: mapping of the log's id to the log."""

_EDGE_BITS = 104
_MOVES_PER_SLOT = 3
_MOVE_BITS = 72


def model_id_slot(creator: str, name: str) -> int:
    """Slot of `ModelRegistry.modelIdOf`; ids are never given again, so that it never changes."""
    by_creator = mapping_slot(int(creator, 16), MODEL_IDS_SLOT)
    return mapping_slot(name, by_creator)


def model_slot(model_id: int) -> int:
    """Slot of a model's creator (160 bits), number of versions (32 bits) and kind (8 bits)."""
    return mapping_slot(model_id, MODELS_SLOT)


def read_model(word: int) -> tuple[str, int, Kind]:
    """Unpack a model's creator, number of versions, and kind.

    Raises:
        FormatError: the kind is none that the contract knows.
    """
    try:
        kind = Kind(word >> 192 & 0xFF)
    except ValueError as error:
        raise FormatError(str(error)) from error
    return _address(word), word >> 160 & (1 << 32) - 1, kind


@dataclass(frozen=True, slots=True)
class VersionHeader:
    """The second slot of a version's record."""

    publisher: str
    published_at: datetime
    codec: int
    status: Status
    reason: RevocationReason
    parent_count: int


@dataclass(frozen=True)
class VersionSlots:
    """The slots of a version's record in `ModelRegistry`."""

    model_id: int
    version: int

    @cached_property
    def digest(self) -> int:
        """Slot of the root's digest."""
        return mapping_slot(self.model_id << 32 | self.version, VERSIONS_SLOT)

    @property
    def header(self) -> int:
        """Slot of the packed header."""
        return self.digest + 1

    def parent_pairs(self, count: int) -> list[int]:
        """Slots of the edges, two in each."""
        return [mapping_slot(pair, self.digest + 2) for pair in range((count + 1) // 2)]

    @staticmethod
    def read_header(word: int) -> VersionHeader:
        """Unpack a header.

        Raises:
            FormatError: the status is none that the contract knows.
        """
        try:
            status = Status(word >> 232 & 0xFF)
            reason = RevocationReason(word >> 240 & 0xFF)
        except ValueError as error:
            raise FormatError(str(error)) from error
        return VersionHeader(
            publisher=_address(word),
            published_at=datetime.fromtimestamp(word >> 160 & (1 << 64) - 1, UTC),
            codec=word >> 224 & 0xFF,
            status=status,
            reason=reason,
            parent_count=word >> 248 & 0xFF,
        )

    @staticmethod
    def read_parents(pairs: list[int], count: int) -> list[Parent]:
        """Unpack edges."""
        edges = [pairs[i // 2] >> i % 2 * _EDGE_BITS for i in range(count)]
        return [
            Parent(edge >> 40 & (1 << 64) - 1, edge >> 8 & (1 << 32) - 1, Relation(edge & 0xFF))
            for edge in edges
        ]


@dataclass(frozen=True)
class AliasSlots:
    """The slots of an alias and its whole history in `ModelRegistry`; see `AliasLog.sol`.

    Attributes:
        label: the alias as the contract takes it, 32 bytes.
    """

    model_id: int
    label: bytes

    @cached_property
    def head(self) -> int:
        """Slot of the newest moves and their number."""
        return mapping_slot(self.label, mapping_slot(self.model_id, ALIASES_SLOT))

    def of_move(self, index: int, moves: int) -> int:
        """Slot of a move, when there are so many of them in all."""
        group = index // _MOVES_PER_SLOT
        newest = group == (moves - 1) // _MOVES_PER_SLOT
        return self.head if newest else mapping_slot(group, self.head + 2)

    @staticmethod
    def read_count(head: int) -> int:
        """How often the alias has moved."""
        return head >> 216 & (1 << 24) - 1

    @staticmethod
    def read_move(word: int, index: int) -> AliasMove:
        """Unpack a move from its slot."""
        move = word >> index % _MOVES_PER_SLOT * _MOVE_BITS
        since = datetime.fromtimestamp(move >> 32 & (1 << 40) - 1, UTC)
        return AliasMove(move & (1 << 32) - 1, since)


@dataclass(frozen=True)
class LedgerHeadSlots:
    """The slots of a log's head in `RunLedger`."""

    log_id: bytes

    @cached_property
    def writer_and_size(self) -> int:
        """Slot of the writer's address (160 bits) and the size (64 bits)."""
        return mapping_slot(self.log_id, LOGS_SLOT)

    @property
    def root(self) -> int:
        """Slot of the head's root."""
        return self.writer_and_size + 1

    @property
    def all(self) -> list[int]:
        """Both."""
        return [self.writer_and_size, self.root]

    @staticmethod
    def read_writer(word: int) -> str:
        """Unpack the writer."""
        return _address(word)

    @staticmethod
    def read_size(word: int) -> int:
        """Unpack the size."""
        return word >> 160 & (1 << 64) - 1


def _address(word: int) -> str:
    """The address in the lowest bits of a slot, with checksum."""
    from eth_utils import to_checksum_address  # noqa: PLC0415 - comes with web3

    return str(to_checksum_address((word & (1 << 160) - 1).to_bytes(20, "big")))
