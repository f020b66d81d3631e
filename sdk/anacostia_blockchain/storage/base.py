"""What every store does, whatever it keeps its blocks in.

A store holds content by CID. What is pinned stays; what no pin reaches may go at any time.
Every backend computes the same CID for the same bytes, because none is left to choose how they
are cut: the importer of `anacostia_blockchain.content` does it for all of them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, Protocol, TypeAlias, runtime_checkable

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.folder import Overlay
from anacostia_blockchain.types import Progress

Source: TypeAlias = Path | Overlay | BinaryIO
"""What can be put: a file or folder, a folder with files added to it, a stream of bytes."""


@dataclass(frozen=True, slots=True)
class Pin:
    """A promise to keep `cid` and all that it links to, under a name of the user's choice.

    Attributes:
        created_at: None where the store does not keep it.
    """

    cid: CID
    name: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class Stat:
    """What a CID stands for.

    Attributes:
        size: bytes of file content, without the nodes around it.
        files: number of files; 1 for a file.
    """

    cid: CID
    size: int
    files: int
    is_directory: bool


@runtime_checkable
class Store(Protocol):
    """Content by CID; see `storage.local.LocalStore` for the embedded one.

    Every method may raise `StorageError`: `NotFoundError` for content that is not held,
    `StoreFullError`, `StoreBusyError`; `IntegrityError` if held bytes are not those of their CID.
    """

    def put(self, source: Source, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import a file, a folder or a stream and pin it under `name`; all of it, or nothing.

        Raises:
            UnsupportedFileError: the folder holds a symlink, device or unusable name.
            FileChangedError: a file changed while it was read.
        """
        ...

    def put_car(self, stream: BinaryIO, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import a CAR with one root, every block verified, and pin the root under `name`.

        Raises:
            FormatError: not a CAR, more than one root, a block missing or not UnixFS.
            IntegrityError: a block's bytes are not those of its CID.
        """
        ...

    def get(self, cid: CID, target: Path, *, progress: Progress | None = None) -> Path:
        """Write a file or folder to `target`, each block verified before it is written.

        An interrupted call leaves `<target>.part`, and the next one goes on from there.
        `target` appears only when it is complete; one that already holds `cid` is left alone.

        Raises:
            StorageError: `target` exists and holds something else.
        """
        ...

    def open(self, cid: CID, path: str = "") -> BinaryIO:
        """Open a file, or the file at `path` below a directory; reads are verified, seekable."""
        ...

    def block(self, cid: CID) -> bytes:
        """Return one block, verified."""
        ...

    def has(self, cid: CID) -> bool:
        """Say whether the content is held in full."""
        ...

    def pin(self, cid: CID, name: str = "") -> None:
        """Keep content that is held; a CID may be pinned under several names."""
        ...

    def unpin(self, cid: CID, name: str | None = None) -> None:
        """Drop the pin of that name, or all pins of the CID; no pin, no error."""
        ...

    def pins(self, name: str | None = None) -> Iterator[Pin]:
        """List pins, oldest first where their times are known; only those of one name, if given."""
        ...

    def delete(self, cid: CID) -> None:
        """Unpin `cid` and free what no pin reaches any more.

        What another pin still reaches stays, `cid` itself included.
        """
        ...

    def stat(self, cid: CID) -> Stat:
        """Count the files and bytes of a CID."""
        ...

    def export_car(self, cid: CID, stream: BinaryIO) -> None:
        """Write a CARv1: root `cid`, each block once, in depth-first order, verified."""
        ...
