"""Pipelines: this package beside the framework alone and MLflow's SQLite store, in one run.

MLflow is no dependency of anything else: it is installed into an environment of its own.
"""

from __future__ import annotations

import logging
import os
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
from anacostia_pipeline.nodes.metadata.sql.sqlite.node import SQLiteMetadataStoreNode
from anacostia_pipeline.nodes.resources.filesystem.node import FilesystemStoreNode
from sqlalchemy import update

from anacostia_blockchain.chain import Chain, KeylessSigner
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.metadata import SqliteMetadataStore, lifecycle, schema
from anacostia_blockchain.metadata.book import RunBook
from anacostia_blockchain.metadata.database import open_database
from anacostia_blockchain.nodes import ActionNode, MonitoringDataStoreNode
from anacostia_blockchain.pipeline import Pipeline
from anacostia_blockchain.testing import LocalChain

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import toolchain

FILES = 3000
METRICS = 500
RUNS = 10_000
BATCH = 500
SEALS = 20

MLFLOW = toolchain.ROOT / ".venv-mlflow"
MLFLOW_PACKAGES = ("mlflow-skinny==3.4.0", "sqlalchemy==2.0.43", "alembic==1.16.5")
MLFLOW_SCRIPT = """
import sys, time
from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore
from mlflow.entities import Metric
folder, number = sys.argv[1], int(sys.argv[2])
store = SqlAlchemyStore(f"sqlite:///{folder}/mlflow.db", folder)
run = store.create_run("0", "me", 0, [], "run").info.run_id
started = time.perf_counter()
for step in range(number):
    store.log_metric(run, Metric("loss", float(step), 0, step))
print(number / (time.perf_counter() - started))
"""


def main() -> None:
    """Run and print the table."""
    logging.disable(logging.CRITICAL)
    print(f"{'what':64} {'ours':>12} {'rival':>12} {'ratio':>8}  aim")
    with tempfile.TemporaryDirectory() as folder:
        seen(Path(folder))
        metrics(Path(folder))
        sealed(Path(folder))
        history(Path(folder))


def show(what: str, ours: str, rival: str, ratio: float | None, aim: str) -> None:
    shown = f"{ratio:.1f}" if ratio is not None else ""
    print(f"{what:64} {ours:>12} {rival:>12} {shown:>8}  {aim}", flush=True)


# ---------------------------------------------------------------------- new files


def seen(folder: Path) -> None:
    """Seconds until one more file is seen among 3000, and the CPU that watching them takes."""
    ours = watched(folder / "ours", our_nodes)
    theirs = watched(folder / "theirs", their_nodes)
    for what, index, unit, aim in (
        (f"new file seen, {FILES} present", 0, "s", "≤ 0.5 s"),
        (f"CPU of one core when idle, {FILES} present", 1, "%", "≤ 3 %"),
    ):
        mine, rival = ours[index], theirs[index]
        show(what, f"{mine:.2f} {unit}", f"{rival:.2f} {unit}", rival / max(mine, 0.01), aim)


def our_nodes(path: Path) -> MonitoringDataStoreNode:
    store = SqliteMetadataStore("m", f"sqlite:///{path}/m.db")
    node = MonitoringDataStoreNode("data", path / "data", store)
    store.setup()
    store.add_node("data", "T", "BaseResourceNode")
    return node


def their_nodes(path: Path) -> FilesystemStoreNode:
    store = SQLiteMetadataStoreNode("m", f"sqlite:///{path}/m.db")
    store.log = lambda *_, **__: None
    node = FilesystemStoreNode("data", str(path / "data"), store)
    node.log = lambda *_, **__: None
    (path / "m.db").touch()
    working = Path.cwd()
    os.chdir("/")  # it strips the letters of `sqlite:///` from both ends of the path
    store.setup()
    os.chdir(working)
    store.add_node("data", "T", "BaseResourceNode")
    return node


def watched(path: Path, make: Callable[[Path], FilesystemStoreNode]) -> tuple[float, float]:
    (path / "data").mkdir(parents=True)
    for number in range(FILES):
        (path / "data" / f"f{number}").write_text(str(number))
    node = make(path)
    node.start_monitoring()
    try:
        while node.metadata_store.get_num_entries("data", "all") < FILES:
            time.sleep(0.2)
        time.sleep(1)
        process, before = psutil.Process(), sum(psutil.Process().cpu_times()[:2])
        time.sleep(5)
        idle = (sum(process.cpu_times()[:2]) - before) / 5 * 100
        times = [_seen_after(node, path / "data", number) for number in range(3)]
    finally:
        node.exit_event.set()
        node.observer_thread.join(60)
    return statistics.median(times), idle


def _seen_after(node: FilesystemStoreNode, folder: Path, number: int) -> float:
    started = time.perf_counter()
    (folder / f"more{number}").write_text("x")
    while node.metadata_store.get_num_entries("data", "all") < FILES + number + 1:
        time.sleep(0.01)
    return time.perf_counter() - started


# ---------------------------------------------------------------------- metrics


