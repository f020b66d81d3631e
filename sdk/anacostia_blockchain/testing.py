"""For tests, ours and yours: a real chain of one's own on loopback."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError
from urllib.request import Request, urlopen

from anacostia_blockchain._servers import ServerProcess, free_ports
from anacostia_blockchain.errors import ChainUnavailableError, ConfigError

if TYPE_CHECKING:
    from anacostia_blockchain.chain import Chain, PrivateKeySigner
    from anacostia_blockchain.deployment import Deployment

ANVIL_VARIABLE = "ANACOSTIA_ANVIL"

DEV_MNEMONIC = "test test test test test test test test test test test junk"
"""Every development chain funds this mnemonic's accounts. The whole world knows their keys."""

_START_TIMEOUT = 120.0

_PORTS = 5
"""Free ports that are tried: another program may take one before anvil does."""

_TAKEN = "Address already in use"
"""What anvil says then. It writes where `--config-out` says only once it has the port."""


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


def dev_key(account: int = 0) -> str:
    """The key of one of the ten development accounts, 0x and hexadecimal: everybody knows it."""
    from eth_account import Account  # noqa: PLC0415 - loads slowly

    Account.enable_unaudited_hdwallet_features()
    path = f"m/44'/60'/0'/0/{account}"
    return str(Account.from_mnemonic(DEV_MNEMONIC, account_path=path).key.to_0x_hex())


def dev_signer(account: int = 0) -> PrivateKeySigner:
    """One of the ten public development accounts."""
    from anacostia_blockchain.chain import PrivateKeySigner  # noqa: PLC0415 - loads web3

    return PrivateKeySigner(dev_key(account))


class LocalChain(ServerProcess):
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
            # What anvil keeps of a fork it finds again by chain id and block number alone, which
            # development chains share.
            self._options += ["--fork-url", fork, "--no-storage-caching"]
        super().__init__("chain")
        self.rpc_url = ""

    def __enter__(self) -> LocalChain:
        return self.start()

    def start(self) -> LocalChain:
        """Start it and wait until it answers.

        Raises:
            ConfigError: anvil is not installed.
            ChainUnavailableError: it did not start.
        """
        for left in reversed(range(_PORTS)):
            try:
                self._start_on(*free_ports(1))
                break
            except ChainUnavailableError as error:
                if _TAKEN not in str(error) or not left:
                    raise
        return self

    def _start_on(self, port: int) -> None:
        listens = self.folder / "anvil.json"
        listens.unlink(missing_ok=True)
        command: list[str | Path] = [find_anvil()]
        command += ["--host", "127.0.0.1", "--port", str(port), "--silent"]
        command += ["--config-out", listens]
        command += old_states_in(self.folder)
        self.rpc_url = f"http://127.0.0.1:{port}"
        self.launch(
            [*command, *self._options],
            lambda: listens.exists() and answers(self.rpc_url, self.chain_id),
            ChainUnavailableError,
            timeout=_START_TIMEOUT,
        )

    @property
    def state_dir(self) -> Path:
        """A folder of this chain's own, for nonce leases."""
        if self._process is None:
            raise ConfigError("the chain is not running")
        return self.folder

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
        from anacostia_blockchain.deployment import deploy  # noqa: PLC0415 - loads web3
        from anacostia_blockchain.promotion.service import deploy_gate, install_service  # noqa: PLC0415 - loads web3

        chain = self.chain()
        return deploy_gate(chain, deploy(chain), install_service(chain))


def old_states_in(folder: Path) -> list[str | Path]:
    """Anvil's options for states that it has no room for; those of one before it are removed.

    Else they go to the home folder, where those of a chain that is killed stay for ever.
    """
    states = folder / "states"
    shutil.rmtree(states, ignore_errors=True)
    return ["--cache-path", states]


def answers(url: str, chain_id: int, *, timeout: float = 2) -> bool:
    """Whether a chain of that id answers there: another program may have taken the port.

    Args:
        url: of the endpoint.
        chain_id: that it should have.
        timeout: seconds to wait for the answer of one that listens.
    """
    body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}).encode()
    request = Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - loopback
    try:
        with urlopen(request, timeout=timeout) as answer:  # noqa: S310 - loopback
            return bool(json.load(answer).get("result") == hex(chain_id))
    except (URLError, OSError, ValueError, AttributeError):
        return False
