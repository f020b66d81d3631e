"""The outbox and its sender against a plain model, on a real chain, whatever fails or dies.

The intents are payments of one wei, each to an address of its own: so the chain itself says how
often one was sent. No contract helps: what is sent twice is paid twice.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from unittest import mock

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.testing import LocalChain, dev_signer
from office import ACCOUNT, REFUSER, Office, cost, dear, refuse, somebody
from outside import DEATHS, FULL, WAYS, Outside
from strikes import examples, strike_everywhere, suffer

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def local() -> Iterator[LocalChain]:
    with LocalChain() as chain:
        refuse(chain)
        yield chain


# ------------------------------------------------------------------ every point, every way


def test_wherever_it_fails_or_dies_each_intent_is_sent_once(local, tmp_path):
    """Of one intent, from before it is written to after it is confirmed."""
    names = strike_everywhere(
        somebody,
        lambda to: carry_out(Office(local, tmp_path), to),
        lambda to: check(Office(local, tmp_path), to),
        omit=[FULL],  # to this code the same as broken
    )
    assert {"estimateGas", "sendRawTransaction", "getTransactionReceipt", "COMMIT"} <= names


def carry_out(office: Office, to: str) -> None:
    office.intend(to, to)
    office.sender.step()


def check(office: Office, to: str) -> None:
    """Whoever comes next brings it to its end, and it is paid once."""
    office.intend(to, to)
    office.finish()
    assert office.outbox.get(to).state == "confirmed"
    assert office.chain.balance(to) == 1
    office.nothing_waits()


# ------------------------------------------------------------------ sequences

FAILURES = sorted({how for ways in WAYS.values() for how in ways})
STRIKES = st.dictionaries(st.integers(0, 30), st.sampled_from(FAILURES), max_size=2)
STEPS = st.sampled_from(["prepared", "signed", "broadcast", "confirmed"])


class Payments(RuleBasedStateMachine):
    """Intents come, runs end, senders work, fail, die and race; blocks come, or do not."""

    def __init__(self, local: LocalChain) -> None:
        super().__init__()
        self.local = local
        self.folder = TemporaryDirectory()
        self.office = self.open()
        self.free: dict[str, bool] = {}
        """What is to be sent, by its key, and whether it will be refused."""
        self.held: dict[int, list[str]] = {}
        self.dropped: list[str] = []
        self.due: dict[str, float] = {}
        """When those that may wait for others may wait no longer."""
        self.dear: dict[str, int] = {}
        """How often what costs gas has risen in price."""
        self.clock, self.latest = 0.0, 0.0
        self.patch = mock.patch.object(time, "time", lambda now=time.time: now() + self.clock)
        self.patch.start()

    def open(self, patience: float = 0.05) -> Office:
        return Office(self.local, Path(self.folder.name), patience)

    # ---------------------------------------------------------------- what is intended

    @rule(count=st.integers(1, 3), refused=st.booleans())
    def intend(self, count: int, refused: bool) -> None:
        for _ in range(count):
            to = somebody()
            self.office.intend(to, REFUSER if refused else to)
            self.free[to] = refused

    @rule()
    def intend_for_one_who_gets_dearer(self) -> None:
        to = dear(self.local)
        self.office.intend(to, to)
        self.free[to], self.dear[to] = False, 0

    @rule(seconds=st.sampled_from([-1, 0, 60]))
    def intend_for_later(self, seconds: int) -> None:
        to = somebody()
        self.due[to] = time.time() + seconds
        self.office.intend(to, to, not_before=self.due[to])
        self.free[to] = False

    @rule(seconds=st.sampled_from([-86_400.0, -1.0, 0.0, 3600.0]))
    def set_the_clock(self, seconds: float) -> None:
        self.clock = seconds

    @rule(run=st.integers(1, 3))
    def hold(self, run: int) -> None:
        to = somebody()
        self.office.intend(to, to, run_id=run, held=True)
        self.held.setdefault(run, []).append(to)

    @rule(run=st.integers(1, 3), succeeds=st.booleans())
    def end_run(self, run: int, succeeds: bool) -> None:
        outbox, ended = self.office.outbox, self.held.pop(run, [])
        with outbox.engine.begin() as connection:
            decided = (outbox.release if succeeds else outbox.discard)(connection, run)
        assert decided == len(ended)
        if succeeds:
            self.free |= dict.fromkeys(ended, False)
        else:
            self.dropped += ended

    # ---------------------------------------------------------------- who carries it out

    @rule(strikes=STRIKES)
    def work(self, strikes: dict[int, str]) -> None:
        dies = bool(set(strikes.values()) & set(DEATHS))
        office = self.open() if dies else self.office
        suffer(Outside(strikes), office.sender.step, dies=dies)

    @rule()
    def open_anew(self) -> None:
        self.office.close()
        self.office = self.open()

    @rule(step=STEPS, rounds=st.integers(1, 3))
    def two_work(self, step: str, rounds: int) -> None:
        """A second sender does some rounds of work while the first one is at a step."""
        first, second = self.open(), self.open()

        def meanwhile(reached: str, _intent: object) -> None:
            if reached == step:
                for _ in range(rounds):
                    second.sender.step()

        first.sender._on_step = meanwhile
        first.sender.step()

    @rule()
    def all_get_dearer(self) -> None:
        """As often as an intent may be estimated anew."""
        for to, rises in self.dear.items():
            if rises < 2:
                self.dear[to] += 1
                cost(self.office.chain, to, self.dear[to])

    @rule(step=STEPS)
    def work_while_all_get_dearer(self, step: str) -> None:
        office = self.open()
        office.sender._on_step = lambda reached, _: reached == step and self.all_get_dearer()
        office.sender.step()

    @rule()
    def somebody_else_signs(self) -> None:
        """With the same key, on another machine: with whatever nonce is next there."""
        with TemporaryDirectory() as elsewhere:
            chain = Chain.connect(
                self.local.rpc_url, signer=dev_signer(ACCOUNT), state_dir=Path(elsewhere)
            )
            chain.broadcast(chain.sign(Call(somebody(), b"", "", "", value=1)).raw)

    # ---------------------------------------------------------------- blocks

    @rule()
    def no_more_blocks(self) -> None:
        self.office.chain.rpc("evm_setAutomine", False)

    @rule()
    def blocks_come(self) -> None:
        self.office.chain.rpc("evm_setAutomine", True)
        self.office.chain.rpc("evm_mine")

    # ---------------------------------------------------------------- what has to hold

    @invariant()
    def nothing_is_sent_twice_or_unasked(self) -> None:
        keys = [*self.free, *self.dropped, *(key for keys in self.held.values() for key in keys)]
        balances = self.office.balances(keys)
        for key in keys:
            state = self.office.outbox.get(key).state
            assert balances[key] <= (1 if self.free.get(key) is False else 0), key
            assert state != "confirmed" or balances[key] == 1, key
            assert state != "failed" or self.free[key], key
        # Whatever the clock was set to, nothing is sent that it never showed to be due.
        self.latest = max(self.latest, time.time())
        assert all(not balances[key] for key, due in self.due.items() if due > self.latest)

    def teardown(self) -> None:
        try:
            self.blocks_come()
            self.office.outbox.flush()
            self.due.clear()
            self.office.finish()
            self.nothing_is_sent_twice_or_unasked()
            for key, refused in self.free.items():
                assert self.office.outbox.get(key).state == ("failed" if refused else "confirmed")
            self.office.nothing_waits()
        finally:
            self.patch.stop()
            self.office.chain.rpc("evm_setAutomine", True)
            self.office.close()
            self.folder.cleanup()


def test_whatever_happens_every_intent_ends_and_none_is_sent_twice(local):
    run_state_machine_as_test(lambda: Payments(local), settings=examples(12))
