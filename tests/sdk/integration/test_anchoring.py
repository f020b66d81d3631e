"""Runs reach the chain once: whatever is killed, however many run together, however they wait."""

from __future__ import annotations

import threading
import time
import uuid
from pathlib import Path

import pytest
from sqlalchemy import func, select

from anacostia_blockchain.audit import RunDatabase
from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import (
    ChainError,
    ConfigError,
    LedgerError,
    NotFoundError,
    PipelineError,
    StoreUnavailableError,
    UnsupportedFileError,
)
from anacostia_blockchain.ledger.merkle import leaf_hash
from anacostia_blockchain.metadata import BlockchainMetadataStore, schema
from anacostia_blockchain.metadata.book import Batching, RunBook
from anacostia_blockchain.metadata.database import open_database
from anacostia_blockchain.nodes import ActionNode, MonitoringDataStoreNode
from anacostia_blockchain.outbox.outbox import intents
from anacostia_blockchain.pipeline import Pipeline
from anacostia_blockchain.tracking import open_book
from chains import KILLED, anchored_sizes, die_at, in_child, reconnected, start_child

pytestmark = pytest.mark.integration

STEPS = ["prepared", "signed", "broadcast", "confirmed"]


class Measure(ActionNode):
    """Logs one metric."""

    def execute(self) -> bool:
        self.log_metrics(files=len(self.inputs()))
        return True


def pipeline(uri: str, hub, folder: Path, **options) -> Pipeline:
    store = BlockchainMetadataStore("m", uri, chain=hub, **options)
    data = MonitoringDataStoreNode("data", folder / "data", store, poll=0.02, settle=0.0)
    return Pipeline([store, data, Measure("step", [data], store)])


def feed(folder: Path, name: str) -> None:
    (folder / "data").mkdir(exist_ok=True)
    (folder / "incoming").write_text(name)
    (folder / "incoming").replace(folder / "data" / name)


def log_id(hub, uri: str) -> bytes:
    salt = RunBook(open_database(uri), "reader").setting("log_salt")
    return hub.ledger.log_id_of(hub.address, bytes.fromhex(salt))


def rows(uri: str, *columns):
    with open_database(uri).read() as connection:
        return [tuple(row) for row in connection.execute(select(*columns).order_by(columns[0]))]


def check_all_anchored(hub, uri: str) -> None:
    """Every record of the log is proven to be in a head on chain."""
    runs, anchors = schema.runs, schema.anchors
    found = rows(uri, runs.c.run_id, runs.c.leaf, runs.c.log_index)
    assert {row[0] for row in found} == {row[0] for row in rows(uri, anchors.c.run_id)}
    for _, leaf, index in found:
        proof = hub.runs.find_proof(bytes.fromhex(leaf))
        hub.runs.check_proof(proof)
        assert proof.index == index
    head = hub.ledger.head_of(log_id(hub, uri))
    assert head.size == len(found)
    assert all(tx and block for tx, block in rows(uri, anchors.c.tx, anchors.c.block))


# ---------------------------------------------------------------------- pipelines


@pytest.mark.parametrize("step", STEPS)
def test_a_pipeline_killed_at_any_step_anchors_once(hub, uri: str, tmp_path: Path, step) -> None:
    feed(tmp_path, "a")

    def work() -> None:
        built = pipeline(uri, reconnected(hub), tmp_path)
        built.execute(on_step=die_at(step, "anchor"))

    assert in_child(work) == KILLED
    report = pipeline(uri, hub, tmp_path).execute()
    assert report.ok
    assert report.runs == ()  # the run had ended before
    assert anchored_sizes(hub, log_id(hub, uri)) == [1]
    check_all_anchored(hub, uri)


def test_a_pipeline_killed_within_a_run_anchors_that_run_too(hub, uri: str, tmp_path) -> None:
    feed(tmp_path, "a")

    def work() -> None:
        built = pipeline(uri, reconnected(hub), tmp_path)
        built.execute(on_step=die_at("run_started", "0"))

    assert in_child(work) == KILLED
    report = pipeline(uri, hub, tmp_path).execute()
    assert [run.status for run in report.runs] == ["aborted", "succeeded"]
    assert anchored_sizes(hub, log_id(hub, uri))[-1] == 2
    check_all_anchored(hub, uri)


def test_a_postgres_that_goes_away_within_a_run_loses_nothing(hub, postgres, tmp_path) -> None:
    uri = postgres.new_database()
    feed(tmp_path, "a")
    built = pipeline(uri, hub, tmp_path)
    node = built.nodes[-1]

    def crash(*_: object) -> bool:
        postgres.stop(3)  # SIGQUIT: as in a crash
        threading.Timer(1, postgres.start).start()
        return True

    node.execute = crash
    report = built.execute()
    assert [(run.run_id, run.status) for run in report.runs] == [(0, "succeeded")]
    assert report.ok
    check_all_anchored(hub, uri)


