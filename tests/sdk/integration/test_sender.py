"""Senders in trouble: refused, outbid, reorganised away, without a key; nothing twice, no gap."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from eth_account import Account
from eth_utils import keccak

from anacostia_blockchain.chain import Call, Signer
from anacostia_blockchain.chain.fees import Fees
from anacostia_blockchain.errors import ChainUnavailableError, StoreUnavailableError
from anacostia_blockchain.outbox.outbox import Intent
from anacostia_blockchain.testing import LocalChain, dev_key, dev_signer
from chains import reorganised_once_mined
from faults import FaultyEndpoint, error_answer, on
from office import ACCOUNT, REFUSER, Office, cost, dear, refuse, somebody

pytestmark = pytest.mark.integration

FEES = Fees(10**10, 10**9)


@pytest.fixture(scope="module")
def local() -> Iterator[LocalChain]:
    with LocalChain() as chain:
        refuse(chain)
        yield chain


@pytest.fixture
def office(local, tmp_path) -> Office:
    return Office(local, tmp_path)


@pytest.fixture
def to(office) -> str:
    """Whom an intent is to pay."""
    address = somebody()
    office.intend(address, address)
    return address


@pytest.fixture
def no_blocks(local) -> Iterator[None]:
    chain = local.chain()
    chain.rpc("evm_setAutomine", False)
    yield
    chain.rpc("evm_setAutomine", True)
    chain.rpc("evm_mine")


def through(office: Office, endpoint: FaultyEndpoint) -> None:
    """Let an office reach the chain by way of an endpoint that fails."""
    office.chain.rpc = office.chain._market._rpc = type(office.chain.rpc)(endpoint.url)


def test_what_the_network_does_not_take_leaves_no_gap(local, office, to):
    """The sender lives on, and so would its lease of the nonce."""
    with FaultyEndpoint(local.rpc_url) as endpoint:
        through(office, endpoint)
        endpoint.fault = on("eth_sendRawTransaction", error_answer("txpool is full"))
        office.sender.step()
        endpoint.fault = lambda _body: None
        assert "refused the transaction: txpool is full" in office.outbox.get(to).error
        other = somebody()
        office.intend(other, other)
        office.finish()
    assert office.balances([to, other]) == {to: 0, other: 1}
    office.nothing_waits()


@pytest.mark.parametrize("acts_before", [False, True])
def test_an_endpoint_in_trouble_says_nothing_of_the_transaction(local, office, to, acts_before):
    """Whether it was sent is not known, so that it is not failed: it may be mined."""
    with FaultyEndpoint(local.rpc_url) as endpoint:
        through(office, endpoint)
        trouble = on("eth_sendRawTransaction", error_answer("internal error", -32603))
        setattr(endpoint, "after" if acts_before else "fault", trouble)
        assert not office.sender.step()
        assert office.outbox.get(to).state == "signed"
        assert "answered with an error: internal error" in office.outbox.get(to).error
        endpoint.after = endpoint.fault = lambda _body: None
        office.finish()
    assert office.balances([to]) == {to: 1}


THIEF = dev_signer(9)

OFFER = {
    "nonce": 2**30,  # never mined, so that whoever waits for it would offer more for it
    "to": THIEF.address,
    "value": 10**18,
    "data": b"",
    "gas": 21_000,
    "maxFeePerGas": 10**10,
    "maxPriorityFeePerGas": 10**9,
}


def handed_over(local: LocalChain, own: Signer) -> dict[str, bytes]:
    """What whoever serves an outbox, or can write to it, could say was signed."""
    here, elsewhere = {"chainId": local.chain_id, **OFFER}, {"chainId": 1, **OFFER}
    with_key = Account.from_key(dev_key(ACCOUNT))
    fees = {"gasPrice": 10**10}
    legacy = {k: v for k, v in here.items() if not k.startswith("max")} | fees
    return {
        "another's": THIEF.sign_transaction(here),
        "for another chain": own.sign_transaction(elsewhere),
        "of another type": bytes(with_key.sign_transaction(legacy).raw_transaction),
        "cut off": own.sign_transaction(here)[:-1],
        "a type and nothing": b"\x02",
        "nothing": b"",
        "with another's hash": own.sign_transaction(here),
    }


@pytest.mark.parametrize(
    "which",
    [
        "another's",
        "for another chain",
        "of another type",
        "cut off",
        "a type and nothing",
        "nothing",
        "with another's hash",
    ],
)
def test_for_bytes_that_are_not_ours_nothing_is_offered(local, office, to, which):
    """They are told to be signed for an intent, which is then carried out as if nobody had."""
    raw = handed_over(local, office.chain.signer)[which]
    tx_hash = "0x" + ("12" * 32 if which == "with another's hash" else keccak(raw).hex())
    assert office.outbox.move(office.outbox.get(to), "signed", raw=raw, tx_hash=tx_hash)
    before = office.chain.balance(THIEF.address)
    office.sender.step()
    intent = office.outbox.get(to)
    assert (intent.state, intent.raw, intent.tx_hash) == ("pending", None, None)
    office.finish()
    assert office.balances([to]) == {to: 1}
    assert office.chain.balance(THIEF.address) == before
    office.nothing_waits()


@pytest.mark.parametrize("method", ["eth_estimateGas", "eth_getTransactionReceipt"])
def test_an_endpoint_over_its_limit_is_asked_again(local, office, to, method):
    with FaultyEndpoint(local.rpc_url) as endpoint:
        through(office, endpoint)
        endpoint.fault = on(method, error_answer("limit exceeded", -32005))
        assert not office.sender.step()
        assert office.outbox.failed() == []
        endpoint.fault = lambda _body: None
        office.finish()
    assert office.balances([to]) == {to: 1}


def test_send_names_what_may_be_on_its_way_when_the_endpoint_answers_with_an_error(local, tmp_path):
    office = Office(local, tmp_path)
    with FaultyEndpoint(local.rpc_url) as endpoint:
        through(office, endpoint)
        endpoint.fault = on("eth_getTransactionReceipt", error_answer("internal error", -32603))
        with pytest.raises(
            ChainUnavailableError, match=r"transaction 0x[0-9a-f]{64} may be on its"
        ):
            office.chain.send(Call(somebody(), b"", "", "", value=1))


def test_a_key_that_cannot_be_used_leaves_no_gap(office, to):
    """A key service that does not answer, a hardware wallet whose button is not pressed."""
    signer = office.chain.signer

    class Away:
        address = signer.address

        def sign_transaction(self, _transaction: dict[str, object]) -> bytes:
            raise StoreUnavailableError("the key service does not answer")

    office.chain.signer = Away()
    for _ in range(3):
        assert not office.sender.step()
    office.chain.signer = signer
    office.finish()
    assert office.balances([to]) == {to: 1}
    office.nothing_waits()


def test_a_transaction_that_a_reorganisation_took_is_sent_again(office, to):
    """It had been mined, and was waiting for the blocks after it."""
    chain = office.chain
    chain.confirmations = 2
    with reorganised_once_mined(chain):
        assert not office.sender.step()
    assert "the chain was reorganised" in office.outbox.get(to).error
    office.sender._on_step = lambda step, _: step == "broadcast" and chain.rpc("anvil_mine", "0x3")
    office.finish()
    assert office.outbox.get(to).state == "confirmed"
    assert office.balances([to]) == {to: 1}


def test_the_slower_of_two_senders_does_not_fail_what_the_other_has_sent(
    local, tmp_path, no_blocks
):
    """What it knows is that the intent was pending; the other has signed and sent it meanwhile."""
    first, second = Office(local, tmp_path), Office(local, tmp_path, 0.05)
    first.intend("refused", REFUSER)
    first.chain.signer = second.chain.signer

    def meanwhile(reached: str, _intent: object) -> None:
        if reached == "prepared":
            signed = second.chain._sign_one(
                Call(REFUSER, b"", "", "", value=1), 50_000, 10**6, FEES
            )
            columns = {"raw": signed.raw, "tx_hash": signed.hash}
            assert second.outbox.move(second.outbox.get("refused"), "signed", **columns)

    first.sender._on_step = meanwhile
    assert first.sender.step()
    assert first.outbox.get("refused").state == "signed"


def test_two_senders_that_both_offer_more_pay_once(local, tmp_path):
    """The slower one, which has seen none of the other's offers, does not write over them."""
    first, second = Office(local, tmp_path, 0.05), Office(local, tmp_path, 0.05)
    to = somebody()
    first.intend(to, to)
    first.chain.rpc("evm_setAutomine", False)

    def meanwhile(reached: str, _intent: object) -> None:
        if reached == "broadcast":
            for _ in range(3):
                assert not second.sender.step()

    first.sender._on_step = meanwhile
    assert not first.sender.step()
    first.sender._on_step = lambda *_: None
    first.chain.rpc("evm_setAutomine", True)
    first.chain.rpc("evm_mine")
    first.finish()
    assert first.outbox.get(to).state == "confirmed"
    assert first.chain.balance(to) == 1


