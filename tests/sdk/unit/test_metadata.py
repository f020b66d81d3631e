"""The metadata store: values, artifacts and runs, without nodes at work."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import inspect, select

from anacostia_blockchain import _upstream
from anacostia_blockchain.errors import (
    ConfigError,
    LedgerError,
    NotFoundError,
    PipelineError,
    StoreBusyError,
    StoreUnavailableError,
)
from anacostia_blockchain.ledger.log import MerkleLog
from anacostia_blockchain.ledger.merkle import leaf_hash
from anacostia_blockchain.metadata import (
    BlockchainMetadataStore,
    MetadataStore,
    PostgresMetadataStore,
    SqliteMetadataStore,
    schema,
)
from anacostia_blockchain.metadata.database import open_database, utc_now
from anacostia_blockchain.metadata.facts import hash_values, run_facts

DIGEST = "ab" * 32


@pytest.fixture
def sqlite_uri(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/m.db"


def open_store(uri: str, **options: float) -> MetadataStore:
    store = MetadataStore("m", uri, **options)
    store.setup()
    for name in ("m", "data", "models", "step"):
        store.add_node(name, "T", "B")
    return store


@pytest.fixture
def store(uri: str) -> Iterator[MetadataStore]:
    store = open_store(uri)
    yield store
    store.release()
    store.engine.dispose()


@pytest.fixture
def running(store: MetadataStore) -> MetadataStore:
    store.start_run()
    return store


def facts(store: MetadataStore, run_id: int = 0) -> dict[tuple[str, str, str], object]:
    with store.engine.connect() as connection:
        return {(f.role, f.node, f.name): f.value for f in run_facts(connection, run_id, "m")}


def values(store: MetadataStore, role: str, name: str) -> list[object]:
    return [leaf.value for leaf in store.record(0).find(role, name)]


def add(store: MetadataStore, node: str, location: str, state: str = "new") -> None:
    store.create_entry(node, location, DIGEST, "sha256", state=state, file_size=3)


def test_values_are_kept_as_they_are(running) -> None:
    params = {"lr": 0.001, "layers": [1, 2], "opt": {"name": "adam", "nesterov": None}, "n": "1"}
    running.log_params("step", **params)
    running.set_tags("step", reviewed=True)
    running.log_metrics("step", loss=1.5, count=3)
    running.end_run()
    found = facts(running)
    assert {n: found["param", "step", n] for n in params} == params
    assert found["tag", "step", "reviewed"] is True
    assert (found["metric", "step", "loss"], found["metric", "step", "count"]) == (1.5, 3)
    # The framework's own tables hold what their columns can.
    assert {p["param_name"]: p["param_value"] for p in running.get_params("step")} == {
        "lr": "0.001",
        "layers": "[1,2]",
        "opt": '{"name":"adam","nesterov":null}',
        "n": "1",
    }
    assert [m["metric_value"] for m in running.get_metrics("step")] == [1.5, 3.0]


def test_a_metric_s_whole_history_is_in_the_record(running) -> None:
    for loss in (3.0, 1.0, 2.0):
        running.log_metrics("step", loss=loss)
    running.end_run()
    assert values(running, "metric", "loss") == [3.0, 1.0, 2.0]
    shown = running.record(0).disclose("metric", "step", "loss", 1)
    shown.verify(running.record(0).root)
    assert shown.leaf.value == 1.0


def test_a_record_says_everything_about_its_run(running) -> None:
    add(running, "data", "in.txt", "using")
    running.create_entry(
        "models", "out", DIGEST, "sha256", state="produced", file_size=7, cid="bafy"
    )
    running.node_result("step", "success")
    running.node_result("models", "error", "broke")
    running.end_run()
    record = running.record(0)
    assert {leaf.role for leaf in record.leaves} == {
        *("header", "run", "input", "output", "environment", "framework", "result"),
    }
    assert values(running, "run", "status") == ["failed"]
    assert values(running, "run", "reason") == ["models: broke"]
    assert values(running, "run", "run_id") == [0]
    assert values(running, "input", "in.txt") == [{"sha256": DIGEST, "cid": None, "size": 3}]
    assert values(running, "output", "out") == [{"sha256": DIGEST, "cid": "bafy", "size": 7}]
    assert values(running, "result", "result") == [
        {"result": "error", "detail": "broke"},
        {"result": "success", "detail": None},
    ]
    assert values(running, "framework", "run.hash") == [running.get_runs()[0]["hash"]]
    assert values(running, "environment", "package/anacostia-pipeline") == ["0.8.9"]


def test_a_record_is_in_the_log_and_does_not_change(running) -> None:
    running.end_run()
    with running.engine.connect() as connection:
        row = connection.execute(select(schema.runs)).mappings().one()
        log = MerkleLog(connection, "runs")
        assert log.size == 1
        assert log.root() == leaf_hash(bytes.fromhex(row["leaf"]))
    assert running.record(0).root.hex() == row["leaf"]
    assert row["log_index"] == 0


def test_a_run_under_way_has_no_record(running) -> None:
    for run_id in (0, 1):
        with pytest.raises(LedgerError, match=f"run {run_id} has no record"):
            running.record(run_id)


def test_numpy_scalars_are_numbers(running) -> None:
    numpy = pytest.importorskip("numpy")
    running.log_metrics("step", a=numpy.float32(0.5), b=numpy.int64(7), c=numpy.float64(0.25))
    running.log_params("step", width=numpy.int32(9))
    running.end_run()
    found = facts(running)
    assert [found["metric", "step", n] for n in "abc"] == [0.5, 7, 0.25]
    assert found["param", "step", "width"] == 9


@pytest.mark.parametrize("value", [float("nan"), float("inf"), True, "1", None, 2**53, [1]])
def test_a_metric_that_is_no_finite_number_is_refused(running, value: object) -> None:
    with pytest.raises(LedgerError, match="loss"):
        running.log_metrics("step", good=1, loss=value)
    assert running.get_metrics() == []


@pytest.mark.parametrize(
    "value", [float("nan"), {"a": float("inf")}, {1: 2}, object(), b"x", 2**60]
)
def test_a_param_that_is_no_json_is_refused(running, value: object) -> None:
    with pytest.raises(LedgerError, match="'lr' cannot be recorded"):
        running.log_params("step", lr=value)
    assert running.get_params() == []


def test_the_node_is_that_of_the_thread(running) -> None:
    thread = threading.Thread(target=lambda: running.log_metrics(acc=1), name="step")
    thread.start()
    thread.join()
    assert [m["node_name"] for m in running.get_metrics()] == ["step"]


def test_an_unknown_node_is_refused(running) -> None:
    with pytest.raises(PipelineError, match="no node named 'who'"):
        running.log_metrics("who", acc=1)


def test_nothing_is_recorded_between_runs(store) -> None:
    for log in (store.log_metrics, store.log_params, store.set_tags):
        with pytest.raises(PipelineError, match="no run is under way"):
            log("step", a=1)
    with pytest.raises(PipelineError, match="no run is under way"):
        store.node_result("step", "success")


def test_a_database_that_is_not_open_says_so(uri: str) -> None:
    with pytest.raises(PipelineError, match="m is not open yet"):
        MetadataStore("m", uri).log_trigger("m", "why")


def test_who_made_an_artifact_stays_known_when_it_is_read(running) -> None:
    add(running, "models", "one", "produced")
    running.end_run()
    running.run_id += 1
    running.start_run()
    running.mark_using("models", "one")
    running.mark_used("models", "one")
    running.end_run()
    (entry,) = running.get_entries("models")
    assert (entry["run_id"], entry["state"]) == (0, "produced")
    assert [a.location for a in running.run_artifacts("output", run_id=0)] == ["one"]
    assert [a.location for a in running.run_artifacts("input", run_id=1)] == ["one"]


def test_what_a_run_made_and_read_is_its_output(running) -> None:
    add(running, "models", "one", "produced")
    running.mark_using("models", "one")
    assert running.run_artifacts("input") == []
    assert [a.location for a in running.run_artifacts("output")] == ["one"]


def test_one_location_in_two_stores_is_two_artifacts(running) -> None:
    add(running, "models", "same", "produced")
    add(running, "data", "same", "produced")
    running.tag_artifact("data", "same", colour="red")
    running.end_run()
    with running.engine.connect() as connection:
        linked = connection.execute(select(_upstream.artifact_tags.c.artifact_id)).scalars().all()
    assert linked == [2]
    assert facts(running)["tag", "data", "same:colour"] == "red"
    assert ("tag", "models", "same:colour") not in facts(running)


def test_an_artifact_is_recorded_once(running) -> None:
    add(running, "models", "one", "produced")
    with pytest.raises(PipelineError, match="models has an artifact 'one' already"):
        add(running, "models", "one", "produced")


def test_only_sha256_is_taken(running) -> None:
    with pytest.raises(PipelineError, match="md5"):
        running.create_entry("models", "one", "ab", "md5")


def test_what_a_run_was_given_triggers_no_other(store) -> None:
    store.successors.append(type("Monitored", (), {"name": "data", "monitoring": True}))
    add(store, "data", "first")
    assert store.get_num_entries("data", "new") == 1
    store.start_run()
    assert store.get_num_entries("data", "new") == 0
    assert [e["state"] for e in store.get_entries("data")] == ["new"]
    add(store, "data", "second")
    assert store.get_num_entries("data", "new") == 1
    store.end_run()
    assert (store.get_num_entries("data", "new"), store.get_num_entries("data", "used")) == (1, 1)


def test_an_unknown_artifact_is_not_found(running) -> None:
    for act in (running.mark_using, running.mark_used, running.artifact):
        with pytest.raises(NotFoundError, match="data has no artifact 'x'"):
            act("data", "x")


def test_the_newest_output_is_not_one_of_a_failed_run(running) -> None:
    add(running, "models", "good", "produced")
    running.end_run()
    running.run_id += 1
    running.start_run()
    add(running, "models", "bad", "produced")
    assert running.newest_output(["models"]).location == "bad"  # the run may still succeed
    running.node_result("step", "error", "late")
    running.end_run()
    assert running.newest_output(["models"]).location == "good"
    assert running.newest_output(["data"]) is None


def test_only_this_run_is_closed(store) -> None:
    """The framework gives every open run the end and the hash of the one that ends."""
    store.start_run()
    store.active_run, store.run_id = None, 1
    store.start_run()
    store.end_run()
    assert [(r["run_id"], r["end_time"] is None) for r in store.get_runs()] == [
        (0, True),
        (1, False),
    ]


def test_a_restart_continues_the_numbers(running, uri: str) -> None:
    running.end_run()
    running.release()
    store = open_store(uri)
    assert store.run_id == 1
    assert store.abandon_open_runs("x") == []


def test_an_aborted_run_gives_back_only_what_it_alone_was_given(running, uri: str) -> None:
    add(running, "data", "old", "using")
    running.mark_used("data", "old")
    running.end_run()
    running.run_id += 1
    running.start_run()
    running.mark_using("data", "old")  # read once more
    add(running, "data", "fresh", "using")
    running.release()
    store = open_store(uri)
    assert {e["location"]: e["state"] for e in store.get_entries("data")} == {
        "old": "used",
        "fresh": "new",
    }
    assert store.run_id == 2


def test_a_stopped_store_begins_no_run(store) -> None:
    assert store.stop_if_idle()
    store.start_run()
    assert store.get_runs() == []


def test_a_store_does_not_stop_within_a_run(running) -> None:
    assert not running.stop_if_idle()
    assert not running.exit_event.is_set()


def test_times_are_utc(running) -> None:
    running.log_trigger("data", "later")
    running.end_run()
    (row,) = running.get_runs()
    found = facts(running)
    assert found["run", "m", "started_at"] == row["start_time"].isoformat() + "Z"
    assert found["run", "m", "ended_at"].endswith("Z")


def test_triggers_before_a_run_are_its_own(store) -> None:
    store.log_trigger("data", "new files")
    store.log_trigger("data")  # without a message, there is nothing to record
    store.start_run()
    store.log_trigger("data", "later")
    store.end_run()
    assert [trigger["message"] for trigger in values(store, "trigger", "trigger")] == ["new files"]


def test_a_transaction_is_all_or_nothing(running, monkeypatch) -> None:
    """A failure at the last step of closing leaves the run open, and nothing else behind."""
    add(running, "data", "in", "using")
    monkeypatch.setattr("anacostia_blockchain.metadata.runlog.append_record", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        running.end_run()
    (run,) = running.get_runs()
    assert run["end_time"] is None
    assert [e["state"] for e in running.get_entries("data")] == ["using"]


def test_a_method_called_within_a_session_commits_nothing_of_it(running) -> None:
    """The framework's session is the thread's, and so the inner call commits the outer one."""

    def fail_half_way() -> None:
        with running.get_session() as session:
            session.execute(_upstream.nodes.insert().values(node_name="half"))
            running.get_entries()
            running.node_exists("data")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fail_half_way()
    assert not running.node_exists("half")
    with running.get_session() as session:
        session.execute(_upstream.nodes.insert().values(node_name="whole"))
    assert running.node_exists("whole")


def test_a_locked_database_is_a_typed_error(sqlite_uri: str, tmp_path: Path) -> None:
    store = open_store(sqlite_uri, lock_timeout=0.1)
    other = sqlite3.connect(tmp_path / "m.db", isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(StoreBusyError, match=r"keeps .*m\.db locked"):
        store.log_trigger("data", "x")
    other.execute("rollback")
    store.log_trigger("data", "x")


def test_a_run_ends_though_the_database_is_locked_for_a_while(
    sqlite_uri: str, tmp_path: Path
) -> None:
    """The framework's store gives up after five seconds, in a thread, and the run stays open."""
    store = open_store(sqlite_uri, lock_timeout=0.05)
    store.start_run()
    other = sqlite3.connect(tmp_path / "m.db", isolation_level=None, check_same_thread=False)
    other.execute("begin immediate")
    timer = threading.Timer(0.7, lambda: other.execute("rollback"))
    timer.start()
    store.end_run()
    timer.join()
    assert [run.status for run in [store.book.close(0)]] == ["succeeded"]


