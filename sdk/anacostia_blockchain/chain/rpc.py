"""JSON-RPC: one request or a batch, with the endpoint's errors told apart."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote, unquote_plus, urlsplit

import requests
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from anacostia_blockchain.errors import ChainUnavailableError, ConfigError

_TIMEOUT = 30
_ATTEMPTS = 4
_SECRET = 6
"""Shorter parts of a URL are no keys, and may be words of an error message."""

_WORD = re.compile(r"[a-z-]{1,20}")
"""Nor is a step of a path such as `mainnet`."""

_LIMITED = 429
"""HTTP status of an endpoint that wants fewer requests: the one answer that is tried again."""

_TROUBLE = {-32603, -32005, -32002}
"""JSON-RPC codes: internal error, limit exceeded, resource unavailable (EIP-1474)."""


class RpcError(ChainUnavailableError):
    """The endpoint answered a request with an error.

    What the answer says of a contract, of funds or of a nonce is made an error of that kind by
    whoever asked. What is left says that this endpoint cannot answer.

    Attributes:
        reason: the endpoint's own words.
        code: JSON-RPC error code.
        data: revert data, where the endpoint gives it.
    """

    def __init__(self, host: str, reason: str, code: int | None, data: bytes | None) -> None:
        super().__init__(f"{host} answered with an error: {reason}")
        self.reason = reason
        self.code = code
        self.data = data

    @property
    def is_trouble(self) -> bool:
        """Whether it says that the endpoint is in trouble, and nothing of what was asked."""
        return self.code in _TROUBLE and not self.data


class Rpc:
    """An endpoint.

    Args:
        url: http or https. Providers put keys into it, so no error and no repr shows more than its
            host.

    Raises:
        ConfigError: it is no such URL.
    """

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ConfigError("the RPC URL must begin with http:// or https:// and name a host")
        self.host = parts.netloc.rpartition("@")[2]
        self._secrets = _secrets(url)
        self._takes_batches = True
        self._provider = HTTPProvider(
            url, request_kwargs={"timeout": _TIMEOUT}, exception_retry_configuration=None
        )

    def __repr__(self) -> str:
        return f"Rpc({self.host!r})"

    def __call__(self, method: str, *params: object) -> Any:  # noqa: ANN401 - as the method says
        """Call a method.

        Raises:
            RpcError: the endpoint answered with an error.
            ChainUnavailableError: it did not answer, or with something else than JSON-RPC.
        """
        request = RPCEndpoint(method), list(params)
        return self._result(self._ask(lambda: self._provider.make_request(*request)))

    def number(self, method: str, *params: object) -> int:
        """Call a method whose answer is a number.

        Raises:
            ChainUnavailableError: the answer is none.
        """
        answer = self(method, *params)
        try:
            return int(answer, 16)
        except (TypeError, ValueError):
            raise ChainUnavailableError(
                f"{self.host} answered {method} with no number: check the RPC URL"
            ) from None

    def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        """Call several methods in one request; an `RpcError` stands in the place of a result.

        An endpoint that refuses batches is asked one by one from then on.
        """
        if self._takes_batches and len(calls) > 1:
            batch = [(RPCEndpoint(method), list(params)) for method, params in calls]
            answers = self._ask(lambda: self._provider.make_batch_request(batch), refusable=True)
            if isinstance(answers, list) and len(answers) == len(calls):
                return [self._kept(self._result, answer) for answer in answers]
            self._takes_batches = False
        return [self._kept(self, method, *params) for method, params in calls]

    def scrubbed(self, text: str) -> str:
        """A text of somebody else's without what of our URL nobody may read."""
        for secret in self._secrets:
            text = text.replace(secret, "…")
        return text

    def _kept(self, ask: Callable[..., Any], *arguments: object) -> Any:  # noqa: ANN401 - JSON
        try:
            return ask(*arguments)
        except RpcError as error:
            return error

    def _ask(self, request: Callable[[], Any], *, refusable: bool = False) -> Any:  # noqa: ANN401 - JSON
        """Make a request. Every request of ours may be repeated: signed bytes count once.

        A client error (HTTP 4xx) to a `refusable` request is its refusal: the answer is None.
        """
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return request()
            except (requests.RequestException, OSError, ValueError, LookupError) as error:
                # Only what is known to be harmless is taken from the error: the library's own
                # message, and the error as a context, hold the URL.
                status = getattr(getattr(error, "response", None), "status_code", None)
                kind = type(error).__name__
            if status == _LIMITED and attempt < _ATTEMPTS:
                time.sleep(0.1 * 2**attempt)
            elif refusable and status is not None and 400 <= status < 500 and status != _LIMITED:
                return None
            else:
                break
        raise ChainUnavailableError(f"{self.host} {_trouble(status, kind)}")

    def _result(self, answer: Any) -> Any:  # noqa: ANN401 - JSON
        if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
            raise ChainUnavailableError(
                f"{self.host} answered something else than JSON-RPC: check the RPC URL"
            )
        error = answer.get("error")
        if error is None:
            return answer["result"]
        fields = error if isinstance(error, dict) else {"message": error}
        reason = self.scrubbed(str(fields.get("message", fields)))
        raise RpcError(self.host, reason, fields.get("code"), _revert_data(fields))


def _secrets(url: str) -> list[str]:
    """What of a URL nobody may read, as it stands there and decoded; what holds others is first."""
    parts = urlsplit(url)
    found = [url, parts.path.strip("/"), parts.query, parts.username or "", parts.password or ""]
    found += [step for step in parts.path.split("/") if not _WORD.fullmatch(step)]
    found += [field.partition("=")[2] or field for field in parts.query.split("&")]
    found += [decode(text) for text in found for decode in (unquote, unquote_plus)]
    return sorted({text for text in found if len(text) >= _SECRET}, key=len, reverse=True)


def to_hex(data: bytes) -> str:
    """Bytes as JSON-RPC writes them."""
    return "0x" + bytes(data).hex()


def to_bytes(text: str) -> bytes:
    """Bytes as JSON-RPC writes them, read."""
    return bytes.fromhex(text.removeprefix("0x"))


def block_tag(block: int | str) -> str:
    """A block's number, or a name such as "latest", as JSON-RPC writes it."""
    return hex(block) if isinstance(block, int) else block


def _trouble(status: int | None, kind: str) -> str:
    if status == _LIMITED:
        return "limits our requests (HTTP 429): wait a while, or use another endpoint"
    if status in (401, 403):
        return f"does not let us in (HTTP {status}): check the key in the RPC URL"
    if status is not None:
        return f"cannot answer (HTTP {status}): check the RPC URL, or use another endpoint"
    if kind in ("JSONDecodeError", "UnicodeDecodeError", "KeyError"):
        return "answered something else than JSON-RPC: check the RPC URL"
    return f"does not answer ({kind}): check the RPC URL and that the node runs"


def _revert_data(error: dict[str, Any]) -> bytes | None:
    """Revert data, wherever a node puts it: in `data`, or in `data.data`."""
    data = error.get("data")
    if isinstance(data, dict):
        data = data.get("data") or data.get("result")
    if isinstance(data, str) and data.startswith("0x"):
        try:
            return to_bytes(data)
        except ValueError:
            return None
    return None
