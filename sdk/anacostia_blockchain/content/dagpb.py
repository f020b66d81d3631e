"""The blocks between the leaves: dag-pb nodes with UnixFS data, encoded and strictly decoded.

Formats: https://ipld.io/specs/codecs/dag-pb/spec/ and https://specs.ipfs.tech/unixfs/.
Whatever bytes come in, `decode` returns a consistent node or raises `FormatError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import IntEnum

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import FormatError

MAX_BLOCK = 2 << 20
"""No block is larger, in bytes: what every IPFS implementation accepts."""

FANOUT = 256
"""Buckets of a sharded directory's node."""

_MURMUR3 = 0x22

_NAME = 40
"""Where a link's name begins, behind a CID of 36 bytes, as everybody writes it."""


class NodeType(IntEnum):
    """UnixFS types, by their numbers on the wire."""

    RAW = 0
    DIRECTORY = 1
    FILE = 2
    METADATA = 3
    SYMLINK = 4
    SHARD = 5


@dataclass(frozen=True, slots=True)
class Link:
    """An edge to another block; `dag_size` counts the bytes of all blocks below it."""

    cid: CID
    dag_size: int
    name: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """A decoded block.

    Attributes:
        sizes: for a file, the content bytes below each link, in order.
        data: content held in the node itself (files), or the bucket bitmap (shards).
    """

    type: NodeType
    links: tuple[Link, ...] = ()
    sizes: tuple[int, ...] = ()
    data: bytes = b""

    @property
    def size(self) -> int:
        """Bytes of file content under this node."""
        return len(self.data) + sum(self.sizes)


def encode(links: Iterable[Link], unixfs: bytes) -> bytes:
    """Encode a node: its links, already in order, and its UnixFS message."""
    return b"".join(map(encode_link, links)) + b"\x0a" + varint(len(unixfs)) + unixfs


def encode_link(link: Link) -> bytes:
    """Encode one link as it stands in a node."""
    name, cid = link.name.encode(), link.cid.bytes
    body = b"\x0a" + varint(len(cid)) + cid + b"\x12" + varint(len(name)) + name
    body += b"\x18" + varint(link.dag_size)
    return b"\x12" + varint(len(body)) + body


def directory_message() -> bytes:
    """UnixFS message of a plain directory."""
    return b"\x08\x01"


def file_message(sizes: Iterable[int]) -> bytes:
    """UnixFS message of a file whose parts have these sizes."""
    sizes = tuple(sizes)
    parts = b"".join(b"\x20" + varint(size) for size in sizes)
    return b"\x08\x02\x18" + varint(sum(sizes)) + parts


def shard_message(bitmap: int) -> bytes:
    """UnixFS message of a shard with these buckets in use."""
    field = bitmap.to_bytes(FANOUT // 8, "big").lstrip(b"\0")
    data = b"\x12" + varint(len(field)) + field
    return b"\x08\x05" + data + b"\x28" + varint(_MURMUR3) + b"\x30" + varint(FANOUT)


def varint(number: int) -> bytes:
    """Encode an unsigned LEB128 number."""
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)


