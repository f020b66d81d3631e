"""One pass over a folder: SHA-256 of each file, the manifest's root and the CID.

What counts is the same for all three: every file, hidden ones too, except git's own at the top
(`.git`, `.gitattributes`, `.github`, `.gitignore`), as OpenSSF Model Signing has it. Directories
without files are part of the CID; a manifest lists files only. Links and devices are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path
from typing import TypeAlias, cast

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.digests import DigestCache, FileDigest
from anacostia_blockchain.content.hashing import Hasher, Sink
from anacostia_blockchain.content.manifest import Manifest
from anacostia_blockchain.content.unixfs import Emit, Entry, Tree, directory, ignore
from anacostia_blockchain.content.walk import Found, check_name, walk
from anacostia_blockchain.errors import UnsupportedFileError
from anacostia_blockchain.types import Progress


@dataclass(frozen=True, slots=True)
class FolderDigest:
    """What a folder, or a single file, hashes to.

    Attributes:
        cid: of the directory, or of the file.
        manifest: of the folder's own files, without those that an `Overlay` added.
        files: all files in order of their paths, added ones included.
        size: bytes of all files.
    """

    cid: CID
    manifest: Manifest
    files: tuple[FileDigest, ...]
    size: int


@dataclass(frozen=True, slots=True)
class Overlay:
    """A directory that exists only on paper: a folder's files and some more at its top.

    It can be scanned and put like a folder, and the folder itself is never written to. A single
    file becomes a directory that holds it.

    Attributes:
        add: makes the added files from the folder's digest, so that they can name it and the
            folder is still read only once. It must return the same for the same digest.
        skip: names at the folder's top that do not take part.
    """

    path: Path
    add: Callable[[FolderDigest], Mapping[str, bytes]]
    skip: frozenset[str] = frozenset()


def scan(
    source: Path | Overlay,
    *,
    progress: Progress | None = None,
    sink: Sink | None = None,
    workers: int | None = None,
    digests: DigestCache | None = None,
) -> FolderDigest:
    """Hash a file, a folder or an overlay; every byte is read once, memory stays constant.

    Args:
        source: what to hash.
        progress: called with bytes done and the folder's total.
        sink: receives all blocks as they are made, from several threads.
        workers: threads; as many as there are cores, up to 16, if not given.
        digests: of files that need not be read again, unless `sink` needs them. Whoever verifies
            gives none.

    Example:
        >>> import tempfile
        >>> with tempfile.NamedTemporaryFile() as file:
        ...     str(scan(Path(file.name)).cid)
        'bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku'

    Raises:
        UnsupportedFileError: it holds a link, a device, an unusable name or an unreadable file, or
            the overlay adds a file that is there already.
        FileChangedError: a file or directory changed meanwhile.
    """
    hasher = Hasher(sink, progress, workers, digests)
    if isinstance(source, Overlay):
        return _scan_overlay(source, hasher, sink)
    files, directories = walk(source)
    hashed = hasher.files(files)
    if not directories:
        return _single(hashed[0])
    tree = _assemble(hashed, directories, sink)
    return _digest(tree, source, hashed)


def import_source(
    source: Path | Overlay,
    *,
    progress: Progress | None = None,
    sink: Sink | None = None,
    workers: int | None = None,
    digests: DigestCache | None = None,
    follow: Callable[[memoryview], object] | None = None,
) -> tuple[CID, tuple[FileDigest, ...]]:
    """Find the CID of a file, a folder or an overlay, and of each file, and no more.

    That is half the work of `scan` where files are large: they are hashed once, not twice, and
    `sink` gets a file's leaves in any order; `follow`, with a single file, its bytes in theirs. An
    overlay's added files may name any digest, so that it is scanned.

    Raises:
        UnsupportedFileError, FileChangedError: as for `scan`.
    """
    if isinstance(source, Overlay):
        digest = scan(source, progress=progress, sink=sink, workers=workers, digests=digests)
        return digest.cid, digest.files
    files, directories = walk(source)
    hashed = Hasher(sink, progress, workers, digests, whole=False, follow=follow).files(files)
    del files  # there may be a million
    tree = _assemble(hashed, directories, sink) if directories else None
    return (tree or hashed[0]).cid, tuple(hashed)


def _scan_overlay(overlay: Overlay, hasher: Hasher, sink: Sink | None) -> FolderDigest:
    files, directories = walk(overlay.path, overlay.skip)
    digests = hasher.files(files)
    base = _digest(_assemble(digests, directories, None), overlay.path, digests)
    added = overlay.add(base)
    taken = {found.path.split("/")[0] for found in files + directories}
    for name, data in sorted(added.items()):
        if check_name(name, overlay.path) in taken:
            raise UnsupportedFileError(f"{overlay.path / name} is in the way: rename or move it")
        digests.append(Hasher(sink, workers=1).stream(BytesIO(data), name))
    tree = _assemble(digests, directories, sink)
    return replace(_digest(tree, overlay.path, digests), manifest=base.manifest.without(added))


def _single(digest: FileDigest) -> FolderDigest:
    manifest = Manifest(digest.path, {".": digest.sha256})
    return FolderDigest(digest.cid, manifest, (digest,), digest.size)


def _digest(tree: Tree, path: Path, digests: Iterable[FileDigest]) -> FolderDigest:
    files = tuple(sorted(digests, key=lambda digest: digest.path))
    manifest = Manifest(path.absolute().name, {file.path: file.sha256 for file in files})
    return FolderDigest(tree.cid, manifest, files, tree.size)


_Names: TypeAlias = "dict[str, Entry | _Names]"


def _assemble(
    digests: Iterable[FileDigest], directories: Iterable[Found], sink: Sink | None
) -> Tree:
    """Build the directories bottom-up; the listing must still be that of the walk."""
    top: _Names = {}
    for found in directories:
        found.check_unchanged()
        _descend(top, found.path.split("/") if found.path else [])
    for digest in digests:
        *parents, name = digest.path.split("/")
        _descend(top, parents)[name] = digest
    return _fold(top, sink.node if sink else ignore)


def _descend(names: _Names, steps: list[str]) -> _Names:
    for step in steps:
        below = names.setdefault(step, {})
        assert isinstance(below, dict)  # noqa: S101 - a name is a file or a directory, not both
        names = below
    return names


def _fold(names: _Names, emit: Emit) -> Tree:
    for name, below in names.items():
        if isinstance(below, dict):
            names[name] = _fold(below, emit)
    return directory(cast("dict[str, Entry]", names), emit)
