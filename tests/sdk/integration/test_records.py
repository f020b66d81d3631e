"""A deployment file is believed in nothing: each edit is found, and told by what it is."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
from eth_utils import to_checksum_address

from anacostia_blockchain.chain import Call, Chain, Receipt
from anacostia_blockchain.deployment import (
    CREATE2_PROXY,
    Deployment,
    compiler_of,
    creation_call,
    deploy,
    init_code,
)
from anacostia_blockchain.errors import ContractRevertedError
from anacostia_blockchain.inspection import inspect
from anacostia_blockchain.oracles import deploy_oracles
from anacostia_blockchain.origins import check_origin
from anacostia_blockchain.plan import SUITE
from anacostia_blockchain.promotion.service import deploy_gate, install_service
from anacostia_blockchain.rollout import UNCHECKED, completed, deploy_all, previous
from anacostia_blockchain.testing import LocalChain
from chainlink import Deployed
from safe import Safe
from whole import Whole, edited, without

pytestmark = pytest.mark.integration

ANEW = ": the file was edited; write it anew with `ape run deploy`"
SOMEBODY = "0x" + "22" * 20
UNKNOWN = "0x" + "ab" * 32
AENEID = 1315


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"version": "9.9.9"}, "the deployment file says version 9.9.9, the contract 1.0.0" + ANEW),
        (
            {"arguments": "nonsense"},
            "the arguments of RunLedger in the deployment file are not hexadecimal" + ANEW,
        ),
        (
            {"arguments": 7},
            "the arguments of RunLedger in the deployment file are not hexadecimal" + ANEW,
        ),
        ({"tx": None}, "the deployment file names a deployer, and no tx" + ANEW),
        ({"tx": "nonsense"}, "'nonsense' is no transaction" + ANEW),
        ({"tx": 7}, "7 is no transaction" + ANEW),
        (
            {"tx": None, "deployer": None, "block": 1},
            "the deployment file says block 1, which did not create RunLedger" + ANEW,
        ),
        (
            {"tx": None, "deployer": None, "block": 10**9},
            "the deployment file says block 1000000000" + ANEW,
        ),
        (
            {"tx": None, "deployer": None, "block": "7"},
            "the deployment file says block '7'" + ANEW,
        ),
        ({"tx": UNKNOWN, "block": 3}, f"block 3 has no transaction {UNKNOWN}" + ANEW),
        ({"tx": UNKNOWN, "block": None}, "the deployment file says block None" + ANEW),
    ],
)
def test_what_was_never_written_is_found(whole: Whole, fields: dict[str, object], message: str):
    found = whole.failures(edited(whole.deployment, "RunLedger", **fields))
    assert found.pop("RunLedger record") == message
    assert set(found) <= {"RunLedger code"}


def test_another_build_is_found(whole: Whole):
    for digest in ("00" * 32, None):
        found = whole.failures(edited(whole.deployment, "RunLedger", code_sha256=digest))
        assert found["RunLedger record"].startswith(f"recorded from another build ({digest!s:.12}…")


@pytest.mark.parametrize("deployer", [SOMEBODY, None])
def test_another_deployer_is_found(whole: Whole, deployer: str | None):
    for name in ("ModelMarket", "LicenseToken"):
        found = whole.failures(edited(whole.deployment, name, deployer=deployer))
        assert found == {
            f"{name} record": f"the deployment file says deployer {deployer}, and by its "
            f"transaction it is {whole.chain.address}{ANEW}"
        }


@pytest.mark.parametrize("compiler", ["solc 0.8.29", "", None])
def test_another_compiler_is_found(whole: Whole, compiler: str | None):
    found = whole.failures(edited(whole.deployment, "UsdFeeds", compiler=compiler))
    assert found == {
        "UsdFeeds record": f"the deployment file says compiler {compiler!r}, and this build's is "
        f"{compiler_of('UsdFeeds')!r}{ANEW}"
    }


def test_another_block_is_found(whole: Whole):
    block = whole.deployment.contracts["ModelNFT"].block
    found = whole.failures(edited(whole.deployment, "ModelNFT", block=1))
    assert found == {
        "ModelNFT record": "the deployment file says block 1, and by its transaction it is "
        f"{block}{ANEW}"
    }


def test_the_transaction_of_another_contract_is_found(whole: Whole):
    other = whole.deployment.contracts["ModelMarket"]
    for name in ("RunLedger", "LicenseToken", "UsdFeeds"):
        lying = edited(whole.deployment, name, tx=other.tx, block=other.block)
        assert whole.failures(lying) == {
            f"{name} record": f"transaction {other.tx} does not create {name}{ANEW}"
        }


def test_a_transaction_that_failed_is_found(whole: Whole):
    """The same bytes, sent again by somebody else: the contract was there already."""
    chain, sender = whole.chain, whole.chain.rpc("eth_accounts")[5]
    data = "0x" + creation_call(init_code("RunLedger")).hex()
    call = {"from": sender, "to": CREATE2_PROXY, "data": data, "gas": hex(3_000_000)}
    tx = chain.rpc("eth_sendTransaction", call)
    with pytest.raises(ContractRevertedError):
        chain.wait(tx)
    block = int(chain.rpc("eth_getTransactionReceipt", tx)["blockNumber"], 16)
    found = whole.failures(
        edited(
            whole.deployment, "RunLedger", tx=tx, block=block, deployer=to_checksum_address(sender)
        )
    )
    assert found == {"RunLedger record": f"transaction {tx} failed, and created nothing{ANEW}"}


def test_arguments_by_which_it_would_be_elsewhere_are_found(whole: Whole):
    found = whole.failures(edited(whole.deployment, "ModelMarket", arguments="0x" + "00" * 32))
    assert found["ModelMarket record"].startswith(
        f"the deployment file says {whole.deployment.address('ModelMarket')}, and by its arguments"
    )
    found = whole.failures(edited(whole.deployment, "ModelNFT", arguments="0x00"))
    assert found["ModelNFT record"] == (
        "its constructor took other arguments than this package's, by which it is at "
        f"{whole.deployment.address('ModelNFT')}: they changed since, or {ANEW[2:]}"
    )


def test_another_address_is_found(whole: Whole):
    """Also where there is such a contract, and the file says nothing of its arguments."""
    for arguments in ("0x", None):
        address = whole.deployment.address("UsdFeeds")
        lying = edited(whole.deployment, "RunLedger", address=address, arguments=arguments)
        found = whole.failures(lying)
        assert found["RunLedger record"] == (
            f"the deployment file says {address}, and by its arguments it is at "
            f"{whole.deployment.address('RunLedger')}{ANEW}"
        )
        assert found["RunLedger code"] == f"other code than this package's build at {address}"


def test_without_arguments_they_are_those_of_the_plan(whole: Whole):
    """Nothing is left out of the comparison for that: neither address nor immutables."""
    silent = whole.deployment
    for name in silent.contracts:
        silent = edited(silent, name, arguments=None)
    checks = whole.checks(silent)
    assert all(check.passed for check in checks.values()), checks
    for name in silent.contracts:
        assert checks[f"{name} code"].detail.endswith("immutables included")

    address, registry = map(silent.address, ("ModelLicensing", "ModelRegistry"))
    code = whole.chain.code(address).replace(bytes.fromhex(registry[2:]), b"\x66" * 20)
    whole.chain.rpc("anvil_setCode", address, "0x" + code.hex())
    assert whole.failures(silent)["ModelLicensing code"] == (
        f"the immutables at {address} are not what its constructor gives"
    )


def test_what_nobody_knows_and_the_file_does_not_say_is_no_evidence(whole: Whole):
    silent = edited(whole.deployment, "MetricReceiver", arguments=None)
    found = {c.name: c.detail for c in inspect(whole.chain, silent) if not c.passed}
    message = (
        "the deployment file does not say the arguments of MetricReceiver, and nobody else knows "
        "them: write it anew with `ape run deploy`"
    )
    assert found == dict.fromkeys(("MetricReceiver record", "MetricReceiver code"), message)


@pytest.mark.parametrize(
    ("deleted", "lacking"),
    [
        (("PromotionGate", "RunLedger"), "PromotionGate, RunLedger"),
        (("UsdFeeds",), "UsdFeeds"),
        (("AttestedMetrics",), "AttestedMetrics"),
        (("MetricReceiver", "ModelPricing", "UsdFeeds"), "MetricReceiver, ModelPricing, UsdFeeds"),
    ],
)
def test_what_was_deleted_is_found(whole: Whole, deleted: tuple[str, ...], lacking: str):
    assert whole.failures(without(whole.deployment, *deleted))["suite"] == (
        f"the deployment file lacks {lacking}: it was edited, or what it records was not "
        "finished; `ape run deploy` finds or deploys it"
    )


def test_one_of_the_pair_that_relies_on_story_is_not_enough(whole: Whole):
    one = whole.deployment.contracts["RunLedger"]
    half = Deployment(31337, whole.deployment.contracts | {"StorySale": one})
    assert whole.failures(half)["suite"].startswith("the deployment file lacks StoryAdapter: ")


def test_what_may_be_left_out_is_said(whole: Whole):
    prices = ("AttestedMetrics", "MetricReceiver", "ModelPricing", "UsdFeeds")
    check = whole.checks(without(whole.deployment, *prices))["suite"]
    assert check.passed
    assert check.detail == f"7 contracts, without {', '.join(prices)}"


@pytest.mark.parametrize("name", ["Nonsense", "EAS", "../abi/UsdFeeds"])
def test_what_is_none_of_ours_is_found(whole: Whole, name: str):
    one = whole.deployment.contracts["RunLedger"]
    more = Deployment(31337, whole.deployment.contracts | {name: one})
    assert whole.failures(more) == {"suite": f"{name}: no contract of this package{ANEW}"}


def test_other_feeds_than_the_known_ones_are_found(whole: Whole):
    """A suite of its own: each address follows from its arguments, and each byte is the build."""
    ether, dollar = whole.network.feeds
    other = dataclasses.replace(ether, feed=dollar.feed, description=dollar.description)
    lenient = dataclasses.replace(ether, max_age=10**6)
    for feed, wrong in ((other, {"UsdFeeds wires"}), (lenient, set())):
        network = dataclasses.replace(whole.network, feeds=(feed, dollar))
        swapped = deploy_oracles(whole.chain, whole.deployment, network)
        assert not [c for c in inspect(whole.chain, swapped, network) if not c.passed]
        found = whole.failures(swapped)
        for name in ("UsdFeeds", "ModelPricing"):
            assert found.pop(f"{name} record") == (
                "its constructor took other arguments than this package's, by which it is at "
                f"{whole.deployment.address(name)}: they changed since, or {ANEW[2:]}"
            )
        assert set(found) == wrong


def test_where_nobody_knows_what_is_there_the_file_is_believed_and_it_is_said(whole: Whole):
    """A local chain: whoever runs it knows where its feeds are, and this package does not."""
    checks = {check.name: check for check in inspect(whole.chain, whole.deployment)}
    assert all(check.passed for check in checks.values()), checks
    assert checks["suite"].detail == (
        f"{len(whole.deployment.contracts)} contracts; what AttestedMetrics, MetricReceiver, "
        "ModelPricing, PromotionGate, UsdFeeds take is as the file says, for nobody else knows "
        "what is on chain 31337"
    )


def test_a_network_that_has_a_name_has_the_service_that_the_plan_gives_it():
    """Story's, where no attestation service is known: a gate that trusts another one is found."""
    with LocalChain(chain_id=AENEID) as local:
        chain = local.chain()
        core = deploy(chain)
        planned = deploy_gate(chain, core, install_service(chain))
        assert not [c for c in inspect(chain, planned) if not c.passed]
        service = Deployed(chain, "EAS", "address", Deployed(chain, "SchemaRegistry").address)
        trusting = deploy_gate(chain, core, service.address)
        found = {c.name: c.detail for c in inspect(chain, trusting) if not c.passed}
        assert found == {
            "PromotionGate record": "its constructor took other arguments than this package's, by "
            f"which it is at {planned.address('PromotionGate')}: they changed since, or {ANEW[2:]}"
        }


