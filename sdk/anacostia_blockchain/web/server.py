"""The web server of a pipeline: the framework's pages and the Anacostia API, hardened.

What the framework serves is taken over where it is unsafe: every route is behind a token, none
reads or writes files, values are escaped, and nobody joins the graph from outside.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fastapi.responses import StreamingResponse

from anacostia_blockchain import _upstream as upstream
from anacostia_blockchain.errors import ConfigError, NotFoundError
from anacostia_blockchain.metadata.reader import RunReader
from anacostia_blockchain.metadata.store import MetadataStore
from anacostia_blockchain.web.api import make_api
from anacostia_blockchain.web.following import LEAF_PATHS, following_routes
from anacostia_blockchain.web.guard import App, Guard, Token
from anacostia_blockchain.web.outbox import Served, outbox_routes
from anacostia_blockchain.web.pages import FilesPage, NodePage, StorePage
from anacostia_blockchain.web.problems import explain_errors
from anacostia_blockchain.web.serving import listen, make_server
from anacostia_blockchain.web.status import StatusBoard

if TYPE_CHECKING:
    from anacostia_blockchain.pipeline import Pipeline
    from anacostia_blockchain.storage.base import Store

log = logging.getLogger(__name__)

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_REPLACED = {"/graph_sse", "/connect", "/finish_connect", "/send_event", "/openapi.json"}
_REPLACED |= {"/docs", "/docs/oauth2-redirect", "/redoc"}
_OPEN_API = re.compile(r"/api/(openapi\.json|runs(/\d+)?|models/\d+/metrics/[^/]+)")
_KEEP_ALIVE = 15.0
_START_TIMEOUT = 30.0


class PipelineServer(upstream.PipelineServer):
    """The application; `serve` runs it.

    Args:
        pipeline: what is served. It is executed elsewhere: this only shows it.
        host: in the links of pages.
        port: likewise.

    Raises:
        ConfigError: a node's name cannot be part of a URL.
    """

    def __init__(self, pipeline: Pipeline, host: str, port: int) -> None:
        for node in pipeline.nodes:
            if not _NAME.fullmatch(node.name):
                raise ConfigError(
                    f"{node.name!r} cannot be served: use letters, digits, '.', '_' and '-'"
                )
            _take_over(node)
        super().__init__(
            name=pipeline.name,
            pipeline=pipeline,
            host=host,
            port=port,
            logger=log,
            allow_origins=[],
        )
        for node in pipeline.nodes:
            node.connector = None  # which refuses neighbours on other machines
        self.board = StatusBoard()
        self.ending = threading.Event()
        self.router.lifespan_context = self._lifespan
        explain_errors(self)
        self._replace_routes(pipeline)

    @asynccontextmanager
    async def _lifespan(self, _app: object) -> AsyncIterator[None]:
        for node in self.pipeline.nodes:
            own = vars(node)
            with own["_status_lock"]:  # or what it says meanwhile would be noted before
                node.set_queue(self.board)
                if (status := own.get("_status")) is not None:
                    self.board.note(node.name, repr(status))  # what it said before we listened
        yield
        await self.disconnect()

    def _replace_routes(self, pipeline: Pipeline) -> None:
        kept = [r for r in self.router.routes if not _is_replaced(getattr(r, "path", ""))]
        self.router.routes[:] = kept
        store = pipeline.metadata_store

        @self.get("/graph_sse")
        def graph_sse() -> StreamingResponse:
            return StreamingResponse(self._statuses(), media_type="text/event-stream")

        def reader() -> RunReader:
            return RunReader(store.database)

        def outbox() -> Served:
            return _served(store)

        def stores() -> Iterator[Store]:
            return (node.storage for node in self.pipeline.nodes if hasattr(node, "storage"))

        self.include_router(outbox_routes(outbox))
        self.include_router(following_routes(lambda: store.database, stores))
        self.mount("/api", make_api(reader))

    async def _statuses(self) -> AsyncIterator[str]:
        """Every node's status, now and whenever it changes, as server-sent events."""
        count, spoken = 0, time.monotonic()
        while not self.ending.is_set():
            count, fresh = self.board.since(count)
            for node, status in fresh.items():
                yield f"event: WorkUpdate\ndata: {json.dumps({'id': node, 'status': status})}\n\n"
            if fresh:
                spoken = time.monotonic()
            elif time.monotonic() - spoken > _KEEP_ALIVE:
                spoken = time.monotonic()
                yield ": nothing new\n\n"
            await asyncio.sleep(0.1)


