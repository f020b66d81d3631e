"""Which store holds which content, and whether it is still what its CID says."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from anacostia_blockchain.content.car import check_block
from anacostia_blockchain.content.cid import CID, DAG_PB
from anacostia_blockchain.errors import AnacostiaError, IntegrityError, NotFoundError, StorageError
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.base import Store

SAMPLE = 16
"""Blocks of each CID that are fetched and verified in each store, unless told otherwise."""


class State(StrEnum):
    """How a store's copy is."""

    GOOD = "good"
    MISSING = "missing"
    DAMAGED = "damaged"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Copy:
    """A store's copy of a CID.

    Attributes:
        store: its label.
        detail: what went wrong; empty for a good copy.
        keeps: whether the store keeps content at all; a gateway does not.
    """

    store: str
    state: State
    detail: str = ""
    keeps: bool = True


@dataclass(frozen=True, slots=True)
class Health:
    """All copies of a CID.

    Attributes:
        wanted: number of copies that there should be.
    """

    cid: CID
    names: tuple[str, ...]
    copies: tuple[Copy, ...]
    wanted: int

    @property
    def good(self) -> int:
        """Number of good copies."""
        return sum(copy.keeps and copy.state is State.GOOD for copy in self.copies)

    @property
    def healthy(self) -> bool:
        """Whether there are as many good copies as wanted, and none is damaged."""
        damaged = any(copy.state is State.DAMAGED for copy in self.copies)
        return self.good >= self.wanted and not damaged

    @property
    def warning(self) -> str:
        """What to do before it is too late; empty if nothing is."""
        if not self.good:
            return "no good copy is left in any store: put the content again, if you have it"
        if self.good == 1 and self.wanted > 1:
            (last,) = (c.store for c in self.copies if c.keeps and c.state is State.GOOD)
            return f"the last good copy is in {last}: repair before you delete anything there"
        return "" if self.healthy else f"{self.good} of {self.wanted} copies are good"


def keeps(store: Store) -> bool:
    """Whether a store keeps content; one that can only be read does not."""
    return not getattr(store, "read_only", False)


def check(
    stores: Mapping[str, Store],
    cid: CID,
    *,
    names: Iterable[str],
    wanted: int,
    sample: int = SAMPLE,
) -> Health:
    """Look at every store's copy of a CID; random blocks are fetched and verified.

    Args:
        stores: by their labels.
        cid: what to look at.
        names: of its pins.
        wanted: number of copies that there should be.
        sample: blocks to verify in each store; 0: all of them.
    """
    chosen = _sample(stores, cid, sample)
    copies = tuple(_look(label, store, cid, chosen) for label, store in stores.items())
    return Health(cid, tuple(names), copies, wanted)


def _look(label: str, store: Store, cid: CID, chosen: list[CID]) -> Copy:
    kept = keeps(store)
    try:
        if not store.has(cid):
            return Copy(label, State.MISSING, "not held in full", kept)
        for block in chosen:
            check_block(block, store.block(block))
    except IntegrityError as error:
        return Copy(label, State.DAMAGED, str(error), kept)
    except NotFoundError as error:
        return Copy(label, State.DAMAGED, f"a block is lost: {error}", kept)
    except StorageError as error:
        return Copy(label, State.UNREACHABLE, str(error), kept)
    return Copy(label, State.GOOD, "", kept)


def _sample(stores: Mapping[str, Store], cid: CID, sample: int) -> list[CID]:
    """Random blocks below a CID, by the nodes of whichever store can give them."""
    for store in stores.values():
        try:
            return _draw(store, cid, sample)
        except AnacostiaError:
            continue
    return []


def _draw(store: Store, cid: CID, sample: int) -> list[CID]:
    """Each block once with the same chance, in one walk, with `sample` of them in memory."""
    drawn: list[CID] = []
    seen: set[CID] = set()
    pending = [cid]
    while pending:
        found = pending.pop()
        if found in seen:
            continue
        seen.add(found)
        if not sample or len(drawn) < sample:
            drawn.append(found)
        else:
            place = random.randrange(len(seen))  # noqa: S311 - nobody gains by guessing it
            if place < sample:
                drawn[place] = found
        if found.codec == DAG_PB:
            pending.extend(dag.children(found, store.block(found)))
    return drawn
