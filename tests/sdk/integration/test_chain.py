"""`Chain` against a real node, and against endpoints that fail in the ways endpoints do."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from anacostia_blockchain._servers import free_ports
from anacostia_blockchain.chain import Call, Chain, PrivateKeySigner
from anacostia_blockchain.chain.refusals import Offer
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.contracts import ModelRegistry
from anacostia_blockchain.errors import (
    ChainError,
    ChainUnavailableError,
    ConfigError,
    ContractRevertedError,
    InsufficientFundsError,
    NoContractError,
    NonceConflictError,
    OutOfGasError,
    ReorgError,
    TransactionTimeoutError,
    VersionMismatchError,
    WrongNetworkError,
)
from anacostia_blockchain.testing import LocalChain, dev_signer
from anacostia_blockchain.types import Kind
from chains import reorganised_once_mined
from faults import FaultyEndpoint, error_answer, on
from waiting import wait_for

pytestmark = pytest.mark.integration

SECRET = "v2/api-key-93f1c0ffee"  # noqa: S105 - a canary
NOBODY = "0x000000000000000000000000000000000000dEaD"


def root(number: int) -> CID:
    return CID(0x70, number.to_bytes(32, "big"))


def payment(wei: int = 1, *, gas: int | None = None) -> Call:
    return Call(NOBODY, b"", "", "transfer", value=wei, gas=gas)


@pytest.fixture
def own_chain() -> Iterator[LocalChain]:
    """A chain of the test's own, to break."""
    with LocalChain() as local:
        yield local


@pytest.fixture
def faulty(local_chain: LocalChain) -> Iterator[FaultyEndpoint]:
    with FaultyEndpoint(local_chain.rpc_url) as endpoint:
        yield endpoint


def through(endpoint: FaultyEndpoint, local: LocalChain, account: int = 1) -> Chain:
    """A connection by way of a faulty endpoint, with a secret in its URL."""
    return Chain.connect(
        f"{endpoint.url}/{SECRET}", signer=dev_signer(account), state_dir=local.state_dir
    )


class TestConnect:
    def test_another_chain_id_than_asked_for(self, local_chain: LocalChain) -> None:
        with pytest.raises(WrongNetworkError, match=r"serves chain 31337, not 8453.*check") as info:
            Chain.connect(local_chain.rpc_url, chain_id=8453)
        assert (info.value.expected, info.value.actual) == (8453, 31337)

    def test_nobody_listens(self) -> None:
        url = f"http://127.0.0.1:{free_ports(1)[0]}/{SECRET}"
        with pytest.raises(ChainUnavailableError, match="check the RPC URL and that the node") as i:
            Chain.connect(url)
        assert SECRET not in str(i.value)

    @pytest.mark.parametrize("url", ["", "ws://x", "localhost:8545", f"ipc:{SECRET}", "http://"])
    def test_no_url(self, url: str) -> None:
        with pytest.raises(ConfigError, match="must begin with http:// or https://") as info:
            Chain.connect(url)
        assert SECRET not in str(info.value)

    def test_repr_shows_no_secret(self, faulty: FaultyEndpoint, local_chain: LocalChain) -> None:
        chain = through(faulty, local_chain)
        for shown in (repr(chain), str(chain), f"{chain}", repr(chain.rpc), repr(vars(chain))):
            assert SECRET not in shown
        assert chain.rpc.host == faulty.url.removeprefix("http://")


