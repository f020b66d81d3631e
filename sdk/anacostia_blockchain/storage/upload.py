"""Upload content while it is hashed: one request, in constant memory, whole or not at all.

`http.client` below: whoever has hashed a block hands it to the socket itself, from the memory in
which it was hashed. Between two threads it would cost the processor as much again.
"""

from __future__ import annotations

import secrets
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException, HTTPResponse
from typing import Self
from urllib.parse import urlencode

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import FormatError, StorageError, StoreUnavailableError
from anacostia_blockchain.storage.dag import children
from anacostia_blockchain.storage.http import Service
from anacostia_blockchain.storage.kept import connection_to
from anacostia_blockchain.storage.seen import Seen

_PATIENCE = 600.0
"""Seconds to wait for the answer, after all is sent: the service may read it all again."""

_SMALL = 1 << 16
"""Bytes of a block that is sooner copied than sent by itself."""

_MAX_ANSWER = 1 << 20


class Upload(ABC):
    """A multipart upload.

    Leaving the `with` block before `finish` breaks it off in the middle, where it cannot be taken.

    Args:
        service: where to.
        path: on that service.
        params: query of the request.
        patience: seconds to wait for the answer, after all is sent.
    """

    def __init__(
        self,
        service: Service,
        path: str,
        params: Mapping[str, str],
        *,
        patience: float = _PATIENCE,
    ) -> None:
        self._service = service
        self._patience = patience
        self._all_sent = False
        self._query = f"{path}?{urlencode(params)}"
        self._boundary = secrets.token_hex(16)
        self._connection, self._base = connection_to(service)
        self._error: StorageError | None = None
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        with self._sending():
            self._connection.putrequest("POST", self._base + self._query)
            for name, value in {
                **self._service.credentials(),
                "Content-Type": f"multipart/form-data; boundary={self._boundary}",
                "Transfer-Encoding": "chunked",
            }.items():
                self._connection.putheader(name, value)
            self._connection.endheaders()
            self._send(self._begin())
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    @abstractmethod
    def _begin(self) -> bytes:
        """What goes before everything."""

    def _add(self, head: bytes, data: bytes | memoryview) -> None:
        with self._sending():
            self._send(head, data)

    def _end(self, last: bytes) -> bytes:
        """Send the last of it; returns the service's answer."""
        with self._sending():
            self._send(last + f"\r\n--{self._boundary}--\r\n".encode())
            self._connection.send(b"0\r\n\r\n")
            self._all_sent = True
            return self._answer()

    @contextmanager
    def _sending(self) -> Iterator[None]:
        """One thread at a time; and when one has failed, all have."""
        with self._lock:
            if self._error is not None:
                raise self._error
            try:
                yield
            except (OSError, HTTPException) as error:
                self._error = self._reason(error)
                self._connection.close()
                raise self._error from error
            except StorageError as error:
                self._error = error
                raise

    def _send(self, head: bytes, block: bytes | memoryview = b"") -> None:
        """Send one chunk, as HTTP has it."""
        size = len(head) + len(block)
        if not size:
            return
        head = b"%x\r\n%b" % (size, head)
        if len(block) <= _SMALL:
            self._connection.send(b"".join((head, block, b"\r\n")))
        else:
            for piece in (head, block, b"\r\n"):
                self._connection.send(piece)

    def _answer(self) -> bytes:
        self._connection.sock.settimeout(self._patience)
        with self._connection.getresponse() as answer:
            text = self._read(answer)
        if not 200 <= answer.status < 300:
            self._service.refuse(answer.status, text)
        return text

    def _read(self, answer: HTTPResponse) -> bytes:
        text = answer.read(_MAX_ANSWER)
        if answer.read(1):
            raise StoreUnavailableError(f"{self._service.host} answers without end")
        return text

    def _reason(self, error: OSError | HTTPException) -> StorageError:
        """Why the service has hung up, which it may have said before."""
        host = self._service.host
        if isinstance(error, TimeoutError):
            return StoreUnavailableError(f"{host} {self._silence()}")
        try:
            if isinstance(error, BrokenPipeError | ConnectionResetError):
                self._answer()
        except StorageError as refusal:
            return refusal
        except (OSError, HTTPException, AttributeError):
            pass
        return StoreUnavailableError(
            f"{host} cannot be reached, or broke off ({type(error).__name__})"
        )

    def _silence(self) -> str:
        """What has been waited for, and where to look: some services wait for ever for a node."""
        look = "look at its log, and whether a disk of it or of its node is full"
        if self._all_sent:
            return f"has taken all, and not answered for {self._patience:g} s: {look}"
        return f"has taken nothing more for {self._service.timeout:g} s: {look}"

    def _part(self, name: str) -> bytes:
        return (
            f"--{self._boundary}\r\n"
            f'Content-Disposition: form-data; name="{name}"; filename="{name}"\r\n'
            "Content-Type: application/octet-stream\r\n\r\n"
        ).encode()


class FileUpload(Upload):
    """An upload of one file."""

    def write(self, data: bytes | memoryview) -> None:
        """Send the next bytes; they are not needed any more when this returns.

        Raises:
            StorageError: the service has refused, or is gone.
        """
        self._add(b"", data)

    def finish(self) -> bytes:
        """End the file; returns the service's answer.

        Raises:
            StorageError: the service has refused, or is gone.
        """
        return self._end(b"")

    def _begin(self) -> bytes:
        return self._part("file")


class ArchiveUpload(Upload):
    """An upload of two CARs: first the blocks, under no root, in any order, then the root alone.

    The root of what is still being hashed is not known before its end, and a CAR's header stands at
    its beginning. A service that reads several archives in one request pins what the last one says.

    Args:
        service: where to.
        path: on that service.
        params: query of the request.
        root: if it is known before; then there is one CAR, with it in its header.
        patience: seconds to wait for the answer, after all is sent.

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
        patience: float = _PATIENCE,
    ) -> None:
        super().__init__(service, path, params, patience=patience)
        self._root = root
        self.empty = False

    def add(self, cid: CID, block: bytes | memoryview) -> None:
        """Send a block; its bytes are not needed any more when this returns. From any thread.

        Raises:
            StorageError: the service has refused, or is gone.
        """
        self.empty = self.empty or not block
        self._add(car.section_head(cid, len(block)), block)

    def finish(self, root: CID) -> bytes:
        """Name the root; returns the service's answer.

        Raises:
            StorageError: the service has refused, or is gone.
        """
        return self._end(b"" if self._root else b"\r\n" + self._part("root.car") + car.header(root))

    def _begin(self) -> bytes:
        header = car.header(self._root) if self._root else car.header()
        return self._part("blocks.car") + header


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
