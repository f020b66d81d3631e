"""Senders in trouble: refused, outbid, reorganised away, without a key; nothing twice, no gap."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.chain.fees import Fees
from anacostia_blockchain.errors import ChainUnavailableError, StoreUnavailableError
from anacostia_blockchain.testing import LocalChain
from faults import FaultyEndpoint, error_answer, on
from office import REFUSER, Office, refuse, somebody

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
    assert office.nothing_waits()


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
    assert office.nothing_waits()


def test_a_transaction_that_a_reorganisation_took_is_sent_again(office, to):
    """It had been mined, and was waiting for the blocks after it."""
    chain: Chain = office.chain
    chain.confirmations = 2
    before = chain.rpc("evm_snapshot")

    def reorganise(step: str, _intent: object) -> None:
        if step == "broadcast":
            threading.Timer(0.3, lambda: chain.rpc("evm_revert", before)).start()

    office.sender._on_step = reorganise
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
    assert first.nothing_waits()
    assert first.balances([to]) == {to: 1}


def test_draining_ends_in_time_whatever_waits(local, tmp_path):
    """What is left is carried out later, once."""
    # Each step takes as long as on a chain that takes its time.
    office = Office(local, tmp_path, on_step=lambda *_: time.sleep(0.1))
    customers = [somebody() for _ in range(10)]
    for customer in customers:
        office.intend(customer, customer)
    started = time.monotonic()
    left = office.sender.drain(0.5)
    assert time.monotonic() - started < 3
    assert left == sum(paid == 0 for paid in office.balances(customers).values()) > 0
    office.close()
    later = Office(local, tmp_path)
    later.finish()
    assert set(later.balances(customers).values()) == {1}
