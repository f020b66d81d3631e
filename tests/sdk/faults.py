"""An endpoint that misbehaves on request: a loopback proxy before a real node."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.request import Request, urlopen

Body = dict[str, Any] | list[dict[str, Any]]
Answer = tuple[int, bytes]
Fault = Callable[[Body], "Answer | str | None"]
"""Decides on a request: None passes it on; "cut" and "drop" break the connection."""


class _Server(ThreadingHTTPServer):
    def handle_error(self, *_: object) -> None:
        """Say nothing: clients are killed here on purpose."""


class FaultyEndpoint:
    """Passes requests on to `url`, except where `fault` says otherwise; counts them by method.

    Attributes:
        target: where requests go: a node that starts again may have another address.
    """

    def __init__(self, url: str) -> None:
        self.target = url
        self.fault: Fault = lambda _body: None
        self.after: Fault = lambda _body: None
        """Like `fault`, but the node has carried out the request before."""
        self.methods: list[str] = []
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or every answer waits for an acknowledgement, 40 ms

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers["Content-Length"]))
                body = json.loads(data)
                many = body if isinstance(body, list) else [body]
                endpoint.methods += [request["method"] for request in many]
                decided = endpoint.fault(body)
                if decided is None:
                    answer = _forward(endpoint.target, data)
                    decided = endpoint.after(body) or (200, answer)
                self._answer(decided)

            def _answer(self, decided: Answer | str) -> None:
                if decided == "drop":
                    self.close_connection = True
                    return
                status, content = (200, b'{"jsonrpc": "2.0", ') if decided == "cut" else decided
                self.send_response(status)
                length = len(content) + (1000 if decided == "cut" else 0)
                self.send_header("Content-Length", str(length))
                self.end_headers()
                self.wfile.write(content)
                self.close_connection = decided == "cut"

            def log_message(self, *_: object) -> None:
                pass

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> FaultyEndpoint:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def on(method: str, answer: Answer | str) -> Fault:
    """A fault of one method, alone or in a batch."""

    def fault(body: Body) -> Answer | str | None:
        many = body if isinstance(body, list) else [body]
        return answer if any(request["method"] == method for request in many) else None

    return fault


def error_answer(message: str, code: int = -32000) -> Answer:
    """A JSON-RPC error to a single request."""
    error = {"jsonrpc": "2.0", "id": 0, "error": {"code": code, "message": message}}
    return 200, json.dumps(error).encode()


def _forward(url: str, data: bytes) -> bytes:
    request = Request(url, data, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    with urlopen(request, timeout=30) as answer:  # noqa: S310
        return bytes(answer.read())
