"""Every snippet of the documents runs, in order, in one folder with a local chain."""

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[3]
DOCUMENTS = (
    "README.md",
    "CONTRIBUTORS.md",
    "DEVELOPERS.md",
    "docs/licensing.md",
    "docs/storage.md",
    "docs/prices.md",
    "docs/promotion.md",
    "docs/evidence.md",
)
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)

RUN_ELSEWHERE = {
    "scripts/demo": "test_demo.py",
    "scripts/test": "is what runs this",
    "scripts/setup": "ran before this",
    "scripts/setup --ape": "ran before this",
    "scripts/setup --ipfs": "ran before this",
    "scripts/test ruff mypy": "checks of their own",
}
"""Commands that a test cannot run inside itself, and where they run."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A folder in which a reader of the README could sit, after `anacostia up`."""
    folder = tmp_path_factory.mktemp("project")
    (folder / "model").mkdir()
    (folder / "model" / "weights.bin").write_bytes(os.urandom(1000))
    (folder / "data").mkdir()
    (folder / "data" / "hamlet.txt").write_text("To be, or not to be, that is the question.\n" * 50)
    anacostia(folder, "up")
    yield folder
    anacostia(folder, "down")


def anacostia(folder, *arguments):
    command = [sys.executable, "-m", "anacostia_blockchain.cli", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)


def blocks(language):
    for document in DOCUMENTS:
        for found, text in BLOCK.findall((ROOT / document).read_text(encoding="utf-8")):
            if found == language:
                yield pytest.param(text, id=f"{document}:{text.strip().splitlines()[0][:40]}")


@pytest.mark.parametrize("source", list(blocks("python")))
def test_python(project, source):
    done = subprocess.run(
        [sys.executable, "-c", source], cwd=project, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def commands():
    for parameter in blocks("sh"):
        for line in parameter.values[0].splitlines():
            command = line.split("#")[0].strip()
            if command:
                yield command


@pytest.mark.parametrize("command", list(commands()))
def test_command(project, command):
    words = shlex.split(command)
    if words[0] == "anacostia":
        anacostia(project, *words[1:])
    elif command in RUN_ELSEWHERE:
        assert (ROOT / words[0]).stat().st_mode & 0o111, f"{words[0]} is not executable"
    else:
        done = subprocess.run(
            words,
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0, done.stdout + done.stderr


def test_the_folder_map_is_the_tree():
    table = re.findall(r"^\| `([\w/]+)/` \|", (ROOT / "README.md").read_text(), re.MULTILINE)
    assert table
    for folder in table:
        assert (ROOT / folder).is_dir(), folder
