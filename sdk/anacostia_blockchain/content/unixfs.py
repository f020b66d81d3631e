"""The import profile `unixfs-v1-2025` of IPIP-499: how bytes become a CID.

CIDv1, raw leaves of 1 MiB, balanced trees of 1024 links, directories sharded (HAMT, fanout 256,
murmur3) once their block would exceed 262,144 bytes. Kubo with that profile, and `--hidden`, prints
the same CIDs. https://specs.ipfs.tech/ipips/ipip-0499/
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import BinaryIO, Protocol, TypeAlias

from anacostia_blockchain.content.cid import CID, DAG_PB, RAW
from anacostia_blockchain.content.dagpb import (
    FANOUT,
    Link,
    directory_message,
    encode,
    encode_link,
    file_message,
    shard_message,
)
from anacostia_blockchain.content.murmur3 import murmur3
from anacostia_blockchain.errors import UnsupportedFileError

CHUNK = 1 << 20
"""Bytes of a leaf."""

WIDTH = 1024
"""Links of a file's node."""

SHARD_ABOVE = 256 << 10
"""A directory whose block is larger than this many bytes is sharded."""

Emit: TypeAlias = Callable[[CID, bytes], None]
"""Receives every node that is built, children before parents."""


@dataclass(frozen=True, slots=True)
class Tree:
    """What a file or directory became.

    Attributes:
        size: bytes of file content.
        dag_size: bytes of all blocks, a shared block counted at each place, as `ipfs` does.
    """

    cid: CID
    size: int
    dag_size: int


class Entry(Protocol):
    """What stands in a directory: a `Tree`, or something else that says as much of itself."""

    @property
    def cid(self) -> CID:
        """Of its root."""

    @property
    def size(self) -> int:
        """As of a `Tree`."""

    @property
    def dag_size(self) -> int:
        """As of a `Tree`."""


def ignore(_cid: CID, _block: bytes) -> None:
    """Emit to nowhere."""


class FileBuilder:
    """Builds a balanced tree over leaves that come one by one; memory is one path of the tree."""

    def __init__(self, emit: Emit = ignore, *, width: int = WIDTH) -> None:
        self._emit = emit
        self._width = width
        self._levels: list[list[Tree]] = [[]]

    def add(self, digest: bytes, size: int) -> CID:
        """Append a leaf by the SHA-256 and number of its bytes."""
        cid = CID(RAW, digest)
        self._push(0, Tree(cid, size, size))
        return cid

    def finish(self) -> Tree:
        """Close the tree; a file without bytes is one empty leaf."""
        if not self._levels[0]:
            self.add(sha256().digest(), 0)
        level = 0
        while level < len(self._levels) - 1 or len(self._levels[level]) > 1:
            self._push(level + 1, self._node(self._levels[level]))
            level += 1
        return self._levels[level][0]

    def _push(self, level: int, tree: Tree) -> None:
        if level == len(self._levels):
            self._levels.append([])
        if len(self._levels[level]) == self._width:  # closed only when one more comes
            self._push(level + 1, self._node(self._levels[level]))
            self._levels[level] = []
        self._levels[level].append(tree)

    def _node(self, parts: list[Tree]) -> Tree:
        links = [Link(part.cid, part.dag_size) for part in parts]
        return _emit_node(self._emit, links, file_message(part.size for part in parts), parts)


def import_stream(
    stream: BinaryIO, emit: Emit = ignore, *, chunk: int = CHUNK, width: int = WIDTH
) -> Tree:
    """Import a stream on one thread; `content.hashing` does it on all.

    `emit` gets the leaves too. Other values of `chunk` and `width` give the CIDs of other profiles.
    """
    builder = FileBuilder(emit, width=width)
    while block := read_full(stream, chunk):
        emit(builder.add(sha256(block).digest(), len(block)), block)
    tree = builder.finish()
    if not tree.size:
        emit(tree.cid, b"")
    return tree


def read_full(stream: BinaryIO, size: int) -> bytes:
    """Read `size` bytes, fewer only at the end: pipes and sockets hand out short pieces."""
    block = stream.read(size)
    while 0 < len(block) < size:
        more = stream.read(size - len(block))
        if not more:
            break
        block += more
    return block


def directory(entries: Mapping[str, Entry], emit: Emit = ignore) -> Tree:
    """Build a directory, sharded if it is large.

    Raises:
        UnsupportedFileError: names were chosen so that their murmur3 hashes are all the same.
    """
    links: list[Link] = []
    message = directory_message()
    size = len(message) + 2
    for name in sorted(entries):
        links.append(Link(entries[name].cid, entries[name].dag_size, name))
        size += len(encode_link(links[-1]))
        if size > SHARD_ABOVE:
            return _shard([(murmur3(name.encode()), name) for name in entries], 0, entries, emit)
    return _emit_node(emit, links, message, [entries[link.name] for link in links])


def _shard(
    items: list[tuple[int, str]], depth: int, entries: Mapping[str, Entry], emit: Emit
) -> Tree:
    if depth == 8:
        raise UnsupportedFileError(f"names collide in a sharded directory: {items[0][1]!r}")
    buckets: dict[int, list[tuple[int, str]]] = {}
    for item in items:
        buckets.setdefault(item[0] >> (56 - 8 * depth) & (FANOUT - 1), []).append(item)
    items.clear()  # there may be a million
    links: list[Link] = []
    trees: list[Entry] = []
    bitmap = sum(1 << bucket for bucket in buckets)
    for bucket in sorted(buckets):
        members = buckets.pop(bucket)
        name = members[0][1] if len(members) == 1 else ""
        tree = entries[name] if name else _shard(members, depth + 1, entries, emit)
        links.append(Link(tree.cid, tree.dag_size, f"{bucket:02X}{name}"))
        trees.append(tree)
    return _emit_node(emit, links, shard_message(bitmap), trees)


def _emit_node(emit: Emit, links: list[Link], message: bytes, below: Sequence[Entry]) -> Tree:
    block = encode(links, message)
    cid = CID.of(block, DAG_PB)
    emit(cid, block)
    dag_size = len(block) + sum(tree.dag_size for tree in below)
    return Tree(cid, sum(tree.size for tree in below), dag_size)
