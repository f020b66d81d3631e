"""Shards and their index: how the protocol packs blocks, and how they are found again.

A shard is a CAR of at most some 127 MiB; the index (`index/sharded/dag@0.1`) says at which offset
of which shard each block is. The same content is always cut into the same shards, so an upload that
was broken off goes on where it was: the service knows the shards that it has.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID, RAW
from anacostia_blockchain.content.dagpb import MAX_BLOCK
from anacostia_blockchain.errors import FormatError
from anacostia_blockchain.storage.dag import Fetch
from anacostia_blockchain.storage.web3storage.ipld import (
    Blocks,
    Link,
    digest_of,
    get,
    multihash,
    put,
    read_car,
    write_car,
)

SHARD_SIZE = 133_169_152
"""Bytes of a shard at most, as the official clients have it."""

_VERSION = "index/sharded/dag@0.1"

Slices: TypeAlias = dict[bytes, tuple[int, int]]
"""Offset and size of blocks within one shard, by digest."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A CAR without roots, known by its digest and not yet written anywhere.

    Attributes:
        digest: SHA-256 of the whole.
        size: bytes of the whole.
        content: bytes of file content in it.
        blocks: in their order.
        slices: where they are.
    """

    digest: bytes
    size: int
    content: int
    blocks: tuple[CID, ...]
    slices: Slices

    def read(self, fetch: Fetch) -> Iterator[bytes]:
        """Its bytes, block by block."""
        yield car.header()
        for cid in self.blocks:
            block = fetch(cid)
            yield car.section_head(cid, len(block))
            yield block


class _Draft:
    """A shard that grows; one block is in memory at a time."""

    def __init__(self) -> None:
        head = car.header()
        self.size = len(head)
        self._hash = sha256(head)
        self._content = 0
        self._blocks: list[CID] = []
        self._slices: Slices = {}

    def __bool__(self) -> bool:
        return bool(self._blocks)

    def add(self, cid: CID, block: bytes) -> None:
        head = car.section_head(cid, len(block))
        self._hash.update(head)
        self._hash.update(block)
        self._blocks.append(cid)
        self._slices[cid.digest] = (self.size + len(head), len(block))
        self._content += len(block) if cid.codec == RAW else 0
        self.size += len(head) + len(block)

    def close(self) -> Shard:
        blocks = tuple(self._blocks)
        return Shard(self._hash.digest(), self.size, self._content, blocks, self._slices)


def cut(blocks: Iterable[tuple[CID, bytes]], limit: int = SHARD_SIZE) -> Iterator[Shard]:
    """Cut blocks into shards.

    Args:
        blocks: each once, in an order that is always the same.
        limit: bytes of a shard.
    """
    draft = _Draft()
    for cid, block in blocks:
        if draft and draft.size + len(car.section_head(cid, len(block))) + len(block) > limit:
            yield draft.close()
            draft = _Draft()
        draft.add(cid, block)
    if draft:
        yield draft.close()


@dataclass(frozen=True, slots=True)
class Index:
    """Where the blocks of an upload are.

    Attributes:
        content: the upload's root.
        shards: slices of each shard, by the shard's digest.
    """

    content: Link
    shards: Mapping[bytes, Slices]

    def write(self) -> bytes:
        """Write it as the CAR that `space/index/add` takes."""
        blocks: Blocks = {}
        links = [
            put(
                blocks,
                [multihash(shard), [[multihash(d), list(at)] for d, at in sorted(s.items())]],
            )
            for shard, s in sorted(self.shards.items())
        ]
        return write_car(
            put(blocks, {_VERSION: {"content": self.content, "shards": links}}), blocks
        )

    @classmethod
    def read(cls, data: bytes) -> Index:
        """Read an index.

        Raises:
            FormatError: it is none.
            IntegrityError: a block's bytes are not those of its link.
        """
        root, blocks = read_car(data)
        document = get(blocks, root)
        body = document.get(_VERSION) if isinstance(document, dict) else None
        content, links = (
            (body.get("content"), body.get("shards")) if isinstance(body, dict) else (0, 0)
        )
        if not isinstance(content, Link) or not isinstance(links, list):
            raise FormatError(f"not an {_VERSION}")
        shards: dict[bytes, Slices] = {}
        for link in links:
            if not isinstance(link, Link):
                raise FormatError("index: a shard that is no link")
            shard, slices = _shard(get(blocks, link))
            shards[shard] = slices
        return cls(content, shards)


def _shard(data: Any) -> tuple[bytes, Slices]:  # noqa: ANN401 - is checked
    if not isinstance(data, list) or len(data) != 2 or not isinstance(data[1], list):
        raise FormatError("index: a shard is not what it should be")
    shard = digest_of(data[0])
    slices: Slices = {}
    for entry in data[1]:
        if not isinstance(entry, list) or len(entry) != 2:
            raise FormatError("index: a slice is not what it should be")
        offset, size = _position(entry[1])
        digest = digest_of(entry[0])
        if digest == shard:
            continue  # the official clients list the shard itself too
        if size > MAX_BLOCK:
            raise FormatError(f"index: a block of {size} bytes; at most {MAX_BLOCK} are read")
        slices[digest] = (offset, size)
    return shard, slices


def _position(value: object) -> tuple[int, int]:
    match value:
        case [int(offset), int(size)] if offset >= 0 and size >= 0:
            return offset, size
    raise FormatError("index: a position is not what it should be")
