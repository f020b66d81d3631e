"""A w3up service that lies: a loopback proxy before the real one.

It signs every receipt anew with a key of its own. To a client that was told that key it is the
service; what it alters is then a lie that is properly signed.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx

from anacostia_blockchain.storage.web3storage import ipld
from anacostia_blockchain.storage.web3storage.identity import Signer
from anacostia_blockchain.storage.web3storage.ipld import Link
from anacostia_blockchain.storage.web3storage.messages import CONTENT_TYPE
from anacostia_blockchain.storage.web3storage.service import Service

MESSAGE = "ucanto/message@7.0.0"


class LyingService:
    """Passes requests on to `real`, except for what is set on it.

    Attributes:
        key: signs the receipts; replace it to sign with another.
        answer: given a path, an answer (status, content type, body) instead of the real one.
        outcome: given an outcome and the ability it is of, what to say instead.
        hidden: ability of the tasks that follow, of which nothing is said.
    """

    def __init__(self, real: Service) -> None:
        self.key = Signer.generate()
        self.answer: Callable[[str], tuple[int, str, bytes] | None] = lambda _path: None
        self.outcome: Callable[[str, dict], None] = lambda _can, _outcome: None
        self.hidden = ""
        self.service = real
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # or every answer waits for an acknowledgement, 40 ms

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                self._answer(httpx.post(real.url + self.path, content=body, headers=TYPES), body)

            def do_GET(self) -> None:
                self._answer(httpx.get(real.url + self.path), b"")

            def _answer(self, answer: httpx.Response, request: bytes) -> None:
                status, kind, body = proxy.answer(self.path) or (
                    answer.status_code,
                    answer.headers.get("content-type", ""),
                    proxy.altered(answer.content, request)
                    if self.command == "POST"
                    else answer.content,
                )
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()
        url = f"http://127.0.0.1:{self._server.server_port}"
        self.service = replace(
            real, url=url, key=self.key.did, receipts=url + "/receipt", indexer=url, gateway=""
        )

    def __enter__(self) -> LyingService:
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def altered(self, answer: bytes, request: bytes) -> bytes:
        """The service's own receipts, said and signed anew."""
        root, blocks = ipld.read_car(answer)
        report = dict(ipld.get(blocks, root)[MESSAGE]["report"])
        for task, link in report.items():
            outcome = ipld.get(blocks, link)["ocm"]
            self.outcome(ability(request, Link.parse(task)), outcome)
            follows = outcome.get("fx", {})
            follows["fork"] = [t for t in follows.get("fork", ()) if not self._hides(blocks, t)]
            signed = {"ocm": outcome, "sig": self.key.sign(ipld.encode(outcome))}
            report[task] = ipld.put(blocks, signed)
        return ipld.write_car(ipld.put(blocks, {MESSAGE: {"report": report}}), blocks)

    def _hides(self, blocks: ipld.Blocks, task: Link) -> bool:
        return task in blocks and ipld.get(blocks, task)["att"][0]["can"] == self.hidden


TYPES = {"content-type": CONTENT_TYPE, "accept": CONTENT_TYPE}


def ability(request: bytes, task: Link) -> str:
    """What a task was about."""
    _, blocks = ipld.read_car(request)
    return ipld.get(blocks, task)["att"][0]["can"]
