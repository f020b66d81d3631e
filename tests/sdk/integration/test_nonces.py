"""Leased nonces: whoever sends from one account at once, nothing clashes and nothing gets stuck."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.chain.nonces import Nonces
from anacostia_blockchain.errors import (
    ContractRevertedError,
    StorageError,
    StoreBusyError,
    StoreFullError,
    TransactionTimeoutError,
)
from anacostia_blockchain.testing import LocalChain, dev_signer
from office import somebody
from outside import FULL, Outside
from waiting import wait_for

pytestmark = pytest.mark.integration

TO = "0x000000000000000000000000000000000000dEaD"
ADDRESS = "0x2c7536E3605D9C16a7a3D7b1898e529396a65c23"


def payment(value: int = 1) -> Call:
    return Call(TO, b"", "", "", value=value)


def nonces(path, mined: int = 0, pending: int | None = None) -> Nonces:
    counts = (mined, mined if pending is None else pending)
    return Nonces(path, 31337, ADDRESS, lambda: counts, lambda hashes: [False] * len(hashes))


def test_leases_do_not_overlap_and_gaps_are_filled_first(tmp_path):
    path = tmp_path / "nonces.db"
    leases = nonces(path, mined=5)
    assert leases.lease(3) == [5, 6, 7]
    assert nonces(path, mined=5).lease() == [8]
    leases.give_back(6)
    assert leases.lease(2) == [6, 9]


def test_below_a_nonce_only_what_is_free_is_leased(tmp_path):
    leases = nonces(tmp_path / "nonces.db", mined=5)
    assert leases.lease(4, below=5) == []
    assert leases.lease(4) == [5, 6, 7, 8]
    leases.give_back(5, 7)
    assert leases.lease(1, below=8) == [5]
    assert leases.lease(9, below=9) == [7]
    assert leases.lease(9, below=9) == []


def test_what_the_chain_has_counted_is_not_leased(tmp_path):
    """Mined or pending, whoever sent it."""
    path = tmp_path / "nonces.db"
    assert nonces(path).lease(2) == [0, 1]
    assert nonces(path, mined=1, pending=4).lease() == [4]


def test_accounts_and_chains_have_their_own(tmp_path):
    path = tmp_path / "nonces.db"
    assert nonces(path).lease() == [0]
    assert Nonces(path, 1, ADDRESS, lambda: (0, 0), list).lease() == [0]
    assert Nonces(path, 31337, TO, lambda: (0, 0), list).lease() == [0]


LEASE = """
import os, sys, time
from pathlib import Path
from anacostia_blockchain.chain.nonces import Nonces
leases = Nonces(Path(sys.argv[1]), 31337, sys.argv[2], lambda: (0, 0), list)
print(leases.lease(2), flush=True)
time.sleep(60)
"""


def test_the_lease_of_a_process_that_died_is_taken_over(tmp_path):
    """And that of one that lives is not."""
    path = tmp_path / "nonces.db"
    command = [sys.executable, "-c", LEASE, str(path), ADDRESS]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline().strip() == "[0, 1]"
    assert nonces(path).lease() == [2]
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert nonces(path).lease(2) == [0, 1]


def test_a_process_of_the_same_number_is_another(tmp_path):
    """Process ids are used again: when it began tells them apart."""
    path = tmp_path / "nonces.db"
    nonces(path).lease()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE leases SET owner = ?", (f"{os.getpid()}:12345",))
    assert nonces(path).lease() == [0]


def test_threads_lease_each_nonce_once(tmp_path):
    leases = nonces(tmp_path / "nonces.db")
    with ThreadPoolExecutor(8) as pool:
        found = [nonce for part in pool.map(lambda _: leases.lease(5), range(20)) for nonce in part]
    assert sorted(found) == list(range(100))


def test_a_file_that_is_held_too_long_is_a_typed_error(tmp_path, monkeypatch):
    monkeypatch.setattr("anacostia_blockchain.chain.nonces._PATIENCE", 0.1)
    path = tmp_path / "nonces.db"
    nonces(path).lease()
    with sqlite3.connect(path, isolation_level=None) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StoreBusyError, match="another process"):
            nonces(path).lease()


def test_a_full_disk_is_a_typed_error(tmp_path):
    leases = nonces(tmp_path / "nonces.db")
    with Outside({6: FULL}) as outside, pytest.raises(StoreFullError, match="nothing was signed"):
        leases.lease()
    assert [strike.name for strike in outside.struck] == ["COMMIT"]
    assert leases.lease() == [0]


def test_a_damaged_file_is_a_typed_error(tmp_path):
    path = tmp_path / "nonces.db"
    path.write_bytes(b"no database" * 100)
    with pytest.raises(StorageError, match="delete it when nothing is being sent"):
        nonces(path).lease()


def test_threads_send_from_one_account(local_chain: LocalChain):
    chain = local_chain.chain(account=5)
    before = chain.balance(TO)
    with ThreadPoolExecutor(6) as pool:
        receipts = list(pool.map(lambda n: chain.send(payment(n + 1)), range(24)))
    assert len({receipt.hash for receipt in receipts}) == 24
    assert chain.balance(TO) - before == sum(range(25))


SEND = """
import sys
from pathlib import Path
from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.testing import dev_signer
chain = Chain.connect(sys.argv[1], signer=dev_signer(6), state_dir=Path(sys.argv[2]))
call = Call("0x000000000000000000000000000000000000dEaD", b"", "", "", value=1)
for _ in range(3):
    chain.send(call)
