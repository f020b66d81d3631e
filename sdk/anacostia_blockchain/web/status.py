"""The newest status of each node, for any number of browsers, or none."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping


class StatusBoard:
    """Takes the place of the framework's queue of status messages.

    That queue grows for as long as nobody looks, and two who look take messages from each other.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._statuses: dict[str, tuple[int, str]] = {}
        self._count = 0

    def put_nowait(self, message: Mapping[str, str]) -> None:
        """Note a node's status, given as the framework gives it."""
        data = json.loads(message["data"])
        self.note(data["id"], data["status"])

    def note(self, node: str, status: str) -> None:
        """Note a node's status."""
        with self._lock:
            self._count += 1
            self._statuses[node] = (self._count, status)

    def since(self, count: int) -> tuple[int, dict[str, str]]:
        """Statuses that were noted after a count, by node; and the count of now."""
        with self._lock:
            fresh = {node: status for node, (at, status) in self._statuses.items() if at > count}
            return self._count, fresh
