"""A least rate at which a source sends: one that drips would be waited for as good as for ever.

A time-out for the next bytes is met by a byte now and then; what counts is how many come.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from http.client import HTTPResponse

from anacostia_blockchain.errors import StoreUnavailableError

LEAST_RATE = 1 << 10
"""Bytes a second: a block of 1 MiB takes 17 minutes so, and any line that is of use gives more."""

WINDOW = 30.0
"""Seconds of waiting over which the rate counts: a gateway that looks for the next block among its
peers is silent meanwhile, and then sends all the faster."""

_PIECE = 1 << 18


class Pace:
    """Reads an answer in the pieces in which it comes, and gives up one that comes too slowly.

    Only the time spent waiting counts, not what the caller does in between; nor does the wait for
    the first bytes, which the time-out bounds.

    Args:
        host: whose answer it is, for the message.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._begun = False
        self._waited = 0.0
        self._came = 0

    def read(self, read1: Callable[[int], bytes], size: int) -> bytes:
        """Read `size` bytes, fewer only at the end.

        Args:
            read1: gives what there is, up to so many bytes, and waits only where there is nothing.
            size: in bytes.

        Raises:
            StoreUnavailableError: fewer than `LEAST_RATE` came for `WINDOW` seconds.
        """
        pieces = []
        while size and (piece := self._piece(read1, size)):
            pieces.append(piece)
            size -= len(piece)
        return b"".join(pieces)

    def readinto(self, answer: HTTPResponse, buffer: memoryview) -> int:
        """Read what there is into a buffer; returns how many bytes, 0 at the end.

        Raises:
            StoreUnavailableError: as for `read`.
        """
        piece = self._piece(answer.read1, len(buffer))
        buffer[: len(piece)] = piece
        return len(piece)

    def _piece(self, read1: Callable[[int], bytes], size: int) -> bytes:
        started = time.monotonic()
        piece = read1(min(size, _PIECE))
        if not self._begun:
            self._begun = True
            return piece
        self._waited += time.monotonic() - started
        self._came += len(piece)
        if self._waited >= WINDOW:
            if piece and self._came < LEAST_RATE * self._waited:
                raise StoreUnavailableError(
                    f"{self._host} sends fewer than {LEAST_RATE:,} bytes a second: it is given up"
                )
            self._waited, self._came = 0.0, 0
        return piece