def test_a_postgres_that_stays_away_is_an_error_and_the_run_is_done_again(
    hub, postgres, tmp_path
) -> None:
    uri = postgres.new_database()
    feed(tmp_path, "a")
    built = pipeline(uri, hub, tmp_path, patience=0.5)
    built.nodes[-1].execute = lambda: postgres.stop(3) is None
    try:
        with pytest.raises((PipelineError, StoreUnavailableError), match="does not answer"):
            built.execute(drain=1, grace=1)
    finally:
        postgres.start()
    report = pipeline(uri, hub, tmp_path).execute()
    assert [run.status for run in report.runs] == ["aborted", "succeeded"]
    check_all_anchored(hub, uri)


# ---------------------------------------------------------------------- batches


def book(uri: str, hub, **batching) -> RunBook:
    return RunBook(open_database(uri), "code", hub, Batching(**batching))


def one_run(book: RunBook) -> int:
    run_id = book.open(None, "code")
    book.close(run_id, "succeeded")
    return run_id


def test_runs_wait_until_there_are_enough(hub, uri: str) -> None:
    runs = book(uri, hub, every=3, within=3600)
    sender = runs.sender()
    for _ in range(2):
        one_run(runs)
        assert sender.step()
    assert anchored_sizes(hub, log_id(hub, uri)) == []
    one_run(runs)
    while runs.outbox.open():
        assert sender.step()
    assert anchored_sizes(hub, log_id(hub, uri)) == [3]
    check_all_anchored(hub, uri)
    one_run(runs)  # and waits again
    assert runs.outbox.open() == []


def test_no_run_waits_longer_than_it_may(hub, uri: str, monkeypatch) -> None:
    runs = book(uri, hub, every=100, within=3600)
    one_run(runs)
    one_run(runs)
    assert runs.outbox.open() == []
    sender, now = runs.sender(), time.time
    monkeypatch.setattr(time, "time", lambda: now() + 3601)
    while runs.outbox.open():
        assert sender.step()
    assert anchored_sizes(hub, log_id(hub, uri)) == [2]


def test_what_waits_at_the_end_is_anchored_then(hub, uri: str, tmp_path: Path) -> None:
    feed(tmp_path, "a")
    report = pipeline(uri, hub, tmp_path, anchor_every=50, anchor_within=3600).execute()
    assert report.ok
    check_all_anchored(hub, uri)


# ---------------------------------------------------------------------- without a pipeline


def test_plain_code_records_and_publishes(hub, uri: str, tmp_path: Path) -> None:
    name = f"plain-{uuid.uuid4().hex}"
    (tmp_path / "weights.bin").write_bytes(b"w" * 1000)
    (tmp_path / "train.csv").write_text("1,2")
    with hub.runs.start("train", database=uri) as run:
        run.log_params(lr=0.001, layers=[64, 64])
        run.log_input(tmp_path / "train.csv")
        for loss in (3.0, 2.0):
            run.log_metrics(loss=loss)
        run.log_metrics({"val/acc": 0.9, "node_name": 1})
        run.set_tags(reviewed=True)
        run.publish(tmp_path / "weights.bin", name, aliases=["champion"])
    assert run.summary.status == "succeeded"
    check_all_anchored(hub, uri)
    record = open_book(uri, hub).record(run.run_id)
    assert [leaf.value for leaf in record.find("metric", "loss")] == [3.0, 2.0]
    assert {fact[1] for fact in record.facts} == {"train"}
    version = hub.models.version(f"{name}@champion")
    fetched = hub.models.fetch(f"{name}@champion", tmp_path / "copy")
    statement = (fetched / "statement.json").read_text()
    assert run.summary.leaf.hex() in statement
    assert '"lr":0.001' in statement
    assert version.version == 1


def test_an_exception_fails_the_run_and_publishes_nothing(hub, uri: str, tmp_path: Path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"w")
    run = hub.runs.start("train", database=uri)

    def fail() -> None:
        with run:
            run.publish(tmp_path / "weights.bin", "never")
            raise ValueError("diverged")

    with pytest.raises(ValueError, match="diverged"):
        fail()
    assert (run.summary.status, run.summary.reason) == ("failed", "ValueError('diverged')")
    states = dict(rows(uri, intents.c.kind, intents.c.state))
    assert states == {"publish": "discarded", "anchor": "confirmed"}
    check_all_anchored(hub, uri)


def test_bad_values_are_refused_and_the_run_goes_on(hub, uri: str, tmp_path: Path) -> None:
    with hub.runs.start("train", database=uri) as run:
        with pytest.raises(LedgerError, match="metric 'loss' must be a finite number"):
            run.log_metrics(loss=float("nan"))
        with pytest.raises(LedgerError, match="'x' cannot be recorded"):
            run.log_params(x=object())
        with pytest.raises(UnsupportedFileError, match="no such file"):
            run.log_input(tmp_path / "not there")
    assert run.summary.status == "succeeded"
    for late in (run.log_metrics, run.log_params, run.set_tags):
        with pytest.raises(PipelineError, match=r"ActiveRun\('train', run_id=0, ended\)"):
            late(a=1)
    with pytest.raises(PipelineError, match="runs once"):
        run.begin()
    for name in ("", "pipeline", "a/b", "x" * 65):
        with pytest.raises(ConfigError, match="cannot be a run's name"):
            hub.runs.start(name, database=uri)


