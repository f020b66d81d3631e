"""Where a space's blocks are: by the claims of an indexing service, or a trustless gateway.

Claims are hints. Whatever they say, a block counts only if its bytes are those of its CID.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from anacostia_blockchain.content.car import check_block
from anacostia_blockchain.content.cid import CID, DAG_PB
from anacostia_blockchain.content.dagpb import MAX_BLOCK
from anacostia_blockchain.errors import (
    AnacostiaError,
    FormatError,
    IntegrityError,
    NotFoundError,
    StorageError,
)
from anacostia_blockchain.storage.dag import children
from anacostia_blockchain.storage.reading import BlockReader
from anacostia_blockchain.storage.web3storage.blobs import locations_of
from anacostia_blockchain.storage.web3storage.capability import Capability
from anacostia_blockchain.storage.web3storage.identity import base58
from anacostia_blockchain.storage.web3storage.ipld import (
    CAR,
    Link,
    digest_of,
    get,
    multihash,
    read_car,
)
from anacostia_blockchain.storage.web3storage.service import MAX_ANSWER, Connection
from anacostia_blockchain.storage.web3storage.shards import Index, Slices
from anacostia_blockchain.storage.web3storage.ucan import Delegation

logger = logging.getLogger(__name__)

_RESULT = "index/query/result@0.1"
_PAGE = 1000


@dataclass(frozen=True, slots=True)
class Upload:
    """An entry of a space's list.

    Attributes:
        root: of what was uploaded.
        shards: digests of the shards that hold it.
    """

    root: Link
    shards: tuple[bytes, ...]
    inserted_at: datetime


class Claims:
    """What an indexing service knows; what it said once is remembered.

    Args:
        connection: to the service whose indexer is asked.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._urls: dict[bytes, list[str]] = {}
        self._indexes: dict[bytes, Index] = {}

    def index_links(self, root: Link) -> list[bytes]:
        """Digests of the indexes that claim to be of `root`."""
        found = []
        for capability, _claim in self._ask(root.multihash, "assert/index"):
            index = capability.argument("index", Link)
            if index.codec == CAR:
                found.append(digest_of(index.multihash))
        return found

    def index(self, digest: bytes) -> Index:
        """An index, by its digest.

        Raises:
            NotFoundError: nobody serves it.
            IntegrityError: what is served is something else.
        """
        if digest not in self._indexes:
            data = self.read(digest, None)
            self._indexes[digest] = Index.read(data)
        return self._indexes[digest]

    def read(self, digest: bytes, part: tuple[int, int] | None) -> bytes:
        """A whole blob, verified, or a part of one: offset and size.

        Raises:
            NotFoundError: nobody serves it.
        """
        last: AnacostiaError = NotFoundError(f"nobody serves the blob {base58(multihash(digest))}")
        for url in self._locations(digest):
            try:
                if part is not None:
                    return self._range(url, *part)
                data = self._connection.request("GET", url).body
                Link.of_digest(digest, CAR).check(data)
            except (StorageError, IntegrityError) as error:
                last = error
            else:
                return data
        raise last

    def _range(self, url: str, offset: int, size: int) -> bytes:
        if not size:
            return b""
        headers = {"range": f"bytes={offset}-{offset + size - 1}"}
        answer = self._connection.request("GET", url, headers=headers, expect=(200, 206))
        return answer.body if answer.status == 206 else answer.body[offset : offset + size]

    def _locations(self, digest: bytes) -> list[str]:
        if digest not in self._urls:
            urls = []
            for _capability, claim in self._ask(multihash(digest), "assert/location"):
                urls += [url for url in locations_of(claim, digest) if url not in urls]
            self._urls[digest] = urls
        return self._urls[digest]

    def _ask(self, hashed: bytes, can: str) -> Iterator[tuple[Capability, Delegation]]:
        """Claims of one kind about a multihash; those that nobody signed are passed over."""
        service = self._connection.service
        url = f"{service.indexer}/claims?multihash=z{base58(hashed)}"
        root, blocks = read_car(self._connection.request("GET", url, limit=MAX_ANSWER).body)
        document = get(blocks, root)
        body = document.get(_RESULT) if isinstance(document, dict) else None
        links = body.get("claims") if isinstance(body, dict) else None
        for link in links if isinstance(links, list) else []:
            try:
                claim = Delegation.parse(link, blocks)
                claim.check_times()
                claim.check_signature({service.did: service.key})
            except AnacostiaError as error:
                logger.debug("passing over the claim %s: %s", link, error)
                continue
            for capability in claim.capabilities:
                if capability.can == can:
                    yield capability, claim


