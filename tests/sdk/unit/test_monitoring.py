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


def scan(node: MonitoringDataStoreNode) -> list[str]:
    node._next_check = 0
    node.look()
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
    node._settle = 60
    path = put(node, "growing", "1", age=0)
    assert scan(node) == []
    assert node.unsettled == 1
    path.write_text("12")
    assert scan(node) == []
    put(node, "growing", "12", age=61)
    assert scan(node) == ["growing"]
    assert node.unsettled == 0
    assert node.metadata_store.artifact("data", "growing").size == 2


def test_a_file_from_the_future_is_taken_all_the_same(node) -> None:
    put(node, "future", age=-3600)
    assert scan(node) == []
    time.sleep(0.12)
    assert scan(node) == ["future"]


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
    scan(node)
    assert scan(node) == ["a"]
    assert len(messages) == 1
    assert "cannot take '\\udcff'" in messages[0]


def test_known_files_are_not_looked_at_again(node, monkeypatch) -> None:
    put(node, "a")
    scan(node)
    monkeypatch.setattr(node, "_take", lambda *_: pytest.fail("looked at again"))
    scan(node)


def test_folders_to_which_nothing_came_are_not_listed_again(node, monkeypatch) -> None:
    put(node, "a")
    put(node, "deep/b")
    for folder in (node.path, f"{node.path}/deep"):
        os.utime(folder, (time.time() - 10,) * 2)
    assert scan(node) == ["a", "deep/b"]
    listed: list[str] = []
    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", lambda folder: (listed.append(folder), scandir(folder))[1])
    assert scan(node) == ["a", "deep/b"]
    assert listed == []
    put(node, "deep/c")
    put(node, "deep/deeper/d")
    assert scan(node) == ["a", "deep/b", "deep/c", "deep/deeper/d"]
    assert sorted(listed) == [f"{node.path}/deep", f"{node.path}/deep/deeper"]


def test_a_file_that_could_not_be_read_is_taken_when_it_can(node, monkeypatch) -> None:
    put(node, "a")
    os.utime(node.path, (time.time() - 10,) * 2)
    hash_file = node.hash_file

    def refuse(_: str) -> str:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(node, "hash_file", refuse)
    assert scan(node) == []
    assert node.unsettled == 0
    monkeypatch.setattr(node, "hash_file", hash_file)
    assert scan(node) == ["a"]


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
    assert list(filter(None, sizes)) == [3, 3, 2]


def versions(node: MonitoringDataStoreNode, location: str = "a") -> list[tuple[str, int | None]]:
    """States and sizes of what was ever at a location, newest first."""
    return [(a.state, a.size) for a in node.metadata_store.artifacts_at("data", location)]


def test_a_changed_file_is_a_new_version(node) -> None:
    path = put(node, "a", "one")
    scan(node)
    node._settle = 60
    path.write_text("three")
    assert scan(node) == ["a"], "not at rest yet"
    assert node.unsettled == 1
    node._settle = 0.1
    put(node, "a", "three", age=5)
    assert scan(node) == ["a", "a"]
    assert versions(node) == [("new", 5), ("new", 3)]
    put(node, "a", "three", age=3)
    assert len(scan(node)) == 2, "only touched"
    path.unlink()
    assert len(scan(node)) == 2, "it is gone, and stays recorded"
    put(node, "a", "three", age=2)
    assert len(scan(node)) == 2, "it is back as it was"
    put(node, "a", "two", age=1)
    assert len(scan(node)) == 3


@pytest.mark.parametrize(("text", "age", "found"), [("two", 0, 2), ("three", 99, 2), ("one", 0, 1)])
def test_what_changed_while_no_pipeline_ran(store, tmp_path, text, age, found) -> None:
    """By its time if the size is the same; only such files are hashed again."""
    nodes = [MonitoringDataStoreNode(f"data{i}", tmp_path / "d", store, settle=0) for i in (1, 2)]
    nodes[1].name = nodes[0].name = "data"
    put(nodes[0], "a", "one")
    put(nodes[0], "b", "two")
    scan(nodes[0])
    time.sleep(0.01)
    put(nodes[0], "a", text, age=age)
    hashed: list[str] = []
    hash_file = nodes[1].hash_file
    nodes[1].hash_file = lambda path: (hashed.append(Path(path).name), hash_file(path))[1]
    scan(nodes[1])
    assert hashed == ["a"]
    assert len(versions(nodes[1])) == found


def test_a_run_sees_what_it_was_given_or_fails(node) -> None:
    store = node.metadata_store
    path = put(node, "a", "one")
    scan(node)
    store.start_run()
    (given,) = store.run_artifacts("input", "data")
    put(node, "a", "three", age=5)
    scan(node)
    assert store.get_num_entries("data", "new") == 1, "the new version is for the next run"
    with pytest.raises(IntegrityError, match="the next run is given it"), node.load_artifact("a"):
        pass
    path.write_text("one")
    os.utime(path, (time.time() - 4,) * 2)
    with node.load_artifact("a") as name:
        assert Path(name).read_text() == "one"
    assert store.artifacts_at("data", "a")[1].id == given.id
    assert versions(node) == [("new", 5), ("used", 3)]
    store.end_run()
    assert store.get_num_entries("data", "new") == 1


def test_a_version_that_was_replaced_unread_is_given_to_no_run(node) -> None:
    store = node.metadata_store
    put(node, "a", "one")
    scan(node)
    put(node, "a", "three", age=5)
    scan(node)
    store.start_run()
    (given,) = store.run_artifacts("input", "data")
    assert given.size == 5
    with node.load_artifact("a") as path:
        assert Path(path).read_text() == "three"
    store.end_run()
    assert versions(node) == [("used", 5), ("unused", 3)]
    assert store.get_num_entries("data", "new") == 0


def test_a_version_that_an_aborted_run_did_not_read_is_not_given_again(node) -> None:
    store = node.metadata_store
    put(node, "a", "one")
    scan(node)
    store.start_run()
    put(node, "a", "three", age=5)
    scan(node)
    store.abandon_open_runs("killed")
    assert [state for state, _ in versions(node)] == ["new", "new"]
    store.start_run()
    assert [a.size for a in store.run_artifacts("input", "data")] == [5]


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
    began = time.monotonic()
    node.start_monitoring()
    try:
        deadline = began + 120
        while node.get_num_artifacts("new") < 300 and time.monotonic() < deadline:
            time.sleep(0.05)
        started = time.monotonic()
        put(node, "one-more")
        while node.get_num_artifacts("new") < 301 and time.monotonic() < deadline:
            time.sleep(0.01)
        assert node.get_num_artifacts("new") == 301
        assert time.monotonic() - started < max(2, started - began), "longer than the 300 took"
        assert node.resource_event.is_set()
    finally:
        node.exit_event.set()
        node.observer_thread.join(60)
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
