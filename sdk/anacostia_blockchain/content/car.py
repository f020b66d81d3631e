"""CAR archives, version 1: a header that names the roots, then blocks, each behind its CID.

Format: https://ipld.io/specs/transport/car/carv1/. Reading is strict: the header in the one form
that DAG-CBOR allows, only CIDs that this package makes, every block compared with its CID.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.cid import SIZE as CID_SIZE
from anacostia_blockchain.content.dagpb import MAX_BLOCK, read_varint, varint
from anacostia_blockchain.content.unixfs import read_full
from anacostia_blockchain.errors import FormatError, IntegrityError
from anacostia_blockchain.types import Progress

_MAX_HEADER = 1 << 16
_MAX_VARINT = 9

_BEGIN = b"\xa2\x65roots"  # a map of two: "roots" …
_END = b"\x67version\x01"  # … and "version", which is 1
_LINK = b"\xd8\x2a\x58" + bytes([CID_SIZE + 1]) + b"\0"  # tag 42 over a byte string


def header(*roots: CID) -> bytes:
    """A CAR's header, its length before it."""
    array = bytes([0x80 | len(roots)]) if len(roots) < 24 else b"\x98" + bytes([len(roots)])
    links = b"".join(_LINK + root.bytes for root in roots)
    body = _BEGIN + array + links + _END
    return varint(len(body)) + body


def section_head(cid: CID, size: int) -> bytes:
    """What stands before a block of `size` bytes: the section's length and the CID."""
    return varint(CID_SIZE + size) + cid.bytes


def write_block(stream: BinaryIO, cid: CID, block: bytes | memoryview) -> int:
    """Append a block; returns the number of bytes written."""
    head = section_head(cid, len(block))
    stream.write(head)
    stream.write(block)
    return len(head) + len(block)


@dataclass(frozen=True, slots=True)
class Car:
    """An archive that is being read.

    Attributes:
        roots: as the header names them; whether they are in it shows only at the end.
        stream: behind the header.
        progress: told of bytes behind the header; how many there are where the stream can seek.

    Example:
        >>> from io import BytesIO
        >>> file = BytesIO(header(CID.of(b"hi")))
        >>> _ = file.seek(0, 2), write_block(file, CID.of(b"hi"), b"hi"), file.seek(0)
        >>> [block for _cid, block in Car.read(file).blocks()]
        [b'hi']
    """

    roots: tuple[CID, ...]
    stream: BinaryIO
    progress: Progress | None = None

    @classmethod
    def read(cls, stream: BinaryIO, progress: Progress | None = None) -> Car:
        """Read the header.

        Args:
            stream: of the whole archive.
            progress: called with each block that `blocks` has read.

        Raises:
            FormatError: not a CAR of version 1 with roots that this package can read.
        """
        size = _length(stream, _MAX_HEADER, "header")
        if size is None:
            raise FormatError("CAR: it is empty")
        body = read_full(stream, size)
        if len(body) != size:
            raise FormatError("CAR: it ends within the header")
        return cls(_roots(body), stream, progress)

    @property
    def root(self) -> CID:
        """The only root.

        Raises:
            FormatError: there is none, or more than one.
        """
        if len(self.roots) != 1:
            raise FormatError(f"CAR: it has {len(self.roots)} roots, not one")
        return self.roots[0]

    def blocks(self) -> Iterator[tuple[CID, bytes]]:
        """Read the blocks, each compared with its CID; one block is in memory at a time.

        Raises:
            FormatError: a section is cut off, too large, or has another kind of CID.
            IntegrityError: a block is not what its CID says.
        """
        done, total = 0, _left(self.stream) if self.progress is not None else None
        while (size := _length(self.stream, CID_SIZE + MAX_BLOCK, "block")) is not None:
            section = read_full(self.stream, size)
            if len(section) != size:
                raise FormatError("CAR: it ends within a block")
            cid = CID.from_bytes(section[:CID_SIZE])
            block = section[CID_SIZE:]
            yield check_block(cid, block), block
            if self.progress is not None:
                done += len(varint(size)) + size
                self.progress(done, total)


def check_block(cid: CID, block: bytes | memoryview) -> CID:
    """Compare a block with its CID, which is returned.

    Raises:
        IntegrityError: it is another block.
    """
    if CID.of(block, cid.codec) != cid:
        raise IntegrityError(f"a block of {len(block)} bytes is not what its CID {cid} says")
    return cid


def _left(stream: BinaryIO) -> int | None:
    """Bytes from here to the end; None where only reading shows it."""
    if not stream.seekable():
        return None
    here = stream.tell()
    end = stream.seek(0, os.SEEK_END)
    stream.seek(here)
    return end - here


def _roots(body: bytes) -> tuple[CID, ...]:
    if not (body.startswith(_BEGIN) and body.endswith(_END)):
        raise FormatError("CAR: its header is not one of version 1")
    count, at = _array(body, len(_BEGIN))
    roots: list[CID] = []
    step = len(_LINK) + CID_SIZE
    for _ in range(count):
        link = body[at : at + step]
        if not link.startswith(_LINK) or len(link) != step:
            raise FormatError("CAR: a root is not a sha2-256 CIDv1")
        roots.append(CID.from_bytes(link[len(_LINK) :]))
        at += step
    if at + len(_END) != len(body):
        raise FormatError("CAR: its header holds more than roots and version")
    return tuple(roots)


def _array(body: bytes, at: int) -> tuple[int, int]:
    """Number of an array's items, and where they begin."""
    first = body[at]
    if 0x80 <= first < 0x98:
        return first - 0x80, at + 1
    if first == 0x98 and body[at + 1] >= 24:
        return body[at + 1], at + 2
    raise FormatError("CAR: its roots are not an array of at most 255")


def _length(stream: BinaryIO, limit: int, what: str) -> int | None:
    """Length of the next section; None at the end of the stream."""
    prefix = b""
    while True:
        byte = stream.read(1)
        if not byte and not prefix:
            return None
        if not byte or len(prefix) == _MAX_VARINT:
            raise FormatError(f"CAR: the length of a {what} is cut off or too long")
        prefix += byte
        if byte[0] < 0x80:
            break
    size, _ = read_varint(prefix, 0)
    if not 0 < size <= limit:
        raise FormatError(f"CAR: a {what} of {size} bytes; at most {limit} are read")
    return size
