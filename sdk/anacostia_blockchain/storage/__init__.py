"""Where content is kept: one `Store` protocol, `LocalStore` as the embedded default."""

from __future__ import annotations

from anacostia_blockchain.storage.base import Pin, Source, Stat, Store
from anacostia_blockchain.storage.local import LocalStore

__all__ = ["LocalStore", "Pin", "Source", "Stat", "Store"]
