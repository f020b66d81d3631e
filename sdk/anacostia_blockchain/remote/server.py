"""Servers of this package on other machines: who they are is proven, who asks as well."""

from __future__ import annotations

import ssl
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from anacostia_blockchain.content.documents import check_depth
from anacostia_blockchain.errors import (
    AccessDeniedError,
    ConfigError,
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreUnavailableError,
    UntrustedServerError,
)
from anacostia_blockchain.outbox.outbox import AFRESH, Intent, from_json, shown, to_json
from anacostia_blockchain.storage.http import refuse_packed

if TYPE_CHECKING:
    from anacostia_blockchain.web.guard import Token

_TIMEOUT = 30.0
_LARGEST = 64 << 20
"""Bytes of an answer."""

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class RemoteServer:
    """What answers at a URL, behind a token.

    Args:
        url: of the server. Plain `http` is for loopback alone: the token would be seen.
        token: of the server.
        ca: certificate of whoever issued the server's; None: those of the system.
        certificate: files of a certificate and of its key, where the server asks for one.

    Raises:
        ConfigError: the URL is none, or unprotected; or a certificate cannot be read.
    """

    what = "server"
    """In messages."""

    def __init__(
        self,
        url: str,
        token: Token,
        ca: Path | None = None,
        certificate: tuple[Path, Path] | None = None,
    ) -> None:
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigError(f"{url!r} is not the URL of a server")
        if parsed.scheme == "http" and parsed.host not in _LOOPBACK:
            raise ConfigError(f"{url} would show the token to everyone on the way: use https")
        self.url = url.rstrip("/")
        self._client = httpx.Client(
            base_url=self.url,
            headers={**token.header, "Accept-Encoding": "identity"},
            verify=_context(ca, certificate),
            timeout=_TIMEOUT,
        )

    def ask(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        """Ask for JSON.

        Raises:
            StorageError: see `answer`; an answer that is no JSON is none.
        """
        answer = self.answer(method, path, **arguments)
        try:
            check_depth(answer.content)  # deep enough, it would end the process
            return answer.json()
        except (ValueError, FormatError) as error:
            raise StoreUnavailableError(f"{self.url} is no {self.what}") from error

    def answer(self, method: str, path: str, **arguments: Any) -> httpx.Response:  # noqa: ANN401 - httpx's options
        """Ask, and get a good answer.

        Raises:
            StoreUnavailableError: there is none, or one of more than 64 MiB.
            UntrustedServerError: who answers does not prove to be the server.
            AccessDeniedError: the server refuses the token, or asks for a certificate.
            NotFoundError: it does not have what is asked for.
            IntegrityError: what it has contradicts what it had.
        """
        try:
            with self._client.stream(method, path, **arguments) as stream:
                answer = httpx.Response(stream.status_code, content=self._body(stream))
        except httpx.HTTPError as error:
            raise self._explained(error) from error
        if answer.status_code in (401, 403):
            raise AccessDeniedError(f"the {self.what} at {self.url} refuses the token: check it")
        if answer.status_code in (404, 409):
            kind = NotFoundError if answer.status_code == 404 else IntegrityError
            raise kind(f"{self.url} answers: {_detail(answer)}")
        if answer.status_code != 200:
            raise StoreUnavailableError(
                f"{self.url} answers {answer.status_code}: {_detail(answer)}"
            )
        return answer

    def _body(self, stream: httpx.Response) -> bytes:
        """An answer as it came: what is compressed could become anything."""
        refuse_packed(self.url, stream.headers)
        body = bytearray()
        for piece in stream.iter_raw():
            body += piece
            if len(body) > _LARGEST:
                raise StoreUnavailableError(f"{self.url} answers with more than {_LARGEST} bytes")
        return bytes(body)

    def _explained(self, error: httpx.HTTPError) -> StorageError:
        for cause in _causes(error):
            if isinstance(cause, ssl.SSLCertVerificationError):
                return UntrustedServerError(
                    f"{self.url} shows a certificate that is not to be trusted "
                    f"({cause.verify_message}): check the URL, the authority, and the certificate"
                )
            if isinstance(cause, ssl.SSLError):
                reason = cause.reason or str(cause)
                if "CERTIFICATE" in reason:
                    return AccessDeniedError(
                        f"{self.url} refuses us: it asks for a certificate of its authority "
                        f"({reason})"
                    )
                return UntrustedServerError(f"{self.url} does not speak TLS ({reason})")
        return StoreUnavailableError(
            f"the {self.what} at {self.url} does not answer ({error}): {self._hint(error)}"
        )

    def _hint(self, error: httpx.HTTPError) -> str:
        if not isinstance(error, httpx.RemoteProtocolError):
            return "start it, or check the URL"
        if self.url.startswith("http:"):
            return "if it speaks TLS, its URL begins with https"
        return "it ended, or it asks for a certificate of its own authority, and got none"


def _context(ca: Path | None, certificate: tuple[Path, Path] | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(*certificate)
    except OSError as error:
        names = ", ".join(str(file) for file in (ca, *(certificate or ())) if file)
        raise ConfigError(f"the certificate {names} cannot be read: {error}") from error
    return context


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _detail(answer: httpx.Response) -> str:
    try:
        check_depth(answer.content)
        return str(answer.json()["detail"])[:300]
    except (FormatError, ValueError, KeyError, TypeError):
        return answer.text[:200]


class RemoteOutbox(RemoteServer):
    """What `anacostia outbox`, or the server of a pipeline, serves: an outbox and its run log."""

    what = "outbox"

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        return self.ask(method, f"/api/outbox{path}", **arguments)

    # ------------------------------------------------------------------ as `sending.Source`

    def open(self) -> list[Intent]:
        """Intents to be carried out now."""
        return [from_json(data) for data in self._ask("GET", "/open")["open"]]

    def get(self, key: str) -> Intent | None:
        """The intent of that key, if there is one."""
        found = self._ask("GET", "/intent", params={"key": key})
        return None if found is None else from_json(found)

    def failed(self) -> list[Intent]:
        """Intents that a contract refused."""
        return [from_json(data) for data in self._ask("GET", "/failed")]

    def flush(self) -> None:
        """Let whatever waits for others go now."""
        self._ask("POST", "/flush")

    def move(
        self, intent: Intent, state: str, then: Iterable[Intent] = (), **columns: object
    ) -> bool:
        """Change an intent's state if nobody else has, and add what follows, atomically."""
        plain = {k: v.hex() if isinstance(v, bytes) else v for k, v in columns.items()}
        body = {
            "intent": to_json(intent),
            "state": state,
            "then": [to_json(follower) for follower in then],
            "columns": plain,
        }
        return bool(self._ask("POST", "/move", json=body))

    def retry(self, intent: Intent) -> bool:
        """Let a failed intent be tried again, because what made it fail was mended."""
        return self.move(intent, "pending", **AFRESH)

    def note_error(self, intent: Intent, error: Exception) -> None:
        """Keep the reason why an intent is not done yet."""
        self._ask("POST", "/error", json={"intent": to_json(intent), "error": shown(error)})

    # ------------------------------------------------------------------ as `anchoring.LogSource`

    @property
    def salt(self) -> bytes:
        """32 random bytes that, with the owner's address, make the log's id on chain."""
        return bytes.fromhex(self._ask("GET", "/open")["salt"])

    def size(self) -> int:
        """Number of records."""
        return int(self._ask("GET", "/open")["size"])

    def root(self, size: int) -> bytes:
        """RFC 9162 root of the first `size` records."""
        return bytes.fromhex(self._ask("GET", "/root", params={"size": size}))

    def consistency_proof(self, old: int, new: int) -> list[bytes]:
        """Proof that the log of `new` records extends that of `old`."""
        steps = self._ask("GET", "/consistency", params={"old": old, "new": new})
        return [bytes.fromhex(step) for step in steps]

    def anchored(self, size: int, outcome: dict[str, Any]) -> None:
        """Told, once or more, that the head of `size` records is on chain."""
        self._ask("POST", "/anchored", json={"size": size, "outcome": outcome})
