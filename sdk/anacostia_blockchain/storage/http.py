"""HTTP with a service: its failures as this package's errors, its secrets never shown.

What may be repeated is repeated, a few times and later each time; an upload is not, because its
bytes are gone. Answers are asked for as they are, and none is unpacked: a few bytes could stand for
gigabytes.
"""

from __future__ import annotations

import ipaddress
import json
import os
import socket
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, NoReturn, TypeAlias
from urllib.parse import urlsplit, urlunsplit

import requests
import urllib3

from anacostia_blockchain.content.documents import check_depth
from anacostia_blockchain.errors import (
    AccessDeniedError,
    ConfigError,
    FormatError,
    NotFoundError,
    StorageError,
    StoreFullError,
    StoreUnavailableError,
)

CONNECT_TIMEOUT = 10.0
"""Seconds to wait for a connection."""

READ_TIMEOUT = 60.0
"""Seconds to wait for the next bytes of an answer."""

_ATTEMPTS = 3
_BACKOFF = 0.25
_MAX_WAIT = 10.0
_RETRIED = {408, 429, 500, 502, 503, 504}
_SHOWN = 300
_MAX_ANSWER = 64 << 20
_MAX_LINE = 1 << 20
_POOL = 32


Origin: TypeAlias = tuple[str, int]
"""Host and port."""


