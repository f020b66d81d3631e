"""`anacostia serve`: a verified model over HTTP, for as long as it may be used."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import click

from anacostia_blockchain.cli import Session, session

_file = click.Path(dir_okay=False, path_type=Path)


@click.command()
@click.argument("version", metavar="MODEL@VERSION")
@click.option("--file", "name", help="Which file, where there are several models in the version.")
@click.option("--framework", type=click.Choice(["numpy", "torch"]), default="numpy")
@click.option("--trusted", multiple=True, help="Type that a skops file may hold; repeatable.")
@click.option("--predict", help="MODULE:FUNCTION called with model and inputs.  [default: method]")
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8000, show_default=True, help="0 for any that is free.")
@click.option("--tls-key", type=_file, help="File of the certificate's key.")
@click.option("--tls-cert", type=_file, help="File of the certificate.")
@click.option("--every", default=5.0, show_default=True, help="Seconds between asking the chain.")
@click.option(
    "--patience", default=60.0, show_default=True, help="Seconds to serve while it does not answer."
)
@click.option("--follow", is_flag=True, help="Serve what the alias points to from then on.")
@session
def serve(  # noqa: PLR0913, PLR0917 - one for each option
    session: Session,
    version: str,
    name: str | None,
    framework: str,
    trusted: tuple[str, ...],
    predict: str | None,
    host: str,
    port: int,
    tls_key: Path | None,
    tls_cert: Path | None,
    every: float,
    patience: float,
    follow: bool,
) -> None:
    """Verify a version, load it, and serve it until Ctrl-C.

    `POST /predict` takes `{"inputs": […]}`. When the version, or what it was made from, is revoked,
    every request is answered 409 with the reason; while that cannot be known, 503. With --follow,
    the version that an alias moves to is verified and loaded first, and served then; one that is
    refused is not, and what was served before stays.
    """
    from anacostia_blockchain.loading import How  # noqa: PLC0415 - loads web3
    from anacostia_blockchain.serving import (  # noqa: PLC0415 - loads a web framework
        ServedModel,
        find_function,
        model_app,
    )
    from anacostia_blockchain.web.serving import listen, make_server  # noqa: PLC0415 - loads FastAPI

    served = ServedModel(
        session.connect(),
        version,
        How(name, framework, trusted),
        predict=find_function(predict) if predict else None,
        every=every,
        patience=patience,
        follow=follow,
    )
    server = make_server(model_app(served), tls_key, tls_cert)
    with listen(host, port, secure=tls_key is not None) as listener, closing(served):
        served.watch()
        where = f"{'https' if tls_key else 'http'}://{host}:{listener.getsockname()[1]}"
        session.output.note(f"serving {served.id} ({served.file}) on {where}")
        server.run(sockets=[listener])