def test_a_database_that_stays_locked_ends_the_pipeline(sqlite_uri: str, tmp_path: Path) -> None:
    store = open_store(sqlite_uri, lock_timeout=0.05, patience=0.1)
    store.start_run()
    other = sqlite3.connect(tmp_path / "m.db", isolation_level=None)
    other.execute("begin immediate")
    with pytest.raises(StoreBusyError):
        store.end_run()


def test_a_run_that_was_closed_is_not_closed_again(running) -> None:
    """A commit whose answer was lost is found to have been made."""
    first = running.book.close(0)
    assert running.book.close(0, "aborted", "later") == first
    with running.engine.connect() as connection:
        assert MerkleLog(connection, "runs").size == 1


def test_the_run_hash_is_the_framework_s_own_formula(running) -> None:
    running.log_metrics("step", b=2, a=1)
    running.log_params("step", p="x")
    rows = running.get_metrics(), running.get_params(), running.get_tags()
    assert hash_values(*rows) == running.hash_run_metadata(*rows)


def test_the_database_survives_a_power_cut(sqlite_uri: str) -> None:
    """What ends a run is on the disk when it is done; what is logged goes there with it."""
    database = open_store(sqlite_uri).database
    for durable, level in ((True, 2), (False, 1), (True, 2)):
        with database.write(durable=durable) as connection:
            assert connection.exec_driver_sql("pragma journal_mode").scalar() == "wal"
            assert connection.exec_driver_sql("pragma synchronous").scalar() == level


