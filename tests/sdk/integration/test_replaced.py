"""Transactions that are offered again for more: refused, unanswered, late; each counts once."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.chain.refusals import Offer
from anacostia_blockchain.errors import ChainUnavailableError, TransactionTimeoutError
from anacostia_blockchain.testing import LocalChain
from faults import Answer, Body, Fault, FaultyEndpoint, error_answer, on
from office import Office, somebody
from strikes import apart
from waiting import wait_for

pytestmark = pytest.mark.integration

REFUSALS = [
    "txpool is full",
    "max fee per gas less than block base fee",
    "tx fee (1.25 ether) exceeds the configured cap (1.00 ether)",
    "insufficient funds for gas * price + value",
    "replacement transaction underpriced",
    "nonce too low",
]
"""What nodes say of a replacement, in the middle of its waiting or because another was mined."""


@pytest.fixture
def local() -> Iterator[LocalChain]:
    """A chain of each test's own: they stop its blocks and empty its pool."""
    with LocalChain() as chain:
        yield chain


@pytest.fixture
def endpoint(local) -> Iterator[FaultyEndpoint]:
    with FaultyEndpoint(local.rpc_url) as faulty:
        yield faulty


@pytest.fixture
def office(local, endpoint, tmp_path) -> Office:
    """Whose chain is behind the faulty endpoint, and which offers more very soon."""
    office = Office(local, tmp_path, timeout=0.2)
    office.chain.rpc = office.chain._market._rpc = type(office.chain.rpc)(endpoint.url)
    office.chain.patience = 0.2
    return office


def pay(to: str) -> Call:
    return Call(to, b"", "", "", value=1, gas=21_000)


def from_the_second(fault: Fault) -> Fault:
    """A fault of what is broadcast, but for the first."""
    broadcast: list[Body] = []

    def later(body: Body) -> Answer | str | None:
        decided = fault(body)
        if decided is not None:
            broadcast.append(body)
        return decided if len(broadcast) > 1 else None

    return later


def refused(message: str) -> Fault:
    return on("eth_sendRawTransaction", error_answer(message))


class TestTheNonce:
    """Whatever became of a replacement, nobody gets the nonce while one of the offers waits."""

    @pytest.mark.parametrize("message", REFUSALS)
    def test_of_what_waits_behind_a_gap_is_kept_when_a_replacement_is_refused(
        self, office, endpoint, message
    ) -> None:
        (gap,) = office.chain._nonces.lease()
        endpoint.fault = from_the_second(refused(message))
        with pytest.raises(TransactionTimeoutError):
            office.chain.send(pay(to := somebody()), timeout=1)
        endpoint.fault = lambda _body: None
        assert office.chain._nonces.lease() == [gap + 2]
        office.chain._nonces.give_back(gap, gap + 2)
        office.chain.send(pay(somebody()), timeout=60)
        wait_for(lambda: office.chain.balance(to) == 1)
        office.nothing_waits()

    def test_is_kept_when_the_answer_to_a_replacement_is_lost(self, office, endpoint) -> None:
        (gap,) = office.chain._nonces.lease()
        endpoint.after = from_the_second(on("eth_sendRawTransaction", "drop"))
        with pytest.raises(
            ChainUnavailableError, match=r"transaction \S+ or \S+ may be on its"
        ) as e:
            office.chain.send(pay(somebody()), timeout=60)
        endpoint.after = lambda _body: None
        assert office.chain._nonces.lease() == [gap + 2]
        (waiting,) = office.chain.rpc("txpool_content")["queued"].values()
        assert waiting[str(gap + 1)]["hash"] in str(e.value)

    def test_is_kept_when_who_offered_more_dies(self, office) -> None:
        (gap,) = office.chain._nonces.lease()

        def offer_more_and_die() -> None:
            signed = office.chain.sign(pay(somebody()))
            office.chain.broadcast(signed.raw)
            office.chain.broadcast(office.chain.bump(signed.raw).raw)

        apart(offer_more_and_die)
        assert office.chain._nonces.lease() == [gap + 2]

    @pytest.mark.parametrize("message", REFUSALS)
    def test_of_an_intent_is_kept_when_its_replacement_is_refused(
        self, office, endpoint, message
    ) -> None:
        (gap,) = office.chain._nonces.lease()
        office.intend(to := somebody(), to)
        office.sender.step()
        endpoint.fault = refused(message)
        office.sender.step()
        endpoint.fault = lambda _body: None
        assert office.chain._nonces.lease() == [gap + 2]
        office.chain._nonces.give_back(gap, gap + 2)
        office.chain.send(pay(somebody()), timeout=60)
        office.finish()
        assert office.balances([to]) == {to: 1}
        office.nothing_waits()


