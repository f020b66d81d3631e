"""What stands between the framework's threads and the code that nodes bring along."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import PipelineError

if TYPE_CHECKING:
    from anacostia_blockchain.metadata.store import MetadataStore

_DETAIL = 300


class LocalConnector:
    """Takes the place of a node's connector to other machines where there are none."""

    def signal_remote_successors(self) -> None:
        """Nobody is there."""

    def signal_remote_predecessors(self) -> None:
        """Nobody is there."""


class ActionGuard:
    """Runs an action's own code so that none of it can stop its thread, and records the result.

    An action whose predecessor did not succeed is skipped. A hook that raises makes the action an
    error like a raising `execute`, and so does `sys.exit`.

    Args:
        node: any action node of the framework.
        store: where the result is recorded.
        results: shared by the pipeline's guards: each action's result in the current run.
    """

    def __init__(
        self,
        node: upstream.BaseActionNode,
        store: MetadataStore,
        results: dict[str, str],
    ) -> None:
        self._node = node
        self._store = store
        self._results = results
        self._result = "success"
        self._detail: str | None = None
        self._execute: Callable[[], object] = node.execute
        self._before, self._after = node.before_execution, node.after_execution
        self._on_success, self._on_failure = node.on_success, node.on_failure
        self._on_error = node.on_error

    def install(self) -> None:
        """Put the guard in the place of the node's methods."""
        node: Any = self._node
        node.before_execution = self.before_execution
        node.execute = self.execute
        node.on_success = lambda: self._hook("on_success", self._on_success)
        node.on_failure = self.on_failure
        node.on_error = lambda error: self._hook("on_error", lambda: self._on_error(error))
        node.after_execution = self.after_execution

    def before_execution(self) -> None:
        """Begin: wait while paused, find out whether to run at all, then call the node's hook."""
        self._node.pause_event.wait()
        failed = [p.name for p in self._node.predecessors if self._results.get(p.name, "") != ""]
        self._result, self._detail = "success", None
        if failed:
            self._result, self._detail = "skipped", f"after {', '.join(failed)}"
        else:
            self._hook("before_execution", self._before)

    def execute(self) -> bool:
        """Call the node's own `execute`, unless it is skipped or was not prepared."""
        if self._result != "success":
            return False
        try:
            done = self._execute()
        except Exception as error:
            self._fail(repr(error))
            raise
        except BaseException as error:
            self._fail(repr(error))
            raise PipelineError(f"{self._node.name} called for the process to exit") from error
        if not done:
            self._result = "failure"
            self._detail = None if done is False else f"returned {done!r}, which is not True"
        return bool(done)

    def on_failure(self) -> None:
        """Tell the node, if it was it that failed."""
        if self._result == "failure":
            self._hook("on_failure", self._on_failure)

    def after_execution(self) -> None:
        """End: call the node's own hook, then record the result."""
        if self._result != "skipped":
            self._hook("after_execution", self._after)
        self._results[self._node.name] = "" if self._result == "success" else self._result
        self._store.node_result(self._node.name, self._result, self._detail)

    def _hook(self, name: str, hook: Callable[[], None]) -> None:
        try:
            hook()
        except BaseException as error:  # noqa: BLE001 - it is recorded, and fails the run
            self._node.log(f"{self._node.name}.{name} raised {error!r}", level="ERROR")
            self._fail(f"{name}: {error!r}")

    def _fail(self, detail: str) -> None:
        self._result = "error"
        self._detail = self._detail or detail[:_DETAIL]


class Watch:
    """Tells when a source of triggers has looked twice and found no reason for a run.

    Args:
        node: whose trigger is watched.
        method: name of the method that the framework calls once per poll.
        event: what that method sets.
    """

    def __init__(self, node: upstream.BaseNode, method: str, event: threading.Event) -> None:
        self._node = node
        self._event = event
        self._quiet_polls = 0
        self._trigger: Callable[[], None] = getattr(node, method)
        setattr(node, method, self._poll)

    def _poll(self) -> None:
        """Take the place of the node's method, in the thread that polls."""
        try:
            self._trigger()
        finally:
            waiting = self._event.is_set() or getattr(self._node, "unsettled", False)
            self._quiet_polls = 0 if waiting else self._quiet_polls + 1

    def reset(self) -> None:
        """Begin anew: a run is under way."""
        self._quiet_polls = 0

    def quiet(self) -> bool:
        """Say whether two whole polls passed without a trigger and without unfinished files."""
        return self._quiet_polls >= 2 and not self._event.is_set()


def watches_of(nodes: Iterable[upstream.BaseNode], store: MetadataStore) -> list[Watch]:
    """What a run waits for: the resources that are looked at for what is new, and the store."""
    monitored = [n for n in nodes if isinstance(n, upstream.BaseResourceNode) and n.monitoring]
    watches = [Watch(node, "resource_trigger", node.resource_event) for node in monitored]
    return [*watches, Watch(store, "metadata_store_trigger", store.trigger_event)]


def end_threads(nodes: Iterable[upstream.BaseNode], grace: float) -> list[str]:
    """Make every node leave its loop; returns the names of those that did not within `grace` s.

    Those that did not are daemons: the process can end without them.
    """
    nodes = list(nodes)
    deadline = time.monotonic() + grace
    for node in nodes:
        node.exit_event.set()
    for node in nodes:
        events = [*node.successor_events.values(), *node.predecessors_events.values()]
        own = [getattr(node, name, None) for name in ("resource_event", "trigger_event")]
        for event in (*events, node.connection_event, node.pause_event, *own):
            if event is not None:
                event.set()
    for node in nodes:
        for thread in (node, getattr(node, "observer_thread", None)):
            if thread is not None and thread.is_alive():
                thread.join(max(0.0, deadline - time.monotonic()))
    return [node.name for node in nodes if node.is_alive()]


@contextmanager
def signals_to(handler: Callable[[int, Any], None]) -> Iterator[None]:
    """Take over Ctrl-C and SIGTERM for a while, where that is possible: in the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, handler) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, previous in before.items():
            signal.signal(number, previous)
