"""Large new files by `add`, after which Kubo pins what it wrote; an archive it would read again.

With `add` the node cuts the file itself. So it is asked once whether it cuts as this package does,
and a file of which it holds a part is no case for it, because it would take all of it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator, Mapping
from functools import cached_property
from hashlib import sha256
from io import BytesIO
from pathlib import Path

from anacostia_blockchain.content.cid import CID, RAW
from anacostia_blockchain.content.unixfs import CHUNK, WIDTH, import_stream
from anacostia_blockchain.errors import StorageError
from anacostia_blockchain.storage.kubo_blocks import KuboBlocks
from anacostia_blockchain.storage.kubo_rpc import API, KuboRpc
from anacostia_blockchain.storage.seen import PROBES
from anacostia_blockchain.storage.upload import FileUpload

_LARGE = 16 * CHUNK
"""Bytes of a file from which on the questions before are worth it."""

_NOTHING = "bafkqaaa"
"""A CID that holds its block, of no bytes, itself: any node can tell its size."""

_PROBE = b"abc"
"""Bytes that become a tree of two levels, where leaves have one byte and nodes two links."""


class NewFiles:
    """Files that a node is to cut itself.

    Args:
        rpc: of the node.
        blocks: that it holds.
    """

    def __init__(self, rpc: KuboRpc, blocks: KuboBlocks) -> None:
        self._rpc = rpc
        self._blocks = blocks

    def suits(self, path: Path) -> bool:
        """Whether it is a large file, of which the node holds nothing as far as samples tell."""
        try:
            state = path.lstat()
            if not stat.S_ISREG(state.st_mode) or state.st_size < _LARGE:
                return False
            samples = list(_samples(path, state.st_size))
        except OSError:  # which the import says in its own words
            return False
        return not any(map(self._blocks.holds_block, samples)) and self._cuts_alike

    def upload(self, name: str) -> FileUpload:
        """An upload that is pinned under a name when it is complete."""
        return self._upload({"pin-name": name} if name else {}, chunk=CHUNK, width=WIDTH)

    def added(self, answer: bytes) -> list[str]:
        """What the node says that it has added."""
        return [entry.text("Hash") for entry in self._rpc.lines(answer) if "Hash" in entry]

    @cached_property
    def _cuts_alike(self) -> bool:
        """Whether the node makes the same tree, two levels high; nothing is written there."""
        tree = import_stream(BytesIO(_PROBE), chunk=1, width=2)
        try:
            if self._rpc.size(_NOTHING):  # a provider of some calls alone might keep what it gets
                return False
            with self._upload({"only-hash": "true", "pin": "false"}, chunk=1, width=2) as upload:
                upload.write(_PROBE)
                return self.added(upload.finish()) == [str(tree.cid)]
        except StorageError:
            return False

    def _upload(self, more: Mapping[str, str], chunk: int, width: int) -> FileUpload:
        profile = {
            "cid-version": "1",
            "hash": "sha2-256",
            "raw-leaves": "true",
            "chunker": f"size-{chunk}",
            "max-file-links": str(width),
        }
        return FileUpload(self._rpc.service, f"{API}/add", {**profile, **more})


def _samples(file: Path, size: int) -> Iterator[CID]:
    """Leaves from the file's beginning to its end."""
    last = (size - 1) // CHUNK
    with file.open("rb", buffering=0) as stream:
        for number in range(PROBES):
            at = last * number // (PROBES - 1) * CHUNK
            yield CID(RAW, sha256(os.pread(stream.fileno(), CHUNK, at)).digest())