def test_a_transaction_that_is_not_recorded_is_said_to_be_so(whole: Whole):
    contract = whole.deployment.contracts["RunLedger"]
    for block in (None, contract.block):
        bare = edited(whole.deployment, "RunLedger", tx=None, deployer=None, block=block)
        check = whole.checks(bare)["RunLedger record"]
        assert check.passed
        assert check.detail.endswith(", its transaction is not recorded")


STATE = ("eth_getCode",)
TRANSACTIONS = ("eth_getTransactionByHash", "eth_getTransactionReceipt")
BLOCKS = ("eth_getBlockByNumber",)


def forgetful(chain: Chain, *methods: str) -> object:
    """An endpoint that no longer knows what some methods tell of the past."""

    class Forgetful(type(chain.rpc)):
        def __call__(self, method: str, *params: object) -> object:
            if method not in methods or params[-1] in ("latest", False):
                return super().__call__(method, *params)
            if method in STATE:  # as an endpoint says it of a block that it does not have
                return super().__call__(method, "0x1", "0xffffffffffff")
            return None

    return Forgetful(chain.rpc._provider.endpoint_uri)


def test_a_transaction_that_the_node_forgot_is_looked_for_in_its_block(whole: Whole, monkeypatch):
    contract = whole.deployment.contracts["RunLedger"]
    monkeypatch.setattr(whole.chain, "rpc", forgetful(whole.chain, *STATE, *TRANSACTIONS))
    created = f"created in block {contract.block} by {contract.deployer}"
    assert whole.checks()["RunLedger record"].detail.endswith(created)
    lying = edited(whole.deployment, "RunLedger", tx=UNKNOWN)
    assert whole.failures(lying) == {
        "RunLedger record": f"block {contract.block} has no transaction {UNKNOWN}{ANEW}"
    }


