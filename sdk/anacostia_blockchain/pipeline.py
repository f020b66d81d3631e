"""Pipelines: the framework's graph of nodes, executed without a web server, to a definite end."""

from __future__ import annotations

import logging
import signal
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain._graph import check_nodes, refuse_remote, set_up
from anacostia_blockchain._report import Ended, ExecutionReport, make_report
from anacostia_blockchain._supervision import (
    ActionGuard,
    LocalConnector,
    end_threads,
    signals_to,
    watches_of,
)
from anacostia_blockchain.errors import PipelineError
from anacostia_blockchain.metadata.lifecycle import RunSummary

if TYPE_CHECKING:
    from collections.abc import Mapping
    from logging import Logger
    from pathlib import Path

    from anacostia_blockchain.outbox.outbox import Intent
    from anacostia_blockchain.outbox.sender import Sender
    from anacostia_blockchain.web.guard import Token

__all__ = ["ExecutionReport", "Pipeline"]

log = logging.getLogger(__name__)

_TICK = 0.05


class Pipeline(upstream.Pipeline):
    """A graph of nodes: one metadata store, resource nodes below it, action nodes below those.

    Args:
        nodes: all nodes of the graph.
        name: of the pipeline, in the web interface.
        loggers: for the nodes; None: each node's own, or this package's.

    Raises:
        PipelineError: the graph has a cycle, a node that was not given, two nodes of one name, or
            edges that the framework does not allow.
        ConfigError: not exactly one `MetadataStore`.

    Example:
        >>> pipeline = Pipeline(nodes=[metadata_store, data_store, eval_node])  # doctest: +SKIP
        >>> pipeline.execute().ok  # doctest: +SKIP
        True
    """

    def __init__(
        self,
        nodes: Iterable[upstream.BaseNode],
        name: str = "pipeline",
        loggers: Logger | list[Logger] | None = None,
    ) -> None:
        given = list(nodes)
        self.metadata_store = check_nodes(given)
        self._failure: tuple[str, BaseException] | None = None
        self._stop: Ended | None = None
        self._wanted: int | None = None
        self._until_idle = False
        self._finished: list[RunSummary] = []
        self._launched = False
        self._sender: Sender | None = None
        self._beside: Callable[[], AbstractContextManager[object]] = nullcontext
        self._on_step: Callable[[str, str], None] = lambda _step, _subject: None
        self._build(name, given, loggers)
        for node in self.nodes:
            if not node.loggers:
                node.add_loggers(logging.getLogger(f"{__package__}.nodes.{node.name}"))

    def _build(
        self, name: str, nodes: list[upstream.BaseNode], loggers: Logger | list[Logger] | None
    ) -> None:
        """Call the framework's constructor from a daemon thread.

        It starts an event loop in a thread, which would keep the process alive for ever; a thread
        that a daemon starts is a daemon too.
        """
        failures: list[Exception] = []

        def build() -> None:
            try:
                super(Pipeline, self).__init__(name, nodes, loggers)
            except Exception as error:  # noqa: BLE001 - raised below, in the caller's thread
                failures.append(error)

        thread = threading.Thread(target=build, name="pipeline-init", daemon=True)
        thread.start()
        thread.join()
        if failures:
            self._stop_loop()
            raise PipelineError(str(failures[0])) from failures[0]

    # ------------------------------------------------------------------ executing

    def execute(
        self,
        *,
        until: Literal["idle", "stopped"] = "idle",
        runs: int | None = None,
        timeout: float | None = None,
        drain: float = 60,
        grace: float = 5,
        on_step: Callable[[str, str], None] | None = None,
    ) -> ExecutionReport:
        """Run the pipeline, and return when there is nothing left to do.

        The first Ctrl-C or SIGTERM lets the run under way end; a second one aborts it.

        Args:
            until: "idle": return when every monitored store was searched and holds nothing that
                would start a run; "stopped": go on until a signal.
            runs: return after exactly so many runs, however long they take to come.
            timeout: seconds after which no further run is begun.
            drain: seconds to wait, at the end, for what must reach the chain.
            grace: seconds that a run under way at `timeout` is given to end before it is aborted.
            on_step: called with a step's name (`run_started`, `run_ended`, and the sender's
                `prepared`, `signed`, `broadcast`, `confirmed`, `failed`) and its subject.

        Raises:
            PipelineError: a node died, could not be set up, or the pipeline was executed before.
            StoreBusyError: another pipeline is running on the metadata store.
        """
        if self._launched:
            raise PipelineError("a pipeline runs once: build another one to run it again")
        self._on_step = on_step or self._on_step
        self._wanted = runs
        self._until_idle = until == "idle" and runs is None
        self.metadata_store.on_run = self._note_run
        with signals_to(self._on_signal):
            try:
                self.launch_nodes()
                with self._beside():
                    self._supervise(timeout, grace)
            except KeyboardInterrupt:
                drain, grace = 0, 0.2
                raise
            finally:
                try:
                    self._shut_down(grace)
                finally:
                    unsent = self._drain(drain)
        if (failure := self._find_failure()) is not None:
            node, error = failure
            raise PipelineError(f"node {node} died: {error!r}") from error
        return self._report(unsent)

    def serve(
        self,
        token: Token,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        on_ready: Callable[[str], None] | None = None,
        tls: Mapping[str, Path] | None = None,
        open_api: bool = False,
        leaf_token: Token | None = None,
        **options: Any,  # noqa: ANN401 - of `execute`
    ) -> ExecutionReport:
        """Execute until a signal, with web pages and the Anacostia API.

        Args:
            token: who has it may see and do everything that is served.
            host: to listen on. Another host than loopback needs TLS.
            port: likewise; 0: any that is free.
            on_ready: told the URL, once it answers.
            tls: files: `tls_key`, `tls_cert`, and, if clients must show a certificate, `tls_ca`.
            open_api: let anybody read sealed runs and metrics of published versions.
            leaf_token: who has it may follow this pipeline: see `RootPipelineNode`.
            options: of `execute`; `until` is "stopped" if it is not given.

        Raises:
            ConfigError: the port is taken, or the server cannot start.
            PipelineError, StoreBusyError: see `execute`.
        """
        from anacostia_blockchain.web.server import Web  # noqa: PLC0415 - loads the web framework

        web = Web(self, token, host, port, open_api=open_api, leaf_token=leaf_token, **(tls or {}))

        def serving() -> AbstractContextManager[object]:
            return web.running(on_ready or (lambda _url: None))

        self._beside = serving
        return self.execute(**({"until": "stopped"} | options))

    def pause(self) -> None:
        """Begin no further run until `resume`; the one under way goes on."""
        self.metadata_store.pause_event.clear()

    def resume(self) -> None:
        """Go on after `pause`."""
        self.metadata_store.pause_event.set()

    def setup_nodes(self) -> None:
        """Set up the nodes and register them with the metadata store.

        Raises:
            PipelineError: a node's `setup` failed with an error that is not of this package.
        """
        set_up(self.nodes)
        store = self.metadata_store
        for node in self.nodes:
            model = node.model()
            store.add_node(model.name, model.node_type, model.base_type)
            node.run_id = store.run_id

    def launch_nodes(self) -> None:
        """Set up all nodes and start their threads, guarded, as daemons; and the sender's.

        `execute` calls it, and so does the framework's web server.
        """
        self._launched = True
        self._watches = watches_of(self.nodes, self.metadata_store)
        # Nothing but the store: no run waits for anything new.
        self._self_starting = len(self._watches) == 1
        results: dict[str, str] = {}
        for node in self.nodes:
            node.daemon = True
            if node.connector is None:
                refuse_remote(node)
                node.connector = LocalConnector()
            if isinstance(node, upstream.BaseActionNode):
                ActionGuard(node, self.metadata_store, results).install()
            self._watch_thread(node)
        super().launch_nodes()
        self._sender = self.metadata_store.sender(self._note_intent)
        if self._sender is not None:
            self._sender.start()

    def terminate_nodes(self) -> None:
        """End what `launch_nodes` started; the framework's web server calls it."""
        self._shut_down(grace=5)
        self._drain(timeout=60)

    def _watch_thread(self, node: upstream.BaseNode) -> None:
        run = node.run

        def guarded() -> None:
            try:
                run()
            except BaseException as error:
                if not node.exit_event.is_set():
                    log.exception("node %s died", node.name)
                    self._failure = self._failure or (node.name, error)

        node.run = guarded  # type: ignore[method-assign]

    # ------------------------------------------------------------------ while it runs

    def _supervise(self, timeout: float | None, grace: float) -> None:
        started = time.monotonic()
        while self._find_failure() is None:
            elapsed = time.monotonic() - started
            if timeout is not None and elapsed > timeout:
                self._stop = self._stop or "timeout"
                if elapsed > timeout + grace:
                    return
            if self._until_idle and self._is_idle():
                self._stop = self._stop or "idle"
            if self._stop is not None and self.metadata_store.stop_if_idle():
                return
            time.sleep(_TICK)

    def _find_failure(self) -> tuple[str, BaseException] | None:
        """The node that died, or gave up looking for what is new, and why; None if none did."""
        gave_up = ((node.name, getattr(node, "failure", None)) for node in self.nodes)
        return self._failure or next(((n, e) for n, e in gave_up if e is not None), None)

    def _is_idle(self) -> bool:
        """No run is under way or held up, and some trigger that the next one needs stays out."""
        store = self.metadata_store
        if store.active_run is not None or not store.pause_event.is_set():
            for watch in self._watches:
                watch.reset()
            return False
        return any(watch.quiet() for watch in self._watches)

    def _note_run(self, event: str, run: RunSummary | int) -> None:
        """Called by the metadata store, in its thread, when a run has begun or ended."""
        if isinstance(run, RunSummary):
            self._finished.append(run)
            ended = sum(r.status != "aborted" for r in self._finished)
            if self._wanted is not None and ended >= self._wanted:
                self._stop = self._stop or "runs"
            if self._self_starting and self._until_idle and ended:
                self._stop = self._stop or "idle"  # else it would start itself again for ever
            if self._sender is not None:
                self._sender.wake()
            if self._stop is not None:
                # The framework looks at this right after the run, before it begins another.
                self.metadata_store.exit_event.set()
        self._on_step(event, str(run.run_id if isinstance(run, RunSummary) else run))

    def _on_signal(self, number: int, _frame: object) -> None:
        if self._stop is not None:
            raise KeyboardInterrupt
        self._stop = "signal"  # first: a second signal may come while this one is logged
        log.warning("%s: ending after this run", signal.Signals(number).name)

    # ------------------------------------------------------------------ the end

    def _shut_down(self, grace: float) -> None:
        stuck = end_threads(self.nodes, grace)
        self._stop_loop()
        store = self.metadata_store
        if store.active_run is not None:
            reason = f"stopped while {', '.join(stuck)} was at work" if stuck else None
            if (failure := self._find_failure()) is not None:
                reason = f"node {failure[0]} died: {failure[1]!r}"
            store.abandon_open_runs(reason or "stopped before the run had ended")

    def _drain(self, timeout: float) -> int:
        try:
            return self._sender.drain(timeout) if self._sender is not None else 0
        finally:
            if self._sender is not None:
                self._sender.stop()
            self.metadata_store.release()

    def _report(self, unsent: int) -> ExecutionReport:
        outbox = self.metadata_store.outbox
        return make_report(
            self._finished, self._stop or "idle", unsent, outbox, sends=self._sender is not None
        )

    def _stop_loop(self) -> None:
        loop: Any = getattr(self, "loop", None)
        if loop is not None and loop.is_running():
            loop.call_soon_threadsafe(loop.stop)

    def _note_intent(self, step: str, intent: Intent) -> None:
        self._on_step(step, intent.key)
