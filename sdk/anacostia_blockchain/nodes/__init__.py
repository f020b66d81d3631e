"""Nodes for pipelines: where data comes from, what is done with it, where models go."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anacostia_blockchain.nodes.base import ActionNode, EvaluationNode, TrainingNode
    from anacostia_blockchain.nodes.model_store import ModelStoreNode
    from anacostia_blockchain.nodes.monitoring import MonitoringDataStoreNode
    from anacostia_blockchain.nodes.ngram import NgramModel
    from anacostia_blockchain.nodes.publish import PublishVersionNode
    from anacostia_blockchain.nodes.shakespeare import ShakespeareEvalNode

_MODULES = {
    "ActionNode": "base",
    "EvaluationNode": "base",
    "ModelStoreNode": "model_store",
    "MonitoringDataStoreNode": "monitoring",
    "NgramModel": "ngram",
    "PublishVersionNode": "publish",
    "ShakespeareEvalNode": "shakespeare",
    "TrainingNode": "base",
}

__all__ = [
    "ActionNode",
    "EvaluationNode",
    "ModelStoreNode",
    "MonitoringDataStoreNode",
    "NgramModel",
    "PublishVersionNode",
    "ShakespeareEvalNode",
    "TrainingNode",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
