"""The archive: written in one pass and always the same, read without trusting it."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Any, Protocol

from anacostia_blockchain._archives import DAMAGED
from anacostia_blockchain._files import read_all, whole
from anacostia_blockchain.content.documents import canonical, read_object
from anacostia_blockchain.errors import FormatError, IntegrityError, NotFoundError

INDEX = "index.json"
SCHEMA = "anacostia/evidence/1"

_CHUNK = 1 << 20
_EPOCH = (1980, 1, 1, 0, 0, 0)
_LONGEST_LINE = 1 << 24
_LARGEST_DOCUMENT = 1 << 28


class Source(Protocol):
    """Where the lines of members come from: a draft, or an archive."""

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """Lines of a member; none, if it is not there."""
        ...


class Draft:
    """The members on disk, before they become an archive.

    Args:
        folder: an empty folder of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Write a member."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:
            yield stream

    def write(self, name: str, document: object) -> None:
        """Write a JSON member, canonically."""
        with self.open(name) as stream:
            stream.write(canonical(document))

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """Read a member of JSON lines again."""
        path = self.folder / name
        if path.exists():
            with path.open("rb") as stream:
                for line in stream:
                    yield json.loads(line)

    def names(self) -> list[str]:
        """The members, in the order of their names."""
        found = (path for path in self.folder.rglob("*") if path.is_file())
        return sorted(path.relative_to(self.folder).as_posix() for path in found)

    def digests(self) -> dict[str, str]:
        """SHA-256 of each member."""
        return {name: _digest((self.folder / name).open("rb")) for name in self.names()}

    def pack(self, target: Path) -> Path:
        """Make the archive, index first; all of it, or no file."""
        order = sorted(self.names(), key=lambda name: (name != INDEX, name != "report.html", name))
        with (
            whole(target) as partial,
            zipfile.ZipFile(partial, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as archive,
        ):
            for name in order:
                self._add(archive, name)
        return target

    def _add(self, archive: zipfile.ZipFile, name: str) -> None:
        entry = zipfile.ZipInfo(name, _EPOCH)
        entry.compress_type = zipfile.ZIP_DEFLATED
        entry.external_attr = 0o644 << 16
        path = self.folder / name
        entry.file_size = path.stat().st_size
        with path.open("rb") as source, archive.open(entry, "w") as stream:
            while chunk := source.read(_CHUNK):
                stream.write(chunk)


def line(document: Mapping[str, Any]) -> bytes:
    """One line of a member of JSON lines."""
    return canonical(document) + b"\n"


class Archive:
    """An archive that was opened.

    Raises:
        FormatError: it is truncated, or no such archive.
    """

    def __init__(self, path: Path) -> None:
        try:
            self._zip = zipfile.ZipFile(path)
            names = self._zip.namelist()
            self.index = self.document(INDEX)
        except (NotFoundError, *DAMAGED) as error:
            raise FormatError(f"{path} is truncated, or no evidence: {error}") from error
        if self.index.get("schema") != SCHEMA:
            raise FormatError(f"{path} is evidence of form {self.index.get('schema')!r}")
        if len(names) != len(set(names)):
            raise FormatError(f"{path} holds a member twice")
        self.names = names

    def close(self) -> None:
        """Close the file."""
        self._zip.close()

    @contextmanager
    def open(self, name: str) -> Iterator[IO[bytes]]:
        """Read a member.

        Raises:
            NotFoundError: there is none of that name.
            IntegrityError: it is damaged.
        """
        try:
            stream = self._zip.open(name)
        except KeyError:
            raise NotFoundError(f"the evidence holds no {name}") from None
        except DAMAGED as error:
            raise IntegrityError(f"{name} is damaged: {error}") from error
        with stream:
            try:
                yield stream
            except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
                raise IntegrityError(f"{name} is damaged: {error}") from error

    def document(self, name: str) -> dict[str, Any]:
        """Read a JSON member."""
        with self.open(name) as stream:
            return read_object(read_all(stream, _LARGEST_DOCUMENT, name), name)

    def lines(self, name: str) -> Iterator[dict[str, Any]]:
        """Read a member of JSON lines; none, if it is not there."""
        if name not in self.names:
            return
        with self.open(name) as stream:
            while data := stream.readline(_LONGEST_LINE + 1):
                if len(data) > _LONGEST_LINE:
                    raise FormatError(f"{name} holds a line that is too long")
                yield read_object(data, name)

    def count(self, name: str) -> int:
        """How many lines a member has, however long they are."""
        lines, end = 0, b"\n"
        with self.open(name) as stream:
            while chunk := stream.read(_CHUNK):
                lines += chunk.count(b"\n")
                end = chunk[-1:]
        return lines + (end != b"\n")

    def members(self, prefix: str) -> list[str]:
        """Names of the members in a folder, in order."""
        return sorted(name for name in self.names if name.startswith(prefix))

    def check_members(self) -> str:
        """Compare every member with the index.

        Raises:
            IntegrityError: one is missing, foreign or different.
        """
        listed = self.index.get("members")
        if not isinstance(listed, dict):
            raise FormatError(f"{INDEX}: it lists no members")
        for name in sorted(set(self.names) ^ {INDEX, *listed}):
            where = "not in the index" if name in self.names else "missing"
            raise IntegrityError(f"{name} is {where}")
        for name, digest in listed.items():
            with self.open(name) as stream:
                if _digest(stream) != digest:
                    raise IntegrityError(f"{name} is not what the index says")
        return f"{len(listed)} members are as the index lists them"


def _digest(stream: IO[bytes]) -> str:
    found = sha256()
    with stream:
        while chunk := stream.read(_CHUNK):
            found.update(chunk)
    return found.hexdigest()
