"""The guides to storage run from top to bottom, each in a folder of its own."""

import os
import re
import shlex
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from anacostia_blockchain.storage.web3storage.identity import Signer

pytestmark = pytest.mark.integration

DOCS = Path(__file__).resolve().parents[3] / "docs"
BLOCK = re.compile(r"^```(sh|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "model").mkdir()
    (tmp_path / "model" / "weights.bin").write_bytes(os.urandom(100_000))
    return tmp_path


def follow(document, folder, environment, on_command=lambda _words: None):
    """Run every block in its order."""
    python, environment = sys.executable, os.environ | environment
    for language, text in BLOCK.findall((DOCS / document).read_text(encoding="utf-8")):
        if language == "python":
            commands = [[python, "-c", text]]
        else:
            lines = filter(None, map(shlex.split, re.sub("#.*", "", text).splitlines()))
            commands = [[python, "-m", "anacostia_blockchain.cli", *words[1:]] for words in lines]
        for command in commands:
            on_command(command)
            done = subprocess.run(
                command, cwd=folder, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done.stderr


def test_gated(folder):
    follow("gated.md", folder, {})
    assert (folder / "opened" / "weights.bin").read_bytes() == (
        folder / "model" / "weights.bin"
    ).read_bytes()


def test_web3storage(w3up, folder):
    principal = Signer.generate()
    principal.save(folder / "principal.key")
    (folder / "principal.car").write_bytes(w3up.new_space(principal).archive())
    environment = w3up.environment() | {
        "ANACOSTIA_W3UP_PRINCIPAL": (folder / "principal.key").read_text(),
        "ANACOSTIA_W3UP_PROOF": str(folder / "principal.car"),
    }

    def click(command):
        if "login" in command:
            threading.Thread(target=w3up.click).start()

    follow("web3storage.md", folder, environment, click)
    assert (folder / "copy" / "weights.bin").is_file()