class TestEndpointFaults:
    @pytest.mark.parametrize(
        ("answer", "says"),
        [
            ((429, b"slow down"), r"limits our requests \(HTTP 429\): wait a while"),
            ((500, b"oops"), r"cannot answer \(HTTP 500\): check the RPC URL"),
            ((401, b"no"), r"does not let us in \(HTTP 401\): check the key"),
            ((200, b"<html>hello</html>"), "something else than JSON-RPC: check the RPC URL"),
            ((200, b"\xff\xfe"), "something else than JSON-RPC: check the RPC URL"),
            ((200, b'"text"'), "something else than JSON-RPC: check the RPC URL"),
            ((200, b'{"jsonrpc":"2.0","id":1,"result":null}'), "with no number: check the RPC"),
            ("cut", r"does not answer \(.*Error\): check the RPC URL and that the node runs"),
            ("drop", r"does not answer \(.*Error\): check the RPC URL and that the node runs"),
        ],
    )
    def test_is_told(
        self, faulty: FaultyEndpoint, local_chain: LocalChain, answer: object, says: str
    ) -> None:
        chain = through(faulty, local_chain)
        faulty.fault = lambda _body: answer
        with pytest.raises(ChainUnavailableError, match=says) as info:
            chain.block_number()
        assert SECRET not in str(info.value)
        faulty.fault = lambda _body: None
        assert chain.block_number() >= 0

    def test_too_many_requests_are_tried_again(
        self, faulty: FaultyEndpoint, local_chain: LocalChain
    ) -> None:
        chain = through(faulty, local_chain)
        answers = iter([(429, b""), (429, b"")])
        faulty.fault = lambda _body: next(answers, None)
        assert chain.block_number() >= 0
        assert faulty.methods[-3:] == ["eth_blockNumber"] * 3

    def test_an_error_that_quotes_the_url_is_scrubbed(
        self, faulty: FaultyEndpoint, local_chain: LocalChain
    ) -> None:
        chain = through(faulty, local_chain)
        faulty.fault = lambda _body: error_answer(f"invalid project {SECRET}", -32001)
        with pytest.raises(ChainError, match="answered with an error: invalid project …"):
            chain.block_number()

    def test_batches_refused_are_sent_one_by_one(
        self, faulty: FaultyEndpoint, local_chain: LocalChain
    ) -> None:
        for refusal in ((400, b"no batches"), error_answer("batches are not supported", -32600)):
            chain = through(faulty, local_chain)
            faulty.fault = lambda body, said=refusal: said if isinstance(body, list) else None
            receipts = chain.send_many([payment() for _ in range(3)])
            assert [r.block_number for r in receipts] == sorted(r.block_number for r in receipts)
            assert len({r.hash for r in receipts}) == 3

    def test_log_ranges_are_halved(
        self, faulty: FaultyEndpoint, local_chain: LocalChain, hub: Anacostia
    ) -> None:
        hub.registry.register("halved", Kind.MODEL, root(1))
        for number in range(2, 6):
            hub.registry.publish(hub.registry.model_id_of(hub.address, "halved"), root(number))
        widths: list[int] = []

        def at_most_three_blocks(body):
            if isinstance(body, dict) and body["method"] == "eth_getLogs":
                asked = body["params"][0]
                widths.append(int(asked["toBlock"], 16) - int(asked["fromBlock"], 16) + 1)
                if widths[-1] > 3:
                    return error_answer("query returned more than 10000 results", -32005)
            return None

        faulty.fault = at_most_three_blocks
        chain = through(faulty, local_chain)
        found = list(chain.logs(hub.registry.address, "ModelRegistry", "VersionPublished"))
        plain = hub.chain.logs(hub.registry.address, "ModelRegistry", "VersionPublished")
        assert found == list(plain)
        assert len(found) >= 5
        assert widths[0] > 3
        assert sum(w for w in widths if w <= 3) == chain.block_number() + 1

    def test_log_error_on_one_block_is_raised(
        self, faulty: FaultyEndpoint, local_chain: LocalChain
    ) -> None:
        chain = through(faulty, local_chain)
        faulty.fault = on("eth_getLogs", error_answer("logs are off"))
        with pytest.raises(ChainError, match="answered with an error: logs are off"):
            list(chain.logs(NOBODY, "ModelRegistry", "VersionPublished"))

    def test_no_proofs(self, faulty: FaultyEndpoint, local_chain: LocalChain) -> None:
        chain = through(faulty, local_chain)
        faulty.fault = on("eth_getProof", error_answer("Method not found", -32601))
        with pytest.raises(ChainUnavailableError, match=r"state of block 1.*use an archive node"):
            chain.proof(NOBODY, [0], 1)

    def test_no_such_block(self, hub: Anacostia) -> None:
        with pytest.raises(ChainError, match="has no block 99999999"):
            hub.chain.header(99_999_999)


