"""The embedded store: content in a folder of this machine, without a server."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID, DAG_PB
from anacostia_blockchain.content.dagpb import decode
from anacostia_blockchain.content.digests import DigestCache, FileDigest
from anacostia_blockchain.content.folder import Overlay, import_source
from anacostia_blockchain.content.hashing import Hasher
from anacostia_blockchain.errors import ConfigError, FormatError, NotFoundError, StorageError
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.base import Pin, Source, Stat
from anacostia_blockchain.storage.disk import typed_errors
from anacostia_blockchain.storage.export import write_out
from anacostia_blockchain.storage.incoming import Incoming, add_pin
from anacostia_blockchain.storage.packs import PackReaders, Packs
from anacostia_blockchain.types import Progress


class LocalStore:
    """Content in a folder; crash-safe, shared by processes, verified on every read.

    A block is kept once, whatever holds it: a second version of which little changed costs little.

    Args:
        folder: made when something is first put.
        patience: seconds to wait for another process that holds the store.
        digests: of files that were put before, so that `put` reads only what changed.

    Raises:
        ConfigError: there is a file at that place.

    Attributes:
        completes: `put_car` takes an archive without the blocks that are held already.

    Example:
        >>> import io, tempfile
        >>> store = LocalStore(Path(tempfile.mkdtemp()))
        >>> cid = store.put(io.BytesIO(b"hello world"))
        >>> store.open(cid).read()
        b'hello world'
    """

    completes = True

    def __init__(
        self, folder: Path | str, *, patience: float = 60, digests: DigestCache | None = None
    ) -> None:
        self.folder = Path(folder)
        if os.path.isfile(self.folder):  # noqa: PTH113 - which never raises
            raise ConfigError(f"{folder} is a file: name a folder, or another place, for a store")
        self._digests = digests
        self._packs = Packs(self.folder, patience)

    def __repr__(self) -> str:
        return f"LocalStore({str(self.folder)!r})"

    def probe(self) -> str:
        """What is there, in a few words; that it can be written to is tried, and leaves nothing.

        Raises:
            StorageError: it cannot be written to, or its index cannot be read.
        """
        there = next(filter(os.path.exists, (self.folder, *self.folder.absolute().parents)))
        try:
            with tempfile.TemporaryFile(dir=there) as file:
                file.write(b"x")
                file.flush()
            free = shutil.disk_usage(there).free
        except OSError as error:
            raise StorageError(f"{self.folder} cannot be written to: {error.strerror}") from error
        return f"{sum(1 for _ in self.pins())} pins, {free / 1e9:,.1f} GB free"

    # ------------------------------------------------------------------ write

    def put(self, source: Source, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import a file, a folder or a stream and pin it; see `Store.put`."""
        with self._packs.incoming() as incoming:
            sink = self._sink(incoming)
            if isinstance(source, Path | Overlay):
                cid, _ = import_source(source, sink=sink, progress=progress, digests=self._digests)
            else:
                cid = Hasher(sink, progress).cid(source)
            incoming.commit(cid, name)
        return cid

    def _sink(self, incoming: Incoming) -> LocalSink:
        return LocalSink(incoming)

    def put_car(self, stream: BinaryIO, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import a CAR and pin its root; see `Store.put_car`."""
        archive = car.Car.read(stream, progress)
        root = archive.root
        with self._packs.incoming() as incoming:
            for cid, block in archive.blocks():
                if cid.codec == DAG_PB:
                    decode(block)  # whatever is stored can be read
                incoming.add(cid, block)
            missing = _missing(incoming, root)
            if missing is not None:
                raise FormatError(f"CAR: block {missing} is missing below its root {root}")
            incoming.commit(root, name)
        return root

    # ------------------------------------------------------------------ read

    def block(self, cid: CID) -> bytes:
        """One block, verified.

        Raises:
            NotFoundError: it is not held.
            IntegrityError: it is damaged.
        """
        return self._packs.block(cid)

    def get(self, cid: CID, target: Path, *, progress: Progress | None = None) -> Path:
        """Write a file or folder to `target`; see `Store.get`."""
        total = self.stat(cid).size if progress is not None else None
        with typed_errors(target.parent):
            return write_out(
                self.block,
                cid,
                target,
                progress=progress,
                total=total,
                readers=PackReaders(self._packs),
            )

    def open(self, cid: CID, path: str = "") -> BinaryIO:
        """Open a file, or one below a directory; see `Store.open`."""
        return dag.open_file(self.block, dag.lookup(self.block, cid, path))

    def has(self, cid: CID) -> bool:
        """Say whether the content is held in full; leaves by the index, without reading them."""
        return _missing(self._packs, cid) is None

    def stat(self, cid: CID) -> Stat:
        """Count the files and bytes of a CID."""
        return dag.measure(self.block, cid, self._packs.size)

    def export_car(self, cid: CID, stream: BinaryIO) -> None:
        """Write a CARv1; see `Store.export_car`."""
        stream.write(car.header(cid))
        for found, block in dag.blocks(self.block, cid):
            car.write_block(stream, found, block)

    # ------------------------------------------------------------------ pins

    def pin(self, cid: CID, name: str = "") -> None:
        """Keep content that is held.

        Raises:
            NotFoundError: it is not held in full.
        """
        with self._packs.steady():
            missing = _missing(self._packs, cid)
            if missing is not None:
                raise NotFoundError(f"{cid} cannot be pinned: {missing} is not in {self.folder}")
            with self._packs.index() as index:
                add_pin(index, cid, name)

    def unpin(self, cid: CID, name: str | None = None) -> None:
        """Drop one pin, or all pins, of a CID."""
        with self._packs.index() as index:
            index.execute(
                "DELETE FROM pin WHERE cid = ? AND name = coalesce(?, name)", (cid.bytes, name)
            )

    def pins(self, name: str | None = None) -> Iterator[Pin]:
        """List pins, oldest first."""
        query = "SELECT * FROM pin WHERE name = coalesce(?, name) ORDER BY created_at, rowid"
        if not self._packs.exists():
            return
        with self._packs.index() as index:
            rows = index.execute(query, (name,)).fetchall()
        for cid, pin_name, created_at in rows:
            yield Pin(CID.from_bytes(cid), pin_name, datetime.fromtimestamp(created_at, UTC))

    def delete(self, cid: CID) -> None:
        """Unpin `cid` and free what no pin reaches any more."""
        with self._packs.alone():
            self.unpin(cid)
            self._packs.sweep(self._reached)

    def gc(self) -> int:
        """Free what no pin reaches; returns the number of bytes.

        Raises:
            IntegrityError, NotFoundError: a pinned directory cannot be read, so that it is not
                known what it reaches; nothing was freed.
        """
        with self._packs.alone():
            return self._packs.sweep(self._reached)

    def _reached(self, index: sqlite3.Connection) -> Iterator[bytes]:
        """Digests of all that the pins reach."""
        roots = [CID.from_bytes(row[0]) for row in index.execute("SELECT DISTINCT cid FROM pin")]
        seen: set[bytes] = set()
        while roots:
            cid = roots.pop()
            if cid.digest in seen:
                continue
            yield cid.digest
            if cid.codec == DAG_PB:
                seen.add(cid.digest)
                roots.extend(dag.children(cid, self.block(cid)))


class LocalSink:
    """Hands what is hashed to an import."""

    def __init__(self, incoming: Incoming) -> None:
        self._incoming = incoming

    def leaf(self, path: str, offset: int, cid: CID, data: memoryview) -> None:
        """Take a leaf."""
        del path, offset
        self._incoming.add(cid, data)

    def node(self, cid: CID, block: bytes) -> None:
        """Take a node."""
        self._incoming.add(cid, block)

    def held(self, files: Sequence[FileDigest]) -> set[CID]:
        """Files of which every block is there."""
        cids = {file.cid for file in files}
        return {cid for cid in cids if _missing(self._incoming, cid) is None}


def _missing(held: Incoming | Packs, root: CID) -> CID | None:
    """The first block below a root that is not held; None if all are."""
    seen: set[bytes] = set()
    pending = [root]
    while pending:
        cid = pending.pop()
        if cid.digest in seen:
            continue
        if not held.holds(cid):
            return cid
        if cid.codec == DAG_PB:
            seen.add(cid.digest)
            pending.extend(dag.children(cid, held.block(cid)))
    return None
