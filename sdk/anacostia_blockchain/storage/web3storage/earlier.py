"""Where the blocks of earlier uploads are, so that the next one sends only those that are new.

A shard is named by all that is in it, so a version of which little changed would be cut into other
shards throughout. Instead its index also names shards of earlier uploads. Only what this machine
uploaded itself is relied on: nobody else's index can make it leave out a block.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import islice
from pathlib import Path

from anacostia_blockchain.content.cid import CID, RAW
from anacostia_blockchain.errors import ContentError, IntegrityError
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.dag import Fetch
from anacostia_blockchain.storage.web3storage.ipld import Link
from anacostia_blockchain.storage.web3storage.locating import Upload
from anacostia_blockchain.storage.web3storage.shards import Index, Slices

_LATEST = 4
"""Uploads that are looked at, the newest first."""

_MOST = 64
"""Shards of earlier uploads in one upload: beyond that it is packed anew."""


class Earlier:
    """The indexes of uploads that this machine made.

    Args:
        folder: of all spaces' indexes.
        space: the one that counts.
    """

    def __init__(self, folder: Path, space: str) -> None:
        self._folder = folder / sha256(space.encode()).hexdigest()[:32]

    def keep(self, root: CID, shards: Mapping[bytes, Slices]) -> None:
        """Remember where the blocks of an upload are."""
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f".{root}.{os.getpid()}"
        part.write_bytes(Index(Link(root.bytes), shards).write())
        part.replace(self._path(root))

    def drop(self, root: CID) -> None:
        """Forget an upload."""
        self._path(root).unlink(missing_ok=True)

    def shards(self, listed: Callable[[Link], Upload | None]) -> dict[bytes, Slices]:
        """Shards of the latest uploads that the space still lists, with all that is in them.

        Args:
            listed: asks the space for an upload.
        """
        found: dict[bytes, Slices] = {}
        if not self._folder.is_dir():
            return found
        paths = sorted(
            (path for path in self._folder.iterdir() if not path.name.startswith(".")),
            key=lambda path: path.stat().st_mtime_ns,
            reverse=True,
        )
        for path in islice(paths, _LATEST):
            try:
                index = Index.read(path.read_bytes())
                upload = listed(Link(CID.parse(path.name).bytes))
            except (OSError, ContentError, IntegrityError):
                upload = None
            if upload is None:
                path.unlink(missing_ok=True)
                continue
            for shard, slices in index.shards.items():
                if shard in upload.shards:
                    found.setdefault(shard, slices)
        return found

    def _path(self, root: CID) -> Path:
        return self._folder / str(root)


class Fresh:
    """The blocks below a root that no earlier shard has.

    Attributes:
        used: the earlier shards that are needed beside them, with those blocks of them that are.
    """

    def __init__(self, earlier: Mapping[bytes, Slices]) -> None:
        self._shard_of = {block: shard for shard, slices in earlier.items() for block in slices}
        self._earlier = earlier
        self.used: dict[bytes, Slices] = {}

    @property
    def scattered(self) -> bool:
        """Whether the content is in too many earlier shards to name them all."""
        return len(self.used) > _MOST

    def blocks(self, fetch: Fetch, root: CID) -> Iterator[tuple[CID, bytes]]:
        """Those that are new, in the order of `dag.blocks`."""
        for cid, block in dag.blocks(fetch, root, lambda cid: cid.codec == RAW and self._has(cid)):
            if not self._has(cid):
                yield cid, block

    def _has(self, cid: CID) -> bool:
        shard = self._shard_of.get(cid.digest)
        if shard is not None:
            self.used.setdefault(shard, {})[cid.digest] = self._earlier[shard][cid.digest]
        return shard is not None


def size_of(slices: Iterable[tuple[int, int]]) -> int:
    """Bytes of a shard: its last block ends it."""
    return max(offset + size for offset, size in slices)
