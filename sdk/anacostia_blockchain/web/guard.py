"""Who may ask for what: a bearer token before everything that writes or is not for everyone.

Browsers bring the token as a cookie, which `/login?token=…&next=/…` sets. A cookie lets nobody
write: a page of another site could make a browser send it.
"""

from __future__ import annotations

import hmac
import json
import os
import re
from collections.abc import Awaitable, Callable, MutableMapping
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import parse_qs

from anacostia_blockchain.errors import ConfigError

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]

TOKEN_VARIABLE = "ANACOSTIA_TOKEN"  # noqa: S105 - the name of a variable
COOKIE = "anacostia_token"
_MINIMUM = 16
_PLACE = re.compile(r"/([A-Za-z0-9_.-][A-Za-z0-9_./-]*)?")
"""A path of this server; `//host` and whatever a browser takes for it would lead to another."""

_POLICY = (
    b"default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    b"object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = [
    (b"x-content-type-options", b"nosniff"),
    (b"x-frame-options", b"DENY"),
    (b"referrer-policy", b"no-referrer"),
    (b"content-security-policy", _POLICY),
]


class Token:
    """A secret shared by a server and those who may ask it. It is never shown.

    Args:
        secret: at least 16 characters, all of them printable ASCII.

    Raises:
        ConfigError: it is shorter, or has other characters.
    """

    def __init__(self, secret: str) -> None:
        if len(secret) < _MINIMUM or not secret.isascii() or not secret.isprintable():
            raise ConfigError(
                f"a token has at least {_MINIMUM} printable ASCII characters: make one with "
                "python -c 'import secrets; print(secrets.token_urlsafe())'"
            )
        self._secret = secret.encode()

    def __repr__(self) -> str:
        return "Token(…)"

    @classmethod
    def find(cls, file: Path | None = None) -> Token:
        """Read a token from a file, or from `ANACOSTIA_TOKEN`.

        Raises:
            ConfigError: there is none, or it cannot be read or used.
        """
        if file is None:
            secret = os.environ.get(TOKEN_VARIABLE)
            if secret is None:
                raise ConfigError(f"there is no token: set {TOKEN_VARIABLE}, or give a token file")
            return cls(secret)
        try:
            return cls(file.read_text(encoding="ascii").strip())
        except (OSError, UnicodeError) as error:
            raise ConfigError(f"the token file {file} cannot be read: {error}") from error

    def matches(self, given: bytes) -> bool:
        """Compare, in a time that does not tell how much of it was right."""
        return hmac.compare_digest(self._secret, given)

    @property
    def header(self) -> dict[str, str]:
        """What a client of ours sends."""
        return {"Authorization": f"Bearer {self._secret.decode()}"}


class Guard:
    """Stands before an ASGI application.

    Args:
        app: what to guard.
        token: who has it may do everything.
        is_open: says of a path whether anybody may read (GET) it.
        reader: who has it may read (GET) some paths.
        reads: says which.
        secure: the server speaks TLS, and the cookie is for TLS alone.
    """

    def __init__(
        self,
        app: App,
        token: Token,
        is_open: Callable[[str], bool] = lambda _path: False,
        *,
        reader: Token | None = None,
        reads: Callable[[str], bool] = lambda _path: False,
        secure: bool = False,
    ) -> None:
        self._reader = reader
        self._reads = reads
        self._app = app
        self._token = token
        self._is_open = is_open
        self._secure = secure

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let through, or answer 401."""
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
        elif scope["path"] == "/login" and scope["method"] == "GET":
            await self._log_in(scope, send)
        elif self._may(scope):
            await self._app(scope, receive, _with_headers(send))
        else:
            await _answer(
                send,
                401,
                {"detail": "give the server's token as Authorization: Bearer …"},
                [(b"www-authenticate", b"Bearer")],
            )

    def _may(self, scope: Scope) -> bool:
        reads = scope["method"] in ("GET", "HEAD")
        if reads and self._is_open(scope["path"]):
            return True
        headers = dict(scope["headers"])
        scheme, _, given = headers.get(b"authorization", b"").partition(b" ")
        if scheme.lower() == b"bearer":
            given = given.strip()
            if reads and self._reader is not None and self._reads(scope["path"]):
                return self._reader.matches(given) or self._token.matches(given)
            return self._token.matches(given)
        return reads and self._token.matches(_cookie(headers.get(b"cookie", b"")))

    async def _log_in(self, scope: Scope, send: Send) -> None:
        asked = parse_qs(scope["query_string"].decode("latin-1"))
        given, then = asked.get("token", [""])[0], asked.get("next", ["/"])[0]
        if not self._token.matches(given.encode()):
            await _answer(send, 401, {"detail": "that is not the server's token"}, [])
            return
        cookie = f"{COOKIE}={given}; Path=/; HttpOnly; SameSite=Strict"
        cookie += "; Secure" if self._secure else ""
        place = then if _PLACE.fullmatch(then) else "/"
        headers = [(b"location", place.encode()), (b"set-cookie", cookie.encode())]
        await _answer(send, 303, {"detail": "welcome"}, headers)


def _cookie(header: bytes) -> bytes:
    jar: SimpleCookie = SimpleCookie()
    try:
        jar.load(header.decode("latin-1"))
    except CookieError:
        return b""
    return jar[COOKIE].value.encode() if COOKIE in jar else b""


def _with_headers(send: Send) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *_HEADERS]
        await send(message)

    return wrapped


async def _answer(
    send: Send, status: int, body: dict[str, str], headers: list[tuple[bytes, bytes]]
) -> None:
    content = json.dumps(body, ensure_ascii=False).encode()
    start = {
        "type": "http.response.start",
        "status": status,
        "headers": [
            (b"content-type", b"application/json; charset=utf-8"),
            (b"content-length", str(len(content)).encode()),
            *headers,
            *_HEADERS,
        ],
    }
    await send(start)
    await send({"type": "http.response.body", "body": content})
