"""Write content to disk: resumable, every byte verified before it is written, all or nothing.

The work is done in `<target>.part`, beside the target, which appears only when it is complete. Two
processes that fetch the same thing to the same place write the same bytes, and do no harm. Nothing
is flushed to the disk itself: what a power cut takes can be fetched again, and hashing tells.
"""

from __future__ import annotations

import os
import shutil
from contextlib import ExitStack, suppress
from pathlib import Path
from threading import Lock

from anacostia_blockchain.content.cid import CID, RAW
from anacostia_blockchain.content.dagpb import MAX_BLOCK, Node
from anacostia_blockchain.content.folder import import_source
from anacostia_blockchain.content.walk import MAX_DEPTH
from anacostia_blockchain.errors import AnacostiaError, FormatError, StorageError
from anacostia_blockchain.storage.dag import Fetch, Part, entries, is_directory, node_of, parts
from anacostia_blockchain.storage.disk import part_of, write_all
from anacostia_blockchain.storage.leaves import LeafWriter, Readers
from anacostia_blockchain.types import Progress

_MAX_ENTRIES = 10_000_000
"""Files and directories of one content, at most: a few blocks can describe any number of them."""


def write_out(
    fetch: Fetch,
    cid: CID,
    target: Path,
    *,
    progress: Progress | None = None,
    total: int | None = None,
    readers: Readers | None = None,
) -> Path:
    """Write a file or folder to `target`.

    Args:
        fetch: gives blocks; it is asked in depth-first order for each block as often as it occurs,
            except for leaves that an earlier, interrupted call has written.
        readers: where the leaves of large files are read from instead, verified and written by
            several threads.
        cid: what to write.
        target: where; the folder above is made if it is not there.
        progress: called with the bytes that are in place, and `total`.
        total: bytes of the content, if known.

    Raises:
        StorageError: `target` exists and holds something else.
        FormatError: the blocks contradict each other.
    """
    with suppress(FileNotFoundError):  # a place that cannot be says so before anything is fetched
        target.lstat()
        return _already(cid, target)
    part = part_of(target)
    target.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        leaves = stack.enter_context(LeafWriter(readers)) if readers is not None else None
        _Writer(fetch, progress, total, leaves).write(cid, part, 0)
    try:
        part.rename(target)
    except OSError as error:
        if os.path.lexists(target):  # somebody else was quicker
            return _already(cid, target)
        raise StorageError(f"{part} could not become {target}: {error.strerror}") from error
    return target


def _already(cid: CID, target: Path) -> Path:
    try:
        same = import_source(target)[0] == cid
    except AnacostiaError:
        same = False
    if not same:
        raise StorageError(
            f"{target} exists and is not {cid}: move it away, or choose another place"
        )
    return target


class _Writer:
    """Writes one tree and counts the bytes in place."""

    def __init__(
        self, fetch: Fetch, progress: Progress | None, total: int | None, leaves: LeafWriter | None
    ) -> None:
        self._fetch = fetch
        self._leaves = leaves
        self._lock = Lock()
        self._progress = progress
        self._total = total
        self._done = 0
        self._entries = 0

    def write(self, cid: CID, path: Path, depth: int) -> None:
        if cid.codec == RAW:
            self._file(path, cid, None)
            return
        node = node_of(self._fetch, cid)
        if is_directory(node):
            self._folder(cid, node, path, depth)
        else:
            self._file(path, cid, node)

    def _folder(self, cid: CID, node: Node, path: Path, depth: int) -> None:
        if depth > MAX_DEPTH:
            raise FormatError(f"{cid}: directories nested more than {MAX_DEPTH} deep")
        if path.is_symlink() or path.is_file():
            path.unlink()
        path.mkdir(exist_ok=True)
        present = set(os.listdir(path))  # noqa: PTH208 - names
        for entry in entries(self._fetch, cid, node):
            self._entries += 1
            if self._entries > _MAX_ENTRIES:
                raise FormatError(f"{cid}: more than {_MAX_ENTRIES:,} files and directories")
            present.discard(entry.name)
            self.write(entry.cid, path / entry.name, depth + 1)
        for name in present:  # of another CID that was being written here
            _remove(path / name)

    def _file(self, path: Path, cid: CID, node: Node | None) -> None:
        """Write a file of one raw leaf, or one below a node."""
        if path.is_symlink() or path.is_dir():
            _remove(path)
        leaves = parts(self._fetch, cid, node) if node is not None else iter([Part(cid, 0, None)])
        with path.open("r+b" if path.exists() else "w+b", buffering=0) as file:
            present = file.seek(0, os.SEEK_END)
            if node is not None and node.links and self._leaves and self._leaves.usable():
                self._leaves.write(file.fileno(), leaves, present, self._count)
                end = node.size
            else:
                end = 0
                for leaf in leaves:
                    end = leaf.offset + self._leaf(file.fileno(), leaf, present)
            file.truncate(end)

    def _leaf(self, file: int, leaf: Part, present: int) -> int:
        """Write a leaf unless it is in place; returns its size."""
        size = leaf.size if leaf.size is not None else min(present, MAX_BLOCK)
        held = b""
        if leaf.data is None and leaf.offset + size <= present:
            held = os.pread(file, size, leaf.offset)
        if leaf.data is not None or CID.of(held) != leaf.cid:
            held = leaf.read(self._fetch)
            write_all(file, leaf.offset, held)
        self._count(len(held))
        return len(held)

    def _count(self, size: int) -> None:
        if self._progress is not None:
            with self._lock:
                self._done += size
                self._progress(self._done, self._total)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