class TestTheIntent:
    @pytest.mark.parametrize("message", REFUSALS)
    def test_waits_for_what_was_offered_before(self, office, endpoint, message) -> None:
        """The network says why it takes no more, and keeps what it has."""
        office.chain.rpc("evm_setAutomine", False)
        office.intend(to := somebody(), to)
        for _ in range(2):  # signed, sent; and signed again
            assert not office.sender.step()
            endpoint.fault = refused(message)
        assert office.outbox.get(to).state == "signed"
        office.chain.rpc("evm_mine")
        assert office.sender.step()  # it still refuses
        assert office.outbox.get(to).state == "confirmed"
        endpoint.fault = lambda _body: None
        office.chain.rpc("evm_setAutomine", True)
        office.finish()
        assert office.balances([to]) == {to: 1}
        office.nothing_waits()

    def test_does_not_fail_while_another_node_may_have_what_this_one_forgot(
        self, local, office, endpoint
    ) -> None:
        """The pool is full: what had been taken was dropped, and is not taken again."""
        elsewhere = local.chain().rpc
        elsewhere("evm_setAutomine", False)
        office.intend(to := somebody(), to)
        endpoint.after = on("eth_getTransactionReceipt", (500, b"away"))
        assert not office.sender.step()  # interrupted: it is not known that it was taken
        endpoint.after = lambda _body: None
        sent = office.outbox.get(to).raw
        elsewhere("anvil_dropAllTransactions")
        endpoint.fault = refused("txpool is full")
        assert not office.sender.step()
        assert office.outbox.get(to).state == "signed"
        elsewhere("eth_sendRawTransaction", "0x" + sent.hex())
        elsewhere("evm_mine")
        assert office.sender.step()
        assert office.outbox.get(to).state == "confirmed"
        assert office.balances([to]) == {to: 1}

    @pytest.mark.parametrize("message", ["nonce too low", "replacement transaction underpriced"])
    def test_is_not_signed_anew_because_a_node_lags(self, office, endpoint, message) -> None:
        """One node says that the nonce is taken; another has not heard yet: by the intent's own."""
        office.intend(to := somebody(), to)
        office.chain.rpc("evm_setAutomine", False)
        assert not office.sender.step()
        endpoint.fault = lagging(message)
        assert not office.sender.step()
        endpoint.fault = lambda _body: None
        office.chain.rpc("evm_setAutomine", True)
        office.chain.rpc("evm_mine")
        office.finish()
        assert office.balances([to]) == {to: 1}

    def test_is_signed_anew_once_another_transaction_with_its_nonce_is_confirmed(
        self, local, office, tmp_path
    ) -> None:
        """Before, a reorganisation could put the intent's own in its place."""
        office.chain.confirmations = 2
        office.intend(to := somebody(), to)
        other = Chain.connect(local.rpc_url, signer=office.chain.signer, state_dir=tmp_path / "o")

        def first(step: str, _intent: object) -> None:
            if step == "signed":
                other.send(pay(somebody()))

        office.sender._on_step = first
        assert not office.sender.step()
        office.sender._on_step = lambda *_: None
        intent = office.outbox.get(to)
        assert intent.state == "signed"
        assert "has taken nonce 0" in intent.error
        other.rpc("anvil_mine", "0x2")
        office.sender.step()
        assert office.outbox.get(to).state == "pending"
        other.rpc("evm_setIntervalMining", 1)
        office.finish()
        assert office.balances([to]) == {to: 1}


