"""What leaves the metadata store for the chain, and who carries it there."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sqlalchemy import func, select

from anacostia_blockchain.errors import (
    ChainUnavailableError,
    ConfigError,
    ContractRevertedError,
    ReorgError,
)
from anacostia_blockchain.metadata import intents, schema
from anacostia_blockchain.metadata.database import insert_new
from anacostia_blockchain.metadata.runlog import RunLog, network
from anacostia_blockchain.outbox.outbox import Intent, Outbox
from anacostia_blockchain.outbox.sender import Sender

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from anacostia_blockchain.client import Anacostia
    from anacostia_blockchain.metadata.book import Batching
    from anacostia_blockchain.metadata.database import Database
    from anacostia_blockchain.metadata.facts import Fact

ANCHOR = "anchor"
"""Kind of the intents to anchor the run log."""


class Outgoing:
    """The outbox of one metadata store that has a chain.

    Args:
        database: of the store.
        salt: of its run log.
        client: the connection. One that knows only the address of its account writes intents for
            an anchor worker, which has the key.
        batching: when the log is anchored.

    Raises:
        ConfigError: the connection has no account, or intents wait for another chain.
        ReorgError: the chain has lost runs that were anchored.
    """

    def __init__(
        self, database: Database, salt: bytes, client: Anacostia, batching: Batching
    ) -> None:
        self._client = client
        self._batching = batching
        self._log = RunLog(database, salt, client)
        self.outbox = Outbox(database.engine)
        self._refuse_strangers()
        self.log_id = self._find_log_id(database, salt)
        self._check_head(database)
        if size := self._log.size():
            with database.write() as connection:
                self._anchor(connection, size)  # runs from before there was a chain

    def hold(
        self, connection: Connection, run_id: int, kind: str, name: str, payload: Mapping[str, Any]
    ) -> bool:
        """Write down what is to happen if a run succeeds; False if that is intended already."""
        client = self._client
        place = f"{client.chain.chain_id}:{client.registry.address}:{client.address}"
        key = f"{kind}:{place}:{name}"
        return intents.hold(connection, key=key, kind=kind, payload=payload, run_id=run_id)

    def run_closed(
        self,
        connection: Connection,
        run_id: int,
        *,
        succeeded: bool,
        facts: Sequence[Fact],
        invocation: str,
        leaf: bytes,
        size: int,
    ) -> None:
        """Let follow what must follow from a run's end, in the transaction that closes it.

        Args:
            connection: of that transaction.
            run_id: of the run.
            succeeded: else what the run intended is dropped.
            facts: of the run.
            invocation: names the run.
            leaf: its record's root.
            size: of the run log, its record included.
        """
        description = intents.describe(facts, invocation=invocation, log_id=self.log_id, leaf=leaf)
        self._anchor(connection, size)
        intents.settle(connection, run_id, succeeded=succeeded, description=description)

    def sender(self, on_step: Callable[[str, Intent], None] | None) -> Sender | None:
        """What carries the intents out; None where a worker does, because there is no key here."""
        if not self._client.chain.can_sign:
            return None
        handlers = self._client.handlers(self._log)
        return Sender(self.outbox, self._client.chain, handlers, on_step=on_step)

    def _refuse_strangers(self) -> None:
        """Make sure that what waits here is for this chain, or it would be done on another."""
        here = f":{self._client.chain.chain_id}:"
        if strangers := [intent.key for intent in self.outbox.open() if here not in intent.key]:
            raise ConfigError(
                f"{len(strangers)} intents wait for another chain, the first is {strangers[0]}: "
                "execute the pipeline with that chain once more before this one"
            )

    def _check_head(self, database: Database) -> None:
        """Make sure that the chain still has what it had, unless it cannot be asked now."""
        anchors = schema.anchors
        query = (
            select(anchors.c.log_id, func.max(anchors.c.size))
            .where(anchors.c.network == network(self._client))
            .group_by(anchors.c.log_id)
        )
        with database.read() as connection:
            heads = connection.execute(query).all()
        if others := {log_id for log_id, _ in heads} - {"0x" + self.log_id.hex()}:
            raise ConfigError(
                f"runs of this database are anchored in log {others.pop()}, which is not "
                f"{self._client.log_owner}'s: connect with the account whose log it is, or name it "
                "as log_owner"
            )
        anchored = max((size for _, size in heads), default=0)
        try:
            size = self._client.ledger.head_of(self.log_id).size if anchored else 0
        except ChainUnavailableError:
            return
        except ContractRevertedError:
            size = 0  # the log is not open at all
        if size < anchored:
            raise ReorgError(
                f"{anchored} runs of this database were anchored, but the chain has {size}: it was "
                "reset or reorganised; begin another database, or go back to the old chain"
            )

    def _find_log_id(self, database: Database, salt: bytes) -> bytes:
        """The log's id, asked of the chain once, so that runs can be made while it is away."""
        client = self._client
        name = f"log_id:{network(client)}:{client.log_owner}"
        with database.read() as connection:
            query = select(schema.settings.c.value).where(schema.settings.c.name == name)
            known = connection.execute(query).scalar()
        if known is not None:
            return bytes.fromhex(known)
        log_id = client.ledger.log_id_of(client.log_owner, salt)
        with database.write() as connection:
            row = {"name": name, "value": log_id.hex()}
            statement = insert_new(connection, schema.settings).values(row)
            connection.execute(statement.on_conflict_do_nothing())
        return log_id

    def _anchor(self, connection: Connection, size: int) -> None:
        """Intend the log's newest head to be anchored, now or together with others."""
        batching = self._batching
        key = f"anchor:{network(self._client)}:{self.log_id.hex()}:{size}"
        due = None if batching.every == 1 else time.time() + batching.within
        Outbox.enqueue(connection, key=key, kind=ANCHOR, payload={"size": size}, not_before=due)
        if Outbox.waiting(connection, ANCHOR) >= batching.every:
            Outbox.hasten(connection, ANCHOR)
