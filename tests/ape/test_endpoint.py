"""An endpoint that dies, lies or holds a key in its URL while a command runs: one clear line."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from urllib.parse import urlsplit

import ape
import pytest
from ape.api.accounts import ImpersonatedAccount
from ape.exceptions import Abort
from commands import ADDRESS, APE, Run, balance, dying, refusal
from public import SEPOLIA
from scripts import _ape, deploy, verify_deployment

from anacostia_blockchain.chain import Call
from anacostia_blockchain.testing import LocalChain, dev_signer
from faults import Fault, FaultyEndpoint, error_answer

ARGUMENTS = ("--account", "TEST::0", "--yes", "--no-prices")
SENT = "eth_sendRawTransaction"
SECRETS = ("v2", "pathkey7f3a", "passw0rd", "querykey91c2")


@pytest.fixture
def endpoint(chain: LocalChain) -> Iterator[FaultyEndpoint]:
    with FaultyEndpoint(chain.rpc_url) as endpoint:
        yield endpoint


def at(endpoint: FaultyEndpoint) -> SimpleNamespace:
    """A chain as `run` takes it; its URL holds what providers put into theirs."""
    where, (path, name, password, query) = urlsplit(endpoint.url).netloc, SECRETS
    return SimpleNamespace(rpc_url=f"http://user:{password}@{where}/{path}/{name}?key={query}")


class TestDeploying:
    """`ape run deploy`, and the endpoint is gone at some point of the way."""

    @pytest.mark.parametrize(
        ("fault", "there"),
        [
            (dying("eth_getStorageAt"), 0),  # the rehearsal reads through the same endpoint
            (dying("eth_estimateGas"), 0),
            (dying(SENT), 0),
            (dying(SENT, "eth_getTransactionReceipt"), 2),  # a registry, and its token with it
            (dying(SENT, "eth_call"), 2),
            (dying("eth_estimateGas", times=3), 3),
            (dying(SENT, times=4), 5),
        ],
    )
    def test_one_line_and_run_again_it_goes_on(
        self, endpoint, run: Run, tmp_path: Path, fault: Fault, there: int
    ) -> None:
        endpoint.fault = fault
        died = run(deploy, at(endpoint), *ARGUMENTS)
        assert "ChainUnavailableError" in refusal(died)
        assert not [secret for secret in SECRETS if secret in died.output]
        assert not list(tmp_path.iterdir())
        endpoint.fault = lambda _body: None
        again = run(deploy, at(endpoint), *ARGUMENTS)
        assert again.exit_code == 0, again.output
        assert again.output.count("there already") == there
        assert not [secret for secret in SECRETS if secret in again.output]

    def test_what_was_sent_and_not_seen_is_named(self, chain, endpoint, run: Run) -> None:
        endpoint.after = dying(SENT)
        said = refusal(run(deploy, at(endpoint), *ARGUMENTS))
        (tx,) = re.findall(r"transaction (0x[0-9a-f]{64}) may be on its way", said)
        assert chain.chain().wait(tx).hash == tx

    def test_dead_during_the_checks_everything_is_recorded(
        self, endpoint, run: Run, tmp_path: Path
    ) -> None:
        run(deploy, at(endpoint), *ARGUMENTS)
        (tmp_path / f"{SEPOLIA}.json").rename(tmp_path / "kept")
        before = len(endpoint.methods)
        run(deploy, at(endpoint), *ARGUMENTS)
        total = endpoint.methods[before:].count("eth_call")
        endpoint.fault = dying("eth_call", times=total)
        assert "ChainUnavailableError" in refusal(run(deploy, at(endpoint), *ARGUMENTS))
        assert (tmp_path / f"{SEPOLIA}.json").read_text() == (tmp_path / "kept").read_text()

    def test_as_a_process_of_its_own(self, endpoint, tmp_path: Path) -> None:
        """Nothing of a traceback, nothing of the URL's secrets, on either stream."""
        endpoint.fault = dying(SENT)
        command = [APE, "run", "deploy", "--network", "ethereum:sepolia", *ARGUMENTS]
        done = subprocess.run(
            [*command, "--record", str(tmp_path)],
            cwd=_ape.ROOT,
            env=os.environ | {"SEPOLIA_RPC_URL": at(endpoint).rpc_url},
            capture_output=True,
            text=True,
            check=False,
            timeout=900,
        )
        said = done.stdout + done.stderr
        assert done.returncode == 1, said
        assert said.count("ERROR") == 1, said
        assert "Traceback" not in said
        assert not [secret for secret in SECRETS if secret in said]

    def test_verifying_too(self, endpoint, run: Run) -> None:
        run(deploy, at(endpoint), *ARGUMENTS)
        endpoint.fault = dying("eth_getCode", times=3)
        assert "ChainUnavailableError" in refusal(run(verify_deployment, at(endpoint)))


