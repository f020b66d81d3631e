"""Our own tables, beside the framework's in the same database, which are never altered."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, String, Table, Text

from anacostia_blockchain import _upstream as upstream

metadata = MetaData()

settings = Table(
    "ab_settings",
    metadata,
    Column("name", String, primary_key=True),
    Column("value", Text, nullable=False),
)
"""Set once, when the database is new; `log_salt` tells its run log from every other."""

runs = Table(
    "ab_runs",
    metadata,
    Column("run_id", Integer, primary_key=True),
    Column("status", String, nullable=False),  # running, succeeded, failed, aborted
    Column("reason", Text),
    Column("source", String, nullable=False),  # pipeline, or the name that plain code gave it
    Column("started_at", String, nullable=False),
    Column("ended_at", String),
    Column("record", Text),  # the run record's JSON, its secret included
    Column("leaf", String),  # hex of the record's root: the leaf data in the run log
    Column("log_index", Integer),
)

values = Table(
    "ab_values",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", Integer, nullable=False, index=True),
    Column("node", String, nullable=False),
    Column("role", String, nullable=False),  # param, metric, tag
    Column("name", String, nullable=False),
    Column("value", Text, nullable=False),  # JSON: the framework's own columns know only text
)

run_artifacts = Table(
    "ab_run_artifacts",
    metadata,
    Column("run_id", Integer, primary_key=True),
    Column("artifact_id", Integer, primary_key=True),
    Column("role", String, nullable=False),  # input, output
)
"""Who read or made what; the framework's `artifacts.run_id` forgets the maker when one reads."""

contents = Table(
    "ab_contents",
    metadata,
    Column("artifact_id", Integer, primary_key=True),
    Column("cid", String, nullable=False),
)

node_results = Table(
    "ab_node_results",
    metadata,
    Column("run_id", Integer, primary_key=True),
    Column("node", String, primary_key=True),
    Column("result", String, nullable=False),  # success, failure, error, skipped
    Column("detail", Text),
)

anchors = Table(
    "ab_anchors",
    metadata,
    Column("run_id", Integer, primary_key=True),
    Column("network", String, primary_key=True),  # chain id and ledger address
    Column("log_id", String, nullable=False),
    Column("size", Integer, nullable=False),
    Column("tx", String),
    Column("block", Integer),
    Column("proof", String, nullable=False),  # CID of the run proof in the client's storage
)

indexes = (
    Index("ab_metrics_run", upstream.metrics.c.run_id),
    Index("ab_params_run", upstream.params.c.run_id),
    Index("ab_tags_run", upstream.tags.c.run_id),
    Index("ab_triggers_run", upstream.triggers.c.run_triggered),
    Index("ab_artifacts_state", upstream.artifacts.c.state),
    Index("ab_artifacts_place", upstream.artifacts.c.node_id, upstream.artifacts.c.location),
    Index("ab_runs_log", runs.c.log_index),
    Index("ab_run_artifacts_artifact", run_artifacts.c.artifact_id),
)
"""What the framework's tables lack: without them, the end of a run takes longer with every run."""
