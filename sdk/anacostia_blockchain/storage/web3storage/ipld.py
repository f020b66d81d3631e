"""Links, dag-cbor blocks and the CARs that carry them in messages.

Only what the protocol sends: small documents, held in memory. Content itself never passes here.
https://ipld.io/specs/codecs/dag-cbor/spec/
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeAlias

import cbor2

from anacostia_blockchain.content.cid import DAG_PB
from anacostia_blockchain.content.dagpb import read_varint, varint
from anacostia_blockchain.errors import FormatError, IntegrityError

DAG_CBOR = 0x71
"""Codec of a document."""

CAR = 0x0202
"""Codec of a whole CAR: the link of a shard."""

_LINK_TAG = 42
_DEEPEST = 64
_SHA2_256 = 0x12

_Bytes: TypeAlias = bytes  # inside the class, `bytes` is the field


@dataclass(frozen=True, slots=True, order=True)
class Link:
    """A CID of any codec and hash: more kinds of blocks meet here than in content.

    Raises:
        FormatError: the bytes are no CID.
    """

    bytes: _Bytes

    def __post_init__(self) -> None:
        self._split()

    def __str__(self) -> str:
        return "b" + base64.b32encode(self.bytes).decode().rstrip("=").lower()

    @classmethod
    def to(cls, block: _Bytes, codec: int = DAG_CBOR) -> Link:
        """Make the link of a block."""
        return cls.of_digest(sha256(block).digest(), codec)

    @classmethod
    def of_digest(cls, digest: _Bytes, codec: int) -> Link:
        """Make a link from a SHA-256 digest."""
        return cls(b"\x01" + varint(codec) + multihash(digest))

    @classmethod
    def parse(cls, text: str) -> Link:
        """Read the text form, in canonical base32.

        Raises:
            FormatError: it is none.
        """
        if not text.startswith("b"):
            raise FormatError(f"not a CIDv1 in base32: {text[:80]!r}")
        try:
            link = cls(base64.b32decode(text[1:].upper() + "=" * (-(len(text) - 1) % 8)))
        except ValueError as error:
            raise FormatError(f"not base32: {text[:80]!r}") from error
        if str(link) != text:
            raise FormatError(f"not the canonical form of a CID: {text[:80]!r}")
        return link

    @property
    def codec(self) -> int:
        """What the block is."""
        return self._split()[0]

    @property
    def multihash(self) -> _Bytes:
        """Hash function, length and digest."""
        return self.bytes[self._split()[1] :]

    def check(self, block: _Bytes) -> None:
        """Compare a block with this link.

        Raises:
            IntegrityError: these are not the bytes.
            FormatError: the hash is another than SHA-256.
        """
        if digest_of(self.multihash) != sha256(block).digest():
            raise IntegrityError(f"{self}: the bytes are not those of the link")

    def _split(self) -> tuple[int, int]:
        """The codec, and where the multihash begins."""
        if len(self.bytes) == 34 and self.bytes[:2] == b"\x12\x20":
            return DAG_PB, 0  # CIDv0, which others may have uploaded
        if self.bytes[:1] != b"\x01":
            raise FormatError(f"not a CIDv1: 0x{self.bytes[:40].hex()}")
        codec, start = read_varint(self.bytes, 1)
        _, at = read_varint(self.bytes, start)
        size, at = read_varint(self.bytes, at)
        if len(self.bytes) - at != size:
            raise FormatError(f"not a CIDv1: 0x{self.bytes[:40].hex()}")
        return codec, start


Blocks: TypeAlias = dict[Link, bytes]


def multihash(digest: bytes) -> bytes:
    """Write a SHA-256 digest as a multihash."""
    return bytes((_SHA2_256, len(digest))) + digest


def digest_of(value: object) -> bytes:
    """Read a SHA-256 multihash.

    Raises:
        FormatError: it is something else.
    """
    if not isinstance(value, bytes) or len(value) != 34 or value[:2] != b"\x12\x20":
        raise FormatError("not a SHA-256 multihash")
    return value[2:]


def encode(value: Any) -> bytes:  # noqa: ANN401 - whatever dag-cbor can hold
    """Encode canonically.

    Raises:
        FormatError: a value that dag-cbor cannot hold.
    """
    try:
        return cbor2.dumps(_tagged(value, 0))
    except (cbor2.CBOREncodeError, UnicodeEncodeError, OverflowError) as error:
        raise FormatError(f"cannot be written as dag-cbor: {error}") from error


def decode(data: bytes) -> Any:  # noqa: ANN401 - any IPLD value
    """Decode a document; what `encode` would not have written is refused.

    Raises:
        FormatError: not dag-cbor, or not its canonical form.
    """
    try:
        value = cbor2.loads(
            data,
            max_depth=_DEEPEST,
            allow_indefinite=False,
            strict_hashable_types=True,
            semantic_decoders=_NO_TAGS,
        )
    except (cbor2.CBORError, ValueError, TypeError, OverflowError) as error:
        raise FormatError(f"not dag-cbor: {error}") from error
    value = _linked(value, 0)
    if encode(value) != data:
        raise FormatError("not canonical dag-cbor")
    return value


def _tagged(value: Any, depth: int) -> Any:  # noqa: ANN401 - any IPLD value
    """Links become tags, keys go into the order of the format: short ones first."""
    if depth > _DEEPEST:
        raise FormatError(f"nested more than {_DEEPEST} deep")
    if isinstance(value, Link):
        return cbor2.CBORTag(_LINK_TAG, b"\0" + value.bytes)
    if isinstance(value, list | tuple):
        return [_tagged(item, depth + 1) for item in value]
    if isinstance(value, dict):
        items = [(key.encode(), key, item) for key, item in value.items() if _is_text(key)]
        items.sort(key=lambda item: (len(item[0]), item[0]))
        return {key: _tagged(item, depth + 1) for _, key, item in items}
    if isinstance(value, float) and not math.isfinite(value):
        raise FormatError("dag-cbor holds finite numbers only")
    if isinstance(value, int) and not -(1 << 64) <= value < 1 << 64:
        raise FormatError("number of more than 64 bits")
    if value is None or isinstance(value, str | bytes | int | float):
        return value
    raise FormatError(f"dag-cbor holds no {type(value).__name__}")


def _is_text(key: object) -> bool:
    if not isinstance(key, str):
        raise FormatError("dag-cbor: a key that is not text")
    return True


def _linked(value: Any, depth: int) -> Any:  # noqa: ANN401 - any IPLD value
    """Tags become links."""
    if depth > _DEEPEST:
        raise FormatError(f"nested more than {_DEEPEST} deep")
    if isinstance(value, cbor2.CBORTag):
        data = value.value
        if value.tag == _LINK_TAG and isinstance(data, bytes) and data[:1] == b"\0":
            return Link(data[1:])
        raise FormatError("dag-cbor: a tag that is no link")
    if isinstance(value, list):
        return [_linked(item, depth + 1) for item in value]
    if isinstance(value, dict):
        return {key: _linked(item, depth + 1) for key, item in value.items()}
    return value


def _no_tag(*_decoder: object) -> Any:  # noqa: ANN401 - any IPLD value
    raise FormatError("dag-cbor: a tag that is no link")


_TAGS = (0, 1, 2, 3, 4, 5, 25, 28, 29, 30, 35, 36, 37, 52, 54, 100, 256, 258, 260, 261, 1004)
_NO_TAGS = dict.fromkeys((*_TAGS, 43000, 55799), _no_tag)
"""What the library would make times, patterns, or lists that hold themselves of."""


def dag_json(value: Any) -> bytes:  # noqa: ANN401 - any IPLD value
    """Encode as dag-json, which is what the signature of a UCAN covers.

    Raises:
        FormatError: a value whose JSON form other implementations may write differently.
    """
    plain = json.dumps(_jsonable(value), sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return plain.encode()


def _jsonable(value: Any) -> Any:  # noqa: ANN401 - any IPLD value
    if isinstance(value, Link):
        return {"/": str(value)}
    if isinstance(value, bytes):
        return {"/": {"bytes": base64.b64encode(value).decode().rstrip("=")}}
    if isinstance(value, list | tuple):
        return [_jsonable(item) for item in value]
    if isinstance(value, dict):
        if "/" in value:
            raise FormatError("dag-json: the key / is reserved")
        return {key: _jsonable(item) for key, item in value.items()}
    if isinstance(value, float):
        raise FormatError("dag-json: no fractions in what is signed")
    return value


def put(blocks: Blocks, value: Any) -> Link:  # noqa: ANN401 - any IPLD value
    """Encode a document and add it."""
    block = encode(value)
    link = Link.to(block)
    blocks[link] = block
    return link


def get(blocks: Blocks, link: Link) -> Any:  # noqa: ANN401 - any IPLD value
    """Look up a document and decode it.

    Raises:
        FormatError: it is not there, or not dag-cbor.
    """
    if link.codec != DAG_CBOR or link not in blocks:
        raise FormatError(f"the document {link} is not in the message")
    return decode(blocks[link])


def write_car(root: Link, blocks: Blocks) -> bytes:
    """Write a CARv1 of small blocks."""
    head = encode({"roots": [root], "version": 1})
    pieces = [varint(len(head)), head]
    for link, block in blocks.items():
        pieces += [varint(len(link.bytes) + len(block)), link.bytes, block]
    return b"".join(pieces)


def read_car(data: bytes) -> tuple[Link, Blocks]:
    """Read a CARv1 with one root; every block is compared with its link.

    Raises:
        FormatError: not such a CAR.
        IntegrityError: a block's bytes are not those of its link.
    """
    sections = _sections(data)
    head = decode(next(sections, b""))
    roots = head.get("roots") if isinstance(head, dict) and head.get("version") == 1 else None
    if not isinstance(roots, list) or len(roots) != 1 or not isinstance(roots[0], Link):
        raise FormatError("not a CARv1 with one root")
    blocks: Blocks = {}
    for section in sections:
        size = _link_size(section)
        link, block = Link(section[:size]), section[size:]
        link.check(block)
        blocks[link] = block
    return roots[0], blocks


def _sections(data: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size, at = read_varint(data, at)
        if size == 0 or at + size > len(data):
            raise FormatError("CAR: data ends within a block")
        yield data[at : at + size]
        at += size


def _link_size(section: bytes) -> int:
    at = 0
    for _ in range(3):  # version, codec, hash
        _, at = read_varint(section, at)
    size, at = read_varint(section, at)
    return at + size
