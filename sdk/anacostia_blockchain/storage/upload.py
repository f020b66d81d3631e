"""Upload blocks while they are made: one request, in constant memory, whole or not at all."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from queue import Empty, Full, Queue
from typing import TypeAlias, cast

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import FormatError, StoreUnavailableError
from anacostia_blockchain.storage.dag import children
from anacostia_blockchain.storage.http import Service
from anacostia_blockchain.storage.seen import Seen

_WAITING = 8
"""Blocks that wait to be sent, at most."""

_PULSE = 0.2
"""Seconds between two looks at whether the other side is still there."""

_PATIENCE = 600.0
"""Seconds to wait for the answer, after all is sent: the service reads it all again."""

_SLICE = 1 << 16
"""Bytes of a block that are handed on at once, and copied: so few stay in the processor's cache."""


@dataclass(frozen=True, slots=True)
class _Block:
    """A block to send.

    Attributes:
        sent: set when `data` is not needed any more; whoever added a large block waits for it.
    """

    cid: CID
    data: bytes | memoryview
    sent: threading.Event = field(default_factory=threading.Event)

    def slices(self) -> Iterator[bytes | memoryview]:
        head, size = car.section_head(self.cid, len(self.data)), len(self.data)
        if size <= _SLICE:
            yield head + self.data
        else:
            yield head
            view = memoryview(self.data)
            for at in range(0, size, _SLICE):
                yield view[at : at + _SLICE]
        self.sent.set()


_Piece: TypeAlias = _Block | CID


class _AbortedError(Exception):
    """The upload is given up; what was sent ends in the middle, so that it cannot be taken."""


class ArchiveUpload:
    """A multipart upload of two CARs: first the blocks, under no root, then the root alone.

    The root of what is still being hashed is not known before its end, and a CAR's header stands at
    its beginning. A service that reads several archives in one request pins what the last one says.

    Leaving the `with` block with an error breaks the upload off.

    Args:
        service: where to.
        path: on that service.
        params: query of the request.
        root: if it is known before; then there is one CAR, with it in its header.

    Attributes:
        empty: whether a block without bytes was among those sent.
    """

    def __init__(
        self,
        service: Service,
        path: str,
        params: Mapping[str, str],
        *,
        root: CID | None = None,
    ) -> None:
        self._service = service
        self._request = path, params
        self._root = root
        self._queue: Queue[_Piece] = Queue(_WAITING)
        self._boundary = secrets.token_hex(16)
        self._aborted = False
        self.empty = False
        self._answer = b""
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._send, name="upload", daemon=True)

    def __enter__(self) -> ArchiveUpload:
        self._thread.start()
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if self._thread.is_alive():
            self._aborted = True
            self._thread.join(timeout=_PATIENCE)

    def add(self, cid: CID, block: bytes | memoryview) -> None:
        """Send a block; its bytes are not needed any more when this returns. From any thread.

        Raises:
            StorageError: the service has refused, or is gone.
        """
        self.empty = self.empty or not block
        if len(block) <= _SLICE or isinstance(block, bytes):
            self._put(_Block(cid, bytes(block)))
            return
        piece = _Block(cid, block)
        self._put(piece)
        while not piece.sent.wait(_PULSE):
            self._check()

    def finish(self, root: CID) -> bytes:
        """Name the root; returns the service's answer.

        Raises:
            StorageError: the service has refused, or is gone.
        """
        self._put(root)
        self._thread.join()
        if self._error is not None:
            raise self._error
        return self._answer

    def _put(self, piece: _Piece) -> None:
        while True:
            self._check()
            try:
                self._queue.put(piece, timeout=_PULSE)
            except Full:
                continue
            return

    def _check(self) -> None:
        if self._error is not None:
            raise self._error
        if not self._thread.is_alive():
            raise StoreUnavailableError(f"{self._service.host} answered before it had read all")

    def _send(self) -> None:
        path, params = self._request
        kind = f"multipart/form-data; boundary={self._boundary}"
        try:
            with (
                self._service.open(
                    "POST",
                    path,
                    params=params,
                    data=cast("Iterator[bytes]", self._body()),  # or any buffers
                    headers={"Content-Type": kind},
                    timeout=_PATIENCE,
                ) as answer,
                self._service.typed(),
            ):
                self._answer = self._service.read(answer)
        except _AbortedError:
            pass
        except BaseException as error:  # noqa: BLE001 - raised where the caller is
            self._error = error

    def _body(self) -> Iterator[bytes | memoryview]:
        yield self._part("blocks") + (car.header(self._root) if self._root else car.header())
        while not isinstance(piece := self._next(), CID):
            yield from piece.slices()
        if self._root is None:
            yield b"\r\n" + self._part("root") + car.header(piece)
        yield f"\r\n--{self._boundary}--\r\n".encode()

    def _next(self) -> _Piece:
        while not self._aborted:
            try:
                return self._queue.get(timeout=_PULSE)
            except Empty:
                continue
        raise _AbortedError

    def _part(self, name: str) -> bytes:
        return (
            f"--{self._boundary}\r\n"
            f'Content-Disposition: form-data; name="{name}"; filename="{name}.car"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()


class UploadSink:
    """Sends what is hashed; `hashing.Sink`."""

    def __init__(self, upload: ArchiveUpload, seen: Seen) -> None:
        self.held = seen.held
        self._upload = upload

    def leaf(self, path: str, offset: int, cid: CID, data: memoryview) -> None:
        """Send a leaf, whatever file it is of."""
        del path, offset
        self._upload.add(cid, data)

    def node(self, cid: CID, block: bytes) -> None:
        """Send a node."""
        self._upload.add(cid, block)


def send_complete(archive: car.Car, upload: ArchiveUpload, holds: Callable[[CID], bool]) -> None:
    """Send an archive's blocks, and see that with what the service holds nothing is missing.

    Raises:
        FormatError: a block is missing below the root, or one is no UnixFS.
        IntegrityError: a block is not what its CID says.
    """
    sent: set[bytes] = set()
    linked = {archive.root.digest: archive.root}
    for cid, block in archive.blocks():
        for child in children(cid, block):  # decoded here: whatever is stored can be read
            linked.setdefault(child.digest, child)
        sent.add(cid.digest)
        upload.add(cid, block)
    for digest, cid in linked.items():
        if digest not in sent and not holds(cid):
            raise FormatError(f"CAR: block {cid} is missing below its root {archive.root}")
