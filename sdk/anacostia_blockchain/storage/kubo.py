"""A Kubo node by its RPC API; also what speaks a part of that API, such as Filebase.

Through `ipfshttpclient` goes what it serves: one question, one answer (version, id, block put, pin
add and rm, swarm connect). Natively go beside it:

- `dag/import` and `add`: it sends a file that is there; here what is sent is hashed in one pass.
  And it takes status 200 for success, which Kubo also gives when it could not pin.
- `pin/ls`: it reads the answer in one piece, and knows no names; a node may have a million pins.
- `pin/add` over the network: it reports no progress, so that a slow transfer looks like a dead one.
- `block/get` and `block/stat`: it puts a block together from many small pieces, takes one of any
  size, and needs milliseconds for a question that is asked about every block.
- `repo/gc`: it hangs up before the node is done, or keeps the list of all that was removed.

Its `connect()` refuses every node newer than 0.7, so it is not used. Its `cat`, `get` and
`dag.export` verify nothing, and are not used either: content is read block by block.
"""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.digests import DigestCache, FileDigest
from anacostia_blockchain.content.folder import Overlay, import_source
from anacostia_blockchain.content.hashing import Hasher
from anacostia_blockchain.errors import (
    AccessDeniedError,
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
)
from anacostia_blockchain.storage.base import Pin, Source
from anacostia_blockchain.storage.http import READ_TIMEOUT
from anacostia_blockchain.storage.kubo_add import NewFiles
from anacostia_blockchain.storage.kubo_blocks import KuboBlocks
from anacostia_blockchain.storage.kubo_rpc import API, KuboRpc
from anacostia_blockchain.storage.names import NamedPins, check_pin_name, split_names
from anacostia_blockchain.storage.seen import PROBES, RARELY, Seen
from anacostia_blockchain.storage.upload import ArchiveUpload, UploadSink, send_complete
from anacostia_blockchain.types import Progress

DEFAULT_URL = "http://127.0.0.1:5001"

_SMALL = 1 << 16
"""Bytes of a block that is sent sooner than asked about."""


