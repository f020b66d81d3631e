"""Servers that nobody has to trust: what they can make a client do."""

from __future__ import annotations

import gzip
import socket
import tracemalloc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread

import pytest

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import StorageError, StoreUnavailableError
from anacostia_blockchain.storage.gateway import GatewayStore
from anacostia_blockchain.storage.http import Service
from anacostia_blockchain.storage.web3storage import service as w3up
from anacostia_blockchain.storage.web3storage.identity import Signer

LITTLE = 8 << 20


class Stranger:
    """A server on loopback that gives every request the same answer."""

    def __init__(self, status: int, told: dict[str, str], body: bytes) -> None:
        self.asked: list[dict[str, str]] = []
        self.told = told
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


# ---------------------------------------------------------------------- ways into our own network


@pytest.fixture
def names(monkeypatch):
    """Addresses by name, each as often as it is looked up; the last one for good."""
    real = socket.getaddrinfo
    known = {"up.example": ["93.184.216.34"]}

    def looked_up(host, port, *arguments, **options):
        host = host.decode() if isinstance(host, bytes) else host
        addresses = known.get(host, [host])
        address = addresses.pop(0) if len(addresses) > 1 else addresses[0]
        return real(address, port, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", looked_up)
    return known


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("addresses", [["93.184.216.34", "127.0.0.1"], ["127.0.0.1"]])
def test_a_name_that_leads_to_this_machine_the_second_time(names, scheme, addresses):
    """It is looked up for the check, and again for the connection: nothing is sent there."""
    with stranger() as server:
        url = f"{scheme}://rebind.example:{server.port}"
        for ask in (
            lambda: GatewayStore(url, public_only=True).block(CID.of(b"x")),
            lambda: connection_to("https://up.example").request("GET", f"{url}/claimed"),
        ):
            names["rebind.example"] = list(addresses)
            with pytest.raises(StorageError, match=r"rebind\.example is an address of a private"):
                ask()
            assert names["rebind.example"] == ["127.0.0.1"]
        assert server.asked == []


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "rebind.example"])
def test_a_redirect_to_another_server_of_our_network(names, host):
    names["rebind.example"] = ["93.184.216.34", "127.0.0.1"]
    with stranger() as internal:
        location = {"Location": f"http://{host}:{internal.port}/admin/restart"}
        with stranger(302, location) as gateway:
            with pytest.raises(StorageError, match="is an address of a private network"):
                GatewayStore(gateway.url).block(CID.of(b"x"))
            assert len(gateway.asked) == 1
        assert internal.asked == []


@pytest.mark.parametrize(
    ("named", "led"), [("127.0.0.1", "127.0.0.1"), ("localhost", "bafk.ipfs.localhost")]
)
def test_a_gateway_that_the_user_names_may_be_anywhere(names, named, led):
    """And may lead to its own host, as Kubo does from `localhost` to one for each content."""
    names |= {"localhost": ["127.0.0.1"], "bafk.ipfs.localhost": ["127.0.0.1"]}
    with stranger(302) as server:
        server.told["Location"] = f"http://{led}:{server.port}/moved"
        with pytest.raises(StoreUnavailableError, match="TooManyRedirects"):
            GatewayStore(f"http://{named}:{server.port}").block(CID.of(b"x"))
    hosts = [asked["host"] for asked in server.asked]
    assert hosts == [f"{named}:{server.port}"] + [f"{led}:{server.port}"] * 30