def test_of_two_senders_the_first_to_sign_may_be_the_slower(local, tmp_path):
    """Its nonce is given back after the other's transaction, which has the next one, was sent."""
    first, second = Office(local, tmp_path), Office(local, tmp_path, 60)
    to, sent = somebody(), threading.Event()
    first.intend(to, to)
    second.sender._on_step = lambda step, _: step == "broadcast" and sent.set()
    others = threading.Thread(target=second.sender.step)
    move = first.outbox.move

    def slowly(*arguments: object, **columns: object) -> bool:
        others.start()
        assert sent.wait(30)
        return move(*arguments, **columns)

    first.outbox.move = slowly
    assert first.sender.step()
    others.join(30)
    assert second.outbox.get(to).state == "confirmed"
    first.nothing_waits()
    assert first.balances([to]) == {to: 1}


class TestOutOfGas:
    """What a transaction meets costs more than it did when its gas was estimated."""

    @pytest.fixture
    def costly(self, local) -> str:
        return dear(local)

    def rising(self, office: Office, costly: str, times: int) -> list[tuple[str, str]]:
        """Let it get dearer whenever it was estimated; what was done is written down."""
        done, rises = [], iter(range(1, times + 1))

        def step(name: str, intent: Intent) -> None:
            done.append((name, intent.key))
            if (name, intent.key) == ("signed", "dear") and (rise := next(rises, None)):
                cost(office.chain, costly, rise)

        office.sender._on_step = step
        return done

    def test_it_is_estimated_anew_before_what_was_intended_later(self, office, costly):
        office.intend("dear", costly)
        to = somebody()
        office.intend("later", to)
        done = self.rising(office, costly, 2)
        assert not office.sender.step()
        assert office.outbox.get("dear").state == "pending"
        assert "gas was used up" in office.outbox.get("dear").error
        office.finish()
        ends = [(name, key) for name, key in done if name in ("failed", "confirmed")]
        assert ends == [("confirmed", "dear"), ("confirmed", "later")]
        assert office.balances([costly, to]) == {costly: 1, to: 1}
        office.nothing_waits()

    def test_it_fails_where_that_does_not_end(self, office, costly):
        """Each time is paid for."""
        office.intend("dear", costly)
        to = somebody()
        office.intend("later", to)
        done = self.rising(office, costly, 3)
        asked = (office.chain.address, "latest")
        before = office.chain.rpc.number("eth_getTransactionCount", *asked)
        office.finish()
        after = office.chain.rpc.number("eth_getTransactionCount", *asked)
        assert after == before + 4
        assert [key for name, key in done if name == "signed"] == ["dear"] * 3 + ["later"]
        failed = office.outbox.get("dear")
        assert (failed.state, failed.note["out_of_gas"]) == ("failed", 2)
        assert office.balances([costly, to]) == {costly: 0, to: 1}
        office.outbox.retry(failed)
        office.sender._on_step = lambda _name, _intent: None
        office.finish()
        assert office.balances([costly]) == {costly: 1}

    def test_so_is_what_one_who_died_had_signed(self, local, office, costly, tmp_path):
        office.intend("dear", costly)

        def die(name: str, _intent: Intent) -> None:
            if name == "broadcast":
                raise KeyboardInterrupt

        self.rising(office, costly, 1)
        told = office.sender._on_step
        office.sender._on_step = lambda name, intent: (told(name, intent), die(name, intent))
        with pytest.raises(KeyboardInterrupt):
            office.sender.step()
        office.close()
        heir = Office(local, tmp_path)
        heir.finish()
        assert heir.balances([costly]) == {costly: 1}


def test_draining_ends_in_time_whatever_waits(local, tmp_path):
    """What is left is carried out later, once."""
    office = Office(
        local,
        tmp_path,
        on_step=lambda *_: time.sleep(0.1),  # as on a chain that takes its time
    )
    customers = [somebody() for _ in range(10)]
    for customer in customers:
        office.intend(customer, customer)
    left = office.sender.drain(0.5)
    assert left == sum(paid == 0 for paid in office.balances(customers).values()) > 0
    office.close()
    later = Office(local, tmp_path)
    later.finish()
    assert set(later.balances(customers).values()) == {1}
