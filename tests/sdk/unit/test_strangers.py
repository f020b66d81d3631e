"""Servers that nobody has to trust: what they can make a client do."""

from __future__ import annotations

import gzip
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import StoreUnavailableError
from anacostia_blockchain.storage.gateway import GatewayStore
from anacostia_blockchain.storage.http import Service
from anacostia_blockchain.storage.web3storage import service as w3up
from anacostia_blockchain.storage.web3storage.identity import Signer

LITTLE = 8 << 20


class Stranger:
    """A server on loopback that gives every request the same answer."""

    def __init__(self, status: int, told: dict[str, str], body: bytes) -> None:
        self.asked: list[dict[str, str]] = []
        asked = self.asked

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                asked.append({"path": self.path, **headers})
                self.send_response(status)
                for name, value in {**told, "Content-Length": str(len(body))}.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_arguments: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port
        self.url = f"http://127.0.0.1:{self.port}"
        Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextmanager
def stranger(
    status: int = 200, headers: dict[str, str] | None = None, body: bytes = b"internal"
) -> Iterator[Stranger]:
    server = Stranger(status, headers or {}, body)
    try:
        yield server
    finally:
        server.close()


def connection_to(url: str) -> w3up.Connection:
    me = Signer(bytes(32))
    return w3up.Connection(w3up.Service(url, me.did, me.did), me)


# ---------------------------------------------------------------------- packed answers

ASKING: dict[str, Callable[[str], object]] = {
    "service": lambda url: Service(url).ask("GET", "/x"),
    "gateway": lambda url: GatewayStore(url).block(CID.of(b"x")),
    "w3up": lambda url: connection_to(url).request("GET", f"{url}/x", limit=1 << 20),
}


@pytest.mark.parametrize("ask", ASKING.values(), ids=ASKING)
@pytest.mark.parametrize("status", [200, 404, 500])
def test_a_few_bytes_that_unpack_to_gigabytes(ask, status):
    """They are not asked for, and not unpacked, whatever the status is."""
    body = gzip.compress(gzip.compress(bytes(64 << 20)))
    with stranger(status, {"Content-Encoding": "gzip, gzip"}, body) as server:
        tracemalloc.start()
        try:
            with pytest.raises(StoreUnavailableError, match="'gzip, gzip', not as it was asked"):
                ask(server.url)
            assert tracemalloc.get_traced_memory()[1] < LITTLE
        finally:
            tracemalloc.stop()
    assert {asked["accept-encoding"] for asked in server.asked} == {"identity"}


@pytest.mark.parametrize("encoding", ["identity", "Identity", ""])
def test_an_answer_as_it_is(encoding):
    with stranger(200, {"Content-Encoding": encoding}, b"{}") as server:
        assert Service(server.url).ask("GET", "/x") == {}
        assert connection_to(server.url).request("GET", server.url).body == b"{}"


def test_an_answer_without_an_end():
    with (
        stranger(body=bytes(1 << 20)) as server,
        pytest.raises(StoreUnavailableError, match="answers with over 1000 bytes"),
    ):
        connection_to(server.url).request("GET", server.url, limit=1000)
