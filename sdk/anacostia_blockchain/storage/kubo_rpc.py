"""Questions to a Kubo node: ipfshttpclient, plain HTTP beside it, and the same errors for both."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPResponse
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urlencode, urlsplit

import requests

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.dagpb import MAX_BLOCK
from anacostia_blockchain.errors import (
    AccessDeniedError,
    ConfigError,
    NotFoundError,
    StorageError,
    StoreFullError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage.answers import Fields
from anacostia_blockchain.storage.http import CONNECT_TIMEOUT, Service
from anacostia_blockchain.storage.kept import KeptConnections, fill

if TYPE_CHECKING:
    import ipfshttpclient

API = "/api/v0"

_Bytes = TypeVar("_Bytes", bytes, memoryview)

_MISSING = ("could not find", "not found", "deadline exceeded", "context canceled", "timed out")


class KuboRpc:
    """A node's RPC API.

    Attributes:
        client: ipfshttpclient's; use it within `typed`.
        service: the same endpoint, natively.

    Raises:
        ConfigError: the URL is none, or ipfshttpclient is not installed.
    """

    def __init__(self, url: str, token: str | None, timeout: float) -> None:
        self.service = Service(url, token=token, timeout=timeout, explain=self.explain)
        self.client = _client(url, token, timeout)
        self._kept = KeptConnections(self.service)

    def block(self, cid: CID, **options: str) -> bytes:
        """A block's bytes, not verified, over a connection that this thread keeps.

        Raises:
            StorageError: the node does not give it.
        """
        return self._ask("block/get", cid, options, lambda answer: answer.read(MAX_BLOCK + 1))

    def read(self, cid: CID, buffer: memoryview, **options: str) -> memoryview:
        """As `block`, into a buffer; returns the part that it fills."""
        return self._ask("block/get", cid, options, lambda answer: fill(answer, buffer))

    def size(self, cid: CID | str, **options: str) -> int:
        """Bytes of a block.

        Raises:
            StorageError: the node does not say.
        """
        text = self._ask("block/stat", cid, options, lambda answer: answer.read(MAX_BLOCK))
        return self.only(text).number("Size")

    def _ask(
        self,
        command: str,
        cid: CID | str,
        options: Mapping[str, str],
        body: Callable[[HTTPResponse], _Bytes],
    ) -> _Bytes:
        def take(answer: HTTPResponse) -> _Bytes:
            if answer.status != 200:
                self.service.refuse(answer.status, answer.read(MAX_BLOCK))
            return body(answer)

        query = urlencode({"arg": str(cid), **options})
        return self._kept.ask("POST", f"{API}/{command}?{query}", {"Content-Length": "0"}, take)

    @contextmanager
    def post(self, command: str, options: Mapping[str, str]) -> Iterator[requests.Response]:
        """Open the answer to a command, natively, to be read piece by piece."""
        with (
            self.service.open("POST", f"{API}/{command}", params=options) as answer,
            self.service.typed(),
        ):
            yield answer

    def each(self, answer: requests.Response) -> Iterator[Fields]:
        """An answer of JSON objects, one a line, as they come.

        Raises:
            StorageError: one of them is an error, or something else.
        """
        return map(self._object, self.service.lines(answer))

    def lines(self, answer: bytes) -> list[Fields]:
        """As `each`, of an answer that is there in full."""
        lines = [self.service.decode(line) for line in answer.splitlines() if line.strip()]
        return [self._object(line) for line in lines]

    def only(self, answer: bytes) -> Fields:
        """As `lines`, where there is one."""
        lines = self.lines(answer)
        if len(lines) != 1:
            raise StoreUnavailableError(f"{self.service.host} gave {len(lines)} answers, not one")
        return lines[0]

    def _object(self, value: object) -> Fields:
        fields = Fields(self.service.host, value)
        if "Type" in fields and fields.text("Type") == "error":
            raise self.failure(fields.text("Message", "no reason given"))
        return fields

    def ask(self, question: Callable[[ipfshttpclient.Client], Any]) -> Fields:
        """Ask through ipfshttpclient for what is answered with one object.

        Raises:
            StorageError: the node refuses, is not there, or answers with something else.
        """
        with self.typed():
            answer = question(self.client).as_json()
        return Fields(self.service.host, answer)

    @contextmanager
    def typed(self) -> Iterator[None]:
        """Turn ipfshttpclient's errors into this package's."""
        from ipfshttpclient import exceptions  # noqa: PLC0415 - an extra

        # It takes every answer for one of the node's: what is of another shape, or none, makes it
        # stumble, or fails its own assertion.
        odd: tuple[type[Exception], ...] = (exceptions.EncoderError, LookupError, TypeError)
        odd += (ValueError, AttributeError, AssertionError, RecursionError)
        try:
            yield
        except exceptions.ErrorResponse as error:
            raise self.failure(str(error.args[0])) from error
        except exceptions.StatusError as error:
            answer = getattr(error.original, "response", None)
            status = getattr(answer, "status_code", 0)
            text = f"{self.service.host} answered {status}"
            if status in (401, 403):
                raise AccessDeniedError(f"{text}: check the token") from error
            if status == 404:
                raise NotFoundError(f"{text}: it does not have this call") from error
            raise StoreUnavailableError(text) from error
        except exceptions.TimeoutError as error:
            raise StoreUnavailableError(f"{self.service.host} did not answer in time") from error
        except (exceptions.CommunicationError, requests.RequestException) as error:
            raise StoreUnavailableError(
                f"{self.service.host} cannot be reached, or broke off: is the node running?"
            ) from error
        except odd as error:
            raise StoreUnavailableError(
                f"{self.service.host} answered with something else than Kubo would"
            ) from error

    def failure(self, message: str) -> StorageError:
        """The error that a message of the node's stands for."""
        return self.explain(message) or StorageError(f"{self.service.host}: {message}")

    def explain(self, message: str) -> StorageError | None:
        """What Kubo's own words mean, which come with status 500 whatever they say."""
        text = f"{self.service.host}: {message}"
        if any(part in message for part in _MISSING):
            return NotFoundError(text)
        if "no space left" in message or "disk quota" in message:
            return StoreFullError(text)
        return StorageError(text) if "is not pinned" in message else None


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
        base=parts.path.rstrip("/") + API,
        headers={"Authorization": f"Bearer {token}"} if token else None,
        auth=(parts.username, parts.password or "") if parts.username else None,
        timeout=(CONNECT_TIMEOUT, timeout),
        session=True,
    )
