"""The metadata store: runs, their records, and what must reach the chain because of them."""

from anacostia_blockchain.metadata.store import SqliteMetadataStore

__all__ = ["SqliteMetadataStore"]
