"""A large file's blocks from a gateway's CAR stream, resumed on another one where it breaks off."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from anacostia_blockchain.content.cid import CID, DAG_PB
from anacostia_blockchain.content.dagpb import Node, decode
from anacostia_blockchain.errors import (
    AnacostiaError,
    FormatError,
    IntegrityError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage import dag

if TYPE_CHECKING:
    from anacostia_blockchain.storage.gateway import Gateway, GatewayStore
    from anacostia_blockchain.storage.reading import ReadAhead

logger = logging.getLogger(__name__)

_STREAMED = 4
"""A file of at least so many parts is worth a stream of its own."""

_LOOK = 64
"""Parts among which one is looked for that came too early."""


@dataclass
class _Part:
    """A block of the file that is being read, and where its content begins."""

    cid: CID
    offset: int


class Streams:
    """Takes a large file's blocks from a stream, in the order in which they are asked for."""

    def __init__(self, store: GatewayStore, ahead: ReadAhead, stack: ExitStack) -> None:
        self._store = store
        self._ahead = ahead
        self._stack = stack
        self._file: CID | None = None
        self._parts: deque[_Part] = deque()
        self._nodes: set[CID] = set()
        self._open: ExitStack | None = None
        self._gateway: Gateway | None = None
        self._blocks: Iterator[tuple[CID, bytes]] = iter(())
        self._peeked: tuple[CID, bytes] | None = None

    def __call__(self, cid: CID) -> bytes:
        """Return a block; verified, whatever gateway it is from."""
        part = self._take(cid)
        block = self._ahead(cid) if part is None else self._streamed(part)
        if cid.codec == DAG_PB:
            self._note(cid, decode(block), part)
        return block

    def _take(self, cid: CID) -> _Part | None:
        """The part that is asked for; None if it is no part of the file."""
        for position, part in enumerate(self._parts):
            if part.cid == cid:
                if position:  # the reader has those before it already: the stream is of no use
                    self._close()
                for _ in range(position + 1):
                    self._parts.popleft()
                return part
        return None

    def _note(self, cid: CID, node: Node, part: _Part | None) -> None:
        """Remember the parts of a large file, or of a node in it."""
        if dag.is_directory(node) or (part is None and (is_small(node) or self._store.is_near)):
            return
        if part is None:
            self._close()
            self._file = cid
            self._parts.clear()
            self._nodes.clear()
        self._nodes.add(cid)
        offset = part.offset if part is not None else 0
        parts = []
        for link, size in zip(node.links, node.sizes, strict=True):
            parts.append(_Part(link.cid, offset))
            offset += size
        self._parts.extendleft(reversed(parts))

    def _streamed(self, part: _Part) -> bytes:
        for _ in range(2 * len(self._store.gateways)):
            if not self._store.streaming():
                break
            try:
                block = self._next(part)
            except AnacostiaError as error:
                self._blame(error)
                self._abandon(error)
                continue
            if block is None:
                break
            return block
        return self._store.block(part.cid)

    def _blame(self, error: AnacostiaError) -> None:
        """Remember what a gateway did: a wrong block ends it, no CAR ends its streams."""
        if self._gateway is None:
            return
        if isinstance(error, IntegrityError):
            self._gateway.drop(error)
        elif isinstance(error, FormatError):
            self._gateway.streams = False
        else:
            self._gateway.failed()

    def _next(self, part: _Part) -> bytes | None:
        """The part from the stream; None if the stream leaves it out, or is in no order."""
        if self._open is None and not self._begin(part.offset):
            return None
        while True:
            found = self._peeked or self._read()
            self._peeked = None
            if found is None:
                raise StoreUnavailableError("a gateway's stream ended before the file did")
            cid, block = found
            if cid == part.cid:
                return block
            if cid not in self._nodes:
                break
        if not any(later.cid == cid for later in islice(self._parts, _LOOK)):
            raise FormatError("its blocks are in no order that can be followed")
        self._peeked = found  # it does not repeat what it has sent before
        return None

    def _read(self) -> tuple[CID, bytes] | None:
        if self._gateway is None:
            return None
        with self._gateway.service.typed():
            return next(self._blocks, None)

    def _begin(self, start: int) -> bool:
        gateways = self._store.streaming()
        if not gateways or self._file is None:
            return False
        self._gateway = gateways[0]
        self._open = self._stack.enter_context(ExitStack())
        self._blocks = self._store.stream(self._gateway, self._file, start, self._open).blocks()
        return True

    def _abandon(self, error: AnacostiaError) -> None:
        host = self._gateway.service.host if self._gateway is not None else "a gateway"
        logger.info("the stream of %s from %s is given up: %s", self._file, host, error)
        self._close()

    def _close(self) -> None:
        if self._open is not None:
            self._open.close()
        self._open = None
        self._gateway = None
        self._peeked = None
        self._blocks = iter(())


def is_small(node: Node) -> bool:
    """Whether what a node links to is fetched block by block."""
    return dag.is_directory(node) or len(node.links) < _STREAMED
