"""The local chain of a project: anvil in the background, its state kept in the project's folder.

`anacostia up` starts it and `anacostia down` stops it; whoever connects to "local" while it is down
brings it up again with the state it had. Files in the folder: `network.json` (where it listens),
`chain.json` (its state), `states` (what it has no room for), `anvil.log`, `deployments/31337.json`.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from anacostia_blockchain._servers import free_ports
from anacostia_blockchain.errors import ChainUnavailableError, ConfigError
from anacostia_blockchain.testing import answers, find_anvil, old_states_in

if TYPE_CHECKING:
    from collections.abc import Iterator

CHAIN_ID = 31337
"""Of every local chain, as development tools expect."""

_TIMEOUT = 120.0
"""Seconds to start or to stop: with a large state and a busy machine it takes some."""

_SLOW = 30.0
"""Seconds for an answer: a slow chain is not a dead one, beside which another would begin."""


@dataclass(frozen=True, slots=True)
class LocalNetwork:
    """A running local chain."""

    rpc_url: str
    pid: int


def up(home: Path) -> LocalNetwork:
    """Start the project's chain, or return the one that runs; its state goes on where it was.

    Raises:
        ConfigError: anvil is not installed.
        ChainUnavailableError: it did not start; `anvil.log` says why.
    """
    home.mkdir(parents=True, exist_ok=True)
    with _lock(home):
        running = find(home)
        if running is not None:
            return running
        network = _start(home)
        (home / "network.json").write_text(json.dumps(asdict(network)))
        return network


def down(home: Path) -> bool:
    """Stop the project's chain; it writes its state. False if none was running.

    Raises:
        ChainUnavailableError: it does not end in two minutes.
    """
    with _lock(home):
        running = find(home)
        if running is None:
            return False
        with suppress(ProcessLookupError):
            os.kill(running.pid, signal.SIGTERM)
        deadline = time.monotonic() + _TIMEOUT
        while not _ended(running.pid):
            if time.monotonic() > deadline:
                raise ChainUnavailableError(
                    f"anvil, process {running.pid}, does not end: it may still be writing its state"
                )
            time.sleep(0.02)  # not on every system is one told how another's child ends
        (home / "network.json").unlink(missing_ok=True)
        return True


def find(home: Path) -> LocalNetwork | None:
    """The project's chain if it is running."""
    try:
        network = LocalNetwork(**json.loads((home / "network.json").read_text()))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return network if answers(network.rpc_url, CHAIN_ID, timeout=_SLOW) else None


def exists(home: Path) -> bool:
    """Whether the project has a local chain, running or not."""
    return (home / "chain.json").exists() or find(home) is not None


def _start(home: Path) -> LocalNetwork:
    (port,) = free_ports(1)
    command = [str(find_anvil()), "--host", "127.0.0.1", "--port", str(port)]
    command += ["--chain-id", str(CHAIN_ID), "--state", str(home / "chain.json")]
    listens = home / "anvil.json"  # written once it has the port, which another may have taken
    listens.unlink(missing_ok=True)
    command += ["--config-out", str(listens)]
    # Old state is kept so that a bundle can prove what the ledger held at an earlier block.
    command += ["--preserve-historical-states", "--state-interval", "30"]
    command += map(str, old_states_in(home))
    with (home / "anvil.log").open("wb") as log:
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            command, stdout=log, stderr=log, stdin=subprocess.DEVNULL, start_new_session=True
        )
    url = f"http://127.0.0.1:{port}"
    deadline = time.monotonic() + _TIMEOUT
    while not (listens.exists() and answers(url, CHAIN_ID)):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            raise ChainUnavailableError(f"anvil did not start: see {home / 'anvil.log'}")
        time.sleep(0.05)
    listens.unlink()  # it lists the development keys, and nobody reads it
    return LocalNetwork(url, process.pid)


def _ended(pid: int) -> bool:
    """Whether a process has ended, be it our child, another's, or nobody's."""
    with suppress(ChildProcessError):
        os.waitpid(pid, os.WNOHANG)
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat").read_text()
    except ProcessLookupError:
        return True
    except FileNotFoundError:
        return False  # no /proc; or it ended just now, and is asked about again
    return state.rpartition(")")[2].split()[0] == "Z"  # another started it, and has not asked


@contextmanager
def setting_up(home: Path) -> Iterator[None]:
    """One process at a time puts the contracts on a project's chain, and records where."""
    with _lock(home, "setup.lock"):
        yield


@contextmanager
def _lock(home: Path, name: str = "network.lock") -> Iterator[None]:
    """One process at a time starts or stops a project's chain."""
    if not home.is_dir():
        raise ConfigError(f"{home} holds no local chain: run `anacostia up` first")
    import fcntl  # noqa: PLC0415 - not there on Windows, where anvil runs by hand

    with (home / name).open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
