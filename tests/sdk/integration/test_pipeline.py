"""Whole executions of real pipelines, in this process and without a chain."""

from __future__ import annotations

import logging
import signal
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import uvicorn
from anacostia_pipeline.pipelines.server import PipelineServer
from sqlalchemy import select

from anacostia_blockchain import _upstream
from anacostia_blockchain._servers import free_ports
from anacostia_blockchain.errors import ConfigError, PipelineError, StoreBusyError
from anacostia_blockchain.metadata import SqliteMetadataStore, schema
from anacostia_blockchain.nodes import (
    ActionNode,
    ModelStoreNode,
    MonitoringDataStoreNode,
    ShakespeareEvalNode,
)
from anacostia_blockchain.pipeline import ExecutionReport, Pipeline
from waiting import wait_for


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def store() -> SqliteMetadataStore:
    return SqliteMetadataStore("metadata_store", "sqlite:///metadata.db")


@pytest.fixture
def data(store: SqliteMetadataStore) -> MonitoringDataStoreNode:
    return MonitoringDataStoreNode("data", "data", store, poll=0.02, settle=0.05)


@pytest.fixture
def time_is_over(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Once it is set, an hour has passed for the pipeline."""
    event = threading.Event()
    clock = SimpleNamespace(
        sleep=time.sleep, monotonic=lambda: time.monotonic() + 3600 * event.is_set()
    )
    monkeypatch.setattr("anacostia_blockchain.pipeline.time", clock)
    return event


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


def test_a_file_that_is_changed_is_an_input_again() -> None:
    """Whether or not a pipeline is running when it is."""
    feed("hamlet.txt", "To be, or not to be, that is the question")
    seed()
    feed("hamlet.txt", "To be, or not to be: that is another question")
    store, report = seed()
    assert [run.run_id for run in report.runs] == [1]
    assert [run.status for run in report.runs] == ["succeeded"]
    first, second = (store.run_artifacts("input", "data_store", run_id=run) for run in (0, 1))
    assert (first[0].location, first[0].size) == ("hamlet.txt", 41)
    assert (second[0].location, second[0].size) == ("hamlet.txt", 45)
    assert seed()[1].runs == ()


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


# ---------------------------------------------------------------------- runs and their inputs


def test_a_run_is_given_what_was_new_when_it_began(store, data) -> None:
    seen: list[list[str]] = []
    first = Step("first", [data], store, lambda s: seen.append(data.list_artifacts("new")))

    def read(step: Step) -> None:
        for artifact in step.inputs():
            with step.open_input(artifact) as path:
                seen.append([artifact.location, path.read_text()])

    second = Step("second", [first], store, read)
    third = Step("third", [second], store, lambda s: seen.append(data.list_artifacts("current")))
    feed("a.txt", "to be")
    report = Pipeline([store, data, first, second, third]).execute()
    assert statuses(report) == ["succeeded"]
    # What one node has read is still new to the next one, in the same run.
    assert seen == [["a.txt"], ["a.txt", "to be"], ["a.txt"]]
    (entry,) = store.get_entries("data")
    assert (entry["state"], entry["run_id"], entry["size"]) == ("used", 0, 5)


def test_an_action_that_reads_nothing_runs_once_per_input(store, data) -> None:
    step = Step("step", [data], store)
    feed("a")
    report = Pipeline([store, data, step]).execute()
    assert statuses(report) == ["succeeded"]
    assert step.calls == ["execute", "on_success"]


def test_an_upstream_action_that_reads_nothing_runs_once_per_input(store, data) -> None:
    class Upstream(_upstream.BaseActionNode):
        calls = 0

        def execute(self, *args: object, **kwargs: object) -> bool:
            Upstream.calls += 1
            return True

    feed("a")
    report = Pipeline([store, data, Upstream("step", [data])]).execute()
    assert statuses(report) == ["succeeded"]
    assert Upstream.calls == 1


def test_an_upstream_file_store_works_beside_ours(store) -> None:
    Path("theirs").mkdir()
    Path("theirs/f").write_text("x")
    theirs = _upstream.FilesystemStoreNode("theirs", "theirs", store)
    texts: list[str] = []

    def read(step: Step) -> None:
        for name in theirs.list_artifacts("new"):
            with theirs.load_artifact(name) as path:
                texts.append(Path(path).read_text())

    report = Pipeline([store, theirs, Step("step", [theirs], store, read)]).execute()
    assert statuses(report) == ["succeeded"]
    assert texts == ["x"]


def test_files_that_come_during_a_run_make_the_next_one(store, data) -> None:
    def work(step: Step) -> None:
        if store.active_run == 0:
            feed("b")
            wait_for(lambda: store.get_num_entries("data", "new"))

    feed("a")
    report = Pipeline([store, data, Step("step", [data], store, work)]).execute()
    assert statuses(report) == ["succeeded", "succeeded"]
    links = rows(store, schema.run_artifacts, "run_id", "artifact_id", "role")
    assert links == [(0, 1, "input"), (1, 2, "input")]


def test_exactly_so_many_runs_while_data_keeps_coming(store, data) -> None:
    stop = threading.Event()

    def pour() -> None:
        number = 0
        while not stop.wait(0.03):
            feed(f"f{number}")
            number += 1

    thread = threading.Thread(target=pour, daemon=True)
    thread.start()
    try:
        report = Pipeline([store, data, Step("step", [data], store)]).execute(runs=2, timeout=600)
    finally:
        stop.set()
        thread.join()
    assert statuses(report) == ["succeeded", "succeeded"]
    assert report.ended == "runs"
    assert [run["run_id"] for run in store.get_runs()] == [0, 1]


def test_the_run_hash_differs_when_the_inputs_do(store, data) -> None:
    feed("a", "one")
    Pipeline([store, data, Step("step", [data], store)]).execute()
    feed("b", "two")
    store, data = again()
    Pipeline([store, data, Step("step", [data], store)]).execute()
    hashes = [run["hash"] for run in store.get_runs()]
    assert len(set(hashes)) == 2


def test_nothing_to_do_ends_and_a_missing_trigger_does_too(store, data) -> None:
    other = MonitoringDataStoreNode("other", "other", store, poll=0.02)
    look = other.look

    def look_later() -> None:
        wait_for(lambda: store.get_num_entries("data", "new"))
        look()

    other.look = look_later
    feed("a")  # `other` stays empty, so no run can begin
    step = Step("step", [data, other], store)
    report = Pipeline([store, data, other, step]).execute(timeout=600)
    assert (report.runs, report.ended) == ((), "idle")
    assert store.get_num_entries("data", "new") == 1


def test_without_monitored_stores_one_run_is_made(store) -> None:
    model_like = _upstream.FilesystemStoreNode("files", "files", store, monitoring=False)
    step = Step("step", [model_like], store)
    report = Pipeline([store, model_like, step]).execute()
    assert statuses(report) == ["succeeded"]
    assert report.ended == "idle"


# ---------------------------------------------------------------------- failures


def explode(step: Step) -> None:
    raise RuntimeError("bad data")


def test_a_failed_action_fails_its_run_and_its_children_are_skipped(store, data) -> None:
    bad = Step("bad", [data], store, explode)
    child = Step("child", [bad], store)
    grandchild = Step("grandchild", [child], store)
    beside = Step("beside", [data], store)
    feed("a")
    report = Pipeline([store, data, bad, child, grandchild, beside]).execute()
    (run,) = report.runs
    assert (run.status, run.reason) == ("failed", "bad: RuntimeError('bad data')")
    assert not report.ok
    assert rows(store, schema.node_results, "node", "result", "detail") == [
        ("bad", "error", "RuntimeError('bad data')"),
        ("beside", "success", None),
        ("child", "skipped", "after bad"),
        ("grandchild", "skipped", "after child"),
    ]
    assert child.calls == grandchild.calls == []
    assert beside.calls == ["execute", "on_success"]
    # Its input is consumed and recorded: the next execution does not fail over it again.
    assert [e["state"] for e in store.get_entries("data")] == ["used"]
    assert len(store.run_artifacts("input", run_id=0)) == 1


def test_returning_false_is_a_failure(store, data) -> None:
    step = Step("step", [data], store, lambda _: False)
    feed("a")
    report = Pipeline([store, data, step]).execute()
    assert report.runs[0].reason == "step: failure"
    assert step.calls == ["execute", "on_failure"]


def test_returning_nothing_is_a_failure_that_says_so(store, data) -> None:
    class Forgetful(ActionNode):
        def execute(self):
            pass

    feed("a")
    report = Pipeline([store, data, Forgetful("step", [data], store)]).execute()
    assert report.runs[0].reason == "step: returned None, which is not True"


def test_sys_exit_in_an_action_is_its_failure(store, data) -> None:
    def leave(step: Step) -> None:
        raise SystemExit(3)

    feed("a")
    report = Pipeline([store, data, Step("step", [data], store, leave)]).execute()
    assert report.runs[0].reason == "step: SystemExit(3)"


@pytest.mark.parametrize("hook", ["before_execution", "on_success", "after_execution"])
def test_a_hook_that_raises_fails_the_run(store, data, hook: str) -> None:
    step = Step("step", [data], store)
    setattr(step, hook, lambda: explode(step))
    feed("a")
    report = Pipeline([store, data, step]).execute()
    assert report.runs[0].reason == f"step: {hook}: RuntimeError('bad data')"
    assert ("execute" in step.calls) == (hook != "before_execution")


def test_the_next_run_forgets_the_last_ones_failure(store, data) -> None:
    def fail_first(step: Step) -> bool:
        if store.active_run == 0:
            feed("b")
        return store.active_run != 0

    bad = Step("bad", [data], store, fail_first)
    child = Step("child", [bad], store)
    feed("a")
    report = Pipeline([store, data, bad, child]).execute()
    assert statuses(report) == ["failed", "succeeded"]
    assert child.calls == ["execute", "on_success"]


def test_a_dead_resource_is_raised_and_its_run_aborted(store, data) -> None:
    data.before_run_ends = lambda: explode(data)
    feed("a")
    pipeline = Pipeline([store, data, Step("step", [data], store)])
    with pytest.raises(PipelineError, match=r"node data died: RuntimeError\('bad data'\)"):
        pipeline.execute(grace=1)
    assert rows(store, schema.runs, "status", "reason") == [
        ("aborted", "node data died: RuntimeError('bad data')")
    ]
    assert store.get_num_entries("data", "new") == 1  # queued again


def test_set_up_errors_are_raised(store, data) -> None:
    step = Step("step", [data], store)
    step.setup = lambda: explode(step)
    pipeline = Pipeline([store, data, step])
    with pytest.raises(PipelineError, match="setup of step failed") as caught:
        pipeline.execute()
    assert isinstance(caught.value.__cause__, RuntimeError)
    store, data = again()
    assert Pipeline([store, data, Step("step", [data], store)]).execute().runs == ()


def test_a_nan_metric_fails_the_run_with_its_name(store, data) -> None:
    step = Step("step", [data], store, lambda s: s.log_metrics(loss=float("nan")))
    feed("a")
    report = Pipeline([store, data, step]).execute()
    assert "metric 'loss' must be a finite number, not nan" in (report.runs[0].reason or "")
    assert store.get_metrics() == []


def test_a_metric_logged_outside_a_run_is_refused(store, data) -> None:
    step = Step("step", [data], store)
    Pipeline([store, data, step]).execute()
    with pytest.raises(PipelineError, match="no run is under way"):
        step.log_metrics(acc=1)


def test_an_output_store_that_is_not_declared_fails_the_run(store, data) -> None:
    models = ModelStoreNode("models", "models", store)

    def save(step: Step) -> None:
        with models.save_artifact("model"):
            pytest.fail("handed out")

    step = Step("step", [data], store, save)
    beside = Step("beside", [models], store)
    feed("a")
    report = Pipeline([store, data, models, step, beside]).execute()
    assert "step saves to models, which is not among its predecessors: add it" in (
        report.runs[0].reason or ""
    )


def test_a_paused_pipeline_begins_no_run_until_it_is_resumed(store, data) -> None:
    """The framework's own `pause` has no effect at all."""
    pipeline = Pipeline([store, data, Step("step", [data], store)])
    pipeline.pause()
    feed("a")
    steps: list[str] = []

    def resume_later() -> None:
        try:
            wait_for(lambda: getattr(store, "status", None) is _upstream.Status.TRIGGERED)
            time.sleep(0.5)  # in which a run would begin
            steps.append("resumed")
        finally:
            pipeline.resume()

    thread = threading.Thread(target=resume_later)
    thread.start()
    report = pipeline.execute(on_step=lambda step, _subject: steps.append(step))
    thread.join()
    assert steps == ["resumed", "run_started", "run_ended"]
    assert statuses(report) == ["succeeded"]


def test_a_paused_node_holds_up_its_run(store, data) -> None:
    resumed: list[bool] = []
    step = Step("step", [data], store, lambda _: bool(resumed))
    step.pause()
    feed("a")

    def resume_later() -> None:
        try:
            wait_for(lambda: getattr(step, "status", None) is _upstream.Status.PREPARATION)
            resumed.append(True)
        finally:
            step.resume()

    thread = threading.Thread(target=resume_later)
    thread.start()
    assert statuses(Pipeline([store, data, step]).execute()) == ["succeeded"]
    thread.join()


def test_a_paused_pipeline_ends_when_its_time_is_over(store, data) -> None:
    pipeline = Pipeline([store, data, Step("step", [data], store)])
    pipeline.pause()
    feed("a")
    report = pipeline.execute(timeout=0.5, grace=0.5)
    assert (report.runs, report.ended) == ((), "timeout")


def test_a_hung_action_is_left_behind(store, data, time_is_over) -> None:
    hang = threading.Event()

    def work(_step: Step) -> None:
        time_is_over.set()
        hang.wait(600)

    step = Step("step", [data], store, work)
    step.join = lambda _timeout: None  # or the grace that the others are given would be over first
    feed("a")
    report = Pipeline([store, data, step]).execute(timeout=600, grace=60)
    assert report.ended == "timeout"
    (run,) = report.runs
    assert (run.status, run.reason) == ("aborted", "stopped while step was at work")
    assert store.get_num_entries("data", "new") == 1
    hang.set()
    wait_for(lambda: not step.is_alive())
    assert len(store.get_runs()) == 1


def test_what_a_hung_action_says_later_is_refused(store, data, time_is_over) -> None:
    hang, errors = threading.Event(), []

    def work(step: Step) -> None:
        time_is_over.set()
        hang.wait(600)
        try:
            step.log_metrics(late=1)
        except PipelineError as error:
            errors.append(str(error))

    step = Step("step", [data], store, work)
    feed("a")
    Pipeline([store, data, step]).execute(timeout=600, grace=0.2)
    hang.set()
    step.join(300)
    assert errors == ["no run is under way, so there is nothing to record this in"]
    assert store.get_metrics() == []


def test_a_second_signal_that_comes_while_the_first_is_logged_aborts(store, monkeypatch) -> None:
    pipeline = Pipeline([store])

    def warn(*_: object) -> None:
        pipeline._on_signal(signal.SIGINT, None)

    monkeypatch.setattr("anacostia_blockchain.pipeline.log.warning", warn)
    with pytest.raises(KeyboardInterrupt):
        pipeline._on_signal(signal.SIGTERM, None)


# ---------------------------------------------------------------------- graphs


def test_a_pipeline_runs_once(store, data) -> None:
    pipeline = Pipeline([store, data, Step("step", [data], store)])
    pipeline.execute()
    with pytest.raises(PipelineError, match="runs once"):
        pipeline.execute()


def test_nodes_of_a_finished_pipeline_are_refused(store, data) -> None:
    nodes = [store, data, Step("step", [data], store)]
    Pipeline(nodes).execute()
    with pytest.raises(PipelineError, match="ran in another pipeline"):
        Pipeline(nodes)


def test_two_nodes_of_one_name_are_refused(store, data) -> None:
    with pytest.raises(PipelineError, match="more than one node is named data"):
        Pipeline([store, data, Step("data", [data], store)])


def test_a_node_that_was_not_given_is_refused(store, data) -> None:
    step = Step("step", [data], store)
    with pytest.raises(PipelineError, match="data is connected to step, which was not given"):
        Pipeline([store, data])
    with pytest.raises(PipelineError, match="which was not given"):
        Pipeline([store, step])


def test_a_cycle_is_refused(store, data) -> None:
    step = Step("step", [data], store)
    other = Step("other", [step], store)
    step.predecessors.append(other)
    with pytest.raises(PipelineError, match="Acyclic"):
        Pipeline([store, data, step, other])


def test_an_edge_the_framework_forbids_is_refused(store, data) -> None:
    with pytest.raises(PipelineError, match="must be resource nodes"):
        Pipeline([store, data, Step("step", [store], store)])


def test_exactly_one_metadata_store_is_needed(store, data) -> None:
    with pytest.raises(ConfigError, match="exactly one metadata store"):
        Pipeline([])
    with pytest.raises(ConfigError, match="exactly one metadata store"):
        Pipeline([_upstream.SQLiteMetadataStoreNode("m", "sqlite:///x.db")])


def test_neighbours_on_other_machines_need_a_server(store, data) -> None:
    step = Step("step", [data], store)
    step.remote_successors.append("http://elsewhere/leaf")
    with pytest.raises(PipelineError, match="step has neighbours on other machines"):
        Pipeline([store, data, step]).execute()


def test_two_pipelines_on_one_database_are_refused(store, data) -> None:
    def work(step: Step) -> None:
        other, files = again()
        with pytest.raises(StoreBusyError, match=r"already running on metadata\.db"):
            Pipeline([other, files, Step("x", [files], other)]).execute()

    feed("a")
    report = Pipeline([store, data, Step("step", [data], store, work)]).execute()
    assert statuses(report) == ["succeeded"]


def test_nodes_log_instead_of_printing(store, data, capsys, caplog) -> None:
    feed("a")
    with caplog.at_level(logging.DEBUG, "anacostia_blockchain"):
        Pipeline([store, data, Step("step", [data], store)]).execute()
    assert capsys.readouterr().out == ""
    assert any(r.name == "anacostia_blockchain.nodes.step" for r in caplog.records)


# ---------------------------------------------------------------------- the web interface


def get(port: int, path: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=60) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, ""


def test_the_framework_s_server_serves_our_pipeline_and_no_files(store, data) -> None:
    (port,) = free_ports(1)
    step = Step("step", [data], store, lambda s: s.log_metrics(acc=0.5))
    pipeline = Pipeline([store, data, step])
    web = PipelineServer(name="web", pipeline=pipeline, host="127.0.0.1", port=port)
    server = uvicorn.Server(uvicorn.Config(web, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    feed("a")
    thread.start()
    try:
        wait_for(lambda: server.started and store.get_metrics(), 300)
        assert '"metric_value":0.5' in get(port, "/metadata_store/api/server/get_metrics/")[1]
        assert get(port, "/data/api/server/list_artifacts/?state=all")[1] == '{"artifacts":["a"]}'
        assert get(port, "/data/hypermedia/home")[0] == 200
        assert get(port, "/data/api/server/get_artifact//etc/hostname")[0] == 404
    finally:
        server.should_exit = True
        thread.join(300)
    assert not thread.is_alive()
    assert [run["end_time"] is None for run in store.get_runs()] == [False]
    again()[0].setup()  # the database is free again
