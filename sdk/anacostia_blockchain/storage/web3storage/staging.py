"""Where content is on its way up; what is not new is not copied there."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.digests import DigestCache, FileDigest
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.base import Stat
from anacostia_blockchain.storage.incoming import Incoming
from anacostia_blockchain.storage.local import LocalSink, LocalStore
from anacostia_blockchain.storage.web3storage.earlier import Known


class Staging(LocalStore):
    """Content on its way up, without the leaves of files that the space has.

    Args:
        folder: where it is.
        digests: of files that were put before.
        known: what the space has.
    """

    def __init__(self, folder: Path, digests: DigestCache | None, known: Known) -> None:
        super().__init__(folder, digests=digests)
        self._known = known

    def stat(self, cid: CID) -> Stat:
        """Count the files and bytes of a CID, with those that are not here."""
        return dag.measure(self.block, cid, self._size)

    def _size(self, cid: CID) -> int:
        size = self._known.size(cid)
        return self._packs.size(cid) if size is None else size

    def _sink(self, incoming: Incoming) -> LocalSink:
        return _StagingSink(incoming, self._known)


class _StagingSink(LocalSink):
    """Takes of a file that the space has the nodes alone."""

    def __init__(self, incoming: Incoming, known: Known) -> None:
        super().__init__(incoming)
        self._known = known

    def held(self, files: Sequence[FileDigest]) -> set[CID]:
        held = super().held(files)
        for cid in {file.cid for file in files} - held:
            nodes = self._known.file(cid)
            if nodes is not None:
                held.add(cid)
                for node, block in nodes.items():
                    self.node(node, block)
        return held
