"""`anacostia log`: the log that a database's runs are anchored in, its owner and its writer."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from anacostia_blockchain.cli import Session, session
from anacostia_blockchain.cli.values import word
from anacostia_blockchain.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from anacostia_blockchain.client import Anacostia


def of_log(command: Callable[..., None]) -> Callable[..., None]:
    """Options that name a log: by its database, or where that is not, by its salt alone."""
    command = click.option("--salt", help="The log's salt, 64 hexadecimal digits: `log show`.")(
        command
    )
    return click.option("--db", help="Database: a file, or a postgresql:// URI.")(command)


@click.group()
def log() -> None:
    """The log that runs are anchored in, and who may write to it.

    Unless ANACOSTIA_LOG_OWNER names another account, each account owns what it writes. With an
    owner whose key is kept apart, a writer's key that was stolen is replaced.
    """


@log.command()
@of_log
@session
def show(session: Session, db: str | None, salt: str | None) -> None:
    """Id, salt, owner and writer of a log, and how many runs its newest head covers."""
    client = session.connect()
    found = _salt(client, db, salt)
    log_id = client.ledger.log_id_of(client.log_owner, found)
    owner, writer = client.ledger.log_of(log_id)
    is_open = int(owner, 16) != 0
    data = {
        "log_id": "0x" + log_id.hex(),
        "salt": found.hex(),
        "owner": client.log_owner,
        "writer": writer if is_open else None,
        "size": client.ledger.head_of(log_id).size if is_open else None,
    }
    shown = data if is_open else data | {"writer": "not open yet", "size": "not open yet"}
    session.output.table(("log", ""), list(shown.items()), data)


@log.command("open")
@of_log
@click.option("--writer", required=True, help="Address of the account that anchors.")
@session
def open_(session: Session, db: str | None, salt: str | None, writer: str) -> None:
    """Open a log in the name of the account that signs, for another to write to."""
    client = session.connect()
    found = _salt(client, db, salt)
    receipt = client.ledger.open_log(found, _address(writer))
    log_id = client.ledger.log_id_of(client.address, found)
    data = {"log_id": "0x" + log_id.hex(), "owner": client.address, "tx": receipt.hash}
    session.output.result(
        data,
        f"log {data['log_id']} is open: set ANACOSTIA_LOG_OWNER={client.address} where runs are "
        "recorded and anchored",
    )


@log.command()
@click.argument("account")
@of_log
@session
def writer(session: Session, account: str, db: str | None, salt: str | None) -> None:
    """Let another account anchor from now on, and the one before no longer; the owner signs."""
    client = session.connect()
    address = _address(account)
    log_id = client.ledger.log_id_of(client.address, _salt(client, db, salt))
    receipt = client.ledger.set_writer(log_id, address)
    data = {"log_id": "0x" + log_id.hex(), "writer": address, "tx": receipt.hash}
    session.output.result(data, f"log {data['log_id']} is written by {data['writer']}")


def _salt(client: Anacostia, db: str | None, salt: str | None) -> bytes:
    if db is not None and salt is None:
        return client.runs.log_salt(db)
    if salt is not None and db is None:
        return word(salt, ConfigError(f"{salt!r} is no salt: give 64 hexadecimal digits"))
    raise click.UsageError("give either --db or --salt")


def _address(text: str) -> str:
    from anacostia_blockchain.chain.keyless import checked_address  # noqa: PLC0415 - loads web3

    return checked_address(text)
