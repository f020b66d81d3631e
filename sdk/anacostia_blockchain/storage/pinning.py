"""Pinning services by their common API: Pinata, Filebase, 4EVERLAND, an IPFS Cluster, and others.

API: https://ipfs.github.io/pinning-services-api-spec/. It moves no bytes: it tells a service what
to fetch and from whom. So there is a Kubo node of one's own, which holds the content until the
service has it, and from which content is read.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import BinaryIO

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import (
    FormatError,
    NotFoundError,
    StorageError,
    StoreUnavailableError,
)
from anacostia_blockchain.storage.answers import Fields
from anacostia_blockchain.storage.base import Pin, Source
from anacostia_blockchain.storage.http import Service
from anacostia_blockchain.storage.kubo import KuboStore
from anacostia_blockchain.storage.names import NamedPins, check_pin_name, split_names
from anacostia_blockchain.storage.through import ReadThrough
from anacostia_blockchain.types import Progress

_POLL = 0.5
_GRACE = 10.0
"""Seconds in which a service may take back that a pin has failed: clusters disagree for a while."""

_PAGE = 1000
_ORIGINS = 20
_ALL = "queued,pinning,pinned,failed"


@dataclass(frozen=True, slots=True)
class PinRequest:
    """What a service was asked to keep, and how far it is.

    Attributes:
        request_id: the service's own name for it.
        status: queued, pinning, pinned or failed.
        delegates: multiaddresses of the service's nodes that will fetch the content.
        info: whatever the service adds, such as the reason of a failure.
    """

    request_id: str
    cid: CID
    text: str
    status: str
    created_at: datetime
    delegates: tuple[str, ...]
    info: str


class PinningStore(NamedPins, ReadThrough):
    """Content that a pinning service keeps.

    Args:
        url: of the service's API, e.g. `https://api.pinata.cloud/psa`.
        node: a Kubo node, from which the service fetches and content is read.
        token: the service's access token.
        patience: seconds to wait for the service to have fetched something.

    Example:
        >>> node = KuboStore("http://127.0.0.1:5001")  # doctest: +SKIP
        >>> store = PinningStore("https://api.pinata.cloud/psa", node, token=…)  # doctest: +SKIP
    """

    def __init__(
        self, url: str, node: KuboStore, *, token: str | None = None, patience: float = 600
    ) -> None:
        super().__init__(node)
        self._service = Service(url, token=token)
        self._node = node
        self._patience = patience

    def __repr__(self) -> str:
        return f"PinningStore({self._service.url!r}, {self._node!r})"

    # ------------------------------------------------------------------ write

    def put(self, source: Source, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import to the node, and wait until the service has it; see `Store.put`."""
        check_pin_name(name)
        return self._kept(self._node.put(source, name=name, progress=progress), name)

    def put_car(self, stream: BinaryIO, *, name: str = "", progress: Progress | None = None) -> CID:
        """Import a CAR to the node, and wait until the service has it; see `Store.put_car`."""
        check_pin_name(name)
        return self._kept(self._node.put_car(stream, name=name, progress=progress), name)

    def _kept(self, cid: CID, name: str) -> CID:
        """Let the service keep what the node holds, which stays pinned there if it does not.

        The node may have had that very pin before; and the next attempt has nothing to send.
        """
        try:
            self.pin(cid, name)
        except StorageError as error:
            raise type(error)(
                f"{error}; {cid} stays pinned on the node {self._node.host}"
            ) from error
        return cid

    # ------------------------------------------------------------------ read

    def has(self, cid: CID) -> bool:
        """Say whether the service says that it has it, or the node holds it in full."""
        return bool(self.claim(cid)) or self._node.has(cid)

    def claim(self, cid: CID) -> str:
        """Who says that the content is kept; empty if the service does not."""
        return self._service.host if self._is_pinned(cid) else ""

    def _is_pinned(self, cid: CID) -> bool:
        return any(request.status == "pinned" for request in self.requests(cid))

    # ------------------------------------------------------------------ pins

    def pin(self, cid: CID, name: str = "") -> None:
        """Let the service keep content, and wait until it has fetched all of it.

        Raises:
            NotFoundError: neither the node nor, within `patience`, the service could get it.
            StorageError: the service says that it has failed.
        """
        check_pin_name(name)
        if self._is_pinned(cid):
            self.add_name(cid, name)
            return
        self._ask_and_wait(cid, self.text_with(cid, name))

    def _ask_and_wait(self, cid: CID, text: str) -> PinRequest:
        """Ask the service to keep content, and take that back if nothing comes of it."""
        before = {r.request_id for r in self.requests(cid) if r.status != "failed"}
        request = self._ask_to_pin(cid, text)
        self._introduce(request)
        try:
            self._wait(cid, request)
        except StorageError:
            if request.request_id not in before:  # a service may know a CID's only one by it
                with suppress(StorageError):
                    self._take_back(request)
            raise
        return request

    def _ask_to_pin(self, cid: CID, text: str) -> PinRequest:
        origins = self._node.addresses()[:_ORIGINS]
        body = {"cid": str(cid), "name": text, "origins": origins}
        answer = self._service.ask("POST", "/pins", body=body, repeat=False)
        request = _read(Fields(self._service.host, answer))
        if request is None or request.cid != cid:
            raise StoreUnavailableError(f"{self._service.host} answered for another CID than {cid}")
        return request

    def _introduce(self, request: PinRequest) -> None:
        """Connect the node to the service's; where it cannot, the service may still find it."""
        for address in request.delegates[:_ORIGINS]:
            with suppress(StorageError):
                self._node.connect(address)

    def _wait(self, cid: CID, asked: PinRequest) -> None:
        """Wait until the service has what it was asked for."""
        deadline = time.monotonic() + self._patience
        failed_since: float | None = None
        while True:
            requests = [r for r in self.requests(cid) if r.request_id == asked.request_id]
            if any(request.status == "pinned" for request in requests):
                return
            failed = bool(requests) and all(request.status == "failed" for request in requests)
            failed_since = (failed_since or time.monotonic()) if failed else None
            if failed_since is not None and time.monotonic() - failed_since > _GRACE:
                reason = "; ".join(request.info for request in requests if request.info)
                raise StorageError(f"{self._service.host} failed to pin {cid}: {reason}")
            if time.monotonic() > deadline:
                break
            time.sleep(_POLL)
        raise NotFoundError(
            f"{self._service.host} could not fetch {cid} within {self._patience:g} s: see that the "
            "node can be reached from there, or that it is connected to the network"
        )

    def probe(self) -> str:
        """What answers, in a few words."""
        return f"keeps {len(self.requests())} requests, fetched from {self._node.probe()}"

    def requests(self, cid: CID | None = None) -> list[PinRequest]:
        """What the service was asked to keep, oldest first."""
        wanted = {"status": _ALL, "limit": str(_PAGE)} | ({"cid": str(cid)} if cid else {})
        found: dict[str, PinRequest] = {}
        before: dict[str, str] = {}
        while True:
            results = self._page(wanted | before)
            read = [request for request in map(_read, results) if request is not None]
            fresh = {r.request_id: r for r in read if r.request_id not in found}
            found |= fresh
            if len(results) < _PAGE or not fresh:
                break
            # Those of the very same moment come again, and are known by their ids.
            oldest = min(result.moment("created") for result in results)
            before = {"before": (oldest + timedelta(milliseconds=1)).isoformat()}
        return sorted(found.values(), key=lambda request: (request.created_at, request.request_id))

    def _page(self, query: Mapping[str, str]) -> list[Fields]:
        answer = Fields(self._service.host, self._service.ask("GET", "/pins", params=query))
        return answer.each("results")

    def names_of(self, cid: CID) -> list[str] | None:
        """Names under which the service keeps a CID; None if it does not."""
        requests = self.requests(cid)
        if not requests:
            return None
        names = [name for request in requests for name in split_names(request.text)]
        return list(dict.fromkeys(names))

    def set_names(self, cid: CID, text: str) -> None:
        """Ask anew, under another name, and then take back what was asked before.

        The API can replace a request in place, but a cluster then drops what it has just pinned.
        """
        before = self.requests(cid)
        kept = self._ask_and_wait(cid, text)
        for request in before:
            if request.request_id != kept.request_id:
                self._take_back(request)

    def drop(self, cid: CID) -> None:
        """Take back every request for a CID."""
        for request in self.requests(cid):
            self._take_back(request)

    def _take_back(self, request: PinRequest) -> None:
        # Without a body and its content type, which some services answer with 400.
        with suppress(NotFoundError):
            self._service.ask("DELETE", f"/pins/{request.request_id}")

    def pins(self, name: str | None = None) -> Iterator[Pin]:
        """List pins, oldest first. CIDs that this package does not make are left out."""
        for request in self.requests():
            for found in split_names(request.text):
                if name in (None, found):
                    yield Pin(request.cid, found, request.created_at)

    def delete(self, cid: CID) -> None:
        """Unpin `cid` at the service and on the node, which frees what nothing else reaches."""
        self.unpin(cid)
        self._node.delete(cid)


def _read(answer: Fields) -> PinRequest | None:
    """Read a pin status; None for CIDs that this package does not make.

    Raises:
        StoreUnavailableError: it is none.
    """
    pin = answer.fields("pin")
    try:
        cid = CID.parse(pin.text("cid"))
    except FormatError:
        return None
    return PinRequest(
        request_id=answer.text("requestid"),
        cid=cid,
        text=pin.text("name", ""),
        status=answer.text("status"),
        created_at=answer.moment("created"),
        delegates=tuple(answer.texts("delegates")),
        info=answer.fields("info").shown(),
    )
