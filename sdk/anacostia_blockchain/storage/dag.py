"""UnixFS over blocks, wherever they come from: list, find, measure, read, write to disk.

Everything here asks one function for one block at a time, in depth-first order, which is a CAR's.
The function vouches that a block is what its CID says; this module, that blocks agree with each
other: sizes, names, depth. So whatever a store or a gateway sends, the result is the content of the
CID, or an error.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO, TypeAlias, cast

from anacostia_blockchain.content.cid import CID, DAG_PB, EMPTY, RAW
from anacostia_blockchain.content.dagpb import FANOUT, Link, Node, NodeType, decode
from anacostia_blockchain.content.murmur3 import murmur3
from anacostia_blockchain.content.streams import SeekableReader
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.content.walk import MAX_DEPTH, check_name
from anacostia_blockchain.errors import FormatError, NotFoundError
from anacostia_blockchain.storage.base import Stat

Fetch: TypeAlias = Callable[[CID], bytes]
"""Returns the block of a CID, whose bytes are known to be its own, or raises."""

_MAX_FILE_DEPTH = 32
_SHARD_LEVELS = 8
_KEPT = 4096
_BUCKETS = {f"{bucket:02X}": bucket for bucket in range(FANOUT)}


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf of a file.

    Attributes:
        offset: of its first byte in the file.
        size: bytes; None where only the leaf itself can tell (a file of one leaf).
        data: the bytes, where they had to be fetched already.
    """

    cid: CID
    offset: int
    size: int | None
    data: bytes | None = None

    def read(self, fetch: Fetch) -> bytes:
        """The bytes.

        Raises:
            FormatError: not as many as the node above says.
        """
        data = self.data if self.data is not None else fetch(self.cid)
        self.check(len(data))
        return data

    def check(self, size: int) -> None:
        """Compare with the number of its bytes.

        Raises:
            FormatError: the node above says another.
        """
        if self.size is not None and size != self.size:
            raise FormatError(f"leaf {self.cid} has {size} bytes, not {self.size}")


def node_of(fetch: Fetch, cid: CID) -> Node:
    """Fetch and decode a block; a raw one is a file with its data in it."""
    block = fetch(cid)
    return decode(block) if cid.codec == DAG_PB else Node(NodeType.RAW, data=block)


def children(cid: CID, block: bytes) -> tuple[CID, ...]:
    """What a block links to."""
    return tuple(link.cid for link in decode(block).links) if cid.codec == DAG_PB else ()


def is_directory(node: Node) -> bool:
    """Whether a node is a directory, sharded or not."""
    return node.type in (NodeType.DIRECTORY, NodeType.SHARD)


# ---------------------------------------------------------------------- files


def parts(fetch: Fetch, cid: CID, node: Node, start: int = 0) -> Iterator[Part]:
    """The leaves of a file in order, without those that end at or before `start`.

    Each has a byte at least, but for the one leaf of an empty file. So no more nodes are visited
    than the file's size and depth allow.

    Raises:
        FormatError: it is no file, or its nodes contradict each other.
    """
    if is_directory(node):
        raise FormatError(f"{cid} is a directory, not a file")
    yield from _parts(fetch, cid, node, 0, start, 0)


def _parts(
    fetch: Fetch, cid: CID, node: Node, offset: int, start: int, depth: int
) -> Iterator[Part]:
    if depth > _MAX_FILE_DEPTH:
        raise FormatError(f"{cid}: a file's tree is more than {_MAX_FILE_DEPTH} deep")
    if node.links and node.data:
        raise FormatError(f"{cid}: a file's node has both data and links; import it again")
    if not node.links:
        if offset + node.size > start or not offset:
            yield Part(cid, offset, node.size, node.data)
        return
    links = list(zip(node.links, node.sizes, strict=True))
    if any(not size and link.cid != EMPTY for link, size in links):
        raise FormatError(f"{cid}: a file's node has a part of no bytes; import it again")
    for link, size in links:
        if size and offset + size > start:
            yield from _below(fetch, link, offset, size, start, depth)
        offset += size