class Service:
    """A service behind a URL.

    Args:
        url: http or https. A name and password in it are taken for basic authentication.
        token: sent as a bearer token.
        timeout: seconds to wait for the next bytes of an answer.
        public_only: refuse addresses of this machine and of private networks, and redirects: for
            URLs that come from somebody else. Where the URL is the user's own, only redirects away
            from its host and port are held to public addresses.
        explain: turns the reason of a refusal into an error, where the service has words of its
            own; None from it: the status decides.

    Raises:
        ConfigError: it is no such URL.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str | None = None,
        timeout: float = READ_TIMEOUT,
        public_only: bool = False,
        explain: Callable[[str], StorageError | None] = lambda _reason: None,
    ) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("a service's URL begins with http:// or https:// and names a host")
        self.host = parts.netloc.rpartition("@")[2]
        self.url = urlunsplit((parts.scheme, self.host, parts.path.rstrip("/"), "", ""))
        self.public_only = public_only
        self._explain = explain
        self.timeout = timeout
        self.session = requests.Session()
        adapter = _Adapter(None if public_only else origin(url))
        self.session.mount("http://", adapter)
        self.session.mount("https://", adapter)
        self.session.headers["Accept-Encoding"] = "identity"
        if parts.username:
            self.session.auth = (parts.username, parts.password or "")
        if token:
            self.session.headers["Authorization"] = f"Bearer {token}"
            self.session.auth = _keep_header

    def __repr__(self) -> str:
        return f"Service({self.host!r})"

    def ask(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
    ) -> Any:  # noqa: ANN401 - JSON
        """Ask for JSON; None for an empty answer.

        Raises:
            StoreUnavailableError: no answer, or one that is no JSON.
            AccessDeniedError, NotFoundError, StoreFullError, StorageError: as its status says.
        """
        with (
            self.open(
                method, path, params=params, body=body, headers=headers, repeat=repeat
            ) as answer,
            self.typed(),
        ):
            return self.decode(self.read(answer))

    def read(self, answer: requests.Response) -> bytes:
        """The whole of an answer that is words, not content.

        Raises:
            StoreUnavailableError: it has no end.
        """
        text = bytearray()
        for piece in answer.iter_content(1 << 16):
            text += piece
            if len(text) > _MAX_ANSWER:
                raise StoreUnavailableError(f"{self.host} answers without end")
        return bytes(text)

    def lines(self, answer: requests.Response) -> Iterator[Any]:
        """An answer of JSON documents, one a line, as they come.

        Raises:
            StoreUnavailableError: a line is no JSON, or has no end.
        """
        rest = b""
        for piece in answer.iter_content(1 << 16):
            *lines, rest = (rest + piece).split(b"\n")
            if len(rest) > _MAX_LINE:
                raise StoreUnavailableError(f"{self.host} answers without end")
            yield from (self.decode(line) for line in lines if line.strip())
        if rest.strip():
            yield self.decode(rest)

    def decode(self, text: bytes) -> Any:  # noqa: ANN401 - JSON
        """Read JSON; None for nothing.

        Raises:
            StoreUnavailableError: it is none: an error page of something in between, for instance.
        """
        if not text.strip():
            return None
        try:
            check_depth(text)
            return json.loads(text.decode())
        except (ValueError, FormatError) as error:
            raise StoreUnavailableError(
                f"{self.host} answered with something that is no JSON: {_shown(text)}"
            ) from error

    @contextmanager
    def open(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        body: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = True,
        timeout: float | None = None,
    ) -> Iterator[requests.Response]:
        """Open an answer whose status is good; read it within `typed`.

        Raises:
            StorageError: as for `ask`.
        """
        attempts = _ATTEMPTS if repeat else 1
        for attempt in range(1, attempts + 1):
            with self.typed():
                answer = self.session.request(
                    method,
                    self.url + path,
                    params=list(params.items() if isinstance(params, Mapping) else params),
                    json=body,
                    headers=dict(headers or {}),
                    stream=True,
                    timeout=(CONNECT_TIMEOUT, timeout or self.timeout),
                    allow_redirects=not self.public_only,
                )
            with answer:
                try:
                    self._check(answer)
                except StoreUnavailableError:  # and not a refusal, which stays one
                    if answer.status_code not in _RETRIED or attempt == attempts:
                        raise
                    time.sleep(_pause(answer, attempt))
                    continue
                yield answer
                return

    @contextmanager
    def typed(self) -> Iterator[None]:
        """Turn the library's errors into this package's, without the URL that they hold."""
        try:
            yield
        except (requests.Timeout, urllib3.exceptions.TimeoutError) as error:
            raise StoreUnavailableError(f"{self.host} did not answer in time") from error
        except (requests.RequestException, urllib3.exceptions.HTTPError) as error:
            raise StoreUnavailableError(
                f"{self.host} cannot be reached, or broke off ({type(error).__name__})"
            ) from error

    def credentials(self) -> dict[str, str]:
        """Headers by which the service knows who asks; not to be shown."""
        request = requests.Request("GET", self.url, auth=self.session.auth)
        prepared = self.session.prepare_request(request)
        found = prepared.headers.get("Authorization")
        return {"Authorization": str(found)} if found else {}

    def _check(self, answer: requests.Response) -> None:
        refuse_packed(self.host, answer.headers)
        if not 200 <= answer.status_code < 300:
            with self.typed():
                text = next(answer.iter_content(4096), b"")
            self.refuse(answer.status_code, text)

    def refuse(self, status: int, text: bytes) -> NoReturn:
        """Raise the error that an answer's status and words stand for.

        Raises:
            StorageError: always.
        """
        reason = _said(text)  # in full: what matters can stand at its end, behind a long path
        message = f"{self.host} answered {status}: {_short(reason)}"
        if (explained := self._explain(reason)) is not None:
            raise explained
        if status in (401, 403):
            raise AccessDeniedError(f"{message}: check the token")
        if status in (404, 410):
            raise NotFoundError(message)
        if status in (413, 507) or "no space left" in reason:
            raise StoreFullError(message)
        if status >= 500 or status in _RETRIED or 300 <= status < 400:
            raise StoreUnavailableError(message)
        raise StorageError(message)


def refuse_packed(host: str, headers: Mapping[str, str]) -> None:
    """Refuse an answer that would have to be unpacked.

    Raises:
        StoreUnavailableError: it has an encoding, which nobody asked for.
    """
    encoding = headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise StoreUnavailableError(
            f"{host} answers with {encoding[:40]!r}, not as it was asked to"
        )


class _Adapter(requests.adapters.HTTPAdapter):
    """Sends each request, those of redirects too, to a public address, or to the user's own.

    A name is looked up before anything is asked; and as a name server may answer otherwise the next
    time, the address that was connected to is looked at before anything is sent. (Where a proxy
    connects for us, only the first can be done.)

    Args:
        own: host and port that may be anywhere; None: nothing may.
    """

    def __init__(self, own: Origin | None) -> None:
        self._own = own
        super().__init__(pool_connections=_POOL, pool_maxsize=_POOL)
        self._public = requests.adapters.HTTPAdapter(_POOL, _POOL)
        self._public.poolmanager.pool_classes_by_scheme = {
            "http": _PublicPool,
            "https": _PublicPoolTls,
        }

    def send(  # type: ignore[override]  # the library's five options are passed on as they come
        self,
        request: requests.PreparedRequest,
        **options: Any,  # noqa: ANN401 - likewise
    ) -> requests.Response:
        """Send one request; of redirects, `requests` sends each by itself."""
        url = str(request.url)
        if self._own is not None and is_own(origin(url), self._own):
            return super().send(request, **options)
        refuse_private(url)
        return self._public.send(request, **options)

    def close(self) -> None:
        super().close()
        self._public.close()


class _Public(urllib3.connection.HTTPConnection):
    """A connection that is used if it has led to a public address."""

    def _new_conn(self) -> socket.socket:
        made = super()._new_conn()
        try:
            refuse_address(self.host, made.getpeername()[0])
        except StorageError:
            made.close()
            raise
        return made


class _PublicTls(_Public, urllib3.connection.HTTPSConnection):
    """As `_Public`, and looked at before its key exchange."""


class _PublicPool(urllib3.HTTPConnectionPool):
    ConnectionCls = _Public


class _PublicPoolTls(urllib3.HTTPSConnectionPool):
    ConnectionCls = _PublicTls


def origin(url: str) -> Origin:
    """The host and port of a URL."""
    parts = urlsplit(url)
    return (parts.hostname or "").rstrip("."), parts.port or (
        443 if parts.scheme == "https" else 80
    )


def is_own(asked: Origin, own: Origin) -> bool:
    """Whether a request goes to where the user named.

    A Kubo node on this machine redirects from `localhost` to names below it, a host for each
    content; no such name is anywhere else.
    """
    below = own[0] == "localhost" and asked[0].endswith(".localhost") and asked[1] == own[1]
    return asked == own or below


def refuse_private(url: str) -> None:
    """Refuse a URL of this machine or of a private network.

    Raises:
        StorageError: it is one, or has no address.
    """
    host = urlsplit(url).hostname or ""
    try:
        found = {str(entry[4][0]) for entry in socket.getaddrinfo(host, None)}
    except (OSError, UnicodeError) as error:
        raise StoreUnavailableError(f"{host} has no address") from error
    for address in found:
        refuse_address(host, address)


def refuse_address(host: str, address: str) -> None:
    """Refuse an address of this machine or of a private network.

    Raises:
        StorageError: it is one.
    """
    if not ipaddress.ip_address(address.partition("%")[0]).is_global:
        raise StorageError(f"{host} is an address of a private network and was not asked")


def token_of(variable: str | None) -> str | None:
    """The token in an environment variable.

    Raises:
        ConfigError: it is not set.
    """
    if not variable:
        return None
    token = os.environ.get(variable)
    if not token:
        raise ConfigError(f"set {variable} to the service's token")
    return token


def _keep_header(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Keep a token from being replaced by what ~/.netrc holds for the host."""
    return request


def _pause(answer: requests.Response, attempt: int) -> float:
    """Seconds until the next attempt: what the service asks for, within reason."""
    try:
        asked = float(answer.headers.get("Retry-After", ""))
    except ValueError:
        asked = _BACKOFF * 4 ** (attempt - 1)
    return min(max(asked, 0.0), _MAX_WAIT)


def _shown(text: bytes) -> str:
    """An answer on one line, short enough to be shown."""
    return _short(_said(text))


def _said(text: bytes) -> str:
    """What an answer says, on one line."""
    said = " ".join(text[:4096].decode(errors="replace").split())
    try:
        check_depth(text)
        data = json.loads(text.decode())
        if isinstance(data, dict):
            said = str(data.get("Message") or data.get("message") or data.get("error") or said)
    except (ValueError, FormatError):
        pass
    return said[:4096]


def _short(text: str) -> str:
    """The beginning of a text, and its end, where the cause often stands."""
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN // 2]} … {text[-_SHOWN // 2 :]}"