def test_a_refused_publication_is_told_and_the_run_is_recorded(hub, uri: str, tmp_path) -> None:
    (tmp_path / "weights.bin").write_bytes(b"w")

    def publish() -> None:
        with hub.runs.start("train", database=uri) as run:
            run.publish(tmp_path / "weights.bin", "no such name!")

    with pytest.raises((ChainError, ConfigError), match="no such name"):
        publish()
    check_all_anchored(hub, uri)


@pytest.mark.parametrize("step", STEPS)
def test_plain_code_killed_at_any_step_anchors_once(hub, uri: str, step: str) -> None:
    def work() -> None:
        runs = open_book(uri, reconnected(hub))
        one_run(runs)
        runs.sender(die_at(step, "anchor")).drain(30)

    assert in_child(work) == KILLED
    with hub.runs.start("next", database=uri):
        pass
    assert anchored_sizes(hub, log_id(hub, uri))[-1] == 2
    check_all_anchored(hub, uri)


def test_a_killed_run_is_aborted_by_the_next_one_and_a_living_one_is_not(hub, uri: str) -> None:
    def die() -> None:
        run = reconnected(hub).runs.start("train", database=uri)
        run.begin()
        run.log_metrics(loss=1)

    assert in_child(die) == 0
    with hub.runs.start("outer", database=uri, wait=0) as outer:
        assert rows(uri, schema.runs.c.run_id, schema.runs.c.status) == [
            (0, "aborted"),
            (1, "running"),
        ]
        with hub.runs.start("inner", database=uri) as inner:
            outer.log_metrics(a=1)
            inner.log_metrics(b=1)
    statuses = [status for _, status in rows(uri, schema.runs.c.run_id, schema.runs.c.status)]
    assert statuses == ["aborted", "succeeded", "succeeded"]


def test_ten_writers_at_once_lose_nothing(hub, uri: str) -> None:
    """Ten processes record two runs each, in one database; every value and every run is there."""
    open_book(uri, hub)

    def work(number: int) -> None:
        mine = reconnected(hub)
        for repeat in range(2):
            with mine.runs.start(f"writer-{number}", database=uri, wait=0) as run:
                for step in range(5):
                    run.log_metrics(step=step, repeat=repeat)

    children = [start_child(lambda n=n: work(n)) for n in range(10)]
    for child in children:
        child.join(900)
    assert [child.exitcode for child in children] == [0] * 10
    assert rows(uri, func.count(schema.values.c.id)) == [(200,)]
    found = rows(uri, schema.runs.c.log_index, schema.runs.c.status)
    assert found == [(index, "succeeded") for index in range(20)]
    with hub.runs.start("last", database=uri):
        pass
    sizes = anchored_sizes(hub, log_id(hub, uri))
    assert sizes == sorted(set(sizes))
    check_all_anchored(hub, uri)


def test_a_head_is_that_of_the_log(hub, uri: str) -> None:
    with hub.runs.start("train", database=uri) as run:
        pass
    assert hub.ledger.head_of(log_id(hub, uri)).root == leaf_hash(run.summary.leaf)


@pytest.mark.parametrize("told", ["no CID", "the proof of another run", "what nobody holds"])
def test_where_a_database_says_that_a_proof_is_is_no_more_than_a_hint(hub, told, tmp_path) -> None:
    uri = f"sqlite:///{tmp_path}/m.db"
    for _ in range(2):
        with hub.runs.start("train", database=uri) as run:
            run.log_metrics(loss=1)
    first, second = rows(uri, schema.anchors.c.proof)
    wrong = {
        "no CID": "x",
        "the proof of another run": second[0],
        "what nobody holds": str(CID.of(b"nobody")),
    }
    with open_database(uri).write() as connection:
        changed = schema.anchors.update().where(schema.anchors.c.proof == first[0])
        connection.execute(changed.values(proof=wrong[told]))
    database = RunDatabase(uri)
    for recorded in database.runs():
        assert all(check.passed for check in database.verify(recorded.run_id, hub).checks)


def test_a_proof_whose_pin_lost_its_name_is_found_by_the_database(hub, tmp_path) -> None:
    uri = f"sqlite:///{tmp_path}/m.db"
    with hub.runs.start("train", database=uri) as run:
        run.log_metrics(loss=1)
    ((kept,),) = rows(uri, schema.anchors.c.proof)
    hub.storage.unpin(CID.parse(kept))
    hub.storage.pin(CID.parse(kept), "something else")
    database = RunDatabase(uri)
    (recorded,) = database.runs()
    with pytest.raises(NotFoundError):
        hub.runs.find_proof(bytes.fromhex(recorded.leaf))
    assert all(check.passed for check in database.verify(recorded.run_id, hub).checks)
