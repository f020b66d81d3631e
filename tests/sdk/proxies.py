"""A service that misbehaves on request: a loopback proxy before a real one."""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

PIECE = 1 << 16


@dataclass
class Asked:
    """A request that came through; `sent` counts the bytes of its body that were passed on."""

    method: str
    path: str
    headers: dict[str, str]
    sent: int = 0


@dataclass
class Answer:
    """An answer in place of the service's own; `cut` promises more bytes than come.

    With `after`, the request is taken in full, and answered when that is set; `drip` is how many
    seconds pass before each byte of the body.
    """

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    after: threading.Event | None = None
    drip: float = 0


Fault = Callable[[Asked], Answer | None]
Alter = Callable[[Asked, int, bytes], bytes | None]
"""Changes a piece of an answer's body at an offset; None breaks the connection off there."""


class Proxy:
    """Passes requests on to `url`, except where `fault` and `alter` say otherwise."""

    def __init__(self, url: str) -> None:
        self.fault: Fault = lambda _asked: None
        self.alter: Alter = lambda _asked, _offset, piece: piece
        self.alter_upload: Alter = lambda _asked, _offset, piece: piece
        self.upload_limit: int | None = None
        """Bytes of a request's body after which the connection breaks."""
        self.asked: list[Asked] = []
        self.target = urlsplit(url).netloc
        handler = type("Handler", (_Handler,), {"proxy": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def paths(self, part: str = "") -> list[str]:
        """Paths that were asked for and hold `part`."""
        return [asked.path for asked in self.asked if part in asked.path]


class _Handler(BaseHTTPRequestHandler):
    """Handles one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # or every answer waits for an acknowledgement, 40 ms
    proxy: Proxy

    def handle_one_request(self) -> None:
        with suppress(OSError, ValueError):  # the client has gone, perhaps in mid-sentence
            super().handle_one_request()

    def do_GET(self) -> None:
        asked = Asked(self.command, self.path, dict(self.headers))
        self.proxy.asked.append(asked)
        decided = self.proxy.fault(asked)
        if decided is None:
            self._forward(asked)
            return
        for _ in self._body(asked):
            pass
        self._send(decided)

    do_POST = do_PUT = do_DELETE = do_HEAD = do_GET  # noqa: N815

    def _send(self, answer: Answer) -> None:
        if answer.after is not None:
            answer.after.wait()
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer.body) + (1000 if answer.cut else 0)))
        self.end_headers()
        for byte in answer.body if answer.drip else b"":
            time.sleep(answer.drip)
            self.wfile.write(bytes([byte]))
        self.wfile.write(b"" if answer.drip else answer.body)
        self.close_connection = answer.cut

    @property
    def _chunked(self) -> bool:
        return "chunked" in self.headers.get("Transfer-Encoding", "")

    def _body(self, asked: Asked) -> Iterator[bytes]:
        limit = self.proxy.upload_limit
        for piece in self._chunks() if self._chunked else self._plain():
            asked.sent += len(piece)
            if limit is not None and asked.sent > limit:
                self.close_connection = True
                raise ConnectionError
            yield self.proxy.alter_upload(asked, asked.sent - len(piece), piece) or b""

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline(), 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def _plain(self) -> Iterator[bytes]:
        left = int(self.headers.get("Content-Length") or 0)
        while left:
            piece = self.rfile.read(min(left, PIECE))
            left -= len(piece)
            yield piece

    def _forward(self, asked: Asked) -> None:
        connection = http.client.HTTPConnection(self.proxy.target, timeout=60)
        headers = {name: value for name, value in self.headers.items() if name.lower() != "host"}
        has_body = self._chunked or int(self.headers.get("Content-Length") or 0)
        body = self._body(asked) if has_body else None
        try:
            connection.request(
                asked.method, asked.path, body, headers, encode_chunked=self._chunked
            )
            self._pass(asked, connection.getresponse())
        except OSError:
            self.close_connection = True
        finally:
            connection.close()

    def _pass(self, asked: Asked, response: http.client.HTTPResponse) -> None:
        self.send_response(response.status)
        for name, value in response.getheaders():
            if name.lower() not in ("transfer-encoding", "connection", "date", "server"):
                self.send_header(name, value)
        chunked = response.getheader("Content-Length") is None
        if chunked:
            self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        offset = 0
        while piece := response.read(PIECE):
            altered = self.proxy.alter(asked, offset, piece)
            offset += len(piece)
            if altered is None:
                self.close_connection = True
                return
            self.wfile.write(b"%x\r\n%b\r\n" % (len(altered), altered) if chunked else altered)
        if chunked:
            self.wfile.write(b"0\r\n\r\n")

    def log_message(self, *_: object) -> None:
        pass


def flip(offset: int, where: str = "") -> Alter:
    """Change one bit of an answer, at a byte of its body, where the path holds `where`."""

    def alter(asked: Asked, start: int, piece: bytes) -> bytes:
        if where in asked.path and start <= offset < start + len(piece):
            at = offset - start
            return piece[:at] + bytes([piece[at] ^ 1]) + piece[at + 1 :]
        return piece

    return alter


def cut(offset: int, where: str = "") -> Alter:
    """Break an answer off at a byte of its body, where the path holds `where`."""

    def alter(asked: Asked, start: int, piece: bytes) -> bytes | None:
        return None if where in asked.path and start + len(piece) > offset else piece

    return alter
