"""One store made of several: what is put is in more than one place, and read from the quickest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from anacostia_blockchain.content.car import check_block
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.folder import Overlay
from anacostia_blockchain.errors import (
    AnacostiaError,
    ConfigError,
    IntegrityError,
    NotFoundError,
    StorageError,
)
from anacostia_blockchain.storage import health
from anacostia_blockchain.storage.base import Pin, Source, Store
from anacostia_blockchain.storage.copying import mend
from anacostia_blockchain.storage.health import Health, State, keeps
from anacostia_blockchain.storage.racing import Race, ranked
from anacostia_blockchain.storage.reading import BlockReader
from anacostia_blockchain.storage.spreading import FAULTS, Copying, Member
from anacostia_blockchain.types import Progress


class ReplicatedStore(BlockReader):
    """Content in several stores.

    It is put into the first that takes it, and copied from there as an archive, so that it is read
    and hashed once. Every copy is verified by the store that takes it and has the same CID. Blocks
    are raced when they are read: a store that is slow, gone or wrong is passed over.

    Args:
        stores: in the order of preference for writing; those that can only be read are for reading.
        copies: how many must hold what is put; 0: every one that can.

    Raises:
        ConfigError: there are fewer stores than copies, or none that can be written to.

    Example:
        >>> store = ReplicatedStore([LocalStore("store"), KuboStore()], copies=2)  # doctest: +SKIP
        >>> for found in store.check():  # doctest: +SKIP
        ...     print(found.cid, found.good, found.warning)
    """

    def __init__(self, stores: Sequence[Store], *, copies: int = 0) -> None:
        self._members = [Member(store) for store in stores]
        self._keepers = [member for member in self._members if keeps(member.store)]
        self.copies = copies or len(self._keepers)
        if not self._keepers or not 1 <= self.copies <= len(self._keepers):
            raise ConfigError(
                f"{copies} copies in {len(self._keepers)} stores that can be written to: "
                "ask for at least 1 copy and at most as many as there are stores"
            )
        if len({member.label for member in self._members}) < len(self._members):
            raise ConfigError("the same store twice is not two copies")
        self._race = Race(self._members, _block_of)

    def __repr__(self) -> str:
        return f"ReplicatedStore({[m.store for m in self._members]}, copies={self.copies})"

    def probe(self) -> str:
        """What it is made of; `stores` can be probed one by one."""
        return f"{len(self._members)} stores, {self.copies} copies"

    @property
    def stores(self) -> dict[str, Store]:
        """The stores by their labels."""
        return {member.label: member.store for member in self._members}

    # ------------------------------------------------------------------ write

    def put(self, source: Source, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import a file, a folder or a stream into as many stores as asked for.

        Raises:
            StorageError: fewer hold it; what does keeps it, and the next `put` goes on from there.
        """
        again = isinstance(source, Path | Overlay)  # a stream can be read only once
        return self._first(
            lambda store: store.put(source, name=name, progress=progress), name, again=again
        )

    def put_car(self, stream: BinaryIO, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import a CAR into as many stores as asked for; see `put`."""
        return self._first(
            lambda store: store.put_car(stream, name=name, progress=progress), name, again=False
        )

    def _first(self, put: Callable[[Store], CID], name: str, *, again: bool) -> CID:
        errors: list[str] = []
        for member in self._keepers:
            try:
                cid = put(member.store)
            except FAULTS as error:
                errors.append(f"{member.label}: {error}")
                if not again:
                    raise
                continue
            others = [other for other in self._keepers if other is not member]
            self._replicate(cid, name, [member], others, errors)
            return cid
        raise StorageError(f"no store took it: {'; '.join(errors)}")

    def _replicate(
        self,
        cid: CID,
        name: str,
        held: list[Member],
        others: list[Member],
        errors: list[str],
        damaged: Sequence[Member] = (),
    ) -> None:
        held = Copying(cid, name).spread(self.copies, held, others, damaged, errors)
        if len(held) < self.copies:
            raise StorageError(
                f"{cid} is in {len(held)} of {self.copies} stores "
                f"({', '.join(member.label for member in held)}); {'; '.join(errors)}"
            )

    # ------------------------------------------------------------------ read

    def block(self, cid: CID) -> bytes:
        """One block, verified, from whichever store is quickest with it."""
        return self._race.block(cid)

    def size_of(self, cid: CID) -> int:
        """Bytes of a raw block."""
        for member in ranked(self._members):
            try:
                return member.store.stat(cid).size
            except AnacostiaError:
                continue
        return len(self.block(cid))

    def has(self, cid: CID) -> bool:
        """Say whether any store holds the content in full."""
        errors: list[AnacostiaError] = []
        for member in ranked(self._members):
            try:
                if member.store.has(cid):
                    return True
            except FAULTS as error:
                member.failed()
                errors.append(error)
        if errors and len(errors) == len(self._members):
            raise errors[0]
        return False

    # ------------------------------------------------------------------ pins

    def pin(self, cid: CID, name: str = "") -> None:
        """Keep content where it is held, and copy it until there are enough copies.

        Raises:
            NotFoundError: no store holds it.
            StorageError: there are fewer copies than asked for.
        """
        held, others, damaged, errors = self._holders(cid, name)
        if not held:
            # A node or a service may be able to fetch it from others.
            held, errors = self._fetched(cid, name)
            others = [member for member in self._keepers if member not in held]
            damaged = []
        self._replicate(cid, name, held, others, errors, damaged)

    def _holders(
        self, cid: CID, name: str
    ) -> tuple[list[Member], list[Member], list[Member], list[str]]:
        """Who has pinned what it holds, who holds nothing, who holds it damaged; and errors."""
        held: list[Member] = []
        others: list[Member] = []
        damaged: list[Member] = []
        errors: list[str] = []
        for member in self._keepers:
            try:
                if member.store.has(cid):
                    member.store.pin(cid, name)
                    held.append(member)
                else:
                    others.append(member)
            except FAULTS as error:
                errors.append(f"{member.label}: {error}")
                if isinstance(error, IntegrityError):
                    damaged.append(member)
        return held, others, damaged, errors

    def _fetched(self, cid: CID, name: str) -> tuple[list[Member], list[str]]:
        errors: list[str] = []
        for member in self._keepers:
            try:
                member.store.pin(cid, name)
            except FAULTS as error:
                errors.append(f"{member.label}: {error}")
            else:
                return [member], errors
        raise NotFoundError(f"{cid} cannot be pinned: no store has it: {'; '.join(errors)}")

    def unpin(self, cid: CID, name: str | None = None) -> None:
        """Drop pins in every store.

        Raises:
            StorageError: a store could not; the others have.
        """
        self._everywhere(lambda store: store.unpin(cid, name))

    def delete(self, cid: CID) -> None:
        """Unpin and free in every store.

        Raises:
            StorageError: a store could not; the others have.
        """
        self._everywhere(lambda store: store.delete(cid))

    def _everywhere(self, act: Callable[[Store], None]) -> None:
        errors: list[str] = []
        for member in self._keepers:
            try:
                act(member.store)
            except FAULTS as error:
                errors.append(f"{member.label}: {error}")
        if errors:
            raise StorageError(f"done, but not in every store: {'; '.join(errors)}")

    def pins(self, name: str | None = None) -> Iterator[Pin]:
        """List the pins of all stores that answer, each once, with the earliest time known.

        Raises:
            StorageError: none answers.
        """
        found: dict[tuple[CID, str], Pin] = {}
        errors: list[AnacostiaError] = []
        for member in self._keepers:
            try:
                for pin in member.store.pins(name):
                    known = found.get((pin.cid, pin.name))
                    found[pin.cid, pin.name] = _earlier(pin, known)
            except FAULTS as error:
                errors.append(error)
        if len(errors) == len(self._keepers):
            raise errors[0]
        dated = [(pin.created_at, pin) for pin in found.values() if pin.created_at is not None]
        yield from (pin for _, pin in sorted(dated, key=lambda pair: pair[0]))
        yield from (pin for pin in found.values() if pin.created_at is None)

    # ------------------------------------------------------------------ health

    def check(
        self, *, only: CID | None = None, sample: int = health.SAMPLE, repair: bool = False
    ) -> Iterator[Health]:
        """Look at every copy of everything pinned: what other programs pinned on a node, too.

        Args:
            only: the one CID to look at, if it is pinned.
            sample: random blocks to verify of each CID in each store; 0: all.
            repair: make again what is missing or damaged, from a good copy.
        """
        names: dict[CID, list[str]] = {}
        for pin in self.pins():
            if only in (None, pin.cid):
                names.setdefault(pin.cid, []).append(pin.name)
        for cid, known in names.items():
            found = self._check(cid, known, sample)
            if repair and not found.healthy:
                self._repair(found)
                found = self._check(cid, known, sample)
            yield found

    def _check(self, cid: CID, names: list[str], sample: int) -> Health:
        return health.check(self.stores, cid, names=names, wanted=self.copies, sample=sample)

    def _repair(self, found: Health) -> None:
        """Mend damaged copies first, then make new ones until there are enough."""
        stores = self.stores
        good = [stores[c.store] for c in found.copies if c.state is State.GOOD]
        bad = [c for c in found.copies if c.keeps and c.state in (State.DAMAGED, State.MISSING)]
        count = found.good + found.claimed
        for target in sorted(bad, key=lambda c: c.state is State.MISSING):
            if target.state is State.MISSING and count >= self.copies:
                break
            for source in good:
                try:
                    mend(found.cid, source, stores[target.store], found.names)
                except AnacostiaError:
                    continue  # what was not read before may be amiss there; the next check says so
                count += 1
                break


def _block_of(member: Member, cid: CID) -> bytes:
    block = member.store.block(cid)
    check_block(cid, block)
    return block


def _earlier(pin: Pin, known: Pin | None) -> Pin:
    if known is None or known.created_at is None:
        return pin
    return pin if pin.created_at is not None and pin.created_at < known.created_at else known
