"""The blocks of a Kubo node, read one by one and verified here."""

from __future__ import annotations

from abc import abstractmethod

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID, DAG_PB, EMPTY
from anacostia_blockchain.errors import AccessDeniedError, NotFoundError
from anacostia_blockchain.storage import dag
from anacostia_blockchain.storage.kubo_rpc import KuboRpc
from anacostia_blockchain.storage.leaves import BlockReaders, Readers
from anacostia_blockchain.storage.reading import BlockReader


class KuboBlocks(BlockReader):
    """The reading half of `kubo.KuboStore`.

    Args:
        rpc: of the node.
        patience: seconds to wait for the node's peers to deliver a block that it does not hold.
    """

    def __init__(self, rpc: KuboRpc, patience: float) -> None:
        self._rpc = rpc
        self._patience = patience
        self.has_stat = True

    @abstractmethod
    def names_of(self, cid: CID) -> list[str] | None:
        """Names of a CID's pin; None if it is not pinned."""

    def block(self, cid: CID) -> bytes:
        """One block, verified; from the node's peers if need be.

        Raises:
            NotFoundError: neither the node nor, within `patience`, a peer has it.
            IntegrityError: it is another block.
        """
        try:
            return self.held_block(cid)
        except NotFoundError:
            if not self._patience:
                raise
        block = self._get(cid, timeout=f"{self._patience:g}s")
        car.check_block(cid, block)
        return block

    def held_block(self, cid: CID) -> bytes:
        """One block that the node holds itself, verified; no peer is asked for it.

        Raises:
            NotFoundError: the node does not hold it.
            IntegrityError: it is another block.
        """
        if cid == EMPTY:
            return b""
        block = self._get(cid, offline="true")
        car.check_block(cid, block)
        return block

    def readers(self) -> Readers:
        """Several leaves at once, each into its thread's own buffer."""
        return BlockReaders(self._read)

    def _read(self, cid: CID, buffer: memoryview) -> memoryview:
        if cid == EMPTY:
            return buffer[:0]
        try:
            view = self._rpc.read(cid, buffer, offline="true")
        except NotFoundError:  # which a peer may have
            return memoryview(self.block(cid))
        car.check_block(cid, view)
        return view

    def _get(self, cid: CID, **options: str) -> bytes:
        return self._rpc.block(cid, **options)

    def size_of(self, cid: CID) -> int:
        """Bytes of a block that the node holds."""
        size = self._held_size(cid)
        return size if size is not None else len(self.block(cid))

    def has(self, cid: CID) -> bool:
        """Say whether the node itself holds the content in full.

        What is pinned, the node has seen in full when it pinned it; now it is asked for the root
        alone. `health.check` proves the rest.

        Raises:
            IntegrityError: a node is damaged.
        """
        if cid.codec == DAG_PB and self.names_of(cid) is not None:
            return self._held_size(cid) is not None
        pending, seen = [cid], set[CID]()
        while pending:
            found = pending.pop()
            if found in seen:
                continue
            seen.add(found)
            if found.codec == DAG_PB:
                try:
                    pending.extend(dag.children(found, self.held_block(found)))
                except NotFoundError:
                    return False
            elif self._held_size(found) is None:
                return False
        return True

    def holds_block(self, cid: CID) -> bool:
        """Whether the node holds a block; no, where it cannot say so without sending it."""
        return self.has_stat and self._held_size(cid) is not None

    def _held_size(self, cid: CID) -> int | None:
        """Bytes of a block that the node holds; None if it does not."""
        try:
            if not self.has_stat:
                return len(self._get(cid, offline="true"))
            return self._rpc.size(cid, offline="true")
        except NotFoundError:
            return None
        except AccessDeniedError:
            if not self.has_stat:
                raise
            self.has_stat = False  # Filebase, for one, does not offer it
            return self._held_size(cid)
