"""JSON-RPC: one request or a batch, with the endpoint's errors told apart."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import requests
from web3 import HTTPProvider
from web3.types import RPCEndpoint

from anacostia_blockchain.errors import ChainUnavailableError

_TIMEOUT = 30


class RpcError(Exception):
    """The endpoint answered with an error.

    Attributes:
        code: JSON-RPC error code.
        data: revert data, where the endpoint gives it.
    """

    def __init__(self, error: dict[str, Any]) -> None:
        super().__init__(str(error.get("message", error)))
        self.code = error.get("code")
        self.data = _revert_data(error)


class Rpc:
    """An endpoint.

    Args:
        url: http or https.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        # Requests that may have been executed are not repeated by themselves: the caller knows
        # which ones are safe to send again.
        self._provider = HTTPProvider(
            url, request_kwargs={"timeout": _TIMEOUT}, exception_retry_configuration=None
        )

    def __repr__(self) -> str:
        return f"Rpc({self.host!r})"

    @property
    def host(self) -> str:
        """The URL without its path and query, where providers put their keys."""
        return "/".join(self.url.split("/")[:3]).split("@")[-1]

    def __call__(self, method: str, *params: object) -> Any:  # noqa: ANN401 - as the method says
        """Call a method.

        Raises:
            RpcError: the endpoint answered with an error.
            ChainUnavailableError: it did not answer, or with something else than JSON-RPC.
        """
        return self._result(
            self._ask(lambda: self._provider.make_request(RPCEndpoint(method), list(params)))
        )

    def batch(self, calls: Sequence[tuple[str, Sequence[object]]]) -> list[Any]:
        """Call several methods in one request; an `RpcError` stands in the place of a result."""
        requests_ = [(RPCEndpoint(method), list(params)) for method, params in calls]
        answers = self._ask(lambda: self._provider.make_batch_request(requests_))
        if not isinstance(answers, list):
            raise ChainUnavailableError(f"{self.host} does not take batches: {answers}")
        results = []
        for answer in answers:
            try:
                results.append(self._result(answer))
            except RpcError as error:
                results.append(error)
        return results

    def _ask(self, request: Any) -> Any:  # noqa: ANN401 - a provider's method and its answer
        try:
            return request()
        except (requests.RequestException, OSError, ValueError) as error:
            raise ChainUnavailableError(
                f"{self.host} does not answer ({type(error).__name__}): "
                "check the RPC URL and that the node runs"
            ) from None  # the library's message holds the URL, and with it a provider's key

    def _result(self, answer: Any) -> Any:  # noqa: ANN401
        if not isinstance(answer, dict) or ("result" not in answer and "error" not in answer):
            raise ChainUnavailableError(f"{self.host} answered something else than JSON-RPC")
        if answer.get("error") is not None:
            raise RpcError(answer["error"])
        return answer["result"]


def _revert_data(error: dict[str, Any]) -> bytes | None:
    """Revert data, wherever a node puts it: in `data`, or in `data.data`."""
    data = error.get("data")
    if isinstance(data, dict):
        data = data.get("data") or data.get("result")
    if isinstance(data, str) and data.startswith("0x"):
        try:
            return bytes.fromhex(data[2:])
        except ValueError:
            return None
    return None
