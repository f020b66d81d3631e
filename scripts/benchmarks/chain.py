"""Sending and reading: this package beside web3.py alone, on one anvil, in one run.

Every way sends the same publications; the ratios say more than the rates, which differ by machine.
"""

from __future__ import annotations

import dataclasses
import itertools
import json
import time
from collections.abc import Callable, Iterator
from importlib.resources import files

from eth_account import Account
from web3 import HTTPProvider, Web3
from web3.contract import Contract

from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.contracts import ModelRegistry
from anacostia_blockchain.testing import DEV_MNEMONIC, LocalChain
from anacostia_blockchain.types import Kind, Parent

NAIVE = 30
"""Transactions of the slow ways; their rate does not depend on the number."""

SENT = 600
EVENTS = 10_000

EDGES = 16
"""Parents of one version, at most."""


def main() -> None:
    """Run and print the table."""
    Account.enable_unaudited_hdwallet_features()
    with LocalChain() as local:
        chain, deployment = local.chain(), local.deploy()
        registry = ModelRegistry(chain, deployment.address("ModelRegistry"))
        model = registry.register("benchmark", Kind.MODEL, CID(0x70, b"\1" * 32))[0]
        calls = publications(registry, model)
        print(f"{'publishing':34} {'number':>7} {'tx/s':>9} {'ratio':>7}")
        naive = best(NAIVE, lambda: web3_loop(local, take(calls, NAIVE)))
        show("web3.py: build, sign, send, wait", NAIVE, naive, naive)
        single = best(NAIVE, lambda: [chain.send(call) for call in take(calls, NAIVE)])
        show("Chain.send, one by one", NAIVE, single, naive)
        many = best(SENT, lambda: chain.send_many(take(calls, SENT)))
        show("Chain.send_many", SENT, many, naive)
        limited = best(SENT, lambda: chain.send_many(map(with_gas, take(calls, SENT))))
        show("… with gas limits given", SENT, limited, naive)
        reading(local, chain, registry, model)


def reading(local: LocalChain, chain: Chain, registry: ModelRegistry, model: int) -> None:
    """Read the same events both ways: lineage edges, of which one transaction emits many."""
    parents = [Parent(model, version) for version in range(1, EDGES + 1)]
    roots = (CID(0x70, number.to_bytes(32, "big")) for number in itertools.count(10**6))
    calls = (registry.calls.publish(model, next(roots), parents) for _ in range(EVENTS // EDGES))
    chain.send_many(with_gas(call, 700_000) for call in calls)
    event = web3_contract(local, registry.address).events.ParentLinked
    slow = best(EVENTS, lambda: expect(len(event.get_logs(from_block=0)), EVENTS))
    print(f"\n{'reading':34} {'number':>7} {'events/s':>9} {'ratio':>7}")
    show("web3.py: event.get_logs", EVENTS, slow, slow)

    def ours() -> None:
        expect(sum(1 for _ in chain.logs(registry.address, "ModelRegistry", event.name)), EVENTS)

    show("Chain.logs", EVENTS, best(EVENTS, ours), slow)


def web3_loop(local: LocalChain, calls: list[Call]) -> None:
    """As web3.py's own documentation does it: one after another, everything looked up."""
    contract = web3_contract(local, calls[0].to)
    web3 = contract.w3
    account = Account.from_mnemonic(DEV_MNEMONIC)
    for call in calls:
        arguments = contract.decode_function_input(call.data)[1]
        sender = {"from": account.address, "nonce": web3.eth.get_transaction_count(account.address)}
        built = contract.functions.publish(**arguments).build_transaction(sender)
        signed = account.sign_transaction(built)
        sent = web3.eth.send_raw_transaction(signed.raw_transaction)
        web3.eth.wait_for_transaction_receipt(sent)


def web3_contract(local: LocalChain, address: str) -> Contract:
    """The registry as web3.py sees it, with a connection that is kept alive."""
    abi = json.loads(files("anacostia_blockchain").joinpath("abi/ModelRegistry.json").read_text())
    return Web3(HTTPProvider(local.rpc_url)).eth.contract(address=address, abi=abi)


def publications(registry: ModelRegistry, model: int) -> Iterator[Call]:
    """Versions of a model, each with another root."""
    for number in itertools.count(1):
        yield registry.calls.publish(model, CID(0x70, number.to_bytes(32, "big")))


def take(calls: Iterator[Call], number: int) -> list[Call]:
    return list(itertools.islice(calls, number))


def with_gas(call: Call, gas: int = 150_000) -> Call:
    """As one does who knows what the call costs: nothing is estimated."""
    return dataclasses.replace(call, gas=gas)


def best(number: int, work: Callable[[], object]) -> float:
    """Per second, the best of three: other programs can only slow it down."""
    seconds = []
    for _ in range(3):
        started = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - started)
    return number / min(seconds)


def expect(found: int, wanted: int) -> None:
    if found != wanted:
        raise SystemExit(f"error: {found} events were read, not {wanted}")


def show(name: str, number: int, measured: float, base: float) -> None:
    print(f"{name:34} {number:>7,} {measured:>9,.0f} {measured / base:>6.1f}x", flush=True)


if __name__ == "__main__":
    main()
