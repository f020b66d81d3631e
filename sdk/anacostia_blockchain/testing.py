"""For tests, ours and yours: a real chain of one's own on loopback."""

from __future__ import annotations

import atexit
import json
import os
import platform
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import Request, urlopen

from anacostia_blockchain.errors import ChainUnavailableError, ConfigError

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain, PrivateKeySigner
    from anacostia_blockchain.deployment import Deployment

ANVIL_VARIABLE = "ANACOSTIA_ANVIL"

DEV_MNEMONIC = "test test test test test test test test test test test junk"
"""Every development chain funds this mnemonic's accounts. The whole world knows their keys."""

_START_TIMEOUT = 30.0


def find_anvil() -> Path:
    """The anvil binary: `ANACOSTIA_ANVIL`, else one on PATH, else this checkout's.

    Raises:
        ConfigError: there is none.
    """
    named = os.environ.get(ANVIL_VARIABLE)
    if named:
        if not Path(named).is_file():
            raise ConfigError(f"{ANVIL_VARIABLE} names {named}, which is not there")
        return Path(named)
    found = shutil.which("anvil")
    if found:
        return Path(found)
    machine = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64"}.get(platform.machine(), "")
    package = f"node_modules/@foundry-rs/anvil-{sys.platform}-{machine}/bin/anvil"
    for folder in Path(__file__).resolve().parents:
        if (folder / package).is_file():
            return folder / package
    raise ConfigError(
        f"anvil is not installed: install Foundry, or set {ANVIL_VARIABLE} to its path "
        "(in a checkout: run scripts/setup)"
    )


def dev_signer(account: int = 0) -> PrivateKeySigner:
    """One of the ten public development accounts."""
    from eth_account import Account  # noqa: PLC0415 - loads slowly

    from anacostia_blockchain.chain import PrivateKeySigner  # noqa: PLC0415

    Account.enable_unaudited_hdwallet_features()
    path = f"m/44'/60'/0'/0/{account}"
    return PrivateKeySigner(bytes(Account.from_mnemonic(DEV_MNEMONIC, account_path=path).key))


class LocalChain:
    """Anvil on a free loopback port, for as long as a `with` block lasts.

    Args:
        chain_id: that it says it has.
        block_time: seconds between blocks; None: one for each transaction.
        state: file to take its state from and leave it in; None: it begins empty.
        fork: RPC URL of a chain to begin as a copy of, which is read as it is needed.

    Example:
        >>> with LocalChain() as local:  # doctest: +SKIP
        ...     hub = local.connect()
    """

    def __init__(
        self,
        *,
        chain_id: int = 31337,
        block_time: float | None = None,
        state: Path | None = None,
        fork: str | None = None,
    ) -> None:
        self.chain_id = chain_id
        self._options = ["--chain-id", str(chain_id)]
        if block_time is not None:
            self._options += ["--block-time", str(block_time)]
        if state is not None:
            self._options += ["--state", str(state)]
        if fork is not None:
            self._options += ["--fork-url", fork]
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self.rpc_url = ""

    def __enter__(self) -> LocalChain:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    def start(self) -> LocalChain:
        """Start it and wait until it answers.

        Raises:
            ConfigError: anvil is not installed.
            ChainUnavailableError: it did not start.
        """
        with closing(socket.socket()) as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        command = [str(find_anvil()), "--host", "127.0.0.1", "--port", str(port), "--silent"]
        self._folder = tempfile.TemporaryDirectory(prefix="anacostia-chain-")
        self._process = subprocess.Popen(  # noqa: S603 - our own arguments
            [*command, *self._options], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        atexit.register(self.stop)
        self.rpc_url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + _START_TIMEOUT
        while not answers(self.rpc_url, self.chain_id):
            if self._process.poll() is not None or time.monotonic() > deadline:
                self.stop()
                raise ChainUnavailableError("anvil did not start")
            time.sleep(0.02)
        return self

    def stop(self) -> None:
        """Stop it; twice does no harm."""
        atexit.unregister(self.stop)
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            self._process = None
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    @property
    def state_dir(self) -> Path:
        """A folder of this chain's own, for nonce leases."""
        if self._folder is None:
            raise ConfigError("the chain is not running")
        return Path(self._folder.name)

    def chain(self, account: int = 0, *, confirmations: int = 0) -> Chain:
        """A connection that signs with a development account."""
        from anacostia_blockchain.chain import Chain  # noqa: PLC0415 - loads web3

        return Chain.connect(
            self.rpc_url,
            signer=dev_signer(account),
            chain_id=self.chain_id,
            confirmations=confirmations,
            state_dir=self.state_dir,
        )

    def deploy(self) -> Deployment:
        """Deploy the contracts; again, they are found where they are."""
        from anacostia_blockchain.deployment import deploy  # noqa: PLC0415
        from anacostia_blockchain.promotion.service import deploy_gate, install_service  # noqa: PLC0415

        chain = self.chain()
        return deploy_gate(chain, deploy(chain), install_service(chain))


def answers(url: str, chain_id: int) -> bool:
    """Whether a chain of that id answers there: another program may have taken the port."""
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}).encode()
    request = Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    try:
        with urlopen(request, timeout=2) as answer:  # noqa: S310
            return bool(json.load(answer).get("result") == hex(chain_id))
    except (URLError, OSError, ValueError, AttributeError):
        return False
