"""What rollups charge for data, by the OP stack's own contracts, and a double of Arbitrum's."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from eth_account import Account
from eth_keys import keys
from eth_utils import keccak

import mocks
from anacostia_blockchain.chain import Call, Chain
from anacostia_blockchain.chain.abi import Interface
from anacostia_blockchain.rehearsal import coins_of, rehearse
from anacostia_blockchain.rollout import deploy_all
from anacostia_blockchain.rollups import (
    ARB_SYS,
    GAS_PRICE_ORACLE,
    NODE_INTERFACE,
    data_fees,
    unsigned,
)
from anacostia_blockchain.testing import LocalChain, dev_signer
from op_stack import artifact, deposit, ecotone, install

pytestmark = pytest.mark.integration


@pytest.fixture
def local() -> Iterator[LocalChain]:
    with LocalChain(chain_id=777) as local:
        yield local


@pytest.fixture
def rollup(local: LocalChain) -> LocalChain:
    """The OP stack's own contracts where they are on each of its chains, after its upgrades."""
    install(local.chain(9))
    return local


def mined(chain: Chain, since: int) -> list[dict[str, Any]]:
    numbers = range(since + 1, chain.block_number() + 1)
    return [
        tx
        for number in numbers
        for tx in chain.rpc("eth_getBlockByNumber", hex(number), True)["transactions"]
    ]


def test_what_is_asked_is_what_others_declare():
    """The OP stack's own ABI, and the selector that Arbitrum's nodes know."""
    (declared,) = [e for e in artifact("GasPriceOracle")["abi"] if e.get("name") == "getL1Fee"]
    ours = Interface.of("external/GasPriceOracle").functions["getL1Fee"]
    assert [e["type"] for e in declared["inputs"]] == list(ours.types)
    assert [e["type"] for e in declared["outputs"]] == list(ours.outputs)
    node = Interface.of("external/NodeInterface").functions["gasEstimateL1Component"]
    assert node.signature[:4].hex() == "77d488a2"


@pytest.mark.parametrize("data", [b"", b"\0" * 100, bytes(range(256)) * 3])
def test_the_unsigned_bytes_are_those_that_were_signed(local: LocalChain, data: bytes):
    """Their hash, with the signature, gives the sender."""
    chain = local.chain()
    before = chain.block_number()
    chain.send(Call("0x" + "12" * 20, data, "nobody", "anything", value=7))
    (tx,) = mined(chain, before)
    signature = keys.Signature(vrs=(int(tx["v"], 16), int(tx["r"], 16), int(tx["s"], 16)))
    signer = signature.recover_public_key_from_msg_hash(keccak(unsigned(tx)))
    assert signer.to_checksum_address() == chain.address == dev_signer().address


def test_the_unsigned_bytes_hold_an_access_list_too(local: LocalChain):
    key = Account.create()
    listed = [{"address": "0x" + "34" * 20, "storageKeys": ["0x" + "56" * 32]}]
    fields = {"chainId": 777, "nonce": 3, "maxPriorityFeePerGas": 1, "maxFeePerGas": 2, "gas": 9}
    fields |= {"to": "0x" + "12" * 20, "value": 0, "data": "0xabcd", "accessList": listed}
    signed = key.sign_transaction(fields | {"type": 2})
    said = {n: hex(v) if isinstance(v, int) else v for n, v in fields.items()}
    signature = keys.Signature(vrs=(signed.v, signed.r, signed.s))
    digest = keccak(unsigned(said | {"input": fields["data"]}))
    assert signature.recover_public_key_from_msg_hash(digest).to_checksum_address() == key.address


def test_the_rehearsal_tells_what_the_op_stack_charges(rollup: LocalChain):
    chain = rollup.chain()
    foreseen = rehearse(chain, rollup.rpc_url)
    before = chain.block_number()
    deployment = deploy_all(chain)
    sent = {tx["hash"]: tx for tx in mined(chain, before)}
    due = sum(ecotone(unsigned(tx)) for tx in sent.values())
    # What the copy sent offers other fees and so has a few other bytes.
    assert foreseen.data_fee == pytest.approx(due, rel=0.001)
    for step in foreseen.steps:
        tx = sent[deployment.contracts[step.name].tx]
        if step.gas:
            assert step.data_fee == pytest.approx(ecotone(unsigned(tx)), rel=0.001), step.name
        else:
            assert step.data_fee == 0, "its creator has paid for it"
    assert foreseen.data_besides > 0
    assert foreseen.cost() == coins_of(foreseen.gas * foreseen.fee + foreseen.data_fee)
    assert foreseen.cost(highest=True) > foreseen.cost()

    again = rehearse(chain, rollup.rpc_url)
    assert {step.data_fee for step in again.steps} == {None}
    assert again.data_fee == 0


def test_what_can_be_compressed_costs_less_since_fjord(rollup: LocalChain):
    chain = rollup.chain()
    before = chain.block_number()
    for data in (b"\x42" * 4000, b"".join(keccak(bytes([n])) for n in range(125))):
        chain.send(Call("0x" + "12" * 20, data, "nobody", "anything"))
    sent = mined(chain, before)
    plain = data_fees(chain, sent)
    assert plain == {tx["hash"]: ecotone(unsigned(tx)) for tx in sent}
    deposit(chain, GAS_PRICE_ORACLE, "setFjord()")
    repeated, random = data_fees(chain, sent).values()
    assert repeated * 10 < random


def test_the_rehearsal_tells_what_arbitrum_charges(local: LocalChain):
    chain = local.chain()
    like = mocks.create(local.chain(9), "Rollups", "NodeInterfaceDouble")
    chain.rpc("anvil_setCode", ARB_SYS, "0xfe")
    chain.rpc("anvil_setCode", NODE_INTERFACE, "0x" + chain.code(like).hex())
    foreseen = rehearse(chain, local.rpc_url)
    before = chain.block_number()
    deploy_all(chain)
    sizes = [len(tx["input"]) // 2 - 1 for tx in mined(chain, before)]
    assert foreseen.data_fee == sum(16 * (size + 140) * 20 * 10**9 for size in sizes)


def test_elsewhere_nothing_is_charged(local: LocalChain):
    assert data_fees(local.chain(), []) is None
