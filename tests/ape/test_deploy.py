"""`ape run deploy` and `ape run verify_deployment`, on chains that pass for public ones."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from decimal import Decimal

import pytest
from commands import ADDRESS, APE, KEY, balance, dying, refusal
from public import BASE_SEPOLIA, SEPOLIA, passing_for
from scripts import _ape, deploy, verify_deployment

import op_stack
from anacostia_blockchain.deployment import CREATED, DEPLOYED, Deployment
from anacostia_blockchain.oracles import OracleNetwork
from anacostia_blockchain.rollout import UNCHECKED, deploy_all
from anacostia_blockchain.testing import LocalChain, dev_signer
from faults import FaultyEndpoint
from story_double import StoryDouble

AENEID = 1315
FORK = "base:sepolia-fork:foundry"
ETHER = 3000
"""Dollars, by the feed of `public.py`."""


class TestDeploy:
    def test_a_dry_run_says_the_cost_in_coins_and_dollars_and_sends_nothing(
        self, chain, run, tmp_path
    ):
        rpc = chain.chain().rpc
        before = rpc("eth_getTransactionCount", dev_signer().address, "latest")
        result = run(deploy, chain, "--dry-run")
        assert result.exit_code == 0, result.output
        first, *steps, total, last = result.output.splitlines()
        assert first.endswith(f", chain {SEPOLIA}")
        assert last == "dry run: nothing was sent"
        assert rpc("eth_getTransactionCount", dev_signer().address, "latest") == before
        assert not list(tmp_path.iterdir())

        names = [step.split()[0] for step in steps]
        prices = ("UsdFeeds", "MetricReceiver", "AttestedMetrics", "ModelPricing")
        assert names == [*DEPLOYED, *CREATED, "PromotionGate", *prices, "attestations"]
        used = [
            int(gas.replace(",", "")) for gas in re.findall(r" ([\d,]+) gas$", result.output, re.M)
        ]
        assert len(used) == len(names) - len(CREATED)
        base = int(chain.chain().header()["baseFeePerGas"], 16)
        tip = rpc.number("eth_maxPriorityFeePerGas")
        now, most = (sum(used) * (times * base + tip) / Decimal(10**18) for times in (1, 2))
        assert total == (
            f"{sum(used):,} gas: {now:.6f} coins (${now * ETHER:,.2f}) at present, "
            f"{most:.6f} coins (${most * ETHER:,.2f}) at most"
        )

    def test_without_a_feed_the_dollars_are_unknown(self, chain, run):
        feed = OracleNetwork.known(SEPOLIA).feeds[0].feed
        chain.chain().rpc("anvil_setCode", feed, "0x")
        result = run(deploy, chain, "--dry-run", "--no-prices")
        assert "dollars unknown" in result.output

    def test_a_keystore_deploys_everything_and_it_is_the_build(
        self, chain, run, keystore, tmp_path
    ):
        balance(chain, 10**18)
        result = run(deploy, chain, "--account", keystore, "--yes")
        assert result.exit_code == 0, result.output
        assert "checks passed" in result.output
        deployment = Deployment.load(SEPOLIA, tmp_path)
        assert {c.deployer for c in deployment.contracts.values()} == {ADDRESS}
        assert all(c.tx and c.block and c.compiler for c in deployment.contracts.values())
        assert KEY[2:] not in result.output
        verified = run(verify_deployment, chain)
        assert verified.exit_code == 0, verified.output
        assert verified.output.count("immutables included") == len(deployment.contracts)

        again = run(deploy, chain, "--account", keystore, "--yes")
        assert again.exit_code == 0, again.output
        assert "nothing is missing" in again.output
        assert Deployment.load(SEPOLIA, tmp_path) == deployment

    def test_on_a_rollup_it_says_what_is_charged_for_data(self, chain, run):
        plain = run(deploy, chain, "--dry-run")
        assert "for data" not in plain.output
        op_stack.install(chain.chain(9))
        result = run(deploy, chain, "--dry-run")
        assert result.exit_code == 0, result.output
        lines = result.output.splitlines()
        for name in ("ModelRegistry", "PromotionGate", "UsdFeeds"):
            (line,) = [line for line in lines if line.split()[:1] == [name]]
            assert line.endswith("coins for data"), line
        assert any(line.endswith("for data, at its price at present") for line in lines)

    def test_on_storys_network_it_goes_on_with_what_relies_on_story(self, run, tmp_path):
        with LocalChain(chain_id=AENEID) as local:
            story = StoryDouble(local.chain(9)).stand_in()
            words = ("--account", "TEST::0", "--yes")
            without = run(deploy, local, "--no-story", *words, network="story:aeneid")
            assert without.exit_code == 0, without.output
            assert "Story" not in without.output.replace("story:aeneid", "")
            result = run(deploy, local, *words, network="story:aeneid")
            assert result.exit_code == 0, result.output
            kept = Deployment.load(AENEID, tmp_path).contracts
            assert {"StoryAdapter", "StorySale"} <= set(kept)
            verified = run(verify_deployment, local, network="story:aeneid")
            assert verified.exit_code == 0, verified.output
            assert verified.output.count("immutables included") == len(kept)
            assert verified.output.count(f"wrappedCoin() {story.wrapped_coin}") == 2

    def test_killed_in_the_middle_it_goes_on(self, chain, run, tmp_path):
        """A real process, killed when its second transaction is in the pool and not in a block."""
        rpc = chain.chain().rpc
        sender = dev_signer().address
        first = rpc.number("eth_getTransactionCount", sender, "latest")
        command = [APE, "run", "deploy", "--network", f"ethereum:sepolia:{chain.rpc_url}"]
        command += ["--account", "TEST::0", "--yes", "--no-prices", "--record", str(tmp_path)]
        process = subprocess.Popen(command, cwd=_ape.ROOT, stdout=subprocess.PIPE, text=True)
        rpc("evm_setAutomine", False)
        pending = lambda: rpc.number("eth_getTransactionCount", sender, "pending")  # noqa: E731
        mined = False
        deadline = time.monotonic() + 600
        while pending() < first + 2:
            if pending() == first + 1 and not mined:
                rpc("anvil_mine", "0x6")
                mined = True
            assert time.monotonic() < deadline, "it never sent"
            assert process.poll() is None, process.stdout.read()
            time.sleep(0.1)
        process.send_signal(signal.SIGKILL)
        process.wait()
        assert not (tmp_path / f"{SEPOLIA}.json").exists()
        blocked = run(deploy, chain, "--account", "TEST::0", "--yes", "--no-prices")
        assert "transactions under way" in refusal(blocked)
        rpc("evm_mine")
        rpc("evm_setAutomine", True)
        result = run(deploy, chain, "--account", "TEST::0", "--yes", "--no-prices")
        assert result.exit_code == 0, result.output
        assert result.output.count("there already") == 3
        deployment = Deployment.load(SEPOLIA, tmp_path)
        assert {c.deployer for c in deployment.contracts.values()} == {sender}
        assert all(c.tx for c in deployment.contracts.values())


class TestBadInput:
    def test_an_empty_account(self, chain, run, keystore):
        balance(chain, 0)
        refused = refusal(run(deploy, chain, "--account", keystore, "--yes"))
        assert f"{ADDRESS} holds 0 coins on chain {SEPOLIA} and needs about" in refused

    def test_nobody_and_somebody_unknown(self, chain, run):
        assert "name an account" in refusal(run(deploy, chain, "--yes"))
        assert "no account 'nobody'" in refusal(run(deploy, chain, "--account", "nobody"))

    def test_a_wrong_passphrase(self, chain, run, keystore, monkeypatch):
        balance(chain, 10**18)
        monkeypatch.setenv("APE_ACCOUNTS_deployer_PASSPHRASE", "wrong")
        refused = refusal(run(deploy, chain, "--account", keystore, "--yes"))
        assert "InvalidPasswordError" in refused
        assert "wrong" not in refused

    def test_another_chain_than_the_network(self, run, monkeypatch):
        with LocalChain(chain_id=777) as other:
            refused = refusal(run(deploy, other, "--dry-run"))
        assert "777" in refused

    def test_other_code_where_a_contract_belongs(self, chain, run):
        rpc = chain.chain().rpc
        rpc("anvil_setCode", deploy_address("RunLedger"), "0x6000")
        refused = refusal(run(deploy, chain, "--account", "TEST::0", "--yes"))
        assert "the code of RunLedger" in refused
        assert "not what this package was built with" in refused

    def test_a_feed_that_is_something_else(self, chain, run):
        known = OracleNetwork.known(SEPOLIA)
        rpc = chain.chain().rpc
        code = rpc("eth_getCode", known.feeds[1].feed, "latest")
        rpc("anvil_setCode", known.feeds[0].feed, code)
        refused = refusal(run(deploy, chain, "--account", "TEST::0", "--yes"))
        assert "UsdFeeds_WrongDescription" in refused
        assert rpc.number("eth_getTransactionCount", dev_signer().address, "latest") == 0

    def test_a_dead_endpoint(self, run):
        with LocalChain(chain_id=SEPOLIA) as gone:
            pass
        assert "No (supported) node found" in refusal(run(deploy, gone, "--dry-run"))

    def test_nothing_is_deployed_yet(self, chain, run):
        assert f"no deployment on chain {SEPOLIA}" in refusal(run(verify_deployment, chain))

    @pytest.mark.parametrize(
        ("edit", "message"),
        [
            (lambda d: d["contracts"]["ModelNFT"].update(address="0x12"), "is damaged"),
            (lambda d: d.update(chain_id=1), "is damaged"),
            (lambda d: d["contracts"]["RunLedger"].update(arguments="0x00"), "RunLedger record"),
            (lambda d: d["contracts"]["ModelMarket"].update(version="2"), "ModelMarket record"),
            (
                lambda d: d["contracts"]["ModelNFT"].update(address="0x" + "11" * 20),
                "ModelNFT record",
            ),
            (
                lambda d: d["contracts"]["RunLedger"].update(deployer="0x" + "22" * 20),
                "checks failed: RunLedger record",
            ),
            (
                lambda d: d["contracts"]["RunLedger"].update(compiler="solc 0.8.29"),
                "checks failed: RunLedger record",
            ),
            (
                lambda d: [d["contracts"].pop(name) for name in ("PromotionGate", "RunLedger")],
                "checks failed: suite",
            ),
        ],
    )
    def test_a_file_edited_by_hand(self, chain, run, tmp_path, edit, message):
        path = deploy_core(chain).save(tmp_path)
        document = json.loads(path.read_text())
        edit(document)
        path.write_text(json.dumps(document))
        assert message in refusal(run(verify_deployment, chain))

    def test_what_fails_a_check_is_no_record_and_is_not_forgotten(self, chain, run, tmp_path):
        """One immutable is forged: what was sent stays, apart, and the next run records it."""
        words = ("--account", "TEST::0", "--yes", "--no-prices")
        rpc = chain.chain().rpc
        path, apart = (f / f"{SEPOLIA}.json" for f in (tmp_path, tmp_path / UNCHECKED))
        deployment = deploy_core(chain)
        address = deployment.address("ModelMarket")
        code = rpc("eth_getCode", address, "latest")
        forged = code.replace(deployment.address("ModelNFT")[2:].lower(), "66" * 20)
        rpc("anvil_setCode", address, forged)
        refused = refusal(run(deploy, chain, *words))
        assert "ModelMarket code: the immutables at" in refused
        assert " ".join(refused.split()).endswith(f"not recorded, what was sent is kept in {apart}")
        assert not path.exists()
        assert apart.exists()
        assert f"no deployment on chain {SEPOLIA}" in refusal(run(verify_deployment, chain))
        rpc("anvil_setCode", address, code)
        result = run(deploy, chain, *words)
        assert result.exit_code == 0, result.output
        assert f"recorded in {path}" in result.output
        assert not apart.exists()
        assert Deployment.load(SEPOLIA, tmp_path) == deployment

    def test_a_half_finished_deployment(self, chain, run, tmp_path):
        deploy_core(chain).save(tmp_path)
        chain.chain().rpc("anvil_setCode", deploy_address("ModelMarket"), "0x")
        refused = refusal(run(verify_deployment, chain))
        assert "ModelMarket code" in refused
        assert "ModelLicensing" not in refused


@pytest.mark.parametrize("when", ["from the start", "in the middle"])
def test_a_fork_whose_upstream_dies(when: str):
    """What the fork has not read of it yet is gone: one line, soon."""
    with passing_for(BASE_SEPOLIA) as upstream, FaultyEndpoint(upstream.rpc_url) as endpoint:
        started = time.monotonic()
        endpoint.fault = dying() if when == "from the start" else dying("eth_getStorageAt")
        done = subprocess.run(
            [APE, "run", "deploy", "--network", FORK, "--dry-run", "--no-prices"],
            cwd=_ape.ROOT,
            env=os.environ | {"BASE_SEPOLIA_RPC_URL": endpoint.url},
            capture_output=True,
            text=True,
            check=False,
        )
    said = done.stdout + done.stderr
    assert done.returncode == 1, said
    (line,) = [line for line in said.splitlines() if line.startswith("ERROR")]
    expected = {"from the start": f"{FORK} cannot be forked", "in the middle": "cannot be copied"}
    assert expected[when] in line
    assert "Traceback" not in said
    assert time.monotonic() - started < 600, "it would have gone on asking"


def test_our_other_scripts_are_left_alone():
    """`scripts/` holds our own executables too: Ape lists what is Ape's, and runs no other."""
    done = subprocess.run(
        [APE, "run", "--help"], cwd=_ape.ROOT, capture_output=True, text=True, check=True
    )
    listed = {
        line.split()[0] for line in done.stdout.partition("Commands:")[2].splitlines() if line
    }
    assert {"deploy", "verify_deployment"} <= listed
    assert not {"setup", "build", "test", "_ape", "_console"} & listed
    assert "ERROR" not in done.stdout + done.stderr


def deploy_address(name: str) -> str:
    from anacostia_blockchain.deployment import predicted_address  # noqa: PLC0415

    return predicted_address(name)


def deploy_core(local: LocalChain) -> Deployment:
    return deploy_all(local.chain(), prices=False)
