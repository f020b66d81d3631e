"""A Kubo node by its RPC API; also what speaks a part of that API, such as Filebase.

Through `ipfshttpclient` goes what it serves: one question, one answer (version, id, block get and
stat, pin add and rm). Natively go beside it:

- `dag/import`: it sends a file that is there; here the archive is made while the content is hashed.
  And it takes status 200 for success, which Kubo also gives when it could not pin.
- `pin/ls`: it reads the answer in one piece, and knows no names; a node may have a million pins.
- `pin/add` over the network: it reports no progress, so that a slow transfer looks like a dead one.
- `repo/gc`: it hangs up before the node is done, or keeps the list of all that was removed.

Its `connect()` refuses every node newer than 0.7, so it is not used. Its `cat`, `get` and
`dag.export` verify nothing, and are not used either: content is read block by block.
"""

from __future__ import annotations

import time
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

import requests

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID, DAG_PB
from anacostia_blockchain.content.folder import Overlay, scan
from anacostia_blockchain.content.hashing import Hasher
from anacostia_blockchain.errors import (
    AccessDeniedError,
    ConfigError,
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreFullError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.base import Pin, Source
from anacostia_blockchain.storage.http import CONNECT_TIMEOUT, READ_TIMEOUT, Service
from anacostia_blockchain.storage.reading import BlockReader
from anacostia_blockchain.storage.upload import ArchiveUpload, send_complete
from anacostia_blockchain.types import Progress

if TYPE_CHECKING:
    import ipfshttpclient

DEFAULT_URL = "http://127.0.0.1:5001"

_API = "/api/v0"
_NAMES = "\t"
"""Stands between the names of a pin: Kubo keeps one name for each CID, of at most 255 bytes."""

_MAX_NAMES = 255
_MISSING = ("could not find", "not found", "deadline exceeded", "context canceled", "timed out")
_PROBES = 8


class KuboStore(BlockReader):
    """Content on a Kubo node.

    What the node does not hold it may get from its peers; every block is verified here, so neither
    is trusted. The node is not told how to cut files: it receives blocks, and its answer must name
    the CID that was computed here.

    Args:
        url: of the RPC API.
        token: sent as a bearer token, as `API.Authorizations` of the node or a provider asks for.
        patience: seconds to wait for the node's peers to deliver a block that it does not hold;
            0: only what the node holds itself.

    Raises:
        ConfigError: the URL is none, or ipfshttpclient is not installed.

    Example:
        >>> store = KuboStore("http://127.0.0.1:5001")  # doctest: +SKIP
        >>> store.put(Path("model"), name="digits")  # doctest: +SKIP
    """

    def __init__(
        self, url: str = DEFAULT_URL, *, token: str | None = None, patience: float = 30
    ) -> None:
        self._service = Service(
            url, token=token, timeout=max(READ_TIMEOUT, 2 * patience), explain=self._explain
        )
        self._patience = patience
        self.has_stat = True
        self._client = _client(url, token, self._service.timeout)

    def __repr__(self) -> str:
        return f"KuboStore({self._service.url!r})"

    # ------------------------------------------------------------------ the node

    def version(self) -> str:
        """Version of the node's software."""
        with self._typed():
            return str(self._client.version()["Version"])

    def addresses(self) -> list[str]:
        """Multiaddresses of the node, with its identity, at which others fetch from it."""
        with self._typed():
            return [str(address) for address in self._client.id()["Addresses"]]

    def connect(self, address: str) -> None:
        """Connect the node to a peer by its multiaddress."""
        with self._typed():
            self._client.swarm.connect(address)

    # ------------------------------------------------------------------ write

    def put(self, source: Source, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import a file, a folder or a stream and pin it; see `Store.put`.

        It is read once: blocks go to the node as they are hashed, those that it holds do not.
        """
        with self._upload() as upload:
            sink = _Sink(self, upload)
            if isinstance(source, Path | Overlay):
                cid = scan(source, sink=sink, progress=progress).cid
            else:
                cid = Hasher(sink, progress).stream(source).cid
            pinned = upload.finish(cid)
        self._check_pinned(cid, pinned)
        self._add_name(cid, name)
        return cid

    def put_car(self, stream: BinaryIO, *, name: str = "") -> CID:
        """Import a CAR and pin its root; see `Store.put_car`."""
        archive = car.Car.read(stream)
        root = archive.root
        with self._upload() as upload:
            # The node would look for a missing block on the network, for ever.
            send_complete(archive, upload, self.has)
            pinned = upload.finish(root)
        self._check_pinned(root, pinned)
        self._add_name(root, name)
        return root

    @contextmanager
    def _upload(self) -> Iterator[ArchiveUpload]:
        # With pin-roots the node collects no garbage until the root, which comes last, is pinned.
        options = {"pin-roots": "true", "silent": "false"}
        with ArchiveUpload(self._service, f"{_API}/dag/import", options) as upload:
            yield upload

    def _check_pinned(self, cid: CID, answer: bytes) -> None:
        """The node's answer to an import: each root, and why it could not be pinned."""
        roots = [entry["Root"] for entry in self._lines(answer) if "Root" in entry]
        for root in roots:
            if reason := root.get("PinErrorMsg"):
                raise self._failure(f"{cid} was not pinned: {reason}")
        found = [root.get("Cid", {}).get("/") for root in roots]
        if found != [str(cid)]:
            raise IntegrityError(f"{self._service.host} answered {found}, not {cid}")

    def _lines(self, answer: bytes) -> list[dict[str, Any]]:
        lines = [self._service.decode(line) for line in answer.splitlines() if line.strip()]
        if not all(isinstance(line, dict) for line in lines):
            raise StoreUnavailableError(f"{self._service.host} answered with something else")
        for line in lines:
            if line.get("Type") == "error":
                raise self._failure(str(line.get("Message")))
        return lines

    # ------------------------------------------------------------------ read

    def block(self, cid: CID) -> bytes:
        """One block, verified; from the node's peers if need be.

        Raises:
            NotFoundError: neither the node nor, within `patience`, a peer has it.
            IntegrityError: it is another block.
        """
        try:
            block = self._get(cid, offline="true")
        except NotFoundError:
            if not self._patience:
                raise
            block = self._get(cid, timeout=f"{self._patience:g}s")
        car.check_block(cid, block)
        return block

    def _get(self, cid: CID, **options: str) -> bytes:
        with self._typed():
            return bytes(self._client.block.get(str(cid), opts=options))

    def size_of(self, cid: CID) -> int:
        """Bytes of a block that the node holds."""
        size = self._held_size(cid)
        return size if size is not None else len(self.block(cid))

    def has(self, cid: CID) -> bool:
        """Say whether the node itself holds the content in full."""
        if self._names(cid) is not None:
            return True  # the node has seen all of it when it pinned it
        pending, seen = [cid], set[CID]()
        while pending:
            found = pending.pop()
            if found in seen:
                continue
            seen.add(found)
            if found.codec == DAG_PB:
                try:
                    pending.extend(dag.children(found, self._get(found, offline="true")))
                except NotFoundError:
                    return False
            elif self._held_size(found) is None:
                return False
        return True

    def holds_block(self, cid: CID) -> bool:
        """Whether the node holds a block; no, where it cannot say so without sending it."""
        return self.has_stat and self._held_size(cid) is not None

    def _held_size(self, cid: CID) -> int | None:
        """Bytes of a block that the node holds; None if it does not."""
        try:
            if not self.has_stat:
                return len(self._get(cid, offline="true"))
            with self._typed():
                return int(self._client.block.stat(str(cid), opts={"offline": "true"})["Size"])
        except NotFoundError:
            return None
        except AccessDeniedError:
            if not self.has_stat:
                raise
            self.has_stat = False  # Filebase, for one, does not offer it
            return self._held_size(cid)

    # ------------------------------------------------------------------ pins

    def pin(self, cid: CID, name: str = "") -> None:
        """Keep content; what the node does not hold it fetches from its peers.

        Raises:
            NotFoundError: nothing arrived for `patience` seconds.
        """
        names = self._names(cid)
        if names is None:
            self._fetch_and_pin(cid)
        self._add_name(cid, name)

    def _fetch_and_pin(self, cid: CID) -> None:
        options = {"arg": str(cid), "progress": "true"}
        if not self._patience:
            options["offline"] = "true"
        path = f"{_API}/pin/add"
        with self._service.open("POST", path, params=options) as answer, self._service.typed():
            arrived, since = -1, time.monotonic()
            for line in answer.iter_lines():
                entry = self._lines(line)[0]
                if entry.get("Pins") == [str(cid)]:
                    return
                if entry.get("Progress", 0) > arrived:
                    arrived, since = entry.get("Progress", 0), time.monotonic()
                elif time.monotonic() - since > self._patience:
                    break
        raise NotFoundError(
            f"{cid} cannot be pinned: {self._service.host} does not hold it, and its peers did not "
            f"deliver it within {self._patience:g} s"
        )

    def unpin(self, cid: CID, name: str | None = None) -> None:
        """Drop one pin, or all pins, of a CID."""
        names = self._names(cid)
        if names is None or (name is not None and name not in names):
            return
        rest = [kept for kept in names if name is not None and kept != name]
        if rest:
            self._rename(cid, rest)
        else:
            with self._typed():
                self._client.pin.rm(str(cid))

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
            with (
                self._service.open("POST", f"{_API}/repo/gc", params={"quiet": "true"}) as answer,
                self._service.typed(),
            ):
                for _ in answer.iter_content(1 << 16):
                    pass
        except (AccessDeniedError, NotFoundError):
            pass

    def _names(self, cid: CID) -> list[str] | None:
        """Names of a CID's pin; None if it is not pinned."""
        options = {"type": "recursive", "names": "true", "stream": "true", "arg": str(cid)}
        try:
            return next((names for found, names in self._listed(options) if found == cid), None)
        except StorageError as error:
            if "is not pinned" in str(error):
                return None
            raise

    def _listed(self, options: Mapping[str, str]) -> Iterator[tuple[CID, list[str]]]:
        path = f"{_API}/pin/ls"
        with self._service.open("POST", path, params=options) as answer, self._service.typed():
            for line in answer.iter_lines():
                for entry in self._lines(line):
                    try:
                        cid = CID.parse(str(entry.get("Cid")))
                    except FormatError:
                        continue
                    yield cid, str(entry.get("Name") or "").split(_NAMES)

    def _add_name(self, cid: CID, name: str) -> None:
        if _NAMES in name:
            raise StorageError("a pin's name on a Kubo node cannot hold a tab")
        names = self._names(cid) or []
        if names in ([], [""]):
            names = [name] if name else []
        elif name not in names:
            names.append(name)
        else:
            return
        if names:
            self._rename(cid, names)

    def _rename(self, cid: CID, names: Iterable[str]) -> None:
        joined = _NAMES.join(names)
        if len(joined.encode()) > _MAX_NAMES:
            raise StorageError(
                f"the names of {cid}'s pin are longer than the {_MAX_NAMES} bytes that a Kubo node "
                "keeps: unpin one, or choose a shorter one"
            )
        with self._typed():
            pinned = self._client.pin.add(str(cid), opts={"name": joined, "offline": "true"})
        if list(pinned["Pins"]) != [str(cid)]:
            raise IntegrityError(f"{self._service.host} pinned {pinned['Pins']}, not {cid}")

    # ------------------------------------------------------------------ errors

    @contextmanager
    def _typed(self) -> Iterator[None]:
        """Turn ipfshttpclient's errors into this package's."""
        from ipfshttpclient import exceptions  # noqa: PLC0415 - an extra

        try:
            yield
        except exceptions.ErrorResponse as error:
            raise self._failure(str(error.args[0])) from error
        except exceptions.StatusError as error:
            answer = getattr(error.original, "response", None)
            status = getattr(answer, "status_code", 0)
            text = f"{self._service.host} answered {status}"
            if status in (401, 403):
                raise AccessDeniedError(f"{text}: check the token") from error
            if status == 404:
                raise NotFoundError(f"{text}: it does not have this call") from error
            raise StoreUnavailableError(text) from error
        except exceptions.TimeoutError as error:
            raise StoreUnavailableError(f"{self._service.host} did not answer in time") from error
        except (exceptions.CommunicationError, requests.RequestException) as error:
            raise StoreUnavailableError(
                f"{self._service.host} cannot be reached, or broke off: is the node running?"
            ) from error
        except (exceptions.EncoderError, KeyError, TypeError, ValueError) as error:
            raise StoreUnavailableError(
                f"{self._service.host} answered with something else than Kubo would"
            ) from error

    def _failure(self, message: str) -> StorageError:
        return self._explain(message) or StorageError(f"{self._service.host}: {message}")

    def _explain(self, message: str) -> StorageError | None:
        """What Kubo's own words mean, which come with status 500 whatever they say."""
        text = f"{self._service.host}: {message}"
        if any(part in message for part in _MISSING):
            return NotFoundError(text)
        if "no space left" in message or "disk quota" in message:
            return StoreFullError(text)
        return StorageError(text) if "is not pinned" in message else None


class _Sink:
    """Sends what is hashed, without large blocks that the node holds already.

    It asks for every leaf as long as some are there. After some that were not, only now and then,
    because a question costs more than it saves when all is new.
    """

    def __init__(self, store: KuboStore, upload: ArchiveUpload) -> None:
        self._store = store
        self._upload = upload
        self._misses = 0

    def leaf(self, path: str, offset: int, cid: CID, data: memoryview) -> None:  # noqa: ARG002
        ask = self._misses < _PROBES or not self._misses % _PROBES
        if ask and self._store.holds_block(cid):
            self._misses = 0
        else:
            self._misses += 1
            self._upload.add(cid, data)

    def node(self, cid: CID, block: bytes) -> None:
        self._upload.add(cid, block)


def _client(url: str, token: str | None, timeout: float) -> ipfshttpclient.Client:
    try:
        import ipfshttpclient  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise ConfigError(
            "ipfshttpclient is not installed: pip install 'anacostia-blockchain[ipfs]'"
        ) from error
    # It passes an argument that urllib3 2 ignores; the pin of urllib3 is what this is a warning of.
    warnings.filterwarnings("ignore", "The 'strict' parameter", FutureWarning, "urllib3")
    parts = urlsplit(url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    kind = "ip6" if ":" in (parts.hostname or "") else "dns"
    return ipfshttpclient.Client(
        f"/{kind}/{parts.hostname}/tcp/{port}/{parts.scheme}",
        base=parts.path.rstrip("/") + _API,
        headers={"Authorization": f"Bearer {token}"} if token else None,
        auth=(parts.username, parts.password or "") if parts.username else None,
        timeout=(CONNECT_TIMEOUT, timeout),
        session=True,
    )
