"""Content identifiers: CIDv1 over sha2-256, for raw leaves and dag-pb nodes.

These are the only CIDs this package makes or accepts. Binary form (https://github.com/multiformats/cid):
version 0x01, codec, multihash (0x12 sha2-256, 0x20 bytes); text form: multibase `b` + base32.
"""

from __future__ import annotations

from base64 import b32decode, b32encode
from dataclasses import dataclass
from hashlib import sha256
from typing import TypeAlias

from anacostia_blockchain.errors import FormatError

RAW = 0x55
"""Codec of a leaf: the block is the file's own bytes."""

DAG_PB = 0x70
"""Codec of a node: a directory, or a file too large for one leaf."""

SIZE = 36
"""Length of the binary form, in bytes."""

_Bytes: TypeAlias = bytes  # inside the class, `bytes` is the property

_TEXT_SIZE = 59
_MULTIHASH = b"\x12\x20"


@dataclass(frozen=True, slots=True, order=True)
class CID:
    """A block's codec and the SHA-256 digest of its bytes.

    Example:
        >>> str(CID.of(b"hello world"))
        'bafkreifzjut3te2nhyekklss27nh3k72ysco7y32koao5eei66wof36n5e'

    Raises:
        FormatError: the codec is neither `RAW` nor `DAG_PB`, or the digest is not 32 bytes long.
    """

    codec: int
    digest: _Bytes

    def __post_init__(self) -> None:
        if self.codec not in (RAW, DAG_PB):
            raise FormatError(f"CID codec {self.codec:#x} is not raw (0x55) or dag-pb (0x70)")
        if len(self.digest) != 32:
            raise FormatError(f"CID digest has {len(self.digest)} bytes, not 32")

    def __str__(self) -> str:
        return "b" + b32encode(self.bytes).decode().rstrip("=").lower()

    @property
    def bytes(self) -> _Bytes:
        """The binary form, 36 bytes."""
        return _Bytes((1, self.codec)) + _MULTIHASH + self.digest

    @classmethod
    def of(cls, block: _Bytes | memoryview, codec: int = RAW) -> CID:
        """Hash a block."""
        return cls(codec, sha256(block).digest())

    @classmethod
    def parse(cls, text: str) -> CID:
        """Read the text form; only the canonical one, so that equal CIDs are equal strings.

        Raises:
            FormatError: `text` is no such CID.
        """
        if len(text) != _TEXT_SIZE or text[0] != "b":
            hint = "; convert a CIDv0 with `ipfs cid base32`" if text.startswith("Qm") else ""
            raise FormatError(f"not a CIDv1 in base32: {text[:80]!r}{hint}")
        try:
            cid = cls.from_bytes(b32decode(text[1:].upper() + "======"))
        except ValueError as error:
            raise FormatError(f"not base32: {text!r}") from error
        if str(cid) != text:
            raise FormatError(f"not the canonical form of a CID: {text!r} (that is {cid})")
        return cid

    @classmethod
    def from_bytes(cls, data: _Bytes | memoryview) -> CID:
        """Read the binary form.

        Raises:
            FormatError: not exactly 36 bytes of CIDv1, or another hash than sha2-256.
        """
        data = _Bytes(data)
        if len(data) != SIZE or data[0] != 1 or data[2:4] != _MULTIHASH:
            raise FormatError(f"not a sha2-256 CIDv1: 0x{data[:40].hex()}")
        return cls(data[1], data[4:])


EMPTY = CID.of(b"")
"""An empty file, which nodes cannot send to each other: to a wish for a block of no bytes boxo
answers that it has it, and never with the block."""
