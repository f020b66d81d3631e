"""The values that cross the package's seams; the enums mirror `contracts/types/Model.sol`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from anacostia_blockchain.content.cid import CID

Address = str
"""An EIP-55 checksummed address."""

Progress = Callable[[int, int | None], None]
"""Called with the bytes done so far and the total, or None where it is not known yet."""


class Kind(IntEnum):
    """What a registered model's versions are."""

    MODEL = 0
    DATASET = 1


class Status(IntEnum):
    """Where a version stands; it only ever moves down this list."""

    NONE = 0
    PUBLISHED = 1
    DEPRECATED = 2
    REVOKED = 3


class Relation(IntEnum):
    """How a version came from its parent."""

    REVISION = 0
    FINETUNE = 1
    ADAPTER = 2
    MERGE = 3
    QUANTIZATION = 4
    DISTILLATION = 5
    TRAINED_ON = 6
    OTHER = 7


class RevocationReason(IntEnum):
    """Why a version must not be used any more."""

    UNSPECIFIED = 0
    COMPROMISED = 1
    POISONED_DATA = 2
    UNSAFE_BEHAVIOUR = 3
    LICENCE_VIOLATION = 4
    DEFECTIVE = 5
    LEGAL_ORDER = 6


@dataclass(frozen=True, slots=True, order=True)
class Parent:
    """A lineage edge, seen from the child."""

    model_id: int
    version: int
    relation: Relation = Relation.REVISION


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A named line of versions."""

    model_id: int
    name: str
    kind: Kind
    creator: Address
    latest_version: int


@dataclass(frozen=True, slots=True)
class ModelVersion:
    """One immutable entry of a registered model.

    Attributes:
        root: CID of the version's directory.
        published_at: block time, UTC.
        reason: meaningful only when `status` is REVOKED.
    """

    model_id: int
    version: int
    root: CID
    publisher: Address
    published_at: datetime
    status: Status
    reason: RevocationReason
    parents: tuple[Parent, ...] = ()


@dataclass(frozen=True, slots=True)
class AliasMove:
    """An alias pointed to `version` (0: to nothing) from `since` on."""

    version: int
    since: datetime


@dataclass(frozen=True, slots=True)
class AliasState:
    """Where an alias points now; `gate` is the only account that may move it, if set."""

    version: int
    since: datetime | None
    moves: int
    gate: Address | None


@dataclass(frozen=True, slots=True)
class LedgerHead:
    """The newest anchored head of a run log: number of records and RFC 9162 root."""

    size: int
    root: bytes
