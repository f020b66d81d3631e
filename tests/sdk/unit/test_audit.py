"""Auditing a database, of either kind: what it holds, and whether it is still what was recorded."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from sqlalchemy import create_engine, insert, update
from sqlalchemy.exc import DBAPIError

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.audit import RunDatabase
from anacostia_blockchain.cli import cli
from anacostia_blockchain.errors import (
    AnacostiaError,
    ConfigError,
    FormatError,
    LedgerError,
    NotFoundError,
    StoreUnavailableError,
)
from anacostia_blockchain.ledger.record import Disclosure
from anacostia_blockchain.metadata import MetadataStore, schema


@pytest.fixture
def store(uri: str) -> Iterator[MetadataStore]:
    """A database with two runs that have ended and one that has not."""
    store = MetadataStore("m", uri)
    store.setup()
    store.add_node("step", "T", "B")
    for run in range(3):
        store.start_run()
        store.log_metrics("step", accuracy=0.5 + run / 10)
        if run < 2:
            store.log_params("step", depth=run)
            store.end_run()
    yield store
    store.release()
    store.engine.dispose()


def failed(database: RunDatabase, run_id: int) -> dict[str, str]:
    return {c.name: c.detail for c in database.verify(run_id).checks if not c.passed}


def anacostia(*arguments: str) -> str:
    result = CliRunner().invoke(cli, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def test_what_it_holds(store: MetadataStore, uri: str) -> None:
    database = RunDatabase(uri)
    assert [(r.run_id, r.status, r.anchored) for r in database.runs()] == [
        (0, "succeeded", False),
        (1, "succeeded", False),
        (2, "running", False),
    ]
    assert database.runs()[1].metrics == {"accuracy": 0.6}
    assert database.record(1).root.hex() == database.runs()[1].leaf
    database.disclose(1, "metric", "accuracy").verify(database.record(1).root)
    for run_id in (2, 3):
        with pytest.raises(LedgerError, match="has no record"):
            database.record(run_id)


def test_it_is_whole(store: MetadataStore, uri: str) -> None:
    for run_id in (0, 1):
        report = RunDatabase(uri).verify(run_id)
        assert report.passed, report
        assert [c.name for c in report.checks] == ["record", "values", "framework", "log"]


def test_what_was_altered_is_named(store: MetadataStore, uri: str) -> None:
    values, metrics, runs = schema.values, upstream.metrics, schema.runs
    with store.database.write() as connection:
        connection.execute(update(values).where(values.c.run_id == 0).values(value="1"))
    assert list(failed(RunDatabase(uri), 0)) == ["values"]
    with store.database.write() as connection:
        connection.execute(update(metrics).where(metrics.c.run_id == 1).values(metric_value=1))
    assert failed(RunDatabase(uri), 1) == {
        "framework": "metric 'accuracy' of step is 1.0, recorded was 0.6"
    }
    with store.database.write() as connection:
        connection.execute(update(runs).where(runs.c.run_id == 1).values(log_index=0))
    assert "another record at place 0" in failed(RunDatabase(uri), 1)["log"]


def test_it_writes_nothing(store: MetadataStore, uri: str) -> None:
    with RunDatabase(uri)._engine.connect() as connection, pytest.raises(DBAPIError, match="read"):
        connection.execute(insert(schema.settings).values(name="a", value="b"))


def test_the_commands(store: MetadataStore, uri: str) -> None:
    listed = json.loads(anacostia("--json", "runs", "list", "--db", uri))
    assert [run["run_id"] for run in listed] == [0, 1, 2]
    assert "@" not in listed[0]["database"], "a password is not shown"
    shown = json.loads(anacostia("--json", "runs", "show", "1", "--db", uri))
    assert {"role": "param", "node": "step", "name": "depth", "value": 1} in shown["facts"]
    anacostia("runs", "verify", "1", "--offline", "--db", uri)
    proof = anacostia("runs", "disclose", "1", "metric", "accuracy", "--db", uri)
    assert Disclosure.from_json(proof.encode()).leaf.value == 0.6


def test_a_path_is_a_name_too(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="there is no database"):
        RunDatabase(tmp_path / "m.db")
    (tmp_path / "m.db").write_bytes(b"no database" * 100)
    with pytest.raises(FormatError, match="no database that can be read"):
        RunDatabase(tmp_path / "m.db")


def test_another_database(uri: str, tmp_path: Path) -> None:
    if uri.startswith("sqlite"):
        create_engine(uri).connect().exec_driver_sql("CREATE TABLE other (id INTEGER)")
    with pytest.raises(FormatError, match="is not a metadata store"):
        RunDatabase(uri)


@pytest.mark.parametrize(
    ("name", "error"),
    [
        ("mysql://host/runs", ConfigError),
        ("sqlite:///:memory:", ConfigError),
        ("postgresql://me:hush@127.0.0.1:1/runs", StoreUnavailableError),
    ],
)
def test_what_cannot_be_read(name: str, error: type[AnacostiaError]) -> None:
    pytest.importorskip("psycopg")
    with pytest.raises(error) as caught:
        RunDatabase(name)
    assert "hush" not in str(caught.value)
