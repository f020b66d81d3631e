"""A connection for each thread, kept for its next question: for many questions, each soon answered.

`http.client` below, because the body goes into the caller's own buffer, and a question costs little
of the processor's time beside the megabyte that answers it.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from http.client import (
    HTTPConnection,
    HTTPException,
    HTTPResponse,
    HTTPSConnection,
    IncompleteRead,
)
from typing import TypeVar
from urllib.parse import urlsplit

from anacostia_blockchain.content.dagpb import MAX_BLOCK
from anacostia_blockchain.errors import StoreUnavailableError
from anacostia_blockchain.storage.http import Service
from anacostia_blockchain.storage.pace import Pace

_T = TypeVar("_T")


class KeptConnections:
    """Connections to one service; see `Service` for what it is asked otherwise."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._credentials = service.credentials()
        self._mine = threading.local()

    def ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        take: Callable[[HTTPResponse], _T],
    ) -> _T:
        """Ask, and return what `take` makes of the answer, whatever its status is.

        Raises:
            StoreUnavailableError: no answer, or one that breaks off.
        """
        for attempt in (1, 2):
            (connection, base), fresh = self._connection()
            try:
                connection.request(method, base + path, headers={**headers, **self._credentials})
                answer = connection.getresponse()
                taken = take(answer)
                if not answer.isclosed() and answer.read(1):
                    connection.close()  # whatever follows is not waited for
            except StoreUnavailableError:
                connection.close()
                self._mine.connection = None
                raise
            except (OSError, HTTPException) as error:
                connection.close()
                self._mine.connection = None
                if attempt == 1 and not fresh:  # the service had closed it, as servers do
                    continue
                raise StoreUnavailableError(
                    f"{self._service.host} cannot be reached, or broke off: is it running?"
                ) from error
            return taken
        raise AssertionError  # the second attempt returns or raises

    def _connection(self) -> tuple[tuple[HTTPConnection, str], bool]:
        """This thread's connection, and whether it is new."""
        kept: tuple[HTTPConnection, str] | None = getattr(self._mine, "connection", None)
        if kept is not None:
            return kept, False
        self._mine.connection = connection_to(self._service)
        return self._mine.connection, True


def connection_to(service: Service) -> tuple[HTTPConnection, str]:
    """A connection that is made with its first use, and what goes before every path there."""
    kind = HTTPSConnection if service.url.startswith("https:") else HTTPConnection
    return kind(service.host, timeout=service.timeout), urlsplit(service.url).path


def fill(answer: HTTPResponse, buffer: memoryview, pace: Pace | None = None) -> memoryview:
    """Read a body into a buffer, and return the part that it fills: all of it, if it is larger.

    Args:
        answer: whose body it is.
        buffer: for it.
        pace: that it has to keep, where its sender is a stranger.

    Raises:
        HTTPException: it is shorter than it was said to be.
        StoreUnavailableError: it comes too slowly.
    """
    done = 0
    while done < min(len(buffer), MAX_BLOCK):
        rest = buffer[done:]
        size = pace.readinto(answer, rest) if pace is not None else answer.readinto(rest)
        if not size:
            if answer.length:
                raise IncompleteRead(b"", answer.length)
            break
        done += size
    return buffer[:done]