class TestApesOwnTalk:
    """What Ape itself sends, it asks web3 for, whose errors are no errors of Ape's."""

    METHODS = (
        "eth_getTransactionCount",
        "eth_maxPriorityFeePerGas",
        "eth_feeHistory",
        "eth_sendTransaction",
        "eth_getTransactionReceipt",
    )

    @pytest.mark.parametrize("method", METHODS)
    @pytest.mark.parametrize(
        "answer", ["drop", "cut", (200, b"<html>"), (502, b"bad gateway")], ids=str
    )
    def test_ends_in_one_line(self, endpoint, tmp_path: Path, method: str, answer) -> None:
        said = self.refused(endpoint, tmp_path, method, answer)
        assert said.startswith("ChainUnavailableError: the endpoint does not answer Ape (")
        assert "run this again; what is on the chain is kept" in said

    def test_what_the_endpoint_says_is_told_without_its_url(self, endpoint, tmp_path: Path) -> None:
        words = f"no quota for {at(endpoint).rpc_url}"
        said = self.refused(endpoint, tmp_path, "eth_feeHistory", error_answer(words))
        assert f"no quota for http://127.0.0.1:{urlsplit(endpoint.url).port}/…" in said

    def refused(self, endpoint: FaultyEndpoint, home: Path, method: str, answer) -> str:
        """The line in which a transaction by an account without a key ends."""
        with _ape.connected(f"ethereum:sepolia:{at(endpoint).rpc_url}") as provider:
            provider.make_request("anvil_impersonateAccount", [ADDRESS])
            provider.make_request("anvil_setBalance", [ADDRESS, hex(10**18)])
            account = ImpersonatedAccount(raw_address=ADDRESS)
            chain = _ape.ApeChain.of(ape.networks.provider, account, home)
            asked = dying(method)
            endpoint.fault = lambda body: answer if asked(body) else None
            with pytest.raises(Abort) as caught, _ape.plainly():
                chain.send(Call(ADDRESS, b"", "nothing", "nothing"))
            endpoint.fault = lambda _body: None
        said = str(caught.value)
        assert "\n" not in said
        assert not [secret for secret in SECRETS if secret in said]
        return said


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("on 'http://h:1?key=s3cret/[hidden]'.", "on 'http://h:1/…'."),
        ("at https://u:s3cret@h.io/v2/s3cret?k=s3cret#s3cret end", "at https://h.io/… end"),
        ("(wss://s3cret@h/s3cret)", "(wss://h/…)"),
        ("base:sepolia:https://h/s3cret", "base:sepolia:https://h/…"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("base:sepolia, 3 // 4", "base:sepolia, 3 // 4"),
    ],
)
def test_of_a_url_only_the_host_is_told(text: str, shown: str) -> None:
    assert _ape.scrubbed(text) == shown
    assert _ape._line(OSError(f"it\n  was {text}")) == f"it was {shown}"


class TestNonces:
    """An account that has more under way than the chain's count says."""

    def test_what_waits_behind_a_gap_is_neither_lost_nor_in_the_way(
        self, chain: LocalChain, run: Run
    ) -> None:
        ahead = queue(chain, ahead=2)
        result = run(deploy, chain, *ARGUMENTS)
        assert result.exit_code == 0, result.output
        assert chain.chain().receipt(ahead) is not None

    def test_nor_where_blocks_come_by_the_clock(self, chain: LocalChain, run: Run) -> None:
        """What waited is in the pool, not yet in a block, when the plan signs its next one."""
        ahead = queue(chain, ahead=1)
        rpc = chain.chain().rpc
        rpc("evm_setIntervalMining", 1)
        try:
            result = run(deploy, chain, *ARGUMENTS)
        finally:
            rpc("evm_setIntervalMining", 0)
        assert result.exit_code == 0, result.output
        assert chain.chain().receipt(ahead) is not None


def queue(chain: LocalChain, ahead: int) -> str:
    """Hand in a transaction whose nonce is not the next one; nodes call it queued."""
    sender = chain.chain()
    nonce = sender.rpc.number("eth_getTransactionCount", sender.address, "latest") + ahead
    fee, tip = 10**11, 10**9
    raw = dev_signer().sign_transaction(
        {
            "type": 2,
            "chainId": SEPOLIA,
            "nonce": nonce,
            "to": ADDRESS,
            "value": 1,
            "data": b"",
            "gas": 21_000,
            "maxFeePerGas": fee,
            "maxPriorityFeePerGas": tip,
        }
    )
    sent: str = sender.rpc("eth_sendRawTransaction", "0x" + raw.hex())
    counts = [
        sender.rpc.number("eth_getTransactionCount", sender.address, tag)
        for tag in ("latest", "pending")
    ]
    assert counts == [nonce - ahead, nonce - ahead], "it is not queued"
    return sent


def test_a_signature_that_is_declined(chain: LocalChain, run: Run, keystore: str) -> None:
    """Without `--yes` Ape asks, and the answer is no."""
    balance(chain, 10**18)
    declined = run(deploy, chain, "--account", keystore, "--no-prices", input="n\n")
    assert "deployer did not sign: it was declined" in refusal(declined)