class TestContracts:
    def test_no_code(self, hub: Anacostia) -> None:
        with pytest.raises(NoContractError, match=f"no code at {NOBODY}, where ModelRegistry"):
            ModelRegistry(hub.chain, NOBODY).model_count()

    def test_another_contract(self, hub: Anacostia) -> None:
        # The CREATE2 proxy answers anything with nothing useful; the NFT lacks the function.
        with pytest.raises(ContractRevertedError, match=r"Unknown\(data=0x\)"):
            ModelRegistry(hub.chain, hub.nft.address).model_count()

    def test_answer_of_another_version(self, hub: Anacostia) -> None:
        asked = hub.registry._read
        assert asked("modelCount") >= 0
        data = hub.registry.calls._encode("modelCount").data
        with pytest.raises(VersionMismatchError, match="holds another contract or version"):
            hub.chain.call(Call(hub.registry.address, data, "ModelRegistry", "modelOf"))

    def test_revert_names_error_and_arguments(self, hub: Anacostia) -> None:
        with pytest.raises(ContractRevertedError) as info:
            hub.registry.publish(10**6, root(1))
        assert info.value.name.startswith("ModelRegistry_")
        assert 10**6 in info.value.arguments.values()

    def test_mined_failure_is_replayed(self, hub: Anacostia) -> None:
        sent = hub.registry.calls.publish(10**6, root(1))
        with pytest.raises(ContractRevertedError) as info:
            hub.chain.send(Call(sent.to, sent.data, sent.interface, sent.function, gas=200_000))
        assert 10**6 in info.value.arguments.values()

    def test_out_of_gas(self, hub: Anacostia) -> None:
        sent = hub.registry.calls.register("poor", Kind.MODEL, root(1), [])
        with pytest.raises(OutOfGasError, match="its 60000 gas was used up; if"):
            hub.chain.send(Call(sent.to, sent.data, sent.interface, sent.function, gas=60_000))

    def test_out_of_gas_within_a_call(self, own_chain: LocalChain) -> None:
        """Some is left to whoever made the call, which then refuses without a word."""
        chain, inner = own_chain.chain(), "0x" + "aa" * 20
        chain.rpc("anvil_setCode", inner, hashing(2**18))
        chain.rpc("anvil_setCode", NOBODY, calling(inner))
        assert chain.send(payment()).gas_used > 200_000
        with pytest.raises(OutOfGasError, match="its 100000 gas was used up"):
            chain.send(payment(gas=100_000))
        chain.rpc("anvil_setCode", inner, reverting(""))
        with pytest.raises(ContractRevertedError, match=r"Unknown\(data=0x\)"):
            chain.send(payment(gas=100_000))
        chain.rpc("anvil_setCode", inner, reverting("deadbeef"))
        with pytest.raises(ContractRevertedError, match=r"Unknown\(data=0x\)"):
            chain.send(payment(gas=100_000))

    @pytest.mark.parametrize(("size", "limited"), [(2_700_000, True), (2_900_000, False)])
    def test_the_margin_keeps_to_what_a_transaction_may_use(
        self, own_chain: LocalChain, size: int, limited: bool
    ) -> None:
        """Of EIP-7825, where the estimate does; else the chain has another limit."""
        chain = own_chain.chain()
        chain.rpc("anvil_setCode", NOBODY, hashing(size))
        signed = chain.sign(payment())
        chain.broadcast(signed.raw)
        used, limit = chain.wait(signed.hash).gas_used, Offer.read(signed.raw).gas
        assert (limit == 2**24) is limited
        assert (used < 2**24) is limited
        assert limit > used * 1.05

    def test_another_move_of_the_alias_first_does_not_run_it_out_of_gas(
        self, hub: Anacostia
    ) -> None:
        """One move in three writes a word more than the one before it, at half the price more."""
        model, _ = hub.registry.register("moved", Kind.MODEL, root(1))
        for number in range(2, 8):
            hub.registry.publish(model, root(number))
        hub.registry.set_alias(model, "best", 1)
        for version in (2, 4, 6):  # estimated for the same move, which only the first one makes
            moves = [hub.registry.calls.set_alias(model, "best", version + n) for n in (0, 1)]
            hub.chain.send_many(moves)
        assert hub.registry.alias_of(model, "best").version == 7

    def test_compilers_own_errors(self, own_chain: LocalChain) -> None:
        chain = own_chain.chain()
        cases = {
            "Error": ("08c379a0" + f"{32:064x}{4:064x}" + b"nope".hex().ljust(64, "0")),
            "Panic": "4e487b71" + f"{0x11:064x}",
            "Unknown": "deadbeef",
        }
        shown = {}
        for name, data in cases.items():
            chain.rpc("anvil_setCode", NOBODY, reverting(data))
            with pytest.raises(ContractRevertedError) as info:
                chain.send(Call(NOBODY, b"", "ModelRegistry", "version"))
            assert info.value.name == name
            shown[name] = str(info.value)
        assert shown == {
            "Error": "Error(message=nope)",
            "Panic": "Panic(code=0x11, meaning=arithmetic overflow)",
            "Unknown": "Unknown(data=0xdeadbeef)",
        }


