"""`anacostia anchor` and `anacostia outbox`: the key on one machine, the training on another."""

from __future__ import annotations

import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.errors import ConfigError

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.outbox.outbox import Intent
    from anacostia_blockchain.outbox.worker import Worker

chain_option = click.option(
    "--chain", help="local, a network's name, or an RPC URL; like the option of that name before."
)
token_option = click.option(
    "--token-file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File with the outbox's token; else it is in ANACOSTIA_TOKEN.",
)


@click.command()
@click.option("--db", help="Database of a metadata store: a file, or a postgresql:// URI.")
@click.option("--api", help="URL of an outbox on another machine, instead of --db.")
@click.option(
    "--ca",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Certificate of whoever issued that machine's.",
)
@token_option
@chain_option
@click.option("--once", is_flag=True, help="Carry out what is there, and end.")
@click.option("--retry", is_flag=True, help="What was refused too: the reason was mended.")
@click.option("--timeout", default=300.0, show_default=True, help="Seconds for --once.")
@click.option(
    "--only",
    multiple=True,
    type=click.Choice(["anchor", "publish", "alias", "call"]),
    help="Kinds of intents to carry out; may be repeated.",
)
@session
def anchor(  # noqa: PLR0913, PLR0917 - one for each option
    session: Session,
    db: str | None,
    api: str | None,
    ca: Path | None,
    token_file: Path | None,
    chain: str | None,
    once: bool,
    retry: bool,
    timeout: float,
    only: tuple[str, ...],
) -> None:
    """Carry out what pipelines without a key intend: anchor runs, publish, move aliases.

    The key is in ANACOSTIA_PRIVATE_KEY. Killed and started again, it sends nothing twice.
    """
    if (db is None) == (api is None):
        raise click.UsageError("give either --db or --api")
    client = _connect(session, chain)
    worker = _worker(session, client, db or "", (api, token_file, ca), frozenset(only) or None)
    if retry:
        session.output.note(f"{worker.retry()} refused intents are tried again")
    if once:
        left = worker.once(timeout)
        refused = worker.refused()
        data = {"left": left, "refused": {i.key: i.error for i in refused}}
        session.output.result(data, f"{left} left, {len(refused)} refused")
        sys.exit(1 if left or refused else 0)
    session.output.note(f"working for {client.address}; Ctrl-C ends it")
    stop: list[int] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda caught, _frame: stop.append(caught))
    worker.run(lambda: bool(stop))


def _worker(
    session: Session,
    client: Anacostia,
    db: str,
    remote: tuple[str | None, Path | None, Path | None],
    only: frozenset[str] | None,
) -> Worker:
    from anacostia_blockchain.outbox.worker import Worker, local_source, open_existing  # noqa: PLC0415 - loads SQL
    from anacostia_blockchain.remote.server import RemoteOutbox  # noqa: PLC0415 - loads httpx
    from anacostia_blockchain.web.guard import Token  # noqa: PLC0415 - a command loads its own

    def tell(step: str, intent: Intent) -> None:
        if step in ("confirmed", "failed"):
            session.output.note(f"{step}: {intent.key}")

    url, token_file, ca = remote
    if url is not None:
        source = RemoteOutbox(url, Token.find(token_file), ca)
        return Worker(source, client, only=only, on_step=tell)
    return Worker(local_source(open_existing(db), client), client, only=only, on_step=tell)


@click.command()
@click.option("--db", required=True, help="Database: a file, or a postgresql:// URI.")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8787, show_default=True)
@click.option("--tls-key", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--tls-cert", type=click.Path(dir_okay=False, path_type=Path))
@token_option
@chain_option
@session
def outbox(
    session: Session,
    db: str,
    host: str,
    port: int,
    tls_key: Path | None,
    tls_cert: Path | None,
    token_file: Path | None,
    chain: str | None,
) -> None:
    """Serve a database's outbox to an anchor worker on another machine."""
    from anacostia_blockchain.outbox.worker import local_source, open_existing  # noqa: PLC0415 - loads SQL
    from anacostia_blockchain.web.guard import Token  # noqa: PLC0415 - a command loads its own
    from anacostia_blockchain.web.serving import outbox_app, run_server  # noqa: PLC0415 - fastapi

    if (tls_key is None) != (tls_cert is None):
        raise ConfigError("TLS needs both --tls-key and --tls-cert")
    token = Token.find(token_file)
    served = local_source(open_existing(db), _connect(session, chain))
    app = outbox_app(served, token, secure=tls_key is not None)
    session.output.note(f"serving the outbox of {db} on {host}:{port}; Ctrl-C ends it")
    run_server(app, host, port, tls_key, tls_cert)


def _connect(session: Session, chain: str | None) -> Anacostia:
    session.target = chain or session.target
    return session.connect()
