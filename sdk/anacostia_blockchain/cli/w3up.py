"""`anacostia w3up`: keys, spaces and rights of a Web3.Storage (w3up) service."""

from __future__ import annotations

import time
from pathlib import Path

import click

from anacostia_blockchain._keyfiles import write_private
from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.errors import ConfigError
from anacostia_blockchain.storage.web3storage.access import (
    account_of,
    await_login,
    create_space,
    request_login,
    share,
)
from anacostia_blockchain.storage.web3storage.identity import Signer
from anacostia_blockchain.storage.web3storage.service import Connection, Service
from anacostia_blockchain.storage.web3storage.ucan import Delegation

_FILE = click.Path(dir_okay=False, path_type=Path)
_KEY = click.option("--key", "key_file", required=True, type=_FILE, help="File with your key.")

_DAY = 24 * 60 * 60


@click.group()
def w3up() -> None:
    """Keys, spaces and rights of a Web3.Storage (w3up) service.

    Which service is said by ANACOSTIA_W3UP_SERVICE_URL, …_DID and …_KEY: there is no default,
    because the hosted one has ended.
    """


@w3up.command()
@click.argument("key_file", type=_FILE)
@session
def keygen(session: Session, key_file: Path) -> None:
    """Make a principal's key in KEY_FILE, and print its DID."""
    signer = Signer.generate()
    signer.save(key_file)
    session.output.result({"did": signer.did}, signer.did)


@w3up.command()
@click.argument("email")
@_KEY
@click.option("--space-key", required=True, type=_FILE, help="File for the space's own key.")
@click.option("--proof", required=True, type=_FILE, help="New file for your rights to the space.")
@click.option("--wait", default=900.0, show_default=True, help="Seconds to wait for the click.")
@session
def login(
    session: Session, email: str, key_file: Path, space_key: Path, proof: Path, wait: float
) -> None:
    """Log in by e-mail, and make a space that the account pays for.

    Keep the space's key offline: whoever has it owns the space. Broken off, run it again: a space's
    key that is there already is used.
    """
    if proof.exists():
        raise ConfigError(f"{proof} is there already: choose another place")
    connection = Connection(Service.from_env(), Signer.from_file(key_file))
    request_login(connection, email)
    session.output.note(f"click the link in the e-mail to {email} …")
    connection.proofs = await_login(connection, wait)
    if not space_key.exists():  # before the account pays for a space that nobody would own
        Signer.generate().save(space_key)
    space = Signer.from_file(space_key)
    made = create_space(connection, account_of(email), space)
    write_private(proof, made.archive())
    session.output.result({"space": space.did, "proof": str(proof)}, space.did)


@w3up.command("share")
@click.argument("did")
@click.argument("target", type=_FILE)
@_KEY
@click.option("--proof", required=True, type=_FILE, help="File with your own rights.")
@click.option("--days", default=30, show_default=True, type=click.IntRange(1), help="Valid for.")
@session
def share_(
    session: Session, did: str, target: Path, key_file: Path, proof: Path, days: int
) -> None:
    """Give another key, by its DID, what the store needs of your rights; write it to TARGET."""
    own = Delegation.from_file(proof)
    expires = int(time.time()) + days * _DAY
    made = share(Signer.from_file(key_file), own, did, expires=expires)
    made.check()
    write_private(target, made.archive())
    session.output.result({"proof": str(target), "expires": expires}, str(target))
