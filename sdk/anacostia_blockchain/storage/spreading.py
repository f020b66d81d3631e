"""Copies from those stores that hold some content to others, until there are enough."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import (
    AnacostiaError,
    IntegrityError,
    NotFoundError,
    StorageError,
)
from anacostia_blockchain.storage.base import Store
from anacostia_blockchain.storage.copying import mend, transfer, verify
from anacostia_blockchain.storage.racing import Runner

FAULTS = (StorageError, IntegrityError)
"""What may be wrong with one store, and is no reason to give up the others."""


class Member(Runner):
    """A store of several."""

    def __init__(self, store: Store) -> None:
        super().__init__(repr(store))
        self.store = store


class Copying:
    """Copies of some content.

    Args:
        cid: of the content.
        name: of the pins.
    """

    def __init__(self, cid: CID, name: str) -> None:
        self._cid = cid
        self._name = name
        self._faults: dict[Member, BaseException] = {}
        self._damaged: set[Member] = set()

    def spread(
        self,
        copies: int,
        held: Sequence[Member],
        others: Sequence[Member],
        damaged: Sequence[Member],
        errors: list[str],
    ) -> list[Member]:
        """Copy, side by side, until as many hold it as asked for, or there is nobody left.

        A store that cannot give what it should hold has no copy; it gets one after the others.

        Args:
            copies: how many are asked for.
            held: who has the content.
            others: who has not, in the order of preference.
            damaged: who has it damaged.
            errors: what went wrong is added here.

        Returns: who has it now.
        """
        held, left = list(held), [*others, *damaged]
        self._damaged |= set(damaged)
        while 0 < len(held) < copies and left:
            missing = copies - len(held)
            tried, left = left[:missing], left[missing:]
            with ThreadPoolExecutor(len(tried)) as pool:
                jobs = {m: pool.submit(self._copy, tuple(held), m) for m in tried}
            for member, job in jobs.items():
                if (error := job.exception()) is None:
                    held.append(member)
                elif isinstance(error, AnacostiaError):
                    member.failed()
                    errors.append(f"{member.label}: {error}")
                else:
                    raise error
            left += self._demoted(held, errors)
        return held

    def _demoted(self, held: list[Member], errors: list[str]) -> list[Member]:
        """Take those that were at fault from those that hold it; returns whom to mend."""
        for member, fault in self._faults.items():
            errors.append(f"{member.label}: {fault}")
            held.remove(member)
        new = [member for member in self._faults if member not in self._damaged]
        self._damaged.update(new)
        self._faults.clear()
        return new

    def _copy(self, sources: Sequence[Member], target: Member) -> None:
        """Copy from the first that can give all of it.

        Raises:
            StorageError, IntegrityError: the target could not take it, or nobody could give it.
        """
        for source in sources:
            fault = self._try(source.store, target)
            if fault is None:
                return
            if not isinstance(fault, AnacostiaError):
                raise fault
            self._faults[source] = fault
        raise NotFoundError(f"no store could give all of {self._cid}")

    def _try(self, source: Store, target: Member) -> BaseException | None:
        """Copy; returns what was wrong with the source."""
        if target not in self._damaged:
            return transfer(self._cid, source, target.store, self._name)
        try:
            mend(self._cid, source, target.store, [self._name])
        except FAULTS:
            try:
                verify(source, self._cid)
            except FAULTS as fault:
                return fault
            raise
        return None