def _below(
    fetch: Fetch, link: Link, offset: int, size: int, start: int, depth: int
) -> Iterator[Part]:
    if link.cid.codec == RAW:
        yield Part(link.cid, offset, size)
        return
    node = decode(fetch(link.cid))
    if is_directory(node) or node.size != size:
        raise FormatError(f"{link.cid} is not the part of {size} bytes that its file names")
    yield from _parts(fetch, link.cid, node, offset, start, depth + 1)


class _Reader(SeekableReader):
    """A file as a seekable stream; see `open_file`."""

    def __init__(self, fetch: Fetch, cid: CID, node: Node) -> None:
        super().__init__(node.size)
        self._fetch = fetch
        self._cid = cid
        self._node = node
        self._part = Part(cid, 0, 0)
        self._data = b""
        self._rest: Iterator[Part] = iter(())

    def read_at(self, at: int, wanted: int) -> bytes:
        if at >= self.size or not wanted:
            return b""
        if not self._part.offset <= at < self._part.offset + len(self._data):
            self._load(at)
        begin = at - self._part.offset
        return self._data[begin : begin + wanted]

    def _load(self, at: int) -> None:
        """Take the leaf that holds a position: the next one, or a search from the top."""
        following = self._part.offset + len(self._data) == at
        part = next(self._rest, None) if following else None
        if part is None:
            self._rest = parts(self._fetch, self._cid, self._node, at)
            part = next(self._rest)
        self._part, self._data = part, part.read(self._fetch)


def open_file(fetch: Fetch, cid: CID) -> BinaryIO:
    """A file as a seekable stream, fetched leaf by leaf.

    Raises:
        FormatError: it is no file.
    """
    node = node_of(fetch, cid)
    if is_directory(node):
        raise FormatError(f"{cid} is a directory, not a file")
    return cast("BinaryIO", io.BufferedReader(_Reader(fetch, cid, node), CHUNK))


# ---------------------------------------------------------------------- directories


def entries(fetch: Fetch, cid: CID, node: Node) -> Iterator[Link]:
    """What a directory holds; each name once, each a name that this system can keep.

    Raises:
        FormatError: it is no directory, names a thing twice, or is sharded wrongly.
        UnsupportedFileError: a name that climbs, is empty or holds a separator.
    """
    if not is_directory(node):
        raise FormatError(f"{cid} is a file, not a directory")
    if node.type is NodeType.SHARD:
        yield from _shard_entries(fetch, cid, node, ())
        return
    seen: set[str] = set()
    for link in node.links:
        if check_name(link.name, cid) in seen:
            raise FormatError(f"{cid} names {link.name!r} twice")
        seen.add(link.name)
        yield link


def _shard_entries(fetch: Fetch, cid: CID, node: Node, above: tuple[int, ...]) -> Iterator[Link]:
    """Entries of a shard; that each is in the bucket of its hash makes the names unique.

    It also makes each shard another one, as none below the top is empty: a few blocks cannot stand
    for more shards than there are entries.
    """
    for bucket, link in _shard_links(cid, node, len(above)).items():
        path, name = (*above, bucket), link.name[2:]
        if not name:
            yield from _shard_entries(fetch, link.cid, node_of(fetch, link.cid), path)
        elif _buckets(check_name(name, cid))[: len(path)] != path:
            raise FormatError(f"{cid}: {name!r} is in another bucket than that of its hash")
        else:
            yield Link(link.cid, link.dag_size, name)


def _shard_links(cid: CID, node: Node, level: int) -> dict[int, Link]:
    """The links of a shard by their buckets, each of which stands there once, in order."""
    if level == _SHARD_LEVELS or node.type is not NodeType.SHARD:
        raise FormatError(f"{cid} is no shard, or one too many levels down")
    if level and not node.links:
        raise FormatError(f"{cid} is an empty shard below another one")
    links = {_bucket(cid, link): link for link in node.links}
    if len(links) != len(node.links) or list(links) != sorted(links):
        raise FormatError(f"{cid}: its buckets are not in order")
    return links


