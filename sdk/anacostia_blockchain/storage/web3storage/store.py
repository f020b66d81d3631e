"""`Web3Storage`: a space of a w3up service as a store."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from typing import BinaryIO, NoReturn

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.content.digests import DigestCache
from anacostia_blockchain.content.folder import Overlay
from anacostia_blockchain.errors import (
    ConfigError,
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
    StoreBusyError,
)
from anacostia_blockchain.storage.base import Pin, Source, Stat
from anacostia_blockchain.storage.local import LocalStore
from anacostia_blockchain.storage.web3storage import ipld
from anacostia_blockchain.storage.web3storage.blobs import Blob, add_blob, remove_blob
from anacostia_blockchain.storage.web3storage.earlier import Earlier, Fresh, Known, size_of
from anacostia_blockchain.storage.web3storage.identity import KEY_VARIABLE, Signer
from anacostia_blockchain.storage.web3storage.ipld import Link
from anacostia_blockchain.storage.web3storage.locating import Claims, View
from anacostia_blockchain.storage.web3storage.names import Names
from anacostia_blockchain.storage.web3storage.service import Connection, Service
from anacostia_blockchain.storage.web3storage.shards import SHARD_SIZE, Index, Slices, cut
from anacostia_blockchain.storage.web3storage.staging import Staging
from anacostia_blockchain.storage.web3storage.ucan import Delegation
from anacostia_blockchain.types import Progress

PROOF_VARIABLE = "ANACOSTIA_W3UP_PROOF"

ABILITIES = (
    "space/blob/add",
    "space/blob/remove",
    "space/index/add",
    "upload/add",
    "upload/get",
    "upload/list",
    "upload/remove",
)
"""What a delegation must allow for all methods to work; `get` needs no more than `upload/*`."""


class _LostError(Exception):
    """An earlier upload cannot be built upon."""


def _lost() -> NoReturn:
    raise _LostError


class Web3Storage:
    """A space of a w3up service (Web3.Storage, Storacha, or one's own).

    What a pin is elsewhere is an upload here: an entry in the space's list, with the shards that
    hold it. Its name is known to this machine only. `unpin` takes the entry away, `delete` also the
    shards that no other entry needs. Reading, `has`, and pinning a part of an upload need the
    service's indexer; `get` and `open` can do with a gateway.

    Args:
        connection: to the service, as a principal whose proofs cover the space.
        space: its DID.
        folder: for names, and for content on its way up: it is cut up and hashed from there, so
            that what a service gets is what the CID says even if a file changes meanwhile.
        shard_size: bytes of a shard; another size is another upload.
        digests: of files that were put before, so that `put` reads and sends only what changed.
    """

    def __init__(
        self,
        connection: Connection,
        space: str,
        folder: Path,
        *,
        shard_size: int = SHARD_SIZE,
        digests: DigestCache | None = None,
    ) -> None:
        self.space = space
        self._connection = connection
        self._claims = Claims(connection)
        self._names = Names(folder / "names.db", space)
        self._staging = LocalStore(folder / "staging")
        self._digests = digests
        self._earlier = Earlier(folder / "uploads", space)
        self._shard_size = shard_size
        self._last_view = self._view()

    def __repr__(self) -> str:
        return f"Web3Storage({self._connection.service.url}, {self.space})"

    @classmethod
    def open_space(
        cls,
        service: Service,
        principal: Signer,
        proof: Delegation,
        folder: Path,
        digests: DigestCache | None = None,
    ) -> Web3Storage:
        """Use the space that a delegation is about.

        Raises:
            AccessDeniedError: the delegation has expired.
            ConfigError: it is for another principal, or about no space.
            IntegrityError: a signature in it is not the issuer's.
        """
        if proof.audience != principal.did:
            raise ConfigError(
                f"the delegation is for {proof.audience}, and the key is {principal.did}"
            )
        spaces = {capability.resource for capability in proof.capabilities}
        if len(spaces) != 1 or not next(iter(spaces)).startswith("did:key:"):
            raise ConfigError("the delegation is not about exactly one space")
        proof.check(keys={service.did: service.key})
        connection = Connection(service, principal, [proof])
        return cls(connection, spaces.pop(), folder, digests=digests)

    @classmethod
    def from_env(cls, folder: Path, digests: DigestCache | None = None) -> Web3Storage:
        """Use the environment: `Service.from_env`, the principal's key and the delegation's file.

        Raises:
            ConfigError: `ANACOSTIA_W3UP_PRINCIPAL` or `ANACOSTIA_W3UP_PROOF` is not set, or wrong.
        """
        principal, proof = Signer.from_env(), os.environ.get(PROOF_VARIABLE)
        if principal is None:
            raise ConfigError(f"set {KEY_VARIABLE} to the principal's key")
        if not proof:
            raise ConfigError(
                f"set {PROOF_VARIABLE} to the path of a delegation to {principal.did}"
            )
        service = Service.from_env()
        delegation = Delegation.from_file(Path(proof))
        return cls.open_space(service, principal, delegation, folder, digests)

    def probe(self) -> str:
        """What answers, in a few words; asks the service for what every principal may ask."""
        self._connection.invoke("upload/list", self.space, {"size": 1})
        return f"w3up service {self._connection.service.did}, space {self.space}"

    # ------------------------------------------------------------------ write

    def put(self, source: Source, *, name: str = "", progress: Progress | None = None) -> CID:
        """Upload a file, a folder or a stream; see `Store.put`."""
        if isinstance(source, Path | Overlay):
            return self._push(
                lambda known: self._staged(known).put(source, name=name), name, progress
            )
        cid = self._staging.put(source, name=name)
        return self._push(lambda _known: cid, name, progress)

    def put_car(self, stream: BinaryIO, *, name: str = "", progress: Progress | None = None) -> CID:
        """Upload what is in a CAR; see `Store.put_car`."""
        cid = self._staging.put_car(stream, name=name)
        return self._push(lambda _known: cid, name, progress)

    def _staged(self, known: Known) -> Staging:
        return Staging(self._staging.folder, self._digests, known)

    def _push(self, stage: Callable[[Known], CID], name: str, progress: Progress | None) -> CID:
        """Upload what is staged; interrupted, it stays there, and the next attempt is quicker.

        Args:
            stage: puts what has to be sent where it is sent from; all of it, if nothing is known.
            name: of the upload.
            progress: called with bytes done and the total.
        """
        known = self._earlier.known(self._view().upload)
        try:
            cid = self._sent(stage(known), known, progress)
        except _LostError:  # the space no longer has what it lists, or has it in too many pieces
            cid = self._sent(stage(Known()), Known(), progress)
        self._names.add(cid, name)
        with suppress(StoreBusyError):  # another upload is being staged: the next one sweeps
            self._staging.delete(cid)
        return cid

    def _sent(self, cid: CID, known: Known, progress: Progress | None) -> CID:
        """Send what no earlier shard has, and list the upload.

        Raises:
            _LostError: an earlier shard is not there any more, or there are too many of them.
        """
        fetch, fresh, done = self._staging.block, Fresh(known), 0
        total = self._staged(known).stat(cid).size
        shards: dict[bytes, Slices] = {}
        for shard in cut(fresh.blocks(fetch, cid), self._shard_size):
            blob = Blob(shard.digest, shard.size, lambda shard=shard: shard.read(fetch))  # type: ignore[misc]
            add_blob(self._connection, self.space, blob)
            shards[shard.digest] = shard.slices
            done += shard.content
            if progress is not None:
                progress(min(done, total), total)
        if fresh.scattered:
            raise _LostError
        needed = {shard: known.shards[shard] for shard in fresh.used}
        self._confirm(needed)
        self._register(cid, shards | fresh.used)
        self._confirm(needed)
        self._earlier.keep(cid, shards | needed, fresh.nodes)
        if progress is not None:
            progress(total, total)
        return cid

    def _confirm(self, shards: Mapping[bytes, Slices]) -> None:
        """See that the space has shards: it says so, or where they are to be sent.

        Before an upload is listed, and again after: somebody may have deleted another one
        meanwhile, and with it what only that one was known to need.

        Raises:
            _LostError: it lacks one.
        """
        for digest, slices in shards.items():
            add_blob(self._connection, self.space, Blob(digest, size_of(slices.values()), _lost))

    def _register(self, cid: CID, shards: Mapping[bytes, Slices]) -> None:
        """Publish where the blocks are, then list the upload: nobody sees half of one."""
        index = Index(Link(cid.bytes), shards).write()
        digest = sha256(index).digest()
        add_blob(self._connection, self.space, Blob(digest, len(index), lambda: [index]))
        arguments = {"index": Link.of_digest(digest, ipld.CAR)}
        self._connection.invoke("space/index/add", self.space, arguments)
        links = [Link.of_digest(shard, ipld.CAR) for shard in shards]
        added = self._connection.invoke(
            "upload/add", self.space, {"root": Link(cid.bytes), "shards": links}
        ).ok()
        if added.get("root") != Link(cid.bytes):
            raise IntegrityError(f"the service lists {added.get('root')}, not {cid}")

    # ------------------------------------------------------------------ read

    def block(self, cid: CID) -> bytes:
        """One block, verified; see `Store.block`."""
        try:
            return self._last_view.block(cid)
        except NotFoundError:
            self._last_view = self._view()  # it may have been uploaded since
            return self._last_view.block(cid)

    def get(self, cid: CID, target: Path, *, progress: Progress | None = None) -> Path:
        """Write a file or folder to `target`; see `Store.get`."""
        return self._view().get(cid, target, progress=progress)

    def open(self, cid: CID, path: str = "") -> BinaryIO:
        """Open a file, or one below a directory; see `Store.open`."""
        return self._view().open(cid, path)

    def stat(self, cid: CID) -> Stat:
        """Count the files and bytes of a CID."""
        return self._view().stat(cid)

    def export_car(self, cid: CID, stream: BinaryIO) -> None:
        """Write a CARv1; see `Store.export_car`."""
        self._view().export_car(cid, stream)

    def has(self, cid: CID) -> bool:
        """Say whether an upload holds the content in full, by the index; leaves are not read.

        Raises:
            StorageError: the content is no upload of its own, and there is no indexer to ask.
        """
        view = self._view()
        if not self._has_indexer:
            return view.upload(Link(cid.bytes)) is not None
        try:
            view.shards_of(cid)
        except NotFoundError:
            return False
        return True

    # ------------------------------------------------------------------ pins

    def pin(self, cid: CID, name: str = "") -> None:
        """List content as an upload of its own; see `Store.pin`."""
        view = self._view()
        if view.upload(Link(cid.bytes)) is None:
            if not self._has_indexer:
                raise StorageError(f"{cid} is no upload, and no indexer knows where its blocks are")
            self._register(cid, view.shards_of(cid))
        self._names.add(cid, name)

    def unpin(self, cid: CID, name: str | None = None) -> None:
        """Drop a name, and with the last one the entry in the space's list."""
        held = self._names.of(cid)
        if name is not None and name not in held:
            return
        self._names.drop(cid, name)
        if name is None or held == [name]:
            self._remove(cid)

    def pins(self, name: str | None = None) -> Iterator[Pin]:
        """List uploads, oldest first; those of others have the empty name.

        Roots that this package cannot read (CIDv0, other hashes) are left out.
        """
        for upload in sorted(self._view().uploads(), key=lambda upload: upload.inserted_at):
            try:
                cid = CID.from_bytes(upload.root.bytes)
            except FormatError:
                continue
            for held in self._names.of(cid):
                if name in (None, held):
                    yield Pin(cid, held, upload.inserted_at)

    def delete(self, cid: CID) -> None:
        """Take an upload out of the list, and out of the space what no other upload needs."""
        upload = self._view().upload(Link(cid.bytes))
        unneeded = set(upload.shards) if upload else set()
        if self._has_indexer:  # also of an upload that was unpinned before
            for digest in self._claims.index_links(Link(cid.bytes)):
                unneeded |= {digest, *self._claims.index(digest).shards}
        self.unpin(cid)
        unneeded -= {shard for other in self._view().uploads() for shard in other.shards}
        for digest in unneeded:
            remove_blob(self._connection, self.space, digest)

    def _remove(self, cid: CID) -> None:
        self._earlier.drop(cid)
        with suppress(NotFoundError):
            self._connection.invoke("upload/remove", self.space, {"root": Link(cid.bytes)})

    @property
    def _has_indexer(self) -> bool:
        return bool(self._connection.service.indexer)

    def _view(self) -> View:
        return View(self._connection, self._claims, self.space)
