"""Checks of a graph of nodes that the framework does not make, and setting its nodes up."""

from __future__ import annotations

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import AnacostiaError, ConfigError, PipelineError
from anacostia_blockchain.metadata.store import MetadataStore

_SETUP_ORDER = (
    upstream.BaseMetadataStoreNode,
    upstream.BaseResourceNode,
    upstream.BaseActionNode,
)


def set_up(nodes: list[upstream.BaseNode]) -> None:
    """Set up the metadata store, then resources, then actions; what one raises is raised.

    Raises:
        PipelineError: a node's `setup` failed with an error that is not of this package.
    """
    for kind in _SETUP_ORDER:
        for node in nodes:
            if isinstance(node, kind):
                _set_up(node)


def _set_up(node: upstream.BaseNode) -> None:
    node.status = upstream.Status.INITIALIZING
    try:
        node.setup()
    except AnacostiaError:
        raise
    except Exception as error:
        raise PipelineError(f"setup of {node.name} failed: {error!r}") from error


def check_nodes(nodes: list[upstream.BaseNode]) -> MetadataStore:
    """Check what the framework does not; returns the metadata store.

    Raises:
        PipelineError: two nodes of one name, a neighbour that was not given, or a node that has
            already run.
        ConfigError: not exactly one `MetadataStore`.
    """
    names = [node.name for node in nodes]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise PipelineError(f"more than one node is named {', '.join(twice)}")
    for node in nodes:
        _check_neighbours(node, nodes)
        if node.ident is not None:
            raise PipelineError(f"{node.name} ran in another pipeline: build the nodes anew")
    stores = [node for node in nodes if isinstance(node, upstream.BaseMetadataStoreNode)]
    if len(stores) != 1 or not isinstance(stores[0], MetadataStore):
        raise ConfigError(
            "a pipeline needs exactly one metadata store: a SqliteMetadataStore, for instance"
        )
    return stores[0]


def _check_neighbours(node: upstream.BaseNode, nodes: list[upstream.BaseNode]) -> None:
    for other in (*node.predecessors, *node.successors):
        if other not in nodes:
            raise PipelineError(
                f"{node.name} is connected to {other.name}, which was not given to the pipeline"
            )


def refuse_remote(node: upstream.BaseNode) -> None:
    """Refuse a node that waits for other machines: the framework's way lets anybody join.

    Raises:
        PipelineError: it does.
    """
    if node.remote_successors or node.remote_predecessors or node.wait_for_connection:
        raise PipelineError(
            f"{node.name} has neighbours on other machines by the framework's own protocol, which "
            "lets anybody join: follow the other pipeline with a RootPipelineNode, or keep the key "
            "elsewhere with an anchor worker"
        )