chain.send_many([call] * 12)
"""


def test_processes_send_from_one_account(local_chain: LocalChain, tmp_path):
    chain = local_chain.chain(account=6)

    def sent() -> int:
        count = chain.rpc("eth_getTransactionCount", dev_signer(6).address, "latest")
        return int(count, 16)

    before = sent()
    command = [sys.executable, "-c", SEND, local_chain.rpc_url, str(tmp_path)]
    workers = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for worker in workers:
        _, errors = worker.communicate(timeout=400)
        assert worker.returncode == 0, errors
    assert sent() - before == 3 * 15


def test_a_sender_killed_between_signing_and_sending_blocks_nobody(
    local_chain: LocalChain, tmp_path
):
    """Its nonce is a gap that the next transaction fills."""
    code = SEND.partition("for _ in")[0] + "import os; chain.sign(call); os._exit(9)"
    command = [sys.executable, "-c", code, local_chain.rpc_url, str(tmp_path)]
    assert subprocess.run(command, check=False).returncode == 9
    code = SEND.partition("for _ in")[0] + "chain.send(call)"
    command = [sys.executable, "-c", code, local_chain.rpc_url, str(tmp_path)]
    assert subprocess.run(command, check=False, timeout=400).returncode == 0


@pytest.fixture
def chain(local_chain: LocalChain, tmp_path) -> Chain:
    return Chain.connect(local_chain.rpc_url, signer=dev_signer(6), state_dir=tmp_path)


def in_the_pool(chain: Chain, nonce: int) -> bool:
    """Whether the account's transaction waits behind a gap."""
    queued = chain.rpc("txpool_content")["queued"]
    return any(str(nonce) in waiting for waiting in queued.values())


@pytest.mark.parametrize("many", [False, True])
def test_what_waits_behind_a_nonce_that_is_given_back_fills_it(chain: Chain, many):
    """Two wanted the same, and the one who was quicker to sign was slower to say so."""
    gap = [chain.sign(payment()), chain.sign(payment())]
    to = somebody()
    call = Call(to, b"", "", "", value=1)
    with ThreadPoolExecutor(1) as pool:
        sending = (
            pool.submit(chain.send_many, [call] * 2) if many else pool.submit(chain.send, call)
        )
        wait_for(lambda: in_the_pool(chain, gap[1].nonce + 1))
        for signed in gap:
            chain.abandon(signed)
        sending.result(timeout=60)
    assert chain.balance(to) == 1 + many
    assert not in_the_pool(chain, gap[1].nonce + 1)


def test_what_waits_behind_somebody_who_dies_fills_his_nonce(chain: Chain, local_chain, tmp_path):
    code = SEND.partition("for _ in")[0] + "print(chain.sign(call).nonce, flush=True); input()"
    command = [sys.executable, "-c", code, local_chain.rpc_url, str(tmp_path)]
    holder = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    nonce = int(holder.stdout.readline())
    to = somebody()
    with ThreadPoolExecutor(1) as pool:
        sending = pool.submit(chain.send, Call(to, b"", "", "", value=1))
        wait_for(lambda: in_the_pool(chain, nonce + 1))
        holder.kill()
        holder.wait()
        sending.result(timeout=60)
    assert chain.balance(to) == 1


def test_the_nonce_of_somebody_who_lives_is_left_to_him(chain: Chain):
    first, second = somebody(), somebody()
    held = chain.sign(Call(first, b"", "", "", value=1))
    with pytest.raises(TransactionTimeoutError):
        chain.send(Call(second, b"", "", "", value=1), timeout=2.5)
    assert in_the_pool(chain, held.nonce + 1)
    chain.broadcast(held.raw)
    chain.wait(held.hash, timeout=30)
    wait_for(lambda: chain.balance(second) == 1)
    assert chain.balance(first) == 1


def test_a_gap_that_cannot_be_filled_is_no_refusal_of_what_waits(chain: Chain, monkeypatch):
    """An account may be a contract that takes nothing."""

    def refused(_calls: list[Call]) -> list[int]:
        raise ContractRevertedError("Wallet_TakesNothing", {})

    call = Call(somebody(), b"", "", "", value=1, gas=21_000)
    gap = chain.sign(payment())
    sent = chain.sign(call)
    chain.broadcast(sent.raw)
    chain.abandon(gap)
    with monkeypatch.context() as patch:
        patch.setattr(chain, "_gas_limits", refused)
        with pytest.raises(TransactionTimeoutError):
            chain.wait(sent.hash, timeout=2.5)
    assert chain.wait(sent.hash, timeout=30).hash == sent.hash  # and its nonce was given back


def test_who_only_looks_on_fills_nothing(chain: Chain, local_chain: LocalChain):
    gap, sent = chain.sign(payment()), chain.sign(payment())
    chain.broadcast(sent.raw)
    chain.abandon(gap)
    for other in (Chain.connect(local_chain.rpc_url), local_chain.chain(account=7)):
        with pytest.raises(TransactionTimeoutError):
            other.wait(sent.hash, timeout=2.5)
    chain.wait(sent.hash, timeout=30)
