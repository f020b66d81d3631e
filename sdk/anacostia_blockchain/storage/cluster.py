"""IPFS Cluster: content on several peers of its own accord, and again when one of them dies.

Through the REST API of any peer. Reading goes through what a peer's Kubo node or gateway serves,
because the cluster's own API has no way to read.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import BinaryIO, TypeVar

from anacostia_blockchain.content import car
from anacostia_blockchain.content.cid import CID, EMPTY
from anacostia_blockchain.content.digests import DigestCache, FileDigest
from anacostia_blockchain.content.folder import Overlay, import_source
from anacostia_blockchain.content.hashing import Hasher, Sink
from anacostia_blockchain.errors import (
    ConfigError,
    FileChangedError,
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage.answers import Fields
from anacostia_blockchain.storage.base import Pin, Source
from anacostia_blockchain.storage.dag import Fetch
from anacostia_blockchain.storage.disk import spooled
from anacostia_blockchain.storage.http import Service
from anacostia_blockchain.storage.names import NamedPins, check_pin_name, joined, split_names
from anacostia_blockchain.storage.peers import Peers, PeerStatus
from anacostia_blockchain.storage.reading import BlockReader
from anacostia_blockchain.storage.seen import Seen
from anacostia_blockchain.storage.through import ReadThrough
from anacostia_blockchain.storage.upload import ArchiveUpload, UploadSink, send_complete
from anacostia_blockchain.types import Progress

_T = TypeVar("_T")

_POLL = 0.25

_LEAST_PATIENCE = 10.0
"""Seconds for the answer to a `put`, which a busy peer may need, however soon copies are wanted."""

_EMPTY_NAME = "empty file, on every node"


class ClusterStore(NamedPins, ReadThrough):
    """Content on a cluster, as many copies as asked for.

    Args:
        urls: REST APIs of peers, e.g. `http://127.0.0.1:9094`; the first that answers is used.
        reader: where blocks are read: a `KuboStore` or `GatewayStore` of the cluster's nodes.
        copies: least and largest number of peers to hold content; 0: the cluster's own setting.
        token: sent as a bearer token.
        patience: seconds to wait for the copies; and for the answer to a `put`, when all is sent:
            a peer whose own node's disk is full never gives one.
        digests: of files that were put before, so that `put` reads and sends only what changed.

    Raises:
        ConfigError: there is no URL, or it is none.
    """

    def __init__(
        self,
        urls: Sequence[str] | str,
        reader: BlockReader,
        *,
        copies: tuple[int, int] = (0, 0),
        token: str | None = None,
        patience: float = 60,
        digests: DigestCache | None = None,
    ) -> None:
        super().__init__(reader)
        given = [urls] if isinstance(urls, str) else list(urls)
        if not given:
            raise ConfigError("no peer of the cluster is given")
        if not copies[0] <= copies[1]:
            raise ConfigError(f"at least {copies[0]} copies, but at most {copies[1]}?")
        self._peers = Peers([Service(url, token=token) for url in given])
        self._copies = copies
        self._patience = patience
        self._seen = Seen(digests, repr(self), lambda root: self.names_of(root) is not None)

    def __repr__(self) -> str:
        return f"ClusterStore({self._peers.urls}, copies={self._copies})"

    # ------------------------------------------------------------------ write

    def put(self, source: Source, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import a file, a folder or a stream, and wait for its copies; see `Store.put`.

        The cluster wants the root before the blocks, so what is new is read twice, and a stream is
        kept in a temporary file meanwhile.
        """
        check_pin_name(name)
        if not isinstance(source, Path | Overlay):
            with spooled(source) as stream:
                return self._put(lambda sink, shown: _stream(stream, sink, shown), name, progress)
        files: list[FileDigest] = []

        def hashed(sink: Sink | None, shown: Progress | None) -> CID:
            cid, files[:] = import_source(
                source, sink=sink, progress=shown, digests=self._seen.digests
            )
            return cid

        root = self._put(hashed, name, progress)
        self._seen.keep(root, files)
        return root

    def _put(
        self,
        hashed: Callable[[Sink | None, Progress | None], CID],
        name: str,
        progress: Progress | None,
    ) -> CID:
        root = hashed(None, None)
        before = self.names_of(root)
        with self._upload(root, name) as upload:
            again = hashed(UploadSink(upload, self._seen), progress)
            if again != root:
                raise FileChangedError(f"the content changed while it was read: {again}, {root}")
            answer = upload.finish(root)
        self._check_added(root, answer, before, empty=upload.empty)
        return root

    def put_car(self, stream: BinaryIO, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import a CAR and pin its root; see `Store.put_car`."""
        check_pin_name(name)
        archive = car.Car.read(stream, progress)
        before = self.names_of(archive.root)
        with self._upload(archive.root, name) as upload:
            send_complete(archive, upload, self.has)
            answer = upload.finish(archive.root)
        self._check_added(archive.root, answer, before, empty=upload.empty)
        return archive.root

    @contextmanager
    def _upload(self, root: CID, name: str) -> Iterator[ArchiveUpload]:
        # Without stream-channels an error is the answer's status, not a trailer that nobody reads.
        options = {"format": "car", "stream-channels": "false"}
        options |= self._options(self.text_with(root, name))
        with self._add(root, options) as upload:
            yield upload

    def _add(self, root: CID, options: dict[str, str]) -> ArchiveUpload:
        # A peer stores what comes while it comes: with the last byte, little is left to be done.
        peer, patience = self._peers.live(), max(self._patience, _LEAST_PATIENCE)
        return ArchiveUpload(peer, "/add", options, root=root, patience=patience)

    def _options(self, text: str) -> dict[str, str]:
        least, most = self._copies
        options = {"name": text, "mode": "recursive"}
        if most:
            options |= {"replication-min": str(least), "replication-max": str(most)}
        return options

    def _check_added(
        self, root: CID, answer: bytes, before: list[str] | None, *, empty: bool
    ) -> None:
        with self._else_as_before(root, before):
            found = [entry.text("cid") for entry in self._peers.decode(answer)]
            if found != [str(root)]:
                raise IntegrityError(f"{self._peers.host} answered {found}, not {root}")
            if empty:
                self._spread_empty()
            self._wait(root)

    @contextmanager
    def _else_as_before(self, cid: CID, names: list[str] | None) -> Iterator[None]:
        """Where nobody holds what was pinned, leave its pin as it was before.

        With fewer copies than wanted it stays: to undo it would delete those that there are, while
        the cluster goes on making the others of its own accord.
        """
        try:
            yield
        except (IntegrityError, NotFoundError):
            with suppress(StorageError):
                if names is None:
                    self.drop(cid)
                else:
                    self.set_names(cid, joined(cid, names))
            raise

    def _spread_empty(self) -> None:
        """Give every node the empty file, or no node could ever take over content that has one."""
        if self.names_of(EMPTY) is not None:
            return
        everywhere = {"replication-min": "-1", "replication-max": "-1", "stream-channels": "false"}
        options = {"name": _EMPTY_NAME, "format": "car"} | everywhere
        with self._add(EMPTY, options) as upload:
            upload.add(EMPTY, b"")
            upload.finish(EMPTY)

    # ------------------------------------------------------------------ read

    def held_block(self, cid: CID) -> bytes:
        """One block, verified, that the reader's node holds itself.

        Raises:
            NotFoundError: another of the cluster's may hold it, or the reader cannot tell.
        """
        held: Fetch | None = getattr(self._reader, "held_block", None)
        if held is None:
            raise NotFoundError(f"{self._reader!r} does not say which node gives a block")
        return held(cid)

    def has(self, cid: CID) -> bool:
        """Say whether a peer that answers says that it holds the content in full."""
        return bool(self.claim(cid))

    def claim(self, cid: CID) -> str:
        """Which peers say that they hold the content in full; empty for none."""
        return ", ".join(peer.name or peer.peer for peer in self.status(cid) if peer.holds)

    # ------------------------------------------------------------------ the cluster

    def probe(self) -> str:
        """What answers, in a few words."""
        return f"a cluster of {len(self.peers())} peers"

    def peers(self) -> list[str]:
        """Identities of the peers that the cluster counts as its members now."""
        found = self._peers.list("/peers", lambda p: (p.text("id"), p.text("error", "")))
        return sorted(peer for peer, error in found if not error)

    def status(self, cid: CID) -> list[PeerStatus]:
        """What each peer does about a CID."""
        peers = self._peers.get("/pins", cid).fields("peer_map").objects()
        return [
            PeerStatus(peer, p.text("peername"), p.text("status"), p.text("error", ""))
            for peer, p in peers
        ]

    def recover(self, cid: CID) -> None:
        """Let peers that failed try again."""
        self._peers.ask(lambda peer: peer.ask("POST", f"/pins/{cid}/recover"))

    def _wait(self, cid: CID, least: int | None = None) -> None:
        """Wait for the copies.

        Raises:
            NotFoundError: there are none after `patience` seconds.
            StorageError: there are fewer.
        """
        wanted = max(1, self._copies[0] if least is None else least)
        deadline = time.monotonic() + self._patience
        while True:
            status = self.status(cid)
            held = sum(peer.holds for peer in status)
            if held >= wanted:
                return
            if time.monotonic() > deadline:
                states = ", ".join(f"{p.name}: {p.error or p.status}" for p in status)
                text = f"{cid} has {held} of {wanted} copies in the cluster ({states})"
                if not held:
                    raise NotFoundError(text)
                raise StorageError(f"{text}: it stays pinned, and the cluster goes on copying")
            time.sleep(_POLL)

    # ------------------------------------------------------------------ pins

    def pin(self, cid: CID, name: str = "") -> None:
        """Keep content, which the cluster's nodes fetch from their peers if need be.

        Raises:
            NotFoundError: no node could get it within `patience` seconds; nothing stays pinned.
        """
        check_pin_name(name)
        if self.names_of(cid) is None:
            self._spread_empty()
            self.set_names(cid, name)
            with self._else_as_before(cid, None):
                self._wait(cid, least=1)
        self.add_name(cid, name)

    def names_of(self, cid: CID) -> list[str] | None:
        """Names of a CID's pin; None if it is not pinned."""
        try:
            found = self._peers.get("/allocations", cid)
        except NotFoundError:
            return None
        return split_names(found.text("name", ""))

    def set_names(self, cid: CID, text: str) -> None:
        """Pin under a name; pinned already, it gets another one."""
        options = self._options(text)
        self._peers.ask(lambda peer: peer.ask("POST", f"/pins/{cid}", params=options))
        self._settle(cid, lambda names: names is not None and "\t".join(names) == text)

    def drop(self, cid: CID) -> None:
        """Remove a pin."""
        try:
            self._peers.ask(lambda peer: peer.ask("DELETE", f"/pins/{cid}"))
        except NotFoundError:
            return
        self._settle(cid, lambda names: names is None)

    def _settle(self, cid: CID, done: Callable[[list[str] | None], bool]) -> None:
        """Wait until the peer that is asked has taken over what was just changed."""
        deadline = time.monotonic() + self._patience
        while not done(self.names_of(cid)):
            if time.monotonic() > deadline:
                raise StoreUnavailableError(f"the cluster does not take over the change of {cid}")
            time.sleep(_POLL)

    def pins(self, name: str | None = None) -> Iterator[Pin]:
        """List pins, oldest first. CIDs that this package does not make are left out."""
        pins = []
        for text, known, created in self._peers.list("/allocations", _listed, {"filter": "pin"}):
            try:
                cid = CID.parse(text)
            except FormatError:
                continue
            names = [found for found in split_names(known) if found != _EMPTY_NAME]
            pins += [Pin(cid, found, created) for found in names if name in (None, found)]
        yield from sorted(pins, key=lambda pin: (pin.created_at, str(pin.cid)))

    def delete(self, cid: CID) -> None:
        """Unpin `cid`, and let every node collect its garbage."""
        self.unpin(cid)
        self._wait_until_gone(cid)
        self._peers.ask(lambda peer: peer.ask("POST", "/ipfs/gc"))

    def _wait_until_gone(self, cid: CID) -> None:
        deadline = time.monotonic() + self._patience
        while self.has(cid) and time.monotonic() < deadline:
            time.sleep(_POLL)


def _listed(entry: Fields) -> tuple[str, str, datetime]:
    """CID, names and time of an allocation."""
    return entry.text("cid"), entry.text("name", ""), entry.moment("timestamp")


def _stream(stream: BinaryIO, sink: Sink | None, progress: Progress | None) -> CID:
    stream.seek(0)
    return Hasher(sink, progress).cid(stream)
