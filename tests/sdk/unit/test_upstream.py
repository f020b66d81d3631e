"""What we rely on in the framework, held against the one that is installed.

A failure here means: this version of the framework must not be used before the part of ours that
relied on it is looked at again.
"""

from __future__ import annotations

import ast
import inspect
import threading
from importlib import import_module
from pathlib import Path

import pytest
from fastapi import FastAPI
from sqlalchemy import Table

from anacostia_blockchain import _upstream
from anacostia_blockchain.errors import ConfigError

STUB = ast.parse(Path(_upstream.__file__).with_suffix(".pyi").read_text())
CLASSES = [
    node for node in STUB.body if isinstance(node, ast.ClassDef) and node.name != "NodeModel"
]
METHODS = [
    (cls.name, node) for cls in CLASSES for node in cls.body if isinstance(node, ast.FunctionDef)
]
COLUMNS = {
    "runs": {"run_id", "start_time", "end_time", "hash"},
    "nodes": {"id", "node_name", "node_type", "base_type", "init_time"},
    "metrics": {"id", "run_id", "node_id", "metric_name", "metric_value"},
    "params": {"id", "run_id", "node_id", "param_name", "param_value"},
    "tags": {"id", "run_id", "node_id", "tag_name", "tag_value"},
    "artifact_tags": {"artifact_id", "tag_id"},
    "triggers": {"id", "run_triggered", "node_id", "trigger_time", "message"},
    "artifacts": {
        *("id", "run_id", "node_id", "location", "created_at", "state", "hash", "hash_algorithm"),
        *("size", "content_type", "used"),
    },
}


def test_check_version_accepts_the_pinned_one() -> None:
    _upstream.check_version("0.8.9")


def test_check_version_refuses_another() -> None:
    with pytest.raises(ConfigError, match=r"0\.9\.0 is installed.*pip install .*==0\.8\.9"):
        _upstream.check_version("0.9.0")


def test_only_one_module_imports_the_framework() -> None:
    package = Path(_upstream.__file__).parent
    importers = {
        path.name
        for path in package.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if (
            isinstance(node, ast.ImportFrom)
            and (node.module or "").startswith("anacostia_pipeline")
        )
        or (isinstance(node, ast.Import) and node.names[0].name.startswith("anacostia_pipeline"))
    }
    assert importers == {"_upstream.py"}


@pytest.mark.parametrize(("owner", "stub"), METHODS, ids=lambda v: getattr(v, "name", v))
def test_method_takes_the_arguments_we_pass(owner: str, stub: ast.FunctionDef) -> None:
    method = getattr(getattr(_upstream, owner), stub.name)
    parameters = inspect.signature(method).parameters
    ours = [argument.arg for argument in stub.args.args]
    theirs = [p.name for p in parameters.values() if p.kind is p.POSITIONAL_OR_KEYWORD]
    if list(parameters)[:1] == ["self"] and "args" in parameters and theirs == ["self"]:
        return  # a method that takes anything
    assert theirs[: len(ours)] == ours


@pytest.mark.parametrize("stub", CLASSES, ids=lambda v: v.name)
def test_class_has_the_bases_we_assume(stub: ast.ClassDef) -> None:
    cls = getattr(_upstream, stub.name)
    known = {"Thread": threading.Thread, "Enum": object, "Exception": Exception}
    known["FastAPI"] = FastAPI
    for base in stub.bases:
        name = ast.unparse(base)
        assert issubclass(cls, known.get(name) or getattr(_upstream, name))


@pytest.mark.parametrize("name", COLUMNS)
def test_table_has_the_columns_we_write(name: str) -> None:
    table = getattr(_upstream, name)
    assert isinstance(table, Table)
    assert set(table.columns.keys()) == COLUMNS[name]
    assert table.metadata is _upstream.tables


class Action(_upstream.BaseActionNode):
    def execute(self) -> bool:
        return True


def graph() -> list[_upstream.BaseNode]:
    store = _upstream.SQLiteMetadataStoreNode("m", "sqlite:///x.db")
    files = _upstream.FilesystemStoreNode("d", "data", store)
    return [store, files, Action("a", [files])]


def test_nodes_have_the_attributes_we_set_and_read(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    store, files, action = graph()
    for node in (store, files, action):
        cls = next(c for c in CLASSES if c.name == "BaseNode")
        names = [ast.unparse(n.target) for n in cls.body if isinstance(n, ast.AnnAssign)]
        for name in set(names) - {"status"}:
            assert name in vars(node), (node.name, name)
    assert isinstance(files.resource_event, threading.Event)
    assert isinstance(store.trigger_event, threading.Event)
    assert files.monitoring is True
    assert files.path == str(tmp_path / "data")
    assert store.run_id == files.run_id == action.run_id == 0


def test_edges_are_one_event_per_direction(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    store, files, action = graph()
    assert store.successors == [files]
    assert set(store.successor_events) == {"d"}
    assert set(files.predecessors_events) == {"m"}
    assert set(files.successor_events) == {"a"}
    assert set(action.predecessors_events) == {"d"}


def test_the_event_loop_thread_is_a_daemon_when_a_daemon_starts_it() -> None:
    made: list[_upstream.Pipeline] = []
    thread = threading.Thread(target=lambda: made.append(_upstream.Pipeline("p", [])), daemon=True)
    thread.start()
    thread.join()
    (pipeline,) = made
    assert pipeline.event_loop_thread.daemon
    pipeline.loop.call_soon_threadsafe(pipeline.loop.stop)
    pipeline.event_loop_thread.join(5)
    assert not pipeline.event_loop_thread.is_alive()


def test_the_run_loop_of_a_store_looks_at_exit_event_right_after_end_run() -> None:
    """Relied on to end after exactly so many runs."""
    source = inspect.getsource(_upstream.BaseMetadataStoreNode.run)
    after = source[source.index("self.end_run()") :]
    assert after.index("if self.exit_event.is_set(): return") < after.index("signal_successors")
    before = source[: source.index("self.end_run()")]
    start = before[before.index("self.start_run()") :]
    assert start.index("if self.exit_event.is_set(): return") < start.index("signal_successors")


def test_actions_call_their_hooks_in_the_order_we_guard() -> None:
    source = inspect.getsource(_upstream.BaseActionNode.run)
    calls = ["before_execution()", "execute()", "on_success()", "on_failure()", "on_error(e)"]
    calls += ["after_execution()", "signal_successors("]
    places = [source.index(f"self.{call}") for call in calls]
    assert places == sorted(places)
    assert "signal_remote_successors" in inspect.getsource(_upstream.BaseNode.signal_successors)
    assert "signal_remote_predecessors" in inspect.getsource(_upstream.BaseNode.signal_predecessors)


def test_our_nodes_leave_the_thread_s_own_attributes_alone() -> None:
    """Every node is a thread, and threads have attributes such as `_target`."""
    nodes = import_module("anacostia_blockchain.nodes")
    classes = [getattr(nodes, name) for name in nodes.__all__]
    classes = [cls for cls in classes if issubclass(cls, threading.Thread)]
    classes += [import_module("anacostia_blockchain.metadata").SqliteMetadataStore]
    own = set(vars(threading.Thread())) | set(vars(threading.Thread))
    own = {name for name in own if not name.startswith("__")}
    for cls in classes:
        assert not own & set(vars(cls)), cls
