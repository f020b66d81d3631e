"""Model stores on decentralized storage: the same node, with another store behind it.

Any `storage.base.Store` can be given to a `ModelStoreNode`; these two make theirs from a URL.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.nodes.model_store import ModelStoreNode

if TYPE_CHECKING:
    from anacostia_blockchain.metadata import MetadataStore
    from anacostia_blockchain.storage.web3storage.store import Web3Storage


class IpfsStoreNode(ModelStoreNode):
    """Keeps what actions make on an IPFS node (Kubo), pinned.

    Args:
        name: of the node.
        resource_path: the folder with the copies for people and tools.
        metadata_store: of the pipeline.
        url: of the node's RPC API.
        token: sent as a bearer token, where the node asks for one.

    Raises:
        ConfigError: the folder cannot be made or read, or the URL is none.

    Example:
        >>> models = IpfsStoreNode("models", "models", store)  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        resource_path: str | Path,
        metadata_store: MetadataStore,
        url: str = "http://127.0.0.1:5001",
        *,
        token: str | None = None,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        from anacostia_blockchain.storage.kubo import KuboStore  # noqa: PLC0415 - loads HTTP

        kubo = KuboStore(url, token=token)
        super().__init__(name, resource_path, metadata_store, kubo, **options)


class Web3StorageNode(ModelStoreNode):
    """Keeps what actions make in a space of a service that speaks Web3.Storage's protocol.

    Args:
        name: of the node.
        resource_path: the folder with the copies for people and tools.
        metadata_store: of the pipeline.
        space: opened with `Web3Storage.open_space`, or made with `Web3Storage.create_space`.

    Example:
        >>> models = Web3StorageNode("models", "models", store, space)  # doctest: +SKIP
    """

    def __init__(
        self,
        name: str,
        resource_path: str | Path,
        metadata_store: MetadataStore,
        space: Web3Storage,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, resource_path, metadata_store, space, **options)