def test_a_database_is_one_pipeline_s(uri: str) -> None:
    first = open_database(uri)
    claim = first.claim_pipeline()
    with pytest.raises(StoreBusyError, match="already running"):
        open_database(uri).claim_pipeline()
    claim.release()
    claim.release()  # once more does no harm
    open_database(uri).claim_pipeline().release()


def test_the_salt_of_a_database_is_its_own_and_stays(store, uri: str, tmp_path: Path) -> None:
    salt = store.book.setting("log_salt")
    store.release()
    assert open_store(uri).book.setting("log_salt") == salt
    other = open_store(f"sqlite:///{tmp_path}/other.db")
    assert other.book.setting("log_salt") != salt
    assert len(bytes.fromhex(salt)) == 32


def test_the_framework_s_tables_are_not_altered(store) -> None:
    found = inspect(store.engine)
    for table in _upstream.tables.sorted_tables:
        names = [column["name"] for column in found.get_columns(table.name)]
        assert names == list(table.columns.keys())
    assert all(name.startswith("ab_") for name in schema.metadata.tables)


def test_without_a_chain_nothing_can_be_intended(running) -> None:
    with pytest.raises(ConfigError, match=r"m has no chain: pass chain=connect\(\)"):
        running.intend("publish", "x", {})
    assert running.outbox is None
    assert running.sender(lambda _step, _intent: None) is None