def test_where_the_node_forgot_all_it_is_said_and_the_record_is_kept(whole: Whole, monkeypatch):
    again = deploy_all(whole.chain, network=whole.network)
    monkeypatch.setattr(whole.chain, "rpc", forgetful(whole.chain, *STATE, *TRANSACTIONS, *BLOCKS))
    tx = whole.deployment.contracts["RunLedger"].tx
    check = whole.checks()["RunLedger record"]
    assert check.passed
    assert check.detail.endswith(f"transaction {tx} is not known to {whole.chain.rpc.host}")
    bare = edited(whole.deployment, "RunLedger", tx=None, deployer=None)
    assert whole.checks(bare)["RunLedger record"].passed
    assert completed(whole.chain, again, whole.deployment) == whole.deployment
    assert completed(whole.chain, again, None) == again


@pytest.mark.parametrize(
    "edit",
    [
        lambda _: {"deployer": SOMEBODY},
        lambda whole: {f: getattr(whole.deployment.contracts["ModelMarket"], f) for f in TOLD},
        lambda _: {"tx": UNKNOWN},
        lambda _: {"tx": "nonsense"},
        lambda _: {"block": 1},
        lambda _: {"compiler": "", "arguments": "0x12"},
    ],
    ids=["deployer", "tx of another", "unknown tx", "no tx", "block", "what is not asked"],
)
def test_deploying_again_writes_what_was_edited_anew(
    whole: Whole, edit: Callable[[Whole], dict[str, object]]
):
    lying = edited(whole.deployment, "RunLedger", **edit(whole))
    again = deploy_all(whole.chain, network=whole.network)
    assert completed(whole.chain, again, lying) == whole.deployment


