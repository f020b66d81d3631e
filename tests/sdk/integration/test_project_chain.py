"""The chain of a project, started and stopped by processes that know nothing of each other."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from anacostia_blockchain import local, testing
from anacostia_blockchain._servers import free_ports
from anacostia_blockchain.chain import Chain
from anacostia_blockchain.errors import ChainUnavailableError
from anacostia_blockchain.local import LocalNetwork
from anacostia_blockchain.testing import LocalChain
from waiting import wait_for

pytestmark = pytest.mark.integration


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path
    local.down(tmp_path)


def halt(network: LocalNetwork) -> None:
    """Stop our child for a while; it may act on what comes next until all its threads have."""
    os.kill(network.pid, signal.SIGSTOP)
    assert os.WIFSTOPPED(os.waitpid(network.pid, os.WUNTRACED)[1])


def test_a_slow_chain_is_not_a_dead_one(home: Path) -> None:
    """Another beside it would begin from an older state, and what is on this one would be gone."""
    network = local.up(home)
    goes_on = threading.Timer(4, os.kill, (network.pid, signal.SIGCONT))
    halt(network)
    goes_on.start()
    try:
        assert local.up(home) == network
    finally:
        goes_on.join()


def test_a_dead_one_is_followed_by_another(home: Path) -> None:
    network = local.up(home)
    os.kill(network.pid, signal.SIGKILL)
    os.waitpid(network.pid, 0)
    assert local.find(home) is None
    assert not local.down(home)
    again = local.up(home)
    assert again.pid != network.pid
    assert not (home / "anvil.json").exists()
    assert local.find(home) == again


def test_old_states_are_kept_here_and_not_by_one_that_was_killed(home: Path, monkeypatch) -> None:
    """In the home folder, where anvil puts them, nobody would look for them."""
    monkeypatch.setenv("HOME", str(home / "user"))
    for _ in range(2):
        network = local.up(home)
        chain = Chain.connect(network.rpc_url)
        chain.rpc("anvil_mine", hex(600))
        (states,) = (home / "states").iterdir()
        assert list(states.iterdir())
        assert int(chain.rpc("eth_getBalance", chain.rpc("eth_accounts")[0], hex(5)), 16)
        os.kill(network.pid, signal.SIGKILL)
        os.waitpid(network.pid, 0)
    assert not (home / "user").exists()


def test_it_has_ended_where_its_parent_has_not_asked(home: Path) -> None:
    """As when a notebook started it, and `anacostia down` in a terminal stops it."""
    script = "from pathlib import Path; from anacostia_blockchain import local; import sys\n"
    script += "print(local.up(Path(sys.argv[1])).pid, flush=True); sys.stdin.read()"
    command = [sys.executable, "-c", script, str(home)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        pid = int(parent.stdout.readline())
        started = time.monotonic()
        assert local.down(home)
        assert time.monotonic() - started < local._TIMEOUT / 2, (
            "it waited for a process that is gone"
        )
        os.kill(pid, 0)  # a zombie still, or this would be no test
        assert (home / "chain.json").exists()
        parent.stdin.close()


def test_one_that_does_not_end_is_said(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It may be at its state still: another that starts now would read half of it."""
    network = local.up(home)
    with monkeypatch.context() as patched:
        patched.setattr(local, "_TIMEOUT", 0.5)
        patched.setattr(local, "find", lambda _: network)
        halt(network)
        with pytest.raises(ChainUnavailableError, match=f"process {network.pid}, does not end"):
            local.down(home)
        assert (home / "network.json").exists()
    os.kill(network.pid, signal.SIGCONT)
    wait_for(lambda: local._ended(network.pid))


def test_the_record_of_a_process_that_is_gone_is_taken_away(home: Path) -> None:
    """Though another chain answers at its port, whose process is not asked for."""
    network = local.up(home)
    dead = subprocess.Popen(["true"])
    dead.wait()
    record = {"rpc_url": network.rpc_url, "pid": dead.pid}
    (home / "network.json").write_text(json.dumps(record))
    assert local.find(home) == LocalNetwork(network.rpc_url, dead.pid)
    assert local.down(home)
    assert local.find(home) is None
    os.kill(network.pid, signal.SIGTERM)


def test_a_port_that_another_chain_took_is_not_this_ones(home: Path, monkeypatch) -> None:
    """It is asked which are free, and any chain of that id that answers there would do."""
    with LocalChain() as other:
        taken = int(other.rpc_url.rpartition(":")[2])
        ports = iter([[taken], free_ports(1)])
        monkeypatch.setattr(testing, "free_ports", lambda _count: next(ports))
        with LocalChain() as own:
            assert own.rpc_url != other.rpc_url
            own.chain().rpc("anvil_mine", "0x3")
            assert other.chain().block_number() == 0
        monkeypatch.setattr(local, "free_ports", lambda _count: [taken])
        with pytest.raises(ChainUnavailableError, match=r"did not start: see .*anvil\.log"):
            local.up(home)
