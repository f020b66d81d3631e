"""Encrypt a file or folder: one pass, all cores, constant memory."""

from __future__ import annotations

import os
import shutil
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.digests import FileDigest
from anacostia_blockchain.content.encryption import header as sealed_header
from anacostia_blockchain.content.encryption.envelopes import Envelope
from anacostia_blockchain.content.encryption.header import FOLDER, INDEX, Header, Index, SealedFile
from anacostia_blockchain.content.encryption.segments import (
    FileCipher,
    key_commitment,
    new_content_key,
)
from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import FileBuilder, Tree, directory
from anacostia_blockchain.content.walk import Found, walk
from anacostia_blockchain.errors import ConfigError, FileChangedError, StorageError
from anacostia_blockchain.storage.disk import part_of, typed_errors
from anacostia_blockchain.types import Progress

_AHEAD = 4
"""Segments of a file that wait to be written."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """What `seal` has made.

    Attributes:
        path: the folder to publish.
        header: its public part.
        envelopes: one for each recipient, in their order; not in the folder.
    """

    path: Path
    header: Header
    envelopes: tuple[Envelope, ...]


def seal(
    source: Path,
    target: Path,
    recipients: Sequence[bytes],
    *,
    context: str = "",
    progress: Progress | None = None,
) -> Sealed:
    """Encrypt a file or folder into a new folder, which can be published like any other.

    Every call takes a new content key, and keeps it nowhere but in the envelopes: make yourself a
    recipient, or nobody can ever let another in.

    Args:
        source: what to encrypt; never written to.
        target: appears when it is complete.
        recipients: X25519 public keys, 32 bytes each.
        context: what the envelopes are bound to besides the content.
        progress: called with bytes done and the total.

    Raises:
        ConfigError: no recipient.
        FormatError: a public key is none.
        StorageError: `target` exists, or there is no space for it.
        UnsupportedFileError: the source holds a link, a device or an unusable name.
        FileChangedError: a file changed meanwhile.
    """
    if not recipients:
        raise ConfigError("name a recipient: nobody could ever open this")
    if os.path.lexists(target):
        raise StorageError(f"{target} exists: choose another place")
    content_key = new_content_key()
    with _made(target) as part:
        header = _seal(source, part, content_key, progress)
        envelopes = tuple(
            Envelope.wrap(content_key, recipient, content=header.digest, context=context)
            for recipient in recipients
        )
    return Sealed(target, header, envelopes)


def _seal(source: Path, part: Path, content_key: bytes, progress: Progress | None) -> Header:
    files, directories = walk(source)
    numbered = {
        found.path: (SealedFile(found.path if directories else "", found.size, number), found)
        for number, found in enumerate(files)
    }
    (part / FOLDER).mkdir(parents=True)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        sink = _Sink(part / FOLDER, content_key, numbered, pool)
        try:
            root = scan(source, sink=sink, progress=progress).cid
            entries = sink.finish()
        finally:
            sink.close()
    listed = tuple(file for file, _ in numbered.values())
    folders = tuple(sorted(found.path for found in directories))
    index = Index(root, os.urandom(32), listed, folders)
    plain = index.to_json()
    entries[INDEX] = _seal_index(part / FOLDER / INDEX, plain, content_key)
    ciphertext = directory(entries).cid
    header = Header(ciphertext, index.commitment, key_commitment(content_key), len(plain))
    (part / sealed_header.NAME).write_bytes(header.to_json())
    return header


def _seal_index(path: Path, plain: bytes, content_key: bytes) -> Tree:
    with ThreadPoolExecutor(1) as pool, path.open("xb") as file:
        writer = _Writer(file, FileCipher(content_key, INDEX, len(plain)), pool)
        writer.add(plain)
        return writer.finish()


class _Sink:
    """Takes leaves of plaintext as they are hashed, of several files at once."""

    def __init__(
        self,
        folder: Path,
        content_key: bytes,
        files: dict[str, tuple[SealedFile, Found]],
        pool: ThreadPoolExecutor,
    ) -> None:
        self._folder = folder
        self._pool = pool
        self._key = content_key
        self._files = files
        self._open: dict[str, _Writer] = {}
        self._done: dict[str, Tree] = {}
        self._lock = threading.Lock()

    def leaf(self, path: str, offset: int, cid: CID, data: memoryview) -> None:
        """Take a leaf; those of one file come in order, and never at the same time."""
        del offset, cid
        writer = self._open.get(path)
        if writer is None:
            writer = self._begin(path)
        writer.add(data)
        if writer.complete:
            tree = writer.finish()
            with self._lock:
                self._done[str(self._files[path][0].number)] = tree
                del self._open[path]

    def node(self, cid: CID, block: bytes) -> None:
        """Nodes of the plaintext are of no use here."""

    def held(self, files: Sequence[FileDigest]) -> set[CID]:  # noqa: ARG002 - all are sealed anew
        """Nothing: a new seal has a new key."""
        return set()

    def _begin(self, path: str) -> _Writer:
        file, _ = self._files.get(path, (None, None))
        if file is None or str(file.number) in self._done:
            raise FileChangedError(f"{path} appeared or grew while it was read: try again")
        cipher = FileCipher(self._key, str(file.number), file.size)
        # Closed by the writer, or by `close` if it never comes to that.
        stream = (self._folder / str(file.number)).open("xb", buffering=0)
        writer = _Writer(stream, cipher, self._pool)
        with self._lock:
            self._open[path] = writer
        return writer

    def finish(self) -> dict[str, Tree]:
        """The ciphertext files by name.

        Raises:
            FileChangedError: not every file was read to the size that it had.
        """
        for file, found in self._files.values():
            if str(file.number) not in self._done:
                raise FileChangedError(f"{found.location} changed while it was read: try again")
        return dict(self._done)

    def close(self) -> None:
        """Close what is still open."""
        for writer in self._open.values():
            writer.close()


class _Writer:
    """Cuts one file's plaintext into segments, encrypts, hashes and writes them.

    Args:
        stream: where to; closed at the end.
        cipher: of the file.
        pool: encrypts and hashes, a few segments ahead of the writing.
    """

    def __init__(self, stream: BinaryIO, cipher: FileCipher, pool: ThreadPoolExecutor) -> None:
        self._stream = stream
        self._cipher = cipher
        self._pool = pool
        self._plain = bytearray()
        self._next = 0
        self._pending: deque[Future[tuple[bytes, bytes]]] = deque()
        self._tree = FileBuilder()

    @property
    def complete(self) -> bool:
        return self._next == self._cipher.count

    def add(self, data: bytes | memoryview) -> None:
        self._plain += data
        while not self.complete:
            size = self._cipher.plain_size(self._next)
            if len(self._plain) < size:
                return
            plain = bytes(self._plain[:size])
            del self._plain[:size]
            self._pending.append(self._pool.submit(self._seal, self._next, plain))
            self._next += 1
            if len(self._pending) == _AHEAD:
                self._write()

    def _seal(self, number: int, plain: bytes) -> tuple[bytes, bytes]:
        sealed = self._cipher.seal(number, plain)
        return sealed, sha256(sealed).digest()

    def _write(self) -> None:
        sealed, digest = self._pending.popleft().result()
        self._tree.add(digest, len(sealed))
        self._stream.write(sealed)

    def finish(self) -> Tree:
        while self._pending:
            self._write()
        self.close()
        return self._tree.finish()

    def close(self) -> None:
        self._stream.close()


@contextmanager
def _made(target: Path) -> Iterator[Path]:
    """A folder beside the target, which becomes the target, or goes away if anything fails."""
    part = part_of(target)
    with typed_errors(target.parent):
        shutil.rmtree(part, ignore_errors=True)  # of an attempt that was killed
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield part
            part.rename(target)
        except BaseException:
            shutil.rmtree(part, ignore_errors=True)
            raise
