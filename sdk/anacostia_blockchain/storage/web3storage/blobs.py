"""Blobs: bytes by their SHA-256, allocated by the service, sent to a storage node, accepted.

`space/blob/add` answers with the tasks that follow: `blob/allocate` says where to send the bytes,
`http/put` is done here, and `blob/accept` ends with the storage node's signed promise of where they
are. A blob that the space has is not sent again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from anacostia_blockchain.errors import FormatError, IntegrityError, StoreUnavailableError
from anacostia_blockchain.storage.web3storage.capability import Capability
from anacostia_blockchain.storage.web3storage.identity import Signer
from anacostia_blockchain.storage.web3storage.ipld import Link, digest_of, multihash
from anacostia_blockchain.storage.web3storage.messages import Receipt, issue_receipt
from anacostia_blockchain.storage.web3storage.service import Connection
from anacostia_blockchain.storage.web3storage.ucan import Delegation, delegate

_TRIES = 3
_STORED = (200, 201, 204)


@dataclass(frozen=True, slots=True)
class Blob:
    """Bytes that are to be stored.

    Attributes:
        digest: SHA-256.
        size: bytes.
        read: gives the bytes from the beginning, as often as it is called.
    """

    digest: bytes
    size: int
    read: Callable[[], Iterable[bytes]]


def add_blob(connection: Connection, space: str, blob: Blob) -> str:
    """Store a blob in a space; returns a URL where a storage node promises to serve it.

    Raises:
        IntegrityError: a receipt or promise is another's, or about another blob.
        StoreUnavailableError: a service or node broke off.
    """
    arguments = {"blob": {"digest": multihash(blob.digest), "size": blob.size}}
    receipt = connection.invoke("space/blob/add", space, arguments)
    tasks, done = receipt.following(), receipt.concluded()
    for name in ("blob/allocate", "http/put", "blob/accept"):
        if name not in tasks:
            raise FormatError(f"the service's answer to space/blob/add is without {name}")
    allocation = _concluded(connection, tasks["blob/allocate"], done)
    if allocation is None:
        raise FormatError("the service's answer to space/blob/add is without an allocation")
    address = allocation.ok().get("address")
    if _concluded(connection, tasks["http/put"], done) is None:
        if address is not None:
            _send(connection, blob, address)
        _conclude(connection, tasks["http/put"])
    accepted = _concluded(connection, tasks["blob/accept"], done)
    if accepted is None or "error" in accepted.outcome:
        accepted = connection.receipt(tasks["blob/accept"])
    return _promised(accepted, blob.digest)


def remove_blob(connection: Connection, space: str, digest: bytes) -> None:
    """Take a blob out of a space; one that is not there is no error."""
    connection.invoke("space/blob/remove", space, {"digest": multihash(digest)})


def _concluded(
    connection: Connection, task: Delegation, done: dict[Link, Receipt]
) -> Receipt | None:
    """The receipt that came with the answer, checked; None if there is none yet."""
    receipt = done.get(task.link)
    if receipt is not None:
        connection.check_receipt(receipt, task)
    return receipt


def _send(connection: Connection, blob: Blob, address: Any) -> None:  # noqa: ANN401 - is checked
    """PUT the bytes where the allocation says."""
    if not isinstance(address, dict) or not isinstance(address.get("url"), str):
        raise FormatError("the service's allocation has no address")
    given = address.get("headers", {})
    if not isinstance(given, dict) or not all(isinstance(value, str) for value in given.values()):
        raise FormatError("the service's allocation has no usable headers")
    headers = {str(name).lower(): value for name, value in given.items()}
    headers["content-length"] = str(blob.size)
    for attempt in range(_TRIES):
        try:
            connection.request(
                "PUT", address["url"], headers=headers, content=blob.read(), expect=_STORED
            )
        except StoreUnavailableError:
            if attempt == _TRIES - 1:
                raise
        else:
            return


def _conclude(connection: Connection, put: Delegation) -> None:
    """Tell the service that the bytes are there.

    The task carries the key that is to sign: whoever holds the blob may say that it was sent.
    """
    archive = put.facts[0].get("keys") if put.facts else None
    signer, keys = (
        (archive.get("id"), archive.get("keys")) if isinstance(archive, dict) else ("", {})
    )
    found = keys.get(signer) if isinstance(keys, dict) else None
    if not isinstance(found, bytes):
        raise FormatError("the service's http/put task is without its key")
    link, blocks = issue_receipt(Signer.from_archive(found), put.link, {})
    principal, service = connection.principal, connection.service
    capability = Capability("ucan/conclude", principal.did, {"receipt": link})
    facts = [{str(number): block for number, block in enumerate(blocks)}]
    conclusion = delegate(principal, service.did, [capability], expires=None, facts=facts)
    conclusion.blocks.update(blocks)
    connection.execute(conclusion)


def _promised(accepted: Receipt, digest: bytes) -> str:
    """The URL in a storage node's location commitment."""
    site = accepted.ok().get("site")
    if not isinstance(site, Link):
        raise FormatError("the storage node accepted the blob without a location")
    promise = Delegation.parse(site, accepted.blocks)
    promise.check_signature()
    return locations_of(promise, digest)[0]


def locations_of(promise: Delegation, digest: bytes) -> list[str]:
    """The URLs that an `assert/location` claim gives for a blob.

    Raises:
        FormatError: it is no such claim.
        IntegrityError: it is about another blob.
    """
    for capability in promise.capabilities:
        if capability.can != "assert/location":
            continue
        content = capability.argument("content", object)
        found = content.multihash if isinstance(content, Link) else content
        found = found.get("digest") if isinstance(found, dict) else found
        if digest_of(found) != digest:
            raise IntegrityError("a location is about another blob than was asked for")
        urls = capability.argument("location", list)
        if urls and all(isinstance(url, str) for url in urls):
            return list(urls)
    raise FormatError("not a claim of a location")
