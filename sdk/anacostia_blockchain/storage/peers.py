"""Services that answer for each other: whichever is there is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from anacostia_blockchain.content.cid import CID
from anacostia_blockchain.errors import StoreUnavailableError
from anacostia_blockchain.storage.answers import Fields, all_fields
from anacostia_blockchain.storage.http import Service

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class PeerStatus:
    """What one peer of a cluster does about a CID.

    Attributes:
        status: in the cluster's words: pinned, pinning, pin_queued, pin_error, remote (another
            peer's task), unpinned, cluster_error (the peer does not answer), …
        error: why, if it failed.
    """

    peer: str
    name: str
    status: str
    error: str = ""

    @property
    def holds(self) -> bool:
        """Whether the peer has the content in full."""
        return self.status == "pinned"


class Peers:
    """The peers of a cluster.

    Args:
        services: the first that answers is asked.
    """

    def __init__(self, services: Sequence[Service]) -> None:
        self._services = list(services)

    @property
    def urls(self) -> list[str]:
        """Where they are."""
        return [service.url for service in self._services]

    @property
    def host(self) -> str:
        """Of the one that answered last."""
        return self._services[0].host

    def ask(self, question: Callable[[Service], _T]) -> _T:
        """Ask the first peer that answers; it is asked first from then on.

        Raises:
            StoreUnavailableError: none does.
        """
        errors: list[str] = []
        for service in list(self._services):
            try:
                answer = question(service)
            except StoreUnavailableError as error:
                errors.append(str(error))
                continue
            self._services.remove(service)
            self._services.insert(0, service)
            return answer
        raise StoreUnavailableError(f"no peer of the cluster answered: {'; '.join(errors)}")

    def live(self) -> Service:
        """A peer that answers."""
        self.ask(lambda peer: peer.ask("GET", "/id"))
        return self._services[0]

    def decode(self, answer: bytes) -> list[Fields]:
        """Read what the peer that answered last has said: a list of JSON objects."""
        peer = self._services[0]
        return all_fields(peer.host, peer.decode(answer))

    def get(self, path: str, cid: CID) -> Fields:
        """An answer that is a JSON object, and about a CID."""

        def question(peer: Service) -> Fields:
            found = Fields(peer.host, peer.ask("GET", f"{path}/{cid}"))
            if found.text("cid") != str(cid):
                raise StoreUnavailableError(f"{peer.host} answered about {found.text('cid')}")
            return found

        return self.ask(question)

    def list(
        self, path: str, read: Callable[[Fields], _T], params: Mapping[str, str] | None = None
    ) -> list[_T]:
        """An answer of JSON objects, one a line, each of them read."""

        def question(peer: Service) -> list[_T]:
            with peer.open("GET", path, params=params or {}) as answer, peer.typed():
                return [read(Fields(peer.host, line)) for line in peer.lines(answer)]

        return self.ask(question)