class TestLetGo:
    """What never arrived is sent again later; its nonce may be somebody else's by then."""

    def never_arrives(self, office: Office, endpoint: FaultyEndpoint) -> str:
        """Whom an intent is to pay, that was signed and could not be sent."""
        office.intend(to := somebody(), to)
        endpoint.fault = on("eth_sendRawTransaction", "drop")
        assert not office.sender.step()
        endpoint.fault = lambda _body: None
        return to

    def test_it_is_not_sent_before_what_has_its_nonce_now(self, office, endpoint) -> None:
        to = self.never_arrives(office, endpoint)
        other = office.chain.sign(pay(somebody()))
        assert not office.sender.step()
        assert office.outbox.get(to).state == "signed"
        assert f"leased nonce {other.nonce} meanwhile" in office.outbox.get(to).error
        office.chain.broadcast(other.raw)
        office.chain.wait(other.hash)
        office.finish()
        assert office.balances([to]) == {to: 1}

    def test_it_has_its_nonce_again_when_that_was_given_back(self, office, endpoint) -> None:
        (gap,) = office.chain._nonces.lease()
        self.never_arrives(office, endpoint)
        office.chain.abandon(office.chain.sign(pay(somebody())))
        assert not office.sender.step()
        assert office.chain._nonces.lease() == [gap + 2]

    def test_a_gap_before_what_took_its_nonce_elsewhere_is_filled(
        self, local, office, endpoint, tmp_path
    ) -> None:
        """Who held it died; and another machine, with what it had in its place, waits as well."""
        (gap,) = office.chain._nonces.lease()
        to = self.never_arrives(office, endpoint)
        elsewhere = tmp_path / "elsewhere"
        other = Chain.connect(local.rpc_url, signer=office.chain.signer, state_dir=elsewhere)
        assert other._nonces.lease() == [gap]
        other.broadcast(other.sign(pay(theirs := somebody())).raw)
        office.chain._nonces.give_back(gap)
        office.finish()
        assert office.balances([to, theirs]) == {to: 1, theirs: 1}
        office.nothing_waits()


class TestTheOffer:
    """A chain that stands still takes, when it goes on, what was offered meanwhile."""

    def test_of_an_intent_stays_below_ten_times_what_is_paid(self, office) -> None:
        office.chain.rpc("evm_setAutomine", False)
        office.intend(to := somebody(), to)
        office.sender._timeout = 0.02
        for _ in range(20):
            assert not office.sender.step()
        intent = office.outbox.get(to)
        _price, limit = office.chain.fees()
        assert 5 * limit < Offer.read(intent.raw).fee <= 10 * limit
        assert len({*intent.note["replaced"], intent.tx_hash}) < 15
        office.chain.rpc("evm_mine")
        office.finish()
        assert office.balances([to]) == {to: 1}

    def test_of_send_stays_below_it_too(self, office) -> None:
        office.chain.rpc("evm_setAutomine", False)
        office.chain.patience = 0.02
        with pytest.raises(TransactionTimeoutError):
            office.chain.send(pay(somebody()), timeout=2)
        (waiting,) = office.chain.rpc("txpool_content")["pending"].values()
        _price, limit = office.chain.fees()
        assert int(waiting["0"]["maxFeePerGas"], 16) <= 10 * limit


def lagging(message: str) -> Fault:
    """Of two nodes behind one address, one refuses, and the other knows nothing of the account."""
    unknown = {"eth_getTransactionCount": "0x0"}
    unknown |= dict.fromkeys(["eth_getTransactionByHash", "eth_getTransactionReceipt"])

    def fault(body: Body) -> Answer | str | None:
        many = body if isinstance(body, list) else [body]
        if many[0]["method"] == "eth_sendRawTransaction":
            return error_answer(message)
        if many[0]["method"] not in unknown:
            return None
        answers = [
            {"jsonrpc": "2.0", "id": asked["id"], "result": unknown[asked["method"]]}
            for asked in many
        ]
        return 200, json.dumps(answers if isinstance(body, list) else answers[0]).encode()

    return fault
