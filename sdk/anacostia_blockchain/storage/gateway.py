"""Content from HTTP gateways that nobody has to trust: every block is verified as it arrives.

Protocol: https://specs.ipfs.tech/http-gateways/trustless-gateway/. Single blocks are raced between
the gateways. A file of many blocks comes as one CAR stream; where that breaks off, another gateway
goes on from the first byte that is missing. A gateway that sends a wrong block is not asked again.
"""

from __future__ import annotations

import logging
import time
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPResponse
from typing import Any, BinaryIO, NoReturn, cast

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID, DAG_PB, EMPTY, RAW
from anacostia_blockchain.content.dagpb import MAX_BLOCK, Node, decode
from anacostia_blockchain.errors import (
    AnacostiaError,
    ConfigError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.base import Pin, Source
from anacostia_blockchain.storage.dag import Fetch
from anacostia_blockchain.storage.http import Service
from anacostia_blockchain.storage.kept import KeptConnections, fill
from anacostia_blockchain.storage.leaves import BlockReaders, Readers
from anacostia_blockchain.storage.pace import Pace
from anacostia_blockchain.storage.racing import Race, Runner, ranked
from anacostia_blockchain.storage.reading import BlockReader, ReadAhead
from anacostia_blockchain.storage.streams import Streams, is_small
from anacostia_blockchain.types import Progress

logger = logging.getLogger(__name__)

_SIZES = 1 << 16
_AHEAD = 64

_PROBE = "/ipfs/bafkqaaa?format=raw"
"""The specification's own: the CID that holds its (empty) content itself."""


_RAW_TYPE = "application/vnd.ipld.raw"
_CAR_TYPE = "application/vnd.ipld.car; version=1; order=dfs; dups=y"
_CAR_QUERY = {"format": "car", "dag-scope": "entity", "car-order": "dfs", "car-dups": "y"}


@dataclass(eq=False)
class Gateway(Runner):
    """One gateway.

    Attributes:
        service: where it is.
        streams: whether its CAR streams can be used.
    """

    service: Service = field(kw_only=True)
    streams: bool = True

    def __post_init__(self) -> None:
        self._kept = KeptConnections(self.service)

    def read(self, cid: CID, buffer: memoryview) -> memoryview | None:
        """A block as it is sent, not verified; None where there is more to it than that."""

        def take(answer: HTTPResponse) -> memoryview | None:
            plain = answer.status == 200 and not answer.headers.get("Content-Encoding")
            return fill(answer, buffer, Pace(self.service.host)) if plain else None

        try:
            return self._kept.ask("GET", f"/ipfs/{cid}?format=raw", {"Accept": _RAW_TYPE}, take)
        except StoreUnavailableError:
            return None

    def drop(self, error: AnacostiaError) -> None:
        """Do not ask it again."""
        self.dropped = str(error)
        logger.warning("gateway %s is not asked any more: %s", self.label, error)


class GatewayStore(BlockReader):
    """Content from HTTP gateways; it can only be read.

    Args:
        urls: of the gateways, e.g. `https://trustless-gateway.link`.
        timeout: seconds to wait for the next bytes.
        public_only: refuse addresses of this machine and of private networks: for URLs that come
            from somebody else.

    Raises:
        ConfigError: there is no URL, or it is none.

    Attributes:
        read_only: it keeps nothing, so it is no copy.
        near: seconds; a gateway that sends a block sooner is asked for blocks, not for streams:
            Kubo, for one, makes a CAR more slowly than it sends the blocks side by side.

    Example:
        >>> store = GatewayStore(["https://ipfs.io", "https://dweb.link"])
        >>> store.get(CID.parse("bafk…"), Path("model"))  # doctest: +SKIP
    """

    read_only = True
    near = 0.03

    def __init__(
        self,
        urls: Sequence[str] | str,
        *,
        timeout: float = 30,
        public_only: bool = False,
        streams: bool = True,
    ) -> None:
        given = [urls] if isinstance(urls, str) else list(urls)
        if not given:
            raise ConfigError("no gateway is given")
        services = [Service(url, timeout=timeout, public_only=public_only) for url in given]
        self.gateways = [Gateway(s.host, service=s, streams=streams) for s in services]
        self._race = Race(self.gateways, self._raw)
        self._sizes: OrderedDict[CID, int] = OrderedDict()

    def __repr__(self) -> str:
        return f"GatewayStore({[gateway.service.url for gateway in self.gateways]})"

    # ------------------------------------------------------------------ read

    def block(self, cid: CID) -> bytes:
        """One block, verified: from the gateway that is quickest with it.

        Raises:
            NotFoundError: no gateway has it.
            IntegrityError: those that answered sent something else.
            StoreUnavailableError: none answered.
        """
        block = self._race.block(cid) if cid != EMPTY else b""
        if cid.codec == DAG_PB:
            self._note_sizes(block)
        return block

    def _raw(self, gateway: Gateway, cid: CID) -> bytes:
        block = self._ask(gateway, cid)
        try:
            car.check_block(cid, block)
        except IntegrityError as error:
            gateway.drop(error)
            raise
        return block

    def _ask(self, gateway: Gateway, cid: CID) -> bytes:
        service = gateway.service
        query, headers = {"format": "raw"}, {"Accept": _RAW_TYPE}
        with (
            service.open(
                "GET", f"/ipfs/{cid}", params=query, headers=headers, repeat=False
            ) as answer,
            service.typed(),
        ):
            # One byte more than a block may have: whatever is longer is no block, says its hash.
            return Pace(service.host).read(answer.raw.read1, MAX_BLOCK + 1)

    def has(self, cid: CID) -> bool:
        """Say whether the gateways claim to have the content in full; `get` alone proves it."""
        seen: set[CID] = set()
        pending = [cid]
        while pending:
            found = pending.pop()
            if found in seen:
                continue
            seen.add(found)
            if found.codec == RAW:
                if found != EMPTY and self._head(found) is None:
                    return False
                continue
            try:
                pending.extend(dag.children(found, self.block(found)))
            except NotFoundError:
                return False
        return True

    def probe(self) -> str:
        """What answers, in a few words.

        Raises:
            StoreUnavailableError: no gateway does.
        """
        answering = []
        for gateway in self.gateways:
            with suppress(StorageError), gateway.service.open("GET", _PROBE):
                answering.append(gateway.label)
        if not answering:
            raise StoreUnavailableError("no gateway answers")
        return f"{', '.join(answering)} answer"

    def size_of(self, cid: CID) -> int:
        """Bytes of a raw block, as the directory above it, or a gateway, says."""
        if cid in self._sizes:
            return self._sizes[cid]
        size = self._head(cid)
        return size if size is not None else len(self.block(cid))

    def _head(self, cid: CID) -> int | None:
        """Bytes of a block as a gateway gives them; None if no gateway says it has the block."""
        for gateway in ranked(self.gateways):
            query, headers = {"format": "raw"}, {"Accept": _RAW_TYPE}
            try:
                path = f"/ipfs/{cid}"
                with gateway.service.open("HEAD", path, params=query, headers=headers) as answer:
                    return int(answer.headers.get("Content-Length", ""))
            except (StorageError, ValueError):
                continue
        return None

    def _note_sizes(self, block: bytes) -> None:
        for link in decode(block).links:
            if link.cid.codec == RAW:
                self._sizes[link.cid] = link.dag_size
        while len(self._sizes) > _SIZES:
            self._sizes.popitem(last=False)

    @contextmanager
    def reading(self, *, files: bool = True) -> Iterator[Fetch]:
        """Large files as streams, or by their blocks where `readers` give them; the rest ahead."""
        if not self.streaming():
            with super().reading(files=files) as fetch:
                yield fetch
            return

        def follow(node: Node) -> bool:
            by_blocks = files if self.is_near else is_small(node)
            return by_blocks or dag.is_directory(node)

        with ReadAhead(self.block, follow=follow) as ahead, ExitStack() as stack:
            yield Streams(self, ahead, stack)

    def readers(self) -> Readers:
        """Several leaves at once, where that is better than a stream."""
        return BlockReaders(self._read, lambda: self.is_near or not self.streaming())

    def _read(self, cid: CID, buffer: memoryview) -> memoryview:
        """A block; from a gateway that has no rival, into the buffer."""
        only = self.gateways[0]
        if len(self.gateways) > 1 or only.dropped or only.service.public_only or cid == EMPTY:
            return memoryview(self.block(cid))
        started = time.monotonic()
        view = only.read(cid, buffer)
        if view is None:
            return memoryview(self.block(cid))
        only.took(time.monotonic() - started)
        try:
            car.check_block(cid, view)
        except IntegrityError as error:
            only.drop(error)
            raise
        return view

    @property
    def is_near(self) -> bool:
        """Whether the best gateway answers so soon that several blocks at once beat one stream."""
        seconds = next((gateway.seconds for gateway in ranked(self.gateways)), None)
        return seconds is not None and seconds < self.near

    def stream(self, gateway: Gateway, file: CID, start: int, stack: ExitStack) -> car.Car:
        """Open a file's CAR from the byte `start` on; `stack` closes it."""
        query = dict(_CAR_QUERY) | ({"entity-bytes": f"{start}:*"} if start else {})
        headers = {"Accept": _CAR_TYPE}
        answer = stack.enter_context(
            gateway.service.open("GET", f"/ipfs/{file}", params=query, headers=headers)
        )
        kind = answer.headers.get("Content-Type", "")
        if not kind.startswith("application/vnd.ipld.car"):
            raise StoreUnavailableError(f"{gateway.service.host} sends {kind or 'no type'}, no CAR")
        with gateway.service.typed():
            return car.Car.read(cast("BinaryIO", _Pieces(answer.raw, gateway.service.host)))

    def streaming(self) -> list[Gateway]:
        """The gateways to open a stream on, the best first."""
        return [gateway for gateway in ranked(self.gateways) if gateway.streams]

    # ------------------------------------------------------------------ what a gateway does not do

    def put(self, source: Source, *, name: str = "", progress: Progress | None = None) -> CID:
        """Not possible."""
        del source, name, progress
        _read_only()

    def put_car(self, stream: BinaryIO, *, name: str = "", progress: Progress | None = None) -> CID:
        """Not possible."""
        del stream, name, progress
        _read_only()

    def pin(self, cid: CID, name: str = "") -> None:
        """Not possible for what is there, and what is not there is not found."""
        del name
        self.block(cid)
        _read_only()

    def unpin(self, cid: CID, name: str | None = None) -> None:
        """Nothing to do: there are no pins."""

    def pins(self, name: str | None = None) -> Iterator[Pin]:
        """Nothing: there are no pins."""
        del name
        return iter(())

    def delete(self, cid: CID) -> None:
        """Not possible."""
        del cid
        _read_only()


class _Pieces:
    """A body as a stream: numbers come from a few bytes that were read ahead, blocks directly."""

    def __init__(self, raw: Any, host: str) -> None:  # noqa: ANN401 - urllib3's
        self._read1 = raw.read1
        self._pace = Pace(host)
        self._rest = b""

    def read(self, size: int) -> bytes:
        if not self._rest:
            if size > _AHEAD:
                return self._pace.read(self._read1, size)
            self._rest = self._pace.read(self._read1, _AHEAD)
        piece, self._rest = self._rest[:size], self._rest[size:]
        return piece


def _read_only() -> NoReturn:
    raise StorageError("a gateway can only be read: put to another store")
