"""The only module that imports `anacostia_pipeline`: the names we rely on, and their version.

What we rely on beyond the names is written down, member by member, in `_upstream.pyi`, and held
against the installed package by `tests/sdk/unit/test_upstream.py`. A new version of the framework
is a new pin in `pyproject.toml`, a new `SUPPORTED` here, and that test passing.
"""

from __future__ import annotations

from importlib import import_module
from importlib.metadata import version as _installed_version

from anacostia_blockchain.errors import ConfigError

SUPPORTED = "0.8.9"
"""The version of anacostia-pipeline whose internals this package knows."""


def check_version(installed: str) -> None:
    """Refuse a framework whose internals are not known.

    Args:
        installed: version of the anacostia-pipeline found here.

    Raises:
        ConfigError: it is not `SUPPORTED`.
    """
    if installed != SUPPORTED:
        raise ConfigError(
            f"anacostia-pipeline {installed} is installed, but this package works with "
            f"{SUPPORTED}: pip install anacostia-pipeline=={SUPPORTED}"
        )


check_version(_installed_version("anacostia-pipeline"))

from anacostia_pipeline.nodes.metadata.sql.models import (  # noqa: E402 - version first
    Artifact,
    Metric,
    Node,
    Param,
    Run,
    Tag,
    Trigger,
    artifact_tags,
)

runs = Run.__table__
nodes = Node.__table__
artifacts = Artifact.__table__
metrics = Metric.__table__
params = Param.__table__
tags = Tag.__table__
triggers = Trigger.__table__
tables = runs.metadata

_HOMES = {
    "BaseActionNode": "nodes.actions.node",
    "BaseGUI": "nodes.gui",
    "BaseMetadataStoreNode": "nodes.metadata.node",
    "BaseNode": "nodes.node",
    "BaseResourceNode": "nodes.resources.node",
    "BaseResourceServer": "nodes.resources.api",
    "BaseSQLMetadataStoreNode": "nodes.metadata.sql.node",
    "Connector": "nodes.connector",
    "FilesystemStoreNode": "nodes.resources.filesystem.node",
    "InvalidNodeDependencyError": "pipelines.pipeline",
    "InvalidPipelineError": "pipelines.pipeline",
    "Pipeline": "pipelines.pipeline",
    "PipelineServer": "pipelines.server",
    "SQLiteMetadataStoreNode": "nodes.metadata.sql.sqlite.node",
    "SQLMetadataStoreClient": "nodes.metadata.sql.api",
    "Status": "utils.constants",
}
"""Loaded when named: the tables alone, which recording without a pipeline needs, are light."""

__all__ = [  # noqa: PLE0604 - the names are the table's
    *_HOMES,
    "SUPPORTED",
    "artifact_tags",
    "artifacts",
    "check_version",
    "metrics",
    "nodes",
    "params",
    "runs",
    "tables",
    "tags",
    "triggers",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"anacostia_pipeline.{_HOMES[name]}"), name)
    globals()[name] = value
    return value
