"""The anchor worker: it holds the key, so that the machines that train need none."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import select

from anacostia_blockchain.errors import ConfigError, NotFoundError
from anacostia_blockchain.metadata import schema
from anacostia_blockchain.metadata.database import Database, database_path, open_database
from anacostia_blockchain.metadata.runlog import RunLog
from anacostia_blockchain.outbox.outbox import Intent, Outbox
from anacostia_blockchain.outbox.sender import Sender

if TYPE_CHECKING:
    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.remote.server import RemoteOutbox

KINDS = ("anchor", "publish", "alias", "call")
"""What a worker can be told to carry out, and to leave alone."""


class Worker:
    """Carries out what is intended elsewhere, with the key that is here.

    It may be killed and started again at any moment, and two of them do no harm: signed bytes are
    stored before they are sent, and the chain says what is done.

    Args:
        source: an outbox and its log.
        client: the connection that signs.
        only: kinds of intents to carry out; None: all.
        on_step: see `Sender`.

    Raises:
        ConfigError: the connection has no key, or what waits is in another account's name.
    """

    def __init__(
        self,
        source: tuple[Outbox, RunLog] | RemoteOutbox,
        client: Anacostia,
        *,
        only: frozenset[str] | None = None,
        on_step: Callable[[str, Intent], None] | None = None,
    ) -> None:
        self._client = client
        outbox, log = source if isinstance(source, tuple) else (source, source)
        if not client.chain.can_sign:
            raise ConfigError("a worker signs: set ANACOSTIA_PRIVATE_KEY, or pass signer=")
        self._outbox = outbox
        self._log = log
        self.sender = Sender(outbox, client.chain, client.handlers(log), on_step=on_step, only=only)
        self._check_account()

    def run(self, stopped: Callable[[], bool], *, poll: float = 1.0) -> None:
        """Carry out whatever comes, until told to stop."""
        self.sender.start()
        while not stopped():
            time.sleep(min(poll, 0.2))
        self.sender.stop()

    def once(self, timeout: float) -> int:
        """Carry out what is there, waiting or not; returns how many intents are left."""
        return self.sender.drain(timeout)

    def refused(self) -> list[Intent]:
        """Intents that a contract refused."""
        return self._outbox.failed()

    def retry(self) -> int:
        """Let what was refused be tried again, because the reason was mended; returns how many."""
        return sum(self._outbox.retry(intent) for intent in self.refused())

    def _check_account(self) -> None:
        """Make sure that what waits is this account's, or for its log: the keys say so."""
        ledger, address, owner = self._client.ledger, self._client.address, self._client.log_owner
        mine = (f":{address}:", f":{ledger.log_id_of(owner, self._log.salt).hex()}:")
        here = f":{self._client.chain.chain_id}:"
        for intent in self._outbox.open():
            if here not in intent.key or not any(name in intent.key for name in mine):
                raise ConfigError(
                    f"{intent.key} is for another chain or account than {address} on chain "
                    f"{self._client.chain.chain_id}, or for another's log than {owner}'s: start "
                    "the worker with that account's key, and with that log's owner"
                )


def local_source(database: Database, client: Anacostia) -> tuple[Outbox, RunLog]:
    """The outbox and the log of a metadata store's database.

    Raises:
        NotFoundError: the database holds no runs.
    """
    return Outbox(database.engine), RunLog(database, log_salt(database), client)


def log_salt(database: Database) -> bytes:
    """The salt of a metadata store's log, 32 bytes.

    Raises:
        NotFoundError: the database holds no runs.
    """
    with database.read() as connection:
        if not database.has_table(schema.settings.name):
            raise NotFoundError(f"{database.shown} holds no runs: it is not a metadata store")
        query = select(schema.settings.c.value).where(schema.settings.c.name == "log_salt")
        return bytes.fromhex(connection.execute(query).scalar_one())


def open_existing(name: str) -> Database:
    """The database of a URI, or of a path of a SQLite file; it is not made.

    Raises:
        ConfigError: the URI cannot be used.
        NotFoundError: there is no such file.
        StoreUnavailableError: the database's server does not answer.
    """
    uri = name if "://" in name else f"sqlite:///{name}"
    if uri.startswith("sqlite") and not Path(database_path(uri)).is_file():
        raise NotFoundError(f"there is no database {database_path(uri)}")
    return open_database(uri)
