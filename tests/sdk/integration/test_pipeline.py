"""Whole executions of real pipelines, in this process and without a chain."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import ActionNode, MonitoringDataStoreNode, ShakespeareEvalNode
from anacostia_blockchain.pipeline import ExecutionReport, Pipeline


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store() -> SqliteMetadataStore:
    return SqliteMetadataStore("metadata_store", "sqlite:///metadata.db")


@pytest.fixture
def data(store: SqliteMetadataStore) -> MonitoringDataStoreNode:
    return MonitoringDataStoreNode("data", "data", store, poll=0.02, settle=0.05)


class Step(ActionNode):
    """An action whose work is given to it."""

    def __init__(self, name, predecessors, store, work: Callable[[Step], object] = bool) -> None:
        super().__init__(name, predecessors, store)
        self.work = work
        self.calls: list[str] = []

    def execute(self) -> bool:
        self.calls.append("execute")
        return self.work(self) is not False

    def on_failure(self) -> None:
        self.calls.append("on_failure")

    def on_success(self) -> None:
        self.calls.append("on_success")


def feed(name: str, text: str = "to be") -> None:
    Path("data").mkdir(exist_ok=True)
    Path("incoming").write_text(text)
    Path("incoming").replace(f"data/{name}")


def rows(store: SqliteMetadataStore, table: Any, *columns: str) -> list[tuple[Any, ...]]:
    with store.engine.connect() as connection:
        query = select(*(table.c[name] for name in columns)).order_by(table.c[columns[0]])
        return [tuple(row) for row in connection.execute(query)]


def again(*names: str) -> tuple[SqliteMetadataStore, MonitoringDataStoreNode]:
    store = SqliteMetadataStore("metadata_store", "sqlite:///metadata.db")
    return store, MonitoringDataStoreNode("data", "data", store, poll=0.02, settle=0.05)


def statuses(report: ExecutionReport) -> list[str]:
    return [run.status for run in report.runs]


# ---------------------------------------------------------------------- the seed's example


def seed() -> tuple[SqliteMetadataStore, ExecutionReport]:
    metadata_store = SqliteMetadataStore("metadata_store", "sqlite:///metadata.db")
    data_store = MonitoringDataStoreNode("data_store", "data", metadata_store)
    eval_node = ShakespeareEvalNode("eval_node", [data_store], metadata_store)
    pipeline = Pipeline(nodes=[metadata_store, data_store, eval_node])
    return metadata_store, pipeline.execute()


def test_the_example_runs_and_runs_again() -> None:
    feed("hamlet.txt", "To be, or not to be, that is the question")
    store, report = seed()
    assert statuses(report) == ["succeeded"]
    assert report.ended == "idle"
    assert report.ok
    (first,) = [m for m in store.get_metrics() if m["metric_name"] == "shakespeare_test_loss"]
    assert 3 < first["metric_value"] < 5.6  # better than log(256), the uniform distribution's

    _, report = seed()  # nothing is new
    assert report.runs == ()
    assert report.ended == "idle"

    feed("macbeth.txt", "Is this a dagger which I see before me, " * 20)
    store, report = seed()
    assert [run.run_id for run in report.runs] == [1]
    losses = [m["metric_value"] for m in store.get_metrics() if "loss" in m["metric_name"]]
    assert len(losses) == 2
    assert losses[0] == first["metric_value"]
    assert losses[1] != losses[0]


@pytest.mark.parametrize("where", ["metadata.db", "some/folder/metadata.db", "sqlite/s.db"])
def test_relative_and_absolute_uris(where: str, tmp_path: Path) -> None:
    for uri in (f"sqlite:///{where}", f"sqlite:///{tmp_path}/absolute/{where}"):
        store = SqliteMetadataStore("m", uri)
        store.setup()
        store.release()
    assert Path(where).is_file()
    assert (tmp_path / "absolute" / where).is_file()


@pytest.mark.parametrize("uri", ["sqlite://", "sqlite:///", "sqlite:///:memory:", "postgres://x/y"])
def test_a_uri_without_a_file_is_refused(uri: str) -> None:
    with pytest.raises(ConfigError):
        SqliteMetadataStore("m", uri)
