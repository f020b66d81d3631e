"""Starting a server: on the host that was asked for, or not at all."""

from __future__ import annotations

import errno
import socket
import ssl
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import uvicorn
from fastapi import FastAPI

from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.web.guard import App, Guard, Token
from anacostia_blockchain.web.outbox import Served, outbox_routes
from anacostia_blockchain.web.problems import explain_errors

_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_SHUTDOWN = 3


def outbox_app(served: Served, token: Token, *, secure: bool) -> App:
    """An application that serves an outbox and nothing else."""
    app = FastAPI(title="Anacostia outbox", docs_url=None, redoc_url=None, openapi_url=None)
    explain_errors(app)
    app.include_router(outbox_routes(lambda: served))
    return Guard(app, token, secure=secure)


def listen(host: str, port: int, *, secure: bool) -> socket.socket:
    """Take the port, and no other.

    Raises:
        ConfigError: another program has it; the host is not this machine's; or it is not loopback
            and there is no TLS, so that the token would be seen on the way.
    """
    if host not in _LOOPBACK and not secure:
        raise ConfigError(
            f"{host} is not loopback: give a certificate and its key, so that the token is not "
            "seen on the way"
        )
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(128)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise ConfigError(
                f"port {port} is taken by another program: stop it, or choose another port"
            ) from error
        raise ConfigError(f"cannot listen on {host}:{port}: {error.strerror}") from error
    return listener


def make_server(
    app: App,
    tls_key: Path | None = None,
    tls_cert: Path | None = None,
    tls_ca: Path | None = None,
    *,
    handle_signals: bool = True,
) -> uvicorn.Server:
    """A server of an application, which does not wait for idle connections when it ends.

    Args:
        app: what to serve.
        tls_key: file of the certificate's key.
        tls_cert: file of the certificate.
        tls_ca: file of the authority whose certificates clients must show; None: they need none.
        handle_signals: end on Ctrl-C and SIGTERM.

    Raises:
        ConfigError: the certificate or its key cannot be used.
    """
    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        ssl_keyfile=str(tls_key) if tls_key else None,
        ssl_certfile=str(tls_cert) if tls_cert else None,
        ssl_ca_certs=str(tls_ca) if tls_ca else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if tls_ca else ssl.CERT_NONE,
        timeout_graceful_shutdown=_SHUTDOWN,
    )
    try:
        config.load()
    except OSError as error:
        raise ConfigError(f"the certificate or its key cannot be used: {error}") from error
    return uvicorn.Server(config) if handle_signals else _Quiet(config)


class _Quiet(uvicorn.Server):
    """One that leaves signals to whoever started it."""

    def capture_signals(self) -> Any:  # noqa: ANN401 - a context manager
        """Capture none."""
        return nullcontext()


def run_server(
    app: App, host: str, port: int, tls_key: Path | None = None, tls_cert: Path | None = None
) -> None:
    """Serve until Ctrl-C or SIGTERM.

    Raises:
        ConfigError: see `listen` and `make_server`.
    """
    server = make_server(app, tls_key, tls_cert)
    with listen(host, port, secure=tls_key is not None) as listener:
        server.run(sockets=[listener])
