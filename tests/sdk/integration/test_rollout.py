"""Deploying to a public chain: cost known before, record complete after, crashes in between."""

from __future__ import annotations

import dataclasses
import os
from decimal import Decimal

import pytest

from anacostia_blockchain import deployment as deploying
from anacostia_blockchain import rehearsal
from anacostia_blockchain.chain import Chain, PrivateKeySigner
from anacostia_blockchain.deployment import CREATED, DEPLOYED, Deployment, deploy
from anacostia_blockchain.errors import (
    ChainUnavailableError,
    ConfigError,
    ContractRevertedError,
    InsufficientFundsError,
    NonceConflictError,
    VersionMismatchError,
)
from anacostia_blockchain.rehearsal import Estimate, check_account, coins_of, rehearse
from anacostia_blockchain.rollout import completed, deploy_all, previous
from anacostia_blockchain.testing import LocalChain, dev_signer
from chainlink import Oracles, network_of
from chains import KILLED, in_child
from waiting import wait_for

pytestmark = pytest.mark.integration

PLAN = [*DEPLOYED, *CREATED, "PromotionGate"]
"""Contracts, where Chainlink is not."""

SENT = [*DEPLOYED, "SchemaRegistry", "EAS", "PromotionGate", "one schema", "another"]
"""Transactions of the plan there, in order: the chain has no attestation service."""


@pytest.fixture
def local():
    with LocalChain(chain_id=777) as chain:
        yield chain


def test_a_rehearsal_costs_nothing_and_foresees_the_gas_exactly(local: LocalChain):
    chain = local.chain()
    before = chain.block_number(), chain.balance(chain.address)
    foreseen = rehearse(chain, local.rpc_url)
    assert (chain.block_number(), chain.balance(chain.address)) == before
    assert [step.name for step in foreseen.steps] == PLAN
    deployed = deploy_all(chain)
    after = before[0] + len(SENT)
    assert chain.block_number() == after
    used = sum(int(chain.header(b)["gasUsed"], 16) for b in range(before[0] + 1, after + 1))
    assert foreseen.gas == used
    for step in foreseen.steps:
        contract = deployed.contracts[step.name]
        assert step.address == contract.address
        used = chain.receipt(contract.tx).gas_used
        assert step.gas == (0 if step.name in CREATED else used)
    assert foreseen.besides > 1_000_000
    assert foreseen.coin_usd is None
    assert foreseen.dollars(foreseen.cost()) is None
    assert foreseen.data_fee is None
    assert foreseen.cost() == coins_of(foreseen.gas * foreseen.fee)


