"""Pipelines in processes of their own: how they end, and what is left when they are killed."""

from __future__ import annotations

import re
import signal
import sqlite3
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from waiting import wait_for

WORKER = """
import sys, time
from pathlib import Path
from anacostia_blockchain.metadata import SqliteMetadataStore
from anacostia_blockchain.nodes import ActionNode, MonitoringDataStoreNode
from anacostia_blockchain.pipeline import Pipeline

class Step(ActionNode):
    def execute(self):
        for artifact in self.inputs():
            with self.open_input(artifact) as path:
                text = path.read_text()
        if text.startswith("SLOW") and not Path("at-work").exists():
            Path("at-work").touch()
            time.sleep(float(text.split()[1]))
        self.log_metrics(length=len(text))
        return True

store = SqliteMetadataStore("m", "sqlite:///metadata.db")
data = MonitoringDataStoreNode("data", "data", store, poll=0.02, settle=0.05)
"""
EXECUTE = """
report = Pipeline([store, data, Step("step", [data], store)]).execute(until=sys.argv[1])
print(report.ended, [run.status for run in report.runs])
"""


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()


def start(script: str, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WORKER + script, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        out, err = process.communicate(timeout=300)
    except subprocess.TimeoutExpired:
        process.kill()
        out, err = process.communicate()
        pytest.fail(f"did not end: {out} {err}")
    return process.returncode, out.strip(), err.strip()


def query(sql: str) -> list[tuple[object, ...]]:
    connection = sqlite3.connect("metadata.db")
    try:
        return connection.execute(sql).fetchall()
    finally:
        connection.close()


def wait_for_row(process: subprocess.Popen[str], sql: str) -> None:
    def found() -> bool:
        assert process.poll() is None, f"it ended without: {sql}"
        with suppress(sqlite3.OperationalError):  # the table is not there yet
            return bool(query(sql))
        return False

    wait_for(found, 300)


def wait_for_work(process: subprocess.Popen[str]) -> None:
    """A run is open for a while before its step begins."""

    def found() -> bool:
        assert process.poll() is None, "it ended"
        return Path("at-work").exists()

    wait_for(found, 300)


def test_a_process_that_never_executes_ends() -> None:
    script = 'Pipeline([store, data, Step("step", [data], store)]); print("end")'
    assert finish(start(script))[:2] == (0, "end")


def test_a_process_with_a_bad_graph_ends() -> None:
    code, _, err = finish(start('Step("step", [data], store); Pipeline([store, data])'))
    assert code == 1
    assert "PipelineError: data is connected to step" in err


def test_a_process_with_a_hung_action_ends() -> None:
    Path("data/a").write_text("SLOW 600")
    script = """
from anacostia_blockchain import pipeline

class Clock:  # its time is over once the step is at work
    sleep = time.sleep
    def monotonic():
        return time.monotonic() + 3600 * Path("at-work").exists()

pipeline.time = Clock
report = Pipeline([store, data, Step("step", [data], store)]).execute(timeout=600, grace=0.2)
print(report.ended, [run.status for run in report.runs])
"""
    assert finish(start(script))[:2] == (0, "timeout ['aborted']")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_lets_the_run_end(number: signal.Signals) -> None:
    Path("data/a").write_text("SLOW 1")
    process = start(EXECUTE, "stopped")
    wait_for_work(process)
    process.send_signal(number)
    assert finish(process)[:2] == (0, "signal ['succeeded']")
    assert query("select metric_value from metrics") == [(6.0,)]


def test_a_second_signal_aborts_the_run() -> None:
    Path("data/a").write_text("SLOW 600")
    process = start(EXECUTE, "stopped")
    wait_for_work(process)
    process.send_signal(signal.SIGINT)
    assert any("ending after this run" in line for line in process.stderr), "the first was taken"
    process.send_signal(signal.SIGINT)
    code, _, err = finish(process)
    assert code in (1, 130, -signal.SIGINT)
    assert "KeyboardInterrupt" in err
    ((status, reason),) = query("select status, reason from ab_runs")
    assert status == "aborted"
    assert re.fullmatch("stopped while (.*, )?step was at work", str(reason)), "at least the step"


def test_an_idle_daemon_stops_at_once_on_a_signal() -> None:
    process = start(EXECUTE, "stopped")
    wait_for_row(process, "select 1 where (select count(*) from nodes) = 3")
    process.send_signal(signal.SIGTERM)
    assert finish(process)[:2] == (0, "signal []")


def test_what_a_killed_process_left_open_is_aborted_and_done_again() -> None:
    Path("data/a").write_text("SLOW 600")  # the first time
    process = start(EXECUTE, "idle")
    wait_for_work(process)
    process.kill()
    process.communicate()
    assert query("select run_id, end_time from runs") == [(0, None)]

    assert finish(start(EXECUTE, "idle"))[:2] == (0, "idle ['aborted', 'succeeded']")
    assert query("select run_id, status, reason from ab_runs order by run_id") == [
        (0, "aborted", "the process ended before the run did"),
        (1, "succeeded", None),
    ]
    assert query("select count(*) from runs where end_time is null or hash is null") == [(0,)]
    assert query("select run_id, artifact_id, role from ab_run_artifacts order by run_id") == [
        (0, 1, "input"),
        (1, 1, "input"),
    ]
    assert query("select run_id, state from artifacts") == [(1, "used")]
    # The end of the aborted run is its own: it is not that of the run after it.
    ends = query("select end_time, hash from runs order by run_id")
    assert ends[0] != ends[1]


def test_the_framework_alone_imports_neither_web3_nor_ape() -> None:
    Path("data/a").write_text("x")
    script = EXECUTE + 'print([m for m in ("web3", "ape", "eth_account") if m in sys.modules])'
    assert finish(start(script, "idle"))[:2] == (0, "idle ['succeeded']\n[]")


def test_writers_from_other_processes_do_not_disturb() -> None:
    """Three processes that hammer the same database while runs are made."""
    hammer = """
import sqlite3, sys, time
from pathlib import Path
connection = sqlite3.connect("metadata.db", timeout=300, isolation_level=None)
while not Path("done").exists():
    connection.execute("begin immediate")
    connection.execute("insert into noise values(?)", sys.argv[1:])
    time.sleep(0.005)
    connection.execute("commit")
    time.sleep(0.005)
"""
    connection = sqlite3.connect("metadata.db")
    connection.execute("pragma journal_mode=wal").close()
    connection.execute("create table noise(writer)")
    connection.close()
    hammers = [
        subprocess.Popen(
            [sys.executable, "-c", hammer, str(number)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number in range(3)
    ]
    try:
        wait_for(lambda: query("select count(distinct writer) from noise") == [(3,)])
        Path("data/a").write_text("a")
        assert finish(start(EXECUTE, "idle"))[:2] == (0, "idle ['succeeded']")
    finally:
        Path("done").touch()
    assert [finish(process) for process in hammers] == [(0, "", "")] * 3
    assert query("select count(*) from ab_runs where status = 'succeeded'") == [(1,)]


def test_ape_s_own_signal_handlers_are_put_back(tmp_path: Path) -> None:
    """Whoever handled signals before an execution handles them afterwards."""
    script = """
import signal
handler = lambda *_: None
signal.signal(signal.SIGINT, handler); signal.signal(signal.SIGTERM, handler)
Pipeline([store, data, Step("step", [data], store)]).execute()
print(signal.getsignal(signal.SIGINT) is handler, signal.getsignal(signal.SIGTERM) is handler)
"""
    assert finish(start(script))[:2] == (0, "True True")
