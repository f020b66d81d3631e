"""`ipfs://` for fsspec, so that pandas, datasets, torch and others open a CID, verified.

fsspec itself is the well-kept library here. `ipfsspec`, which has the same protocol, reads whole
files from gateways without verification, so this file system stands on a store of ours instead.
"""

from __future__ import annotations

import io
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain._extras import require
from anacostia_blockchain.content.cid import CID, RAW
from anacostia_blockchain.errors import FormatError, NotFoundError
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.base import Store

require("fsspec", "fsspec")

from fsspec.spec import AbstractFileSystem  # noqa: E402 - an extra, asked for above

if TYPE_CHECKING:
    from typing import BinaryIO


class IpfsFileSystem(AbstractFileSystem):  # type: ignore[misc] # fsspec is not typed
    """Content by CID, to be read: `ipfs://<cid>/path/in/the/folder`.

    Args:
        store: where it is, or its URL as `storage.urls` describes it; None: what `ANACOSTIA_STORE`
            says, or the embedded store in `.anacostia`.

    Example:
        >>> import fsspec
        >>> fs = fsspec.filesystem("ipfs", store="gateway+https://dweb.link")
        >>> pandas.read_csv("ipfs://bafy…/data.csv")  # doctest: +SKIP
    """

    protocol = "ipfs"
    root_marker = ""

    def __init__(self, store: Store | str | None = None, **options: Any) -> None:  # noqa: ANN401 - fsspec's
        super().__init__(**options)
        if store is None or isinstance(store, str):
            from anacostia_blockchain.client import HOME, STORE_VARIABLE  # noqa: PLC0415 - only this default needs it
            from anacostia_blockchain.storage.urls import open_store  # noqa: PLC0415 - only this default needs it

            home = Path(os.environ.get("ANACOSTIA_HOME", HOME))
            store = open_store(store or os.environ.get(STORE_VARIABLE), home)
        self.store: Store = store

    def info(self, path: str, **_options: Any) -> dict[str, Any]:  # noqa: ANN401 - fsspec's
        """Name, size in bytes and type of what is at a path.

        Raises:
            FileNotFoundError: there is nothing.
        """
        cid = self._find(path)
        return self._entry(self._strip_protocol(path), cid)

    def ls(self, path: str, detail: bool = True, **_options: Any) -> list[Any]:  # noqa: ANN401 - fsspec's
        """What a directory holds, or the file itself."""
        name, cid = self._strip_protocol(path), self._find(path)
        node = dag.node_of(self.store.block, cid) if cid.codec != RAW else None
        if node is None or not dag.is_directory(node):
            entries = [self._entry(name, cid)]
        else:
            links = dag.entries(self.store.block, cid, node)
            entries = [self._entry(f"{name}/{link.name}", link.cid) for link in links]
        return entries if detail else [entry["name"] for entry in entries]

    def _open(
        self,
        path: str,
        mode: str = "rb",
        **_options: Any,  # noqa: ANN401 - fsspec's
    ) -> BinaryIO:
        if mode != "rb":
            raise io.UnsupportedOperation("what a CID names cannot be changed: open it for reading")
        return self.store.open(self._find(path))

    def cat_file(
        self,
        path: str,
        start: int | None = None,
        end: int | None = None,
        **_options: Any,  # noqa: ANN401 - fsspec's
    ) -> bytes:
        """The bytes of a file, or some of them."""
        with self._open(path) as stream:
            size = stream.seek(0, os.SEEK_END)
            begin, stop, _ = slice(start, end).indices(size)
            stream.seek(begin)
            return stream.read(max(0, stop - begin))

    def ukey(self, path: str) -> str:
        """The CID: another one is another content."""
        return str(self._find(path))

    def _find(self, path: str) -> CID:
        """The CID at a path.

        Raises:
            FileNotFoundError: there is nothing, or the path begins with no CID.
        """
        root, _, below = self._strip_protocol(path).partition("/")
        try:
            return dag.lookup(self.store.block, CID.parse(root), below)
        except (NotFoundError, FormatError) as error:
            raise FileNotFoundError(f"{path}: {error}") from error

    def _entry(self, name: str, cid: CID) -> dict[str, Any]:
        kind, size = "file", None
        if cid.codec == RAW:
            size = self.store.stat(cid).size
        else:
            node = dag.node_of(self.store.block, cid)
            kind, size = ("directory", 0) if dag.is_directory(node) else ("file", node.size)
        return {"name": name, "size": size, "type": kind, "cid": str(cid)}