def reverting(data: str) -> str:
    """Code that reverts with the given data: copies what follows it."""
    size = len(data) // 2
    return f"0x61{size:04x}600e60003961{size:04x}6000fd{data}"


def hashing(size: int) -> str:
    """Code that hashes so many bytes, which costs gas and changes nothing."""
    return f"0x62{size:06x}6000205000"


def calling(address: str) -> str:
    """Code that calls a contract, and reverts without a word if that reverts."""
    return f"0x6000600060006000600073{address[2:]}5af115602657005b60006000fd"


class TestFunds:
    def test_out_of_funds_names_account_held_and_needed(self, own_chain: LocalChain) -> None:
        poor = PrivateKeySigner(b"\x11" * 32)
        chain = Chain.connect(own_chain.rpc_url, signer=poor, state_dir=own_chain.state_dir)
        call = payment(5, gas=21_000)
        fees = chain._market.fees()
        chain.rpc("anvil_setBalance", poor.address, hex(1000))
        says = f"{poor.address} holds 1000 wei and needs {21_000 * fees.limit + 5}: send it some"
        with pytest.raises(InsufficientFundsError, match=says):
            chain.send(call)
        with pytest.raises(InsufficientFundsError, match=f"{poor.address} holds 1000 wei and"):
            chain.send(payment(10**18))
        chain.rpc("anvil_setBalance", poor.address, hex(10**18))
        assert chain.send(call).gas_used == 21_000  # its nonce was given back

    def test_no_signer(self, local_chain: LocalChain) -> None:
        chain = Chain.connect(local_chain.rpc_url)
        with pytest.raises(ConfigError, match="no signer: pass signer=, or set a private key"):
            chain.send(payment())


class TestSendMany:
    def test_order_and_progress(self, local_chain: LocalChain) -> None:
        chain, seen = local_chain.chain(2), []
        before = int(chain.rpc("eth_getTransactionCount", chain.address, "latest"), 16)
        receipts = chain.send_many(
            [payment(i) for i in range(250)],
            progress=lambda done, total: seen.append((done, total)),
        )
        assert seen == [(100, 250), (200, 250), (250, 250)]
        sent = chain.rpc.batch([("eth_getTransactionByHash", [r.hash]) for r in receipts])
        assert [int(tx["value"], 16) for tx in sent] == list(range(250))
        assert [int(tx["nonce"], 16) for tx in sent] == list(range(before, before + 250))

    def test_first_failure_is_raised_after_all_are_mined(self, hub: Anacostia) -> None:
        good = hub.registry.register("many", Kind.MODEL, root(1))[0]
        calls = [hub.registry.calls.publish(m, root(9)) for m in (good, 10**6, good, 10**7, good)]
        limited = [Call(c.to, c.data, c.interface, c.function, gas=300_000) for c in calls]
        with pytest.raises(ContractRevertedError) as info:
            hub.chain.send_many(limited)
        assert 10**6 in info.value.arguments.values()
        assert info.value.__notes__ == ["call 1 of 5, counted from 0"]
        assert hub.registry.model_of(good).latest_version == 4

    def test_estimate_fails_before_anything_is_sent(self, hub: Anacostia) -> None:
        good = hub.registry.register("before", Kind.MODEL, root(1))[0]
        calls = [hub.registry.calls.publish(m, root(9)) for m in (good, 10**6)]
        with pytest.raises(ContractRevertedError):
            hub.chain.send_many(calls)
        assert hub.registry.model_of(good).latest_version == 1

    def test_refused_by_the_network(self, own_chain: LocalChain) -> None:
        chain = own_chain.chain(3)
        calls = [payment(gas=21_000), payment(10**30, gas=21_000), payment(gas=21_000)]
        with pytest.raises(InsufficientFundsError, match=r"holds .* and needs 1000000") as info:
            chain.send_many(calls)
        assert info.value.__notes__ == ["call 1 of 3, counted from 0"]
        chain.send(payment())  # takes the nonce that was free; so what waited behind it goes on
        assert chain.send(payment()).gas_used == 21_000

    def test_none(self, local_chain: LocalChain) -> None:
        assert local_chain.chain().send_many([]) == []


