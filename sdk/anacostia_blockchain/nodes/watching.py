"""Stores that are watched: whatever comes to them is an artifact, and triggers a run."""

from __future__ import annotations

import threading
from abc import abstractmethod
from pathlib import Path
from typing import TYPE_CHECKING, Any

from anacostia_blockchain.nodes.files import FileStoreNode

if TYPE_CHECKING:
    from anacostia_blockchain.metadata import MetadataStore

_PAUSE = 1.0
"""Seconds to wait after a failed look, before the next one."""


class WatchingNode(FileStoreNode):
    """Looks again and again for what is new; subclasses say in `look` how.

    Args:
        name: of the node.
        resource_path: the folder; made if it is not there.
        metadata_store: of the pipeline.
        poll: seconds between two looks.

    Raises:
        ConfigError: the folder cannot be made or read.

    Attributes:
        unsettled: how much is not recorded yet, but will be; the pipeline is not idle.
        failure: why there is no use in looking again; it ends the pipeline.
    """

    def __init__(
        self,
        name: str,
        resource_path: str | Path,
        metadata_store: MetadataStore,
        *,
        poll: float,
        **options: Any,  # noqa: ANN401 - the framework's
    ) -> None:
        super().__init__(name, resource_path, metadata_store, monitoring=True, **options)
        self.unsettled = 0
        self.failure: Exception | None = None
        self._poll = poll

    @abstractmethod
    def look(self) -> None:
        """Record what is new."""

    def is_final(self, error: Exception) -> bool:
        """Whether there is no use in looking again after an error of `look`."""
        del error
        return False

    def start_monitoring(self) -> None:
        """Watch in a daemon thread until the node ends."""
        thread = threading.Thread(target=self._watch, name=f"{self.name}_observer", daemon=True)
        self.observer_thread = thread
        thread.start()

    def list_artifacts(self, state: str) -> list[str]:
        """Locations of artifacts in a state.

        During a run, `new` (and `current`, its older name) means what this run was given, however
        many nodes have read it already; `old` is the older name of `used`.
        """
        state = {"current": "new", "old": "used"}.get(state, state)
        if state == "new" and self.metadata_store.active_run is not None:
            return [a.location for a in self.metadata_store.run_artifacts("input", self.name)]
        return super().list_artifacts(state)

    def locations(self) -> set[str]:
        """Where artifacts of this store are, or were."""
        return set(super().list_artifacts("all"))

    def _watch(self) -> None:
        while not self.exit_event.is_set():
            try:
                self.look()
                self.resource_trigger()
            except Exception as error:  # noqa: BLE001 - look again: the cause may pass
                self.unsettled += 1
                self.log(f"{self.name} could not be searched: {error}", level="ERROR")
                if self.is_final(error):
                    self.failure = error
                    return
                self.exit_event.wait(_PAUSE)
            self.exit_event.wait(self._poll)
