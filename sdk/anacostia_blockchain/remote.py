"""An outbox on another machine, and the run log that it anchors, over HTTP."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx

from anacostia_blockchain.errors import AccessDeniedError, ConfigError, StoreUnavailableError
from anacostia_blockchain.outbox import Intent, from_json, shown, to_json

if TYPE_CHECKING:
    from anacostia_blockchain.web.guard import Token

_TIMEOUT = 30.0
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class RemoteOutbox:
    """What `anacostia outbox`, or the server of a pipeline, serves.

    Args:
        url: of the server. Plain `http` is for loopback alone: the token would be seen.
        token: of the server.
        ca: certificate of whoever issued the server's; None: those of the system.

    Raises:
        ConfigError: the URL is none, or unprotected; or the certificate cannot be read.
    """

    def __init__(self, url: str, token: Token, ca: Path | None = None) -> None:
        parsed = httpx.URL(url)
        if parsed.scheme not in ("http", "https") or not parsed.host:
            raise ConfigError(f"{url!r} is not the URL of a server")
        if parsed.scheme == "http" and parsed.host not in _LOOPBACK:
            raise ConfigError(f"{url} would show the token to everyone on the way: use https")
        try:
            verify = ssl.create_default_context(cafile=ca) if ca else True
        except OSError as error:
            raise ConfigError(f"the certificate {ca} cannot be read: {error}") from error
        self.url = url.rstrip("/")
        self._client = httpx.Client(
            base_url=f"{self.url}/api/outbox",
            headers=token.header,
            verify=verify,
            timeout=_TIMEOUT,
        )

    def _ask(self, method: str, path: str, **arguments: Any) -> Any:  # noqa: ANN401 - JSON
        try:
            answer = self._client.request(method, path, **arguments)
        except httpx.HTTPError as error:
            raise StoreUnavailableError(
                f"the outbox at {self.url} does not answer ({error}): start it, or check the URL "
                "and the certificate"
            ) from error
        if answer.status_code in (401, 403):
            raise AccessDeniedError(f"the outbox at {self.url} refuses the token: check it")
        if answer.status_code != 200:
            raise StoreUnavailableError(
                f"{self.url} answers {answer.status_code}: {answer.text[:200]}"
            )
        try:
            return answer.json()
        except ValueError as error:
            raise StoreUnavailableError(f"{self.url} is no outbox") from error

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
