"""The metadata stores: runs, their records, and what must reach the chain because of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from anacostia_blockchain.metadata.store import (
        BlockchainMetadataStore,
        MetadataStore,
        PostgresMetadataStore,
        SqliteMetadataStore,
    )

__all__ = [
    "BlockchainMetadataStore",
    "MetadataStore",
    "PostgresMetadataStore",
    "SqliteMetadataStore",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the name stands for
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from anacostia_blockchain.metadata import store  # noqa: PLC0415 - loads the framework

    return getattr(store, name)
