"""Nonces of two accounts: whoever fails or dies, none is used twice and no gap remains."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.errors import NonceConflictError, TransactionTimeoutError
from anacostia_blockchain.testing import LocalChain, dev_signer
from office import somebody
from outside import BROKEN, DEATHS, FULL, LOST, WAYS, Outside
from strikes import apart, examples, strike_everywhere, suffer
from waiting import wait_for

pytestmark = pytest.mark.integration

ACCOUNTS = st.sampled_from([2, 3])


@pytest.fixture(scope="module")
def local() -> Iterator[LocalChain]:
    with LocalChain() as chain:
        yield chain


def connect(local: LocalChain, home: Path, account: int = 2) -> Chain:
    chain = Chain.connect(local.rpc_url, signer=dev_signer(account), state_dir=home)
    chain.patience = 0.05
    return chain


def payments(count: int) -> list[Call]:
    return [Call(somebody(), b"", "", "", value=1) for _ in range(count)]


def nothing_is_stuck(chain: Chain) -> None:
    """What is sent next is mined at once, and nothing waits behind a gap."""
    chain.send(payments(1)[0], timeout=60)
    empty = {"pending": "0x0", "queued": "0x0"}
    # What was struck may have arrived late, and be on its way into a block.
    wait_for(lambda: chain.rpc("txpool_status") == empty)


@pytest.mark.parametrize("count", [1, 3])
def test_wherever_sending_fails_or_dies_nothing_is_stuck(local, tmp_path, count):
    """Whoever lives on has given back what was not sent; who died holds nothing."""
    alive = connect(local, tmp_path)  # it outlives them all, and so would its leases

    def send(calls: list[Call]) -> None:
        if count == 1:
            alive.send(calls[0], timeout=30)
        else:
            alive.send_many(calls, timeout=30)

    def check(calls: list[Call]) -> None:
        nothing_is_stuck(connect(local, tmp_path))
        assert all(alive.balance(call.to) <= 1 for call in calls)

    names = strike_everywhere(lambda: payments(count), send, check, omit=[FULL])
    assert {"COMMIT", "INSERT OR REPLACE"} <= names
    assert any("sendRawTransaction" in name for name in names)


@pytest.mark.parametrize("how", [BROKEN, FULL])
def test_a_lease_whose_end_was_not_written_is_ended_later(local, tmp_path, how):
    """The disk fails when a lease ends, and what was sent with it never arrived."""

    def work(count: int, home: Path, strikes: Mapping[int, str]) -> list[str]:
        """Send, as a process of its own does; returns what it waited for, in order."""
        chain, outside = connect(local, home), Outside(strikes)
        suffer(outside, lambda: chain.send_many(payments(count), timeout=30), dies=False)
        assert len(outside.struck) == len(strikes)
        if strikes:
            nothing_is_stuck(connect(local, home))
        return [point.name for point in outside.points]

    names = work(2, tmp_path / "counted", {})
    (sent,) = (at for at, name in enumerate(names) if "sendRaw" in name)
    fails = {sent: LOST}
    ends = max(at for at, name in enumerate(work(2, tmp_path / "lost", fails)) if name == "COMMIT")
    work(2, tmp_path / how, fails | {ends: how})


def test_what_the_pool_dropped_leaves_no_gap(local, tmp_path):
    """A node forgets what it had taken, as full pools do; whoever sent it lives on."""
    chain = connect(local, tmp_path)
    chain.rpc("evm_setAutomine", False)
    with pytest.raises(TransactionTimeoutError):
        chain.send(payments(1)[0], timeout=0.1)
    with pytest.raises(TransactionTimeoutError):
        chain.send_many(payments(3), timeout=0.1)
    chain.rpc("anvil_dropAllTransactions")
    chain.rpc("evm_setAutomine", True)
    nothing_is_stuck(chain)


def test_what_waits_behind_a_gap_keeps_its_nonce(local, tmp_path):
    """Somebody holds the nonce before it; what is sent next goes behind it, never in its place."""
    chain = connect(local, tmp_path)
    (gap,) = chain._nonces.lease()
    calls = payments(3)
    for call in calls:
        with pytest.raises(TransactionTimeoutError):
            chain.send(call, timeout=0.2)  # its fees are raised meanwhile
    assert chain._nonces.lease() == [gap + 4]
    chain._nonces.give_back(gap, gap + 4)
    nothing_is_stuck(connect(local, tmp_path))
    assert all(chain.balance(call.to) == 1 for call in calls)


FAILURES = sorted({how for ways in WAYS.values() for how in ways})
STRIKES = st.dictionaries(st.integers(0, 25), st.sampled_from(FAILURES), max_size=2)


class Accounts(RuleBasedStateMachine):
    """Two accounts lease, give back, send and replace; on one machine, with one file of leases."""

    def __init__(self, local: LocalChain) -> None:
        super().__init__()
        self.local = local
        self.folder = TemporaryDirectory()
        self.chains = {account: self.open(account) for account in (2, 3)}
        self.leased: dict[int, set[int]] = {2: set(), 3: set()}
        self.paid: list[str] = []
        self.mines = True

    def open(self, account: int) -> Chain:
        return connect(self.local, Path(self.folder.name), account)

    @rule(account=ACCOUNTS, count=st.integers(1, 4))
    def lease(self, account: int, count: int) -> None:
        nonces = set(self.chains[account]._nonces.lease(count))
        assert len(nonces) == count
        assert not nonces & self.leased[account]
        self.leased[account] |= nonces

    @rule(account=ACCOUNTS, places=st.sets(st.integers(0, 7)))
    def give_back(self, account: int, places: set[int]) -> None:
        nonces = [n for place, n in enumerate(sorted(self.leased[account])) if place in places]
        self.chains[account]._nonces.give_back(*nonces)
        self.leased[account] -= set(nonces)

    @rule(account=ACCOUNTS, count=st.integers(1, 3), strikes=STRIKES)
    def send(self, account: int, count: int, strikes: dict[int, str]) -> None:
        """Behind nonces that are leased and not sent it waits, and is given up for now."""
        chain, calls = self.chains[account], payments(count)
        self.paid += [call.to for call in calls]
        dies = bool(set(strikes.values()) & set(DEATHS))
        may_wait = bool(strikes or not self.mines or self.leased[account])
        timeout = 0.06 if may_wait else 60

        def work() -> None:
            try:
                if count == 1:
                    chain.send(calls[0], timeout=timeout)
                else:
                    chain.send_many(calls, timeout=timeout)
            except TransactionTimeoutError:
                assert may_wait
            except NonceConflictError as error:
                raise SystemExit("a nonce was used twice") from error

        suffer(Outside(strikes), work, dies=dies)

    @rule(account=ACCOUNTS, count=st.integers(1, 3))
    def lease_and_die(self, account: int, count: int) -> None:
        apart(lambda: self.open(account)._nonces.lease(count))

    @rule(account=ACCOUNTS)
    def forgotten_by_the_pool(self, account: int) -> None:
        self.chains[account].rpc("anvil_dropAllTransactions")

    @rule(mines=st.booleans())
    def blocks(self, mines: bool) -> None:
        self.mines = mines
        self.chains[2].rpc("evm_setAutomine", mines)
        if mines:
            self.chains[2].rpc("evm_mine")

    @invariant()
    def nothing_is_paid_twice(self) -> None:
        asked = [("eth_getBalance", [to, "latest"]) for to in self.paid]
        assert all(int(answer, 16) <= 1 for answer in self.chains[2].rpc.batch(asked))

    def teardown(self) -> None:
        try:
            self.blocks(mines=True)
            for account, chain in self.chains.items():
                chain._nonces.give_back(*self.leased[account])
                self.fill(chain)
            for chain in self.chains.values():
                nothing_is_stuck(chain)
        finally:
            self.chains[2].rpc("anvil_dropAllTransactions")  # a failure ends with its example
            self.chains[2].rpc("evm_setAutomine", True)
            self.folder.cleanup()

    @staticmethod
    def fill(chain: Chain) -> None:
        """Use the nonces that were given back: what waited behind them is mined, and no more is."""
        for _ in range(100):
            waiting = chain.rpc("txpool_content")["queued"]
            if (chain.address or "").lower() not in {address.lower() for address in waiting}:
                return
            chain.send(payments(1)[0], timeout=60)
        raise AssertionError(f"there is a gap that nobody fills: {waiting}")


def test_whatever_happens_no_gap_remains(local):
    run_state_machine_as_test(lambda: Accounts(local), settings=examples(10, 15))