class View(BlockReader):
    """The blocks of a space as it is now, for the time of one operation.

    Args:
        connection: to the service.
        claims: of its indexer.
        space: whose uploads count.
    """

    def __init__(self, connection: Connection, claims: Claims, space: str) -> None:
        self._connection = connection
        self._claims = claims
        self._space = space
        self._places: dict[bytes, list[tuple[bytes, int, int]]] = {}
        self._unread: Iterator[Upload] | None = None
        self._lock = threading.Lock()

    def upload(self, root: Link) -> Upload | None:
        """The entry of a root; None if the space has none."""
        try:
            receipt = self._connection.invoke("upload/get", self._space, {"root": root})
        except NotFoundError:
            return None
        return _upload(receipt.ok())

    def uploads(self) -> Iterator[Upload]:
        """All entries."""
        cursor: dict[str, Any] = {}
        while True:
            arguments = {"size": _PAGE, **cursor}
            page = self._connection.invoke("upload/list", self._space, arguments).ok()
            results = page.get("results")
            if not isinstance(results, list):
                raise FormatError("upload/list: no list")
            yield from map(_upload, results)
            if len(results) < _PAGE or not isinstance(page.get("cursor"), str):
                return
            cursor = {"cursor": page["cursor"]}

    def places(self, cid: CID) -> list[tuple[bytes, int, int]]:
        """Shard, offset and size of a block, wherever an upload of this space has it.

        Raises:
            NotFoundError: none has it.
        """
        with self._lock:  # blocks are fetched ahead, by several threads
            if cid.digest not in self._places and self._unread is None:
                self._unread = self.uploads()
                named = self.upload(Link(cid.bytes))
                if named is not None:
                    self._load(named)
            while cid.digest not in self._places:
                upload = next(self._unread, None) if self._unread else None
                if upload is None:
                    raise NotFoundError(f"{cid} is not in the space {self._space}")
                self._load(upload)
            return self._places[cid.digest]

    def shards_of(self, root: CID) -> dict[bytes, Slices]:
        """Where every block below a root is.

        Raises:
            NotFoundError: one is in no upload.
        """
        shards: dict[bytes, Slices] = {}
        pending, seen = [root], {root}
        while pending:
            cid = pending.pop()
            shard, offset, size = self.places(cid)[0]
            shards.setdefault(shard, {})[cid.digest] = (offset, size)
            below = children(cid, self.block(cid)) if cid.codec == DAG_PB else ()
            pending += [child for child in below if child not in seen]
            seen.update(below)
        return shards

    def block(self, cid: CID) -> bytes:
        """A block, verified.

        Raises:
            NotFoundError: no upload of this space has it, or nobody serves it.
            IntegrityError: what is served is something else.
        """
        service = self._connection.service
        last: AnacostiaError = NotFoundError(f"{cid} is not in the space {self._space}")
        if service.indexer:
            for shard, offset, size in self.places(cid):
                try:
                    block = self._claims.read(shard, (offset, size))
                    check_block(cid, block)
                except (StorageError, IntegrityError) as error:
                    last = error
                else:
                    return block
        if not service.gateway:
            raise last
        return self._from_gateway(cid)

    def size_of(self, cid: CID) -> int:
        """Bytes of a block, by the index."""
        return self.places(cid)[0][2] if self._connection.service.indexer else len(self.block(cid))

    def _from_gateway(self, cid: CID) -> bytes:
        url = f"{self._connection.service.gateway}/ipfs/{cid}?format=raw"
        headers = {"accept": "application/vnd.ipld.raw"}
        block = self._connection.request("GET", url, headers=headers, limit=MAX_BLOCK).body
        check_block(cid, block)
        return block

    def _load(self, upload: Upload) -> None:
        """Note where an upload's blocks are; others may have indexed the same root elsewhere."""
        for digest in self._claims.index_links(upload.root):
            shards = self._claims.index(digest).shards
            for shard in shards.keys() & set(upload.shards):
                for block, (offset, size) in shards[shard].items():
                    self._places.setdefault(block, []).append((shard, offset, size))


def _upload(entry: object) -> Upload:
    fields = entry if isinstance(entry, dict) else {}
    root, shards, inserted = (fields.get(name) for name in ("root", "shards", "insertedAt"))
    links = shards if isinstance(shards, list) else []
    if not isinstance(root, Link) or not all(isinstance(link, Link) for link in links):
        raise FormatError("upload/list: an entry is not what it should be")
    try:
        moment = datetime.fromisoformat(str(inserted))
    except ValueError as error:
        raise FormatError("upload/list: an entry is without its time") from error
    return Upload(root, tuple(digest_of(link.multihash) for link in links), moment)
