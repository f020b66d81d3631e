"""What a store was given before and still keeps, so that it is neither read nor sent again."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.digests import DigestCache, FileDigest

PROBES = 4
"""Questions without luck, after which one is asked only for every `RARELY`th block."""

RARELY = 32


@dataclass(frozen=True)
class Seen:
    """A store's memory of files, which is this machine's: the store itself has the last word.

    Attributes:
        digests: where it is kept; None: nowhere.
        store: what the store is called there.
        is_kept: asks the store whether it keeps all that is below a root.
    """

    digests: DigestCache | None
    store: str
    is_kept: Callable[[CID], bool]

    def held(self, files: Iterable[FileDigest]) -> set[CID]:
        """Which files need not be sent: those of earlier puts whose roots are still kept."""
        if self.digests is None:
            return set()
        return self.digests.held(self.store, {file.cid for file in files}, self.is_kept)

    def keep(self, root: CID, files: Iterable[FileDigest]) -> None:
        """Note that the store has taken a root with all that is below it."""
        if self.digests is not None:
            self.digests.keep(self.store, root, (file.cid for file in files))
