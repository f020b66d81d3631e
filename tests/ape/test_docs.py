"""docs/deploying.md, run from top to bottom on a chain that passes for Base Sepolia."""

from __future__ import annotations

import ast
import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import ape
import ape_ethereum
import pytest
from eth_account import Account
from public import BASE_SEPOLIA, passing_for
from scripts import _ape

GUIDE = (_ape.ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
APE = str(Path(sys.executable).with_name("ape"))
KEY = "0x" + "5e" * 32
QUOTED = re.compile(r"`([^`]+)`")
NAMES = r"\b(?:RunLedger|KeystoneForwarder)\b"
FILLED_IN = re.compile(rf"…|\b\d+(?:\\\.\d+)?\b|[A-Z]+_[A-Z_]+|[a-z]+:[a-z]+|{NAMES}")
"""Of a message that was escaped: what our code fills in."""

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
        words, cwd=where, env=env, capture_output=True, text=True, check=False, timeout=900
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert KEY[2:] not in done.stdout + done.stderr


def test_the_console_session_is_what_the_console_says():
    """A real console, fed the guide's lines; each answer must be the one that is printed there."""
    recorded = NUMBERED.findall(block("ipython"))
    code = "\n".join(text for kind, _, text in recorded if kind == "In")
    command = [APE, "console", "--network", "ethereum:local:foundry", "-c", code]
    done = subprocess.run(
        command, cwd=_ape.ROOT, capture_output=True, text=True, check=False, timeout=900
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


def rows() -> list[str]:
    """What the table at the guide's end quotes, message by message."""
    table = GUIDE.partition("## When it refuses")[2]
    return [
        said for row in re.findall(r"^\| (`.*?) \|", table, re.M) for said in QUOTED.findall(row)
    ]


@cache
def messages() -> list[str]:
    """Each text in our code and Ape's, with `{}` for what is filled in, and the names of errors."""
    sources = [_ape.ROOT / "scripts", _ape.ROOT / "sdk", Path(ape.__file__).parent]
    sources.append(Path(ape_ethereum.__file__).parent)
    trees = [ast.parse(path.read_text()) for folder in sources for path in folder.rglob("*.py")]
    found = [text for tree in trees for text in texts(tree)]
    for path in (_ape.ROOT / "contracts" / "interfaces").glob("*.sol"):
        found += re.findall(r"error (\w+)\(", path.read_text())
    return found


def texts(tree: ast.AST) -> Iterator[str]:
    """What a module says, but not its docstrings, which nobody is shown."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            node.value.value = None
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(p.value if isinstance(p, ast.Constant) else "{}" for p in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.ClassDef):
            yield node.name


@pytest.mark.parametrize("said", rows())
def test_each_error_of_the_guide_is_real(said: str):
    """The table's own rows: numbers, names and addresses aside, the code says each of them."""
    pattern = FILLED_IN.sub(".*", re.escape(said))
    assert len(re.findall("[A-Za-z]", pattern)) > 8, "little of it is left to look for"
    assert [text for text in messages() if re.search(pattern, text, re.DOTALL)]


def test_the_table_is_read():
    assert len(rows()) > 12
    assert not re.search(FILLED_IN.sub(".*", re.escape("holds 0 apples")), "holds {} coins")