def _is_replaced(path: str) -> bool:
    return path in _REPLACED or path.endswith("/connector")


def _take_over(node: Any) -> None:  # noqa: ANN401 - whose methods are replaced
    """Put our pages in the place of the node's, and lists in the place of its files."""
    is_store, is_resource, has_files = (
        isinstance(node, kind)
        for kind in (MetadataStore, upstream.BaseResourceNode, upstream.FilesystemStoreNode)
    )

    def page(host: str, port: int, **_tls: object) -> NodePage:
        if is_store:
            made: NodePage = StorePage(node, host, port)
        elif is_resource:
            made = FilesPage(node, host, port)
        else:
            made = NodePage(node, host, port)
        node.gui = made
        return made

    node.setup_node_GUI = page
    if has_files:

        def lists(host: str, port: int, **_tls: object) -> upstream.BaseResourceServer:
            made = upstream.BaseResourceServer(node, node.client_url, host, port, node.loggers)
            node.node_server = made
            return made

        node.setup_node_server = lists


def _served(store: MetadataStore) -> Served:
    """The outbox and the log of a store with a chain.

    Raises:
        NotFoundError: the store has none.
    """
    from anacostia_blockchain.outbox.worker import local_source  # noqa: PLC0415 - needs the chain

    if store.chain is None:
        raise NotFoundError("this pipeline has no chain, and so no outbox")
    return local_source(store.database, store.chain)


class Web:
    """A running server of a pipeline.

    Args:
        pipeline: what is served.
        token: who has it may see and do everything that is served.
        host: to listen on. Another host than loopback needs TLS.
        port: likewise; 0: any that is free.
        tls_key: file of the certificate's key.
        tls_cert: file of the certificate.
        tls_ca: file of the authority whose certificates clients must show; None: they need none.
        open_api: let anybody read sealed runs and metrics of published versions.
        leaf_token: who has it may follow the pipeline, and nothing else.

    Raises:
        ConfigError: the port is taken, the certificate cannot be used, or a node's name cannot be
            part of a URL.
    """

    def __init__(  # noqa: PLR0913 - whom to let do what, and where
        self,
        pipeline: Pipeline,
        token: Token,
        host: str = "127.0.0.1",
        port: int = 8000,
        *,
        tls_key: Path | None = None,
        tls_cert: Path | None = None,
        tls_ca: Path | None = None,
        open_api: bool = False,
        leaf_token: Token | None = None,
    ) -> None:
        if (tls_key is None) != (tls_cert is None) or (tls_ca and not tls_cert):
            raise ConfigError("TLS needs both tls_key and tls_cert, and tls_ca needs them too")
        secure = tls_cert is not None
        self._listener = listen(host, port, secure=secure)
        self.port = int(self._listener.getsockname()[1])
        self.url = f"http{'s' if secure else ''}://{host}:{self.port}"
        try:
            self.app = PipelineServer(pipeline, host, self.port)
            self.guarded: App = Guard(
                self.app,
                token,
                lambda path: _may_anybody(path, open_api),
                reader=leaf_token,
                reads=lambda path: bool(LEAF_PATHS.fullmatch(path)),
                secure=secure,
            )
            self._server = make_server(
                self.guarded, tls_key, tls_cert, tls_ca, handle_signals=False
            )
        except ConfigError:
            self._listener.close()
            raise
        self._thread = threading.Thread(
            target=self._server.run, kwargs={"sockets": [self._listener]}, name="web", daemon=True
        )

    @contextmanager
    def running(self, on_ready: Callable[[str], None] = lambda _url: None) -> Iterator[Web]:
        """Serve for as long as the block lasts.

        Args:
            on_ready: told the URL, once it answers.

        Raises:
            ConfigError: it could not start.
        """
        self._thread.start()
        deadline = time.monotonic() + _START_TIMEOUT
        try:
            while not self._server.started:
                if not self._thread.is_alive() or time.monotonic() > deadline:
                    raise ConfigError("the web server could not start: its log says why")
                time.sleep(0.02)
            on_ready(self.url)
            yield self
        finally:
            self.app.ending.set()
            self._server.should_exit = True
            self._thread.join(10)
            self._listener.close()


def _may_anybody(path: str, open_api: bool) -> bool:
    return path.startswith("/static/") or (open_api and bool(_OPEN_API.fullmatch(path)))