def lookup(fetch: Fetch, cid: CID, path: str) -> CID:
    """The CID at a path below a directory; of the directory itself for an empty path.

    Raises:
        NotFoundError: there is nothing at that path.
        FormatError, UnsupportedFileError: a block on the way is none that `entries` takes.
    """
    for name in filter(None, path.split("/")):
        node = node_of(fetch, cid)
        if not is_directory(node):
            raise NotFoundError(f"{cid} is a file and holds no {name!r}")
        link = _find(fetch, cid, node, name)
        if link is None:
            raise NotFoundError(f"{cid} holds no {name!r}")
        cid = link.cid
    return cid


def _find(fetch: Fetch, cid: CID, node: Node, name: str) -> Link | None:
    """An entry of a directory, of which all of this block is checked as by `entries`."""
    if node.type is NodeType.DIRECTORY:
        return {link.name: link for link in entries(fetch, cid, node)}.get(name)
    for level, bucket in enumerate(_buckets(name)):
        link = _shard_links(cid, node, level).get(bucket)
        if link is None or link.name[2:]:
            return link if link is not None and check_name(link.name[2:], cid) == name else None
        cid, node = link.cid, node_of(fetch, link.cid)
    return None


def _buckets(name: str) -> tuple[int, ...]:
    """The bucket at each level: with 256 of them, a byte of the hash."""
    return tuple(murmur3(name.encode()).to_bytes(_SHARD_LEVELS, "big"))


def _bucket(cid: CID, link: Link) -> int:
    bucket = _BUCKETS.get(link.name[:2])
    if bucket is None:
        raise FormatError(f"{cid}: {link.name!r} does not begin with a bucket")
    return bucket


# ---------------------------------------------------------------------- whole trees


def blocks(
    fetch: Fetch, root: CID, skip: Callable[[CID], bool] = lambda _cid: False
) -> Iterator[tuple[CID, bytes]]:
    """Every block below a root, each once, in depth-first order.

    Args:
        fetch: gives blocks.
        root: where to begin.
        skip: whether to leave out a block and what is below it.
    """
    seen: set[bytes] = set()
    pending = [root]
    while pending:
        cid = pending.pop()
        if cid.bytes in seen:
            continue
        seen.add(cid.bytes)
        if skip(cid):
            continue
        block = fetch(cid)
        yield cid, block
        pending.extend(reversed(children(cid, block)))


def measure(fetch: Fetch, cid: CID, size_of: Callable[[CID], int] | None = None) -> Stat:
    """Count the files and bytes of a CID.

    Args:
        fetch: gives blocks.
        cid: what to measure.
        size_of: the number of bytes of a raw block, where that is known without fetching it.
    """
    # A small tree can name the same directory 2**60 times, or one large node as often as it has
    # links. Of files only some are kept: there may be many.
    counted: dict[tuple[CID, int], tuple[int, int, bool]] = {}
    sizes: dict[CID, int] = {}

    def count(cid: CID, depth: int) -> tuple[int, int, bool]:
        if depth > MAX_DEPTH:
            raise FormatError(f"{cid}: directories nested more than {MAX_DEPTH} deep")
        if cid.codec == RAW and size_of is not None:
            return size_of(cid), 1, False
        if cid in sizes:
            return sizes[cid], 1, False
        if (cid, depth) in counted:
            return counted[cid, depth]
        node = node_of(fetch, cid)
        if not is_directory(node):
            return _kept(sizes, cid, node.size), 1, False
        size = files = 0
        for link in entries(fetch, cid, node):
            more, count_, _ = count(link.cid, depth + 1)
            size, files = size + more, files + count_
        counted[cid, depth] = size, files, True
        return size, files, True

    return Stat(cid, *count(cid, 0))


def _kept(sizes: dict[CID, int], cid: CID, size: int) -> int:
    if len(sizes) == _KEPT:
        sizes.clear()
    sizes[cid] = size
    return size
