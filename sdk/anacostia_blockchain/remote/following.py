"""A root pipeline as its leaf sees it: sealed runs in order, and what they made."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.content import car
from anacostia_blockchain.errors import FormatError, IntegrityError
from anacostia_blockchain.ledger.record import RunRecord
from anacostia_blockchain.remote.server import RemoteServer
from anacostia_blockchain.storage.reading import BlockReader

if TYPE_CHECKING:
    from anacostia_blockchain.content.cid import CID

_PLACES = 10


@dataclass(frozen=True, slots=True)
class Output:
    """What a run made.

    Attributes:
        store: name of the root's node that keeps it.
        location: path within that store.
        sha256: hex digest of a file; of a folder, the root of its manifest.
        cid: of the content; None where it is not kept by CID.
        size: bytes, where they were counted.
    """

    store: str
    location: str
    sha256: str
    cid: str | None
    size: int | None


@dataclass(frozen=True, slots=True)
class RootRun:
    """A sealed run of the root, with its whole record.

    Attributes:
        index: its place in the root's run log, from 0.
        record: what the root recorded; its root is the leaf that the root anchors.
    """

    index: int
    record: RunRecord

    @property
    def leaf(self) -> str:
        """Root of the record, in hexadecimal."""
        return self.record.root.hex()

    @property
    def location(self) -> str:
        """Names the run, and what it recorded."""
        return f"{self.index:0{_PLACES}}-{self.leaf}.json"

    @property
    def run_id(self) -> int:
        """The run's number on the root."""
        return int(self._said("run_id"))

    @property
    def status(self) -> str:
        """How it ended: succeeded, failed or aborted."""
        return str(self._said("status"))

    @property
    def outputs(self) -> list[Output]:
        """What it made."""
        return [
            Output(leaf.node, leaf.name, **leaf.value)
            for leaf in self.record.leaves
            if leaf.role == "output"
        ]

    def _said(self, name: str) -> Any:  # noqa: ANN401 - any JSON
        found = self.record.find("run", name)
        if len(found) != 1:
            raise FormatError(f"record {self.leaf} does not say its {name} once")
        return found[0].value


def place(location: str) -> tuple[int, str]:
    """Index and leaf of the run that a `RootRun.location` names."""
    index, _, leaf = location.removesuffix(".json").partition("-")
    return int(index), leaf


class RemoteRuns(RemoteServer, BlockReader):
    """The root's server: sealed runs one after the other, and content by CID."""

    what = "root pipeline"

    def next(self, after: tuple[int, str] | None) -> RootRun | None:
        """The run sealed next, verified to be what its leaf says.

        Args:
            after: `place` of the last one that is known; None: none is.

        Returns:
            None if all are known.

        Raises:
            IntegrityError: the root never had the run that is known: its log is another one.
            FormatError: the answer is none.
            StorageError: see `RemoteServer.answer`.
        """
        known = {} if after is None else {"index": after[0], "leaf": after[1]}
        found = self.ask("GET", "/api/following/record", params=known)
        if found is None:
            return None
        if not isinstance(found, dict) or not {"index", "record"} <= found.keys():
            raise FormatError(f"{self.url} is no root pipeline")
        expected = 0 if after is None else after[0] + 1
        if found["index"] != expected:
            raise IntegrityError(f"{self.url} sent record {found['index']}, not {expected}")
        return RootRun(expected, RunRecord.from_json(found["record"].encode()))

    def block(self, cid: CID) -> bytes:
        """One block, verified.

        Raises:
            NotFoundError: the root does not hold it.
            IntegrityError: it sent something else.
            StorageError: see `RemoteServer.answer`.
        """
        block = self.answer("GET", f"/api/following/block/{cid}").content
        car.check_block(cid, block)
        return block