def metrics(folder: Path) -> None:
    """Metrics logged per second, one by one, each committed."""
    store = SqliteMetadataStore("m", f"sqlite:///{folder}/metrics.db")
    store.setup()
    store.add_node("train", "T", "B")
    store.start_run()
    started = time.perf_counter()
    for step in range(METRICS):
        store.log_metrics("train", loss=float(step))
    ours = METRICS / (time.perf_counter() - started)
    store.end_run()
    rival = mlflow_rate(folder)
    ratio = ours / rival if rival else None
    shown = f"{rival:.0f} /s" if rival else "not here"
    show("metrics logged (rival: MLflow)", f"{ours:.0f} /s", shown, ratio, "≥ 5")


def mlflow_rate(folder: Path) -> float | None:
    python = toolchain.venv_python(MLFLOW)
    if not python.exists():
        uv = toolchain.venv_bin("uv")
        subprocess.run([uv, "venv", "--quiet", MLFLOW], check=True)
        install = [uv, "pip", "install", "--quiet", "--python", python, *MLFLOW_PACKAGES]
        if subprocess.run(install, check=False).returncode:
            return None
    done = subprocess.run(
        [python, "-c", MLFLOW_SCRIPT, folder, str(METRICS)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        print(done.stderr[-500:], file=sys.stderr)
        return None
    return float(done.stdout.split()[-1])


# ---------------------------------------------------------------------- the end of a run


class Last(ActionNode):
    """Intends a call, and notes when it was done."""

    done = 0.0

    def execute(self) -> bool:
        """Do both."""
        if (client := self.metadata_store.chain) is not None:
            address, run_id = client.ledger.address, self.metadata_store.get_run_id()
            self.metadata_store.intend("call", f"run-{run_id}", {"to": address, "data": ""})
        Last.done = time.perf_counter()
        return True


def sealed(folder: Path) -> None:
    """Seconds from the end of the last action to the end of the transaction that seals the run.

    That commits a run's record, and the intents to anchor and to call, to the disk; the rival is a
    transaction of one row, which has the same way to the disk.
    """
    with LocalChain() as local:
        signer = KeylessSigner(local.chain().address)
        chain = Chain.connect(local.rpc_url, signer=signer, state_dir=folder)
        hub = Anacostia(chain, local.deploy(), home=folder)
        for what, client in (("sealed", None), ("sealed and in the outbox", hub)):
            ours, one_row = sealing(folder / str(client is None), client)
            row = f"{what} after the last action (rival: one row)"
            ratio = one_row / ours
            show(row, f"{ours:.1f} ms", f"{one_row:.1f} ms", ratio, "≤ 10 ms")


def sealing(folder: Path, client: Anacostia | None) -> tuple[float, float]:
    """Milliseconds of a run's end, and of a transaction of one row; medians."""
    store = SqliteMetadataStore("m", f"sqlite:///{folder}/m.db", chain=client)
    data = MonitoringDataStoreNode("data", folder / "data", store, poll=0.1, settle=0)
    last = Last("last", [data], store)
    times, one_row = [], []

    def on_step(step: str, _subject: str) -> None:
        if step == "run_ended":
            times.append(time.perf_counter() - Last.done)
            started = time.perf_counter()
            with store.database.write() as connection:
                connection.execute(update(schema.settings).values(name=schema.settings.c.name))
            one_row.append(time.perf_counter() - started)

    with pouring(folder / "data"):
        Pipeline([store, data, last]).execute(runs=SEALS, timeout=120, drain=0, on_step=on_step)
    return statistics.median(times) * 1000, statistics.median(one_row) * 1000


@contextmanager
def pouring(folder: Path) -> Iterator[None]:
    stop = threading.Event()

    def pour() -> None:
        number = 0
        while not stop.wait(0.05):
            number += 1
            (folder / f"f{number}").write_text("x")

    thread = threading.Thread(target=pour, daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


# ---------------------------------------------------------------------- a long history


def history(folder: Path) -> None:
    """Seconds and memory that it takes to open a database with many runs, and one with none."""
    uri = f"sqlite:///{folder}/history.db"
    book = RunBook(open_database(uri), "code")
    for start in range(0, RUNS, BATCH):
        with book.database.write() as connection:  # many at once, only to be quicker here
            for run_id in range(start, start + BATCH):
                lifecycle.open_run(connection, run_id, None, "code")
                book._close(connection, run_id, "succeeded", None)  # noqa: SLF001 - as above
    many, none = opened(uri), opened(f"sqlite:///{folder}/none.db")
    show(
        f"start with {RUNS} runs (rival: with none)",
        f"{many[0]:.2f} s",
        f"{none[0]:.2f} s",
        None,
        "≤ 2 s",
    )
    show("… and memory", f"{many[1]:.0f} MB", f"{none[1]:.0f} MB", None, "flat")


def opened(uri: str) -> tuple[float, float]:
    script = f"""
import time, resource
from anacostia_blockchain.chain import Chain, KeylessSigner
from anacostia_blockchain.client import Anacostia
from anacostia_blockchain.metadata import SqliteMetadataStore, lifecycle, schema
store = SqliteMetadataStore("m", {uri!r})
started = time.perf_counter()
store.setup()
store.start_run(); store.end_run()
took = time.perf_counter() - started
print(took, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    took, memory = done.stdout.split()[-2:]
    return float(took), float(memory)


if __name__ == "__main__":
    main()