class TestInterruption:
    def test_endpoint_goes_away_after_broadcast(
        self, faulty: FaultyEndpoint, local_chain: LocalChain
    ) -> None:
        chain = through(faulty, local_chain)
        faulty.fault = on("eth_getTransactionReceipt", "drop")
        with pytest.raises(ChainUnavailableError, match="wait for that hash before") as info:
            chain.send(payment(77))
        assert SECRET not in str(info.value)
        tx_hash = str(info.value).split("transaction ")[1].split(" ")[0]
        faulty.fault = lambda _body: None
        assert chain.wait(tx_hash).hash == tx_hash
        assert chain.send(payment()).gas_used == 21_000

    def test_answer_to_the_broadcast_is_lost(
        self, faulty: FaultyEndpoint, local_chain: LocalChain
    ) -> None:
        chain = through(faulty, local_chain)
        signed = chain.sign(payment(78))
        faulty.after = on("eth_sendRawTransaction", "drop")
        with pytest.raises(ChainUnavailableError):
            chain.broadcast(signed.raw)
        faulty.after = lambda _body: None
        chain.broadcast(signed.raw)  # the very same bytes do no harm, mined or not
        assert chain.wait(signed.hash).hash == signed.hash
        chain.broadcast(signed.raw)

    def test_never_sent(self, local_chain: LocalChain) -> None:
        chain = local_chain.chain(4)
        signed = chain.sign(payment())
        with pytest.raises(TransactionTimeoutError, match=r"does not know it.*broadcast it again"):
            chain.wait(signed.hash, timeout=0.05)
        assert chain.receipt(signed.hash) is None
        chain.abandon(signed)
        again = chain.sign(payment())
        assert again.nonce == signed.nonce
        chain.abandon(again)  # or whoever sends from this account next waits behind it


class TestNonceClash:
    def test_another_process_took_the_nonce(self, own_chain: LocalChain, tmp_path) -> None:
        ours = own_chain.chain()
        theirs = Chain.connect(own_chain.rpc_url, signer=dev_signer(), state_dir=tmp_path)
        signed = ours.sign(payment(1))
        theirs.send(payment(2))
        says = f"another transaction of {ours.address} has taken nonce {signed.nonce}: something"
        with pytest.raises(NonceConflictError, match=says):
            ours.broadcast(signed.raw)
        assert ours.send(payment(3)).gas_used == 21_000

    def test_clash_while_both_wait(self, own_chain: LocalChain, tmp_path) -> None:
        ours = own_chain.chain()
        theirs = Chain.connect(own_chain.rpc_url, signer=dev_signer(), state_dir=tmp_path)
        ours.rpc("evm_setAutomine", False)
        one, two = ours.sign(payment(1)), theirs.sign(payment(2))
        ours.broadcast(one.raw)
        with pytest.raises(NonceConflictError, match="has taken nonce 0"):
            theirs.broadcast(two.raw)