class KuboStore(NamedPins, KuboBlocks):
    """Content on a Kubo node.

    What the node does not hold it may get from its peers; every block is verified here, so neither
    is trusted. The node receives blocks, or a large new file that it has to cut as it is cut here;
    its answer must name the CID that was computed here.

    Args:
        url: of the RPC API.
        token: sent as a bearer token, as `API.Authorizations` of the node or a provider asks for.
        patience: seconds to wait for the node's peers to deliver a block that it does not hold;
            0: only what the node holds itself.
        digests: of files that were put before, so that `put` reads and sends only what changed.

    Attributes:
        completes: `put_car` takes an archive without the blocks that are held already.

    Raises:
        ConfigError: the URL is none, or ipfshttpclient is not installed.

    Example:
        >>> store = KuboStore("http://127.0.0.1:5001")  # doctest: +SKIP
        >>> store.put(Path("model"), name="digits")  # doctest: +SKIP
    """

    completes = True

    def __init__(
        self,
        url: str = DEFAULT_URL,
        *,
        token: str | None = None,
        patience: float = 30,
        digests: DigestCache | None = None,
    ) -> None:
        super().__init__(KuboRpc(url, token, timeout=max(READ_TIMEOUT, 2 * patience)), patience)
        self._seen = Seen(digests, repr(self), lambda root: self.names_of(root) is not None)
        self._new = NewFiles(self._rpc, self)

    @property
    def host(self) -> str:
        """Host and port of the node."""
        return self._rpc.service.host

    def __repr__(self) -> str:
        return f"KuboStore({self._rpc.service.url!r})"

    # ------------------------------------------------------------------ the node

    def version(self) -> str:
        """Version of the node's software."""
        return self._rpc.ask(lambda client: client.version()).text("Version")

    def probe(self) -> str:
        """What answers, in a few words."""
        return f"Kubo {self.version()}"

    def addresses(self) -> list[str]:
        """Multiaddresses of the node, with its identity, at which others fetch from it."""
        return self._rpc.ask(lambda client: client.id()).texts("Addresses")

    def connect(self, address: str) -> None:
        """Connect the node to a peer by its multiaddress."""
        self._rpc.ask(lambda client: client.swarm.connect(address))

    # ------------------------------------------------------------------ write

    def put(self, source: Source, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import a file, a folder or a stream and pin it; see `Store.put`.

        It is read once: blocks go to the node as they are hashed, those that it holds do not.
        """
        check_pin_name(name)
        if isinstance(source, Path) and self._new.suits(source):
            return self._add(source, name, progress)
        files: Iterable[FileDigest] = ()
        with self._upload() as upload:
            sink = _Sink(self, upload, self._seen)
            if isinstance(source, Path | Overlay):
                cid, files = import_source(
                    source, sink=sink, progress=progress, digests=self._seen.digests
                )
            else:
                cid = Hasher(sink, progress).cid(source)
            self._finish(upload, cid, name)
        self._seen.keep(cid, files)
        return cid

    def _add(self, file: Path, name: str, progress: Progress | None) -> CID:
        """Put a large file of which the node has nothing."""
        digests = self._seen.digests
        with self._new.upload(name) as upload:
            cid, files = import_source(
                file, progress=progress, digests=digests, follow=upload.write
            )
            text = self.text_with(cid, name)
            added = self._new.added(upload.finish())
        if added != [str(cid)]:
            self._undo(added, name)
            raise IntegrityError(f"{self.host} answered {added}, not {cid}")
        if self.names_of(cid) != split_names(text):  # it says what it has before it pins it
            self.set_names(cid, text)
        self._seen.keep(cid, files)
        return cid

    def _undo(self, added: list[str], name: str) -> None:
        """Unpin what arrived otherwise than it was sent, if it was pinned just now."""
        for cid in added:
            with suppress(StorageError, FormatError):
                if self.names_of(CID.parse(cid)) == [name]:
                    self.drop(CID.parse(cid))

    def put_car(self, stream: BinaryIO, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import a CAR and pin its root; see `Store.put_car`."""
        check_pin_name(name)
        archive = car.Car.read(stream, progress)
        root = archive.root
        with self._upload() as upload:
            # The node would look for a missing block on the network, for ever.
            send_complete(archive, upload, self.has)
            self._finish(upload, root, name)
        return root

    @contextmanager
    def _upload(self) -> Iterator[ArchiveUpload]:
        # With pin-roots the node collects no garbage until the root, which comes last, is pinned.
        options = {"pin-roots": "true", "silent": "false"}
        with ArchiveUpload(self._rpc.service, f"{API}/dag/import", options) as upload:
            yield upload

    def _finish(self, upload: ArchiveUpload, cid: CID, name: str) -> None:
        """End an import, which pins anew: without the names that a pin had before."""
        text = self.text_with(cid, name)
        self._check_pinned(cid, upload.finish(cid))
        if text:
            self.set_names(cid, text)

    def _check_pinned(self, cid: CID, answer: bytes) -> None:
        """The node's answer to an import: each root, and why it could not be pinned."""
        lines = self._rpc.lines(answer)
        roots = [entry.fields("Root") for entry in lines if "Root" in entry]
        for root in roots:
            if reason := root.text("PinErrorMsg", ""):
                raise self._rpc.failure(f"{cid} was not pinned: {reason}")
        found = [root.fields("Cid").text("/") for root in roots]
        if found != [str(cid)]:
            raise IntegrityError(f"{self.host} answered {found}, not {cid}")

    # ------------------------------------------------------------------ pins

    def pin(self, cid: CID, name: str = "") -> None:
        """Keep content; what the node does not hold it fetches from its peers.

        Raises:
            NotFoundError: nothing arrived for `patience` seconds.
        """
        if self.names_of(cid) is None:
            self._fetch_and_pin(cid)
        self.add_name(cid, name)

    def _fetch_and_pin(self, cid: CID) -> None:
        empty = {"cid-codec": "raw"}  # which no peer could send
        self._rpc.ask(lambda client: client.block.put(io.BytesIO(), opts=empty))
        options = {"arg": str(cid), "progress": "true"}
        if not self._patience:
            options["offline"] = "true"
        with self._rpc.post("pin/add", options) as answer:
            arrived, since = -1, time.monotonic()
            for entry in self._rpc.each(answer):
                if entry.texts("Pins") == [str(cid)]:
                    return
                if (progress := entry.number("Progress", 0)) > arrived:
                    arrived, since = progress, time.monotonic()
                elif time.monotonic() - since > self._patience:
                    break
        raise NotFoundError(
            f"{cid} cannot be pinned: {self.host} does not hold it, and its peers did not "
            f"deliver it within {self._patience:g} s"
        )

    def drop(self, cid: CID) -> None:
        """Remove a pin."""
        self._rpc.ask(lambda client: client.pin.rm(str(cid)))

    def pins(self, name: str | None = None) -> Iterator[Pin]:
        """List pins. Those of CIDs that this package does not make are another program's."""
        options = {"type": "recursive", "names": "true", "stream": "true"}
        for cid, names in self._listed(options | ({"name": name} if name else {})):
            for found in names:
                if name is None or found == name:
                    yield Pin(cid, found, None)

    def delete(self, cid: CID) -> None:
        """Unpin `cid`, and let the node collect its garbage.

        That frees whatever neither a pin nor the node's own files (MFS) reach. A provider that does
        this by itself does not offer it, which is no error.
        """
        self.unpin(cid)
        try:
            with self._rpc.post("repo/gc", {"quiet": "true"}) as answer:
                for _ in answer.iter_content(1 << 16):
                    pass
        except (AccessDeniedError, NotFoundError):
            pass

    def names_of(self, cid: CID) -> list[str] | None:
        """Names of a CID's pin; None if it is not pinned."""
        options = {"type": "recursive", "names": "true", "stream": "true", "arg": str(cid)}
        try:
            return next((names for found, names in self._listed(options) if found == cid), None)
        except StorageError as error:
            if "is not pinned" in str(error):
                return None
            raise

    def _listed(self, options: Mapping[str, str]) -> Iterator[tuple[CID, list[str]]]:
        with self._rpc.post("pin/ls", options) as answer:
            for entry in self._rpc.each(answer):
                # Who speaks a part of the API alone may not stream, and names all in one object.
                at_once = "Keys" in entry
                found = entry.fields("Keys").objects() if at_once else [(entry.text("Cid"), entry)]
                for text, pin in found:
                    with suppress(FormatError):
                        yield CID.parse(text), split_names(pin.text("Name", ""))

    def set_names(self, cid: CID, text: str) -> None:
        """Pin anew, under another name; the content is held, so nothing is looked for."""
        options = {"name": text, "offline": "true"}
        pinned = self._rpc.ask(lambda client: client.pin.add(str(cid), opts=options))
        if pinned.texts("Pins") != [str(cid)]:
            raise IntegrityError(f"{self.host} pinned {pinned.texts('Pins')}, not {cid}")


class _Sink(UploadSink):
    """Sends what is hashed, without large blocks that the node holds already.

    It asks for every leaf as long as some are there. After some that were not, only now and then,
    because a question costs more than it saves when all is new.
    """

    def __init__(self, store: KuboStore, upload: ArchiveUpload, seen: Seen) -> None:
        super().__init__(upload, seen)
        self._store = store
        self._misses = 0

    def leaf(self, path: str, offset: int, cid: CID, data: memoryview) -> None:
        ask = self._misses < PROBES or not self._misses % RARELY
        if len(data) >= _SMALL and ask and self._store.holds_block(cid):
            self._misses = 0
        else:
            self._misses += 1
            super().leaf(path, offset, cid, data)