def read_varint(data: bytes, at: int) -> tuple[int, int]:
    """Decode an unsigned LEB128 number of at most 63 bits; returns it and the offset behind it.

    Raises:
        FormatError: the data ends within it, or it is too long.
    """
    if at < len(data) and data[at] < 0x80:  # as most are
        return data[at], at + 1
    number = 0
    for shift in range(0, 63, 7):
        if at >= len(data):
            raise FormatError("data ends within a number")
        byte = data[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, at
    raise FormatError("number of more than 63 bits")


def decode(block: bytes) -> Node:
    """Decode a node and check that it agrees with itself.

    Raises:
        FormatError: not dag-pb, not UnixFS, sizes that do not add up, or an unusable name.
    """
    links, messages = [], []
    for number, value in _fields(block):
        if number == 2 and isinstance(value, bytes):
            links.append(_decode_link(value))
        elif number == 1 and isinstance(value, bytes):
            messages.append(value)
        else:
            raise FormatError(f"dag-pb: unexpected field {number}")
    if len(messages) != 1:
        raise FormatError(f"dag-pb: {len(messages)} data fields instead of one")
    return _checked(*_decode_message(messages[0]), links=tuple(links))


def _fields(data: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Split a protobuf message into field numbers and values."""
    at = 0
    while at < len(data):
        key, at = read_varint(data, at)
        value, at = read_varint(data, at)
        if key & 7 == 0:
            yield key >> 3, value
        elif key & 7 == 2:
            if at + value > len(data):
                raise FormatError("dag-pb: data ends within a field")
            yield key >> 3, data[at : at + value]
            at += value
        else:
            raise FormatError(f"dag-pb: wire type {key & 7} is not used by this format")


def _decode_link(data: bytes) -> Link:
    cid, name, size = _common_link(data) or _any_link(data)
    try:
        return Link(CID.from_bytes(cid), size, name.decode())
    except UnicodeDecodeError as error:
        raise FormatError(f"dag-pb: link name {name!r} is not UTF-8") from error


def _common_link(data: bytes) -> tuple[bytes, bytes, int] | None:
    """CID, name and size of a link as everybody writes it: there may be a million of them."""
    if len(data) < _NAME or data[:2] != b"\x0a\x24" or data[_NAME - 2] != 0x12:
        return None
    end = _NAME + data[_NAME - 1]
    if data[_NAME - 1] > 0x7F or data[end : end + 1] != b"\x18":
        return None
    size, at = read_varint(data, end + 1)
    return (data[2 : _NAME - 2], data[_NAME:end], size) if at == len(data) else None


def _any_link(data: bytes) -> tuple[bytes, bytes, int]:
    fields = dict(_fields(data))
    cid, name, size = fields.get(1), fields.get(2, b""), fields.get(3, 0)
    if not (isinstance(cid, bytes) and isinstance(name, bytes) and isinstance(size, int)):
        raise FormatError("dag-pb: link without CID, or with fields of the wrong type")
    return cid, name, size


def _decode_message(message: bytes) -> tuple[int, bytes, int | None, tuple[int, ...]]:
    """UnixFS type, data, file size and part sizes; mode and mtime are allowed and ignored."""
    kind, data, total, sizes = -1, b"", None, []
    for number, value in _fields(message):
        match number, value:
            case 1, int():
                kind = value
            case 2, bytes():
                data = value
            case 3, int():
                total = value
            case 4, int():
                sizes.append(value)
            case 4, bytes():
                sizes += _packed(value)
            case (1 | 2 | 3, _):
                raise FormatError(f"UnixFS: field {number} of the wrong type")
    return kind, data, total, tuple(sizes)


def _packed(data: bytes) -> Iterator[int]:
    at = 0
    while at < len(data):
        number, at = read_varint(data, at)
        yield number


def _checked(
    kind: int, data: bytes, total: int | None, sizes: tuple[int, ...], links: tuple[Link, ...]
) -> Node:
    if kind not in (NodeType.RAW, NodeType.DIRECTORY, NodeType.FILE, NodeType.SHARD):
        raise FormatError(f"UnixFS: type {kind} is not a file or directory (symlinks are refused)")
    if kind in (NodeType.RAW, NodeType.FILE):
        if len(links) != len(sizes):
            raise FormatError(f"UnixFS: {len(links)} links but {len(sizes)} sizes")
        if total is not None and total != len(data) + sum(sizes):
            raise FormatError("UnixFS: the parts' sizes do not add up to the file's")
    elif sizes:
        raise FormatError("UnixFS: a directory with file sizes")
    if kind == NodeType.SHARD and any(len(link.name) < 2 for link in links):
        raise FormatError("UnixFS: a shard's link without its bucket")
    return Node(NodeType(kind), links, sizes, data)
