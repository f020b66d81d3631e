"""What a watched folder takes as an artifact, and when."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from anacostia_blockchain import nodes
from anacostia_blockchain.errors import ConfigError, IntegrityError, NotFoundError
from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import MonitoringDataStoreNode


@pytest.fixture
def store(tmp_path: Path) -> SqliteMetadataStore:
    store = SqliteMetadataStore("m", f"sqlite:///{tmp_path}/m.db")
    store.setup()
    store.add_node("data", "MonitoringDataStoreNode", "BaseResourceNode")
    return store


@pytest.fixture
def node(store: SqliteMetadataStore, tmp_path: Path) -> MonitoringDataStoreNode:
    return MonitoringDataStoreNode("data", tmp_path / "data", store, settle=0.1)


def put(node: MonitoringDataStoreNode, name: str, text: str = "x", age: float = 10) -> Path:
    path = Path(node.path, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    os.utime(path, (time.time() - age,) * 2)
    return path


def scan(node: MonitoringDataStoreNode, known: set[str] | None = None) -> list[str]:
    node._scan(set() if known is None else known)
    return sorted(node.list_artifacts("all"))


def test_files_below_the_folder_are_taken(node) -> None:
    put(node, "a.txt")
    put(node, "deep/down/b.txt")
    assert scan(node) == ["a.txt", "deep/down/b.txt"]


def test_hidden_and_unfinished_files_are_not(node) -> None:
    for name in (".hidden", ".git/config", "a.tmp", "b.part", "c~", "d.crdownload", "e.swp"):
        put(node, name)
    assert scan(node) == []


def test_a_file_is_taken_once_it_is_at_rest(node) -> None:
    path = put(node, "growing", "1", age=0)
    known: set[str] = set()
    assert scan(node, known) == []
    assert node.unsettled == 1
    path.write_text("12")
    time.sleep(0.03)
    assert scan(node, known) == []
    time.sleep(0.12)
    assert scan(node, known) == ["growing"]
    assert node.unsettled == 0
    assert node.metadata_store.artifact("data", "growing").size == 2


def test_a_file_from_the_future_is_taken_all_the_same(node) -> None:
    put(node, "future", age=-3600)
    known: set[str] = set()
    assert scan(node, known) == []
    time.sleep(0.12)
    assert scan(node, known) == ["future"]


def test_a_file_that_changes_while_it_is_hashed_is_looked_at_again(node, monkeypatch) -> None:
    path = put(node, "a", "before")
    hash_file = node.hash_file

    def change_then_hash(name: str) -> str:
        path.write_text("after!")
        return hash_file(name)

    monkeypatch.setattr(node, "hash_file", change_then_hash)
    assert scan(node) == []
    assert node.unsettled == 1


def test_pipes_and_sockets_are_left_alone(node) -> None:
    os.mkfifo(Path(node.path, "pipe"))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(Path(node.path, "socket")))
        put(node, "a")
        assert scan(node) == ["a"]
    assert node.unsettled == 0


def test_a_name_that_is_not_utf8_is_reported_once(node) -> None:
    Path(os.fsdecode(os.fsencode(node.path) + b"/\xff")).write_text("x")
    put(node, "a")
    messages: list[str] = []
    node.log = lambda message, level="": messages.append(message)
    known: set[str] = set()
    scan(node, known)
    assert scan(node, known) == ["a"]
    assert len(messages) == 1
    assert "cannot take '\\udcff'" in messages[0]


def test_known_files_are_not_looked_at_again(node, monkeypatch) -> None:
    put(node, "a")
    known: set[str] = set()
    scan(node, known)
    monkeypatch.setattr(node, "_take", lambda *_: pytest.fail("looked at again"))
    scan(node, known)


def test_folders_to_which_nothing_came_are_not_listed_again(node, monkeypatch) -> None:
    put(node, "a")
    put(node, "deep/b")
    for folder in (node.path, f"{node.path}/deep"):
        os.utime(folder, (time.time() - 10,) * 2)
    known: set[str] = set()
    assert scan(node, known) == ["a", "deep/b"]
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: (listed.append(folder), scandir(folder))[1])
    assert scan(node, known) == ["a", "deep/b"]
    assert listed == []
    put(node, "deep/c")
    put(node, "deep/deeper/d")
    assert scan(node, known) == ["a", "deep/b", "deep/c", "deep/deeper/d"]
    assert sorted(listed) == [f"{node.path}/deep", f"{node.path}/deep/deeper"]


def test_a_file_that_could_not_be_read_is_taken_when_it_can(node, monkeypatch) -> None:
    put(node, "a")
    os.utime(node.path, (time.time() - 10,) * 2)
    hash_file = node.hash_file

    def refuse(_: str) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(node, "hash_file", refuse)
    known: set[str] = set()
    assert scan(node, known) == []
    assert node.unsettled == 0
    monkeypatch.setattr(node, "hash_file", hash_file)
    assert scan(node, known) == ["a"]


def test_many_files_are_recorded_in_batches(node, monkeypatch) -> None:
    monkeypatch.setattr("anacostia_blockchain.nodes.monitoring._BATCH", 3)
    for number in range(8):
        put(node, f"f{number}")
    sizes: list[int] = []
    add = node.metadata_store.add_new_files
    node.metadata_store.add_new_files = lambda store, files: (
        sizes.append(len(files)),
        add(store, files),
    )
    assert scan(node) == [f"f{number}" for number in range(8)]
    assert sizes == [3, 3, 2]


def test_the_nodes_load_no_engine_until_one_is_used() -> None:
    script = (
        "import sys, anacostia_blockchain.nodes as nodes; dir(nodes);"
        "print([m for m in ('anacostia_pipeline', 'sqlalchemy', 'web3') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.stdout.strip() == "[]", done.stderr
    with pytest.raises(AttributeError, match="NoSuchNode"):
        nodes.NoSuchNode  # noqa: B018 - that it raises is the point


def test_a_new_file_is_seen_quickly_among_many(node) -> None:
    """The framework needs seconds for this, with two queries per file and poll."""
    for number in range(300):
        put(node, f"f{number}")
    node.start_monitoring()
    try:
        deadline = time.monotonic() + 20
        while node.get_num_artifacts("new") < 300 and time.monotonic() < deadline:
            time.sleep(0.05)
        put(node, "one-more")
        started = time.monotonic()
        while node.get_num_artifacts("new") < 301 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert time.monotonic() - started < 2
        assert node.resource_event.is_set()
    finally:
        node.exit_event.set()
        node.observer_thread.join(5)
    assert not any(t.name == "data_observer" for t in threading.enumerate())


def test_a_changed_artifact_is_not_handed_out(node) -> None:
    path = put(node, "a", "as it was")
    scan(node)
    path.write_text("as it is")
    with (
        pytest.raises(IntegrityError, match="a is not what was recorded: SHA-256"),
        node.load_artifact("a"),
    ):
        pytest.fail("handed out")
    path.unlink()
    with pytest.raises(NotFoundError, match="data has lost a"), node.load_artifact("a"):
        pytest.fail("handed out")


def test_an_unusable_folder_says_what_to_do(store, tmp_path: Path, monkeypatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(ConfigError, match="/nowhere cannot be used: Permission denied; create it"):
        MonitoringDataStoreNode("other", tmp_path / "nowhere", store)


def test_a_file_in_the_folder_s_place_says_so(store, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(ConfigError, match="file cannot be used: File exists"):
        MonitoringDataStoreNode("other", tmp_path / "file", store)


def test_no_route_reads_or_writes_files(node) -> None:
    """The framework's file server reads and writes any path of the machine."""
    server = node.setup_node_server("127.0.0.1", 8000)
    paths = {route.path for route in server.routes}
    assert {"/get_num_artifacts/", "/list_artifacts/"} <= paths
    assert not [p for p in paths if "get_artifact" in p or "upload" in p or "{" in p]