TOLD = ("tx", "block", "deployer")


def test_a_record_that_no_check_passed_yet_is_gone_on_from(whole: Whole, tmp_path):
    """It stands apart, where nobody else looks, and is newer than what it stands beside."""
    ledger = without(whole.deployment, *(SUITE - {"RunLedger"}))
    market = without(whole.deployment, *(SUITE - {"ModelMarket"}))
    assert previous(31337, tmp_path) is None
    ledger.save(tmp_path / UNCHECKED)
    assert previous(31337, tmp_path) == ledger
    market.save(tmp_path)
    edited(ledger, "RunLedger", tx=UNKNOWN).save(tmp_path)
    assert previous(31337, tmp_path) == ledger
    market.save(tmp_path)
    assert previous(31337, tmp_path).contracts == market.contracts | ledger.contracts
    assert Deployment.load(31337, tmp_path) == market


class SafeChain(Chain):
    """Sends by a Safe: its owner hands in what it is to call."""

    safe: Safe

    def send(self, call: Call, *, timeout: float = 180) -> Receipt:
        return self.wait(self.safe.execute(call.to, call.data)["transactionHash"], timeout=timeout)


def test_who_deploys_by_a_safe_is_the_safe(tmp_path):
    """And not the owner who sent the transaction, whether recorded at once or found later."""
    with LocalChain() as local:
        owner = local.chain(3).address
        chain = SafeChain.connect(local.rpc_url, chain_id=31337, state_dir=tmp_path)
        chain.safe = safe = Safe(chain, owner)
        chain.address = safe.address
        first = deploy_all(chain)
        assert {c.deployer for c in first.contracts.values()} == {safe.address}
        assert completed(chain, deploy_all(chain), None) == first
        assert not [c for c in inspect(chain, first) if not c.passed]
        lying = edited(first, "RunLedger", deployer=owner)
        (found,) = [c.detail for c in inspect(chain, lying) if not c.passed]
        assert found == (
            f"the deployment file says deployer {owner}, and by its transaction it is "
            f"{safe.address}{ANEW}"
        )

        # A Safe's transaction succeeds although what it called did not.
        call = creation_call(init_code("RunLedger"))
        late = safe.execute(CREATE2_PROXY, call, gas=3_000_000)
        assert late["status"] == "0x1"
        block = int(late["blockNumber"], 16)
        lying = edited(first, "RunLedger", tx=late["transactionHash"], block=block)
        (found,) = [c.detail for c in inspect(chain, lying) if not c.passed]
        assert found == (
            f"the deployment file says block {block}, which did not create RunLedger{ANEW}"
        )
        chain.rpc = forgetful(chain, *STATE)
        assert check_origin(chain, "RunLedger", lying.contracts["RunLedger"], b""), "for want of it"
