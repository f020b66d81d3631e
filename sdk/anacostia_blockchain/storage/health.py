"""Which store holds which content, and whether it is still what its CID says.

A copy is good if it was read from the store itself. A store may know more of
that than `Store` has:

- `held_block(cid)`: a block that the store holds itself, where `block` would ask others for it too.
- `claim(cid)`: who says that they hold the content, empty for nobody, where a service has no way to
  be read by itself. What it says is its word: a copy that is claimed, and not counted as good.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from anacostia_blockchain.content.car import check_block
from anacostia_blockchain.content.cid import CID, DAG_PB
from anacostia_blockchain.errors import (
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.base import Store
from anacostia_blockchain.storage.dag import Fetch

SAMPLE = 16
"""Leaves of each CID that are fetched and verified in each store, unless told otherwise."""


class State(StrEnum):
    """How a store's copy is."""

    GOOD = "good"
    CLAIMED = "claimed"
    MISSING = "missing"
    DAMAGED = "damaged"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Copy:
    """A store's copy of a CID.

    Attributes:
        store: its label.
        detail: what went wrong, or who claims it; empty for a good copy.
        keeps: whether the store keeps content at all; a gateway does not.
        read: number of blocks that were read and verified, in a copy that is good or claimed.
    """

    store: str
    state: State
    detail: str = ""
    keeps: bool = True
    read: int = 0


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
        """Number of good copies: read from where they are kept, and verified."""
        return len(self._kept(State.GOOD))

    @property
    def claimed(self) -> int:
        """Number of copies that a service says it has."""
        return len(self._kept(State.CLAIMED))

    @property
    def healthy(self) -> bool:
        """Whether there are as many copies as wanted, none damaged, and something could be read.

        A copy that is claimed is taken for one, with a `warning`.
        """
        damaged = any(copy.state is State.DAMAGED for copy in self.copies)
        enough = self.good + self.claimed >= self.wanted
        return enough and not damaged and any(copy.read for copy in self.copies)

    @property
    def warning(self) -> str:
        """What to do before it is too late; empty if nothing is."""
        if not self.good:
            return self._nothing_good()
        if self.good == 1 and self.wanted > 1:
            (last,) = self._kept(State.GOOD)
            return f"the last good copy is in {last}: {self._before_deleting()}"
        few = f"{self.good} of {self.wanted} copies are good"
        if self.good < self.wanted and self.claimed:
            return f"{few}, {self.claimed} claimed by {self._names(State.CLAIMED)}"
        return "" if self.healthy else few

    def _before_deleting(self) -> str:
        if self.claimed:
            claiming = self._names(State.CLAIMED)
            return f"{claiming} only says that it has one, so do not delete anything there"
        if self._kept(State.UNREACHABLE):
            unreachable = self._names(State.UNREACHABLE)
            return f"{unreachable} could not be asked, so do not delete anything there"
        return "repair before you delete anything there"

    def _nothing_good(self) -> str:
        if self._kept(State.UNREACHABLE):
            return (
                f"no good copy was found, but {self._names(State.UNREACHABLE)} could not be asked: "
                "see why with `anacostia storage doctor`, and check again"
            )
        if self.claimed:
            read = "" if self.healthy else ": get the content, or name a store that can be read"
            return f"{self._names(State.CLAIMED)} says that it has it, which is not verified{read}"
        elsewhere = [copy.store for copy in self.copies if copy.state is State.GOOD]
        if elsewhere:
            return f"no store keeps it any more, but {elsewhere[0]} still gives it: repair soon"
        return "no good copy is left in any store: put the content again, if you have it"

    def _kept(self, state: State) -> list[str]:
        return [copy.store for copy in self.copies if copy.keeps and copy.state is state]

    def _names(self, state: State) -> str:
        return ", ".join(self._kept(state))


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
    """Look at every store's copy of a CID: all nodes and random leaves are read and verified.

    Args:
        stores: by their labels.
        cid: what to look at.
        names: of its pins.
        wanted: number of copies that there should be.
        sample: leaves to read in each store; 0: all of them.
    """
    copies = tuple(_look(label, store, cid, sample) for label, store in stores.items())
    return Health(cid, tuple(names), copies, wanted)


def _look(label: str, store: Store, cid: CID, sample: int) -> Copy:
    read = 0
    try:
        state, detail, read = _found(store, cid, sample)
    except IntegrityError as error:
        state, detail = State.DAMAGED, str(error)
    except NotFoundError as error:
        state, detail = State.DAMAGED, f"a block is lost: {error}"
    except FormatError as error:  # another program's, which can be kept and not be read here
        state, detail = State.CLAIMED, f"held, but no content of this package: {error}"
    except StorageError as error:
        state, detail = State.UNREACHABLE, str(error)
    return Copy(label, state, detail, keeps(store), read)


def _found(store: Store, cid: CID, sample: int) -> tuple[State, str, int]:
    """How the copy is, what is to be said of it, and how many blocks were read."""
    own: Fetch | None = getattr(store, "held_block", None)
    claim = getattr(store, "claim", None)
    if claim is None:
        if not store.has(cid):
            return State.MISSING, "not held in full", 0
        return State.GOOD, "", _read(own or store.block, cid, sample)
    try:
        said = claim(cid)
    except NotFoundError as error:  # the service's call, not the content
        raise StoreUnavailableError(str(error)) from error
    if not said:
        return State.MISSING, "nobody there says that it is held", 0
    if own is None:
        return State.CLAIMED, f"not read: {said}", 0
    try:
        return State.GOOD, "", _read(own, cid, sample)
    except NotFoundError:
        return State.CLAIMED, f"read from who knows where: {said}", _read(store.block, cid, sample)


def _read(fetch: Fetch, cid: CID, sample: int) -> int:
    """Read and verify all nodes below a CID, and `sample` leaves; returns how many blocks.

    Each leaf has the same chance, in one walk, with `sample` of them in memory.
    """
    drawn: list[CID] = []
    leaves = 0

    def leave_out(found: CID) -> bool:
        nonlocal leaves
        if not sample or found.codec == DAG_PB:
            return False
        leaves += 1
        place = random.randrange(leaves) if len(drawn) == sample else len(drawn)  # noqa: S311 - no secret
        if place < sample:
            drawn[place : place + 1] = [found]
        return True

    def verified(found: CID) -> bytes:
        block = fetch(found)
        check_block(found, block)
        return block

    nodes = sum(1 for _ in dag.blocks(verified, cid, leave_out))
    for leaf in drawn:
        verified(leaf)
    return nodes + len(drawn)