def test_a_metric_may_have_any_name(running) -> None:
    """As keywords, `node_name` and `self` could not be logged."""
    running.log_values("metric", {"node_name": 1, "self": 2, "": 3}, "step")
    assert [m["metric_value"] for m in running.get_metrics("step")] == [1.0, 2.0, 3.0]


def test_text_that_a_column_cannot_hold_is_in_the_record_all_the_same(running) -> None:
    running.set_tags("step", note="a\0b")
    running.end_run()
    assert facts(running)["tag", "step", "note"] == "a\0b"
    assert running.get_tags("step")[0]["tag_value"] == "a\N{REPLACEMENT CHARACTER}b"


def test_the_tags_and_the_digest_of_an_artifact_are_its_store_s(running) -> None:
    add(running, "models", "same", "produced")
    add(running, "models", "one", "produced")
    running.create_entry("data", "same", "cd" * 32, "sha256", state="produced")
    running.tag_artifact("data", "same", colour="red")
    running.tag_artifact("models", "same", colour="blue")
    running.tag_artifact("models", "one", colour="green")
    assert running.artifact_tags("data", "same") == [{"id": 1, "colour": "red"}]
    assert running.artifact_tags("models", "same") == [{"id": 2, "colour": "blue"}]
    assert running.get_artifact_tags("one") == [{"id": 3, "colour": "green"}]
    assert running.get_artifact_hash("one") == DIGEST
    for ask in (running.get_artifact_hash, running.get_artifact_tags):
        with pytest.raises(PipelineError, match="data, models have an artifact 'same' each"):
            ask("same")
        with pytest.raises(NotFoundError, match="'none'"):
            ask("none")


