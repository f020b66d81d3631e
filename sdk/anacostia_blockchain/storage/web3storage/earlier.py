"""What earlier uploads hold, so that the next one reads and sends only what is new.

A shard is named by all that is in it, so a version of which little changed would be cut into other
shards throughout. Instead its index also names shards of earlier uploads. Only what this machine
uploaded itself is relied on: nobody else's index can make it leave out a block.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from itertools import islice
from pathlib import Path

from anacostia_blockchain.content.cid import CID, DAG_PB, RAW
from anacostia_blockchain.content.dagpb import decode
from anacostia_blockchain.errors import ContentError, IntegrityError
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.dag import Fetch
from anacostia_blockchain.storage.web3storage.ipld import Link, read_car, write_car
from anacostia_blockchain.storage.web3storage.locating import Upload
from anacostia_blockchain.storage.web3storage.shards import Index, Slices

_LATEST = 4
"""Uploads that are looked at, the newest first."""

_MOST = 64
"""Shards of earlier uploads in one upload: beyond that it is packed anew."""


@dataclass
class Known:
    """Shards that the space has, and what is in them.

    Attributes:
        shards: all that is in each, by the shard's digest.
        nodes: of files of several leaves, which say what these are.
    """

    shards: dict[bytes, Slices] = field(default_factory=dict)
    nodes: dict[CID, bytes] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._shard_of: dict[bytes, bytes] = {}

    def add(self, shard: bytes, slices: Slices) -> None:
        """Note a shard."""
        if shard not in self.shards:
            self.shards[shard] = slices
            self._shard_of.update(dict.fromkeys(slices, shard))

    def shard_of(self, cid: CID) -> bytes | None:
        """The shard that a block is in."""
        return self._shard_of.get(cid.digest)

    def size(self, cid: CID) -> int | None:
        """Bytes of a block that is in one of them."""
        shard = self.shard_of(cid)
        return None if shard is None else self.shards[shard][cid.digest][1]

    def file(self, cid: CID) -> dict[CID, bytes] | None:
        """The nodes of a file of which every block is there; none for a file of one leaf."""
        if self.shard_of(cid) is None:
            return None
        nodes: dict[CID, bytes] = {}
        pending = [cid] if cid.codec == DAG_PB else []
        while pending:
            found = pending.pop()
            if (node := self.nodes.get(found)) is None:
                return None
            nodes[found] = node
            for child in dag.children(found, node):
                if self.shard_of(child) is None:
                    return None
                if child.codec == DAG_PB and child not in nodes:
                    pending.append(child)
        return nodes


class Earlier:
    """The uploads that this machine made: their indexes, and beside them the nodes of their files.

    Args:
        folder: of all spaces' records.
        space: the one that counts.
    """

    def __init__(self, folder: Path, space: str) -> None:
        self._folder = folder / sha256(space.encode()).hexdigest()[:32]

    def keep(self, root: CID, shards: Mapping[bytes, Slices], nodes: Mapping[CID, bytes]) -> None:
        """Remember where the blocks of an upload are."""
        self._folder.mkdir(parents=True, exist_ok=True)
        part = self._folder / f".{root}.{os.getpid()}"
        link, blocks = read_car(Index(Link(root.bytes), shards).write())
        blocks |= {Link(cid.bytes): node for cid, node in nodes.items()}
        part.write_bytes(write_car(link, blocks))
        part.replace(self._path(root))

    def drop(self, root: CID) -> None:
        """Forget an upload."""
        self._path(root).unlink(missing_ok=True)

    def known(self, listed: Callable[[Link], Upload | None]) -> Known:
        """What is in the latest uploads that the space still lists.

        Args:
            listed: asks the space for an upload.
        """
        known = Known()
        if not self._folder.is_dir():
            return known
        paths = sorted(
            (path for path in self._folder.iterdir() if not path.name.startswith(".")),
            key=lambda path: path.stat().st_mtime_ns,
            reverse=True,
        )
        for path in islice(paths, _LATEST):
            try:
                data = path.read_bytes()
                index, (_, blocks) = Index.read(data), read_car(data)
                upload = listed(Link(CID.parse(path.name).bytes))
            except (OSError, ContentError, IntegrityError):
                upload = None
            if upload is None:
                path.unlink(missing_ok=True)
                continue
            for shard in index.shards.keys() & set(upload.shards):
                known.add(shard, index.shards[shard])
            known.nodes |= {cid: block for link, block in blocks.items() if (cid := _node(link))}
        return known

    def _path(self, root: CID) -> Path:
        return self._folder / str(root)


def _node(link: Link) -> CID | None:
    """The CID of a dag-pb node; None for the documents of the index."""
    try:
        cid = CID.from_bytes(link.bytes)
    except ContentError:
        return None
    return cid if cid.codec == DAG_PB else None


class Fresh:
    """The blocks below a root that no earlier shard has.

    Attributes:
        used: the earlier shards that are needed beside them, with those blocks of them that are.
        nodes: of the files below the root.
    """

    def __init__(self, known: Known) -> None:
        self._known = known
        self.used: dict[bytes, Slices] = {}
        self.nodes: dict[CID, bytes] = {}

    @property
    def scattered(self) -> bool:
        """Whether the content is in too many earlier shards to name them all."""
        return len(self.used) > _MOST

    def blocks(self, fetch: Fetch, root: CID) -> Iterator[tuple[CID, bytes]]:
        """Those that are new, in the order of `dag.blocks`."""
        for cid, block in dag.blocks(fetch, root, lambda cid: cid.codec == RAW and self._has(cid)):
            if cid.codec == DAG_PB and not dag.is_directory(decode(block)):
                self.nodes[cid] = block
            if not self._has(cid):
                yield cid, block

    def _has(self, cid: CID) -> bool:
        shard = self._known.shard_of(cid)
        if shard is not None:
            self.used.setdefault(shard, {})[cid.digest] = self._known.shards[shard][cid.digest]
        return shard is not None


def size_of(slices: Iterable[tuple[int, int]]) -> int:
    """Bytes of a shard: its last block ends it."""
    return max(offset + size for offset, size in slices)
