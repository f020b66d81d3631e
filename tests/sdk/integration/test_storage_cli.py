"""`anacostia storage` as people and programs use it."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
import threading
from contextlib import suppress

import pytest

from anacostia_blockchain.cli import main
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


def test_a_file_goes_to_standard_output(tmp_path):
    """Its bytes and nothing else; what no stream can be is refused before any is written."""
    data = content(2 * CHUNK + 1, seed=90)
    store = LocalStore(tmp_path / ".home" / "store")
    file, empty = store.put(io.BytesIO(data)), store.put(io.BytesIO())
    folder = store.put(make_folder(tmp_path / "model"))
    assert ran(tmp_path, "storage", "get", str(file), "-").stdout == data
    assert ran(tmp_path, "storage", "get", str(empty), "-").stdout == b""
    for arguments, reason in (
        ((str(file), "-", "--json"), b"leave out --json"),
        ((str(folder), "-"), b"is a folder, which no stream can be: name a path"),
    ):
        refused = ran(tmp_path, "storage", "get", *arguments)
        assert (refused.returncode, refused.stdout) == (1, b"")
        assert b"ConfigError" in refused.stderr
        assert reason in refused.stderr
    assert not (tmp_path / "-").exists()
    assert ran(tmp_path, "storage", "get", str(file), "./-").returncode == 0
    assert (tmp_path / "-").read_bytes() == data


def ran(folder, *arguments, **options):
    command = [sys.executable, "-m", "anacostia_blockchain.cli", "--home", ".home", *arguments]
    return subprocess.run(command, cwd=folder, check=False, capture_output=True, **options)


@pytest.mark.parametrize("terminal", [True, False])
def test_progress_is_shown_on_a_terminal_alone(tmp_path, terminal):
    """A bar that ends where all is stored; nothing of it in a pipe."""
    (tmp_path / "file").write_bytes(content(4_000_000, seed=91))
    shown, screen = pty.openpty() if terminal else os.pipe()
    read: list[bytes] = []
    reader = threading.Thread(target=drain, args=(shown, read))
    reader.start()
    command = [sys.executable, "-m", "anacostia_blockchain.cli", "--home", ".home"]
    env = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    done = subprocess.run(
        [*command, "storage", "put", "file"],
        cwd=tmp_path,
        env=env,
        check=True,
        stdout=subprocess.PIPE,
        stderr=screen,
    )
    os.close(screen)
    reader.join(60)
    os.close(shown)
    assert done.stdout.startswith(b"baf")
    text = b"".join(read).decode()
    assert ("storing" in text) == terminal
    assert ("4.0/4.0 MB" in text) == terminal
    assert terminal or not text


def drain(file, pieces):
    """Read until the other side is closed, which a terminal says by an error."""
    with suppress(OSError):
        while piece := os.read(file, 1 << 16):
            pieces.append(piece)


def scan_of(folder, data):
    (folder / "data.bin").write_bytes(data)
    return scan(folder / "data.bin").cid


@pytest.fixture
def command(tmp_path, monkeypatch, capfd):
    """Runs the command line in this process: exit code, what it printed, what it complained of."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["anacostia", "--home", ".home", *arguments])
        with pytest.raises(SystemExit) as ended:
            main()
        return ended.value.code, *capfd.readouterr()

    return run


@pytest.fixture
def cid(command, tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    return json.loads(command("storage", "put", "file", "--json")[1])["cid"]


def test_places_that_cannot_be_written_to(command, cid, tmp_path):
    """One line that says which and why, and exit code 1."""
    (tmp_path / "folder").mkdir()
    for arguments, reason in (
        (("storage", "get", cid, "file/copy"), "file/copy cannot be used: Not a directory"),
        (("storage", "get", cid, "file/deeper/copy"), "copy cannot be used: Not a directory"),
        (("storage", "get", cid, "/proc/none/copy"), "/proc/none cannot be used: No such file"),
        (("storage", "get", cid, "n" * 256), "cannot be used: File name too long"),
        (("--store", "file:/proc/none", "storage", "put", "file"), "/proc/none cannot be used"),
        (("storage", "put", "--car", "folder"), "folder cannot be used: Is a directory"),
    ):
        code, printed, said = command(*arguments)
        assert (code, printed) == (1, ""), arguments
        assert said.startswith("error: StorageError: ")
        assert reason in said
        assert len(said.splitlines()) == 1
        assert json.loads(command(*arguments, "--json")[2])["error"] == "StorageError"


@pytest.mark.parametrize("length", [250, 251, 255])
def test_a_target_whose_name_is_as_long_as_it_can_be(command, cid, tmp_path, length):
    """What is not complete has a shorter one."""
    assert command("storage", "get", cid, "n" * length)[0] == 0
    assert (tmp_path / ("n" * length)).read_bytes() == b"x"
    assert {path.name for path in tmp_path.iterdir()} == {"file", ".home", "n" * length}


def test_names_that_a_terminal_would_obey(command, tmp_path):
    """Pins are named by others too: nothing of it is a command or markup where it is shown."""
    (tmp_path / "file").write_bytes(b"x")
    name = "\x1b[2J[/][bold]red"
    command("storage", "put", "file", "--name", name)
    assert json.loads(command("storage", "ls", "--json")[1])[0]["name"] == name
    for shown in ("ls", "check"):
        code, text, _ = command("storage", shown)
        assert code == 0
        assert "\x1b" not in text
        assert "\\x1b[2J[/][bold]red" in text
    code, _, said = command("storage", "stat", name)
    assert code == 1
    assert "\x1b" not in said


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


def test_several_cids_are_checked(shell, tmp_path):
    """One that is not pinned is named."""
    first, second, third = (
        shell.json("storage", "put", "-", "--name", f"n{n}", data=content(10, seed=n))["cid"]
        for n in range(3)
    )
    assert len(shell.json("storage", "check")) == 3
    assert {h["cid"] for h in shell.json("storage", "check", first, third)} == {first, third}
    shell("storage", "unpin", second)
    shell("storage", "check", first, second, code=1)
    assert f"{second} is not pinned" in shell.errors
    shell("--store", "file:.home/store", "--store", "file:b", "storage", "check", "--repair", first)
    assert [pin["cid"] for pin in shell.json("--store", "file:b", "storage", "ls")] == [first]


def test_a_doctor_of_what_is_no_store(shell, tmp_path):
    """A folder that cannot be made, and a file."""
    (tmp_path / "f").write_bytes(b"x")
    (found,) = shell.json("--store", "file:/proc/none", "storage", "doctor", code=1)
    assert not found["passed"]
    assert "cannot be written to" in found["detail"]
    for command in ("doctor", "ls"):
        shell("--store", "file:f", "storage", command, code=1)
        assert "f is a file" in shell.errors
    assert "GB free" in shell("storage", "doctor")


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
    (found,) = shell.json(*where, "storage", "check", cid)
    assert (found["good"], found["claimed"], found["copies"][0]["read"]) == (1, 0, 3)
    both = (*where, "--store", "file:b")
    shell(*both, "storage", "check", "--repair", code=1)
    assert "what other programs have pinned in KuboStore" in shell.errors
    assert shell.json("--store", "file:b", "storage", "ls") == []
    shell(*both, "storage", "check", "--repair", cid)
    assert [pin["cid"] for pin in shell.json("--store", "file:b", "storage", "ls")] == [cid]
    shell(*where, "storage", "rm", cid)
