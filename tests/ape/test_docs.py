"""docs/deploying.md, run from top to bottom on a chain that passes for Base Sepolia."""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from eth_account import Account
from public import BASE_SEPOLIA, passing_for
from scripts import _ape

GUIDE = (_ape.ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
APE = str(Path(sys.executable).with_name("ape"))
KEY = "0x" + "5e" * 32
NUMBERED = re.compile(r"^(In|Out) ?\[(\d+)\]: (.*)$", re.MULTILINE)


def block(language: str) -> str:
    return "".join(re.findall(rf"^```{language}\n(.*?)^```", GUIDE, re.MULTILINE | re.DOTALL))


@pytest.fixture(scope="module")
def reader(tmp_path_factory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder and an environment as the guide's reader has them when it begins."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "model").mkdir()
    (folder / "model" / "weights.bin").write_bytes(os.urandom(1000))
    accounts = Path(os.environ["APE_DATA_FOLDER"]) / "accounts"
    accounts.mkdir(exist_ok=True)
    keystore = Account.encrypt(KEY, "open sesame", kdf="pbkdf2", iterations=1000)
    (accounts / "deployer.json").write_text(json.dumps(keystore))
    with passing_for(BASE_SEPOLIA, block_time=0.2) as local:
        address = Account.from_key(KEY).address
        local.chain().rpc("anvil_setBalance", address, hex(10**18))
        yield (
            folder,
            os.environ
            | {
                "BASE_SEPOLIA_RPC_URL": local.rpc_url,
                "ANACOSTIA_PRIVATE_KEY": KEY,
                "APE_ACCOUNTS_deployer_PASSPHRASE": "open sesame",
            },
        )


@pytest.mark.parametrize("command", block("sh").splitlines())
def test_command(reader, command: str):
    """As it stands; only the record goes where the reader's project is, not into our checkout."""
    folder, env = reader
    words, where = shlex.split(command), _ape.ROOT
    if words[0] == "anacostia":
        words, where = [sys.executable, "-m", "anacostia_blockchain.cli", *words[1:]], folder
    elif words[0] == "ape":
        words = [APE, *words[1:], "--record", str(folder / ".anacostia" / "deployments")]
    elif words[0] == ".venv/bin/python":
        words[0] = sys.executable
    done = subprocess.run(
        words, cwd=where, env=env, capture_output=True, text=True, check=False, timeout=150
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert KEY[2:] not in done.stdout + done.stderr


def test_the_console_session_is_what_the_console_says():
    """A real console, fed the guide's lines; each answer must be the one that is printed there."""
    recorded = NUMBERED.findall(block("ipython"))
    code = "\n".join(text for kind, _, text in recorded if kind == "In")
    command = [APE, "console", "--network", "ethereum:local:foundry", "-c", code]
    done = subprocess.run(
        command, cwd=_ape.ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stdout, done.stdout
    answers = [(number, text) for kind, number, text in NUMBERED.findall(done.stdout)]
    assert answers == [(number, text) for kind, number, text in recorded if kind == "Out"]
    assert len(answers) >= 6


def test_standard_json_compiles_to_the_packages_bytecode():
    """What an explorer would do with it; one contract, as each takes the compiler a while."""
    command = [sys.executable, "scripts/standard-json", "--check", "RunLedger"]
    done = subprocess.run(command, cwd=_ape.ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "RunLedger: same bytecode" in done.stdout
    unknown = subprocess.run(
        [*command[:2], "Nonsense"], cwd=_ape.ROOT, capture_output=True, text=True, check=False
    )
    assert unknown.returncode == 1
    assert unknown.stderr == "error: no contract named Nonsense\n"


def test_the_guides_errors_are_real():
    """The table at its end quotes messages: each must occur in the code or in Ape."""
    places = [*(_ape.ROOT / "scripts").glob("*.py"), *(_ape.ROOT / "sdk").rglob("*.py")]
    known = "".join(path.read_text() for path in places)
    for words in (
        "holds",
        "transactions under way",
        "cannot be forked",
        "is damaged",
        "was edited",
    ):
        assert words in GUIDE
        assert words in known