def test_a_node_s_time_is_utc(running, monkeypatch) -> None:
    before = utc_now()
    running.add_node("late", "T", "B")
    (node,) = running.get_nodes_info(node_name="late")
    assert before <= node["init_time"] <= utc_now()


@pytest.mark.parametrize("numbers", [{"anchor_every": 0}, {"anchor_within": -1}])
def test_a_batch_that_makes_no_sense_is_refused(sqlite_uri: str, numbers) -> None:
    with pytest.raises(ConfigError, match="anchor_every must be at least 1"):
        MetadataStore("m", sqlite_uri, **numbers)


def test_each_kind_of_store_refuses_the_other_s_uri(sqlite_uri: str) -> None:
    with pytest.raises(ConfigError, match="not the URI of a SQLite file"):
        SqliteMetadataStore("m", "postgresql://localhost/runs")
    with pytest.raises(ConfigError, match="not the URI of a PostgreSQL database"):
        PostgresMetadataStore("m", sqlite_uri)
    with pytest.raises(ConfigError, match=r"records on chain: pass chain=connect\(\)"):
        BlockchainMetadataStore("m", sqlite_uri, chain=None)


def test_a_password_is_not_in_messages() -> None:
    for uri in ("postgresql://me:s3cret@host", "postgresql://me:s3cret@host:x/db"):
        with pytest.raises(ConfigError) as caught:
            PostgresMetadataStore("m", uri)
        assert "s3cret" not in str(caught.value)
        assert caught.value.__cause__ is None


def test_a_server_that_is_not_there_is_a_typed_error() -> None:
    pytest.importorskip("psycopg", reason="the extra `postgres` is not installed")
    store = PostgresMetadataStore("m", "postgresql://me:s3cret@127.0.0.1:1/runs")
    with pytest.raises(StoreUnavailableError, match=r"127\.0\.0\.1/runs does not answer") as caught:
        store.setup()
    assert "s3cret" not in str(caught.value)