class TestStuck:
    def test_fees_are_raised_until_it_is_mined(self, own_chain: LocalChain) -> None:
        chain = own_chain.chain()
        chain.patience = 0.2
        chain.rpc("evm_setAutomine", False)
        before = chain._market.fees()

        def offered() -> int:
            """Wei for one gas that what waits for a block offers; 0 while nothing waits."""
            accounts = chain.rpc("txpool_content")["pending"].values()
            waiting = [tx for by_nonce in accounts for tx in by_nonce.values()]
            return max((int(tx["maxFeePerGas"], 16) for tx in waiting), default=0)

        with ThreadPoolExecutor(1) as pool:
            sending = pool.submit(chain.send, payment(9))
            wait_for(offered)
            chain.rpc("anvil_setNextBlockBaseFeePerGas", hex(2 * before.limit))
            wait_for(lambda: offered() >= 2 * before.limit)
            chain.rpc("evm_mine")
            receipt = sending.result()
        sent = chain.rpc("eth_getTransactionByHash", receipt.hash)
        assert int(sent["nonce"], 16) == 0
        assert int(sent["maxFeePerGas"], 16) >= 2 * before.limit

    def test_either_hash_is_accepted(self, own_chain: LocalChain) -> None:
        """The first offer is mined although a second one was made."""
        chain = own_chain.chain()
        chain.rpc("evm_setAutomine", False)
        first = chain.sign(payment(1))
        second = chain.bump(first.raw)
        assert (second.nonce, second.sender) == (first.nonce, first.sender)
        assert second.hash != first.hash
        chain.broadcast(first.raw)
        chain.rpc("evm_mine")
        with pytest.raises(NonceConflictError):
            chain.broadcast(second.raw)
        found = chain._confirmed([second.hash, first.hash], 60)
        assert found["transactionHash"] == first.hash

    def test_timeout(self, own_chain: LocalChain) -> None:
        chain = own_chain.chain()
        chain.rpc("evm_setAutomine", False)
        with pytest.raises(TransactionTimeoutError, match="it may still be; wait for it again"):
            chain.send(payment(), timeout=0.1)


class TestReorg:
    def test_confirmations_are_waited_for(self, own_chain: LocalChain) -> None:
        chain = own_chain.chain(confirmations=2)
        signed = chain.sign(payment())
        chain.broadcast(signed.raw)
        wait_for(lambda: chain.receipt(signed.hash))
        with pytest.raises(TransactionTimeoutError):
            chain.wait(signed.hash, timeout=0.1)
        chain.rpc("anvil_mine", hex(2))
        assert chain.wait(signed.hash).hash == signed.hash

    def test_gone_before_it_was_confirmed(self, own_chain: LocalChain) -> None:
        chain = own_chain.chain(confirmations=3)
        says = r"was in block 1 and is gone.*send it again"
        with reorganised_once_mined(chain), pytest.raises(ReorgError, match=says):
            chain.send(payment())
        chain.confirmations = 0
        assert chain.send(payment()).block_number == 1  # the nonce was free again

    def test_gone_after_it_counted(self, own_chain: LocalChain) -> None:
        chain = own_chain.chain()
        snapshot = chain.rpc("evm_snapshot")
        receipt = chain.send(payment())
        chain.rpc("evm_revert", snapshot)
        assert chain.receipt(receipt.hash) is None
        with pytest.raises(TransactionTimeoutError, match="left the chain in a reorganisation"):
            chain.wait(receipt.hash, timeout=0.05)
        assert chain.send(payment()).block_number == 1

    def test_mined_again_elsewhere(self, own_chain: LocalChain) -> None:
        chain = own_chain.chain(confirmations=2)
        snapshot = chain.rpc("evm_snapshot")
        signed = chain.sign(payment())
        chain.broadcast(signed.raw)

        def reorganise() -> None:
            chain.rpc("evm_revert", snapshot)
            chain.rpc("anvil_mine", hex(1))
            chain.broadcast(signed.raw)
            chain.rpc("anvil_mine", hex(3))

        chain.confirmations = 0
        assert chain.wait(signed.hash).block_number == 1
        chain.confirmations = 2
        reorganise()
        assert chain.wait(signed.hash).block_number == 2
