"""The only module that imports `anacostia_pipeline`: the names we rely on, and their version.

What we rely on beyond the names is written down, member by member, in `_upstream.pyi`, and held
against the installed package by `tests/sdk/unit/test_upstream.py`. A new version of the framework
is a new pin in `pyproject.toml`, a new `SUPPORTED` here, and that test passing.
"""

from __future__ import annotations

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

from anacostia_pipeline.nodes.actions.node import BaseActionNode  # noqa: E402 - version first
from anacostia_pipeline.nodes.metadata.node import BaseMetadataStoreNode  # noqa: E402
from anacostia_pipeline.nodes.metadata.sql.models import (  # noqa: E402
    Artifact,
    Metric,
    Node,
    Param,
    Run,
    Tag,
    Trigger,
    artifact_tags,
)
from anacostia_pipeline.nodes.metadata.sql.sqlite.node import SQLiteMetadataStoreNode  # noqa: E402
from anacostia_pipeline.nodes.node import BaseNode  # noqa: E402
from anacostia_pipeline.nodes.resources.api import BaseResourceServer  # noqa: E402
from anacostia_pipeline.nodes.resources.filesystem.node import FilesystemStoreNode  # noqa: E402
from anacostia_pipeline.nodes.resources.node import BaseResourceNode  # noqa: E402
from anacostia_pipeline.pipelines.pipeline import (  # noqa: E402
    InvalidNodeDependencyError,
    InvalidPipelineError,
    Pipeline,
)
from anacostia_pipeline.utils.constants import Status  # noqa: E402

runs = Run.__table__
nodes = Node.__table__
artifacts = Artifact.__table__
metrics = Metric.__table__
params = Param.__table__
tags = Tag.__table__
triggers = Trigger.__table__
tables = runs.metadata

__all__ = [
    "SUPPORTED",
    "BaseActionNode",
    "BaseMetadataStoreNode",
    "BaseNode",
    "BaseResourceNode",
    "BaseResourceServer",
    "FilesystemStoreNode",
    "InvalidNodeDependencyError",
    "InvalidPipelineError",
    "Pipeline",
    "SQLiteMetadataStoreNode",
    "Status",
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
