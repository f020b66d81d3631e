"""Services that answer for each other: whichever is there is asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from anacostia_blockchain.errors import StoreUnavailableError
from anacostia_blockchain.storage.http import Service

_T = TypeVar("_T")


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

    def decode(self, answer: bytes) -> Any:  # noqa: ANN401 - JSON
        """Read what the peer that answered last has said."""
        return self._services[0].decode(answer)

    def list(self, path: str, params: Mapping[str, str] | None = None) -> list[dict[str, Any]]:
        """An answer of JSON objects, one a line."""

        def question(peer: Service) -> list[dict[str, Any]]:
            with peer.open("GET", path, params=params or {}) as answer, peer.typed():
                return [peer.decode(line) for line in answer.iter_lines() if line.strip()]

        return self.ask(question)
