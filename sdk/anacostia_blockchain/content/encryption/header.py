"""What is public about sealed content, and what only its holders learn.

sealed.json     the header: CID of the ciphertext, commitment to the plaintext
sealed/index    encrypted: paths, sizes, the plaintext's CID, and the commitment's salt
sealed/0, 1 …   encrypted: the files
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.documents import canonical, field, hex_field, read_object
from anacostia_blockchain.content.encryption.segments import SEGMENT, key_commitment
from anacostia_blockchain.content.walk import MAX_DEPTH, check_name
from anacostia_blockchain.errors import (
    DecryptionError,
    FormatError,
    IntegrityError,
    UnsupportedFileError,
)

NAME = "sealed.json"
FOLDER = "sealed"
INDEX = "index"

_FORMAT = "anacostia-sealed/1"
_CIPHER = "AES-256-GCM-STREAM"
_LARGEST_INDEX = 1 << 28


@dataclass(frozen=True, slots=True)
class Header:
    """What everybody may know.

    Attributes:
        ciphertext: CID of the folder `sealed`.
        commitment: binds whoever published it to the plaintext, and tells nobody what it is.
        key_commitment: of the content key (see `segments.key_commitment`).
        index_size: bytes of the index before encryption.
    """

    ciphertext: CID
    commitment: bytes
    key_commitment: bytes
    index_size: int

    @property
    def digest(self) -> bytes:
        """SHA-256 of its canonical form: the id that envelopes are made for."""
        return sha256(self.to_json()).digest()

    def to_json(self) -> bytes:
        """Write it, canonically."""
        return canonical(
            {
                "format": _FORMAT,
                "cipher": _CIPHER,
                "segment": SEGMENT,
                "ciphertext": str(self.ciphertext),
                "commitment": "0x" + self.commitment.hex(),
                "key_commitment": "0x" + self.key_commitment.hex(),
                "index_size": self.index_size,
            }
        )

    def check_key(self, content_key: bytes) -> None:
        """Check that a content key is the one.

        Raises:
            DecryptionError: it is another.
        """
        if not compare_digest(key_commitment(content_key), self.key_commitment):
            raise DecryptionError("the content key is not the one of this content")

    @classmethod
    def parse(cls, data: bytes) -> Header:
        """Read what `to_json` wrote, and nothing else.

        Raises:
            FormatError: it is something else, or of a newer format.
        """
        document = read_object(data, NAME)
        for name, value in (("format", _FORMAT), ("cipher", _CIPHER), ("segment", SEGMENT)):
            if field(document, name, type(value), NAME) != value:
                raise FormatError(f"{NAME}: {name} is not {value}")
        header = cls(
            CID.parse(field(document, "ciphertext", str, NAME)),
            hex_field(document, "commitment", NAME),
            hex_field(document, "key_commitment", NAME),
            _size(document, "index_size"),
        )
        if header.to_json() != data:
            raise FormatError(f"{NAME} is not in its canonical form")
        return header


@dataclass(frozen=True, slots=True)
class SealedFile:
    """A file as the index lists it; `number` is its name in `sealed`."""

    path: str
    size: int
    number: int


@dataclass(frozen=True, slots=True)
class Index:
    """What only holders of the content key learn.

    Attributes:
        root: CID of the plaintext.
        salt: 32 random bytes, so that nobody can guess the plaintext and compare.
        files: in order of their paths; a single file that is no folder has the path "".
        directories: paths of all directories, so that empty ones come back too.
    """

    root: CID
    salt: bytes
    files: tuple[SealedFile, ...]
    directories: tuple[str, ...]

    @property
    def commitment(self) -> bytes:
        """What the header must hold."""
        return sha256(_FORMAT.encode() + self.salt + self.root.bytes).digest()

    def check(self, header: Header) -> None:
        """Compare with what was committed to.

        Raises:
            IntegrityError: the publisher committed to another plaintext.
        """
        if self.commitment != header.commitment:
            raise IntegrityError(
                "the plaintext is not the one that the publisher committed to: keep the content "
                "and your envelope, they prove it"
            )

    def to_json(self) -> bytes:
        """Write it, canonically."""
        return canonical(
            {
                "root": str(self.root),
                "salt": "0x" + self.salt.hex(),
                "files": [[file.path, file.size, file.number] for file in self.files],
                "directories": list(self.directories),
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> Index:
        """Read what `to_json` wrote.

        Raises:
            FormatError: it is something else, or holds a path that cannot be.
        """
        what = "the sealed index"
        document = read_object(data, what)
        directories = field(document, "directories", list, what)
        index = cls(
            CID.parse(field(document, "root", str, what)),
            hex_field(document, "salt", what),
            tuple(_file(entry, what) for entry in field(document, "files", list, what)),
            tuple(directories),
        )
        _check_paths(index, what)
        return index


def _check_paths(index: Index, what: str) -> None:
    """Each path once, none that climbs, all in directories that are listed too."""
    if [file.path for file in index.files] == [""] and not index.directories:
        return
    if index.directories[:1] != ("",):
        raise FormatError(f"{what}: it does not begin with the top directory")
    directories = {""}
    for path in index.directories[1:]:
        _check_path(path, directories, directories, what)
        directories.add(path)
    taken = set(directories)
    for file in index.files:
        _check_path(file.path, directories, taken, what)
        taken.add(file.path)


def _check_path(path: object, directories: set[str], taken: set[str], what: str) -> None:
    if not isinstance(path, str) or path in taken:
        raise FormatError(f"{what}: {path!r} stands twice, or is no path")
    try:
        for step in path.split("/"):
            check_name(step, what)
    except UnsupportedFileError as error:
        raise FormatError(str(error)) from error
    if path.rpartition("/")[0] not in directories or path.count("/") >= MAX_DEPTH:
        raise FormatError(f"{what}: {path!r} is in no directory, or nested too deep")


def _file(entry: object, what: str) -> SealedFile:
    match entry:
        case [str(path), int(size), int(number)] if _is_count(size) and _is_count(number):
            return SealedFile(path, size, number)
    raise FormatError(f"{what}: a file is not what it should be")


def _size(document: dict[str, Any], name: str) -> int:
    size = field(document, name, int, NAME)
    if not _is_count(size) or size > _LARGEST_INDEX:
        raise FormatError(f"{NAME}: {name} is not a size of at most {_LARGEST_INDEX}")
    return size


def _is_count(value: int) -> bool:
    return value >= 0 and not isinstance(value, bool)
