"""The manifest of a folder in the form of OpenSSF Model Signing.

The root is SHA-256 over the files' SHA-256 digests in order of their paths, name by name; it is the
subject digest that `model_signing sign` writes for the same folder. As JSON, a manifest is the
in-toto statement that this tool signs (predicate `https://model_signing/signature/v1.0`).

**What it covers**: every file of the folder that was published, except git's own at its top. The
files that publishing adds (`ADDED_NAMES`, as far as they were added) stand in `ignored`; the
version's CID commits to those too.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from anacostia_blockchain.content.documents import canonical, field, hex_field, read_object
from anacostia_blockchain.content.walk import GIT_NAMES
from anacostia_blockchain.errors import FormatError, IntegrityError

NAME = "manifest.json"

ADDED_NAMES = frozenset({"README.md", "metadata.json", NAME, "statement.json"})
"""What publishing may add to a folder; nothing else may stay outside the manifest."""

STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE = "https://model_signing/signature/v1.0"


@dataclass(frozen=True, slots=True)
class Manifest:
    """The files of a folder and their digests.

    Attributes:
        name: the folder's, for people; not part of the root.
        files: SHA-256 by path, the path relative and with `/`; `.` for a folder that is one file.
        ignored: names at the top that the manifest does not cover, beside git's.
    """

    name: str
    files: Mapping[str, bytes]
    ignored: frozenset[str] = frozenset()

    @property
    def root(self) -> bytes:
        """SHA-256 over the digests in order; 32 bytes."""
        return sha256(b"".join(self.files[path] for path in self._order())).digest()

    def _order(self) -> list[str]:
        return sorted(self.files, key=lambda path: path.split("/"))

    def without(self, names: Collection[str]) -> Manifest:
        """The manifest that does not cover these names at the top."""
        kept = {path: digest for path, digest in self.files.items() if path not in names}
        return Manifest(self.name, kept, self.ignored | frozenset(names))

    def check(self, actual: Manifest) -> None:
        """Compare with a manifest made from the bytes, which may cover more than this one.

        Raises:
            IntegrityError: naming the first file that is missing, foreign or different.
        """
        found = actual.without(self.ignored).files
        for path in sorted(self.files.keys() | found.keys(), key=lambda path: path.split("/")):
            if path not in found:
                raise IntegrityError(f"{path} is in the manifest, but not in the folder")
            if path not in self.files:
                raise IntegrityError(f"{path} is in the folder, but not in the manifest")
            if self.files[path] != found[path]:
                raise IntegrityError(f"{path} is not the file that the manifest describes")

    def to_json(self) -> bytes:
        """Encode as the statement that `model_signing` signs, canonically."""
        order = self._order()
        resources = [
            {"name": path, "algorithm": "sha256", "digest": self.files[path].hex()}
            for path in order
        ]
        serialization = {
            "method": "files",
            "hash_type": "sha256",
            "allow_symlinks": False,
            "ignore_paths": sorted(self.ignored | GIT_NAMES),
        }
        return canonical(
            {
                "_type": STATEMENT_TYPE,
                "subject": [{"name": self.name, "digest": {"sha256": self.root.hex()}}],
                "predicateType": PREDICATE_TYPE,
                "predicate": {"serialization": serialization, "resources": resources},
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> Manifest:
        """Read what `to_json` wrote, or the payload of a `model_signing` signature.

        Raises:
            FormatError: another format, or one that leaves files uncovered that it must cover.
            IntegrityError: the subject is not the root of the listed files.
        """
        document = read_object(data, NAME)
        for path, value in (("_type", STATEMENT_TYPE), ("predicateType", PREDICATE_TYPE)):
            if field(document, path, str, NAME) != value:
                raise FormatError(f"{NAME}: {path} is not {value}")
        manifest = cls(
            field(document, "subject/0/name", str, NAME), _files(document), _ignored(document)
        )
        if hex_field(document, "subject/0/digest/sha256", NAME) != manifest.root:
            raise IntegrityError(f"{NAME}: its subject is not the root of the files it lists")
        return manifest

    @classmethod
    def of_version(cls, folder: Path) -> Manifest:
        """Recompute the manifest of a version's directory, leaving out what its own one leaves out.

        Raises:
            FormatError: the directory has no valid `manifest.json`.
        """
        from anacostia_blockchain.content.folder import scan  # noqa: PLC0415 - it imports us

        stored = folder / NAME
        if not stored.is_file():
            raise FormatError(f"{folder} has no {NAME}")
        return scan(folder).manifest.without(cls.parse(stored.read_bytes()).ignored)


def _files(document: dict[str, Any]) -> dict[str, bytes]:
    files: dict[str, bytes] = {}
    for resource in field(document, "predicate/resources", list, NAME):
        path = field(resource, "name", str, NAME)
        if path in files or field(resource, "algorithm", str, NAME) != "sha256":
            raise FormatError(f"{NAME}: {path!r} stands twice or is not hashed with sha256")
        files[path] = hex_field(resource, "digest", NAME)
    return files


def _ignored(document: dict[str, Any]) -> frozenset[str]:
    serialization = field(document, "predicate/serialization", dict, NAME)
    if serialization.get("method") != "files" or serialization.get("hash_type") != "sha256":
        raise FormatError(f"{NAME}: only the serialization by files with sha256 is read")
    names = serialization.get("ignore_paths", [])
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise FormatError(f"{NAME}: ignore_paths is not a list of names")
    ignored = frozenset(names) - GIT_NAMES
    if not ignored <= ADDED_NAMES:
        raise FormatError(f"{NAME} leaves out {sorted(ignored - ADDED_NAMES)}: it must not")
    return ignored
