"""Open sealed content: single files as seekable streams, or all of it to disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeAlias

from anacostia_blockchain._files import read_all
from anacostia_blockchain._keyfiles import SecretKey
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.encryption.header import (
    FOLDER,
    INDEX,
    NAME,
    Header,
    Index,
    SealedFile,
)
from anacostia_blockchain.content.encryption.segments import PLAIN, FileCipher, open_stream
from anacostia_blockchain.content.folder import import_source
from anacostia_blockchain.errors import IntegrityError, NotFoundError, StorageError
from anacostia_blockchain.storage.base import Store
from anacostia_blockchain.storage.disk import part_of, typed_errors
from anacostia_blockchain.types import Progress

Opener: TypeAlias = Callable[[str], BinaryIO]
"""Opens a file of a published folder by its path in it, as a seekable stream."""

_LARGEST_HEADER = 1 << 16


def in_folder(folder: Path) -> Opener:
    """Sealed content that lies in a folder of this machine."""

    def opened(path: str) -> BinaryIO:
        try:
            return (folder / path).open("rb")
        except (FileNotFoundError, NotADirectoryError, IsADirectoryError) as error:
            raise NotFoundError(f"{folder} holds no {path}: it is not sealed content") from error

    return opened


def in_store(store: Store, root: CID) -> Opener:
    """Sealed content in a store: fetched, verified and decrypted leaf by leaf, as it is read."""
    return lambda path: store.open(root, path)


def read_header(opener: Opener) -> Header:
    """The public part of sealed content.

    Raises:
        NotFoundError: there is none, so that it is no sealed content.
        FormatError: it is of another form.
    """
    with opener(NAME) as stream:
        return Header.parse(read_all(stream, _LARGEST_HEADER, NAME))


class SealedContent(SecretKey):
    """Sealed content and its key. `providers.open_sealed` makes one from an envelope.

    Args:
        opener: where it is.
        content_key: what an envelope holds.

    Raises:
        DecryptionError: it is the key of other content.
    """

    def __init__(self, opener: Opener, content_key: bytes) -> None:
        self._opener = opener
        self._key = content_key
        self.header = read_header(opener)
        self.header.check_key(content_key)

    def __repr__(self) -> str:
        return f"SealedContent(0x{self.header.digest.hex()})"

    @cached_property
    def index(self) -> Index:
        """Paths, sizes and the plaintext's CID.

        Raises:
            IntegrityError: it was altered, or is not what the publisher committed to.
        """
        with self._stream(INDEX, self.header.index_size) as stream:
            index = Index.parse(stream.read())
        index.check(self.header)
        return index

    @cached_property
    def _files(self) -> dict[str, SealedFile]:
        """By path; the index names each once."""
        return {file.path: file for file in self.index.files}

    def open(self, path: str = "") -> BinaryIO:
        """Open a file as a seekable stream; only the segments that are read are fetched.

        Reading raises IntegrityError where the ciphertext was altered, moved or cut off. Whether
        the whole is what the publisher committed to, only `decrypt` can tell.

        Raises:
            NotFoundError: there is no such file.
        """
        if path not in self._files:
            raise NotFoundError(f"the sealed content holds no file {path!r}")
        file = self._files[path]
        return self._stream(str(file.number), file.size)

    def decrypt(self, target: Path, *, progress: Progress | None = None) -> Path:
        """Write the plaintext to `target`, which appears only if all of it is as committed to.

        Raises:
            StorageError: `target` exists, or there is no space for it.
            IntegrityError: ciphertext or plaintext is not what it should be; nothing is left.
        """
        if os.path.lexists(target):
            raise StorageError(f"{target} exists: choose another place")
        part = part_of(target)
        with typed_errors(target.parent):
            target.parent.mkdir(parents=True, exist_ok=True)
            _remove(part)  # of an attempt that was killed
            try:
                self._write(part, progress)
                self._check(part)
                part.rename(target)
            except BaseException:
                _remove(part)
                raise
        return target

    def _write(self, part: Path, progress: Progress | None) -> None:
        for directory in self.index.directories:
            (part / directory).mkdir()
        total, done = sum(file.size for file in self.index.files), 0
        for file in self.index.files:
            path = part / file.path if file.path else part
            with path.open("xb") as target, self.open(file.path) as source:
                while piece := source.read(PLAIN):
                    target.write(piece)
                    done += len(piece)
                    if progress is not None:
                        progress(done, total)
        if progress is not None:
            progress(done, total)

    def _check(self, plaintext: Path) -> None:
        if import_source(plaintext)[0] != self.index.root:
            raise IntegrityError(
                "what was decrypted is not the plaintext that the publisher committed to: keep the "
                "content and your envelope, they prove it"
            )

    def _stream(self, name: str, size: int) -> BinaryIO:
        return open_stream(self._opener(f"{FOLDER}/{name}"), FileCipher(self._key, name, size))


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
