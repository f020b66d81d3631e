"""Nodes for pipelines: where data comes from, what is done with it, where models go."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anacostia_blockchain.nodes.acting import ActingNode
    from anacostia_blockchain.nodes.base import ActionNode, EvaluationNode, TrainingNode
    from anacostia_blockchain.nodes.deploy import DeployNode
    from anacostia_blockchain.nodes.licensing import (
        BuyLicenseNode,
        DeriveNode,
        LicenseNode,
        SettleNode,
    )
    from anacostia_blockchain.nodes.model_store import ModelStoreNode
    from anacostia_blockchain.nodes.monitoring import MonitoringDataStoreNode
    from anacostia_blockchain.nodes.ngram import NgramModel
    from anacostia_blockchain.nodes.onchain import (
        AnchorNode,
        ChainActionNode,
        ExecuteContractNode,
        ModelActionNode,
        SetAliasNode,
        VerifyNode,
    )
    from anacostia_blockchain.nodes.prices import PriceUpdateNode
    from anacostia_blockchain.nodes.promotion import (
        AttestNode,
        EvaluateNode,
        PromoteNode,
        ProposePromotionNode,
    )
    from anacostia_blockchain.nodes.publish import PublishVersionNode
    from anacostia_blockchain.nodes.register import MintModelNode, RegisterModelNode
    from anacostia_blockchain.nodes.registries import (
        DatasetRegistryNode,
        HuggingFaceDatasetRegistryNode,
        HuggingFaceModelRegistryNode,
    )
    from anacostia_blockchain.nodes.root import FetchOutputsNode, RootPipelineNode
    from anacostia_blockchain.nodes.shakespeare import ShakespeareEvalNode
    from anacostia_blockchain.nodes.stores import IpfsStoreNode, Web3StorageNode

_MODULES = {
    "ActingNode": "acting",
    "ActionNode": "base",
    "AnchorNode": "onchain",
    "AttestNode": "promotion",
    "BuyLicenseNode": "licensing",
    "ChainActionNode": "onchain",
    "DatasetRegistryNode": "registries",
    "DeployNode": "deploy",
    "DeriveNode": "licensing",
    "EvaluateNode": "promotion",
    "EvaluationNode": "base",
    "ExecuteContractNode": "onchain",
    "FetchOutputsNode": "root",
    "HuggingFaceDatasetRegistryNode": "registries",
    "HuggingFaceModelRegistryNode": "registries",
    "IpfsStoreNode": "stores",
    "LicenseNode": "licensing",
    "MintModelNode": "register",
    "ModelActionNode": "onchain",
    "ModelStoreNode": "model_store",
    "MonitoringDataStoreNode": "monitoring",
    "NgramModel": "ngram",
    "PriceUpdateNode": "prices",
    "PromoteNode": "promotion",
    "ProposePromotionNode": "promotion",
    "PublishVersionNode": "publish",
    "RegisterModelNode": "register",
    "RootPipelineNode": "root",
    "SetAliasNode": "onchain",
    "SettleNode": "licensing",
    "ShakespeareEvalNode": "shakespeare",
    "TrainingNode": "base",
    "VerifyNode": "onchain",
    "Web3StorageNode": "stores",
}

__all__ = [
    "ActingNode",
    "ActionNode",
    "AnchorNode",
    "AttestNode",
    "BuyLicenseNode",
    "ChainActionNode",
    "DatasetRegistryNode",
    "DeployNode",
    "DeriveNode",
    "EvaluateNode",
    "EvaluationNode",
    "ExecuteContractNode",
    "FetchOutputsNode",
    "HuggingFaceDatasetRegistryNode",
    "HuggingFaceModelRegistryNode",
    "IpfsStoreNode",
    "LicenseNode",
    "MintModelNode",
    "ModelActionNode",
    "ModelStoreNode",
    "MonitoringDataStoreNode",
    "NgramModel",
    "PriceUpdateNode",
    "PromoteNode",
    "ProposePromotionNode",
    "PublishVersionNode",
    "RegisterModelNode",
    "RootPipelineNode",
    "SetAliasNode",
    "SettleNode",
    "ShakespeareEvalNode",
    "TrainingNode",
    "VerifyNode",
    "Web3StorageNode",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in _MODULES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
