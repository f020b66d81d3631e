"""`anacostia storage` as people and programs use it."""

from __future__ import annotations

import io
import json
import subprocess
import sys

import pytest

from anacostia_blockchain.content.folder import scan
from anacostia_blockchain.content.unixfs import CHUNK
from anacostia_blockchain.storage import LocalStore
from store_contract import content, make_folder


class Shell:
    """Runs the command line in a folder."""

    def __init__(self, folder) -> None:
        self.folder = folder

    def __call__(self, *arguments, code=0, data=None):
        command = [sys.executable, "-m", "anacostia_blockchain.cli", "--home", ".home", *arguments]
        ran = subprocess.run(command, cwd=self.folder, input=data, capture_output=True, check=False)
        assert ran.returncode == code, (ran.stdout + ran.stderr).decode()
        self.errors = ran.stderr.decode()
        return ran.stdout.decode()

    def json(self, *arguments, code=0, data=None):
        return json.loads(self(*arguments, "--json", code=code, data=data))


@pytest.fixture
def shell(tmp_path):
    return Shell(tmp_path)


def test_the_life_of_a_folder(shell, tmp_path):
    """Put, list, look, fetch, check, delete."""
    folder = make_folder(tmp_path / "model")
    cid = shell.json("storage", "put", "model")["cid"]
    assert cid == str(scan(folder).cid)
    (pin,) = shell.json("storage", "ls")
    assert (pin["cid"], pin["name"]) == (cid, "model")
    assert shell.json("storage", "stat", cid)["files"] == 9
    shell("storage", "get", cid, "copy")
    assert str(scan(tmp_path / "copy").cid) == cid
    shell("storage", "pin", cid, "--name", "kept")
    shell("storage", "unpin", cid, "--name", "model")
    assert [entry["name"] for entry in shell.json("storage", "ls")] == ["kept"]
    assert shell.json("storage", "check", cid)[0]["healthy"]
    assert shell.json("storage", "doctor")[0]["passed"]
    shell("storage", "rm", cid)
    assert shell.json("storage", "ls") == []
    shell("storage", "get", cid, "copy-2", code=1)
    assert "NotFoundError" in shell.errors


def test_streams_and_archives(shell, tmp_path):
    """Standard input, and a CAR from elsewhere."""
    data = content(CHUNK + 1)
    cid = shell.json("storage", "put", "-", "--name", "piped", data=data)["cid"]
    archive = io.BytesIO()
    store = LocalStore(tmp_path / ".home" / "store")
    store.export_car(scan_of(tmp_path, data), archive)
    (tmp_path / "a.car").write_bytes(archive.getvalue())
    where = ("--store", "file:other")
    assert shell.json(*where, "storage", "put", "--car", "a.car")["cid"] == cid
    shell("storage", "put", "--car", "a.car")
    shell("storage", "put", "--car", "-", data=b"nonsense", code=1)
    assert "FormatError" in shell.errors


def scan_of(folder, data):
    (folder / "data.bin").write_bytes(data)
    return scan(folder / "data.bin").cid


def test_two_stores_checked_and_repaired(shell, tmp_path):
    """A copy is lost: exit code 1, a warning; repaired: exit code 0."""
    make_folder(tmp_path / "model")
    both = ("--store", "file:a", "--store", "file:b")
    cid = shell.json(*both, "storage", "put", "model")["cid"]
    shell("--store", "file:b", "storage", "rm", cid)
    (found,) = shell.json(*both, "storage", "check", code=1)
    assert (found["good"], found["wanted"]) == (1, 2)
    assert "last good copy is in LocalStore('a')" in found["warning"]
    assert "warning" in shell.errors
    text = shell(*both, "storage", "check", "--repair", "--sample", "0")
    assert "2/2" in text
    assert shell.json("--store", "file:b", "storage", "ls")[0]["cid"] == cid
    shell("storage", "check", "--repair", code=1)
    assert "nothing to repair from" in shell.errors


def test_a_store_that_does_not_answer(shell):
    """Doctor says which."""
    pytest.importorskip("ipfshttpclient")
    found = shell.json(
        "--store", "file:a", "--store", "kubo://127.0.0.1:9", "storage", "doctor", code=1
    )
    assert [entry["passed"] for entry in found] == [True, False]
    shell("--store", "nonsense", "storage", "ls", code=1)
    assert "ConfigError" in shell.errors


@pytest.mark.integration
def test_a_node(shell, tmp_path, kubo):
    """The same commands, with --store."""
    pytest.importorskip("ipfshttpclient")
    (tmp_path / "weights.bin").write_bytes(content(2 * CHUNK, seed=90))
    where = ("--store", "kubo" + kubo.api.removeprefix("http"))
    cid = shell.json(*where, "storage", "put", "weights.bin")["cid"]
    shell(*where, "storage", "get", cid, "copy")
    assert "Kubo 0." in shell(*where, "storage", "doctor")
    shell(*where, "storage", "check", cid)
    shell(*where, "storage", "rm", cid)