def test_a_rehearsal_knows_what_is_there_already(local: LocalChain, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(deploying, "DEPLOYED", DEPLOYED[:1])
        deploy(local.chain())
    foreseen = {step.name: step.gas for step in rehearse(local.chain(), local.rpc_url).steps}
    assert foreseen["ModelRegistry"] is None
    assert foreseen["ModelNFT"] is None
    assert all(foreseen[name] for name in DEPLOYED[1:])


def test_what_relies_on_chainlink_is_part_of_the_plan_and_priced_by_its_feed(local: LocalChain):
    chain = local.chain()
    network = network_of(Oracles.start(chain))
    foreseen = rehearse(chain, local.rpc_url, network=network)
    names = [step.name for step in foreseen.steps]
    assert {"UsdFeeds", "MetricReceiver", "ModelPricing"} <= set(names)
    assert foreseen.coin_usd == Decimal(3200)
    assert foreseen.dollars(foreseen.cost()) == foreseen.cost() * 3200
    without = rehearse(chain, local.rpc_url, network=network, prices=False)
    assert [step.name for step in without.steps] == PLAN
    assert set(deploy_all(chain, network=network).contracts) == set(names)


def test_a_feed_that_is_another_is_found_before_anything_is_paid(local: LocalChain):
    chain = local.chain()
    network = network_of(Oracles.start(chain))
    wrong = dataclasses.replace(network.feeds[0], description="BTC / USD")
    network = dataclasses.replace(network, feeds=(wrong, *network.feeds[1:]))
    before = chain.block_number()
    with pytest.raises(ContractRevertedError, match="UsdFeeds_WrongDescription"):
        rehearse(chain, local.rpc_url, network=network)
    assert chain.block_number() == before


def test_a_chain_that_dies_cannot_be_rehearsed_on(local: LocalChain):
    chain = local.chain()
    local.stop()
    with pytest.raises(ChainUnavailableError, match="cannot be copied for a rehearsal"):
        rehearse(chain, local.rpc_url)


def test_a_chain_that_dies_during_a_rehearsal(local: LocalChain, monkeypatch):
    """The copy reads what it needs when it needs it."""
    chain = local.chain()

    def dying(copy: Chain, **plan: object) -> Deployment:
        local.stop()
        return deploy_all(copy, **plan)

    monkeypatch.setattr(rehearsal, "deploy_all", dying)
    with pytest.raises(ChainUnavailableError, match="cannot be copied for a rehearsal") as caught:
        rehearse(chain, local.rpc_url)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("sent", range(len(SENT)), ids=SENT)
@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_transaction_it_goes_on(local: LocalChain, sent: int, when: str, tmp_path):
    """The process dies before or after a transaction; the next one finishes, and knows all."""
    chain = local.chain()

    def mined() -> int:
        return chain.rpc.number("eth_getTransactionCount", chain.address, "latest")

    class Dying(Chain):
        count = 0

        def broadcast(self, raw: bytes) -> None:
            if when == "after":
                super().broadcast(raw)
            if self.count == sent:
                os._exit(KILLED)
            if when == "before":
                super().broadcast(raw)
            Dying.count += 1

    def work() -> None:
        dying = Dying.connect(
            local.rpc_url, signer=dev_signer(), chain_id=777, state_dir=local.state_dir
        )
        deploy_all(dying)

    assert in_child(work) == KILLED
    done = sent if when == "before" else sent + 1
    wait_for(lambda: mined() == done)
    foreseen = rehearse(chain, local.rpc_url)
    missing = [step.name for step in foreseen.steps if step.gas]
    assert missing == [name for name in SENT[done:] if name in PLAN]
    deployment = completed(chain, deploy_all(chain), None)
    for name, contract in deployment.contracts.items():
        receipt = chain.receipt(contract.tx)
        assert receipt.block_number == contract.block, name
        assert contract.deployer == chain.address
    assert mined() == len(SENT)


def test_an_earlier_record_is_kept_and_its_gaps_are_filled(local: LocalChain, tmp_path):
    chain = local.chain()
    first = deploy_all(chain)
    first.save(tmp_path)
    assert previous(777, tmp_path) == first
    assert previous(778, tmp_path) is None
    again = deploy_all(chain)
    assert {contract.tx for contract in again.contracts.values()} == {None}
    assert completed(chain, again, first) == first
    assert completed(chain, again, None) == first
    registry = dataclasses.replace(first.contracts["ModelRegistry"], tx=None, block=None)
    gap = Deployment(777, first.contracts | {"ModelRegistry": registry})
    assert completed(chain, again, gap) == first


@pytest.mark.parametrize("edit", [{"tx": "0x" + "ab" * 32}, {"block": 1}])
def test_an_earlier_record_is_not_believed(local: LocalChain, edit: dict[str, object]):
    chain = local.chain()
    first = deploy_all(chain)
    ledger = dataclasses.replace(first.contracts["RunLedger"], **edit)
    edited = Deployment(777, first.contracts | {"RunLedger": ledger})
    assert completed(chain, deploy_all(chain), edited) == first


def test_a_damaged_record_is_kept_and_named(tmp_path):
    (tmp_path / "777.json").write_text("{")
    with pytest.raises(ConfigError, match=r"is damaged.*move .*777\.json away"):
        previous(777, tmp_path)
    assert (tmp_path / "777.json").read_text() == "{"


def test_where_the_node_has_forgotten_the_origin_stays_open(local: LocalChain, monkeypatch):
    chain = local.chain()
    deploy_all(chain)
    again, ask = deploy_all(chain), chain.rpc

    class Forgetful(type(ask)):
        def __call__(self, method: str, *params: object) -> object:
            if method == "eth_getCode" and params[1] != "latest":
                return super().__call__("eth_getCode", "0x1", "0xffffffffffff")
            return super().__call__(method, *params)

    monkeypatch.setattr(chain, "rpc", Forgetful(local.rpc_url))
    assert completed(chain, again, None) == again


def test_an_account_without_coins_is_refused(local: LocalChain):
    poor = PrivateKeySigner("0x" + "77" * 32)
    chain = Chain.connect(local.rpc_url, signer=poor, state_dir=local.state_dir)
    foreseen = rehearse(chain, local.rpc_url)
    with pytest.raises(InsufficientFundsError, match="holds 0 coins on chain 777 and needs about"):
        check_account(chain, foreseen)
    nothing_to_do = Estimate(777, (), 0, foreseen.fee, foreseen.highest_fee, None)
    check_account(chain, nothing_to_do)
    reader = Chain.connect(local.rpc_url, state_dir=local.state_dir)
    with pytest.raises(ConfigError, match="name an account"):
        check_account(reader, foreseen)
    # A Safe has code: who sends for it pays. What only delegates to code (EIP-7702) sends itself.
    chain.rpc("anvil_setCode", poor.address, "0xef0100" + "11" * 20)
    with pytest.raises(InsufficientFundsError):
        check_account(chain, foreseen)
    chain.rpc("anvil_setCode", poor.address, "0x6000")
    check_account(chain, foreseen)


def test_an_account_with_transactions_under_way_is_refused(local: LocalChain):
    chain = local.chain()
    foreseen = rehearse(chain, local.rpc_url)
    check_account(chain, foreseen)
    chain.rpc("evm_setAutomine", False)
    for _ in range(2):
        chain.rpc(
            "eth_sendTransaction", {"from": chain.address, "to": chain.address, "value": "0x1"}
        )
    with pytest.raises(NonceConflictError, match="transactions under way, nonces 0 to 1"):
        check_account(chain, foreseen)
    chain.rpc("evm_mine")
    check_account(chain, foreseen)


def test_a_gap_in_the_nonces_is_filled_by_the_deployment(local: LocalChain):
    """A transaction ahead of its turn waits in the pool; ours takes the turn before it."""
    chain, key = local.chain(), dev_signer()
    ahead = chain._sign_one(
        deploying.Call(chain.address, b"", "", ""), 21_000, 1, chain._market.fees()
    )
    chain.broadcast(ahead.raw)
    assert key.address == chain.address
    deployment = deploy_all(chain)
    deployment.check(chain)
    assert chain.receipt(ahead.hash) is not None


def test_other_code_at_an_address_stops_it_before_it_sends(local: LocalChain):
    chain = local.chain()
    taken = deploying.predicted_address("ModelMarket")
    chain.rpc("anvil_setCode", taken, "0x6000")
    with pytest.raises(VersionMismatchError, match=f"the code of ModelMarket at {taken}"):
        rehearse(chain, local.rpc_url)
    assert chain.rpc.number("eth_getTransactionCount", chain.address, "latest") == 0
